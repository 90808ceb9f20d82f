"""ctx_new(): what it refuses, what it owns, and that files and memory are the same to it."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from tests.support.contract import VERSIONS, Connection, Rig, pki, settle

IDENTITY = {"certificate": pki("dom1.pem"), "private_key": pki("dom1.key")}
GARBAGE = b"this is no PEM\n"
BROKEN = b"-----BEGIN %s-----\nAAAA\n-----END %s-----\n"
FILE_MAX = 16 << 20
# RFC 7919 appendix A.1.
FFDHE2048 = b"""-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""


def broken(kind: bytes) -> bytes:
    return BROKEN % (kind, kind)


def first_der(path: Path) -> bytes:
    body = path.read_text().split("-----")[2]
    return base64.b64decode(body)


def encrypted_key(passphrase: bytes) -> bytes:
    key = serialization.load_pem_private_key(pki("dom1.key").read_bytes(), None)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )


def handshake_works(rig: Rig, server_ctx: Any, client_ctx: Any) -> tuple[Connection, Connection]:
    server, client = rig.connection(server_ctx), rig.connection(client_ctx)
    settle(client, server)
    return client, server


def refused(rig: Rig, **fields: Any) -> tuple[str | None, str]:
    """Return parameter and text; the context must be refused as a configuration error."""
    before = rig.live()
    got, ctx = rig.ctx_new(**fields)
    rig.table.ctx_free(ctx)
    assert got.status == "CONFIG", got
    assert got.alert == -1
    assert rig.live() == before
    # Without an error to fill in, the answer is the same.
    config = rig.c.ffi.new("struct tlsmgm_ctx_config *")
    _alive = rig.fill(config, fields)
    out = rig.c.ffi.new("struct tlsmgm_ctx **")
    assert rig.table.ctx_new(config, out, rig.c.ffi.NULL) == rig.c.lib.TLSMGM_STATUS_CONFIG
    assert out[0] == rig.c.ffi.NULL
    return got.parameter, got.text


@pytest.mark.parametrize("parameter", ["certificate", "private_key"])
def test_a_server_needs_certificate_and_key(rig: Rig, parameter: str) -> None:
    fields = {name: source for name, source in IDENTITY.items() if name != parameter}
    assert refused(rig, is_server=True, **fields)[0] == parameter


def test_a_client_needs_no_certificate_but_its_key_with_it(rig: Rig) -> None:
    ctx = rig.client_context()
    assert rig.table.ctx_certificate(ctx).size == 0
    assert refused(rig, certificate=pki("good.pem"))[0] == "private_key"


SOURCES = ["certificate", "private_key", "ca_list", "dh_params"]
KINDS = {
    "certificate": b"CERTIFICATE",
    "private_key": b"PRIVATE KEY",
    "ca_list": b"CERTIFICATE",
    "dh_params": b"DH PARAMETERS",
}


@pytest.mark.parametrize("parameter", SOURCES)
@pytest.mark.parametrize("what", ["garbage", "broken", "der", "other kind", "empty file"])
def test_a_source_that_is_not_pem_is_refused(
    rig: Rig, tmp_path: Path, parameter: str, what: str
) -> None:
    other = "dom1.key" if KINDS[parameter] == b"CERTIFICATE" else "dom1.pem"
    content = {
        "garbage": GARBAGE,
        "broken": broken(KINDS[parameter]),
        "der": first_der(pki("dom1.pem")),
        "other kind": pki(other).read_bytes(),
        "empty file": b"",
    }[what]
    path = tmp_path / "source.pem"
    path.write_bytes(content)
    fields = {"is_server": True, **IDENTITY}
    assert refused(rig, **{**fields, parameter: path})[0] == parameter
    if content:
        assert refused(rig, **{**fields, parameter: content})[0] == parameter


