"""What a validation counts: false fails, detection, bleed, special notebooks, checks exercised."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import BaseModel

from autograder.courses import Course
from autograder.errors import UsageError
from autograder.records import CheckResult, Grade, ItemGrade, Status, Submission
from autograder.registry import Registry
from autograder.rubric.model import ChallengeKey, CheckSpec, EvidenceKey, EvidenceSpec, ItemSpec, PartSpec
from autograder.validation import (
    CheckOutcome,
    Outcome,
    Progress,
    Sample,
    Trial,
    Validation,
    as_markdown,
    as_text,
)
from autograder.validation.outcomes import outcome_of, probing_checks, scalar_points
from autograder.validation.trials import Kind, sample_of, select


def style(name: str) -> Trial:
    return Trial("style", name, name, "all", "{}")


def mutant(name: str, item: str = "a2", unrevealable: str | None = None) -> Trial:
    return Trial("mutant", name, f"does {name}", "loss", "{}", (item,), unrevealable)


def taken(check: str, lost: float = 1.0, pending: float = 0.0) -> CheckOutcome:
    status = Status.REVIEW if pending else Status.FAILED
    return CheckOutcome(
        id=check,
        item=check.split(".")[0],
        status=status,
        lost=lost,
        pending=pending,
        message=f"{check} | is wrong",
        observed="1",
        expected="2",
    )


def outcome(trial: Trial, seed: int = 0, *checks: CheckOutcome, earned: float | None = None) -> Outcome:
    lost = sum(check.lost + check.pending for check in checks)
    return Outcome(
        kind=trial.kind,
        name=trial.name,
        seed=seed,
        state="complete",
        n_failed_cells=0,
        seconds=1.0,
        earned=48.0 - lost if earned is None else earned,
        automatic=48.0,
        checks=checks,
    )


def validation(
    *outcomes: Outcome, trials: tuple[Trial, ...], scalars: float = 8.0, missing: tuple[str, ...] = ()
) -> Validation:
    return Validation(
        assignment="aml-a3",
        part="a",
        engine="0",
        rubric_sha256="0" * 64,
        first_seed=0,
        trials=trials,
        outcomes=outcomes,
        automatic_checks=("a1.density", "a2.rate", "a2.draws"),
        scalar_points=scalars,
        missing=missing,
    )


def target(found: Validation, word: str) -> bool | None:
    (held,) = [target.holds for target in found.targets if word in target.name]
    return held


# ------------------------------------------------------------------- counting


def test_mutants_of_losses_are_counted_that_need_no_training() -> None:
    loss = replace(mutant("sum"), revealed_by="loss")
    later = replace(mutant("scale"), revealed_by="structure")
    other = replace(mutant("epochs"), revealed_by="training")
    outcomes = [
        outcome(loss, 0, taken("a2.loss")),
        outcome(loss, 1, taken("a2.loss"), taken("a2.band")),
        outcome(later, 0, taken("a2.loss")),
        outcome(later, 1, taken("a2.band")),
        outcome(other, 0, taken("a2.loss")),
    ]
    trials = (loss, later, other)
    found = replace(validation(*outcomes, trials=trials), probing_checks=("a2.loss",))
    (seen,) = [one for one in found.targets if "without training" in one.name]
    assert (seen.observed, seen.holds) == ("1 of 2 (50.0%)", False)
    assert "without training" not in str(validation(outcome(other), trials=(other,)).targets)


def test_checks_that_need_no_training_are_those_that_ask_the_code() -> None:
    part = Course.load("aml-a3", ["c"]).rubric.part("c")
    found = probing_checks(part)
    assert {"c1.model", "c1.step", "c3.top_k"} <= found
    assert not found & {"c1.own_loss", "c2.final", "c3.text_top_k", "c1.clip", "c1.validation_band"}


def test_a_lost_mark_of_a_correct_notebook_is_a_false_fail() -> None:
    good, bad = style("loops"), style("lists")
    outcomes = [outcome(good, seed) for seed in range(3)]
    outcomes += [
        outcome(bad, 0),
        outcome(bad, 1, taken("a2.rate", 0.5)),
        outcome(bad, 2, taken("a2.rate", 2.0)),
    ]
    found = validation(*outcomes, trials=(good, bad))
    assert (found.n_false_fails, found.n_style_runs, found.n_style_pending) == (2, 6, 0)
    assert found.false_fail_bound == pytest.approx(0.7287, abs=1e-4)  # Clopper-Pearson, 2 of 6
    assert found.styles[1].checks == ((taken("a2.rate", 0.5), 2),)
    assert target(found, "lose no automatic mark") is False
    assert not found.holds


def test_marks_that_wait_for_a_person_are_no_false_fail_but_are_not_kept() -> None:
    trial = style("loops")
    found = validation(outcome(trial, 0, taken("a2.rate", 0.0, 12.0)), outcome(trial, 1), trials=(trial,))
    assert (found.n_false_fails, found.n_style_pending) == (0, 1)
    assert found.styles[0].kept_share == pytest.approx(0.75)
    assert target(found, "lose no automatic mark") is True
    assert target(found, "keeps its automatic marks") is False


def test_a_mutant_is_detected_when_it_loses_marks_in_its_item_under_every_seed() -> None:
    always, sometimes, elsewhere = mutant("always"), mutant("sometimes"), mutant("elsewhere")
    found = validation(
        outcome(always, 0, taken("a2.draws", 2.0)),
        outcome(always, 1, taken("a2.rate", 1.0)),
        outcome(sometimes, 0, taken("a2.rate")),
        outcome(sometimes, 1, taken("a2.rate", 0.0, 2.0)),
        outcome(elsewhere, 0, taken("a1.density")),
        outcome(elsewhere, 1, taken("a1.density")),
        trials=(always, sometimes, elsewhere),
    )
    assert [m.is_detected for m in found.mutants] == [True, False, False]
    assert [m.n_detected for m in found.mutants] == [2, 1, 0]
    assert (found.mutants[0].named_by, found.mutants[0].name_given) == ("a2.draws", "a2.draws | is wrong")
    assert found.mutants[0].lost == 1.0
    assert found.mutants[2].n_bleeding == 2
    assert target(found, "in their own item") is False


def test_marks_lost_in_another_item_under_any_seed_are_bleed() -> None:
    trial = mutant("wrong", "a1")
    found = validation(
        outcome(trial, 0, taken("a1.density", 4.0), taken("a2.rate", 0.0, 2.0)),
        outcome(trial, 1, taken("a1.density", 4.0), taken("a2.draws", 0.5)),
        trials=(trial,),
    )
    (count,) = found.mutants
    assert (count.is_detected, count.n_bleeding, count.n_pending_elsewhere) == (True, 1, 1)
    assert count.bleed == ((taken("a2.draws", 0.5), 1),)
    assert target(found, "nothing in other items") is False


def test_what_nothing_can_reveal_is_counted_apart() -> None:
    hidden, seen = mutant("hidden", unrevealable="a person marks it"), mutant("seen")
    found = validation(outcome(hidden), outcome(seen, 0, taken("a2.rate")), trials=(hidden, seen))
    assert [m.trial.name for m in found.mutants] == ["seen"]
    assert [m.trial.name for m in found.unrevealable] == ["hidden"]
    assert found.holds
    assert "a person marks it" in as_text(found)


def test_a_check_is_exercised_by_the_mutants_of_its_own_item() -> None:
    one, two = mutant("one"), mutant("two", "a1")
    found = validation(
        outcome(one, 0, taken("a2.rate")),
        outcome(two, 0, taken("a1.density"), taken("a2.draws")),
        trials=(one, two),
    )
    assert found.exercised == {"a1.density": ("two",), "a2.rate": ("one",), "a2.draws": ()}


@pytest.mark.parametrize(
    ("expects", "earned", "checks", "is_met"),
    [
        ("all", 48.0, (), True),
        ("all", 47.0, (taken("a1.density"),), False),
        ("all", 47.0, (taken("a1.density", 0.0, 1.0),), False),
        ("nothing", 0.0, (taken("a1.density", 48.0),), True),
        ("nothing", 0.5, (taken("a1.density", 47.5),), False),
        ("scalars", 8.0, (taken("a1.density", 40.0),), True),
        ("scalars", 8.5, (taken("a1.density", 39.5),), False),
        ("all_elsewhere", 40.0, (taken("a3.mean", 8.0),), True),
        ("all_elsewhere", 40.0, (taken("a2.rate", 8.0),), False),
    ],
)
def test_special_notebooks_earn_what_they_should(
    expects: str, earned: float, checks: tuple[CheckOutcome, ...], is_met: bool
) -> None:
    trial = Trial("special", "x", "a special one", expects, "{}", ("a3",))  # type: ignore[arg-type]
    found = validation(outcome(trial, 0, *checks, earned=earned), trials=(trial,))
    assert found.specials[0].is_met is is_met
    assert target(found, "a special one") is is_met


def test_what_was_not_run_neither_holds_nor_fails() -> None:
    trial = style("loops")
    found = validation(outcome(trial), trials=(trial, mutant("never_run")))
    assert target(found, "in their own item") is None
    assert found.holds
    assert not found.is_proof
    assert not validation(trials=(trial,)).holds
    assert not validation(outcome(trial), trials=(trial,), missing=("style-lists (seed 0)",)).holds


def test_enough_runs_make_a_proof() -> None:
    styles = tuple(style(f"s{i}") for i in range(10))
    mutants = tuple(mutant(f"m{i}") for i in range(40))
    solution = Trial("solution", "reference", "the solution", "all", "{}")
    nothing = tuple(Trial("special", name, name, "nothing", "{}") for name in ("template", "empty"))
    outcomes = [outcome(trial, seed) for trial in styles for seed in range(25)]
    outcomes += [outcome(trial, 0, taken("a2.rate")) for trial in mutants]
    outcomes += [outcome(solution), *(outcome(trial, 0, taken("a2.rate", 48.0)) for trial in nothing)]
    found = validation(*outcomes, trials=(*styles, *mutants, solution, *nothing))
    assert found.holds
    assert found.is_proof
    assert found.false_fail_bound < 0.012


def test_the_tables_and_the_json_tell_the_same() -> None:
    trials = (
        style("loops"),
        mutant("wrong"),
        mutant("missed"),
        Trial("special", "empty", "empty", "nothing", "{}"),
    )
    found = validation(
        outcome(trials[0], 0, taken("a2.rate")),
        outcome(trials[1], 0, taken("a2.rate"), taken("a1.density")),
        outcome(trials[2]),
        outcome(trials[3], 0, taken("a1.density", 48.0)),
        trials=trials,
    )
    text, markdown = as_text(found), as_markdown(found)
    for words in ("1 of 1", "0/1 MISSED", "a1.density -1", "correct notebooks lose no automatic mark"):
        assert words in text
        assert words in markdown
    assert "a2.rate \\| is wrong" in markdown
    stored = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert stored["false_fails"]["n"] == 1
    assert [m["is_detected"] for m in stored["mutants"]] == [True, False]
    assert stored["mutants"][0]["bleed"][0]["id"] == "a1.density"
    assert not stored["holds"]
    assert len(stored["outcomes"]) == 4


def test_the_time_left_is_told_at_the_pace_so_far() -> None:
    done = outcome(style("loops"))
    assert Progress(10, 20, 0, 10, 5.0, 0.0, done).seconds_left is None
    assert Progress(12, 22, 2, 12, 30.0, 10.0, done).seconds_left == pytest.approx(50.0)
    assert Progress(10, 20, 0, 0, 5.0, 0.0, done).seconds_left == pytest.approx(5.0)
    assert Progress(20, 20, 10, 10, 5.0, 5.0, done).seconds_left == 0.0


# ------------------------------------------------------------- grades, rubrics


def check_result(name: str, points: float, earned: float, status: Status = Status.PASSED) -> CheckResult:
    pending = points if status.is_pending else 0.0
    return CheckResult(
        id=name,
        title=name,
        status=status,
        fraction=0.0,
        points=points,
        earned=earned,
        pending=pending,
        message=name,
    )


def part_of(*checks: CheckSpec, **more: object) -> PartSpec:
    items = [ItemSpec(id="a1", title="one", points=10, checks=list(checks))]
    base = {
        "part": "a",
        "title": "A",
        "points": 10,
        "false_fail_rate": 0.001,
        "filenames": ["*a.ipynb"],
        "items": items,
    }
    return PartSpec.model_validate(base | more)


def test_written_answers_are_no_automatic_marks() -> None:
    written = {"prompt": "Comment.", "words": ["mix"]}
    part = part_of(
        CheckSpec(id="a1.right", check="rows_kept", title="t", points=3),
        CheckSpec(id="a1.half", check="rows_kept", title="t", points=2),
        CheckSpec(id="a1.unsure", check="rows_kept", title="t", points=4),
        CheckSpec(id="a1.comment", check="is_written", title="t", points=1, params=written),
    )
    checks = (
        check_result("a1.right", 3.0, 3.0),
        check_result("a1.half", 2.0, 0.5),
        check_result("a1.unsure", 4.0, 0.0, Status.REVIEW),
        check_result("a1.comment", 1.0, 0.0, Status.REVIEW),
    )
    item = ItemGrade(id="a1", part="a", title="one", earned=3.5, pending=5.0, possible=10.0, checks=checks)
    grade = Grade(
        submission=Submission(id="style-loops", students=("x",)),
        assignment="aml-a3",
        title="t",
        parts=("a",),
        state="needs_review",
        earned=3.5,
        pending=5.0,
        possible=10.0,
        items=(item,),
    )
    found = outcome_of(style("loops"), 4, grade, part)
    assert (found.automatic, found.lost, found.pending, found.seed) == (9.0, 1.5, 4.0, 4)
    assert [check.id for check in found.checks] == ["a1.half", "a1.unsure"]
    assert found.state == "not_executed"
    assert found.lost_in({"a1"}) == 1.5
    assert found.elsewhere({"a1"}) == ()


def test_what_a_budget_cannot_try_waits_by_design_but_not_what_was_handed_to_it() -> None:
    spec = {"check": "rows_kept", "title": "Rows", "params": {"evidence": "a1.draws", "n": 3}}
    levels = spec | {"id": "a1.levels", "points": 2, "budgets": ["full"]}
    item = {
        "id": "a1",
        "title": "one",
        "points": 3,
        "checks": [spec | {"id": "a1.rows", "points": 1}, levels],
    }
    draws = {"kind": "array", "about": "draws"}
    part = PartSpec.model_validate(
        {"part": "a", "title": "A", "points": 3, "false_fail_rate": 1e-3, "filenames": []}
        | {"evidence": {"a1.draws": draws}, "items": [item]}
    )
    checks = (
        check_result("a1.rows", 0.0, 0.0, Status.BLOCKED),  # its point was handed on
        check_result("a1.levels", 3.0, 0.0, Status.REVIEW),
    )
    marks = ItemGrade(id="a1", part="a", title="one", earned=0.0, pending=3.0, possible=3.0, checks=checks)
    grade = Grade(
        submission=Submission(id="style-loops", students=("x",)),
        assignment="aml-a3",
        title="t",
        parts=("a",),
        state="needs_review",
        earned=0.0,
        pending=3.0,
        possible=3.0,
        items=(marks,),
    )
    for budget, automatic, pending in (("short", 1.0, 1.0), ("full", 3.0, 3.0)):
        found = outcome_of(style("loops"), 0, grade, part, budget)
        assert (found.automatic, found.lost, found.pending) == (automatic, 0.0, pending)


class OneNumber(BaseModel):
    value: EvidenceKey
    also: EvidenceKey | None = None


class Several(BaseModel):
    values: list[EvidenceKey] = []
    seed: int = 0


class Call(BaseModel):
    challenge: ChallengeKey
    value: str = ""


def checks_that_need() -> Registry[Callable[..., None]]:
    registry: Registry[Callable[..., None]] = Registry("check")

    @registry.register(OneNumber)
    def needs(evidence: object) -> None:
        """Needs what it names."""

    @registry.register(Several)
    def refers(evidence: object) -> None:
        """Looks at what it names if it is there."""

    @registry.register(Call)
    def calls(evidence: object) -> None:
        """Calls a function of the notebook."""

    return registry


@pytest.mark.parametrize(
    ("check", "params", "needs_numbers_only"),
    [
        ("needs", {"value": "a1.rate"}, True),
        ("needs", {"value": "a1.rates"}, True),
        ("needs", {"value": "a1.chains"}, False),
        ("needs", {"value": "a1.rate", "also": "a1.draws"}, True),
        ("refers", {"values": ["a1.rate", "a1.rates"]}, True),
        ("refers", {"values": ["a1.rate", "a1.draws"]}, False),
        ("refers", {"seed": 1234}, False),
        ("calls", {"challenge": "a1.rate", "value": "a1.rate"}, False),
    ],
)
def test_numbers_alone_earn_the_checks_that_require_no_more(
    monkeypatch: pytest.MonkeyPatch, check: str, params: dict[str, object], needs_numbers_only: bool
) -> None:
    monkeypatch.setattr("autograder.validation.outcomes.CHECKS", checks_that_need())
    evidence = {
        "a1.rate": EvidenceSpec(kind="number", about="a rate"),
        "a1.rates": EvidenceSpec(kind="table", about="rates", keys=[1, 2]),
        "a1.chains": EvidenceSpec(kind="table", about="chains", keys=[1, 2], shape=["n", 2]),
        "a1.draws": EvidenceSpec(kind="array", about="draws", shape=["n", 2]),
    }
    part = part_of(CheckSpec(id="a1.x", check=check, title="t", points=3, params=params), evidence=evidence)
    assert scalar_points(part) == (3.0 if needs_numbers_only else 0.0)


# ------------------------------------------------------------------- selecting


def many_trials() -> list[Trial]:
    kinds: list[tuple[Kind, int]] = [("solution", 1), ("special", 3), ("style", 7)]
    trials = [Trial(kind, f"{kind}{i}", "t", "all", "{}") for kind, n in kinds for i in range(n)]
    trials += [mutant(f"m{item}{i}", item) for item in ("a1", "a2", "a3") for i in range(9)]
    return [*trials, mutant("hidden", "a3", "nobody can see it")]


def test_selecting_by_kind_name_id_and_pattern() -> None:
    trials = many_trials()
    assert [t.name for t in select(trials, ["ma14", "solution"])] == ["solution0", "ma14"]
    assert len(select(trials, ["style"])) == 7
    assert len(select(trials, ["mutant-ma2*", "style-style0"])) == 10
    with pytest.raises(UsageError, match=r"'hiden'.*did you mean 'hidden'"):
        select(trials, ["hiden"])


def test_rotations_of_the_sample_reach_everything_that_can_be_revealed() -> None:
    trials = many_trials()
    seen: set[str] = set()
    for rotation in range(8):
        chosen = sample_of(trials, Sample(n_styles=3, n_mutants=6, rotation=rotation))
        assert sum(t.kind == "style" for t in chosen) == 3
        assert sum(t.kind == "mutant" for t in chosen) == 6
        assert {t.kind for t in chosen} >= {"solution", "special"}
        assert {t.items for t in chosen if t.kind == "mutant"} == {("a1",), ("a2",), ("a3",)}
        assert chosen == sample_of(trials, Sample(n_styles=3, n_mutants=6, rotation=rotation))
        seen |= {t.name for t in chosen}
    assert seen == {t.name for t in trials} - {"hidden"}
