"""From a domain to a native context: what the domain's values mean to a TLS library."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tlsmgm._core.backend import Backend
from tlsmgm._core.context import Context
from tlsmgm._core.material import Folder, Material, secret_digest
from tlsmgm._core.ticket_keys import TicketKeys
from tlsmgm._domains.ciphers import LibraryCiphers, ciphers_for, default_ciphers
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.finite_fields import default_finite_fields
from tlsmgm._domains.parameters import PARAMETERS, PEM, of_kind
from tlsmgm._material.keylog import keylog_path
from tlsmgm._material.load_advice import crl_advice, foreign_key_advice
from tlsmgm._material.passphrase import passphrase_of
from tlsmgm._material.reading import FOLDER_FIELDS, Reader
from tlsmgm._material.ticket_schedule import OwnSchedule, SharedSchedule
from tlsmgm._material.ticket_secrets import secrets_of
from tlsmgm._material.trust import Trust, trust_of
from tlsmgm._native.validity import Validity, out_of_force, validities
from tlsmgm.errors import ConfigError

__all__ = ["BuiltContext", "build_context"]

#: Bytes of a scope; wolfSSL does not resume at all with 32.
_SCOPE_SIZE = 16

#: Parameters of a domain's own files.
_IDENTITY = tuple(
    item.field
    for item in PARAMETERS
    if item.kind in ("certificates", "key") and not item.about_peers
)
_KEYS = of_kind("key")

#: Parameters that sessions end with.
_ABOUT_PEERS = tuple(item.field for item in PARAMETERS if item.about_peers)

#: What a library gets the content of.
_CONTENT_FIELDS = of_kind(*PEM, "der")

_HYBRID_GROUP = "X25519MLKEM768"
_GROUPS = "x25519:secp256r1:secp384r1"

#: Fields whose values are no secret and no content of a file.
_PLAIN_FIELDS = tuple(
    item.name
    for item in dataclasses.fields(Domain)
    if item.name not in (*_CONTENT_FIELDS, *of_kind("secret"), "origin")
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
        warnings: pairs of a parameter and a sentence, of what can be used in part only.
        shown: when the domain's own certificates hold.
    """

    context: Context
    ticket_keys: TicketKeys | None
    ticket_source: bytes
    fingerprint: bytes
    scope: bytes
    warnings: tuple[tuple[str, str], ...]
    shown: tuple[Validity, ...]

    def complaints(self) -> Iterator[tuple[str, str]]:
        """Yield pairs of a parameter and a sentence: the warnings, and what does not hold now."""
        yield from self.warnings
        yield from out_of_force(self.shown, datetime.datetime.now(datetime.UTC))


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What the sources of a domain hold, all of it read once.

    Attributes:
        sources: by field; a file that was read, or a value in memory.
        folders: by field; the files of a directory.
    """

    sources: Mapping[str, Material | bytes | None]
    folders: Mapping[str, Folder | None]

    def digest(self, field: str) -> bytes:
        """Digest of what may be seen; empty if there is nothing."""
        value = self.sources[field]
        if value is None:
            return b""
        return value.digest if isinstance(value, Material) else hashlib.sha256(value).digest()

    def secret_digest(self, field: str) -> bytes:
        """Digest that says nothing of what it stands for."""
        value = self.sources[field]
        if value is None:
            return b""
        return value.secret_digest if isinstance(value, Material) else secret_digest(value)

    @property
    def warnings(self) -> Iterator[tuple[str, str]]:
        """What of the directories was passed over, by parameter."""
        for name, folder in self.folders.items():
            for text in () if folder is None else folder.warnings:
                yield name, text


def _read_inputs(domain: Domain, trust: Trust, reader: Reader) -> _Inputs:
    sources: dict[str, Material | bytes | None] = {}
    for field in _CONTENT_FIELDS:
        source = trust.ca_list if field == "ca_list" else getattr(domain, field)
        sources[field] = None if source is None else reader.content(source, field)
    folders: dict[str, Folder | None] = {}
    for field in FOLDER_FIELDS:
        path = trust.ca_dir if field == "ca_dir" else getattr(domain, field)
        folders[field] = None if path is None else reader.folder(path, field)
    return _Inputs(sources, folders)


def _digest(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).digest()


def _scope(domain: Domain, inputs: _Inputs) -> bytes:
    """A session may resume only where the same peer would be accepted again, and sees the same us.

    A server's own certificate is not in it: who resumes has chosen the server before.
    """
    rules = [_rule(domain, inputs, field) for field in _ABOUT_PEERS]
    return _digest(domain.kind, domain.name, rules, _own_identity(domain, inputs))[:_SCOPE_SIZE]


def _rule(domain: Domain, inputs: _Inputs, field: str) -> object:
    """The value of a parameter; where it names a file or a directory, what is in there."""
    if field in inputs.sources:
        return inputs.digest(field)
    if field in inputs.folders:
        folder = inputs.folders[field]
        return b"" if folder is None else folder.digest
    return getattr(domain, field)


def _own_identity(domain: Domain, inputs: _Inputs) -> tuple[bytes, ...]:
    """As whom a client is known to the servers that gave it sessions; the keys are those in it."""
    if domain.kind == "server":
        return ()
    return inputs.digest("certificate"), inputs.digest("certificate2")


def _fingerprint(
    domain: Domain, trust: Trust, inputs: _Inputs, scope: bytes, ticket_source: bytes
) -> bytes:
    values = [getattr(domain, field) for field in _CONTENT_FIELDS]
    return _digest(
        [getattr(domain, name) for name in _PLAIN_FIELDS],
        [value if isinstance(value, str) else "" for value in values],
        _passphrase_print(domain),
        [inputs.secret_digest(field) for field in _KEYS],
        [inputs.digest(field) for field in _CONTENT_FIELDS if field not in _KEYS],
        [trust.ca_list if isinstance(trust.ca_list, str) else "", trust.ca_dir],
        scope,
        ticket_source,
    )


def _passphrase_print(domain: Domain) -> object:
    """Stands for the passphrase; who must be asked for it is not asked for this."""
    value = domain.private_key_passphrase
    return id(value) if callable(value) else hashlib.sha256(value or b"").digest()


def _ticket_secrets(domain: Domain, shared: tuple[bytes, ...], reader: Reader) -> tuple[bytes, ...]:
    """Secrets of the domain's own file, else those that all domains share, else none."""
    path = domain.ticket_key_file
    if path is None:
        return shared
    try:
        return secrets_of(reader.file(path))
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


