"""Recurrent language models of notebooks: styles that are right, and mistakes with the sentences they get."""

# ruff: noqa: E501  # students' code in lines as they write it

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from neural_specs import finding, role, spec

from autograder.checks.findings import Finding
from autograder.records import Status
from autograder.rubric.model import ChallengeSpec
from autograder.stats.recurrent_models import RecurrentChoices, RecurrentSizes, elman_scores, likely_sizes

RNN = spec(
    "module",
    "language_model_problem",
    "RnnLM CharRNN model",
    {
        "vocab_size": role("number", "vocab_size V", "vocab"),
        "n_hidden": role("number", "hidden n_hidden hidden_size", "hidden"),
    },
    params={
        "d_model": 24,
        "n_head": 1,
        "vocab_size": 20,
        "context_length": 16,
        "d_ff": 24,
        "family": "recurrent",
    },
)

OWN_CELL = """
class Cell(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.w, self.u = nn.Linear(d, h), nn.Linear(h, h, bias={bias})
    def forward(self, x, h):
        return {state}
class RnnLM(nn.Module):
    def __init__(self, vocab_size=20, d=12, h=24):
        super().__init__()
        self.h = h
        self.embedding = nn.Embedding(vocab_size, d)
        self.cells = nn.ModuleList([Cell(d if i == 0 else h, h) for i in range({n_layer})])
        self.head = nn.Linear(h, vocab_size)
    def forward(self, tokens):
        x = self.embedding(tokens)
        states = [torch.zeros(len(x), self.h) for _ in self.cells]
        out = []
        for t in {steps}:
            below = x[:, t]
            for i, cell in enumerate(self.cells):
                states[i] = below = cell(below, states[i])
            out.append({kept})
        return self.head(torch.stack(out, dim=1)){end}
model = RnnLM()
"""


def own(
    bias: str = "False",
    state: str = "torch.tanh(self.w(x) + self.u(h))",
    steps: str = "range(x.shape[1])",
    kept: str = "below",
    end: str = "",
    n_layer: int = 1,
) -> str:
    return OWN_CELL.format(bias=bias, state=state, steps=steps, kept=kept, end=end, n_layer=n_layer)


RIGHT = {
    "a cell of its own": own(),
    "two biases": own(bias="True"),
    "no bias": own(state="torch.tanh(x @ self.w.weight.T + h @ self.u.weight.T)").replace(
        "nn.Linear(d, h), ", "nn.Linear(d, h, bias=False), "
    ),
    "log-probabilities": own(end=".log_softmax(-1)"),
    "one matrix for both, one-hot inputs": """
class RnnLM(nn.Module):
    def __init__(self, V=20, hidden=24):
        super().__init__()
        self.V, self.hidden = V, hidden
        self.i2h = nn.Linear(V + hidden, hidden)
        self.h2o = nn.Linear(hidden, V)
    def forward(self, idx, h=None):
        x = F.one_hot(idx, self.V).float()
        h = torch.zeros(len(x), self.hidden) if h is None else h
        out = []
        for t in range(x.size(1)):
            h = torch.tanh(self.i2h(torch.cat([x[:, t], h], dim=1)))
            out.append(self.h2o(h))
        return torch.stack(out, 1), h
""",
    "parameters by hand, as large as the embedding": """
class CharRNN(nn.Module):
    def __init__(self, vocab_size, hidden_size):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, hidden_size) * 0.1)
        self.Wx = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.Wh = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.b = nn.Parameter(torch.zeros(hidden_size))
        self.Wy = nn.Parameter(torch.randn(hidden_size, vocab_size) * 0.1)
    def forward(self, x):
        h = torch.zeros(x.shape[0], self.Wh.shape[0])
        ys = []
        for t in range(x.shape[1]):
            h = torch.tanh(self.E[x[:, t]] @ self.Wx + h @ self.Wh + self.b)
            ys.append(h @ self.Wy)
        return torch.stack(ys, dim=1)
model = CharRNN(20, 24)
""",
    "nn.RNN": """
class RnnLM(nn.Module):
    def __init__(self, vocab_size=20):
        super().__init__()
        self.emb, self.rnn, self.out = nn.Embedding(vocab_size, 12), nn.RNN(12, 24, batch_first=True), nn.Linear(24, vocab_size)
    def forward(self, x):
        return self.out(self.rnn(self.emb(x))[0])
""",
}

WRONG = {
    "recurrence missing": (own(state="torch.tanh(self.w(x) + 0 * self.u(h))"), "the recurrent term"),
    "relu": (own(state="torch.relu(self.w(x) + self.u(h))"), "ReLU"),
    "no activation": (own(state="self.w(x) + self.u(h)"), "no activation"),
    "reversed": (
        own(steps="range(x.shape[1])")
        .replace("out.append(below)", "out.append(below)")
        .replace("torch.stack(out, dim=1)", "torch.stack(out, dim=1).flip(1)")
        .replace("for t in range(x.shape[1])", "for t in reversed(range(x.shape[1]))"),
        "from its end",
    ),
    "summed": (own(state="h + torch.tanh(self.w(x) + self.u(h))"), "added to the old one"),
    "softmax": (own(end=".softmax(-1)"), "softmax"),
    "two layers": (own(n_layer=2), "one layer more"),
}


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_right_models_pass(source: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "matches_elman", RNN, source)
    assert (found.status, found.fraction) == (Status.PASSED, 1.0), found.message


@pytest.mark.parametrize(("source", "said"), WRONG.values(), ids=WRONG)
def test_mistakes_are_named(source: str, said: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "matches_elman", RNN, source)
    assert found.status is Status.FAILED, found.message
    assert said in found.message


