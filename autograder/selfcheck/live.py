"""`from autograder import check; check("a2")`: the self-check of a notebook that is running, in one of its cells."""

from __future__ import annotations

import html
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from autograder.checks.findings import Context, Finding
from autograder.errors import AutograderError
from autograder.golden import Golden
from autograder.jobs import make_plan
from autograder.judging import Verdict, agreement_of, judge_check, rate_of
from autograder.probes.challenges import draw_cases
from autograder.probes.evidence import Evidence, NotObserved, gather
from autograder.records import ExecutionRecord, Status
from autograder.rubric.model import CheckSpec
from autograder.rubric.public import challenges_for, named_challenges, named_evidence
from autograder.selfcheck.choosing import Chosen, choices, choose, find_content
from autograder.selfcheck.executing import doubted, from_verdicts
from autograder.selfcheck.observing import observe
from autograder.selfcheck.results import ELSEWHERE, SelfCheck
from autograder.store import new_secret

OBSERVER = "_notebook_observer"
"""Module that is there where a grading executes the notebook."""
_CELL = re.compile(r" \(cell \d+\)")


class Said(str):
    """A sentence that shows itself below a cell."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self)}</p>"


class _Unseen(tuple[Any, ...]):
    """Stands for what a live namespace does not show; whoever looks at it is told so."""

    def _refuse(self, *_: object) -> Any:
        raise NotObserved(ELSEWHERE)

    __iter__ = __len__ = __getitem__ = __contains__ = __add__ = _refuse


UNSEEN = _Unseen()


def check(
    item: str | None = None,
    *,
    part: str | None = None,
    assignment: str | None = None,
    content: str | Path | None = None,
) -> SelfCheck | Said:
    """Return the self-check of what the notebook holds now; it shows itself as the last line of a cell.

    Nothing in the notebook is changed. What lies in cells, figures and outputs cannot be seen from here.

    Parameters
    ----------
    item : the item to check, such as "a2"; None: all of a part
    part, assignment : which, where the notebook may belong to several
    content : folder that holds `rubrics`; None: the nearest above the working directory
    """
    if OBSERVER in sys.modules:
        return Said("Self-check: left out, for the whole notebook is being executed.")
    names, sources = _surroundings(sys._getframe(1))
    try:
        root = find_content(Path.cwd(), Path(content) if content is not None else None)
        offered = choices(root, assignment, part, item)
        cells = [{"cell_type": "code", "source": source} for source in sources]
        chosen = choose(offered, {"cells": cells}, "", _how)
    except AutograderError as error:
        return Said(f"Self-check: {error}")
    return check_namespace(names, chosen)


def _how(chosen: Chosen) -> str:
    return f'check(part="{chosen.part.part}", assignment="{chosen.assignment.id}")'


def _surroundings(caller: FrameType) -> tuple[dict[str, Any], list[str]]:
    """Return the live namespace, and the sources of the cells that were run; without IPython, the caller's module."""
    ask = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell: Any = ask() if ask is not None else None
    if shell is None:
        return caller.f_globals, []
    history = shell.user_ns.get("In", [])
    return shell.user_ns, [str(source) for source in history]


def check_namespace(names: dict[str, Any], chosen: Chosen) -> SelfCheck:
    """Return the self-check of a namespace: the public checks that values and functions alone can tell."""
    evidence, golden = _evidence(names, chosen)
    rate = rate_of(chosen.part)
    template = chosen.template
    verdicts = {
        one.id: _verdict(one, evidence, Context(item.id, rate, golden, True, template))
        for item in chosen.items
        for one in item.checks
        if one.id in chosen.wanted
    }
    return from_verdicts(chosen, verdicts, doubted=doubted(chosen, evidence))


def _evidence(names: dict[str, Any], chosen: Chosen) -> tuple[Evidence, Golden]:
    """Return what a namespace shows, and nothing of what it does not."""
    needed = challenges_for(chosen.part, chosen.wanted)
    challenges = {key: spec for key, spec in chosen.part.challenges.items() if key in needed}
    part = chosen.part.model_copy(update={"challenges": challenges})
    secret = new_secret()
    cases = {key: draw_cases(spec, secret, "live", key) for key, spec in challenges.items()}
    plan = json.loads(make_plan(part, cases, {}).model_dump_json())
    own = [name for name, value in names.items() if value is check or isinstance(value, SelfCheck | Said)]
    seen = observe(names, plan["challenges"], part.limits.record_mib, own)
    golden = chosen.golden("full")
    state = ExecutionRecord(state="complete")
    evidence = gather(part, (), seen, state, cases, {}, agreement_of(part, golden))
    unseen = dict.fromkeys(
        ("figures", "seeds", "torch_seeds", "notices", "datasets", "training", "layers", "saved"), UNSEEN
    )
    return replace(evidence, cells=UNSEEN, observations=replace(seen, **unseen)), golden


def _verdict(check: CheckSpec, evidence: Evidence, context: Context) -> Verdict:
    """Return what a check says of a namespace; what is not there may be elsewhere, and never counts as a failure."""
    if not _is_told(check, evidence):
        return _elsewhere(_absent(check, evidence))
    verdict = judge_check(check, evidence, context)
    finding = verdict.finding
    if finding.status is Status.ERROR:
        return verdict
    if finding.message == ELSEWHERE:
        return _elsewhere("")
    if not verdict.is_evaluated or finding.missing or finding.undecided or finding.untried:
        return _elsewhere(finding.message)
    found = tuple(one.model_copy(update={"cell": None}) for one in finding.found)
    return Verdict(replace(finding, found=found), is_evaluated=True)


def _is_told(check: CheckSpec, evidence: Evidence) -> bool:
    """Whether the namespace holds anything that a check looks at."""
    called = [evidence.called[key] for key in named_challenges([check]) if key in evidence.called]
    return any(map(evidence.has, named_evidence([check]))) or any(one.can_be_called for one in called)


def _absent(check: CheckSpec, evidence: Evidence) -> str:
    looked = [spec.about for key, spec in evidence.part.evidence.items() if key in named_evidence([check])]
    return f"No value was found for {looked[0]}: run the cell that makes it." if looked else ""


def _elsewhere(message: str) -> Verdict:
    told = f"{_CELL.sub('', message)} {ELSEWHERE}".strip()
    return Verdict(Finding(Status.BLOCKED, 0.0, message=told), is_evaluated=False)