def _cipher_list(domain: Domain, backend: Backend, chosen: LibraryCiphers) -> str | None:
    """The list in the library's own words, with our default for what the domain leaves open."""
    dhe = domain.dh_params is not None
    older = chosen.older or default_ciphers(backend.cipher_names, dhe=dhe)
    return ":".join(part for part in (older, chosen.newer) if part) or None


def _own_ciphers(domain: Domain, backend: Backend) -> LibraryCiphers:
    """What the domain itself names; every word has been looked at."""
    text = domain.cipher_list
    if text is None:
        return LibraryCiphers("", "", ())
    has_expressions = "cipher_expressions" in backend.features
    try:
        return ciphers_for(text, backend.cipher_names, has_expressions=has_expressions)
    except ConfigError as error:
        raise ConfigError(
            error.reason, parameter="cipher_list", hint=error.hint, backend=backend.name
        ) from None


def _cipher_warnings(chosen: LibraryCiphers) -> tuple[tuple[str, str], ...]:
    """In the words of the OpenSSL backend, which says it of expressions."""
    return tuple(
        ("cipher_list", f'"{word}" fits no suite of this library') for word in chosen.unused
    )


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
        groups += f":{default_finite_fields(backend.features)}"
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
    reader: Reader,
    previous: BuiltContext | None = None,
    ticket_secrets: tuple[bytes, ...] = (),
) -> BuiltContext:
    """Build the native context of a domain, or keep the previous one when nothing changed.

    Args:
        domain: the domain.
        backend: the library.
        reader: of the load; what it has read is compared, and it is what the context is made of.
        previous: what the same domain had before.
        ticket_secrets: from which keys of session tickets follow, unless the domain has a file
            of its own; none: nobody else has the keys.

    Returns:
        The previous object when the domain and its files are the same; else a new context, with
        the previous key ring as long as the rules about the peer are the same.

    Raises:
        ConfigError: a value or a file cannot be used; domain and parameter are named.
    """
    try:
        reader.check()
        trust = trust_of(domain, reader)
        inputs = _read_inputs(domain, trust, reader)
        scope = _scope(domain, inputs)
        secrets: tuple[bytes, ...] = ()
        if domain.kind == "server":
            secrets = _ticket_secrets(domain, ticket_secrets, reader)
        source = _digest(secrets, domain.ticket_rotation)
        fingerprint = _fingerprint(domain, trust, inputs, scope, source)
        if previous is not None and previous.fingerprint == fingerprint:
            return previous
        keys = None
        if previous is not None and (previous.scope, previous.ticket_source) == (scope, source):
            keys = previous.ticket_keys
        elif domain.kind == "server":
            keys = _ticket_keys(domain, backend, scope, secrets)
        ciphers = _own_ciphers(domain, backend)
        context = _new_context(domain, backend, inputs, scope, keys, ciphers)
    except ConfigError as error:
        raise error.at(
            origin=error.origin or domain.origin,
            domain=domain.name,
            hint=_advice(domain, error, reader),
        ) from None
    warnings = (
        *_trust_warnings(trust),
        *inputs.warnings,
        *_cipher_warnings(ciphers),
        *context.warnings,
    )
    shown = validities(inputs.sources)
    return BuiltContext(context, keys, source, fingerprint, scope, warnings, shown)


