"""Terminate TLS for a plain server, or speak TLS for a plain client.

Listens on the TLS sockets of the configuration, or where --listen says, and forwards every
connection to the upstream.  SIGTERM drains and stops, SIGHUP reads configuration and database anew
(the domains; sockets stay as they are) and opens the access log anew, SIGUSR1 logs the statistics.
The last two may come while the configuration is still loading, and are obeyed after that.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from tlsmgm._commands.arguments import number, seconds, seconds_or_zero
from tlsmgm._commands.configuration import add_config
from tlsmgm._commands.limits import add_limits, limits_of, raise_descriptor_limit
from tlsmgm._commands.signals import EarlySignals
from tlsmgm._domains.words import printable
from tlsmgm.errors import ConfigError

if TYPE_CHECKING:
    from tlsmgm._config.database_settings import Watch
    from tlsmgm._engine.upstreams import Upstream
    from tlsmgm._manager import TLSManager
    from tlsmgm._service import AccessLog, ProxyOptions, Target

__all__ = ["configure", "run"]

#: Seconds after the last connection in which a reload may still end by itself.
_LAST_WAIT: Final = 1.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_config(parser)
    parser.add_argument(
        "--upstream",
        action="append",
        required=True,
        metavar="ADDRESS",
        help="tcp:HOST:PORT, tls:HOST:PORT or unix:PATH, repeatable: several share connections, "
        "one with more if its weight follows, as in 'tcp:HOST:PORT weight=3'",
    )
    parser.add_argument(
        "--listen",
        action="append",
        metavar="ADDRESS",
        help="tls:IP:PORT or tcp:IP:PORT, repeatable; port 0 lets the system choose "
        "(default: the TLS sockets of the configuration)",
    )
    parser.add_argument(
        "--proxy-header-from",
        action="append",
        metavar="NETWORK",
        help="clients' connections begin with a PROXY header (version 1 or 2), and only those of "
        "this network may send one, repeatable: such as 10.0.0.0/8 or ::1 (default: no headers)",
    )
    parser.add_argument("--library", metavar="L", help="auto, openssl or wolfssl")
    parser.add_argument(
        "--workers",
        type=number(1, 256),
        metavar="N",
        help="threads that accept and carry bytes (default: the processors that it may use)",
    )
    parser.add_argument(
        "--unclean-end",
        choices=["reset", "fin"],
        default="reset",
        help="what a plain neighbour sees where a connection is cut or cut short: fin looks like a "
        "clean end, for SIP servers that a reset harms (default: reset)",
    )
    _configure_upstream(parser.add_argument_group("upstream"))
    _configure_times(parser.add_argument_group("other times, in seconds"))
    parser.add_argument(
        "--watch-database",
        type=_watch,
        metavar="HOW",
        help="reload when the database changes: 'notify' (PostgreSQL), or the seconds between "
        "looks at the change marker (default: as the configuration says)",
    )
    management = parser.add_argument_group("management interface")
    management.add_argument(
        "--mi",
        action="append",
        metavar="ENDPOINT",
        help="answer management requests there, repeatable: fifo:PATH, http:HOST:PORT, "
        "udp:HOST:PORT or unix:PATH",
    )
    management.add_argument(
        "--mi-token-file", metavar="FILE", help="token that clients of http: must have"
    )
    log = parser.add_argument_group("access log")
    where = log.add_mutually_exclusive_group()
    where.add_argument("--access-log", metavar="FILE", help="append to FILE (default: stderr)")
    where.add_argument("--no-access-log", action="store_true", help="write no line at all")
    log.add_argument(
        "--access-log-format",
        metavar="FORMAT",
        help="'json', or text with names: $time $client $listen $domain $server_name $alpn $group "
        "$reused $upstream $upstream_domain $bytes_in $bytes_out $duration $status $reason, and "
        "the $tls_* variables of OpenSIPS",
    )
    add_limits(parser.add_argument_group("limits; times in seconds, 0 for no bound"))


def _configure_upstream(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--upstream-domain", metavar="NAME", help="client domain for TLS upstreams")
    group.add_argument("--sip-domain", metavar="D", help="SIP domain to match a client domain by")
    group.add_argument("--server-name", metavar="N", help="name to send to and verify at a server")
    group.add_argument(
        "--balance",
        choices=["round-robin", "least-connections"],
        help="which upstream of several is next: one after the other, or the one with the fewest "
        "connections, both by their weights (default: round-robin)",
    )
    group.add_argument(
        "--proxy-protocol",
        choices=["v1", "v2"],
        help="tell the upstream about the client, before TLS if it speaks that",
    )
    group.add_argument(
        "--proxy-protocol-tlvs",
        choices=["none", "tls", "all"],
        help="what v2 says beside the addresses: nothing, the client's TLS version, cipher suite "
        "and common name, or also server name, ALPN, group and our certificate's algorithms; not "
        "every receiver has room for all (default: tls)",
    )


def _configure_times(group: argparse._ArgumentGroup) -> None:
    for name, default in (("connect", 10.0), ("drain", 30.0)):
        group.add_argument(
            f"--{name}-timeout",
            type=seconds_or_zero if name == "drain" else seconds,
            default=default,
            metavar="S",
            help=f"default: {default:g}",
        )


def run(options: argparse.Namespace) -> int:
    """Serve until a signal says stop."""
    with EarlySignals() as early:
        return _run(options, early)


def _run(options: argparse.Namespace, early: EarlySignals) -> int:
    import asyncio
    import logging
    from concurrent.futures import ThreadPoolExecutor

    from tlsmgm._manager import TLSManager
    from tlsmgm._service import ProxyService, bind
    from tlsmgm.mi._endpoints import parse_endpoint
    from tlsmgm.mi._token import read_token

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    settings = _settings(options)
    management = [parse_endpoint(text) for text in options.mi or ()]
    token = None if options.mi_token_file is None else read_token(options.mi_token_file)
    manager = TLSManager.from_config(options.config, library=options.library)
    targets = _targets(options, manager)
    upstreams = [upstream.target for upstream in settings.upstreams]
    _check_library(manager, upstreams, targets)
    _check_ends(settings, [*upstreams, *targets])
    access_log = _access_log(options)

    async def serve() -> None:
        executor = ThreadPoolExecutor(thread_name_prefix="tlsmgm-proxy")
        asyncio.get_running_loop().set_default_executor(executor)
        service = ProxyService(
            manager,
            settings,
            access_log,
            management=management,
            token=token,
            watch=watch,
            freezes=True,
        )
        service.proxy.check()
        await service.run(bind(targets, settings.workers, is_exclusive=True), early=early.seen)
        executor.shutdown(wait=False, cancel_futures=True)
        if not _threads_end():
            _close(access_log)
            _leave()

    raise_descriptor_limit()
    watch = options.watch_database or (manager.database.watch if manager.database else None)
    for warning in (*manager.warnings, *manager.failures):
        logging.getLogger("tlsmgm.proxy").warning("%s", printable(str(warning)))
    try:
        asyncio.run(serve())
    finally:
        _close(access_log)
    return 0


def _threads_end() -> bool:
    """Wait for what works in the background; say whether it has come to an end in time."""
    import threading
    import time

    deadline = time.monotonic() + _LAST_WAIT
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(max(deadline - time.monotonic(), 0))
            if thread.is_alive():
                return False
    return True


def _leave() -> None:
    """End the process: at its ordinary end Python would wait for every thread, however long."""
    import logging
    import os

    logging.getLogger("tlsmgm.proxy").warning("what still runs is given up, such as a reload")
    logging.shutdown()
    os._exit(0)


def _settings(options: argparse.Namespace) -> ProxyOptions:
    from tlsmgm._service import ProxyOptions, ProxyProtocol, ProxyTLVs, UncleanEnd
    from tlsmgm._serving.forwarding import Balance
    from tlsmgm._serving.networks import parse_networks

    upstreams = _upstreams(options)
    header, tlvs = options.proxy_protocol, options.proxy_protocol_tlvs
    if tlvs is not None and header != "v2":
        raise ConfigError(
            "only --proxy-protocol v2 has room for more than addresses",
            parameter="--proxy-protocol-tlvs",
        )
    senders = options.proxy_header_from
    if senders is not None:
        parse_networks(senders, "--proxy-header-from")
    return ProxyOptions(
        upstream=upstreams,
        upstream_domain=options.upstream_domain,
        sip_domain=options.sip_domain,
        server_name=options.server_name,
        balance=Balance((options.balance or "round-robin").replace("-", "_")),
        proxy_protocol=None if header is None else ProxyProtocol(header),
        proxy_protocol_tlvs=ProxyTLVs(tlvs or "tls"),
        proxy_header_from=None if senders is None else tuple(senders),
        connect_timeout=options.connect_timeout,
        drain_timeout=options.drain_timeout,
        unclean_end=UncleanEnd(options.unclean_end),
        limits=limits_of(options),
        workers=options.workers or _processors(),
    )


def _upstreams(options: argparse.Namespace) -> list[Upstream]:
    """All upstreams, without what only options say of them."""
    upstreams = [_upstream(text) for text in options.upstream]
    if options.balance is not None and len(upstreams) == 1:
        raise ConfigError("is of no use with one upstream", parameter="--balance")
    if not any(upstream.target.is_tls for upstream in upstreams):
        for name in ("upstream_domain", "sip_domain", "server_name"):
            if getattr(options, name) is not None:
                raise ConfigError(
                    "is of no use with a plain TCP upstream",
                    parameter=f"--{name.replace('_', '-')}",
                )
    return upstreams


def _upstream(text: str) -> Upstream:
    """Read an address, and its weight if one follows."""
    import re

    from tlsmgm._engine.upstreams import Upstream

    address, weight = text, 1
    if found := re.fullmatch(r"(.*?)\s+weight=(\S*)\s*", text, re.DOTALL):
        address = found[1]
        if not re.fullmatch("[0-9]{1,9}", found[2]):
            raise ConfigError(
                f"has the weight {found[2]!r}", parameter="--upstream", hint="such as weight=3"
            )
        weight = int(found[2])
    return Upstream(address, weight=weight)


def _processors() -> int:
    import os

    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _targets(options: argparse.Namespace, manager: TLSManager) -> list[Target]:
    from tlsmgm._service import Target, parse_target

    if options.listen:
        targets = [parse_target(text, listening=True) for text in options.listen]
    else:
        sockets = manager.config.sockets if manager.config else ()
        targets = [Target(True, item.host, item.port) for item in sockets if item.is_tls]
    if not targets:
        raise ConfigError(
            "the configuration has no TLS socket", origin=options.config, hint="give --listen"
        )
    return targets


def _check_library(manager: TLSManager, upstreams: list[Target], targets: list[Target]) -> None:
    if not any(target.is_tls for target in (*upstreams, *targets)):
        raise ConfigError("neither the clients nor the upstream speak TLS")
    if manager.library == "none":
        raise ConfigError("the proxy needs a TLS library", parameter="--library")
    listens = any(target.is_tls for target in targets)
    if listens and not any(domain.kind == "server" for domain in manager.domains):
        raise ConfigError("there is no server domain, so no client could connect")


def _check_ends(settings: ProxyOptions, targets: list[Target]) -> None:
    from tlsmgm._service import UncleanEnd

    is_plain = any(not target.is_tls for target in targets)
    if settings.unclean_end is UncleanEnd.FIN and not is_plain:
        raise ConfigError(
            "fin is of no use where clients and upstream speak TLS", parameter="--unclean-end"
        )


def _access_log(options: argparse.Namespace) -> AccessLog | None:
    from tlsmgm._service import DEFAULT_FORMAT, AccessLog

    template = options.access_log_format
    if options.no_access_log:
        if template is not None:
            raise ConfigError("is of no use with --no-access-log", parameter="--access-log-format")
        return None
    return AccessLog(DEFAULT_FORMAT if template is None else template, options.access_log)


def _close(access_log: AccessLog | None) -> None:
    if access_log is not None:
        access_log.close()


def _watch(text: str) -> Watch:
    return "notify" if text == "notify" else seconds(text)
