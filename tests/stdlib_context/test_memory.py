"""What is in memory stays there on its way to OpenSSL, by both ways."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.pairs import ConnectionPair
from tests.support.peers import StdlibPeer
from tests.support.pki import Authority, Identity, dh_params, key_pem, write_crls
from tests.support.process import assert_silent, run_python
from tlsmgm import ConfigError, Domain
from tlsmgm._material.memory_path import path_of

WAYS = ["memory file", "no memory file", "memory files forbidden"]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One way of the two; a pipe is taken where a memory file cannot be had."""
    if request.param == "no memory file":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    elif request.param == "memory files forbidden":
        monkeypatch.setattr(os, "memfd_create", refuse, raising=False)
    descriptors, threads = os.listdir("/dev/fd"), threading.active_count()
    yield request.param
    assert os.listdir("/dev/fd") == descriptors
    assert threading.active_count() == threads


def refuse(*arguments: object) -> int:
    raise PermissionError(errno.EACCES, "forbidden")


@pytest.mark.parametrize("size", [0, 1, 100_000, 5_000_000])
def test_bytes_have_a_path(way: str, size: int) -> None:
    data = os.urandom(size)
    with path_of(data) as path:
        assert Path(path).read_bytes() == data


@pytest.mark.parametrize("count", [0, 10])
def test_who_does_not_read_all_holds_up_nobody(way: str, count: int) -> None:
    with path_of(bytes(5_000_000)) as path, open(path, "rb", buffering=0) as file:
        assert file.read(count) == bytes(count)
    with path_of(bytes(5_000_000)):
        pass


def test_the_path_ends_with_the_block(way: str) -> None:
    with path_of(b"secret") as path:
        pass
    with pytest.raises(OSError, match=path):
        Path(path).read_bytes()


def test_the_path_is_not_inherited(way: str) -> None:
    with path_of(b"secret") as path:
        assert not os.get_inheritable(int(Path(path).name))
        Path(path).read_bytes()


def test_a_context_of_bytes(way: str, root: Authority, site: Identity, tmp_path: Path) -> None:
    fields: dict[str, Any] = site.fields() | {
        "private_key": key_pem(site.key, b"open sesame"),
        "private_key_passphrase": "open sesame",
        "dh_params": dh_params()[0],
        "ca_list": root.pem,
        "crl_dir": write_crls(tmp_path / "crls", root.crl()),
    }
    server = Domain("server", "server", **fields | {"require_cert": False}).ssl_context()
    assert server.cert_store_stats() == {"x509": 1, "crl": 1, "x509_ca": 1}
    client = Domain("client", "client", ca_list=root.pem).ssl_context()
    ends = StdlibPeer(client, server_name="dom1.test"), StdlibPeer(server, server_side=True)
    ConnectionPair(*ends).handshake().echo()


def test_refusals(way: str, site: Identity, user: Identity) -> None:
    good = site.fields()
    for parameter, value, reason in (
        ("private_key", key_pem(site.key, b"open sesame"), "encrypted"),
        ("private_key", user.fields()["private_key"], "certificate"),
        ("certificate", good["private_key"], "a private key and no certificate"),
    ):
        with pytest.raises(ConfigError, match=reason) as caught:
            Domain("here", "server", **good | {parameter: value}).ssl_context()
        assert caught.value.parameter == parameter


WATCHED = """
opened = []

def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and not isinstance(path, int):
            opened.append(path)
    elif event.startswith(("tempfile.", "os.mkdir", "os.rename", "os.link", "os.symlink")):
        opened.append(event)

from pathlib import Path
folder = Path(sys.argv[1])
if sys.argv[2] == "pipe":
    del os.memfd_create
fields = {item.name: item.read_bytes() for item in folder.iterdir()}
for item in folder.iterdir():
    item.unlink()
domain = tlsmgm.Domain("here", "server", private_key_passphrase="open sesame", **fields)
os.environ["TMPDIR"] = str(folder)
os.chdir(folder)
os.umask(0)
sys.addaudithook(watch)
domain.ssl_context()
assert not opened, opened
assert not os.listdir(folder)
"""


@pytest.mark.parametrize("kind", ["memory file", "pipe"])
def test_no_file_is_written(kind: str, root: Authority, site: Identity, tmp_path: Path) -> None:
    fields = site.fields() | {"private_key": key_pem(site.key, b"open sesame")}
    for name, content in (fields | {"ca_list": root.pem, "dh_params": dh_params()[0]}).items():
        (tmp_path / name).write_bytes(content)
    prelude = "import os, sys\nimport tlsmgm\nimport tlsmgm._stdlib.context\n"
    assert_silent(run_python(WATCHED, str(tmp_path), kind, options=["-B"], prelude=prelude))
