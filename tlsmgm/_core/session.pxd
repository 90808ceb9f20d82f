from tlsmgm._core.backend cimport Backend
from tlsmgm._core.capi cimport tlsmgm_backend, tlsmgm_session


cdef class Session:
    cdef const tlsmgm_backend *table  # for __dealloc__, which must not look at Python attributes
    cdef Backend backend
    cdef tlsmgm_session *session

cdef Session wrap_session(Backend backend, tlsmgm_session *session)
