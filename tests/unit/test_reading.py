"""Reading the files of one load: each once, as they were then, and none for ever."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tlsmgm import ConfigError, Domain
from tlsmgm._core.material import Folder, Material, secret_digest
from tlsmgm._material import reading
from tlsmgm._material.reading import Reader, read_file

#: Seconds after which a test has failed; none is asserted.
LONG = 30.0

#: Seconds after which a stalled read is given up.
SHORT = 0.05


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading may take long on a busy machine; tests of deadlines have their own."""
    monkeypatch.setattr(reading, "FILE_TIMEOUT", LONG)


def wait_for_readers() -> None:
    """Wait until all reading threads have ended, those that were left behind included."""
    for thread in threading.enumerate():
        if thread.name == "tlsmgm-reader":
            thread.join(LONG)
            assert not thread.is_alive()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were really read, in order."""
    paths: list[str] = []

    def counted(path: str) -> Material:
        paths.append(path)
        return Material(path)

    monkeypatch.setattr(reading, "Material", counted)
    return paths


class Stall:
    """Lets the reads of some paths wait until they may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: set[str] = set()
        self.begun, self.go_on = threading.Event(), threading.Event()
        monkeypatch.setattr(reading, "Material", self.read)

    def read(self, path: str) -> Material:
        if path in self.paths:
            self.begun.set()
            assert self.go_on.wait(LONG)
        return Material(path)


@pytest.fixture
def stall(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stall]:
    made = Stall(monkeypatch)
    yield made
    made.go_on.set()
    wait_for_readers()


# What a file held.


@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 8193, 100_000])
def test_a_file_as_it_was(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    content = os.urandom(size)
    path.write_bytes(content)
    file = Material(path)
    path.write_bytes(b"later")
    assert (file.path, bytes(file), len(file)) == (str(path), content, size)
    assert file.digest == hashlib.sha256(content).digest()
    assert file.secret_digest == secret_digest(content)
    assert memoryview(file).readonly


def test_a_digest_of_a_secret_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"secret")
    digest = Material(path).secret_digest
    assert digest == Material(path).secret_digest
    assert digest not in (
        Material(path).digest,
        hashlib.blake2b(b"secret", digest_size=32).digest(),
    )
    assert "secret" not in repr(Material(path)).replace(str(path), "")


