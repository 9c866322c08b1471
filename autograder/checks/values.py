"""Claims about single numbers, tables of numbers, shapes and data types."""

from __future__ import annotations

from pydantic import Field

from autograder.checks.bands import BandSpec, place
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    FormCheckParams,
    MissingEvidence,
    RandomCheckParams,
    failed,
    join,
    judged,
    number,
)
from autograder.probes.evidence import Evidence
from autograder.records import Found, Picture
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey, EvidenceKey, OptionalEvidenceKey


class NumberInBand(RandomCheckParams):
    """A reported number and the bands of its legitimate conventions."""

    evidence: EvidenceKey
    bands: list[BandSpec] = Field(min_length=1)
    label: str
    near_miss: dict[str, str] = Field(default_factory=dict)
    """Golden key of a typical mistake's value to the sentence that names the mistake."""


@CHECKS.register(NumberInBand)
def number_in_band(evidence: Evidence, params: NumberInBand, context: Context) -> Finding:
    """The reported number lies in the band of one of its accepted conventions."""
    value = evidence.number(params.evidence)
    bound = evidence.bound[params.evidence]
    placed = place(value, params.bands, context, bound.rounding)
    about = {
        "observed": number(value),
        "expected": placed.expected,
        "pictures": (placed.picture(value, params.label),),
        "found": where(evidence, params.evidence),
    }
    if placed.name:
        notes = (
            (f"Your {params.label} was read as: {placed.name}.",)
            if placed.name != params.bands[0].name
            else ()
        )
        return judged(
            1.0, message=f"Your {params.label} is {number(value)}, as it should be.", notes=notes, **about
        )
    cause = _named_mistake(value, params, context)
    return failed(
        f"Your {params.label} is {number(value)}; a correct run does not give this value.{cause}", **about
    )


def _named_mistake(value: float, params: NumberInBand, context: Context) -> str:
    for key, sentence in params.near_miss.items():
        golden = context.golden.value(key)
        if golden.truth is not None and golden.sd is not None and abs(value - golden.truth) <= 4 * golden.sd:
            return f" {sentence}"
    return ""


class TableInBands(RandomCheckParams):
    """Reported numbers, one a key, each with the golden value `<golden>[<key>]`."""

    evidence: EvidenceKey
    golden: str
    label: str
    accept_percent: bool = False
    """Whether 94.5 may stand for 0.945."""


@CHECKS.register(TableInBands)
def table_in_bands(evidence: Evidence, params: TableInBands, context: Context) -> Finding:
    """Each reported number of a table lies in the band of its key; each key counts equally."""
    keys = [float(key) for key in evidence.part.evidence[params.evidence].keys]
    table = evidence.table(params.evidence)
    rounding = evidence.bound[params.evidence].rounding
    right: list[str] = []
    wrong: list[str] = []
    expected: list[str] = []
    pictures: list[Picture] = []
    notes: list[str] = []
    for key in keys:
        spec = BandSpec(name=f"for {key:g}", method="replicates", golden=f"{params.golden}[{key:g}]")
        if key not in table:
            wrong.append(f"{key:g}: not found")
            continue
        value = float(table[key].reshape(-1)[0])
        if params.accept_percent and value > 1.5:
            value, notes = value / 100, [f"Your {params.label}s were read as percentages."]
        placed = place(value, [spec], context, rounding, len(keys))
        expected.append(f"{key:g}: {placed.expected.split(' (')[0]}")
        pictures.append(placed.picture(value, f"{params.label} for {key:g}"))
        (right if placed.name else wrong).append(f"{key:g}: {number(value)}")
    message = (
        f"Your {params.label}s are as they should be."
        if not wrong
        else f"These {params.label}s are not what a correct run gives: {join(wrong)}."
    )
    return judged(
        len(right) / len(keys),
        observed="; ".join(right + wrong),
        expected="; ".join(expected),
        message=message,
        pictures=tuple(pictures),
        found=where(evidence, params.evidence),
        notes=tuple(notes),
    )


