"""Reader of OpenSIPS scripts: sockets, numbers, the words around them, timeouts."""

from __future__ import annotations

import pytest

from tests.unit.modparams import refused
from tlsmgm._config.opensips import read_script_text


def test_sockets() -> None:
    config = read_script_text(
        """
        socket= tls:1.2.3.4:5061 use_workers 4 as 5.6.7.8:5062
        socket = tls : [::1] : 7061
        listen=wss:*
        socket=tls:*:5061  # all
        socket=hep_tls:eth0:9062
        listen=127.0.0.1:5070
        listen="udp:10.0.0.1"
        socket=tls:2001:db8::1
        socket=udp:1:2:3:4 ; socket=tcp:10.0.0.2:99999
        socket=TLS:10.0.0.9
        modparam("proto_tls", "tls_port", 5099)
        route { socket=tls:9.9.9.9:9999 }
        """,
        "x.cfg",
    )
    assert [(s.protocol, s.host, s.port, s.origin.line) for s in config.sockets] == [
        ("tls", "1.2.3.4", 5061, 2),
        ("tls", "::1", 7061, 3),
        ("wss", "*", 443, 4),
        ("tls", "*", 5061, 5),
        ("hep_tls", "eth0", 9062, 6),
        ("any", "127.0.0.1", 5070, 7),
        ("udp", "10.0.0.1", 5060, 8),
        ("tls", "2001:db8::1", 5099, 9),
        ("tls", "10.0.0.9", 5099, 11),
    ]
    assert [s.is_tls for s in config.sockets][:3] == [True, True, True]
    assert not config.sockets[6].is_tls


@pytest.mark.parametrize(
    "value", ["tls:", "tls:1.2.3.4:0", "tls:1.2.3.4:70000", "tls:[::g]:1", "tls:a:b", "tls:1:2:3"]
)
def test_bad_tls_sockets(value: str) -> None:
    assert str(refused(f"\nsocket={value}\n")).startswith(f"x.cfg:2: bad socket {value!r}")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("tls:1.2.3.4:0", "ports go from 1 to 65535"),
        ("tls:1.2.3.4:70000", "ports go from 1 to 65535"),
        ("wss:1.2.3.4:5063-5061", "from the lower to the higher one"),
        ("bins:a:b", "(write bins:10.0.0.10:5556)"),
        ("tls:9443", "'9443' is no host (write tls:*:9443)"),
        ("WSS:any:443", "'any' is no host (write wss:*:443)"),
        ("tls:any", "'any' is no host (write tls:*)"),
        ("tls:::1:6743", "6743 may be a port, or the end of an address (write tls:[::1]:6743, or"),
        ("tls:2001:db8::a:5061", "(write tls:[2001:db8::a]:5061, or tls:[2001:db8::a:5061])"),
        ("tlss:1.2.3.4:5061", "there is no protocol 'tlss' (did you mean 'tls'?)"),
        ("hep-tls:eth0:9061", "there is no protocol 'hep-tls' (did you mean 'hep_tls'?)"),
    ],
)
def test_sockets_that_say_something_else(value: str, message: str) -> None:
    error = str(refused(f"\nsocket={value}\n"))
    assert error.startswith(f"x.cfg:2: bad socket {value!r}")
    assert message in error


@pytest.mark.parametrize("value", ["1.2.3.4:5061", "[::1]:5061", "eth0", "any:1.2.3.4:5061"])
@pytest.mark.parametrize("word", ["socket", "listen"])
def test_sockets_without_protocol_are_told(value: str, word: str) -> None:
    config = read_script_text(f"\n{word}={value}\n", "x.cfg")
    assert [socket.is_tls for socket in config.sockets] == [False]
    (warning,) = config.warnings
    assert warning.startswith(f"x.cfg:2: socket {value!r} names no protocol")
    assert f"write tls:{value.removeprefix('any:')}" in warning


@pytest.mark.parametrize(
    "value", ["udp:1.2.3.4:5060", "ipsec:eth0:5062", "tls:::1", "tls:2001:db8::5061"]
)
def test_sockets_that_need_no_warning(value: str) -> None:
    config = read_script_text(f"socket={value}\n")
    assert (len(config.sockets), config.warnings) == (1, ())


