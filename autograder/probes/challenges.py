"""Inputs drawn at grading time for the functions of a notebook.

Each notebook of each run gets its own inputs, drawn from a secret of the run after the notebook was handed
in and from the notebook's content: submissions with the same content get the same. A draw returns plain
numbers and lists: they travel into the kernel as JSON, and they stay on the trusted side, where the answer is
compared with what the formula gives for the same inputs.
"""

from __future__ import annotations

import hashlib
from typing import Any

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
