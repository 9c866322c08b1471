"""The proof that a bundle for students holds nothing that a course keeps to itself.

It knows what is withheld (:class:`Withheld`) and looks for it in every file, whatever made the bundle: statements of
the reference under any names and in any layout, golden numbers, ids and sentences of hidden checks, model answers.
Besides, notebooks hold no outputs and nothing but known metadata, and there is no file that does not belong there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from autograder.fingerprints import marks, statements
from autograder.phrases import Phrases, forms, numbers, told_again

Kind = Literal["statement", "number", "id", "text", "notebook", "file", "secret", "path"]

NOTEBOOK_METADATA = {"kernelspec": {"display_name", "language", "name"}, "language_info": {"name"}}
CELL_METADATA = {"item", "tags"}
CELL_TAGS = {"given", "task", "explain", "answer", "parameters"}
NOTEBOOK_KEYS = {"cells", "metadata", "nbformat", "nbformat_minor"}
CELL_KEYS = {"cell_type", "id", "metadata", "source", "outputs", "execution_count"}
SHOWN = 80
"""Characters of a finding's text that are shown."""

_MACHINE_PATH = re.compile(
    r"(?<![\w.:/])/(?:home|Users|root|work|mnt|opt|srv|tmp|media|Volumes)/[\w.-]+|[A-Za-z]:\\+Users\\+\w+|file://\S+"
)
_SECRETS = (
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    (
        "an access key",
        re.compile(r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{30,}|github_pat_\w{30,}|xox[abprs]-[\w-]{10,})"),
    ),
    (
        "a password or token",
        re.compile(r"(?i)\b(?:password|passwd|secret|token|api_?key)[\"']?\s*[:=]\s*[\"']?[\w+/.~-]{8,}"),
    ),
    ("encoded data", re.compile(r"[A-Za-z0-9+/_-]{120,}={0,2}")),
)


@dataclass(frozen=True)
class Leak:
    """One thing that a bundle holds and must not hold."""

    kind: Kind
    file: str
    place: str
    """`cell 3, line 2`; "" when the file as a whole is meant."""
    text: str
    """What leaks, and what it is of."""

    def __str__(self) -> str:
        return f"{self.file}{f', {self.place}' if self.place else ''}: {self.text}"


@dataclass
class Withheld:
    """What no file of a bundle may hold."""

    marks: dict[str, str] = field(default_factory=dict)
    """Marks of statements (:func:`autograder.fingerprints.marks`) to where they stand in the reference."""
    phrases: Phrases = field(default_factory=Phrases)
    numbers: dict[str, str] = field(default_factory=dict)
    """Forms of numbers (:func:`autograder.phrases.forms`) to what they are."""
    ids: dict[str, str] = field(default_factory=dict)
    files: frozenset[str] = frozenset()
    """The only files that a bundle may hold: paths with `/`."""
    shown: set[str] = field(default_factory=set)
    """Statements that students are given on purpose; what stands in a row with them is no run."""

    def show_code(self, text: str) -> None:
        """Take the statements of a text for given, from now on."""
        self.shown.update(one.exact for one in statements(text))

    def add_code(self, text: str, where: str) -> None:
        """Withhold the statements of a Python text, those left out that are given."""
        for mark, one in marks([one for one in statements(text) if one.exact not in self.shown]):
            self.marks.setdefault(mark, f"{where}:{one.line}")

    def allow(self, text: str) -> None:
        """Withhold nothing that a text shows which students are given on purpose."""
        for mark, _ in marks(list(statements(text))):
            self.marks.pop(mark, None)
        self.phrases.allow(text)
        for written in numbers(text):
            for form in forms(written.value):
                self.numbers.pop(form, None)


@dataclass(frozen=True)
class _Fragment:
    """A text of a file, and where it stands there."""

    place: str
    text: str

    def at(self, offset: int) -> str:
        return self.line(self.text.count("\n", 0, offset) + 1)

    def line(self, number: int) -> str:
        is_one = "\n" not in self.text and self.place
        return self.place if is_one else f"{self.place}{', ' if self.place else ''}line {number}"


def find_leaks(files: Mapping[str, bytes], withheld: Withheld) -> list[Leak]:
    """Return everything in the files of a bundle that is withheld, in the order of their names.

    Parameters
    ----------
    files
        Path inside the bundle, with `/`, to the content of the file.
    """
    found: list[Leak] = []
    for name in sorted(files):
        found += dict.fromkeys(_leaks_of(name, files[name], withheld))
    return found


def _leaks_of(name: str, content: bytes, withheld: Withheld) -> Iterator[Leak]:
    if name not in withheld.files:
        yield Leak("file", name, "", "this file does not belong into the bundle")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        yield Leak("file", name, "", "this is no UTF-8 text, so that nobody can tell what it holds")
        return
    suffix = PurePosixPath(name).suffix
    tree = _tree(text, suffix)
    if suffix == ".ipynb":
        yield from _form_of_notebook(name, tree)
        fragments = code = list(_of_notebook(tree)) if isinstance(tree, dict) else [_Fragment("", text)]
    else:
        fragments = [_Fragment("", text)]
        code = [*fragments, *(_Fragment(place, value) for place, value in _strings(tree, ""))]
    yield from _statements_in(name, code, withheld)
    for fragment in fragments:
        yield from _texts_in(name, fragment, withheld)


