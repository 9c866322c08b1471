"""Written answers and explanations against each other: the student's own Markdown, word by word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from autograder.phrases import words
from autograder.review.similar import LEAST_ALIKE, likeness
from autograder.similarity.documents import Document
from autograder.template_cells import squeeze

LEAST_WORDS = 15
"""A shorter text is anybody's."""
RUN = 4
"""Words in a row that two texts must share before they are compared as a whole."""
MAX_WITH_RUN = 60
"""A run that more texts hold is a manner of speaking, or of the sheet."""
MAX_CHARACTERS = 20_000
"""Of a cell that are read."""
MAX_CANDIDATES = 200_000


@dataclass(frozen=True)
class Text:
    """A Markdown cell without the template's lines."""

    document: int
    cell: int
    item: str
    text: str


@dataclass(frozen=True)
class Alike:
    """Two texts of two notebooks, and how much of them is the same."""

    one: Text
    other: Text
    ratio: float
    """Twice the common words by all words, 0 to 1."""


def texts_of(documents: Sequence[Document], given: frozenset[str]) -> list[Text]:
    """Return the texts that are long enough to tell; `given` are the squeezed lines of the template's Markdown."""
    found = []
    for index, document in enumerate(documents):
        for cell in document.cells:
            if cell.kind != "markdown":
                continue
            lines = cell.source[:MAX_CHARACTERS].splitlines()
            own = "\n".join(line for line in lines if squeeze(line) not in given).strip()
            if len(own.split()) >= LEAST_WORDS:
                found.append(Text(index, cell.index, cell.item or "", own))
    return found


def alike_texts(texts: Sequence[Text], n_own: int) -> list[Alike]:
    """Return the pairs of texts of different notebooks that resemble each other, most alike first.

    Parameters
    ----------
    n_own : of each pair one notebook at least is among the first so many
    """
    found = []
    for one, other in _candidates(texts):
        first, second = sorted((texts[one], texts[other]), key=lambda text: text.document)
        if first.document == second.document or first.document >= n_own:
            continue
        ratio = likeness(first.text, second.text)
        if ratio >= LEAST_ALIKE:
            found.append(Alike(first, second, ratio))
    return sorted(
        found, key=lambda pair: (-pair.ratio, pair.one.document, pair.one.cell, pair.other.document)
    )


def by_notebooks(found: Sequence[Alike]) -> list[list[Alike]]:
    """Return the pairs of texts by their two notebooks: those first that have most texts alike."""
    groups: dict[tuple[int, int], list[Alike]] = {}
    for pair in found:
        groups.setdefault((pair.one.document, pair.other.document), []).append(pair)
    return sorted(groups.values(), key=lambda group: -len(group))


def _candidates(texts: Sequence[Text]) -> Iterable[tuple[int, int]]:
    """Return the pairs that share a run of words; sorted, and so many at most that the cost is bounded.

    Of equal texts the first stands for all: each of the others is paired with it alone.
    """
    holding: dict[tuple[str, ...], set[int]] = {}
    close: set[tuple[int, int]] = set()
    first_of: dict[str, int] = {}
    for index, text in enumerate(texts):
        first = first_of.setdefault(squeeze(text.text), index)
        if first != index:
            close.add((first, index))
            continue
        plain = [word.text for word in words(text.text)][:400]
        for at in range(len(plain) - RUN + 1):
            holding.setdefault(tuple(plain[at : at + RUN]), set()).add(index)
    for indices in holding.values():
        if 1 < len(indices) <= MAX_WITH_RUN:
            close.update(combinations(sorted(indices), 2))
            if len(close) > MAX_CANDIDATES:
                break
    return sorted(close)
