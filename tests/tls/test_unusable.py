"""What is said to be of use to nobody is: the most lenient client of the same library fails."""

from __future__ import annotations

import pytest

from tests.support.managers import client_domain, connect, manager_of, server_domain
from tests.support.pki import Authority
from tlsmgm import TLSError
from tlsmgm._checks.unusable import unusable

RSA, ECDSA = "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"
OLD = "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA"

#: ``tls_method``, ``cipher_list``, kind of the key, and the parameter that is blamed, if one is.
CASES = [
    ("TLSv1", None, "rsa", "tls_method"),
    ("TLSv1", "DEFAULT", "rsa", "tls_method"),
    ("TLSv1", "ALL:@SECLEVEL=1", "rsa", "tls_method"),
    ("TLSv1", "ALL:@SECLEVEL=0:@SECLEVEL=1", "ec", "tls_method"),
    ("TLSv1", "ALL:@SECLEVEL=1:@SECLEVEL=0", "ec", None),
    ("TLSv1", f"{OLD}:@SECLEVEL=0", "rsa", None),
    ("TLSv1", f"{RSA}:{ECDSA}:@SECLEVEL=0", "rsa", "cipher_list"),
    ("-TLSv1", f"{RSA}:{ECDSA}:@SECLEVEL=0", "ec", "cipher_list"),
    ("TLSv1", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0", "ec", "cipher_list"),
    ("TLSv1-TLSv1_2", None, "rsa", None),
    ("TLSv1-TLSv1_2", f"{RSA}:@SECLEVEL=0", "rsa", None),
    ("TLSv1_2", RSA, "rsa", None),
    ("TLSv1_2", RSA, "ec", "cipher_list"),
    ("TLSv1_2", ECDSA, "rsa", "cipher_list"),
    ("TLSv1_2", ECDSA, "ec", None),
    ("TLSv1_2", ECDSA, "ed25519", None),
    ("TLSv1_2", RSA, "ed25519", "cipher_list"),
    ("TLSv1_2", f"{RSA}:{ECDSA}", "ec", None),
    ("TLSv1_2-", RSA, "ec", None),
    ("TLSv1_3", RSA, "ec", None),
]


@pytest.mark.parametrize(("method", "ciphers", "kind", "blamed"), CASES)
def test_what_is_said_of_a_domain_is_so(
    library: str, method: str, ciphers: str | None, kind: str, blamed: str | None
) -> None:
    if library == "wolfssl" and method in ("TLSv1", "-TLSv1"):
        pytest.skip("wolfSSL refuses the domain")
    root = Authority("root")
    domain = server_domain(
        **root.issue("leaf", names=["dom1.test"], kind=kind).fields(),
        method=method,
        cipher_list=ciphers,
    )
    found = list(unusable(domain, {"rsa" if kind == "rsa" else "ecdsa"}, [library]))
    assert [item.parameter for item in found] == ([blamed] if blamed else [])
    lenient = "ALL:@SECLEVEL=0" if library == "openssl" else "ALL"
    client = manager_of(library, client_domain(ca_list=root.pem, cipher_list=lenient))
    server = manager_of(library, domain)
    if blamed:
        with pytest.raises(TLSError):
            connect(server, client)
    else:
        connect(server, client)


def test_what_cannot_be_judged_is_not_judged() -> None:
    domain = server_domain(method="TLSv1_2", cipher_list=RSA)
    assert list(unusable(domain, (), ["openssl"])) == []  # a key that cannot be read
    assert list(unusable(domain, {"ecdsa"}, [])) == []
    assert list(unusable(domain, {"ecdsa", "rsa"}, ["wolfssl"])) == []  # two certificates
    unknown = domain.replace(cipher_list="NO-SUCH-SUITE")  # loading tells
    assert list(unusable(unknown, {"ecdsa"}, ["openssl"])) == []
    old = domain.replace(method="TLSv1")
    assert list(unusable(old, {"rsa"}, ["wolfssl"])) == []  # loading tells
