"""The claim that a training minimises a reconstruction term plus a KL divergence, wherever its loss is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    failed,
    for_person,
    judged,
    number,
    untried,
)
from autograder.checks.losses import KL_MISTAKES
from autograder.probes.evidence import Evidence
from autograder.probes.minimised import MinimisedSeen
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey
from autograder.stats.arrays import FloatArray
from autograder.stats.latents import SPREADS
from autograder.stats.losses import RIGHT_KL, Explained, explain, kl_sums

LEAST = 3
"""Backward passes that are needed to tell the weights of two terms."""
TOLERANCE = 0.02
NAMES = {
    "bce": "the binary cross-entropy",
    "bce_with_logits": "the binary cross-entropy with logits",
    "mse": "the squared error",
    "mse_of_logits": "the squared error",
}
EXPECTED = "a reconstruction term plus KL(q(z|x) ‖ N(0, I))"
Kinds = dict[str, list[float]]


class TrainingMinimises(CheckParams):
    """What is differentiated in a training of an autoencoder."""

    challenge: ChallengeKey
    """The loss: where a function of the notebook can be called, that says more, and nothing is left to a person."""
    also: dict[str, list[float]] = Field(default={"bce": [1.0], "bce_with_logits": [1.0]})
    """Accepted reconstruction terms (`bce`, `bce_with_logits`, `mse`), each with its weights of the KL term."""


@CHECKS.register(TrainingMinimises)
def training_minimises(evidence: Evidence, params: TrainingMinimises, context: Context) -> Finding:
    """What is differentiated is explained by what layers were shown and gave: the right loss, or a mistake by name."""
    findings = [_judge(seen, params) for seen in _trainings(evidence)]
    best = max((one for one in findings if one is not None), key=lambda one: one.fraction, default=None)
    if best is not None:
        return best
    message = "How what is minimised was computed could not be told from the layers."
    trains = any(one.kind == "step" for one in evidence.observations.training)
    if trains and not any(answer.status == "ok" for answer in evidence.called[params.challenge].answers):
        return for_person(f"{message} The loss stands in the loop: a person looks at it.", expected=EXPECTED)
    return untried(message)


def _trainings(evidence: Evidence) -> Iterator[list[MinimisedSeen]]:
    """Yield the backward passes of each cell, on batches of one size."""
    every = [one for one in evidence.observations.minimised if one.sums and one.codes]
    for cell in dict.fromkeys(one.cell for one in every):
        here = [one for one in every if one.cell == cell]
        rows = Counter(one.rows for one in here).most_common(1)[0][0]
        alike = [one for one in here if one.rows == rows]
        if len(alike) >= LEAST:
            yield alike


def _judge(seen: Sequence[MinimisedSeen], params: TrainingMinimises) -> Finding | None:
    """Return what one training minimises; None when that cannot be told."""
    values = [one.value for one in seen]
    about: dict[str, Any] = {"expected": EXPECTED, "observed": ""}
    found: list[tuple[str, Explained]] = []
    for kind, whole in _explained(values, seen):
        if whole.kl != RIGHT_KL or not _weight_fits(whole, kind, params):
            found.append((kind, whole))
            continue
        observed = f"{NAMES[kind]} plus the KL divergence"
        if whole.a < 0:
            return failed(
                "The training minimises the negative of the loss.", observed="the negative", **_without(about)
            )
        return judged(1.0, message=f"The training minimises {observed}.", **(about | {"observed": observed}))
    for kind, whole in found:
        name = f"the training minimises {NAMES[kind]}"
        if kind not in params.also and f"{kind}".replace("_of_logits", "") not in params.also:
            return failed(f"As reconstruction term, {name}.", **(about | {"observed": NAMES[kind]}))
        weight = whole.b / whole.a
        if weight < 0:
            said = "has the wrong sign"
        elif whole.kl != RIGHT_KL:
            said = KL_MISTAKES[whole.kl]
        else:
            said = f"has the weight {number(weight)} where it should be 1"
        return failed(
            f"The KL term that is minimised {said}.", **(about | {"observed": f"a KL term that {said}"})
        )
    return _alone(values, seen, about)


def _without(about: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in about.items() if key != "observed"}


def _weight_fits(one: Explained, kind: str, params: TrainingMinimises) -> bool:
    weights = params.also.get(kind.removesuffix("_of_logits"), params.also.get(kind, []))
    return bool(one.a) and any(abs(one.b / one.a - w) <= TOLERANCE * w for w in weights)


def _terms(seen: Sequence[MinimisedSeen]) -> Iterator[Kinds]:
    """Yield the reconstruction terms of each output that may be the reconstruction, over the passes."""
    for at in range(min(len(one.sums) for one in seen)):
        kinds = set.intersection(*(set(one.sums[at]) for one in seen))
        yield {kind: [one.sums[at][kind] for one in seen] for kind in NAMES if kind in kinds}


def _heads(seen: Sequence[MinimisedSeen]) -> list[list[FloatArray]]:
    """Return what may be mean or spread of codes, over the passes: outputs of layers, and halves of them."""
    found: list[list[FloatArray]] = []
    for at in range(min(len(one.codes) for one in seen)):
        whole = [one.codes[at] for one in seen]
        if len({one.shape for one in whole}) > 1:
            continue
        found.append(whole)
        d = whole[0].shape[1]
        if d % 2 == 0:
            parts = (slice(None, d // 2), slice(d // 2, None), slice(None, None, 2), slice(1, None, 2))
            found += [[one[:, part] for one in whole] for part in parts]
    return found


def _explained(values: Sequence[float], seen: Sequence[MinimisedSeen]) -> Iterator[tuple[str, Explained]]:
    """Yield explanations by both terms with the kind of the first: the right KL divergence in all forms, then mistakes."""
    heads, terms = sorted(_heads(seen), key=lambda one: one[0].shape[1]), list(_terms(seen))
    pairs = [(m, s) for m in heads for s in heads if m is not s and m[0].shape == s[0].shape]
    for mean, spread in pairs:
        for mistake, sigma_of in SPREADS.values():
            if mistake:
                continue
            with np.errstate(all="ignore"):
                log_vars = [2 * np.log(np.maximum(sigma_of(one), 1e-30)) for one in spread]
                sums = [
                    float(0.5 * np.sum(m**2 + np.exp(v) - 1 - v)) for m, v in zip(mean, log_vars, strict=True)
                ]
            kls = {RIGHT_KL: sums if np.all(np.isfinite(sums)) else []}
            yield from _fits(values, terms, kls if kls[RIGHT_KL] else {})
    for mean, spread in pairs:
        with np.errstate(all="ignore"):
            each = [kl_sums(m, v) for m, v in zip(mean, spread, strict=True)]
        kls = {name: [one[name] for one in each] for name in each[0] if name != RIGHT_KL}
        yield from _fits(
            values, terms, {name: sums for name, sums in kls.items() if np.all(np.isfinite(sums))}
        )


def _fits(values: Sequence[float], terms: Sequence[Kinds], kls: Kinds) -> Iterator[tuple[str, Explained]]:
    for kinds in terms:
        one = explain(values, kinds, kls)
        if one is not None and one.reconstruction and one.kl:
            yield one.reconstruction, one


def _alone(values: Sequence[float], seen: Sequence[MinimisedSeen], about: dict[str, Any]) -> Finding | None:
    """Return that there is no KL term, where the reconstruction term alone explains everything."""
    for kinds in _terms(seen):
        one = explain(values, kinds, {})
        if one is not None:
            said = f"The training minimises {NAMES[one.reconstruction]} alone: the KL term is missing."
            return failed(said, **(about | {"observed": "no KL term"}))
    return None
