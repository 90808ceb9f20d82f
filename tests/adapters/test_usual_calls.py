"""Contexts filled by the usual calls, in memory."""

from __future__ import annotations

import contextlib
import gc
import ssl
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

import tlsmgm
from tests.adapters.pairs import Pair
from tests.support.managers import pki
from tests.support.pki import Authority
from tlsmgm import adapters

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def pinned(context: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    context.minimum_version = context.maximum_version = version


@pytest.mark.parametrize("version", VERSIONS)
def test_data_goes_both_ways(serving: Any, fetching: Any, version: ssl.TLSVersion) -> None:
    pinned(fetching, version)
    pair = Pair(fetching, serving).connected()
    assert pair.client.version() == pair.server.version() == version.name.replace("_", ".")
    assert pair.client.cipher() == pair.server.cipher()
    assert isinstance(pair.client.context, ssl.SSLContext)
    pair.client.write(b"question")
    pair.server.write(b"x" * 100_000)
    pair.carry()
    assert pair.server.read(3) == b"que"
    assert pair.server.pending() == 5
    assert pair.server.read(100) == b"stion"
    found, rest = b"", bytearray(100_000)
    while len(found) < 100_000:
        found += rest[: int(pair.client.read(100_000, rest))]
    assert found == b"x" * 100_000
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.read(1)
    certificate = pair.client.getpeercert()
    assert certificate is not None
    assert ("DNS", "dom1.test") in certificate["subjectAltName"]


@pytest.mark.parametrize("version", VERSIONS)
def test_goodbye(serving: Any, fetching: Any, version: ssl.TLSVersion) -> None:
    pinned(serving, version)
    pair = Pair(fetching, serving).connected()
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.unwrap()
    pair.carry()
    assert pair.server.read(10) == b""
    pair.server.unwrap()
    pair.carry()
    pair.client.unwrap()
    with pytest.raises(ssl.SSLZeroReturnError):
        pair.client.read(1)
    with pytest.raises(ssl.SSLError, match="shutdown"):
        pair.client.write(b"late")


def test_an_end_without_goodbye_is_told(serving: Any, fetching: Any) -> None:
    pair = Pair(fetching, serving).connected()
    pair.to_client.write_eof()
    with pytest.raises(ssl.SSLEOFError) as caught:
        pair.client.read(1)
    assert isinstance(caught.value, tlsmgm.TruncatedError)
    assert caught.value.args[0] == ssl.SSL_ERROR_EOF


def test_a_wrong_name_is_refused_as_ssl_does(serving: Any, fetching: Any) -> None:
    failed = Pair(fetching, serving, "other.test").shake()[0]
    assert isinstance(failed, ssl.SSLCertVerificationError)
    assert isinstance(failed, tlsmgm.VerificationError)
    assert (failed.verify_code, failed.reason) == (62, "CERTIFICATE_VERIFY_FAILED")
    assert "other.test" in failed.verify_message
    assert failed.verify_reason == "name_mismatch"  # type: ignore[attr-defined]


def test_a_stranger_is_refused_on_both_ends(serving: Any, library: str) -> None:
    trusting = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=library)
    trusting.load_verify_locations(cadata=Authority("somebody else").pem.decode())
    pair = Pair(trusting, serving)
    failed = pair.shake()
    assert isinstance(failed[0], ssl.SSLCertVerificationError)
    with pytest.raises(ssl.SSLError) as caught:
        pair.server.do_handshake()
    assert caught.value.reason == "TLSV1_ALERT_UNKNOWN_CA"


def test_a_client_is_asked_for_its_certificate(serving: Any, fetching: Any) -> None:
    serving.verify_mode = ssl.CERT_REQUIRED
    serving.load_verify_locations(pki("root.pem"))
    fetching.maximum_version = ssl.TLSVersion.TLSv1_2
    assert Pair(fetching, serving).shake() != []
    fetching.load_cert_chain(pki("good.pem"), pki("good.key"))
    pair = Pair(fetching, serving).connected()
    assert pair.server.getpeercert() != {}


def test_a_change_holds_for_the_next_connection(serving: Any, fetching: Any) -> None:
    Pair(fetching, serving).connected()
    serving.maximum_version = ssl.TLSVersion.TLSv1_2
    assert Pair(fetching, serving).connected().client.version() == "TLSv1.2"
    fetching.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    chosen = Pair(fetching, serving).connected().client.cipher()
    assert chosen is not None
    assert "AES128-GCM" in chosen[0]


