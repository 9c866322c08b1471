"""How often `autograder similarity` finds disguised copies, and shows independent solutions: `make similarity`.

The independent solutions are the correct styles of the reference and the reference itself; a copy is one of them under a
disguise (`disguises.py`). Every pair is judged by a threshold that is derived without the notebooks of that pair.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

from disguises import DISGUISES, everything

from autograder import template
from autograder.registry import Assignment, find_assignment
from autograder.rendering import style_sources
from autograder.review.similar import LEAST_ALIKE, likeness
from autograder.similarity import comparing, thresholds
from autograder.similarity.comparing import Given, Reading
from autograder.similarity.evidence import compare, independent_solutions, of_course
from autograder.similarity.written import LEAST_WORDS
from autograder.store import RunDirectory, RunInfo, write_json

ASSIGNMENT = "aml-a3"
CLASS, SMALL = 300, 30
Code = Sequence[str]


def main() -> None:
    """Print the rates of each part, and what a class of 300 takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default="abc")
    parser.add_argument("--draws", type=int, default=3, help="copies of each solution under each disguise")
    parser.add_argument(
        "--size", type=int, default=CLASS, help="notebooks of the class whose comparison is timed; 0: none"
    )
    chosen = parser.parse_args()
    assignment = find_assignment(ASSIGNMENT)
    for part in chosen.parts:
        print_part(assignment, part, chosen.draws)
    if chosen.size:
        print_cost(assignment, chosen.size)


