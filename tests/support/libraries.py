"""TLS libraries that a test names: without one it is skipped, or the whole run is refused.

``TLSMGM_REQUIRE=openssl,wolfssl`` in the environment says which must be there, so that a build
which has lost one does not pass for a good one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NoReturn

import pytest

from tlsmgm._backends import libraries, refused

__all__ = [
    "LIBRARIES",
    "REQUIRE",
    "check_required",
    "installed",
    "lacks",
    "needs_library",
    "release_of",
    "required",
]

#: All that a test of a TLS library runs with.
LIBRARIES = ("openssl", "wolfssl")

#: Names libraries, separated by commas.
REQUIRE = "TLSMGM_REQUIRE"


def required(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the libraries that must be there."""
    names = environment.get(REQUIRE, "").split(",")
    return [name.strip() for name in names if name.strip()]


def check_required(environment: Mapping[str, str] = os.environ) -> None:
    """Refuse to go on where a library is missing that must be there.

    Args:
        environment: has the variable, or not.

    Raises:
        pytest.UsageError: there is no such library; the message says why, if that is known.
    """
    reasons = refused()
    for name in required(environment):
        if name not in libraries():
            why = reasons.get(name, "it is not installed")
            raise pytest.UsageError(f"{REQUIRE} names {name!r}, which cannot be used: {why}")


def installed(name: str) -> str:
    """Return the name of a library, or skip the test where it is missing."""
    if name not in libraries():
        pytest.skip(f"{name} is not installed")
    return name


def lacks(name: str, reason: object) -> NoReturn:
    """Skip a test that cannot have what it needs of a library, or fail where that must be there."""
    if name in required():
        pytest.fail(f"{REQUIRE} names {name!r}: {reason}")
    pytest.skip(str(reason))


def needs_library(*names: str) -> pytest.MarkDecorator:
    """Mark a test that names libraries of its own accord."""
    missing = [name for name in names if name not in libraries()]
    reason = f"{', '.join(missing)} is not installed" if missing else ""
    return pytest.mark.skipif(bool(missing), reason=reason)


def release_of(name: str) -> tuple[int, int]:
    """Return the first two numbers of a library's version, like ``(3, 5)``."""
    major, minor = libraries()[name].version.split(".")[:2]
    return int(major), int(minor)
