"""Notebooks that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

PROSE = """\
# %% [markdown]
# # EM for a mixture
# I would compute responsibilities, then new parameters, and repeat. The weights are 0.35 and 0.65.
"""

SPECIALS: dict[str, Special] = {
    one.id: one
    for one in (
        Special("prose_only", "em", "a description without code", "nothing", lambda solution: PROSE),
        Special(
            "crash",
            "em",
            "a crash in the middle",
            "all_elsewhere",
            lambda solution: swap(solution, "for _ in range(N_ITERATIONS):", "for _ in range(N_ITERATONS):"),
            ("e3",),
        ),
        Special(
            "unfinished",
            "em",
            "a notebook that ends after E2",
            "all_elsewhere",
            lambda solution: before_item(solution, "e3"),
            ("e3", "e4"),
        ),
    )
}
