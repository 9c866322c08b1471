"""Inputs drawn at grading time for the functions of a notebook.

Each notebook of each run gets its own inputs, drawn from a secret of the run after the notebook was handed
in and from the notebook's content: submissions with the same content get the same. A draw returns plain
numbers and lists: they travel into the kernel as JSON, and they stay on the trusted side, where the answer is
compared with what the formula gives for the same inputs.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from autograder.registry import DRAWS
from autograder.rubric.model import ChallengeSpec

Values = dict[str, Any]


class DrawParams(BaseModel):
    """Base of the parameters of draws."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def case_seed(secret: str, content: str, challenge: str, case: int) -> int:
    """Return the seed of one case: another one for every run, content, challenge and case."""
    text = f"{secret}/{content}/{challenge}/{case}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little") // 2


def draw_cases(spec: ChallengeSpec, secret: str, content: str, challenge: str) -> list[dict[str, Any]]:
    """Return the cases of one challenge: `{"key", "seed", "values"}` each.

    Parameters
    ----------
    secret : the run's; nobody knows it before the hand-in
    content : digest of the notebook's content and helper files
    challenge : its key in the rubric
    """
    draw = DRAWS[spec.draw]
    params = draw.params.model_validate(spec.params)
    cases = []
    for case in range(spec.n_cases):
        seed = case_seed(secret, content, challenge, case)
        cases.append(
            {"key": str(case), "seed": seed, "values": draw.function(np.random.default_rng(seed), params)}
        )
    return cases


def stored_cases(spec: ChallengeSpec, secret: str, challenge: str) -> list[dict[str, Any]]:
    """Return the cases of a challenge that is stored: the same for every notebook, drawn from the golden file's secret."""
    return draw_cases(spec, secret, "stored", challenge)


# ---------------------------------------------------------------------- draws


class PointsInBox(DrawParams):
    """`n` points, uniform in the square [low, high]^2."""

    n: int = Field(ge=2, le=4096)
    low: float
    high: float


@DRAWS.register(PointsInBox)
def points_in_box(rng: np.random.Generator, params: PointsInBox) -> Values:
    """Points of the plane, uniform in a square."""
    return {"points": rng.uniform(params.low, params.high, size=(params.n, 2)).tolist()}


def _gaussian_target(rng: np.random.Generator, low: float, high: float, shift: float) -> dict[str, Any]:
    """Return a bivariate Gaussian with standard deviations in [low, high], |correlation| in [0.3, 0.7]."""
    sd = rng.uniform(low, high, size=2)
    rho = rng.uniform(0.3, 0.7) * rng.choice([-1.0, 1.0])
    cov = np.array([[sd[0] ** 2, rho * sd[0] * sd[1]], [rho * sd[0] * sd[1], sd[1] ** 2]])
    return {"family": "gaussian", "mean": rng.uniform(-shift, shift, size=2).tolist(), "cov": cov.tolist()}


def envelope_of_gaussian(mean: np.ndarray, cov: np.ndarray, sigma: float) -> float:
    """Return sup_x N(x | mean, cov) / N(x | 0, sigma^2 I) in closed form; needs cov < sigma^2 I.

    The log ratio is a concave quadratic with its maximum at (P - I/sigma^2)^{-1} P mean, P = cov^{-1}.
    """
    precision = np.linalg.inv(cov)
    inner = precision - np.eye(2) / sigma**2
    if np.linalg.eigvalsh(inner).min() <= 0:
        raise ValueError("the target is wider than the proposal: no finite envelope")
    x = np.linalg.solve(inner, precision @ mean)
    log_p = -0.5 * (x - mean) @ precision @ (x - mean) - 0.5 * np.log(np.linalg.det(cov))
    log_q = -0.5 * x @ x / sigma**2 - 2 * np.log(sigma)
    return float(np.exp(log_p - log_q))


class RejectionProblem(DrawParams):
    """A Gaussian target, a proposal wide enough for it and a true envelope constant."""

    n: int = Field(ge=100, le=50_000)


@DRAWS.register(RejectionProblem)
def rejection_problem(rng: np.random.Generator, params: RejectionProblem) -> Values:
    """A target, an isotropic Gaussian proposal, a constant c that is an envelope, and how many to accept."""
    target = _gaussian_target(rng, 0.7, 1.1, 0.6)
    sigma = float(rng.uniform(1.8, 2.4))
    supremum = envelope_of_gaussian(np.array(target["mean"]), np.array(target["cov"]), sigma)
    return {"target": target, "sigma": sigma, "c": supremum * float(rng.uniform(1.1, 1.4)), "n": params.n}


class ImportanceProblem(DrawParams):
    """A Gaussian target and a proposal wide enough for it."""

    n: int = Field(ge=100, le=50_000)


