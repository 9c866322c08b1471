"""Notebooks of the cVAE assignment that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

PROSE = """\
# %% [markdown]
# # Conditional VAE
# I did not finish the code. The encoder and the decoder get the class as one-hot numbers, and the loss is the ELBO.

# %% [markdown]
# ## Results
# The generated digits are blurred, and each class looks like itself.
"""


def prose_only(solution: str) -> str:
    """Return a notebook of Markdown cells."""
    return PROSE


def crash(solution: str) -> str:
    """Return the solution with a misspelt name where images are generated: a NameError, and the rest is right."""
    return swap(solution, "generated = generate(model, asked)", "generated = generat(model, asked)")


def unfinished(solution: str) -> str:
    """Return the cells of the solution before K8."""
    return before_item(solution, "k8")


SPECIALS: dict[str, Special] = {
    special.id: special
    for special in (
        Special("prose_only", "cvae", "a description without code", "nothing", prose_only),
        Special(
            "crash", "cvae", "a crash where digits are generated", "all_elsewhere", crash, ("clarity", "k9")
        ),
        Special("unfinished", "cvae", "a notebook that ends after K7", "all_elsewhere", unfinished, ("k9",)),
    )
}
