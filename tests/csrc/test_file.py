"""Reading files and directories: whole, bounded, and with the parameter at fault named."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.c_code import CCode

FILE_MAX = 16 << 20
SIZES = [0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 100_000]
Read = tuple[str, bytes, str]


def read(c: CCode, path: Path | None = None, data: bytes | None = None) -> Read:
    """Return the status, the content and the error's text; an error must name the parameter."""
    source, blob = c.ffi.new("struct tlsmgm_source *"), c.ffi.new("struct tlsmgm_blob *")
    text = c.ffi.new("char[]", os.fsencode(path or ""))
    parameter = c.ffi.new("char[]", b"certificate")
    if path is not None:
        source.path = text
    source.data, _keep = c.bytes_in(data)
    error = c.error()
    status = c.status_name(c.lib.tlsmgm_source_read(source, parameter, blob, error))
    content = bytes(c.ffi.buffer(blob.data, blob.size)) if blob.size else b""
    if status == "OK":
        assert c.ffi.buffer(blob.data, blob.size + 1)[blob.size] == b"\0"
    else:
        assert (blob.data, blob.size) == (c.ffi.NULL, 0)
        assert error.parameter == parameter
        assert c.lib.tlsmgm_source_read(source, parameter, blob, c.ffi.NULL) == error.status
    c.lib.tlsmgm_blob_free(blob)
    assert (blob.data, blob.size) == (c.ffi.NULL, 0)
    return status, content, c.text(error)


