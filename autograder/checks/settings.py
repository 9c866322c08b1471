"""Claims about numbers that a notebook has for each of several settings: how they move from one setting to the next."""

from __future__ import annotations

import itertools
from typing import Any, Literal

import numpy as np
from pydantic import Field

from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    MissingEvidence,
    failed,
    for_person,
    judged,
    number,
)
from autograder.checks.training_goals import was_shortened
from autograder.checks.values import where
from autograder.probes.evidence import Evidence
from autograder.probes.typed import typed_in
from autograder.registry import CHECKS
from autograder.rubric.model import OptionalEvidenceKey


class ChangesWithSetting(CheckParams):
    """One number for each of several settings, in their order."""

    evidence: list[OptionalEvidenceKey] = Field(min_length=1)
    """Where the numbers may be, as arrays or tables: the first that is there counts."""
    n: int = Field(ge=2)
    """How many settings there are."""
    direction: Literal["rises", "falls"]
    by: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Least change from the first setting to the last, as a share of the larger number."""
    slack: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Most by which it may go the other way from one setting to the next: short trainings differ by chance."""
    short_waits: bool = False
    """Whether a person looks where a short run does not show it: the change may need a longer training."""
    label: str
    """What the numbers are, in words: "KL divergence"."""
    setting: str
    """What is set: "β"."""


@CHECKS.register(ChangesWithSetting)
def changes_with_setting(evidence: Evidence, params: ChangesWithSetting, context: Context) -> Finding:
    """The number rises (or falls) from the first setting to the last, and on the way; no level is asked for."""
    key = next((key for key in params.evidence if evidence.has(key)), None)
    if key is None:
        raise MissingEvidence(
            next((k for k in params.evidence if evidence.bound[k].candidates), params.evidence[0])
        )
    values = _numbers(evidence, key)
    about: dict[str, Any] = {
        "observed": ", ".join(number(float(value)) for value in values[:8]),
        "expected": f"{params.n} numbers; the {params.label} {params.direction} with {params.setting}",
        "found": where(evidence, key),
    }
    if name := typed_in(evidence, key):
        return failed(
            f"The numbers of `{name}` are written out in the notebook; nothing computes them.", **about
        )
    if len(values) != params.n or not np.all(np.isfinite(values)):
        return failed(
            f"There are {len(values)} numbers of the {params.label} where {params.n} are asked for.", **about
        )
    sign = 1.0 if params.direction == "rises" else -1.0
    whole = sign * _change(values[0], values[-1])
    steps = [sign * _change(one, other) for one, other in itertools.pairwise(values)]
    if whole > params.by and min(steps) >= -params.slack:
        return judged(1.0, message=f"The {params.label} {params.direction} with {params.setting}.", **about)
    verb = params.direction.removesuffix("s")
    if whole < -params.by:
        other = "falls" if params.direction == "rises" else "rises"
        return failed(
            f"The {params.label} {other} with {params.setting}, and should {verb}: are the numbers in the order of "
            "the settings, and is it this term alone?",
            **about,
        )
    if params.short_waits and was_shortened(evidence):
        return for_person(
            f"The {params.label} does not {verb} with {params.setting}; a short run may not show it.", **about
        )
    return failed(f"The {params.label} does not {verb} with {params.setting}.", **about)


def _change(one: float, other: float) -> float:
    """Return how much larger the second number is, as a share of the larger one."""
    return float(other - one) / max(abs(one), abs(other), 1e-12)


def _numbers(evidence: Evidence, key: str) -> np.ndarray:
    table = evidence.table(key)
    if table:
        return np.array([float(np.ravel(table[k])[0]) for k in sorted(table)])
    return evidence.array(key).reshape(-1)
