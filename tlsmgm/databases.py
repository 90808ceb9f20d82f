"""The table of domains for programs of one's own: make it, fill it, watch it.

It needs the extra ``tlsmgm[sql]``.  A manager that only reads a database needs nothing of this: see
:meth:`tlsmgm.TLSManager.attach_database`.
"""

from __future__ import annotations

from tlsmgm._config.database_settings import DatabaseSettings, Watch, normal_url
from tlsmgm._provisioning import sql_module

sql_module("transfer")  # without the extra this says what to install

from tlsmgm._provisioning.transfer import Imported, import_domains, init_database  # noqa: E402
from tlsmgm._provisioning.watcher import DatabaseWatcher  # noqa: E402

__all__ = [
    "DatabaseSettings",
    "DatabaseWatcher",
    "Imported",
    "Watch",
    "import_domains",
    "init_database",
    "normal_url",
]
