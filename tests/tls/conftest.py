"""A small PKI of its own for the tests of this folder."""

from __future__ import annotations

from tests.support.small_pki import deep_site, deep_user, middle, root, site, user

__all__ = ["deep_site", "deep_user", "middle", "root", "site", "user"]
