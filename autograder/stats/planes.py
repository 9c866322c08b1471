"""Laws on the plane by quadrature: expectations, projections, cell probabilities, draws.

The trapezoid rule on a grid whose frame carries no mass is a plain sum times the cell's area. It converges
faster than any power of the step for smooth densities, and with the square of the step for densities with a
kink, such as min(p, c q).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import scipy

from autograder.stats.arrays import Density, FloatArray, finite, positive

Cdf = Callable[[npt.ArrayLike], FloatArray]
Cells = tuple[FloatArray, FloatArray, FloatArray]
"""Edges of x (k + 1,), edges of y in each strip of x (k, k + 1), probabilities (k, k)."""
MAX_MASS_ERROR = 1e-4
MAX_FRAME_MASS = 1e-7
MAX_POINTS = 20_000_000
BLOCK_POINTS = 250_000


def on_lattice(
    density: Density, origin: FloatArray, e1: FloatArray, e2: FloatArray, n1: int, n2: int
) -> FloatArray:
    """Return the density at origin + i e1 + j e2, shape (n1, n2), evaluated in blocks of rows.

    Raises
    ------
    ValueError
        If the lattice is too large, or the density is negative, NaN or infinite somewhere.
    """
    if n1 * n2 > MAX_POINTS:
        raise ValueError(f"grid: expected at most {MAX_POINTS} points, got {n1} x {n2}; use a larger step")
    values = np.empty((n1, n2))
    along = np.arange(n2)[:, None] * e2
    rows_per_block = max(1, BLOCK_POINTS // n2)
    for start in range(0, n1, rows_per_block):
        i = np.arange(start, min(start + rows_per_block, n1))
        values[i] = density(origin + i[:, None, None] * e1 + along)
    if not np.all(np.isfinite(values)) or values.min() < 0:
        raise ValueError("density: expected finite values >= 0 on the whole grid")
    return values


def bounding_box(
    density: Density, half_width: float, centre: npt.ArrayLike = (0.0, 0.0), floor: float = 1e-12
) -> tuple[FloatArray, FloatArray]:
    """Return the corners (low, high) of the part of a square where density > floor * its maximum.

    The square of side 2 `half_width` is scanned with 241 x 241 points and the part padded by two cells:
    a mode narrower than half_width / 120 can be missed.

    Raises
    ------
    ValueError
        If the density is zero on the whole scan.
    """
    n = 241
    cell = 2 * positive(half_width, "half_width") / (n - 1)
    low = finite(centre, "centre") - half_width
    values = on_lattice(density, low, np.array([cell, 0.0]), np.array([0.0, cell]), n, n)
    if values.max() <= 0:
        raise ValueError("density: expected a positive value somewhere in the box, got zeros only")
    kept = np.argwhere(values > floor * values.max())
    first, last = kept.min(axis=0) - 2, kept.max(axis=0) + 2
    return low + np.maximum(first, 0) * cell, low + np.minimum(last, n - 1) * cell


@dataclass(frozen=True, eq=False)
class Plane:
    """A law on the plane, known through its density on a regular grid.

    Build it with :meth:`from_density`. `density[i, j]` is the normalised density at (x[i], y[j]); `mass` is
    the integral of the function that was given, and `mass_error` bounds its relative error (the difference
    to the grid of twice the step).
    """

    x: FloatArray
    y: FloatArray
    density: FloatArray = field(repr=False)
    step: float
    mass: float
    mass_error: float
    _unnormalised: Density = field(repr=False)
    _cdfs: dict[tuple[float, float], Cdf] = field(default_factory=dict, repr=False)
    _cells: dict[int, Cells] = field(default_factory=dict, repr=False)

    @classmethod
    def from_density(
        cls,
        density: Density,
        low: Sequence[float] | FloatArray,
        high: Sequence[float] | FloatArray,
        step: float = 0.02,
    ) -> Plane:
        """Return the law proportional to `density` on the box from `low` to `high`.

        Parameters
        ----------
        density : function (..., 2) -> (...,), nonnegative, need not be normalised
        low, high : corners (2,) of the box, which must hold all of the mass
        step : distance of the grid's points

        Raises
        ------
        ValueError
            If the box is empty, the mass is zero, the mass in the frame of the box is more than 1e-7 of it,
            or the mass changes by more than 1e-4 of itself when the step is doubled.
        """
        step = positive(step, "step")
        corner, opposite = finite(low, "low"), finite(high, "high")
        if corner.shape != (2,) or opposite.shape != (2,) or np.any(opposite - corner < 4 * step):
            raise ValueError(f"box: expected low < high by 4 steps in both directions, got {low}, {high}")
        nx, ny = (int(n) for n in np.ceil((opposite - corner) / step)[:2] + 1)
        values = on_lattice(density, corner, np.array([step, 0.0]), np.array([0.0, step]), nx, ny)
        mass = float(values.sum()) * step**2
        if mass <= 0:
            raise ValueError("density: expected a positive mass in the box, got 0")
        frame = float(values[[0, -1]].sum() + values[:, [0, -1]].sum()) * step**2 / mass
        if frame > MAX_FRAME_MASS:
            raise ValueError(
                f"box: expected all of the mass inside, got {frame:.1e} of it in the frame; widen the box"
            )
        error = abs(float(values[::2, ::2].sum()) * 4 * step**2 / mass - 1)
        if error > MAX_MASS_ERROR:
            raise ValueError(
                f"step: expected a converged mass, got a relative change of {error:.1e}; use a smaller step"
            )
        x, y = corner[0] + step * np.arange(nx), corner[1] + step * np.arange(ny)
        return cls(x, y, values / mass, step, mass, error, density)

    @property
    def grid(self) -> FloatArray:
        """Return the points of the grid, (nx, ny, 2)."""
        return np.stack(np.meshgrid(self.x, self.y, indexing="ij"), axis=-1)

    def expectation(self, f: Density) -> float:
        """Return E[f(x)], f a function (..., 2) -> (...,)."""
        return float(np.sum(f(self.grid) * self.density)) * self.step**2

    def variance(self, f: Density) -> float:
        """Return Var[f(x)], computed around the mean, not as a difference of moments."""
        values = f(self.grid)
        mean = float(np.sum(values * self.density)) * self.step**2
        return float(np.sum((values - mean) ** 2 * self.density)) * self.step**2

    def mean(self) -> FloatArray:
        """Return E[x], (2,)."""
        return np.array([self.expectation(lambda z: z[..., 0]), self.expectation(lambda z: z[..., 1])])

    def covariance(self) -> FloatArray:
        """Return Cov[x], (2, 2)."""
        centred = self.grid - self.mean()
        return (
            np.asarray(np.einsum("xyi,xyj,xy->ij", centred, centred, self.density), dtype=np.float64)
            * self.step**2
        )

    def marginal_cdf(self, direction: Sequence[float]) -> Cdf:
        """Return the distribution function of the projection u.x as a monotone function of t.

        The density of the projection is integrated on a grid turned to `direction` (the stored one for the
        axes), then its cubic spline; error below 1e-5 for densities as smooth as min(p, c q).

        Parameters
        ----------
        direction : u (2,), used as it is given: (1, 1) is the law of x1 + x2

        Raises
        ------
        ValueError
            If the direction is zero or not two numbers.
        """
        u = finite(direction, "direction")
        length = float(np.hypot(*u)) if u.shape == (2,) else 0.0
        if length == 0:
            raise ValueError(f"direction: expected two numbers that are not both 0, got {direction}")
        key = (float(u[0]), float(u[1]))
        if key not in self._cdfs:
            at, marginal = self._projection(u / length)
            self._cdfs[key] = _monotone_cdf(at * length, marginal)
        return self._cdfs[key]

    def _projection(self, unit: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Points t (m,) and the density of unit.x there (m,), up to a constant."""
        if unit[1] == 0 and unit[0] > 0:
            return self.x, self.density.sum(axis=1)
        if unit[0] == 0 and unit[1] > 0:
            return self.y, self.density.sum(axis=0)
        normal = np.array([-unit[1], unit[0]])
        corners = np.array([(x, y) for x in self.x[[0, -1]] for y in self.y[[0, -1]]])
        low_t, low_s = (corners @ unit).min(), (corners @ normal).min()
        n_t, n_s = (int(np.ceil(np.ptp(corners @ e) / self.step)) + 1 for e in (unit, normal))
        origin = low_t * unit + low_s * normal
        values = on_lattice(self._unnormalised, origin, self.step * unit, self.step * normal, n_t, n_s)
        return low_t + self.step * np.arange(n_t), values.sum(axis=1)

    def cell_probabilities(self, edges_x: npt.ArrayLike, edges_y: npt.ArrayLike) -> FloatArray:
        """Return the probabilities of the rectangles between the edges, (len(edges_x)-1, len(edges_y)-1).

        Infinite edges are allowed. Cubic splines in both directions.

        Raises
        ------
        ValueError
            If edges are fewer than two, NaN or not increasing.
        """
        strips = np.diff(_integral_to(self.x, self.density, _edges(edges_x, "edges_x")), axis=0)
        cells = np.diff(_integral_to(self.y, strips.T, _edges(edges_y, "edges_y")), axis=0).T
        return np.maximum(cells, 0.0)

    def equal_cells(self, n_side: int) -> Cells:
        """Return n_side x n_side cells of nearly equal probability, outermost ones unbounded.

        Returns
        -------
        edges_x : (n_side + 1,), -inf to inf
        edges_y : (n_side, n_side + 1), the edges inside each strip of x
        probabilities : (n_side, n_side), of the cells as they are; they sum to 1
        """
        if n_side not in self._cells:
            self._cells[n_side] = self._partition(n_side)
        return self._cells[n_side]

    def _partition(self, n_side: int) -> Cells:
        levels = np.arange(1, n_side) / n_side
        inner = np.interp(levels, *_cumulated(self.x, self.density.sum(axis=1)))
        edges_x = np.concatenate([[-np.inf], inner, [np.inf]])
        strips = np.diff(_integral_to(self.x, self.density, edges_x), axis=0)  # (n_side, ny)
        edges_y = np.full((n_side, n_side + 1), np.inf)
        edges_y[:, 0] = -np.inf
        probabilities = np.empty((n_side, n_side))
        for i, strip in enumerate(strips):
            edges_y[i, 1:-1] = np.interp(levels, *_cumulated(self.y, strip))
            probabilities[i] = np.diff(_integral_to(self.y, strip, edges_y[i]), axis=0)
        return edges_x, edges_y, probabilities / probabilities.sum()

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return `n` independent draws (n, 2), uniform inside the grid's cells (variance + step^2/12)."""
        cumulative = np.cumsum(self.density.ravel())
        index = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")
        i, j = np.divmod(np.minimum(index, cumulative.size - 1), len(self.y))
        return np.stack([self.x[i], self.y[j]], axis=1) + (rng.random((n, 2)) - 0.5) * self.step


