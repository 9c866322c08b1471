"""What the checks of networks share: which module a challenge found, and which of several is judged."""

from __future__ import annotations

from collections.abc import Callable

from autograder.checks.findings import Finding, for_person, untried
from autograder.probes.evidence import Evidence
from autograder.probes.modules import ModuleSeen, read_module
from autograder.records import Status

MAX_SHAPES = 12
_ORDER = {Status.PASSED: 3, Status.FAILED: 2, Status.REVIEW: 1}


def modules_in(evidence: Evidence, key: str) -> list[ModuleSeen]:
    """Return the modules that a challenge found, best first, under its first case."""
    called = evidence.called[key]
    first = next(iter(called.cases), "")
    seen = [read_module(answer, called.cases[first]) for answer in called.answers if answer.case == first]
    return [module for module in seen if module is not None and module.record.runs]


def judge_modules(
    evidence: Evidence,
    key: str,
    what: str,
    judge: Callable[[ModuleSeen], Finding],
    named_alone: bool = False,
) -> Finding:
    """Return the best finding on the modules that may be meant; of equals, that on the first.

    A module that cannot be run on such inputs at all is not the one meant as long as another can. With `named_alone`,
    none is as long as one bears an accepted name.
    """
    modules = modules_in(evidence, key)
    working = [module for module in modules if any(run.status == "ok" for run in module.record.runs)]
    if named_alone:
        names = {name.casefold() for name in evidence.part.challenges[key].names}
        working = [module for module in working if module.name.casefold() in names] or working
    findings = [judge(module) for module in working or modules[:1]]
    if findings:
        return max(findings, key=lambda finding: (finding.fraction, _ORDER.get(finding.status, 0)))
    called = evidence.called[key]
    broken = [answer for answer in called.answers if answer.status in ("error", "time_limit")]
    if broken:
        error = broken[0].error or "the time limit"
        return for_person(f"`{broken[0].function}` could not be made or run: {error}."[:400])
    return untried(f"No module for {what} was found that could be run{called.reason}.")


def shown_shapes(module: ModuleSeen) -> str:
    """Return the shapes of a module's tensors, as in `512×784, 512`."""
    shapes = ["×".join(map(str, tensor.shape)) or "1" for tensor in module.structure.tensors]
    return ", ".join(shapes[:MAX_SHAPES]) + (", ..." if len(shapes) > MAX_SHAPES else "")
