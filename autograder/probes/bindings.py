"""Candidates for what a student's notebook calls the things that the rubric asks for, best first.

The tiers are those of the design: a binding given by a person, an accepted name or path, a value whose name
speaks of it, any value of the right kind and shape, a printed number. An accepted name in the item's own
section decides; everything below is a suggestion, and :mod:`autograder.probes.evidence` says which is used.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

import numpy as np

from autograder.errors import UsageError
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import FigureSeen, Leaf, Observations
from autograder.probes.paths import KEY, Path, Step, numeric_key, parse_path, same_step, with_key
from autograder.probes.printed import PrintedLine
from autograder.records import Candidate, Found
from autograder.rubric.model import EvidenceSpec

Table = dict[float, Leaf]
LINE = "line"
"""What a line of a figure is called, before its label."""
TRAINER = "trainer"
"""A word in paths that says nothing of what lies there: `trainer.val_losses` is no loss of training."""
MAX_A_TIER = 40
MAX_DRAWN = 512


class Tier(IntEnum):
    """How a value came to be considered, best first."""

    BINDING = 0
    NAME = 1  # an accepted name, in the item's own section or where no section can be told
    NAME_ELSEWHERE = 2  # an accepted name, made in another item's section (notebooks reuse names)
    SPEAKING_HERE = 3
    SPEAKING = 4
    HERE = 5
    PRINTED = 6
    ANYWHERE = 7

    @property
    def is_named(self) -> bool:
        """Whether the name alone says what the value is."""
        return self <= Tier.SPEAKING


@dataclass(frozen=True)
class Bound:
    """A value, or a table of values, that may stand for one evidence key; or nothing, with candidates."""

    leaf: Leaf | None = None
    table: Table | None = None
    found: Found | None = None
    tier: Tier = Tier.ANYWHERE
    rounding: float = 0.0
    """Half a unit in the last printed digit, for a number read from the output."""
    candidates: tuple[Candidate, ...] = ()
    is_undecided: bool = False
    """Whether nothing was taken although values of the right kind are there: none agrees with the rest."""

    @property
    def is_found(self) -> bool:
        """Whether there is a value."""
        return self.leaf is not None or bool(self.table)

    @property
    def digest(self) -> bytes:
        """A key that is equal for equal values."""
        leaves = (
            [self.leaf] if self.leaf is not None else [leaf for _, leaf in sorted((self.table or {}).items())]
        )
        return b"|".join(leaf.digest for leaf in leaves)

    def as_candidate(self) -> Candidate:
        """Return where the value stands, for a person to confirm."""
        found = self.found or Found(how="suggestion")
        shape = getattr(self.leaf.value, "shape", None) if self.leaf is not None else None
        summary = f"array {shape}" if shape else str(self.leaf.value) if self.leaf is not None else "table"
        return Candidate(path=found.path, cell=found.cell, summary=summary)


class Binder:
    """Lists candidates among the observations of one notebook."""

    def __init__(self, observations: Observations, cells: Sequence[NotebookCell]):
        base = list(observations.leaves)
        self.leaves = base + list(_transposes(base)) + list(_column_pairs(base))
        self.cells = cells
        self.has_sections = any(cell.item for cell in cells)
        self.drawn = list(_drawn(observations.figures))

    def candidates(self, key: str, spec: EvidenceSpec, binding: str | None = None) -> list[Bound]:
        """Return what may stand for the evidence `key`, best tier first, equal values once.

        Raises
        ------
        UsageError
            When a binding given by a person is not a path, or leads nowhere.
        """
        item = key.split(".")[0]
        if binding is not None:
            confirmed = list(self._by_name([binding], spec, None))
            if not confirmed:
                raise UsageError(f"the binding {key}: {binding} leads to no {spec.kind} in this notebook")
            found = confirmed[0].found or Found(how="binding")
            return [_retiered(confirmed[0], Tier.BINDING, found.model_copy(update={"how": "binding"}))]
        named = list(self._by_name(spec.names, spec, item))
        named += [one for one in self._by_name(spec.own, spec, item) if one.tier is Tier.NAME]
        if any(bound.tier is Tier.NAME for bound in named) or not spec.suggest:
            return named
        suggested = list(
            self._table_suggestions(spec, item) if spec.kind == "table" else self._suggestions(spec, item)
        )
        printed = list(self._printed_table(spec, item) if spec.kind == "table" else self._printed(spec, item))
        # Printed lines say what they are; lines of a figure may be anything.
        if printed and spec.kind == "array":
            suggested = [bound for bound in suggested if bound.found is None or bound.found.how != "figure"]
        if spec.own and self.has_sections:
            suggested, printed = (
                [one for one in found if self._item(_cell_of(one)) == item and one.tier is not Tier.HERE]
                for found in (suggested, printed)
            )
        ranked = sorted(itertools.chain(named, suggested, printed), key=lambda bound: bound.tier)
        distinct: dict[bytes, Bound] = {}
        counts: dict[Tier, int] = defaultdict(int)
        for bound in ranked:
            if bound.digest not in distinct and counts[bound.tier] < MAX_A_TIER:
                distinct[bound.digest] = bound
                counts[bound.tier] += 1
        return list(distinct.values())

    # ---------------------------------------------------------------- names and paths

    def _by_name(self, names: Iterable[str], spec: EvidenceSpec, item: str | None) -> Iterator[Bound]:
        """Yield the values under accepted names; of one name the last fitting value, its own section's first."""
        for name in names:
            pattern = parse_path(name)
            if spec.kind == "table":
                for table, shown in self._tables_at(pattern, spec, item):
                    last = max(leaf.cell for leaf in table.values())
                    yield Bound(
                        table=table,
                        found=Found(how="path", path=shown, cell=last),
                        tier=self._name_tier(last, item),
                    )
                continue
            matching = [
                leaf for leaf in self.leaves if _same_path(leaf.path, pattern) and _kind_fits(leaf, spec)
            ]
            here = [leaf for leaf in matching if self._name_tier(leaf.cell, item) is Tier.NAME]
            for group in (here, [] if here else matching):
                if group:
                    leaf = ([leaf for leaf in group if _fits(leaf, spec)] or group)[-1]
                    how: Literal["path", "name"] = "path" if pattern.steps else "name"
                    tier = self._name_tier(leaf.cell, item)
                    yield Bound(
                        leaf=leaf, found=Found(how=how, path=str(leaf.path), cell=leaf.cell), tier=tier
                    )

    def _name_tier(self, cell: int, item: str | None) -> Tier:
        belongs_to = self._item(cell)
        return Tier.NAME if item is None or belongs_to in (item, None) else Tier.NAME_ELSEWHERE

    def _tables_at(self, pattern: Path, spec: EvidenceSpec, item: str | None) -> Iterator[tuple[Table, str]]:
        """Yield the table under a pattern with `{key}` (complete or not), or the slices of one array."""
        if KEY not in pattern.name and KEY not in pattern.steps:
            for leaf in reversed(self.leaves):
                if _same_path(leaf.path, pattern):
                    for slices in _slices(leaf, spec):
                        yield slices, str(leaf.path)
                        return
            return
        table: Table = {}
        for key in map(float, spec.keys):
            paths = with_key(pattern, key)
            leaves = [leaf for leaf in self.leaves if any(_same_path(leaf.path, path) for path in paths)]
            leaves = [leaf for leaf in leaves if _kind_fits(leaf, spec)]
            here = [leaf for leaf in leaves if self._name_tier(leaf.cell, item) is Tier.NAME] or leaves
            if here:
                table[key] = ([leaf for leaf in here if _fits(leaf, spec)] or here)[-1]
        if table:
            yield table, str(pattern)

    # ---------------------------------------------------------------- suggestion

    def _suggestions(self, spec: EvidenceSpec, item: str) -> Iterator[Bound]:
        for leaf in self._drawn_for(spec) if spec.drawn else ():
            yield Bound(
                leaf=leaf,
                found=Found(how="figure", path=str(leaf.path), cell=leaf.cell),
                tier=Tier.PRINTED,
            )
        for leaf in reversed(self.leaves):  # the last value of a name is usually the one that counts
            if _kind_fits(leaf, spec) and _fits(leaf, spec, strictly=True):
                tier = self._tier(leaf.path, leaf.cell, spec, item)
                if tier is not None:
                    yield Bound(
                        leaf=leaf,
                        found=Found(how="suggestion", path=str(leaf.path), cell=leaf.cell),
                        tier=tier,
                    )

    def _drawn_for(self, spec: EvidenceSpec) -> list[Leaf]:
        """Return what figures show that fits; where labels name the evidence, those alone."""
        fitting = [
            leaf
            for leaf in self.drawn
            if _kind_fits(leaf, spec)
            and _fits(leaf, spec, strictly=True)
            and not any(word in leaf.path.words.replace(TRAINER, "") for word in spec.avoid)
        ]
        words = [word for word in spec.hints if word != LINE]
        named = [leaf for leaf in fitting if any(word in leaf.path.words for word in words)]
        return named or fitting

    def _table_suggestions(self, spec: EvidenceSpec, item: str) -> Iterator[Bound]:
        """Yield tables: values whose paths differ only in the key, slices of one array, or k values in a row."""
        keys = [float(key) for key in spec.keys]
        fitting = [
            leaf for leaf in self.leaves if _kind_fits(leaf, spec) and _fits(leaf, spec, strictly=True)
        ]
        fitting.sort(key=lambda leaf: self._item(leaf.cell) == item)  # its own section last, so that it wins
        groups: dict[Path, Table] = defaultdict(dict)
        for leaf in fitting:
            for pattern, key in _key_patterns(leaf.path, keys):
                groups[pattern][key] = leaf
        tables = [(pattern, table) for pattern, table in groups.items() if len(table) == len(keys)]
        for leaf in reversed(self.leaves):
            tables += [(leaf.path, table) for table in _slices(leaf, spec, strictly=True)]
        has_section = any(cell.item == item for cell in self.cells)
        tables += list(
            _in_a_row([leaf for leaf in fitting if not has_section or self._item(leaf.cell) == item], keys)
        )
        for pattern, table in tables:
            last = max(leaf.cell for leaf in table.values())
            tier = self._tier(pattern, last, spec, item)
            if tier is not None:
                yield Bound(
                    table=table, found=Found(how="suggestion", path=str(pattern), cell=last), tier=tier
                )

    def _tier(self, path: Path, cell: int, spec: EvidenceSpec, item: str) -> Tier | None:
        words = path.words.replace(TRAINER, "")
        if any(word in words for word in spec.avoid):
            return None
        speaks = any(word in words for word in spec.hints)
        is_here = self._item(cell) == item
        if speaks:
            return Tier.SPEAKING_HERE if is_here or not self.has_sections else Tier.SPEAKING
        return Tier.HERE if is_here else Tier.ANYWHERE

    def _item(self, cell: int) -> str | None:
        return self.cells[cell].item if 0 <= cell < len(self.cells) else None

    # ---------------------------------------------------------------- printed

    def _printed(self, spec: EvidenceSpec, item: str) -> Iterator[Bound]:
        if spec.kind == "array" and spec.drawn and len(spec.shape) == 1:
            yield from self._printed_series(spec, item)
        if spec.kind != "number":
            return
        for line in self._lines(spec, item):
            for number, rounding in line.numbers(spec):
                leaf = Leaf(Path("printed"), line.cell, number, "scalar", "float")
                yield Bound(leaf=leaf, rounding=rounding, found=line.found, tier=Tier.PRINTED)

    def _printed_series(self, spec: EvidenceSpec, item: str) -> Iterator[Bound]:
        """Yield the numbers of lines that a cell printed in one pattern: one value an epoch, printed and not kept."""
        series: dict[tuple[int, str], list[tuple[PrintedLine, float, float]]] = defaultdict(list)
        for line in self._lines(spec, item):
            numbers = line.numbers(spec)
            if len(numbers) == 1:
                series[line.cell, line.pattern].append((line, *numbers[0]))
        for (cell, _), printed in series.items():
            values = np.array([value for _, value, _ in printed])
            leaf = Leaf(Path("printed"), cell, values, "printed", "float64")
            if len(printed) > 1 and _fits(leaf, spec, strictly=True):
                rounding = max(digits for _, _, digits in printed)
                yield Bound(leaf=leaf, rounding=rounding, found=printed[-1][0].found, tier=Tier.PRINTED)

    def _printed_table(self, spec: EvidenceSpec, item: str) -> Iterator[Bound]:
        if spec.shape:
            return
        table: Table = {}
        rounding, found = 0.0, None
        for key in map(float, spec.keys):
            for line in self._lines(spec, item):
                numbers = [(value, digits) for value, digits in line.numbers(spec) if value != key]
                if line.holds(key) and len({value for value, _ in numbers}) == 1:
                    value, digits = numbers[0]
                    table[key] = Leaf(Path("printed", (key,)), line.cell, value, "scalar", "float")
                    rounding, found = max(rounding, digits), line.found
        if len(table) == len(spec.keys):
            yield Bound(table=table, rounding=rounding, found=found, tier=Tier.PRINTED)

    def _lines(self, spec: EvidenceSpec, item: str) -> list[PrintedLine]:
        """Return the printed lines that name the evidence, those of the item's own section when there are any."""
        lines = [
            PrintedLine(cell.index, text) for cell in self.cells for text in cell.printed.splitlines()[:2000]
        ]
        lines = [line for line in lines if any(word in line.text.lower() for word in spec.hints)]
        return [line for line in lines if self._item(line.cell) == item] or lines


