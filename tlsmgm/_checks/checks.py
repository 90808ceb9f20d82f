"""Checks of a configuration that go beyond "does it load": what will break, or never work.

Each check is a function that yields findings; :func:`check_config` runs them all.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from socket import getaddrinfo
from typing import Literal

from tlsmgm._backends import libraries as installed_libraries
from tlsmgm._backends import select
from tlsmgm._checks.certificate_checks import CertificateChecks
from tlsmgm._checks.contradictions import contradictions
from tlsmgm._checks.secret_files import open_files_of_config, open_secret_files, secret_paths
from tlsmgm._checks.staples import staple_warning
from tlsmgm._checks.unusable import unusable
from tlsmgm._checks.vulnerabilities import Build, known_against, too_old_to_know
from tlsmgm._config.model import Configuration, Socket
from tlsmgm._domains.addresses import join_host_port
from tlsmgm._domains.domain import Domain, Origin
from tlsmgm._domains.filters import NO_SERVER_NAME, Address, is_ip, pack_ip, parse_address
from tlsmgm._domains.finite_fields import finite_field_warning
from tlsmgm._domains.matching import find_shadowed
from tlsmgm._material.keylog import keylog_path
from tlsmgm._material.reading import Reader
from tlsmgm._material.trust import trust_of
from tlsmgm._native.contexts import build_context
from tlsmgm._serving.interfaces import interface_addresses, is_interface
from tlsmgm.errors import ConfigError, PlacedError, TLSError

__all__ = ["Finding", "check_config", "check_library", "finding_of_row", "has_errors"]

Severity = Literal["error", "warning"]

#: Parameters of server domains that have a default, which need not be there.
_WITH_DEFAULT = ("certificate", "private_key")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, or will be.

    Args:
        severity: an error makes the check fail.
        check: which check found it, one word.
        message: a sentence.
        kind: of the domain, if it is about one.
        domain: name of the domain.
        origin: where to look.
        library: the TLS library that complained.
    """

    severity: Severity
    check: str
    message: str
    kind: str | None = None
    domain: str | None = None
    origin: str | None = None
    library: str | None = None


