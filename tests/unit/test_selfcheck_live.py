"""`check()` in a running notebook: what it can tell from values, and that it changes nothing."""

from __future__ import annotations

import random
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_selfcheck import chosen

import autograder
from autograder.judging import judge_check
from autograder.probes.evidence import NotObserved
from autograder.records import Status
from autograder.rubric.public import public_part
from autograder.selfcheck import live, observing
from autograder.selfcheck.choosing import Chosen
from autograder.selfcheck.live import UNSEEN, check_namespace
from autograder.selfcheck.results import ELSEWHERE, CheckedClaim, Outcome, SelfCheck
from tests.corpus.public_rubrics import write_public

torch.set_num_threads(1)

DENSITY = """
import random
import numpy as np
import torch
from scipy.stats import multivariate_normal as normal

calls = []
grid_density = np.ones((200, 200))
rng = np.random.default_rng(5)
model = torch.nn.Linear(2, 2)

def mixture_density(points):
    global grid_density, made
    calls.append(len(points))
    grid_density[:] = 0.0
    grid_density = None
    made = 1
    np.random.seed(0); random.seed(0); torch.manual_seed(0)
    rng.random(3); np.random.rand(3); random.random(); torch.rand(3)
    model.eval()
    with torch.no_grad():
        model.weight.zero_()
    print("called")
    return normal([0.0, 0.0], np.eye(2)).pdf(np.asarray(points))
"""
"""A density whose every call changes whatever it can reach."""

DRAWS = """
accepted_samples = np.zeros((10_000, 2))
is_draws = np.zeros((49_000, 2))
"""


def names_of(*cells: str) -> dict[str, Any]:
    """The namespace of a notebook in which some cells ran."""
    names: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
    for source in cells:
        exec(compile(source, "<cell>", "exec"), names)
    return names


def claims(result: SelfCheck) -> dict[str, CheckedClaim]:
    return {check.id: check for check in result.checks}


def checked(names: dict[str, Any], asked: Chosen | None = None) -> dict[str, CheckedClaim]:
    return claims(check_namespace(names, asked or chosen("a")))


def state_of(names: dict[str, Any]) -> list[Any]:
    """All that a function of the notebook could change."""
    held = [
        (name, id(value), value.tobytes() if isinstance(value, np.ndarray) else None)
        for name, value in names.items()
    ]
    model = names["model"]
    streams = np.random.get_state(legacy=True)  # noqa: NPY002
    return [
        held,
        list(names["calls"]),
        names["rng"].bit_generator.state,
        (model.training, {key: value.tolist() for key, value in model.state_dict().items()}),
        [part.tobytes() if isinstance(part, np.ndarray) else part for part in streams],
        random.getstate(),
        torch.get_rng_state().tolist(),
    ]


@pytest.mark.skipif(not observing.CAN_COPY, reason="processes are copied on Linux alone")
def test_nothing_is_changed(capfd: pytest.CaptureFixture[str]) -> None:
    names = names_of(DENSITY, DRAWS)
    before = state_of(names)
    found = checked(names)
    assert found["a1.float64"].outcome is Outcome.PASSED  # the function was called
    assert state_of(names) == before
    assert capfd.readouterr() == ("", "")


def test_without_a_copy_nothing_is_called_and_nothing_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "CAN_COPY", False)
    names = names_of(DENSITY, DRAWS)
    before = state_of(names)
    found = checked(names)
    assert state_of(names) == before
    assert found["a1.float64"].outcome is Outcome.PASSED  # seen in the arrays
    assert found["a2.count"].outcome is Outcome.PASSED
    del names["grid_density"], names["is_draws"]
    assert checked(names)["a1.float64"].outcome is Outcome.UNCHECKED


@pytest.mark.skipif(not observing.CAN_COPY, reason="processes are copied on Linux alone")
def test_what_a_function_returns_is_looked_at() -> None:
    single = (
        "import numpy as np\ndef mixture_density(points):\n    return np.ones(len(points), dtype=np.float32)"
    )
    claim = checked(names_of(single))["a1.float64"]
    assert claim.outcome is Outcome.LOOK
    assert claim.message == "Not in double precision: what your density returns."


