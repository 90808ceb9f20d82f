"""wolfSSL behind the contract: hands over its table in a capsule, and nothing else."""

from cpython.pycapsule cimport PyCapsule_New

from tlsmgm._core.capi cimport TLSMGM_BACKEND_CAPSULE, tlsmgm_backend


cdef extern from "wolfssl/backend.h":
    const tlsmgm_backend tlsmgm_wolfssl_backend

backend = PyCapsule_New(<void *> &tlsmgm_wolfssl_backend, TLSMGM_BACKEND_CAPSULE, NULL)
