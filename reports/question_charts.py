"""The picture of the question analysis: a mean share with its interval, as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from reports.svg import drawing, line, rect
from reports.texts import finite

WIDTH, HEIGHT = 120.0, 14.0


def interval_bar(title: str, estimate: Mapping[str, Any]) -> Markup:
    """Return a bar from 0 to the mean share over a track to 1, with its interval as a line; empty without a number."""
    value, low, high = (finite(estimate[key]) for key in ("value", "low", "high"))
    if value is None:
        return Markup("")
    parts = [
        rect(0, 3, WIDTH, 8, "c-track"),
        rect(0, 3, WIDTH * min(max(value, 0.0), 1.0), 8, "c-share"),
    ]
    if low is not None and high is not None:
        left, right = (1 + (WIDTH - 2) * min(max(bound, 0.0), 1.0) for bound in (low, high))
        parts.append(line(left, 7, right, 7, "c-whisker"))
        parts += [line(end, 3.5, end, 10.5, "c-whisker") for end in (left, right)]
    return drawing(WIDTH, HEIGHT, title, "", parts)
