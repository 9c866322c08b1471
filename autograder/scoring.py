"""From evidence to marks: every check's finding, what it is worth, and the notes that explain it.

Three rules keep one mistake at one deduction:

- a check whose evidence is missing because an earlier cell failed is BLOCKED and names the cell;
- a check that a style of notebook gives nothing to try on (no function to call) hands its points to its twin,
  which judges the same from other evidence;
- a check that rests on another item's result (`follows`) does not fail a second time when that item failed: the
  item's own function, tried with the reference's version of the result (`proof`), decides.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from autograder.checks.findings import Context, Finding, failed, for_person, join
from autograder.golden import Golden
from autograder.probes.evidence import Agreement, Evidence
from autograder.records import CheckResult, ItemGrade, Note, Status
from autograder.registry import CHECKS
from autograder.rubric.model import CheckSpec, EvidenceKey, ItemSpec, PartSpec
from autograder.template_cells import TemplateCells

_EVIDENCE_TAG = EvidenceKey.__metadata__[0]  # type: ignore[attr-defined]  # Annotated carries it at run time
MAX_NAMES = 4


@dataclass
class _Judgement:
    """A finding on its way to marks."""

    item: ItemSpec
    check: CheckSpec
    finding: Finding
    points: float
    is_evaluated: bool
    traceback: str = ""


def score_part(
    part: PartSpec, evidence: Evidence, golden: Golden, template: TemplateCells
) -> tuple[tuple[ItemGrade, ...], tuple[Note, ...]]:
    """Return the marks of every item of a part, and the notes that go with them."""
    rate = part.false_fail_rate / max(1, sum(_is_random(check) for _, check in part.checks()))
    has_work = has_any_work(evidence)
    judgements = {
        check.id: _judge(item, check, evidence, Context(item.id, rate, golden, has_work, template))
        for item, check in part.checks()
    }
    _hand_to_twins(judgements)
    for judgement in judgements.values():
        _follow_through(judgement, judgements)
    items = tuple(
        _item_grade(part, item, [judgements[check.id] for check in item.checks]) for item in part.items
    )
    return items, tuple(_notes(part, evidence, judgements.values()))


def agreement_of(part: PartSpec, golden: Golden) -> Agreement:
    """Return how well evidence agrees with the rest: the summed fractions of the checks that its spec names."""
    by_id = {check.id: (item, check) for item, check in part.checks()}
    rate = part.false_fail_rate / max(1, sum(_is_random(check) for _, check in part.checks()))

    def agreement(evidence: Evidence, key: str) -> float:
        total = 0.0
        for check_id in part.evidence[key].agrees:
            item, check = by_id[check_id]
            judgement = _judge(item, check, evidence, Context(item.id, rate, golden))
            total += judgement.finding.fraction
        return total

    return agreement


def _is_random(check: CheckSpec) -> bool:
    return bool(getattr(CHECKS[check.check].params, "is_random", False))


def has_any_work(evidence: Evidence) -> bool:
    """Return whether anything was found that the student made: a value, a figure, or a function that answers."""
    if any(bound.is_found for bound in evidence.bound.values()) or evidence.observations.figures:
        return True
    return any(
        answer.status == "ok" and any(leaf.value is not None for leaf in answer.leaves)
        for called in evidence.called.values()
        for answer in called.answers
    )


def _judge(item: ItemSpec, check: CheckSpec, evidence: Evidence, context: Context) -> _Judgement:
    entry = CHECKS[check.check]
    params = entry.params.model_validate(check.params)
    points = float(check.points)
    try:
        for name, field in type(params).model_fields.items():
            key = getattr(params, name)
            if _EVIDENCE_TAG in field.metadata and isinstance(key, str) and not evidence.has(key):
                return _Judgement(item, check, _missing(evidence, key, context), points, is_evaluated=False)
        if not context.has_work and check.check != "is_written":
            finding = failed("Nothing of yours was found in this notebook yet.", expected="your work")
            return _Judgement(item, check, finding, points, is_evaluated=False)
        return _Judgement(item, check, entry.function(evidence, params, context), points, is_evaluated=True)
    except Exception:  # a check of ours that breaks costs the student nothing
        finding = Finding(
            Status.ERROR,
            0.0,
            message="This could not be judged because of a fault of ours; a person will look at it.",
        )
        return _Judgement(
            item, check, finding, points, is_evaluated=False, traceback=traceback.format_exc()[-4000:]
        )


def _missing(evidence: Evidence, key: str, context: Context) -> Finding:
    """Return what to say when the evidence of a check is not there."""
    spec, bound = evidence.part.evidence[key], evidence.bound[key]
    names = join([f"`{name}`" for name in spec.names[:MAX_NAMES]])
    if len(bound.candidates) > 1:
        listed = join(
            [
                f"`{one.path}`" + (f" (cell {one.cell + 1})" if one.cell is not None else "")
                for one in bound.candidates
            ]
        )
        return for_person(
            f"Several values could be {spec.about}: {listed}. A person will say which is meant.",
            expected=spec.about,
        )
    if cause := evidence.failure_in(context.item):
        return Finding(
            Status.BLOCKED,
            0.0,
            message=f"There is no value for {spec.about}: {cause}.",
            observed="not there",
            expected=spec.about,
        )
    looked = f" Looked for under names such as {names}, and for anything of that kind." if names else ""
    return failed(f"No value was found for {spec.about}.{looked}", observed="not found", expected=spec.about)


def _hand_to_twins(judgements: dict[str, _Judgement]) -> None:
    """Move the points of checks that could not be tried to the checks that judge the same from other evidence."""
    for judgement in judgements.values():
        if not judgement.finding.untried:
            continue
        seen, twin = {judgement.check.id}, judgement.check.twin
        while twin is not None and twin not in seen and judgements[twin].finding.untried:
            seen.add(twin)
            twin = judgements[twin].check.twin
        if twin is None or twin in seen:
            continue
        receiver = judgements[twin]
        receiver.points += judgement.points
        message = f"{judgement.finding.message} Its {_points(judgement.points)} are judged by “{receiver.check.title}”."
        judgement.finding = replace(judgement.finding, message=message)
        judgement.points = 0.0


def _points(points: float) -> str:
    return f"{points:g} point" + ("" if points == 1 else "s")


def _follow_through(judgement: _Judgement, judgements: Mapping[str, _Judgement]) -> None:
    check, finding = judgement.check, judgement.finding
    if (
        check.follows is None
        or not judgement.is_evaluated
        or finding.untried
        or finding.fraction == 1.0
        or finding.status.is_pending
    ):
        return
    source = judgements[check.follows]
    if source.finding.untried and source.check.twin:
        source = judgements[source.check.twin]
    if source.finding.fraction == 1.0 or source.finding.status.is_pending:
        return
    proof = judgements[check.proof] if check.proof else None
    title = source.check.title
    if proof is not None and proof.finding.status is Status.PASSED:
        judgement.finding = replace(
            finding,
            status=Status.PASSED,
            fraction=1.0,
            message=f"This follows from the mistake found under “{title}”, which is marked there. "
            f"Your own function is right when it is given the right density, so nothing is taken off here.",
        )
    elif proof is None or proof.finding.untried:
        judgement.finding = replace(
            finding,
            status=Status.REVIEW,
            fraction=0.0,
            message=f"{finding.message} This may follow from the mistake found under “{title}”; a person will look at it.",
        )


def _item_grade(part: PartSpec, item: ItemSpec, judgements: Iterable[_Judgement]) -> ItemGrade:
    results = tuple(_result(judgement) for judgement in judgements)
    return ItemGrade(
        id=item.id,
        part=part.part,
        title=item.title,
        earned=round(sum(result.earned for result in results), 4),
        pending=round(sum(result.pending for result in results), 4),
        possible=float(item.points),
        checks=results,
    )


def _result(judgement: _Judgement) -> CheckResult:
    check, finding, points = judgement.check, judgement.finding, judgement.points
    pending = points if finding.status.is_pending else 0.0
    return CheckResult(
        id=check.id,
        title=check.title,
        status=finding.status,
        fraction=round(finding.fraction, 4),
        points=points,
        earned=0.0 if pending else round(points * finding.fraction, 4),
        pending=pending,
        observed=finding.observed,
        expected=finding.expected,
        message=finding.message,
        why=check.why,
        hint=check.hint if finding.fraction < 1 and finding.status is not Status.REVIEW else "",
        public=check.public,
        found=finding.found,
        pictures=finding.pictures,
        answer=finding.answer,
        traceback=judgement.traceback,
    )


def _notes(part: PartSpec, evidence: Evidence, judgements: Iterable[_Judgement]) -> Iterable[Note]:
    for erratum in part.errata:
        yield Note(kind="erratum", title=erratum.title, text=erratum.text, item=erratum.item)
    for judgement in judgements:
        for text in judgement.finding.notes:
            yield Note(kind="variant", title=judgement.check.title, text=text, item=judgement.item.id)
    for key, bound in evidence.bound.items():
        spec, item = evidence.part.evidence[key], key.split(".")[0]
        if bound.found is not None and bound.found.how in ("suggestion", "printed"):
            cell = f" (cell {bound.found.cell + 1})" if bound.found.cell is not None else ""
            where = "in the printed line" if bound.found.how == "printed" else "under"
            yield Note(
                kind="found", title=spec.about, text=f"Found {where} `{bound.found.path}`{cell}.", item=item
            )
        elif len(bound.candidates) > 1:
            listed = ", ".join(f"`{one.path}`" for one in bound.candidates)
            yield Note(
                kind="confirm", title=spec.about, text=f"To be confirmed as {key}: {listed}.", item=item
            )
    for problem in evidence.problems:
        yield Note(kind="execution", title="observation", text=problem)