def test_whatever_is_set_holds_for_the_next_connection(
    serving: Any, fetching: Any, tmp_path: Path
) -> None:
    """Values that Python's own class keeps, too, and whatever way a server's connections went."""
    Pair(fetching, serving).connected()
    asked = []
    serving.sni_callback = lambda *names: asked.append(names[1])
    Pair(fetching, serving).connected()
    assert asked == ["dom1.test"]
    serving.sni_callback = None
    serving.keylog_filename = str(tmp_path / "keys")
    Pair(fetching, serving).connected()
    assert (tmp_path / "keys").read_text()
    assert len(asked) == 1
    serving.load_cert_chain(pki("dom2.pem"), pki("dom2.key"))
    assert Pair(fetching, serving, "dom2.test").shake() == []
    assert Pair(fetching, serving, "dom1.test").shake() != []
    fetching.check_hostname = False
    assert Pair(fetching, serving, "dom1.test").shake() == []
    serving.load_verify_locations(pki("root.pem"))
    serving.verify_mode = ssl.CERT_REQUIRED
    fetching.maximum_version = ssl.TLSVersion.TLSv1_2
    assert Pair(fetching, serving).shake() != []


def test_groups_and_suites_of_tls13(serving: Any, fetching: Any) -> None:
    fetching.set_groups("P-384")
    fetching.set_ciphersuites("TLS_CHACHA20_POLY1305_SHA256")
    pair = Pair(fetching, serving).connected()
    assert pair.client.cipher() == ("TLS_CHACHA20_POLY1305_SHA256", "TLSv1.3", 256)
    with pytest.raises(ssl.SSLError):
        fetching.set_groups("P-999")


@pytest.mark.parametrize(("offered", "agreed"), [(["b", "a"], "a"), (["c"], None), ([], None)])
def test_alpn(serving: Any, fetching: Any, offered: list[str], agreed: str | None) -> None:
    serving.set_alpn_protocols(["a", "b"])
    fetching.set_alpn_protocols(offered)
    pair = Pair(fetching, serving).connected()
    assert pair.client.selected_alpn_protocol() == agreed
    assert pair.server.selected_alpn_protocol() == agreed


def test_sni_callback_chooses(serving: Any, fetching: Any, library: str) -> None:
    other = adapters.SSLContext(ssl.PROTOCOL_TLS_SERVER, library=library)
    other.load_cert_chain(pki("dom2.pem"), pki("dom2.key"))
    asked = []

    def choose(end: Any, name: str | None, context: Any) -> int | None:
        asked.append((name, context is serving))
        if name == "dom2.test":
            end.context = other
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME if name == "none.test" else None

    serving.sni_callback = choose
    pair = Pair(fetching, serving, "dom2.test").connected()
    assert pair.server.context is other
    Pair(fetching, serving, "dom1.test").connected()
    failed = Pair(fetching, serving, "none.test").shake()
    assert {error.reason for error in failed} & {"CALLBACK_FAILED", "TLSV1_UNRECOGNIZED_NAME"}
    assert asked == [("dom2.test", True), ("dom1.test", True), ("none.test", True)]


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions(serving: Any, fetching: Any, version: ssl.TLSVersion) -> None:
    pinned(serving, version)
    first = Pair(fetching, serving).connected()
    with pytest.raises(ssl.SSLWantReadError):
        first.client.read(1)  # the tickets
    session = first.client.session
    assert session is not None
    assert session.has_ticket
    again = Pair(fetching, serving, session=session).connected()
    assert again.client.session_reused
    assert serving.session_stats()["hits"] == 1
    elsewhere = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=fetching.library)
    with pytest.raises(ValueError, match="different SSLContext"):
        Pair(elsewhere, serving, session=session)


@pytest.mark.parametrize("loaded", ["crl.pem", "both.pem"])
def test_crls(root: Authority, library: str, tmp_path: Path, loaded: str) -> None:
    good, bad = root.issue("good", names=["dom1.test"]), root.issue("bad", names=["dom1.test"])
    (tmp_path / "crl.pem").write_bytes(root.crl(bad))
    (tmp_path / "ca.pem").write_bytes(root.pem)
    (tmp_path / "both.pem").write_bytes(root.pem + root.crl(bad))
    calling = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=library)
    calling.load_verify_locations(tmp_path / "ca.pem")
    calling.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    reasons = []
    for identity in (good, bad):
        fields = identity.fields()
        (tmp_path / "chain.pem").write_bytes(fields["certificate"])
        (tmp_path / "key.pem").write_bytes(fields["private_key"])
        answering = adapters.SSLContext(ssl.PROTOCOL_TLS_SERVER, library=library)
        answering.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
        with pytest.raises(ssl.SSLError, match="there are none"):
            without_crls(library).do_handshake()
        calling.load_verify_locations(tmp_path / loaded)
        failed = Pair(calling, answering).shake()
        reasons.append([getattr(error, "verify_message", "") for error in failed[:1]])
    assert reasons == [[], ["certificate revoked"]]


