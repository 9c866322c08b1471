"""Find what a student's notebook calls the things that the rubric asks for.

In this order: the accepted names and container paths, a binding given by a person, a suggestion (the one
value of the right kind, shape and range whose name or printed label fits), and, for numbers, what was
printed. A suggestion is used only when it is the single fit; several fits are listed for a person.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from autograder.errors import UsageError
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import Leaf, Observations
from autograder.probes.paths import KEY, Path, numeric_key, parse_path, same_step, with_key
from autograder.records import Candidate, Found
from autograder.rubric.model import EvidenceSpec

Table = dict[float, Leaf]
T = TypeVar("T")
MAX_CANDIDATES = 8


@dataclass(frozen=True)
class Bound:
    """What was found for one evidence key: a value, or the candidates for one, or nothing."""

    leaf: Leaf | None = None
    table: Table | None = None
    found: Found | None = None
    candidates: tuple[Candidate, ...] = ()
    rounding: float = 0.0
    """Half a unit in the last printed digit, for a number read from the output."""

    @property
    def is_found(self) -> bool:
        """Whether there is a value."""
        return self.leaf is not None or bool(self.table)


class Binder:
    """Finds evidence among the observations of one notebook."""

    def __init__(
        self, observations: Observations, cells: Sequence[NotebookCell], bindings: Mapping[str, str]
    ):
        self.leaves = list(observations.leaves) + list(_column_pairs(observations.leaves))
        self.cells = cells
        self.bindings = bindings

    def bind(self, key: str, spec: EvidenceSpec) -> Bound:
        """Return what stands for the evidence `key`.

        Raises
        ------
        UsageError
            When a binding given by a person is not a path, or leads nowhere.
        """
        if key in self.bindings:
            bound = self._by_paths([self.bindings[key]], spec, "binding", strict=True)
            if not bound.is_found:
                raise UsageError(
                    f"the binding {key}: {self.bindings[key]} leads to no {spec.kind} in this notebook"
                )
            return bound
        bound = self._by_paths(spec.names, spec, "name")
        if bound.is_found or not spec.suggest:
            return bound
        item = key.split(".")[0]
        suggested = self._suggest_table(spec, item) if spec.kind == "table" else self._suggest(spec, item)
        if suggested.is_found or spec.kind == "array":
            return suggested
        printed = self._printed_table(spec, item) if spec.kind == "table" else self._printed(spec, item)
        if printed.is_found:
            return printed
        return Bound(candidates=suggested.candidates or printed.candidates)

    # ---------------------------------------------------------------- names and paths

    def _by_paths(self, names: Iterable[str], spec: EvidenceSpec, how: str, strict: bool = False) -> Bound:
        for name in names:
            pattern = parse_path(name)
            if spec.kind == "table":
                table = self._table_at(pattern, spec)
                if table:
                    return _bound_table(table, pattern, "binding" if how == "binding" else "path")
                continue
            matching = [
                leaf for leaf in self.leaves if _same_path(leaf.path, pattern) and _kind_fits(leaf, spec)
            ]
            if matching:
                fitting = [leaf for leaf in matching if _fits(leaf, spec)] or matching
                leaf = fitting[-1]
                kind = "binding" if how == "binding" else ("path" if pattern.steps else "name")
                return Bound(leaf=leaf, found=Found(how=kind, path=str(leaf.path), cell=leaf.cell))
        return Bound()

    def _table_at(self, pattern: Path, spec: EvidenceSpec) -> Table:
        """Return the values under a pattern with `{key}`, or the rows of one array in the order of the keys."""
        keyed = KEY in pattern.name or KEY in pattern.steps
        if keyed:
            table: Table = {}
            for key in map(float, spec.keys):
                paths = with_key(pattern, key)
                leaves = [leaf for leaf in self.leaves if any(_same_path(leaf.path, path) for path in paths)]
                leaves = [leaf for leaf in leaves if _kind_fits(leaf, spec)]
                fitting = [leaf for leaf in leaves if _fits(leaf, spec)] or leaves
                if fitting:
                    table[key] = fitting[-1]
            return table
        return self._rows(pattern, spec)

    def _rows(self, pattern: Path, spec: EvidenceSpec) -> Table:
        for leaf in reversed(self.leaves):
            if not _same_path(leaf.path, pattern) or not isinstance(leaf.value, np.ndarray):
                continue
            if leaf.value.ndim != len(spec.shape) + 1 or leaf.value.shape[0] != len(spec.keys):
                continue
            rows = {float(key): _row(leaf, index) for index, key in enumerate(spec.keys)}
            if all(_fits(row, spec) for row in rows.values()):
                return rows
        return {}

    # ---------------------------------------------------------------- suggestion

    def _suggest(self, spec: EvidenceSpec, item: str) -> Bound:
        fitting = [
            leaf for leaf in self.leaves if _kind_fits(leaf, spec) and _fits(leaf, spec, strictly=True)
        ]
        tier = self._best(fitting, spec, item, lambda leaf: leaf.path, lambda leaf: leaf.cell)
        distinct = {leaf.digest: leaf for leaf in tier}
        if len(distinct) == 1:
            leaf = tier[0]
            return Bound(leaf=leaf, found=Found(how="suggestion", path=str(leaf.path), cell=leaf.cell))
        return Bound(candidates=_candidates(distinct.values()))

    def _suggest_table(self, spec: EvidenceSpec, item: str) -> Bound:
        """Group values by a path that differs only in its key, and take the one group that fits for every key."""
        groups: dict[tuple[str, int], Table] = defaultdict(dict)
        patterns: dict[tuple[str, int], Path] = {}
        keys = [float(key) for key in spec.keys]
        for leaf in self.leaves:
            if not _kind_fits(leaf, spec) or not _fits(leaf, spec, strictly=True):
                continue
            for pattern, key in _key_patterns(leaf.path, keys):
                place = (str(pattern), leaf.cell)
                groups[place][key] = leaf
                patterns[place] = pattern
        for leaf in self.leaves:
            if (
                isinstance(leaf.value, np.ndarray)
                and leaf.value.shape[:1] == (len(keys),)
                and not leaf.path.steps
            ):
                rows = self._rows(leaf.path, spec)
                if rows:
                    place = (f"{leaf.path}[{KEY}]", leaf.cell)
                    groups[place], patterns[place] = rows, leaf.path
        complete = [place for place, table in groups.items() if len(table) == len(keys)]
        tier = self._best(complete, spec, item, lambda place: patterns[place], lambda place: place[1])
        distinct = {b"".join(groups[place][key].digest for key in keys): place for place in tier}
        if len(distinct) == 1:
            return _bound_table(groups[tier[0]], patterns[tier[0]], "suggestion")
        return Bound(
            candidates=tuple(Candidate(path=place[0], cell=place[1]) for place in distinct.values())[
                :MAX_CANDIDATES
            ]
        )

    def _best(
        self,
        fitting: Sequence[T],
        spec: EvidenceSpec,
        item: str,
        path: Callable[[T], Path],
        cell: Callable[[T], int],
    ) -> list[T]:
        """Return the fits of the best rank: named after it in its own section, named after it, in its section."""
        allowed = [one for one in fitting if not any(word in path(one).words for word in spec.avoid)]
        named = [one for one in allowed if any(word in path(one).words for word in spec.hints)]
        here = [one for one in allowed if self._item(cell(one)) == item]
        named_here = [one for one in named if one in here]
        nowhere = any(cell_.item for cell_ in self.cells)
        return named_here or named or here or ([] if nowhere else allowed)

    def _item(self, cell: int) -> str | None:
        return self.cells[cell].item if 0 <= cell < len(self.cells) else None

    # ---------------------------------------------------------------- printed

    def _printed(self, spec: EvidenceSpec, item: str) -> Bound:
        fits = [line for line in self._lines(spec, item) if line.numbers(spec)]
        values = {number: (line, rounding) for line in fits for number, rounding in line.numbers(spec)}
        if len(values) == 1:
            number, (line, rounding) = next(iter(values.items()))
            leaf = Leaf(Path("printed"), line.cell, number, "scalar", "float")
            return Bound(
                leaf=leaf,
                rounding=rounding,
                found=Found(how="printed", path=line.text.strip()[:120], cell=line.cell),
            )
        return Bound(
            candidates=tuple(
                Candidate(path=line.text.strip()[:120], cell=line.cell) for line in fits[:MAX_CANDIDATES]
            )
        )

    def _printed_table(self, spec: EvidenceSpec, item: str) -> Bound:
        table: Table = {}
        rounding, where = 0.0, None
        for key in map(float, spec.keys):
            for line in self._lines(spec, item):
                if not line.holds(key):
                    continue
                numbers = [(value, digits) for value, digits in line.numbers(spec) if value != key]
                if len({value for value, _ in numbers}) == 1:
                    value, digits = numbers[0]
                    table[key] = Leaf(Path("printed", (key,)), line.cell, value, "scalar", "float")
                    rounding, where = max(rounding, digits), line
        if len(table) == len(spec.keys) and where is not None:
            return Bound(
                table=table,
                rounding=rounding,
                found=Found(how="printed", path=where.text.strip()[:120], cell=where.cell),
            )
        return Bound()

    def _lines(self, spec: EvidenceSpec, item: str) -> list[PrintedLine]:
        """Return the printed lines that name the evidence, those of the item's own section when there are any."""
        lines = [
            PrintedLine(cell.index, text) for cell in self.cells for text in cell.printed.splitlines()[:2000]
        ]
        lines = [line for line in lines if any(word in line.text.lower() for word in spec.hints)]
        lines = [line for line in lines if not any(word in line.text.lower() for word in spec.avoid)]
        return [line for line in lines if self._item(line.cell) == item] or lines