@pytest.mark.parametrize("size", SIZES)
def test_files_and_memory_are_read_whole(c: CCode, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(content)
    assert read(c, path)[:2] == ("OK", content)
    assert read(c, data=content)[:2] == ("OK", content)


def test_a_source_is_given_by_path_or_bytes(c: CCode) -> None:
    source = c.ffi.new("struct tlsmgm_source *")
    assert not c.lib.tlsmgm_source_is_given(source)
    source.data, _keep = c.bytes_in(b"")
    assert not c.lib.tlsmgm_source_is_given(source)
    source.data, _keep = c.bytes_in(b"x")
    assert c.lib.tlsmgm_source_is_given(source)
    source.data.size = 0
    empty = c.ffi.new("char[]", b"")
    source.path = empty
    assert c.lib.tlsmgm_source_is_given(source)


def test_a_pipe_is_read_to_its_end(c: CCode, tmp_path: Path) -> None:
    """The size that the file system tells is 0, and the bytes come in pieces."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    content = os.urandom(70_000)
    # read() asks a second time only after a failure, so one writer is enough.
    writer = threading.Thread(target=path.write_bytes, args=(content,))
    writer.start()
    got = read(c, path)
    writer.join()
    assert got[:2] == ("OK", content)


def test_16_mebibytes_are_the_most(c: CCode, tmp_path: Path) -> None:
    path = tmp_path / "large"
    for size, status in ((FILE_MAX, "OK"), (FILE_MAX + 1, "CONFIG")):
        with path.open("wb") as file:
            file.truncate(size)
        assert read(c, path)[0] == status
    status, _, text = read(c, Path("/dev/zero"))
    assert (status, "larger" in text) == ("CONFIG", True)
    block = bytes(FILE_MAX + 1)
    assert read(c, data=block)[0] == "CONFIG"
    assert read(c, data=block[1:])[0] == "OK"


@pytest.mark.parametrize("what", ["missing", "directory", "loop", "below a file"])
def test_what_cannot_be_read_is_named(c: CCode, tmp_path: Path, what: str) -> None:
    path = tmp_path / what
    if what == "directory":
        path.mkdir()
    elif what == "loop":
        path.symlink_to(path)
    elif what == "below a file":
        path.touch()
        path = path / "file"
    status, _, text = read(c, path)
    assert (status, str(path)[:50] in text) == ("CONFIG", True)


def test_a_failed_read_leaves_no_descriptor_open(c: CCode, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(20):
        read(c, tmp_path)
        read(c, tmp_path / "missing")
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert after == before


# Regular files alone.


def read_alone(c: CCode, path: Path | str) -> Read:
    """As read(), but nothing that is no file is waited for, and no parameter is named."""
    blob, error = c.ffi.new("struct tlsmgm_blob *"), c.error()
    status = c.status_name(c.lib.tlsmgm_file_read(os.fsencode(path), blob, error))
    content = bytes(c.ffi.buffer(blob.data, blob.size)) if blob.size else b""
    if status == "OK":
        assert blob.data != c.ffi.NULL
    else:
        assert (blob.data, error.parameter) == (c.ffi.NULL, c.ffi.NULL)
    c.lib.tlsmgm_blob_free(blob)
    return status, content, c.text(error)


@pytest.mark.parametrize("size", [*SIZES, FILE_MAX])
def test_a_file_is_read_alone(c: CCode, tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    content = os.urandom(size)
    path.write_bytes(content)
    assert read_alone(c, path)[:2] == ("OK", content)


def test_what_is_no_file_is_not_waited_for(c: CCode, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, word in ((tmp_path / "fifo", "FIFO"), (tmp_path, "directory")):
        status, _, text = read_alone(c, path)
        assert (status, word in text) == ("CONFIG", True)
    assert read_alone(c, "/dev/zero")[0] == "CONFIG"
    assert read_alone(c, tmp_path / "none")[0] == "CONFIG"


def test_a_pipe_by_its_descriptor(c: CCode) -> None:
    here, there = os.pipe()
    os.write(there, b"x" * 10_000)

    # Nobody waits in open(); what is waited for is the end.
    def finish() -> None:
        os.write(there, b"y")
        os.close(there)

    writer = threading.Thread(target=finish)
    writer.start()
    assert read_alone(c, f"/dev/fd/{here}")[:2] == ("OK", b"x" * 10_000 + b"y")
    writer.join()
    status, _, text = read_alone(c, f"/dev/fd/{here}")
    assert (status, "once" in text) == ("CONFIG", True)
    os.close(here)


# Directories.


Visits = list[tuple[str, bytes]]


def visit(
    c: CCode,
    path: Path,
    only_hashed: bool = False,
    stop_at: str | None = None,
    files: list[tuple[str, bytes]] | None = None,
) -> tuple[str, Visits, str]:
    """Return the status, what was visited in order, and the error's text.

    Without ``files`` the directory is read now; else they are what was read of it before.
    """
    seen: Visits = []

    def visitor(context: Any, file: Any, content: Any, error: Any) -> int:
        name = Path(os.fsdecode(c.ffi.string(file))).name
        seen.append((name, bytes(c.ffi.buffer(content.data, content.size))))
        return int(c.lib.TLSMGM_STATUS_PROTOCOL if name == stop_at else c.lib.TLSMGM_STATUS_OK)

    called = c.ffi.callback("tlsmgm_file_visitor", visitor)
    error, parameter = c.error(), c.ffi.new("char[]", b"ca_dir")
    directory = c.ffi.new("struct tlsmgm_directory *")
    alive: list[Any] = [c.ffi.new("char[]", os.fsencode(path))]
    directory.path = alive[0]
    if files is not None:
        directory.files = sources = c.ffi.new("struct tlsmgm_source[]", len(files) + 1)
        directory.count = len(files)
        for source, (name, content) in zip(sources, files, strict=False):
            alive.append(c.ffi.new("char[]", os.fsencode(path / name)))
            source.path = alive[-1]
            source.data, keep = c.bytes_in(content)
            alive.append(keep)
    status = c.lib.tlsmgm_directory_visit(
        directory, parameter, only_hashed, called, c.ffi.NULL, error
    )
    if c.status_name(status) == "CONFIG":
        assert error.parameter == parameter
    return c.status_name(status), seen, c.text(error)


def fill(path: Path, *names: str) -> None:
    for name in names:
        (path / name).write_bytes(name.encode())


def test_files_are_visited_by_name(c: CCode, tmp_path: Path) -> None:
    fill(tmp_path, "b", "a", "10", "9", "B", ".hidden")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    status, seen, _ = visit(c, tmp_path)
    assert status == "OK"
    names = ["10", "9", "a", "b", "link", "B"]
    assert sorted(seen) == sorted((name, (tmp_path / name).read_bytes()) for name in names)
    assert visit(c, tmp_path)[1] == seen


def test_files_that_were_read_before_are_not_read_again(c: CCode, tmp_path: Path) -> None:
    files = [("01234567.0", b"one"), (".hidden", b"two"), ("other", b"")]
    status, seen, _ = visit(c, tmp_path / "gone", files=files)
    assert (status, seen) == ("OK", [files[0], files[2]])
    assert visit(c, tmp_path / "gone", only_hashed=True, files=files)[1] == files[:1]
    assert visit(c, tmp_path / "gone", files=[])[:2] == ("OK", [])


def test_only_names_of_rehash_count(c: CCode, tmp_path: Path) -> None:
    good = ["01234567.0", "89abcdef.12", "ABCDEF01.3"]
    bad = ["0123456.0", "012345678.0", "0123456g.0", "01234567.", "01234567", "01234567.r0"]
    fill(tmp_path, *good, *bad, "01234567.0.pem", "root.pem", "01234567-0")
    status, seen, _ = visit(c, tmp_path, only_hashed=True)
    assert (status, [name for name, _ in seen]) == ("OK", sorted(good))


def test_the_visitor_may_end_the_walk(c: CCode, tmp_path: Path) -> None:
    fill(tmp_path, "a", "b", "c")
    status, seen, _ = visit(c, tmp_path, stop_at="b")
    assert (status, [name for name, _ in seen]) == ("PROTOCOL", ["a", "b"])


@pytest.mark.parametrize("what", ["missing", "file"])
def test_a_directory_must_be_one(c: CCode, tmp_path: Path, what: str) -> None:
    fill(tmp_path, "file")
    status, seen, text = visit(c, tmp_path / what)
    assert (status, seen) == ("CONFIG", [])
    assert "directory" in text


def test_a_dangling_link_is_an_error(c: CCode, tmp_path: Path) -> None:
    fill(tmp_path, "a")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    status, _, text = visit(c, tmp_path)
    assert (status, "link" in text) == ("CONFIG", True)


def test_an_empty_directory_is_none_of_our_business(c: CCode, tmp_path: Path) -> None:
    assert visit(c, tmp_path)[:2] == ("OK", [])
