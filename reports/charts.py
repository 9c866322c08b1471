"""The pictures of a report as accessible inline SVG: pure functions of a picture's data.

`found` is what the submission holds (accent colour, solid), `expected` what a correct one holds (ink, dashed,
or a shaded range). Expected parts may be missing: then only what was found is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from reports.axes import WIDTH, Frame, Points, axis_below, grid_left, legend, ticks_below, to_points
from reports.svg import (
    Scale,
    drawing,
    element,
    line,
    path,
    polyline,
    px,
    rect,
    spanning,
    text,
)
from reports.texts import cut, figure, finite, short

MAX_POINTS = 1500
MAX_LAGS = 512
MAX_BARS = 24


def draw(picture: Mapping[str, Any]) -> Markup:
    """Return the SVG of a picture, or a sentence when it cannot be drawn: no page fails on a picture."""
    title = str(picture.get("title", ""))
    chart = CHARTS.get(str(picture.get("kind")))
    try:
        if chart is None:
            raise ValueError("no such kind of picture")
        return chart(title, picture.get("data", {}))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError):
        return element(
            "p", "This picture could not be drawn from the values that were recorded.", class_="quiet"
        )


def band(title: str, data: Mapping[str, Any]) -> Markup:
    """Return a value as a marker on an axis, over the accepted interval and its variants as bars."""
    value, unit, label = (
        finite(data.get("value")),
        str(data.get("unit") or ""),
        str(data.get("label") or "value"),
    )
    rows = [("accepted", finite(data.get("low")), finite(data.get("high")))]
    rows += [
        (str(variant.get("name", "variant")), finite(variant.get("low")), finite(variant.get("high")))
        for variant in (data.get("variants") or [])[:8]
    ]
    rows = [row for row in rows if row[1] is not None or row[2] is not None]
    known = [bound for row in rows for bound in row[1:] if bound is not None] + (
        [] if value is None else [value]
    )
    if not known:
        raise ValueError("nothing to draw")
    scale = spanning(known, 14.0, WIDTH - 14.0)
    top, row_height = 34.0, 34.0
    bottom = top + max(len(rows) * row_height, 14.0)
    labels: list[Markup] = []
    parts = axis_below(scale, bottom, short(f"{label} ({unit})" if unit else label, 60))
    for index, (name, low, high) in enumerate(rows):
        y = top + index * row_height
        start, stop = (
            (scale.start if low is None else scale(low)),
            (scale.stop if high is None else scale(high)),
        )
        parts.append(rect(start, y + 15, stop - start, 12, "c-band"))
        words = f"{short(name, 26)} {_interval(low, high)}"
        room = WIDTH - 6.0 - 6.4 * len(words)
        labels.append(text(max(6.0, min(start, room)), y + 11, words, class_="c-text c-quiet"))
    if value is not None:
        x = scale(value)
        # Faint where it would cross the words of a bar, strong on the bar itself.
        marked = [row for row, (_, low, high) in enumerate(rows) if _is_inside(value, low, high)]
        parts.append(line(x, 22, x, bottom, "c-faint" if marked else "c-mark"))
        parts += [
            line(x, top + row * row_height + 12, x, top + row * row_height + 30, "c-mark") for row in marked
        ]
        parts.append(path(f"M{px(x)} 16l5 6l-5 6l-5 -6z", "c-found-fill"))
        anchor = "start" if x < 70 else "end" if x > WIDTH - 70 else "middle"
        parts.append(
            text(min(max(x, 6.0), WIDTH - 6.0), 11, f"found {figure(value)}", anchor, "c-text c-strong")
        )
    return drawing(WIDTH, bottom + 36, title, _band_words(label, value, rows), [*parts, *labels])


def scatter(title: str, data: Mapping[str, Any]) -> Markup:
    """Return draws as points under the contour lines of the true density."""
    frame = Frame(data)
    points = to_points(data.get("points"))
    inside = [(x, y) for x, y in points if frame.x.holds(x) and frame.y.holds(y)]
    shown = _thinned(inside, MAX_POINTS)
    dots = "".join(f"M{px(frame.x(x))} {px(frame.y(y))}h0" for x, y in shown)
    contours = data.get("contours") or []
    parts = [*frame.axes(data.get("labels")), path(dots, "c-dots"), *frame.contours(contours, "c-contour")]
    entries = [("dot", "draws found")] + ([("solid-ink", "true density")] if contours else [])
    words = f"{len(shown):,} draws are shown between {frame.limits()}."
    if n_outside := len(points) - len(inside):
        words += f" {n_outside:,} more lie outside the picture."
    if contours:
        words += " Contour lines of the true density lie over them."
    return drawing(WIDTH, frame.height + 24, title, words, [*parts, *legend(entries, frame.height + 12)])


def contour(title: str, data: Mapping[str, Any]) -> Markup:
    """Return two sets of contour lines: found solid, expected dashed."""
    frame = Frame(data)
    expected = data.get("expected") or []
    observed = data.get("observed") or []
    parts = [
        *frame.axes(data.get("labels")),
        *frame.contours(observed, "c-line"),
        *frame.contours(expected, "c-expected"),
    ]
    entries = [("solid", "found")] + ([("dashed", "expected")] if expected else [])
    words = f"Contour lines of the density found, {len(observed)} levels, between {frame.limits()}."
    words += f" {len(expected)} expected levels are dashed." if expected else ""
    return drawing(WIDTH, frame.height + 24, title, words, [*parts, *legend(entries, frame.height + 12)])


def acf(title: str, data: Mapping[str, Any]) -> Markup:
    """Return an autocorrelation by lag as stems, over the expected curve and its range."""
    observed = _numbers(data.get("observed"))[:MAX_LAGS]
    expected, low, high = (_numbers(data.get(key))[:MAX_LAGS] for key in ("expected", "low", "high"))
    known = [value for value in [*observed, *expected, *low, *high] if value is not None]
    n_lags = max(len(observed), len(expected), len(low), 2)
    left, top, bottom = 40.0, 10.0, 200.0
    x = Scale(0.0, float(n_lags - 1), left + 4, WIDTH - 10)
    y = Scale(min(-0.1, *known) if known else -0.1, max(1.0, *known) if known else 1.0, bottom, top)
    parts = [*grid_left(y, left, WIDTH - 6), line(left, y(0.0), WIDTH - 6, y(0.0), "c-axis")]
    spread = [
        (lag, a, b)
        for lag, (a, b) in enumerate(zip(low, high, strict=False))
        if a is not None and b is not None
    ]
    if len(spread) > 1:
        outline = [(x(lag), y(b)) for lag, _, b in spread] + [
            (x(lag), y(a)) for lag, a, _ in reversed(spread)
        ]
        parts.append(path(polyline(outline) + "Z", "c-area"))
    stems = [(x(lag), y(value)) for lag, value in enumerate(observed) if value is not None]
    parts.append(path("".join(f"M{px(a)} {px(y(0.0))}V{px(b)}" for a, b in stems), "c-stem"))
    curve = [(x(lag), y(value)) for lag, value in enumerate(expected) if value is not None]
    if curve:
        parts.append(path(polyline(curve), "c-expected"))
    parts.append(path("".join(f"M{px(a)} {px(b)}h0" for a, b in stems), "c-heads"))
    parts += ticks_below(x, bottom, 6)
    parts.append(
        text((left + WIDTH) / 2, bottom + 30, str(data.get("label") or "lag"), "middle", "c-text c-quiet")
    )
    entries = [("dot", "found")] + ([("dashed", "expected")] if curve else [])
    entries += [("area", "accepted range")] if len(spread) > 1 else []
    return drawing(
        WIDTH, bottom + 56, title, _acf_words(observed, expected), [*parts, *legend(entries, bottom + 46)]
    )


def bars(title: str, data: Mapping[str, Any]) -> Markup:
    """Return grouped bars, one group a label: found filled, expected outlined."""
    observed, expected = _numbers(data.get("observed")), _numbers(data.get("expected"))
    labels = [str(label) for label in data.get("labels") or range(1, len(observed) + 1)]
    n_shown = min(len(labels), MAX_BARS)
    known = [value for value in [*observed[:n_shown], *expected[:n_shown]] if value is not None]
    if not known:
        raise ValueError("nothing to draw")
    x = Scale(min(0.0, *known), max(0.0, *known, 1e-12), 10.0, WIDTH - 74.0)
    parts, words, y = [], [], 4.0
    for index in range(n_shown):
        parts.append(text(10, y + 12, short(labels[index], 40), class_="c-text c-quiet"))
        y += 17
        said, top = [], y
        for values, word, class_ in (
            (observed, "found", "c-found-fill"),
            (expected, "expected", "c-outline"),
        ):
            value = values[index] if index < len(values) else None
            if value is None:
                continue
            start, stop = sorted((x(0.0), x(value)))
            parts.append(rect(start, y, stop - start, 11, class_))
            class_text = "c-text c-strong" if word == "found" else "c-text c-quiet"
            parts.append(text(stop + 6, y + 10, figure(value), class_=class_text))
            said.append(f"{word} {figure(value)}")
            y += 14
        parts.append(line(x(0.0), top - 2, x(0.0), y, "c-axis"))
        words.append(f"{cut(labels[index], 40)}: {', '.join(said) or 'nothing'}.")
        y += 8
    if len(labels) > n_shown:
        words.append(f"{len(labels) - n_shown} more are not drawn.")
    entries = [("box", "found")] + ([("outline", "expected")] if expected else [])
    return drawing(WIDTH, y + 22, title, " ".join(words), [*parts, *legend(entries, y + 10)])


def histogram(title: str, counts: Sequence[int], edges: Sequence[float], label: str) -> Markup:
    """Return a histogram with the count on each bar."""
    left, top, bottom = 12.0, 22.0, 170.0
    x = Scale(edges[0], edges[-1], left, WIDTH - 12)
    y = Scale(0.0, float(max([*counts, 1])), bottom, top)
    parts, words = [], []
    for (low, high), count in zip(pairwise(edges), counts, strict=True):
        if not count:
            continue
        parts.append(rect(x(low) + 1, y(count), x(high) - x(low) - 2, bottom - y(count), "c-found-fill"))
        parts.append(text((x(low) + x(high)) / 2, y(count) - 5, str(count), "middle", "c-text c-strong"))
        words.append(f"{figure(low)} to {figure(high)}: {count}")
    parts.append(line(left, bottom, WIDTH - 12, bottom, "c-axis"))
    parts += ticks_below(x, bottom, 6)
    parts.append(text(WIDTH / 2, bottom + 32, label, "middle", "c-text c-quiet"))
    return drawing(WIDTH, bottom + 40, title, "; ".join(words) or "No submission was graded.", parts)


def share_bar(title: str, earned: float, pending: float, possible: float) -> Markup:
    """Return marks as one bar: earned filled, pending hatched, the rest empty."""
    width, height = 400.0, 14.0
    scale = Scale(0.0, max(possible, earned + pending, 1e-9), 0.0, width)
    parts = [element("rect", x=0, y=0, width=width, height=height, class_="c-track")]
    if earned > 0:
        parts.append(element("rect", x=0, y=0, width=scale(earned), height=height, class_="c-earned"))
    if pending > 0:
        start, stop = scale(earned), scale(earned + pending)
        parts.append(element("rect", x=start, y=0, width=stop - start, height=height, class_="c-pending"))
        hatch = "".join(f"M{px(a)} {px(height)}l7 -14" for a in _steps(start, stop - 7, 6.0))
        parts.append(path(hatch, "c-hatch"))
    svg_parts = element("title", cut(title, 200)) + Markup("").join(parts)
    return element(
        "svg",
        svg_parts,
        class_="share",
        viewBox=f"0 0 {px(width)} {px(height)}",
        role="img",
        preserveAspectRatio="none",
    )


CHARTS: dict[str, Callable[[str, Mapping[str, Any]], Markup]] = {
    "band": band,
    "scatter": scatter,
    "acf": acf,
    "bars": bars,
    "contour": contour,
}


def _numbers(raw: Iterable[Any] | None) -> list[float | None]:
    return [finite(value) for value in raw or ()]


def _thinned(points: Points, n_most: int) -> Points:
    if len(points) <= n_most:
        return points
    return [points[index * len(points) // n_most] for index in range(n_most)]


def _steps(start: float, stop: float, step: float) -> list[float]:
    return [start + index * step for index in range(max(0, math.floor((stop - start) / step) + 1))]


def _is_inside(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _interval(low: float | None, high: float | None) -> str:
    if low is None:
        return f"up to {figure(high or 0.0)}"
    return f"from {figure(low)}" if high is None else f"{figure(low)} – {figure(high)}"


def _band_words(
    label: str, value: float | None, rows: Sequence[tuple[str, float | None, float | None]]
) -> str:
    words = [f"{label}: found {figure(value)}." if value is not None else f"{label}: no number was found."]
    for name, low, high in rows:
        place = "" if value is None else ", inside" if _is_inside(value, low, high) else ", outside"
        words.append(f"{name}: {_interval(low, high)}{place}.")
    return " ".join(words)


def _acf_words(observed: Sequence[float | None], expected: Sequence[float | None]) -> str:
    lags = [lag for lag in (1, 10, 20, 50) if lag < len(observed)]
    said = []
    for lag in lags:
        found, wanted = observed[lag], expected[lag] if lag < len(expected) else None
        if found is not None:
            said.append(
                f"lag {lag}: {figure(found)}" + ("" if wanted is None else f", expected {figure(wanted)}")
            )
    return "; ".join(said) or "No lags were found."