def test_large_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.touch()
    os.truncate(path, (16 << 20) + 1)
    with pytest.raises(ConfigError, match="larger than"):
        Material(path)
    os.truncate(path, 16 << 20)
    assert len(Material(path)) == 16 << 20


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """Nobody writes to the FIFO, and the device never ends."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    found = {tmp_path / "fifo": "FIFO", tmp_path / "link": "FIFO", tmp_path: "directory"}
    for path, word in {**found, "/dev/zero": "device", "/dev/null": "device"}.items():
        with Reader() as reader, pytest.raises(ConfigError, match=word) as caught:
            reader.file(str(path), "private_key")
        assert caught.value.parameter == "private_key"
        assert str(path) in caught.value.reason


def test_a_path_with_a_nul_byte() -> None:
    with Reader() as reader, pytest.raises(ValueError, match="NUL"):
        reader.file("a\0b")


def test_a_pipe_is_read_by_its_descriptor() -> None:
    """That is what a shell makes of ``<(command)``."""
    content = os.urandom(200_000)
    here, there = os.pipe()

    def write() -> None:
        with os.fdopen(there, "wb") as file:
            file.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    path = f"/dev/fd/{here}"
    with Reader() as reader:
        assert bytes(reader.file(path)) == content
        assert bytes(reader.file(path)) == content
    thread.join()
    with Reader() as reader, pytest.raises(ConfigError, match="nothing in it"):
        reader.file(path)
    os.close(here)


def test_configurations_may_come_out_of_a_fifo(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError):  # the reader goes when it has enough
            path.write_bytes(b"x" * 100_000)

    thread = threading.Thread(target=write)
    thread.start()
    assert read_file(str(path), 50_000) == b"x" * 50_001
    thread.join()


# Once.


def test_each_file_is_read_once(tmp_path: Path, reads: list[str]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    with Reader() as reader:
        first = reader.file(str(path))
        path.write_bytes(b"two")
        assert reader.file(str(path)) is first
    assert (bytes(first), reads) == (b"one", [str(path)])


def test_a_failure_is_remembered(tmp_path: Path, reads: list[str]) -> None:
    """A file that appears in the middle of a load does not belong to it."""
    path = tmp_path / "file"
    with Reader() as reader:
        for _ in range(2):
            with pytest.raises(ConfigError, match="No such file"):
                reader.file(str(path))
            path.touch()
    assert reads == [str(path)]


def test_content_is_dropped_behind_the_last_domain(tmp_path: Path, reads: list[str]) -> None:
    path = tmp_path / "ca.pem"
    path.touch()
    domains = [Domain(name, "client", ca_list=path) for name in ("one", "two")]
    with Reader() as reader:
        reader.expect(domains)
        for domain in domains:
            assert len(reads) <= 1
            reader.file(str(path))
            reader.release(domain)
        reader.file(str(path))
    assert len(reads) == 2


def names(folder: Folder) -> list[str]:
    return [Path(file.path).name for file in folder.files]


def test_a_directory_is_read_once(tmp_path: Path, reads: list[str]) -> None:
    for name in ("01234567.0", "01234567.r0", "b", ".hidden", "0123456.0"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "folder").mkdir()
    with Reader() as reader:
        trusted = reader.folder(str(tmp_path), "ca_dir")
        lists = reader.folder(str(tmp_path), "crl_dir")
        assert reader.folder(str(tmp_path), "ca_dir") is trusted
    assert names(trusted) == ["01234567.0"]
    assert names(lists) == ["0123456.0", "01234567.0", "01234567.r0", "b"]
    assert [bytes(file).decode() for file in lists.files] == names(lists)
    assert (trusted.unread, lists.unread) == ((), ())
    assert sorted(reads) == sorted(file.path for file in lists.files)


def test_what_cannot_be_read_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "00000000.0").write_bytes(b"good")
    (tmp_path / "00000001.0").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "00000002.0")
    for parameter in ("ca_dir", "crl_dir"):
        with Reader() as reader:
            folder = reader.folder(str(tmp_path), parameter)
        assert names(folder) == ["00000000.0"]
        assert [path for path, _ in folder.unread] == [
            str(tmp_path / "00000001.0"),
            str(tmp_path / "00000002.0"),
        ]
        assert "link to nothing" in folder.unread[0][1]
        assert "no regular file" in folder.unread[1][1]


def test_what_might_be_a_crl_is_never_passed_over(tmp_path: Path) -> None:
    """A file that cannot be read may revoke somebody; a CA that is lost lets nobody in."""
    large = tmp_path / "00000001.0"
    large.touch()
    os.truncate(large, (16 << 20) + 1)
    with Reader() as reader:
        folder = reader.folder(str(tmp_path), "ca_dir")
        assert (folder.files, folder.unread[0][0]) == ((), str(large))
        with pytest.raises(ConfigError, match="larger than") as caught:
            reader.folder(str(tmp_path), "crl_dir")
    assert caught.value.parameter == "crl_dir"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_files_of_others(tmp_path: Path) -> None:
    (tmp_path / "00000001.0").touch(mode=0)
    with Reader() as reader:
        assert "Permission" in reader.folder(str(tmp_path), "ca_dir").unread[0][1]
        with pytest.raises(ConfigError, match="Permission"):
            reader.folder(str(tmp_path), "crl_dir")


def test_the_digest_of_a_directory_tells_everything(tmp_path: Path) -> None:
    def digest() -> bytes:
        with Reader() as reader:
            return reader.folder(str(tmp_path), "crl_dir").digest

    seen = {digest()}
    steps: list[Callable[[], Any]] = [
        lambda: (tmp_path / "a").write_bytes(b"1"),
        lambda: (tmp_path / "a").write_bytes(b"2"),
        lambda: (tmp_path / "a").rename(tmp_path / "b"),
        lambda: (tmp_path / "c").symlink_to(tmp_path / "gone"),
    ]
    for number, step in enumerate(steps, 2):
        step()
        seen.add(digest())
        assert len(seen) == number
        assert digest() in seen


def test_files_that_come_while_a_directory_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list is often written beside its place and then renamed; it may not fall into the gap."""
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "new.tmp").write_bytes(b"new")

    def read(path: str) -> Material:
        if (tmp_path / "new.tmp").exists():
            (tmp_path / "new.tmp").rename(tmp_path / "new")
        return Material(path)

    monkeypatch.setattr(reading, "Material", read)
    with Reader() as reader:
        assert names(reader.folder(str(tmp_path), "crl_dir")) == ["a", "new"]


