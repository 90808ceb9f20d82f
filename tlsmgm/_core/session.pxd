from tlsmgm._core.backend cimport Backend
from tlsmgm._core.capi cimport tlsmgm_session


cdef class Session:
    cdef Backend backend
    cdef tlsmgm_session *session

cdef Session wrap_session(Backend backend, tlsmgm_session *session)
