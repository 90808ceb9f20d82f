"""Bytes of Python as C sees them, and back."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from tlsmgm._core.capi cimport tlsmgm_bytes


cdef inline tlsmgm_bytes view_of(bytes data) noexcept:
    """Good as long as the bytes live; None has no address and no size."""
    cdef tlsmgm_bytes view
    view.data = NULL
    view.size = 0
    if data is not None:
        view.data = <const unsigned char *> PyBytes_AS_STRING(data)
        view.size = <size_t> PyBytes_GET_SIZE(data)
    return view


cdef inline bytes bytes_of(tlsmgm_bytes view):
    """A copy of them."""
    return (<const char *> view.data)[:view.size]
