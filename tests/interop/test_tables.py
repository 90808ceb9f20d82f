"""The tables of the interop run agree with each other; the run itself is no part of the suite."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from tests.interop import __main__ as run
from tests.interop.document import write_document
from tests.interop.expected import FOR_ALL, OF_PEERS, Rule, rule_for
from tests.interop.peers import HERE, PEERS, ROOT, Peer
from tests.interop.processes import words_of
from tests.interop.results import QUESTIONS, Cell, Presence
from tests.support.libraries import LIBRARIES

BY_NAME = {peer.name: peer for peer in PEERS}


def cells(peer: Peer, value: str = "x") -> list[Cell]:
    sides = {"client": (peer.client, peer.versions), "server": (peer.server, peer.server_versions)}
    return [
        Cell(peer.name, side, library, version, question, value)
        for side, (command, versions) in sides.items()
        if command
        for library in LIBRARIES
        for version in versions
        for question in QUESTIONS[side]
    ]


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_something_is_expected_of_every_cell(peer: Peer) -> None:
    for cell in cells(peer):
        assert rule_for(peer, cell).value


@pytest.mark.parametrize("name", OF_PEERS)
def test_rules_are_about_what_is_asked(name: str) -> None:
    mine = cells(BY_NAME[name])
    for rule in OF_PEERS[name]:
        re.compile(rule.value)
        assert any(rule.is_about(cell) for cell in mine), rule


def test_no_peer_is_without_rules() -> None:
    assert set(OF_PEERS) == set(BY_NAME)
    assert {rule.question for rule in FOR_ALL} <= set(QUESTIONS["client"] + QUESTIONS["server"])


def test_a_rule_must_fit_the_whole_value() -> None:
    rule = Rule("client", "end, its first", "ok")
    assert rule.holds("ok")
    assert not rule.holds("ok; it says close_notify")


def test_the_last_rule_that_fits_counts() -> None:
    cell = Cell("gnutls", "client", "wolfssl", "1.2", "group", "secp256r1")
    assert rule_for(BY_NAME["gnutls"], cell).value == "secp256r1"
    other = Cell("gnutls", "client", "openssl", "1.2", "group", "x25519")
    assert rule_for(BY_NAME["gnutls"], other).value == "x25519"


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_programs_are_there(peer: Peer) -> None:
    for command in (peer.client, peer.server):
        for word in command or ():
            assert not word.startswith(str(HERE)) or Path(word).exists()


def test_a_peer_that_is_not_here_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = dataclasses.replace(BY_NAME["gnutls"], needs="/no/such/program")
    assert gone.found_version() is None
    monkeypatch.setattr(run, "PEERS", [gone])
    assert run.main([]) == 0
    assert "GnuTLS: not installed" in capsys.readouterr().out
    assert run.main(["--peer", "gnutls"]) == 1


def test_a_program_that_fails_has_no_version() -> None:
    failing = dataclasses.replace(BY_NAME["gnutls"], needs="sh", version=("sh", "-c", "exit 1"))
    assert failing.found_version() is None


def test_the_document_is_about_all_of_them() -> None:
    with pytest.raises(SystemExit):
        run.main(["--document", "--peer", "gnutls"])


def test_the_last_words_of_a_peer_count() -> None:
    assert words_of("end: ours\nnoise\nerror:  SSL   alert\n") == "SSL alert"
    assert words_of("error: 802C638BF87F0000:error:0A00045C:SSL\n") == "error:0A00045C:SSL"
    assert words_of("nothing of it") == ""


def test_the_document_has_all_peers() -> None:
    text = (ROOT / "docs" / "interop.md").read_text(encoding="utf-8")
    for peer in PEERS:
        assert f"| {peer.title} |" in text


def test_differences_and_surprises_are_shown(tmp_path: Path) -> None:
    peer = BY_NAME["gnutls"]
    found = [
        Cell("gnutls", "client", "openssl", "1.2", "group", "x25519"),
        Cell("gnutls", "client", "wolfssl", "1.2", "group", "sect113|r1"),
        Cell("gnutls", "client", "openssl", "1.2", "resumed", "yes"),
        Cell("gnutls", "client", "wolfssl", "1.2", "resumed", "yes"),
    ]
    presence = [Presence(peer.name, "3.7.9"), Presence("caddy", None)]
    write_document(tmp_path / "interop.md", found, presence, ["OpenSSL 1", "wolfSSL 2"])
    text = (tmp_path / "interop.md").read_text(encoding="utf-8")
    assert "O: x25519<br>W: sect113\\|r1" in text
    assert "| yes |" in text
    assert "1 of 4 were **not** as expected" in text
    assert "| caddy (Go) | **not installed** |" in text
    assert "OpenSSL 1 and wolfSSL 2" in text
