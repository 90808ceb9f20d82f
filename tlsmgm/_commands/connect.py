"""Connect to a TLS server and show what was negotiated.

The server's certificate is verified as a domain of a configuration says (--config, --domain),
against --ca-file, or against the CAs of the system.
"""

from __future__ import annotations

import argparse
import datetime
import math
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tlsmgm._commands.arguments import add_json, seconds
from tlsmgm._commands.configuration import add_config, read_all
from tlsmgm._commands.output import print_facts, print_json
from tlsmgm._domains.words import os_reason, printable
from tlsmgm.errors import ConfigError, TLSError, TruncatedError

if TYPE_CHECKING:
    from tlsmgm._core.certificate import Certificate
    from tlsmgm._domains.domain import Domain
    from tlsmgm._manager import TLSManager
    from tlsmgm._native.connection import Connection
    from tlsmgm._sockets.tls_socket import TLSSocket

__all__ = ["configure", "run"]

_READ_SIZE = 64 * 1024

#: Seconds to wait after the handshake: a TLS 1.3 server refuses a client's certificate that late.
_LAST_WORDS = 1.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("address", metavar="HOST:PORT", help="IPv6 in brackets")
    add_config(parser, required=False)
    parser.add_argument("--domain", metavar="NAME", help="client domain of --config")
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--ca-file", metavar="FILE", help="trusted CAs, PEM")
    trust.add_argument(
        "--danger-no-verify", action="store_true", help="take any certificate, from anybody"
    )
    parser.add_argument("--server-name", metavar="N", help="name to send and to verify")
    parser.add_argument("--alpn", metavar="A,B", help="protocols to offer")
    parser.add_argument("--library", metavar="L", help="auto, openssl or wolfssl")
    parser.add_argument("--tls-method", metavar="M", help="TLS versions, such as TLSv1_2-TLSv1_3")
    parser.add_argument("--timeout", type=seconds, default=10.0, metavar="S", help="default: 10")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Connect once, and print."""
    from tlsmgm._domains.addresses import host_and_port

    host, port = host_and_port(options.address)
    if port == 0:
        raise ConfigError("there is no port 0", hint="write HOST:PORT")
    manager, domain = _manager(options)
    result = _Result(domain.name, domain.verify_cert)
    try:
        _visit(manager, (host, port), options, result)
    except TimeoutError:
        result.error = f"no answer within {options.timeout:g} seconds"
    except OSError as error:
        result.error = os_reason(error)
    except ConfigError:
        raise
    except TLSError as error:
        result.take(error)
    if options.json:
        print_json(result.to_json())
    else:
        _print(result, f"{host}:{port}")
    return 0 if result.error is None else 1


def _manager(options: argparse.Namespace) -> tuple[TLSManager, Domain]:
    from tlsmgm._domains.domain import Domain
    from tlsmgm._manager import TLSManager

    if (options.config is None) != (options.domain is None):
        raise ConfigError("--config and --domain go together")
    if options.config is None:
        domain = Domain("connect", "client", **_trust(options), **_offer(options))
    else:
        domain = _domain_of_config(options)
    manager = TLSManager(_library(options), handshake_timeout=options.timeout)
    manager.add_domain(domain)
    return manager, domain


def _library(options: argparse.Namespace) -> str:
    from tlsmgm._config.reader import read_configuration

    if options.library is not None:
        return str(options.library)
    return read_configuration(options.config).resolve_library() if options.config else "auto"


def _domain_of_config(options: argparse.Namespace) -> Domain:
    """Take the one domain out of the configuration, so that only its files are loaded."""
    if options.ca_file is not None:
        raise ConfigError("the domain says what to trust", parameter="--ca-file")
    for domain in read_all(options.config)[0].domains:
        if domain.kind == "client" and domain.name == options.domain:
            changes = _offer(options)
            if options.danger_no_verify:
                changes["verify_cert"] = False
            return domain.replace(**changes)
    raise ConfigError(
        f"there is no client domain {options.domain!r}", origin=options.config, parameter="--domain"
    )


def _trust(options: argparse.Namespace) -> dict[str, Any]:
    import ssl

    if options.danger_no_verify:
        return {"verify_cert": False}
    if options.ca_file is not None:
        return {"ca_list": options.ca_file}
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and paths.capath is None:
        raise ConfigError("this system has no list of CAs", hint="give --ca-file")
    return {"ca_list": paths.cafile} if paths.cafile else {"ca_dir": paths.capath}


def _offer(options: argparse.Namespace) -> dict[str, Any]:
    offer = {"alpn": options.alpn, "method": options.tls_method}
    return {name: value for name, value in offer.items() if value is not None}


def _visit(
    manager: TLSManager, target: tuple[str, int], options: argparse.Namespace, result: _Result
) -> None:
    """Connect, shake hands and say goodbye; note how far it got."""
    from tlsmgm._domains.addresses import join_host_port

    deadline = time.monotonic() + options.timeout
    with _dialled(target, options.timeout) as sock:
        result.address = join_host_port(*sock.getpeername()[:2])
        sock.settimeout(_left(deadline))
        name = options.server_name or target[0]
        tls = manager.wrap_socket(sock, domain=result.domain, server_name=name, do_handshake=False)
    result.connection = tls.connection
    with tls:
        tls.do_handshake()
        result.is_established = True
        _hear_last_words(tls, deadline)


def _dialled(target: tuple[str, int], timeout: float) -> socket.socket:
    try:
        return socket.create_connection(target, timeout)
    except UnicodeError as error:
        raise OSError(f"bad host name: {error}") from None


def _left(deadline: float, most: float = math.inf) -> float:
    left = min(deadline - time.monotonic(), most)
    if left <= 0:
        raise TimeoutError
    return left


def _hear_last_words(tls: TLSSocket, deadline: float) -> None:
    """Wait for the server's verdict, then say goodbye: an alert now means that we were refused.

    A TLS 1.3 server knows our certificate only after our side of the handshake is done.  If it
    takes it, it mostly sends a ticket.  If we spoke before we heard it, it might close with our
    words unread, and the reset that follows from this could overtake its alert.
    """
    if tls.connection.version == "TLSv1.3":
        with suppress(TimeoutError):
            tls.settimeout(_left(deadline, _LAST_WORDS))
            tls.recv(_READ_SIZE)
    until = min(deadline, time.monotonic() + _LAST_WORDS)
    with suppress(OSError, TruncatedError):
        tls.settimeout(_left(until))
        tls.shutdown(socket.SHUT_WR)
        while tls.recv(_READ_SIZE):
            tls.settimeout(_left(until))
    tls.setblocking(False)  # nothing more is waited for


@dataclass(slots=True)
class _Result:
    domain: str
    verify: bool
    address: str | None = None
    connection: Connection | None = None
    is_established: bool = False
    error: str | None = None
    reason: str | None = None
    alert: int | None = None

    def take(self, error: TLSError) -> None:
        """Note why it failed."""
        self.error = str(error) or type(error).__name__
        self.reason = getattr(error, "reason", None)
        self.alert = error.alert

    def to_json(self) -> dict[str, Any]:
        """Return everything in JSON's types."""
        return {
            "ok": self.error is None,
            "error": self.error,
            "reason": self.reason,
            "alert": self.alert,
            "address": self.address,
            **dict(self.negotiated()),
            "verified": self.verified(),
            "chain": list(self.chain()),
        }

    def negotiated(self) -> Iterator[tuple[str, Any]]:
        """Yield what the two sides agreed on."""
        tls = self.connection if self.is_established else None
        yield "library", tls.backend if tls else None
        yield "version", tls.version if tls else None
        yield "cipher", tls.cipher if tls else None
        yield "cipher_bits", tls.cipher_bits if tls else None
        yield "group", tls.group if tls else None
        yield "alpn", tls.alpn if tls else None
        yield "server_name", tls.server_name if tls else None

    def verified(self) -> bool:
        """Say whether the server's certificate was asked for and found good."""
        tls = self.connection
        return tls is not None and self.is_established and self.verify and tls.peer_verified

    def chain(self) -> Iterator[dict[str, Any]]:
        """Yield the certificates that the server sent."""
        if self.connection is None:
            return
        with suppress(TLSError):
            for certificate in self.connection.peer_chain:
                yield _described(certificate)


def _described(certificate: Certificate) -> dict[str, Any]:
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": str(certificate.serial),
        "not_before": _time(certificate.not_before),
        "not_after": _time(certificate.not_after),
        "names": [*certificate.alt_names("hostname"), *certificate.alt_names("ip")],
    }


def _time(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _print(result: _Result, target: str) -> None:
    where = f"{target} ({result.address})" if result.address not in (None, target) else target
    if result.is_established:
        print(printable(f"connected to {where}"))
    else:
        print(printable(f"no connection to {where}: {result.error}"))
    facts = [(name, None if value is None else str(value)) for name, value in result.negotiated()]
    verified: str | None = None
    if result.is_established:
        verified = "yes" if result.verified() else "NO: nothing was verified"
    print_facts([*facts, ("verified", verified), ("reason", result.reason)], indent="  ")
    for place, certificate in enumerate(result.chain()):
        print(f"  certificate {place}")
        names = ", ".join(certificate.pop("names")) or None
        print_facts([*certificate.items(), ("names", names)], indent="    ")
    if result.is_established and result.error is not None:
        print(printable(f"then the server ended it: {result.error}"))
