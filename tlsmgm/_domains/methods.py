"""The ``tls_method`` parameter: which TLS versions a domain speaks (manual 1.9.3).

A method is one name or a range of two::

    SSLv23, TLSany           every version that the library and its security level allow
    TLSv1 TLSv1_2 TLSv1_3    this version alone
    LOW-HIGH                 from LOW to HIGH; an end that is left out is the lowest, the highest

Names are case-insensitive.  ``TLSv1_1`` is no name, but lies inside ``TLSv1-TLSv1_2``.
"""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass

from tlsmgm._domains.words import did_you_mean
from tlsmgm.errors import ConfigError

__all__ = ["ANY_METHOD", "Method", "TLSVersion", "parse_method"]


class TLSVersion(enum.IntEnum):
    """TLS versions by their wire value (RFC 8446 section 4.2.1).

    Attributes:
        TLSv1: RFC 2246.
        TLSv1_1: RFC 4346; the manual has no word for it alone.
        TLSv1_2: RFC 5246.
        TLSv1_3: RFC 8446.
    """

    TLSv1 = 0x0301
    TLSv1_1 = 0x0302
    TLSv1_2 = 0x0303
    TLSv1_3 = 0x0304


@dataclass(frozen=True, slots=True)
class Method:
    """A method, read.

    Args:
        lowest: lowest version allowed; None leaves it to the library.
        highest: highest version allowed; None leaves it to the library.

    Both are None for ``SSLv23``, and neither is for anything else: the open ends of a range are
    TLS 1.0 and TLS 1.3.
    """

    lowest: TLSVersion | None
    highest: TLSVersion | None

    @property
    def text(self) -> str:
        """The form that ``tls_list`` prints, with open ends filled in."""
        if self.lowest is None or self.highest is None:
            return "SSLv23"
        if self.lowest == self.highest:
            return self.lowest.name
        return f"{self.lowest.name}-{self.highest.name}"

    @property
    def versions(self) -> tuple[TLSVersion, ...]:
        """Every version that the method allows, lowest first."""
        return tuple(version for version in TLSVersion if self.allows(version))

    def allows(self, version: int) -> bool:
        """Tell whether the method allows a version.

        Args:
            version: wire value, 0x0301 to 0x0304.

        Returns:
            True if a connection may settle on it, as far as the library can speak it.
        """
        above = self.lowest is None or version >= self.lowest
        return above and (self.highest is None or version <= self.highest)


#: ``SSLv23``, the default of every domain.
ANY_METHOD = Method(None, None)

_ANY_NAMES = ("SSLv23", "TLSany")
_ANY_LOWERED = {name.lower() for name in _ANY_NAMES}
_VERSIONS = (TLSVersion.TLSv1, TLSVersion.TLSv1_2, TLSVersion.TLSv1_3)
_BY_NAME = {version.name.lower(): version for version in _VERSIONS}
_NAMES = (*_ANY_NAMES, *(version.name for version in _VERSIONS))


@functools.lru_cache(maxsize=256)  # thousands of domains have the same few
def parse_method(text: str) -> Method:
    """Read a method.

    Args:
        text: a name or a range, in any case; space around the dash is allowed.

    Returns:
        The method with its open ends resolved.

    Raises:
        ConfigError: an unknown name, or a range whose low end is above its high end.

    See the manual, 1.9.3.
    """
    written = text.strip()
    if not written:
        raise ConfigError("is empty", hint="known methods: " + ", ".join(_NAMES))
    if written.lower() in _ANY_LOWERED:
        return ANY_METHOD
    low_text, dash, high_text = (part.strip() for part in written.partition("-"))
    if not dash:
        version = _version(written)
        return Method(version, version)
    low = _version(low_text) if low_text else TLSVersion.TLSv1
    high = _version(high_text) if high_text else TLSVersion.TLSv1_3
    if low > high:
        raise ConfigError(
            f"range {written!r} is empty", hint=f"write {high.name}-{low.name} for low to high"
        )
    return Method(low, high)


def _version(name: str) -> TLSVersion:
    found = _BY_NAME.get(name.lower())
    if found is not None:
        return found
    if name.lower() in _ANY_LOWERED:
        raise ConfigError(f"{name!r} cannot be an end of a range", hint="leave the end out")
    if name.lower() == "tlsv1_1":
        raise ConfigError(f"unknown method {name!r}", hint="TLSv1-TLSv1_2 includes TLS 1.1")
    hint = did_you_mean(name, _NAMES, fold=str.lower)
    raise ConfigError(f"unknown method {name!r}", hint=hint or "known: " + ", ".join(_NAMES))
