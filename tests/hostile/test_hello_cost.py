"""What a stranger's hello costs a server whose CRL is large: no more than without one."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.support.hello import real_hello
from tests.support.managers import LOCAL
from tests.support.memory import resident_when_collected
from tests.support.pki import Authority, write_crls
from tests.support.sanitizers import IS_SANITIZED
from tlsmgm import Domain, TLSManager

#: Parsed anew for each hello, so many entries would take megabytes each time.
ENTRIES = 20_000

HELLOS = 100

#: Bytes by which a hello may cost more than at a domain without CRL.
MORE_MAX = 200_000


def large_crl(root: Authority) -> bytes:
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateRevocationListBuilder().issuer_name(root.name)
    builder = builder.last_update(now - day).next_update(now + 30 * day)
    for serial in range(1, ENTRIES + 1):
        entry = x509.RevokedCertificateBuilder().serial_number(serial << 64).revocation_date(now)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(root.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def memory_of_hellos(library: str, fields: dict[str, Any]) -> float:
    """Bytes that each connection takes after its hello, while all of them wait."""
    manager = TLSManager(library)
    manager.add_domain(Domain("dom1", "server", **fields))
    hello = real_hello("dom1.test")

    def greet() -> Any:
        connection = manager.server_connection(LOCAL)
        connection.feed(hello)
        connection.handshake()
        connection.drain()
        return connection

    greet()
    before = resident_when_collected()
    waiting = [greet() for _ in range(HELLOS)]
    return (resident_when_collected() - before) / len(waiting)


@pytest.mark.skipif(IS_SANITIZED, reason="a sanitizer's own memory hides ours")
def test_a_bare_hello_costs_no_more_with_a_large_crl(library: str, tmp_path: Path) -> None:
    root = Authority("root")
    fields = {**root.issue(names=["dom1.test"]).fields(), "ca_list": root.pem}
    plain = memory_of_hellos(library, fields)
    listed = fields | {"crl_dir": write_crls(tmp_path / "crls", large_crl(root))}
    assert memory_of_hellos(library, listed) - plain < MORE_MAX
