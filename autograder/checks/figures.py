"""Claims about the figures that a notebook draws, read from the axes while they were alive."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.findings import CheckParams, Context, Finding, failed, for_person, join, judged
from autograder.probes.evidence import Evidence
from autograder.probes.observations import FigureSeen
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import EvidenceKey, OptionalEvidenceKey

Axes = dict[str, Any]


def _axes_of(evidence: Evidence, item: str) -> list[tuple[FigureSeen, Axes]]:
    return [(figure, axes) for figure in evidence.figures_of(item) for axes in figure.axes]


def nothing_drawn(evidence: Evidence, item: str, what: str) -> Finding:
    """Return what to say when no figure was seen: a picture among the outputs is shown to a person."""
    if any(cell.n_images for cell in evidence.cells_of(item)) and not evidence.figures_of(item):
        return for_person(
            f"A picture was put out whose drawing could not be followed; a person looks for {what}.",
            expected=what,
        )
    cause = evidence.failure_in(item)
    return failed(
        f"No figure in this section shows {what}." + (f" ({cause}.)" if cause else ""), expected=what
    )


def _found(figure: FigureSeen) -> tuple[Found, ...]:
    return (Found(how="figure", cell=figure.cell),)


class ContourIsDrawn(CheckParams):
    """A contour plot over a square mesh."""

    low: float
    high: float
    resolution: int


@CHECKS.register(ContourIsDrawn)
def contour_is_drawn(evidence: Evidence, params: ContourIsDrawn, context: Context) -> Finding:
    """A contour is drawn (half), over the prescribed extents (a quarter), with the prescribed resolution (a quarter)."""
    what = f"a contour over [{params.low:g}, {params.high:g}]² on a {params.resolution} × {params.resolution} mesh"
    best: tuple[float, str, FigureSeen] | None = None
    elsewhere = [
        (figure, axes) for figure in evidence.figures_elsewhere(context.item) for axes in figure.axes
    ]
    plain = [
        (figure, axes) for figure, axes in elsewhere if max([0, *_n_points(axes)]) == 0
    ]  # no other item's figure
    for figure, axes in _axes_of(evidence, context.item) + plain:
        for contour in axes.get("contours", []):
            fraction, observed = _mesh_fraction(contour, params)
            if best is None or fraction > best[0]:
                best = (fraction, observed, figure)
    if best is None:
        return nothing_drawn(evidence, context.item, what)
    fraction, observed, figure = best
    message = (
        "The contour is drawn over the prescribed mesh."
        if fraction == 1
        else f"A contour is drawn, but {observed}."
    )
    return judged(fraction, observed=observed, expected=what, message=message, found=_found(figure))


def _mesh_fraction(contour: Axes, params: ContourIsDrawn) -> tuple[float, str]:
    step = (params.high - params.low) / (params.resolution - 1)
    bounds = [contour.get(key) for key in ("xmin", "xmax", "ymin", "ymax")]
    wanted = [params.low, params.high] * 2
    extents = all(
        isinstance(bound, int | float) and abs(bound - want) <= 1.01 * step
        for bound, want in zip(bounds, wanted, strict=True)
    )
    shape = [int(size) for size in contour.get("shape", [])]
    resolution = len(shape) == 2 and all(abs(size - params.resolution) <= 1 for size in shape)
    said = []
    if not extents:
        said.append("its mesh covers " + " × ".join(f"[{bounds[i]}, {bounds[i + 1]}]" for i in (0, 2)))
    if not resolution:
        said.append(f"its mesh has {' × '.join(map(str, shape))} points")
    return 0.5 + 0.25 * extents + 0.25 * resolution, join(said) or "the prescribed mesh"


class ScatterOverContour(CheckParams):
    """A scatter of draws, on its own or over a contour."""

    n_min: int
    """Fewest points that count as a scatter of the draws."""
    over_contour: bool = True
    draws: list[EvidenceKey] = Field(default_factory=list)
    """The draws that must be among the points; a figure that shows them counts wherever it stands."""


@CHECKS.register(ScatterOverContour)
def scatter_is_drawn(evidence: Evidence, params: ScatterOverContour, context: Context) -> Finding:
    """A scatter of the draws is drawn (half when it should lie over a contour and does not)."""
    what = "a scatter of the draws" + (" over the contour" if params.over_contour else "")
    best: tuple[float, FigureSeen] | None = None
    known = [points for key in params.draws if (points := evidence.drawn_points(key)) is not None]
    here = _axes_of(evidence, context.item)
    elsewhere = [
        (figure, axes) for figure in evidence.figures_elsewhere(context.item) for axes in figure.axes
    ]
    for figure, axes in here + (elsewhere if known else []):
        if max([0, *(_n_points(axes))]) < params.n_min:
            continue
        if known and not any(_shows(figure, axes, points) for points in known):
            continue
        overlaid = bool(axes.get("contours") or axes.get("images"))
        fraction = 1.0 if overlaid or not params.over_contour else 0.5
        if best is None or fraction > best[0]:
            best = (fraction, figure)
    if best is None:
        return nothing_drawn(evidence, context.item, what)
    message = (
        f"The figure shows {what}."
        if best[0] == 1
        else "A scatter is drawn, but not over the contour of the target."
    )
    return judged(best[0], observed="drawn", expected=what, message=message, found=_found(best[1]))


def _shows(figure: FigureSeen, axes: Axes, points: np.ndarray) -> bool:
    """Return whether nearly all points of some scatter, or of some line of marks, are among `points`."""
    clouds = [figure.arrays.get(str(scatter.get("ref"))) for scatter in axes.get("scatters", [])]
    lines = [line for line in axes.get("lines", []) if not _is_monotone(line)]
    clouds += [np.column_stack([line.get("x", []), line.get("y", [])]) for line in lines]
    known = _rounded(points)
    for cloud in clouds:
        if cloud is None or cloud.ndim != 2 or cloud.shape[1] != 2 or not len(cloud):
            continue
        rows = cloud[np.linspace(0, len(cloud) - 1, min(300, len(cloud))).astype(int)].astype(float)
        if np.mean(np.isin(_rounded(rows), known)) > 0.9:
            return True
    return False


def _rounded(points: np.ndarray) -> np.ndarray:
    """Return points (n, 2) as complex numbers with five decimals, which can be looked up."""
    x, y = np.round(points.astype(float), 5).T
    return np.asarray(x + 1j * y)


def _n_points(axes: Axes) -> list[int]:
    """Return how many points each scatter, and each line that may be one, holds."""
    scatters = [int(scatter.get("n", 0)) for scatter in axes.get("scatters", [])]
    return scatters + [int(line.get("n", 0)) for line in axes.get("lines", []) if not _is_monotone(line)]


def _is_monotone(line: Axes) -> bool:
    x = np.asarray(line.get("x", []), dtype=float)
    return x.size > 1 and bool(np.all(np.diff(x) >= 0))


class TraceIsDrawn(CheckParams):
    """A trace plot of one coordinate of a chain."""

    evidence: list[EvidenceKey]
    """Where the chain's draws may be (tables or arrays); the line must follow the first column of one."""
    key: float
    n_min: int = 200


