"""Reader of OpenSIPS scripts (``opensips.cfg``): the ``tls_mgm`` part of them.

What is read: ``modparam("tls_mgm", ...)``, ``loadmodule``, ``socket=`` and ``listen=``, the
timeouts of ``proto_tls``, in the script and in what it includes.  Everything else is passed over.
All parameters of the manual's section 1.9 are known.

Choices of ours, where the manual is silent:

* Relative paths are relative to the directory of the script, whatever the working directory is.
* A value without ``[domain]`` is a default for all domains, wherever it stands; without any
  domain it makes a server and a client domain called ``default``.

And what the manual does not say, but the program does: where a server and a client domain have the
same name, ``[name]`` is the server domain as soon as there is one; ``match_sip_domain`` and
``match_ip_address`` add up when they are repeated.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from tlsmgm._config.model import Configuration, Socket
from tlsmgm._config.parameters import ParameterReader, number
from tlsmgm._config.sockets import DEFAULT_PORTS, parse_sockets
from tlsmgm._config.statements import Assignment, LoadModule, ModParam, Script, Statement
from tlsmgm._domains.domain import Origin
from tlsmgm._material.reading import Reader
from tlsmgm.errors import ConfigError

__all__ = ["read_script", "read_script_text"]

_PORT_PARAMETERS = {
    ("proto_tls", "tls_port"): "tls",
    ("proto_wss", "wss_port"): "wss",
    ("proto_bins", "bins_port"): "bins",
}
_TIMEOUTS = ("tls_handshake_timeout", "tls_send_timeout")

#: Sockets that a script may have; ranges of ports make many.
_MAX_SOCKETS = 100_000


def read_script(path: str | os.PathLike[str], reader: Reader | None = None) -> Configuration:
    """Read an OpenSIPS script.

    Args:
        path: the script.
        reader: of the load; None: each file is read for itself.

    Returns:
        What it says about TLS; no file that it names was looked at, but included ones.

    Raises:
        ConfigError: the script cannot be read, or a parameter of tls_mgm cannot be used; the
            message names file and line, domain, parameter and reason.

    See the manual, 1.9 and 1.11.
    """
    name = os.fsdecode(path)
    script = Script(reader=reader)
    return _build(name, script.read(name), script)


def read_script_text(text: str, path: str | os.PathLike[str] = "opensips.cfg") -> Configuration:
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
    script = Script()
    return _build(name, script.parse(text, name), script)


def _build(path: str, statements: Iterable[Statement], script: Script) -> Configuration:
    parameters = ParameterReader(os.path.dirname(path), script.warnings)
    modules: dict[str, None] = {}
    listens: list[Assignment] = []
    ports = dict(DEFAULT_PORTS)
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
    sockets = _sockets(listens, ports, script.warnings)
    database = parameters.database()
    return Configuration.of_tables(
        path,
        parameters.defaults,
        parameters.tables,
        sockets=tuple(sockets),
        tls_library=parameters.texts.get("tls_library"),
        loaded_modules=tuple(modules),
        client_tls_domain_avp=parameters.texts.get("client_tls_domain_avp"),
        client_sip_domain_avp=parameters.texts.get("client_sip_domain_avp"),
        database=database,
        handshake_timeout=timeouts.get("tls_handshake_timeout"),
        send_timeout=timeouts.get("tls_send_timeout"),
        warnings=tuple(script.warnings),
    )


def _sockets(
    listens: Iterable[Assignment], ports: dict[str, int], warnings: list[str]
) -> list[Socket]:
    found: list[Socket] = []
    for item in listens:
        sockets = parse_sockets(item.value, item.origin, ports)
        found += sockets
        if any(socket.protocol == "any" for socket in sockets):
            instead = "tls:" + item.value.removeprefix("any:")
            warnings.append(
                f"{item.origin}: socket {item.value!r} names no protocol, so nothing serves it, "
                f"and OpenSIPS refuses it since 2.1; for TLS write {instead}"
            )
        if len(found) > _MAX_SOCKETS:
            raise ConfigError(f"more than {_MAX_SOCKETS} sockets", origin=item.origin)
        for flag in item.flags:
            if "proxy" in flag and any(socket.is_tls for socket in sockets):
                warnings.append(
                    f"{item.origin}: {flag!r} of a socket is passed over; PROXY headers are read "
                    "by tlsmgm proxy --proxy-header-from, and written by --proxy-protocol"
                )
    return found


def _modparam(
    statement: ModParam,
    parameters: ParameterReader,
    ports: dict[str, int],
    timeouts: dict[str, float],
) -> None:
    """Set a parameter in each module that it is of; some may not know it, but one must."""
    name, modules = statement.name, statement.modules
    protocols = [
        _PORT_PARAMETERS[module, name] for module in modules if (module, name) in _PORT_PARAMETERS
    ]
    if name in _TIMEOUTS and ("tls_mgm" in modules or "proto_tls" in modules):
        # Parameters of modules are in milliseconds, settings of the old core in seconds.
        timeouts[name] = _timeout(name, statement.value, statement.origin) / 1000
    elif protocols:
        port = _number(name, statement.value, statement.origin)
        if not 0 < port < 65536:
            raise ConfigError(f"bad port {port}", origin=statement.origin, parameter=name)
        ports.update(dict.fromkeys(protocols, port))
    elif "tls_mgm" in modules:
        parameters.add(statement)


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
