"""The reference of the public API, made of the docstrings.

``python -m tests.docs.reference`` writes ``docs/reference.md``.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator

from tests.docs.public_api import (
    NOT_MADE_BY_PROGRAMS,
    PUBLIC_MODULES,
    ROOT,
    Class,
    Name,
    exported,
    is_class,
    members,
    named_bases,
    public_names,
    tree_of,
)

PATH = ROOT / "docs" / "reference.md"

_HEAD = """\
# Reference

Everything that programs may import, with the first sentence of its docstring, and what that says
of parameters and attributes. `help(tlsmgm.TLSManager.reload)` has the rest: arguments, exceptions,
and the section of the RFC or of the manual. Other modules and names are ours to change.
`tlsmgm.provisioning.settings` is an old address of names in `tlsmgm.databases`, which still works.
For C and Cython there is [embedding.md](embedding.md).

This page is made of the docstrings, by `python -m tests.docs.reference`.
"""

_SECTION = re.compile(r"(\w+):$")
_ENTRY = re.compile(r" {4}([\w*][\w, *]*): (.*)$")
_ROLE = re.compile(r":(?:class|meth|func|data|attr|mod):`~?([\w.]+)`")


def render() -> str:
    """Return the page."""
    public = exported()
    parts = [_HEAD]
    shown: set[str] = set()
    for module in PUBLIC_MODULES:
        names = [public[f"{module}.{name}"] for name in public_names(module)]
        names = [name for name in names if not name.name.startswith("__")]
        new = [name for name in names if str(name) not in shown]
        parts += _module(module, new)
        if len(new) < len(names):
            again = (f"`{name.name}`" for name in names if str(name) in shown)
            parts += [*textwrap.wrap(f"What is above is here, too: {', '.join(again)}.", 115), ""]
        shown |= set(map(str, new))
    return "\n".join(parts).rstrip() + "\n"


def _module(module: str, names: list[Name]) -> Iterator[str]:
    tree = tree_of(module)
    assert tree is not None
    yield f"## {module}\n"
    yield f"{_first(_doc(tree))}\n"
    functions = [name for name in names if not is_class(name)]
    if functions:
        yield from _table("Function", map(_function, functions))
    classes = [name for name in names if is_class(name)]
    plain = [item for item in classes if _is_plain(item)]
    if plain:
        rows = ((f"`{_with_bases(item)}`", _summary(item.node)) for item in plain)
        yield from _table("Class", rows)
    for item in classes:
        if item not in plain:
            yield from _class(item)


def _class(item: Class) -> Iterator[str]:
    text = _doc(item.node)
    yield f"### {item.name}\n"
    made = " Programs do not make it." if item.name in NOT_MADE_BY_PROGRAMS else ""
    bases = [f"`{base}`" for base in named_bases(item)]
    above = f" Base{'s' * (len(bases) > 1)}: {', '.join(bases)}." if bases else ""
    yield f"{_first(text)}{above}{made}\n"
    sections = ["Attributes"] if item.name in NOT_MADE_BY_PROGRAMS else ["Args", "Attributes"]
    fields = [entry for section in sections for entry in entries(text, section)]
    if fields:
        yield from _table("Parameter or attribute", ((f"`{name}`", told) for name, told in fields))
    functions = members(item)
    if functions:
        rows = ((_signature(node), _summary(node)) for node in functions.values())
        yield from _table("Member", rows)


def _with_bases(item: Class) -> str:
    bases = ", ".join(named_bases(item))
    return f"{item.name}({bases})" if bases else item.name


def _is_plain(item: Class) -> bool:
    """Whether there is no more to say of a class than what it is, as of most exceptions."""
    text = _doc(item.node)
    has_fields = any(True for section in ("Args", "Attributes") for _ in entries(text, section))
    return not has_fields and not members(item)


def _function(item: Name) -> tuple[str, str]:
    if isinstance(item.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return _signature(item.node), _summary(item.node)
    assert isinstance(item.node, (ast.Assign, ast.AnnAssign)), item
    assert item.node.value is not None, item
    return f"`{item.name}`", _plain(f"stands for ``{ast.unparse(item.node.value)}``")


def _table(head: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"| {head} | |\n|---|---|"
    for name, text in rows:
        yield f"| {name} | {text} |".replace("\n", " ")
    yield ""


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    marks = {ast.unparse(item) for item in node.decorator_list}
    if marks & {"property", "functools.cached_property"}:
        return f"`{node.name}`"
    arguments = ast.parse(ast.unparse(node.args).join(("def f(", "): ..."))).body[0]
    assert isinstance(arguments, ast.FunctionDef)
    for item in ast.walk(arguments):
        if isinstance(item, ast.arg):
            item.annotation = None
    text = ast.unparse(arguments.args)
    text = re.sub(r"^(?:self|cls)(?:, /)?(?:, )?", "", text)
    before = "await " if isinstance(node, ast.AsyncFunctionDef) else ""
    return f"`{before}{node.name}({text})`"


def _doc(node: ast.AST) -> str:
    assert isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    text = ast.get_docstring(node)
    assert text, f"{getattr(node, 'name', node)} has no docstring"
    return text


def _summary(node: ast.AST) -> str:
    return _first(_doc(node))


def _first(text: str) -> str:
    return _plain(text.partition("\n\n")[0])


def entries(text: str, section: str) -> Iterator[tuple[str, str]]:
    """Yield the names that a section of a docstring explains, and what it says of each."""
    lines = iter(inspect.cleandoc(text).splitlines())
    if not any(line == f"{section}:" for line in lines):
        return
    name, told = "", ""
    for line in lines:
        if line and not line.startswith(" "):
            break
        found = _ENTRY.match(line)
        if found:
            if name:
                yield name, _plain(told)
            name, told = found[1], found[2]
        else:
            told += f" {line.strip()}"
    if name:
        yield name, _plain(told)


def _plain(text: str) -> str:
    """From the markup of docstrings to that of the page."""
    text = _ROLE.sub(lambda match: f"`{match[1].rpartition('.')[2]}`", " ".join(text.split()))
    return textwrap.dedent(text).replace("``", "`").replace("|", "\\|").strip()


def main() -> None:
    """Write the page."""
    PATH.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
