"""From findings to marks: twins, follow-through, what is pending, what is shown."""

from __future__ import annotations

from typing import Any

import pytest

from autograder.checks.findings import Finding, failed, for_person, judged, untried
from autograder.judging import Verdict
from autograder.records import CheckResult, ItemGrade, Status
from autograder.rubric.model import CheckSpec, ErratumSpec, ItemSpec, PartSpec
from autograder.scoring import score_part

PASSED = judged(1.0, message="It is right.")
FAILED = failed("It is wrong.")
UNTRIED = untried("There is no function to call.")
REVIEW = for_person("A person reads it.", answer="my text")
ERROR = Finding(Status.ERROR, 0.0, message="A fault of ours.")


def check(check_id: str, points: float = 1.0, **about: Any) -> CheckSpec:
    return CheckSpec(
        id=check_id, check="rows_kept", title=f"title of {check_id}", points=points, hint="a hint", **about
    )


def part_of(*checks: CheckSpec, errata: tuple[ErratumSpec, ...] = ()) -> PartSpec:
    """Return a part with an item for each first half of the ids."""
    items = []
    for item_id in dict.fromkeys(one.id.split(".")[0] for one in checks):
        own = [one for one in checks if one.id.split(".")[0] == item_id]
        points = sum(one.points for one in own)
        items.append(ItemSpec(id=item_id, title=item_id.upper(), points=points, checks=own))
    total = sum(item.points for item in items)
    return PartSpec(
        part="a",
        title="A",
        points=total,
        false_fail_rate=1e-3,
        filenames=[],
        items=items,
        errata=list(errata),
    )


def scored(
    part: PartSpec, *verdicts: Finding | Verdict
) -> tuple[dict[str, CheckResult], dict[str, ItemGrade]]:
    given = [one if isinstance(one, Verdict) else Verdict(one, is_evaluated=True) for one in verdicts]
    by_id = {check.id: one for (_, check), one in zip(part.checks(), given, strict=True)}
    items, _ = score_part(part, by_id)
    return {result.id: result for item in items for result in item.checks}, {item.id: item for item in items}


# ------------------------------------------------------------------ sums


def test_points_are_summed_by_item() -> None:
    part = part_of(check("a1.x", 2), check("a1.y", 1.5), check("a2.x", 3), check("a2.y", 1))
    results, items = scored(part, judged(0.25), PASSED, REVIEW, FAILED)
    assert results["a1.x"].earned == 0.5
    assert (items["a1"].earned, items["a1"].pending, items["a1"].possible) == (2.0, 0.0, 3.5)
    assert (items["a2"].earned, items["a2"].pending, items["a2"].possible) == (0.0, 3.0, 4.0)


@pytest.mark.parametrize("finding", [REVIEW, ERROR])
def test_what_waits_for_a_person_is_pending_and_never_lost(finding: Finding) -> None:
    results, _ = scored(part_of(check("a1.x", 2)), Verdict(finding, is_evaluated=False, traceback="Trace"))
    result = results["a1.x"]
    assert (result.earned, result.pending, result.points) == (0.0, 2.0, 2.0)
    assert result.traceback == "Trace"
    assert result.answer == finding.answer


@pytest.mark.parametrize("finding", [PASSED, FAILED, UNTRIED])
def test_what_is_decided_is_not_pending(finding: Finding) -> None:
    results, _ = scored(part_of(check("a1.x", 2)), finding)
    assert results["a1.x"].pending == 0.0


@pytest.mark.parametrize(
    ("finding", "shown"),
    [(PASSED, False), (FAILED, True), (judged(0.5), True), (UNTRIED, False), (REVIEW, False), (ERROR, False)],
)
def test_a_hint_is_shown_where_something_was_lost(finding: Finding, shown: bool) -> None:
    results, _ = scored(part_of(check("a1.x")), finding)
    assert bool(results["a1.x"].hint) is shown


def test_errata_and_recognised_variants_become_notes() -> None:
    erratum = ErratumSpec(item="a1", title="A slip", text="What is marked.")
    part = part_of(check("a1.x"), errata=(erratum,))
    _, notes = score_part(part, {"a1.x": Verdict(judged(1.0, notes=("Read as: raw.",)), is_evaluated=True)})
    assert [(note.kind, note.item, note.text) for note in notes] == [
        ("erratum", "a1", "What is marked."),
        ("variant", "a1", "Read as: raw."),
    ]


# ------------------------------------------------------------------ twins


def test_the_points_of_what_could_not_be_tried_go_to_the_twin() -> None:
    part = part_of(check("a1.call", 2, twin="a1.array"), check("a1.array", 1))
    results, items = scored(part, UNTRIED, PASSED)
    assert (results["a1.call"].points, results["a1.array"].points) == (0.0, 3.0)
    assert items["a1"].earned == items["a1"].possible == 3.0
    assert "Its 2 points are judged by “title of a1.array”." in results["a1.call"].message