def check_config(
    config: Configuration,
    libraries: Sequence[str],
    *,
    chosen: str | None = None,
    days: int | None = None,
    now: datetime.datetime | None = None,
) -> list[Finding]:
    """Run all checks.

    Args:
        config: a script that has been read.
        libraries: load each domain with each of these.
        chosen: the library that will be used, if that is known; what another one cannot load is a
            warning then.
        days: warn of certificates that expire within so many days; None: within 30, or within a
            third of their lifetime if that is less.
        now: the time to compare with; None: the clock.

    Returns:
        The findings, errors first.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    found = [Finding("warning", "script", text) for text in config.warnings]
    with Reader() as reader:
        certificates = CertificateChecks(reader, now, days)
        found += _check_files_of_config(config, reader)
        for domain in config.domains:
            found += _check_loading(config, domain, libraries, chosen, reader)
            found += _check_secret_files(config, domain, reader)
            for severity, check, parameter, message in certificates.complaints(domain):
                found.append(_about(config, domain, severity, check, parameter, message))
            found += _check_trust(config, domain, reader)
            found += _check_staple(config, domain, now, reader)
            found += _check_finite_fields(config, domain, libraries)
            found += _check_contradictions(config, domain)
            found += _check_usable(config, domain, libraries, chosen, certificates)
        found += _check_library_faults(config, libraries, reader)
    found += _check_shadowed(config)
    found += _check_hosts(config)
    found += _check_sockets(config)
    found += _check_sip_peers(config)
    found += _check_completeness(config)
    return sorted(found, key=lambda finding: finding.severity != "error")


def finding_of_row(error: PlacedError) -> Finding:
    """Say that a row of the database makes no domain.

    Args:
        error: why.
    """
    origin = None if error.origin is None else str(error.origin)
    what = error.column or error.parameter
    message = f"{what}: {error.reason}" if what else error.reason
    message += f" ({error.hint})" if error.hint else ""
    return Finding("error", "row", message, domain=error.domain, origin=origin)


def _about(
    config: Configuration,
    domain: Domain,
    severity: Severity,
    check: str,
    parameter: str,
    message: str,
    library: str | None = None,
) -> Finding:
    origin = config.origin_of(domain, parameter)
    return Finding(
        severity,
        check,
        message,
        kind=domain.kind,
        domain=domain.name,
        origin=str(origin) if origin else None,
        library=library,
    )


def _check_loading(
    config: Configuration,
    domain: Domain,
    libraries: Sequence[str],
    chosen: str | None,
    reader: Reader,
) -> Iterator[Finding]:
    """Files that are missing or broken, keys that do not match, ciphers that nobody knows."""
    told: dict[tuple[str, str], list[str]] = {}
    for library in libraries:
        try:
            backend = select(library)
            if backend is not None:
                for warning in build_context(domain, backend, reader=reader).warnings:
                    told.setdefault(warning, []).append(library)
        except TLSError as error:
            parameter = getattr(error, "parameter", None) or "name"
            reason = error.reason if isinstance(error, ConfigError) and error.reason else str(error)
            hint = error.hint if isinstance(error, ConfigError) and error.reason else None
            if parameter in _WITH_DEFAULT and config.is_default(domain, parameter):
                hint = f"nothing is set, so this is the default; set {parameter}"
            reason += f" ({hint})" if hint else ""
            message = reason if parameter == "name" else f"{parameter}: {reason}"
            severity: Severity = "error" if chosen in (library, None) else "warning"
            yield _about(config, domain, severity, "load", parameter, message, library)
    for (parameter, text), by in told.items():
        if text != trust_of(domain, reader).warning:  # see _check_trust()
            only = by[0] if len(by) == 1 and len(libraries) > 1 else None
            message = f"{parameter}: {text}"
            yield _about(config, domain, "warning", "load", parameter, message, only)


def _check_files_of_config(config: Configuration, reader: Reader) -> Iterator[Finding]:
    """A configuration or a database with secrets that others can read."""
    for message in open_files_of_config(config, reader):
        yield Finding("warning", "key-file", message, origin=config.path)


def _check_secret_files(config: Configuration, domain: Domain, reader: Reader) -> Iterator[Finding]:
    """Private keys and the like that others can read, or that are written to a log."""
    for parameter, message in open_secret_files(domain, reader.modes(secret_paths(domain))):
        yield _about(config, domain, "warning", "key-file", parameter, message)
    keylog = keylog_path(domain)
    if keylog is not None:
        message = f"secrets of all connections are written to {keylog}"
        yield _about(config, domain, "warning", "keylog", "keylog_file", message)


def _check_trust(config: Configuration, domain: Domain, reader: Reader) -> Iterator[Finding]:
    """A domain that verifies its peers, but by nobody's word."""
    warning = trust_of(domain, reader).warning
    if warning is not None:
        yield _about(config, domain, "warning", "trust", "ca_list", warning)


def _check_staple(
    config: Configuration, domain: Domain, now: datetime.datetime, reader: Reader
) -> Iterator[Finding]:
    """An OCSP response that has ended, although somebody was to replace it."""
    message = staple_warning(domain, reader, now)
    if message is not None:
        yield _about(config, domain, "warning", "staple", "ocsp_response", message)


def _check_finite_fields(
    config: Configuration, domain: Domain, libraries: Sequence[str]
) -> Iterator[Finding]:
    """Groups that leave nothing to clients which have Diffie-Hellman alone."""
    for library in libraries:
        backend = select(library)
        features = frozenset() if backend is None else backend.features
        message = finite_field_warning(domain, features)
        if message is not None:
            yield _about(config, domain, "warning", "groups", "ec_curve", message, library)


def _check_contradictions(config: Configuration, domain: Domain) -> Iterator[Finding]:
    """Values that do nothing because of others."""
    for parameter, text in contradictions(domain, config.default_values(domain.kind)):
        message = f"{parameter} {text}"
        yield _about(config, domain, "warning", "contradiction", parameter, message)


