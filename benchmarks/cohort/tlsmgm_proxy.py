"""``tlsmgm proxy``, with each library that is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import tlsmgm
from benchmarks.cohort.loopback import LoopbackServer, Place
from benchmarks.cohort.setting import Absent, Setting
from benchmarks.identity import SERVER_NAME

__all__ = ["TLSMgmProxy"]

_ROOT = Path(__file__).resolve().parents[2]
_METHODS = {"TLSv1.2": "TLSv1_2", "TLSv1.3": "TLSv1_3"}


class TLSMgmProxy(LoopbackServer):
    """Our proxy; the domain is chosen by name.

    Args:
        library: ``openssl`` or ``wolfssl``.
        upstream: port of the plain server.
        cpus: processors that it may run on.
        workers: threads that carry connections; they share the processors.
    """

    name = "tlsmgm proxy"

    def __init__(
        self,
        library: str,
        upstream: int,
        *,
        cpus: Iterable[int] | None = None,
        workers: int = 1,
    ) -> None:
        self._library = library
        self._workers = workers
        more = "" if workers == 1 else f", {workers} workers"
        self.name = f"tlsmgm proxy, {library}{more}"  # type: ignore[misc]  # one class for all libraries
        super().__init__(upstream, cpus=cpus)

    def find(self) -> tuple[str, str]:
        """It is part of the checkout; its library may be missing."""
        info = tlsmgm.libraries().get(self._library)
        if info is None:
            raise Absent(f"{self.name}: this backend is not built; run make")
        return f"tlsmgm {tlsmgm.__version__}", f"{self._library} {info.version}"

    def check(self, setting: Setting) -> None:
        """Tickets cannot be turned off."""
        if not setting.tickets:
            raise Absent(f"{self.name}: gives a ticket to every client, and cannot be told not to")

    def environment(self) -> Mapping[str, str]:
        """Find the package in the checkout."""
        return {"PYTHONPATH": str(_ROOT)}

    def command(self, place: Place) -> Sequence[str]:
        """An OpenSIPS script with one domain."""
        setting = place.setting
        values: dict[str, object] = {
            "match_ip_address": "*",
            "match_sip_domain": SERVER_NAME,
            "tls_method": _METHODS[setting.version],
            "certificate": place.identity.certificate,
            "private_key": place.identity.key,
            "ciphers_list": setting.cipher,
            "ec_curve": setting.groups,
            "verify_cert": int(setting.mutual),
            "require_cert": int(setting.mutual),
        }
        if setting.mutual:
            values["ca_list"] = place.identity.ca
        lines = [f'loadmodule "tls_{self._library}.so"']
        lines.append('modparam("tls_mgm", "server_domain", "bench")')
        lines += [f'modparam("tls_mgm", "{name}", "[bench]{v}")' for name, v in values.items()]
        script = place.folder / "proxy.cfg"
        script.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [
            sys.executable, "-m", "tlsmgm", "proxy",
            "--config", str(script),
            "--library", self._library,
            "--upstream", f"tcp:127.0.0.1:{place.upstream}",
            "--listen", f"tls:127.0.0.1:{place.port}",
            "--no-access-log",
            "--drain-timeout", "0",
            "--workers", str(self._workers),
        ]  # fmt: skip
