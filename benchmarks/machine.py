"""What was measured on: the machine, and versions of everything."""

from __future__ import annotations

import datetime
import os
import platform
import ssl
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import tlsmgm

__all__ = ["facts", "now"]

_ROOT = Path(__file__).resolve().parents[1]

#: Distributions whose versions matter.
_DISTRIBUTIONS: Final = (
    *("Cython", "cryptography", "pyOpenSSL", "wolfssl", "uvloop", "SQLAlchemy", "aiohttp"),
)


def now() -> str:
    """Return the time, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0).isoformat()


def facts() -> dict[str, Any]:
    """Return facts by name, for people and for later comparison."""
    found: dict[str, Any] = {
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "memory": _memory(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "unknown",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": _first_line("cc", "--version"),
        "ssl module": ssl.OPENSSL_VERSION,
        "tlsmgm": tlsmgm.__version__,
        "commit": _first_line("git", "-C", str(_ROOT), "rev-parse", "--short", "HEAD"),
    }
    for library, info in sorted(tlsmgm.libraries().items()):
        found[library] = info.version
    found["build flags"] = _build_flags()
    found["packages"] = {name: version for name in _DISTRIBUTIONS if (version := _version(name))}
    return found


def _processor() -> str:
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _memory() -> str:
    line = (_read("/proc/meminfo") or "").partition("\n")[0]
    kilobytes = "".join(char for char in line if char.isdigit())
    return f"{int(kilobytes) / 1024 / 1024:.0f} GiB" if kilobytes else "unknown"


def _build_flags() -> dict[str, str]:
    """How the pinned libraries are configured."""
    path = _ROOT / "wheels" / "native_libs.toml"
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        name: " ".join(str(flag) for flag in values.get("configure", []))
        for name, values in content.items()
        if isinstance(values, dict)
    }


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return None


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except OSError:
        return "unknown"
    return done.stdout.partition("\n")[0].strip() or "unknown"


if __name__ == "__main__":
    for name, fact in facts().items():
        print(f"{name}: {fact}", file=sys.stdout)
