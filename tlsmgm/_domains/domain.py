"""The TLS domain: one named set of TLS parameters, as a value.

A :class:`Domain` is immutable, compares by value, and has passed every check that needs no file,
no library and no other domain.  What is the default of what, see the manual, 1.5;
:mod:`tlsmgm._domains.defaults` has the part of it that depends on where the configuration lies.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from tlsmgm._domains.defaults import (
    DEFAULT_METHOD,
    DEFAULT_TICKET_ROTATION,
    DEFAULT_VERIFY_DEPTH,
    DomainKind,
)
from tlsmgm._domains.friendly import WORDS, manual_values
from tlsmgm._domains.methods import Method, parse_method
from tlsmgm._domains.parameters import PARAMETERS, of_kind
from tlsmgm._domains.values import PEM_START, AnySource, Source, as_kind, as_text
from tlsmgm.errors import ConfigError

if TYPE_CHECKING:
    import ssl

__all__ = [
    "AnySource",
    "ClientAuth",
    "ClientEKU",
    "Domain",
    "DomainKind",
    "Identity",
    "Origin",
    "Source",
    "normalise",
]

#: How a name is looked for in a certificate: RFC 9525, or RFC 5922 for SIP.
Identity = Literal["host", "sip"]

#: What clients' certificates must be for: clients, or clients or servers (RFC 5280 4.2.1.12).
ClientEKU = Literal["client", "client_or_server"]

#: What a server asks of its clients' certificates.
ClientAuth = Literal["none", "optional", "required"]

#: Makes a context of Python's own ``ssl`` for a domain.  That room stands above this one, so the
#: package hands it down when it is imported.
ssl_context_maker: Callable[[Domain], ssl.SSLContext] | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was written.

    Args:
        file: path of the file, or the name of another source.
        line: line number from 1, or None where there are no lines.
    """

    file: str
    line: int | None = None

    def __str__(self) -> str:
        """``file:line``, as compilers print it."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


class _Told:
    """What a domain remembers of how it was made, beside its value."""

    __slots__ = ("_demands",)

    _demands: bool


@dataclass(frozen=True, slots=True, repr=False)
class Domain(_Told):
    """A TLS domain: what a proxy shows, accepts and asks for on some of its connections.

    Args:
        name: for identification; unique per kind.
        kind: ``"server"`` for incoming connections, ``"client"`` for outgoing ones.
        match_ip_address: address filters ``IP:port`` or ``*``, for the listening socket of a server
            domain, the destination of a client domain; a comma list or an iterable.
        match_sip_domain: names, shell patterns such as ``*.atlanta.com``, or ``*``, for the server
            name (SNI) of a server domain, the SIP domain of a client domain; ``none`` fits clients
            that send no server name; a comma list or an iterable. Labels outside ASCII are compared
            as A-labels (IDNA 2008).
        method: TLS versions: ``SSLv23`` or ``TLSany``, all that the library offers, ``TLSv1``,
            ``TLSv1_2``, ``TLSv1_3``, or a range such as ``TLSv1_2-``.
        verify_cert: ask for the peer's certificate and refuse a bad one.
        require_cert: refuse clients without certificate; left out, server domains do. It has no
            meaning for client domains.
        certificate: leaf first, then its chain; a path, or PEM as bytes or text. A client domain
            without it shows none.
        private_key: of the certificate; a path, or PEM as bytes or text.
        certificate2: another certificate with a key of another kind, such as RSA beside ECDSA;
            each connection shows the one that the peer can verify.
        private_key2: of the second certificate.
        private_key_passphrase: of encrypted private keys, or a function that returns it and is
            called whenever the keys are read.
        private_key_passphrase_command: where there is no passphrase, prints it in its first line,
            such as ``pass show tls``; no shell reads it.
        ca_list: certificates of whom to trust; a path, or PEM as bytes or text.
        ca_dir: directory of trusted certificates by hash, as ``openssl rehash`` makes it. A domain
            that verifies and has neither list nor directory trusts :data:`DEFAULT_CA_DIR` if that
            has some, and else, if it is a client domain, whom the system trusts.
        crl_dir: directory of CRLs, in PEM or DER; a damaged one is an error. Left out: no
            revocation.
        crl_check_all: check the CRLs of the whole chain, not of the leaf only.
        cipher_list: OpenSSL's cipher list format, which is translated for wolfSSL; ``DEFAULT`` is
            what the library would choose. Left out: Mozilla's intermediate profile.
        dh_params: Diffie-Hellman parameters, PKCS#3 or X9.42, of 2048 bits at least; a path, or PEM
            as bytes or text.
        ec_curve: curve, or curves separated by colons, best first. Left out: for a server,
            Mozilla's intermediate profile and a hybrid group, for a client the library's default.
        verify_depth: intermediates allowed in a peer's chain, 0 to 100.
        alpn: protocols in order of preference (RFC 7301); a comma list or an iterable.
        danger_skip_hostname_check: client: do not compare the peer's certificate with its name.
        identity: how names are compared: ``host`` for hosts and addresses (RFC 9525), ``sip`` for
            SIP domains (RFC 5922: URIs and host names, no wildcards).
        peer_identity: who the peer may be, at least one of these names, on whatever connection;
            on server domains the client's certificate is asked, and needed; a comma list or an
            iterable. Kept as A-labels, in lower case.
        ocsp_response: server: DER of the response that is stapled to the certificate (RFC 6066
            section 8); a path, or bytes. It must be about the certificate; one that has ended is a
            warning.
        require_staple: client: refuse servers that staple no good response.
        ticket_key_file: server: secret (``openssl rand -hex 32``) from which the keys of session
            tickets follow, so that all who have it resume each other's sessions.
        ticket_rotation: server: seconds between two keys of session tickets, 60 to 604800; 0: they
            never change. The previous two still open theirs.
        keylog_file: danger: secrets of all connections are written there, so that programs such as
            Wireshark can read them; ``$SSLKEYLOGFILE`` is the file that the environment names, if
            any.
        client_eku: server: what clients' certificates must be for where they have an
            extendedKeyUsage, ``client`` or ``client_or_server``; the latter also admits those that
            are for servers only, as public CAs issue them from 2026 on.
        min_rsa_bits: bits that every RSA key in a peer's chain must have, its CA's too, 2048 to
            16384; keys of other kinds have nothing to do with it. Left out: no more than a strength
            of 112 bits, which is some 2048. 3072 bits are 128 bits of strength (NIST SP 800-57
            part 1, 5.6.1.1).
        origin: where the domain was defined; not part of its value.

    Raises:
        ConfigError: a value cannot be used; the message names domain, parameter and reason.

    See the manual, 1.4, 1.5 and 1.9.
    """

    name: str
    kind: DomainKind
    match_ip_address: tuple[str, ...] = ("*",)
    match_sip_domain: tuple[str, ...] = ("*",)
    method: str = DEFAULT_METHOD
    verify_cert: bool = True
    require_cert: bool = None  # type: ignore[assignment]  # filled in by __post_init__
    certificate: Source | None = None
    private_key: Source | None = None
    private_key_passphrase: bytes | Callable[[], str | bytes] | None = None
    ca_list: Source | None = None
    ca_dir: str | None = None
    crl_dir: str | None = None
    crl_check_all: bool = False
    cipher_list: str | None = None
    dh_params: Source | None = None
    ec_curve: str | None = None
    verify_depth: int = DEFAULT_VERIFY_DEPTH
    alpn: tuple[str, ...] = ()
    danger_skip_hostname_check: bool = False
    private_key_passphrase_command: str | None = None
    certificate2: Source | None = None
    private_key2: Source | None = None
    identity: Identity = "host"
    peer_identity: tuple[str, ...] = ()
    ocsp_response: Source | None = None
    require_staple: bool = False
    ticket_key_file: str | None = None
    ticket_rotation: int = DEFAULT_TICKET_ROTATION
    keylog_file: str | None = None
    client_eku: ClientEKU = "client"
    min_rsa_bits: int | None = None
    origin: Origin | None = field(default=None, compare=False)

    if TYPE_CHECKING:  # The constructor takes more types than the fields store.

        def __init__(
            self,
            name: str,
            kind: DomainKind,
            match_ip_address: str | Iterable[str] = ("*",),
            match_sip_domain: str | Iterable[str] = ("*",),
            method: str = DEFAULT_METHOD,
            verify_cert: bool = True,
            require_cert: bool | None = None,
            certificate: AnySource | None = None,
            private_key: AnySource | None = None,
            private_key_passphrase: str | bytes | Callable[[], str | bytes] | None = None,
            ca_list: AnySource | None = None,
            ca_dir: str | os.PathLike[str] | None = None,
            crl_dir: str | os.PathLike[str] | None = None,
            crl_check_all: bool = False,
            cipher_list: str | None = None,
            dh_params: AnySource | None = None,
            ec_curve: str | None = None,
            verify_depth: int = DEFAULT_VERIFY_DEPTH,
            alpn: str | Iterable[str | bytes] = (),
            danger_skip_hostname_check: bool = False,
            private_key_passphrase_command: str | None = None,
            certificate2: AnySource | None = None,
            private_key2: AnySource | None = None,
            identity: str = "host",
            peer_identity: str | Iterable[str] = (),
            ocsp_response: AnySource | None = None,
            require_staple: bool = False,
            ticket_key_file: str | os.PathLike[str] | None = None,
            ticket_rotation: int = DEFAULT_TICKET_ROTATION,
            keylog_file: str | os.PathLike[str] | None = None,
            client_eku: str = "client",
            min_rsa_bits: int | None = None,
            origin: Origin | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        for parameter in _CHECKS:
            try:
                value = normalise(parameter, getattr(self, parameter))
            except ConfigError as error:
                name = self.name if isinstance(self.name, str) else None
                raise error.at(origin=self.origin, domain=name, parameter=parameter) from None
            object.__setattr__(self, parameter, value)
        object.__setattr__(self, "_demands", bool(self.require_cert))
        if getattr(self, "require_cert", None) is None:
            object.__setattr__(self, "require_cert", self.kind == "server")
        if self.peer_identity and not (
            self.verify_cert and (self.require_cert or self.kind == "client")
        ):
            raise ConfigError(
                "cannot hold for peers that need no certificate",
                origin=self.origin,
                domain=self.name,
                parameter="peer_identity",
                hint="set verify_cert, and on server domains require_cert "
                "(client_auth is 'required' there)",
            )

    @classmethod
    def server(
        cls,
        name: str,
        *,
        names: str | Iterable[str] | None = None,
        addresses: str | Iterable[str] | None = None,
        certificate: AnySource | None = None,
        key: AnySource | None = None,
        client_auth: ClientAuth | None = None,
        versions: str | None = None,
        **values: Any,
    ) -> Domain:
        """Make a server domain, in plain words; the class has the manual's.

        None is everywhere as if the word were left out.

        Args:
            name: for identification; unique among server domains.
            names: server names that it answers for, such as ``"*.example.com"``; ``"none"`` stands
                for clients that send none. A comma list or an iterable, which is not empty. Left
                out: whatever name no other domain has, and clients that send none
                (``match_sip_domain``).
            addresses: our listening sockets for which it counts, ``IP:port``; left out: those that
                no other domain names (``match_ip_address``).
            certificate: leaf first, then its chain; a path, or PEM as bytes or text.
            key: of the certificate; a path, or PEM as bytes or text (``private_key``).
            client_auth: ``"required"``, which is the default: clients show a certificate by a CA
                of ``ca_list`` or ``ca_dir``, or are refused. ``"optional"``: who shows none is let
                in, who shows a bad one is refused. ``"none"``: nobody is asked for one.
                (``verify_cert`` and ``require_cert``.)
            versions: ``"1.2+"`` is ``method="TLSv1_2-TLSv1_3"``, and so is ``"1.2-1.3"``; ``"1.2"``
                is ``"TLSv1_2"``, ``"1.3"`` is ``"TLSv1_3"``, ``"1.0+"`` is ``"TLSv1-TLSv1_3"``.
                Left out: what the library allows, TLS 1.2 and 1.3 (``"SSLv23"``).
            values: any other parameter of the class, by its name there.

        Returns:
            The same value that the class makes of the manual's words.

        Raises:
            ConfigError: a value cannot be used; the message names domain, parameter and reason.
            TypeError: there is no such parameter, or two words say one thing, such as ``names``
                and ``match_sip_domain``.
        """
        words = {
            "names": names,
            "addresses": addresses,
            "certificate": certificate,
            "key": key,
            "client_auth": client_auth,
            "versions": versions,
        }
        return cls._of_words("server", name, words, values)

    @classmethod
    def client(
        cls,
        name: str,
        *,
        names: str | Iterable[str] | None = None,
        addresses: str | Iterable[str] | None = None,
        certificate: AnySource | None = None,
        key: AnySource | None = None,
        versions: str | None = None,
        **values: Any,
    ) -> Domain:
        """Make a client domain, in plain words; the class has the manual's.

        The server's certificate is verified, and compared with the server name of each connection.
        None is everywhere as if the word were left out.

        Args:
            name: for identification; unique among client domains.
            names: SIP domains that are called in it, for ``find_client_domain()``; a comma list or
                an iterable, which is not empty. Left out: all (``match_sip_domain``). They say
                nothing of who the server may be: that is the server name of a connection, or
                ``peer_identity``.
            addresses: destinations that are called in it, ``IP:port``; left out: those that no
                other domain names (``match_ip_address``).
            certificate: that we show if the server asks, leaf first, then its chain; a path, or
                PEM as bytes or text.
            key: of the certificate; a path, or PEM as bytes or text (``private_key``).
            versions: as for :meth:`server`.
            values: any other parameter of the class, by its name there, such as ``ca_list``.

        Returns:
            The same value that the class makes of the manual's words.

        Raises:
            ConfigError: a value cannot be used; the message names domain, parameter and reason.
            TypeError: there is no such parameter, or two words say one thing.
        """
        words = {
            "names": names,
            "addresses": addresses,
            "certificate": certificate,
            "key": key,
            "versions": versions,
        }
        return cls._of_words("client", name, words, values)

    @classmethod
    def _of_words(
        cls,
        kind: DomainKind,
        name: str,
        words: Mapping[str, object],
        others: Mapping[str, Any],
    ) -> Domain:
        given = {word: value for word, value in words.items() if value is not None}
        return cls(name, kind, **_manual_values(kind, kind, name, given, others))

    @property
    def parsed_method(self) -> Method:
        """The method, read."""
        return parse_method(self.method)

    @property
    def checks_server_name(self) -> bool:
        """Client: whether a server name that is given is compared with the certificate."""
        return self.verify_cert and not self.danger_skip_hostname_check

    @property
    def demands_certificate(self) -> bool:
        """Whether somebody has said ``require_cert``; where nobody has, it is a default."""
        return self.require_cert and getattr(self, "_demands", False)

    def replace(self, **changes: Any) -> Domain:
        """Return a domain that differs in some fields.

        Args:
            changes: field names and their new values, as the class takes them; or the words of
                :meth:`server` and :meth:`client`. None is a value here.

        Returns:
            A new, checked domain.  ``require_cert`` stays as it is unless it is given; so give
            None with a new ``kind``.

        Raises:
            ConfigError: a new value cannot be used.
            TypeError: there is no such field, or two words say one thing.
        """
        words = {word: changes.pop(word) for word in sorted(WORDS & changes.keys())}
        kind, name = changes.get("kind", self.kind), changes.get("name", self.name)
        changes = _manual_values("replace", kind, name, words, changes)
        changed = dataclasses.replace(self, **changes)
        if "require_cert" not in changes:
            object.__setattr__(changed, "_demands", self.demands_certificate)
        return changed

    def ssl_context(self) -> ssl.SSLContext:
        """Make a context of Python's own ``ssl`` with the values of this domain.

        It is for programs that bring their own TLS, such as drivers of databases and brokers; no
        TLS library of tlsmgm takes part.  Certificate, key, CAs, CRLs, versions, ciphers, groups,
        ALPN and the rules of verification are carried over.  It is never looser than the domain,
        except where ``ssl`` leaves no choice: with the default of ``verify_depth`` a chain may
        have 100 intermediates, a client without any of the server's protocols is served without
        ALPN, and with TLS 1.2 clients may resume for two hours.

        Returns:
            A new context; changes of the domain's files do not reach it.

        Raises:
            ConfigError: a value or a file cannot be used; domain and parameter are named.
            UnsupportedError: ``ssl`` cannot do what a parameter asks for.
        """
        assert ssl_context_maker is not None  # no domain without the package
        return ssl_context_maker(self)

    def __repr__(self) -> str:
        """Show what differs from the defaults; never key bytes, never a passphrase."""
        shown = [repr(self.name), f"kind={self.kind!r}"]
        for item in dataclasses.fields(self)[2:]:
            value = getattr(self, item.name)
            default = self.kind == "server" if item.name == "require_cert" else item.default
            if value != default:
                shown.append(f"{item.name}={_shown(item.name, value)}")
        return f"Domain({', '.join(shown)})"


def _manual_values(
    call: str, kind: str, name: object, words: Mapping[str, object], others: Mapping[str, Any]
) -> dict[str, Any]:
    fields = frozenset(item.name for item in dataclasses.fields(Domain))
    return manual_values(call, kind, name, words, others, fields=fields, normalise=normalise)


_CHECKS: Final[Mapping[str, Callable[[object], Any]]] = {
    "name": as_text,
    "kind": as_kind,
    **{item.field: item.check for item in PARAMETERS},
}

_SECRETS: Final = of_kind("secret")


def _shown(parameter: str, value: object) -> str:
    if parameter in _SECRETS:
        return "<set>"
    if isinstance(value, bytes):
        return f"<{'PEM' if PEM_START in value else 'DER'}, {len(value)} bytes>"
    return str(value) if isinstance(value, Origin) else repr(value)


def name_of(domain: Domain | str) -> str:
    """Return the name of a domain that a program may give by its name.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(domain, str):
        return domain
    if isinstance(domain, Domain):
        return domain.name
    raise TypeError(f"domain must be a Domain or its name, not {type(domain).__name__}")


def normalise(parameter: str, value: object) -> Any:
    """Check the value of one field of :class:`Domain` and bring it into its stored form.

    Readers of configurations use this to complain at the line where a value stands.

    Args:
        parameter: name of a field of Domain, but not ``origin``.
        value: anything.

    Returns:
        The value as Domain stores it.

    Raises:
        ConfigError: it cannot be used; only ``reason`` and ``hint`` are filled.
    """
    return _CHECKS[parameter](value)
