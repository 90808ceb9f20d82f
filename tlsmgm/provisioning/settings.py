"""Where the names of :mod:`tlsmgm.databases` stood in former releases.

Unlike there, the extra ``tlsmgm[sql]`` is not needed.
"""

from tlsmgm._config.database_settings import DatabaseSettings, Watch, normal_url

__all__ = ["DatabaseSettings", "Watch", "normal_url"]
