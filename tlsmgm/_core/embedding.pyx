"""What programs in C and Cython get from us: capsules of the public part of the contract."""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from libc.stdlib cimport calloc, free

from tlsmgm._core.capi cimport (
    TLSMGM_CONTRACT_VERSION,
    TLSMGM_CTX_CAPSULE,
    TLSMGM_GREETING_CAPSULE,
    tlsmgm_ctx_handle,
    tlsmgm_greetings,
)
from tlsmgm._core.context cimport Context

from tlsmgm.errors import UnsupportedError


cdef int _check_version(object contract_version) except -1:
    if contract_version == TLSMGM_CONTRACT_VERSION:
        return 0
    raise UnsupportedError(
        f"the program was compiled for version {contract_version} of the contract, this tlsmgm "
        f"speaks {TLSMGM_CONTRACT_VERSION}; compile it anew with the headers of "
        "tlsmgm.get_include()"
    )


cdef void _free_handle(object capsule) noexcept:
    cdef tlsmgm_ctx_handle *handle
    handle = <tlsmgm_ctx_handle *> PyCapsule_GetPointer(capsule, TLSMGM_CTX_CAPSULE)
    handle.backend.ctx_free(handle.ctx)
    free(handle)


def context_capsule(Context context not None, contract_version):
    """A context for C, as ``struct tlsmgm_ctx_handle``.

    Args:
        context: of ``manager.server_context()`` or ``manager.client_context()``.
        contract_version: ``TLSMGM_CONTRACT_VERSION`` that the caller was compiled with.

    Returns:
        A capsule named ``TLSMGM_CTX_CAPSULE``, which keeps the context alive. Session tickets are
        sealed with keys that are in force now, so ask again for later connections.

    Raises:
        UnsupportedError: the caller was compiled for another version of the contract.
    """
    cdef tlsmgm_ctx_handle *handle
    _check_version(contract_version)
    if context.ticket_keys is not None:
        context.ticket_keys.refresh()
    handle = <tlsmgm_ctx_handle *> calloc(1, sizeof(tlsmgm_ctx_handle))
    if handle == NULL:
        raise MemoryError
    handle[0] = context.handle()
    handle.ctx = context.table.ctx_ref(context.ctx)
    try:
        return PyCapsule_New(handle, TLSMGM_CTX_CAPSULE, _free_handle)
    except BaseException:
        handle.backend.ctx_free(handle.ctx)
        free(handle)
        raise


def greeting_capsule(contract_version):
    """The reader of ClientHellos for C, as ``struct tlsmgm_greeting_table``.

    Args:
        contract_version: ``TLSMGM_CONTRACT_VERSION`` that the caller was compiled with.

    Returns:
        A capsule named ``TLSMGM_GREETING_CAPSULE``.

    Raises:
        UnsupportedError: the caller was compiled for another version of the contract.
    """
    _check_version(contract_version)
    return PyCapsule_New(<void *> &tlsmgm_greetings, TLSMGM_GREETING_CAPSULE, NULL)