def _cell_of(bound: Bound) -> int:
    return bound.found.cell if bound.found is not None and bound.found.cell is not None else -1


def _retiered(bound: Bound, tier: Tier, found: Found) -> Bound:
    return Bound(leaf=bound.leaf, table=bound.table, found=found, tier=tier, rounding=bound.rounding)


# -------------------------------------------------------------------- fits


def _same_path(left: Path, right: Path) -> bool:
    return (
        left.name.lower() == right.name.lower()
        and len(left.steps) == len(right.steps)
        and all(same_step(a, b) for a, b in zip(left.steps, right.steps, strict=True))
    )


def _key_patterns(path: Path, keys: Sequence[float]) -> Iterator[tuple[Path, float]]:
    """Yield every reading of `path` as a pattern with one of `keys` in it: by value, by spelling, by position."""

    def pattern(index: int) -> Path:
        return Path(path.name, (*path.steps[:index], KEY, *path.steps[index + 1 :]))

    for position, key in enumerate(keys):
        for index, step in enumerate(path.steps):
            by_value = same_step(step, key) and not (isinstance(step, str) and numeric_key(step) is None)
            if by_value or step == float(position):
                yield pattern(index), key
        for spelled in with_key(Path(KEY), key):
            match = re.fullmatch(rf"(.*?[^\d.]_?){re.escape(spelled.name)}(_\D*)?", path.name)
            if match:
                yield Path(f"{match[1]}{KEY}{match[2] or ''}", path.steps), key