@pytest.mark.parametrize("parameter", SOURCES)
def test_a_file_that_cannot_be_read_is_refused(rig: Rig, tmp_path: Path, parameter: str) -> None:
    fields: dict[str, Any] = {"is_server": True, **IDENTITY}
    name, text = refused(rig, **{**fields, parameter: tmp_path / "missing.pem"})
    assert (name, "missing.pem" in text) == (parameter, True)
    name, text = refused(rig, **{**fields, parameter: tmp_path})
    assert (name, "directory" in text) == (parameter, True)
    large = tmp_path / "large.pem"
    with large.open("wb") as file:
        file.truncate(FILE_MAX + 1)
    name, text = refused(rig, **{**fields, parameter: large})
    assert (name, "larger" in text) == (parameter, True)


def test_a_path_of_any_length_ends_in_a_short_text(rig: Rig) -> None:
    name, text = refused(rig, is_server=True, **{**IDENTITY, "certificate": Path("/x" * 500)})
    assert name == "certificate"
    assert len(text) == 255


@pytest.mark.parametrize("key", ["dom2.key", "good_rsa.key"])
def test_the_key_must_belong_to_the_certificate(rig: Rig, key: str) -> None:
    fields = {**IDENTITY, "private_key": pki(key)}
    assert refused(rig, is_server=True, **fields)[0] == "private_key"


@pytest.mark.parametrize("passphrase", [None, b"", b"wrong", b"x" * 5000])
def test_an_encrypted_key_needs_its_passphrase(rig: Rig, passphrase: bytes | None) -> None:
    fields = {**IDENTITY, "private_key": encrypted_key(b"right"), "passphrase": passphrase}
    name, text = refused(rig, is_server=True, **fields)
    assert name == "private_key"
    assert "pass phrase" in text
    assert "wrong\n" not in text


def test_an_encrypted_key_opens_with_its_passphrase(rig: Rig, version: str) -> None:
    fields = {**IDENTITY, "private_key": encrypted_key(b"right"), "passphrase": b"right"}
    ctx = rig.server_context(version=version, **fields)
    handshake_works(rig, ctx, rig.client_context())


@pytest.mark.parametrize("given", ["missing", "a file"])
def test_a_ca_directory_that_is_none_is_refused(rig: Rig, tmp_path: Path, given: str) -> None:
    path = tmp_path / "cas"
    if given == "a file":
        path.write_bytes(pki("root.pem").read_bytes())
    assert refused(rig, verify_peer=True, ca_dir=str(path))[0] == "ca_dir"


@pytest.mark.parametrize("given", ["empty", "not hashed", "broken"])
def test_a_ca_directory_that_gives_no_ca_trusts_nobody(
    rig: Rig, tmp_path: Path, version: str, given: str
) -> None:
    if given == "not hashed":
        shutil.copy(pki("root.pem"), tmp_path / "root.pem")
    elif given == "broken":
        (tmp_path / "01234567.0").write_bytes(GARBAGE)
    ctx = rig.client_context(version=version, ca_list=None, ca_dir=str(tmp_path))
    conn, server = rig.connection(ctx), rig.connection(rig.server_context(version=version))
    for _ in range(2):
        got = conn.handshake()
        server.feed(conn.drain())
        server.handshake()
        conn.feed(server.drain())
    got = conn.handshake()
    assert (got.status, got.reason) == ("VERIFY", "unknown_ca")


def test_a_hashed_ca_directory_is_trusted(rig: Rig, tmp_path: Path, version: str) -> None:
    shutil.copy(pki("root.pem"), tmp_path / "0a1b2c3d.0")
    ctx = rig.client_context(ca_list=None, ca_dir=str(tmp_path))
    handshake_works(rig, rig.server_context(version=version), ctx)


@pytest.mark.parametrize("given", ["missing", "empty", "no CRL in it"])
def test_a_crl_directory_without_any_crl_is_refused(rig: Rig, tmp_path: Path, given: str) -> None:
    path = tmp_path / "crls"
    if given != "missing":
        path.mkdir()
    if given == "no CRL in it":
        (path / "text").write_bytes(GARBAGE)
        shutil.copy(pki("root.pem"), path / "root.pem")
        (path / "empty").touch()
        (path / ".hidden").write_bytes((pki("crls") / "root.crl.pem").read_bytes())
        (path / "folder").mkdir()
    assert refused(rig, verify_peer=True, crl_dir=str(path))[0] == "crl_dir"


