"""Figures are described before they are closed, which happens when a cell ends or the notebook says so."""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import Any

import numpy as np

from .drawings import MAX_ARTISTS, describe_contour, describe_figure
from .known_images import KnownImages
from .streams import quiet
from .tiles import tiles_of
from .values import Encoder

MAX_FIGURES = 32


class FigureRecorder:
    """Describes figures before they are closed, and remembers what contours were drawn from."""

    def __init__(self) -> None:
        self.seen: dict[int, Any] = {}
        self.keys = 0
        self.done = False
        self.dropped = 0

    def patch_figure_list(self, module: Any) -> None:
        """Looks at figures before `matplotlib._pylab_helpers.Gcf` destroys them."""
        gcf = module.Gcf
        for name in ("destroy", "destroy_fig", "destroy_all"):
            self._before(gcf, name)

    def patch_axes(self, module: Any) -> None:
        """Remembers x, y and z of `Axes.contour` and `Axes.contourf`."""
        for name, filled in (("contour", False), ("contourf", True)):
            setattr(module.Axes, name, self._remember(getattr(module.Axes, name), filled))

    def cell_begins(self, *_: Any) -> None:
        """IPython `pre_execute`."""
        self.done = False

    def cell_ends(self, *_: Any) -> None:
        """IPython `post_execute`, called before the inline backend shows and closes the figures."""
        self.look()
        self.done = True

    def look(self) -> None:
        """Keeps a description of every open figure, replacing an earlier one of the same figure."""
        helpers: Any = sys.modules.get("matplotlib._pylab_helpers")
        if helpers is None or self.done:
            return
        with contextlib.suppress(Exception), quiet():
            for manager in list(helpers.Gcf.figs.values()):
                figure = manager.canvas.figure
                key = getattr(figure, "_seen_as", None)
                if key is None:
                    self.keys += 1
                    key = figure._seen_as = self.keys
                if key not in self.seen and len(self.seen) >= MAX_FIGURES:
                    self.dropped += 1
                    continue
                self.seen[key] = describe_figure(figure)

    def take(self) -> list[Any]:
        """What was seen since the last call."""
        found = [entry for _, entry in sorted(self.seen.items())]
        self.seen, self.done, self.dropped = {}, False, 0
        return found

    def _before(self, gcf: Any, name: str) -> None:
        original = getattr(gcf, name)

        @functools.wraps(original)
        def wrapped(cls: Any, *args: Any, **kwargs: Any) -> Any:
            self.look()
            return original(*args, **kwargs)

        setattr(gcf, name, classmethod(wrapped))

    def _remember(self, original: Any, filled: bool) -> Any:
        @functools.wraps(original)
        def wrapped(axes: Any, *args: Any, **kwargs: Any) -> Any:
            drawn = original(axes, *args, **kwargs)
            with contextlib.suppress(Exception):
                known = axes.__dict__.setdefault("_seen_contours", [])
                if len(known) < MAX_ARTISTS:
                    known.append(describe_contour(args, filled))
            return drawn

        return wrapped


def finish_figures(figures: list[Any], encoder: Encoder, known: KnownImages | None = None) -> list[Any]:
    """Figures with their arrays handed to `encoder` and replaced by refs; small images in them with their codes."""

    def ref(array: Any) -> str | None:
        node = encoder.array(np.asarray(array, dtype=float), "ndarray") if array is not None else {}
        return node.get("ref")

    for axes in (a for figure in figures for a in figure["axes"]):
        axes["scatters"] = [
            s | {"ref": ref(s.pop("points")), "colours": ref(s.pop("colours"))}
            for s in map(dict, axes["scatters"])
        ]
        contours = []
        for drawn in axes["contours"]:
            entry = dict(drawn)
            limits = dict(zip(("xmin", "xmax", "ymin", "ymax"), entry.pop("limits"), strict=True))
            refs = {f"{axis}ref": ref(entry.pop(axis)) for axis in "zxy"}
            contours.append(entry | limits | refs)
        axes["contours"] = contours
        axes["images"] = [_finish_image(dict(image), encoder, known) for image in axes["images"]]
    return figures


def _finish_image(image: dict[str, Any], encoder: Encoder, known: KnownImages | None) -> dict[str, Any]:
    picture = image.pop("picture", None)
    if picture is None:
        return image
    with contextlib.suppress(Exception):
        image["ref"] = encoder.array(picture, "ndarray").get("ref")
        tiles, _, _ = tiles_of(picture)
        image["codes"] = known.codes(tiles).tolist() if known is not None and len(tiles) else []
    return image
