"""A small class for the demo: submissions that are right, wrong, unfinished, or no notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from reference.aml_a3.mutants import swap

Chosen = TypeVar("Chosen")

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

PDF = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"


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
    mutants: Mapping[str, Callable[[str], str]],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    part: str = "a",
) -> dict[str, bytes]:
    """Return the files of the class: path relative to its folder (`student/part_a.ipynb`) to content.

    About a dozen submissions: correct in several styles, one mistake each, the untouched template, a crash in
    the middle, constants in place of work, a PDF that is called a notebook, and in part a an endless loop.

    Parameters
    ----------
    solution, template
        The two renderings of the reference notebook in percent format.
    mutants
        Mutant id to its edit of the solution.
    styles
        Style name to percent-format text (`load_styles`).
    to_ipynb
        Percent-format text to the bytes of a notebook file.
    part
        The part that is handed in.

    Raises
    ------
    LookupError
        A style or a mutant of the class is missing; the message names those that exist.
    ValueError
        An edit does not fit the solution any more.
    """
    correct, wrong = CORRECT, WRONG
    others: dict[str, str | Callable[[str], str]] = {
        "charles-babbage": template,
        "grace-hopper": crash_in_a3,
        "keith-hastings": endless_in_a4,
        "karl-pearson": CONSTANTS,
    }
    if part != "a":
        from reference.aml_a3.demo_neural import CLASSES  # which is made of mutants that are made of this

        chosen = CLASSES[part]
        correct, wrong = chosen.correct, chosen.wrong
        others = {
            "charles-babbage": template,
            "grace-hopper": chosen.crash,
            "karl-pearson": chosen.constants,
        }
    sources = {
        **{student: named(styles, name, "style") for student, name in correct.items()},
        **{student: named(mutants, name, "mutant")(solution) for student, name in wrong.items()},
        **{student: made if isinstance(made, str) else made(solution) for student, made in others.items()},
    }
    notebook = f"part_{part}.ipynb"
    files = {f"{student}/{notebook}": to_ipynb(source) for student, source in sources.items()}
    return {**files, f"blaise-pascal/{notebook}": PDF}


def named(choices: Mapping[str, Chosen], name: str, kind: str) -> Chosen:
    if name not in choices:
        found = ", ".join(sorted(choices)) or "none"
        raise LookupError(f"the demo class needs the {kind} {name!r}; found {found}")
    return choices[name]
