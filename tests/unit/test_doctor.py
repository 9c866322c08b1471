"""Each thing that the doctor looks at, well and unwell, with what it says to do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from autograder import doctor
from autograder.doctor import Finding, Survey
from autograder.execute.fences import PROTECTING
from autograder.execute.protocol import Job
from autograder.kernel_side.known_data import KNOWN_SETS
from autograder.records import CellError, CellRecord, ExecutionRecord
from autograder.registry import assignment_ids


def only(found: Iterator[Finding]) -> Finding:
    (finding,) = found
    return finding


class Pretending:
    """An executor that returns the record it was made with."""

    name = "pretending"

    def __init__(self, record: ExecutionRecord | None):
        self.record = record

    def describe(self) -> str:
        return "Pretends."

    def execute(self, job: Job) -> ExecutionRecord:
        assert job.notebook.is_file()
        if self.record is None:
            raise OSError("no space left")
        return self.record


def surveyed(*why_not: str) -> Survey:
    """Reasons against the levels of the fence, the strongest first; "" where one works."""
    return lambda: dict(zip(PROTECTING, why_not, strict=True))


def ran(fence: str = "network off, own process space") -> ExecutionRecord:
    return ExecutionRecord(state="complete", cells=(CellRecord(index=0, status="ok"),), fence=fence)


def test_everything_is_looked_at_in_the_order_in_which_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "import_failure", lambda names: "")
    survey = surveyed("", "", "")
    was_there = "torch" in sys.modules  # other tests of this process may import it
    names = [finding.name for finding in doctor.examine(Pretending(ran()), survey)]
    expected = [
        "Python",
        "Kernel",
        "Fence: namespaces",
        "Trial notebook",
        "Memory",
        "Disk, working folder",
        "Rubrics",
    ]
    assert [name for name in names if name in expected] == expected
    assert names[-1] == "Encoding"
    assert ("torch" in sys.modules) is was_there


def test_old_python_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(doctor.python()).state == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    finding = only(doctor.python())
    assert (finding.state, finding.mend) == ("problem", "use Python 3.11 or newer")


def test_kernel_packages_that_are_missing_or_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "COMMON_PACKAGES", ())
    monkeypatch.setattr(doctor, "import_failure", lambda names: "")
    assert only(doctor.kernel_packages()).text.startswith("ipykernel ")
    monkeypatch.setattr(doctor, "import_failure", lambda names: "ImportError: libtorch.so")
    finding = only(doctor.kernel_packages())
    assert finding.state == "problem"
    assert "libtorch.so" in finding.text
    monkeypatch.setattr(doctor, "KERNEL_PACKAGES", ("numpy", "no_such_package"))
    finding = only(doctor.kernel_packages())
    assert (finding.state, finding.text) == ("problem", "not installed: no_such_package")
    assert "pip install" in finding.mend


def test_what_students_may_import_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "import_failure", lambda names: "")
    monkeypatch.setattr(doctor, "COMMON_PACKAGES", ("numpy", "no_such_package"))
    finding = list(doctor.kernel_packages())[-1]
    assert finding.state == "note"
    assert finding.text.endswith(": no_such_package")


def test_imports_are_tried_in_a_process_of_their_own() -> None:
    assert doctor.import_failure(["json"]) == ""
    assert doctor.import_failure(["no_such_package"]).startswith("ModuleNotFoundError")


def test_the_strongest_level_that_works_is_taken() -> None:
    first, second, third = doctor.fence(surveyed("", "", ""))
    assert (first.state, second.state, third.state) == ("ok", "ok", "ok")
    assert "`grade` takes" in first.text
    assert "`grade` takes" not in second.text + third.text


def test_a_level_that_is_missing_says_what_to_do() -> None:
    first, second, third = doctor.fence(surveyed("refused", "", "no program"))
    assert (first.state, second.state, third.state) == ("note", "ok", "ok")
    assert "refused" in first.text
    assert "user namespaces" in first.mend
    assert "`grade` takes" in second.text
    assert "not needed" in third.text


def test_without_any_fence_grading_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    *levels, all_of_them = doctor.fence(surveyed("a", "b", "c"))
    assert [level.state for level in levels] == ["note"] * 3
    assert all_of_them.state == "problem"
    assert "--fence none" in all_of_them.text
    monkeypatch.setattr(sys, "platform", "darwin")  # where nothing can be mended
    assert list(doctor.fence(surveyed("a", "b", "c")))[-1].state == "note"


def test_trial_notebook_says_what_it_ran_behind() -> None:
    trial = only(doctor.trial(Pretending(ran())))
    assert trial.state == "ok"
    assert "own process space" in trial.text
    assert "Pretends." in trial.text


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (None, "no space left"),
        (ExecutionRecord(state="not_executed", detail="The worker ended twice."), "The worker ended twice."),
        (
            ExecutionRecord(
                state="complete",
                cells=(
                    CellRecord(
                        index=0, status="error", error=CellError(name="ImportError", message="no torch")
                    ),
                ),
            ),
            "ImportError: no torch",
        ),
    ],
)
def test_trial_notebook_that_does_not_run(record: ExecutionRecord | None, told: str) -> None:
    finding = only(doctor.trial(Pretending(record)))
    assert finding.state == "problem"
    assert told in finding.text
    assert finding.mend


@pytest.mark.parametrize(("gib", "state"), [(16.0, "ok"), (6.0, "note"), (2.0, "note"), (None, "note")])
def test_memory(gib: float | None, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "memory_gib", lambda: gib)
    finding = only(doctor.memory())
    assert finding.state == state
    assert ("--workers 1" in finding.mend) == (state == "note" and gib is not None)


def test_memory_is_positive_or_unknown() -> None:
    found = doctor.memory_gib()
    assert found is None or found > 0


class Usage(NamedTuple):
    free: int


def test_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: Usage(free=50 * 2**30))
    assert [finding.state for finding in doctor.disk()] == ["ok", "ok"]
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: Usage(free=2**30))
    assert [finding.state for finding in doctor.disk()] == ["problem", "problem"]
    monkeypatch.setattr(doctor.os, "access", lambda folder, mode: False)
    assert all("cannot be written" in finding.text for finding in doctor.disk())


def test_content_of_this_repository() -> None:
    rubrics, *references = doctor.content()
    assert {one.state for one in (rubrics, *references)} == {"ok"}
    assert "aml-a3" in rubrics.text
    assert len(references) == len(assignment_ids())
    (aml_a3,) = (one for one in references if one.name.endswith("aml-a3"))
    assert "golden values of 3 parts" in aml_a3.text


def test_content_without_goldens_or_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGRADER_CONTENT", str(tmp_path))
    finding = only(doctor.content())
    assert finding.state == "problem"
    assert "AUTOGRADER_CONTENT" in finding.mend
    (tmp_path / "rubrics" / "x-1").mkdir(parents=True)
    (tmp_path / "rubrics" / "x-1" / "rubric.yaml").write_text("schema: 1")
    _, reference = doctor.content()
    assert (reference.state, reference.mend) == ("problem", "autograder golden x-1")
    golden = tmp_path / "reference" / "x_1" / "golden"
    golden.mkdir(parents=True)
    (golden / "part_a.json").write_text("{}")
    _, reference = doctor.content()
    assert reference.state == "note"
    assert "grade and rescore work" in reference.text


def test_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOGRADER_DATA", raising=False)
    monkeypatch.setattr(doctor, "data_directory", lambda: tmp_path / "of-the-user")
    finding = only(doctor.data())
    assert (finding.state, finding.mend) == ("note", "autograder data fetch")
    assert "MNIST missing, Tiny Shakespeare missing" in finding.text
    monkeypatch.setattr(doctor, "data_directory", lambda: tmp_path)
    for known in KNOWN_SETS:
        for file in known.files:
            (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
            with (tmp_path / file.path).open("wb") as sparse:
                sparse.truncate(file.size)
    finding = only(doctor.data())
    assert (finding.state, finding.text) == ("ok", f"MNIST, Tiny Shakespeare in {tmp_path}")
    (tmp_path / "tinyshakespeare" / "input.txt").write_text("To be")
    finding = only(doctor.data())
    assert (finding.state, "Tiny Shakespeare damaged" in finding.text) == ("problem", True)


def test_folder_of_data_sets_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGRADER_DATA", str(tmp_path / "nowhere"))
    assert only(doctor.data()).state == "problem"


def test_extras_that_are_missing_are_a_note_that_says_what_they_are_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = importlib.util.find_spec
    absent = ("openpyxl", "copydetect")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else there(name))
    finding = only(doctor.extras())
    assert finding.state == "note"
    assert "xlsx (`export --to xlsx`)" in finding.text
    assert "review" not in finding.text
    assert "generative-autograder[xlsx,similarity]" in finding.mend


def test_extras_are_those_of_the_package() -> None:
    declared = importlib.metadata.requires("generative-autograder") or []
    for extra, (packages, _) in doctor.EXTRAS.items():
        needed = {one.split(">")[0].split("=")[0] for one in declared if f'extra == "{extra}"' in one}
        assert set(packages) <= needed


def test_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "getfilesystemencoding", lambda: "utf-8")
    monkeypatch.setattr(doctor.locale, "getpreferredencoding", lambda do_setlocale: "ANSI_X3.4-1968")
    finding = only(doctor.encoding())
    assert finding.state == "note"
    assert "PYTHONUTF8=1" in finding.mend


@pytest.mark.slow
def test_trial_notebook_really_runs() -> None:
    with doctor.LocalExecutor(own_work=True) as executor:
        trial = only(doctor.trial(executor))
    assert trial.state == "ok"
    assert "memory" in trial.text
