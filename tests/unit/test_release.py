"""The bundle for students: what is in it, that it is proved, and that it is there whole or not at all."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import bundles
import pytest

from autograder import release as releases
from autograder.cli.app import run
from autograder.errors import InternalError, RubricError, UsageError
from autograder.kernel_side.known_data import KNOWN_SETS
from autograder.leaks import find_leaks
from autograder.public_rubric import goldens_named, needed_keys, public_part
from autograder.registry import Assignment, assignment_ids, find_assignment
from autograder.release import LeakError, allowed_files, bundle, release, verify
from autograder.rendering import inlined_cells, solution_source, to_ipynb
from autograder.rubric.loader import load_rubric, read_rubric
from autograder.rubric.model import PartSpec
from autograder.rubric.public import is_public
from autograder.withheld import withheld_of

ROOT = Path(__file__).parents[2]
RUBRICS = {name: load_rubric(find_assignment(name)) for name in assignment_ids()}
PARTS = [(name, part.part) for name, rubric in RUBRICS.items() for part in rubric.parts]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assignment:
    return bundles.small_course(tmp_path / "course", monkeypatch)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


# ------------------------------------------------------- every assignment's own


@pytest.mark.parametrize("name", assignment_ids())
def test_the_bundle_of_every_assignment_and_part_passes_the_proof(name: str) -> None:
    assignment = find_assignment(name)
    rubric = RUBRICS[name]
    withheld = withheld_of(assignment, rubric, allowed_files(rubric))
    for parts in [[], *([part.part] for part in rubric.parts)]:
        assert find_leaks(bundle(assignment, rubric, parts), withheld) == []
    # ... and the proof is awake: the solution fails it, whole, and each of its cells with all its names changed
    for part in rubric.parts:
        solved = to_ipynb(solution_source(assignment, part.part)).encode()
        kinds = {leak.kind for leak in find_leaks({f"part_{part.part}.ipynb": solved}, withheld)}
        assert {"statement", "text"} <= kinds, part.part
        for cell in inlined_cells(assignment, part.part):
            if cell.role == "task":
                renamed = bundles.Renaming(f"name_{at}" for at in range(1000)).visit(ast.parse(cell.source))
                planted = json.dumps({"cells": [{"cell_type": "code", "source": ast.unparse(renamed)}]})
                found = find_leaks({f"part_{part.part}.ipynb": planted.encode()}, withheld)
                assert "statement" in {leak.kind for leak in found}, f"part {part.part}, line {cell.line}"


def files_of(name: str, part: str) -> dict[str, str]:
    return {
        path: content.decode()
        for path, content in bundle(find_assignment(name), RUBRICS[name], [part]).items()
    }


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_a_bundle_is_a_course_folder_that_the_engine_loads(
    name: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = RUBRICS[name].part(part)
    for path, text in files_of(name, part).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    monkeypatch.setenv("AUTOGRADER_CONTENT", str(tmp_path))
    found = find_assignment(name)
    assert found.student_template.joinpath(f"part_{part}.ipynb").is_file()
    public = load_rubric(found).part(part)
    assert public.points == whole.points
    assert [(item.id, item.points) for item in public.items] == [
        (item.id, item.points) for item in whole.items
    ]
    shown = {check.id: check for _, check in public.checks()}
    assert set(shown) == {check.id for _, check in whole.checks() if is_public(check)}
    for item, counterpart in zip(public.items, whole.items, strict=True):
        hidden = [check for check in counterpart.checks if check.id not in shown]
        written = [check for check in hidden if check.check == "is_written"]
        told = item.withheld
        assert (told.n_checks, told.n_written) == (len(hidden) - len(written), len(written))
        assert told.written_points == pytest.approx(sum(check.points for check in written))
        assert told.points + told.written_points == pytest.approx(sum(check.points for check in hidden))


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_a_public_check_has_all_that_it_needs_and_no_more(name: str, part: str) -> None:
    whole = RUBRICS[name].part(part)
    evidence, challenges = needed_keys(whole)

    def strings(node: Any) -> set[str]:
        if isinstance(node, dict | list):
            return set().union(*map(strings, node.values() if isinstance(node, dict) else node), set())
        return {node} if isinstance(node, str) else set()

    used = set().union(*(strings(check.params) for _, check in whole.checks() if is_public(check)))
    assert used & set(whole.evidence) <= evidence | challenges
    assert used & set(whole.challenges) <= evidence | challenges
    told = public_part(whole)
    assert set(told.get("evidence", {})) == evidence
    assert set(told.get("challenges", {})) == challenges
    assert not {"truths", "summaries", "changes", "settings"} & set(told)
    for item in told["items"]:
        for check in item["checks"]:
            assert not {"model_answer", "criteria"} & set(check)


def test_random_public_checks_keep_their_share_of_the_false_fail_rate() -> None:
    part = RUBRICS["aml-a3"].part("a")
    some = {"a2.rate", "a2.draws"}
    items = [
        item.model_copy(
            update={"checks": [one.model_copy(update={"public": one.id in some}) for one in item.checks]}
        )
        for item in part.items
    ]
    changed = part.model_copy(update={"items": items})
    from autograder.judging import is_random

    n_random = sum(is_random(check) for _, check in part.checks())
    told = PartSpec.model_validate(
        {key: value for key, value in public_part(changed).items() if key != "schema"}
    )
    n_public = sum(is_random(check) for _, check in told.checks())
    assert n_public == 2
    assert told.false_fail_rate / n_public == pytest.approx(part.false_fail_rate / n_random)


# ------------------------------------------------------------------ the contents


def test_the_readme_says_what_is_checked_and_how_to_hand_in() -> None:
    files = files_of("aml-a3", "c")
    text = files["README.md"]
    assert "autograder check part_c.ipynb" in text
    assert "| C2 Perplexity | 10 | 1 check (1 point) | 4 checks (9 points) |" in text
    assert "; 1 written answer (1 point) |" in text
    assert "A line of Markdown above every code cell" in text
    assert "autograder data fetch" in text
    data = files["DATA.md"]
    known = next(one for one in KNOWN_SETS if one.name == "Tiny Shakespeare")
    assert all(file.sha256 in data and f"{file.size:,}" in data for file in known.files)
    assert "MNIST" not in data
    assert "DATA.md" not in files_of("aml-a3", "a")


def test_how_to_install_is_the_courses_to_say(small: Assignment) -> None:
    text = bundle(small, load_rubric(small), install="pip install ./wheel.whl")["README.md"].decode()
    assert "pip install ./wheel.whl" in text
    assert "generative-autograder[kernel]==" in bundle(small, load_rubric(small))["README.md"].decode()


def test_the_small_bundle_holds_the_public_part_alone(small: Assignment) -> None:
    files = {name: content.decode() for name, content in bundle(small, load_rubric(small)).items()}
    assert set(files) == {
        "README.md",
        "part_a.ipynb",
        "release.json",
        "rubrics/mini-a0/part_a.yaml",
        "rubrics/mini-a0/rubric.yaml",
        "student_template/mini-a0/part_a.ipynb",
    }
    part = files["rubrics/mini-a0/part_a.yaml"]
    assert "a1.count" in part
    assert "Any order" in part
    for secret in ("number_in_band", "a1.said", "a1.spread", "a1.truth", "twin", "What a spread is", "10.2"):
        assert secret not in part
    assert "withheld:\n    n_checks: 1\n    points: 3.0\n    n_written: 1\n    written_points: 3.0\n" in part
    listed = json.loads(files["release.json"])
    assert set(listed["files"]) == set(files) - {"release.json"}


def test_golden_values_come_along_only_when_they_are_released(small: Assignment) -> None:
    part = small.rubric.parent / "part_a.yaml"
    edit(part, "        why: A spread", "        public: true\n        why: A spread")
    with pytest.raises(
        UsageError, match=r"public check 'a1.value' needs the golden value 'a1.truth'.*public_values"
    ):
        bundle(small, load_rubric(small))
    edit(part, "truths: {}", "public_values: [a1.truth]\nbudgets: {short: {values: {5: 3}}}")
    with pytest.raises(UsageError, match=r"part_a.short.json is missing"):
        bundle(small, load_rubric(small))
    shutil.copy(small.golden("a"), small.golden("a", "short"))
    files = bundle(small, load_rubric(small))
    golden = json.loads(files["rubrics/mini-a0/golden/part_a.json"])
    assert list(golden["values"]) == ["a1.truth"]
    assert files["rubrics/mini-a0/golden/part_a.short.json"] == files["rubrics/mini-a0/golden/part_a.json"]
    assert golden["provenance"] == {}
    withheld = withheld_of(small, load_rubric(small), allowed_files(load_rubric(small)))
    assert find_leaks(files, withheld) == []
    assert list(goldens_named({"bands": [{"golden": "x"}], "summaries": ["y"]})) == ["x", "y"]


def test_a_check_whose_expectation_is_hidden_is_not_public(small: Assignment) -> None:
    edit(small.rubric.parent / "part_a.yaml", "        twin: a1.value", "        hidden: true")
    assert "a1.count" not in bundle(small, load_rubric(small))["rubrics/mini-a0/part_a.yaml"].decode()


def test_withheld_points_count_and_others_are_refused(small: Assignment, tmp_path: Path) -> None:
    release(small, tmp_path / "out")
    folder = tmp_path / "out" / "rubrics" / "mini-a0"
    assert read_rubric(folder / "rubric.yaml").part("a").items[0].withheld.n_checks == 1
    edit(folder / "part_a.yaml", "    written_points: 3.0", "    written_points: 2.0")
    with pytest.raises(RubricError, match="has 10 points, but its checks add up to 9"):
        read_rubric(folder / "rubric.yaml")


# ----------------------------------------------------------------- the writing


def test_the_same_inputs_give_the_same_bytes(small: Assignment, tmp_path: Path) -> None:
    digests = release(small, tmp_path / "one")
    assert release(small, tmp_path / "deep" / "two") == digests
    assert tree(tmp_path / "one") == tree(tmp_path / "deep" / "two")
    assert release(small, tmp_path / "one") == digests  # its own untouched bundle is replaced
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_an_empty_folder_is_filled_and_others_are_refused(small: Assignment, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    release(small, tmp_path / "empty")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty and holds no bundle of ours"):
        release(small, tmp_path / "full")
    assert tree(tmp_path / "full") == {"thesis.txt": b"mine"}
    with pytest.raises(UsageError, match="is no folder"):
        release(small, tmp_path / "full" / "thesis.txt")


@pytest.mark.parametrize("name", ["part_a.ipynb", "notes.txt"])
def test_a_bundle_that_somebody_worked_in_is_not_overwritten(
    small: Assignment, tmp_path: Path, name: str
) -> None:
    release(small, tmp_path / "out")
    (tmp_path / "out" / name).write_text("hours of work")
    with pytest.raises(UsageError, match=f"changed or added after the release \\({name}\\)"):
        release(small, tmp_path / "out")
    assert (tmp_path / "out" / name).read_text() == "hours of work"


@pytest.mark.parametrize("fails", ["write", "rename"])
def test_a_bundle_is_never_half_written(
    small: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    out = tmp_path / "out"
    release(small, out)
    before = tree(out)
    edit(small.rubric, "A small course", "Another title")
    calls = 0

    def fsync(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError(28, "No space left on device")

    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise OSError(28, "No space left on device")
        return real(self, target)

    if fails == "write":
        monkeypatch.setattr(releases.os, "fsync", fsync)
    else:
        monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(InternalError, match="free some space"):
        release(small, out)
    assert tree(out) == before
    assert {path.name for path in tmp_path.iterdir()} == {"course", "out"}


def test_a_bundle_that_leaks_is_not_written(small: Assignment, tmp_path: Path) -> None:
    source = small.notebook_source("a")
    edit(source, "# # A small task", "# # A small task\n#\n# The spread is 10.239876, see a1.value.")
    out = tmp_path / "out"
    with pytest.raises(LeakError, match="Nothing was written") as caught:
        release(small, out)
    assert caught.value.exit_code == 2
    # a `given` cell may repeat a hint; ids and golden numbers are nobody's to give
    assert {leak.kind for leak in caught.value.leaks} == {"id", "number"}
    assert not out.exists()


# ----------------------------------------------------------------- command line


def test_verify_names_what_was_added_to_a_bundle(small: Assignment, tmp_path: Path) -> None:
    out = tmp_path / "out"
    release(small, out)
    assert verify(small, out) == []
    shutil.copy(small.reference.parent / "tools.py", out / "tools.py")
    (out / "link").symlink_to(out / "README.md")
    leaks = verify(small, out)
    assert {leak.file for leak in leaks} == {"tools.py", "link"}
    assert {"file", "statement"} <= {leak.kind for leak in leaks}
    (tmp_path / "nothing").mkdir()
    for folder in ("nothing", "nowhere"):
        with pytest.raises(UsageError, match="autograder release"):
            verify(small, tmp_path / folder)


def test_the_verb_makes_proves_and_refuses(
    small: Assignment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["release", "mini-a0", "--out", str(out), "--part", "a"]) == 0
    assert "The bundle:" in capsys.readouterr().out
    assert run(["release", "mini-a0", "--verify", str(out)]) == 0
    assert "found nothing" in capsys.readouterr().out
    assert run(["release", "mini-a0", "--verify", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["leaks"] == []
    (out / "README.md").write_text("a1.value is 10.239876", encoding="utf-8")
    assert run(["release", "mini-a0", "--verify", str(out)]) == 2
    said = capsys.readouterr().err
    assert "README.md, line 1: a1.value is the id of a hidden check" in said
    assert "must not be handed out: 2 findings" in said
    assert run(["release", "mini-a0", "--verify", str(out), "--json"]) == 2
    assert [leak["kind"] for leak in json.loads(capsys.readouterr().out)["leaks"]] == ["number", "id"]


@pytest.mark.parametrize("options", [[], ["--out", "x", "--verify", "y"]])
def test_the_verb_wants_one_of_its_two_uses(
    small: Assignment, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["release", "mini-a0", *options]) == 2
    assert "--out DIR to make a bundle, or --verify DIR" in capsys.readouterr().err


def test_without_the_reference_nothing_is_released(small: Assignment, tmp_path: Path) -> None:
    shutil.rmtree(small.reference)
    with pytest.raises(UsageError, match="not in this copy"):
        release(small, tmp_path / "out")


# ---------------------------------------------------------------------- the wheel


def test_the_wheel_holds_the_engine_and_no_answers(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    skipped = shutil.ignore_patterns("__pycache__")
    for name in ("autograder", "reports", "reference", "rubrics", "student_template", "tests", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=skipped)
    code = "import setuptools.build_meta as backend; print(backend.build_wheel('dist'))"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "autograder/cli/release.py" in names
    assert any(name.startswith("reports/templates/") for name in names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"autograder", "reports"}
    assert not [name for name in names if "golden/" in name or name.endswith((".yaml", ".ipynb"))]
