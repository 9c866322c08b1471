"""Notebooks of one part against each other: shares of fingerprints, groups with the same cells, clusters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from autograder.similarity.documents import Document
from autograder.similarity.tokens import Token, given_lines, tokens_of
from autograder.similarity.winnowing import Prints, prints_of, runs_of

LEAST_PRINTS = 40
"""A notebook with fewer fingerprints of its own (about a hundred words) has too little to compare."""


@dataclass(frozen=True)
class Given:
    """What the template of a part gives to everybody."""

    lines: frozenset[str] = frozenset()
    runs: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Reading:
    """A notebook as it is compared."""

    tokens: list[Token]
    prints: Prints


@dataclass(frozen=True)
class Pair:
    """Two notebooks, by their index, and what they share."""

    one: int
    other: int
    share: float
    """Common fingerprints by those of the smaller one, 0 to 1."""
    n_shared: int


def given_of(sources: Iterable[str]) -> Given:
    """Return what the code cells of a template give: their lines, and their runs of words under any names."""
    listed = list(sources)
    words = [token.word for token in tokens_of(enumerate(listed))]
    return Given(given_lines(listed), runs_of(words))


def read(cells: Iterable[tuple[int, str]], given: Given) -> Reading:
    """Return the words and fingerprints of code cells without what the template gives."""
    tokens = tokens_of(cells, given.lines)
    return Reading(tokens, prints_of([token.word for token in tokens], given.runs))


def share_of(one: Reading, other: Reading) -> float:
    """Return the share of the smaller one's fingerprints that both have, 0 to 1."""
    n_least = max(min(len(one.prints.at), len(other.prints.at)), LEAST_PRINTS)
    return len(one.prints.hashes & other.prints.hashes) / n_least


def pairs(readings: Sequence[Reading], n_own: int) -> list[Pair]:
    """Return all pairs of which one at least is among the first `n_own`, as far as they share anything.

    A product of sparse matrices counts what each two share: a notebook a row, a fingerprint a column.
    """
    columns: dict[int, int] = {}
    rows_at, columns_at = [], []
    for row, reading in enumerate(readings):
        for value in reading.prints.at:
            rows_at.append(row)
            columns_at.append(columns.setdefault(value, len(columns)))
    ones = np.ones(len(rows_at), dtype=np.int32)
    has = csr_array(coo_array((ones, (rows_at, columns_at)), shape=(len(readings), max(len(columns), 1))))
    counts = coo_array(has[:n_own] @ has.T)
    sizes = [len(reading.prints.at) for reading in readings]
    found = []
    for one, other, n in zip(counts.row.tolist(), counts.col.tolist(), counts.data.tolist(), strict=True):
        if one < other:
            n_least = max(min(sizes[one], sizes[other]), LEAST_PRINTS)
            found.append(Pair(one, other, n / n_least, int(n)))
    return sorted(found, key=lambda pair: (-pair.share, pair.one, pair.other))


def same_cells(documents: Sequence[Document]) -> list[list[int]]:
    """Return the documents in groups with the same cells, most groups of one; in the order of their first."""
    groups: dict[str, list[int]] = {}
    for index, document in enumerate(documents):
        groups.setdefault(document.content, []).append(index)
    return list(groups.values())


def clusters(n: int, close: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return the groups of more than one that pairs hold together, the largest first."""
    if not close:
        return []
    ones, others = zip(*close, strict=True)
    graph = coo_array((np.ones(len(close)), (ones, others)), shape=(n, n))
    _, labels = connected_components(graph, directed=False)
    members: dict[int, list[int]] = {}
    for index, label in enumerate(labels.tolist()):
        members.setdefault(label, []).append(index)
    return sorted(
        (found for found in members.values() if len(found) > 1), key=lambda found: (-len(found), found)
    )


def holding_first(found: Sequence[Pair]) -> list[Pair]:
    """Return the pairs with those first that hold the clusters together (a largest spanning forest, Kruskal 1956).

    So every notebook of a cluster is in one of the first pairs, however many pairs a large cluster has.
    """
    leader: dict[int, int] = {}

    def led(index: int) -> int:
        while leader.setdefault(index, index) != index:
            index = leader[index]
        return index

    holding: list[Pair] = []
    others: list[Pair] = []
    for pair in found:
        one, other = led(pair.one), led(pair.other)
        leader[one] = other
        (holding if one != other else others).append(pair)
    return holding + others
