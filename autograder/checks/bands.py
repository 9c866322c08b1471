"""Bands as a rubric writes them, turned into intervals for one check's share of the false-fail rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from autograder.checks.findings import Context, number
from autograder.errors import UsageError
from autograder.golden import GoldenValue
from autograder.records import Picture
from autograder.stats.bands import Band, exact, negative_binomial, normal, proportion, replicates


class BandSpec(BaseModel):
    """One legitimate convention with its own truth and the theory of its spread."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    """The convention, in words that the report shows: "population variance of f"."""
    method: Literal["normal", "proportion", "negative_binomial", "replicates", "exact"]
    golden: str
    """Key of the golden value that holds the truth, the spread, or the replicates."""
    n: int | None = None
    """Sample size (proportion) or number of successes (negative binomial)."""
    atol: float = 0.0
    """`exact` only: of a truth, or of a value in which all replicates of the reference agree."""
    scale: float = 1.0
    """What the golden value is multiplied by in this convention: -1 for a bound that stands for a loss, 1/784 for
    a mean over pixels."""
    excludes: dict[str, float] = {}
    """Values of typical mistakes that the band must not hold; `lint` verifies it."""

    def band(self, context: Context, n_sharing: int = 1) -> Band:
        """Return the interval that a correct value falls in except with the check's false-fail rate.

        Raises
        ------
        UsageError
            When the golden value lacks what the method needs.
        """
        band = self._unscaled(context.golden.value(self.golden), context.rate / n_sharing)
        if self.scale == 1.0:
            return band
        low, high = sorted((band.low * self.scale, band.high * self.scale))
        truth = None if band.truth is None else band.truth * self.scale
        return replace(
            band, low=low, high=high, truth=truth, min_discrepancy=band.min_discrepancy * abs(self.scale)
        )

    def _unscaled(self, value: GoldenValue, rate: float) -> Band:
        if self.method == "replicates":
            if value.replicates is None:
                raise UsageError(
                    f"the golden value {self.golden!r} has no replicates; run: autograder golden"
                )
            if value.replicates.sd == 0.0:  # an event that no replicate saw
                return exact(value.replicates.mean)
            return replicates(value.replicates.mean, value.replicates.sd, value.replicates.n, rate)
        if self.method == "exact" and value.truth is None and value.replicates is not None:
            if value.replicates.sd > 0.0:
                raise UsageError(
                    f"the golden value {self.golden!r} is not exact: the replicates of the reference differ"
                )
            return exact(value.replicates.mean, atol=self.atol)
        if value.truth is None:
            raise UsageError(f"the golden value {self.golden!r} has no truth for the method {self.method!r}")
        if self.method == "exact":
            return exact(value.truth, atol=self.atol, rtol=0.0)
        if self.method == "negative_binomial":
            return negative_binomial(value.truth, self._n(value.n), rate)
        if self.method == "proportion":
            return proportion(value.truth, self._n(value.n), rate)
        if value.sd is None:
            raise UsageError(
                f"the golden value {self.golden!r} has no standard deviation for the method 'normal'"
            )
        return normal(value.truth, value.sd, value.n or 1, rate)

    def _n(self, golden_n: int | None) -> int:
        n = self.n or golden_n
        if n is None:
            raise UsageError(f"the band {self.name!r} needs a sample size: give n")
        return n


@dataclass(frozen=True)
class Placement:
    """Where a number lies among the accepted bands."""

    name: str
    """The convention whose band holds it, or "" when none does."""
    bands: tuple[tuple[str, Band], ...]

    @property
    def expected(self) -> str:
        """The accepted intervals, in words."""
        return "; ".join(f"{number(band.low)} to {number(band.high)} ({name})" for name, band in self.bands)

    def picture(self, value: float, label: str) -> Picture:
        """Return the number drawn among its bands."""
        lows, highs = [band.low for _, band in self.bands], [band.high for _, band in self.bands]
        data: dict[str, Any] = {
            "value": value,
            "low": lows[0],
            "high": highs[0],
            "variants": [{"name": name, "low": band.low, "high": band.high} for name, band in self.bands],
            "unit": "",
            "label": label,
        }
        return Picture(kind="band", title=label, data=data)


def place(
    value: float, specs: Sequence[BandSpec], context: Context, rounding: float = 0.0, n_sharing: int = 1
) -> Placement:
    """Return the first accepted convention whose band, opened by the rounding of a printed value, holds `value`."""
    bands = tuple((spec.name, spec.band(context, n_sharing)) for spec in specs)
    for name, band in bands:
        if band.low - rounding <= value <= band.high + rounding:
            return Placement(name, bands)
    return Placement("", bands)
