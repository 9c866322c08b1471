"""No answer, however forged, makes a check of neural functions fail: real answers with values that are rubbish."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernel_asker import ask
from neural_specs import DECODER_ROLES, GAN, HEAD, LANGUAGE, LOSS, RATE, SAMPLE, spec
from test_checks_decoding import FULL
from test_checks_losses import RIGHT_LOSSES, RIGHT_SAMPLES
from test_checks_scores import BY_LOADER, DISTANCE, FID, IS, LIKELIHOOD, PPL, RIGHT_PERPLEXITIES, SCORE
from test_checks_steps import STEP, TRAIN

from autograder.checks.findings import Context, Finding
from autograder.golden import Golden
from autograder.probes.evidence import Evidence
from autograder.probes.observations import Leaf
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeSpec

DECODER = spec("decoder", "decoder_inputs", "generate", DECODER_ROLES, params={"strategy": "top_k"})
CLAIMS: dict[str, tuple[ChallengeSpec, str, dict[str, Any]]] = {
    "loss_is": (LOSS, RIGHT_LOSSES["tuple of three"], {}),
    "sample_is_reparameterised": (SAMPLE, RIGHT_SAMPLES["function"], {}),
    "generator_step_leaves_discriminator": (GAN, STEP, {}),
    "discriminator_step_reaches_only_discriminator": (GAN, STEP, {}),
    "targets_are": (GAN, STEP, {"real": 0.9}),
    "gradients_are_cleared": (GAN, STEP, {}),
    "update_follows": (GAN, STEP, {"of": "generator"}),
    "update_follows ": (LANGUAGE, TRAIN, {"of": "language_model", "max_norm": 1.0}),
    "decodes_greedily": (DECODER, FULL, {}),
    "samples_from_top_k": (DECODER, FULL, {}),
    "samples_from_nucleus": (DECODER, FULL, {}),
    "generates_n_tokens": (DECODER, FULL, {}),
    "crops_to_context": (DECODER, FULL, {}),
    "inception_score_is": (IS, SCORE, {}),
    "frechet_distance_is": (FID, DISTANCE, {}),
    "perplexity_is": (PPL, RIGHT_PERPLEXITIES["math"], {}),
    "perplexity_is ": (LIKELIHOOD, BY_LOADER, {}),
}
RUBBISH: list[Any] = [
    np.nan, -1, 10**15, "text", True, None, np.zeros(0), np.full((2, 3), np.nan), np.ones((4, 4, 4)),
    np.full(7, -1), np.array(5.0), np.array([True]), np.full((2, 784), np.inf), np.zeros((300, 3)),
]  # fmt: skip


def says(check: str, evidence: Evidence, params: dict[str, Any]) -> Finding:
    entry = CHECKS[check.strip()]
    given = entry.params.model_validate({"challenge": "c"} | params)
    found = entry.function(evidence, given, Context("x", RATE, Golden()))
    assert isinstance(found, Finding)
    assert 0.0 <= found.fraction <= 1.0
    return found


def forged(evidence: Evidence, change: Any) -> Evidence:
    """The evidence with every leaf of every answer passed through `change`, which may drop it."""
    called = evidence.called["c"]
    answers = []
    for answer in called.answers:
        leaves = [one for leaf in answer.leaves if (one := change(leaf)) is not None]
        answers.append(dataclasses.replace(answer, leaves=tuple(leaves)))
    return dataclasses.replace(evidence, called={"c": dataclasses.replace(called, answers=tuple(answers))})


@pytest.mark.parametrize("check", CLAIMS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_forged_answers_are_judged(check: str, tmp_path: Path) -> None:
    challenge, source, params = CLAIMS[check]
    real = ask(tmp_path, (HEAD + source,), {"c": challenge})
    rng = np.random.default_rng(0)
    for value in RUBBISH:
        whole = forged(real, lambda leaf, value=value: dataclasses.replace(leaf, value=value))
        assert says(check, whole, params).fraction < 1.0
    for _ in range(20):

        def some(leaf: Leaf) -> Leaf | None:
            chance = rng.random()
            if chance < 0.1:
                return None
            value = RUBBISH[int(rng.integers(len(RUBBISH)))]
            return dataclasses.replace(leaf, value=value) if chance < 0.3 else leaf

        says(check, forged(real, some), params)
    assert says(check, forged(real, lambda leaf: None), params).fraction == 0.0
