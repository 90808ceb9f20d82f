"""What must lie in a wheel that setuptools does not put there?

The licence of the TLS library that is linked in, and the bill of materials: both are known only to
whoever built that library, not to the sources. They go where PEP 639 and PEP 770 want them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from distributions import Distribution
from repeatable import metadata_folder, read_wheel, write_wheel
from sbom import bill_of_materials


def enclose(wheel: Path, distribution: Distribution, prefix: Path, epoch: int) -> None:
    """Add licence and bill of materials to a wheel, and write it so that it can be repeated.

    Args:
        wheel: the wheel, which is changed.
        distribution: whose wheel it is.
        prefix: where the TLS library is that was linked in.
        epoch: the time that everything in the wheel gets, in seconds since 1970.
    """
    files = read_wheel(wheel)
    folder = metadata_folder(files)
    native = json.loads((prefix / "manifest.json").read_text(encoding="utf-8"))
    metadata = files[f"{folder}/METADATA"].decode()
    license_file = f"{distribution.library}/LICENSE"
    files[f"{folder}/licenses/{license_file}"] = (prefix / "LICENSE").read_bytes()
    files[f"{folder}/METADATA"] = name_license(metadata, license_file).encode()
    document = bill_of_materials(distribution, version_in(metadata), native, epoch)
    files[f"{folder}/sboms/{distribution.library}.cdx.json"] = document.encode()
    write_wheel(wheel, files, epoch)


def name_license(metadata: str, license_file: str) -> str:
    """Return the metadata with one more licence file, after those that it names already."""
    line = f"License-File: {license_file}\n"
    head, separator, body = metadata.partition("\n\n")
    head += "\n"
    end = head.rindex("License-File: ")
    end = head.index("\n", end) + 1
    return (head[:end] + line + head[end:]).removesuffix("\n") + separator + body


def version_in(metadata: str) -> str:
    """Return the version that the metadata names."""
    match = re.search(r"^Version: (.+)$", metadata, re.MULTILINE)
    assert match is not None
    return match[1]
