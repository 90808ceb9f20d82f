"""nginx, module stream."""

from __future__ import annotations

import re
import resource
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cohort.loopback import LoopbackServer, Place, find_program, version_of
from benchmarks.cohort.openssl_config import stated_openssl
from benchmarks.cohort.setting import Absent

__all__ = ["Nginx", "both_versions"]

#: Where Debian and nginx's own packages put the module, if it is one.
_MODULES = (
    Path("/usr/lib/nginx/modules/ngx_stream_module.so"),
    Path("/usr/local/lib/nginx/modules/ngx_stream_module.so"),
)

_CONFIGURATION = """\
{load}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections {connections}; multi_accept on; }}
stream {{
    access_log off;
    server {{
        listen 127.0.0.1:{port} ssl backlog={backlog};
        proxy_pass 127.0.0.1:{upstream};
        tcp_nodelay on;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols {version};
        {ciphers}
        ssl_ecdh_curve {groups};
        ssl_session_cache off;
        ssl_session_tickets {tickets};
        {verify}
    }}
}}
"""

#: Each relay has two; bounded by the files that a process may open.
_CONNECTIONS = 16384


class Nginx(LoopbackServer):
    """A master and one worker, which does all the work."""

    name = "nginx stream"

    def find(self) -> tuple[str, str]:
        """It is two packages in Debian."""
        self._program = find_program("nginx", "nginx", "libnginx-mod-stream")
        self._module = next((module for module in _MODULES if module.exists()), None)
        # Built in, or a module of its own.
        if self._module is None and version_of(
            [self._program, "-V"], r"(--with-stream)(?:\s|$)"
        ) != ("--with-stream"):
            raise Absent("nginx: apt install nginx libnginx-mod-stream")
        return both_versions(self._program, stated_openssl(self._program))

    def command(self, place: Place) -> Sequence[str]:
        """A configuration file."""
        identity, setting = place.identity, place.setting
        verify = f"ssl_client_certificate {identity.ca}; ssl_verify_client on;"
        ciphers = (
            f"ssl_conf_command Ciphersuites {setting.cipher};"
            if setting.is_tls13
            else f"ssl_ciphers {setting.cipher};"
        )
        text = _CONFIGURATION.format(
            load="" if self._module is None else f"load_module {self._module};",
            folder=place.folder,
            connections=min(_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
            port=place.port,
            backlog=setting.backlog,
            upstream=place.upstream,
            certificate=identity.certificate,
            key=identity.key,
            version=setting.version,
            ciphers=ciphers,
            groups=setting.groups,
            tickets="on" if setting.tickets else "off",
            verify=verify if setting.mutual else "",
        )
        path = place.folder / "nginx.conf"
        path.write_text(text, encoding="utf-8")
        return [self._program, "-p", str(place.folder), "-c", str(path), "-e", "stderr"]


def both_versions(program: str, library: str) -> tuple[str, str]:
    """Return name and version of an nginx, and what stands beside its figures.

    Args:
        program: its path.
        library: what it runs with, in OpenSSL's words.

    Returns:
        Such as ``nginx 1.22.1`` and ``OpenSSL 3.0.19 (nginx 1.22.1)``: two of them must not differ
        in their release unseen.
    """
    version = "nginx " + version_of([program, "-v"], r"nginx/(\S+)")
    short = re.match(r"OpenSSL \d\S*", library)  # without its date
    return version, f"{library if short is None else short[0]} ({version})"
