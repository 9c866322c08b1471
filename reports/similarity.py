"""The page that shows how alike the notebooks of a class are: evidence for a person, without a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from reports.axes import axis_below
from reports.pages import CSP, environment, static
from reports.svg import Scale, drawing, element, line, path, px, rect, text
from reports.texts import cut

MAX_DRAWN = 30
"""Members of a cluster that are drawn; a larger one is listed."""
SIDE = 480.0


def render_similarity(found: Mapping[str, Any]) -> str:
    """Return the page as one HTML file, for the instructor alone.

    Parameters
    ----------
    found : mapping
        `similarity.json` (schema 1).
    """
    return (
        environment()
        .get_template("similarity.html.j2")
        .render(
            csp=CSP,
            found=found,
            extra_style=Markup(static("similarity.css")),
            draw_cluster=draw_cluster,
            draw_shares=draw_shares,
            max_drawn=MAX_DRAWN,
            name_of=name_of,
        )
    )


def name_of(one: Mapping[str, Any]) -> str:
    """Return what a notebook is called on the page."""
    name = ", ".join(one["students"]) or one["id"]
    return f"{name} ({one['pool']})" if one["pool"] else name


def draw_shares(part: Mapping[str, Any]) -> Markup:
    """Return how many pairs share how much: the pairs compared, those known to be independent, the threshold.

    The height of a bar is the root of its number, so that one pair beside thousands can be seen.
    """
    compared, threshold = part["histogram"], part["threshold"]["value"]
    n_bins = len(compared)
    known = [0] * n_bins
    for share in part["independent"]:
        known[min(int(share * n_bins), n_bins - 1)] += 1
    x = Scale(0.0, 100.0, 14.0, 346.0)
    top, height = 30.0, 70.0
    parts = []
    for row, (counts, class_) in enumerate(((compared, "c-found-fill"), (known, "c-known"))):
        bottom = top + height + row * (height + 16.0)
        tallest = math.sqrt(max(*counts, 1))
        for index, n in enumerate(counts):
            if n:
                tall = max(height * math.sqrt(n) / tallest * 0.8, 2.0)
                width = x(100.0 / n_bins) - x(0.0)
                parts.append(
                    rect(x(100.0 * index / n_bins), bottom - tall, max(width - 1, 1.5), tall, class_)
                )
        word = "pairs of this class" if row == 0 else "pairs of independent solutions"
        parts.append(line(x.start, bottom, x.stop, bottom, "c-grid"))
        parts.append(text(x.stop, bottom - height + 12, f"{sum(counts):,} {word}", "end", "c-text c-quiet"))
    bottom = top + 2 * height + 16.0
    at = x(min(100.0 * threshold, 100.0))
    parts.append(line(at, 18, at, bottom, "c-expected"))
    anchor = "start" if at < 80 else "end" if at > 280 else "middle"
    parts.append(text(at, 12, f"shown from {100 * threshold:.0f} %", anchor, "c-text c-strong"))
    parts += axis_below(x, bottom, "share of the smaller notebook’s code (%)")
    n_above = sum(compared[math.ceil(threshold * n_bins) :])
    words = (
        f"{sum(compared):,} pairs were compared; about {n_above:,} lie above the line at {100 * threshold:.0f} %. "
        f"Of {len(part['independent'])} pairs of independent solutions the largest share is "
        f"{100 * part['threshold']['largest']:.0f} %."
    )
    return drawing(360.0, bottom + 36, "Pairs by what they share", words, parts)


def draw_cluster(cluster: Mapping[str, Any]) -> Markup:
    """Return the members of a cluster on a circle, and between them a line for each pair: the wider, the more."""
    members: Sequence[Mapping[str, Any]] = cluster["members"][:MAX_DRAWN]
    middle, radius = SIDE / 2, 60.0 + 2.2 * len(members)
    height = 2 * radius + 56.0
    turns = [2 * math.pi * index / len(members) - math.pi / 2 for index in range(len(members))]
    if len(members) == 2:
        turns = [math.pi, 0.0]
        height, radius = 70.0, 90.0
    at = [(middle + radius * math.cos(turn), height / 2 + radius * math.sin(turn)) for turn in turns]
    parts = []
    for one, other, share in cluster["pairs"]:
        if one < len(at) and other < len(at):
            (x1, y1), (x2, y2) = at[one], at[other]
            parts.append(
                element(
                    "path",
                    d=f"M{px(x1)} {px(y1)}L{px(x2)} {px(y2)}",
                    class_="c-tie",
                    stroke_width=0.5 + 5.0 * share,
                )
            )
    for member, (x, y), turn in zip(members, at, turns, strict=True):
        parts.append(path(f"M{px(x)} {px(y)}h0", "c-node c-node-pool" if member["pool"] else "c-node"))
        side = math.cos(turn)
        anchor = "middle" if abs(side) < 0.2 else "start" if side > 0 else "end"
        down = 22.0 if abs(side) < 0.2 and math.sin(turn) > 0 else -12.0 if abs(side) < 0.2 else 4.0
        across = 0.0 if abs(side) < 0.2 else math.copysign(11.0, side)
        if len(members) == 2:
            anchor, across, down = "middle", 0.0, 24.0
        more = f" +{len(member['same'])}" if member["same"] else ""
        parts.append(text(x + across, y + down, cut(name_of(member), 20).split(" … ")[0] + more, anchor))
    strongest = max((share for *_, share in cluster["pairs"]), default=0.0)
    names = ", ".join(name_of(member) for member in members)
    words = f"{len(cluster['members'])} notebooks, {len(cluster['pairs'])} pairs, "
    words += f"the largest share {100 * strongest:.0f} %: {names}"
    return drawing(SIDE, height, "A cluster", words, parts)
