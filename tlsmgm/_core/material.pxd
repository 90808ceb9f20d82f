from tlsmgm._core.capi cimport tlsmgm_blob, tlsmgm_directory, tlsmgm_source

cdef bytes name_of(object value, str what)


cdef class Material:
    cdef tlsmgm_blob blob           # set once, before anybody else sees the object
    cdef bytes name                 # the path, as C takes it
    cdef readonly str path
    cdef bytes public_digest
    cdef bytes keyed_digest

    cdef tlsmgm_source source(self) noexcept


cdef class Folder:
    cdef tlsmgm_source *sources     # of the files, in their order
    cdef bytes name
    cdef readonly str path
    cdef readonly tuple files       # of Material
    cdef readonly tuple unread      # of (path, reason): what could not be read
    cdef bytes public_digest

    cdef tlsmgm_directory directory(self) noexcept
