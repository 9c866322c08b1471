"""Inputs for the functions and networks of a diffusion model."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from autograder.probes.challenges import DrawParams, Values
from autograder.registry import DRAWS


class NoisingInputs(DrawParams):
    """Points, times and noise for a function that noises, or that takes one step back."""

    n: int = Field(default=6, ge=2, le=64)
    d: int = Field(default=2, ge=1, le=8)
    n_steps: int = Field(ge=4)
    one_time: bool = False
    """Whether all points have one time; a network's answer is drawn then, too: for a step back."""


@DRAWS.register(NoisingInputs)
def noising_inputs(rng: np.random.Generator, params: NoisingInputs) -> Values:
    """Points, times between the second and the last but one, noise, and what a network predicts."""
    times = rng.integers(1, params.n_steps - 1, size=1 if params.one_time else params.n)
    shape = (params.n, params.d)
    values: Values = {
        "x": rng.normal(size=shape).round(4).tolist(),
        "t": np.resize(times, params.n).tolist(),
        "noise": rng.normal(size=shape).round(4).tolist(),
    }
    return values | ({"predicted": rng.normal(size=shape).round(4).tolist()} if params.one_time else {})


class DenoiserInputs(DrawParams):
    """Points that a trained network is asked about at several times."""

    n: int = Field(default=16, ge=2, le=64)
    d: int = Field(default=2, ge=1, le=8)
    n_times: int = Field(default=5, ge=2, le=20)


@DRAWS.register(DenoiserInputs)
def denoiser_inputs(rng: np.random.Generator, params: DenoiserInputs) -> Values:
    """Points, and shares of the way from the first time to the last."""
    points = rng.normal(size=(params.n, params.d)).round(4)
    return {"x": points.tolist(), "times": np.linspace(0.0, 1.0, params.n_times).round(4).tolist()}