class RowsKept(CheckParams):
    """An array, or a table of arrays, that must have a number of rows."""

    evidence: OptionalEvidenceKey
    n: int
    alternative: OptionalEvidenceKey | None = None
    """Evidence with a row for each of the same draws (the weights of draws that were not kept)."""
    slack: int = 0
    """How many rows more or fewer a legitimate convention gives (the initial state kept, a thinning offset)."""
    why_not: str = ""
    """What to say of another number of rows."""


@CHECKS.register(RowsKept)
def rows_kept(evidence: Evidence, params: RowsKept, context: Context) -> Finding:
    """The array has the number of rows that the sheet asks for (each key of a table counts equally)."""
    spec = evidence.part.evidence[params.evidence]
    if not evidence.has(params.evidence):
        return _rows_otherwise(evidence, params)
    if spec.kind == "table":
        keys = [float(key) for key in spec.keys]
        found = {key: len(value) for key, value in evidence.table(params.evidence).items()}
        sizes = [found.get(key, 0) for key in keys]
    else:
        sizes = [len(evidence.array(params.evidence))]
    right = [abs(size - params.n) <= params.slack for size in sizes]
    shown = join([f"{size:,}" for size in sizes])
    if all(right):
        message = f"You kept {shown} rows."
    else:
        message = f"You kept {shown} rows; the sheet's settings give {params.n:,}. {params.why_not}".strip()
    return judged(
        sum(right) / len(right),
        observed=f"{shown} rows",
        expected=f"{params.n:,} rows",
        message=message,
        found=where(evidence, params.evidence),
    )


def _rows_otherwise(evidence: Evidence, params: RowsKept) -> Finding:
    """Return what other evidence says of rows that were not kept: rows beside them, or a figure that shows them all."""
    if evidence.has(params.alternative) and params.alternative is not None:
        n = len(evidence.array(params.alternative))
        if abs(n - params.n) <= params.slack:
            about = evidence.part.evidence[params.alternative].about
            return judged(
                1.0,
                observed=f"{n:,} rows",
                expected=f"{params.n:,} rows",
                message=f"Seen in {about}: {n:,} rows.",
            )
    for figure in evidence.observations.figures:
        for axes in figure.axes:
            for drawn in (*axes.get("lines", []), *axes.get("scatters", [])):
                if abs(int(drawn.get("n", 0)) - params.n) <= params.slack:
                    message = f"A figure shows {int(drawn['n']):,} draws."
                    found = (Found(how="figure", cell=figure.cell),)
                    return judged(
                        1.0, observed=message, expected=f"{params.n:,} rows", message=message, found=found
                    )
    raise MissingEvidence(params.evidence)


class InDoublePrecision(FormCheckParams):
    """Evidence that must have been computed in float64."""

    evidence: list[EvidenceKey]
    challenge: ChallengeKey | None = None
    """A function whose answers must be float64 as well."""


@CHECKS.register(InDoublePrecision)
def in_double_precision(evidence: Evidence, params: InDoublePrecision, context: Context) -> Finding:
    """The student's arrays, and what the density returns, are float64."""
    kinds = {key: evidence.dtype(key) for key in params.evidence if evidence.has(key)}
    kinds = {
        evidence.part.evidence[key].about: kind for key, kind in kinds.items() if kind.startswith("float")
    }
    called = evidence.called.get(params.challenge or "")
    for answer in called.answers if called else ():
        for leaf in answer.leaves[:1]:
            if answer.status == "ok" and leaf.dtype.startswith("float"):
                kinds["what your density returns"] = "float64" if leaf.dtype == "float" else leaf.dtype
    if not kinds:
        return failed("No array was found whose precision could be seen.", expected="float64")
    single = [about for about, kind in kinds.items() if kind not in ("float64", "float")]
    if single:
        found = join(single)
        return failed(
            f"Not in double precision: {found}.",
            observed=", ".join(sorted(set(kinds.values()))),
            expected="float64",
        )
    return judged(1.0, observed="float64", expected="float64", message="Your arrays are in double precision.")


def where(evidence: Evidence, *keys: str) -> tuple[Found, ...]:
    """Return where the evidence under `keys` was found."""
    return tuple(
        found for key in keys if key in evidence.bound and (found := evidence.bound[key].found) is not None
    )
