"""Axes, legends and the frame of the plane, shared by the charts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from reports.svg import Scale, line, path, polyline, px, rect, text, tick_texts
from reports.texts import figure, finite

WIDTH = 360.0
MAX_VERTICES = 12_000

Points = list[tuple[float, float]]


class Frame:
    """The plot area of the plane: equal units on both axes unless that is too flat or too tall."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        (x_low, x_high), (y_low, y_high) = (_limits(data, key) for key in ("xlim", "ylim"))
        self.left, self.top = 34.0, 8.0
        side = WIDTH - self.left - 8.0
        tall = min(max(side * (y_high - y_low) / (x_high - x_low), 160.0), 420.0)
        self.bottom = self.top + tall
        self.height = self.bottom + 34.0
        self.x = Scale(x_low, x_high, self.left, self.left + side)
        self.y = Scale(y_low, y_high, self.bottom, self.top)

    def limits(self) -> str:
        """Return the limits of both axes in words."""
        return (
            f"{figure(self.x.low)} and {figure(self.x.high)} across, "
            f"{figure(self.y.low)} and {figure(self.y.high)} upwards"
        )

    def axes(self, labels: Any) -> list[Markup]:
        """Return grid, ticks and axis labels."""
        names = [str(name) for name in (labels or ["x1", "x2"])][:2]
        parts = [*grid_left(self.y, self.left, self.x.stop, 6), *ticks_below(self.x, self.bottom, 6)]
        parts += [
            line(self.x(tick), self.top, self.x(tick), self.bottom, "c-grid") for tick in self.x.ticks(6)
        ]
        parts.append(
            path(
                f"M{px(self.left)} {px(self.top)}H{px(self.x.stop)}V{px(self.bottom)}H{px(self.left)}Z",
                "c-axis",
            )
        )
        parts.append(text(self.x.stop, self.bottom + 30, names[0], "end", "c-text c-quiet"))
        parts.append(text(self.left + 7, self.top + 15, names[-1], "start", "c-text c-quiet"))
        return parts

    def contours(self, contours: Sequence[Mapping[str, Any]], class_: str) -> list[Markup]:
        """Return one path a level; a line is broken where it leaves the frame."""
        curves = [[to_points(curve) for curve in level.get("paths", ())] for level in contours]
        n_vertices = sum(len(curve) for level in curves for curve in level)
        step = max(1, math.ceil(n_vertices / MAX_VERTICES))
        drawn = [
            "".join(polyline(run) for curve in level for run in self._runs(curve, step)) for level in curves
        ]
        return [path(commands, class_) for commands in drawn if commands]

    def _runs(self, curve: Points, step: int) -> list[Points]:
        kept = curve[::step] if step == 1 or not curve else [*curve[::step], curve[-1]]
        runs: list[Points] = [[]]
        for x, y in kept:
            if self.x.holds(x) and self.y.holds(y):
                runs[-1].append((self.x(x), self.y(y)))
            elif runs[-1]:
                runs.append([])
        return [run for run in runs if len(run) > 1]


def _limits(data: Mapping[str, Any], key: str) -> tuple[float, float]:
    low, high = (finite(value) for value in data.get(key) or (-6, 6))
    if low is None or high is None or low >= high:
        raise ValueError(f"{key} is no interval")
    return low, high


def to_points(raw: Iterable[Sequence[Any]] | None) -> Points:
    """Return the pairs that are finite, as floats."""
    pairs = ((finite(pair[0]), finite(pair[1])) for pair in raw or ())
    return [(x, y) for x, y in pairs if x is not None and y is not None]


def ticks_below(scale: Scale, y: float, n_about: int = 5) -> list[Markup]:
    """Return ticks and their labels below an axis at pixel `y`."""
    ticks = scale.ticks(n_about)
    parts = []
    for tick, label in zip(ticks, tick_texts(ticks), strict=True):
        x = scale(tick)
        parts += [line(x, y, x, y + 4, "c-axis"), text(x, y + 16, label, "middle")]
    return parts


def axis_below(scale: Scale, y: float, label: str) -> list[Markup]:
    """Return a labelled axis at pixel `y`."""
    return [
        line(scale.start - 4, y, scale.stop + 4, y, "c-axis"),
        *ticks_below(scale, y),
        text(WIDTH / 2, y + 31, label, "middle", "c-text c-quiet"),
    ]


def grid_left(scale: Scale, left: float, right: float, n_about: int = 5) -> list[Markup]:
    """Return grid lines across, with their labels on the left."""
    ticks = scale.ticks(n_about)
    parts = []
    for tick, label in zip(ticks, tick_texts(ticks), strict=True):
        y = scale(tick)
        parts += [line(left, y, right, y, "c-grid"), text(left - 6, y + 4, label, "end")]
    return parts


def legend(entries: Sequence[tuple[str, str]], y: float) -> list[Markup]:
    """Return one row of signs with their words."""
    parts, x = [], 12.0
    for sign, word in entries:
        if sign == "dot":
            parts.append(path(f"M{px(x + 9)} {px(y - 4)}h0", "c-heads"))
        elif sign in ("solid", "solid-ink", "dashed"):
            class_ = {"solid": "c-line", "solid-ink": "c-contour", "dashed": "c-expected"}[sign]
            parts.append(line(x, y - 4, x + 18, y - 4, class_))
        else:
            class_ = {"area": "c-area", "box": "c-found-fill", "outline": "c-outline"}[sign]
            parts.append(rect(x, y - 9, 18, 10, class_))
        parts.append(text(x + 24, y, word))
        x += 24 + 6.6 * len(word) + 20
    return parts
