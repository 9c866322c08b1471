"""The counts of a validation (false fails, detection, bleed, special notebooks), and the targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from autograder.stats.proportions import upper_bound
from autograder.validation.outcomes import CheckOutcome, Outcome
from autograder.validation.trials import Trial

MIN_STYLES = 10
MIN_STYLE_SEEDS = 25
MIN_MUTANTS = 40
MIN_SHARE = 0.95
"""Of the mutants: detected under every seed; and, of these, without bleed."""
UNTRAINED_EVIDENCE = ("structure", "loss")
MIN_UNTRAINED_SHARE = 0.80
"""Of the mistakes in architectures and losses: found by questions to the code alone, however it was trained."""
MIN_KEPT = 0.90
"""Of a correct notebook's automatic marks that no person has to give."""


@dataclass(frozen=True)
class Target:
    """One claim about the rubric. `holds` is None where nothing was run that could tell."""

    name: str
    wanted: str
    observed: str
    holds: bool | None


@dataclass(frozen=True)
class StyleCount:
    """What became of one correct notebook over its seeds."""

    trial: Trial
    n_seeds: int
    n_losing: int
    n_pending: int
    """Seeds under which an automatic check could not decide: no loss, but work for a person."""
    kept_share: float
    """The least share of the automatic marks that was given at once."""
    checks: tuple[tuple[CheckOutcome, int], ...]
    """Each check that was not satisfied, as first seen, with the number of seeds."""


@dataclass(frozen=True)
class MutantCount:
    """What became of one mistake over its seeds."""

    trial: Trial
    n_seeds: int
    n_detected: int
    lost: float
    """The least that was taken in its own item."""
    name_given: str
    """What the report says about it first."""
    named_by: str
    """The check that says so."""
    n_bleeding: int
    bleed: tuple[tuple[CheckOutcome, int], ...]
    """Checks of other items that took marks, with the number of seeds."""
    n_pending_elsewhere: int
    n_stopped: int
    """Seeds under which a cell failed or the execution was cut off: that is found without any check."""
    n_untrained: int = 0
    """Seeds under which a check of its own item took marks that needs no training."""

    @property
    def is_detected(self) -> bool:
        """Whether marks were lost in its own item under every seed."""
        return self.n_seeds > 0 and self.n_detected == self.n_seeds


@dataclass(frozen=True)
class SpecialCount:
    """What became of the solution or of a special notebook over its seeds."""

    trial: Trial
    n_seeds: int
    earned: tuple[float, float]
    """Least and most automatic marks."""
    automatic: float
    is_met: bool
    checks: tuple[tuple[CheckOutcome, int], ...]