def without_crls(library: str) -> ssl.SSLObject:
    """An end whose context checks CRLs and has none."""
    other = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=library)
    other.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return other.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="dom1.test")


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda one: one.set_ciphers("bogus"), ssl.SSLError),
        (lambda one: one.load_cert_chain("nowhere.pem"), FileNotFoundError),
        (lambda one: one.load_cert_chain(pki("dom1.pem"), pki("dom2.key")), ssl.SSLError),
        (lambda one: one.load_verify_locations(), TypeError),
        (lambda one: one.load_verify_locations(cadata="broken"), ssl.SSLError),
        (lambda one: one.set_ecdh_curve("bogus"), ValueError),
        (lambda one: one.set_alpn_protocols([""]), ssl.SSLError),
        (lambda one: one.set_alpn_protocols(["x" * 256]), ssl.SSLError),
        (lambda one: one.load_dh_params(pki("dom1.pem")), ssl.SSLError),
        (lambda one: setattr(one, "verify_mode", 17), ValueError),
        (lambda one: setattr(one, "minimum_version", 17), ValueError),
        (lambda one: setattr(one, "verify_flags", None), TypeError),
        (lambda one: setattr(one, "sni_callback", 17), TypeError),
        (lambda one: one.set_psk_server_callback(print), ssl.SSLError),
        (lambda one: one.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO()), ssl.SSLError),
    ],
)
def test_what_ssl_refuses_is_refused_alike(serving: Any, call: Any, kind: type) -> None:
    with pytest.raises(kind):
        call(serving)


@pytest.mark.parametrize("name", ["", ".dom1.test", ".".join(["a" * 60] * 6), "a\0b"])
def test_names_that_cannot_be_sent(fetching: Any, name: str) -> None:
    with pytest.raises((ssl.SSLError, ValueError, TypeError)):
        fetching.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name).do_handshake()


def test_a_pass_phrase_is_asked_for_once(root: Authority, library: str, tmp_path: Path) -> None:
    fields = root.issue("secret", names=["dom1.test"]).fields()
    (tmp_path / "chain.pem").write_bytes(fields["certificate"])
    (tmp_path / "key.pem").write_bytes(encrypted(fields["private_key"], b"open"))
    asked = []

    def tell() -> str:
        asked.append(1)
        return "open"

    context = adapters.SSLContext(ssl.PROTOCOL_TLS_SERVER, library=library)
    context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem", tell)
    with pytest.raises(ssl.SSLError):
        context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem", "shut")
    with pytest.raises(ssl.SSLError):
        context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    calling = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=library)
    calling.load_verify_locations(cadata=root.pem.decode())
    (tmp_path / "key.pem").unlink()
    Pair(calling, context).connected()
    assert asked == [1]


def encrypted(key: bytes, passphrase: bytes) -> bytes:
    from cryptography.hazmat.primitives import serialization

    loaded = serialization.load_pem_private_key(key, None)
    return loaded.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )


def test_two_keys_have_one_pass_phrase(library: str, tmp_path: Path) -> None:
    context = adapters.SSLContext(ssl.PROTOCOL_TLS_SERVER, library=library)
    for name, word in (("dom1", b"one"), ("good_rsa", b"two")):
        key = tmp_path / f"{name}.key"
        key.write_bytes(encrypted(Path(pki(f"{name}.key")).read_bytes(), word))
        if name == "dom1":
            context.load_cert_chain(pki("dom1.pem"), key, word)
    with pytest.raises(tlsmgm.UnsupportedError, match="same password"):
        context.load_cert_chain(pki("good_rsa.pem"), key, b"two")
    context.load_cert_chain(pki("good_rsa.pem"), pki("good_rsa.key"), b"two")  # not encrypted


def test_an_intermediate_is_no_anchor_unless_partial_chains_are_allowed(
    root: Authority, library: str, tmp_path: Path
) -> None:
    middle = Authority("middle", root)
    fields = middle.issue("deep", names=["dom1.test"]).fields()
    (tmp_path / "chain.pem").write_bytes(fields["certificate"])
    (tmp_path / "key.pem").write_bytes(fields["private_key"])
    answering = adapters.SSLContext(ssl.PROTOCOL_TLS_SERVER, library=library)
    answering.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    calling = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=library)
    calling.load_verify_locations(cadata=middle.pem.decode())
    calling.verify_flags &= ~ssl.VERIFY_X509_PARTIAL_CHAIN
    assert isinstance(Pair(calling, answering).shake()[0], ssl.SSLCertVerificationError)
    calling.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    Pair(calling, answering).connected()
    calling.verify_flags &= ~ssl.VERIFY_X509_PARTIAL_CHAIN
    calling.load_verify_locations(cadata=root.pem.decode())
    end: Any = Pair(calling, answering).connected().client
    chain = end._sslobj.get_verified_chain()
    assert len(chain) == 3


