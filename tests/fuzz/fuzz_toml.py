#!/usr/bin/env python3
"""Configurations in TOML: whatever is written, a configuration comes out or a ConfigError."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["tlsmgm", "tomllib"]):
    from readers import check_reader
    from sandbox import FOLDER, files_shut

    from tlsmgm._config.toml import read_toml, read_toml_text

CONFIG = FOLDER / "tlsmgm.toml"


def test_one_input(data: bytes) -> None:
    with files_shut():
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            CONFIG.write_bytes(data)
            check_reader(lambda: read_toml(CONFIG))
        else:
            check_reader(lambda: read_toml_text(text, CONFIG))


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
