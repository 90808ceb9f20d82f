"""nginx, module stream, built with the OpenSSL that tlsmgm is linked with.

Against the distribution's nginx it tells the library's share, and against our engine ours. See
``nginx_build.py``.
"""

from __future__ import annotations

import os
import shutil

from benchmarks.cohort import nginx_build
from benchmarks.cohort.nginx import Nginx, both_versions
from benchmarks.cohort.openssl_config import stated_openssl
from benchmarks.cohort.setting import Absent
from benchmarks.native.build import LibraryMissingError

__all__ = ["NginxSame"]


class NginxSame(Nginx):
    """Configured as the distribution's."""

    name = "nginx stream, same OpenSSL"

    def find(self) -> tuple[str, str]:
        """It is named in the environment, or was built into the cache."""
        self._module = None
        try:
            self._program = self._named() or self._built()
            wanted = nginx_build.library().version
        except LibraryMissingError as reason:
            raise Absent(f"{self.name}: {reason}") from reason
        library = stated_openssl(self._program)
        if f"OpenSSL {wanted} " not in f"{library} ":
            raise Absent(
                f"{self.name}: {self._program} runs with {library}, and tlsmgm is linked with "
                f"OpenSSL {wanted}; build it anew"
            )
        return both_versions(self._program, library)

    def _named(self) -> str | None:
        named = os.environ.get(nginx_build.VARIABLE)
        if not named:
            return None
        program = shutil.which(named)
        if program is None:
            raise Absent(f"{self.name}: {nginx_build.VARIABLE} names {named}, which is no program")
        return program

    def _built(self) -> str:
        try:
            found = nginx_build.built()
        except Absent as reason:
            raise Absent(f"{self.name}: {reason}") from reason
        if found is None:
            raise Absent(
                f"{self.name}: run python -m benchmarks.cohort.nginx_build, "
                f"or name the program in {nginx_build.VARIABLE}"
            )
        return str(found)
