"""Claims about functions that score images or text: Inception Score, Frechet distance, perplexity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.calls import successes, unanswered, used
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    describe,
    failed,
    judged,
    number,
    untried,
)
from autograder.checks.trees import tree_of
from autograder.probes.evidence import Called, Evidence
from autograder.probes.observations import Answer
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey
from autograder.stats.scores import frechet, frechet_of_features, inception_scores, perplexities
from autograder.stats.updates import token_nlls

INCEPTION_MISTAKES = {
    "no_exp": "the exponential is missing",
    "base_2": "2 is raised to a divergence in nats",
    "bits_in_exp": "the divergence is in bits (log2), and exp is taken of it",
    "marginal_of_all": "p(y) is the mean over all images, not over those of the split",
    "no_splits": "all images are taken together, without splits",
    "uniform_marginal": "p(y) is taken as uniform in place of the mean of p(y|x)",
    "entropy_only": "it is the exponential of the entropy of p(y|x) alone",
    "reversed": "the divergence is taken the other way round, KL(p(y) ‖ p(y|x))",
    "exp_of_mean": "exp is taken of the mean over splits, not in each of them",
    "mean_over_classes": "the divergence is averaged over classes, where it has to be summed",
}
FRECHET_MISTAKES = {
    "root_of_it": "it is the square root of the distance",
    "one_root": "the factor 2 at (Σ₁Σ₂)^½ is missing",
    "no_root": "the root of Σ₁Σ₂ is missing",
    "root_elementwise": "the root is taken of each element of Σ₁Σ₂, not of the matrix",
    "root_of_entries": "only the variances count: the root is taken without the covariances",
    "no_cross_term": "the term −2·Tr (Σ₁Σ₂)^½ is missing",
    "plus_cross_term": "the term 2·Tr (Σ₁Σ₂)^½ is added, where it has to be subtracted",
    "mean_not_squared": "the distance of the means is not squared",
    "mean_only": "it is the distance of the means alone",
    "no_mean": "the distance of the means is missing",
    "mean_of_squares": "the squared distance of the means is averaged over features, where it has to be summed",
}
PERPLEXITY_MISTAKES = {
    "no_exp": "the exponential is missing: it is the mean negative log-likelihood",
    "base_2": "2 is raised to a likelihood in nats",
    "base_10": "10 is raised to a likelihood in nats",
    "bits": "it is the mean negative log-likelihood in bits",
    "negative": "the sign is wrong: it is the inverse of the perplexity",
    "mean_of_exp": "exp is taken of each token's loss before averaging",
    "sum": "exp is taken of the sum over tokens, not of their mean",
}


def _numbers(answer: Answer) -> list[float]:
    """Return the finite numbers of a result, each once, in order; the real part of a pair that a root may leave."""
    values = [value for leaf in answer.leaves if (value := leaf.number) is not None and np.isfinite(value)]
    return list(dict.fromkeys(values))


def _near(values: Iterable[float], truth: float, rtol: float) -> bool:
    return any(abs(value - truth) <= rtol * max(abs(truth), 0.1) for value in values)


def _about(answer: Answer, seen: list[float], expected: str) -> dict[str, Any]:
    return {
        "observed": ", ".join(map(number, seen[:4])) or "no number",
        "expected": expected,
        "found": (Found(how="call", path=answer.function),),
    }


def _named(seen: list[float], truths: Mapping[str, float], mistakes: Mapping[str, str], rtol: float) -> str:
    """Return the sentence of the mistake that a number shows, or nothing."""
    for name, sentence in mistakes.items():
        truth = truths.get(name, np.nan)
        # What a mistake gives says nothing where it gives the right value too.
        if np.isfinite(truth) and not _near([truth], truths["right"], 3 * rtol) and _near(seen, truth, rtol):
            return sentence
    return ""


def _not_scored(called: Called, what: str, given: str) -> Finding:
    """Return what to say when no call gave a number: a function that stops may take images and a classifier."""
    answers = [one for one in called.answers if one.status not in ("missing", "not_callable")]
    if answers and all(one.status == "error" for one in answers):
        sentence = describe(answers[0])
        return untried(f"{sentence[:1].upper()}{sentence[1:]}: it may expect something else than {given}.")
    return unanswered(called, what)


class InceptionScoreIs(CheckParams):
    """The Inception Score of given probabilities."""

    challenge: ChallengeKey
    n_splits: int = Field(default=10, ge=1)
    """The sheet's number of splits, where the function fixes it."""
    needs_sd: bool = True
    """Whether the standard deviation over splits has to be returned too (half of the points)."""
    rtol: float = Field(default=2e-4, gt=0)


@CHECKS.register(InceptionScoreIs)
def inception_score_is(evidence: Evidence, params: InceptionScoreIs, context: Context) -> Finding:
    """Called on other probabilities, the function gives the mean and the deviation of the score over splits."""
    called = evidence.called[params.challenge]
    findings: list[Finding] = []
    for answer, values in successes(called):
        n_splits = int(used(answer, values, "n_splits", params.n_splits))
        scores = inception_scores(values["probs"], min(n_splits, len(values["probs"])))
        seen, right = _numbers(answer), scores["right"]
        about = _about(answer, seen, f"{number(right.mean)} ± {number(right.sd0)}")
        name = f"`{answer.function}`"
        if not _near(seen, right.mean, params.rtol):
            means = {key: score.mean for key, score in scores.items()}
            cause = _named(seen, means, INCEPTION_MISTAKES, params.rtol)
            message = f"{name} does not give the Inception Score of given probabilities" + (
                f": {cause}." if cause else "."
            )
            findings.append(failed(message, **(about | ({"observed": cause} if cause else {}))))
            continue
        findings.append(_deviation(name, seen, right.sd0, right.sd1, n_splits, params, about))
    return (
        min(findings, key=lambda one: one.fraction)
        if findings
        else _not_scored(called, "the Inception Score", "probabilities")
    )


