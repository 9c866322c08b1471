"""Grades as the grader dumps them, made by hand: every status, every picture, and nasty texts."""

from __future__ import annotations

import math
import random
from typing import Any

Json = dict[str, Any]

HIDDEN_EXPECTATION = "0.07317 to 0.09731"
GRADER_TRACEBACK = (
    "Traceback (most recent call last): grader secret in /srv/grader/autograder/checks/bands.py"
)
CONFIRM_TEXT = "Confirm with: autograder rescore --bind anna a3.is_ess=results.ess"
HOSTILE = "<script>document.title='PWNED'</script><img src=x onerror=\"document.title='PWNED'\">"
HOSTILE_ATTRIBUTE = (
    "\" onmouseover=\"document.title='PWNED'\" x=\"'><svg/onload=document.title='PWNED'>{{7*7}}{% raw %}"
)
BIDI = "safe\u202egnp.exe\u2066\u200b\x1b[31mred\x1b[0m\x00\x07"
RTL_NAME = "ليلى الأحمدي"
EMOJI_NAME = "Zoë 👩‍🔬 O’Neil-Ångström"
MODES = ((0.4, 0.0, 0.0), (0.35, 3.0, 3.0), (0.25, -3.0, 3.0))


def check(id_: str, title: str, status: str, points: float, **more: Any) -> Json:
    """Return one check in JSON form; earned and pending follow from status and fraction."""
    fraction = more.pop("fraction", 1.0 if status == "passed" else 0.0)
    return {
        "id": id_,
        "title": title,
        "status": status,
        "fraction": fraction,
        "points": points,
        "earned": points * fraction if status == "passed" else 0.0,
        "pending": points if status in ("review", "error") else 0.0,
        "observed": "",
        "expected": "",
        "message": "",
        "why": "",
        "hint": "",
        "public": False,
        "hidden": False,
        "found": [],
        "pictures": [],
        "answer": "",
        "proposed": None,
        "marked": None,
        "traceback": "",
        **more,
    }


def item(id_: str, title: str, checks: list[Json]) -> Json:
    """Return one item whose marks are the sums of its checks."""
    sums = {key: sum(one[key] for one in checks) for key in ("earned", "pending")}
    possible = sum(one["points"] for one in checks)
    return {
        "id": id_,
        "part": "a",
        "title": title,
        **sums,
        "possible": possible,
        "extra": False,
        "checks": checks,
    }


def grade(items: list[Json], **more: Any) -> Json:
    """Return a grade around `items`."""
    sums = {key: sum(one[key] for one in items) for key in ("earned", "pending", "possible")}
    return {
        "schema_version": 1,
        "submission": submission("anna", ["Anna Schmidt"]),
        "assignment": "aml-a3",
        "title": "Generative modelling, part A: sampling methods",
        "parts": ["a"],
        "state": "needs_review" if sums["pending"] else "graded",
        **sums,
        "flags": [],
        "items": items,
        "notes": [],
        "executions": {},
        "cell_items": {},
        "engine": "0.1.0",
        "rubric_sha256": "4f3a9c1e" * 8,
        **more,
    }


def submission(id_: str, students: list[str], **more: Any) -> Json:
    """Return a submission of one notebook."""
    return {
        "schema_version": 1,
        "id": id_,
        "students": students,
        "sources": {"a": f"/srv/course/uploads/{id_}/part_a.ipynb"},
        "digests": {"a": "9d" * 32},
        "notes": [],
        "problem": None,
        **more,
    }


def contour_levels(shift: float = 0.0) -> list[Json]:
    """Return rings around the three modes as contour lines."""
    return [
        {
            "level": level,
            "paths": [
                [
                    [
                        x + shift + radius * math.cos(turn / 24 * math.tau),
                        y + radius * math.sin(turn / 24 * math.tau),
                    ]
                    for turn in range(25)
                ]
                for _, x, y in MODES
            ],
        }
        for level, radius in ((0.01, 1.7), (0.05, 1.1), (0.1, 0.5))
    ]


def draws(n: int = 1500, seed: int = 1) -> list[list[float]]:
    """Return draws near the three modes."""
    rng = random.Random(seed)
    modes = rng.choices([mode[1:] for mode in MODES], [mode[0] for mode in MODES], k=n)
    return [[x + rng.gauss(0, 0.9), y + rng.gauss(0, 0.9)] for x, y in modes]


