"""Reads the files of one load: each of them once, and none for ever.

All domains that name a file get the bytes that were read of it first, so that what was compared is
what is loaded, and two domains never have two versions of one list.  Reading is done by a thread
of its own: a file system that has gone away, or a pipe whose writer sleeps, costs that thread and
this load, but nobody who waits.  A thread that is left behind ends when its file answers at last;
until then that file is refused at once, and so is everything when too many have been left.
"""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from tlsmgm._core.material import Folder, Material
from tlsmgm._domains.domain import Domain, Source
from tlsmgm._domains.parameters import PARAMETERS, PEM, of_kind
from tlsmgm.errors import ConfigError

__all__ = ["FILE_TIMEOUT", "FOLDER_FIELDS", "SOURCE_FIELDS", "Reader", "read_file"]

T = TypeVar("T")

#: Seconds in which a file must have been read.
FILE_TIMEOUT: Final = 10.0

#: Files that may be waited for by threads that were left behind.
_LEFT_MAX: Final = 8

#: Times that a directory is looked at again because it has changed meanwhile.
_LOOKS_MAX: Final = 5

#: Bytes that are asked for at once.
_BLOCK: Final = 1 << 20

#: Fields of a domain that may name a file to read.
SOURCE_FIELDS: Final = of_kind(*PEM, "der", "file")

#: Fields of a domain that name a directory, and whether only hashed names count there.
FOLDER_FIELDS: Final = {
    item.field: item.kind == "hashed" for item in PARAMETERS if item.kind in ("folder", "hashed")
}

_HASHED_NAME: Final = re.compile(r"[0-9a-fA-F]{8}\.\d+", re.ASCII)


class _Job(Generic[T]):
    """Something to read, and what came of it."""

    def __init__(self, path: str, work: Callable[[Callable[[str], None]], T]) -> None:
        self.path = path
        self._work = work
        self.is_done = False
        self._result: T
        self._error: BaseException | None = None

    def run(self, begin: Callable[[str], None]) -> None:
        try:
            self._result = self._work(begin)
        except BaseException as error:  # it belongs to the thread that waits
            self._error = error.with_traceback(None)

    def fail(self, error: ConfigError) -> None:
        self._error, self.is_done = error, True

    def result(self, parameter: str | None) -> T:
        if isinstance(self._error, ConfigError):
            raise self._error.at(parameter=parameter)
        if self._error is not None:
            raise self._error
        return self._result


class _Left:
    """Paths that a thread still waits for, though nobody waits for the thread any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: Counter[str] = Counter()

    def add(self, path: str) -> None:
        with self._lock:
            self._paths[path] += 1

    def remove(self, path: str) -> None:
        with self._lock:
            self._paths -= Counter([path])

    def refusal(self, path: str) -> ConfigError | None:
        """Why a path is not even tried, or None."""
        with self._lock:
            if path in self._paths:
                return ConfigError(f"{path} still does not answer")
            if self._paths.total() < _LEFT_MAX:
                return None
            return ConfigError(
                f"{path} is not read: {self._paths.total()} other files do not answer, "
                f"such as {next(iter(self._paths))}"
            )

    def forget(self) -> None:
        """Begin anew, in a forked process: the threads are not in it."""
        self._lock = threading.Lock()
        self._paths.clear()


_left: Final = _Left()
os.register_at_fork(after_in_child=_left.forget)


class _Worker:
    """A thread that reads one thing after the other.

    Args:
        news: is told of everything that happens; its lock guards all that is here.
        jobs: to begin with.
    """

    def __init__(self, news: threading.Condition, jobs: Iterable[_Job[Any]]) -> None:
        self._news = news
        self.jobs = deque(jobs)
        self.job: _Job[Any] | None = None  # that is being done
        self.reading = ""  # the path that is being read
        self.since = 0.0  # when that began
        self.is_left = False
        self.is_over = False
        self._thread = threading.Thread(target=self._run, name="tlsmgm-reader", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let the thread end; one that reads just now is not waited for."""
        with self._news:
            self.is_over = True
            is_idle = self.job is None
            self._news.notify_all()
        if is_idle:
            self._thread.join()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            job.run(self._begin)
            with self._news:
                if self.is_left:
                    _left.remove(job.path)
                    return
                job.is_done, self.job = True, None
                self._news.notify_all()

    def _next(self) -> _Job[Any] | None:
        with self._news:
            while not self.jobs and not self.is_over:
                self._news.wait()
            if self.is_over:
                return None
            self.job = self.jobs.popleft()
            self.reading, self.since = self.job.path, time.monotonic()
            return self.job

    def _begin(self, path: str) -> None:
        with self._news:
            self.reading, self.since = path, time.monotonic()


