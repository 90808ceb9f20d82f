"""Domains from an SQL database: the table ``tls_mgm`` (manual 1.5 and 1.9.17 to 1.9.33).

=====================================  ==========================================================
:mod:`~tlsmgm._provisioning.loaded`    what was read: a domain, or a reason, for each row
:mod:`~tlsmgm._provisioning.engine`    connections with deadlines, errors of drivers in our words
:mod:`~tlsmgm._provisioning.schema`    the table as OpenSIPS creates it
:mod:`~tlsmgm._provisioning.rows`      from a row to a domain, and back
:mod:`~tlsmgm._provisioning.source`    reads the table
:mod:`~tlsmgm._provisioning.transfer`  writes domains into the table
:mod:`~tlsmgm._provisioning.notices`   how a database tells that the table has changed
:mod:`~tlsmgm._provisioning.watch`     reloads when it does
=====================================  ==========================================================

All but the first need the extra ``tlsmgm[sql]``; :func:`sql_module` says so if it is missing.  The
settings of a database are part of a configuration and stand there.
"""

from __future__ import annotations

import importlib
from typing import Any

from tlsmgm.errors import UnsupportedError

__all__ = ["sql_module"]


def sql_module(name: str) -> Any:
    """Import a module of this package that needs SQLAlchemy.

    Args:
        name: of the module.

    Returns:
        The module.

    Raises:
        UnsupportedError: SQLAlchemy is not installed.
    """
    try:
        return importlib.import_module(f"tlsmgm._provisioning.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("tlsmgm"):
            raise
        raise UnsupportedError(
            f"domains in a database need {error.name}: pip install 'tlsmgm[sql]'"
        ) from None
