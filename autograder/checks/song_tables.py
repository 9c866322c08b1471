"""Claims about the table of songs that a notebook was shown: its rows, its artists, its size, as they were put out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from autograder.checks.findings import CheckParams, Context, Finding, failed, join, judged
from autograder.checks.output_texts import (
    NUMBER,
    Line,
    lines_elsewhere,
    lines_for,
    nothing_printed,
    with_prefix,
)
from autograder.probes.evidence import Evidence
from autograder.registry import CHECKS

CUT_SHARE = 0.5
LEAST_OF_CUT = 8
"""Right numbers that must be left of a list that was cut short."""
MAX_AFTER = 80
"""Signs after a name in which its number is looked for."""


class RowsAreShown(CheckParams):
    """Rows of a table among the outputs."""

    n: int = Field(default=2, ge=1)
    titles: str
    """Golden prefix of the titles of the first and last rows."""
    artists: str
    """Golden prefix of the artists."""


@CHECKS.register(RowsAreShown)
def rows_are_shown(evidence: Evidence, params: RowsAreShown, context: Context) -> Finding:
    """As many rows of the table are put out, with what is in them (a share where there are fewer)."""
    what = f"{params.n} rows of the table or more"
    titles, artists = with_prefix(context, params.titles), with_prefix(context, params.artists)
    here = [line for line in lines_for(evidence, context.item) if _is_row(line.text, artists, titles)]
    there = [
        line
        for line in lines_elsewhere(evidence, context.item)
        if any(title in line.text for title in titles)
    ]
    rows = here if len(here) >= params.n else max(here, there, key=len)
    if not rows:
        return nothing_printed(evidence, context, what)
    observed = f"{len(rows)} row{'s' if len(rows) > 1 else ''}"
    message = "Rows of the table are shown."
    if len(rows) < params.n:
        message = f"Only {observed} of the table is shown."
    return judged(
        len(rows) / params.n, observed=observed, expected=what, message=message, found=rows[0].found
    )


def _is_row(text: str, artists: Iterable[str], titles: Iterable[str]) -> bool:
    """Whether a line holds an artist or a title, and a word beside it."""
    return any(
        name and name in text and re.search(r"[^\W\d_]{2}", text.replace(name, " "))
        for name in [*titles, *artists]
    )


class ArtistsAreCounted(CheckParams):
    """Every artist with the number of songs."""

    counts: str
    """Golden prefix of the songs of each artist."""


@CHECKS.register(ArtistsAreCounted)
def artists_are_counted(evidence: Evidence, params: ArtistsAreCounted, context: Context) -> Finding:
    """All artists are named (half), each with the number of its songs (half; shares where some are missing).

    A long list that pandas or NumPy cut short, with right numbers for those that are left, earns half.
    """
    what = "every artist with the number of songs"
    rows, distinct = with_prefix(context, params.counts), with_prefix(context, f"{params.counts}.distinct")
    best: tuple[float, set[str], set[str], list[Line]] | None = None
    for lines in (lines_for(evidence, context.item), lines_elsewhere(evidence, context.item)):
        seen = _numbers_beside(lines, rows)
        right = {
            name for name, numbers in seen.items() if numbers & {rows[name], distinct.get(name, rows[name])}
        }
        right |= _drawn(evidence, context.item, rows, set(seen))
        share = (len(seen) + len(right)) / (2 * len(rows)) if rows else 0.0
        if best is None or share > best[0]:
            best = (share, set(seen), right, lines)
    if best is None or not best[1]:
        return nothing_printed(evidence, context, what)
    share, named, right, lines = best
    found = next((line.found for line in lines if any(name in line.text for name in named)), ())
    message = "All artists are named, each with the number of songs."
    if len(named) < len(rows):
        message = f"{len(named)} of {len(rows)} artists are named."
    elif len(right) < len(rows):
        wrong = sorted(set(rows) - right)
        message = f"The number of songs is missing or wrong for {join(wrong[:4])}."
    if _is_cut(lines) and len(right) >= LEAST_OF_CUT and share < CUT_SHARE:
        share = CUT_SHARE
        message = (
            f"The output was cut short: {len(named)} of {len(rows)} artists are named, with their numbers."
        )
    observed = f"{len(named)} of {len(rows)} artists, {len(right)} with the right number"
    return judged(share, observed=observed, expected=what, message=message, found=found)


def _is_cut(lines: Sequence[Line]) -> bool:
    return any(re.search(r"(?m)^(Length|Name): |\[\d+ rows x|\.\.\.", line.text) for line in lines)


def _numbers_beside(lines: Sequence[Line], names: Mapping[str, float]) -> dict[str, set[float]]:
    """Return the names that are there, each with the numbers next to it: before the next name, or before it in its line."""
    if not names:
        return {}
    text = "\n".join(line.text for line in lines)
    any_name = "|".join(map(re.escape, sorted(filter(None, names), key=len, reverse=True)))
    places = list(re.finditer(rf"(?<!\w)(?:{any_name})(?!\w)", text))
    found: dict[str, set[float]] = {}
    for at, place in enumerate(places):
        end = places[at + 1].start() if at + 1 < len(places) else len(text)
        after = NUMBER.findall(text[place.end() : min(end, place.end() + MAX_AFTER)])[:1]
        line = text[text.rfind("\n", 0, place.start()) + 1 : place.start()]
        before = NUMBER.findall(line)[-1:]
        numbers = {float(one.replace(",", "")) for one in (*after, *before)}
        found.setdefault(place.group(), set()).update(numbers)
    return found


def _drawn(evidence: Evidence, item: str, counts: Mapping[str, float], named: set[str]) -> set[str]:
    """Return the named artists when a bar chart shows the numbers of all."""
    wanted = sorted(counts.values())
    for figure in evidence.figures_of(item):
        for axes in figure.axes:
            heights = (axes.get("bars") or {}).get("heights") or []
            if len(heights) == len(wanted) and sorted(h or 0.0 for h in heights) == wanted:
                return named
    return set()


class SizeIsShown(CheckParams):
    """The number of songs, and the size of the table."""

    sizes: str
    """Golden key of the table's sizes, without its last part."""
    of: str = Field(default="songs", pattern="^(songs|table)$")
    """`songs`: how many there are; `table`: rows and columns, cells or bytes."""


