"""Runs a script of tlsfuzzer that does not insist on change_cipher_spec in TLS 1.3.

    python without_ccs.py SCRIPT ARGUMENT...

Our wolfSSL is built without the compatibility mode of RFC 8446 appendix D.4, in which a server
sends that record, and almost every script waits for one. What they are about would not be tested.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any


def loosen() -> None:
    """Let what stands behind an awaited change_cipher_spec come in its place."""
    from tlsfuzzer.expect import ExpectChangeCipherSpec
    from tlsfuzzer.tree import TreeNode

    add = TreeNode.add_child

    def add_child(self: Any, child: Any) -> Any:
        child.before = self
        if isinstance(self, ExpectChangeCipherSpec):
            if child.is_expect():
                self.next_sibling = child
            else:
                self.before.child = child
        return add(self, child)

    TreeNode.add_child = add_child


if __name__ == "__main__":
    script = Path(sys.argv[1])
    sys.argv = sys.argv[1:]
    sys.path.insert(0, str(script.parent.parent))
    loosen()
    runpy.run_path(str(script), run_name="__main__")