def test_values_are_judged_in_the_sentences_of_the_report() -> None:
    found = checked(names_of(DENSITY, DRAWS))
    assert found["a2.count"].message == "You kept 10,000 rows."
    assert found["a3.count"].message == "You kept 49,000 rows; the sheet's settings give 50,000."
    assert found["a3.count"].outcome is Outcome.LOOK
    assert found["a3.count"].found[0].path == "is_draws"
    assert found["a3.count"].found[0].cell is None  # of a cell nothing is known


@pytest.mark.parametrize("part", ["a", "b", "c"])
@pytest.mark.parametrize("is_home", [False, True])
def test_what_is_not_there_is_no_failure(part: str, is_home: bool) -> None:
    """Figures, seeds, cells and recorders are not seen from inside, and values may not be made yet."""
    asked = chosen(part)
    asked = chosen(part, spec=public_part(asked.part)) if is_home else asked
    result = check_namespace(names_of("x = 1"), asked)
    assert {check.status for check in result.checks} == {Status.BLOCKED}
    assert all(check.message.endswith(ELSEWHERE) for check in result.checks)
    assert not result.is_clear


def test_a_missing_value_is_named() -> None:
    message = checked(names_of("x = 1"))["a2.count"].message
    assert message == f"No value was found for the accepted draws: run the cell that makes it. {ELSEWHERE}"


def test_no_check_of_the_rubric_breaks_on_what_is_not_seen() -> None:
    """Whatever a check looks at beside values, it is told; none takes an empty notebook for a fault of ours."""
    for part in ("a", "b", "c"):
        asked = chosen(part)
        spec = asked.part.model_copy(
            update={
                "items": [
                    item.model_copy(
                        update={"checks": [one.model_copy(update={"public": True}) for one in item.checks]}
                    )
                    for item in asked.part.items
                ]
            }
        )
        everything = chosen(part, spec=spec.model_copy(update={"challenges": {}}))
        found = check_namespace(names_of(DENSITY, DRAWS), everything)
        assert {check.outcome for check in found.checks} <= {Outcome.PASSED, Outcome.LOOK, Outcome.UNCHECKED}


def test_what_is_not_seen_refuses_to_be_looked_at() -> None:
    for look in (bool, len, list, any, lambda one: one[0], lambda one: 3 in one, lambda one: [*one]):
        with pytest.raises(NotObserved):
            look(UNSEEN)
    assert judge_check  # which turns it into a sentence


@pytest.mark.skipif(not observing.CAN_COPY, reason="processes are copied on Linux alone")
@pytest.mark.parametrize("body", ["while True: pass", "import os; os._exit(3)", "import os; os.abort()"])
def test_a_function_that_hangs_or_ends_python_harms_nobody(
    body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "WAIT_SECONDS", 1.0)
    names = names_of(f"def mixture_density(points):\n    {body}", "import numpy as np", DRAWS)
    found = checked(names)
    assert found["a2.count"].outcome is Outcome.PASSED
    assert found["a1.float64"].outcome is Outcome.PASSED  # by the arrays alone


MODEL = """
import torch
from torch import nn

text = "To be, or not to be, that is the question:\\nWhether 'tis nobler AEIaei\\n" * 200
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
itos = {i: c for c, i in stoi.items()}
tokens = torch.tensor([stoi[c] for c in text])
n, m = int(0.9 * len(tokens)), int(0.95 * len(tokens))
train_tokens, validation_tokens, test_tokens = tokens[:n], tokens[n:m], tokens[m:]

class TransformerLM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head, self.dropout = nn.Embedding(len(chars), 16), nn.Linear(16, len(chars)), nn.Dropout(0.1)

    def forward(self, x):
        return self.head(self.dropout(self.embedding(x)))

model = TransformerLM()
model(train_tokens[None, :64]).sum().backward()
greedy, top_k, nucleus = (
    torch.cat([validation_tokens[:64], torch.randint(0, len(chars), (size,))]) for size in (200, 200, 150)
)
"""


