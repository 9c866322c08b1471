"""Claims about autoencoders of any size and data set, by what they make of the notebook's own images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from autograder.checks.calls import successes
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    failed,
    join,
    judged,
    untried,
)
from autograder.checks.trees import items, text, tree_of
from autograder.probes.evidence import Evidence
from autograder.probes.notebooks import NotebookCell
from autograder.probes.training import TrainingSeen
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AutoencoderSeen:
    """One autoencoder of the notebook, with what it made of some of its images."""

    name: str
    cell: int
    kind: str
    """Which images those were by their name: `held_out`, `training` or `other`."""
    path: str
    shape: tuple[int, ...]
    """Of one image."""
    x: Array
    """(n, D)"""
    y: Array
    """(n, D): what came back; logits, where the decoder gives those."""
    sizes: Array
    """Numbers an example after every layer."""
    codes: Array | None
    again: Array | None
    """(n, D): what the decoder makes of the codes: logits perhaps, where the network itself ends in a sigmoid."""
    drawn: Array | None
    """(n, D): what the decoder makes of codes of ours."""
    n_weights: int
    idle: tuple[str, ...]
    """Tensors that no gradient reaches."""

    @property
    def n_code(self) -> int:
        """How many numbers an image is squeezed into."""
        sizes = [int(size) for size in self.sizes] or [self.x.shape[1]]
        return min([*sizes, *([int(self.codes.shape[1])] if self.codes is not None else [])])

    @property
    def unexplained(self) -> float:
        """Squared error of reconstructions as a share of the mean image's; through a sigmoid or tanh if that is less."""
        return min(self._errors(self.y))

    @property
    def decoded(self) -> Array:
        """(n, D): what the decoder itself gives, where it can be told from the network."""
        return self.again if self.again is not None and self.again.shape == self.x.shape else self.y

    def as_data(self, values: Array) -> Array:
        """Return what the decoder gives as data: through the sigmoid or the tanh that the network ends in, if in any."""
        errors = self._errors(self.decoded)
        return ENDS[errors.index(min(errors))](values)

    def _errors(self, values: Array) -> list[float]:
        """Return the error as it is and through what a network may end in."""
        variance = max(float(np.mean((self.x - self.x.mean(axis=0)) ** 2)), 1e-12)
        return [float(np.mean((end(values) - self.x) ** 2)) / variance for end in ENDS]


def sigmoid(values: Array) -> Array:
    """Return 1 / (1 + exp(-values)), without a warning for large numbers."""
    found: Array = 0.5 * (1.0 + np.tanh(0.5 * values))
    return found


def _as_it_is(values: Array) -> Array:
    return values


ENDS: tuple[Callable[[Array], Array], ...] = (_as_it_is, sigmoid, np.tanh)


def models_in(evidence: Evidence, key: str, wanted: Sequence[str] = ()) -> list[AutoencoderSeen]:
    """Return the autoencoders that were made in the cells of some items; where they make none, those of the notebook.

    Where the notebook has no cells of these items at all, the networks of others are not theirs.

    What student code can forge is left out: arrays that are not finite or not of one shape.
    """
    found = [
        model
        for answer, _ in successes(evidence.called[key])
        for tree in items(tree_of(answer), "models")
        if (model := _read(tree)) is not None
    ]
    if not wanted or not evidence.cells:
        return found
    mine = any(evidence.cells_of(item) for item in wanted)
    inside = {cell.index for cell in cells_for(evidence, wanted)}
    return [model for model in found if model.cell in inside] or (found if mine else [])


def cells_for(evidence: Evidence, wanted: Sequence[str]) -> list[NotebookCell]:
    """Return the cells of some items; where none was recognised, those of no item: the work of others is not theirs."""
    mine = [cell for item in wanted for cell in evidence.cells_of(item)]
    return mine or [cell for cell in evidence.cells if cell.item is None]


def _read(tree: dict[Any, Any]) -> AutoencoderSeen | None:
    x, y = _matrix(tree.get("x")), _matrix(tree.get("y"))
    if x is None or y is None or x.shape != y.shape:
        return None
    sizes, shape = tree.get("sizes"), tree.get("shape")
    idle = tree.get("idle")
    listed = [str(idle[key]) for key in sorted(idle, key=str)] if isinstance(idle, dict) else []
    cell, n_weights = tree.get("cell"), tree.get("n_weights")
    return AutoencoderSeen(
        text(tree, "name"),
        cell if isinstance(cell, int) else -1,
        text(tree, "kind"),
        text(tree, "path"),
        tuple(int(side) for side in np.ravel(shape)) if isinstance(shape, np.ndarray) else x.shape[1:],
        x,
        y,
        np.ravel(sizes).astype(float) if isinstance(sizes, np.ndarray) else np.zeros(0),
        _matrix(tree.get("codes")),
        _matrix(tree.get("again")),
        _matrix(tree.get("drawn")),
        n_weights if isinstance(n_weights, int) else 0,
        tuple(listed),
    )


