"""Claims about numbers that a notebook has for each of several settings: how they move from one setting to the next."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    MissingEvidence,
    failed,
    judged,
    number,
)
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
    by: float = Field(default=0.0, ge=0.0)
    """Least change from each setting to the next, as a share of the larger number."""
    label: str
    """What the numbers are, in words: "KL divergence"."""
    setting: str
    """What is set: "β"."""


@CHECKS.register(ChangesWithSetting)
def changes_with_setting(evidence: Evidence, params: ChangesWithSetting, context: Context) -> Finding:
    """The number of each setting is larger (or smaller) than that of the setting before; no level is asked for."""
    key = next((key for key in params.evidence if evidence.has(key)), None)
    if key is None:
        raise MissingEvidence(
            next((k for k in params.evidence if evidence.bound[k].candidates), params.evidence[0])
        )
    values = _numbers(evidence, key)
    verb = {"rises": "rises", "falls": "falls"}[params.direction]
    about: dict[str, Any] = {
        "observed": ", ".join(number(float(value)) for value in values[:8]),
        "expected": f"{params.n} numbers; the {params.label} {verb} with {params.setting}",
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
    steps = np.diff(values) / np.maximum(np.maximum(np.abs(values[1:]), np.abs(values[:-1])), 1e-12)
    moved = steps if params.direction == "rises" else -steps
    if bool(np.all(moved > params.by)):
        return judged(1.0, message=f"The {params.label} {verb} with {params.setting}.", **about)
    if bool(np.all(-moved > params.by)):
        other = "falls" if params.direction == "rises" else "rises"
        return failed(
            f"The {params.label} {other} with {params.setting}, and should {verb[:-1]}: are the numbers in the order of "
            f"the settings, and is it this term alone?",
            **about,
        )
    return failed(f"The {params.label} does not {verb[:-1]} from each {params.setting} to the next.", **about)


def _numbers(evidence: Evidence, key: str) -> np.ndarray:
    table = evidence.table(key)
    if table:
        return np.array([float(np.ravel(table[k])[0]) for k in sorted(table)])
    return evidence.array(key).reshape(-1)
