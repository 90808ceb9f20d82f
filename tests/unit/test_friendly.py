"""Domain.server() and Domain.client(): the manual's domains in plain words."""

from __future__ import annotations

import dataclasses
import inspect
import ssl
from pathlib import Path
from typing import Any

import pytest

from tlsmgm._domains.domain import Domain, Origin
from tlsmgm.errors import ConfigError

PEM = "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n"

#: A value other than the default for each parameter of the class but name and kind.
OTHERS: dict[str, Any] = {
    "match_ip_address": "10.0.0.1:5061",
    "match_sip_domain": "a.example,*.b.example",
    "method": "TLSv1_3",
    "verify_cert": False,
    "require_cert": False,
    "certificate": "cert.pem",
    "private_key": PEM,
    "private_key_passphrase": "secret",
    "ca_list": Path("ca.pem"),
    "ca_dir": "cas",
    "crl_dir": "crls",
    "crl_check_all": True,
    "cipher_list": "ECDHE-RSA-AES128-GCM-SHA256",
    "dh_params": "dh.pem",
    "ec_curve": "P-256",
    "verify_depth": 1,
    "alpn": "h2,http/1.1",
    "danger_skip_hostname_check": True,
    "private_key_passphrase_command": "pass show tls",
    "certificate2": "cert2.pem",
    "private_key2": "key2.pem",
    "identity": "sip",
    "peer_identity": ["peer.example"],
    "ocsp_response": b"\x30\x03",
    "require_staple": True,
    "ticket_key_file": "secret",
    "ticket_rotation": 600,
    "keylog_file": "keys.log",
    "client_eku": "client_or_server",
    "min_rsa_bits": 3072,
    "origin": Origin("here", 3),
}


def assert_same(one: Domain, other: Domain) -> None:
    """Compare field for field, and what is remembered beside the fields."""
    assert type(one) is type(other) is Domain
    for item in dataclasses.fields(Domain):
        assert getattr(one, item.name) == getattr(other, item.name), item.name
    assert one.demands_certificate is other.demands_certificate
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)


def test_nothing_but_a_name() -> None:
    assert_same(Domain.server("web"), Domain("web", "server"))
    assert_same(Domain.client("out"), Domain("out", "client"))
    strict = Domain.server("web")
    assert (strict.verify_cert, strict.require_cert) == (True, True)
    assert strict.match_sip_domain == strict.match_ip_address == ("*",)


def test_plain_words() -> None:
    assert_same(
        Domain.server(
            " web ",
            names=iter(["example.com", "*.example.com", "none"]),
            addresses=["10.0.0.1:443", "::1:443"],
            certificate=Path("cert.pem"),
            key=PEM,
            client_auth="none",
            versions="1.2+",
        ),
        Domain(
            "web",
            "server",
            match_sip_domain="example.com,*.example.com,none",
            match_ip_address="10.0.0.1:443,[::1]:443",
            certificate="cert.pem",
            private_key=PEM.encode(),
            verify_cert=False,
            require_cert=False,
            method="TLSv1_2-",
        ),
    )
    assert_same(
        Domain.client(
            "out",
            names="example.com",
            addresses="192.0.2.1:443",
            certificate="c",
            key="k",
            versions="1.3",
            ca_list="ca",
        ),
        Domain(
            "out",
            "client",
            match_sip_domain="example.com",
            match_ip_address="192.0.2.1:443",
            certificate="c",
            private_key="k",
            method="TLSv1_3",
            ca_list="ca",
        ),
    )


@pytest.mark.parametrize("kind", ["server", "client"])
def test_every_parameter_of_the_class_by_its_own_name(kind: str) -> None:
    make = getattr(Domain, kind)
    assert OTHERS.keys() == {item.name for item in dataclasses.fields(Domain)[2:]}
    for name, value in OTHERS.items():
        assert_same(make("x", **{name: value}), Domain("x", kind, **{name: value}))  # type: ignore[arg-type]
    everything = OTHERS | {"verify_cert": True, "require_cert": True}
    assert_same(make("x", **everything), Domain("x", kind, **everything))  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [Domain.server, Domain.client])
def test_none_is_as_if_left_out(make: Any) -> None:
    words = [
        name
        for name, item in inspect.signature(make).parameters.items()
        if item.kind is item.KEYWORD_ONLY
    ]
    assert {"names", "addresses", "certificate", "key", "versions"} <= set(words)
    assert_same(make("x", **dict.fromkeys(words)), make("x"))


