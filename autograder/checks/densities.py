"""Claims about a density: the function at challenge points, and the surface that was drawn."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

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
from autograder.checks.targets import TargetSpec
from autograder.probes.evidence import Evidence
from autograder.probes.observations import Leaf
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey
from autograder.stats.mixtures import GaussianMixture

Array = np.ndarray


class DensityAgrees(CheckParams):
    """A function of points that must be the target's density, or its logarithm."""

    challenge: ChallengeKey
    target: TargetSpec
    rtol: float = 1e-6


@CHECKS.register(DensityAgrees)
def density_agrees(evidence: Evidence, params: DensityAgrees, context: Context) -> Finding:
    """The student's density equals the formula at points drawn after the hand-in (half when off by a factor)."""
    called = evidence.called[params.challenge]
    if not called.can_be_called:
        return untried("No function for the density was found to call.")
    mixture = params.target.mixture()
    best: Finding | None = None
    for answer in called.answers:
        if answer.status != "ok" or answer.case not in called.cases:
            continue
        points = np.asarray(called.cases[answer.case]["points"], dtype=float)
        values = next(
            (_vector(leaf, len(points)) for leaf in answer.leaves if _vector(leaf, len(points)) is not None),
            None,
        )
        if values is None:
            continue
        found = (Found(how="call", path=answer.function),)
        finding = _compare(values, points, mixture, params.rtol, f"`{answer.function}`", found)
        if (finding.fraction or called.is_meant(answer)) and (
            best is None or finding.fraction > best.fraction
        ):
            best = finding
    if best is not None:
        return best
    broken = [answer for answer in called.answers if answer.status not in ("ok", "missing", "not_callable")]
    worst = next((answer for answer in broken if called.is_meant(answer)), None)
    if worst is None:
        return untried("No function for the density was found to call.")
    return failed(f"The density could not be judged: {describe(worst)}.", expected="one value for each point")


def _vector(leaf: Leaf, n: int) -> Array | None:
    if isinstance(leaf.value, np.ndarray) and leaf.value.dtype.kind in "fiu" and leaf.value.size == n:
        return np.asarray(leaf.value, dtype=float).reshape(-1)
    return None


def _compare(
    values: Array, points: Array, mixture: GaussianMixture, rtol: float, name: str, found: tuple[Found, ...]
) -> Finding:
    density, log_density = mixture.density(points), mixture.log_density(points)
    expected = "the mixture's density, or its logarithm, at every point"
    floor = rtol * float(density.max()) * 1e-3
    for label, truth, atol in (("density", density, floor), ("log density", log_density, rtol)):
        if np.allclose(values, truth, rtol=rtol, atol=atol):
            return judged(
                1.0,
                observed=f"the {label}, equal at {len(points)} points",
                expected=expected,
                message=f"{name} gives the mixture's {label} at points you had not seen.",
                found=found,
            )
    with np.errstate(all="ignore"):
        for label, offset in (
            ("factor", np.log(values) - log_density),
            ("factor in the logarithm", values - log_density),
        ):
            if np.all(np.isfinite(offset)) and np.ptp(offset) < 1e-5:
                return judged(
                    0.5,
                    observed=f"off by the constant factor {number(float(np.exp(offset[0])))}",
                    expected=expected,
                    message=f"{name} has the right shape, but a constant {label} is wrong: "
                    f"it gives {number(float(np.exp(offset[0])))} times the density.",
                    found=found,
                )
    fault = name_fault(values, points, mixture, rtol)
    worst = int(np.nanargmax(np.abs(values - density))) if np.any(np.isfinite(values)) else 0
    return failed(
        f"{name} does not give the mixture's density. " + (fault or _example(values, density, points, worst)),
        observed=fault or "other values",
        expected=expected,
        found=found,
    )


def _example(values: Array, density: Array, points: Array, index: int) -> str:
    x, y = points[index]
    return f"At ({x:.2f}, {y:.2f}) for example, it gives {number(float(values[index]))}; that is not the density there."


def faults_of(mixture: GaussianMixture) -> dict[str, Callable[[], GaussianMixture]]:
    """Return typical mistakes in writing down a mixture: sentence to the law that the mistake gives."""
    w, m, c = mixture.weights, mixture.means, mixture.covariances
    k = len(w)
    diagonal = np.stack([np.diag(np.diag(cov)) for cov in c])
    faults: dict[str, Callable[[], GaussianMixture]] = {
        "It is what the formula gives with the correlations left out.": lambda: GaussianMixture(
            w, m, diagonal
        ),
        "It is what the formula gives with equal weights.": lambda: GaussianMixture(np.full(k, 1 / k), m, c),
        "It is what the formula gives with the sign of the correlations turned.": lambda: GaussianMixture(
            w, m, 2 * diagonal - c
        ),
        "It is what the formula gives with the inverse matrices in place of the covariances.": lambda: (
            GaussianMixture(w, m, np.linalg.inv(c))
        ),
        "It is what the formula gives with the squares of the covariances.": lambda: GaussianMixture(
            w, m, c @ c
        ),
    }
    for i in range(k):
        for j in range(i + 1, k):
            order = np.arange(k)
            order[[i, j]] = j, i
            sentence = (
                f"It is what the formula gives with the weights of components {i + 1} and {j + 1} exchanged."
            )
            faults[sentence] = functools.partial(GaussianMixture, w[order], m, c)
    return faults