def _check_library_faults(
    config: Configuration, libraries: Sequence[str], reader: Reader
) -> Iterator[Finding]:
    """Published faults of the linked libraries that reach us, and that nothing here meets."""
    installed = installed_libraries()
    for library in (name for name in libraries if name in installed):
        info = installed[library]
        build = Build(library, info.version, info.source, info.patches)
        title = f"{library} {info.version}"
        old = too_old_to_know(build)
        if old is not None:
            yield Finding("warning", "library", f"{title}: {old}", library=library)
        for fault in (item for item in known_against(build) if not item.is_met):
            message = f"{title}: {fault.name}: {fault.what}; take a newer release"
            if not info.source:
                message += ", unless whoever built this one has mended it"
            if fault.concerns is None:
                yield Finding("warning", "library", message, library=library)
                continue
            for domain in (item for item in config.domains if fault.concerns(item, reader)):
                yield _about(config, domain, "warning", "library", "certificate", message, library)


def _check_usable(
    config: Configuration,
    domain: Domain,
    libraries: Sequence[str],
    chosen: str | None,
    certificates: CertificateChecks,
) -> Iterator[Finding]:
    """Versions, suites and certificates that leave nothing in common with anybody."""
    for complaint in unusable(domain, certificates.key_kinds(domain), libraries):
        severity: Severity = "error" if chosen in (complaint.library or chosen, None) else "warning"
        yield _about(
            config,
            domain,
            severity,
            "version",
            complaint.parameter,
            f"nobody can connect: {complaint.message}",
            complaint.library,
        )


def _check_shadowed(config: Configuration) -> Iterator[Finding]:
    """Filters that can never win."""
    for shadowed in find_shadowed(config.domains):
        yield Finding(
            "warning",
            "shadowed",
            f"filter {shadowed.name_filter!r} at address {shadowed.address!r} never matches: "
            f"{shadowed.by_filter!r} of domain {shadowed.by_domain!r} goes before it",
            kind=shadowed.kind,
            domain=shadowed.domain,
            origin=_text(shadowed.origin),
        )


def _check_hosts(config: Configuration) -> Iterator[Finding]:
    """Sockets that nobody serves; interfaces that this machine has not, or without address."""
    told: set[str] = set()
    for socket in config.sockets:
        if socket.protocol == "any" and config.loaded_modules is None:  # Scripts have told.
            text = join_host_port(socket.host, socket.port)
            message = f"{text} names no protocol, so nothing serves it; for TLS write tls:{text}"
            yield Finding("warning", "socket", message, origin=str(socket.origin))
        if not socket.is_tls or socket.host in told or not _is_interface_like(socket.host):
            continue
        told.add(socket.host)
        name = repr(socket.host)
        if interface_addresses(socket.host) == []:
            message = f"interface {name} has no address here"
        elif is_interface(socket.host) or _is_host(socket.host):
            continue
        else:
            message = f"there is neither an interface nor a host {name} here"
        message += f", so nothing can listen on {socket.protocol}:{socket.host}:{socket.port}"
        yield Finding("warning", "socket", message, origin=str(socket.origin))


def _is_interface_like(host: str) -> bool:
    """Whether a host may be an interface such as ``eth0.100``; other names are left to the DNS."""
    is_name = host != "*" and not is_ip(host)
    return is_name and ("." not in host or host.rpartition(".")[2].isdigit())


def _is_host(name: str) -> bool:
    try:
        return bool(getaddrinfo(name, None))
    except (OSError, UnicodeError):
        return False


def _check_sockets(config: Configuration) -> Iterator[Finding]:
    """Addresses of server domains where no TLS socket of the script listens."""
    listening = _listening(config)
    if listening is None:
        return
    for domain in config.domains:
        for written in domain.match_ip_address if domain.kind == "server" else ():
            address = parse_address(written)
            if address is not None and (address.packed, address.port) not in listening:
                message = f"no TLS socket of the script listens on {written}"
                yield _about(config, domain, "warning", "socket", "match_ip_address", message)


