"""All hostile notebooks; see :mod:`tests.corpus.attacks` for what one is."""

from tests.corpus import hostile_cheats, hostile_confinement, hostile_lives, hostile_resources
from tests.corpus.attacks import ATTACKS, LIMITS, PRELUDE, Attack

__all__ = ["ATTACKS", "LIMITS", "PRELUDE", "Attack"]
MODULES = (hostile_resources, hostile_confinement, hostile_lives, hostile_cheats)
"""Importing them registers their notebooks."""