def pictures() -> dict[str, Json]:
    """Return one picture of each kind, the band twice."""
    rng = random.Random(3)
    expected = [0.93**lag for lag in range(51)]
    observed = [0.955**lag + (rng.gauss(0, 0.012) if lag else 0.0) for lag in range(51)]
    return {
        "band": {
            "kind": "band",
            "title": "Your acceptance rate on its scale",
            "data": {
                "value": 0.1213,
                "low": 0.079,
                "high": 0.084,
                "variants": [{"name": "to the end of the batch", "low": 0.0781, "high": 0.0832}],
                "unit": "",
                "label": "acceptance rate",
            },
        },
        "hidden_band": {
            "kind": "band",
            "title": "Mean of the first coordinate",
            "data": {
                "value": 0.31,
                "low": 0.07317,
                "high": 0.09731,
                "variants": [],
                "unit": "",
                "label": "mean",
            },
        },
        "scatter": {
            "kind": "scatter",
            "title": "Your draws and the density of the sheet",
            "data": {
                "points": draws(),
                "contours": contour_levels(),
                "xlim": [-6, 6],
                "ylim": [-6, 6],
                "labels": ["x1", "x2"],
            },
        },
        "acf": {
            "kind": "acf",
            "title": "Autocorrelation of the first coordinate",
            "data": {
                "observed": observed,
                "expected": expected,
                "low": [max(value - 0.08, -0.05) for value in expected],
                "high": [min(value + 0.08, 1.0) for value in expected],
                "label": "lag",
            },
        },
        "bars": {
            "kind": "bars",
            "title": "Draws near each mode",
            "data": {
                "labels": ["middle (0, 0)", "upper right (3, 3)", "upper left (−3, 3)"],
                "observed": [6120, 2480, 1400],
                "expected": [4000, 3500, 2500],
            },
        },
        "contour": {
            "kind": "contour",
            "title": "Your density and the sheet’s",
            "data": {
                "observed": contour_levels(0.5),
                "expected": contour_levels(),
                "xlim": [-6, 6],
                "ylim": [-6, 6],
            },
        },
    }


def _density_item(drawn: dict[str, Json]) -> Json:
    return item(
        "a1",
        "A1 · Define the target distribution",
        [
            check(
                "a1.grid",
                "The density is evaluated on the 200 × 200 grid",
                "passed",
                3,
                observed="float64, (200, 200)",
                expected="float64, (200, 200)",
                message="The grid has the size and the type that the sheet asks for.",
                found=[{"how": "name", "path": "grid_density", "cell": 5}],
            ),
            check(
                "a1.points",
                "The density agrees with the mixture at new points",
                "passed",
                5,
                fraction=0.6,
                hidden=True,
                observed="3 of 5 points agree",
                expected="all 5 points agree to 1e-9",
                message="The density is right near the first two components, and too large near the third.",
                why="Every sampler below weighs or accepts draws by it, so an error here moves all of them.",
                hint="Compare your third covariance with the sheet: its off-diagonal entries are negative.",
                found=[{"how": "call", "path": "mixture_density", "cell": 4}],
                pictures=[drawn["contour"]],
            ),
            check(
                "a1.contour",
                "A contour plot is drawn over [−6, 6]²",
                "passed",
                2,
                message="The figure is there.",
                found=[{"how": "figure", "path": "", "cell": 6}],
            ),
        ],
    )


def _rejection_item(drawn: dict[str, Json]) -> Json:
    return item(
        "a2",
        "A2 · Rejection sampling",
        [
            check(
                "a2.count",
                "10,000 accepted samples",
                "passed",
                2,
                observed="(10000, 2)",
                expected="(10000, 2)",
                message="There are 10,000 samples of two coordinates.",
                found=[{"how": "suggestion", "path": "results['rej'].samples", "cell": 9}],
            ),
            check(
                "a2.rate",
                "The acceptance rate is what this procedure gives",
                "failed",
                3,
                observed="0.1213",
                expected="between 0.079 and 0.084",
                message="Your acceptance rate is 0.1213. A correct run gives between 0.079 and 0.084.",
                why="The rate tells how well the proposal covers the target.",
                hint="Divide the number accepted by the number of proposals that were drawn, not by 1/c.",
                found=[{"how": "name", "path": "acceptance_rate", "cell": 9}],
                pictures=[drawn["band"]],
            ),
            check(
                "a2.modes",
                "The draws visit the three modes in the right shares",
                "failed",
                3,
                observed="6120, 2480, 1400",
                expected="about 4000, 3500, 2500",
                message="Too many draws lie near (0, 0) and too few near the other two modes.",
                why="A sampler is judged by where its draws fall, not by how many there are.",
                hint="Look at the ratio you compare with the uniform number: is the proposal density in it?",
                found=[{"how": "name", "path": "accepted_samples", "cell": 9}],
                pictures=[drawn["scatter"], drawn["bars"]],
            ),
            check(
                "a2.other_target",
                "The sampler works on another target",
                "failed",
                2,
                hidden=True,
                observed="mean 0.31",
                expected=HIDDEN_EXPECTATION,
                message=f"On another target the mean of your draws, 0.31, lies outside {HIDDEN_EXPECTATION}.",
                hint="The function should use the density that is handed to it, not the one of the notebook.",
                found=[{"how": "call", "path": "rejection_sample", "cell": 8}],
                pictures=[drawn["hidden_band"]],
            ),
        ],
    )


