"""Scripts of ``tls_mgm``'s parameters, in short."""

from __future__ import annotations

import pytest

from tlsmgm._config.lexer import quote
from tlsmgm._config.model import Configuration
from tlsmgm._config.opensips import read_script_text
from tlsmgm.errors import ConfigError


def tls(*parameters: tuple[str, str | int]) -> str:
    """Write lines that set parameters."""
    return "\n".join(
        f'modparam("tls_mgm", "{name}", {value if isinstance(value, int) else quote(value)})'
        for name, value in parameters
    )


def read(*parameters: tuple[str, str | int], path: str = "x.cfg") -> Configuration:
    """Read a script that sets these parameters and no more."""
    return read_script_text(tls(*parameters), path)


def refused(script: str, path: str = "x.cfg") -> ConfigError:
    """Return why a script is refused."""
    with pytest.raises(ConfigError) as caught:
        read_script_text(script, path)
    return caught.value
