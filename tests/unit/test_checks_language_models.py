"""What a notebook trained and generated, as it was left: correct notebooks in several styles, and typical mistakes."""

# ruff: noqa: E501  # students' code in lines as they write it

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernel_asker import ask
from neural_specs import HEAD, role

import autograder.registered  # noqa: F401  # fills the registries
from autograder.checks import language_models
from autograder.checks.findings import Context, Finding
from autograder.checks.language_models import size_of, trained_in
from autograder.golden import Golden, GoldenValue
from autograder.probes.bindings import Bound, Tier
from autograder.probes.evidence import Evidence, gather
from autograder.probes.observations import Leaf, read_observations
from autograder.probes.paths import parse_path
from autograder.probes.training import TrainingSeen
from autograder.records import ExecutionRecord, Status
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeSpec, EvidenceSpec, PartSpec

TRAINED = ChallengeSpec.model_validate(
    {
        "mode": "module",
        "draw": "trained_language_model",
        "params": {"context_length": 16, "n_prompt": 8},
        "names": ["model", "lm", "net"],
        "roles": {
            "train": role("tokens", "train_tokens train tr", "train"),
            "validation": role("tokens", "validation_tokens val va", "val"),
        },
    }
)
EVIDENCE = {
    "c1.losses": EvidenceSpec(kind="array", about="losses", names=["validation_losses"], shape=["n"]),
    "c2.final": EvidenceSpec(kind="number", about="perplexity", names=["final_perplexity"]),
}
DATA = """
import math
rng = np.random.default_rng(3)
words = "To be or not that is the question\\nWhether 'tis nobler in mind suffer slings and arrows of Outrageous fortune. A".split(" ")
text = " ".join(rng.choice(words, size=1400).tolist())
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
itos = dict(enumerate(chars))
V = len(chars)
ids = torch.tensor([stoi[c] for c in text])
a, b = int(0.9 * len(ids)), int(0.95 * len(ids))
train_tokens, validation_tokens, test_tokens = ids[:a], ids[a:b], ids[b:]
counts = torch.full((V, V), 0.3)
counts.index_put_((train_tokens[:-1], train_tokens[1:]), torch.ones(a - 1), accumulate=True)
"""
MODEL = """
class Bigrams(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(V, V)
        self.table.weight.data = counts.log()
    def forward(self, x):
        return self.table(x)
model = Bigrams()
def nll(model, tokens):
    n = (len(tokens) - 1) // 16
    x, y = tokens[: n * 16].view(n, 16), tokens[1 : n * 16 + 1].view(n, 16)
    with torch.no_grad():
        return F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item()
validation_losses = [3.5, 3.0]
validation_losses.append(nll(model, validation_tokens))
final_perplexity = math.exp(nll(model, validation_tokens))
"""
TEXTS = """
prompt = validation_tokens[:8]
def generate(model, tokens, n, how, t=1.0, k=20, p=0.9):
    for _ in range(n):
        with torch.no_grad():
            q = torch.softmax(model(tokens[None, -16:])[0, -1] / t, 0)
        s, order = q.sort(descending=True)
        kept = {"greedy": 1, "top_k": k, "nucleus": int((s.cumsum(0) < p).sum()) + 1}[how]
        tokens = torch.cat([tokens, order[torch.multinomial(s[:kept], 1)]])
    return tokens
torch.manual_seed(4)
generations = {how: generate(model, prompt, 200, how) for how in ("greedy", "top_k", "nucleus")}
"""


def seen(folder: Path, *sources: str) -> Evidence:
    ask(folder, (HEAD + sources[0], *sources[1:]), {"c1.trained": TRAINED})
    part = PartSpec(
        part="x",
        title="x",
        points=0,
        false_fail_rate=0.01,
        filenames=["*"],
        items=[],
        challenges={"c1.trained": TRAINED},
        evidence=EVIDENCE,
    )
    return gather(part, (), read_observations(folder), ExecutionRecord(state="complete"), {}, {})


def found(notebook: Evidence, check: str, **params: Any) -> Finding:
    entry = CHECKS[check]
    given = entry.params.model_validate({"challenge": "c1.trained"} | params)
    result = entry.function(notebook, given, Context("c1", 1e-3, Golden()))
    assert isinstance(result, Finding)
    return result


LOSS: dict[str, Any] = {"evidence": "c1.losses", "label": "validation loss"}
FINAL: dict[str, Any] = {"evidence": "c2.final", "label": "perplexity", "is_perplexity": True}


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return seen(tmp_path_factory.mktemp("right"), DATA, MODEL, TEXTS)


@pytest.mark.parametrize(
    ("check", "params"),
    [
        ("vocabulary_holds", {"letters": "\n TW"}),
        ("splits_are", {"train": 0.9, "validation": 0.05}),
        ("reports_its_loss", LOSS),
        ("reports_its_loss", FINAL),
        ("texts_start_from_prompt", {}),
        ("texts_have_length", {"n": 200}),
        ("text_is_greedy", {}),
        ("text_is_from_top_k", {"k": 20}),
        ("text_is_from_nucleus", {"p": 0.9}),
    ],
)
def test_a_correct_notebook_passes(check: str, params: dict[str, Any], right: Evidence) -> None:
    finding = found(right, check, **params)
    assert finding.fraction == 1.0, finding.message