def print_part(assignment: Assignment, part: str, n_draws: int) -> None:
    """Print the rates of one part."""
    given = of_course(assignment, part).given
    codes = {
        name: [source for _, source in code] for name, code in independent_solutions(assignment, part).items()
    }
    readings = {name: read(code, given) for name, code in codes.items()}
    shares = {
        pair: comparing.share_of(*(readings[name] for name in pair)) for pair in combinations(readings, 2)
    }

    def limit_without(names: Sequence[str], n: int = CLASS) -> float:
        others = [share for pair, share in shares.items() if not set(pair) & set(names)]
        return thresholds.derived(others, n * (n - 1) // 2).value

    listed = sorted(shares.values())
    median = listed[len(listed) // 2]
    large, small = (thresholds.derived(listed, n * (n - 1) // 2).value for n in (CLASS, SMALL))
    print(f"\nPart {part}: {len(codes)} independent solutions, {len(shares)} pairs of them")
    print(
        f"  they share at most {listed[-1]:.1%}, half of them less than {median:.1%}; shown from {large:.1%} on in a "
        f"class of {CLASS}, from {small:.1%} in one of {SMALL}"
    )
    for n in (CLASS, SMALL):
        n_shown = sum(share >= limit_without(pair, n) for pair, share in shares.items())
        print(f"  independent pairs shown in a class of {n}: {n_shown} of {len(shares)}")
    draw = random.Random(0)
    for label, disguise in DISGUISES.items():
        copies = [(name, read(disguise(codes[name], draw), given)) for name in codes for _ in range(n_draws)]
        print_found(
            label,
            [(comparing.share_of(readings[name], copy), limit_without([name])) for name, copy in copies],
        )
    halves = []
    for name in [name for name in codes for _ in range(n_draws)]:
        other = draw.choice([one for one in codes if one != name])
        share = comparing.share_of(readings[name], read(half(codes[name], codes[other], draw), given))
        halves.append((share, (name, other)))
    for n in (CLASS, SMALL):
        print_found(f"half of it, all ({n})", [(share, limit_without(pair, n)) for share, pair in halves])
    print_texts(assignment, part, draw)


def print_found(label: str, found: Sequence[tuple[float, float]]) -> None:
    """Print how many copies reach the threshold; `found` are share and threshold of each."""
    shares = sorted(share for share, _ in found)
    n_found = sum(share >= limit for share, limit in found)
    print(
        f"  copies, {label:<28} found: {n_found:3d} of {len(found)} "
        f"(share {shares[0]:.0%} to {shares[-1]:.0%}, median {shares[len(shares) // 2]:.0%})"
    )


def print_texts(assignment: Assignment, part: str, draw: random.Random) -> None:
    """Print how many written texts are told again, and how many independent ones are taken for each other."""
    texts = [
        [
            cell.source
            for cell in template.parse(source)
            if cell.kind == "markdown" and not set(cell.tags) & {"given"}
        ]
        for source in style_sources(assignment, part).values()
    ]
    long = [[text for text in cells if len(text.split()) >= LEAST_WORDS] for cells in texts]
    pairs = [(a, b) for one, other in combinations(long, 2) for a in one for b in other]
    n_same = sum(likeness(a, b) >= LEAST_ALIKE for a, b in pairs)
    copies = [(text, reworded(text, draw)) for cells in long for text in cells]
    n_found = sum(likeness(a, b) >= LEAST_ALIKE for a, b in copies)
    print(
        f"  written texts: {n_same} of {len(pairs)} independent pairs shown; with every sixth word changed "
        f"{n_found} of {len(copies)} found"
    )


def reworded(text: str, draw: random.Random) -> str:
    """Return a text with about every sixth word replaced."""
    return " ".join(f"word{draw.randrange(99)}" if draw.random() < 1 / 6 else word for word in text.split())


def half(copied: Code, own: Code, draw: random.Random) -> list[str]:
    """Return a notebook of which one half is a disguised copy and the other somebody's own."""
    return [*everything(copied, draw)[: len(copied) // 2], *own[len(own) // 2 :]]


def read(code: Code, given: Given) -> Reading:
    """Return code cells as they are compared."""
    return comparing.read(enumerate(code), given)


# ------------------------------------------------------------------------- cost


def print_cost(assignment: Assignment, n: int) -> None:
    """Print what the comparison of a class takes on one core."""
    from autograder.rubric.loader import load_rubric

    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder) / "run")
        rubric = load_rubric(assignment, ("a",))
        write_json(run.rubric, rubric.model_dump(mode="json"))
        info = RunInfo(assignment=assignment.id, parts=("a",), source="", secret="0" * 32)
        write_json(run.path / "run.json", info.model_dump(mode="json"))
        lay_out(run, assignment, n)
        started, cpu = time.perf_counter(), time.process_time()
        found = compare(run)
        part = found["parts"][0]
        size = len(json.dumps(found)) / 2**20
        print(
            f"\n{n} notebooks of part a, {part['n_compared']:,} pairs, {part['n_pairs']:,} shown: "
            f"{time.process_time() - cpu:.1f} s of one core, {time.perf_counter() - started:.1f} s by the clock, "
            f"similarity.json {size:.1f} MiB"
        )


def lay_out(run: RunDirectory, assignment: Assignment, n: int) -> None:
    """Write a class that is as hard to compare as one can be: disguised copies of a few solutions, all different."""
    draw = random.Random(1)
    codes = list(independent_solutions(assignment, "a").values())
    for number in range(n):
        name = f"student-{number:03d}"
        code = everything([source for _, source in codes[number % len(codes)]], draw)
        cells: list[Mapping[str, object]] = []
        for at, source in enumerate(code):
            text = f"Cell {at} of mine says {draw.random()} and goes on with what the lecture said of chains that mix."
            cells.append({"cell_type": "markdown", "metadata": {}, "source": text})
            cells.append(
                {
                    "cell_type": "code",
                    "metadata": {},
                    "source": source,
                    "outputs": [],
                    "execution_count": None,
                }
            )
        folder = run.submission(name)
        write_json(
            folder / "input.ipynb", {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        )
        write_json(
            folder / "submission.json",
            {"schema_version": 1, "id": name, "students": [name], "sources": {"a": "part_a.ipynb"}},
        )


if __name__ == "__main__":
    main()
