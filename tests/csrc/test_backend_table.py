"""What every backend's table promises before the first connection."""

from __future__ import annotations

from tests.support.c_code import Backend


def test_every_slot_is_filled(backend: Backend) -> None:
    fields = dict(backend.c.ffi.typeof("struct tlsmgm_backend").fields)
    for slot in fields:
        assert getattr(backend.table, slot), slot


def test_contract_and_name_are_ours(backend: Backend) -> None:
    assert backend.table.contract_version == backend.c.lib.TLSMGM_CONTRACT_VERSION
    assert backend.c.ffi.string(backend.table.name).decode() == backend.name


def test_init_may_be_called_often(backend: Backend) -> None:
    for _ in range(3):
        assert backend.table.init(backend.c.error()) == backend.c.lib.TLSMGM_STATUS_OK


def test_free_takes_null(backend: Backend) -> None:
    null = backend.c.ffi.NULL
    backend.table.ctx_free(null)
    backend.table.conn_free(null)
    backend.table.session_free(null)


def test_cipher_names_end(backend: Backend) -> None:
    assert backend.table.init(backend.c.error()) == backend.c.lib.TLSMGM_STATUS_OK
    names: list[str] = []
    while name := backend.table.cipher_name(len(names)):
        names.append(backend.c.ffi.string(name).decode())
        assert len(names) < 1000
    assert len(set(names)) == len(names)
    assert "TLS_AES_128_GCM_SHA256" in names
    assert "ECDHE-RSA-AES128-GCM-SHA256" in names
