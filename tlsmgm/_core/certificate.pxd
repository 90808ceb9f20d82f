from libc.stdint cimport int64_t

from tlsmgm._core.capi cimport tlsmgm_bytes, tlsmgm_certificate_fields, tlsmgm_certificate_time


cdef class Certificate:
    cdef readonly bytes der
    cdef tlsmgm_certificate_fields fields     # points into der

cdef object certificate_from(tlsmgm_bytes der)
cdef str one_line(tlsmgm_bytes name)
cdef object moment(tlsmgm_certificate_time time)
cdef object moment_at(int64_t seconds)
