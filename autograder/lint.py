"""What can be said of a rubric without a submission: its bands, its risks, and what is wrong with them.

Works on the rubric and the golden files alone; neither PyTorch nor a kernel is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
from autograder.checks.bands import BandSpec
from autograder.checks.findings import CheckParams, Context
from autograder.checks.metropolis import ChainsFollowTarget
from autograder.checks.values import TableInBands
from autograder.errors import AutograderError, Problem, RubricError, UsageError, nearest
from autograder.golden import Golden, read_golden
from autograder.registry import CHECKS, Assignment
from autograder.rubric.loader import load_rubric
from autograder.rubric.model import CheckSpec, GoldenKind, PartSpec
from autograder.rubric.public import is_public, named_challenges
from autograder.rubric.sources import Location, Source, read_source
from autograder.signatures import read_signatures
from autograder.stats.bands import Band

FEW_REPLICATES = 20
"""Fewer make a tolerance factor (10.7 at 4, 4.6 at 20, 3.9 at 60, for 99.9 %) that catches little."""


@dataclass(frozen=True)
class BandRow:
    """One accepted convention of one check, as an interval."""

    part: str
    check: str
    convention: str
    golden: str
    method: str
    n: int
    truth: float | None
    low: float
    high: float
    false_fail_rate: float
    min_discrepancy: float
    excludes: dict[str, float]
    """The values of typical mistakes that lie outside, by name."""


@dataclass(frozen=True)
class PartRisk:
    """How the false-fail rate of a part is split."""

    part: str
    false_fail_rate: float
    n_checks: int
    n_random: int
    rate_per_check: float


@dataclass
class Report:
    """What a lint found."""

    problems: list[Problem] = field(default_factory=list)
    """What must be mended before anybody is marked by this rubric."""
    advice: list[Problem] = field(default_factory=list)
    """What would make it better."""
    bands: list[BandRow] = field(default_factory=list)
    risks: list[PartRisk] = field(default_factory=list)


def lint(assignment: Assignment) -> Report:
    """Return the bands of a rubric, the split of its false-fail rate, and everything that is wrong with it.

    Raises
    ------
    UsageError
        When there is no rubric.
    """
    report = Report()
    try:
        rubric = load_rubric(assignment)
    except RubricError as error:
        report.problems += error.problems
        return report
    sources = part_sources(assignment)
    for part in rubric.parts:
        _lint_part(report, assignment, part, sources[part.part])
        _lint_signatures(report, assignment, part)
    return report


def part_sources(assignment: Assignment) -> dict[str, Source]:
    """Return the YAML file of every part, with the positions of what is in it."""
    main = read_source(assignment.rubric)
    files = [assignment.rubric.parent / name for name in main.data["parts"]]
    loaded = [read_source(path) for path in files]
    return {source.data["part"]: source for source in loaded}


def shown(path: Path) -> str:
    """Return a path as the user would open it: relative to the working folder where it lies in it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _lint_part(report: Report, assignment: Assignment, part: PartSpec, source: Source) -> None:
    n_random = sum(is_random(check) for _, check in part.checks())
    n_checks = sum(1 for _ in part.checks())
    rate = part.false_fail_rate / max(1, n_random)
    report.risks.append(PartRisk(part.part, part.false_fail_rate, n_checks, n_random, rate))
    for where, check in located_checks(part):
        report.problems += _untitled(source, where, check)
        report.advice += _unexplained(source, where, check)
    for kind in golden_kinds(part):
        budget = "full" if kind == "full" else "short"
        try:
            golden = read_golden(assignment.golden(part.part, kind))
        except AutograderError as error:
            report.problems.append(source.problem((), str(error)))
            continue
        report.problems += _missing_truths(source, part, golden)
        report.problems += _missing_answers(source, part, golden)
        if advice := _few_replicates(part, golden):
            report.advice.append(source.problem(("summaries",), advice))
        for where, check in located_checks(part):
            params = CHECKS[check.check].params.model_validate(check.params)
            if isinstance(params, CheckParams) and budget in check.budgets:
                context = Context("", rate, golden)
                _lint_bands(report, part, source, (*where, "params"), check, params, context)