_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])\s*%?")


@dataclass(frozen=True)
class PrintedLine:
    """A line that a cell printed."""

    cell: int
    text: str

    def _all(self) -> list[tuple[str, float, float]]:
        found = []
        for match in _NUMBER.finditer(self.text):
            raw = match.group().strip()
            digits = raw.rstrip("% ").replace(",", "")
            if not any(sign.isdigit() for sign in digits):
                continue
            value = float(digits)
            mantissa, _, exponent = digits.lower().partition("e")
            decimals = len(mantissa.partition(".")[2])
            rounding = 0.5 * 10.0 ** (int(exponent or 0) - decimals)
            if raw.endswith("%"):
                value, rounding = value / 100, rounding / 100
            found.append((raw, value, rounding))
        return found

    def numbers(self, spec: EvidenceSpec) -> list[tuple[float, float]]:
        """Return (value, rounding) of the numbers in the line that the evidence may be."""
        low, high = spec.range or (-np.inf, np.inf)
        return [
            (value, rounding)
            for raw, value, rounding in self._all()
            if low <= value <= high
            and (not spec.integer or float(value).is_integer())
            and (spec.integer or "." in raw)
        ]

    def holds(self, key: float) -> bool:
        """Return whether the number `key` stands in the line."""
        return any(value == key for _, value, _ in self._all()) or numeric_key(self.text) == key


