"""OpenSSL behind the contract: hands over its table in a capsule, and nothing else."""

from cpython.pycapsule cimport PyCapsule_New

from tlsmgm._core.capi cimport TLSMGM_BACKEND_CAPSULE, tlsmgm_backend


cdef extern from "openssl/backend.h":
    const tlsmgm_backend tlsmgm_openssl_backend

backend = PyCapsule_New(<void *> &tlsmgm_openssl_backend, TLSMGM_BACKEND_CAPSULE, NULL)