@pytest.mark.parametrize(("fraction", "earned", "pending"), [(1.0, 1.0, 2.0), (0.0, 0.0, 0.0)])
def test_what_a_weak_twin_cannot_see_is_for_a_person_where_the_twin_is_right(
    fraction: float, earned: float, pending: float
) -> None:
    part = part_of(check("a1.call", 2, twin="a1.array", unseen="person"), check("a1.array", 1))
    results, items = scored(part, UNTRIED, judged(fraction))
    assert (items["a1"].earned, items["a1"].pending, items["a1"].possible) == (earned, pending, 3.0)
    assert (results["a1.call"].status is Status.REVIEW) == bool(pending)
    assert ("A person looks" in results["a1.call"].message) == bool(pending)


def test_the_twin_s_fraction_counts_for_both() -> None:
    part = part_of(check("a1.call", 1, twin="a1.array"), check("a1.array", 1))
    results, items = scored(part, UNTRIED, judged(0.5))
    assert items["a1"].earned == 1.0
    assert "Its 1 point is judged by" in results["a1.call"].message


def test_a_twin_that_follows_the_check_it_judges_for_loses_its_marks() -> None:
    part = part_of(check("a1.f", 2, twin="a1.values"), check("a1.values", 1, follows="a1.f"))
    results, items = scored(part, UNTRIED, FAILED)
    assert results["a1.values"].status is Status.FAILED
    assert (items["a1"].earned, items["a1"].pending) == (0.0, 0.0)
    _, items = scored(part, FAILED, FAILED)
    assert (items["a1"].earned, items["a1"].pending) == (0.0, 1.0)


def test_what_follows_from_a_check_that_follows_waits_too() -> None:
    part = part_of(check("a1.f", 2), check("a2.f", 1, follows="a1.f"), check("a2.g", 1, follows="a2.f"))
    _, items = scored(part, FAILED, FAILED, FAILED)
    assert (items["a2"].earned, items["a2"].pending) == (0.0, 2.0)
    _, items = scored(part, FAILED, REVIEW, FAILED)
    assert (items["a2"].earned, items["a2"].pending) == (0.0, 1.0)


def test_nothing_follows_from_what_could_not_be_tried() -> None:
    part = part_of(
        check("a1.f", 1, twin="a1.g"), check("a1.g", 1, twin="a1.f"), check("a1.h", 1, follows="a1.f")
    )
    assert scored(part, UNTRIED, UNTRIED, FAILED)[0]["a1.h"].status is Status.FAILED


def test_a_chain_of_twins_is_followed_to_the_end() -> None:
    part = part_of(check("a1.p", 1, twin="a1.q"), check("a1.q", 2, twin="a1.r"), check("a1.r", 4))
    results, items = scored(part, UNTRIED, UNTRIED, PASSED)
    assert [results[key].points for key in ("a1.p", "a1.q", "a1.r")] == [0.0, 0.0, 7.0]
    assert items["a1"].earned == 7.0


def test_a_twin_may_belong_to_another_item_and_the_sum_stays() -> None:
    part = part_of(check("a1.p", 1, twin="a2.q"), check("a2.q", 2))
    results, _ = scored(part, UNTRIED, PASSED)
    assert sum(result.earned for result in results.values()) == 3.0


def test_without_a_twin_the_points_stay_and_are_lost() -> None:
    results, items = scored(part_of(check("a1.call", 2), check("a1.array", 1)), UNTRIED, PASSED)
    assert results["a1.call"].points == 2.0
    assert results["a1.call"].status is Status.BLOCKED
    assert items["a1"].earned == 1.0


def test_a_ring_of_twins_ends_and_loses_no_points() -> None:
    part = part_of(check("a1.p", 1, twin="a1.q"), check("a1.q", 2, twin="a1.p"))
    results, _ = scored(part, UNTRIED, UNTRIED)
    assert [results[key].points for key in ("a1.p", "a1.q")] == [1.0, 2.0]


def test_a_pending_twin_takes_the_points_along() -> None:
    part = part_of(check("a1.call", 2, twin="a1.array"), check("a1.array", 1))
    _, items = scored(part, UNTRIED, REVIEW)
    assert items["a1"].pending == 3.0


# ------------------------------------------------------------------ follow-through


def following(**about: Any) -> PartSpec:
    return part_of(
        check("a1.source", 4, twin="a1.twin"),
        check("a1.twin", 1),
        check("a2.array", 2, follows="a1.source", **about),
        check("a2.proof", 3),
    )


def test_a_mistake_is_not_marked_twice_when_the_item_is_proved_right() -> None:
    results, _ = scored(following(proof="a2.proof"), FAILED, PASSED, FAILED, PASSED)
    result = results["a2.array"]
    assert (result.status, result.fraction, result.earned) == (Status.PASSED, 1.0, 2.0)
    assert "title of a1.source" in result.message
    assert "title of a2.proof" in result.message
    assert result.hint == ""


def test_what_is_partly_right_is_restored_too() -> None:
    results, _ = scored(following(proof="a2.proof"), judged(0.5), PASSED, judged(0.25), PASSED)
    assert results["a2.array"].earned == 2.0


