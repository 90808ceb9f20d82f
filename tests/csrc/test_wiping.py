"""Secrets are overwritten wherever the memory is ours: in blocks, in key rings, on the stack."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.support.c_code import CCode
from tests.support.contract import Rig, carry, pki
from tests.support.pki import key_pem
from tests.support.shortage import shortages

NAME = b"dom1.test"
WORD = b"correct horse battery staple"
KEY_SIZE, NAME_SIZE = 80, 16

#: More than this of a file is read into a larger block, and twice as much into a third one.
FIRST_READ = 8192

Source = Path | bytes


@contextlib.contextmanager
def watching(c: CCode, secret: bytes) -> Iterator[None]:
    """Prove that no block of ours is given back with a secret in it."""
    c.lib.tlsmgm_test_watch(secret, len(secret))
    try:
        yield
        assert c.lib.tlsmgm_test_sightings() == 0
    finally:
        c.lib.tlsmgm_test_watch(c.ffi.NULL, 0)


def parts_of(pem: bytes) -> list[bytes]:
    """Some text out of each line of a key's body."""
    body = pem.partition(b"KEY-----\n")[2].partition(b"\n-----END")[0]
    lines = body.splitlines()
    assert len(lines) > 2
    return [line[:24] for line in lines]


@pytest.mark.parametrize("end", ["free", "realloc"])
@pytest.mark.parametrize("wiped", [False, True])
def test_the_watch_sees_what_is_not_wiped(c: CCode, end: str, wiped: bool) -> None:
    secret = os.urandom(24)
    block = c.lib.tlsmgm_calloc(1, 100)
    c.lib.tlsmgm_test_watch(secret, len(secret))
    try:
        c.ffi.buffer(block, 100)[50:74] = secret
        assert c.lib.tlsmgm_test_holds(block)
        if wiped:
            c.lib.tlsmgm_wipe(block, 100)
            assert bytes(c.ffi.buffer(block, 100)) == bytes(100)
        if end == "realloc":
            block = c.lib.tlsmgm_realloc(block, 200)
            assert c.lib.tlsmgm_test_sightings() == (not wiped)
            c.lib.tlsmgm_wipe(block, 200)
        c.lib.tlsmgm_free(block)
        assert c.lib.tlsmgm_test_sightings() == (not wiped)
    finally:
        c.lib.tlsmgm_test_watch(c.ffi.NULL, 0)


# --- private keys --------------------------------------------------------------------------


@pytest.fixture(params=["memory", "file", "long file"])
def shape(request: pytest.FixtureRequest) -> str:
    """Where a key stands; one in a long file is moved twice while the file is read."""
    return str(request.param)


def source_of(pem: bytes, shape: str, folder: Path, name: str = "key.pem") -> Source:
    if shape == "memory":
        return pem
    path = folder / name
    path.write_bytes(pem + (b"and more\n" * FIRST_READ if shape == "long file" else b""))
    return path


def key_of(name: str) -> bytes:
    return pki(f"{name}.key").read_bytes()


def encrypted(name: str) -> bytes:
    return key_pem(load_pem_private_key(key_of(name), None), WORD)  # type: ignore[arg-type]


def keys_of(fields: dict[str, Any]) -> list[bytes]:
    """The PEM of all keys of a configuration."""
    values = [fields[name] for name in ("private_key", "private_key2") if name in fields]
    return [value if isinstance(value, bytes) else value.read_bytes() for value in values]


def assert_wiped(rig: Rig, status: str, fields: dict[str, Any]) -> None:
    """Build a context, which ends as expected, and see that no part of a key stays."""
    for secret in (part for pem in keys_of(fields) for part in parts_of(pem)):
        with watching(rig.c, secret):
            got, ctx = rig.ctx_new(**fields)
            rig.table.ctx_free(ctx)
        assert got.status == status


@pytest.mark.parametrize("is_server", [True, False])
def test_a_key_that_is_loaded(rig: Rig, shape: str, tmp_path: Path, is_server: bool) -> None:
    key = source_of(key_of("dom1"), shape, tmp_path)
    fields = {"is_server": is_server, "certificate": pki("dom1.pem"), "private_key": key}
    assert_wiped(rig, "OK", fields)


def test_two_keys_that_are_loaded(rig: Rig, shape: str, tmp_path: Path) -> None:
    fields = {
        "is_server": True,
        "certificate": pki("good.pem"),
        "private_key": source_of(key_of("good"), shape, tmp_path, "first"),
        "certificate2": pki("good_rsa.pem"),
        "private_key2": source_of(key_of("good_rsa"), shape, tmp_path, "second"),
    }
    assert_wiped(rig, "OK", fields)