class Reader:
    """What the files of one load hold; use it in a ``with`` statement.

    Args:
        timeout: seconds in which each file must have been read; None: :data:`FILE_TIMEOUT`.

    Attributes:
        thread: that made it, and asks; any may cancel.

    What was read is kept until :meth:`release`, and dropped with
    the reader.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self.thread = threading.current_thread()
        self._timeout = FILE_TIMEOUT if timeout is None else timeout
        self._news = threading.Condition()
        self._worker: _Worker | None = None
        self._files: dict[str, _Job[Material]] = {}
        self._folders: dict[tuple[str, bool], _Job[Folder]] = {}
        self._known: dict[str, dict[str, Material]] = {}  # files of folders, by folder and name
        self._uses: Counter[str] = Counter()
        self._is_cancelled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._news:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()
        for kept in (self._files, self._folders, self._known):
            kept.clear()

    def cancel(self) -> None:
        """Let whoever waits, now or later, have an error; for a program that ends."""
        with self._news:
            self._is_cancelled = True
            self._news.notify_all()

    def check(self) -> None:
        """See whether the load may go on.

        Raises:
            ConfigError: it was cancelled.
        """
        if self._is_cancelled:
            raise ConfigError("loading was stopped, because the program ends")

    # --- what is there -------------------------------------------------------------------

    def file(self, path: str, parameter: str | None = None) -> Material:
        """Return what a file holds.

        Args:
            path: of the file.
            parameter: for the error.

        Raises:
            ConfigError: it cannot be read, does not answer, or the load was cancelled.
        """
        job = self._files.get(path)
        if job is None:
            job = self._files[path] = _Job(path, lambda begin: Material(path))
            self._submit(job)
        return self._wait(job, parameter)

    def content(self, source: Source, parameter: str | None = None) -> Material | bytes:
        """Return what a domain's field holds: bytes as they are, or what is in a file.

        Args:
            source: a path, or bytes.
            parameter: for the error.

        Raises:
            ConfigError: as ``file()`` does.
        """
        return source if isinstance(source, bytes) else self.file(source, parameter)

    def folder(self, path: str, parameter: str) -> Folder:
        """Return what the files of a directory hold.

        Args:
            path: of the directory.
            parameter: ``"ca_dir"`` or ``"crl_dir"``.  Of the first only names count that
                ``openssl rehash`` makes, of the second all that do not begin with a dot.

        Returns:
            The files by name; and links to nothing and the like, which were passed over.  So is,
            in a ``ca_dir``, what cannot be read, and the directory itself if it cannot.

        Raises:
            ConfigError: a ``crl_dir`` cannot be read, or a file of it, which might be a list of
                revoked certificates; it does not answer, or the load was cancelled.
        """
        only_hashed = FOLDER_FIELDS[parameter]
        job = self._folders.get((path, only_hashed))
        if job is None:
            known = self._known.setdefault(path, {})
            job = _Job(path, lambda begin: _read_folder(path, only_hashed, known, begin))
            self._folders[path, only_hashed] = job
            self._submit(job)
        return self._wait(job, parameter)

    def modes(self, paths: Iterable[str]) -> dict[str, int]:
        """Return the mode of each file, without reading any; those that are not there are left out.

        Raises:
            ConfigError: one does not answer, or the load was cancelled.
        """
        wanted = tuple(dict.fromkeys(paths))
        if not wanted:
            return {}
        return self.call(wanted[0], lambda begin: _modes(wanted, begin))

    def call(self, path: str, work: Callable[[Callable[[str], None]], T]) -> T:
        """Do some other work on a file in the reading thread.

        Args:
            path: for the error.
            work: is given a function to tell of each path that it goes on to.

        Returns:
            What the work returns; what it raises is raised.

        Raises:
            ConfigError: it does not answer, or the load was cancelled.
        """
        job = _Job(path, work)
        self._submit(job)
        return self._wait(job, None)

    # --- how long it is kept -------------------------------------------------------------

    def expect(self, domains: Iterable[Domain]) -> None:
        """Note which domains will be loaded: what a file holds is dropped behind the last of them.

        Args:
            domains: each of them is to be released once.
        """
        for domain in domains:
            self._uses.update(_paths(domain))

    def release(self, domain: Domain) -> None:
        """Drop what no other domain needs.

        Args:
            domain: it has been loaded, and was expected.
        """
        for path in _paths(domain):
            self._uses[path] -= 1
            if self._uses[path] <= 0:
                self._files.pop(path, None)

    # --- the thread ----------------------------------------------------------------------

    def _submit(self, job: _Job[Any]) -> None:
        refusal = _left.refusal(job.path)
        with self._news:
            if refusal is not None:
                job.fail(refusal)
            elif self._worker is None:
                self._worker = self._start([job])
            else:
                self._worker.jobs.append(job)
                self._news.notify_all()

    def _wait(self, job: _Job[T], parameter: str | None) -> T:
        with self._news:
            while not job.is_done:
                self.check()
                self._wait_a_while()
        self.check()
        return job.result(parameter)

    def _wait_a_while(self) -> None:
        """Until there is news, or the thread must be left behind."""
        worker = self._worker
        assert worker is not None, "the reader has ended"
        left = self._timeout
        if worker.job is not None:
            left = worker.since + self._timeout - time.monotonic()
        if left > 0:
            self._news.wait(left)
        elif worker.job is not None:
            self._leave(worker, worker.job)

    def _leave(self, worker: _Worker, job: _Job[Any]) -> None:
        worker.is_left = True
        _left.add(job.path)
        job.fail(ConfigError(f"{worker.reading} does not answer within {self._timeout:g} seconds"))
        self._worker = self._start(worker.jobs) if worker.jobs else None
        worker.jobs = deque()

    def _start(self, jobs: Iterable[_Job[Any]]) -> _Worker | None:
        try:
            return _Worker(self._news, jobs)
        except RuntimeError as error:  # there are too many threads, or Python is ending
            for job in jobs:
                job.fail(ConfigError(f"{job.path} cannot be read: {error}"))
            return None


def read_file(path: str, limit: int, reader: Reader | None = None) -> bytes:
    """Read a file that is no certificate or the like; pipes and FIFOs can be read, too.

    Args:
        path: of the file.
        limit: bytes that are read at most; one more tells that there is more.
        reader: of the load; None: one for this file alone.

    Returns:
        Its bytes, at most ``limit + 1`` of them.

    Raises:
        OSError: it cannot be read.
        ValueError: there can be no such path.
        ConfigError: it does not answer, or the load was cancelled.
    """

    def work(begin: Callable[[str], None]) -> bytes:
        with open(path, "rb") as file:
            pieces, room = [], limit + 1
            while piece := file.read(min(room, _BLOCK)):
                pieces.append(piece)
                room -= len(piece)
            return b"".join(pieces)

    if reader is not None:
        return reader.call(path, work)
    with Reader() as alone:
        return alone.call(path, work)


def _paths(domain: Domain) -> set[str]:
    values = (getattr(domain, name) for name in SOURCE_FIELDS)
    return {value for value in values if isinstance(value, str)}


def _modes(paths: Iterable[str], begin: Callable[[str], None]) -> dict[str, int]:
    found = {}
    for path in paths:
        begin(path)
        try:
            found[path] = os.stat(path).st_mode
        except (OSError, ValueError):
            continue
    return found


def _read_folder(
    path: str, only_hashed: bool, known: dict[str, Material], begin: Callable[[str], None]
) -> Folder:
    """Files that come and go meanwhile would leave a gap, so the names must stay the same."""
    unread: dict[str, str] = {}
    try:
        names = _names(path, only_hashed)
    except ConfigError as error:
        if not only_hashed:
            raise
        # Certificates that are missing let nobody in, and OpenSIPS starts without them.
        return Folder(path, [], [(path, f"{error.reason}, so nobody is trusted by it")])
    for _ in range(_LOOKS_MAX):
        for name in names:
            if name not in known:
                begin(os.path.join(path, name))
                _read_member(path, name, only_hashed, known, unread)
        begin(path)
        again = _names(path, only_hashed)
        if again == names:
            files = [known[name] for name in names if name in known]
            passed = [(os.path.join(path, name), unread[name]) for name in names if name in unread]
            return Folder(path, files, passed)
        names = again
    raise ConfigError(f"{path} changes all the time while it is read")


def _names(path: str, only_hashed: bool) -> list[str]:
    try:
        names = os.listdir(path)
    except OSError as error:
        raise ConfigError(f"cannot read directory {path}: {error.strerror}") from None
    if only_hashed:
        return sorted(name for name in names if _HASHED_NAME.fullmatch(name))
    return sorted(name for name in names if not name.startswith("."))


def _read_member(
    folder: str,
    name: str,
    only_hashed: bool,
    known: dict[str, Material],
    unread: dict[str, str],
) -> None:
    path = os.path.join(folder, name)
    unread.pop(name, None)
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            known[name] = Material(path)
        elif not stat.S_ISDIR(mode):
            unread[name] = "it is no regular file"
    except FileNotFoundError:
        if os.path.islink(path):
            unread[name] = "it is a link to nothing"
    except OSError as error:
        if not only_hashed:
            raise ConfigError(f"cannot open {path}: {error.strerror}") from None
        unread[name] = str(error.strerror)
    except ConfigError as error:
        if not os.path.lexists(path):
            return  # gone just now; the next look at the names will tell
        if not only_hashed:
            raise
        unread[name] = error.reason.removeprefix(f"cannot open {path}: ")
