#!/usr/bin/env python3
"""OpenSIPS scripts: whatever is written, a configuration comes out or a ConfigError.

NUL bytes divide the input into files: the script, then ``a.cfg`` and ``b.cfg``, which it may
include.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["tlsmgm"]):
    from readers import check_reader
    from sandbox import FOLDER, files_shut

    from tlsmgm._config.opensips import read_script, read_script_text

SCRIPT = FOLDER / "opensips.cfg"
INCLUDED = [FOLDER / "a.cfg", FOLDER / "b.cfg"]


def test_one_input(data: bytes) -> None:
    script, *others = data.split(b"\0", len(INCLUDED))
    with files_shut():
        for path in INCLUDED:
            path.unlink(missing_ok=True)
        for path, content in zip(INCLUDED, others, strict=False):
            path.write_bytes(content)
        if others:
            SCRIPT.write_bytes(script)
            check_reader(lambda: read_script(SCRIPT))
        else:
            text = script.decode("utf-8", "surrogateescape")
            check_reader(lambda: read_script_text(text, SCRIPT))


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
