"""Which TLS library a context runs on."""

from __future__ import annotations

from tlsmgm import _backends
from tlsmgm._adapters.errors import ConfigError
from tlsmgm._core.backend import Backend
from tlsmgm.errors import PlacedError

__all__ = ["library_named"]


def library_named(name: str) -> Backend:
    """Return a TLS library.

    Args:
        name: ``"auto"``, or its own.

    Raises:
        ConfigError: there is no such library.
        TypeError: the name is no text.
    """
    if not isinstance(name, str):
        raise TypeError(f"library has to be a name, not {type(name).__name__}")
    known = [one for one in _backends.known_libraries() if one != "none"]
    hint = f"choose one of {', '.join(known)}"
    if name.lower() not in known:
        raise ConfigError(f"{name!r} is no TLS library", parameter="library", hint=hint)
    try:
        backend = _backends.select(name)
    except PlacedError as error:
        raise ConfigError(error.reason, parameter="library", hint=hint) from None
    assert backend is not None
    return backend
