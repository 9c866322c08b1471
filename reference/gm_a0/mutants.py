"""Typical mistakes in gm-a0: each mutant is the solution with one mistake in one item."""

from __future__ import annotations

from reference.aml_a3.mutants import Mutant, swap

MUTANTS: dict[str, Mutant] = {}