@pytest.mark.parametrize(
    ("written", "port"),
    [("5062", 5062), ('"5062"', 5062), ("0x13c6", 5062), ("011706", 5062), ("+5062", 5062),
     ("yes", 1), ("enable", 1)],
)  # fmt: skip
def test_numbers_are_those_of_the_lexer(written: str, port: int) -> None:
    text = f'modparam("proto_tls", "tls_port", {written})\nsocket=tls:10.0.0.1\n'
    (socket,) = read_script_text(text).sockets
    assert socket.port == port


@pytest.mark.parametrize("value", ["5s", "0x", "09", "1.5", "$var(x)", ""])
def test_numbers_that_are_none(value: str) -> None:
    assert "x.cfg:1: malformed modparam" in str(
        refused(f'modparam("proto_tls", "tls_handshake_timeout", {value})')
    )


@pytest.mark.parametrize(
    "module",
    ["tls_mgm.so", " tls_mgm", "tls-mgm", "tlsmgm", "TLS_MGMT", "x|tls_mg", "modules/tls_mgm"],
)
def test_a_misspelt_module_is_no_other_module(module: str) -> None:
    config = read_script_text(f'\nmodparam("{module}", "db_url", "mysql://u:p@h/d")', "x.cfg")
    (warning,) = config.warnings
    assert warning.startswith(f"x.cfg:2: modparam of {module!r} is passed over")
    assert config.database is None


@pytest.mark.parametrize("module", ["tcp_mgm", "sockets_mgm", "tls_openssl", "tls", "mi_http", ""])
def test_other_modules_are_other_modules(module: str) -> None:
    assert not read_script_text(f'modparam("{module}", "x", "y")').warnings


@pytest.mark.parametrize(
    "line",
    ['MODPARAM("tls_mgm", "server_domain", "d")', 'LoadModule "tls_openssl.so"',
     'Include_File "x.cfg"', "SOCKET=tls:10.0.0.1:5061"],
)  # fmt: skip
def test_words_count_in_lower_case_only(line: str) -> None:
    error = str(refused(f"\n{line}\n"))
    assert error.startswith("x.cfg:2: ")
    assert "is no word of a script (write '" in error


def test_timeouts() -> None:
    assert read_script_text("tls_handshake_timeout=30").handshake_timeout == 30
    config = read_script_text(
        'modparam("proto_tls", "tls_handshake_timeout", 300)\n'
        'modparam("tls_mgm", "tls_send_timeout", "2000")'
    )
    assert (config.handshake_timeout, config.send_timeout) == (0.3, 2.0)
    assert str(refused("tls_send_timeout=soon")) == (
        "x.cfg:1: parameter 'tls_send_timeout': must be an unsigned number, not 'soon'"
    )
    refused('modparam("proto_tls", "tls_handshake_timeout", 0)')
    refused('modparam("proto_tls", "tls_port", 70000)')


def test_ports_of_a_socket() -> None:
    config = read_script_text(
        """
        socket=tls:10.0.0.1:5061-5063
        socket=tls:[::1]:5061 - 5062, 5065,5070-5071 as 192.0.2.1:6000-6001,6002
        socket=wss:eth0:443 allow_proxy_protocol tos 8
        socket=udp:10.0.0.1:10000-10001
        socket=bond:pair { "a", "b" }
        socket=udp:10.0.0.1:9-8
        tls_handshake_timeout=4
        """,
        "x.cfg",
    )
    assert [(s.host, s.port) for s in config.sockets if s.is_tls] == [
        *[("10.0.0.1", port) for port in (5061, 5062, 5063)],
        *[("::1", port) for port in (5061, 5062, 5065, 5070, 5071)],
        ("eth0", 443),
    ]
    assert [s.port for s in config.sockets if s.protocol == "udp"] == [10000, 10001]
    assert config.handshake_timeout == 4
    (warning,) = config.warnings
    assert warning.startswith("x.cfg:4: 'allow_proxy_protocol' of a socket is passed over")
    too_many = "socket=tls:*:1-65535\n" * 2
    assert "more than 100000 sockets" in str(refused(too_many))
