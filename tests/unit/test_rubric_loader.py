"""A rubric's mistakes are refused with file, line, column and the nearest right name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
from autograder.errors import RubricError
from autograder.registry import content_root, find_assignment
from autograder.rubric.loader import load_rubric, read_rubric
from autograder.rubric.sources import read_source

SMALL = """\
schema: 1
part: a
title: Small
points: 4
false_fail_rate: 1.0e-3
filenames: ["*.ipynb"]
limits: {cell_seconds: 300}
sections:
  a1:
    headings: ["A1"]
evidence:
  a1.count:
    kind: array
    about: the draws
    names: [draws]
    shape: [n, 2]
  a1.spare:
    kind: number
    about: a number
challenges:
  a1.ess:
    mode: call
    draw: positive_weights
    params: {n: 500}
    names: [ess]
truths:
  a1.envelope:
    truth: envelope
    params:
      target: {weights: [1.0], means: [[0.0, 0.0]], covariances: [[[1.0, 0.0], [0.0, 1.0]]]}
      sigma: 2.5
errata:
  - item: a1
    title: A slip
    text: What is marked.
items:
  - id: a1
    title: Draws
    points: 4
    checks:
      - id: a1.count
        check: rows_kept
        title: Enough rows
        points: 1
        params: {evidence: a1.count, n: 10000}
      - id: a1.ess
        check: ess_function_agrees
        title: The function is right
        points: 3
        twin: a1.count
        params: {challenge: a1.ess}
"""
MAIN = "schema: 1\nassignment: tiny\ntitle: Tiny\nparts: [part_a.yaml]\n"


def written(folder: Path, part: str, main: str = MAIN) -> Path:
    (folder / "rubric.yaml").write_text(main, encoding="utf-8")
    (folder / "part_a.yaml").write_text(part, encoding="utf-8")
    return folder / "rubric.yaml"


def edited(old: str, new: str, text: str = SMALL) -> str:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    return text.replace(old, new)


def refused(path: Path) -> list[str]:
    """Return the problems without the folder in front of the file's name."""
    with pytest.raises(RubricError) as caught:
        read_rubric(path)
    return [str(problem).removeprefix(f"{path.parent}/") for problem in caught.value.problems]


def place(text: str, needle: str, skip: int = 0) -> str:
    """Return `part_a.yaml:line:column` of the sign `skip` after the start of `needle`."""
    at = text.index(needle) + skip
    return f"part_a.yaml:{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"


def test_the_shipped_rubric_loads() -> None:
    rubric = load_rubric(find_assignment("aml-a3"))
    part = rubric.part("a")
    assert rubric.assignment == "aml-a3"
    assert part.points == 50 == sum(item.points for item in part.items)
    assert part.false_fail_rate == 1e-3
    assert len(rubric.sha256) == 64
    with pytest.raises(KeyError):
        rubric.part("z")