def _chain_item(drawn: dict[str, Json]) -> Json:
    return item(
        "a4",
        "A4 · Metropolis–Hastings",
        [
            check(
                "a4.acf",
                "The autocorrelation of the chain is right",
                "passed",
                4,
                observed="lag 10: 0.63",
                expected="lag 10: 0.48 ± 0.2",
                message="It falls off as it should.",
                found=[{"how": "path", "path": "mh_results[0.5]['chain']", "cell": 14}],
                pictures=[drawn["acf"]],
            ),
            check(
                "a4.trace",
                "The trace plot is drawn",
                "blocked",
                2,
                message="This could not be tried: cell 15, which draws the trace, stopped with a NameError.",
            ),
            check(
                "a4.call",
                "The chain runs on another target",
                "error",
                2,
                hidden=True,
                expected="anything",
                message="The check itself failed on our side. Your marks for it wait for a person.",
                traceback=GRADER_TRACEBACK,
            ),
            check(
                "a4.comment",
                "Comment on step size and mixing",
                "review",
                2,
                answer="A small step accepts nearly everything but moves slowly,\nso it stays put.\n\n"
                "A large step is rejected often. $s = 0.5$ mixes best of the three.",
                found=[{"how": "source", "path": "", "cell": 16}],
            ),
        ],
    )


def execution() -> Json:
    """Return an execution of 24 cells in which one cell fails and the last ones are not run."""
    cells: list[Json] = [
        {"index": index, "status": "ok", "seconds": round(0.11 * index % 1.7, 2), "error": None}
        for index in range(1, 48, 2)
    ]
    cells[7] |= {
        "status": "error",
        "error": {
            "name": "NameError",
            "message": "name 'chian' is not defined",
            "traceback": "NameError Traceback (most recent call last)\n"
            "File /srv/grader/site-packages/matplotlib/pyplot.py:12\n----> 1 plt.plot(chian[:, 0])\n",
        },
    }
    cells[20] |= {"status": "time_limit", "seconds": 300.0}
    for cell in cells[21:]:
        cell |= {"status": "not_run", "seconds": 0.0}
    return {
        "schema_version": 1,
        "state": "cell_limit",
        "detail": "Cell 41 was stopped after 300 s.",
        "cells": cells,
        "seconds": 318.4,
        "executor": "local",
        "fence": "network: off, memory: 4096 MiB, files: own folder",
        "kernel_stored": "venv-ml",
        "output_cut": True,
        "attempts": 1,
        "input_digest": "ab" * 32,
    }


def notes() -> list[Json]:
    """Return one note of each kind."""
    return [
        {
            "kind": "erratum",
            "title": "c = 12 is not an envelope",
            "item": "a2",
            "text": "Near (3, 3) the density is above 12 times the proposal. Marks follow the sheet, "
            "which draws from the smaller of the two.",
        },
        {
            "kind": "variant",
            "title": "Proposals counted to the end of the batch",
            "item": "a2",
            "text": "You count whole batches of proposals. That is accepted, with its own range.",
        },
        {
            "kind": "variant",
            "title": "Found under another name",
            "item": "a2",
            "text": "The accepted samples were found under results['rej'].samples.",
        },
        {
            "kind": "limit",
            "title": "One cell reached its time limit",
            "item": None,
            "text": "Cell 41 ran for 300 seconds and was stopped. What came before it counts.",
        },
        {
            "kind": "execution",
            "title": "The notebook’s kernel was replaced",
            "item": None,
            "text": "It asked for “venv-ml”; the course’s own kernel was used.",
        },
        {"kind": "confirm", "title": "A value to confirm", "item": "a2", "text": CONFIRM_TEXT},
    ]