CLIENT_AUTH = {"none": (False, False), "optional": (True, False), "required": (True, True)}


@pytest.mark.parametrize("word", CLIENT_AUTH)
def test_client_auth(word: Any) -> None:
    verify, require = CLIENT_AUTH[word]
    made = Domain("web", "server", verify_cert=verify, require_cert=require)
    assert_same(Domain.server("web", client_auth=word), made)


VERSIONS = {
    "1.2+": "TLSv1_2-TLSv1_3",
    " 1.2 + ": "TLSv1_2-TLSv1_3",
    "1.2-1.3": "TLSv1_2-TLSv1_3",
    "1.2 - 1.3": "TLSv1_2-TLSv1_3",
    "1.2": "TLSv1_2",
    "1.3": "TLSv1_3",
    "1.3+": "TLSv1_3",
    "1.3-1.3": "TLSv1_3",
    "1.0": "TLSv1",
    "1.0+": "TLSv1-TLSv1_3",
    "1.0-1.2": "TLSv1-TLSv1_2",
}


@pytest.mark.parametrize("written", VERSIONS)
def test_versions(written: str) -> None:
    for make in (Domain.server, Domain.client):
        made = make("x", versions=written)
        assert made.method == VERSIONS[written]
        assert_same(made, Domain("x", make.__name__, method=VERSIONS[written]))  # type: ignore[arg-type]


def test_the_docstring_says_what_versions_come_to() -> None:
    text = " ".join((inspect.getdoc(Domain.server) or "").split())
    assert '``"1.2+"`` is ``method="TLSv1_2-TLSv1_3"``, and so is ``"1.2-1.3"``' in text
    for written in ("1.2", "1.3", "1.0+"):
        assert f'``"{written}"`` is ``"{VERSIONS[written]}"``' in text


#: What cannot be used, the word for it, and what the message says.
UNUSABLE = [
    ({"versions": "1.1"}, "versions", "'1.0-1.2' and '1.0\\+' include it"),
    ({"versions": "1.1+"}, "versions", "'1.2\\+' leaves it out"),
    ({"versions": "1.0-1.1"}, "versions", "no word for TLS 1.1"),
    ({"versions": "1.3-1.2"}, "versions", "write '1.2-1.3'"),
    ({"versions": "1.4"}, "versions", "write '1.2\\+'"),
    ({"versions": "TLSv1_2-"}, "versions", "for method"),
    ({"versions": "tls1.2"}, "versions", "write '1.2\\+'"),
    ({"versions": "1.2-"}, "versions", "write '1.2\\+'"),
    ({"versions": "-1.2"}, "versions", "write '1.2\\+'"),
    ({"versions": "+"}, "versions", "write '1.2\\+'"),
    ({"versions": ""}, "versions", "write '1.2\\+'"),
    ({"versions": 1.2}, "versions", "must be text, not float.*write '1.2\\+'"),
    ({"versions": ["1.2", "1.3"]}, "versions", "must be text, not list"),
    ({"names": []}, "names", "is empty.*matches all"),
    ({"names": ""}, "names", "is empty"),
    ({"names": [None]}, "names", "must be text, not NoneType"),
    ({"names": b"a.example"}, "names", "not bytes"),
    ({"addresses": []}, "addresses", "is empty"),
    ({"addresses": "10.0.0.1"}, "addresses", "10\\.0\\.0\\.1"),
    ({"key": b"no PEM"}, "key", "is not PEM"),
    ({"certificate": 7}, "certificate", "must be a path or PEM, not int"),
    ({"ca_list": 7}, "ca_list", "must be a path or PEM, not int"),
]


@pytest.mark.parametrize(("values", "word", "message"), UNUSABLE)
def test_what_cannot_be_used(values: dict[str, Any], word: str, message: str) -> None:
    for make in (Domain.server, Domain.client):
        with pytest.raises(ConfigError, match=message) as caught:
            make("web", **values)
        assert caught.value.parameter == word
        assert caught.value.domain == "web"


@pytest.mark.parametrize(
    "value", ["", "NONE", "require", True, False, 0, ssl.CERT_REQUIRED, b"none"]
)
def test_what_client_auth_cannot_be(value: Any) -> None:
    """Nothing that could be read as less than what it means."""
    with pytest.raises(ConfigError, match="must be 'none', 'optional' or 'required'") as caught:
        Domain.server("web", client_auth=value)
    assert caught.value.parameter == "client_auth"