def golden_kinds(part: PartSpec) -> list[GoldenKind]:
    """Return the kinds of golden values that a part needs: of each budget, and of stand-ins for its data sets."""
    kinds: list[GoldenKind] = ["full"]
    if "short" in part.budgets:
        kinds += ["short", "stand_ins"] if part.data else ["short"]
    return kinds


def is_random(check: CheckSpec) -> bool:
    """Return whether a correct notebook can fail the check by chance."""
    return bool(getattr(CHECKS[check.check].params, "is_random", False))


def located_checks(part: PartSpec) -> Iterator[tuple[Location, CheckSpec]]:
    """Yield every check of a part with its place in the part's file."""
    for i, item in enumerate(part.items):
        for j, check in enumerate(item.checks):
            yield ("items", i, "checks", j), check


# ------------------------------------------------------------------ signatures


def _lint_signatures(report: Report, assignment: Assignment, part: PartSpec) -> None:
    """Add the names in the signatures of known mistakes that the rubric does not know (any more).

    They cost nobody marks: what an unknown check says is left out where failures are compared.
    """
    path = assignment.signatures(part.part)
    try:
        signatures = read_signatures(path)
    except UsageError as error:
        report.problems.append(Problem(shown(path), 0, 0, str(error)))
        return
    if signatures is None:
        return
    checks = {check.id for _, check in part.checks()}
    named = {name for one in signatures.mistakes for name in one.checks}
    for what, found, known in (
        ("item", {one.item for one in signatures.mistakes}, {item.id for item in part.items}),
        ("check", named.union(signatures.checks), checks),
    ):
        if unknown := sorted(found - known):
            text = (
                f"the rubric has no {what} {', '.join(map(repr, unknown))}; make the signatures again with: "
                f"autograder validate {assignment.id} --part {part.part} --signatures"
            )
            report.advice.append(Problem(shown(path), 0, 0, text))


# ----------------------------------------------------------------------- words


def _untitled(source: Source, where: Location, check: CheckSpec) -> Iterator[Problem]:
    if not check.title.strip():
        yield source.problem((*where, "title"), f"the check {check.id!r} has no title; students read it")


def _unexplained(source: Source, where: Location, check: CheckSpec) -> Iterator[Problem]:
    told = check.why or check.hint or check.params.get("why_not") or check.params.get("prompt")
    if not told:
        text = (
            f"the check {check.id!r} has neither why nor hint; a student who fails it is not told what to do"
        )
        yield source.problem(where, text)


# --------------------------------------------------------------------- goldens


def _missing_truths(source: Source, part: PartSpec, golden: Golden) -> Iterator[Problem]:
    command = f"autograder golden {golden.assignment} --part {part.part}"
    for key in part.truths:
        if not any(name == key or name.startswith((f"{key}.", f"{key}[")) for name in golden.values):
            text = f"the golden file holds no value for the truth {key!r}; make it with: {command}"
            yield source.problem(("truths", key), text)


def _missing_answers(source: Source, part: PartSpec, golden: Golden) -> Iterator[Problem]:
    command = f"autograder golden {golden.assignment} --part {part.part}"
    for key, spec in part.challenges.items():
        if spec.stored and key not in golden.answers:
            text = f"the golden file holds no answers of the reference to {key!r}; make them with: {command}"
            yield source.problem(("challenges", key), text)
    for where, check in located_checks(part):
        stored = [
            key for key in named_challenges([check]) if key in part.challenges and part.challenges[key].stored
        ]
        if stored and is_public(check):
            text = f"a public check cannot rest on {stored[0]!r}: students do not have the reference's answers to it"
            yield source.problem((*where, "public"), text)
        needs_answers = check.check == "function_gives"
        if needs_answers and not stored:
            yield source.problem(
                (*where, "params", "challenge"), "this check needs a challenge that says stored: true"
            )