@pytest.mark.parametrize(("word", "status"), [(WORD, "OK"), (b"wrong", "CONFIG"), (b"", "CONFIG")])
def test_an_encrypted_key(rig: Rig, shape: str, tmp_path: Path, word: bytes, status: str) -> None:
    key = source_of(encrypted("dom1"), shape, tmp_path)
    fields = {"is_server": True, "certificate": pki("dom1.pem"), "private_key": key}
    assert_wiped(rig, status, {**fields, "passphrase": word})
    with watching(rig.c, WORD):
        got, ctx = rig.ctx_new(**fields, passphrase=WORD)
        rig.table.ctx_free(ctx)
    assert got.status == "OK"


def of_another_certificate(_: Path) -> dict[str, Any]:
    return {"certificate": pki("dom2.pem"), "private_key": key_of("dom1")}


def cut_short(_: Path) -> dict[str, Any]:
    pem = key_of("good_rsa")
    return {"certificate": pki("good_rsa.pem"), "private_key": pem[: len(pem) // 2]}


def in_a_huge_file(folder: Path) -> dict[str, Any]:
    path = folder / "huge"
    path.write_bytes(key_of("dom1"))
    os.truncate(path, (16 << 20) + 1)
    return {"certificate": pki("dom1.pem"), "private_key": path}


def for_another_second_one(_: Path) -> dict[str, Any]:
    second = {"certificate2": pki("good_rsa.pem"), "private_key2": key_of("dom1")}
    return {"certificate": pki("good.pem"), "private_key": key_of("good"), **second}


@pytest.mark.parametrize(
    "fields", [of_another_certificate, cut_short, in_a_huge_file, for_another_second_one]
)
def test_a_key_that_is_refused(rig: Rig, tmp_path: Path, fields: Any) -> None:
    assert_wiped(rig, "CONFIG", {"is_server": True, **fields(tmp_path)})


def test_a_key_for_which_there_is_no_memory(rig: Rig, shape: str, tmp_path: Path) -> None:
    key = key_of("dom1")
    fields = {"certificate": pki("dom1.pem"), "private_key": source_of(key, shape, tmp_path)}

    def attempt(_: None) -> str:
        got, ctx = rig.ctx_new(is_server=True, **fields)
        rig.table.ctx_free(ctx)
        return got.status

    with watching(rig.c, parts_of(key)[0]):
        outcomes = list(shortages(rig, lambda: None, attempt))
    assert len(outcomes) > 2
    assert set(outcomes) == {"NO_MEMORY"}


# --- ticket keys ---------------------------------------------------------------------------


def secrets_of(material: bytes) -> tuple[bytes, bytes]:
    """The two halves of a ticket key that nobody may know."""
    cipher = NAME_SIZE + 32
    return material[NAME_SIZE:cipher], material[cipher:]


def ring(c: CCode, material: bytes) -> Any:
    out = c.ffi.new("struct tlsmgm_ticket_keys **")
    assert c.lib.tlsmgm_ticket_keys_new(out, c.error()) == c.lib.TLSMGM_STATUS_OK
    c.lib.tlsmgm_ticket_keys_replace(out[0], material, len(material) // KEY_SIZE)
    return out[0]


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("at", [0, 2])
def test_ticket_keys_that_are_replaced_and_freed(c: CCode, half: int, at: int) -> None:
    material = [os.urandom(KEY_SIZE) for _ in range(3)]
    with watching(c, secrets_of(material[at])[half]):
        keys = ring(c, b"".join(material))
        assert c.lib.tlsmgm_test_holds(keys)
        c.lib.tlsmgm_ticket_keys_replace(keys, os.urandom(KEY_SIZE), 1)
        assert not c.lib.tlsmgm_test_holds(keys)
        c.lib.tlsmgm_ticket_keys_replace(keys, b"".join(material), 3)
        assert c.lib.tlsmgm_test_holds(keys)
        c.lib.tlsmgm_ticket_keys_free(keys)


def test_ticket_keys_that_a_context_frees(rig: Rig) -> None:
    material = os.urandom(KEY_SIZE)
    with watching(rig.c, secrets_of(material)[0]):
        keys = ring(rig.c, material)
        got, ctx = rig.ctx_new(
            is_server=True,
            certificate=pki("dom1.pem"),
            private_key=pki("dom1.key"),
            ticket_keys=keys,
            scope=b"one",
        )
        assert got.status == "OK"
        rig.c.lib.tlsmgm_ticket_keys_free(keys)
        assert rig.c.lib.tlsmgm_test_holds(keys)
        rig.table.ctx_free(ctx)


# --- the stack -----------------------------------------------------------------------------


class Stack:
    """A stack on which calls are made, and which can be looked through afterwards.

    Args:
        c: the C code.
    """

    def __init__(self, c: CCode) -> None:
        self.c = c
        self.handle = c.ffi.gc(c.lib.tlsmgm_test_stack_new(), c.lib.tlsmgm_test_stack_free)
        assert self.handle

    def holds(self, *secrets: bytes) -> bool:
        holds = self.c.lib.tlsmgm_test_stack_holds
        return any(holds(self.handle, secret, len(secret)) for secret in secrets)

    def run(self, call: str, *arguments: Any) -> None:
        assert getattr(self.c.lib, f"tlsmgm_test_stack_{call}")(self.handle, *arguments)


def test_a_stack_shows_what_is_left(c: CCode) -> None:
    secret = os.urandom(KEY_SIZE)
    stack = Stack(c)
    assert not stack.holds(secret)
    stack.run("copy", secret, len(secret))
    assert stack.holds(secret)


def test_replacing_ticket_keys_leaves_nothing(c: CCode) -> None:
    material = os.urandom(KEY_SIZE)
    keys, stack = ring(c, os.urandom(KEY_SIZE)), Stack(c)
    stack.run("replace", keys, material, 1)
    c.lib.tlsmgm_ticket_keys_free(keys)
    assert not stack.holds(*secrets_of(material))


def test_the_key_log_leaves_nothing(c: CCode, tmp_path: Path) -> None:
    log = c.ffi.new("struct tlsmgm_keylog *")
    path = c.ffi.new("char[]", os.fsencode(tmp_path / "log"))
    assert c.lib.tlsmgm_keylog_open(log, path, c.error()) == c.lib.TLSMGM_STATUS_OK
    secret, stack = os.urandom(48), Stack(c)
    stack.run("keylog", log, os.urandom(32), secret, len(secret))
    c.lib.tlsmgm_keylog_close(log)
    line = (tmp_path / "log").read_bytes().split()[-1]
    assert line == secret.hex().encode()
    assert not stack.holds(secret, line[:32], line[-32:])


def test_loading_a_key_leaves_nothing(rig: Rig) -> None:
    """None of its text; and of the passphrase what OpenSSL itself forgets to wipe there."""
    key, stack = encrypted("dom1"), Stack(rig.c)
    config = rig.c.ffi.new("struct tlsmgm_ctx_config *")
    fields = {"certificate": pki("dom1.pem"), "private_key": key, "passphrase": WORD}
    _alive = rig.fill(config, {"is_server": True, "verify_depth": 3, **fields})
    out = rig.c.ffi.new("struct tlsmgm_ctx **")
    stack.run("ctx_new", rig.c.ffi.addressof(rig.table), config, out)
    assert out[0]
    rig.table.ctx_free(out[0])
    assert not stack.holds(*parts_of(key))
    if rig.name != "openssl":
        assert not stack.holds(WORD)


def test_tickets_leave_no_key(rig: Rig, version: str) -> None:
    """When they are sealed, and when they are opened."""
    material, stack = os.urandom(KEY_SIZE), Stack(rig.c)
    keys = rig.own(ring(rig.c, material), rig.c.lib.tlsmgm_ticket_keys_free)
    ctx = rig.server_context(version=version, ticket_keys=keys, scope=b"one")
    server = rig.connection(ctx, server_name=NAME)
    ticket = rig.c.ffi.new("struct tlsmgm_test_ticket *")
    for sealing in (True, False):
        stack.run("ticket", server.handle, sealing, ticket)
        assert bytes(ticket.name) == material[:NAME_SIZE]
        assert not stack.holds(*secrets_of(material))


def test_a_logged_handshake_leaves_nothing(rig: Rig, version: str, tmp_path: Path) -> None:
    """The last step, which in TLS 1.2 logs the secret; the libraries leave none of it, either."""
    log, stack = tmp_path / "log", Stack(rig.c)
    client = rig.connection(rig.client_context(), server_name=NAME)
    ctx = rig.server_context(version=version, keylog_file=str(log))
    server = rig.connection(ctx, server_name=NAME)
    for _ in range(4):
        client.handshake()
        carry(client, server)
        stack.run("handshake", rig.c.ffi.addressof(rig.table), server.handle)
        carry(server, client)
        if server.handshake().status == "OK":
            break
    assert server.handshake().status == "OK"
    secrets = [line.split()[-1] for line in log.read_bytes().splitlines()]
    assert len(secrets) == (1 if version == "1.2" else 5)
    assert [word for word in secrets if stack.holds(word[:32], word[-32:])] == []
    raw = [bytes.fromhex(word.decode()) for word in secrets]
    assert [word for word in raw if stack.holds(word)] == []
