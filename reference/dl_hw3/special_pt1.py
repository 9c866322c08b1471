"""Notebooks of part 1 that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

CONSTANTS = """\
# %% [markdown]
# # Part 1
# Names: Karl Pearson (ID 333333334)

# %%
import numpy as np
import torch

# %% [markdown]
# ## L3 Size
# The size of the table.

# %%
print("166 rows and 3 columns")
print("166 songs")

# %% [markdown]
# ## L4 Average length
# Both means.

# %%
mean_characters = 785.01
mean_words = 141.04
print("average number of characters:", mean_characters, "average number of words:", mean_words)

# %% [markdown]
# ## L6 Most used words
# The three most used words.

# %%
print("the: 3350 of: 910 river: 716")
"""
"""Right numbers of the generated table under the right names, and nothing that could have made them."""

PROSE = """\
# %% [markdown]
# # Part 1
# I did not finish the code, so this is what I would do.

# %% [markdown]
# ## L2 Artists
# The Paper Lanterns have 29 songs, and value_counts gives the others.

# %% [markdown]
# ## L6 Most used words
# The most used words are the, of and river.
"""


def printed_constants(solution: str) -> str:
    """Return a notebook that computes nothing."""
    return CONSTANTS


def prose_only(solution: str) -> str:
    """Return a notebook of Markdown cells."""
    return PROSE


def crash(solution: str) -> str:
    """Return the solution with a misspelt name where lengths are computed: a NameError, and the rest is right."""
    return swap(solution, 'mean_characters = songs["lyrics"]', 'mean_characters = sogns["lyrics"]')


def unfinished(solution: str) -> str:
    """Return the cells of the solution before L7."""
    return before_item(solution, "l7")


SPECIALS: dict[str, Special] = {
    special.id: special
    for special in (
        Special(
            "printed_constants",
            "pt1",
            "the right numbers, printed, and nothing else",
            "scalars",
            printed_constants,
        ),
        Special("prose_only", "pt1", "a description without code", "nothing", prose_only),
        Special("crash", "pt1", "a crash in the middle", "all_elsewhere", crash, ("l4",)),
        Special("unfinished", "pt1", "a notebook that ends after L6", "all_elsewhere", unfinished, ("l7",)),
    )
}