def _deviation(
    name: str,
    seen: list[float],
    sd0: float,
    sd1: float,
    n_splits: int,
    params: InceptionScoreIs,
    about: dict[str, Any],
) -> Finding:
    """Return what to say of the deviation, where the mean is right."""
    message = f"{name} gives the Inception Score of given probabilities."
    if n_splits < 2 or not params.needs_sd:
        return judged(1.0, message=message, **about)
    if _near(seen, sd0, params.rtol):
        return judged(1.0, message=message, **about)
    if _near(seen, sd1, params.rtol):
        note = f"{name} takes the deviation over splits with n − 1 (ddof = 1); that is accepted."
        return judged(1.0, message=message, notes=(note,), **about)
    return judged(
        0.5, message=f"{message} The standard deviation over splits is missing or another.", **about
    )


class FrechetDistanceIs(CheckParams):
    """The Frechet distance of given features, or of given means and covariances."""

    challenge: ChallengeKey
    rtol: float = Field(default=2e-3, gt=0)


@CHECKS.register(FrechetDistanceIs)
def frechet_distance_is(evidence: Evidence, params: FrechetDistanceIs, context: Context) -> Finding:
    """Called on other features, of which one covariance may be singular, the function gives the Frechet distance."""
    called = evidence.called[params.challenge]
    findings: list[Finding] = []
    for answer, values in successes(called):
        seen, name = _numbers(answer), f"`{answer.function}`"
        if answer.bound.get("features_a"):
            truths = {
                ddof: frechet_of_features(values["features_a"], values["features_b"], ddof) for ddof in (1, 0)
            }
        else:
            truths = {
                1: frechet(*(np.asarray(values[key]) for key in ("mean_a", "cov_a", "mean_b", "cov_b")))
            }
        about = _about(answer, seen, number(truths[1]["right"]))
        ddof = next((key for key, truth in truths.items() if _near(seen, truth["right"], params.rtol)), None)
        if ddof is None:
            cause = next(
                (one for t in truths.values() if (one := _named(seen, t, FRECHET_MISTAKES, params.rtol))), ""
            )
            message = f"{name} does not give the Fréchet distance of given features" + (
                f": {cause}." if cause else "."
            )
            findings.append(failed(message, **(about | ({"observed": cause} if cause else {}))))
            continue
        note = (f"{name} takes covariances with 1/n (ddof = 0); that is accepted.",) if ddof == 0 else ()
        findings.append(
            judged(1.0, message=f"{name} gives the Fréchet distance of given features.", notes=note, **about)
        )
    return (
        min(findings, key=lambda one: one.fraction)
        if findings
        else _not_scored(called, "the Fréchet distance", "features")
    )


class PerplexityIs(CheckParams):
    """The perplexity of given losses."""

    challenge: ChallengeKey
    rtol: float = Field(default=1e-3, gt=0)


@CHECKS.register(PerplexityIs)
def perplexity_is(evidence: Evidence, params: PerplexityIs, context: Context) -> Finding:
    """Called on other losses, in nats, the function gives exp of their mean over tokens."""
    called = evidence.called[params.challenge]
    findings: list[Finding] = []
    for answer, values in successes(called):
        seen = _numbers(answer)
        truths = _of_model(answer, values) if "tokens" in values else perplexities(values["nlls"])
        if truths is None:
            continue
        about = _about(answer, seen, number(truths["right"]))
        name = f"`{answer.function}`"
        if _near(seen, truths["right"], params.rtol):
            findings.append(judged(1.0, message=f"{name} gives the perplexity of given losses.", **about))
            continue
        if _near(seen, truths.get("batch_average", truths["right"]), params.rtol):
            note = f"{name} averages over batches, not over tokens: the last, smaller batch counts too much."
            findings.append(judged(1.0, message=f"{name} gives the perplexity.", notes=(note,), **about))
            continue
        cause = _named(seen, truths, PERPLEXITY_MISTAKES, params.rtol)
        message = f"{name} does not give the perplexity of given losses" + (f": {cause}." if cause else ".")
        findings.append(failed(message, **(about | ({"observed": cause} if cause else {}))))
    return min(findings, key=lambda one: one.fraction) if findings else unanswered(called, "the perplexity")


BATCH_SIZE = 4


def _of_model(answer: Answer, values: Mapping[str, Any]) -> dict[str, float] | None:
    """Return the perplexities of the stand-in model on the text or on the batches that the function took."""
    tree = tree_of(answer)
    size = tree.get("vocab_size")
    if not isinstance(size, int) or not 10 <= size <= 2000:
        return None
    if tree.get("form") == "tokens":
        tokens = np.asarray(values["tokens"])
        return perplexities(token_nlls(tokens[:-1], tokens[1:], values["phase"], values["gain"], size))
    nlls = token_nlls(values["inputs"], values["targets"], values["phase"], values["gain"], size)
    means = [float(nlls[at : at + BATCH_SIZE].mean()) for at in range(0, len(nlls), BATCH_SIZE)]
    return perplexities(nlls) | {"batch_average": float(np.exp(np.mean(means)))}
