"""OpenSSL behind the contract: its table in a capsule, and how the library was built."""

from cpython.pycapsule cimport PyCapsule_New

from tlsmgm._core.capi cimport TLSMGM_BACKEND_CAPSULE, tlsmgm_backend


cdef extern from "backends/openssl/backend.h":
    const tlsmgm_backend tlsmgm_openssl_backend

cdef extern from *:
    const char *TLSMGM_LIBRARY_SOURCE
    const char *TLSMGM_LIBRARY_PATCHES

backend = PyCapsule_New(<void *> &tlsmgm_openssl_backend, TLSMGM_BACKEND_CAPSULE, NULL)

# Where the library's source came from, and what was changed in it; empty: somebody else's build.
source = TLSMGM_LIBRARY_SOURCE.decode()
patches = tuple(filter(None, TLSMGM_LIBRARY_PATCHES.decode().split(";")))
