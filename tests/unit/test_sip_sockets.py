"""``tlsmgm check`` warns of sockets that no SIP peer could use, since none sends a server name."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tlsmgm.checks import check_config
from tlsmgm.config.opensips import read_script_text

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
