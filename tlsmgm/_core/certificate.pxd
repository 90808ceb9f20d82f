from tlsmgm._core.capi cimport tlsmgm_bytes, tlsmgm_certificate_fields


cdef class Certificate:
    cdef readonly bytes der
    cdef tlsmgm_certificate_fields fields     # points into der

cdef object certificate_from(tlsmgm_bytes der)
