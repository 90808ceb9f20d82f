"""What tests must know of the sanitizers that ``make asan`` preloads into them."""

from __future__ import annotations

import os

_SETTINGS = ("LD_PRELOAD", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "PYTHONMALLOC")

#: Whether the tests run in AddressSanitizer, which keeps freed memory for a while, or in
#: ThreadSanitizer, which remembers who has read and written it.
IS_SANITIZED = any(name in os.environ.get("LD_PRELOAD", "") for name in ("libasan", "libtsan"))

#: For Python programs that get a clean environment: our modules load with the sanitizer only.
SANITIZER = {name: os.environ[name] for name in _SETTINGS if IS_SANITIZED and name in os.environ}

#: For other people's programs, which know nothing of it; curl even hangs.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
