"""From evidence to findings: what missing evidence means, whose fault a fault is, and what is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
from autograder.checks.findings import Context, Finding, judged
from autograder.golden import Golden, GoldenValue
from autograder.judging import Judged, agreement_of, has_any_work, judge_part
from autograder.probes.evidence import Agreement, Evidence, gather
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import Answer, FigureSeen, Leaf, NoticeSeen, Observations
from autograder.probes.paths import parse_path
from autograder.records import CellError, CellRecord, ExecutionRecord, Picture, Status
from autograder.registry import CHECKS, Entry
from autograder.rubric.model import ChallengeSpec, EvidenceSpec, PartSpec
from autograder.template_cells import NO_TEMPLATE, TemplateCells

ROWS = {"id": "a1.rows", "check": "rows_kept", "title": "Enough rows", "points": 1}
WRITTEN = {"id": "a1.text", "check": "is_written", "title": "Comment", "points": 1}


def part_of(*, n: int = 60, points: float = 1, **about: Any) -> PartSpec:
    checks = [
        ROWS | {"points": points, "params": {"evidence": "a1.draws", "n": n}},
        WRITTEN | {"params": {"prompt": "Comment.", "words": ["mix"]}},
    ]
    return PartSpec.model_validate(
        {
            "part": "a",
            "title": "A",
            "points": points + 1,
            "false_fail_rate": 1e-3,
            "filenames": [],
            "evidence": {
                "a1.draws": {
                    "kind": "array",
                    "about": "the draws",
                    "names": ["draws", "samples"],
                    "hints": ["draw"],
                    "shape": ["n", 2],
                }
            },
            "items": [{"id": "a1", "title": "A1", "points": points + 1, "checks": checks}],
        }
        | about
    )


def record(index: int = 0, status: str = "ok", error: CellError | None = None) -> CellRecord:
    return CellRecord.model_validate({"index": index, "status": status, "error": error})


def cells(*records: CellRecord) -> list[NotebookCell]:
    given = records or (record(),)
    return [NotebookCell(one.index, "code", "x = 1", "", 0, "a1", one) for one in given]


def leaf(path: str, value: Any) -> Leaf:
    return Leaf(parse_path(path), 0, value, "ndarray", "float64")


class Work:
    """A notebook that can be gathered, and how often it was."""

    def __init__(
        self,
        observations: Observations,
        notebook: list[NotebookCell] | None = None,
        execution: ExecutionRecord | None = None,
    ):
        self.observations, self.n_gathered = observations, 0
        self.notebook = cells() if notebook is None else notebook
        self.execution = execution or ExecutionRecord(state="complete")
        self.bindings: Mapping[str, str] = {}

    def gathered_by(self, part: PartSpec) -> Callable[[Agreement], Evidence]:
        def evidence_of(agreement: Agreement) -> Evidence:
            self.n_gathered += 1
            observed = self.observations
            return gather(part, self.notebook, observed, self.execution, {}, self.bindings, agreement)

        return evidence_of

    def judge(
        self,
        kept_at: Path,
        part: PartSpec | None = None,
        *,
        golden: Golden | None = None,
        template: TemplateCells = NO_TEMPLATE,
        execution_key: str = "one",
    ) -> Judged:
        part = part or part_of()
        gathered = self.gathered_by(part)
        return judge_part(part, golden or Golden(), template, execution_key, gathered, kept_at)


DRAWS = leaf("draws", np.zeros((60, 2)))


@pytest.fixture
def kept_at(tmp_path: Path) -> Path:
    return tmp_path / "findings.json"


def test_where_own_data_could_not_be_loaded_what_is_not_right_waits(kept_at: Path) -> None:
    stopped = record(status="error", error=CellError(name="URLError", message="no network"))
    execution = ExecutionRecord(state="complete", cells=(stopped,))
    notices = (NoticeSeen(stopped.index, "network", "www.cs.toronto.edu"),)
    work = Work(Observations(notices=notices), cells(stopped), execution)
    for own_data, status in ((False, Status.BLOCKED), (True, Status.REVIEW)):
        part = part_of().model_copy(update={"own_data": own_data})
        finding = work.judge(kept_at, part).verdicts["a1.rows"].finding
        assert finding.status is status
        assert ("could not be loaded here" in finding.message) is own_data


# ------------------------------------------------------------------ missing evidence


def test_missing_work_fails_and_says_what_was_looked_for(kept_at: Path) -> None:
    verdict = Work(Observations()).judge(kept_at).verdicts["a1.rows"]
    assert verdict.finding.status is Status.FAILED
    assert not verdict.is_evaluated
    assert verdict.finding.message == (
        "No value was found for the draws. Looked for under names such as `draws` and `samples`, "
        "and for anything of that kind."
    )


@pytest.mark.parametrize(
    ("cell", "execution", "said"),
    [
        (
            record(2, "error", CellError(name="NameError", message="name 'x' is not defined\nmore")),
            ExecutionRecord(state="complete"),
            "cell 3 stopped with NameError: name 'x' is not defined.",
        ),
        (
            record(2, "time_limit"),
            ExecutionRecord(state="cell_limit"),
            "cell 3 was stopped at the time limit.",
        ),
        (
            record(2, "not_run"),
            ExecutionRecord(state="total_limit", detail="900 s were used up"),
            "cell 3 was not run (900 s were used up).",
        ),
        (
            record(2, "not_run"),
            ExecutionRecord(state="kernel_died"),
            "cell 3 was not run (kernel_died).",
        ),
    ],
)
def test_a_cell_that_did_not_run_blocks_and_is_named(
    kept_at: Path, cell: CellRecord, execution: ExecutionRecord, said: str
) -> None:
    verdict = Work(Observations(), cells(cell), execution).judge(kept_at).verdicts["a1.rows"]
    assert verdict.finding.status is Status.BLOCKED
    assert verdict.finding.message == f"There is no value for the draws: {said}"


def test_an_error_in_another_section_blocks_nothing_here(kept_at: Path) -> None:
    error = record(0, "error", CellError(name="E", message="m"))
    notebook = [
        NotebookCell(0, "code", "", "", 0, "a2", error),
        NotebookCell(1, "code", "", "", 0, "a1", None),
    ]
    assert Work(Observations(), notebook).judge(kept_at).verdicts["a1.rows"].finding.status is Status.FAILED


def test_several_candidates_are_for_a_person(kept_at: Path) -> None:
    observed = Observations((leaf("draws_a", np.zeros((60, 2))), leaf("draws_b", np.ones((60, 2)))))
    judged_part = Work(observed).judge(kept_at)
    finding = judged_part.verdicts["a1.rows"].finding
    assert finding.status is Status.REVIEW
    assert "`draws_a` (cell 1)" in finding.message
    assert "`draws_b` (cell 1)" in finding.message
    (note,) = judged_part.notes
    assert (note.kind, note.item) == ("confirm", "a1")
    assert note.text.startswith("To be confirmed as a1.draws: ")


def test_what_was_observed_badly_becomes_a_note(kept_at: Path) -> None:
    judged_part = Work(Observations(problems=("one.safetensors could not be read",))).judge(kept_at)
    assert [note.text for note in judged_part.notes] == ["one.safetensors could not be read"]
    assert judged_part.cell_items == ("a1",)


# ------------------------------------------------------------------ faults of ours


def broken(
    monkeypatch: pytest.MonkeyPatch, function: Callable[..., Finding], check: str = "rows_kept"
) -> None:
    entry = CHECKS[check]
    monkeypatch.setitem(CHECKS._entries, check, Entry(check, function, entry.params))


def test_a_check_that_breaks_is_our_fault(kept_at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(evidence: Evidence, params: Any, context: Context) -> Finding:
        raise ZeroDivisionError("of ours")

    broken(monkeypatch, breaks)
    judged_part = Work(Observations((DRAWS,))).judge(kept_at)
    verdict = judged_part.verdicts["a1.rows"]
    assert verdict.finding.status is Status.ERROR
    assert verdict.finding.status.is_pending
    assert "ZeroDivisionError: of ours" in verdict.traceback
    assert "ours" in verdict.finding.message
    assert judged_part.verdicts["a1.text"].finding.status is not Status.ERROR


def test_a_fault_of_ours_is_not_kept(kept_at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(evidence: Evidence, params: Any, context: Context) -> Finding:
        raise RuntimeError("of ours")

    work = Work(Observations((DRAWS,)))
    with monkeypatch.context() as patch:
        broken(patch, breaks)
        assert work.judge(kept_at).verdicts["a1.rows"].finding.status is Status.ERROR
    assert "a1.rows" not in json.loads(kept_at.read_text(encoding="utf-8"))["verdicts"]
    assert work.judge(kept_at).verdicts["a1.rows"].finding.status is Status.PASSED
    assert work.n_gathered == 2


# ------------------------------------------------------------------ what is kept


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by a check's name whenever it is worked out."""
    seen: list[str] = []
    for name in ("rows_kept", "is_written"):
        real = CHECKS[name].function

        def counting(
            evidence: Evidence,
            params: Any,
            context: Context,
            name: str = name,
            real: Callable[..., Finding] = real,
        ) -> Finding:
            seen.append(name)
            return real(evidence, params, context)

        broken(monkeypatch, counting, name)
    return seen