def full_grade() -> Json:
    """Return a grade with every status, every picture, all kinds of notes and a run with errors."""
    drawn = pictures()
    items = [_density_item(drawn), _rejection_item(drawn), _chain_item(drawn)]
    owners: list[str | None] = [None] * 4 + ["a1"] * 4 + ["a2"] * 4 + ["a4"] * 12 + [None] * 24
    return grade(
        items,
        notes=notes(),
        flags=["cell errors", "names suggested"],
        executions={"a": execution()},
        cell_items={"a": owners},
        submission=submission(
            "anna", ["Anna Schmidt"], notes=["Two notebooks were found; part_a.ipynb is the newer."]
        ),
    )


def perfect_grade() -> Json:
    """Return a grade with full marks and nothing pending."""
    checks = [check(f"a1.{n}", f"Claim {n} holds", "passed", 2.5, message="It holds.") for n in range(4)]
    return grade([item("a1", "A1 · Define the target distribution", checks)])


def failed_grade() -> Json:
    """Return the grade of a file that is no notebook."""
    problem = "/srv/course/uploads/tom/part_a.ipynb is no notebook: the file is empty. Hand it in again."
    empty = {
        "id": "a1",
        "part": "a",
        "title": "A1",
        "earned": 0.0,
        "pending": 0.0,
        "possible": 10.0,
        "extra": False,
        "checks": [],
    }
    return grade([], state="failed", possible=50.0, submission=submission("tom", [], problem=problem)) | {
        "items": [empty]
    }


def hostile_grade() -> Json:
    """Return a grade in which every text that a student controls attacks the page."""
    nasty = HOSTILE + HOSTILE_ATTRIBUTE + BIDI
    zalgo = "Z" + "\u0301\u0302\u0303" * 60 + "algo"
    picture = {
        "kind": "bars",
        "title": nasty,
        "data": {"labels": [nasty, "b"], "observed": [1, "NaN"], "expected": []},
    }
    broken = {"kind": "scatter", "title": "broken", "data": {"points": "none", "xlim": [1, "Infinity"]}}
    unknown = {"kind": "band", "title": nasty, "data": {"value": "NaN", "label": nasty}}
    cells = [
        {
            "index": 0,
            "status": "error",
            "seconds": 1.0,
            "error": {"name": HOSTILE, "message": nasty + "\ud800", "traceback": nasty},
        }
    ]
    return grade(
        [
            item(
                "a2",
                "A2",
                [
                    check(
                        "a2.x",
                        nasty,
                        "failed",
                        3,
                        observed=nasty + "w" * 5000,
                        expected=nasty,
                        message=nasty,
                        hint=nasty,
                        why=nasty,
                        found=[{"how": "name", "path": nasty, "cell": 3}],
                        pictures=[picture, broken, unknown],
                    ),
                    check("a2.x", zalgo, "passed", 1, observed=zalgo),
                    check("a2.<b>", "Written answer", "review", 6, answer=nasty * 3 + "\n" + "long " * 6000),
                ],
            ),
        ],
        submission=submission("eve", [RTL_NAME, EMOJI_NAME, HOSTILE, "\u202eevil"], notes=[nasty]),
        notes=[{"kind": "limit", "title": nasty, "text": nasty, "item": "a2"}],
        flags=[nasty],
        executions={
            "a": {
                "schema_version": 1,
                "state": "complete",
                "detail": nasty,
                "cells": cells,
                "seconds": 1.0,
                "executor": "local",
                "fence": nasty,
                "kernel_stored": nasty,
                "output_cut": False,
                "attempts": 2,
                "input_digest": "",
            }
        },
        cell_items={"a": ["a2"]},
    )


