"""The whole comparison of a run, as plain data: `similarity.json`, and beside it the code that the page shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from autograder import __version__, template
from autograder.errors import UsageError
from autograder.probes.notebooks import NotebookCell, read_cells
from autograder.refreshing import stored_rubric
from autograder.registry import Assignment, find_assignment
from autograder.rendering import solution_source, style_sources
from autograder.rubric.model import PartSpec
from autograder.similarity import comparing, documents, sides, thresholds, winnowing, written
from autograder.similarity.comparing import Given, Pair, Reading
from autograder.similarity.documents import Document, Documents, described
from autograder.similarity.thresholds import Threshold
from autograder.store import RunDirectory, read_json
from autograder.template_cells import squeeze

Json = dict[str, Any]
SCHEMA = 1
MAX_PAIRS = 500
"""Pairs that are listed for each part."""
MAX_SIDES = 40
"""Pairs that are shown side by side for each part, those that share most first."""
MAX_TEXTS, MAX_TEXTS_OF_PAIR, MAX_TEXT = 60, 8, 4000
N_BINS = 50


@dataclass(frozen=True)
class Course:
    """What is known of a part beside the notebooks: its template, and independent solutions."""

    given: Given
    given_texts: frozenset[str]
    has_template: bool
    independent: tuple[float, ...]
    """Shares of the pairs of independent solutions."""


def compare(run: RunDirectory, pools: Sequence[Path] = (), threshold: float | None = None) -> Json:
    """Return how alike the notebooks of a run are, part by part; nothing is executed and no mark is touched.

    Parameters
    ----------
    pools : earlier classes: run directories, or folders as `grade` takes them
    threshold : the share from which on a pair is shown, in place of the derived one

    Raises
    ------
    UsageError
        When the run, a pool or the library is missing.
    """
    winnowing.library()
    info, rubric = run.info(), stored_rubric(run)
    own = documents.of_run(run, rubric.parts)
    earlier = Documents()
    for folder in pools:
        found = documents.of_pool(folder, rubric.parts, info.assignment)
        earlier.read += found.read
        earlier.unread += found.unread
    assignment = find_assignment(info.assignment)
    return {
        "schema": SCHEMA,
        "assignment": info.assignment,
        "engine": __version__,
        "method": {"n_words": winnowing.N_WORDS, "window": winnowing.WINDOW, "least": comparing.LEAST_PRINTS},
        "pools": [str(folder) for folder in pools],
        "parts": [
            _part(part, assignment, own, earlier, threshold)
            for part in rubric.parts
            if part.part in info.parts
        ],
        "unread": [
            described(one) | {"part": one.part, "why": one.why} for one in own.unread + earlier.unread
        ],
    }


def of_course(assignment: Assignment, part: str) -> Course:
    """Return the template of a part, and the shares of the independent solutions that the reference holds."""
    cells = _template_cells(assignment.student_template / f"part_{part}.ipynb")
    given = comparing.given_of(cell.source for cell in cells if cell.kind == "code")
    texts = (line for cell in cells if cell.kind != "code" for line in cell.source.splitlines())
    readings = [comparing.read(code, given) for code in independent_solutions(assignment, part).values()]
    shares = tuple(comparing.share_of(one, other) for one, other in combinations(readings, 2))
    return Course(given, frozenset(map(squeeze, texts)), bool(cells), shares)


def independent_solutions(assignment: Assignment, part: str) -> dict[str, list[tuple[int, str]]]:
    """Return the code cells of the correct solutions that were written independently: name to index and source.

    None where the reference is not in this copy.
    """
    try:
        sources = style_sources(assignment, part) | {"solution": solution_source(assignment, part)}
    except UsageError:
        return {}
    return {
        name: [(index, cell.source) for index, cell in enumerate(template.parse(text)) if cell.kind == "code"]
        for name, text in sources.items()
    }


def _template_cells(path: Path) -> tuple[NotebookCell, ...]:
    notebook = read_json(path)
    return read_cells(notebook, {}) if isinstance(notebook, dict) else ()


# ------------------------------------------------------------------------ a part


def _part(
    part: PartSpec, assignment: Assignment, own: Documents, earlier: Documents, threshold: float | None
) -> Json:
    course = of_course(assignment, part.part)
    mine = [one for one in own.read if one.part == part.part]
    listed = mine + [one for one in earlier.read if one.part == part.part]
    groups = [group for group in comparing.same_cells(listed) if group[0] < len(mine)]
    # of notebooks with the same cells the first stands for all
    first = [group[0] for group in comparing.same_cells(listed)]
    readings = {index: comparing.read(listed[index].code(), course.given) for index in first}
    kept = [index for index in first if len(readings[index].prints.at) >= comparing.LEAST_PRINTS]
    n_kept = sum(index < len(mine) for index in kept)
    found = comparing.pairs([readings[index] for index in kept], n_kept)
    n_compared = n_kept * (n_kept - 1) // 2 + n_kept * (len(kept) - n_kept)
    limit = (
        thresholds.derived(course.independent, n_compared)
        if threshold is None
        else Threshold(threshold, "given", n_compared=n_compared)
    )
    shown = [
        Pair(kept[pair.one], kept[pair.other], pair.share, pair.n_shared)
        for pair in found
        if pair.share >= limit.value and pair.share > 0
    ]
    texts = [text for text in written.texts_of(listed, course.given_texts) if text.document in readings]
    alike = written.by_notebooks(written.alike_texts(texts, len(mine)))
    side_by_side = set(comparing.holding_first(shown[:MAX_PAIRS])[:MAX_SIDES])
    twins = {group[0]: group for group in groups if len(group) > 1}
    return {
        "part": part.part,
        "title": part.title,
        "has_template": course.has_template,
        "threshold": asdict(limit),
        "independent": [round(share, 4) for share in course.independent],
        "n_notebooks": len(mine),
        "n_pool": len(listed) - len(mine),
        "n_compared": n_compared,
        "histogram": _histogram([pair.share for pair in found], n_compared),
        "too_little": [
            described(listed[index]) | {"n": len(readings[index].prints.at)}
            for index in first
            if index < len(mine) and index not in kept
        ],
        "same": [_same([listed[index] for index in group]) for group in twins.values()],
        "clusters": [_cluster(members, shown, listed, twins) for members in _clusters(len(listed), shown)],
        "n_pairs": len(shown),
        "pairs": [
            _pair(pair, listed, readings, twins, is_shown=pair in side_by_side) for pair in shown[:MAX_PAIRS]
        ],
        "n_texts": len(alike),
        "texts": [_texts(one, listed, twins) for one in alike[:MAX_TEXTS]],
    }


def _histogram(shares: Sequence[float], n_compared: int) -> list[int]:
    """Return how many pairs share how much, in `N_BINS` equal steps from 0 to 1; those that share nothing come first."""
    counts = np.histogram(np.clip(shares, 0, 1), bins=N_BINS, range=(0, 1))[0].tolist()
    counts[0] += max(n_compared - len(shares), 0)
    return [int(n) for n in counts]


def _clusters(n: int, shown: Sequence[Pair]) -> list[list[int]]:
    return comparing.clusters(n, [(pair.one, pair.other) for pair in shown])


def _same(group: Sequence[Document]) -> Json:
    """Return notebooks with the same cells; `is_file` where even the files are the same, byte for byte."""
    digests = {one.digest for one in group}
    return {"is_file": len(digests) == 1 and "" not in digests, "members": [described(one) for one in group]}


def _cluster(
    members: Sequence[int], shown: Sequence[Pair], listed: Sequence[Document], twins: dict[int, list[int]]
) -> Json:
    at = {member: place for place, member in enumerate(members)}
    return {
        "members": [_with_twins(member, listed, twins) for member in members],
        "pairs": [[at[pair.one], at[pair.other], round(pair.share, 4)] for pair in shown if pair.one in at],
    }


def _with_twins(index: int, listed: Sequence[Document], twins: dict[int, list[int]]) -> Json:
    return described(listed[index]) | {"same": [described(listed[twin]) for twin in twins.get(index, [])[1:]]}


def _pair(
    pair: Pair,
    listed: Sequence[Document],
    readings: dict[int, Reading],
    twins: dict[int, list[int]],
    *,
    is_shown: bool,
) -> Json:
    one, other = readings[pair.one], readings[pair.other]
    regions = winnowing.shared_regions(one.prints, other.prints) if is_shown else ([], [])
    ends = zip((pair.one, pair.other), (one, other), regions, strict=True)
    return {
        "share": round(min(pair.share, 1.0), 4),
        "n_shared": pair.n_shared,
        "is_shown": is_shown,
        "sides": [
            _with_twins(index, listed, twins)
            | {"n": len(reading.prints.at), "cells": sides.marked(listed[index], reading.tokens, found)}
            for index, reading, found in ends
        ],
    }


def _texts(alike: Sequence[written.Alike], listed: Sequence[Document], twins: dict[int, list[int]]) -> Json:
    """Return the texts of two notebooks that resemble each other."""
    ends = (alike[0].one.document, alike[0].other.document)
    return {
        "n": len(alike),
        "ratio": alike[0].ratio,
        "sides": [_with_twins(index, listed, twins) for index in ends],
        "texts": [
            {
                "item": pair.one.item,
                "ratio": pair.ratio,
                "cells": [pair.one.cell + 1, pair.other.cell + 1],
                "texts": [pair.one.text[:MAX_TEXT], pair.other.text[:MAX_TEXT]],
            }
            for pair in alike[:MAX_TEXTS_OF_PAIR]
        ],
    }


def anything_to_see(found: Json) -> bool:
    """Return whether a person has something to look at."""
    parts: Iterable[Json] = found["parts"]
    return any(part["same"] or part["pairs"] or part["texts"] for part in parts)
