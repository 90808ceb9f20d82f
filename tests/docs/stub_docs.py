"""Docstrings of native modules, for their stubs: editors read nothing else.

``python -m tests.docs.stub_docs`` writes those of the compiled modules into the stubs.  What a
compiled module cannot say, because Cython keeps no docstring of a ``readonly`` attribute, stands
in the stub alone and is left as it is.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_Named = ast.ClassDef | ast.FunctionDef


def native_modules() -> dict[str, Path]:
    """Return the stub of each native module, by the module's name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path.with_suffix(".pyi")
        for folder in ("tlsmgm", "tlsmgm_wolfssl")
        for path in sorted((ROOT / folder).rglob("*.pyx"))
    }


def named(tree: ast.Module) -> Iterator[tuple[str, _Named]]:
    """Yield what has a name in a stub and can have a docstring, with its dotted name."""
    yield from _named(tree.body, "")


def _named(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, _Named]]:
    for node in body:
        if not isinstance(node, _Named) or node.name.startswith("_"):
            continue
        yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from _named(node.body, f"{prefix}{node.name}.")


def docstring(module: str, name: str = "") -> str:
    """Return what the compiled module says of itself, or of a name in it; empty: nothing."""
    found: object = importlib.import_module(module)
    for part in name.split(".") if name else ():
        found = inspect.getattr_static(found, part)
    text = getattr(found, "__doc__", None) or ""
    # Cython writes the signature before the docstring, in its own words.
    signature, _, rest = text.partition("\n\n")
    last = name.rpartition(".")[2]
    if name and (signature.startswith((f"{name}(", f"{last}("))) and signature.endswith(")"):
        text = rest
    return inspect.cleandoc(text)


def update(source: str, module: str) -> str:
    """Return a stub with the docstrings of its module."""
    lines = source.splitlines()
    tree = ast.parse(source)
    for name, node in reversed(list(named(tree))):
        text = docstring(module, name)
        if text:
            _put(lines, node, text)
    text = docstring(module)
    if text:
        first = tree.body[0] if ast.get_docstring(tree) is not None else None
        lines[: 0 if first is None else first.end_lineno] = [*_quoted(text, 0), ""]
    return "\n".join(lines) + "\n"


def _put(lines: list[str], node: _Named, text: str) -> None:
    quoted = _quoted(text, node.col_offset + 4)
    first = node.body[0]
    end = first.end_lineno or first.lineno
    if ast.get_docstring(node) is not None:
        lines[first.lineno - 1 : end] = quoted
    elif isinstance(node, ast.ClassDef) and not _is_dots(first):
        lines[node.lineno : node.lineno] = [*quoted, ""]
    else:
        head = lines[first.lineno - 1][: first.col_offset].rstrip()
        lines[first.lineno - 1 : end] = [head, *quoted]


def _is_dots(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and getattr(node.value, "value", None) is ...


def _quoted(text: str, indent: int) -> list[str]:
    end = '\n"""' if "\n" in text else '"""'
    prefix = "r" if "\\" in text else ""
    return textwrap.indent(f'{prefix}"""{text}{end}', " " * indent).splitlines()


def main() -> None:
    """Write all stubs."""
    for module, stub in native_modules().items():
        stub.write_text(update(stub.read_text(encoding="utf-8"), module), encoding="utf-8")


if __name__ == "__main__":
    main()