def test_a_person_decides_when_the_proof_could_not_be_tried() -> None:
    results, _ = scored(following(proof="a2.proof"), FAILED, PASSED, FAILED, UNTRIED)
    result = results["a2.array"]
    assert (result.status, result.earned, result.pending) == (Status.REVIEW, 0.0, 2.0)
    assert result.message.startswith("It is wrong. This may follow from the mistake found under")


def test_a_person_decides_when_there_is_no_proof() -> None:
    results, _ = scored(following(), FAILED, PASSED, FAILED, PASSED)
    assert results["a2.array"].status is Status.REVIEW


def test_a_failed_proof_excuses_nothing() -> None:
    results, _ = scored(following(proof="a2.proof"), FAILED, PASSED, FAILED, FAILED)
    assert results["a2.array"].status is Status.FAILED


@pytest.mark.parametrize("proof", [REVIEW, ERROR])
def test_a_pending_proof_never_restores_by_itself(proof: Finding) -> None:
    results, _ = scored(following(proof="a2.proof"), FAILED, PASSED, FAILED, proof)
    assert results["a2.array"].earned == 0.0


@pytest.mark.parametrize("source", [PASSED, REVIEW, ERROR])
def test_nothing_is_excused_when_the_source_is_not_wrong(source: Finding) -> None:
    results, _ = scored(following(proof="a2.proof"), source, PASSED, FAILED, PASSED)
    assert results["a2.array"].status is Status.FAILED


def test_a_source_that_could_not_be_tried_is_read_from_its_twin() -> None:
    results, _ = scored(following(proof="a2.proof"), UNTRIED, FAILED, FAILED, PASSED)
    assert results["a2.array"].earned == 2.0
    assert "title of a1.twin" in results["a2.array"].message
    results, _ = scored(following(proof="a2.proof"), UNTRIED, PASSED, FAILED, PASSED)
    assert results["a2.array"].status is Status.FAILED


def test_missing_work_is_not_excused() -> None:
    part = following(proof="a2.proof")
    not_there = Verdict(FAILED, is_evaluated=False)
    results, _ = scored(part, FAILED, PASSED, not_there, PASSED)
    assert results["a2.array"].status is Status.FAILED
    said_missing = failed("Nothing is there.", missing=True)
    results, _ = scored(part, FAILED, PASSED, said_missing, PASSED)
    assert results["a2.array"].status is Status.FAILED


def undecided() -> Verdict:
    """Values of the right kind are there, none of which agrees with the rest."""
    return Verdict(failed("No value was found.", undecided=True), is_evaluated=False)


def test_values_that_agree_with_nothing_wait_for_a_person_when_another_item_is_wrong() -> None:
    results, _ = scored(following(proof="a2.proof"), FAILED, PASSED, undecided(), PASSED)
    assert (results["a2.array"].status, results["a2.array"].pending) == (Status.REVIEW, 2.0)


def test_values_that_agree_with_nothing_are_lost_when_no_other_mistake_was_seen() -> None:
    for source in (PASSED, Verdict(FAILED, is_evaluated=False), failed("Not there.", missing=True)):
        results, _ = scored(following(proof="a2.proof"), source, PASSED, undecided(), PASSED)
        assert results["a2.array"].status is Status.FAILED


@pytest.mark.parametrize("finding", [PASSED, REVIEW, ERROR])
def test_what_did_not_fail_is_left_as_it_is(finding: Finding) -> None:
    results, _ = scored(following(proof="a2.proof"), FAILED, PASSED, finding, PASSED)
    assert results["a2.array"].message == finding.message
    assert results["a2.array"].status is finding.status


def test_an_untried_check_hands_its_points_on_and_is_not_excused() -> None:
    part = part_of(
        check("a1.source"), check("a2.x", 2, follows="a1.source", twin="a2.y"), check("a2.y", 1, follows=None)
    )
    results, _ = scored(part, FAILED, UNTRIED, PASSED)
    assert results["a2.x"].status is Status.BLOCKED
    assert results["a2.y"].earned == 3.0


# ------------------------------------------------------------------ several sources


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        (PASSED, PASSED, Status.FAILED),
        (FAILED, PASSED, Status.REVIEW),
        (PASSED, FAILED, Status.REVIEW),
        (FAILED, FAILED, Status.REVIEW),
    ],
)
def test_a_check_may_rest_on_several(first: Finding, second: Finding, status: Status) -> None:
    part = part_of(check("a1.x"), check("a2.x"), check("a3.x", follows=["a1.x", "a2.x"]))
    results, _ = scored(part, first, second, FAILED)
    assert results["a3.x"].status is status


def test_what_rests_on_several_keeps_those_that_are_known() -> None:
    one = check("a3.x", follows=["a1.x", "a2.x"])
    assert one.follows_among({"a1.x", "a2.x"}) == ["a1.x", "a2.x"]
    assert one.follows_among({"a2.x"}) == ["a2.x"]
    assert one.follows_among(set()) is None
    assert check("a3.x", follows="a1.x").follows_among({"a1.x"}) == "a1.x"
    assert check("a3.x").rests_on == ()
