"""How is an archive written so that the same contents always give the same bytes?

Files stand in the order of their names, carry one given time, and belong to nobody. A wheel's list
of files and hashes (RECORD) is made anew, so files can be added on the way.
"""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import tarfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

# No time before this one can be written into a zip archive.
ZIP_BEGIN = 315532800

FILE_MODE = 0o644
PROGRAM_MODE = 0o755


def read_wheel(path: Path) -> dict[str, bytes]:
    """Return the files of a wheel by their names."""
    with zipfile.ZipFile(path) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}


def metadata_folder(files: Mapping[str, bytes]) -> str:
    """Return the name of the wheel's .dist-info folder."""
    (name,) = {name.split("/")[0] for name in files if name.split("/")[0].endswith(".dist-info")}
    return name


def record(files: Mapping[str, bytes], own_name: str) -> bytes:
    """Return the text of RECORD: hash and size of every file but itself."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for name, content in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
        writer.writerow([name, f"sha256={digest.decode()}", len(content)])
    writer.writerow([own_name, "", ""])
    return text.getvalue().encode()


def write_wheel(path: Path, files: Mapping[str, bytes], epoch: int) -> None:
    """Write a wheel of these files; its RECORD is made here. The metadata comes last (PEP 427)."""
    folder = metadata_folder(files)
    own_name = f"{folder}/RECORD"
    contents = {name: content for name, content in files.items() if name != own_name}
    contents[own_name] = record(contents, own_name)
    order = sorted(contents, key=lambda name: (name.startswith(folder), name == own_name, name))
    moment = time.gmtime(max(epoch, ZIP_BEGIN))[:6]
    with zipfile.ZipFile(path, "w") as wheel:
        for name in order:
            entry = zipfile.ZipInfo(name, moment)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            mode = PROGRAM_MODE if name.endswith(".so") else FILE_MODE
            entry.external_attr = (0o100000 | mode) << 16
            wheel.writestr(entry, contents[name], compresslevel=9)


def settle_sdist(path: Path, epoch: int) -> None:
    """Write a source distribution again, in place."""
    members = []
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile():
                file = archive.extractfile(member)
                assert file is not None
                members.append((member.name, bool(member.mode & 0o100), file.read()))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, program, content in sorted(members):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mtime = epoch
            entry.mode = PROGRAM_MODE if program else FILE_MODE
            archive.addfile(entry, io.BytesIO(content))
    # Level and time are written down in the file, its name is not.
    path.write_bytes(gzip.compress(packed.getvalue(), 9, mtime=epoch))
