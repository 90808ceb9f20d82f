"""Bytes objects that C fills in before anybody else sees them."""

from cpython.object cimport PyObject

cdef extern from "Python.h":
    PyObject *fresh_bytes "PyBytes_FromStringAndSize"(const char *, Py_ssize_t) except NULL
    char *fresh_bytes_room "PyBytes_AS_STRING"(PyObject *)
    void fresh_bytes_drop "Py_DECREF"(PyObject *)
    int _resize "_PyBytes_Resize"(PyObject **, Py_ssize_t) except -1


cdef inline bytes fresh_bytes_finish(PyObject *data, Py_ssize_t size):
    """The first size bytes, without a copy; takes the caller's reference over."""
    _resize(&data, size)
    finished = <bytes> data
    fresh_bytes_drop(data)
    return finished
