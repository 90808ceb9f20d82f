"""Certificates of peers as ``getpeercert()`` of Python's ``ssl`` shows them."""

from __future__ import annotations

import _ssl
import functools
import ssl
from collections.abc import Callable
from typing import Any

from tlsmgm._core.certificate import Certificate
from tlsmgm._material.memory_path import path_of

__all__ = ["as_dict"]


@functools.lru_cache(maxsize=64)
def _decoded(der: bytes) -> dict[str, Any]:
    # It is CPython's own, so that a field is there or not as it always was.
    with path_of(ssl.DER_cert_to_PEM_cert(der).encode()) as path:
        decode: Callable[[str], dict[str, Any]] = getattr(_ssl, "_test_decode_cert")  # noqa: B009
        return decode(path)


def as_dict(certificate: Certificate) -> dict[str, Any]:
    """Return the fields of a certificate.

    Args:
        certificate: ours.
    """
    return dict(_decoded(certificate.der))
