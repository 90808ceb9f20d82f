"""The public API as its annotations have it: who is public, and whom do they name?

It is read from the sources, and from the stubs of native modules, so that what is imported for type
checkers only counts as well.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).resolve().parents[2]

#: Modules whose ``__all__`` is public, in the order of the reference.
PUBLIC_MODULES = (
    "tlsmgm",
    "tlsmgm.errors",
    "tlsmgm.config.opensips",
    "tlsmgm.databases",
    "tlsmgm.mi",
    "tlsmgm.mi.client",
    "tlsmgm.proxy",
    "tlsmgm.aio",
    "tlsmgm.adapters",
    "tlsmgm.embedding",
)

#: Classes that programs are given, and never make: their constructors are ours.
NOT_MADE_BY_PROGRAMS = frozenset(
    {
        "AcceptedConnection",
        "Backend",
        "Connection",
        "Context",
        "DatabaseWatcher",
        "Ended",
        "Listener",
        "ListeningAddress",
        "Server",
        "Session",
        "TLSSocket",
        "Variables",
    }
)

#: Bases that say nothing to programs.
_NO_BASES = frozenset({"Generic[T]", "Protocol", "abc.ABC"})

_CONSTRUCTORS = ("__init__", "__new__")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Name:
    """Something that is defined at the top of a module of ours."""

    module: str
    name: str
    node: ast.stmt

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Class(Name):
    """A name that is that of a class."""

    node: ast.ClassDef


class Field(ast.AnnAssign):
    """A field of a class, as dataclasses have them."""

    target: ast.Name


@functools.cache
def tree_of(module: str) -> ast.Module | None:
    """Return the source of a module of ours, or its stub; None for those of others."""
    base = ROOT.joinpath(*module.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py"), base.with_suffix(".pyi")):
        if module.startswith("tlsmgm") and path.is_file():
            return ast.parse(path.read_text(encoding="utf-8"))
    return None


@functools.cache
def _top(module: str) -> dict[str, ast.stmt]:
    """What is defined or imported at the top of a module, for type checkers only, too."""
    tree = tree_of(module)
    found: dict[str, ast.stmt] = {}
    for node in () if tree is None else _statements(tree.body):
        if isinstance(node, (ast.ClassDef, *_FUNCTIONS)):
            found[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name.partition(".")[0]: node for alias in node.names}
    return found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If):
            yield from _statements(node.body)


def find(module: str, name: str) -> Name | str | None:
    """Follow a name to where it is defined.

    Returns:
        The name there; for a module its own name; None for what is not ours.
    """
    node = _top(module).get(name)
    if node is None:
        deeper = f"{module}.{name}"
        return deeper if tree_of(deeper) is not None else None
    if isinstance(node, ast.ImportFrom):
        original = next(a.name for a in node.names if (a.asname or a.name) == name)
        source = node.module or ""
        return find(source, original) if tree_of(source) is not None else None
    if isinstance(node, ast.Import):
        return None
    return Name(module, name, node)


def public_names(module: str) -> list[str]:
    """Return what a module exports."""
    node = _top(module)["__all__"]
    assert isinstance(node, ast.Assign)
    return list(ast.literal_eval(node.value))


def exported() -> dict[str, Name]:
    """Return everything that is public, by the name by which programs import it."""
    found: dict[str, Name] = {}
    for module in PUBLIC_MODULES:
        for name in public_names(module):
            target = find(module, name)
            assert isinstance(target, Name), f"{module}.{name}"
            found[f"{module}.{name}"] = target
    return found


def classes_named(target: Name) -> Iterator[tuple[str, Name]]:
    """Yield the classes of ours that annotations of something public name.

    Yields:
        Where it is named, such as ``add_domain``, and the class.
    """
    if is_class(target):
        for where, module, annotation in _of_class(target.module, target.node, target.name):
            yield from ((where, found) for found in _classes(module, annotation))
    elif isinstance(target.node, _FUNCTIONS):
        for annotation in _of_function(target.node):
            yield from ((target.name, found) for found in _classes(target.module, annotation))


def _of_class(module: str, node: ast.ClassDef, called: str) -> Iterator[tuple[str, str, ast.expr]]:
    """The annotations of public members, inherited ones included, and where each stands."""
    for item in _statements(node.body):
        if isinstance(item, _FUNCTIONS) and _is_public(item.name, called):
            yield from ((item.name, module, found) for found in _of_function(item))
        elif is_field(item):
            yield item.target.id, module, item.annotation
    for base in bases(module, node):
        yield from _of_class(base.module, base.node, called)


def is_field(node: ast.stmt) -> TypeGuard[Field]:
    """Whether this is a public field, as dataclasses have them."""
    return (
        isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and not node.target.id.startswith("_")
    )


def bases(module: str, node: ast.ClassDef) -> Iterator[Class]:
    """Yield the classes of ours from which one inherits."""
    for base in node.bases:
        for found in _names(module, base):
            if is_class(found):
                yield found


def named_bases(item: Class) -> Iterator[str]:
    """Yield the classes from which one inherits, as programs know them; others give theirs."""
    public = {(name.module, name.name) for name in exported().values()}
    for base in item.node.bases:
        ours = [found for found in _names(item.module, base) if is_class(found)]
        if not ours and (name := ast.unparse(base)) not in _NO_BASES:
            yield name.partition("[")[0]
        for found in ours:
            if (found.module, found.name) not in public:
                yield from named_bases(found)
            else:
                yield found.name if found.module == item.module else f"tlsmgm.{found.name}"


def is_class(name: Name) -> TypeGuard[Class]:
    """Whether this name is that of a class."""
    return isinstance(name.node, ast.ClassDef)


def _is_public(name: str, of_class: str) -> bool:
    if name in _CONSTRUCTORS:
        return of_class not in NOT_MADE_BY_PROGRAMS
    return not name.startswith("_") or name.endswith("__")


def members(target: Class) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the public methods and properties of a class, inherited ones included, by name."""
    found: dict[str, _Function] = {}
    for item in target.node.body:
        if isinstance(item, _FUNCTIONS) and not item.name.startswith("_"):
            found.setdefault(item.name, item)  # of a property the getter, which comes first
    for base in bases(target.module, target.node):
        found = members(base) | found
    return found