def test_a_slip_in_the_shipped_rubric_is_placed(tmp_path: Path) -> None:
    shutil.copytree(content_root() / "rubrics" / "aml-a3", tmp_path, dirs_exist_ok=True)
    path = tmp_path / "part_a.yaml"
    text = edited("check: density_agrees", "check: density_agree", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    where = place(text, "check: density_agree\n")
    assert refused(tmp_path / "rubric.yaml") == [
        f"{where}: there is no check 'density_agree'; did you mean 'density_agrees'?"
    ]


def test_the_small_rubric_is_right(tmp_path: Path) -> None:
    part = read_rubric(written(tmp_path, SMALL)).part("a")
    assert [check.id for _, check in part.checks()] == ["a1.count", "a1.ess"]


ONE_MISTAKE = {
    "misspelt check": (
        "check: rows_kept",
        "check: row_kept",
        0,
        "there is no check 'row_kept'; did you mean 'rows_kept'?",
    ),
    "points as text": ("points: 1\n", 'points: "1"\n', 0, "'1' is text; write the number without quotes"),
    "text in params": (
        "n: 10000}",
        'n: "10000"}',
        0,
        "'10000' is text; write the number without quotes",
    ),
    "text in a draw": ("n: 500", 'n: "500"', 0, "'500' is text; write the number without quotes"),
    "text in a truth": ("sigma: 2.5", 'sigma: "2.5"', 0, "'2.5' is text; write the number without quotes"),
    "text in limits": (
        "cell_seconds: 300",
        'cell_seconds: "300"',
        0,
        "'300' is text; write the number without quotes",
    ),
    "unknown key of a check": (
        "twin: a1.count",
        "twinn: a1.count",
        0,
        "unknown key 'twinn'; did you mean 'twin'?",
    ),
    "unknown key of an item": (
        "title: Draws\n",
        "title: Draws\n    sheets: 1\n",
        17,
        "unknown key 'sheets'; did you mean 'sheet'?",
    ),
    "unknown key of the part": (
        "filenames:",
        "filename: x\nfilenames:",
        0,
        "unknown key 'filename'; did you mean 'filenames'?",
    ),
    "unknown key of evidence": ("names: [draws]", "name: [draws]", 0, "did you mean 'names'?"),
    "unknown key of params": (
        "params: {evidence: a1.count, n: 10000}",
        "params: {evidence: a1.count, n: 10000, slak: 1}",
        39,
        "unknown key 'slak'; did you mean 'slack'?",
    ),
    "unknown evidence": (
        "evidence: a1.count, n",
        "evidence: a1.cuont, n",
        0,
        "no evidence is declared as 'a1.cuont'; did you mean 'a1.count'?",
    ),
    "unknown challenge": (
        "challenge: a1.ess",
        "challenge: a1.es",
        0,
        "no challenge is declared as 'a1.es'; did you mean 'a1.ess'?",
    ),
    "unknown twin": (
        "twin: a1.count",
        "twin: a1.cuont",
        0,
        "no other check is called 'a1.cuont'; did you mean 'a1.count'?",
    ),
    "itself as twin": ("twin: a1.count", "twin: a1.ess", 0, "no other check is called 'a1.ess'"),
    "unknown follows": ("twin: a1.count", "follows: a1.coumt", 0, "did you mean 'a1.count'?"),
    "unknown proof": ("twin: a1.count", "proof: a1.coumt", 0, "did you mean 'a1.count'?"),
    "unknown draw": (
        "draw: positive_weights",
        "draw: positive_weight",
        0,
        "there is no draw 'positive_weight'; did you mean 'positive_weights'?",
    ),
    "unknown truth": (
        "truth: envelope",
        "truth: envelop",
        0,
        "there is no truth 'envelop'; did you mean 'envelope'?",
    ),
    "id of another item": ("id: a1.ess", "id: b1.ess", 0, "expected an id that starts with 'a1.'"),
    "section of no item": ("  a1:\n    headings", "  a9:\n    headings", 2, "there is no item 'a9'"),
    "erratum of no item": ("- item: a1", "- item: a9", 2, "there is no item 'a9'"),
    "unknown kind": ("kind: number", "kind: numbr", 0, "found 'numbr'"),
    "unknown agreement": (
        "about: a number",
        "about: a number\n    agrees: [a1.ez]",
        29,
        "no check is called 'a1.ez'; did you mean 'a1.ess'?",
    ),
}


@pytest.mark.parametrize("name", ONE_MISTAKE)
def test_a_mistake_is_refused_where_it_is(tmp_path: Path, name: str) -> None:
    old, new, skip, said = ONE_MISTAKE[name]
    text = edited(old, new)
    problems = refused(written(tmp_path, text))
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"{place(text, new, skip)}: ")
    assert said in problems[0]


def test_the_points_of_a_part_add_up(tmp_path: Path) -> None:
    text = edited("points: 4\nfalse", "points: 6\nfalse")
    assert refused(written(tmp_path, text)) == [
        "part_a.yaml:4:1: the part has 6 points, but its items add up to 4"
    ]


def test_the_points_of_an_item_add_up(tmp_path: Path) -> None:
    text = edited("points: 3", "points: 2")
    where = place(text, "points: 4\n    checks")
    assert refused(written(tmp_path, text)) == [
        f"{where}: item 'a1' has 4 points, but its checks add up to 3"
    ]


@pytest.mark.parametrize("points", ["-1", ".nan", ".inf"])
def test_points_that_cannot_be_given_are_refused(tmp_path: Path, points: str) -> None:
    text = edited("points: 1\n", f"points: {points}\n")
    problems = refused(written(tmp_path, text))
    where = place(text, f"points: {points}\n")
    assert any(problem.startswith(f"{where}: expected points of 0 or more") for problem in problems)