@CHECKS.register(TraceIsDrawn)
def trace_is_drawn(evidence: Evidence, params: TraceIsDrawn, context: Context) -> Finding:
    """A line follows the first coordinate of the chain."""
    what = "a trace of x₁"
    series = [column for source in params.evidence for column in _columns(evidence, source, params.key)]
    lines = [
        (figure, np.asarray(line.get("y", []), dtype=float))
        for figure, axes in _axes_of(evidence, context.item)
        for line in axes.get("lines", [])
        if int(line.get("n", 0)) >= params.n_min and _is_monotone(line)
    ]
    elsewhere = [
        (figure, np.asarray(line.get("y", []), dtype=float))
        for figure in evidence.figures_elsewhere(context.item)
        for axes in figure.axes
        for line in axes.get("lines", [])
        if int(line.get("n", 0)) >= params.n_min and _is_monotone(line)
    ]
    lines += [(figure, y) for figure, y in elsewhere if any(_follows(y, first) for first, _ in series)]
    if not lines:
        return nothing_drawn(evidence, context.item, what)
    if not series:
        return judged(
            1.0, observed="a line", expected=what, message="A trace is drawn.", found=_found(lines[0][0])
        )
    for figure, y in lines:
        if any(_follows(y, first) for first, _ in series):
            return judged(
                1.0, observed=what, expected=what, message="The trace of x₁ is drawn.", found=_found(figure)
            )
    if any(_follows(y, second) for _, y in lines for _, second in series):
        return failed("The trace that is drawn is that of x₂.", observed="a trace of x₂", expected=what)
    return failed(
        f"No line follows x₁ of the chain for s = {params.key:g}.",
        observed="another line",
        expected=what,
        found=_found(lines[0][0]),
    )