def _edges(values: npt.ArrayLike, name: str) -> FloatArray:
    edges = np.asarray(values, dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not np.all(np.diff(edges) > 0):
        raise ValueError(f"{name}: expected at least two increasing numbers, got {edges.tolist()}")
    return edges


def _integral_to(at: FloatArray, values: FloatArray, edges: FloatArray) -> FloatArray:
    """Integral along axis 0 of the spline through `values`, from at[0] to each edge."""
    return np.asarray(
        scipy.interpolate.CubicSpline(at, values).antiderivative()(np.clip(edges, at[0], at[-1])),
        dtype=np.float64,
    )


def _cumulated(at: FloatArray, marginal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distribution function at the nodes, from 0 to 1 and never falling, and the nodes."""
    cdf = np.maximum.accumulate(_integral_to(at, marginal, at))
    return (cdf - cdf[0]) / (cdf[-1] - cdf[0]), at


def _monotone_cdf(at: FloatArray, marginal: FloatArray) -> Cdf:
    cdf, _ = _cumulated(at, marginal)
    curve = scipy.interpolate.PchipInterpolator(at, cdf)

    def evaluate(t: npt.ArrayLike) -> FloatArray:
        inside = np.clip(np.asarray(t, dtype=np.float64), at[0], at[-1])
        return np.asarray(np.clip(curve(inside), 0.0, 1.0), dtype=np.float64)

    return evaluate
