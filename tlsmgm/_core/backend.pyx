"""A TLS library behind the contract."""

from libc.stdint cimport uint32_t

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid

from tlsmgm._core.capi cimport (
    TLSMGM_BACKEND_CAPSULE,
    TLSMGM_CONTRACT_VERSION,
    TLSMGM_FEATURE_CIPHER_EXPRESSIONS,
    TLSMGM_FEATURE_DH_PARAMS,
    TLSMGM_FEATURE_MLKEM,
    TLSMGM_FEATURE_RFC7919,
    TLSMGM_FEATURE_SESSION_EXPORT,
    TLSMGM_FEATURE_TLS1_0,
    TLSMGM_FEATURE_TLS1_1,
    TLSMGM_FEATURE_TLS1_3,
    tlsmgm_backend,
    tlsmgm_error,
    tlsmgm_status,
)
from tlsmgm._core.status cimport check

from tlsmgm.errors import UnsupportedError

CONTRACT_VERSION = TLSMGM_CONTRACT_VERSION

cdef dict _FEATURES = {
    "tls1_0": TLSMGM_FEATURE_TLS1_0,
    "tls1_1": TLSMGM_FEATURE_TLS1_1,
    "tls1_3": TLSMGM_FEATURE_TLS1_3,
    "cipher_expressions": TLSMGM_FEATURE_CIPHER_EXPRESSIONS,
    "dh_params": TLSMGM_FEATURE_DH_PARAMS,
    "session_export": TLSMGM_FEATURE_SESSION_EXPORT,
    "mlkem": TLSMGM_FEATURE_MLKEM,
    "rfc7919": TLSMGM_FEATURE_RFC7919,
}


cdef class Backend:
    """A TLS library, ready for use.

    Args:
        capsule: the ``backend`` capsule of a backend's extension module.

    Raises:
        UnsupportedError: the backend was compiled for another version of the contract.
    """

    def __cinit__(self, capsule not None):
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef uint32_t bits
        if not PyCapsule_IsValid(capsule, TLSMGM_BACKEND_CAPSULE):
            raise TypeError("this is not a backend of tlsmgm")
        self.capsule = capsule
        self.table = <const tlsmgm_backend *> PyCapsule_GetPointer(capsule, TLSMGM_BACKEND_CAPSULE)
        if self.table.contract_version != TLSMGM_CONTRACT_VERSION:
            raise UnsupportedError(
                f"the backend speaks version {self.table.contract_version} of the contract, "
                f"this tlsmgm speaks {TLSMGM_CONTRACT_VERSION}; install matching releases"
            )
        self.name = self.table.name.decode()
        with nogil:
            status = self.table.init(&error)
        check(status, &error, self.name)
        self.version = self.table.version().decode()
        bits = self.table.features()
        self.features = frozenset(name for name, bit in _FEATURES.items() if bits & bit)
        self.cipher_names = self._list_ciphers()

    cdef tuple _list_ciphers(self):
        cdef size_t index = 0
        cdef const char *name = self.table.cipher_name(index)
        names = []
        while name != NULL:
            names.append(name.decode())
            index += 1
            name = self.table.cipher_name(index)
        return tuple(names)

    def __repr__(self):
        return f"<Backend {self.name} {self.version}>"