def _trust_warnings(trust: Trust) -> tuple[tuple[str, str], ...]:
    return () if trust.warning is None else (("ca_list", trust.warning),)


def _advice(domain: Domain, error: ConfigError, reader: Reader) -> str | None:
    """Which file a complaint about certificate or key is of, and what may be wrong with it."""
    if error.hint is None and error.parameter == "crl_dir":
        return crl_advice(domain, error, reader)
    if error.hint is None and error.parameter == "ec_curve":
        return "names such as P-256, X25519 or X25519MLKEM768, separated by colons"
    if error.hint is not None or error.parameter not in _IDENTITY:
        return error.hint
    advice = [*foreign_key_advice(domain, error, reader)]
    value = getattr(domain, error.parameter)
    if isinstance(value, str) and value not in error.reason:
        advice.append(f"the file is {value}")
    has_passphrase = domain.private_key_passphrase or domain.private_key_passphrase_command
    if "pass phrase" in error.reason and not has_passphrase:
        advice.append("an encrypted one needs private_key_passphrase, or ..._passphrase_command")
    return "; ".join(advice) or None


def _new_context(
    domain: Domain,
    backend: Backend,
    inputs: _Inputs,
    scope: bytes,
    keys: TicketKeys | None,
    ciphers: LibraryCiphers,
) -> Context:
    method = domain.parsed_method
    ca_dir = inputs.folders["ca_dir"]
    sources: Mapping[str, Any] = inputs.sources  # by field, and so a context calls them
    return Context(
        backend,
        is_server=domain.kind == "server",
        domain=domain,
        name=domain.name,
        origin=None if domain.origin is None else str(domain.origin),
        lowest_version=int(method.lowest or 0),
        highest_version=int(method.highest or 0),
        cipher_list=_cipher_list(domain, backend, ciphers),
        groups=_groups(domain, backend),
        passphrase=passphrase_of(domain),
        **sources,
        ca_dir=None if ca_dir is None or ca_dir.is_missing else ca_dir,
        crl_dir=inputs.folders["crl_dir"],
        crl_check_all=domain.crl_check_all,
        require_staple=domain.require_staple,
        verify_peer=domain.verify_cert,
        require_peer=domain.require_cert,
        verify_depth=domain.verify_depth,
        min_rsa_bits=domain.min_rsa_bits or 0,
        accept_server_eku=domain.client_eku == "client_or_server",
        sip_identity=domain.identity == "sip",
        peer_names=",".join(domain.peer_identity) or None,
        alpn=_alpn(domain.alpn),
        ticket_keys=keys,
        keylog_file=keylog_path(domain),
        scope=scope,
    )
