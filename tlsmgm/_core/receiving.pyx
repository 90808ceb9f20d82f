"""Bytes of a socket that does not block."""

import os

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from libc.errno cimport EAGAIN, EINTR
from libc.errno cimport errno as system_errno
from libc.stdint cimport uint8_t

from tlsmgm._core.fresh_bytes cimport (
    fresh_bytes,
    fresh_bytes_drop,
    fresh_bytes_finish,
    fresh_bytes_room,
)
from tlsmgm._core.sockets_api cimport system_recv

cdef enum:
    FEW = 4096  # bytes; so many are received by way of the stack


cdef bytes receive(int fd, size_t size, bint *expects_much):
    """Receives; b"" at the end, None: there is nothing.

    Copying a message costs less than a block that is cut to its size, so the first look at a socket
    is for few bytes; whoever has sent more gets more room at the next one.

    Args:
        fd: descriptor of the socket.
        size: bytes at most.
        expects_much: whether the last look has filled its room; is set for the next one.
    """
    cdef uint8_t[FEW] few
    cdef PyObject *much = NULL
    cdef uint8_t *room = few
    cdef ssize_t count
    cdef int number
    if expects_much[0] and size > FEW:
        much = fresh_bytes(NULL, size)
        room = <uint8_t *> fresh_bytes_room(much)
    else:
        size = min(size, <size_t> FEW)
    with nogil:
        count = system_recv(fd, room, size, 0)
        number = system_errno  # in here, for to come back may take a wait of its own
    if count < 0:
        if much != NULL:
            fresh_bytes_drop(much)
        return nothing_came(number)
    expects_much[0] = <size_t> count >= FEW
    if much != NULL:
        return fresh_bytes_finish(much, count)
    return PyBytes_FromStringAndSize(<const char *> few, count)


cdef bytes nothing_came(int number):
    """None, or raises what the system says."""
    if number == EINTR:
        PyErr_CheckSignals()
    elif number != EAGAIN:
        raise OSError(number, os.strerror(number))
    return None
