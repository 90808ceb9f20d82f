"""What programs in C and Cython get from us: capsules of the public part of the contract."""

from tlsmgm._core.context import Context

# Capsules have no type that a program could name.
def context_capsule(context: Context, contract_version: int) -> object:
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

def greeting_capsule(contract_version: int) -> object:
    """The reader of ClientHellos for C, as ``struct tlsmgm_greeting_table``.

    Args:
        contract_version: ``TLSMGM_CONTRACT_VERSION`` that the caller was compiled with.

    Returns:
        A capsule named ``TLSMGM_GREETING_CAPSULE``.

    Raises:
        UnsupportedError: the caller was compiled for another version of the contract.
    """
