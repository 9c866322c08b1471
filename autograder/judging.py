"""From evidence to findings: what each check says of a notebook, kept so that it is worked out once.

A finding depends on the evidence, on the check's parameters, on the golden values and on the engine's own code,
and on nothing else: points, titles and hints may change without it. Findings are kept beside the execution under
a digest of all that; an edit of the rubric works out again only what it touches.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from autograder.checks.findings import Context, Finding, MissingEvidence, failed, for_person, join, untried
from autograder.golden import Golden
from autograder.probes.evidence import Agreement, Evidence, NotObserved
from autograder.probes.observations import Leaf
from autograder.probes.surroundings import surroundings_notes, unreached_data
from autograder.probes.typed import typed_in
from autograder.records import Note, Record, Status
from autograder.registry import CHECKS, Entry
from autograder.rubric.model import Budget, CheckSpec, EvidenceKey, ItemSpec, PartSpec
from autograder.store import read_record, write_record
from autograder.template_cells import TemplateCells

_EVIDENCE_TAG = get_args(EvidenceKey)[1]
MAX_NAMES = 4
BESIDE = frozenset(
    ("is_read", "convention", "form", "bound", "prompt", "vocab_size", "wears", "seen", "asked")
)
"""What the neural modes tell of a call beside its result."""


@dataclass(frozen=True)
class Verdict:
    """What one check found."""

    finding: Finding
    is_evaluated: bool
    """Whether the check itself spoke: its evidence was there."""
    traceback: str = ""


class KeptVerdict(Record):
    """A verdict with the digest of all that it depends on."""

    key: str
    verdict: dict[str, Any]


class KeptFindings(Record):
    """`findings.json`: the verdicts of one part, and what else the evidence said."""

    schema_version: int = 1
    evidence_key: str
    verdicts: dict[str, KeptVerdict]
    notes: tuple[Note, ...]
    cell_items: tuple[str | None, ...]


_VERDICT = TypeAdapter(Verdict)


@dataclass(frozen=True)
class Judged:
    """All that scoring needs of one notebook."""

    verdicts: dict[str, Verdict]
    notes: tuple[Note, ...]
    cell_items: tuple[str | None, ...]


def judge_part(
    part: PartSpec,
    golden: Golden,
    template: TemplateCells,
    execution_key: str,
    gather: Callable[[Agreement], Evidence],
    kept_at: Path,
    budget: Budget = "full",
    wanted: Collection[str] | None = None,
) -> Judged:
    """Return the verdict of every check of a part; the evidence is gathered only when one has to be worked out.

    Parameters
    ----------
    execution_key : what the stored execution and the confirmed bindings are, as a text
    gather : gives the evidence
    kept_at : file of the verdicts that were worked out before
    budget : how the notebook was tried
    wanted : ids of the checks that are judged; None: all
    """
    evidence_key = _evidence_key(part, execution_key)
    rate = rate_of(part)
    checks = [(item, check) for item, check in part.checks() if wanted is None or check.id in wanted]
    keys = {check.id: _check_key(evidence_key, item, check, rate, golden, template) for item, check in checks}
    kept = read_record(kept_at, KeptFindings)
    waiting = {check.id: _waits(budget) for _, check in checks if budget not in check.budgets}
    known: dict[str, Verdict] = dict(waiting)
    if kept is not None and kept.evidence_key == evidence_key:
        known = dict(_known(kept, keys)) | waiting
        if len(known) == len(keys):
            return Judged(known, kept.notes, kept.cell_items)
    evidence = gather(agreement_of(part, golden))
    has_work = has_any_work(evidence)
    unreached = unreached_data(evidence) if part.own_data else ""
    for item, check in checks:
        if check.id not in known:
            context = Context(item.id, rate, golden, has_work or budget == "replay", template)
            known[check.id] = judge_check(check, evidence, context)
            if budget == "replay":
                known[check.id] = _of_stored(known[check.id])
            elif unreached:
                known[check.id] = _of_unreached(known[check.id], unreached)
    judged = Judged(known, tuple(_notes(evidence)), tuple(cell.item for cell in evidence.cells))
    verdicts = {
        check_id: KeptVerdict(key=keys[check_id], verdict=_VERDICT.dump_python(verdict, mode="json"))
        for check_id, verdict in known.items()
        if verdict.finding.status is not Status.ERROR and check_id not in waiting
    }
    kept = KeptFindings(
        evidence_key=evidence_key, verdicts=verdicts, notes=judged.notes, cell_items=judged.cell_items
    )
    write_record(kept_at, kept)
    return judged


def _waits(budget: Budget) -> Verdict:
    """Return the verdict of a check that the budget of the grading cannot try."""
    reason = {
        "replay": "Nothing was executed in this grading, and the stored outputs alone cannot show this.",
        "short": "A short run cannot show this; it waits for a grading with the full budget.",
        "full": "This belongs to another budget.",
    }[budget]
    return Verdict(for_person(reason), is_evaluated=False)


def _of_stored(verdict: Verdict) -> Verdict:
    """Return a verdict on stored outputs: what is not there waits, as it may be there when the notebook runs."""
    if verdict.finding.missing or verdict.finding.untried or not verdict.is_evaluated:
        return Verdict(for_person(f"{verdict.finding.message} Nothing was executed."), is_evaluated=False)
    return verdict


def _of_unreached(verdict: Verdict, unreached: str) -> Verdict:
    """Return a verdict on a notebook whose own data could not be loaded: what is not right waits."""
    finding = verdict.finding
    if (finding.status is Status.PASSED and finding.fraction == 1.0) or finding.status is Status.ERROR:
        return verdict
    return Verdict(for_person(unreached), is_evaluated=False)


def _known(kept: KeptFindings, keys: Mapping[str, str]) -> Iterator[tuple[str, Verdict]]:
    for check_id, key in keys.items():
        one = kept.verdicts.get(check_id)
        if one is not None and one.key == key:
            try:
                yield check_id, _VERDICT.validate_python(one.verdict)
            except ValidationError:  # written by another version of the engine
                continue


def _evidence_key(part: PartSpec, execution_key: str) -> str:
    wanted = part.model_dump(
        mode="json", include={"evidence", "challenges", "sections", "summaries", "own_data"}
    )
    return _digest(engine_digest(), execution_key, wanted)


def _check_key(
    evidence_key: str, item: ItemSpec, check: CheckSpec, rate: float, golden: Golden, template: TemplateCells
) -> str:
    goldens = {key: value.model_dump(mode="json") for key, value in golden.values.items()}
    return _digest(
        evidence_key,
        item.id,
        check.check,
        check.params,
        rate,
        goldens,
        sorted(template.texts),
        sorted(template.prompts),
    )


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@functools.cache
def engine_digest() -> str:
    """Return a digest of the code that findings depend on."""
    package = Path(__file__).parent
    running = hashlib.sha256()
    for folder in ("checks", "probes", "stats", "rubric"):
        for path in sorted((package / folder).glob("*.py")):
            running.update(path.read_bytes())
    running.update(Path(__file__).read_bytes())
    return running.hexdigest()


def agreement_of(part: PartSpec, golden: Golden) -> Agreement:
    """Return how well evidence agrees with the rest: the summed fractions of the checks that its spec names."""
    by_id = {check.id: (item, check) for item, check in part.checks()}
    rate = rate_of(part)

    def agreement(evidence: Evidence, key: str) -> float:
        total = 0.0
        for check_id in part.evidence[key].agrees:
            item, check = by_id[check_id]
            total += judge_check(check, evidence, Context(item.id, rate, golden)).finding.fraction
        return total

    return agreement


def rate_of(part: PartSpec) -> float:
    """Return what each random check of a part may fail of correct work: the part's rate, split evenly."""
    return part.false_fail_rate / max(1, sum(is_random(check) for _, check in part.checks()))