def name_fault(values: Array, points: Array, mixture: GaussianMixture, rtol: float) -> str:
    """Return the sentence that names the mistake that gives just these values, or nothing."""
    for sentence, make in faults_of(mixture).items():
        try:
            wrong = make()
        except ValueError:  # the mistake gives no law for these parameters
            continue
        if any(
            np.allclose(values, truth, rtol=rtol, atol=1e-12)
            for truth in (wrong.density(points), wrong.log_density(points))
        ):
            return sentence
    d = points[:, None, :] - mixture.means
    precision = np.linalg.inv(mixture.covariances)
    square = np.einsum("nki,kij,nkj->nk", d, precision, d)
    det = np.linalg.det(mixture.covariances)
    scale = mixture.weights / (2 * np.pi)
    variants = {
        "It is what the formula gives without the square root of the determinant.": (
            scale / det * np.exp(-0.5 * square)
        ),
        "It is what the formula gives without the determinant.": (scale * np.exp(-0.5 * square)),
        "It is what the formula gives without the factor ½ in the exponent.": (
            scale / np.sqrt(det) * np.exp(-square)
        ),
        "It is the sum of the components without their weights.": (
            np.exp(-0.5 * square) / (2 * np.pi * np.sqrt(det))
        ),
    }
    for sentence, parts in variants.items():
        total = parts.sum(axis=1)
        if np.allclose(values, total, rtol=rtol, atol=1e-12) or np.allclose(
            np.exp(values), total, rtol=rtol, atol=1e-12
        ):
            return sentence
    for j in range(len(mixture.weights)):
        kept = np.arange(len(mixture.weights)) != j
        rest = (scale / np.sqrt(det) * np.exp(-0.5 * square))[:, kept].sum(axis=1)
        if np.allclose(values, rest, rtol=rtol, atol=1e-12) or np.allclose(
            np.exp(values), rest, rtol=rtol, atol=1e-12
        ):
            return f"Component {j + 1} is missing from the sum."
    return ""


class SurfaceAgrees(CheckParams):
    """The drawn contour's heights, or an array on the mesh, against the density."""

    target: TargetSpec
    rtol: float = 1e-5


@CHECKS.register(SurfaceAgrees)
def surface_agrees(evidence: Evidence, params: SurfaceAgrees, context: Context) -> Finding:
    """The surface that was drawn is the target's density on its mesh, up to scale or in the logarithm."""
    mixture = params.target.mixture()
    best: Finding | None = None
    for figure in evidence.figures_of(context.item) or evidence.figures_elsewhere(context.item):
        for axes in figure.axes:
            for contour in axes.get("contours", []):
                arrays = [figure.arrays.get(str(contour.get(key))) for key in ("xref", "yref", "zref")]
                if any(array is None for array in arrays):
                    continue
                x, y, z = (np.asarray(array, dtype=float) for array in arrays)
                finding = _surface(x, y, z, mixture, params.rtol, (Found(how="figure", cell=figure.cell),))
                if best is None or finding.fraction > best.fraction:
                    best = finding
    if best is None:
        cause = evidence.failure_in(context.item)
        return failed(
            "No contour of the density was drawn." + (f" ({cause}.)" if cause else ""),
            expected="a contour of p",
        )
    return best


def _surface(
    x: Array, y: Array, z: Array, mixture: GaussianMixture, rtol: float, found: tuple[Found, ...]
) -> Finding:
    expected = "p on the mesh"
    is_mesh = bool(x.size and y.size and np.all(np.isfinite(x)) and np.all(np.isfinite(y)))
    if not is_mesh or z.ndim != 2 or z.shape != (y.size, x.size):
        return failed(
            "The contour was drawn from arrays that do not fit each other.", expected=expected, found=found
        )
    points = np.stack(np.meshgrid(x, y), axis=-1)
    density = mixture.density(points)
    with np.errstate(all="ignore"):
        ratio = z / z.max() / (density / density.max())
        scaled = bool(np.all(np.abs(ratio[density > 1e-4 * density.max()] - 1) < rtol))
        offset = z - mixture.log_density(points)
        logarithm = bool(np.all(np.isfinite(offset)) and np.ptp(offset) < 1e-4)
        transposed = z.shape[0] == z.shape[1] and bool(np.allclose(z.T, density, rtol=1e-4, atol=1e-8))
    if scaled or logarithm:
        return judged(
            1.0,
            observed="p on the mesh",
            expected=expected,
            message="The contour shows the target.",
            found=found,
        )
    if transposed:
        return failed(
            "The contour shows the target with x and y exchanged.",
            observed="p transposed",
            expected=expected,
            found=found,
        )
    return failed(
        "The contour does not show the target's density.",
        observed="another surface",
        expected=expected,
        found=found,
    )