def _slices(leaf: Leaf, spec: EvidenceSpec, strictly: bool = False) -> Iterator[Table]:
    """Yield the tables that one array holds: one slice a key, along its first or second axis."""
    value, n_keys = leaf.value, len(spec.keys)
    if (
        not isinstance(value, np.ndarray)
        or value.ndim != len(spec.shape) + 1
        or value.dtype.kind not in "fiu"
    ):
        return
    for axis in range(min(2, value.ndim)):
        if value.shape[axis] != n_keys:
            continue
        table = {}
        for index, key in enumerate(spec.keys):
            step: Step = float(index)
            part = np.take(value, index, axis=axis)
            table[float(key)] = Leaf(
                Path(leaf.path.name, (*leaf.path.steps, step)), leaf.cell, part, leaf.source, leaf.dtype
            )
        if all(_fits(one, spec, strictly) for one in table.values()):
            yield table


def _in_a_row(leaves: Sequence[Leaf], keys: Sequence[float]) -> Iterator[tuple[Path, Table]]:
    """Yield tables made of exactly as many values as keys, in the order in which the notebook made them.

    Values of one shape in one section (`chain_small`, `chain_medium`, `chain_large`), or the values that one
    name had after different cells.
    """
    by_shape: dict[tuple[int, ...], dict[bytes, Leaf]] = defaultdict(dict)
    by_name: dict[Path, dict[bytes, Leaf]] = defaultdict(dict)
    for leaf in sorted(leaves, key=lambda leaf: leaf.cell):
        by_shape[getattr(leaf.value, "shape", ())].setdefault(leaf.digest, leaf)
        by_name[leaf.path].setdefault(leaf.digest, leaf)
    for group in itertools.chain(by_shape.values(), by_name.values()):
        if len(group) == len(keys):
            members = list(group.values())
            yield (
                Path(", ".join(dict.fromkeys(str(leaf.path) for leaf in members))),
                dict(zip(keys, members, strict=True)),
            )


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


