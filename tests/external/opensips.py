"""What we write, given to the real OpenSIPS: converted and exported scripts, and tables.

Usage: ``python -m tests.external.opensips OPENSIPS MODULES_DIR``

A configuration in TOML is converted to a script and imported into a table of SQLite, and the table
is exported as a script. OpenSIPS runs each of the three; then our proxy runs the same script on the
same sockets. The lists of domains must be equal, and so must be what clients are shown.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.external.opensips_case import FILES, Probe, make_files, probes, toml
from tests.support.ports import free_ports
from tests.support.proxy import ROOT, Proxy
from tlsmgm import TLSError
from tlsmgm.mi import Endpoint, client, parse_endpoint

_SECONDS = 20.0

_VERSIONS = {"TLSv1_2": ssl.TLSVersion.TLSv1_2, "TLSv1_3": ssl.TLSVersion.TLSv1_3}

#: What ``tls_list`` shows as they stand in the script.
_PATHS = ("CERT_FILE", "PKEY_FILE", "CA_FILE", "CA_DIR", "CRL_DIR", "DH_PARAMS_FILE")

#: What a script needs beside what we write.
_MAIN = """\
log_level=2
stderror_enabled=yes
syslog_enabled=no
udp_workers=1
tcp_workers=1
mpath="{modules}/"
loadmodule "sl.so"
loadmodule "mi_fifo.so"
modparam("mi_fifo", "fifo_name", "{folder}/fifo")
modparam("mi_fifo", "reply_dir", "{folder}/")
loadmodule "db_sqlite.so"
include_file "{written}"
route {{
    sl_send_reply(200, "OK");
}}
"""

_OPTIONS = (
    b"OPTIONS sip:us@127.0.0.1;transport=tls SIP/2.0\r\n"
    b"Via: SIP/2.0/TLS 127.0.0.1:5099;branch=z9hG4bK1;rport\r\n"
    b"From: <sip:a@client.example>;tag=1\r\nTo: <sip:us@127.0.0.1>\r\n"
    b"Call-ID: 1@client.example\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


@dataclass(frozen=True)
class Seen:
    """What a client saw.

    Attributes:
        certificate: common name of the certificate that it was shown; empty: none.
        version: of TLS.
        cipher: cipher suite, where the client had a choice of its own.
        answered: whether its request was.
    """

    certificate: str = ""
    version: str = ""
    cipher: str = ""
    answered: bool = False

    def __str__(self) -> str:
        if not self.certificate:
            return "refused"
        words = [self.certificate, self.version, self.cipher]
        return " ".join(filter(None, [*words, "answered" if self.answered else "refused then"]))


@dataclass(frozen=True)
class OpenSIPS:
    """The program.

    Attributes:
        program: its path.
        modules: folder of its modules.
    """

    program: Path
    modules: Path

    def version(self) -> str:
        """Return the first line of what it says about itself."""
        done = subprocess.run([self.program, "-V"], capture_output=True, text=True, check=True)
        return done.stdout.splitlines()[0]

    def write_main(self, folder: Path, written: Path) -> Path:
        """Write a whole script around one of ours, and beside it; return its path."""
        folder.mkdir()
        path = written.with_name(f"main-{written.name}")
        text = _MAIN.format(modules=self.modules, folder=folder, written=written)
        path.write_text(text, encoding="utf-8")
        return path

    def check(self, script: Path, folder: Path) -> None:
        """Let it check a script, and end everything if it complains."""
        command = [str(self.program), "-C", "-f", str(script), "-w", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or "config file ok" not in done.stdout + done.stderr:
            raise SystemExit(f"{script}: OpenSIPS refuses it\n{done.stdout}{done.stderr}")

    @contextlib.contextmanager
    def running(self, script: Path, folder: Path, endpoint: Endpoint) -> Iterator[Path]:
        """Run it in a folder until the block ends; give the file of its log."""
        log = script.with_suffix(".log")
        command = [str(self.program), "-F", "-f", str(script), "-w", str(folder)]
        with log.open("wb") as output, subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ) as process:  # fmt: skip
            try:
                deadline = time.monotonic() + _SECONDS
                while not _is_answering(endpoint):
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise SystemExit(f"OpenSIPS does not start\n{log.read_text('utf-8')}")
                    time.sleep(0.05)
                yield log
            finally:
                process.terminate()
                process.wait(_SECONDS)


class Trial:
    """Runs of OpenSIPS and of ours on the same scripts.

    Args:
        opensips: the program.
        folder: for all files.
    """

    def __init__(self, opensips: OpenSIPS, folder: Path) -> None:
        self._opensips = opensips
        self._folder = folder
        self._ports = free_ports(2)
        self.differences = 0

    def all(self) -> None:
        """Try a converted script, a table, and an exported script."""
        files = self._folder / FILES
        make_files(files)
        source = self._write("domains.toml", FILES)
        url = f"sqlite:///{self._folder}/tls.db"
        _tlsmgm("db", "init", "--url", url)
        _tlsmgm("db", "import", str(source), "--url", url)
        table = self._write("table.toml", FILES, database=url)
        exported = self._folder / "exported"
        _tlsmgm("db", "export", "--url", url, "--output", str(exported), "--to", "script")
        self._try("converted, paths from its folder", self._converted(source), self._folder)
        absolute = self._write("absolute.toml", str(files))
        self._try("converted, absolute paths", self._converted(absolute), Path("/"))
        self._try("table", self._converted(table), Path("/"))
        [script] = exported.glob("*.cfg")
        sockets = "".join(f"socket=tls:127.0.0.1:{port}\n" for port in self._ports)
        text = script.read_text("utf-8")
        script.write_text(f'{sockets}loadmodule "proto_tls.so"\n{text}', encoding="utf-8")
        self._try("exported from the table", script, Path("/"))

    def _write(self, name: str, files: str, *, database: str = "") -> Path:
        path = self._folder / name
        path.write_text(toml(self._ports, files, database=database), encoding="utf-8")
        return path

    def _converted(self, source: Path) -> Path:
        target = source.with_suffix(".cfg")
        _tlsmgm("convert", str(source), "--output", str(target))
        return target

    def _try(self, what: str, written: Path, started_in: Path) -> None:
        print(f"== {what}: {written.name}, started in {started_in}")
        run = self._folder / f"run-{written.stem}"
        main = self._opensips.write_main(run, written)
        self._opensips.check(main, started_in)
        endpoint = parse_endpoint(f"fifo:{run}/fifo,reply_dir={run}")
        with self._opensips.running(main, started_in, endpoint) as log:
            theirs = client.call(endpoint, "tls_list")
            for line in log.read_text("utf-8", "replace").splitlines():
                if "WARNING:" in line or "ERROR:" in line:
                    print(f"   log: {line}")
            seen = self._probe_all()
        ours = json.loads(_tlsmgm("list", "--config", str(main), "--json"))
        for domain in theirs["Domains"]:  # ours are always absolute
            for key in _PATHS:
                if domain.get(key):  # a table has certificates, and no files
                    domain[key] = os.path.join(started_in, domain[key])
        self._compare_lists(theirs, ours)
        self._compare_matches(main, seen)
        for library in ("openssl", "wolfssl"):
            self._compare_probes(library, main, seen)

    def _compare_lists(self, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
        lists = [[json.dumps(domain) for domain in found["Domains"]] for found in (theirs, ours)]
        print(f"   {len(lists[0])} domains there, {len(lists[1])} here")
        for there, here in itertools.zip_longest(*lists, fillvalue=""):
            name = json.loads(there or here)["name"]
            self._judge(f"tls_list: {name}", there, here, "", shown="equal to the byte")

    def _compare_matches(self, main: Path, seen: dict[Probe, Seen]) -> None:
        for probe, theirs in seen.items():
            listen = f"127.0.0.1:{self._ports[probe.socket]}"
            name = ["--no-sni"] if probe.name is None else ["--sni", probe.name]
            command = ["match", "--config", str(main), "--listen", listen, *name, "--json"]
            domain = json.loads(_tlsmgm(*command, codes=(0, 1)))["domain"] or ""
            if theirs.certificate or not domain:  # else the client was refused, by whomever
                self._judge(f"match: {probe}", theirs.certificate, domain, "")

    def _compare_probes(self, library: str, main: Path, seen: dict[Probe, Seen]) -> None:
        listen = [f"tls:127.0.0.1:{port}" for port in self._ports]
        with _sip_server() as port, Proxy(
            str(main), library, f"tcp:127.0.0.1:{port}", listen=listen
        ):  # fmt: skip
            ours = self._probe_all()
        for probe, theirs in seen.items():
            self._judge(f"{library}: {probe}", theirs, ours[probe], probe.known)

    def _judge(
        self, what: str, theirs: object, ours: object, known: str, *, shown: str = ""
    ) -> None:
        if theirs == ours:
            print(f"   same       {what}: {shown or ours or 'nobody'}")
            return
        self.differences += not known
        word = "on purpose" if known else "DIFFERS   "
        print(f"   {word} {what}: OpenSIPS {theirs or 'nobody'}; ours {ours or 'nobody'}; {known}")

    def _probe_all(self) -> dict[Probe, Seen]:
        return {probe: self._probe(probe) for probe in probes()}

    def _probe(self, probe: Probe) -> Seen:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if probe.version:
            context.minimum_version = context.maximum_version = _VERSIONS[probe.version]
        if probe.ciphers:
            context.set_ciphers(probe.ciphers)
        if probe.identity:
            path = self._folder / FILES / probe.identity
            context.load_cert_chain(path.with_suffix(".pem"), path.with_suffix(".key"))
        address = ("127.0.0.1", self._ports[probe.socket])
        seen = Seen()
        with (
            contextlib.suppress(OSError),
            socket.create_connection(address, _SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=probe.name) as sock,
        ):
            chosen = sock.cipher()
            suite = chosen[0] if chosen and probe.ciphers else ""
            seen = Seen(_common_name(sock), str(sock.version()), suite)
            sock.sendall(_OPTIONS)
            if sock.recv(65536).startswith(b"SIP/2.0 200 "):
                seen = Seen(seen.certificate, seen.version, suite, answered=True)
        return seen


def _is_answering(endpoint: Endpoint) -> bool:
    try:
        client.call(endpoint, "version", timeout=1.0)
    except TLSError:
        return False
    return True


def _common_name(sock: ssl.SSLSocket) -> str:
    der = sock.getpeercert(binary_form=True)
    assert der is not None
    subject = x509.load_der_x509_certificate(der).subject
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


class _Answer(socketserver.StreamRequestHandler):
    """Says 200 to a request."""

    def handle(self) -> None:
        """Read to the empty line."""
        while line := self.rfile.readline():
            if line == b"\r\n":
                self.wfile.write(b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n")

    def finish(self) -> None:
        """A client that is gone is no news."""
        with contextlib.suppress(OSError):
            super().finish()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _sip_server() -> Iterator[int]:
    with _Server(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _tlsmgm(*arguments: str, codes: Sequence[int] = (0,)) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tlsmgm", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    if done.returncode not in codes:
        raise SystemExit(f"tlsmgm {' '.join(arguments)}: {done.returncode}\n{done.stderr}")
    return done.stdout


def main() -> int:
    """Try everything; 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("opensips", type=Path, help="the program")
    parser.add_argument("modules", type=Path, help="folder of its modules")
    parser.add_argument("--folder", type=Path, help="an empty one, which is kept, with logs")
    arguments = parser.parse_args()
    opensips = OpenSIPS(arguments.opensips.resolve(), arguments.modules.resolve())
    print(opensips.version())
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(opensips, (arguments.folder or Path(folder)).resolve())
        trial.all()
    print(f"{trial.differences} differences that are not on purpose")
    return 1 if trial.differences else 0


if __name__ == "__main__":
    sys.exit(main())
