"""What a figure shows, as numbers and text; arrays stay arrays here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .containers import Array
from .tiles import as_picture
from .values import MAX_ITEMS, as_plain

MAX_POINTS = 4096
MAX_BARS = 512
MAX_CONTOUR = 400
MAX_ARTISTS = 24
MAX_AXES = 128
MAX_TEXTS = 256
MAX_PICTURE = 840


def describe_contour(args: tuple[Any, ...], filled: bool) -> dict[str, Any]:
    """Axes and heights of a contour; `z[i, j]` lies at `(x[j], y[i])`, whichever way the mesh was made."""
    given = [np.ma.filled(np.ma.asarray(as_plain(a)).astype(float), np.nan) for a in args[:3]]
    if len(given) < 3:
        z = given[0]
        x, y = np.arange(z.shape[1], dtype=float), np.arange(z.shape[0], dtype=float)
    else:
        x, y, z = given
    if x.ndim == 2 and y.ndim == 2 and x.shape == y.shape == z.shape and z.size:
        if np.all(x == x[:1]) and np.all(y == y[:, :1]):
            x, y = x[0], y[:, 0]
        elif np.all(x == x[:, :1]) and np.all(y == y[:1]):
            x, y, z = x[:, 0], y[0], z.T
    small = max(z.shape, default=0) <= MAX_CONTOUR
    regular = x.ndim == y.ndim == 1
    return {
        "filled": filled,
        "shape": list(z.shape),
        "limits": [_number(f(a)) for a in (x, y) for f in (np.min, np.max)],
        "z": z.copy() if small else None,
        "x": x.copy() if regular and small else None,
        "y": y.copy() if regular and small else None,
    }


def describe_figure(figure: Any) -> dict[str, Any]:
    """What a figure shows: titles, limits and data of its axes; arrays stay arrays for now."""
    axes = [a for a in figure.axes if a.get_label() != "<colorbar>"][:MAX_AXES]
    heading = getattr(figure, "_suptitle", None)
    return {
        "n": int(getattr(figure, "number", 0) or 0),
        "size_inches": [_number(side) for side in figure.get_size_inches()],
        "suptitle": heading.get_text()[:500] if heading is not None else "",
        "axes": [_describe_axes(a) for a in axes],
    }


def _describe_axes(axes: Any) -> dict[str, Any]:
    legend = axes.get_legend()
    kinds = [(type(artist).__name__, artist) for artist in axes.collections]
    scatters = [artist for kind, artist in kinds if kind == "PathCollection"][:MAX_ARTISTS]
    sticks = [artist for kind, artist in kinds if kind == "LineCollection"][:MAX_ARTISTS]
    meshes = [artist for kind, artist in kinds if kind == "QuadMesh"][:MAX_ARTISTS]
    bars = [c for c in axes.containers if type(c).__name__ == "BarContainer"]
    heights = [_number(patch.get_height()) for c in bars for patch in c.patches[:MAX_BARS]]
    return {
        "title": "\n".join(filter(None, (axes.get_title(loc) for loc in ("center", "left", "right"))))[:500],
        "xlabel": axes.get_xlabel()[:500],
        "ylabel": axes.get_ylabel()[:500],
        "xlim": [_number(v) for v in axes.get_xlim()],
        "ylim": [_number(v) for v in axes.get_ylim()],
        "xscale": axes.get_xscale(),
        "legend": [text.get_text()[:200] for text in legend.get_texts()[:MAX_ITEMS]] if legend else [],
        "lines": [_describe_line(line) for line in axes.lines[:MAX_ARTISTS]],
        "scatters": [_describe_scatter(artist) for artist in scatters],
        "contours": list(getattr(axes, "_seen_contours", ())),
        "images": [_describe_image(image) for image in axes.images[:MAX_ARTISTS]]
        + [_describe_mesh(mesh) for mesh in meshes],
        "bars": {"n": sum(len(c.patches) for c in bars), "heights": heights[:MAX_BARS]},
        "stems": [stem for artist in sticks if (stem := _describe_sticks(artist))],
        "texts": [_describe_text(text) for text in axes.texts[:MAX_TEXTS] if text.get_text()],
    }


def _describe_line(line: Any) -> dict[str, Any]:
    x, y = (np.ravel(np.asarray(data, dtype=float)) for data in line.get_data(orig=False))
    keep = _thin(len(x))
    return {
        "n": len(x),
        "x": [_number(v) for v in x[keep]],
        "y": [_number(v) for v in y[keep]],
        "linestyle": str(line.get_linestyle()),
        "marker": str(line.get_marker()),
        "label": str(line.get_label())[:200],
    }


def _describe_scatter(artist: Any) -> dict[str, Any]:
    points: Array = np.ma.filled(np.ma.asarray(artist.get_offsets(), dtype=float), np.nan).reshape(-1, 2)
    low, high = (np.nanmin(points, axis=0), np.nanmax(points, axis=0)) if len(points) else (2 * [np.nan],) * 2
    limits = {
        "xmin": _number(low[0]),
        "xmax": _number(high[0]),
        "ymin": _number(low[1]),
        "ymax": _number(high[1]),
    }
    keep = _thin(len(points))
    return {
        "n": len(points),
        **limits,
        "points": points[keep],
        "colours": _colours(artist, len(points), keep),
    }


def _colours(artist: Any, n: int, keep: Any) -> Array | None:
    """A number for each point's colour: what it was mapped from, else which of the colours it is; None for one colour."""
    mapped = artist.get_array()
    if mapped is not None:
        values: Array = np.ma.filled(np.ma.asarray(mapped, dtype=float), np.nan).ravel()
    else:
        values = np.unique(artist.get_facecolors(), axis=0, return_inverse=True)[1].ravel().astype(float)
    return values[keep] if len(values) == n > 1 and np.ptp(values) > 0 else None


def _describe_text(text: Any) -> dict[str, Any]:
    """What stands somewhere in the axes, and how large."""
    return {"text": text.get_text()[:60], "size": _number(text.get_fontsize())}


def _describe_sticks(artist: Any) -> dict[str, Any] | None:
    """Upright lines from a baseline, as `stem`, `vlines` and `acorr` draw them."""
    segments = [np.asarray(s, dtype=float) for s in artist.get_segments()]
    upright = [s for s in segments if s.shape == (2, 2) and s[0, 0] == s[1, 0]]
    if not upright or len(upright) < len(segments):
        return None
    tops = [s[np.argmax(np.abs(s[:, 1])), 1] for s in upright]
    return {"n": len(tops), "y": [_number(v) for v in tops[:MAX_BARS]]}


def _describe_image(image: Any) -> dict[str, Any]:
    drawn = image.get_array()
    picture = as_picture(drawn) if max(np.shape(drawn)[:2]) <= MAX_PICTURE else None
    return {
        "shape": list(np.shape(drawn)),
        "extent": [_number(v) for v in image.get_extent()],
        "picture": picture,
    }


def _describe_mesh(mesh: Any) -> dict[str, Any]:
    corners = np.asarray(mesh.get_coordinates(), dtype=float)
    x, y = corners[..., 0], corners[..., 1]
    extent = [_number(v) for v in (x.min(), x.max(), y.min(), y.max())]
    return {"shape": list(np.shape(mesh.get_array())), "extent": extent}


def _thin(n: int) -> Any:
    return slice(None) if n <= MAX_POINTS else np.linspace(0, n - 1, MAX_POINTS).astype(int)


def _number(value: Any) -> float | None:
    plain = float(value)
    return plain if math.isfinite(plain) else None
