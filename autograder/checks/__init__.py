"""Claims about evidence: pure functions, registered by name, that return a finding.

A check is `(evidence, params, context) -> Finding`. Its name reads as a claim, its parameters are a typed
model that the rubric fills, its first docstring line is what the generated reference shows.
"""

from autograder.checks import (
    architecture,
    autocorrelation,
    behaviours,
    curves,
    decoding,
    densities,
    figures,
    form,
    functions,
    generations,
    gibbs,
    image_noise,
    image_training,
    images,
    importance,
    language_models,
    latent_spaces,
    losses,
    metropolis,
    rejection,
    scored_images,
    scores,
    steps,
    training,
    values,
)
from autograder.registry import CHECKS

__all__ = [
    "CHECKS",
    "architecture",
    "autocorrelation",
    "behaviours",
    "curves",
    "decoding",
    "densities",
    "figures",
    "form",
    "functions",
    "generations",
    "gibbs",
    "image_noise",
    "image_training",
    "images",
    "importance",
    "language_models",
    "latent_spaces",
    "losses",
    "metropolis",
    "rejection",
    "scored_images",
    "scores",
    "steps",
    "training",
    "values",
]
