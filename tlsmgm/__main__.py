"""``python -m tlsmgm`` is the command line; ``tlsmgm_program`` has the program ``tlsmgm``."""

from __future__ import annotations

import sys

from tlsmgm._cli import main

if __name__ == "__main__":
    sys.exit(main())
