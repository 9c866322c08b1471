"""Typical mistakes in part b: each mutant is the solution with one mistake in one item.

The cells without an item (set-up, budget and data) may be changed by mutants of any item. What the sheet leaves open
is no mistake and has no mutant: covariances with ddof 0 or 1, features before or after their ReLU, reconstructions
from the mean or from a draw, the discriminator's loss halved.
"""

from __future__ import annotations

from reference.aml_a3.mutants import Mutant
from reference.aml_a3.mutants_b_gan import MUTANTS as GAN
from reference.aml_a3.mutants_b_scores import MUTANTS as SCORES
from reference.aml_a3.mutants_b_vae import MUTANTS as VAE

MUTANTS: dict[str, Mutant] = VAE | GAN | SCORES
