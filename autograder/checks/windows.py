"""The claim about the windows of a text: targets are the inputs one token further on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograder.checks.calls import successes, unanswered
from autograder.checks.decoding import is_named
from autograder.checks.findings import CheckParams, Context, Finding, failed, for_person, judged, untried
from autograder.checks.trees import branch, tree_of
from autograder.probes.evidence import Evidence
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey

Array = np.ndarray
SAID = {
    0: "the targets are the inputs themselves: they are not shifted",
    -1: "the targets are the tokens before the inputs: the shift goes the wrong way",
    2: "the targets are two tokens further on: they are shifted twice",
}


class WindowsAreShifted(CheckParams):
    """Inputs and targets of a language model."""

    challenge: ChallengeKey


@CHECKS.register(WindowsAreShifted)
def windows_are_shifted(evidence: Evidence, params: WindowsAreShifted, context: Context) -> Finding:
    """Inputs are runs of the text, and at every place the target is the token that follows."""
    called = evidence.called[params.challenge]
    findings = []
    for answer, values in successes(called):
        pairs = branch(tree_of(answer), "pairs")
        found = [(branch(pairs, key).get("x"), branch(pairs, key).get("y")) for key in sorted(pairs, key=str)]
        whole = [(x, y) for x, y in found if isinstance(x, np.ndarray) and isinstance(y, np.ndarray | int)]
        if whole:
            findings.append(_judged(answer.function, values["tokens"], whole))
    if not findings:
        return unanswered(called, "cutting a text into windows")
    best = max(findings, key=lambda one: one.fraction)
    if best.fraction < 1 and not any(is_named(called, answer.function) for answer, _ in successes(called)):
        return untried(
            "No function of a name that speaks of windows was found, and no other cuts a text into them."
        )
    return best


def _judged(name: str, tokens: Sequence[int], pairs: Sequence[tuple[Array, Array | int]]) -> Finding:
    n = len(tokens)
    place = np.full(n, -1)
    place[np.asarray(tokens)] = np.arange(n)
    about = {"expected": "targets one token after the inputs", "found": (Found(how="call", path=name),)}
    for x, given in pairs:
        y = np.asarray(given)
        if min(x.min(), y.min()) < 0 or max(x.max(), y.max()) >= n:
            return failed(f"`{name}` gives tokens that are not those of the text.", **about)
        at, target = place[x], place[y]
        axis = next((axis for axis in reversed(range(at.ndim)) if np.all(np.diff(at, axis=axis) == 1)), None)
        if axis is None or at.shape[axis] < 2:
            return failed(f"The inputs of `{name}` are no runs of neighbouring tokens.", **about)
        if y.size == x.size // x.shape[axis] and np.array_equal(
            target.reshape(-1), at.take(-1, axis=axis).reshape(-1) + 1
        ):
            return for_person(
                f"`{name}` gives one target for each window, the token after it; a person looks whether the models are "
                "made for that.",
                **about,
            )
        if x.shape != y.shape:
            return failed(f"`{name}` gives inputs {x.shape} and targets {y.shape}.", **about)
        shifts = np.unique(target - at)
        if len(shifts) != 1 or shifts[0] != 1:
            said = SAID.get(int(shifts[0]), "") if len(shifts) == 1 else ""
            return failed(
                f"`{name}` does not shift its targets by one"
                + (f": {said}." if said else ": they are other tokens."),
                observed=f"shifted by {shifts[0]}" if len(shifts) == 1 else "other tokens",
                **about,
            )
    return judged(
        1.0,
        message=f"The targets of `{name}` are its inputs one token further on.",
        observed="shifted by 1",
        **about,
    )