def _check_sip_peers(config: Configuration) -> Iterator[Finding]:
    """SIP sockets on which every client must send a server name, which hardly any SIP peer does."""
    if config.loaded_modules is None or config.database is not None:
        return  # no script of OpenSIPS, or rows that may answer
    servers = [domain for domain in config.domains if domain.kind == "server"]
    told: set[tuple[str, str]] = set()  # One for all ports of a range.
    for socket in config.sockets:
        key = str(socket.origin), socket.host
        if socket.protocol != "tls" or key in told:
            continue
        if not _answers_without_name(servers, socket):
            told.add(key)
            message = (
                "no server domain answers clients without a server name on "
                f"tls:{join_host_port(socket.host, socket.port)}, and SIP peers send none, "
                'OpenSIPS included: give one of them match_sip_domain "none" or "*"'
            )
            yield Finding("warning", "server-name", message, origin=str(socket.origin))


def _answers_without_name(servers: Sequence[Domain], socket: Socket) -> bool:
    """Whether clients without a name are served on all addresses; without domains, nobody is."""
    addresses = _addresses(socket)
    groups = [servers] if addresses is None else [_answering(servers, item) for item in addresses]
    return all(
        any({NO_SERVER_NAME, "*"}.intersection(domain.match_sip_domain) for domain in group)
        for group in groups
        if group
    )


def _addresses(socket: Socket) -> list[Address] | None:
    """Where a socket listens, those of an interface here; None if that cannot be known."""
    try:
        address = Address(pack_ip(socket.host), socket.port)
    except ConfigError:
        hosts = interface_addresses(socket.host)
        return [Address(pack_ip(host), socket.port) for host in hosts] if hosts else None
    return None if address.ip.is_unspecified else [address]


def _answering(servers: Sequence[Domain], address: Address) -> Sequence[Domain]:
    """The domains whose names count at an address."""
    named: list[Domain] = []
    others: list[Domain] = []
    for domain in servers:
        for written in map(parse_address, domain.match_ip_address):
            if written is None:
                others.append(domain)
            elif (written.packed, written.port) == (address.packed, address.port):
                named.append(domain)
    return named or others


def _check_completeness(config: Configuration) -> Iterator[Finding]:
    """What keeps a program from starting, although every line can be read."""
    if not config.domains:
        yield Finding("error", "script", "the script defines no TLS domain", origin=config.path)
    serves = any(domain.kind == "server" for domain in config.domains)
    if config.domains and not serves and any(socket.is_tls for socket in config.sockets):
        message = "there is a TLS socket but no server domain to answer on it"
        yield Finding("error", "script", message, origin=config.path)
    if serves and config.sockets and not any(socket.is_tls for socket in config.sockets):
        message = "there are server domains, but none of the sockets speaks TLS"
        yield Finding("warning", "socket", message, origin=config.path)


def _listening(config: Configuration) -> set[tuple[bytes, int]] | None:
    """The addresses of all TLS sockets; None if they cannot be known, or there are none."""
    found: set[tuple[bytes, int]] = set()
    for item in config.sockets:
        addresses = _addresses(item) if item.is_tls else []
        if addresses is None:
            return None  # A name, or "*".
        found.update((address.packed, address.port) for address in addresses)
    return found or None


def _text(origin: Origin | None) -> str | None:
    return str(origin) if origin else None


def check_library(config: Configuration) -> list[Finding]:
    """Say whether the script chooses a TLS library, and whether that one can be used.

    Returns:
        One warning when it chooses none, for a program then needs to be told; one error when the
        chosen one is not there.
    """
    try:
        wanted = config.resolve_library()
    except ConfigError as error:
        message = f'tls_library {error.reason}; add loadmodule "tls_openssl.so" or '
        message += '"tls_wolfssl.so", or say --library'
        return [Finding("warning", "library", message, origin=config.path)]
    try:
        select(wanted)
    except ConfigError as error:
        return [Finding("error", "library", str(error), origin=config.path)]
    return []


def has_errors(findings: Iterable[Finding]) -> bool:
    """Say whether a check has failed.

    Args:
        findings: of :func:`check_config`.
    """
    return any(finding.severity == "error" for finding in findings)