@dataclass(frozen=True)
class Validation:
    """What a rubric did to all trials under all seeds."""

    assignment: str
    part: str
    engine: str
    rubric_sha256: str
    first_seed: int
    trials: tuple[Trial, ...]
    outcomes: tuple[Outcome, ...]
    automatic_checks: tuple[str, ...]
    """Ids of the checks that no person decides."""
    scalar_points: float
    """What numbers alone can earn."""
    missing: tuple[str, ...] = ()
    """Runs that a scoring without execution found no (or another) notebook's results for."""
    budget: str = "full"
    """How the notebooks were tried."""
    n_mutants: int = 0
    """Known mistakes of the part, whether they were chosen or not."""
    probing_checks: tuple[str, ...] = ()
    """Ids of the checks that need no training: they put questions to the code."""

    @cached_property
    def _by_trial(self) -> Mapping[str, list[Outcome]]:
        grouped: dict[str, list[Outcome]] = {trial.id: [] for trial in self.trials}
        for outcome in self.outcomes:
            grouped[f"{outcome.kind}-{outcome.name}"].append(outcome)
        return grouped

    def _of(self, *kinds: str) -> list[tuple[Trial, list[Outcome]]]:
        pairs = ((trial, self._by_trial[trial.id]) for trial in self.trials if trial.kind in kinds)
        return [(trial, outcomes) for trial, outcomes in pairs if outcomes]

    @cached_property
    def styles(self) -> tuple[StyleCount, ...]:
        """The correct notebooks."""
        return tuple(
            StyleCount(
                trial=trial,
                n_seeds=len(outcomes),
                n_losing=sum(outcome.lost > 0 for outcome in outcomes),
                n_pending=sum(outcome.pending > 0 for outcome in outcomes),
                kept_share=min(outcome.kept_share for outcome in outcomes),
                checks=_counted(check for outcome in outcomes for check in outcome.checks),
            )
            for trial, outcomes in self._of("style")
        )

    @cached_property
    def mutants(self) -> tuple[MutantCount, ...]:
        """The mistakes that can be revealed."""
        pairs = [pair for pair in self._of("mutant") if pair[0].unrevealable is None]
        return tuple(_mutant(*pair, self.probing_checks) for pair in pairs)

    @cached_property
    def unrevealable(self) -> tuple[MutantCount, ...]:
        """The mistakes that no automatic check can see, with the reason in `trial.unrevealable`."""
        return tuple(_mutant(*pair) for pair in self._of("mutant") if pair[0].unrevealable is not None)

    @cached_property
    def specials(self) -> tuple[SpecialCount, ...]:
        """The solution and the special notebooks."""
        return tuple(
            SpecialCount(
                trial=trial,
                n_seeds=len(outcomes),
                earned=(
                    min(outcome.earned for outcome in outcomes),
                    max(outcome.earned for outcome in outcomes),
                ),
                automatic=outcomes[0].automatic,
                is_met=all(self._is_as_expected(trial, outcome) for outcome in outcomes),
                checks=_counted(check for outcome in outcomes for check in outcome.checks),
            )
            for trial, outcomes in self._of("solution", "special")
        )

    def _is_as_expected(self, trial: Trial, outcome: Outcome) -> bool:
        if trial.expects == "all":
            return not outcome.checks
        if trial.expects == "all_elsewhere":
            return not outcome.elsewhere(trial.items)
        return outcome.earned <= (self.scalar_points if trial.expects == "scalars" else 0.0)

    @property
    def n_style_runs(self) -> int:
        """Correct notebooks times seeds."""
        return sum(style.n_seeds for style in self.styles)

    @property
    def n_false_fails(self) -> int:
        """Runs of correct notebooks in which any automatic mark was lost."""
        return sum(style.n_losing for style in self.styles)

    @property
    def n_style_pending(self) -> int:
        """Runs of correct notebooks in which an automatic check left something to a person."""
        return sum(style.n_pending for style in self.styles)

    @property
    def false_fail_bound(self) -> float:
        """Upper 95 % confidence bound of the false-fail rate (Clopper-Pearson); 1 when nothing was run."""
        return upper_bound(self.n_false_fails, self.n_style_runs) if self.n_style_runs else 1.0

    @cached_property
    def exercised(self) -> Mapping[str, tuple[str, ...]]:
        """Automatic check to the mutants of its own item that it took marks from, under any seed."""
        found: dict[str, list[str]] = {check: [] for check in self.automatic_checks}
        for trial, outcomes in self._of("mutant"):
            seen = {
                c.id for outcome in outcomes for c in outcome.checks if c.lost > 0 and c.item in trial.items
            }
            for check in found.keys() & seen:
                found[check].append(trial.name)
        return {check: tuple(names) for check, names in found.items()}

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """What the rubric must show, and whether it does."""
        return tuple(self._targets())

    def _targets(self) -> Iterable[Target]:
        n = self.n_style_runs
        yield Target(
            "correct notebooks lose no automatic mark",
            "0 runs",
            f"{self.n_false_fails} of {n} runs (rate below {self.false_fail_bound:.2%} with 95 % confidence)"
            if n
            else "not run",
            self.n_false_fails == 0 if n else None,
        )
        least = min((style.kept_share for style in self.styles), default=0.0)
        yield Target(
            "every correct notebook keeps its automatic marks without a person",
            f"at least {MIN_KEPT:.0%}",
            f"{least:.1%} at least" if n else "not run",
            least >= MIN_KEPT if n else None,
        )
        detected = [mutant for mutant in self.mutants if mutant.is_detected]
        clean = [mutant for mutant in detected if mutant.n_bleeding == 0]
        yield _share_target(
            "mutants lose marks in their own item under every seed", len(detected), len(self.mutants)
        )
        yield _share_target("detected mutants lose nothing in other items", len(clean), len(detected))
        built = [mutant for mutant in self.mutants if mutant.trial.revealed_by in UNTRAINED_EVIDENCE]
        if built:
            untrained = sum(mutant.n_untrained == mutant.n_seeds for mutant in built)
            yield _share_target(
                "mutants of architectures and losses are found without training",
                untrained,
                len(built),
                MIN_UNTRAINED_SHARE,
            )
        for special in self.specials:
            low, high = special.earned
            wanted = {
                "all": f"{special.automatic:g} marks",
                "nothing": "0 marks",
                "scalars": f"at most {self.scalar_points:g} marks",
            }.get(special.trial.expects, f"all marks outside {', '.join(special.trial.items)}")
            observed = f"{high:g} marks" if low == high else f"{low:g} to {high:g} marks"
            yield Target(special.trial.title, wanted, observed, special.is_met)

    @property
    def holds(self) -> bool:
        """Whether every target that was tried is met, and nothing is missing."""
        tried = [target.holds for target in self.targets if target.holds is not None]
        return bool(tried) and all(tried) and not self.missing

    @property
    def is_proof(self) -> bool:
        """Whether enough was run for the targets to mean what they say."""
        return (
            len(self.styles) >= MIN_STYLES
            and all(style.n_seeds >= MIN_STYLE_SEEDS for style in self.styles)
            and len(self.mutants) + len(self.unrevealable) >= MIN_MUTANTS
            and {special.trial.name for special in self.specials} >= {"reference", "template", "empty"}
            and not self.missing
        )

    def to_json(self) -> dict[str, Any]:
        """Return `validation.json` (schema 1): the targets, the counts, and what they are counted from."""
        return {
            "schema": 1,
            "assignment": self.assignment,
            "part": self.part,
            "engine": self.engine,
            "budget": self.budget,
            "rubric_sha256": self.rubric_sha256,
            "first_seed": self.first_seed,
            "holds": self.holds,
            "is_proof": self.is_proof,
            "targets": [vars(target) for target in self.targets],
            "false_fails": {
                "n": self.n_false_fails,
                "n_runs": self.n_style_runs,
                "n_pending": self.n_style_pending,
                "upper_bound_95": self.false_fail_bound,
            },
            "scalar_points": self.scalar_points,
            "styles": [_json(style) for style in self.styles],
            "mutants": [_json(mutant) | {"is_detected": mutant.is_detected} for mutant in self.mutants],
            "unrevealable": [_json(mutant) for mutant in self.unrevealable],
            "specials": [_json(special) for special in self.specials],
            "exercised": {check: list(names) for check, names in self.exercised.items()},
            "missing": list(self.missing),
            "outcomes": [outcome.model_dump(mode="json") for outcome in self.outcomes],
        }


