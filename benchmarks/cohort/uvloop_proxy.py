"""The same proxy under uvloop."""

from __future__ import annotations

import importlib.metadata
import ssl

from benchmarks.cohort.asyncio_proxy import AsyncioProxy
from benchmarks.cohort.setting import Absent

__all__ = ["UvloopProxy"]


class UvloopProxy(AsyncioProxy):
    """The proxy of programs/asyncio_proxy.py under uvloop."""

    name = "uvloop ssl="
    loop = "uvloop"

    def find(self) -> tuple[str, str]:
        """It is a package."""
        try:
            version = importlib.metadata.version("uvloop")
        except importlib.metadata.PackageNotFoundError:
            raise Absent("uvloop: pip install uvloop") from None
        return f"uvloop {version}", ssl.OPENSSL_VERSION
