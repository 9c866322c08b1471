"""Notebooks of the DDPM lab that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

PROSE = """\
# %% [markdown]
# # Diffusion
# I would add noise in 100 steps, train a network to predict it, and go back step by step.
#
# ## D7 Questions
# The noise has the same size at all times. Stable Diffusion noises latents.
"""


def prose_only(solution: str) -> str:
    """Return a notebook of Markdown cells."""
    return PROSE


def crash(solution: str) -> str:
    """Return the solution with a misspelt name where it samples: a NameError, and the rest is right."""
    return swap(solution, "samples = sample(model,", "samples = smaple(model,")


def unfinished(solution: str) -> str:
    """Return the cells of the solution before D5."""
    return before_item(solution, "d5")


SPECIALS: dict[str, Special] = {
    special.id: special
    for special in (
        Special("prose_only", "ddpm", "a description without code", "nothing", prose_only),
        Special("crash", "ddpm", "a crash where it samples", "all_elsewhere", crash, ("d6",)),
        Special(
            "unfinished",
            "ddpm",
            "a notebook that ends after D4",
            "all_elsewhere",
            unfinished,
            ("d5", "d6", "d7"),
        ),
    )
}