def is_random(check: CheckSpec) -> bool:
    """Return whether a check tests a random quantity and so shares the part's false-fail rate."""
    return bool(getattr(CHECKS[check.check].params, "is_random", False))


def has_any_work(evidence: Evidence) -> bool:
    """Return whether the student computed anything: an array, a figure, a training, or a function that answers.

    Numbers alone may be constants that were typed in, and so may lists of them; what a template gives is no work either.
    """
    if evidence.observations.figures or any(one.kind == "step" for one in evidence.observations.training):
        return True
    for key, bound in evidence.bound.items():
        if typed_in(evidence, key):
            continue
        leaves = [bound.leaf] if bound.leaf is not None else list((bound.table or {}).values())
        if any(leaf.number is None for leaf in leaves):
            return True
    return any(
        answer.status == "ok" and any(_is_given(leaf) for leaf in answer.leaves)
        for called in evidence.called.values()
        for answer in called.answers
    )


def _is_given(leaf: Leaf) -> bool:
    """Whether the notebook's function gave a value, and not the kernel's side beside it."""
    return leaf.value is not None and not BESIDE.intersection(map(str, leaf.path.steps))


def judge_check(check: CheckSpec, evidence: Evidence, context: Context) -> Verdict:
    """Return what one check says of the evidence; whatever breaks in it is our fault, and becomes an ERROR."""
    entry = CHECKS[check.check]
    params = entry.params.model_validate(check.params)
    try:
        return _evaluated(entry, params, evidence, context)
    except NotObserved as unseen:
        return Verdict(untried(str(unseen)), is_evaluated=False)
    except Exception:  # a check of ours that breaks costs the student nothing
        finding = Finding(
            Status.ERROR,
            0.0,
            message="This could not be judged because of a fault of ours; a person will look at it.",
        )
        return Verdict(finding, is_evaluated=False, traceback=traceback.format_exc()[-4000:])


