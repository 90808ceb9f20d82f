"""Stored counts, and the setups that they hold for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

__all__ = ["PATH", "SCHEMA", "BaselineError", "Setup", "difference", "fitting", "load", "store"]

PATH: Final = Path(__file__).with_name("baseline.json")

#: Grows whenever the meaning of the file changes.
SCHEMA: Final = 1


class BaselineError(Exception):
    """The file cannot be read; the text says why."""


@dataclass(frozen=True)
class Setup:
    """Counts of one library, and what they depend on.

    Attributes:
        library: ``openssl`` or ``wolfssl``.
        key: everything besides our own code that changes counts; see ``environment.py``.
        counts: instructions for one operation, by subject, then by part.
    """

    library: str
    key: dict[str, str]
    counts: dict[str, dict[str, int]]


def load(path: Path) -> list[Setup]:
    """Read a baseline.

    Args:
        path: the file; it may be missing.

    Raises:
        BaselineError: it is no baseline, or one of another schema.
    """
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise BaselineError(
                f"{path} has the schema {content['schema']}, and {SCHEMA} is wanted; write it anew "
                'with "make bench-baseline"'
            )
        return [Setup(**entry) for entry in content["setups"]]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BaselineError(f"{path} is no baseline: {error!r}") from error


def store(path: Path, setups: Sequence[Setup]) -> None:
    """Put setups into a baseline.

    Each takes the place of the one of the same library and architecture: a file has one, that of
    the machines which check every change. Others stay.

    Args:
        path: the file; it may be missing.
        setups: new ones.

    Raises:
        BaselineError: the file that is there is none.
    """
    places = {_place(setup) for setup in setups}
    kept = [setup for setup in load(path) if _place(setup) not in places]
    content = {
        "schema": SCHEMA,
        "setups": [asdict(setup) for setup in sorted([*kept, *setups], key=_place)],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def fitting(setups: Sequence[Setup], library: str, key: dict[str, str]) -> Setup | None:
    """Return the setup whose counts may be compared with, if there is one.

    Args:
        setups: of the baseline.
        library: that was measured.
        key: of this machine.
    """
    for setup in setups:
        if setup.library == library and not _differing(setup.key, key):
            return setup
    return None


def difference(setups: Sequence[Setup], library: str, key: dict[str, str]) -> list[str]:
    """Say why no setup fits: how the most similar one differs, a sentence for each fact.

    Args:
        setups: of the baseline.
        library: that was measured.
        key: of this machine.
    """
    others = [setup for setup in setups if setup.library == library]
    if not others:
        return [f"the baseline has nothing about {library}"]
    nearest = min(others, key=lambda setup: len(_differing(setup.key, key)))
    return [
        f"{name}: {key.get(name, 'unknown')} here, {nearest.key.get(name, 'unknown')} there"
        for name in _differing(nearest.key, key)
    ]


def _differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return sorted(name for name in {*one, *other} if _fact(one, name) != _fact(other, name))


def _fact(key: dict[str, str], name: str) -> str | list[str] | None:
    """What counts of a fact: none of our flags takes another back, so not their order."""
    value = key.get(name)
    return sorted(value.split()) if name == "cflags" and value is not None else value


def _place(setup: Setup) -> tuple[str, str]:
    return setup.library, setup.key.get("architecture", "")
