"""From a domain to a native context: what the domain's values mean to a TLS library."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from dataclasses import dataclass

from tlsmgm._core.backend import Backend
from tlsmgm._core.context import Context
from tlsmgm._core.ticket_keys import TicketKeys
from tlsmgm.ciphers import check_cipher_list, default_ciphers, expand_for, split_tls13
from tlsmgm.domain import Domain, Source
from tlsmgm.errors import ConfigError
from tlsmgm.keylog import keylog_path
from tlsmgm.passphrase import passphrase_of
from tlsmgm.ticket_schedule import OwnSchedule, SharedSchedule
from tlsmgm.ticket_secrets import read_secrets
from tlsmgm.trust import Trust, trust_of

__all__ = ["BuiltContext", "Fingerprints", "build_context"]

#: Bytes of a scope; wolfSSL does not resume at all with 32.
_SCOPE_SIZE = 16

#: Parameters of a domain's own files.
_IDENTITY = ("certificate", "private_key", "certificate2", "private_key2")

_HYBRID_GROUP = "X25519MLKEM768"
_GROUPS = "x25519:secp256r1:secp384r1"

#: Fields whose values are no secret and no content of a file.
_PLAIN_FIELDS = tuple(
    item.name
    for item in dataclasses.fields(Domain)
    if item.name
    not in (
        *("certificate", "private_key", "ca_list", "dh_params"),
        *("certificate2", "private_key2", "ocsp_response"),
        *("private_key_passphrase", "origin"),
    )
)


@dataclass(frozen=True, slots=True)
class BuiltContext:
    """A context and what it was made from.

    Attributes:
        context: for connections.
        ticket_keys: key ring of the domain's session tickets; None for client domains.
        ticket_source: changes when the ring's keys come from somewhere else.
        fingerprint: changes when the domain or one of its files does.
        scope: changes when a rule about the peer does, or a client's own certificate; sessions
            end with it.
    """

    context: Context
    ticket_keys: TicketKeys | None
    ticket_source: bytes
    fingerprint: bytes
    scope: bytes


class Fingerprints:
    """Digests of what configuration files hold; each file is read once per load.

    Private keys are never read here: the state of their file stands for their content.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, bool], bytes] = {}

    def of_source(self, source: str | bytes | None, *, secret: bool = False) -> bytes:
        """Digest of PEM in memory or in a file; empty for None."""
        if source is None:
            return b""
        if isinstance(source, bytes):
            return hashlib.sha256(source).digest()
        return self._of_path(source, secret)

    def of_directory(self, path: str | None) -> bytes:
        """Digest of a directory's file names and contents; empty for None."""
        if path is None:
            return b""
        try:
            names = sorted(os.listdir(path))
        except OSError:
            return b"unreadable"  # the native loader says what is wrong
        parts = (
            name.encode("utf-8", "surrogateescape") + self._of_path(os.path.join(path, name), False)
            for name in names
        )
        return hashlib.sha256(b"".join(parts)).digest()

    def _of_path(self, path: str, secret: bool) -> bytes:
        key = (path, secret)
        if key not in self._known:
            self._known[key] = _digest_of_state(path) if secret else _digest_of_content(path)
        return self._known[key]


def _digest_of_content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b"unreadable"


def _digest_of_state(path: str) -> bytes:
    try:
        state = os.stat(path)
    except OSError:
        return b"unreadable"
    facts = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return hashlib.sha256(repr(facts).encode()).digest()


def _digest(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).digest()


def _scope(domain: Domain, trust: Trust, prints: Fingerprints) -> bytes:
    """A session may resume only where the same peer would be accepted again, and sees the same us.

    A server's own certificate is not in it: who resumes has chosen the server before.
    """
    return _digest(
        domain.kind,
        domain.name,
        domain.verify_cert,
        domain.require_cert,
        domain.verify_depth,
        str(domain.parsed_method),
        domain.cipher_list,
        domain.crl_check_all,
        domain.danger_skip_hostname_check,
        domain.identity,
        domain.peer_identity,
        domain.require_staple,
        domain.client_eku,
        prints.of_source(trust.ca_list),
        prints.of_directory(trust.ca_dir),
        prints.of_directory(domain.crl_dir),
        *_own_identity(domain, prints),
    )[:_SCOPE_SIZE]


