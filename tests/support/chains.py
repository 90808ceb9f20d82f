"""Chains judged without a handshake, by OpenSSL alone and by the path validator with wolfSSL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support import c_build
from tests.support.c_code import CCode


def judge(
    library: str,
    shown: Sequence[bytes],
    anchors: Sequence[bytes],
    crls: Sequence[bytes] = (),
    **question: Any,
) -> str:
    """Return what a library says of a chain.

    Args:
        library: ``"openssl"`` or ``"wolfssl"``.
        shown: DER of what the peer shows, its own certificate first.
        anchors: DER of what is trusted.
        crls: DER of revocation lists.
        question: other fields of ``struct tlsmgm_test_chain``; ``now`` is Unix time.

    Returns:
        "NONE" for a good one, a reason, or "UNREADABLE".
    """
    code = CCode(c_build.load(library))
    fields: dict[str, Any] = {"is_server": True, "verify_depth": 9, "name": ""} | question
    name = code.ffi.new("char[]", fields.pop("name").encode())
    chain, alive = code.ffi.new("struct tlsmgm_test_chain *", fields | {"name": name}), []
    for field, items in (("shown", shown), ("anchor", anchors), ("crl", crls)):
        views = [code.bytes_in(der) for der in items]
        array = code.ffi.new("struct tlsmgm_bytes[]", [view for view, _ in views])
        setattr(chain, field if field == "shown" else field + "s", array)
        setattr(chain, field + "_count", len(views))
        alive += [views, array]
    reason, depth = code.ffi.new("enum tlsmgm_verify_reason *"), code.ffi.new("int *")
    if not code.lib.tlsmgm_test_verify_chain(chain, reason, depth):
        return "UNREADABLE"
    word = code.ffi.string(code.ffi.cast("enum tlsmgm_verify_reason", reason[0]))
    return str(word).removeprefix("TLSMGM_VERIFY_")