def _drawn(figures: Iterable[FigureSeen]) -> Iterator[Leaf]:
    """Yield the short sequences that figures show as bars, stems or lines: values that were drawn and not kept."""
    for figure in figures:
        for axes in figure.axes:
            bars, stems = axes.get("bars"), axes.get("stems")
            shown = [("bars", bars.get("heights"))] if isinstance(bars, dict) else []
            shown += [("stems", one.get("y")) for one in (stems if isinstance(stems, list) else [])]
            shown += [
                (_labelled(line), line.get("y"))
                for line in axes.get("lines", [])
                if int(line.get("n", 0)) <= MAX_DRAWN
            ]
            for name, heights in shown:
                if (
                    isinstance(heights, list)
                    and heights
                    and all(isinstance(one, int | float) for one in heights)
                ):
                    yield Leaf(Path(name), figure.cell, np.array(heights, dtype=float), "figure", "float64")


def _labelled(line: Mapping[str, Any]) -> str:
    """What a line of a figure is called: its label in the legend, which may rule it out."""
    label = line.get("label")
    return f"{LINE} {label}"[:60] if isinstance(label, str) and label[:1] not in ("", "_") else LINE


# -------------------------------------------------------------------- other layouts of the same points


def _transposes(leaves: Sequence[Leaf]) -> Iterator[Leaf]:
    """Yield (n, 2) views of points that are kept as (2, n)."""
    for leaf in leaves:
        value = leaf.value
        if isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[0] == 2 < value.shape[1]:
            yield Leaf(leaf.path, leaf.cell, value.T, leaf.source, leaf.dtype, leaf.device)