def _few_replicates(part: PartSpec, golden: Golden) -> str:
    named = {word for _, check in part.checks() for word in _words(check.params)}
    counts = [
        value.replicates.n
        for key, value in golden.values.items()
        if value.replicates is not None
        and value.replicates.sd > 0.0  # what never differs needs no more of them
        and {key, key.partition("[")[0]} & named
    ]
    if not counts or min(counts) >= FEW_REPLICATES:
        return ""
    return (
        f"the golden file rests on {min(counts)} replicates of the reference, which makes wide bands; "
        f"make more with: autograder golden {golden.assignment} --part {part.part}"
    )


def _words(value: Any) -> Iterator[str]:
    """Yield all texts in the parameters of a check: golden values are asked for by their keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _words(one)


# ----------------------------------------------------------------------- bands


def _lint_bands(
    report: Report,
    part: PartSpec,
    source: Source,
    where: Location,
    check: CheckSpec,
    params: CheckParams,
    context: Context,
) -> None:
    """Add the bands of one check, and the typical mistakes that one of them holds."""
    bands: list[tuple[Location, BandSpec, Band]] = []
    for place, spec, n_sharing in band_specs(params, part):
        try:
            bands.append(((*where, *place), spec, spec.band(context, n_sharing)))
        except (AutograderError, ValueError) as error:
            text = f"the band {spec.name!r} cannot be made of the golden value {spec.golden!r}: {error}"
            report.problems.append(source.problem((*where, *place), text))
    for _, spec, band in bands:
        report.bands.append(
            BandRow(
                part=part.part,
                check=check.id,
                convention=spec.name,
                golden=spec.golden,
                method=spec.method,
                n=band.n,
                truth=band.truth,
                low=band.low,
                high=band.high,
                false_fail_rate=band.false_fail_rate,
                min_discrepancy=band.min_discrepancy,
                excludes=dict(spec.excludes),
            )
        )
    for place, spec, _ in bands:
        for mistake, value in spec.excludes.items():
            for _, other, band in bands:
                if band.contains(value):
                    text = (
                        f"the mistake {mistake!r} gives {value:g}, which lies in the band "
                        f"{band.low:.6g} to {band.high:.6g} ({other.name}) "
                        f"at the check's rate {context.rate:.1e}: it would pass"
                    )
                    report.problems.append(source.problem((*place, "excludes", mistake), text))
    for key in getattr(params, "near_miss", {}):
        if key not in context.golden.values:
            text = f"there is no golden value {key!r}{nearest(key, context.golden.values)}"
            report.problems.append(source.problem((*where, "near_miss", key), text))


def band_specs(params: CheckParams, part: PartSpec) -> Iterator[tuple[Location, BandSpec, int]]:
    """Yield the bands of a check: place below its `params`, band, number of tests that share its rate."""
    if isinstance(params, TableInBands):
        keys = part.evidence[params.evidence].keys
        for key in keys:
            name = f"{params.golden}[{key:g}]"
            yield ("golden",), BandSpec(name=f"for {key:g}", method="replicates", golden=name), len(keys)
    elif isinstance(params, ChainsFollowTarget):
        keys = part.evidence[params.draws].keys
        for index, summary in enumerate(params.summaries):
            for key in keys:
                spec = BandSpec(
                    name=f"{summary} for {key:g}", method="replicates", golden=f"{summary}[{key:g}]"
                )
                yield ("summaries", index), spec, len(keys) * len(params.summaries)
    else:
        yield from ((place, spec, 1) for place, spec in _declared(params, ()))


def _declared(value: object, place: Location) -> Iterator[tuple[Location, BandSpec]]:
    """Yield every band that the rubric writes out, wherever it stands in a check's parameters."""
    if isinstance(value, BandSpec):
        yield place, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _declared(getattr(value, name), (*place, name))
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            yield from _declared(entry, (*place, index))
