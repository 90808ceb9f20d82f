"""What a reload did."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ReloadReport"]


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """What a reload did, by domain name.

    Attributes:
        added: domains that are new.
        changed: domains with another definition or other files; they have a new context.
        removed: domains that are gone; their connections live on.
        failed: why rows of the database could not be loaded, in sentences.
        kept: domains that failing rows of their name have left as they were.
        warnings: what of the files of new and changed domains is not used, in sentences.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