def test_a_duplicate_key_is_refused(tmp_path: Path) -> None:
    text = edited("title: Enough rows\n", "title: Enough rows\n        title: Again\n")
    (problem,) = refused(written(tmp_path, text))
    assert problem.startswith(f"{place(text, 'title: Again')}: the key stands twice")
    assert "title" in problem


def test_a_duplicate_key_of_the_main_file_is_refused(tmp_path: Path) -> None:
    (problem,) = refused(written(tmp_path, SMALL, MAIN + "title: Again\n"))
    assert problem.startswith("rubric.yaml:5:1: the key stands twice")


def test_a_duplicate_check_id_is_refused(tmp_path: Path) -> None:
    text = edited("- id: a1.ess", "- id: a1.count")
    problems = refused(written(tmp_path, text))
    where = place(text, "- id: a1.count\n        check: ess", 2)
    assert f"{where}: the check id 'a1.count' stands twice; ids are unique in a part" in problems


def test_a_missing_key_is_placed_at_its_owner(tmp_path: Path) -> None:
    text = edited("        title: Enough rows\n", "")
    (problem,) = refused(written(tmp_path, text))
    assert problem.startswith(place(text, "- id: a1.count", 2))
    assert "the key 'title' is missing" in problem


def test_several_problems_are_reported_at_once(tmp_path: Path) -> None:
    text = edited("check: rows_kept", "check: row_kept")
    text = edited("draw: positive_weights", "draw: positive_weight", text)
    text = edited("points: 4\n    checks", "points: 5\n    checks", text)
    problems = refused(written(tmp_path, text))
    assert len(problems) == 4  # the item's points no longer add up with the part's either
    assert all(problem.startswith("part_a.yaml:") for problem in problems)


def test_problems_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, edited("points: 1\n", 'points: "1"\n'), MAIN + "titel: Again\n")
    problems = refused(path)
    assert [problem.split(":")[0] for problem in problems] == ["rubric.yaml", "part_a.yaml"]
    assert problems[0] == "rubric.yaml:5:1: unknown key 'titel'; did you mean 'title'?"


def test_what_the_main_file_must_hold(tmp_path: Path) -> None:
    assert refused(written(tmp_path, SMALL, "- a\n")) == [
        "rubric.yaml:1:1: expected a mapping with assignment, title and parts"
    ]
    problems = refused(written(tmp_path, SMALL, "schema: 1\nparts: part_a.yaml\n"))
    assert problems == [
        "rubric.yaml:1:1: the key 'assignment' is missing",
        "rubric.yaml:1:1: the key 'title' is missing",
        "rubric.yaml:2:1: expected a list of part files, such as [part_a.yaml]",
    ]


@pytest.mark.parametrize("value", ["7", "[a]", "null"])
def test_a_title_that_is_no_text_is_refused_in_the_main_file(tmp_path: Path, value: str) -> None:
    (problem,) = refused(written(tmp_path, SMALL, MAIN.replace("title: Tiny", f"title: {value}")))
    assert problem.startswith("rubric.yaml:3:1: ")


def test_a_part_that_is_not_asked_for_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, SMALL)
    assert [part.part for part in read_rubric(path, ["a"]).parts] == ["a"]
    with pytest.raises(RubricError, match=r"rubric\.yaml:4:1: there is no part 'b' \(there are: a\)"):
        read_rubric(path, ["b"])


def test_a_missing_part_file_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, SMALL)
    (tmp_path / "part_a.yaml").unlink()
    (problem,) = refused(path)
    assert problem.startswith("part_a.yaml: cannot be read (No such file or directory)")


def test_a_part_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, SMALL)
    (tmp_path / "part_a.yaml").write_bytes("title: Entwürfe\n".encode("latin-1"))
    assert refused(path) == ["part_a.yaml: is not UTF-8 text (byte 11); save it as UTF-8"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: Enough rows", "title: Enough: rows"),
        ("names: [ess]", "names: [ess"),
        ("names: [ess]", "names: *nothing"),
        ("title: Small", 'title: "Small'),
        ("    about: a number", "\tabout: a number"),
    ],
)
def test_broken_yaml_is_placed(tmp_path: Path, old: str, new: str) -> None:
    (problem,) = refused(written(tmp_path, edited(old, new)))
    file, line, column, text = problem.split(":", 3)
    assert file == "part_a.yaml"
    assert int(line) >= 1
    assert int(column) >= 1
    assert "is no valid YAML" in text


