"""Claims about samples of a mixture whose modes lie evenly on a circle: whether they are there, how many are covered."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.figures import nothing_drawn
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    MissingEvidence,
    failed,
    for_person,
    judged,
    number,
    untried,
)
from autograder.checks.values import where
from autograder.probes.evidence import Array, Evidence
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import EvidenceKey, OptionalEvidenceKey

NEAR, FAR = 0.75, 2.0
"""In units of the circle's radius: a median distance from the nearest centre that training gives, and one that only a
training that ran away gives. A generator that gives the centre of the circle has 1."""
N_DEVIATIONS = 4.0
DECIMALS = 4
SHARE_OF_DATA = 0.5
"""Share of a cloud's points from which it is the data, or holds little else."""


class Ring(CheckParams):
    """Samples (n, 2) and the modes that they should lie on."""

    samples: OptionalEvidenceKey
    n_modes: int = Field(ge=2)
    radius: float = Field(gt=0)


def distances(samples: Array, params: Ring) -> Array:
    """Return the distance (n, n_modes) of every sample from every centre; the first centre is at angle 0."""
    angles = 2 * np.pi * np.arange(params.n_modes) / params.n_modes
    centres = params.radius * np.column_stack([np.cos(angles), np.sin(angles)])
    apart: Array = np.linalg.norm(samples[:, None] - centres, axis=2)
    return apart


class SamplesLieNearModes(Ring):
    """Where the samples of a trained generator lie."""


@CHECKS.register(SamplesLieNearModes)
def samples_lie_near_modes(evidence: Evidence, params: SamplesLieNearModes, context: Context) -> Finding:
    """Half of the samples lie nearer to a mode than the circle's centre does; a person looks at what is in between."""
    clouds, found = _clouds(evidence, params.samples, context.item)
    if not clouds:
        raise MissingEvidence(params.samples)
    median = min((_median(cloud, params) for cloud in clouds), default=np.inf) / params.radius
    about: dict[str, Any] = {
        "observed": f"half of the samples within {number(median * params.radius, 3)} of a mode",
        "expected": f"within {number(NEAR * params.radius, 3)}",
        "found": found,
    }
    if median <= NEAR:
        return judged(1.0, message="The samples lie near the modes.", **about)
    if median >= FAR:
        message = (
            "The samples lie far from all modes: the training ran away. Look at the signs of the losses."
        )
        return failed(message, **about)
    return for_person(
        "The samples do not lie near the modes yet; a person looks whether they were trained.", **about
    )


def _median(cloud: Array, params: Ring) -> float:
    if not np.all(np.isfinite(cloud)):
        return np.inf
    return float(np.median(distances(cloud, params).min(axis=1)))


def _clouds(evidence: Evidence, key: str, item: str) -> tuple[list[Array], tuple[Found, ...]]:
    """Return the samples that were kept, else every cloud of points in the item's figures that may be samples."""
    if evidence.has(key) and not _is_older(evidence, key, item):
        kept = evidence.array(key)
        return ([kept] if kept.ndim == 2 and kept.shape[1] == 2 and len(kept) else []), where(evidence, key)
    clouds: list[Array] = []
    cells: list[int] = []
    for figure in evidence.figures_of(item):
        for axes in figure.axes:
            drawn = [figure.arrays.get(str(one.get("ref"))) for one in axes.get("scatters", [])]
            several = [one for one in drawn if one is not None and one.ndim == 2 and len(one) >= 50]
            clouds += several[1:]  # the first of several is as likely the data; one alone is no evidence
            cells += [figure.cell] * len(several[1:])
    return clouds, tuple(Found(how="figure", cell=cell) for cell in dict.fromkeys(cells))


def _is_older(evidence: Evidence, key: str, item: str) -> bool:
    """Whether a value was there before the training of the item's section, or before any where that has none: what the
    trained generator gives was not.
    """
    leaf = evidence.bound[key].leaf
    trained = {one.cell for one in evidence.observations.training if one.kind == "step"}
    here = trained & {cell.index for cell in evidence.cells_of(item)}
    return leaf is not None and bool(trained) and leaf.cell < min(here or trained)


