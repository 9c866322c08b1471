"""Notebooks of part 2 that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

PROSE = """\
# %% [markdown]
# # Part 2
# I did not finish the code, so this is what I would do.

# %% [markdown]
# ## V7 The latent space
# I would decode a grid of codes at two scales. The eights lie beside the threes.
"""


def prose_only(solution: str) -> str:
    """Return a notebook of Markdown cells."""
    return PROSE


def crash(solution: str) -> str:
    """Return the solution with a misspelt name where the path is made: a NameError, and the rest is right."""
    return swap(solution, "path = interpolate(", "path = interpolte(")


def unfinished(solution: str) -> str:
    """Return the cells of the solution before V7."""
    return before_item(solution, "v7")


SPECIALS: dict[str, Special] = {
    special.id: special
    for special in (
        Special("prose_only", "pt2", "a description without code", "nothing", prose_only),
        Special("crash", "pt2", "a crash in the middle", "all_elsewhere", crash, ("v8",)),
        Special(
            "unfinished", "pt2", "a notebook that ends after V6", "all_elsewhere", unfinished, ("v7", "v8")
        ),
    )
}
