"""OpenSSL's own configuration file, which pins what a program's options cannot.

OpenSSL applies the section ``system_default`` to every context that a program makes, before the
program's own settings (config(5), SSL_CONF_cmd(3)). So the number of tickets, the groups and the
suites of TLS 1.3 are the same for all programs over it, Python's ssl included.
"""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from benchmarks.cohort.setting import HYBRID_GROUP, Absent, Setting

__all__ = ["check_group", "linked_openssl", "stated_openssl", "write_openssl_config"]

_VERSION = re.compile(r"OpenSSL (\d+)\.(\d+)")


def write_openssl_config(path: Path, setting: Setting) -> dict[str, str]:
    """Write the file.

    Args:
        path: where to.
        setting: what is pinned.

    Returns:
        Environment variables that make programs read it.
    """
    cipher = "Ciphersuites" if setting.is_tls13 else "CipherString"
    lines = [
        "openssl_conf = start",
        "[start]",
        "ssl_conf = ssl",
        "[ssl]",
        "system_default = pinned",
        "[pinned]",
        f"MinProtocol = {setting.version}",
        f"MaxProtocol = {setting.version}",
        f"{cipher} = {setting.cipher}",
        f"Groups = {setting.groups}",
        f"NumTickets = {int(setting.tickets)}",
    ]
    if not setting.tickets:
        lines.append("Options = -SessionTicket")
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return {"OPENSSL_CONF": str(path)}


@cache
def linked_openssl(program: str) -> str:
    """Return the version of the OpenSSL that a program is linked to, in its own words.

    Args:
        program: path of a dynamically linked program.

    Returns:
        Such as ``OpenSSL 3.0.19 27 Jan 2026``, or ``unknown OpenSSL``.
    """
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    found = re.search(r"=> (\S*libcrypto\S*)", done.stdout)
    if found is None:
        return "unknown OpenSSL"
    # In a process of its own: ours has another OpenSSL loaded already.
    script = (
        "import ctypes, sys\n"
        "say = ctypes.CDLL(sys.argv[1]).OpenSSL_version\n"
        "say.restype = ctypes.c_char_p\n"
        "print(say(0).decode())"
    )
    command = [sys.executable, "-I", "-c", script, found[1]]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def stated_openssl(program: str) -> str:
    """Return the version of the OpenSSL that an nginx runs with, however it is linked.

    ``nginx -V`` says what it was built with, and in parentheses what it runs with if that is
    another (``ngx_show_version_info()`` in src/core/nginx.c).

    Args:
        program: path of nginx.

    Returns:
        As ``linked_openssl``.
    """
    done = subprocess.run([program, "-V"], capture_output=True, text=True, check=False)
    found = re.search(
        r"^built with (.*?)(?: \(running with (.*)\))?$", done.stdout + done.stderr, re.MULTILINE
    )
    return "unknown OpenSSL" if found is None else found[2] or found[1]


def check_group(who: str, library: str, setting: Setting) -> None:
    """Keep those out that have no hybrid group when that is pinned.

    Args:
        who: for the message.
        library: what it is linked to, in OpenSSL's words.
        setting: what is pinned.

    Raises:
        Absent: its OpenSSL is too old.
    """
    found = _VERSION.search(library)
    if setting.group == HYBRID_GROUP and found and (int(found[1]), int(found[2])) < (3, 5):
        raise Absent(f"{who}: {found[0]} has no {HYBRID_GROUP}; OpenSSL 3.5 has")
