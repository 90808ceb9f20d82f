"""OpenSIPS scripts in a folder with files of their own, which tests may change."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.managers import pki
from tlsmgm import TLSManager


class Site:
    """A folder with a script and a copy of the recorded PKI.

    Args:
        path: of the folder.
        library: which ``tls_library`` the script chooses.
    """

    def __init__(self, path: Path, library: str) -> None:
        self.path = path
        self.script = path / "opensips.cfg"
        self.library = library
        for name in ("crls", "crls_inter"):
            shutil.copytree(pki(name), path / name)
        for source in Path(pki(".")).glob("*.*"):
            if source.is_file():
                shutil.copy(source, path / source.name)

    def write(self, *domains: list[str]) -> None:
        """Write the script: two lines that choose the library, then those of the domains."""
        lines = [f'loadmodule "tls_{self.library}.so"']
        lines += [f'modparam("tls_mgm", "tls_library", "{self.library}")']
        self.script.write_text(
            "\n".join([*lines, *(line for domain in domains for line in domain)]) + "\n",
            encoding="utf-8",
        )

    def load(self) -> TLSManager:
        """Return a manager of the script."""
        return TLSManager.from_config(self.script)

    def replace(self, target: str, source: str) -> None:
        """Put the content of one file into another."""
        (self.path / target).write_bytes((self.path / source).read_bytes())

    def line_of(self, text: str) -> int:
        """Return the number of the last script line that is this text."""
        lines = self.script.read_text(encoding="utf-8").splitlines()
        return max(number for number, line in enumerate(lines, 1) if line == text)


def server(name: str = "dom1", *, key: str | None = None, **values: object) -> list[str]:
    """Return the lines of a server domain for ``NAME.test``, with files of the recorded PKI."""
    settings: dict[str, object] = {
        "match_sip_domain": f"{name}.test",
        "certificate": f"{key or name}.pem",
        "private_key": f"{key or name}.key",
        "verify_cert": 0,
        "require_cert": 0,
    }
    return _lines("server", name, settings | values)


def client(name: str = "client", **values: object) -> list[str]:
    """Return the lines of a client domain that trusts the recorded root."""
    return _lines("client", name, {"ca_list": "root.pem"} | values)


def _lines(kind: str, name: str, settings: dict[str, object]) -> list[str]:
    lines = [f'modparam("tls_mgm", "{kind}_domain", "{name}")']
    lines += [f'modparam("tls_mgm", "{key}", "[{name}]{value}")' for key, value in settings.items()]
    return lines
