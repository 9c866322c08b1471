"""The claim about sampling at a temperature, on a language model whose next-token law is known."""

from __future__ import annotations

import numpy as np

from autograder.checks.decoding import MIN_DRAWS, Decoding, about_decoding, each_decoding, rate_of
from autograder.checks.findings import Context, Finding, RandomCheckParams, failed, for_person, judged, number
from autograder.probes.evidence import Evidence
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey
from autograder.stats.decoding import g_test, law_of_ranks, temperature_of


class SamplesAtTemperature(RandomCheckParams):
    """A sampler that takes a temperature."""

    challenge: ChallengeKey
    is_optional: bool = False
    """Whether the sheet leaves open how tokens are drawn: at temperature 1 where there is none, and a person looks at
    other laws (the most probable tokens alone, say)."""


@CHECKS.register(SamplesAtTemperature)
def samples_at_temperature(evidence: Evidence, params: SamplesAtTemperature, context: Context) -> Finding:
    """The tokens are draws from softmax(logits / temperature), nothing cut (a G-test at the check's rate)."""
    rate = rate_of(evidence, params.challenge, context)

    def judge(one: Decoding) -> Finding | None:
        temperature = one.used("temperature", 1.0)
        if temperature == 1.0 and not params.is_optional:
            return for_person(
                f"`{one.function}` takes no temperature that is known by its name or its default."
            )
        about = about_decoding(one, f"draws from softmax(logits / {number(temperature, 2)})")
        name, truth = f"`{one.function}`", one.truth()
        if one.law is not None:
            is_right = bool(np.allclose(one.law, truth, atol=1e-4))
            message = f"{name} {'gives' if is_right else 'does not give'} the law at the temperature."
            return judged(float(is_right), message=message, **about)
        ranks = one.ranks
        if ranks is None:
            return None
        if len(ranks) < MIN_DRAWS:
            return failed(f"{name} gives {len(ranks)} tokens: too few to see what it draws from.", **about)
        implied = temperature_of(ranks, one.values["exponent"], one.vocab_size)
        about["observed"] = f"draws as at temperature {number(implied, 2)}"
        if g_test(ranks, truth).p_value >= rate:
            return judged(1.0, message=f"{name} draws at the temperature that it is given.", **about)

        def looks_like(other: float) -> bool:
            law = law_of_ranks(one.vocab_size, one.values["exponent"], other)
            return temperature != 1.0 and g_test(ranks, law).p_value >= rate

        if np.all(ranks == 0):
            said = "it takes the most probable token each time"
        elif looks_like(1.0):
            said = "what it draws does not depend on it"
        elif looks_like(1.0 / temperature):
            said = "logits are multiplied by it in place of divided"
        else:
            said = f"what it draws looks like temperature {number(implied, 2)}"
        if params.is_optional and not (looks_like(1.0) or looks_like(1.0 / temperature)):
            return for_person(
                f"{name} draws from another law than softmax(logits / temperature): {said}.", **about
            )
        return failed(f"{name} does not draw at the temperature {number(temperature, 2)}: {said}.", **about)

    return each_decoding(evidence, params.challenge, "sampling", judge)
