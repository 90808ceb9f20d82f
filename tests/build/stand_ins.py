"""Small things in the place of large ones: archives, patches, a build that is done."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import native_pins

PINS = native_pins.load_pins()

#: A patch that makes "mended" of a file that says hello.
MEND = b"--- a/file\n+++ b/file\n@@ -1 +1 @@\n-hello\n\\ No newline at end of file\n+mended\n"


def install(prefix: Path, facts: dict[str, Any] | None = None) -> Path:
    """Make a directory look like a finished build."""
    prefix.mkdir(parents=True)
    (prefix / "manifest.json").write_text(json.dumps(facts or {}))
    return prefix


def make_archive(path: Path, names: list[str], content: bytes = b"hello") -> Path:
    """Make an archive of files that all say the same."""
    return make_tar(path, dict.fromkeys(names, content))


def make_tar(path: Path, files: dict[str, bytes]) -> Path:
    """Make an archive of files and what they say."""
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path