def test_no_cycle_keeps_an_end_alive(serving: Any, fetching: Any) -> None:
    pair = Pair(fetching, serving).connected()
    end: Any = pair.client
    seen = weakref.ref(end._sslobj)
    del end
    gc.disable()
    try:
        del pair
        assert seen() is None
    finally:
        gc.enable()


def test_key_log(serving: Any, fetching: Any, tmp_path: Path) -> None:
    fetching.keylog_filename = tmp_path / "keys"
    Pair(fetching, serving).connected()
    assert "CLIENT_HANDSHAKE_TRAFFIC_SECRET" in (tmp_path / "keys").read_text()


@pytest.mark.parametrize("version", VERSIONS)
def test_what_ties_a_login_to_a_connection(
    serving: Any, client_library: str, version: ssl.TLSVersion
) -> None:
    """``tls-unique`` is of the client's Finished, but of the server's where it resumes first."""
    fetching = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=client_library)
    fetching.load_verify_locations(pki("root.pem"))
    pinned(serving, version)
    pair = Pair(fetching, serving)
    assert pair.client.get_channel_binding("tls-unique") is None
    pair.connected()
    first = pair.client.get_channel_binding("tls-unique")
    assert first
    assert len(first) == (12 if version == ssl.TLSVersion.TLSv1_2 else 48)
    assert pair.server.get_channel_binding("tls-unique") == first
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.read(1)  # the tickets
    again = Pair(fetching, serving, session=pair.client.session).connected()
    assert again.client.session_reused
    second = again.client.get_channel_binding("tls-unique")
    assert second == again.server.get_channel_binding("tls-unique")
    assert second not in {first, None}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("is_server", [False, True])
def test_a_login_is_tied_alike_by_ssl(
    serving: Any, fetching: Any, version: ssl.TLSVersion, is_server: bool
) -> None:
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
    if is_server:
        other.load_cert_chain(pki("dom1.pem"), pki("dom1.key"))
    else:
        other.load_verify_locations(pki("root.pem"))
    client, server = (fetching, other) if is_server else (other, serving)
    pinned(client, version)
    pair = Pair(client, server).connected()
    assert pair.client.get_channel_binding() == pair.server.get_channel_binding()
    assert pair.client.get_channel_binding()


def records_of(wire: bytes) -> list[int]:
    """The types of records."""
    types, at = [], 0
    while at < len(wire):
        types.append(wire[at])
        at += 5 + int.from_bytes(wire[at + 3 : at + 5])
    return types


@pytest.mark.parametrize(("chosen", "given"), [(None, 1), (0, 0), (1, 1), (2, 2), (5, 5), (16, 16)])
def test_tickets_are_counted(serving: Any, fetching: Any, chosen: int | None, given: int) -> None:
    """Each is a record of its own."""
    if chosen is not None:
        serving.num_tickets = chosen
    pair = Pair(fetching, serving)
    for end in (pair.client, pair.server, pair.client):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
        pair.carry()
    pair.server.do_handshake()
    tickets = pair.from_server.read()
    assert records_of(tickets) == [23] * given
    pair.to_client.write(tickets)
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.read(1)
    assert (pair.client.session is not None) == (given > 0)
    if given > 0:
        again = Pair(fetching, serving, session=pair.client.session).connected()
        assert again.client.session_reused


def test_too_many_tickets(serving: Any, fetching: Any) -> None:
    with pytest.raises(ValueError, match="non-negative"):
        serving.num_tickets = -1
    with pytest.raises(ValueError, match="server context"):
        fetching.num_tickets = 1
    serving.num_tickets = 17
    with pytest.raises(tlsmgm.ConfigError, match="at most 16"):
        Pair(fetching, serving).shake_server()


class Cut(BaseException):
    """What ``except Exception`` does not catch, such as the end of a greenlet."""


def test_a_callback_that_is_interrupted_ends_the_handshake(serving: Any, fetching: Any) -> None:
    """Whoever goes on with it hears that nobody says which context answers."""

    def interrupt(*_: object) -> None:
        raise Cut

    serving.sni_callback = interrupt
    pair = Pair(fetching, serving)
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.do_handshake()
    pair.carry()
    with pytest.raises(Cut):
        pair.server.do_handshake()
    for _ in range(2):
        with pytest.raises(ssl.SSLError, match="interrupted by Cut"):
            pair.server.do_handshake()


@pytest.mark.parametrize("alert", [-1, 256, 1 << 70])
def test_a_callback_that_returns_no_alert(
    serving: Any, fetching: Any, alert: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    serving.sni_callback = lambda *_: alert
    pair = Pair(fetching, serving)
    assert ["callback failed" in str(error) for error in pair.shake()] == [True]
    assert [type(what.exc_value) for what in told] == [OverflowError]
    pair.carry()
    with pytest.raises(ssl.SSLError, match=r"(?i)internal error"):
        pair.client.do_handshake()