#: Words that say one thing twice, and those that the message names.
TWICE = [
    ({"names": "a", "match_sip_domain": "a"}, "names, or match_sip_domain"),
    ({"addresses": "*", "match_ip_address": "*"}, "addresses, or match_ip_address"),
    ({"key": "k", "private_key": "k"}, "key, or private_key"),
    ({"versions": "1.2+", "method": "TLSv1_2-"}, "versions, or method"),
]


@pytest.mark.parametrize(("values", "message"), TWICE)
def test_two_words_for_one_thing(values: dict[str, Any], message: str) -> None:
    for make in (Domain.server, Domain.client):
        with pytest.raises(TypeError, match=message):
            make("web", **values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"verify_cert": True}, "client_auth, or verify_cert"),
        ({"require_cert": None}, "client_auth, or require_cert"),
        ({"verify_cert": 0, "require_cert": 0}, "client_auth, or require_cert and verify_cert"),
    ],
)
def test_client_auth_and_what_it_stands_for(values: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Domain.server("web", client_auth="required", **values)


#: Words that are not there, and what is meant.
UNKNOWN = [
    ("kind", "leave kind out"),
    ("cert", "did you mean 'certificate'"),
    ("certfile", "did you mean 'certificate'"),
    ("keyfile", "did you mean 'key'"),
    ("ca", "did you mean 'ca_list'"),
    ("password", "did you mean 'private_key_passphrase'"),
    ("tls_method", "did you mean 'method'"),
    ("name_s", "did you mean 'names'"),
    ("verify_certs", "did you mean 'verify_cert'"),
    ("nonsense", "no parameter 'nonsense'$"),
]


@pytest.mark.parametrize(("word", "message"), UNKNOWN)
def test_unknown_words(word: str, message: str) -> None:
    for make in (Domain.server, Domain.client):
        with pytest.raises(TypeError, match=message):
            make("web", **{word: "x"})  # type: ignore[arg-type]  # the words are wrong on purpose


def test_replace_takes_the_same_words() -> None:
    old = Domain.server("web", names="a.example", certificate="c", key="k", versions="1.2")
    assert_same(
        old.replace(
            names=["b.example"], key=PEM, versions="1.2+", client_auth="none", ca_list="ca"
        ),
        old.replace(
            match_sip_domain="b.example",
            private_key=PEM,
            method="TLSv1_2-",
            verify_cert=False,
            require_cert=False,
            ca_list="ca",
        ),
    )
    assert_same(old.replace(addresses="10.0.0.1:443").replace(addresses="*"), old)
    assert_same(old.replace(key=None), old.replace(private_key=None))
    assert old.replace(client_auth="required").demands_certificate
    assert not old.replace(certificate="d").demands_certificate
    for word in ("names", "addresses", "client_auth", "versions"):
        with pytest.raises(ConfigError) as caught:
            old.replace(**{word: None})
        assert (caught.value.domain, caught.value.parameter) == ("web", word)
    with pytest.raises(TypeError, match=r"Domain\.replace\(\): give key, or private_key"):
        old.replace(key="k", private_key="k")
    with pytest.raises(TypeError, match="did you mean 'certificate'"):
        old.replace(cert="c")
    with pytest.raises(TypeError, match=r"replace\(\): a client domain has no client_auth"):
        Domain.client("out").replace(client_auth="none")
    with pytest.raises(TypeError, match="a client domain has no client_auth"):
        old.replace(kind="client", require_cert=None, client_auth="none")


def test_names_of_peers_need_their_certificates() -> None:
    for word in ("none", "optional"):
        with pytest.raises(ConfigError, match="client_auth is 'required' there"):
            Domain.server("web", client_auth=word, peer_identity="peer.example")


def test_client_domains_have_no_clients() -> None:
    with pytest.raises(TypeError, match="verifies the server unless verify_cert is False"):
        Domain.client("out", client_auth="none")


def test_what_others_call_it_is_ours() -> None:
    from tlsmgm._domains import friendly

    fields = {item.name for item in dataclasses.fields(Domain)}
    assert set(friendly._ELSEWHERE.values()) <= fields | set(friendly._FIELDS)
    assert set(friendly._FIELDS.values()) <= fields
    assert not set(friendly._ELSEWHERE) & fields


def test_no_secret_in_messages() -> None:
    for values in ({"versions": PEM}, {"names": PEM}, {"client_auth": PEM}, {"addresses": PEM}):
        with pytest.raises(ConfigError) as caught:
            Domain.server("web", **values)  # type: ignore[arg-type]
        assert "SECRET" not in str(caught.value)