# -------------------------------------------------------------------- fits


def _same_path(left: Path, right: Path) -> bool:
    return (
        left.name.lower() == right.name.lower()
        and len(left.steps) == len(right.steps)
        and all(same_step(a, b) for a, b in zip(left.steps, right.steps, strict=True))
    )


def _key_patterns(path: Path, keys: Sequence[float]) -> list[tuple[Path, float]]:
    """Return every reading of `path` as a pattern with one of `keys` in it."""
    readings = []
    for key in keys:
        for index, step in enumerate(path.steps):
            if same_step(step, key) and not (isinstance(step, str) and numeric_key(step) is None):
                readings.append((Path(path.name, (*path.steps[:index], KEY, *path.steps[index + 1 :])), key))
        for spelled in with_key(Path(KEY), key):
            match = re.fullmatch(rf"(.*?[^\d.]_?){re.escape(spelled.name)}(_\D*)?", path.name)
            if match:
                readings.append((Path(f"{match[1]}{KEY}{match[2] or ''}", path.steps), key))
    return readings


def _kind_fits(leaf: Leaf, spec: EvidenceSpec) -> bool:
    """Return whether a value is of the right kind at all: a number, or an array of the right number of axes."""
    wants_array = spec.kind == "array" or (spec.kind == "table" and bool(spec.shape))
    if wants_array:
        return (
            isinstance(leaf.value, np.ndarray)
            and leaf.value.dtype.kind in "fiu"
            and leaf.value.ndim == len(spec.shape)
        )
    if isinstance(leaf.value, np.ndarray):
        return leaf.value.size == 1 and leaf.value.dtype.kind in "fiu"
    return isinstance(leaf.value, int | float) and not isinstance(leaf.value, bool)


