"""Reader of OpenSIPS scripts (``opensips.cfg``): the ``tls_mgm`` part of them.

What is read: ``modparam("tls_mgm", ...)``, ``loadmodule``, ``socket=`` and ``listen=``, the
timeouts of ``proto_tls``, in the script and in what it includes.  Everything else is passed over.
All parameters of the manual's section 1.9 are known.

Choices of ours, where the manual is silent:

* Relative paths are relative to the directory of the script, whatever the working directory is.
* A value without ``[domain]`` is a default for all domains, wherever it stands; without any
  domain it makes a server and a client domain called ``default``.
* Where a server and a client domain have the same name, ``[name]`` is the one defined last.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tlsmgm.config._parameters import DOMAIN_PARAMETERS, ParameterReader, ScriptValue, number
from tlsmgm.config.statements import Assignment, LoadModule, ModParam, Script, Statement
from tlsmgm.domain import Domain, DomainKind, Origin
from tlsmgm.errors import ConfigError
from tlsmgm.filters import pack_ip

__all__ = [
    "TLS_PROTOCOLS",
    "ScriptConfig",
    "ScriptValue",
    "Socket",
    "read_script",
    "read_script_text",
]

#: Protocols of sockets that speak TLS.
TLS_PROTOCOLS = frozenset({"tls", "wss", "hep_tls", "bins", "msrps"})

_PROTOCOLS = TLS_PROTOCOLS | frozenset(
    {"udp", "tcp", "sctp", "ws", "bin", "hep_udp", "hep_tcp", "smpp", "msrp", "any"}
)
_DEFAULT_PORTS = {
    "any": 5060,
    "udp": 5060,
    "tcp": 5060,
    "sctp": 5060,
    "tls": 5061,
    "ws": 80,
    "wss": 443,
    "hep_udp": 9060,
    "hep_tcp": 9060,
    "hep_tls": 9061,
    "bin": 5555,
    "bins": 5556,
    "smpp": 2775,
    "msrp": 2855,
    "msrps": 2856,
}
_PORT_PARAMETERS = {
    ("proto_tls", "tls_port"): "tls",
    ("proto_wss", "wss_port"): "wss",
    ("proto_bins", "bins_port"): "bins",
}
_TIMEOUTS = ("tls_handshake_timeout", "tls_send_timeout")
_LIBRARY_MODULES = {"openssl": "tls_openssl", "wolfssl": "tls_wolfssl"}


@dataclass(frozen=True, slots=True)
class Socket:
    """A listening socket of a script.

    Args:
        protocol: such as ``"tls"``; ``"any"`` where none is written.
        host: address without brackets, host or interface name, or ``*``.
        port: 1 to 65535; the protocol's default where none is written.
        origin: where it stands.
    """

    protocol: str
    host: str
    port: int
    origin: Origin

    @property
    def is_tls(self) -> bool:
        """Whether connections to this socket begin with a TLS handshake."""
        return self.protocol in TLS_PROTOCOLS


@dataclass(frozen=True, slots=True)
class ScriptConfig:
    """What a script says about TLS.

    Args:
        path: of the script.
        domains: in the order of their definition.
        sockets: all of them, in order.
        tls_library: ``auto``, ``none``, ``openssl`` or ``wolfssl``; None if not written.
        loaded_modules: names without folder and ``.so``, in order.
        client_tls_domain_avp: name of the AVP that names a client domain, or None.
        client_sip_domain_avp: name of the AVP that has the SIP domain, or None.
        database: ``db_url``, ``db_table`` and ``*_col`` as written; ``ciphers_list_col`` counts
            as ``cipher_list_col``.
        handshake_timeout: seconds, or None if not written.
        send_timeout: seconds, or None if not written.
        warnings: sentences for a log.
        value_origins: where a value was written, by kind, domain and field of Domain.
    """

    path: str
    domains: tuple[Domain, ...] = ()
    sockets: tuple[Socket, ...] = ()
    tls_library: str | None = None
    loaded_modules: tuple[str, ...] = ()
    client_tls_domain_avp: str | None = None
    client_sip_domain_avp: str | None = None
    database: Mapping[str, ScriptValue] = field(default_factory=dict)
    handshake_timeout: float | None = None
    send_timeout: float | None = None
    warnings: tuple[str, ...] = ()
    value_origins: Mapping[tuple[DomainKind, str, str], Origin] = field(default_factory=dict)

    def resolve_library(self) -> str:
        """Say which library the script chooses by ``tls_library`` and its loaded modules.

        Returns:
            ``"openssl"``, ``"wolfssl"`` or ``"none"``.

        Raises:
            ConfigError: it chooses none (``auto`` with no library module or with both), or one
                whose module is not loaded.

        See the manual, 1.9.2.
        """
        written = self.tls_library or "auto"
        if written == "none":
            return written
        modules = self.loaded_modules
        loaded = [name for name, module in _LIBRARY_MODULES.items() if module in modules]
        if written == "auto" and len(loaded) == 1:
            return loaded[0]
        if written in loaded:
            return written
        if written != "auto":
            reason = f"is {written!r}, but module {_LIBRARY_MODULES[written]!r} is not loaded"
        elif loaded:
            reason = "is 'auto', but both tls_openssl and tls_wolfssl are loaded"
        else:
            reason = "is 'auto', but neither tls_openssl nor tls_wolfssl is loaded"
        raise ConfigError(reason, origin=self.path, parameter="tls_library")

    def origin_of(self, domain: Domain, parameter: str) -> Origin | None:
        """Say where a domain's value was written, for messages.

        Args:
            domain: a domain of this script.
            parameter: name of a field of Domain, or of a parameter of the manual.

        Returns:
            The place of the value; of the domain's definition where the value is a default.
        """
        key = DOMAIN_PARAMETERS.get(parameter, parameter)
        return self.value_origins.get((domain.kind, domain.name, key), domain.origin)


def read_script(path: str | os.PathLike[str]) -> ScriptConfig:
    """Read an OpenSIPS script.

    Args:
        path: the script.

    Returns:
        What it says about TLS; no file that it names was looked at, but included ones.

    Raises:
        ConfigError: the script cannot be read, or a parameter of tls_mgm cannot be used; the
            message names file and line, domain, parameter and reason.

    See the manual, 1.9 and 1.11.
    """
    name = os.fsdecode(path)
    script = Script(strict_module="tls_mgm")
    return _build(name, script.read(name), script)


def read_script_text(text: str, path: str | os.PathLike[str] = "opensips.cfg") -> ScriptConfig:
    """Read an OpenSIPS script from memory.

    Args:
        text: the script.
        path: where it would lie: for messages, relative paths and included files.

    Returns:
        Like :func:`read_script`.

    Raises:
        ConfigError: like :func:`read_script`.
    """
    name = os.fsdecode(path)
    script = Script(strict_module="tls_mgm")
    return _build(name, script.parse(text, name), script)


def _build(path: str, statements: Iterable[Statement], script: Script) -> ScriptConfig:
    parameters = ParameterReader(os.path.dirname(path), script.warnings)
    modules: dict[str, None] = {}
    listens: list[Assignment] = []
    ports = dict(_DEFAULT_PORTS)
    timeouts: dict[str, float] = {}
    for statement in statements:
        if isinstance(statement, LoadModule):
            modules[statement.name] = None
        elif isinstance(statement, ModParam):
            _modparam(statement, parameters, ports, timeouts)
        elif statement.name in _TIMEOUTS:
            timeouts[statement.name] = _timeout(statement.name, statement.value, statement.origin)
        else:
            listens.append(statement)
    sockets = [_socket(listen, ports) for listen in listens]
    domains = tuple(parameters.domains())
    return ScriptConfig(
        path=path,
        domains=domains,
        sockets=tuple(socket for socket in sockets if socket),
        tls_library=parameters.texts.get("tls_library"),
        loaded_modules=tuple(modules),
        client_tls_domain_avp=parameters.texts.get("client_tls_domain_avp"),
        client_sip_domain_avp=parameters.texts.get("client_sip_domain_avp"),
        database=parameters.database,
        handshake_timeout=timeouts.get("tls_handshake_timeout"),
        send_timeout=timeouts.get("tls_send_timeout"),
        warnings=tuple(script.warnings),
        value_origins=parameters.value_origins,
    )


def _modparam(
    statement: ModParam,
    parameters: ParameterReader,
    ports: dict[str, int],
    timeouts: dict[str, float],
) -> None:
    if statement.module in ("tls_mgm", "proto_tls") and statement.name in _TIMEOUTS:
        # Parameters of modules are in milliseconds, settings of the old core in seconds.
        written = _timeout(statement.name, statement.value, statement.origin)
        timeouts[statement.name] = written / 1000
    elif statement.module == "tls_mgm":
        parameters.add(statement)
    elif (statement.module, statement.name) in _PORT_PARAMETERS:
        port = _number(statement.name, statement.value, statement.origin)
        if not 0 < port < 65536:
            raise ConfigError(f"bad port {port}", origin=statement.origin, parameter=statement.name)
        ports[_PORT_PARAMETERS[statement.module, statement.name]] = port


def _timeout(name: str, value: str | int, origin: Origin) -> float:
    timeout = _number(name, value, origin)
    if not timeout:
        raise ConfigError("must be above 0", origin=origin, parameter=name)
    return float(timeout)


def _number(name: str, value: str | int, origin: Origin) -> int:
    try:
        return number(value)
    except ConfigError as error:
        raise ConfigError(error.reason, origin=origin, parameter=name) from None


def _socket(written: Assignment, ports: Mapping[str, int]) -> Socket | None:
    """Read a socket.  What is wrong about others than TLS sockets is not our business."""
    protocol, colon, rest = written.value.partition(":")
    if not colon or protocol.lower() not in _PROTOCOLS:
        protocol, rest = "any", written.value
    protocol = protocol.lower()
    host, port = _host_and_port(rest)
    if port is None:
        port = ports[protocol]
    if host and 0 < port < 65536:
        return Socket(protocol, host, port, written.origin)
    if protocol not in TLS_PROTOCOLS:
        return None
    raise ConfigError(
        f"bad socket {written.value!r}", origin=written.origin, hint="write tls:10.0.0.10:5061"
    )


def _host_and_port(text: str) -> tuple[str, int | None]:
    """Divide ``host:port``, ``[v6]:port``, a bare host or a bare IPv6 address; bad: no host."""
    if text.count(":") > 1 and not text.startswith("["):
        return (text, None) if _is_ip(text) else ("", 0)
    match = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]+)(?::([0-9]{1,5}))?", text)
    if match is None:
        return "", 0
    host = match[1]
    if host.startswith("["):
        host = host[1:-1] if _is_ip(host[1:-1]) else ""
    return host, int(match[2]) if match[2] else None


def _is_ip(text: str) -> bool:
    try:
        pack_ip(text)
    except ConfigError:
        return False
    return True