def _of_function(node: _Function) -> Iterator[ast.expr]:
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [item for item in (arguments.vararg, arguments.kwarg) if item is not None]
    yield from (item.annotation for item in every if item.annotation is not None)
    if node.returns is not None:
        yield node.returns


def _classes(module: str, annotation: ast.expr) -> Iterator[Name]:
    """The classes in an annotation; other names of ours stand for what they are set to."""
    for found in _names(module, annotation):
        if is_class(found):
            yield found
        elif isinstance(found.node, (ast.Assign, ast.AnnAssign)):
            value = found.node.value
            if value is not None and not isinstance(value, ast.Call):  # not a TypeVar
                yield from _classes(found.module, value)


def _names(module: str, expression: ast.expr) -> Iterator[Name]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                inner = ast.parse(node.value, mode="eval").body
            except SyntaxError:
                continue  # a value of a Literal
            if not isinstance(inner, ast.Name) or inner.id in _top(module):
                yield from _names(module, inner)
            continue
        target = _target(module, node)
        if isinstance(target, Name):
            yield target


def _target(module: str, node: ast.AST) -> Name | str | None:
    if isinstance(node, ast.Name):
        return find(module, node.id)
    if isinstance(node, ast.Attribute):
        owner = _target(module, node.value)
        return find(owner, node.attr) if isinstance(owner, str) else None
    return None


def not_exported() -> dict[str, set[str]]:
    """Return the classes of ours that public annotations name and that nobody can import.

    Returns:
        Where each is named, by the class.
    """
    public = exported()
    known = {str(target) for target in public.values()}
    missing: dict[str, set[str]] = {}
    for name, target in public.items():
        for where, found in classes_named(target):
            if str(found) not in known:
                missing.setdefault(str(found), set()).add(f"{name}.{where}")
    return missing
