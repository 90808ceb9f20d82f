from tlsmgm._core.capi cimport tlsmgm_error, tlsmgm_status

cdef int check(tlsmgm_status status, const tlsmgm_error *error, str backend,
               str domain=*, object origin=*) except -1
cdef object as_exception(tlsmgm_status status, const tlsmgm_error *error)
cdef object as_refusal(const tlsmgm_error *error, str backend, object peer)
cdef void note_warning(void *argument, const char *parameter, const char *text) noexcept with gil
