"""What a reload did, and what else changed the domains of a manager."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ChangeCause", "ReloadEvent", "ReloadReport"]

#: The method of the manager that made a change.
ChangeCause = Literal[
    "reload", "reload_database", "attach_database", "add_domains", "replace_domain", "remove_domain"
]


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """What a reload did, by domain name.

    Attributes:
        added: domains that are new.
        changed: domains with another definition or other files; they have a new context.
        removed: domains that are gone; their connections live on.
        failed: why rows of the database could not be loaded, in sentences.
        kept: domains that failing rows of their name have left as they were.
        warnings: what of the files of new and changed domains is not used, or has expired, in
            sentences.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReloadEvent:
    """A change of a manager's domains, as ``on_reload()`` tells it.

    Attributes:
        cause: the method that made it; ``"add_domains"`` stands for ``add_domain()``, too, and
            ``"reload_database"`` for a watcher.
        generation: number of the state that it made, see ``manager.generation``.
        report: what is different; empty where a reload has found nothing new.
    """

    cause: ChangeCause
    generation: int
    report: ReloadReport
