"""A client's session, to be offered when the same server is called again."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

from tlsmgm._core.backend cimport Backend
from tlsmgm._core.capi cimport tlsmgm_error, tlsmgm_session
from tlsmgm._core.status cimport check


cdef Session wrap_session(Backend backend, tlsmgm_session *session):
    cdef Session wrapper = Session.__new__(Session)
    wrapper.table = backend.table
    wrapper.backend = backend
    wrapper.session = session
    return wrapper


cdef class Session:
    """What a server gave for resumption (RFC 8446 section 2.2).

    A session is offered only within the domain and to the server name where it came from; a
    connection to somewhere else leaves it unused. Sessions come from ``Connection.session`` and
    ``Session.load()``.
    """

    def __init__(self):
        raise TypeError("a session comes from Connection.session or Session.load()")

    def __dealloc__(self):
        if self.session != NULL:
            self.table.session_free(self.session)

    def export(self):
        """The session as bytes. They are secret: whoever has them can resume in your name."""
        cdef tlsmgm_error error
        cdef size_t size = 0
        cdef bytes data
        if self.session == NULL:
            raise ValueError("this session is empty")
        check(self.table.session_export(self.session, NULL, &size, &error), &error, self.backend.name)
        data = PyBytes_FromStringAndSize(NULL, size)
        check(
            self.table.session_export(
                self.session, <unsigned char *> PyBytes_AS_STRING(data), &size, &error
            ),
            &error,
            self.backend.name,
        )
        return data

    @staticmethod
    def load(Backend backend not None, const unsigned char[::1] data not None):
        """The session that ``export()`` of the same backend once gave.

        Raises:
            ConfigError: these bytes are no session of this backend.
        """
        cdef tlsmgm_error error
        cdef tlsmgm_session *session = NULL
        check(
            backend.table.session_import(
                &data[0] if data.shape[0] else NULL, data.shape[0], &session, &error
            ),
            &error,
            backend.name,
        )
        return wrap_session(backend, session)

    def __repr__(self):
        return f"<Session {'-' if self.backend is None else self.backend.name}>"
