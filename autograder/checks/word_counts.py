"""Claims about the words of a collection of texts: which are used most, and a picture of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from autograder.checks.findings import CheckParams, Context, Finding, failed, join, judged
from autograder.checks.output_texts import Line, lines_elsewhere, lines_for, nothing_printed
from autograder.probes.evidence import Evidence
from autograder.probes.observations import FigureSeen
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.stats.words import SHORT, STOPPED, reading_of

Counts = dict[str, dict[str, float]]
_TOKEN = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?|\d[\d,]*(?:\.\d+)?")
_ORDINAL = re.compile(r"(?i)(?<!\w)#?\d+(?:st|nd|rd|th|[.)])(?!\w)")
"""What numbers a list: `1st`, `2.`, `3)`."""
MAX_BETWEEN = 4
"""Words that may stand between a word and its number: `love was used 31 times`."""


def counts_of(context: Context, prefix: str) -> Counts:
    """Return the golden counts `prefix[rule][word]`, by rule and word."""
    found: Counts = {}
    for key, value in context.golden.values.items():
        if key.startswith(f"{prefix}[") and key.endswith("]") and value.truth is not None:
            rule, _, word = key[len(prefix) + 1 : -1].partition("][")
            found.setdefault(rule, {})[word] = value.truth
    return found


class TopWordsAre(CheckParams):
    """The words that are used most."""

    counts: str
    """Golden prefix of the counts by rule and word."""
    n: int = Field(default=3, ge=1)


@CHECKS.register(TopWordsAre)
def top_words_are(evidence: Evidence, params: TopWordsAre, context: Context) -> Finding:
    """The most used words are put out, by any usual rule of what a word is, with or without stop words."""
    what = f"the {params.n} most used words"
    counts = counts_of(context, params.counts)
    seen: tuple[tuple[str, ...], Line] | None = None
    for lines in (lines_for(evidence, context.item), lines_elsewhere(evidence, context.item)):
        for words, line in _reported(lines, counts, params.n):
            if rule := reading_of(words, counts):
                listed = join([f"“{word}”" for word in words])
                return judged(
                    1.0,
                    observed=listed,
                    expected=what,
                    message=f"{listed} are {what}.",
                    found=line.found,
                    notes=(f"Words were read as: {rule}.",),
                )
            if any(cell.item == context.item and cell.index == line.cell for cell in evidence.cells):
                seen = seen or (words, line)
    if seen is None:
        return nothing_printed(evidence, context, what)
    listed = join([f"“{word}”" for word in seen[0]])
    return failed(
        f"{listed} are not {what} of all lyrics, by no usual rule of what a word is.",
        observed=listed,
        expected=what,
        found=seen[1].found,
    )


def _reported(lines: Sequence[Line], counts: Counts, n: int) -> Iterator[tuple[tuple[str, ...], Line]]:
    """Yield what may be the reported words: those beside their counts, then those that stand alone."""
    by_cell: dict[int, list[Line]] = {}
    for line in lines:
        by_cell.setdefault(line.cell, []).append(line)
    alone: list[tuple[tuple[str, ...], Line]] = []
    for of_cell in by_cell.values():
        pairs = [(word, number, line) for line in of_cell for word, number in _pairs(line.text)]
        yield from _counted(pairs, counts, n)
        if len(pairs) >= n:
            ordered = sorted(pairs, key=lambda one: -one[1])[:n]
            alone.append((tuple(word for word, _, _ in ordered), ordered[0][2]))
        for words, line in _listed(of_cell, n):
            alone.append((words, line))
    yield from alone


def _pairs(text: str) -> Iterator[tuple[str, float]]:
    """Yield every word with the number that follows it soon, or that stands right before it."""
    tokens = _TOKEN.findall(_ORDINAL.sub(" ", text))
    for at, token in enumerate(tokens):
        if not token[0].isdigit():
            continue
        number = float(token.replace(",", ""))
        before = list(tokens[max(0, at - 1 - MAX_BETWEEN) : at])
        for word in reversed(before):
            if word[0].isdigit():
                break
            yield word, number
        if at + 1 < len(tokens) and not tokens[at + 1][0].isdigit():
            yield tokens[at + 1], number


def _counted(
    pairs: Sequence[tuple[str, float, Line]], counts: Counts, n: int
) -> Iterator[tuple[tuple[str, ...], Line]]:
    """Yield, for each rule, the most used of the words that stand beside their right counts."""
    for by_word in counts.values():
        right: dict[str, Line] = {}
        for word, number, line in pairs:
            if by_word.get(word) == number:
                right.setdefault(word, line)
        if len(right) >= n:
            words = sorted(right, key=lambda word: -by_word[word])[:n]
            yield tuple(words), right[words[0]]


def _listed(lines: Sequence[Line], n: int) -> Iterator[tuple[tuple[str, ...], Line]]:
    """Yield n words that stand alone: in brackets or quotes, after a colon, or one a line."""
    single: list[tuple[str, Line]] = []
    for line in lines:
        quoted = re.findall(r"['\"“]([^\W\d_][\w'’-]*)['\"”]", line.text)
        after = re.findall(r"[^\W\d_][\w'’-]*", line.text.rpartition(":")[2])
        without_and = [word for word in after if word not in ("and", "y", "et", "und")]
        for words in (quoted, after, without_and):
            if len(words) == n:
                yield tuple(words), line
        if len(after) == 1:
            single.append((after[0], line))
    if len(single) == n:
        yield tuple(word for word, _ in single), single[0][1]


# ------------------------------------------------------------------ the picture


class WordCloudIsDrawn(CheckParams):
    """Words in sizes that follow their use."""

    counts: str
    """Golden prefix of the counts by rule and word."""
    n_min: int = Field(default=10, ge=2)
    """Fewest words of a cloud."""
    n_top: int = Field(default=5, ge=1)
    """The largest word is among so many most used ones."""
    least_side: int = 100
    """Pixels a side from which a coloured picture can be one that a package made."""


@CHECKS.register(WordCloudIsDrawn)
def word_cloud_is_drawn(evidence: Evidence, params: WordCloudIsDrawn, context: Context) -> Finding:
    """Words are drawn in sizes that follow their use, or a package's picture of them is shown."""
    what = "a word cloud of the lyrics"
    best: tuple[float, str, FigureSeen] | None = None
    for figures in (evidence.figures_of(context.item), evidence.figures_elsewhere(context.item)):
        for figure in figures:
            for axes in figure.axes:
                judged_axes = _cloud(axes, params, counts_of(context, params.counts))
                if judged_axes is not None and (best is None or judged_axes[0] > best[0]):
                    best = (*judged_axes, figure)
        if best is not None:
            break
    if best is not None:
        found = (Found(how="figure", cell=best[2].cell),)
        return judged(best[0], observed=best[1], expected=what, message=f"{best[1]}.", found=found)
    return nothing_printed(evidence, context, what)