@DRAWS.register(ImportanceProblem)
def importance_problem(rng: np.random.Generator, params: ImportanceProblem) -> Values:
    """A target, an isotropic Gaussian proposal and a number of draws."""
    return {
        "target": _gaussian_target(rng, 0.7, 1.1, 0.6),
        "sigma": float(rng.uniform(1.6, 2.2)),
        "n": params.n,
    }


class MetropolisProblem(DrawParams):
    """A Gaussian target, a step and a start for a random walk."""

    n: int = Field(ge=100, le=50_000)


@DRAWS.register(MetropolisProblem)
def metropolis_problem(rng: np.random.Generator, params: MetropolisProblem) -> Values:
    """A target, a step size, a start and a number of iterations, without burn-in or thinning.

    The step keeps away from 1, where a step that is used as a variance (or squared) is no mistake.
    """
    return {
        "target": _gaussian_target(rng, 0.8, 1.4, 0.5),
        "step": float(rng.uniform(1.3, 1.7)),
        "x0": rng.uniform(-0.5, 0.5, size=2).tolist(),
        "n": params.n,
        "n_burn_in": 0,
        "thin": 1,
    }


class GibbsProblem(DrawParams):
    """A correlation and a start for a Gibbs sampler on a standard bivariate Gaussian."""

    n: int = Field(ge=100, le=50_000)


@DRAWS.register(GibbsProblem)
def gibbs_problem(rng: np.random.Generator, params: GibbsProblem) -> Values:
    """A correlation other than the sheet's, a start and a number of sweeps, without burn-in or thinning."""
    rho = float(rng.uniform(0.4, 0.7) * rng.choice([-1.0, 1.0]))
    return {
        "rho": rho,
        "mean": [0.0, 0.0],
        "cov": [[1.0, rho], [rho, 1.0]],
        "x0": [0.0, 0.0],
        "n": params.n,
        "n_burn_in": 0,
        "thin": 1,
    }


class CorrelatedSeries(DrawParams):
    """A stretch of an autoregressive series with a mean far from 0."""

    n: int = Field(ge=50, le=10_000)
    max_lag: int = Field(ge=1, le=200)


@DRAWS.register(CorrelatedSeries)
def correlated_series(rng: np.random.Generator, params: CorrelatedSeries) -> Values:
    """A series x_t = m + phi (x_{t-1} - m) + noise and the largest lag to compute."""
    phi, mean = float(rng.uniform(0.5, 0.8)), float(rng.uniform(2.0, 4.0))
    noise = rng.normal(size=params.n) * float(rng.uniform(0.5, 2.0))
    series = np.empty(params.n)
    state = 0.0
    for t in range(params.n):
        state = phi * state + noise[t]
        series[t] = mean + state
    return {"series": series.tolist(), "max_lag": params.max_lag}


class PositiveWeights(DrawParams):
    """Unnormalised importance weights."""

    n: int = Field(ge=10, le=10_000)


@DRAWS.register(PositiveWeights)
def positive_weights(rng: np.random.Generator, params: PositiveWeights) -> Values:
    """Unnormalised, unequal, positive weights."""
    return {"weights": (np.exp(rng.normal(size=params.n)) * float(rng.uniform(2.0, 9.0))).tolist()}


# ------------------------------------------------------------- modules
# Values that the kernel's mode `module` carries out; see autograder/kernel_side/modules.py for the keys.


def _run(name: str, given: str, filling: int, **more: bool) -> dict[str, Any]:
    return {"name": name, "input": given, "filling": filling, **more}


def _fillings(rng: np.random.Generator, scales: list[float]) -> list[list[Any]]:
    return [[int(rng.integers(1, 2**31)), scale] for scale in scales]


class LanguageModelProblem(DrawParams):
    """Tokens for a causal language model, and what to vary of them."""

    d_model: int = Field(ge=2)
    n_head: int = Field(ge=1)
    vocab_size: int = Field(ge=2)
    """Of a model that has to be made; the tokens themselves stay below `n_tokens`."""
    context_length: int = Field(ge=4)
    n_layer: int = Field(default=2, ge=1)
    d_ff: int = Field(default=0, ge=0)
    """Hidden size of the feed-forward network, where a class asks for it."""
    n_tokens: int = Field(default=20, ge=2)
    n_sequences: int = Field(default=4, ge=2)
    length: int = Field(default=10, ge=4)
    family: Literal["recurrent", "attention", ""] = ""
    """Which of several language models of a notebook is meant: what is of the other family is none, and of equals the
    one that was made in the section of the item that the challenge is named after."""
    of_pieces: bool = False
    """Whether its vocabulary is that of a tokeniser of the notebook; under a name that is not expected, no other counts."""
    recurrent: bool | None = None
    """Whether the model meant has recurrent layers, where a notebook has two models; None where it has one."""


