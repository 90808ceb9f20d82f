"""Reading certificates: every variable of one connection, as for a log or a routing decision."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

import tlsmgm
from benchmarks.cohort.managed import make_client, make_server
from benchmarks.cohort.setting import Absent, Setting
from benchmarks.identity import SERVER_NAME, Identity
from benchmarks.model import Topic
from benchmarks.native.build import BuildError, LibraryMissingError
from benchmarks.rounds import Contestant, Plan, Turn
from benchmarks.workloads.bench import Bench
from benchmarks.workloads.handshakes import native_worker
from benchmarks.workloads.kinds import KINDS
from tlsmgm._domains.variables import VARIABLE_NAMES
from tlsmgm._native.connection import Connection

__all__ = ["established", "parsed_fields", "plans"]

_COUNT: Final = 1_000
_QUICK_COUNT: Final = 50

#: C is so much faster that the clock needs more of it.
_NATIVE_FACTOR: Final = 20

_LOCAL: Final = ("192.0.2.1", 5061)
_LIBRARIES: Final = ("openssl", "wolfssl")

_NAMES: Final[dict[str, ObjectIdentifier]] = {
    "cn": NameOID.COMMON_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "country": NameOID.COUNTRY_NAME,
    "state": NameOID.STATE_OR_PROVINCE_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "unit": NameOID.ORGANIZATIONAL_UNIT_NAME,
}
_ALT_NAMES: Final[dict[str, Any]] = {
    "email": x509.RFC822Name,
    "hostname": x509.DNSName,
    "uri": x509.UniformResourceIdentifier,
    "ip": x509.IPAddress,
}

_ABOUT: Final = (
    "CPU time to read all {count} $tls_* variables of one established server connection with "
    "mutual TLS: the fields of the peer's certificate and of our own, and those of the connection. "
    "cryptography starts from the DER of both certificates, reads the same fields of them, and "
    "nothing of a connection. The C contract reads the fields of one certificate into buffers."
)


def plans(bench: Bench) -> list[Plan]:
    """One topic."""
    topic = Topic(
        "fields",
        "Read all certificate fields of one connection",
        "µs",
        about=_ABOUT.format(count=len(VARIABLE_NAMES)),
        baseline="cryptography",
    )
    plan = Plan(topic, [])
    for library in _LIBRARIES:
        for make in (_variables, _native):
            try:
                plan.contestants.append(make(bench, library))
            except (Absent, LibraryMissingError, BuildError) as reason:
                plan.absent.append(f"fields: {reason}")
    plan.contestants.append(_cryptography(bench))
    return [plan]


def _count(bench: Bench) -> int:
    return _QUICK_COUNT if bench.quick else _COUNT


def established(library: str, identity: Identity) -> Connection:
    """Return the server's end of a connection with mutual TLS.

    Args:
        library: of both ends.
        identity: certificates.

    Raises:
        Absent: there is no such library.
    """
    if library not in tlsmgm.libraries():
        raise Absent(f"tlsmgm, {library}: this backend is not built; run make")
    setting = Setting(mutual=True)
    server = make_server(library, identity, setting).server_connection(_LOCAL)
    clients = make_client(library, identity, setting)
    client = clients.client_connection("client", server_name=SERVER_NAME)
    for _ in range(4):
        done = client.handshake()
        server.feed(client.drain())
        if server.handshake() and done:
            return server
        client.feed(server.drain())
    raise RuntimeError(f"tlsmgm, {library}: the handshake is stuck")


def _variables(bench: Bench, library: str) -> Contestant:
    server = established(library, bench.identity("ecdsa"))
    values = dict(server.variables)
    for name in ("tls_peer_subject_cn", "tls_my_subject_cn"):
        if values[name] is None:
            raise RuntimeError(f"tlsmgm, {library}: ${name} has no value")
    version = f"{library} {tlsmgm.libraries()[library].version}"
    return _timed(f"tlsmgm, {library}", version, lambda: dict(server.variables), _count(bench))


def _cryptography(bench: Bench) -> Contestant:
    identity = bench.identity("ecdsa")
    ders = []
    for path in (identity.client_certificate, identity.certificate):
        with open(path, "rb") as file:
            ders.append(tlsmgm.Certificate.from_pem(file.read())[0].der)
    peer, ours = ders
    version = f"cryptography {metadata.version('cryptography')}"
    return _timed(
        "cryptography", version, lambda: (parsed_fields(peer), parsed_fields(ours)), _count(bench)
    )


def parsed_fields(der: bytes) -> Mapping[str, str | None]:
    """Read with cryptography what the variables say about one certificate.

    Args:
        der: the certificate.

    Returns:
        Texts, by what follows ``tls_peer_`` in a variable's name; forms may differ.
    """
    certificate = x509.load_der_x509_certificate(der)
    found: dict[str, str | None] = {
        "version": str(certificate.version.value + 1),
        "serial": str(certificate.serial_number),
        "notBefore": str(certificate.not_valid_before_utc),
        "notAfter": str(certificate.not_valid_after_utc),
    }
    for which, name in (("subject", certificate.subject), ("issuer", certificate.issuer)):
        found[which] = name.rfc4514_string()
        for field, oid in _NAMES.items():
            found[f"{which}_{field}"] = _attribute(name, oid)
    found["subject_serial"] = _attribute(certificate.subject, NameOID.SERIAL_NUMBER)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    for field, kind in _ALT_NAMES.items():
        texts = [str(value) for value in names.get_values_for_type(kind)]
        found[f"san_{field}"] = ",".join(texts) or None
    return found


def _attribute(name: x509.Name, oid: ObjectIdentifier) -> str | None:
    values = name.get_attributes_for_oid(oid)
    return str(values[0].value) if values else None


def _timed(entrant: str, library: str, read: Callable[[], object], count: int) -> Contestant:
    def turn(part: float) -> Turn:
        times = max(1, round(count * part))
        begin = time.thread_time_ns()
        for _ in range(times):
            read()
        return Turn((time.thread_time_ns() - begin) / times / 1000)

    return Contestant(entrant, library, turn)


def _native(bench: Bench, library: str) -> Contestant:
    worker, facts = native_worker(bench, KINDS[0], library, "contract")
    count = _count(bench) * _NATIVE_FACTOR

    def turn(part: float) -> Turn:
        done = worker.fields(max(1, round(count * part)))
        return Turn(done.client_ns / done.count / 1000)

    version = f"{library} {facts.get('library_version', '')}".strip()
    return Contestant(f"C contract, {library}, one certificate", version, turn, worker.close)