@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_a_crl_is_read_in_both_forms(rig: Rig, tmp_path: Path, form: str) -> None:
    source = pki("crls") / "root.crl.pem"
    content = source.read_bytes() if form == "PEM" else first_der(source)
    (tmp_path / "crl").write_bytes(content)
    (tmp_path / "other").write_bytes(GARBAGE)
    client = rig.client_context(crl_dir=str(tmp_path))
    handshake_works(rig, rig.server_context(), client)
    revoked = {"certificate": pki("revoked.pem"), "private_key": pki("revoked.key")}
    server = rig.connection(rig.server_context(**revoked))
    conn = rig.connection(client)
    for _ in range(2):
        conn.handshake()
        server.feed(conn.drain())
        server.handshake()
        conn.feed(server.drain())
    got = conn.handshake()
    assert (got.status, got.reason) == ("VERIFY", "revoked")


@pytest.mark.parametrize(
    "cipher_list",
    [
        "NO-SUCH-CIPHER",
        "ECDHE-ECDSA-AES128-GCM-SHA256:NO-SUCH-CIPHER",
        "TLS_NO_SUCH_SUITE",
        "TLS_AES_128_GCM_SHA256:TLS_NO_SUCH_SUITE",
        "ECDHE-ECDSA-AES128-GCM-SHA256 , TLS_AES_128_GCM_SHA25",
        "x" * 300,
        "%s%n",
    ],
)
def test_an_unknown_cipher_is_refused(rig: Rig, cipher_list: str) -> None:
    assert refused(rig, cipher_list=cipher_list)[0] == "cipher_list"


@pytest.mark.parametrize("groups", ["nonsense", "P-256:nonsense", "P-256,P-384", ":"])
def test_an_unknown_group_is_refused(rig: Rig, groups: str) -> None:
    assert refused(rig, groups=groups)[0] == "ec_curve"


@pytest.mark.parametrize("is_server", [True, False])
@pytest.mark.parametrize(
    "alpn",
    [b"\0", b"\x03h2", b"\x02h2\0", b"\x02h2x", b"h2", b"\x02h2\x05x", b"\x03a,b", b"\x03a\0b"],
)
def test_a_malformed_protocol_list_is_refused(rig: Rig, alpn: bytes, is_server: bool) -> None:
    identity = IDENTITY if is_server else {}
    assert refused(rig, is_server=is_server, alpn=alpn, **identity)[0] == "alpn"


@pytest.mark.parametrize("is_server", [True, False])
def test_a_scope_has_at_most_31_bytes(rig: Rig, is_server: bool) -> None:
    limit = rig.c.lib.TLSMGM_SCOPE_MAX
    assert limit == 31
    fields = {"is_server": is_server, **(IDENTITY if is_server else {})}
    assert refused(rig, **fields, scope=bytes(limit + 1))[0] == "scope"
    got, ctx = rig.ctx_new(**fields, scope=bytes(limit))
    assert got.status == "OK"
    rig.table.ctx_free(ctx)


@pytest.mark.parametrize(
    ("lowest", "highest"), [(0x0304, 0x0303), (0x0305, 0), (0x0305, 0x0305), (0x1234, 0), (0, 1)]
)
@pytest.mark.parametrize("is_server", [True, False])
def test_impossible_versions_are_refused(
    rig: Rig, lowest: int, highest: int, is_server: bool
) -> None:
    fields = {"is_server": is_server, **(IDENTITY if is_server else {})}
    name, _ = refused(rig, lowest_version=lowest, highest_version=highest, **fields)
    assert name == "tls_method"


@pytest.mark.parametrize("depth", [-1, 101, 2**31 - 1])
def test_an_impossible_depth_is_refused(rig: Rig, depth: int) -> None:
    assert refused(rig, verify_peer=True, verify_depth=depth)[0] == "verify_depth"


@pytest.mark.parametrize("bits", [-1, 1, 2047, 16385])
def test_an_impossible_size_of_keys_is_refused(rig: Rig, bits: int) -> None:
    assert refused(rig, verify_peer=True, min_rsa_bits=bits)[0] == "min_rsa_bits"