def _evaluated(entry: Entry[Any], params: BaseModel, evidence: Evidence, context: Context) -> Verdict:
    for name, field in type(params).model_fields.items():
        key = getattr(params, name)
        if _EVIDENCE_TAG in field.metadata and isinstance(key, str) and not evidence.has(key):
            return Verdict(_missing(evidence, key, context), is_evaluated=False)
    if getattr(params, "needs_work", False) and not context.has_work:
        finding = failed(
            "There is no computation of yours yet that this could be said of.", expected="your work"
        )
        return Verdict(finding, is_evaluated=False)
    try:
        return Verdict(_drawable(entry.function(evidence, params, context)), is_evaluated=True)
    except MissingEvidence as missing:
        return Verdict(_missing(evidence, missing.key, context), is_evaluated=False)


def _drawable(finding: Finding) -> Finding:
    """Return a finding without the pictures that cannot be drawn: a notebook's number may be nan or infinite."""
    pictures = tuple(one for one in finding.pictures if _is_finite(one.data))
    return finding if len(pictures) == len(finding.pictures) else replace(finding, pictures=pictures)


def _is_finite(data: Any) -> bool:
    if isinstance(data, dict | list | tuple):
        return all(map(_is_finite, data.values() if isinstance(data, dict) else data))
    return not isinstance(data, float) or math.isfinite(data)


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
    message = f"No value was found for {spec.about}.{looked}"
    # In a notebook that computed nothing, values that might have been meant are the template's own.
    is_undecided = bound.is_undecided and context.has_work
    return failed(message, observed="not found", expected=spec.about, undecided=is_undecided)


def _notes(evidence: Evidence) -> Iterator[Note]:
    for key, bound in evidence.bound.items():
        if len(bound.candidates) > 1:
            listed = ", ".join(f"`{one.path}`" for one in bound.candidates)
            about = evidence.part.evidence[key].about
            yield Note(
                kind="confirm",
                title=about,
                text=f"To be confirmed as {key}: {listed}.",
                item=key.split(".")[0],
            )
    yield from surroundings_notes(
        evidence.part.part, evidence.execution, evidence.cells, evidence.observations.notices
    )
    for problem in evidence.problems:
        yield Note(kind="execution", title="observation", text=problem)