def _fits(leaf: Leaf, spec: EvidenceSpec, strictly: bool = False) -> bool:
    """Return whether a value has the shape that the rubric gives, and if `strictly`, its length and range too."""
    if isinstance(leaf.value, np.ndarray) and spec.shape:
        letters: dict[str, int] = {}
        for wanted, size in zip(spec.shape, leaf.value.shape, strict=True):
            if isinstance(wanted, int) and wanted != size:
                return False
            if isinstance(wanted, str) and letters.setdefault(wanted, size) != size:
                return False
        if spec.length and not spec.length[0] <= leaf.value.shape[0] <= spec.length[-1]:
            return False
        return not (strictly and spec.positive and not bool(np.all(leaf.value > 0)))
    number = float(np.asarray(leaf.value, dtype=float).reshape(-1)[0])
    if strictly and spec.range and not spec.range[0] <= number <= spec.range[-1]:
        return False
    return not (strictly and spec.integer and not number.is_integer())


def _row(leaf: Leaf, index: int) -> Leaf:
    value = np.asarray(leaf.value)[index]
    return Leaf(
        Path(leaf.path.name, (*leaf.path.steps, float(index))), leaf.cell, value, leaf.source, leaf.dtype
    )


def _bound_table(table: Table, pattern: Path, how: str) -> Bound:
    last = max(leaf.cell for leaf in table.values())
    kind = "binding" if how == "binding" else ("suggestion" if how == "suggestion" else "path")
    return Bound(table=table, found=Found(how=kind, path=str(pattern), cell=last))  # type: ignore[arg-type]


def _candidates(leaves: Iterable[Leaf]) -> tuple[Candidate, ...]:
    listed = []
    for leaf in leaves:
        shape = f"array {leaf.value.shape}" if isinstance(leaf.value, np.ndarray) else f"{leaf.value}"
        listed.append(Candidate(path=str(leaf.path), cell=leaf.cell, summary=shape))
    return tuple(listed[:MAX_CANDIDATES])


_AXIS_PAIRS = (("1", "2"), ("0", "1"), ("x", "y"), ("X", "Y"))


def _column_pairs(leaves: Sequence[Leaf]) -> Iterable[Leaf]:
    """Yield (n, 2) arrays made of two columns that are kept apart, such as `x1_draws` and `x2_draws`."""
    columns: dict[tuple[int, Path], Leaf] = {}
    latest: dict[Path, Leaf] = {}
    for leaf in leaves:
        if isinstance(leaf.value, np.ndarray) and leaf.value.ndim == 1 and leaf.value.dtype.kind in "fiu":
            columns[(leaf.cell, leaf.path)] = leaf
    for (cell, path), first in columns.items():
        latest[path] = first
        for a, b in _AXIS_PAIRS:
            for match in re.finditer(re.escape(a), path.name):
                other = Path(path.name[: match.start()] + b + path.name[match.end() :], path.steps)
                second = columns.get((cell, other)) or latest.get(other)
                if second is None or np.shape(second.value) != np.shape(first.value):
                    continue
                value = np.column_stack([np.asarray(first.value), np.asarray(second.value)])
                yield Leaf(
                    Path(f"{path.name}, {other.name}", path.steps), cell, value, "columns", first.dtype
                )
