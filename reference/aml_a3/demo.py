"""A small class for the demo: submissions that are right, wrong, unfinished, or no notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from reference.aml_a3.mutants import swap
from reference.demo_classes import DemoClass, Edit, handed_in

NOTEBOOK = "part_a.ipynb"
STYLES = Path(__file__).parent / "styles"

CORRECT = {
    "ada-lovelace": "vectorised",
    "andrey-markov": "dict_results",
    "florence-nightingale": "free_style",  # none of the template's names
    "gertrude-cox": "spanish",
}
"""Student to style."""

WRONG = {
    "josiah-gibbs": "variance_for_deviation",
    "nicholas-metropolis": "keeps_accepted_only",
    "john-von-neumann": "counts_proposals",
    "thomas-bayes": "component_forgotten",
}
"""Student to mutant: one mistake each, in four different items."""

CONSTANTS = """\
# %% [markdown]
# # Part A
# Set-up.

# %%
import numpy as np
import torch

np.random.seed(1234)
torch.manual_seed(1234)

# %% [markdown]
# ## A2 Rejection sampling

# %%
acceptance_rate = 0.0816
print("acceptance rate:", acceptance_rate)

# %% [markdown]
# ## A3 Importance sampling

# %%
is_mean = 6.37
is_variance = 38.8
is_ess = 10290.0
print("mean:", is_mean, "variance:", is_variance, "ESS:", is_ess)

# %% [markdown]
# ## A4 Metropolis-Hastings

# %%
mh_results = {
    0.1: {"acceptance_rate": 0.945},
    0.5: {"acceptance_rate": 0.737},
    1.5: {"acceptance_rate": 0.411},
}
print("acceptance rates: 0.945, 0.737, 0.411")

# %% [markdown]
# The larger the step, the fewer proposals are accepted and the better the chain mixes.

# %% [markdown]
# ## A5 Gibbs sampling

# %%
print("ACF at lag 1: 0.81, at lag 10: 0.12")

# %% [markdown]
# The chain mixes well.
"""
"""The right numbers and nothing that could have made them."""


def load_styles() -> dict[str, str]:
    """Return the percent-format text of every correct style, by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(STYLES.glob("*.py"))}


def crash_in_a3(solution: str) -> str:
    """Return the solution with a misspelt name where A3 is run: a NameError, and the rest is right."""
    return swap(solution, "importance_sample(mixture_log_density,", "importance_sample(mixture_log_densty,")


def endless_in_a4(solution: str) -> str:
    """Return the solution with a loop before the chains of A4 whose counter never moves."""
    loop = (
        "mh_results = {}\n"
        "n_tuned = 0\n"
        "while n_tuned < 1_000:\n"
        "    _, rate = metropolis_hastings(mixture_log_density, 100, 0.5, np.zeros(2), rng)\n"
    )
    return swap(solution, "mh_results = {}\n", loop)


def demo_class(
    solution: str,
    template: str,
    mutants: Mapping[str, Edit],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    part: str = "a",
) -> dict[str, bytes]:
    """Return the files of the class: path relative to its folder (`student/part_a.ipynb`) to content; in part a with an
    endless loop. Parameters and exceptions as in :func:`reference.demo_classes.handed_in`.
    """
    from reference.aml_a3.demo_neural import CLASSES  # which is made of mutants that are made of this

    whole = CLASSES.get(part) or DemoClass(
        CORRECT,
        WRONG,
        {"grace-hopper": crash_in_a3, "keith-hastings": endless_in_a4, "karl-pearson": CONSTANTS},
    )
    return handed_in(
        whole, solution, template, mutants, styles, to_ipynb, lambda student: f"part_{part}.ipynb"
    )
