"""Targets as rubrics and challenges write them, with the laws that follow from them, computed once each."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from autograder.stats.mixtures import GaussianMixture
from autograder.stats.planes import Plane
from autograder.stats.rejection import acceptance_rate, accepted_law


class TargetSpec(BaseModel):
    """A mixture of Gaussians."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    weights: list[float]
    means: list[list[float]]
    covariances: list[list[list[float]]]

    def mixture(self) -> GaussianMixture:
        """Return the law."""
        return GaussianMixture(np.array(self.weights), np.array(self.means), np.array(self.covariances))

    @property
    def key(self) -> str:
        """A text that is equal for equal targets."""
        return self.model_dump_json()


def from_challenge(values: Mapping[str, Any]) -> TargetSpec:
    """Return the target of a challenge case (`{"family": "gaussian", "mean", "cov"}`)."""
    return TargetSpec(weights=[1.0], means=[values["mean"]], covariances=[values["cov"]])


@functools.lru_cache(maxsize=64)
def accepted_plane(target: str, c: float, sigma: float, step: float) -> Plane:
    """Return the law of what rejection sampling with constant `c` accepts, for a target given by its key."""
    return accepted_law(TargetSpec.model_validate(json.loads(target)).mixture().density, c, sigma, step)


@functools.lru_cache(maxsize=64)
def accepted_rate(target: str, c: float, sigma: float, step: float) -> float:
    """Return the acceptance rate of rejection sampling with constant `c`."""
    return acceptance_rate(TargetSpec.model_validate(json.loads(target)).mixture().density, c, sigma, step)


@functools.lru_cache(maxsize=8)
def contours_of(target: str, low: float, high: float) -> tuple[dict[str, Any], ...]:
    """Return contour lines of the density, as polygons, for the report's figures."""
    mixture = TargetSpec.model_validate(json.loads(target)).mixture()
    axis = np.linspace(low, high, 97)
    points = np.stack(np.meshgrid(axis, axis), axis=-1)
    density = mixture.density(points)
    levels = [float(fraction * density.max()) for fraction in (0.05, 0.2, 0.45, 0.75)]
    return tuple({"level": level, "paths": level_lines(axis, density, level)} for level in levels)


def level_lines(axis: np.ndarray, z: np.ndarray, level: float) -> list[list[list[float]]]:
    """Return the segments of the contour z = level on a square grid (marching squares, linear interpolation).

    Each segment is `[[x, y], [x, y]]`; z[i, j] belongs to (axis[j], axis[i]).
    """
    paths: list[list[list[float]]] = []
    above = z > level
    for i in range(len(axis) - 1):
        for j in range(len(axis) - 1):
            corners = ((i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j))
            crossings = []
            for (a, b), (c, d) in zip(corners, corners[1:] + corners[:1], strict=True):
                if above[a, b] != above[c, d]:
                    t = (level - z[a, b]) / (z[c, d] - z[a, b])
                    crossings.append(
                        [
                            round(float(axis[b] + t * (axis[d] - axis[b])), 3),
                            round(float(axis[a] + t * (axis[c] - axis[a])), 3),
                        ]
                    )
            paths += [crossings[k : k + 2] for k in range(0, len(crossings) - 1, 2)]
    return paths
