"""Until when a call may wait, and what for."""

import os
import select
from time import monotonic

from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EINTR, errno
from libc.math cimport INFINITY, ceil

from tlsmgm._core.sockets_api cimport POLLIN, POLLOUT, poll, pollfd

from tlsmgm.errors import WantReadError, WantWriteError

#: What ``poll()`` is asked for.
READ = POLLIN
WRITE = POLLOUT

# A program may have put something of its own in its place, as gevent does, which lets others run.
cdef object _BUILTIN = type(len)

cdef enum:
    LONGEST = 2147483647  # milliseconds of one wait; poll() counts them in an int


cdef class Deadline:
    """A moment after which a call gives up.

    Args:
        timeout: seconds from now; None: there is none; 0: the call does not wait at all.
        until: another bound, in seconds of ``time.monotonic()``; the earlier one counts.
        reason: what is said once that one has passed.

    Attributes:
        waits: whether there is any waiting.
    """

    def __cinit__(self, timeout, double until=INFINITY, str reason=""):
        cdef double own = INFINITY
        self.waits = timeout != 0
        if timeout:
            own = <double> monotonic() + <double> timeout
        self.until = min(own, until)
        self.reason = reason if until < own else "timed out"

    def left(self):
        """Seconds that are left; infinite without a bound.

        Raises:
            TimeoutError: none are.
        """
        return self.seconds_left()

    cdef double seconds_left(self) except -1:
        """As left()."""
        if self.until == INFINITY:
            return INFINITY
        cdef double left = self.until - <double> monotonic()
        if left <= 0:
            raise TimeoutError(self.reason)
        return left


def wait(int descriptor, int wanted, Deadline deadline not None):
    """Wait until a socket is ready.

    Args:
        descriptor: of the socket.
        wanted: READ, WRITE or both; either of them ends the wait.
        deadline: until when.

    Raises:
        WantReadError: there is no waiting, and bytes of the peer are wanted.
        WantWriteError: there is no waiting, and room for bytes is wanted.
        TimeoutError: the time is up.
    """
    wait_until(descriptor, wanted, deadline)


cdef int wait_until(int descriptor, int wanted, Deadline deadline) except -1:
    """As wait(); without a deadline as long as it takes."""
    cdef double left = INFINITY
    if deadline is not None:
        left = deadline.seconds_left()
        if not deadline.waits:
            raise WantReadError if wanted & POLLIN else WantWriteError
    wait_for(descriptor, wanted, left)  # whoever calls looks again, and comes back
    return 0


def is_ready(int descriptor, int wanted, double seconds):
    """Wait until a socket is ready; whether it is, in time.

    Args:
        descriptor: of the socket.
        wanted: READ, WRITE or both; either of them ends the wait.
        seconds: how long at most.
    """
    cdef double end = <double> monotonic() + seconds
    cdef bint found = wait_for(descriptor, wanted, seconds)
    while not found and seconds > 0:
        seconds = end - <double> monotonic()  # a signal may have ended the wait
        if seconds > 0:
            found = wait_for(descriptor, wanted, seconds)
    return found


cdef bint wait_for(int descriptor, int wanted, double seconds) except -1:
    """Waits once; False where the time is up, or a signal came."""
    cdef pollfd asked
    cdef int milliseconds = -1
    cdef int found = 0
    cdef int number = 0
    if seconds != INFINITY:
        milliseconds = <int> min(ceil(max(seconds, 0) * 1000), <double> LONGEST)
    if type(getattr(select, "poll", None)) is not _BUILTIN:
        return wait_as_replaced(descriptor, wanted, None if milliseconds < 0 else milliseconds)
    asked.fd = descriptor
    asked.events = <short> wanted
    asked.revents = 0
    with nogil:
        found = poll(&asked, 1, milliseconds)
        number = errno
    if found < 0:
        if number != EINTR:
            raise OSError(number, os.strerror(number))
        PyErr_CheckSignals()
        return False
    return found > 0


cdef bint wait_as_replaced(int descriptor, int wanted, milliseconds) except -1:
    """By what the program has put in place of the system's poll()."""
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(descriptor, wanted)
        return bool(poller.poll(milliseconds))
    reading = [descriptor] if wanted & POLLIN else []
    writing = [descriptor] if wanted & POLLOUT else []
    seconds = None if milliseconds is None else milliseconds / 1000
    return any(select.select(reading, writing, [], seconds))