def _tree(text: str, suffix: str) -> Any:
    """Return what a file of data says; None when it is none."""
    try:
        if suffix in (".json", ".ipynb"):
            return json.loads(text)
        if suffix in (".yaml", ".yml"):
            return YAML(typ="safe", pure=True).load(text)
    except (ValueError, RecursionError, YAMLError):
        pass
    return None


def _strings(node: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield every text in a tree of data with its place; lines of a text that are kept as a list are joined."""
    if isinstance(node, str):
        yield place, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield f"{place}.{key}".lstrip("."), str(key)
            yield from _strings(value, f"{place}.{key}".lstrip("."))
    elif (
        isinstance(node, list)
        and node
        and all(isinstance(line, str) and line.endswith("\n") for line in node[:-1])
    ):
        yield place, "".join(map(str, node))
    elif isinstance(node, list):
        for at, value in enumerate(node):
            yield from _strings(value, f"{place}[{at}]")


# ------------------------------------------------------------------ notebooks


def _of_notebook(tree: Mapping[str, Any]) -> Iterator[_Fragment]:
    """Yield the texts of a notebook: what its cells say first, then all else that is written in it."""
    cells = tree.get("cells")
    for at, cell in enumerate(cells if isinstance(cells, list) else []):
        if isinstance(cell, Mapping):
            source = cell.get("source", "")
            yield _Fragment(f"cell {at + 1}", "".join(source) if isinstance(source, list) else str(source))
            rest = {key: value for key, value in cell.items() if key != "source"}
            for place, value in _strings(rest, ""):
                yield _Fragment(f"cell {at + 1}, {place}", value)
    for place, value in _strings({key: value for key, value in tree.items() if key != "cells"}, ""):
        yield _Fragment(place, value)


def _form_of_notebook(name: str, tree: Any) -> Iterator[Leak]:
    """Yield what a notebook holds beside its cells' texts."""

    def leak(place: str, text: str) -> Leak:
        return Leak("notebook", name, place, text)

    cells = tree.get("cells") if isinstance(tree, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        yield leak("", "this is no notebook, so that nobody can tell what it holds")
        return
    for key in sorted(set(tree) - NOTEBOOK_KEYS):
        yield leak(key, "a notebook for students has no such key")
    metadata = tree.get("metadata", {})
    for key in sorted(metadata):
        inner = metadata[key] if isinstance(metadata[key], dict) else {}
        if key not in NOTEBOOK_METADATA:
            yield leak(f"metadata.{key}", "this metadata is not on the list of what students get")
        for extra in sorted(set(inner) - NOTEBOOK_METADATA.get(key, set(inner))):
            yield leak(f"metadata.{key}.{extra}", "this metadata is not on the list of what students get")
    for at, cell in enumerate(cells):
        place = f"cell {at + 1}"
        if cell.get("outputs"):
            yield leak(place, "the cell has outputs")
        if cell.get("execution_count") is not None:
            yield leak(place, f"the cell has the execution count {cell['execution_count']}")
        for key in sorted(set(cell) - CELL_KEYS):
            what = "the cell has attachments" if key == "attachments" else f"a cell has no key {key!r}"
            yield leak(place, what)
        given = cell.get("metadata", {})
        for key in sorted(set(given) - CELL_METADATA):
            yield leak(place, f"its metadata {key!r} is not on the list of what students get")
        for tag in given.get("tags", []):
            if tag not in CELL_TAGS:
                yield leak(place, f"its tag {tag!r} is not on the list of what students get")


# ---------------------------------------------------------------------- texts


def _statements_in(name: str, fragments: Iterable[_Fragment], withheld: Withheld) -> Iterator[Leak]:
    found = [
        (one, fragment)
        for fragment in fragments
        for one in statements(fragment.text)
        if one.exact not in withheld.shown
    ]
    place_of = {id(one): fragment.line(one.line) for one, fragment in found}
    told: set[int | str] = set()
    for mark, one in marks([one for one, _ in found]):
        where = withheld.marks.get(mark)
        if where is not None and not {id(one), mark} & told:
            told |= {id(one), mark}
            what = "this and the next statements are" if mark.startswith("run ") else "this statement is"
            shown = _short(one.text)
            yield Leak("statement", name, place_of[id(one)], f"{what} the reference's ({where}): {shown}")


def _texts_in(name: str, fragment: _Fragment, withheld: Withheld) -> Iterator[Leak]:
    text = fragment.text
    for run, what, at in withheld.phrases.find(text):
        yield Leak("text", name, fragment.at(at), f"these words are {what}: {_short(run)}")
    for written in numbers(text):
        if (value := told_again(written, withheld.numbers)) is not None:
            yield Leak("number", name, fragment.at(written.at), f"the number {written.text} is {value}")
    for found in re.finditer(r"(?<![\w.])\w+(?:\.\w+)+(?![\w])", text):
        if (key := withheld.ids.get(found[0])) is not None:
            yield Leak("id", name, fragment.at(found.start()), f"{found[0]} is {key}")
    for found in _MACHINE_PATH.finditer(text):
        yield Leak("path", name, fragment.at(found.start()), f"a path of one machine: {_short(found[0])}")
    for what, pattern in _SECRETS:
        for found in pattern.finditer(text):
            yield Leak("secret", name, fragment.at(found.start()), f"{what}: {_short(found[0][:12])}...")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 3]}..."