def changed(source: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in source
        source = source.replace(old, new)
    return source


SEQUENCE_FIRST = changed(
    MODEL,
    ("return self.table(x)", "return self.table(x)"),
    ("model = Bigrams()", "P = Bigrams()\ndef lm(tokens):\n    past = P(tokens)\n    return past + 0 * past.cumsum(0)"),
    ("F.cross_entropy(model(x).flatten(0, 1), y.flatten())", "F.cross_entropy(P(x).flatten(0, 1), y.flatten())"),
    ("nll(model, validation_tokens)", "nll(P, validation_tokens)"),
)  # fmt: skip
AS_TEXT = changed(
    TEXTS,
    ("{how: generate(model, prompt, 200, how)", "{how: ''.join(itos[int(i)] for i in generate(model, prompt, 200, how)[8:])"),
)  # fmt: skip


def test_a_function_of_tokens_is_a_model_too(tmp_path: Path) -> None:
    finding = found(seen(tmp_path, DATA, SEQUENCE_FIRST), "reports_its_loss", **FINAL)
    assert finding.fraction == 1.0, finding.message


def test_texts_without_their_prompt_are_looked_at(tmp_path: Path) -> None:
    evidence = seen(tmp_path, DATA, MODEL, AS_TEXT)
    for check in ("text_is_greedy", "text_is_from_top_k", "text_is_from_nucleus", "texts_have_length"):
        assert found(evidence, check).fraction == 1.0, check


MISTAKES = {
    "newlines": (changed(DATA, ("chars = sorted", "text = text.replace('\\n', ' ')\nchars = sorted")), MODEL, TEXTS, "vocabulary_holds", {"letters": "\n"}, "no token"),
    "splits": (changed(DATA, ("0.9 * len", "0.8 * len"), ("0.95 * len", "0.9 * len")), MODEL, TEXTS, "splits_are", {"train": 0.9, "validation": 0.05}, "8.0 times as long"),
    "of training": (DATA, changed(MODEL, ("math.exp(nll(model, validation_tokens))", "math.exp(nll(model, train_tokens))")), TEXTS, "reports_its_loss", FINAL, "on the training split"),
    "another model": (DATA, changed(MODEL, ("math.exp(nll(model,", "math.exp(nll(nn.Embedding(V, V),")), TEXTS, "reports_its_loss", FINAL, "not that of your trained model"),
    "base two": (DATA, changed(MODEL, ("math.exp(nll", "2 ** (nll")), TEXTS, "reports_its_loss", FINAL, "2 to the power of the loss"),
    "prompt": (DATA, MODEL, changed(TEXTS, ("validation_tokens[:8]", "train_tokens[:8]")), "texts_start_from_prompt", {}, "0 of 3 texts"),
    "length": (DATA, MODEL, changed(TEXTS, ("prompt, 200", "prompt, 100")), "texts_have_length", {"n": 200}, "0 of 3 texts"),
    "not greedy": (DATA, MODEL, changed(TEXTS, ('"greedy": 1', '"greedy": k')), "text_is_greedy", {}, "are not the most probable"),
    "k": (DATA, MODEL, changed(TEXTS, ("k=20", "k=3")), "text_is_from_top_k", {"k": 20}, "is not made of"),
    "p": (DATA, MODEL, changed(TEXTS, ("p=0.9", "p=0.4")), "text_is_from_nucleus", {"p": 0.9}, "is not made of"),
    "nothing cut": (DATA, MODEL, changed(TEXTS, ('"top_k": k', '"top_k": V')), "text_is_from_top_k", {"k": 8}, "are not among those"),
    "temperature": (DATA, MODEL, changed(TEXTS, ("t=1.0", "t=0.5")), "text_is_from_top_k", {"k": 20}, "temperature 0.4"),
    "three greedy": (DATA, MODEL, changed(TEXTS, ("200, how)", '200, "greedy")')), "text_is_from_nucleus", {}, "nothing was drawn"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("data", "model", "texts", "check", "params", "said"), MISTAKES.values(), ids=MISTAKES
)
def test_mistakes_are_named(
    data: str, model: str, texts: str, check: str, params: dict[str, Any], said: str, tmp_path: Path
) -> None:
    finding = found(seen(tmp_path, data, model, texts), check, **params)
    assert finding.fraction < 1.0
    assert said in finding.message


def test_typed_numbers_and_windows_at_random(tmp_path: Path) -> None:
    near = changed(
        MODEL, ("append(nll(model, validation_tokens))", "append(nll(model, validation_tokens) + 0.02)")
    )
    assert found(seen(tmp_path, DATA, near), "reports_its_loss", **LOSS).status is Status.REVIEW


@pytest.mark.parametrize("prompt", ["train_tokens[:8]", "validation_tokens[:5]", "test_tokens[3:20]"])
def test_another_prompt_costs_its_own_check_alone(prompt: str, tmp_path: Path) -> None:
    evidence = seen(tmp_path, DATA, MODEL, changed(TEXTS, ("validation_tokens[:8]", prompt)))
    assert found(evidence, "texts_start_from_prompt").fraction == 0.0
    for check in ("text_is_greedy", "text_is_from_top_k", "text_is_from_nucleus", "texts_have_length"):
        assert found(evidence, check).fraction == 1.0, check


@pytest.mark.parametrize(
    ("losses", "n_times", "fraction"),
    [([3.5, 3.0], 1, 1.0), ([3.0, 2.0], 1, 0.0), ([3.0, 2.0], 40, 1.0), ([4.0, 3.8], 40, 0.0), ([1.0, 2.0], 40, 0.0)],
)  # fmt: skip
def test_losses_lie_lower_where_windows_overlap(
    losses: list[float], n_times: int, fraction: float, right: Evidence
) -> None:
    n_tokens = n_times * 2 * size_of(trained_in(right, "c1.trained")[0], "train")
    finding = _in_band(right, losses, n_tokens)
    assert finding.fraction == fraction, finding.message


@pytest.mark.parametrize(
    ("losses", "status"),
    [([3.5, 2.5], Status.REVIEW), ([2.4, 2.5], Status.FAILED), ([3.5, 3.0], Status.PASSED)],
)
def test_a_person_looks_at_a_curve_that_falls_at_another_pace(
    losses: list[float], status: Status, tmp_path: Path
) -> None:
    assert _in_band(seen(tmp_path, DATA, MODEL), losses, n_tokens=0).status is status


SMALL = {
    "name": "a small embedding",
    "sd": [0.0, 0.1],
    "last": [{"name": "side by side", "method": "normal", "golden": "loss@small"}],
}


@pytest.mark.parametrize(
    ("embedding", "losses", "status"),
    [
        ({"sd": 0.02, "factor": 1.0, "is_tied": False}, [4.5, 4.0], Status.PASSED),
        ({"sd": 0.02, "factor": 1.0, "is_tied": False}, [4.5, 3.0], Status.REVIEW),
        ({"sd": 1.0, "factor": 1.0, "is_tied": False}, [4.5, 4.0], Status.REVIEW),
        ({"sd": 1.0, "factor": 1.0, "is_tied": False}, [4.5, 3.0], Status.PASSED),
        ({"sd": 0.02, "factor": 14.0, "is_tied": False}, [4.5, 4.0], Status.REVIEW),
        ({"sd": 0.02, "factor": 1.0, "is_tied": True}, [4.5, 4.0], Status.REVIEW),
        ({"sd": 0.02, "is_tied": False}, [4.5, 4.0], Status.REVIEW),
        ({"sd": "0.02", "factor": None, "is_tied": 0}, [4.5, 4.0], Status.REVIEW),
        ({}, [4.5, 3.0], Status.PASSED),
    ],
)
def test_the_model_that_was_seen_says_which_level_is_its_own(
    embedding: dict[str, Any],
    losses: list[float],
    status: Status,
    right: Evidence,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree, name = trained_in(right, "c1.trained")
    monkeypatch.setattr(language_models, "trained_in", lambda *_: ({**tree, "embedding": embedding}, name))
    finding = _in_band(right, losses, 0, embeddings=[SMALL])
    assert finding.status is status, finding.message
    is_small = embedding == {"sd": 0.02, "factor": 1.0, "is_tied": False}
    assert any("a small embedding" in note for note in finding.notes) is is_small


def test_a_curve_without_a_model_is_judged(tmp_path: Path) -> None:
    assert _in_band(seen(tmp_path, DATA), [3.5, 2.5], n_tokens=0).status is Status.FAILED


def _in_band(evidence: Evidence, losses: list[float], n_tokens: int, **more: Any) -> Finding:
    """Return what is said of losses that end between 2.8 and 3.2 in correct trainings."""
    entry = TrainingSeen(0, "loss", "cross_entropy", 9, {"trained": n_tokens})
    leaf = Leaf(parse_path("validation_losses"), 0, np.array(losses), "list", "float64")
    given = replace(
        evidence,
        observations=replace(evidence.observations, training=(entry,)),
        bound=evidence.bound | {"c1.losses": Bound(leaf=leaf, tier=Tier.NAME)},
    )
    check = CHECKS["loss_in_bands"]
    band = {"name": "side by side", "method": "normal", "golden": "loss"}
    about = {"challenge": "c1.trained", "evidence": "c1.losses", "label": "loss", "last": [band], **more}
    golden = Golden(
        values={
            "loss": GoldenValue(truth=3.0, sd=0.05),
            "loss@small": GoldenValue(truth=4.0, sd=0.05),
        }
    )
    finding = check.function(given, check.params.model_validate(about), Context("c1", 1e-3, golden))
    assert isinstance(finding, Finding)
    return finding


def test_nothing_trained_leaves_the_points_to_the_twin(tmp_path: Path) -> None:
    evidence = seen(tmp_path, DATA)
    for check in ("text_is_greedy", "texts_have_length", "texts_start_from_prompt"):
        assert found(evidence, check).untried