@CHECKS.register(SizeIsShown)
def size_is_shown(evidence: Evidence, params: SizeIsShown, context: Context) -> Finding:
    """The number of songs, or the size of the table by any usual measure, is put out."""
    sizes = {
        name: float(context.golden.value(f"{params.sizes}.{name}").truth or 0.0)
        for name in ("rows", "columns", "cells", "bytes", "titles", "distinct", "with_lyrics")
    }
    is_of_songs = params.of == "songs"
    what = "how many songs there are" if is_of_songs else "the size of the table"
    tell = _tells_songs if is_of_songs else _tells_size
    here = lines_for(evidence, context.item)
    there = [line for line in lines_elsewhere(evidence, context.item) if _speaks_of_size(line.text)]
    there = there if not any(line.numbers for line in here) else []
    if is_of_songs:  # a line that speaks of songs decides; the shape tells it where there is none
        here = [
            line for line in here if line.numbers and re.search(r"(?i)song|canci|track", line.text)
        ] or here
    for line in (*here, *there):
        if told := tell(line, sizes):
            return judged(
                1.0,
                observed=told,
                expected=what,
                message=f"Your output shows {what}: {told}.",
                found=line.found,
            )
    numbers = [line for line in here if line.numbers]
    if not numbers:
        return nothing_printed(evidence, context, what)
    return failed(
        f"What is put out is not {what}.",
        observed=numbers[0].text.strip()[:80],
        expected=f"{sizes['rows']:,.0f} songs" if is_of_songs else f"{sizes['rows']:,.0f} rows",
        found=numbers[0].found,
    )


def _tells_songs(line: Line, sizes: Mapping[str, float]) -> str:
    wanted = {sizes[name] for name in ("rows", "titles", "distinct", "with_lyrics")}
    return next((f"{number:,.0f} songs" for number in line.numbers if number in wanted), "")


def _tells_size(line: Line, sizes: Mapping[str, float]) -> str:
    numbers = line.numbers
    for rows in (sizes["rows"], sizes["distinct"], sizes["with_lyrics"]):
        if rows in numbers and (
            sizes["columns"] in numbers or re.search(r"entries|rows|size", line.text, re.I)
        ):
            return f"{rows:,.0f} rows"
    if sizes["cells"] in numbers:
        return f"{sizes['cells']:,.0f} cells"
    bytes_ = re.search(r"\b(?:bytes|kb|mb|kib|mib|memory)\b", line.text, re.I)
    return line.text.strip()[:60] if bytes_ and any(numbers) else ""


def _speaks_of_size(text: str) -> bool:
    return bool(re.search(r"song|row|size|shape|entries|canci|\(\d+, \d+\)", text, re.I))
