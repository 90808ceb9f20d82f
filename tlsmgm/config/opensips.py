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
from collections.abc import Iterable

from tlsmgm.config._parameters import ParameterReader, number
from tlsmgm.config.model import Configuration
from tlsmgm.config.sockets import DEFAULT_PORTS, parse_socket
from tlsmgm.config.statements import Assignment, LoadModule, ModParam, Script, Statement
from tlsmgm.domain import Origin
from tlsmgm.errors import ConfigError
from tlsmgm.reading import Reader

__all__ = ["read_script", "read_script_text"]

_PORT_PARAMETERS = {
    ("proto_tls", "tls_port"): "tls",
    ("proto_wss", "wss_port"): "wss",
    ("proto_bins", "bins_port"): "bins",
}
_TIMEOUTS = ("tls_handshake_timeout", "tls_send_timeout")


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
    script = Script(strict_module="tls_mgm", reader=reader)
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
    script = Script(strict_module="tls_mgm")
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
    sockets = [parse_socket(item.value, item.origin, ports) for item in listens]
    database = parameters.database()
    return Configuration.of_tables(
        path,
        parameters.defaults,
        parameters.tables,
        sockets=tuple(socket for socket in sockets if socket),
        tls_library=parameters.texts.get("tls_library"),
        loaded_modules=tuple(modules),
        client_tls_domain_avp=parameters.texts.get("client_tls_domain_avp"),
        client_sip_domain_avp=parameters.texts.get("client_sip_domain_avp"),
        database=database,
        handshake_timeout=timeouts.get("tls_handshake_timeout"),
        send_timeout=timeouts.get("tls_send_timeout"),
        warnings=tuple(script.warnings),
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