@pytest.mark.skipif(not observing.CAN_COPY, reason="processes are copied on Linux alone")
def test_a_model_is_looked_at_beside_the_threads_that_trained_it() -> None:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        big = torch.rand(800, 800)
        assert (
            big @ big
        ).shape == big.shape  # torch has its threads now, which a copy of the process has not
        names = names_of(MODEL)
        model = names["model"]
        before = torch.get_rng_state().tolist(), [one.tolist() for one in model.parameters()]
        grads = [one.grad.tolist() for one in model.parameters()]
        found = checked(names, chosen("c"))
        assert (torch.get_rng_state().tolist(), [one.tolist() for one in model.parameters()]) == before
        assert [one.grad.tolist() for one in model.parameters()] == grads
        assert model.training
    finally:
        torch.set_num_threads(n_threads)
    assert found["c1.vocabulary"].message == "The tokens are 23 characters."
    assert found["c1.splits"].outcome is Outcome.PASSED
    assert found["c3.text_length"].message == "2 of 3 texts have 200 new tokens."


# ------------------------------------------------------------------ `from autograder import check`


def test_the_package_gives_check_and_nothing_else() -> None:
    assert autograder.check is live.check
    with pytest.raises(AttributeError, match="no attribute 'grade_all'"):
        _ = autograder.grade_all


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a student, in which Python was started."""
    write_public(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Shell:
    """What IPython keeps of a notebook."""

    def __init__(self, *cells: str) -> None:
        self.user_ns = names_of(*cells)
        self.user_ns["In"] = ["", *cells]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    made = Shell(DENSITY, DRAWS, "gibbs = metropolis = 1")
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: made))  # type: ignore[arg-type]
    return made


def test_an_item_is_checked_in_the_notebook(home: Path, shell: Shell) -> None:
    result = live.check("a2")
    assert isinstance(result, SelfCheck)
    assert [item.id for item in result.items] == ["a2"]
    assert "✓ 10,000 draws were accepted" in repr(result)
    assert "Only the course will check: 4 more checks" in repr(result)


def test_without_an_item_the_part_is_told_from_what_was_run(home: Path, shell: Shell) -> None:
    result = live.check()
    assert isinstance(result, SelfCheck)
    assert result.part == "a"
    assert len(result.items) == 5


def test_its_own_results_are_not_taken_for_the_students(home: Path, shell: Shell) -> None:
    shell.user_ns |= {"check": live.check, "result": live.check("a2")}
    before = {name: id(value) for name, value in shell.user_ns.items()}
    assert isinstance(live.check("a2"), SelfCheck)
    assert {name: id(value) for name, value in shell.user_ns.items()} == before


def test_elsewhere_the_namespace_of_the_caller_is_looked_at(home: Path) -> None:
    names = names_of("import numpy as np", DRAWS)
    exec("from autograder import check\nfound = check('a2')", names)
    assert claims(names["found"])["a2.count"].outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"item": "a9"}, "no item 'a9'"), ({"part": "b"}, "no part 'b'"), ({"content": "nowhere"}, "no rubric")],
)
def test_wrong_use_is_a_sentence_and_no_traceback(
    asked: dict[str, Any], said: str, home: Path, shell: Shell
) -> None:
    result = live.check(**asked)
    assert repr(result).startswith("Self-check: ")
    assert said in repr(result)
    assert "<p>" in result._repr_html_()


def test_what_may_be_several_parts_says_how_to_choose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_public(tmp_path, ("a", "c"))
    monkeypatch.chdir(tmp_path)
    made = Shell("x = 1")
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: made))  # type: ignore[arg-type]
    assert 'check(part="a", assignment="aml-a3")' in repr(live.check())
    assert isinstance(live.check(part="a"), SelfCheck)


def test_in_a_grading_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, live.OBSERVER, types.ModuleType(live.OBSERVER))
    assert "left out" in repr(live.check("a2"))