@DRAWS.register(LanguageModelProblem)
def language_model_problem(rng: np.random.Generator, params: LanguageModelProblem) -> Values:
    """Sequences, the same with another future, permuted, repeated, of one token, and longer than the context."""
    shape = (params.n_sequences, params.length)
    base = rng.integers(0, params.n_tokens, size=shape)
    future = base.copy()
    half = params.length // 2
    future[:, half:] = (future[:, half:] + rng.integers(1, params.n_tokens, size=future[:, half:].shape)) % (
        params.n_tokens
    )
    arrays = {
        "base": base,
        "future": future,
        "turned": base[::-1],
        "mirrored": base[:, ::-1],
        "future_rows": np.concatenate([base[: len(base) // 2], future[len(base) // 2 :, ::-1]]),
        "past": np.concatenate([(base[:, :-1] + 1 + base[:, 1:]) % params.n_tokens, base[:, -1:]], axis=1),
        "one_token": np.full(shape, rng.integers(0, params.n_tokens)),
        "long": rng.integers(0, params.n_tokens, size=(params.n_sequences, params.context_length + 7)),
    }
    runs = [
        _run("canonical_0", "base", 0),
        _run("canonical_1", "base", 1),
        _run("training", "base", 0, training=True),
        _run("gradients", "base", 0, gradients=True),
        _run("own", "base", -1, trace=True),
        _run("own_training", "base", -1, training=True, trace=True),
        _run("again", "base", -1),
        *(
            _run(name, name, -1)
            for name in ("future", "future_rows", "turned", "mirrored", "past", "one_token", "long")
        ),
    ]
    return {
        **params.model_dump(include={"d_model", "n_head", "vocab_size", "context_length", "n_layer"}),
        **({"family": params.family, "of_pieces": params.of_pieces} if params.family else {}),
        "d_ff": params.d_ff or 4 * params.d_model,
        "d_head": params.d_model // params.n_head,
        "dropout": 0.0,
        "recurrent": params.recurrent,
        "input": {"kind": "tokens", "shapes": [list(shape)]},
        "arrays": {name: array.reshape(-1).tolist() for name, array in arrays.items()},
        "fillings": _fillings(rng, [0.6, 0.15]),
        "noise_key": int(rng.integers(1, 2**31)),
        "runs": runs,
    }


class ImageModuleProblem(DrawParams):
    """Rows of numbers (noise, flat images) or images for a network of layers."""

    shapes: list[list[int]] = Field(min_length=1)
    """Shapes of one example, best first: [784], [1, 28, 28]."""
    n: int = Field(default=3, ge=2)
    low: float = 0.0
    high: float = 1.0
    is_normal: bool = False
    """Standard normal numbers in place of uniform ones."""
    sizes: dict[str, int] = Field(default_factory=dict)
    """Arguments of a class that has to be made, by role: {latent_dim: 16}."""
    methods: list[str] = Field(default_factory=list)
    """Methods to call in place of the module itself, where there are any: [decode, decoder]."""
    gives: list[int] = Field(default_factory=list)
    """Sizes of the last layer by which a network of any name is known, with the first size of a shape: [784]."""


@DRAWS.register(ImageModuleProblem)
def image_module_problem(rng: np.random.Generator, params: ImageModuleProblem) -> Values:
    """Examples for a network that maps numbers or images, the same in another order, and again."""
    size = int(np.prod(params.shapes[0]))
    base = rng.normal(size=(params.n, size)) if params.is_normal else np.empty((params.n, size))
    if not params.is_normal:
        base = rng.uniform(params.low, params.high, size=(params.n, size))
    base = np.round(base, 6)
    arrays = {"base": base, "turned": base[::-1], "wide": np.round(4.0 * base, 6)}
    runs = [
        _run("canonical_0", "base", 0),
        _run("canonical_1", "base", 1),
        _run("training", "base", 0, training=True),
        _run("gradients", "base", 0, training=True, gradients=True),
        _run("own", "base", -1, trace=True),
        _run("own_training", "base", -1, training=True, trace=True),
        _run("again", "base", -1),
        _run("turned", "turned", -1, turned=True),
        _run("wide", "wide", 0),
    ]
    return {
        **params.sizes,
        "dropout": 0.3,
        "ends": {"first": [shape[0] for shape in params.shapes], "last": params.gives},
        "input": {"kind": "floats", "shapes": [[params.n, *shape] for shape in params.shapes]},
        "arrays": {name: array.reshape(-1).tolist() for name, array in arrays.items()},
        "methods": params.methods,
        "fillings": _fillings(rng, [1.0, 0.5]),
        "noise_key": int(rng.integers(1, 2**31)),
        "runs": runs,
    }
