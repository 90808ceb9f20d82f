"""Finite fields of RFC 7919 beside a domain's own Diffie-Hellman parameters."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.pki import dh_params
from tlsmgm import Domain
from tlsmgm._domains.finite_fields import default_finite_fields, finite_field_warning

NEW = frozenset({"rfc7919", "dh_params"})
OLD = NEW - {"rfc7919"}
WITH_DH: dict[str, Any] = {"dh_params": dh_params()[0]}


def test_more_fields_where_they_go_before_our_own_parameters() -> None:
    assert default_finite_fields(OLD) == "ffdhe2048"
    assert default_finite_fields(NEW).split(":") == ["ffdhe2048", "ffdhe3072", "ffdhe4096"]


@pytest.mark.parametrize(
    ("values", "warned"),
    [
        (WITH_DH | {"ec_curve": "x25519:secp256r1"}, True),
        (WITH_DH | {"ec_curve": "x25519", "method": "TLSv1_2-TLSv1_3"}, True),
        (WITH_DH | {"ec_curve": "x25519:ffdhe2048"}, False),
        (WITH_DH | {"ec_curve": "x25519:FFDHE3072"}, False),
        (WITH_DH | {"ec_curve": "x25519", "method": "TLSv1_3"}, False),
        (WITH_DH, False),
        ({"ec_curve": "x25519"}, False),
    ],
)
def test_a_list_of_groups_without_any_field(values: dict[str, Any], warned: bool) -> None:
    domain = Domain("one", "server", **values)
    told = finite_field_warning(domain, NEW)
    assert (told is not None) == warned
    assert told is None or "add ffdhe2048:ffdhe3072:ffdhe4096" in told
    assert finite_field_warning(domain, OLD) is None
    assert finite_field_warning(Domain("one", "client", **values), NEW) is None
