"""Everybody who may take part, and who of them is here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Final, TypeVar

from benchmarks.cohort.asyncio_proxy import AsyncioProxy
from benchmarks.cohort.echo_servers import EchoServer
from benchmarks.cohort.haproxy import HAProxy
from benchmarks.cohort.hitch import Hitch
from benchmarks.cohort.loopback import LoopbackServer
from benchmarks.cohort.managed import Managed
from benchmarks.cohort.memory import Entrant
from benchmarks.cohort.native_servers import NativeServer
from benchmarks.cohort.nginx import Nginx
from benchmarks.cohort.nginx_same import NginxSame
from benchmarks.cohort.pyopenssl import PyOpenSSL
from benchmarks.cohort.setting import Absent
from benchmarks.cohort.stdlib_ssl import AdapterSSL, ReplacedSSL, StdlibSSL
from benchmarks.cohort.stunnel import Stunnel
from benchmarks.cohort.tlsmgm_proxy import TLSMgmProxy
from benchmarks.cohort.uvloop_proxy import UvloopProxy
from benchmarks.cohort.wolfssl_py import WolfSSLPy

__all__ = ["ECHO", "LOOPBACK", "MEMORY", "echo_servers", "loopback_servers", "memory_entrants"]

T = TypeVar("T")

#: What makes each entrant in memory; raises Absent.
MEMORY: Final[dict[str, Callable[[], Entrant]]] = {
    "tlsmgm-openssl": partial(Managed, "openssl"),
    "tlsmgm-wolfssl": partial(Managed, "wolfssl"),
    "ssl": StdlibSSL,
    "ssl-sni": partial(StdlibSSL, by_name=True),
    "adapters-openssl": partial(AdapterSSL, "openssl"),
    "adapters-wolfssl": partial(AdapterSSL, "wolfssl"),
    "adapters-memory-openssl": partial(AdapterSSL, "openssl", own_memory=True),
    "adapters-memory-wolfssl": partial(AdapterSSL, "wolfssl", own_memory=True),
    "rtls": partial(ReplacedSSL, "rtls"),
    "utls": partial(ReplacedSSL, "utls"),
    "pyopenssl": PyOpenSSL,
    "wolfssl-py": WolfSSLPy,
}

#: What makes each server, from the upstream's port; raises Absent.
LOOPBACK: Final[dict[str, Callable[..., LoopbackServer]]] = {
    "tlsmgm-openssl": partial(TLSMgmProxy, "openssl"),
    "tlsmgm-wolfssl": partial(TLSMgmProxy, "wolfssl"),
    "tlsmgm-openssl-2": partial(TLSMgmProxy, "openssl", workers=2),
    "tlsmgm-wolfssl-2": partial(TLSMgmProxy, "wolfssl", workers=2),
    "engine-openssl": partial(NativeServer, "engine", "openssl"),
    "engine-wolfssl": partial(NativeServer, "engine", "wolfssl"),
    "relay-openssl": partial(NativeServer, "plain-relay", "openssl"),
    "relay-wolfssl": partial(NativeServer, "plain-relay", "wolfssl"),
    "asyncio": AsyncioProxy,
    "uvloop": UvloopProxy,
    "nginx": Nginx,
    "nginx-same": NginxSame,
    "haproxy": HAProxy,
    "stunnel": Stunnel,
    "hitch": Hitch,
}

#: What makes each server that echoes by itself; raises Absent.
ECHO: Final[dict[str, Callable[..., LoopbackServer]]] = {
    "echo-asyncio": partial(EchoServer, "ssl", "asyncio"),
    "echo-uvloop": partial(EchoServer, "ssl", "uvloop"),
    "aio-openssl": partial(EchoServer, "openssl", "asyncio"),
    "aio-wolfssl": partial(EchoServer, "wolfssl", "asyncio"),
    "aio-openssl-uvloop": partial(EchoServer, "openssl", "uvloop"),
    "aio-wolfssl-uvloop": partial(EchoServer, "wolfssl", "uvloop"),
}


def memory_entrants() -> tuple[list[Entrant], list[str]]:
    """Make every entrant in memory.

    Returns:
        Those that are here, and why the others are not.
    """
    return _make(MEMORY.values())


def loopback_servers(
    upstream: int, *, cpus: Iterable[int] | None = None, only: Collection[str] = ()
) -> tuple[list[LoopbackServer], list[str]]:
    """Make every server; none is started yet.

    Args:
        upstream: port of the plain server on 127.0.0.1.
        cpus: processors that each may run on.
        only: keys of ``LOOPBACK``, for who alone takes part; empty: everybody.

    Returns:
        Those that are here, and why the others are not.
    """
    pinned = None if cpus is None else tuple(cpus)
    makers = (make for key, make in LOOPBACK.items() if not only or key in only)
    return _make(partial(make, upstream, cpus=pinned) for make in makers)


def echo_servers(
    *, cpus: Iterable[int] | None = None, only: Collection[str] = ()
) -> tuple[list[LoopbackServer], list[str]]:
    """Make every server that echoes; none is started yet.

    Args:
        cpus: processors that each may run on.
        only: keys of ``ECHO``, for who alone takes part; empty: everybody.

    Returns:
        Those that are here, and why the others are not.
    """
    pinned = None if cpus is None else tuple(cpus)
    makers = (make for key, make in ECHO.items() if not only or key in only)
    return _make(partial(make, cpus=pinned) for make in makers)


def _make(makers: Iterable[Callable[[], T]]) -> tuple[list[T], list[str]]:
    present, absent = [], []
    for make in makers:
        try:
            present.append(make())
        except Absent as reason:
            absent.append(str(reason))
    return present, absent
