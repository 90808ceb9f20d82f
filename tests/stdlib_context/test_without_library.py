"""``tls_library`` none: domains are managed, and used, where no TLS library of ours is there."""

from __future__ import annotations

from pathlib import Path

from tests.support.pki import Authority, Identity
from tests.support.process import assert_silent, run_python

BLOCKED = """
import sys


class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in ("tlsmgm._backends._openssl", "tlsmgm_wolfssl._wolfssl"):
            raise ImportError(f"{name} is blocked")
        return None


sys.meta_path.insert(0, Blocker())
import ssl
from pathlib import Path
import tlsmgm

assert tlsmgm.libraries() == {}
folder = Path(sys.argv[1])
"""


def run(folder: Path, program: str) -> None:
    assert_silent(run_python(program, str(folder), prelude=BLOCKED))


def write(folder: Path, root: Authority, site: Identity) -> None:
    for name, content in (site.fields() | {"ca": root.pem}).items():
        (folder / f"{name}.pem").write_bytes(content)


def test_domains_are_added_matched_and_listed(
    tmp_path: Path, root: Authority, site: Identity
) -> None:
    write(tmp_path, root, site)
    run(
        tmp_path,
        """
        manager = tlsmgm.TLSManager("none")
        assert manager.library == "none"
        manager.add_domains([
            tlsmgm.Domain("web", "server", match_sip_domain="*.test", verify_cert=False,
                          certificate=folder / "certificate.pem",
                          private_key=folder / "private_key.pem"),
            tlsmgm.Domain("db", "client", ca_list=folder / "ca.pem"),
        ])
        assert manager.select_server_domain("192.0.2.1", 443, "dom1.test").name == "web"
        assert manager.select_server_domain("192.0.2.1", 443, "else") is None
        assert manager.find_client_domain("192.0.2.1", 5432).name == "db"
        assert [item["name"] for item in manager.list_domains()["Domains"]] == ["db", "web"]
        for domain in manager.domains:
            assert type(domain.ssl_context()) is ssl.SSLContext
        for ask in (lambda: manager.server_connection(("192.0.2.1", 443)),
                    lambda: manager.client_connection("db")):
            try:
                ask()
            except tlsmgm.UnsupportedError:
                continue
            raise AssertionError("a connection without a library")
        """,
    )


def test_a_script_is_read_and_reloaded(tmp_path: Path, root: Authority, site: Identity) -> None:
    write(tmp_path, root, site)
    run(
        tmp_path,
        """
        script = folder / "opensips.cfg"
        lines = ['modparam("tls_mgm", "tls_library", "none")',
                 'modparam("tls_mgm", "client_domain", "db")',
                 f'modparam("tls_mgm", "ca_list", "[db]{folder}/ca.pem")']
        script.write_text("\\n".join(lines))
        manager = tlsmgm.TLSManager.from_config(script)
        assert manager.library == "none"
        context = manager.find_client_domain_by_name("db").ssl_context()
        assert context.cert_store_stats()["x509"] == 1
        assert not context.verify_flags & ssl.VERIFY_CRL_CHECK_LEAF
        script.write_text("\\n".join([*lines, 'modparam("tls_mgm", "client_domain", "more")']))
        report = manager.reload()
        assert report.added == ("more",), report
        assert manager.find_client_domain_by_name("more").verify_cert
        """,
    )


def test_the_default_library_is_missed(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        try:
            tlsmgm.TLSManager()
        except tlsmgm.ConfigError as error:
            assert "blocked" in str(error)
        else:
            raise AssertionError("a library from nowhere")
        """,
    )