def _cloud(axes: Mapping[str, Any], params: WordCloudIsDrawn, counts: Counts) -> tuple[float, str] | None:
    """Return the share of the points and what was seen; None where axes show nothing of the kind."""
    for image in axes.get("images", []):
        shape = [int(side) for side in image.get("shape", [])]
        if len(shape) == 3 and min(shape[:2]) >= params.least_side:
            return 1.0, "A coloured picture of words is shown"
    texts = {
        str(text.get("text", "")).strip(): float(text.get("size") or 0.0)
        for text in axes.get("texts", [])
        if isinstance(text, dict)
    }
    if len(texts) < params.n_min:
        return None
    if len(set(texts.values())) < 3:
        return 0.0, f"{len(texts)} words are drawn, all of the same size"
    known = {word.lower() for by_word in counts.values() for word in by_word}
    if not known.intersection(map(str.lower, texts)):
        return 0.0, "What is drawn are not the words of the lyrics"
    largest = max(texts, key=lambda word: texts[word]).lower()
    if any(largest in _most_used(by_word, params.n_top) for by_word in counts.values()):
        return 1.0, f"{len(texts)} words are drawn, the largest “{largest}”"
    return 0.5, f"{len(texts)} words are drawn, but the largest, “{largest}”, is not among the most used"


def _most_used(by_word: Mapping[str, float], n: int) -> set[str]:
    """Return the n most used words, and the n most used ones without stop words and short ones."""
    ordered = [word.lower() for word in sorted(by_word, key=lambda word: -by_word[word])]
    others = [word for word in ordered if word not in STOPPED and len(word) > SHORT]
    return {*ordered[:n], *others[:n]}
