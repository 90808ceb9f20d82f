"""What must hold of every configuration, whatever language it was written in."""

from __future__ import annotations

from collections.abc import Callable

from tlsmgm._config.convert import Language, convert
from tlsmgm._config.model import Configuration
from tlsmgm.errors import ConfigError

__all__ = ["check_reader"]

_LANGUAGES: tuple[Language, ...] = ("toml", "script")


def check_reader(read: Callable[[], Configuration]) -> None:
    """Read, and write in both languages what was read.

    Args:
        read: may raise ConfigError, nothing else.

    Raises:
        AssertionError: an error without a text or with a key in it, or a configuration that changes
            when it is written.
    """
    try:
        configuration = read()
    except ConfigError as error:
        _check_error(error)
        return
    for language in _LANGUAGES:
        try:
            convert(configuration, language)
        except ConfigError as error:
            _check_error(error)


def _check_error(error: ConfigError) -> None:
    assert str(error).strip()
    assert "-----BEGIN" not in str(error)
    # convert() compares what it has written with what it was given.
    assert "does not say the same" not in str(error), str(error)