def _matrix(value: Any) -> Array | None:
    is_one = isinstance(value, np.ndarray) and value.ndim == 2 and value.dtype.kind in "fiu" and value.size
    return value.astype(np.float64) if is_one and np.all(np.isfinite(value)) else None


def no_model(evidence: Evidence, key: str) -> Finding:
    """Return what to say where no autoencoder was found: the twin is asked."""
    return untried(
        f"No autoencoder was found that could be run on images of the notebook{evidence.called[key].reason}."
    )


def recorded_in(evidence: Evidence, kind: str, wanted: Sequence[str]) -> list[TrainingSeen]:
    """Return what was recorded of a kind in the cells of some items, else in cells of no item."""
    every = [one for one in evidence.observations.training if one.kind == kind]
    if not evidence.cells:
        return every
    inside = {cell.index for cell in cells_for(evidence, wanted)}
    free = {cell.index for cell in evidence.cells if cell.item is None}
    return [one for one in every if one.cell in inside] or [one for one in every if one.cell in free]


class OfAutoencoder(CheckParams):
    """The autoencoders that some items make."""

    challenge: ChallengeKey
    items: list[str] = Field(min_length=1)
    """Whose cells make it; where none of them makes one, any of the notebook is meant."""


def about_model(model: AutoencoderSeen) -> dict[str, Any]:
    """Return where an autoencoder was found, for a finding."""
    return {"found": (Found(how="call", path=model.name, cell=model.cell),)}


class CodeIsSmaller(OfAutoencoder):
    """The size of the code."""


@CHECKS.register(CodeIsSmaller)
def code_is_smaller(evidence: Evidence, params: CodeIsSmaller, context: Context) -> Finding:
    """The encoder squeezes an image into fewer numbers, and the decoder gives back something as large as the image."""
    models = models_in(evidence, params.challenge, params.items)
    if not models:
        return no_model(evidence, params.challenge)
    best = min(models, key=lambda model: model.n_code / model.x.shape[1])
    n, d = best.n_code, best.x.shape[1]
    about = {
        "observed": f"{n} of {d:,} numbers",
        "expected": f"fewer than {d:,} numbers",
        **about_model(best),
    }
    if n < d:
        return judged(
            1.0, message=f"`{best.name}` squeezes {d:,} numbers into {n}, and gives back as many.", **about
        )
    message = f"`{best.name}` never has fewer than {d:,} numbers: it could copy its input, and has no code."
    return failed(message, **about)


class EveryWeightIsTrained(OfAutoencoder):
    """Which weights the reconstruction depends on, and which an optimizer holds."""


@CHECKS.register(EveryWeightIsTrained)
def every_weight_is_trained(evidence: Evidence, params: EveryWeightIsTrained, context: Context) -> Finding:
    """Gradients of the reconstruction reach every weight of the network, and optimizers hold as many weights."""
    models = models_in(evidence, params.challenge, params.items)
    if not models:
        return no_model(evidence, params.challenge)
    made = recorded_in(evidence, "optimizer", params.items)
    if evidence.observations.training and not made:
        return untried("No optimizer was made there.")
    held = {n for one in made if isinstance(n := one.settings.get("parameters"), int)}
    held |= {a + b for a in held for b in held}  # one for the encoder, one for the decoder
    findings = [_trained_weights(model, held) for model in models]
    return max(findings, key=lambda finding: finding.fraction)


def _trained_weights(model: AutoencoderSeen, held: set[int]) -> Finding:
    about = {"expected": f"{model.n_weights:,} weights", **about_model(model)}
    if model.idle:
        listed = join([f"`{name}`" for name in model.idle[:4]])
        message = (
            f"No gradient of the reconstruction reaches {listed} of `{model.name}`: never used, or cut off."
        )
        return failed(message, observed=f"{listed} left out", **about)
    if held and model.n_weights and model.n_weights not in held:
        shown = join([f"{n:,}" for n in sorted(held)[:3]])
        message = f"`{model.name}` has {model.n_weights:,} weights, and the optimizers hold {shown}: others, or too few."
        return failed(message, observed=f"{shown} weights", **about)
    return judged(
        1.0,
        observed=f"{model.n_weights:,} weights",
        message=f"All weights of `{model.name}` are trained.",
        **about,
    )