def _mutant(trial: Trial, outcomes: list[Outcome], probing: Collection[str] = ()) -> MutantCount:
    own = [
        check
        for outcome in outcomes
        for check in outcome.checks
        if check.item in trial.items and check.lost > 0
    ]
    outside = [[c for c in outcome.elsewhere(trial.items) if c.lost > 0] for outcome in outcomes]
    pending = [any(c.pending > 0 for c in outcome.elsewhere(trial.items)) for outcome in outcomes]
    return MutantCount(
        trial=trial,
        n_seeds=len(outcomes),
        n_detected=sum(outcome.lost_in(trial.items) > 0 for outcome in outcomes),
        lost=min(outcome.lost_in(trial.items) for outcome in outcomes),
        name_given=own[0].message if own else "",
        named_by=own[0].id if own else "",
        n_bleeding=sum(bool(checks) for checks in outside),
        bleed=_counted(check for checks in outside for check in checks),
        n_pending_elsewhere=sum(pending),
        n_untrained=sum(
            any(c.id in probing and c.item in trial.items and c.lost > 0 for c in outcome.checks)
            for outcome in outcomes
        ),
        n_stopped=sum(outcome.n_failed_cells > 0 or outcome.state != "complete" for outcome in outcomes),
    )


def _counted(checks: Iterable[CheckOutcome]) -> tuple[tuple[CheckOutcome, int], ...]:
    """Return each check as first seen, with how often it was; the most frequent first."""
    first: dict[str, CheckOutcome] = {}
    counts: Counter[str] = Counter()
    for check in checks:
        first.setdefault(check.id, check)
        counts[check.id] += 1
    return tuple((first[name], n) for name, n in counts.most_common())


def _share_target(name: str, k: int, n: int, least: float = MIN_SHARE) -> Target:
    observed = f"{k} of {n} ({k / n:.1%})" if n else "none was run"
    return Target(name, f"at least {least:.0%}", observed, k >= least * n if n else None)


def _json(count: StyleCount | MutantCount | SpecialCount) -> dict[str, Any]:
    values = dict(vars(count))
    trial: Trial = values.pop("trial")
    about = {"id": trial.id, "title": trial.title, "items": list(trial.items)}
    if trial.unrevealable is not None:
        about["unrevealable"] = trial.unrevealable
    for key in ("checks", "bleed"):
        if key in values:
            values[key] = [check.model_dump(mode="json") | {"n_seeds": n} for check, n in values[key]]
    return about | values