def test_layers_are_counted(tmp_path: Path) -> None:
    assert finding(tmp_path, "matches_elman", RNN, own(n_layer=2), n_layer=2).fraction == 1.0
    (tmp_path / "one").mkdir()
    assert "one layer less" in finding(tmp_path / "one", "matches_elman", RNN, own(), n_layer=2).message


def test_another_network_is_for_a_person(tmp_path: Path) -> None:
    lstm = RIGHT["nn.RNN"].replace("nn.RNN", "nn.LSTM")
    assert finding(tmp_path, "matches_elman", RNN, lstm).status is Status.REVIEW


def test_what_a_model_remembers(tmp_path: Path) -> None:
    for at, (source, fraction) in enumerate(((own(), 1.0), (WRONG["recurrence missing"][0], 0.0))):
        folder = tmp_path / str(at)
        folder.mkdir()
        found = finding(folder, "remembers_tokens", RNN, source)
        assert found.fraction == fraction, found.message


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_right_models_learn_through_time(source: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "learns_through_time", RNN, source)
    assert found.fraction == 1.0 or (found.untried and "one_hot" in source), found.message


@pytest.mark.parametrize("end", ["", ".log_softmax(-1)"])
@pytest.mark.parametrize("cut", ["h.detach()", "h.data", "torch.tensor(h.tolist())"])
def test_a_state_that_is_cut_off_teaches_nothing_about_the_past(cut: str, end: str, tmp_path: Path) -> None:
    source = own(state=f"torch.tanh(self.w(x) + self.u({cut}))", end=end)
    found = finding(tmp_path, "learns_through_time", RNN, source)
    assert found.status is Status.FAILED
    assert "does not reach" in found.message
    for folder in ("remembers", "forgets"):
        (tmp_path / folder).mkdir()
    assert finding(tmp_path / "remembers", "remembers_tokens", RNN, source).fraction == 1.0
    forgets = WRONG["recurrence missing"][0]
    assert finding(tmp_path / "forgets", "learns_through_time", RNN, forgets).untried


def test_the_formula_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    rnn = torch.nn.RNN(5, 7, num_layers=2, batch_first=True)
    head = torch.nn.Linear(7, 5)
    rng = np.random.default_rng(0)
    held = {(7, 5): rng.normal(size=(7, 5)), (7, 7): rng.normal(size=(7, 7)), (7,): rng.normal(size=7)}
    held |= {(5, 7): held[7, 5].T, (5,): rng.normal(size=5)}
    with torch.no_grad():
        for weights in (*rnn.parameters(), *head.parameters()):
            weights.copy_(torch.tensor(held[tuple(weights.shape)]))
    tokens = rng.integers(0, 5, size=(3, 6))
    scores = head(rnn(torch.nn.functional.one_hot(torch.tensor(tokens), 5).float())[0]).detach().numpy()
    sizes = RecurrentSizes(vocab_size=5, d_embed=0, n_hidden=7, n_layer=2)
    found = elman_scores(tokens, sizes, RecurrentChoices(n_biases=2), lambda shape: held[tuple(shape)])
    assert np.allclose(found, scores, atol=1e-5)


def test_sizes_follow_from_the_matrices() -> None:
    shapes = [(20, 12), (24, 12), (24,), (24, 24), (20, 24), (20,)]
    assert RecurrentSizes(20, 12, 24) in set(likely_sizes(20, shapes, 1))
    assert list(likely_sizes(20, [(4, 4)], 1)) == []


# ------------------------------------------------------------------ several language models in one notebook

ATTENTION = """
class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.attend, self.out = nn.Embedding(20, 8), nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 20)
    def forward(self, x):
        h = self.embed(x)
        return self.out(h + self.attend(h, h, h{mask})[0])
second = Attending()
"""
UNMASKED = ATTENTION.replace("{mask}", "")
MASKED = ATTENTION.replace(
    "{mask}", ", attn_mask=torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)"
)


def of_family(**params: object) -> ChallengeSpec:
    known = {"d_model": 24, "n_head": 1, "vocab_size": 20, "context_length": 16, "d_ff": 24}
    return spec("module", "language_model_problem", "nothing", {}, params=known | params)


def test_another_family_answers_for_none(tmp_path: Path) -> None:
    def causal(name: str, source: str) -> Finding:
        (tmp_path / name).mkdir()
        return finding(tmp_path / name, "is_causal", of_family(family="attention"), source)

    assert causal("right", own() + MASKED).fraction == 1.0
    wrong = causal("wrong", own() + UNMASKED)
    assert (wrong.status, "`second` sees the future" in wrong.message) == (Status.FAILED, True)
    assert causal("absent", own()).untried


def test_models_that_objects_hold_are_told_apart_by_their_shapes(tmp_path: Path) -> None:
    source = own(n_layer=2).replace("model = RnnLM()", "")
    trainers = (
        "class Trainer:\n    def __init__(self, held): self.held = held\n"
        + source
        + "trainer = Trainer(RnnLM())\n"
    )
    found = finding(tmp_path, "matches_elman", of_family(family="recurrent"), trainers, n_layer=2)
    assert (found.fraction, found.found[0].path) == (1.0, "trainer.held")


def test_a_model_of_pieces_has_as_many_tokens_as_its_tokeniser_has_pieces(tmp_path: Path) -> None:
    tokeniser = "class Pieces:\n    size = {n}\n    def encode(self, s): return [0]\n    def decode(self, t): return ''\np = Pieces()\n"
    for n, fraction in ((20, 1.0), (30, 0.0)):
        (tmp_path / str(n)).mkdir()
        challenge = of_family(family="recurrent", of_pieces=True)
        found = finding(
            tmp_path / str(n), "matches_elman", challenge, own() + tokeniser.replace("{n}", str(n))
        )
        assert (found.fraction, found.untried) == (fraction, not fraction)
