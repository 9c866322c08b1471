"""Inputs for the functions of neural notebooks: losses, sampled latents, training steps, decoders, scores.

Numbers are rounded, so that both sides hold the same in single precision and a plan stays small.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from autograder.probes.challenges import DrawParams, Values
from autograder.registry import DRAWS


class VaeLossInputs(DrawParams):
    """A batch of reconstructions, images, means and log variances."""

    n: int = Field(default=3, ge=2, le=16)
    n_pixels: int = Field(default=784, ge=2, le=4096)
    n_latent: int = Field(default=16, ge=1, le=256)
    output: Literal["probabilities", "logits"] = "probabilities"
    """What the decoder gives: what the loss is handed as reconstruction."""


@DRAWS.register(VaeLossInputs)
def vae_loss_inputs(rng: np.random.Generator, params: VaeLossInputs) -> Values:
    """A reconstruction (probabilities or logits), images in [0, 1], means and log variances of a small batch."""
    shape = (params.n, params.n_pixels)
    logits = rng.normal(size=shape) * 1.5
    given = logits if params.output == "logits" else 1 / (1 + np.exp(-logits))
    return {
        "reconstruction": given.round(4).tolist(),
        "target": rng.uniform(0.02, 0.98, size=shape).round(3).tolist(),
        "mu": rng.normal(size=(params.n, params.n_latent)).round(4).tolist(),
        "log_var": rng.uniform(-2.0, 1.0, size=(params.n, params.n_latent)).round(4).tolist(),
        "beta": 1.0,
    }


class SampledLatent(DrawParams):
    """Means, log variances and the noise that a sampler of the latent variable gets."""

    n: int = Field(default=4, ge=2, le=32)
    n_latent: int = Field(default=16, ge=2, le=256)
    n_pixels: int = Field(default=784, ge=4, le=4096)
    """A whole autoencoder under any name is known by it: so many numbers, or images of one channel, become as many."""


@DRAWS.register(SampledLatent)
def sampled_latent(rng: np.random.Generator, params: SampledLatent) -> Values:
    """Means, log variances, and the values that every source of noise gives during the call."""
    shape = (params.n, params.n_latent)
    return {
        "mu": rng.normal(size=shape).round(4).tolist(),
        "log_var": rng.uniform(-2.0, 1.5, size=shape).round(4).tolist(),
        "noise": rng.normal(size=params.n * params.n_latent + 7).round(4).tolist(),
        "ends": {"first": [params.n_pixels, 1], "last": [params.n_pixels]},
    }


class GanStepInputs(DrawParams):
    """Real images and the weights of both networks, for one training step."""

    n: int = Field(default=6, ge=3, le=32)
    n_pixels: int = Field(default=784, ge=4, le=4096)


@DRAWS.register(GanStepInputs)
def gan_step_inputs(rng: np.random.Generator, params: GanStepInputs) -> Values:
    """Real images in [-1, 1] and the phase from which the weights of both small networks follow."""
    real = rng.uniform(-1, 1, size=(params.n, params.n_pixels)).round(3)
    phase = round(float(rng.uniform(0.5, 2.5)), 4)
    values: Values = {"kind": "gan", "n_pixels": params.n_pixels, "phase": phase, "real": real.tolist()}
    return values | {"noise_size": 64}


class LanguageStepInputs(DrawParams):
    """Tokens and their successors, for one training step of a language model."""

    n: int = Field(default=3, ge=2, le=16)
    length: int = Field(default=8, ge=4, le=128)


@DRAWS.register(LanguageStepInputs)
def language_step_inputs(rng: np.random.Generator, params: LanguageStepInputs) -> Values:
    """Tokens, the tokens that follow them, and the weights of a small model whose gradient is longer than 1."""
    tokens = rng.integers(0, 10, size=(params.n, params.length + 1))
    return {
        "kind": "language",
        "inputs": tokens[:, :-1].tolist(),
        "targets": tokens[:, 1:].tolist(),
        "phase": round(float(rng.uniform(0.5, 2.5)), 4),
        "gain": 30.0,
    }


class DecoderInputs(DrawParams):
    """A prompt, the law of the next token and what is asked of the decoder."""

    strategy: Literal["greedy", "top_k", "nucleus"]
    n_prompt: int = Field(default=64, ge=1, le=512)
    n: int = Field(default=200, ge=1, le=1000)
    k: int | None = Field(default=None, ge=1)
    """The k to hand over where a function takes one; None draws one."""
    p: float | None = Field(default=None, gt=0, le=1)
    """The p to hand over where a function takes one; None draws one."""
    temperature: float = Field(default=1.0, gt=0)
    context_length: int = Field(default=128, ge=2)


@DRAWS.register(DecoderInputs)
def decoder_inputs(rng: np.random.Generator, params: DecoderInputs) -> Values:
    """A prompt and the law of a stand-in language model: p(token of rank r) falls as (r + 1)^(-s)."""
    values: Values = {
        "strategy": params.strategy,
        "prompt": rng.integers(0, 2000, size=params.n_prompt).tolist(),
        "n": params.n,
        "temperature": params.temperature,
        "context_length": params.context_length,
        "a": int(rng.integers(3, 60)),
        "b": int(rng.integers(3, 60)),
        "c": int(rng.integers(0, 60)),
        "exponent": round(float(rng.uniform(0.9, 1.1)), 3),
    }
    if params.strategy == "top_k":
        values["k"] = params.k or int(rng.integers(8, 15))
    if params.strategy == "nucleus":
        values["p"] = params.p or round(float(rng.uniform(0.55, 0.8)), 3)
    return values


class ClassProbabilities(DrawParams):
    """Rows of class probabilities, for an Inception Score."""

    n: int = Field(default=60, ge=4, le=2000)
    n_classes: int = Field(default=10, ge=2, le=100)
    n_splits: int = Field(default=6, ge=1, le=100)
    law: Literal["mixed", "identical", "one_hot"] = "mixed"
    """`identical`: every row the same (score 1); `one_hot`: every class equally often (score n_classes)."""


@DRAWS.register(ClassProbabilities)
def class_probabilities(rng: np.random.Generator, params: ClassProbabilities) -> Values:
    """Class probabilities p(y|x) and the number of splits."""
    if params.law == "one_hot":
        probs = np.eye(params.n_classes)[np.arange(params.n) % params.n_classes]
    else:
        probs = rng.dirichlet(np.full(params.n_classes, 0.3), size=params.n) * 0.98 + 0.02 / params.n_classes
        probs = probs[:1].repeat(params.n, axis=0) if params.law == "identical" else probs
    return {"probs": probs.tolist(), "n_splits": params.n_splits}


class FeatureSets(DrawParams):
    """Two sets of features, for a Frechet distance."""

    n_a: int = Field(default=40, ge=3, le=2000)
    n_b: int = Field(default=24, ge=3, le=2000)
    n_features: int = Field(default=6, ge=1, le=256)
    law: Literal["correlated", "identical"] = "correlated"
    """`identical`: both sets are the same (distance 0). Fewer rows than features make a covariance singular."""


@DRAWS.register(FeatureSets)
def feature_sets(rng: np.random.Generator, params: FeatureSets) -> Values:
    """Two sets of correlated features, with the means and covariances of each (ddof 1)."""
    d = params.n_features
    a = rng.normal(size=(params.n_a, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)
    b = a if params.law == "identical" else rng.normal(size=(params.n_b, d)) @ rng.normal(size=(d, d))
    values: Values = {"features_a": a.round(5).tolist(), "features_b": b.round(5).tolist()}
    for name in ("a", "b"):
        rows = np.array(values[f"features_{name}"])
        values[f"mean_{name}"] = rows.mean(axis=0).tolist()
        values[f"cov_{name}"] = np.atleast_2d(np.cov(rows, rowvar=False)).tolist()
    return values


class TokenNlls(DrawParams):
    """Negative log-likelihoods of tokens, in batches of unequal size."""

    n: int = Field(default=50, ge=4, le=5000)


@DRAWS.register(TokenNlls)
def token_nlls(rng: np.random.Generator, params: TokenNlls) -> Values:
    """Negative log-likelihoods in nats, one a token, and their mean, as a loss is averaged."""
    nlls = rng.gamma(2.0, 1.0, size=params.n).round(5)
    return {
        "nlls": nlls.tolist(),
        "loss": float(nlls.mean()),
        "total_nll": float(nlls.sum()),
        "n_tokens": params.n,
    }


class LikelihoodInputs(DrawParams):
    """A text of tokens and batches of them, for a perplexity."""

    period: int = Field(default=8, ge=2)
    """The text repeats itself, so that every cut into windows of a multiple of it has the same mean."""
    n_periods: int = Field(default=64, ge=4)
    n_rows: int = Field(default=6, ge=5)
    length: int = Field(default=16, ge=4)


@DRAWS.register(LikelihoodInputs)
def likelihood_inputs(rng: np.random.Generator, params: LikelihoodInputs) -> Values:
    """A periodic text, rows of tokens with their successors, and the weights of a small language model."""
    cycle = rng.integers(0, 10, size=params.period).tolist()
    rows = rng.integers(0, 10, size=(params.n_rows, params.length + 1))
    return {
        "tokens": cycle * params.n_periods + cycle[:1],
        "inputs": rows[:, :-1].tolist(),
        "targets": rows[:, 1:].tolist(),
        "phase": round(float(rng.uniform(0.5, 2.5)), 4),
        "gain": 30.0,
    }


class TrainedLanguageModel(DrawParams):
    """A language model as it was trained, on the notebook's own tokens (roles `train` and `validation`)."""

    context_length: int = Field(default=128, ge=2)
    n_prompt: int = Field(default=64, ge=1)
    n_new: int = Field(default=200, ge=1)
    """Tokens that are generated after the prompt."""