_AXIS_PAIRS = (("1", "2"), ("0", "1"), ("x", "y"), ("X", "Y"), ("a", "b"))


def _column_pairs(leaves: Sequence[Leaf]) -> Iterator[Leaf]:
    """Yield (n, 2) arrays made of two columns that are kept apart, such as `x1_draws` and `x2_draws`.

    The two paths differ in one sign of their last name (1 and 2, 0 and 1, x and y, a and b).
    """
    columns: dict[tuple[int, str], Leaf] = {}
    latest: dict[str, Leaf] = {}
    for leaf in leaves:
        if (
            isinstance(leaf.value, np.ndarray)
            and leaf.value.ndim == 1
            and leaf.value.dtype.kind in "fiu"
            and leaf.value.size > 50
        ):
            columns[(leaf.cell, str(leaf.path))] = leaf
    for (cell, path), column in columns.items():
        latest[path] = column
        last_name = max(path.rfind("."), 0)
        for a, b in _AXIS_PAIRS:
            for sign, other in ((a, b), (b, a)):
                for match in re.finditer(re.escape(sign), path[last_name:]):
                    start = last_name + match.start()
                    partner = path[:start] + other + path[start + 1 :]
                    beside = columns.get((cell, partner))
                    if beside is not None and sign == b:  # made when the other column's turn comes
                        continue
                    found = beside or latest.get(partner)
                    if found is None or not _same_shape(column, found):
                        continue
                    first, second = (column, found) if sign == a else (found, column)
                    value = np.column_stack([np.asarray(first.value), np.asarray(second.value)])
                    yield Leaf(_joined(first.path, second.path, a, b), cell, value, "columns", first.dtype)


def _same_shape(first: Leaf, second: Leaf) -> bool:
    return getattr(first.value, "shape", None) == getattr(second.value, "shape", None)


def _joined(first: Path, second: Path, a: str, b: str) -> Path:
    """Return one path for two columns: `x1_05` and `x2_05` become `x{1,2}_05`."""

    def join(left: str, right: str) -> str:
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            if one != other:
                return f"{left[:index]}{{{a},{b}}}{left[index + 1 :]}"
        return left

    steps = tuple(
        join(left, right)
        if isinstance(left, str) and isinstance(right, str) and len(left) == len(right)
        else left
        for left, right in zip(first.steps, second.steps, strict=True)
    )
    return Path(join(first.name, second.name) if len(first.name) == len(second.name) else first.name, steps)