def _own_identity(domain: Domain, prints: Fingerprints) -> tuple[bytes, ...]:
    """As whom a client is known to the servers that gave it sessions; the keys are those in it."""
    if domain.kind == "server":
        return ()
    return tuple(prints.of_source(item) for item in (domain.certificate, domain.certificate2))


def _sources(domain: Domain) -> tuple[Source | None, ...]:
    keys = domain.private_key, domain.private_key2
    return (*keys, *_public_sources(domain), domain.ca_list)


def _public_sources(domain: Domain) -> tuple[Source | None, ...]:
    return domain.certificate, domain.certificate2, domain.dh_params, domain.ocsp_response


def _fingerprint(
    domain: Domain, trust: Trust, scope: bytes, ticket_source: bytes, prints: Fingerprints
) -> bytes:
    keys = domain.private_key, domain.private_key2
    return _digest(
        [getattr(domain, name) for name in _PLAIN_FIELDS],
        [source if isinstance(source, str) else "" for source in _sources(domain)],
        _passphrase_print(domain),
        [prints.of_source(key, secret=isinstance(key, str)) for key in keys],
        [prints.of_source(source) for source in _public_sources(domain)],
        repr(trust),
        scope,
        ticket_source,
    )


def _passphrase_print(domain: Domain) -> object:
    """Stands for the passphrase; who must be asked for it is not asked for this."""
    value = domain.private_key_passphrase
    return id(value) if callable(value) else hashlib.sha256(value or b"").digest()