@DRAWS.register(TrainedLanguageModel)
def trained_language_model(rng: np.random.Generator, params: TrainedLanguageModel) -> Values:
    """Nothing is drawn: the model stays as it is, and so do the splits and the texts that it is asked about."""
    return {"kind": "trained"} | params.model_dump()


class LikelihoodOfPixels(DrawParams):
    """A batch of data and the parameters of its distribution, for a negative log-likelihood."""

    n: int = Field(default=3, ge=2, le=16)
    n_pixels: int = Field(default=784, ge=2, le=4096)
    is_binary: bool = False
    """Data of zeros and ones alone: what a Bernoulli distribution that looks at its support takes."""


@DRAWS.register(LikelihoodOfPixels)
def likelihood_of_pixels(rng: np.random.Generator, params: LikelihoodOfPixels) -> Values:
    """Data in [0, 1], parameters in (0, 1) as near to it as chance wills, and log variances, all of one shape."""
    shape = (params.n, params.n_pixels)
    x = rng.uniform(0.02, 0.98, size=shape)
    x = (x > 0.5).astype(float) if params.is_binary else x
    share, noise = rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.95, size=shape)
    return {
        "reconstruction": (share * (0.03 + 0.94 * x) + (1 - share) * noise).round(4).tolist(),
        "target": x.round(3).tolist(),
        "log_var": rng.uniform(-2.0, 1.0, size=shape).round(4).tolist(),
        "sigma": 0.75,
        "n_pixels": params.n_pixels,
    }


class Uniform(DrawParams):
    """Uniform numbers in [0, 1)."""

    n: int = Field(default=499, ge=32, le=4096)


@DRAWS.register(Uniform)
def uniform_numbers(rng: np.random.Generator, params: Uniform) -> Values:
    """Numbers in [0, 1): which images an autoencoder is shown, and where between their codes others are taken."""
    return {"uniform": rng.uniform(size=params.n).round(5).tolist()}
