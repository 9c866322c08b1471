"""Claims about pictures of what a decoder makes of codes: single digits, maps of the latent space, paths through it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.findings import CheckParams, Context, Finding, failed, for_person, judged, untried
from autograder.checks.image_training import trained_calls
from autograder.checks.images import Shown, shown_in
from autograder.checks.shortened_numbers import numbers_for
from autograder.kernel_side.tiles import SIDE, layout
from autograder.probes.evidence import Evidence
from autograder.probes.observations import FigureSeen
from autograder.records import Found, Status
from autograder.registry import CHECKS

SINGLE, FEW, MANY = 4, 16, 64
"""Images of a figure of single digits, at most; of one in a training; of a path."""
LEAST_MAP = 5
"""Images a side of a map, at least."""
LEAST_SCATTER = 50
STRAIGHT = 0.6
"""Mean distance of neighbours on a path, as a share of the largest distance of any two of its images, at most."""
MIXED_LEVELS, EVEN, APART = 1.25, 0.05, 32.0
"""Grey levels by which mixtures of the two ends may differ from a path of pixels, and by how much their weights from
even ones; grey levels by which some pixel of the ends must differ, since a decoder is nearly linear between like codes."""


def _figures(evidence: Evidence, item: str) -> list[FigureSeen]:
    """Return the figures of an item, then those of the others: headings may mislead."""
    return [*evidence.figures_of(item), *evidence.figures_elsewhere(item)]


def _absent(evidence: Evidence, item: str, what: str) -> Finding:
    if any(cell.n_images for cell in evidence.cells_of(item)) and not evidence.figures_of(item):
        return for_person(
            f"A picture was put out whose drawing could not be followed; a person looks for {what}.",
            expected=what,
        )
    if cause := evidence.failure_in(item):
        return Finding(Status.BLOCKED, 0.0, message=f"There is no picture of {what}: {cause}.", expected=what)
    return failed(f"No figure shows {what}.", observed="not found", expected=what, missing=True)


def _found(cell: int) -> tuple[Found, ...]:
    return (Found(how="figure", cell=cell),)


def _small(figure: FigureSeen, largest: int) -> Shown | None:
    """Return what a figure shows, when that is no more than so many images."""
    shown = next(iter(shown_in(figure)), None)
    return shown if shown is not None and len(shown.tiles) <= largest else None


class DigitIsShown(CheckParams):
    """A figure of one generated image, or of a few."""


@CHECKS.register(DigitIsShown)
def digit_is_shown(evidence: Evidence, params: DigitIsShown, context: Context) -> Finding:
    """An image that is none of the data set is drawn at its own size, alone or beside a few others."""
    what = "a generated image"
    shown = [one for figure in _figures(evidence, context.item) if (one := _small(figure, SINGLE))]
    good = next((one for one in shown if one.n_new), None)
    if good is not None:
        return judged(
            1.0,
            observed=f"{good.n_new} new images",
            expected=what,
            message="A generated image is shown.",
            found=_found(good.cell),
        )
    if shown:
        return failed(
            "What is shown as a generated image is an image of the data set.",
            observed="a real image",
            expected=what,
            found=_found(shown[0].cell),
        )
    return _absent(evidence, context.item, what)


class ImagesDuringTraining(CheckParams):
    """Generated images at regular times of a training."""

    n_images: int = Field(default=2, ge=1)
    """Images each time."""
    every: int = Field(default=10, ge=1)
    """Epochs from one time to the next."""
    of_epochs: int = Field(default=50, ge=1)
    """Epochs of the whole training."""


@CHECKS.register(ImagesDuringTraining)
def images_during_training(evidence: Evidence, params: ImagesDuringTraining, context: Context) -> Finding:
    """While the network is trained, images are generated and shown every so many epochs; each time counts equally.

    Times are told apart by the steps that the optimizer had made when the decoder was called without a training
    step; where no such call can be seen, by the images alone.
    """
    n_wanted = max(1, min(numbers_for(evidence, params.of_epochs)) // params.every)
    what = f"{params.n_images} generated images at {n_wanted} times of the training"
    shown = [one for figure in _figures(evidence, context.item) if (one := _small(figure, FEW)) and one.n_new]
    training = {one.cell for one in evidence.observations.training if one.kind == "step"}
    here = [one for one in shown if one.cell in training]
    times = _times(evidence, training)
    if not here and len(times) > 1:  # kept while the network was trained, and drawn later
        here = shown
    if not here:
        if shown and training:
            return failed(
                "No generated image is shown while the network is trained.",
                observed="images after the training alone",
                expected=what,
            )
        return _absent(evidence, context.item, what)
    n_images = sum(one.n_new for one in here)
    n_times = min(len(times) or n_images // params.n_images, n_wanted)
    share = n_times / n_wanted * min(1.0, n_images / (n_wanted * params.n_images))
    if n_times < n_wanted:
        share = min(n_times / n_wanted, n_images / (n_wanted * params.n_images))
    about: dict[str, Any] = {
        "observed": f"{n_images} images, at {len(times) or 'unknown'} times",
        "expected": what,
        "found": _found(here[0].cell),
    }
    if share == 1.0:
        return judged(1.0, message=f"The training shows {what}.", **about)
    return judged(
        share, message=f"The training shows {n_images} generated images, at {n_times} times.", **about
    )


def _times(evidence: Evidence, cells: set[int]) -> set[int]:
    """Return how many steps had been made when codes were decoded between two steps, in the cells that train."""
    found: set[int] = set()
    for layer in evidence.observations.layers:
        if layer.role == "latent" and layer.cell in cells:
            idle = ~trained_calls(layer)
            few = layer.rows <= MANY
            found.update(layer.steps[:-1][idle & few].tolist())
    return found


class LatentSpaceIsDrawn(CheckParams):
    """Maps of the latent space."""

    n: int = Field(default=2, ge=1)
    """Maps that differ."""


@CHECKS.register(LatentSpaceIsDrawn)
def latent_space_is_drawn(evidence: Evidence, params: LatentSpaceIsDrawn, context: Context) -> Finding:
    """The latent space is drawn at several scales, as decoded images over a grid or as codes; each counts equally."""
    what = f"{params.n} pictures of the latent space at different scales"
    by_kind: dict[str, dict[Any, int]] = {}
    n_seen: dict[str, int] = {}
    for figure in _figures(evidence, context.item):
        for kind, signature in _maps(figure):
            by_kind.setdefault(kind, {}).setdefault(signature, figure.cell)
            n_seen[kind] = n_seen.get(kind, 0) + 1
    if not by_kind:
        return _absent(evidence, context.item, what)
    kind = max(by_kind, key=lambda one: len(by_kind[one]))
    n = min(len(by_kind[kind]), params.n)
    about: dict[str, Any] = {
        "observed": f"{n} different pictures ({kind})",
        "expected": what,
        "found": _found(next(iter(by_kind[kind].values()))),
    }
    if n == params.n:
        return judged(1.0, message=f"There are {what} ({kind}).", **about)
    said = "they are all alike: the scale changes nothing" if n_seen[kind] > n else "others are missing"
    return judged(n / params.n, message=f"There is {n} picture of the latent space; {said}.", **about)


def _maps(figure: FigureSeen) -> Iterator[tuple[str, Any]]:
    """Yield the maps of a figure, each with what tells it from another."""
    tiles: list[bytes] = []
    for picture in figure.pictures:
        is_real = len(picture.codes) and np.mean(picture.codes >= 0) > 0.5
        if is_real:
            continue
        if min(picture.n_rows, picture.n_columns) >= LEAST_MAP:
            yield "decoded images", picture.tiles.tobytes()
        elif len(picture.tiles) == 1:
            tiles.append(picture.tiles.tobytes())
    if len(tiles) >= LEAST_MAP**2:
        yield "decoded images", b"".join(tiles)
    for axes in figure.axes:
        n = sum(int(one.get("n", 0)) for one in axes.get("scatters", []))
        if n >= LEAST_SCATTER:
            limits = [*(axes.get("xlim") or []), *(axes.get("ylim") or [])]
            yield "codes", tuple(round(float(one), 2) for one in limits if isinstance(one, int | float))
        for image in axes.get("images", []):
            sides = [int(side) for side in image.get("shape", [])][:2]
            if not image.get("ref") and len(sides) == 2 and min(sides) >= LEAST_MAP * SIDE and layout(*sides):
                ticks = [*(axes.get("xlim") or []), axes.get("title"), axes.get("xlabel")]
                yield "decoded images", (*sides, *map(str, ticks), id(image))  # too large to be compared


class PathIsShown(CheckParams):
    """Images from one digit to another."""

    n: int = Field(default=5, ge=3)
    """Images of a path, its ends among them."""


@CHECKS.register(PathIsShown)
def path_is_shown(evidence: Evidence, params: PathIsShown, context: Context) -> Finding:
    """A path of generated images is drawn in one figure (a share where there are fewer)."""
    what = f"{params.n} generated images from one digit to another"
    best = _path(evidence, context.item)
    if best is None:
        return _absent(evidence, context.item, what)
    n = len(best) if len(set(best)) > 1 else 1
    about: dict[str, Any] = {"observed": f"{n} images", "expected": what}
    if n >= params.n:
        return judged(1.0, message=f"A path of {n} images is shown.", **about)
    return judged(n / params.n if n > 2 else 0.0, message=f"The path has {n} images.", **about)


def _path(evidence: Evidence, item: str) -> list[bytes] | None:
    """Return the new images of the longest path in the figures of an item; of any where the item has none."""
    for figures in (evidence.figures_of(item), evidence.figures_elsewhere(item)):
        paths = [
            [tile for tile, code in zip(one.tiles, one.codes, strict=True) if code < 0]
            for figure in figures
            for one in shown_in(figure)
            if len(one.tiles) <= MANY
        ]
        paths = [path for path in paths if len(path) > 2]
        if paths:
            return max(paths, key=len)
    return None


class PathIsOfCodes(CheckParams):
    """How the images between two digits are made."""

    n: int = Field(default=5, ge=3)


@CHECKS.register(PathIsOfCodes)
def path_is_of_codes(evidence: Evidence, params: PathIsOfCodes, context: Context) -> Finding:
    """The images of the path are decoded along a line: neighbours are alike, and they are no mixtures of the two ends."""
    expected = "images decoded along the line between two codes"
    path = _path(evidence, context.item)
    if path is None or len(path) < params.n or len(set(path)) < 3:
        return untried("No path of images was seen.")
    pixels = np.stack([np.frombuffer(tile, dtype=np.uint8) for tile in path]).astype(float)
    about: dict[str, Any] = {"expected": expected}
    if _is_mixed(pixels):
        return failed(
            "The images between the ends are mixtures of their pixels: interpolate the codes and decode them.",
            observed="mixtures of pixels",
            **about,
        )
    apart = np.sqrt(((pixels[:, None] - pixels[None]) ** 2).mean(axis=2))
    share = float(np.diagonal(apart, 1).mean() / max(apart.max(), 1e-9))
    about["observed"] = f"neighbours at {share:.0%} of the largest distance"
    if share <= STRAIGHT:
        return judged(1.0, message="The images change step by step from one digit to the other.", **about)
    return failed("The images do not change step by step: neighbours are as unlike as the ends.", **about)


def _is_mixed(pixels: np.ndarray) -> bool:
    """Whether all images between the ends are means of the two with even weights, pixel by pixel."""
    first, line = pixels[0], pixels[-1] - pixels[0]
    if float(np.abs(line).max()) < APART:
        return False
    weights = (pixels - first) @ line / float(line @ line)
    rest = pixels - first - weights[:, None] * line
    is_even = np.abs(weights - np.linspace(0.0, 1.0, len(pixels))).max() <= EVEN
    return bool(is_even and np.abs(rest).max() <= MIXED_LEVELS)