class ModesMatchSamples(Ring):
    """A reported number of covered modes."""

    count: EvidenceKey
    within: float = Field(gt=0)
    """A sample this near to a centre belongs to the mode."""
    share: float = Field(gt=0, lt=1)
    """Least share of the samples by which a mode is covered."""


@CHECKS.register(ModesMatchSamples)
def modes_match_samples(evidence: Evidence, params: ModesMatchSamples, context: Context) -> Finding:
    """The reported number of covered modes is that of the kept samples, up to what other samples would give."""
    reported = evidence.number(params.count)
    if not evidence.has(params.samples) or _is_older(evidence, params.samples, context.item):
        return untried("No samples were kept that the number of modes could be compared with.")
    samples = evidence.array(params.samples)
    shares = (distances(samples, params) <= params.within).mean(axis=0)
    slack = N_DEVIATIONS * np.sqrt(params.share * (1 - params.share) / len(samples))
    least, most = (int(np.sum(shares >= params.share + sign * slack)) for sign in (1, -1))
    about: dict[str, Any] = {
        "observed": f"{reported:g} modes",
        "expected": f"{least} modes" if least == most else f"{least} to {most} modes",
        "found": where(evidence, params.count, params.samples),
    }
    if least <= reported <= most:
        return judged(1.0, message=f"Your samples cover {reported:g} modes, as you report.", **about)
    return failed(f"You report {reported:g} covered modes; your samples cover {about['expected']}.", **about)


class SamplesAreDrawn(CheckParams):
    """A picture of samples of the plane."""

    points: OptionalEvidenceKey
    """The data, which are no samples."""
    n_min: int = Field(default=100, ge=2)
    """Fewest points that count."""


@CHECKS.register(SamplesAreDrawn)
def samples_are_drawn(evidence: Evidence, params: SamplesAreDrawn, context: Context) -> Finding:
    """Points that are none of the data are drawn, as a scatter or as marks; a histogram or a density counts too."""
    what = "samples of the generator"
    data = evidence.array(params.points) if evidence.has(params.points) else None
    section = {cell.index for cell in evidence.cells_of(context.item)}
    for figure in evidence.figures_of(context.item):
        for axes in figure.axes:
            clouds = [figure.arrays.get(str(one.get("ref"))) for one in axes.get("scatters", [])]
            clouds += [
                np.column_stack([line.get("x", []), line.get("y", [])])
                for line in axes.get("lines", [])
                if not _runs_forward(line.get("x", []))
            ]
            is_drawn = any(_are_samples(cloud, data, params.n_min) for cloud in clouds)
            is_own = not section or figure.cell in section  # what a given cell draws are the data
            if is_drawn or (is_own and (axes.get("images") or axes.get("contours"))):
                found = (Found(how="figure", cell=figure.cell),)
                message = "The samples are drawn."
                return judged(1.0, observed="drawn", expected=what, message=message, found=found)
    return nothing_drawn(evidence, context.item, what)


def _runs_forward(x: list[float]) -> bool:
    """Whether a line is a curve over an axis, not a cloud of marks."""
    return len(x) < 2 or bool(np.all(np.diff(np.asarray(x, dtype=float)) >= 0))


def _are_samples(cloud: Array | None, data: Array | None, n_min: int) -> bool:
    if cloud is None or cloud.ndim != 2 or cloud.shape[1] != 2 or len(cloud) < n_min:
        return False
    if data is None or data.ndim != 2 or data.shape[1] != 2:
        return True
    known = set(map(tuple, np.round(data, DECIMALS).tolist()))
    rows = np.round(np.asarray(cloud, dtype=float), DECIMALS).tolist()
    return sum(tuple(row) in known for row in rows) < SHARE_OF_DATA * len(rows)
