"""Exact values that goldens are made of: quadrature and closed forms, by the engine's own formulas.

A truth is `(params) -> {suffix: GoldenValue}`; the suffix is appended to the golden key (`""` for a single
value, `[population]` for one of several conventions). The reference's replicates are the second source, and a
test makes the two agree.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from autograder.checks.targets import TargetSpec, accepted_rate
from autograder.golden import GoldenValue
from autograder.registry import TRUTHS
from autograder.stats.expressions import function_of_points
from autograder.stats.importance import truths
from autograder.stats.planes import Plane
from autograder.stats.rejection import envelope_supremum
from autograder.stats.transitions import one_step_acceptance


class TruthParams(BaseModel):
    """Base of the parameters of truths."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    of_data: ClassVar[bool] = False
    """Whether the truth is one of the data that notebooks are shown: its function is also given their folder."""


class RejectionRate(TruthParams):
    """Rejection sampling as the sheet has it."""

    target: TargetSpec
    c: float
    sigma: float
    n: int


@TRUTHS.register(RejectionRate)
def rejection_rate(params: RejectionRate) -> dict[str, GoldenValue]:
    """Acceptance rate E_q[min(1, p/(c q))] by quadrature; over n acceptances its sd is p sqrt((1-p)/n)."""
    rate = accepted_rate(params.target.key, params.c, params.sigma, 0.02)
    sd = rate * ((1 - rate) / params.n) ** 0.5
    return {"": GoldenValue(truth=rate, sd=sd, n=params.n, source="quadrature of E_q[min(1, p/(c q))]")}


class Envelope(TruthParams):
    """A target and an isotropic Gaussian proposal."""

    target: TargetSpec
    sigma: float


@TRUTHS.register(Envelope)
def envelope(params: Envelope) -> dict[str, GoldenValue]:
    """Smallest envelope constant sup p/q, by a grid and local optimisation."""
    found = envelope_supremum(params.target.mixture().density, params.sigma)
    return {"": GoldenValue(truth=float(found[0]), source="maximum of p/q, grid then local optimisation")}


class Importance(TruthParams):
    """Self-normalised importance sampling."""

    target: TargetSpec
    sigma: float
    n: int
    f: str


@TRUTHS.register(Importance)
def importance(params: Importance) -> dict[str, GoldenValue]:
    """Mean, ESS and weighted variances (each convention), with delta-method spreads, by quadrature."""
    found = truths(params.target.mixture().density, params.sigma, function_of_points(params.f), params.n)
    return {
        f".{name}": GoldenValue(truth=value[0], sd=value[1], n=params.n, source="quadrature, delta method")
        for name, value in found.items()
    }


class MetropolisRates(TruthParams):
    """Random-walk Metropolis at stationarity."""

    target: TargetSpec
    steps: list[float]


@TRUTHS.register(MetropolisRates)
def metropolis_rates(params: MetropolisRates) -> dict[str, GoldenValue]:
    """Acceptance rates at stationarity: the mean of the one-step acceptance under p, by quadrature."""
    mixture = params.target.mixture()
    mean, sd = mixture.mean, mixture.covariance.diagonal() ** 0.5
    plane = Plane.from_density(mixture.density, mean - 6 * sd, mean + 6 * sd, step=0.1)
    mass = plane.density.reshape(-1)
    kept = mass > 1e-9 * mass.max()
    states, mass = plane.grid.reshape(-1, 2)[kept], mass[kept]
    values = {}
    for step in params.steps:
        rate = float(one_step_acceptance(mixture.log_density, states, step, 256) @ mass / mass.sum())
        values[f"[{step:g}]"] = GoldenValue(truth=rate, source="quadrature of the acceptance at stationarity")
    return values
