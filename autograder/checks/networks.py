"""What the checks of networks share: which module a challenge found, and which of several is judged."""

from __future__ import annotations

from collections.abc import Callable

from autograder.checks.findings import Finding, failed, for_person, untried
from autograder.probes.evidence import Evidence
from autograder.probes.modules import ModuleSeen, read_module
from autograder.records import Status

MAX_SHAPES = 12
_ORDER = {Status.PASSED: 3, Status.FAILED: 2, Status.REVIEW: 1}


def modules_in(evidence: Evidence, key: str) -> list[ModuleSeen]:
    """Return the modules that a challenge found, best first, under its first case.

    Where the case names a family of language models: those of it, of these the ones that were made in the section of
    the item that the challenge is named after, if there are any.
    """
    seen = _all_modules(evidence, key)
    family = seen[0].values.get("family") if seen else None
    if not family:
        return seen
    cells = _section_of(evidence, key)
    meant = [module for module in seen if _is_of(module, str(family))]
    return [module for module in meant if module.record.cell in cells] or meant


def _all_modules(evidence: Evidence, key: str) -> list[ModuleSeen]:
    called = evidence.called[key]
    first = next(iter(called.cases), "")
    read = [read_module(answer, called.cases[first]) for answer in called.answers if answer.case == first]
    return [module for module in read if module is not None and module.record.runs]


def _section_of(evidence: Evidence, key: str) -> set[int]:
    return {cell.index for cell in evidence.cells_of(key.partition(".")[0])}


RECURRENT_LAYERS = frozenset(("RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell"))


def _is_of(module: ModuleSeen, family: str) -> bool:
    """Whether a language model may be of a family; one that shows no sign of either may be of both."""
    length = int(module.values["input"]["shapes"][0][-1])
    steps = [step for run in module.record.runs for step in run.trace]
    attends = any(
        step.get("op") in ("scaled_dot_product_attention", "multi_head_attention_forward")
        or (step.get("op") == "softmax" and list(step.get("in") or ())[-2:] == [length, length])
        for step in steps
    )
    if attends:
        return family == "attention"
    rows = max(
        (sum(len(step.get("out") or ()) == 2 for step in run.trace) for run in module.record.runs), default=0
    )
    recurs = rows >= length or any(leaf.kind in RECURRENT_LAYERS for leaf in module.structure.leaves)
    return family == "recurrent" or not recurs


def absent_model(evidence: Evidence, key: str, expected: str = "") -> Finding | None:
    """Return what to say where the notebook has no model that a challenge may mean, not even one that cannot be run.

    Where the item's section makes no module at all and trains something, its model is written in functions.
    """
    answers = evidence.called[key].answers
    if modules_in(evidence, key) or any(one.status != "missing" and not one.record for one in answers):
        return None
    cells = _section_of(evidence, key)
    training = evidence.observations.training
    is_trained = any(one.kind in ("loss", "step") and one.cell in cells for one in training)
    if is_trained and not any(module.record.cell in cells for module in _all_modules(evidence, key)):
        return None
    message = "There is no such model that could be trained."
    return failed(message, expected=expected, missing=not is_trained)


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