def test_a_directory_that_never_rests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0").touch()

    def read(path: str) -> Material:
        (tmp_path / str(len(os.listdir(tmp_path)))).touch()
        return Material(path)

    monkeypatch.setattr(reading, "Material", read)
    with Reader() as reader, pytest.raises(ConfigError, match="changes all the time"):
        reader.folder(str(tmp_path), "crl_dir")


# Not for ever.


def test_a_pipe_whose_writer_sleeps() -> None:
    here, there = os.pipe()
    path = f"/dev/fd/{here}"
    os.write(there, b"-----BEGIN")
    with Reader(SHORT) as reader:
        for _ in range(2):
            with pytest.raises(ConfigError, match=f"{path} does not answer within 0.05 seconds"):
                reader.file(path, "certificate")
    with Reader(LONG) as reader, pytest.raises(ConfigError, match="still does not answer"):
        reader.file(path)
    os.close(there)
    wait_for_readers()
    with Reader(LONG) as reader, pytest.raises(ConfigError, match="nothing in it"):
        reader.file(path)
    os.close(here)


def test_the_others_are_read_all_the_same(tmp_path: Path, stall: Stall) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(b"good")
    bad.write_bytes(b"bad")
    stall.paths = {str(bad)}
    with Reader(SHORT) as reader:
        with pytest.raises(ConfigError, match="does not answer") as caught:
            reader.file(str(bad), "ca_list")
        assert caught.value.parameter == "ca_list"
        assert bytes(reader.file(str(good))) == b"good"
    stall.go_on.set()
    wait_for_readers()
    with Reader(LONG) as reader:
        assert bytes(reader.file(str(bad))) == b"bad"


def test_a_file_of_a_directory_that_does_not_answer(tmp_path: Path, stall: Stall) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).touch()
    stall.paths = {str(tmp_path / "b")}
    with Reader(SHORT) as reader, pytest.raises(ConfigError, match=r"b does not answer") as caught:
        reader.folder(str(tmp_path), "crl_dir")
    assert caught.value.parameter == "crl_dir"
    with Reader(LONG) as reader, pytest.raises(ConfigError, match="still does not answer"):
        reader.folder(str(tmp_path), "crl_dir")


def test_threads_that_are_left_behind_are_bounded(tmp_path: Path, stall: Stall) -> None:
    paths = [str(tmp_path / str(number)) for number in range(20)]
    for path in paths:
        Path(path).touch()
    stall.paths = set(paths)
    good = tmp_path / "good"
    good.touch()
    refusals = 0
    with Reader(SHORT) as reader:
        for path in paths:
            with pytest.raises(ConfigError) as caught:
                reader.file(path)
            refusals += "other files do not answer" in caught.value.reason
        with pytest.raises(ConfigError, match=f"such as {paths[0]}"):
            reader.file(str(good))
    assert refusals == 12
    stall.go_on.set()
    wait_for_readers()
    with Reader(LONG) as reader:
        reader.file(str(good))


def test_a_load_can_be_cancelled(tmp_path: Path, stall: Stall) -> None:
    path = tmp_path / "file"
    path.touch()
    stall.paths = {str(path)}
    with Reader(LONG) as reader:

        def cancel() -> None:
            assert stall.begun.wait(LONG)
            reader.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(ConfigError, match="the program ends"):
            reader.file(str(path))
        with pytest.raises(ConfigError, match="the program ends"):
            reader.check()
        thread.join()


def test_modes_of_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch(mode=0o600)
    with Reader() as reader:
        found = reader.modes([str(path), str(tmp_path / "gone"), str(path)])
        assert reader.modes([]) == {}
    assert {name: mode & 0o777 for name, mode in found.items()} == {str(path): 0o600}


def test_no_thread_stays_behind(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Reader() as reader:
        reader.file(str(tmp_path / "file"))
    wait_for_readers()


def test_a_forked_process_reads(tmp_path: Path, stall: Stall) -> None:
    """The threads that were left behind are not in it."""
    path, good = tmp_path / "bad", tmp_path / "good"
    path.touch()
    good.touch()
    stall.paths = {str(path)}
    with Reader(SHORT) as reader, pytest.raises(ConfigError, match="does not answer"):
        reader.file(str(path))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            stall.paths.clear()
            with Reader(LONG) as reader:
                reader.file(str(path))
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
