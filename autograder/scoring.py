"""From findings to marks: what every check is worth, and the notes that explain it.

Three rules keep one mistake at one deduction:

- a check whose evidence is missing because an earlier cell failed is BLOCKED and names the cell;
- a check that a style of notebook gives nothing to try on (no function to call) hands its points to its twin,
  which judges the same from other evidence;
- a check that rests on another item's result (`follows`) does not fail a second time when that item failed: the
  item's own function, tried with the reference's version of the result (`proof`), decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from autograder.checks.findings import Finding
from autograder.judging import Verdict
from autograder.records import CheckResult, ItemGrade, Note, Status
from autograder.rubric.model import CheckSpec, ItemSpec, PartSpec


@dataclass
class _Judgement:
    """A finding on its way to marks."""

    item: ItemSpec
    check: CheckSpec
    finding: Finding
    points: float
    is_evaluated: bool
    traceback: str
    waits_for_source: bool = False
    """Whether it waits for a person only because what it follows failed."""


def score_part(
    part: PartSpec, verdicts: Mapping[str, Verdict]
) -> tuple[tuple[ItemGrade, ...], tuple[Note, ...]]:
    """Return the marks of every item of a part, and the notes that explain them."""
    judgements = {}
    for item, check in part.checks():
        verdict = verdicts[check.id]
        judgements[check.id] = _Judgement(
            item, check, verdict.finding, float(check.points), verdict.is_evaluated, verdict.traceback
        )
    _hand_to_twins(judgements)
    for judgement in judgements.values():
        _follow_through(judgement, judgements)
    items = tuple(
        _item_grade(part, item, [judgements[check.id] for check in item.checks]) for item in part.items
    )
    return items, tuple(_notes(part, judgements.values()))


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
        if judgement.check.unseen == "person" and receiver.finding.fraction == 1.0:
            message = f"{judgement.finding.message} A person looks at it."
            judgement.finding = replace(
                judgement.finding, message=message, status=Status.REVIEW, fraction=0.0, untried=False
            )
            continue
        receiver.points += judgement.points
        verb = "is" if judgement.points == 1 else "are"
        message = f"{judgement.finding.message} Its {_points(judgement.points)} {verb} judged by “{receiver.check.title}”."
        judgement.finding = replace(judgement.finding, message=message)
        judgement.points = 0.0


def _points(points: float) -> str:
    return f"{points:g} point" + ("" if points == 1 else "s")


def _follow_through(judgement: _Judgement, judgements: Mapping[str, _Judgement]) -> None:
    check, finding = judgement.check, judgement.finding
    if (
        not check.rests_on
        or not (judgement.is_evaluated or finding.undecided)
        or finding.untried
        or finding.missing
        or finding.fraction == 1.0
        or finding.status.is_pending
    ):
        return
    for name in check.rests_on:
        if judgement.finding is finding:
            _excuse(judgement, judgements[name], judgements)


def _excuse(judgement: _Judgement, source: _Judgement, judgements: Mapping[str, _Judgement]) -> None:
    """Take nothing off where the check that a failed one rests on failed as well."""
    check, finding, hops = judgement.check, judgement.finding, len(judgements)
    while source.finding.untried and source.check.twin and hops:
        source, hops = judgements[source.check.twin], hops - 1
    if (
        source is judgement or source.finding.untried
    ):  # it judges for that one as well; or nothing was seen there
        return
    if source.finding.fraction == 1.0 or (source.finding.status.is_pending and not source.waits_for_source):
        return
    if finding.undecided and (source.finding.missing or not source.is_evaluated):
        return  # nothing wrong was seen there that could be the reason
    proof = judgements[check.proof] if check.proof else None
    title = source.check.title
    proved = proof is not None and proof.finding.status is Status.PASSED
    if proof is not None and proved and not finding.undecided:
        judgement.finding = replace(
            finding,
            status=Status.PASSED,
            fraction=1.0,
            message=f"This follows from the mistake found under “{title}”, which is marked there. "
            f"“{proof.check.title}” shows that this item itself is right, so nothing is taken off here.",
        )
    elif proof is None or proved or proof.finding.untried or proof.waits_for_source:
        judgement.waits_for_source = True
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
        extra=item.extra,
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
        hint=check.hint
        if finding.fraction < 1 and not finding.untried and not finding.status.is_pending
        else "",
        public=check.public,
        hidden=check.hidden,
        found=finding.found,
        pictures=finding.pictures,
        answer=finding.answer,
        proposed=round(points * finding.proposed, 4)
        if finding.proposed is not None and finding.status.is_pending
        else None,
        traceback=judgement.traceback,
    )


def _notes(part: PartSpec, judgements: Iterable[_Judgement]) -> Iterable[Note]:
    for erratum in part.errata:
        yield Note(kind="erratum", title=erratum.title, text=erratum.text, item=erratum.item)
    for judgement in judgements:
        for text in judgement.finding.notes:
            yield Note(kind="variant", title=judgement.check.title, text=text, item=judgement.item.id)
