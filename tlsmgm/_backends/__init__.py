"""TLS libraries: which are here, and which one to use.

A backend is an extension module with an attribute ``backend``, a capsule of the C contract. It is
found through the entry-point group ``tlsmgm.backends``, so a third one can come from elsewhere.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from dataclasses import dataclass

from tlsmgm._core.backend import Backend
from tlsmgm.errors import ConfigError, TLSError, UnsupportedError

__all__ = [
    "Backend",
    "BackendInfo",
    "known_libraries",
    "libraries",
    "load",
    "refused",
    "select",
]

ENTRY_POINT_GROUP = "tlsmgm.backends"

#: Where our own backends live, the one that ``"auto"`` tries first in front; a checkout has all of
#: them, and works without being installed.  ``csrc/manifest.toml`` has the same rows for builds.
_OWN_MODULES = {"openssl": "tlsmgm._backends._openssl", "wolfssl": "tlsmgm_wolfssl._wolfssl"}

#: What to do about a library that is not there.
_HINTS = {"wolfssl": "pip install 'tlsmgm[wolfssl]'"}


_loaded: dict[str, Backend] = {}


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """A TLS library that can be used.

    Attributes:
        version: the library's own version, such as ``"3.5.4"``.
        features: names of what it can do beyond TLS 1.2, such as ``"tls1_3"``.
        source: where its source code came from; empty for a library that somebody else has built.
        patches: what was changed in it.
    """

    version: str
    features: frozenset[str]
    source: str = ""
    patches: tuple[str, ...] = ()


@functools.cache
def _modules() -> dict[str, str]:
    found = dict(_OWN_MODULES)
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        found.setdefault(entry.name, entry.value)
    return found


def known_libraries() -> tuple[str, ...]:
    """What ``tls_library`` may be (tls_mgm manual 1.9.2), whether it can be used here or not."""
    return ("auto", "none", *_modules())


def load(name: str) -> Backend:
    """The backend of that name, ready for use; the same object each time.

    Raises:
        UnsupportedError: it is not installed, or does not fit this tlsmgm.
    """
    found = _loaded.get(name)
    # Of two threads that load it at once, one throws its object away: sessions belong to one.
    return _loaded.setdefault(name, _load(name)) if found is None else found


def _load(name: str) -> Backend:
    module_name = _modules().get(name)
    if module_name is None:
        raise UnsupportedError(f"there is no TLS library {name!r}", backend=name)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UnsupportedError(
            f"the TLS library {name!r} is not available: {error}",
            hint=_HINTS.get(name),
            backend=name,
        ) from error
    try:
        return Backend(module.backend)
    except UnsupportedError as error:
        raise UnsupportedError(
            f"the TLS library {name!r}, from {module_name}, cannot be used: {error}", backend=name
        ) from error


def libraries() -> dict[str, BackendInfo]:
    """The TLS libraries that can be used here, by name."""
    found = {}
    for name in _modules():
        try:
            backend = load(name)
        except TLSError:
            continue
        module = importlib.import_module(_modules()[name])
        # Backends of other distributions need not say so much.
        source, patches = getattr(module, "source", ""), getattr(module, "patches", ())
        found[name] = BackendInfo(backend.version, backend.features, source, patches)
    return found


def refused() -> dict[str, str]:
    """Backends that are installed but cannot be used, each with what is wrong with it."""
    found = {}
    for name in _modules():
        try:
            load(name)
        except TLSError as error:
            if not isinstance(error.__cause__, ModuleNotFoundError):
                found[name] = str(error)
    return found


def select(library: str) -> Backend | None:
    """The backend that ``tls_library`` asks for; None for ``"none"``.

    Args:
        library: ``"auto"`` (openssl if present, else wolfssl), ``"none"``, or a library's name.

    Raises:
        ConfigError: there is no such library, or none at all for ``"auto"``.

    Source: tls_mgm manual 1.9.2.
    """
    wanted = library.lower()
    if wanted == "none":
        return None
    if wanted not in known_libraries():
        raise ConfigError(
            f"{library!r} is no TLS library",
            parameter="tls_library",
            hint=f"choose one of {', '.join(known_libraries())}",
        )
    candidates = list(_OWN_MODULES) if wanted == "auto" else [wanted]
    reasons = []
    for name in candidates:
        try:
            return load(name)
        except UnsupportedError as error:
            reasons.append(str(error))
    raise ConfigError("; ".join(reasons), parameter="tls_library")
