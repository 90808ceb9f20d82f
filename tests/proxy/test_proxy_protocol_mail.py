"""PROXY protocol headers as Dovecot and Postfix of the distribution read them.

Both run as root in folders of their own: they give up root for users that their packages make, and
these must be able to reach their files.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_ports
from tests.support.programs import Watched, find, running
from tests.support.proxy import (
    TIMEOUT,
    Proxy,
    connect,
    pki,
    read_to_end,
)


@dataclass
class Mail:
    """A running server of mail.

    Args:
        port: where it wants a header, and then TLS if it was told so.
        output: its log.
        client: pattern of the line that tells address and port of a client.
        farewell: ends a session.
    """

    port: int
    output: Watched
    client: str
    farewell: bytes

    def ask(self, client: socket.socket) -> tuple[str, tuple[str, int]]:
        """Have a session, and return its text and who the server thinks the client is."""
        text = b""
        while not text.endswith(b"\n"):
            piece = client.recv(65536)
            assert piece, self.output.lines
            text += piece
        client.sendall(self.farewell)
        text += read_to_end(client)
        found = self.output.wait_for(self.client)
        return text.decode(), (found[1], int(found[2]))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that users other than root can reach."""
    if os.getuid() != 0:
        pytest.skip("they must be started by root, since they change their users")
    with tempfile.TemporaryDirectory(prefix="tlsmgm-mail-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@contextlib.contextmanager
def dovecot(folder: Path, is_tls: bool) -> Iterator[Mail]:
    """Run an IMAP server into which nobody needs to log in."""
    program = find("dovecot")
    (port,) = free_ports(1)
    path = folder / "dovecot.conf"
    path.write_text(
        f"""
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
haproxy_trusted_networks = 127.0.0.1
ssl = yes
ssl_cert = <{pki("dom2.pem")}
ssl_key = <{pki("dom2.key")}
login_log_format_elements = source=%r port=%{{rport}} name=%{{local_name}} security=%c
passdb {{
  driver = static
  args = password=secret
}}
service imap-login {{
  inet_listener imap {{
    port = {0 if is_tls else port}
    haproxy = yes
  }}
  inet_listener imaps {{
    port = {port if is_tls else 0}
    ssl = yes
    haproxy = yes
  }}
}}
""",
        encoding="utf-8",
    )
    with running(port, program, "-F", "-c", str(path)) as output:
        yield Mail(port, output, r"logging out.*: source=([^,]*), port=(\d+)", b"a LOGOUT\r\n")


@contextlib.contextmanager
def postfix(folder: Path, is_tls: bool, *, is_screened: bool = False) -> Iterator[Mail]:
    """Run an SMTP server that takes no mail, behind its postscreen or not."""
    program = find("postfix")
    (port,) = free_ports(1)
    settings = folder / "etc"
    for name in ("etc", "queue", "data"):
        (folder / name).mkdir()
    own_by_postfix(folder / "data")
    (settings / "main.cf").write_text(
        f"""
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = /dev/stdout
inet_interfaces = loopback-only
myhostname = mail.test
mydestination =
alias_maps =
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_client_port_logging = yes
smtpd_tls_cert_file = {pki("dom2.pem")}
smtpd_tls_key_file = {pki("dom2.key")}
postscreen_access_list = permit_mynetworks
postscreen_cache_map =
""",
        encoding="utf-8",
    )
    kind, reader = ("postscreen", "smtpd pass - - n - - smtpd") if is_screened else ("smtpd", "")
    (settings / "master.cf").write_text(
        f"""
127.0.0.1:{port} inet n - n - {1 if is_screened else "-"} {kind}
  -o {kind}_upstream_proxy_protocol=haproxy
  -o smtpd_tls_wrappermode={"yes" if is_tls else "no"}
{reader}
anvil unix - - n - 1 anvil
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
""",
        encoding="utf-8",
    )
    # It makes what is missing in the folders; "start-fg" would leave a shell between us and master.
    subprocess.run([program, "-c", str(settings), "check"], check=True, timeout=TIMEOUT)
    with running(port, master(), "-c", str(settings), "-s") as output:
        yield Mail(port, output, r": disconnect from unknown\[(.*)\]:(\d+) .*quit=1", b"QUIT\r\n")


def master() -> str:
    """Path of the program that ``postfix`` starts and that starts all others."""
    folder = subprocess.run(
        [find("postconf"), "-dh", "daemon_directory"],
        check=True, capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    return f"{folder.stdout.strip()}/master"


def own_by_postfix(data: Path) -> None:
    """Give Postfix's own folder to the user whom its package has made."""
    try:
        os.chown(data, pwd.getpwnam("postfix").pw_uid, -1)
    except KeyError:
        pytest.skip("there is no user postfix here")


def postscreen(folder: Path, is_tls: bool) -> contextlib.AbstractContextManager[Mail]:
    """Postfix behind its postscreen, which speaks TLS after STARTTLS only."""
    assert not is_tls
    return postfix(folder, is_tls, is_screened=True)


Server = Callable[[Path, bool], contextlib.AbstractContextManager[Mail]]


@pytest.mark.parametrize("options", [["v1"], ["v2"], ["v2", "all"]], ids="-".join)
@pytest.mark.parametrize(
    ("server", "is_tls"),
    [(dovecot, False), (dovecot, True), (postfix, False), (postfix, True), (postscreen, False)],
    ids=["dovecot", "dovecot-tls", "postfix", "postfix-tls", "postscreen"],
)
def test_who_the_client_is(
    server: Server, options: list[str], is_tls: bool, library: str, both: str, folder: Path
) -> None:
    header, *tlvs = options
    more = ["--proxy-protocol", header, *(["--proxy-protocol-tlvs", *tlvs] if tlvs else [])]
    with server(folder, is_tls) as mail:
        upstream = f"{'tls' if is_tls else 'tcp'}:127.0.0.1:{mail.port}"
        name = ["--server-name", "dom2.test"] if is_tls else []
        with (
            Proxy(both, library, upstream, *name, *more) as proxy,
            connect(proxy.port, source="127.0.0.9") as client,
        ):
            assert mail.ask(client)[1] == client.getsockname()


@pytest.mark.parametrize(
    ("options", "is_secured", "name"),
    [
        (["v1"], False, None),
        (["v2", "--proxy-protocol-tlvs", "none"], False, None),
        (["v2"], True, None),
        (["v2", "--proxy-protocol-tlvs", "all"], True, "dom1.test"),
    ],
    ids=["v1", "none", "tls", "all"],
)
def test_dovecot_knows_of_tls_before_it(
    options: list[str], is_secured: bool, name: str | None, library: str, both: str, folder: Path
) -> None:
    """It lets clients log in then: SSL in the header is as good as TLS of its own."""
    with (
        dovecot(folder, is_tls=False) as mail,
        Proxy(both, library, f"tcp:127.0.0.1:{mail.port}", "--proxy-protocol", *options) as proxy,
        connect(proxy.port, source="127.0.0.9") as client,
    ):
        text, _ = mail.ask(client)
        assert ("LOGINDISABLED" not in text) is is_secured
        assert bool(re.search("AUTH=PLAIN", text)) is is_secured
        line = mail.output.wait_for(r"logging out.*")[0]
        assert ("security=secured" in line) is is_secured
        assert (f"name={name}" in line) is (name is not None)
