"""Every entrant in memory does what is pinned, as a server and as a client."""

from __future__ import annotations

import sys

import pytest

import tlsmgm
from benchmarks.cohort import pyopenssl, wolfssl_py
from benchmarks.cohort.managed import Managed
from benchmarks.cohort.members import MEMORY, memory_entrants
from benchmarks.cohort.memory import Accept, ClientEnd, End, Entrant, handshake
from benchmarks.cohort.pyopenssl import PyOpenSSL
from benchmarks.cohort.setting import (
    HYBRID_GROUP,
    Absent,
    Facts,
    Identity,
    MismatchError,
    Setting,
    check_facts,
)
from benchmarks.cohort.stdlib_ssl import StdlibSSL
from benchmarks.cohort.wolfssl_py import WolfSSLPy
from tests.support.libraries import LIBRARIES

ECDSA_12 = Setting(version="TLSv1.2", cipher="ECDHE-ECDSA-AES128-GCM-SHA256")
RSA_12 = Setting(version="TLSv1.2", cipher="ECDHE-RSA-AES128-GCM-SHA256")
SETTINGS = {
    "1.3-ecdsa": ("ecdsa", Setting()),
    "1.3-rsa": ("rsa", Setting()),
    "1.3-p256": ("ecdsa", Setting(group="P-256")),
    "1.3-hybrid": ("ecdsa", Setting(group=HYBRID_GROUP)),
    "1.3-mutual": ("ecdsa", Setting(mutual=True)),
    "1.2-ecdsa": ("ecdsa", ECDSA_12),
    "1.2-rsa": ("rsa", RSA_12),
    "1.2-mutual": ("ecdsa", Setting(ECDSA_12.version, ECDSA_12.cipher, mutual=True)),
}
MEGABYTE = bytes(range(256)) * 4096


def entrant_or_skip(name: str) -> Entrant:
    try:
        return MEMORY[name]()
    except Absent as absent:
        pytest.skip(str(absent))


def accept_or_skip(entrant: Entrant, identity: Identity, setting: Setting) -> Accept:
    try:
        return entrant.server(identity, setting)
    except Absent as absent:
        pytest.skip(str(absent))


def reference() -> Entrant:
    for library in LIBRARIES:
        try:
            return Managed(library)
        except Absent:
            continue
    pytest.skip("tlsmgm has no library")


def check_traffic(client: ClientEnd, server: End) -> None:
    for data in (b"", b"x" * 1024, MEGABYTE):
        assert server.open(client.seal(data)) == data
        assert client.open(server.seal(data)) == data


@pytest.mark.parametrize("case", SETTINGS)
@pytest.mark.parametrize("name", MEMORY)
def test_server_does_what_is_pinned(name: str, case: str, identities: dict[str, Identity]) -> None:
    key_type, setting = SETTINGS[case]
    identity = identities[key_type]
    accept = accept_or_skip(entrant_or_skip(name), identity, setting)
    connect = reference().client(identity, setting)
    client, server = connect(None), accept()
    handshake(client, server)
    check_facts(client.facts(), setting, "client", reused=False)
    check_facts(server.facts(), setting, name, reused=False)
    assert client.facts().group is not None
    assert server.facts().has_peer is setting.mutual
    check_traffic(client, server)

    if not MEMORY[name]().resumes:
        return
    session = client.session()
    assert session is not None, "no ticket came"
    again, other = connect(session), accept()
    handshake(again, other)
    assert again.facts().reused is True
    check_facts(again.facts(), setting, "client", reused=True)
    check_facts(other.facts(), setting, name, reused=True)
    for end in (client, server, again, other):
        end.close()


@pytest.mark.parametrize("version", ["TLSv1.3", "TLSv1.2"])
@pytest.mark.parametrize("name", MEMORY)
def test_client_does_what_is_pinned(name: str, version: str, identity: Identity) -> None:
    cipher = Setting().cipher if version == "TLSv1.3" else ECDSA_12.cipher
    setting = Setting(version, cipher, mutual=True)
    connect = entrant_or_skip(name).client(identity, setting)
    accept = reference().server(identity, setting)
    client, server = connect(None), accept()
    handshake(client, server)
    check_facts(client.facts(), setting, name, reused=False)
    check_facts(server.facts(), setting, "server", reused=False)
    assert server.facts().has_peer
    check_traffic(client, server)

    session = client.session()
    client.close()
    assert (session is None) == (name in ("wolfssl-py", "rtls"))
    if session is not None and name != "utls":  # it does not offer what it was given
        again, other = connect(session), accept()
        handshake(again, other)
        check_facts(other.facts(), setting, "server", reused=True)
        again.close()


@pytest.mark.parametrize("name", MEMORY)
def test_mutual_server_refuses_a_client_without_certificate(name: str, identity: Identity) -> None:
    accept = accept_or_skip(entrant_or_skip(name), identity, Setting(mutual=True))
    connect = reference().client(identity, Setting(mutual=False))
    client, server = connect(None), accept()
    with pytest.raises(Exception, match=r"(?i)certificate|peer|-?\d{3}"):
        handshake(client, server)
    client.close()
    server.close()


def test_wrong_facts_are_refused() -> None:
    setting = Setting()
    good = Facts("TLSv1.3", setting.cipher, "x25519", False, False)
    check_facts(good, setting, "it")
    check_facts(Facts(None, None, None, None, None), setting, "it")
    bad = {
        "version": Facts("TLSv1.2", setting.cipher, "x25519", False, False),
        "cipher": Facts("TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519", False, False),
        "group": Facts("TLSv1.3", setting.cipher, "P-256", False, False),
        "resumed": Facts("TLSv1.3", setting.cipher, "x25519", True, False),
    }
    for name, facts in bad.items():
        with pytest.raises(MismatchError, match=f"it: the {name} is"):
            check_facts(facts, setting, "it", reused=False)
    resumed = Facts("TLSv1.2", ECDSA_12.cipher, "P-384", True, False)
    check_facts(resumed, ECDSA_12, "it", reused=True)


def test_a_setting_has_a_known_version() -> None:
    with pytest.raises(ValueError, match=r"not 'TLSv1\.1'"):
        Setting(version="TLSv1.1")


def test_absent_entrants_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wolfssl_py, "wolfssl", None)
    monkeypatch.setattr(pyopenssl, "SSL", None)
    monkeypatch.setattr(tlsmgm, "libraries", dict)
    with pytest.raises(Absent, match=r"^wolfssl \(PyPI\): .*install_wolfssl_py\.sh"):
        WolfSSLPy()
    with pytest.raises(Absent, match=r"^pyOpenSSL: pip install pyOpenSSL"):
        PyOpenSSL()
    with pytest.raises(Absent, match=r"^tlsmgm, wolfssl: .*run make"):
        Managed("wolfssl")
    for name in ("rtls", "utls"):
        monkeypatch.setitem(sys.modules, name, None)
    present, absent = memory_entrants()
    assert [entrant.name for entrant in present] == ["ssl", "ssl, sni_callback"]
    assert len(absent) == len(MEMORY) - len(present)


def test_tickets_that_cannot_be_turned_off_keep_an_entrant_out(identity: Identity) -> None:
    without = Setting(tickets=False)
    for name in ("tlsmgm-openssl", "tlsmgm-wolfssl", "pyopenssl", "wolfssl-py"):
        with pytest.raises(Absent, match="ticket"):
            entrant_or_skip(name).server(identity, without)
    client = reference().client(identity, without)(None)
    server = StdlibSSL().server(identity, without)()
    handshake(client, server)
    assert client.session() is None
