"""The claim about the codes that images of a class are generated from."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.calls import successes
from autograder.checks.conditional_models import DEVIATIONS, OfConditional, about_call
from autograder.checks.findings import Context, Finding, failed, for_person, judged, number, untried
from autograder.checks.trees import Tree, items, tree_of
from autograder.probes.evidence import Evidence
from autograder.registry import CHECKS
from autograder.stats.arrays import FloatArray
from autograder.stats.digits import N_CLASSES

MIN_CODES = 10
UNIFORM = 1.8
"""The kurtosis of a uniform law, wherever it lies."""
NEAR_UNIFORM = 0.35
"""Of 320 normal numbers one set in a thousand has so small a kurtosis, and their deviation has to be wrong as well."""


class CodesAreNormal(OfConditional):
    """What a function that generates images of a class shows to its decoder."""


@CHECKS.register(CodesAreNormal)
def codes_are_normal(evidence: Evidence, params: CodesAreNormal, context: Context) -> Finding:
    """Codes are drawn from N(0, I): their deviation is 1, and their fourth moment that of a normal law.

    Both are taken around the mean of each class, since a vector of the class may be added to a code.
    """
    expected = "a deviation of 1 and a kurtosis of 3"
    answers = successes(evidence.called[params.challenge])
    calls = [call for answer, _ in answers for call in items(tree_of(answer), "calls")]
    drawn = [(call, codes) for call in calls if (codes := _drawn_codes(call)) is not None]
    if not drawn:
        return untried("What the generated images are made from could not be seen.")
    findings = [_judge_drawn(codes, about_call(call, expected)) for call, codes in drawn]
    return max(findings, key=lambda one: (one.fraction, one.status.is_pending))


def _drawn_codes(call: Tree) -> FloatArray | None:
    """Return the codes (N_CLASSES, n, d) that a function drew, around their means; None where there are too few."""
    value = call.get("drawn")
    if not isinstance(value, np.ndarray) or value.ndim != 3 or value.shape[0] != N_CLASSES:
        return None
    if value.shape[1] < MIN_CODES or not np.all(np.isfinite(value)):
        return None
    codes: FloatArray = value.astype(np.float64)
    centred: FloatArray = codes - codes.mean(axis=1, keepdims=True)
    return centred


def _judge_drawn(codes: FloatArray, about: dict[str, Any]) -> Finding:
    n_different = (
        len(np.unique(codes.reshape(N_CLASSES, -1), axis=0)) * codes[0].size
    )  # one seed gives every class the same
    variance = float(np.square(codes).sum() / (codes.size - codes[:, 0].size))
    deviation, kurtosis = variance**0.5, float((codes**4).mean() / np.square(codes).mean() ** 2)
    about["observed"] = f"a deviation of {number(deviation, 2)} and a kurtosis of {number(kurtosis, 2)}"
    is_as_wide = abs(variance - 1) <= DEVIATIONS * (2 / n_different) ** 0.5 + 1 / codes.shape[1]
    if is_as_wide and abs(kurtosis - 3) <= DEVIATIONS * (24 / n_different) ** 0.5:
        return judged(
            1.0, message="The codes of generated images are drawn from a standard normal law.", **about
        )
    if abs(kurtosis - UNIFORM) <= NEAR_UNIFORM:
        return failed(
            "The codes of generated images are uniform, not normal (`rand` in place of `randn`?): the decoder has learnt "
            "to decode codes that are distributed like the prior, N(0, I).",
            **about,
        )
    return for_person("The codes of generated images are not standard normal; a person looks.", **about)
