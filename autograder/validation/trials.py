"""The notebooks on which a rubric is tried: correct ones, wrong ones, and ones with nothing in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import zip_longest
from typing import Literal

from autograder.errors import UsageError, nearest
from autograder.registry import Assignment, module_of
from autograder.rendering import solution_source, style_sources, template_ipynb, to_ipynb
from autograder.rubric.model import PartSpec

Kind = Literal["solution", "style", "mutant", "special"]
Expects = Literal["all", "loss", "all_elsewhere", "nothing", "scalars"]
"""What the rubric should do to a trial: give all automatic marks; take marks in its items and nowhere else;
give all outside its items; give none; give no more than numbers alone can earn."""

SEEDED = ("solution", "style")
"""Kinds that are run under many seeds, because what counts is how rarely a correct notebook fails."""


@dataclass(frozen=True)
class Trial:
    """One notebook and what the rubric should make of it."""

    kind: Kind
    name: str
    title: str
    expects: Expects
    notebook: str
    """Notebook JSON."""
    items: tuple[str, ...] = ()
    """Where it may lose marks."""
    unrevealable: str | None = None
    """Why no automatic check can see the mistake, or None."""
    revealed_by: str | None = None
    """The evidence that its author expects to reveal the mistake (`structure`, `loss`, ...), or None."""

    @property
    def id(self) -> str:
        """Its name among all trials, and its submission's id."""
        return f"{self.kind}-{self.name}"


@dataclass(frozen=True)
class Sample:
    """A small selection for every push; another `rotation` takes the next ones, until all had their turn."""

    n_styles: int = 3
    n_mutants: int = 8
    rotation: int = 0


def collect_trials(assignment: Assignment, part: PartSpec) -> list[Trial]:
    """Return the solution, the special notebooks, the correct styles and the mutants of a part.

    Raises
    ------
    UsageError
        When the reference is not in this copy, or a mutant's edit does not fit the solution any more.
    """
    solution = solution_source(assignment, part.part)
    trials = [Trial("solution", "reference", "the reference's own notebook", "all", to_ipynb(solution))]
    trials += [
        Trial(
            "special",
            "template",
            "the untouched student template",
            "nothing",
            template_ipynb(assignment, part.part),
        ),
        Trial("special", "empty", "a notebook without cells", "nothing", to_ipynb("")),
    ]
    items = {item.id for item in part.items}
    for special in module_of(assignment, "special", part.part).SPECIALS.values():
        if special.part == part.part:
            notebook = to_ipynb(special.apply(solution))
            trials.append(
                Trial("special", special.id, special.title, special.expects, notebook, tuple(special.items))
            )
    for name, source in style_sources(assignment, part.part).items():
        trials.append(Trial("style", name, name.replace("_", " "), "all", to_ipynb(source)))
    for mutant in module_of(assignment, "mutants", part.part).MUTANTS.values():
        if mutant.item not in items:
            continue
        try:
            notebook = to_ipynb(mutant.apply(solution))
        except ValueError as error:
            raise UsageError(f"the mutant {mutant.id} does not fit the solution any more: {error}") from error
        about = (mutant.item,), mutant.unrevealable, mutant.revealed_by
        trials.append(Trial("mutant", mutant.id, mutant.title, "loss", notebook, *about))
    return trials


def select(trials: Sequence[Trial], only: Collection[str]) -> list[Trial]:
    """Return the trials that a word of `only` names: a kind, a name, an id, or a pattern such as `style-*`.

    Raises
    ------
    UsageError
        When a word names none.
    """
    chosen: set[str] = set()
    for word in only:
        named = {trial.id for trial in trials if word in (trial.kind, trial.name) or fnmatch(trial.id, word)}
        if not named:
            known = [name for trial in trials for name in (trial.name, trial.id)]
            raise UsageError(f"no notebook to try is called {word!r}{nearest(word, known)}")
        chosen |= named
    return [trial for trial in trials if trial.id in chosen]


def sample_of(trials: Sequence[Trial], sample: Sample) -> list[Trial]:
    """Return a few styles and mutants, spread over the items, beside all solutions and special notebooks."""
    styles = [trial for trial in trials if trial.kind == "style"]
    mutants = [trial for trial in trials if trial.kind == "mutant" and trial.unrevealable is None]
    by_item: dict[tuple[str, ...], list[Trial]] = {}
    for trial in mutants:
        by_item.setdefault(trial.items, []).append(trial)
    spread = [trial for row in zip_longest(*by_item.values()) for trial in row if trial is not None]
    few = {trial.id for trial in _turn(styles, sample.n_styles, sample.rotation)}
    few |= {trial.id for trial in _turn(spread, sample.n_mutants, sample.rotation)}
    return [trial for trial in trials if trial.kind in ("solution", "special") or trial.id in few]


def _turn(trials: Sequence[Trial], n: int, rotation: int) -> Iterable[Trial]:
    for index in range(min(n, len(trials))):
        yield trials[(rotation * n + index) % len(trials)]