def test_what_was_found_is_kept(kept_at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)
    work = Work(Observations((DRAWS,), problems=("a problem",)))
    first = work.judge(kept_at)
    second = work.judge(kept_at)
    assert work.n_gathered == 1
    assert seen == ["rows_kept", "is_written"]
    assert second == first


def test_an_edit_of_points_works_nothing_out(kept_at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)
    work = Work(Observations((DRAWS,)))
    work.judge(kept_at)
    work.judge(kept_at, part_of(points=7))
    assert work.n_gathered == 1
    assert len(seen) == 2


def test_an_edit_of_one_check_works_out_that_check(kept_at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)
    work = Work(Observations((DRAWS,)))
    assert work.judge(kept_at).verdicts["a1.rows"].finding.status is Status.PASSED
    again = work.judge(kept_at, part_of(n=10_000))
    assert again.verdicts["a1.rows"].finding.fraction < 1.0
    assert seen == ["rows_kept", "is_written", "rows_kept"]
    assert work.n_gathered == 2
    work.judge(kept_at, part_of(n=10_000))
    assert work.n_gathered == 2


@pytest.mark.parametrize(
    "change",
    [
        {"execution_key": "another"},
        {"golden": Golden(values={"a1.x": GoldenValue(truth=1.0)})},
        {"template": TemplateCells(frozenset({"x=1"}))},
        {"part": part_of(false_fail_rate=2e-3)},
        {"part": part_of(sections={"a1": {"headings": ["A1"]}})},
    ],
)
def test_what_findings_depend_on_works_all_out_again(
    kept_at: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    seen = counted(monkeypatch)
    work = Work(Observations((DRAWS,)))
    work.judge(kept_at)
    work.judge(kept_at, **change)
    assert seen == ["rows_kept", "is_written"] * 2


@pytest.mark.parametrize("damage", [b"", b"{", b'{"schema_version": 1}', b"\xff\xfe"])
def test_damaged_findings_are_worked_out_again(kept_at: Path, damage: bytes) -> None:
    work = Work(Observations((DRAWS,)))
    first = work.judge(kept_at)
    kept_at.write_bytes(damage)
    assert work.judge(kept_at) == first
    assert work.n_gathered == 2


def test_a_finding_of_another_form_is_worked_out_again(kept_at: Path) -> None:
    work = Work(Observations((DRAWS,)))
    first = work.judge(kept_at)
    kept = json.loads(kept_at.read_text(encoding="utf-8"))
    kept["verdicts"]["a1.rows"]["verdict"] = {"finding": {"status": "splendid"}}
    kept_at.write_text(json.dumps(kept), encoding="utf-8")
    assert work.judge(kept_at) == first


def test_numbers_that_json_does_not_know_are_kept(kept_at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(evidence: Evidence, params: Any, context: Context) -> Finding:
        picture = Picture(kind="acf", title="t", data={"values": [float("nan"), float("inf"), 1.0]})
        return judged(1.0, pictures=(picture,))

    broken(monkeypatch, odd)
    work = Work(Observations((DRAWS,)))
    assert work.judge(kept_at).verdicts["a1.rows"].finding.status is Status.PASSED
    assert work.judge(kept_at).verdicts["a1.rows"].finding.status is Status.PASSED
    assert work.n_gathered == 1


# ------------------------------------------------------------------ work and agreement


def evidence_of(observed: Observations, part: PartSpec | None = None) -> Evidence:
    return gather(part or part_of(), cells(), observed, ExecutionRecord(state="complete"), {}, {})


def test_what_counts_as_work() -> None:
    numbers = part_of(evidence={"a1.draws": EvidenceSpec(kind="number", about="n", names=["draws"])})
    assert not has_any_work(evidence_of(Observations()))
    assert not has_any_work(evidence_of(Observations((leaf("draws", 3.0),)), numbers))
    assert not has_any_work(evidence_of(Observations((leaf("unrelated", np.zeros((60, 2))[:, 0]),))))
    assert has_any_work(evidence_of(Observations((DRAWS,))))
    assert has_any_work(evidence_of(Observations(figures=(FigureSeen(0, {}, {}),))))


def test_values_of_a_notebook_without_work_leave_nothing_undecided(kept_at: Path) -> None:
    spec = EvidenceSpec(kind="number", about="the rate", names=["rate"], hints=["rate"])
    bands = [{"name": "rate", "method": "exact", "golden": "a1.rate"}]
    check = {"id": "a1.rate", "check": "number_in_band", "title": "Rate", "points": 1}
    check |= {"params": {"evidence": "a1.rate", "label": "rate", "bands": bands}}
    item = {"id": "a1", "title": "A1", "points": 1, "checks": [check]}
    part = part_of(points=0, evidence={"a1.rate": spec}, items=[item])
    constant = leaf("sigma", 2.5)
    for figures, is_undecided in (((), False), ((FigureSeen(0, {}, {}),), True)):
        found = Work(Observations((constant,), figures=figures)).judge(
            kept_at.with_name(f"{len(figures)}"), part
        )
        assert found.verdicts["a1.rate"].finding.undecided is is_undecided


@pytest.mark.parametrize(
    ("status", "value", "is_work"), [("ok", 1.0, True), ("ok", None, False), ("error", 1.0, False)]
)
def test_a_function_that_answers_is_work(status: str, value: float | None, is_work: bool) -> None:
    challenge = ChallengeSpec(mode="call", draw="positive_weights", names=["ess"])
    answer = Answer("a1.ess", "0", status, "ess", None, {}, "", (leaf("result", value),))
    part = part_of(challenges={"a1.ess": challenge})
    assert has_any_work(evidence_of(Observations(answers=(answer,)), part)) is is_work


def test_agreement_is_the_sum_of_the_named_checks() -> None:
    spec = {
        "kind": "array",
        "about": "the draws",
        "names": ["draws"],
        "shape": ["n", 2],
        "agrees": ["a1.rows"],
    }
    for n, expected in ((60, 1.0), (10**9, 0.0)):
        part = part_of(n=n, evidence={"a1.draws": spec})
        evidence = evidence_of(Observations((DRAWS,)), part)
        assert agreement_of(part, Golden())(evidence, "a1.draws") == pytest.approx(expected, abs=1e-6)
