"""The program ``tlsmgm``, which begins here, before the package is imported.

That takes some tenths of a second, in which SIGHUP and SIGUSR1 would end a proxy that is to obey
them.  So they are ignored at once, until it handles them.  This module stands beside the package,
because whatever stands inside imports all of it first.
"""

from __future__ import annotations

import signal
import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line of this process.

    Returns:
        The exit code.
    """
    if sys.argv[1:2] == ["proxy"]:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    from tlsmgm._cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