@pytest.mark.parametrize("text", ["", "7\n", "- a\n", "just text\n"])
def test_a_part_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (problem,) = refused(written(tmp_path, text))
    assert problem.startswith("part_a.yaml:1:1: ")


def test_a_file_is_read_anew_when_it_changed_and_what_it_gives_is_the_callers_own(tmp_path: Path) -> None:
    path = tmp_path / "facts.yaml"
    path.write_text("a: [1, 2]\n", encoding="utf-8")
    first = read_source(path)
    first.data["a"].append(3)
    assert read_source(path).data == {"a": [1, 2]}
    path.write_text("b: [1, 2]\n", encoding="utf-8")
    changed = read_source(path)
    assert (changed.data, changed.positions[("b", 1)]) == ({"b": [1, 2]}, (1, 8))
    assert changed.digest != first.digest


def test_scalars_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    path = tmp_path / "facts.yaml"
    path.write_text("a: 1e-3\nb: no\nc: 010\nd: true\ne: 1_000\nf: ~\ng: 0o10\nh: on\n", encoding="utf-8")
    data = read_source(path).data
    assert data["a"] == 1e-3
    assert data["b"] == "no"
    assert data["c"] == 10
    assert data["d"] is True
    assert data["f"] is None
    assert data["g"] == 8
    assert data["h"] == "on"
    assert all(type(value) in (float, str, int, bool, type(None)) for value in data.values())


def test_a_rate_in_short_form_is_a_number(tmp_path: Path) -> None:
    path = written(tmp_path, edited("false_fail_rate: 1.0e-3", "false_fail_rate: 1e-3"))
    assert read_rubric(path).part("a").false_fail_rate == 1e-3


def test_the_digest_follows_the_bytes_of_every_file(tmp_path: Path) -> None:
    first = read_rubric(written(tmp_path, SMALL)).sha256
    assert read_rubric(written(tmp_path, SMALL)).sha256 == first
    assert read_rubric(written(tmp_path, SMALL + "# a comment\n")).sha256 != first
    assert read_rubric(written(tmp_path, SMALL, MAIN + "# a comment\n")).sha256 != first


GUIDED = """\
      - id: a1.note
        check: is_written
        title: A comment
        points: 0
        params: {prompt: Comment., words: [step]}
        criteria:
"""


@pytest.mark.parametrize(
    ("guide", "needle", "said"),
    [
        (
            "          - {points: 1, text: x}\n",
            "criteria:",
            "a1.note' has 0 points, but its criteria add up to 1",
        ),
        (
            "          - {points: -1, text: x}\n          - {points: 1, text: y}\n",
            "-1, text",
            "expected points of more than 0",
        ),
        ("          - {points: 1}\n", "points: 1}", "text"),
    ],
)
def test_a_marking_guide_adds_up_to_the_points_of_its_check(
    tmp_path: Path, guide: str, needle: str, said: str
) -> None:
    text = SMALL + GUIDED + guide
    problems = refused(written(tmp_path, text))
    assert len(problems) == 1, problems
    line = place(text, needle).split(":")[1]
    assert problems[0].split(":")[1] == line
    assert said in problems[0]


@pytest.mark.parametrize(
    "guide", ["        criteria: [{points: 3, text: x}]\n", "        model_answer: All of it.\n"]
)
def test_only_written_answers_have_a_marking_guide(tmp_path: Path, guide: str) -> None:
    problems = refused(written(tmp_path, SMALL + guide))
    assert problems == [
        f"{place(SMALL + guide, guide.strip())}: {guide.split(':')[0].strip()} is the marking guide of a "
        "written answer, and 'a1.ess' is none"
    ]


def test_every_written_answer_that_is_shipped_has_a_marking_guide() -> None:
    rubric = load_rubric(find_assignment("aml-a3"))
    written_checks = [
        check for part in rubric.parts for _, check in part.checks() if check.check == "is_written"
    ]
    assert len(written_checks) == 5
    assert all(check.criteria and check.model_answer for check in written_checks)
