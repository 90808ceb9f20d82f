"""``tlsmgm check`` warns of sockets that no SIP peer could use, since none sends a server name."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tlsmgm._checks import checks
from tlsmgm._checks.checks import check_config
from tlsmgm._config.opensips import read_script_text
from tlsmgm._config.toml import read_toml_text

MODULE = 'loadmodule "tls_openssl.so"\n'


def domain(name: str, names: str, address: str = "*", kind: str = "server") -> str:
    values = {"match_sip_domain": names, "match_ip_address": address}
    lines = [f'modparam("tls_mgm", "{kind}_domain", "{name}")']
    lines += [f'modparam("tls_mgm", "{key}", "[{name}]{value}")' for key, value in values.items()]
    return "\n".join(lines) + "\n"


def warnings(text: str) -> Mapping[str, str | None]:
    config = read_script_text(MODULE + text)
    found = [item for item in check_config(config, []) if item.check == "server-name"]
    assert all(item.severity == "warning" for item in found)
    return {item.message: item.origin for item in found}


@pytest.mark.parametrize(
    "socket", ["tls:192.0.2.1:5061", "tls:[2001:db8::1]:5061", "tls:eth0:5061"]
)
def test_names_only(socket: str) -> None:
    found = warnings(f"socket={socket}\n" + domain("a", "a.example,*.b.example"))
    ((message, origin),) = found.items()
    assert f"without a server name on {socket}," in message
    assert (origin or "").endswith(":2")


@pytest.mark.parametrize("names", ["none", "*", "a.example,none", "*,a.example"])
@pytest.mark.parametrize("socket", ["tls:192.0.2.1:5061", "tls:eth0:5061", "tls:*:5061"])
def test_one_that_answers_is_enough(socket: str, names: str) -> None:
    text = f"socket={socket}\n" + domain("a", "a.example") + domain("b", names)
    assert not warnings(text)


def test_filters_of_the_address_go_before_those_of_all() -> None:
    """There is no second try: see "Which domain answers"."""
    sockets = "socket=tls:192.0.2.1:5061\nsocket=tls:192.0.2.2:5061\n"
    text = sockets + domain("a", "a.example", "192.0.2.1:5061") + domain("b", "*")
    (message,) = warnings(text)
    assert "192.0.2.1:5061" in message


@pytest.mark.parametrize(
    "text",
    [
        domain("a", "a.example"),  # sockets are not known
        "socket=wss:192.0.2.1:443\n" + domain("a", "a.example"),  # browsers send one
        "socket=udp:192.0.2.1:5060\n" + domain("a", "a.example"),
        "socket=tls:192.0.2.1:5061\n" + domain("a", "a.example", kind="client"),
        "socket=tls:192.0.2.1:5061\n"
        'modparam("tls_mgm", "db_url", "sqlite:////nowhere")\n' + domain("a", "a.example"),
    ],
)
def test_nothing_to_say(text: str) -> None:
    assert not warnings(text)


# Interfaces, whose addresses are those of this machine.


class Interfaces:
    """Interfaces of a machine that is not this one."""

    addresses: Mapping[str, list[str]] = {
        "eth0": ["192.0.2.1", "2001:db8::1"],
        "eth1": [],
        "eth0.100": ["192.0.2.9"],
    }

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checks, "interface_addresses", self.addresses.get)
        monkeypatch.setattr(checks, "is_interface", self.addresses.__contains__)
        monkeypatch.setattr(checks, "getaddrinfo", self.resolve)

    def resolve(self, name: str, port: object) -> list[str]:
        if name != "proxy":
            raise OSError("not known")
        return [name]


@pytest.fixture
def interfaces(monkeypatch: pytest.MonkeyPatch) -> Interfaces:
    return Interfaces(monkeypatch)


def about_sockets(text: str) -> list[tuple[str, str | None]]:
    found = check_config(read_script_text(MODULE + text, "x.cfg"), [])
    return [(item.message, item.origin) for item in found if item.check == "socket"]


@pytest.mark.parametrize(
    ("socket", "words"),
    [
        (
            "tls:eth1:5061",
            "interface 'eth1' has no address here, so nothing can listen on tls:eth1",
        ),
        ("wss:eth7", "there is neither an interface nor a host 'eth7' here"),
        ("tls:eth7.200:5061-5069", "there is neither an interface nor a host 'eth7.200' here"),
    ],
)
def test_interfaces_without_address(interfaces: Interfaces, socket: str, words: str) -> None:
    ((message, origin),) = about_sockets(f"socket={socket}\n" + domain("a", "*"))
    assert words in message
    assert origin == "x.cfg:2"


@pytest.mark.parametrize(
    "socket", ["tls:eth0:5061", "tls:proxy:5061", "tls:*:5061", "tls:sip.example:5061",
               "tls:192.0.2.1:5061", "udp:eth7:5060", "tls:[::1]:5061", "tls:eth0.100:5061"]
)  # fmt: skip
def test_hosts_that_are_there_or_elsewhere(interfaces: Interfaces, socket: str) -> None:
    assert about_sockets(f"socket={socket}\nsocket=tls:192.0.2.7\n" + domain("a", "*")) == []


def test_a_range_of_ports_is_told_once() -> None:
    text = "socket=tls:192.0.2.1:5061-5080\nsocket=tls:192.0.2.2:5061-5062\n"
    found = warnings(text + domain("a", "a.example"))
    assert sorted(map(str, found.values())) == ["opensips.cfg:2", "opensips.cfg:3"]


def test_sockets_of_toml_without_protocol() -> None:
    text = 'listen = ["127.0.0.1:5061", "tls:127.0.0.1:5061"]\n[server.a]\n'
    found = check_config(read_toml_text(text, "x.toml"), [])
    (message,) = [item.message for item in found if item.check == "socket"]
    assert message.startswith("127.0.0.1:5061 names no protocol, so nothing serves it")
    assert "write tls:127.0.0.1:5061" in message


def test_addresses_of_an_interface_count(interfaces: Interfaces) -> None:
    ends = ["192.0.2.1:5061", "[2001:db8::1]:5061", "192.0.2.1:5062", "192.0.2.2:5061"]
    text = "socket=tls:eth0:5061\n" + domain("a", "*", ", ".join(ends))
    assert [message for message, _ in about_sockets(text)] == [
        f"no TLS socket of the script listens on {end}" for end in ends[2:]
    ]


def test_names_only_on_one_address_of_an_interface(interfaces: Interfaces) -> None:
    named = domain("a", "a.example", "192.0.2.1:5061")
    ((message, _),) = warnings("socket=tls:eth0:5061\n" + named + domain("b", "*")).items()
    assert "without a server name on tls:eth0:5061" in message
    assert not warnings("socket=tls:eth0:5062\n" + named + domain("b", "*"))
