"""For programs in C and Cython that carry connections by themselves; see docs/embedding.md."""

from __future__ import annotations

from pathlib import Path

from tlsmgm._core.embedding import context_capsule, greeting_capsule

__all__ = ["context_capsule", "get_include", "greeting_capsule"]

_PACKAGE = Path(__file__).resolve().parent


def get_include() -> str:
    """The folder with the public C headers, ``tlsmgm.h`` and ``embed.h``, for a compiler's ``-I``.

    Raises:
        FileNotFoundError: the installation is not complete.
    """
    for folder in (_PACKAGE / "include", _PACKAGE.parent / "csrc" / "include"):
        if (folder / "tlsmgm.h").is_file():
            return str(folder)
    raise FileNotFoundError("this installation of tlsmgm has no C headers")
