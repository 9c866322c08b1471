"""Typical mistakes in part c: each mutant is the solution with one mistake in one item.

The cells without an item (set-up, budget and text) may be changed by mutants of any item. What the sheet leaves open
is no mistake and has no mutant: biases or none, a norm after the last block or none, an embedding tied to the head or
not, sines and cosines interleaved or one after the other, overlapping windows, a nucleus without the token that
crosses p; nor is what the sheet does not ask for: a figure of the perplexity.
"""

from __future__ import annotations

from reference.aml_a3.mutants import Mutant
from reference.aml_a3.mutants_c_model import MUTANTS as MODEL
from reference.aml_a3.mutants_c_texts import MUTANTS as TEXTS

MUTANTS: dict[str, Mutant] = MODEL | TEXTS
