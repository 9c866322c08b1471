"""Imports that failed, and what was lost by each: the later cells that miss what the failed cell would have made.

Worked out from the errors of the cells and from their sources alone; nothing is executed.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from autograder.probes.notebooks import parse_code
from autograder.probes.packages import OFFERED, PIP_NAMES
from autograder.records import CellError, ExecutionRecord

Kind = Literal["package", "own_file", "part"]
NO_MODULE = re.compile(r"No module named '?([A-Za-z_][\w.]{0,100})'?")
NO_NAME = re.compile(
    r"cannot import name '(\w{1,100})' from (?:partially initialized module )?'([\w.]{1,100})'"
)
UNDEFINED = re.compile(r"name '(\w{1,100})' is not defined")
INSTALLED = re.compile(r"\bpip3?\s+(?:-\S+\s+)*install\s+([^\n;&|]*)")
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Lost:
    """A later cell that failed because of it, and the name or module that it missed."""

    cell: int
    name: str


@dataclass(frozen=True)
class FailedImport:
    """An import that failed: what was missing, in which cell, and what was lost by it."""

    cell: int
    module: str
    """`tensorflow`, `data_utils`, `torch.no_such_part`."""
    kind: Kind
    """A `package` that is not there, a file of the student's own, or a part that an existing module lacks."""
    lost: tuple[Lost, ...] = ()
    beside: tuple[str, ...] = ()
    """Further packages that the failed cell imports and that the kernel does not offer either."""

    @property
    def top(self) -> str:
        """The package or file of the module."""
        return self.module.partition(".")[0]


def failed_imports(execution: ExecutionRecord, sources: Mapping[int, str]) -> tuple[FailedImport, ...]:
    """Return the imports that failed, in the order of the notebook, each with all that was lost by it.

    A cell that fails leaves the names unbound that it would have bound. A later cell that fails with a NameError
    for one of them is lost by the same import, and the names that it would have bound are missing in turn.

    Parameters
    ----------
    sources : cell index (Markdown cells counted) to the source of a code cell
    """
    found: list[FailedImport] = []
    blamed: dict[str, int] = {}
    starred: int | None = None
    trees = {index: parse_code(source) for index, source in sources.items()}
    made_anywhere = {name for tree in trees.values() for name in bound_names(tree)}
    asked_for = installed_names(sources.values())
    for cell in sorted(execution.cells, key=lambda record: record.index):
        names = bound_names(trees.get(cell.index))
        if cell.status == "ok":
            for name in names:
                blamed.pop(name, None)
        if cell.status != "error" or cell.error is None:
            continue
        module = missing_module(cell.error)
        undefined = UNDEFINED.search(cell.error.message) if cell.error.name == "NameError" else None
        if module is not None:
            beside = tuple(sorted(others_not_offered(trees.get(cell.index)) - {module.partition(".")[0]}))
            one = FailedImport(cell.index, module, kind_of(module, cell.error, asked_for), beside=beside)
            root = next((at for at, known in enumerate(found) if _is_same(known, one)), None)
            if root is None:
                root = len(found)
                found.append(one)
            else:
                found[root] = _with_lost(found[root], cell.index, module)
            starred = root if starred is None and has_star(trees.get(cell.index)) else starred
        elif undefined is not None:
            name = undefined[1]
            root = blamed.get(name, starred if name not in made_anywhere else None)
            if root is None:
                continue
            found[root] = _with_lost(found[root], cell.index, name)
        else:
            continue
        for name in names:
            blamed.setdefault(name, root)
    return tuple(found)


def _is_same(known: FailedImport, other: FailedImport) -> bool:
    return known.module == other.module or (known.kind == other.kind != "part" and known.top == other.top)


def _with_lost(known: FailedImport, cell: int, name: str) -> FailedImport:
    return replace(known, lost=(*known.lost, Lost(cell, name)))


def missing_module(error: CellError) -> str | None:
    """Return the module whose import failed, or None when the error is no failed import."""
    if error.name not in ("ModuleNotFoundError", "ImportError"):
        return None
    if absent := NO_MODULE.search(error.message):
        return absent[1].rstrip(".")
    if lacking := NO_NAME.search(error.message):
        return f"{lacking[2]}.{lacking[1]}"
    return None


def kind_of(module: str, error: CellError, asked_for: frozenset[str] = frozenset()) -> Kind:
    """Return what is missing: a package (well known, or one that the notebook would install), a file, or a part."""
    top = module.partition(".")[0]
    if NO_NAME.search(error.message) or top in OFFERED or top in sys.stdlib_module_names:
        return "part"
    if top == "google":  # many packages share it, and one of them may be there
        return "package"
    if top in PIP_NAMES or not asked_for.isdisjoint({_plain(top), _plain(PIP_NAMES.get(top, top))}):
        return "part" if "." in module else "package"  # a missing package is named before its modules are
    return "own_file"


def others_not_offered(tree: ast.AST | None) -> set[str]:
    """Return the well-known packages that a cell imports and the kernel does not offer."""
    tops: set[str] = set()
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            tops |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            tops.add(node.module.partition(".")[0])
    return tops & set(PIP_NAMES)


def installed_names(sources: Iterable[str]) -> frozenset[str]:
    """Return the packages that the cells would install, in one spelling."""
    words = (
        word
        for source in sources
        for line in INSTALLED.findall(source)
        for word in line.split()
        if not word.startswith("-")
    )
    return frozenset(_plain(re.split(r"[<>=!~;@\[]", word.strip("'\""), maxsplit=1)[0]) for word in words)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def bound_names(tree: ast.AST | None) -> set[str]:
    """Return the global names that a cell binds when it runs to its end; none for a cell that is no Python."""
    return set(_bound(tree)) if tree is not None else set()


def _bound(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif isinstance(child, ast.Import | ast.ImportFrom):
            yield from (
                alias.asname or alias.name.partition(".")[0] for alias in child.names if alias.name != "*"
            )
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child.name
        elif not isinstance(child, (*SCOPES, *COMPREHENSIONS)):
            yield from _bound(child)


def has_star(tree: ast.AST | None) -> bool:
    """Return whether a cell imports everything of a module, under names that its source does not tell."""
    return tree is not None and any(
        isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
        for node in ast.walk(tree)
    )