@pytest.mark.parametrize("field", ["signature_algorithms", "client_signature_algorithms"])
@pytest.mark.parametrize(
    "text", ["nonsense", "RSA+SHA256:nonsense", "?nonsense", "", ":", "x" * 99]
)
def test_an_unknown_signature_algorithm_is_refused(rig: Rig, field: str, text: str) -> None:
    got = refused(rig, **{field: text})
    assert got[0] == field
    assert "nonsense" not in text or text.startswith("?") or '"nonsense"' in got[1]


def test_lists_that_only_openssl_keeps_apart(rig: Rig) -> None:
    fields = {"is_server": True, **IDENTITY, "ca_list": pki("root.pem"), "verify_peer": True}
    lists = {"client_signature_algorithms": "ecdsa_secp256r1_sha256:RSA+SHA256"}
    before = rig.live()
    got, ctx = rig.ctx_new(**fields, **lists)
    rig.table.ctx_free(ctx)
    expected = "OK" if rig.name == "openssl" else "UNSUPPORTED"
    assert got.status == expected
    assert rig.live() == before


@pytest.mark.parametrize("old", ["TLS1_0", "TLS1_1"])
def test_old_versions_are_refused_where_the_library_has_none(rig: Rig, old: str) -> None:
    has_it = rig.table.features() & getattr(rig.c.lib, f"TLSMGM_FEATURE_{old}")
    wire = {"TLS1_0": 0x0301, "TLS1_1": 0x0302}[old]
    got, ctx = rig.ctx_new(lowest_version=wire, highest_version=wire)
    assert (got.status, got.parameter) == (("OK", None) if has_it else ("CONFIG", "tls_method"))
    rig.table.ctx_free(ctx)


def test_all_sources_may_come_from_memory(rig: Rig, version: str) -> None:
    memory = {name: path.read_bytes() for name, path in IDENTITY.items()}
    server = rig.server_context(version=version, **memory)
    client = rig.client_context(ca_list=pki("root.pem").read_bytes())
    _, conn = handshake_works(rig, server, client)
    assert conn.info().version == VERSIONS[version]
    from_file = rig.c.bytes_out(rig.table.ctx_certificate(rig.server_context()))
    from_memory = rig.c.bytes_out(rig.table.ctx_certificate(server))
    assert from_memory == from_file == first_der(pki("dom1.pem"))


def test_what_was_read_goes_before_the_file(rig: Rig, tmp_path: Path) -> None:
    config = rig.c.ffi.new("struct tlsmgm_ctx_config *")
    missing = {"certificate": tmp_path / "gone.pem", "private_key": IDENTITY["private_key"]}
    _alive = rig.fill(config, {"is_server": True, **missing})
    config.certificate.data, _keep = rig.c.bytes_in(IDENTITY["certificate"].read_bytes())
    out = rig.c.ffi.new("struct tlsmgm_ctx **")
    assert rig.table.ctx_new(config, out, rig.c.ffi.NULL) == rig.c.lib.TLSMGM_STATUS_OK
    rig.table.ctx_free(out[0])


def test_text_around_pem_does_no_harm(rig: Rig) -> None:
    pem = b"Subject: someone\n" + pki("dom1.pem").read_bytes() + b"\nthe end\n"
    ctx = rig.server_context(certificate=pem)
    handshake_works(rig, ctx, rig.client_context())


def test_the_chain_is_sent_with_the_leaf(rig: Rig, peer: Rig, version: str) -> None:
    identity = {"certificate": pki("viainter.pem"), "private_key": pki("viainter.key")}
    server = rig.connection(rig.server_context(version=version, **identity))
    client = peer.connection(peer.client_context())
    settle(client, server)
    leaf = rig.c.bytes_out(rig.table.ctx_certificate(rig.server_context(**identity)))
    assert client.peer_certificate(0) == leaf == first_der(pki("viainter.pem"))
    assert len(client.peer_certificate(1)) > 100
    assert client.peer_certificate(1) != leaf
    assert client.peer_certificate(2) == b""