def evidence() -> Json:
    """Return what was observed of a notebook (`evidence.json`), with values found, not found and to be confirmed."""

    def leaf(path: str, **more: Any) -> Json:
        return {"key": None, "path": path, "cell": 3, "dtype": "float64", "shape": [], "value": None, **more}

    return {
        "schema_version": 1,
        "values": {
            "a2.rate": {
                "found": {"how": "name", "path": "rate", "cell": 3},
                "values": [leaf("rate", value=0.05986, dtype="float")],
                "candidates": [],
            },
            "a4.chains": {
                "found": {"how": "path", "path": "runs[{key}].chain", "cell": None},
                "values": [leaf(f"runs[{step}].chain", key=step, shape=[50000, 2]) for step in (0.1, 0.5)],
                "candidates": [],
            },
            "a3.is_ess": {
                "found": None,
                "values": [],
                "candidates": [{"path": "n_accepted", "cell": 3, "summary": HOSTILE}],
            },
        },
        "calls": {
            "a4.sampler": [
                {
                    "case": "0",
                    "form": "log_density",
                    "status": "ok",
                    "function": "metropolis",
                    "bound": {},
                    "error": "",
                },
                {
                    "case": "1",
                    "form": None,
                    "status": "error",
                    "function": HOSTILE,
                    "bound": {"x": "parameter x"},
                    "error": "TypeError: no such argument" + HOSTILE,
                },
            ]
        },
    }


def history() -> list[Json]:
    """Return marks that people gave, one of them taken back, with hostile names and reasons."""
    given = {"time": "2026-11-28T10:00:00.000+00:00", "author": "Mia", "check": "a1.density", "round": 1}
    return [
        {
            **given,
            "kind": "override",
            "points": 1.0,
            "comment": "",
            "reason": "copied from bo",
            "is_undone": True,
        },
        {**given, "kind": "override", "points": None, "comment": "", "reason": HOSTILE, "is_undone": False},
        {
            **given,
            "author": HOSTILE,
            "kind": "review",
            "round": 2,
            "points": 0.5,
            "comment": BIDI,
            "reason": "",
            "is_undone": False,
        },
    ]


def class_results(n: int = 24) -> tuple[Json, list[Json]]:
    """Return `results.json` and the rows of a class of `n`, hostile names and failures among them."""
    rng = random.Random(5)
    names = [
        "Anna Schmidt",
        RTL_NAME,
        EMOJI_NAME,
        HOSTILE,
        "Bo Li",
        "Çağrı Öztürk",
        "Nguyễn Thị Minh Khai",
        "Ó Súilleabháin",
    ]
    submissions, rows = [], []
    for n_th in range(n):
        is_failed = n_th % 11 == 7
        items = [] if is_failed else [_class_item(task, rng) for task in range(1, 6)]
        sums = {key: sum(one[key] for one in items) for key in ("earned", "pending")}
        id_ = f"s{n_th:03d}"
        state = "failed" if is_failed else "needs_review" if sums["pending"] else "graded"
        submissions.append(
            {
                "id": id_,
                "students": [f"{names[n_th % 8]}{n_th if n_th >= 8 else ''}"],
                "source": [f"uploads/{id_}/part_a.ipynb"],
                "state": state,
                **sums,
                "possible": 50.0,
                "flags": ["names suggested"] if n_th % 6 == 2 else [],
                "items": items,
            }
        )
        rows.append(
            {
                "id": id_,
                "students": submissions[-1]["students"],
                "report": f"submissions/{id_}/report.html",
                "seconds": round(rng.lognormvariate(2.6, 0.9), 2),
                "flags": submissions[-1]["flags"],
                "problem": "The file is no notebook: it is empty. Ask for it again." if is_failed else None,
                "state": state,
                "notes": ["Two notebooks were found."] if n_th % 11 == 7 else [],
            }
        )
    results = {
        "schema": 1,
        "assignment": "aml-a3",
        "parts": ["a"],
        "engine": "0.1.0",
        "rubric_sha256": "4f" * 32,
        "submissions": submissions,
    }
    return results, rows


def _class_item(task: int, rng: random.Random) -> Json:
    statuses = rng.choices(["passed", "failed", "blocked"], [8 - task, 2, 0.5], k=3)
    checks = [
        check(
            f"a{task}.{name}",
            "",
            status,
            3.0,
            fraction=rng.choice([1.0, 1.0, 0.5]) if status == "passed" else 0,
        )
        for name, status in zip(("shape", "value", "challenge"), statuses, strict=True)
    ]
    last = "review" if task > 3 and rng.random() < 0.4 else "error" if rng.random() < 0.03 else "passed"
    checks.append(check(f"a{task}.comment", "", last, 1.0))
    for one in checks:
        del one["title"]
    return item(
        f"a{task}",
        f"A{task} · {['Target', 'Rejection', 'Importance', 'Metropolis–Hastings', 'Gibbs'][task - 1]}",
        checks,
    )
