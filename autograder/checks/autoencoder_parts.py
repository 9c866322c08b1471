"""Claims about what the parts of an autoencoder give, whatever layers they have: codes, and images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from autograder.checks.behaviours import OfModule
from autograder.checks.findings import CheckParams, Context, Finding, failed, join, judged, number, untried
from autograder.checks.networks import judge_modules, modules_in
from autograder.checks.training import seen_in
from autograder.probes.evidence import Evidence
from autograder.probes.modules import Array, ModuleSeen
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey

N_PIXELS = 784
RECTIFIED_SHARE = 0.2
"""Share of exact zeros from which numbers are those of a rectifier."""


class GivesCodes(OfModule):
    """Mean and log variance of a code."""

    max_size: int = Field(default=512, ge=1)
    """Most dimensions of the code."""


@CHECKS.register(GivesCodes)
def gives_codes(evidence: Evidence, params: GivesCodes, context: Context) -> Finding:
    """An encoder gives two vectors of one size for each image, which differ and can be negative or of any size."""
    expected = "two vectors of one size, mean and log variance"

    def judge(module: ModuleSeen) -> Finding:
        sizes = _by_size(module, params.max_size)
        pairs = {size: found for size, found in sizes.items() if len(found) >= 2}
        about: dict[str, Any] = {"expected": expected, "found": (Found(how="call", path=module.name),)}
        if not pairs:
            return untried(f"`{module.name}` does not give two vectors of one size.")
        size, found = max(pairs.items(), key=lambda one: len(one[1]))
        about["observed"] = f"{len(found)} vectors of {size}"
        if all(np.array_equal(found[0], other) for other in found[1:]):
            return failed(f"`{module.name}` gives the same numbers as mean and as log variance.", **about)
        if any(np.mean(one == 0.0) > RECTIFIED_SHARE for one in found) or _is_rectified(module, size):
            return failed(
                f"`{module.name}` cuts its codes off at 0: a mean and a log variance can be negative.",
                **about,
            )
        return judged(1.0, message=f"`{module.name}` gives two vectors of {size}.", **about)

    return judge_modules(evidence, params.challenge, "the encoder", judge)


def _is_rectified(module: ModuleSeen, size: int) -> bool:
    """Whether a rectifier runs on vectors of the size of the codes, positive as they may be for these images."""
    run = module.run("own")
    steps = run.trace if run is not None else ()
    return any(step.get("op") == "relu" and list(step.get("out", []))[1:] == [size] for step in steps)


def _by_size(module: ModuleSeen, largest: int) -> dict[int, list[Array]]:
    """Return what a module gives for trained weights, by numbers an example, nothing larger than a code may be."""
    run = module.run("own")
    found: dict[int, list[Array]] = {}
    for _, array in module.outputs(run) if run is not None else []:
        if array.ndim >= 2 and len(array) and array.size // len(array) <= largest:
            found.setdefault(array.size // len(array), []).append(array.reshape(len(array), -1))
    return found


class GivesImages(OfModule):
    """Images of a given size."""

    size: int = Field(default=N_PIXELS, ge=1)
    """Pixels of an image."""
    what: str = "images"
    """What it gives, in words."""


@CHECKS.register(GivesImages)
def gives_images(evidence: Evidence, params: GivesImages, context: Context) -> Finding:
    """A decoder, or a whole autoencoder, gives as many numbers for each example as an image has pixels."""
    expected = f"{params.size} numbers for each example"

    def judge(module: ModuleSeen) -> Finding:
        about: dict[str, Any] = {"expected": expected, "found": (Found(how="call", path=module.name),)}
        run = module.run("own")
        sizes = {a.size // len(a) for _, a in (module.outputs(run) if run is not None else []) if len(a)}
        if not sizes:
            return untried(f"`{module.name}` could not be run.")
        if params.size in sizes:
            return judged(1.0, observed=expected, message=f"`{module.name}` gives {params.what}.", **about)
        observed = f"{max(sizes)} numbers for each example"
        return failed(f"`{module.name}` gives {observed}.", observed=observed, **about)

    network = "the decoder" if params.what == "images" else "the network"
    return judge_modules(evidence, params.challenge, network, judge, params.named_alone)


LAYERS = {
    "conv2d": "convolutions",
    "conv_transpose2d": "transposed convolutions",
    "interpolate": "upsampling",
    "pixel_shuffle": "pixel shuffling",
}


class LayersInclude(OfModule):
    """What kinds of layers a network has to run."""

    any_of: list[str] = Field(min_length=1)
    """Torch functions, of which one has to run: `conv2d`, `conv_transpose2d`, `interpolate`, `pixel_shuffle`."""
    n_min: int = Field(default=1, ge=1)
    """How often, all kinds together."""

    @field_validator("any_of")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        if unknown := [name for name in names if name not in LAYERS]:
            raise ValueError(f"no kind of layer is called {unknown[0]!r}; known are {join(list(LAYERS))}")
        return names


@CHECKS.register(LayersInclude)
def layers_include(evidence: Evidence, params: LayersInclude, context: Context) -> Finding:
    """A network runs layers of a kind, as modules or as functions, as often as it should or more."""
    wanted = " or ".join(LAYERS[name] for name in params.any_of)
    expected = f"{params.n_min} {wanted} or more"

    def judge(module: ModuleSeen) -> Finding:
        run = module.run("own")
        if run is None or not run.trace:
            return untried(f"`{module.name}` could not be run on inputs of the expected shape.")
        n = sum(step.get("op") in params.any_of for step in run.trace)
        about: dict[str, Any] = {
            "observed": str(n),
            "expected": expected,
            "found": (Found(how="call", path=module.name),),
        }
        if n >= params.n_min:
            return judged(1.0, message=f"`{module.name}` runs {n} {wanted}.", **about)
        return failed(f"`{module.name}` runs {n or 'no'} {wanted}.", **about)

    return judge_modules(evidence, params.challenge, "the network", judge)


class PixelsFitLoss(CheckParams):
    """The range of decoded pixels."""

    challenges: list[ChallengeKey] = Field(min_length=1)
    """The decoder, and the whole autoencoder: of a class alone nobody knows what it gives once it is trained."""


@CHECKS.register(PixelsFitLoss)
def pixels_fit_loss(evidence: Evidence, params: PixelsFitLoss, context: Context) -> Finding:
    """Decoded pixels are probabilities, in [0, 1]; or logits, when the loss that trains them is the one of logits."""
    values = pixels_in(evidence, params.challenges)
    if values is None:
        return untried("No decoder was found that gave an image to look at.")
    low, high = float(values.min()), float(values.max())
    about: dict[str, Any] = {
        "observed": f"{number(low)} to {number(high)}",
        "expected": "numbers in [0, 1]",
    }
    if low >= 0.0 and high <= 1.0:
        if _uses_logits(evidence, context.item):
            return failed(
                "The decoder gives probabilities, and the loss applies a sigmoid once more.", **about
            )
        return judged(1.0, message="The decoder gives probabilities.", **about)
    if _uses_logits(evidence, context.item):
        return judged(1.0, message="The decoder gives logits, as its loss wants.", **about)
    return failed("The decoder gives numbers that are no probabilities.", **about)


def _uses_logits(evidence: Evidence, item: str) -> bool:
    losses = seen_in(evidence, item, "loss")
    return any("with_logits" in one.name for one in losses)


def pixels_in(evidence: Evidence, keys: Sequence[str]) -> Array | None:
    """Return all pixels that the networks of some challenges give; None when none gives images."""
    modules = [module for key in keys for module in modules_in(evidence, key)]
    found = [values for module in modules if (values := _pixels_of(module)) is not None]
    return np.concatenate(found) if found else None


def _pixels_of(module: ModuleSeen) -> Array | None:
    """Return all pixels that a module gives for trained weights and for wide inputs; None when there are none."""
    found = []
    for name in ("own", "turned", "wide"):
        run = module.run(name)
        outputs = [array for _, array in module.outputs(run)] if run is not None else []
        found += [
            array.reshape(-1) for array in outputs if len(array) and array.size == N_PIXELS * len(array)
        ]
    joined = np.concatenate(found) if found else np.zeros(0)
    return joined if joined.size and bool(np.all(np.isfinite(joined))) else None
