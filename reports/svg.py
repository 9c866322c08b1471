"""Scales, ticks and elements of inline SVG: deterministic, every number rounded, every text escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from reports.texts import cut, figure, short


@dataclass(frozen=True)
class Scale:
    """A linear map from [low, high] to the pixels [start, stop]."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Return the pixel of `value`."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)

    def holds(self, value: float) -> bool:
        """Whether `value` lies inside the scale."""
        return self.low <= value <= self.high

    def ticks(self, n_about: int = 5) -> list[float]:
        """Return about `n_about` round values inside the scale: steps of 1, 2 or 5 times a power of ten."""
        raw = (self.high - self.low) / max(n_about, 1)
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def spanning(values: Iterable[float], start: float, stop: float, margin: float = 0.12) -> Scale:
    """Return a scale that holds all values with a margin; one value alone gets room on both sides."""
    known = list(values)
    low, high = min(known), max(known)
    room = (high - low) * margin
    if room <= abs(high) * 1e-9:
        room = abs(high) * 0.5 or 1.0
    return Scale(low - room, high + room, start, stop)


def tick_texts(ticks: Sequence[float]) -> list[str]:
    """Return the labels of ticks with as many decimals as their step needs."""
    if len(ticks) < 2:
        return [figure(tick) for tick in ticks]
    step = ticks[1] - ticks[0]
    largest = max(abs(tick) for tick in ticks)
    if largest >= 1e7 or largest < 1e-4:
        return [f"{tick:.3g}".replace("-", "−") for tick in ticks]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    shown = (0.0 if abs(tick) < step / 2 else tick for tick in ticks)
    return [f"{tick:,.{decimals}f}".replace("-", "−") for tick in shown]


def px(value: float) -> str:
    """Return a pixel coordinate with at most one decimal."""
    text = f"{value:.1f}"
    text = text[:-2] if text.endswith(".0") else text
    return "0" if text == "-0" else text


def element(name: str, content: object = "", **attributes: object) -> Markup:
    """Return `<name attributes>content</name>`; a trailing or inner `_` of an attribute stands for `-`."""
    shown = Markup("").join(
        Markup(' {}="{}"').format(
            key.rstrip("_").replace("_", "-"), px(value) if isinstance(value, float) else value
        )
        for key, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), shown, escape(content))


def text(x: float, y: float, content: str, anchor: str = "start", class_: str = "c-text") -> Markup:
    """Return a text element, cut to 60 characters."""
    return element("text", short(content, 60), x=float(x), y=float(y), text_anchor=anchor, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Return a straight line."""
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_)


def rect(x: float, y: float, width: float, height: float, class_: str) -> Markup:
    """Return a rectangle, at least 1.5 pixels wide so that a narrow interval can be seen."""
    shown = {"x": float(x), "y": float(y), "width": max(float(width), 1.5), "height": float(height)}
    return element("rect", **shown, rx=2.0, class_=class_)


def path(commands: str, class_: str) -> Markup:
    """Return a path of ready-made commands."""
    return element("path", d=commands, class_=class_)


def polyline(points: Sequence[tuple[float, float]]) -> str:
    """Return path commands through pixel points."""
    return "M" + "L".join(f"{px(x)} {px(y)}" for x, y in points) if points else ""


def drawing(width: float, height: float, title: str, description: str, parts: Iterable[Markup]) -> Markup:
    """Return a complete `<svg>` with title and description for those who listen."""
    head = element("title", cut(title, 200)) + element("desc", cut(description, 1000))
    return element(
        "svg",
        head + Markup("").join(parts),
        class_="chart",
        viewBox=f"0 0 {px(width)} {px(height)}",
        role="img",
        style=f"max-width:{px(width * 1.15)}px",
    )