def _ticket_secrets(domain: Domain, shared: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Secrets of the domain's own file, else those that all domains share, else none."""
    if domain.ticket_key_file is None:
        return shared
    try:
        return read_secrets(domain.ticket_key_file)
    except ConfigError as error:
        raise error.at(parameter="ticket_key_file") from None


def _ticket_keys(
    domain: Domain, backend: Backend, scope: bytes, secrets: tuple[bytes, ...]
) -> TicketKeys:
    """A ring of new keys. The libraries have formats of their own, so they have other keys, too."""
    if not secrets:
        return TicketKeys(OwnSchedule(domain.ticket_rotation))
    label = backend.name.encode() + b"\0" + scope
    return TicketKeys(SharedSchedule(secrets, label, domain.ticket_rotation))


def _cipher_list(domain: Domain, backend: Backend) -> str | None:
    """The list in the library's own words, with our default for what the domain leaves open."""
    older, newer = _own_cipher_list(domain, backend)
    older = older or default_ciphers(backend.cipher_names, dhe=domain.dh_params is not None)
    return ":".join(part for part in (older, newer) if part) or None


def _own_cipher_list(domain: Domain, backend: Backend) -> tuple[str, str]:
    """Suites up to TLS 1.2 and of TLS 1.3; every word has been looked at."""
    text = domain.cipher_list
    if text is None:
        return "", ""
    try:
        if "cipher_expressions" not in backend.features:
            return split_tls13(expand_for(text, backend.cipher_names))
        check_cipher_list(text, backend.cipher_names, library=backend.name)
    except ConfigError as error:
        raise ConfigError(
            error.reason, parameter="cipher_list", hint=error.hint, backend=backend.name
        ) from None
    return split_tls13(text)


def _groups(domain: Domain, backend: Backend) -> str | None:
    """Groups of the key exchange; those of a client are the library's when the domain names none.

    A server's are those of Mozilla's intermediate profile, with the hybrid one in front where the
    library has it; OpenSSL asks a client once more for that one, rather than take another group
    behind the slash. In TLS 1.2 the list also says which curves a client's certificate may be on,
    and which finite fields may be used.
    """
    if domain.ec_curve is not None or domain.kind == "client":
        return domain.ec_curve
    groups = _GROUPS
    if domain.verify_cert:
        groups += ":secp521r1"
    if domain.dh_params is not None:
        groups += ":ffdhe2048"
    if "mlkem" not in backend.features:
        return groups
    separator = "/" if "cipher_expressions" in backend.features else ":"
    return _HYBRID_GROUP + separator + groups


def _alpn(protocols: tuple[str, ...]) -> bytes | None:
    if not protocols:
        return None
    names = [protocol.encode("utf-8") for protocol in protocols]
    return b"".join(bytes([len(name)]) + name for name in names)


def build_context(
    domain: Domain,
    backend: Backend,
    *,
    prints: Fingerprints | None = None,
    previous: BuiltContext | None = None,
    ticket_secrets: tuple[bytes, ...] = (),
) -> BuiltContext:
    """Build the native context of a domain, or keep the previous one when nothing changed.

    Args:
        domain: the domain.
        backend: the library.
        prints: digests shared by all domains of one load.
        previous: what the same domain had before.
        ticket_secrets: from which keys of session tickets follow, unless the domain has a file
            of its own; none: nobody else has the keys.

    Returns:
        The previous object when the domain and its files are the same; else a new context, with
        the previous key ring as long as the rules about the peer are the same.

    Raises:
        ConfigError: a value or a file cannot be used; domain and parameter are named.
    """
    prints = prints or Fingerprints()
    trust = trust_of(domain)
    scope = _scope(domain, trust, prints)
    try:
        secrets = _ticket_secrets(domain, ticket_secrets) if domain.kind == "server" else ()
        source = _digest(secrets, domain.ticket_rotation)
        fingerprint = _fingerprint(domain, trust, scope, source, prints)
        if previous is not None and previous.fingerprint == fingerprint:
            return previous
        keys = None
        if previous is not None and (previous.scope, previous.ticket_source) == (scope, source):
            keys = previous.ticket_keys
        elif domain.kind == "server":
            keys = _ticket_keys(domain, backend, scope, secrets)
        context = _new_context(domain, backend, trust, scope, keys)
    except ConfigError as error:
        raise error.at(
            origin=error.origin or domain.origin, domain=domain.name, hint=_advice(domain, error)
        ) from None
    return BuiltContext(context, keys, source, fingerprint, scope)


def _advice(domain: Domain, error: ConfigError) -> str | None:
    """Which file a complaint about certificate or key is of, and what may be wrong with it."""
    if error.hint is not None or error.parameter not in _IDENTITY:
        return error.hint
    advice = []
    value = getattr(domain, error.parameter)
    if isinstance(value, str) and value not in error.reason:
        advice.append(f"the file is {value}")
    has_passphrase = domain.private_key_passphrase or domain.private_key_passphrase_command
    if "pass phrase" in error.reason and not has_passphrase:
        advice.append("an encrypted one needs private_key_passphrase, or ..._passphrase_command")
    return "; ".join(advice) or None


def _new_context(
    domain: Domain, backend: Backend, trust: Trust, scope: bytes, keys: TicketKeys | None
) -> Context:
    method = domain.parsed_method
    return Context(
        backend,
        is_server=domain.kind == "server",
        domain=domain,
        name=domain.name,
        origin=None if domain.origin is None else str(domain.origin),
        lowest_version=int(method.lowest or 0),
        highest_version=int(method.highest or 0),
        cipher_list=_cipher_list(domain, backend),
        groups=_groups(domain, backend),
        certificate=domain.certificate,
        private_key=domain.private_key,
        certificate2=domain.certificate2,
        private_key2=domain.private_key2,
        passphrase=passphrase_of(domain),
        dh_params=domain.dh_params,
        ca_list=trust.ca_list,
        ca_dir=trust.ca_dir,
        crl_dir=domain.crl_dir,
        crl_check_all=domain.crl_check_all,
        ocsp_response=domain.ocsp_response,
        require_staple=domain.require_staple,
        verify_peer=domain.verify_cert,
        require_peer=domain.require_cert,
        verify_depth=domain.verify_depth,
        accept_server_eku=domain.client_eku == "client_or_server",
        sip_identity=domain.identity == "sip",
        peer_names=",".join(domain.peer_identity) or None,
        alpn=_alpn(domain.alpn),
        ticket_keys=keys,
        keylog_file=keylog_path(domain),
        scope=scope,
    )