def test_dh_params_are_taken(rig: Rig, tmp_path: Path) -> None:
    if not rig.table.features() & rig.c.lib.TLSMGM_FEATURE_DH_PARAMS:
        pytest.skip("the library takes no Diffie-Hellman parameters")
    path = tmp_path / "dh.pem"
    path.write_bytes(FFDHE2048)
    cipher = "DHE-RSA-AES128-GCM-SHA256"
    identity = {"certificate": pki("good_rsa.pem"), "private_key": pki("good_rsa.key")}
    client_ctx = rig.client_context(version="1.2", cipher_list=cipher)
    for source in (path, FFDHE2048):
        ctx = rig.server_context(dh_params=source, cipher_list=cipher, **identity)
        client, _ = handshake_works(rig, ctx, client_ctx)
        assert rig.c.ffi.string(client.info().cipher).decode() == cipher


# Who owns what.


def test_a_context_is_a_counted_reference(rig: Rig) -> None:
    before = rig.live()
    got, ctx = rig.ctx_new(is_server=True, **IDENTITY)
    assert got.status == "OK"
    inside = rig.live()
    assert rig.table.ctx_ref(ctx) == ctx
    rig.table.ctx_free(ctx)
    assert rig.live() == inside > before
    assert rig.c.bytes_out(rig.table.ctx_certificate(ctx)) == first_der(pki("dom1.pem"))
    rig.table.ctx_free(ctx)
    assert rig.live() == before
    assert rig.table.ctx_ref(rig.c.ffi.NULL) == rig.c.ffi.NULL


def test_the_certificate_is_borrowed_from_the_context(rig: Rig) -> None:
    ctx = rig.server_context()
    first, second = rig.table.ctx_certificate(ctx), rig.table.ctx_certificate(ctx)
    assert (first.data, first.size) == (second.data, second.size)


def test_a_context_holds_its_ticket_keys(rig: Rig, version: str) -> None:
    keys = rig.ticket_keys()
    ctx = rig.server_context(version=version, ticket_keys=keys, scope=b"one")
    rig.free(keys)
    client, _ = handshake_works(rig, ctx, rig.client_context(scope=b"one"))
    assert rig.session_of(client)[1]


def test_a_connection_holds_its_context(rig: Rig, version: str) -> None:
    keys = rig.ticket_keys()
    server_ctx = rig.server_context(version=version, ticket_keys=keys, scope=b"one")
    client_ctx = rig.client_context()
    server, client = rig.connection(server_ctx), rig.connection(client_ctx)
    for handle in (keys, server_ctx, client_ctx):
        rig.free(handle)
    settle(client, server)
    assert client.peer_certificate() == first_der(pki("dom1.pem"))


def test_inputs_are_not_kept(rig: Rig) -> None:
    """Everything handed over is overwritten after the call."""
    config = rig.c.ffi.new("struct tlsmgm_ctx_config *")
    memory = {name: path.read_bytes() for name, path in IDENTITY.items()}
    fields = {"is_server": True, "groups": "P-256", "alpn": b"\x02h2", "scope": b"one", **memory}
    alive = rig.fill(config, {**fields, "cipher_list": "TLS_AES_128_GCM_SHA256"})
    out = rig.c.ffi.new("struct tlsmgm_ctx **")
    assert rig.table.ctx_new(config, out, rig.c.ffi.NULL) == rig.c.lib.TLSMGM_STATUS_OK
    server_ctx = rig.own(out[0], rig.table.ctx_free)
    for item in alive:
        block = item[0] if isinstance(item, tuple) else item
        rig.c.ffi.buffer(block)[:] = b"\xee" * len(rig.c.ffi.buffer(block))
    rig.c.ffi.buffer(config)[:] = b"\xee" * len(rig.c.ffi.buffer(config))
    client, server = handshake_works(rig, server_ctx, rig.client_context(alpn=b"\x02h2"))
    assert rig.c.bytes_out(server.info().alpn) == b"h2"
    assert client.peer_certificate() == first_der(pki("dom1.pem"))
