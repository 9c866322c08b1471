"""Claims about pictures of small images, drawn in figures or saved to files: pairs, samples, grids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    failed,
    for_person,
    join,
    judged,
    untried,
)
from autograder.checks.image_training import layers_of, trained_codes
from autograder.checks.shortened_numbers import numbers_for
from autograder.kernel_side.known_images import TEST, UNKNOWN
from autograder.probes.evidence import Evidence
from autograder.probes.layer_calls import PictureSeen
from autograder.probes.observations import FigureSeen
from autograder.records import Found, Status
from autograder.registry import CHECKS

Tile = bytes
NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Shown:
    """Small images that are seen together: those of one figure, or of one file."""

    cell: int
    tiles: tuple[Tile, ...]
    codes: tuple[int, ...]
    label: str
    is_saved: bool = False

    @property
    def new(self) -> set[Tile]:
        """The images that are not of MNIST."""
        return {tile for tile, code in zip(self.tiles, self.codes, strict=True) if code == UNKNOWN}

    @property
    def n_new(self) -> int:
        """How many there are of those, alike or not."""
        return sum(code == UNKNOWN for code in self.codes)

    @property
    def known(self) -> set[int]:
        """The codes of those that are."""
        return set(self.codes) - {UNKNOWN}


def shown_in(figure: FigureSeen) -> list[Shown]:
    """Return what a figure shows: everything together, and each picture of several images by itself."""
    pictures = figure.pictures
    if not pictures:
        return []
    titles = " ".join(dict.fromkeys(one.label for one in pictures))
    apart = [_together([one], one.label) for one in pictures if len(one.tiles) > 1 and len(pictures) > 1]
    return [_together(pictures, titles), *apart]


def _together(pictures: Sequence[PictureSeen], label: str) -> Shown:
    tiles = tuple(tile.tobytes() for one in pictures for tile in one.tiles)
    codes = tuple(
        int(code)
        for one in pictures
        for code in (one.codes if len(one.codes) else [UNKNOWN] * len(one.tiles))
    )
    return Shown(pictures[0].cell, tiles, codes, label, pictures[0].is_saved)


def drawn_for(evidence: Evidence, item: str) -> list[Shown]:
    """Return what the figures of an item show, then those of other items: headings may mislead."""
    figures = [*evidence.figures_of(item), *evidence.figures_elsewhere(item)]
    return [one for figure in figures for one in shown_in(figure)]


def saved_for(evidence: Evidence, item: str) -> list[Shown]:
    """Return the pictures that the cells of an item saved; all of them where it saved none."""
    saved = [_together([one], one.label) for one in evidence.observations.saved]
    inside = {cell.index for cell in evidence.cells_of(item)}
    return [one for one in saved if one.cell in inside] or saved


def _nothing(evidence: Evidence, item: str, what: str) -> Finding:
    if any(cell.n_images for cell in evidence.cells_of(item)) and not evidence.figures_of(item):
        return for_person(
            f"A picture was put out whose drawing could not be followed; a person looks for {what}.",
            expected=what,
        )
    if cause := evidence.failure_in(item):
        return Finding(Status.BLOCKED, 0.0, message=f"There is no figure of {what}: {cause}.", expected=what)
    return failed(f"No figure shows {what}.", observed="not found", expected=what, missing=True)


def _found(one: Shown) -> tuple[Found, ...]:
    return (Found(how="figure", path=one.label if one.is_saved else "", cell=one.cell),)


class PairsAreShown(CheckParams):
    """Images beside their reconstructions."""

    n: int = Field(default=5, ge=1)
    trained_in: str = ""
    """The item whose network must not have been trained on them."""
    n_train: int = Field(default=50000, ge=1)
    """Images of the training split: a training on more of them is marked where the network is trained."""


@CHECKS.register(PairsAreShown)
def pairs_are_shown(evidence: Evidence, params: PairsAreShown, context: Context) -> Finding:
    """Held-out images are drawn beside as many reconstructions (half when they were trained on, or are test images)."""
    what = f"{params.n} validation images beside their reconstructions"
    drawn = drawn_for(evidence, context.item)
    if not drawn:
        return _nothing(evidence, context.item, what)
    if not any(one.known for one in drawn):
        return untried("Which of the images that are drawn are real could not be told.")
    best = max(drawn, key=lambda one: min(len(one.known), one.n_new))
    n = min(len(best.known), best.n_new, params.n)
    about: dict[str, Any] = {"expected": what, "found": _found(best)}
    if n == 0:
        most = max(drawn, key=lambda one: len(one.codes) - len(one.new) if one.known else 0)
        is_copy = len(most.known) and len(most.tiles) >= 2 * len(most.known)
        said = (
            "the images themselves are shown as their reconstructions"
            if is_copy
            else "no figure shows both together"
        )
        return failed(f"Images and reconstructions are not compared: {said}.", observed=said, **about)
    trained = trained_codes(layers_of(evidence, params.trained_in or context.item, "image"))
    fraction = n / params.n
    about["observed"] = f"{n} pairs"
    if best.known & trained and len(trained) <= min(numbers_for(evidence, params.n_train)):
        return judged(
            fraction / 2,
            message="The images that are reconstructed were trained on; validation images are asked for.",
            **about,
        )
    if all(code >= TEST for code in best.known):
        return judged(
            fraction / 2,
            message="The images that are reconstructed are test images, not validation images.",
            **about,
        )
    message = f"The figure shows {n} images beside their reconstructions."
    return judged(fraction, message=message, **about)


class ReconstructionsResemble(CheckParams):
    """How near reconstructions are to their images."""

    n: int = Field(default=5, ge=1)
    margin: float = Field(default=0.9, gt=0.0, le=1.0)
    """Largest share of the squared error of plain grey, which an untrained decoder gives."""


@CHECKS.register(ReconstructionsResemble)
def reconstructions_resemble(
    evidence: Evidence, params: ReconstructionsResemble, context: Context
) -> Finding:
    """The reconstructions are nearer to their images than plain grey is: the decoder was trained."""
    expected = "reconstructions nearer to their images than plain grey"
    drawn = drawn_for(evidence, context.item)
    if not drawn:
        return _nothing(evidence, context.item, expected)
    best = max(drawn, key=lambda one: min(len(one.known), len(one.new)))
    if not best.known or not best.new:
        return untried("No images were seen beside reconstructions.")
    images = _pixels(tile for tile, code in zip(best.tiles, best.codes, strict=True) if code != UNKNOWN)
    others = _pixels(tile for tile, code in zip(best.tiles, best.codes, strict=True) if code == UNKNOWN)
    nearest = ((images[:, None] - others[None]) ** 2).mean(axis=2).min(axis=1)
    grey = ((images - 0.5) ** 2).mean(axis=1)
    share = float(nearest.mean() / max(grey.mean(), 1e-9))
    about: dict[str, Any] = {
        "observed": f"{share:.0%} of the error of grey",
        "expected": expected,
        "found": _found(best),
    }
    if share <= params.margin:
        return judged(1.0, message="The reconstructions resemble their images.", **about)
    return failed(
        "The reconstructions are as far from their images as plain grey: that VAE was not trained.", **about
    )


def _pixels(tiles: Iterable[Tile]) -> np.ndarray:
    return np.stack([np.frombuffer(tile, dtype=np.uint8) for tile in tiles]).astype(float) / 255.0


class SamplesAreShown(CheckParams):
    """A figure of generated images."""

    n: int = Field(default=10, ge=1)
    most: int | None = Field(default=None, ge=1)
    """Most images that a figure of samples has; None: twice as many as are asked for."""


@CHECKS.register(SamplesAreShown)
def samples_are_shown(evidence: Evidence, params: SamplesAreShown, context: Context) -> Finding:
    """As many different new images are drawn: neither real ones nor the reconstructions."""
    what = f"{params.n} generated images"
    most = params.most or 2 * params.n
    drawn = drawn_for(evidence, context.item)
    pairs = [one for one in drawn if one.known and one.new]
    rebuilt = {tile for one in pairs for tile in one.new}
    if pairs:
        best_pair = max(pairs, key=lambda one: min(len(one.known), len(one.new)))
        is_joint = len(best_pair.new) >= len(best_pair.known) + params.n  # one figure for both
        rebuilt = set() if is_joint else rebuilt
        extra = [best_pair] if is_joint else []
    else:
        extra = []
    candidates = [one for one in drawn if one.new and not one.known and len(one.tiles) <= most] + extra
    if not candidates:
        enough = range(params.n, (params.most or params.n) + 1)
        shows_real = any(one.known and not one.new and len(one.tiles) in enough for one in drawn)
        if shows_real:
            return failed(
                "The images that are shown as samples are images of MNIST.",
                observed="real images",
                expected=what,
            )
        return _nothing(evidence, context.item, what)
    here = {cell.index for cell in evidence.cells_of(context.item)}
    best = max(
        candidates, key=lambda one: (one.cell in here, min(len(one.new - rebuilt), params.n), -len(one.tiles))
    )
    n = min(len(best.new - rebuilt), params.n)
    about: dict[str, Any] = {"observed": f"{n} different new images", "expected": what, "found": _found(best)}
    if n == params.n:
        return judged(1.0, message=f"The figure shows {n} different generated images.", **about)
    why = (
        "some of them are the reconstructions"
        if best.new & rebuilt
        else "some are alike"
        if len(best.tiles) >= params.n
        else ""
    )
    said = f"{n} different new images" + (f"; {why}" if why else "")
    return judged(
        n / params.n if n > 1 else 0.0, message=f"The figure shows {said}; {params.n} are asked for.", **about
    )


class GridsAreShown(CheckParams):
    """Grids of the same noise at chosen epochs."""

    n: int = Field(default=64, ge=1)
    epochs: list[int] = Field(default=[1, 5, 10])
    of_epochs: int = Field(default=10, ge=1)
    """Epochs of the whole training."""
    trained_in: str = ""
    """The item that trains; where the grids that it saves are all alike, the network never moved, which is marked there."""


@CHECKS.register(GridsAreShown)
def grids_are_shown(evidence: Evidence, params: GridsAreShown, context: Context) -> Finding:
    """A grid of generated images is drawn or saved for each chosen epoch, each another one; each counts equally."""
    n_run = min(numbers_for(evidence, params.of_epochs))
    wanted = [epoch for epoch in params.epochs if epoch <= n_run]
    what = f"grids of {params.n} images at the epochs {join(list(map(str, params.epochs)))}"
    inside = {cell.index for cell in evidence.cells_of(context.item)}
    offered = [one for one in drawn_for(evidence, context.item) if one.cell in inside or not inside]
    offered += saved_for(evidence, context.item)
    if not any(params.n // 4 <= len(one.tiles) <= params.n for one in offered):
        offered = drawn_for(evidence, context.item) + [
            _together([one], one.label) for one in evidence.observations.saved
        ]
    is_stuck = _is_stuck(evidence, params)
    grids: dict[Any, Shown] = {}
    for one in sorted(offered, key=lambda one: one.is_saved):
        if params.n // 4 <= len(one.tiles) <= params.n:
            grids.setdefault((one.tiles, one.label) if is_stuck else one.tiles, one)
    if not grids:
        return _nothing(evidence, context.item, what)
    real = [one for one in grids.values() if len(one.known) > len(one.tiles) // 2]
    if len(real) == len(grids):
        return failed(
            "The grids show images of MNIST, not generated ones.", observed="real images", expected=what
        )
    good = [one for one in grids.values() if one not in real]
    labelled = {int(word) for one in good for word in NUMBER.findall(_name(one.label))}
    is_told = bool(labelled & set(range(1, params.of_epochs + 1)))
    n_right = sum(epoch in labelled for epoch in wanted) if is_told else min(len(good), len(wanted))
    n_right = min(n_right, len(good))
    size = min(1.0, max(len(one.tiles) for one in good) / params.n)
    fraction = n_right / len(wanted) * size
    about: dict[str, Any] = {
        "observed": f"{len(good)} different grids of {max(len(one.tiles) for one in good)} images",
        "expected": what,
        "found": _found(good[0]),
    }
    if fraction == 1:
        return judged(1.0, message=f"There are {what}.", **about)
    said = (
        []
        if n_right == len(wanted)
        else [f"{n_right} of {len(wanted)} epochs are there, each with a grid of its own"]
    )
    said += [] if size == 1 else [f"a grid holds fewer than {params.n} images"]
    return judged(fraction, message=f"Of the grids, {join(said)}.", **about)


def _is_stuck(evidence: Evidence, params: GridsAreShown) -> bool:
    """Whether the larger grids that the training saved, epoch after epoch, all show the same images."""
    inside = {cell.index for cell in evidence.cells_of(params.trained_in)}
    saved = [one for one in evidence.observations.saved if one.cell in inside and len(one.tiles) > params.n]
    return len(saved) > 1 and len({one.tiles.tobytes() for one in saved}) == 1


def _name(label: str) -> str:
    """Return a title, or the name of a file without its folders and ending."""
    return label.replace("\\", "/").rpartition("/")[2].rpartition(".png")[0] or label.rpartition("/")[2]


class GridsEachEpoch(CheckParams):
    """A grid of samples after every epoch."""

    n: int = Field(default=100, ge=1)
    n_epochs: int = Field(default=10, ge=1)


@CHECKS.register(GridsEachEpoch)
def grids_each_epoch(evidence: Evidence, params: GridsEachEpoch, context: Context) -> Finding:
    """A grid of generated images is saved or drawn after every epoch; each epoch counts equally."""
    n_epochs = min(numbers_for(evidence, params.n_epochs))
    what = f"a grid of {params.n} images for each of {n_epochs} epochs"
    inside = {cell.index for cell in evidence.cells_of(context.item)}
    offered = saved_for(evidence, context.item) + drawn_for(evidence, context.item)
    grids = {
        one.tiles for one in offered if len(one.tiles) == params.n and (one.cell in inside or not inside)
    }
    kept = _kept_grids(evidence, params.n, inside)
    n = min(max(len(grids), kept), n_epochs)
    about: dict[str, Any] = {"observed": f"{n} grids", "expected": what}
    if n == n_epochs:
        return judged(1.0, message=f"There is {what}.", **about)
    if n == 0 and (cause := evidence.failure_in(context.item)):
        return Finding(Status.BLOCKED, 0.0, message=f"There is no grid: {cause}.", expected=what)
    return judged(n / n_epochs, message=f"Of {what}, {n} were found.", **about)


def _kept_grids(evidence: Evidence, n: int, inside: set[int]) -> int:
    """Return how many sets of as many images were kept in one list of the notebook, and saved as arrays at least."""
    saves = any(
        "savefig" in cell.source or "np.save" in cell.source or "torch.save" in cell.source
        for cell in evidence.cells
        if cell.index in inside
    )
    counts: dict[str, int] = {}
    for leaf in evidence.observations.leaves:
        value = leaf.value
        if (
            isinstance(value, np.ndarray)
            and value.size == n * 784
            and leaf.path.steps
            and leaf.cell in inside
        ):
            counts[leaf.path.name] = counts.get(leaf.path.name, 0) + 1
    return max(counts.values(), default=0) if saves else 0
