"""The variational autoencoder as a formula, with the readings and mistakes of its latent draw.

Source: Kingma and Welling 2014: z = mu + sigma * eps with sigma = exp(log_var / 2). The noise eps is known: the
kernel hands the same to every normal draw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from autograder.stats.arrays import FloatArray
from autograder.stats.language_models import Fill
from autograder.stats.layers import Layer, mistakes_in, through
from autograder.stats.readings import RTOL, Reading, error_of


@dataclass(frozen=True)
class LatentTrial:
    """One run of a whole autoencoder with canonical weights."""

    x: FloatArray
    outputs: tuple[FloatArray, ...]
    fill: Fill
    noise: FloatArray
    is_training: bool


Draw = Callable[[FloatArray, FloatArray], FloatArray]
"""(head, noise) to the latent variable; the heads for mean and log variance hold the same weights."""

DRAWS: dict[str, Draw] = {
    "": lambda head, noise: np.asarray(head + np.exp(0.5 * head) * noise),
    "The latent variable is the mean: no noise is added.": lambda head, noise: head,
    "The log variance is used as if it were the log of σ: σ = exp(log σ²), the factor ½ is missing.": lambda head, noise: (
        np.asarray(head + np.exp(head) * noise)
    ),
    "The log variance is used as σ itself, without exp(½ ·).": lambda head, noise: np.asarray(
        head + head * noise
    ),
    "σ is the softplus of the second head, not exp(½ log σ²).": lambda head, noise: np.asarray(
        head + np.log1p(np.exp(head)) * noise
    ),
    "σ is exp(−½ log σ²): the sign is turned.": lambda head, noise: np.asarray(
        head + np.exp(-0.5 * head) * noise
    ),
    "The noise is added without the factor σ.": lambda head, noise: np.asarray(head + noise),
    "The latent variable is the noise alone: the encoder has no say.": lambda head, noise: noise,
    "σ is the square root of the second head.": lambda head, noise: np.asarray(
        head + np.sqrt(np.abs(head)) * noise
    ),
}
"""Ways to draw the latent variable; the first is right."""
MEAN_ONLY = "The latent variable is the mean: no noise is added."


def autoencoder_reading(
    trials: Sequence[LatentTrial], encoder: Sequence[Layer], heads: Layer, decoder: Sequence[Layer]
) -> Reading:
    """Return how an autoencoder reads on every trial: conventions, else the mistake, else nothing known.

    Returning the mean in evaluation is a convention; in training it is a mistake.
    """
    conventions: list[str] = []
    for trial in trials:
        fault, words = _one(trial, encoder, heads, decoder)
        if fault is None:
            return Reading()
        if fault == MEAN_ONLY and not trial.is_training:
            conventions.append("the mean as the latent variable in evaluation")
        elif fault:
            return Reading(fault=fault, is_known=True)
        conventions += words
    return Reading(tuple(dict.fromkeys(conventions)), is_known=bool(trials))


def _one(
    trial: LatentTrial, encoder: Sequence[Layer], heads: Layer, decoder: Sequence[Layer]
) -> tuple[str | None, list[str]]:
    """Return the mistake of one trial ("" for none, None for an unknown one) and the conventions."""
    head = through(trial.x, [*encoder, heads], trial.fill)
    for draw_fault, draw in DRAWS.items():
        if draw_fault and not np.all(np.isfinite(draw(head, trial.noise))):
            continue
        pixels = through(draw(head, trial.noise), decoder, trial.fill)
        if _is_among(trial.outputs, pixels):
            if not draw_fault and not _is_among(trial.outputs, head):
                return "", _head_words(trial, head)
            return draw_fault, []
    if (words := _of_joint_head(trial, encoder, heads, decoder)) is not None:
        return "", words
    z = DRAWS[""](head, trial.noise)
    logits = through(z, decoder[:-1], trial.fill)
    if decoder[-1].kind == "sigmoid" and _is_among(trial.outputs, logits):
        return "", ["logits as the decoder's output, without the Sigmoid"]
    for mistake, extra in (("ReLU", "relu"), ("Tanh", "tanh"), ("Sigmoid", "sigmoid")):
        bent = through(trial.x, [*encoder, heads, Layer(extra)], trial.fill)
        if _is_among(trial.outputs, through(DRAWS[""](bent, trial.noise), decoder, trial.fill)):
            return f"The heads for mean and log variance end in a {mistake}; they should be linear.", []
    for mistake, wrong in mistakes_in([*encoder, heads]):
        before = through(trial.x, wrong, trial.fill)
        if _is_among(trial.outputs, through(DRAWS[""](before, trial.noise), decoder, trial.fill)):
            return f"In the encoder: {mistake[0].lower()}{mistake[1:]}", []
    for mistake, wrong in mistakes_in(decoder):
        if _is_among(trial.outputs, through(z, wrong, trial.fill)):
            return f"In the decoder: {mistake[0].lower()}{mistake[1:]}", []
    return None, []


def _of_joint_head(
    trial: LatentTrial, encoder: Sequence[Layer], heads: Layer, decoder: Sequence[Layer]
) -> list[str] | None:
    """Return the conventions of one layer that gives mean and log variance side by side; None when it is not that."""
    n_in, n_latent = (int(size) for size in heads.numbers)
    joint = through(trial.x, [*encoder, Layer("linear", (n_in, 2 * n_latent))], trial.fill)
    halves = (joint[:, :n_latent], joint[:, n_latent:])
    for mean, log_var in (halves, halves[::-1]):
        for z in (mean + np.exp(0.5 * log_var) * trial.noise, mean):
            if z is mean and trial.is_training:
                continue
            if _is_among(trial.outputs, through(z, decoder, trial.fill)):
                return ["one layer for mean and log variance"]
    return None


def _head_words(trial: LatentTrial, head: FloatArray) -> list[str]:
    """Return what the outputs hold in place of mean and log variance."""
    if _is_among(trial.outputs, np.exp(0.5 * head)):
        return ["σ returned in place of log σ²"]
    if _is_among(trial.outputs, scipy.special.expit(head)):
        return []
    return ["mean and log variance not returned"]


def _is_among(outputs: Sequence[FloatArray], expected: FloatArray) -> bool:
    return any(
        output.size == expected.size and error_of(output.reshape(expected.shape), expected) < RTOL
        for output in outputs
    )
