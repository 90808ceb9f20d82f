"""OpenSIPS scripts (``opensips.cfg``), from a file or from text in memory.

``docs/opensips_scripts.md`` says what is read of a script, and ``tlsmgm.read_configuration`` reads
files of any language that we know.
"""

from __future__ import annotations

import os

from tlsmgm._config import opensips
from tlsmgm._config.model import Configuration

__all__ = ["read_script", "read_script_text"]


def read_script(path: str | os.PathLike[str]) -> Configuration:
    """Read an OpenSIPS script.

    Args:
        path: the script.

    Returns:
        What it says about TLS; no file that it names was looked at, but included ones.

    Raises:
        ConfigError: the script cannot be read, or a parameter of tls_mgm cannot be used; the
            message names file and line, domain, parameter and reason.

    See the manual, 1.9 and 1.11.
    """
    return opensips.read_script(path)


def read_script_text(text: str, path: str | os.PathLike[str] = "opensips.cfg") -> Configuration:
    """Read an OpenSIPS script from memory.

    Args:
        text: the script.
        path: what to call it in errors; its folder is where relative paths begin.

    Returns:
        What it says about TLS, as of :func:`read_script`.

    Raises:
        ConfigError: as of :func:`read_script`.

    See the manual, 1.9 and 1.11.
    """
    return opensips.read_script_text(text, path)
