"""Claims about the codes that a decoder is given, and about what it makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.autoencoders import Array, OfAutoencoder, models_in, no_model
from autograder.checks.findings import Context, Finding, failed, judged, number, untried
from autograder.checks.image_training import trained_calls
from autograder.kernel_side.layer_calls import batch_digest
from autograder.probes.evidence import Evidence
from autograder.probes.layer_calls import LayerSeen
from autograder.registry import CHECKS
from autograder.rubric.model import OptionalEvidenceKey

SLACK = 2.0
"""Of the range of the data: how far beyond it the bulk of decoded numbers may lie, as those of a linear decoder do."""


class DecodesLikeData(OfAutoencoder):
    """What the decoder makes of other codes."""

    generated: list[str] = Field(default_factory=list)
    """Names under which a notebook keeps its generated data; where it keeps none, other codes are decoded."""


@CHECKS.register(DecodesLikeData)
def decodes_like_data(evidence: Evidence, params: DecodesLikeData, context: Context) -> Finding:
    """What is decoded from drawn codes, the notebook's own or ours, has the data's shape and range."""
    models = models_in(evidence, params.challenge, params.items)
    if not models:
        return no_model(evidence, params.challenge)
    model = models[0]
    kept = _kept(evidence, params.generated)
    if kept is not None:
        name, drawn = kept
        if drawn.shape[1] != model.x.shape[1]:
            seen = f"{drawn.shape[1]:,} numbers an example"
            return failed(
                f"`{name}` is not of the data's shape.", observed=seen, expected=f"{model.x.shape[1]:,}"
            )
    elif model.drawn is not None and model.drawn.shape == model.x.shape:
        name, drawn = "What the decoder makes of other codes", model.as_data(model.drawn)
    else:
        return untried("The decoder could not be run on codes of its own.")
    return _like(f"`{name}`" if kept is not None else name, drawn, model.x)


def _kept(evidence: Evidence, names: Sequence[str]) -> tuple[str, Array] | None:
    """Return generated data (n, D) that a notebook keeps under one of some names, best first."""
    for name in names:
        for leaf in evidence.observations.leaves:
            value = leaf.value
            if (
                leaf.path.name == name
                and not leaf.path.steps
                and isinstance(value, np.ndarray)
                and value.ndim > 1
            ):
                rows = np.asarray(value, dtype=np.float64).reshape(len(value), -1)
                if rows.size and np.all(np.isfinite(rows)):
                    return name, rows
    return None


def _like(what: str, drawn: Array, x: Array) -> Finding:
    low, high = (float(np.quantile(drawn, share)) for share in (0.005, 0.995))
    room = SLACK * max(float(np.ptp(x)), 1e-9)
    about: dict[str, Any] = {
        "observed": f"{number(low)} to {number(high)}",
        "expected": f"about {number(float(x.min()))} to {number(float(x.max()))}, as the data",
    }
    if low < x.min() - room or high > x.max() + room:
        return failed(
            f"{what} does not lie in the range of the data: are those parameters, not images?", **about
        )
    if float(drawn.std(axis=0).mean()) <= 1e-4 * max(float(x.std(axis=0).mean()), 1e-9):
        return failed(f"{what} is the same whatever the code.", **about)
    return judged(1.0, message=f"{what} has the data's shape and range.", **about)


class CodesAreDrawn(OfAutoencoder):
    """Codes drawn by a method of the notebook's own."""

    drawn: OptionalEvidenceKey
    encoded: OptionalEvidenceKey
    factor: float = Field(default=8.0, gt=1.0)
    """How many times wider or narrower than the encodings the codes may lie."""


@CHECKS.register(CodesAreDrawn)
def codes_are_drawn(evidence: Evidence, params: CodesAreDrawn, context: Context) -> Finding:
    """The codes that are decoded are new ones, not those of images, and lie on the scale of the encodings."""
    expected = "new codes on the scale of the encodings"
    models = [
        model for model in models_in(evidence, params.challenge, params.items) if model.codes is not None
    ]
    known = [model.codes for model in models[:1] if model.codes is not None]
    encoded = _rows(evidence, params.encoded)
    if encoded is not None:
        known.insert(0, encoded)
    drawn = _rows(evidence, params.drawn)
    if drawn is None or not known or drawn.shape[1] != known[0].shape[1]:
        return _by_records(evidence, params, known, expected)
    codes = known[0]
    n_same = sum(bool(np.any(np.all(np.abs(codes - row) <= 1e-6, axis=1))) for row in drawn[:200])
    about: dict[str, Any] = {"expected": expected}
    if n_same > 0.5 * min(len(drawn), 200):
        message = "The codes that are decoded are those of images: those are reconstructions, and nothing was drawn."
        return failed(message, observed=f"{n_same} codes of images", **about)
    if _decodes_only(evidence, params, codes):
        message = "Codes are drawn, but what is decoded are the codes of images: those are reconstructions."
        return failed(message, observed="codes of images are decoded", **about)
    return _scale(float(_spread(drawn)), float(_spread(codes)), params.factor, about)


def _rows(evidence: Evidence, key: str) -> Array | None:
    if not evidence.has(key):
        return None
    array = evidence.array(key)
    rows = array.reshape(len(array), -1) if array.ndim > 1 else None
    return rows if rows is not None and len(rows) and np.all(np.isfinite(rows)) else None


def _spread(codes: Array) -> float:
    """Return the typical size of a number of a code, from the middle of all."""
    return float(np.sqrt(np.mean((codes - codes.mean()) ** 2)))


def _scale(drawn: float, codes: float, factor: float, about: dict[str, Any]) -> Finding:
    about = {**about, "observed": f"a spread of {number(drawn)}, of encodings {number(codes)}"}
    if drawn <= 1e-9 * max(codes, 1.0):
        return failed("The codes that are decoded are all alike.", **about)
    if codes > 0 and not 1 / factor <= drawn / codes <= factor:
        message = (
            f"The codes that are decoded have a spread of {number(drawn)}, those of images one of {number(codes)}: the "
            "decoder never saw such codes."
        )
        return judged(0.5, message=message, **about)
    return judged(1.0, message="New codes are drawn, on the scale of the encodings.", **about)


def _decodes_only(evidence: Evidence, params: CodesAreDrawn, codes: Array) -> bool:
    """Return whether every batch that was decoded begins the known codes of images, bit by bit.

    Reconstructions elsewhere say nothing of the codes that were drawn: cells of other items that encode images are
    left out.
    """
    inside, encoding = _cells(evidence, params), _encoding(evidence)
    batches: list[tuple[int, int]] = []
    for layer in evidence.observations.layers:
        if layer.role != "latent" or (layer.cell in encoding and layer.cell not in inside):
            continue
        calls = zip(layer.rows, layer.noise[:, 0], trained_calls(layer), strict=False)
        batches += [(int(n_rows), int(digest)) for n_rows, digest, is_trained in calls if not is_trained]
    return bool(batches) and all(
        n_rows <= len(codes) and digest == batch_digest(codes[:n_rows].astype(np.float32))
        for n_rows, digest in batches
    )


def _cells(evidence: Evidence, params: CodesAreDrawn) -> set[int]:
    return {cell.index for item in params.items for cell in evidence.cells_of(item)}


def _encoding(evidence: Evidence) -> set[int]:
    return {one.cell for one in evidence.observations.layers if one.role == "image"}


def _decoding(evidence: Evidence, params: CodesAreDrawn) -> list[LayerSeen]:
    """Return the calls of decoders, not in training, in cells of the items where no image was encoded."""
    inside, encoding = _cells(evidence, params), _encoding(evidence)
    return [
        one
        for one in evidence.observations.layers
        if one.role == "latent"
        and not one.wants_gradients
        and (not inside or one.cell in inside)
        and one.cell not in encoding
    ]


def _by_records(evidence: Evidence, params: CodesAreDrawn, known: Sequence[Array], expected: str) -> Finding:
    """Return what the decoder's first layer was shown in cells where no image was encoded."""
    widths = {codes.shape[1] for codes in known}
    meant = [one for one in _decoding(evidence, params) if one.n_in in widths and len(one.noise)]
    if not meant or not known:
        return untried("Which codes are decoded could not be seen.")
    return _scale(float(meant[0].noise[:, 2].max()), _spread(known[0]), params.factor, {"expected": expected})