def _columns(evidence: Evidence, source: str, key: float) -> list[tuple[np.ndarray, np.ndarray]]:
    if not evidence.has(source):
        return []
    is_table = evidence.part.evidence[source].kind == "table"
    arrays = [evidence.table(source).get(key)] if is_table else [evidence.array(source)]
    return [
        (array[:, 0], array[:, 1])
        for array in arrays
        if array is not None and array.ndim == 2 and array.shape[1] == 2
    ]


def _follows(line: np.ndarray, series: np.ndarray) -> bool:
    """Return whether nearly every height of the line is a value of the series (rounded to 6 digits)."""
    known = np.unique(np.round(series, 6))
    return bool(line.size) and float(np.isin(np.round(line, 6), known).mean()) > 0.95


class AcfIsDrawn(CheckParams):
    """A plot of an autocorrelation function."""

    max_lag: int
    acf: OptionalEvidenceKey | None = None
    """Evidence with the reported autocorrelation: drawn as reported it counts, right or wrong."""


@CHECKS.register(AcfIsDrawn)
def acf_is_drawn(evidence: Evidence, params: AcfIsDrawn, context: Context) -> Finding:
    """An autocorrelation function is drawn up to the prescribed lag (half when it stops before)."""
    what = f"an autocorrelation function up to lag {params.max_lag}"
    reported = evidence.array(params.acf).reshape(-1) if params.acf and evidence.has(params.acf) else None
    best: tuple[int, FigureSeen] | None = None
    drawn = [
        (figure, heights)
        for figure, axes in _axes_of(evidence, context.item)
        for heights in _acf_shapes(axes, reported)
    ]
    if reported is not None:
        others = [
            (figure, axes) for figure in evidence.figures_elsewhere(context.item) for axes in figure.axes
        ]
        drawn += [
            (figure, heights)
            for figure, axes in others
            for heights in _sequences(axes)
            if _is_part(heights, reported)
        ]
    for figure, heights in drawn:
        if len(heights) and (best is None or len(heights) > best[0]):
            best = (len(heights), figure)
    if best is None:
        return nothing_drawn(evidence, context.item, what)
    n_lags = best[0] - 1
    if n_lags >= params.max_lag - 1:
        return judged(
            1.0,
            observed=f"{n_lags} lags",
            expected=what,
            message="The autocorrelation is drawn.",
            found=_found(best[1]),
        )
    return judged(
        0.5,
        observed=f"{n_lags} lags",
        expected=what,
        message=f"The autocorrelation is drawn up to lag {n_lags} only.",
        found=_found(best[1]),
    )


def _acf_shapes(axes: Axes, reported: np.ndarray | None) -> list[np.ndarray]:
    """Return the sequences drawn as bars, stems or lines that are the reported one or look like an autocorrelation."""
    sequences = _sequences(axes)
    same = [one for one in sequences if reported is not None and one.size >= 5 and _is_part(one, reported)]
    return same + [
        sequence
        for sequence in sequences
        if sequence.size >= 5
        and bool(np.all(np.isfinite(sequence)))
        and 0.2 < sequence[0] <= 1.001
        and float(np.abs(sequence).max()) <= 1.001
        and float(np.ptp(sequence)) > 0
    ]


def _sequences(axes: Axes) -> list[np.ndarray]:
    """Return what is drawn as bars, stems or lines of no more than 2,000 points."""
    drawn = [bars.get("heights", []) for bars in _listed(axes.get("bars"))]
    drawn += [stems.get("y", []) for stems in _listed(axes.get("stems"))]
    drawn += [line.get("y", []) for line in axes.get("lines", []) if int(line.get("n", 0)) <= 2000]
    drawn += [vlines.get("y", []) for vlines in _listed(axes.get("vlines"))]
    return [np.asarray(heights, dtype=float) for heights in drawn]


def _is_part(drawn: np.ndarray, reported: np.ndarray) -> bool:
    return drawn.size >= 5 and any(
        np.allclose(drawn, reported[start : start + drawn.size])
        for start in (0, 1)
        if reported[start:].size >= drawn.size
    )


def _listed(value: Any) -> list[Axes]:
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []
