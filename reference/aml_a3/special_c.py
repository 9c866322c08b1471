"""Notebooks of part c that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

CONSTANTS = """\
# %% [markdown]
# # Part C
# The packages and the seeds.

# %%
import numpy as np
import torch

SEED = 1234
np.random.seed(SEED)
torch.manual_seed(SEED)
EPOCHS = 3

# %% [markdown]
# ## C1 Tiny Transformer
# The size of the vocabulary and the losses of each epoch.

# %%
V = 65
train_losses = [2.81, 2.41, 2.29]
validation_losses = [2.48, 2.34, 2.23]
for i in range(EPOCHS):
    print("epoch", i + 1, "training loss", train_losses[i], "validation loss", validation_losses[i])

# %% [markdown]
# ## C2 Perplexity
# The perplexity of each epoch.

# %%
validation_perplexities = [11.94, 10.38, 9.30]
final_perplexity = 9.30
ngram_perplexities = {1: 28.4, 2: 12.1, 3: 7.9}
print("perplexities:", validation_perplexities, "final:", final_perplexity, "n-grams:", ngram_perplexities)

# %% [markdown]
# ## C3 Decoding
# The three texts.

# %%
prompt = "?\\n\\nGREMIO:\\nGood morrow, neighbour Baptista.\\n\\nBAPTISTA:\\nGood morro"
generations = {
    "greedy": prompt + "w the stand the stand the stand the stand the stand the stand",
    "top_k": prompt + "w, thou hast brawl'd the fornight, I mast be wither'd",
    "nucleus": prompt + "w, my lord, the king is come to see the prince",
}
for name, generation in generations.items():
    print(name, generation)

# %% [markdown]
# Greedy is fluent and repeats itself; top-k is diverse and less fluent; nucleus is between them.
"""
"""Plausible numbers and texts under the right names, and nothing that could have made them."""

PROSE = """\
# %% [markdown]
# # Part C
# I did not finish the code, so this is how I would do it.

# %% [markdown]
# ## C1 Tiny Transformer
# Two pre-norm blocks with three heads of 64 dimensions, a causal mask, GELU, and AdamW with clipped gradients.

# %% [markdown]
# ## C2 Perplexity
# The perplexity is exp of the mean loss; after three epochs it is about 9.3.

# %% [markdown]
# ## C3 Decoding
# Greedy repeats itself, top-k is the most diverse, nucleus adapts the number of characters.
"""


def printed_constants(solution: str) -> str:
    """Return a notebook that computes nothing."""
    return CONSTANTS


def prose_only(solution: str) -> str:
    """Return a notebook of Markdown cells."""
    return PROSE


def crash(solution: str) -> str:
    """Return the solution with a misspelt name where the perplexity is computed: a NameError, the rest is right."""
    return swap(solution, "perplexity(model, validation_tokens)", "perplexity(model, validation_tokns)")


def unfinished(solution: str) -> str:
    """Return the cells of the solution before C3."""
    return before_item(solution, "c3")


SPECIALS: dict[str, Special] = {
    special.id: special
    for special in (
        Special(
            "printed_constants",
            "c",
            "plausible numbers and texts, printed, and nothing else",
            "scalars",
            printed_constants,
        ),
        Special("prose_only", "c", "a description without code", "nothing", prose_only),
        Special("crash", "c", "a crash in the middle", "all_elsewhere", crash, ("c2",)),
        Special("unfinished", "c", "a notebook that ends after C2", "all_elsewhere", unfinished, ("c3",)),
    )
}
