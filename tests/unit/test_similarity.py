"""What notebooks share: copies under disguises are found, independent solutions are not shown, no mark is touched."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from disguises import DISGUISES, everything
from review_runs import grade_of, make_run, rubric_of

import reports
from autograder import cli
from autograder.refreshing import stored_grades
from autograder.registry import find_assignment
from autograder.results import write_class_page
from autograder.similarity import comparing, evidence, thresholds, winnowing
from autograder.similarity.comparing import Given, Reading
from autograder.similarity.documents import Document
from autograder.similarity.tokens import MAX_TOKENS, tokens_of
from autograder.similarity.written import alike_texts, texts_of
from autograder.store import RunDirectory, RunInfo, read_json, write_json, write_record

ROOT = Path(__file__).parents[2]
HOSTILE = "<script>alert(1)</script>"
VERDICTS = re.compile(
    r"plagiari|cheat|guilty|dishonest|suspect|suspicious|offen[cd]|fraud|culprit", re.IGNORECASE
)

Code = Sequence[str]


def words(*cells: str) -> list[str]:
    return [token.word for token in tokens_of(enumerate(cells))]


@pytest.fixture(scope="module")
def course() -> evidence.Course:
    return evidence.of_course(find_assignment("aml-a3"), "a")


@pytest.fixture(scope="module")
def solutions() -> dict[str, list[str]]:
    found = evidence.independent_solutions(find_assignment("aml-a3"), "a")
    return {name: [source for _, source in code] for name, code in found.items()}


def read(code: Code, given: Given) -> Reading:
    return comparing.read(enumerate(code), given)


# ------------------------------------------------------------------------ words


def test_loops_are_told_alike_however_they_are_written() -> None:
    counted = "out = []\nfor i in range(n):\n    out.append(np.exp(-xs[i] ** 2) / norm)"
    turned = "found = []\nj = 0\nwhile j < n:\n    found.append(np.exp(-ys[j] ** 2) / z)\n    j += 1"
    short = "values = [np.exp(-ys[j] ** 2) / z for j in range(n)]"
    assert words(counted) == words(turned)
    assert " ".join(words(counted)) in " ".join(words(short))


def test_names_literals_comments_and_layout_say_nothing() -> None:
    one = 'import numpy as np\ndef f(x: int) -> int:\n    """Doc."""\n    y = np.log(x + 2)  # why\n    return y * len(x)'
    other = (
        "import numpy as lib\ndef density(v):\n    z = lib.log(\n        v + 17\n    )\n    return z * len(v)"
    )
    assert words(one) == words(other)


def test_what_is_computed_says_all() -> None:
    assert words("y = np.log(x)") != words("y = np.exp(x)")
    assert words("y = a + b * c") != words("y = a * b + c")


def test_adding_to_itself_is_an_assignment() -> None:
    assert words("total += f(x)") == words("total = total + f(x)")
    assert words("i += 1", "i = i + 1", "n = 3", "x = None") == []


def test_cells_that_are_no_python_are_compared_by_their_text() -> None:
    assert words("def f(:\n  return np.exp(x") != []
    assert words("def g(:\n  return np.exp(y") == words("def f(:\n  return np.exp(x")
    assert words("%matplotlib inline\ny = f(x)") == words("y = f(x)")


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "+".join(["a"] * 5000),
        "(" * 500 + ")" * 500,
        "x = '\ud800'",
        "\x00",
        "x" * 100_000,
        "if" * 3000,
    ],
    ids=["sum", "brackets", "surrogate", "nul", "long", "keywords"],
)
def test_odd_cells_are_no_failure(source: str) -> None:
    found = words(source)
    winnowing.prints_of(found)
    assert len(found) <= MAX_TOKENS


def test_a_notebook_is_read_up_to_a_bound() -> None:
    assert len(words("y = f(x) * g(x)\n" * 20_000)) == MAX_TOKENS


# ----------------------------------------------------- copies and independent work


def limit_without(names: Sequence[str], shares: dict[tuple[str, str], float]) -> float:
    """The threshold for a class of 300, derived without the pairs of these notebooks."""
    others = [share for pair, share in shares.items() if not set(pair) & set(names)]
    return thresholds.derived(others, 300 * 299 // 2).value


@pytest.fixture(scope="module")
def shares(course: evidence.Course, solutions: dict[str, list[str]]) -> dict[tuple[str, str], float]:
    readings = {name: read(code, course.given) for name, code in solutions.items()}
    return {
        pair: comparing.share_of(*(readings[name] for name in pair)) for pair in combinations(readings, 2)
    }


def test_independent_solutions_are_not_shown(shares: dict[tuple[str, str], float]) -> None:
    assert len(shares) >= 200
    shown = [pair for pair, share in shares.items() if share >= limit_without(pair, shares)]
    assert shown == []


@pytest.mark.parametrize("disguise", DISGUISES)
def test_disguised_copies_are_shown(
    disguise: str,
    course: evidence.Course,
    solutions: dict[str, list[str]],
    shares: dict[tuple[str, str], float],
) -> None:
    draw = random.Random(7)
    for name, code in solutions.items():
        copy = DISGUISES[disguise](code, draw)
        share = comparing.share_of(read(code, course.given), read(copy, course.given))
        assert share >= limit_without([name], shares), name


def test_disguises_change_the_text(solutions: dict[str, list[str]]) -> None:
    code = solutions["loops"]
    for name, disguise in DISGUISES.items():
        assert disguise(code, random.Random(1)) != list(code), name


def test_the_template_alone_leaves_nothing(course: evidence.Course) -> None:
    cells = read_json(ROOT / "student_template" / "aml-a3" / "part_a.ipynb")["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert not read(code, course.given).prints.at
    assert not read(DISGUISES["names changed"](code, random.Random(3)), course.given).prints.at


# --------------------------------------------------------------------- thresholds


def test_threshold_grows_with_the_class_and_is_never_below_what_was_seen() -> None:
    independent = [0.01 * n for n in range(21)]
    small, large = (thresholds.derived(independent, n).value for n in (1, 100_000))
    assert 0.2 <= small < large <= 1


def test_threshold_is_the_quantile_that_it_claims() -> None:
    """With shares that do fall off exponentially a class of 100 pairs reaches it in one of twenty."""
    draw = random.Random(5)
    reached = 0
    for _ in range(2000):
        limit = thresholds.derived([draw.expovariate(50) for _ in range(400)], 100)
        reached += any(draw.expovariate(50) >= limit.value for _ in range(100))
    assert 0.03 <= reached / 2000 <= 0.075


def test_few_independent_solutions_give_the_general_threshold() -> None:
    assert thresholds.derived([0.9] * 3, 10).value == thresholds.STANDARD
    assert thresholds.derived([0.0] * 50, 10).value == 0.0


# ------------------------------------------------------------------------ regions


def test_regions_with_a_number_belong_together() -> None:
    first = "y = np.exp(-0.5 * d @ np.linalg.inv(s) @ d) / np.sqrt(np.linalg.det(2 * np.pi * s))"
    second = "acf = np.array([np.mean((x[: n - k] - m) * (x[k:] - m)) / np.var(x) for k in range(lags + 1)])"
    apart = (
        "table = pd.DataFrame(rows).groupby('kind').agg(['mean', 'std']).round(3).sort_index(ascending=False)"
    )
    ones, others = (
        [token.word for token in tokens_of(enumerate(cells))]
        for cells in ((first, apart, second), (second, first))
    )
    one, other = winnowing.prints_of(ones), winnowing.prints_of(others)
    left, right = winnowing.shared_regions(one, other)
    assert [region.number for region in left] == [1, 2]
    assert [region.number for region in right] == [2, 1]
    assert " ".join(ones[left[0].start : left[0].stop]) in " ".join(others)


def test_nothing_shared_has_no_regions() -> None:
    one = winnowing.prints_of([str(n) for n in range(50)])
    other = winnowing.prints_of([str(n) for n in range(100, 150)])
    assert winnowing.shared_regions(one, other) == ([], [])
    assert winnowing.prints_of(["a"] * 5).at == {}


def test_every_notebook_of_a_cluster_is_in_one_of_the_first_pairs() -> None:
    listed = [comparing.Pair(a, b, 1 - 0.01 * (a + b), 50) for a, b in combinations(range(12), 2)]
    first = comparing.holding_first(sorted(listed, key=lambda pair: -pair.share))
    assert {end for pair in first[:11] for end in (pair.one, pair.other)} == set(range(12))
    assert set(first) == set(listed)


# -------------------------------------------------------------------------- a run


def notebook(code: Code, texts: Code = ()) -> dict[str, Any]:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": text} for text in texts]
    cells += [
        {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for source in code
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


ANSWER = (
    "The acceptance rate falls with the step, and the autocorrelation is smallest in between, because short steps hardly "
    "move and long ones are refused."
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, solutions: dict[str, list[str]]) -> RunDirectory:
    """A class of seven: two independent, a disguised copy, the same file twice, one hostile, one unreadable, one short."""
    draw = random.Random(11)
    hostile = [*solutions["lists"], f"print('{HOSTILE}')  # {HOSTILE}\u202e"]
    codes = {
        "ada": solutions["loops"],
        "bo": solutions["vectorised"],
        "cy": everything(solutions["loops"], draw),
        "di": solutions["generator"],
        "ed": solutions["generator"],
        "fay": hostile,
        "gus": everything(hostile, draw),
        "hal": ["print(1)"],
        "ida": [],
    }
    rubric = rubric_of()
    grades = []
    for name in codes:
        grade = grade_of(rubric, name)
        digest = hashlib.sha256(json.dumps(codes[name]).encode()).hexdigest()
        students = (f"{name} {HOSTILE}",) if name == "fay" else (name,)
        about = {"digests": {"a": digest}, "students": students}
        if name == "ida":
            about |= {"problem": "part_a.ipynb is a PDF", "sources": {}}
        grades.append(grade.model_copy(update={"submission": grade.submission.model_copy(update=about)}))
    made = make_run(tmp_path_factory.mktemp("similar") / "run", rubric, grades)
    for name, code in codes.items():
        if name != "ida":
            texts = (
                [ANSWER.replace("short", "tiny") if name == "cy" else ANSWER] if name in ("ada", "cy") else []
            )
            write_json(made.submission(name) / "input.ipynb", notebook(code, texts))
    return made


def pairs_of(part: dict[str, Any]) -> set[frozenset[str]]:
    return {frozenset(side["id"] for side in pair["sides"]) for pair in part["pairs"]}


def test_a_class_is_compared(run: RunDirectory) -> None:
    part = evidence.compare(run)["parts"][0]
    assert pairs_of(part) == {frozenset({"ada", "cy"}), frozenset({"fay", "gus"})}
    assert part["threshold"]["how"] == "derived"
    assert [[one["id"] for one in group["members"]] for group in part["same"]] == [["di", "ed"]]
    assert part["same"][0]["is_file"]
    assert [one["id"] for one in part["too_little"]] == ["hal"]
    assert [[one["id"] for one in cluster["members"]] for cluster in part["clusters"]] == [
        ["ada", "cy"],
        ["fay", "gus"],
    ]
    assert (
        sum(part["histogram"]) == part["n_compared"] == 15
    )  # of six: the second of the same two is not compared
    texts = [{side["id"] for side in pair["sides"]} for pair in part["texts"]]
    assert texts == [{"ada", "cy"}]


def test_a_submission_that_cannot_be_read_is_listed_with_its_reason(run: RunDirectory) -> None:
    assert [(one["id"], one["why"]) for one in evidence.compare(run)["unread"]] == [
        ("ida", "part_a.ipynb is a PDF")
    ]


def test_the_verb_writes_a_page_and_changes_no_mark(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    write_class_page(run, stored_grades(run))
    assert "similarity.html" not in run.index.read_text(encoding="utf-8")
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    assert cli.run(["similarity", str(run.path), "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown == read_json(run.path / "similarity.json")
    after = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    new = {path.name for path in after if path not in before}
    assert new <= {"similarity.html", "similarity.json", ".lock"}
    changed = {path.name for path in before if path.name != ".lock" and before[path] != after[path]}
    assert changed <= {"index.html"}
    assert 'href="similarity.html"' in run.index.read_text(encoding="utf-8")
    assert cli.run(["similarity", str(run.path)]) == 1
    assert "shown from" in capsys.readouterr().out


def test_the_page_holds_no_verdict_and_nothing_active(run: RunDirectory) -> None:
    page = reports.render_similarity(evidence.compare(run))
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "\u202e" not in page
    assert "default-src &#39;none&#39;" in page
    assert not VERDICTS.search(page)
    assert "changes no mark" in page
    assert page.count("<details") == page.count("</details>")
    assert "the same file, byte for byte" in page
    assert 'class="row is-shared"' in page
    assert page.count("<svg") == 3  # the shares, two clusters


def test_a_class_without_anything_alike_says_so(
    tmp_path: Path, solutions: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    rubric = rubric_of()
    made = make_run(tmp_path / "run", rubric, [grade_of(rubric, name) for name in ("ada", "bo")])
    for name, style in (("ada", "loops"), ("bo", "scipy_frozen")):
        write_json(made.submission(name) / "input.ipynb", notebook(solutions[style]))
    assert cli.run(["similarity", str(made.path)]) == 0
    assert "No pair reaches that share." in (made.path / "similarity.html").read_text(encoding="utf-8")
    capsys.readouterr()


def test_a_class_of_one_and_an_empty_run_are_no_failure(tmp_path: Path) -> None:
    rubric = rubric_of()
    made = make_run(tmp_path / "run", rubric, [grade_of(rubric, "ada")])
    found = evidence.compare(made)
    assert found["unread"][0]["id"] == "ada"
    reports.render_similarity(found)


def test_a_damaged_notebook_of_the_run_is_listed(tmp_path: Path) -> None:
    rubric = rubric_of()
    made = make_run(tmp_path / "run", rubric, [grade_of(rubric, name) for name in ("ada", "bo")])
    (made.submission("ada") / "input.ipynb").write_text('{"cells": [', encoding="utf-8")
    (made.submission("bo") / "submission.json").write_text("{", encoding="utf-8")
    why = {one["id"]: one["why"] for one in evidence.compare(made)["unread"]}
    assert "its end is missing" in why["ada"]
    assert "submission.json is missing or damaged" in why["bo"]


def test_earlier_classes_are_compared_with_but_not_among_themselves(
    run: RunDirectory, tmp_path: Path, solutions: dict[str, list[str]]
) -> None:
    draw = random.Random(2)
    folder = tmp_path / "year-2024"
    for name, code in {
        "zoe": everything(solutions["vectorised"], draw),
        "yan": solutions["lists"],
        "xi": solutions["scipy_frozen"],
        "wu": everything(solutions["scipy_frozen"], draw),
    }.items():
        write_json(folder / name / "part_a.ipynb", notebook(code))
    (folder / "vic").mkdir()
    (folder / "vic" / "part_a.ipynb").write_bytes(b"%PDF-1.5")
    class_ = RunDirectory(shutil.copytree(run.path, tmp_path / "run"))
    # the rubric of this run finds parts by name
    rubric = rubric_of()
    rubric = rubric.model_copy(
        update={"parts": [rubric.parts[0].model_copy(update={"filenames": ["part_a.ipynb"]})]}
    )
    write_json(class_.rubric, rubric.model_dump(mode="json"))
    found = evidence.compare(class_, [folder])
    part = found["parts"][0]
    assert part["n_pool"] == 4
    assert pairs_of(part) >= {frozenset({"bo", "zoe"}), frozenset({"fay", "yan"}), frozenset({"gus", "yan"})}
    assert not any(pair <= {"zoe", "yan", "xi", "wu"} for pair in pairs_of(part))
    assert any(one["id"] == "vic" and "PDF" in one["why"] for one in found["unread"])
    page = reports.render_similarity(found)
    assert "year-2024" in page
    assert "submissions/zoe" not in page  # there is no report of theirs here


def test_a_pool_is_a_run_of_the_same_assignment_or_a_folder(run: RunDirectory, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_record(other / "run.json", RunInfo(assignment="gm-a0", parts=("a",), source="", secret="0" * 32))
    assert cli.run(["similarity", str(run.path), "--pool", str(other)]) == 2
    assert cli.run(["similarity", str(run.path), "--pool", str(tmp_path / "nowhere")]) == 2
    found = evidence.compare(run, [run.path])
    assert found["parts"][0]["n_pool"] == 8
    assert all(
        {side["pool"] for side in pair["sides"]} == {""} for pair in found["parts"][0]["pairs"]
    )  # its own again: the same cells, not new pairs


def test_the_result_does_not_depend_on_the_process(run: RunDirectory) -> None:
    code = (
        "import json, sys; from pathlib import Path; from autograder.similarity.evidence import compare; "
        "from autograder.store import RunDirectory; print(json.dumps(compare(RunDirectory(Path(sys.argv[1])))))"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code, str(run.path)],
        env=os.environ | {"PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(asked.stdout) == json.loads(json.dumps(evidence.compare(run)))


def test_without_the_library_it_is_said_how_to_get_it(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    winnowing.library.cache_clear()
    monkeypatch.setitem(sys.modules, "copydetect", None)
    assert cli.run(["similarity", str(run.path)]) == 2
    assert "generative-autograder[similarity]" in capsys.readouterr().err
    monkeypatch.undo()
    winnowing.library.cache_clear()


# -------------------------------------------------------------------------- texts


def document(name: str, *texts: str) -> Document:
    from autograder.probes.notebooks import read_cells

    return Document(name, (name,), "a", read_cells(notebook([], texts), {}))


def test_texts_are_compared_without_the_template_and_short_ones_not_at_all() -> None:
    given = frozenset({"explainyouranswerinafewsentencesandgivenumberswhereyoucanplease,thankyou."})
    prompt = "Explain your answer in a few sentences and give numbers where you can please, thank you."
    listed = [
        document("a", ANSWER, prompt, "Too short."),
        document("b", ANSWER.upper(), prompt, "Too short."),
    ]
    texts = texts_of(listed, given)
    found = alike_texts(texts, 2)
    assert [(one.one.document, one.other.document, one.ratio) for one in found] == [(0, 1, 1.0)]
    assert alike_texts(texts, 0) == []


def test_a_text_that_a_whole_class_hands_in_is_found() -> None:
    listed = [document(f"s{n}", ANSWER) for n in range(120)]
    found = alike_texts(texts_of(listed, frozenset()), len(listed))
    assert len(found) == 119
