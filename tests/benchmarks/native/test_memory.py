"""The workers do every workload with what was pinned, and refuse what cannot be had."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.native.worker import LAYERS, NativeError, Turn, Worker
from tests.benchmarks.native.conftest import Files

ECDSA_1_2 = {"version": "1.2"}
RSA_1_2 = {"version": "1.2", "cipher": "ECDHE-RSA-AES128-GCM-SHA256"}
SETTINGS: dict[str, tuple[str, dict[str, str]]] = {
    "tls1.3 ecdsa": ("ec", {}),
    "tls1.3 rsa": ("rsa", {}),
    "tls1.3 aes256": ("ec", {"cipher": "TLS_AES_256_GCM_SHA384"}),
    "tls1.3 p-256": ("ec", {"group": "P-256"}),
    "tls1.3 ml-kem": ("ec", {"group": "X25519MLKEM768"}),
    "tls1.2 ecdsa": ("ec", ECDSA_1_2),
    "tls1.2 rsa": ("rsa", RSA_1_2),
    "tls1.2 p-256": ("ec", {**ECDSA_1_2, "group": "P-256"}),
}


@pytest.fixture(params=LAYERS)
def worker(request: pytest.FixtureRequest, library: str) -> Iterator[Worker]:
    with Worker(library, request.param) as running:
        yield running


def check(turn: Turn, count: int) -> None:
    """Both sides worked, and not longer than the clock on the wall says."""
    assert turn.count == count
    assert turn.server_ns > 0
    assert turn.client_ns > 0
    assert turn.wall_ns > 0


@pytest.mark.parametrize("name", SETTINGS)
def test_full_handshakes(worker: Worker, files: Files, name: str) -> None:
    kind, setting = SETTINGS[name]
    if worker.library == "openssl" and "MLKEM" in setting.get("group", ""):
        version = worker.ask("info")["library_version"]
        if tuple(map(int, version.split(".")))[:2] < (3, 5):
            pytest.skip("ML-KEM came with OpenSSL 3.5")
    worker.setup(**files.server(kind), **setting)
    turn = worker.handshakes(3)
    check(turn, 3)
    assert turn.reply["resumed"] is False
    for key, value in {"version": "1.3", **setting}.items():
        assert turn.reply[key] == value


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("mutual", [False, True])
@pytest.mark.parametrize("resume", [False, True])
def test_tickets_and_client_certificates(
    worker: Worker, files: Files, version: str, mutual: bool, resume: bool
) -> None:
    setting: dict[str, Any] = {"version": version, "tickets": True, "resume": resume}
    if mutual:
        setting |= {"mutual": True, **files.client()}
    worker.setup(**files.server(), **setting)
    turn = worker.handshakes(4)
    check(turn, 4)
    assert turn.reply["resumed"] is resume
    assert turn.reply["mutual"] is mutual


def test_threads_do_the_work_of_each(worker: Worker, files: Files) -> None:
    worker.setup(**files.server(), tickets=True, resume=True)
    turn = worker.handshakes(3, threads=2)
    check(turn, 6)
    assert turn.reply["threads"] == 2


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_data(worker: Worker, files: Files, version: str) -> None:
    worker.setup(**files.server(), version=version)
    check(worker.bulk(2), 2)
    check(worker.bulk(2, upload=True, size=100_001), 2)
    check(worker.messages(3, size=1000, connections=5), 15)
    check(worker.messages(1, size=200_000, connections=1), 1)


def test_certificate_fields(library: str, files: Files) -> None:
    with Worker(library, "contract") as worker:
        worker.setup(**files.server())
        turn = worker.fields(5)
        assert (turn.count, turn.server_ns) == (5, 0)
        assert turn.client_ns > 0
    with Worker(library, "plain") as worker:
        worker.setup(**files.server())
        with pytest.raises(NativeError, match="reads no fields"):
            worker.fields(1)


def test_info(worker: Worker) -> None:
    info = worker.ask("info")
    assert (info["layer"], info["library"]) == (worker.layer, worker.library)
    assert info["library_version"][0].isdigit()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"version": "1.1"}, "1.2 or 1.3 is wanted"),
        ({"cipher": "TLS_NOPE"}, "."),
        ({"group": "nope"}, "."),
        ({"version": "1.2", "group": "X25519MLKEM768"}, "."),
        ({"certificate": "/nowhere.pem"}, "."),
        ({"ca": "/nowhere.pem"}, "."),
        ({"server_name": "other.example"}, "client"),
        ({"tickets": "perhaps"}, "yes or no is wanted"),
        ({"resume": True}, "needs tickets"),
        ({"mutual": True}, "needs client_certificate"),
        ({"client_key": "/some.key"}, "go together"),
        ({"surprise": 1}, '"surprise" means nothing'),
    ],
)
def test_a_setting_that_cannot_be_had(
    worker: Worker, files: Files, change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(NativeError, match=complaint):
        worker.setup(**{**files.server(), **change})
    with pytest.raises(NativeError, match="setup must come first"):
        worker.handshakes(1)
    worker.setup(**files.server())
    check(worker.handshakes(1), 1)


def test_another_authority_is_not_trusted(worker: Worker, files: Files) -> None:
    with pytest.raises(NativeError, match="client: handshake: "):
        worker.setup(**{**files.server(), "ca": files.path("other-ca.pem")})


def test_a_key_of_another_certificate(worker: Worker, files: Files) -> None:
    with pytest.raises(NativeError):
        worker.setup(**{**files.server(), "key": files.path("rsa.key")})


def test_amounts_have_bounds(worker: Worker, files: Files) -> None:
    worker.setup(**files.server())
    for operation, words in (
        ("handshake", {}),
        ("handshake", {"count": 0}),
        ("handshake", {"count": -1}),
        ("handshake", {"count": "1e3"}),
        ("handshake", {"count": 1, "threads": 65}),
        ("handshake", {"count": 1, "bytes": 1}),
        ("bulk", {"count": 1, "direction": "sideways"}),
        ("message", {"count": 1, "connections": 5000}),
    ):
        with pytest.raises(NativeError):
            worker.ask(operation, **words)
    check(worker.handshakes(1), 1)


def test_a_layer_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="magic"):
        Worker("openssl", "magic")
