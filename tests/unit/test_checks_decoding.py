"""Decoders of notebooks on a model of ours: styles that are right, and mistakes with the sentences they get."""

# ruff: noqa: E501  # students' code in lines as they write it

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from neural_specs import DECODER_ROLES, finding, spec

from autograder.records import Status
from autograder.rubric.model import ChallengeSpec
from autograder.stats.decoding import (
    coprime,
    g_test,
    law_in,
    law_of_ranks,
    nucleus_sizes,
    ranks_of,
    temperature_of,
    truncated,
)

NAMES = "generate generate_text greedy_decode greedy top_k_decode top_k_sample nucleus top_p_filter top_k_filter sample_next"


def decoder(strategy: str, **params: Any) -> ChallengeSpec:
    return spec("decoder", "decoder_inputs", NAMES, DECODER_ROLES, params={"strategy": strategy} | params)


CHECK = {"greedy": "decodes_greedily", "top_k": "samples_from_top_k", "nucleus": "samples_from_nucleus"}

FULL = """
@torch.no_grad()
def generate(model, idx, max_new_tokens, temperature=1.0, top_k=None, top_p=None):
    model.eval()
    for _ in range(max_new_tokens):
        logits = model(idx[:, -128:])[:, -1, :] / temperature
        if top_k is not None:
            v, _ = torch.topk(logits, top_k)
            logits[logits < v[:, [-1]]] = -float("inf")
        if top_p is not None:
            srt, order = torch.sort(logits, descending=True)
            probs = F.softmax(srt, dim=-1)
            srt[probs.cumsum(-1) - probs > top_p] = -float("inf")
            logits = torch.full_like(logits, -float("inf")).scatter(1, order, srt)
        idx = torch.cat([idx, torch.multinomial(F.softmax(logits, -1), 1)], dim=1)
    return idx
"""
BY_WORD = """
vocab = sorted(set("abcdefghijklmnopqrstuvwxyz .,!?"))
stoi = {c: i for i, c in enumerate(vocab)}
itos = {i: c for c, i in stoi.items()}
block_size = 128
class TinyLM(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(len(vocab), len(vocab))
    def forward(self, x, targets=None):
        return self.emb(x), None
model = TinyLM()
def generate_text(prompt, length=200, strategy="greedy", k=20, p=0.9, temperature=1.0):
    model.eval()
    ids = [stoi[c] for c in prompt]
    for _ in range(length):
        x = torch.tensor([ids[-block_size:]])
        logits, _ = model(x)
        probs = torch.softmax(logits[0, -1] / temperature, dim=-1)
        if strategy == "greedy":
            nxt = int(probs.argmax())
        elif strategy == "top-k":
            top, where = probs.topk(k)
            nxt = int(where[torch.multinomial(top / top.sum(), 1)])
        else:
            top, where = probs.sort(descending=True)
            keep = int((top.cumsum(0) < p).sum()) + 1
            nxt = int(where[torch.multinomial(top[:keep], 1)])
        ids.append(nxt)
    return "".join(itos[i] for i in ids)
"""
METHOD = """
class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.block_size = 128
        self.head = nn.Embedding(70, 70)
    def forward(self, idx, targets=None):
        logits = self.head(idx)
        loss = None if targets is None else F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        return logits, loss
    @torch.no_grad()
    def generate(self, context, n, greedy=False, top_k=None, top_p=None):
        out = context.clone()
        for _ in range(n):
            logits, _ = self(out[:, -self.block_size:])
            probs = torch.softmax(logits[:, -1], dim=-1)
            if greedy:
                out = torch.cat([out, probs.argmax(-1, keepdim=True)], 1)
                continue
            if top_k:
                smallest = probs.topk(top_k).values[:, -1:]
                probs = torch.where(probs < smallest, torch.zeros_like(probs), probs)
            if top_p:
                s, i = probs.sort(descending=True)
                gone = s.cumsum(-1) > top_p
                gone[:, 1:] = gone[:, :-1].clone()
                gone[:, 0] = False
                probs = probs.masked_fill(gone.scatter(1, i, gone), 0)
            probs = probs / probs.sum(-1, keepdim=True)
            out = torch.cat([out, torch.multinomial(probs, 1)], 1)
        return out
gpt = GPT()
vocab_size = 70
"""
LAST = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(65, 65)
    def forward(self, x):
        return self.e(x[:, -1])
net = Net()
def generate(start, n_tokens, do_sample=True, top_k=0, top_p=0.0):
    tokens = list(start)
    for _ in range(n_tokens):
        with torch.no_grad():
            logits = net(torch.tensor(tokens[-128:]).unsqueeze(0)).squeeze(0)
        probs = F.softmax(logits, -1).numpy().astype(float)
        if not do_sample:
            tokens.append(int(np.argmax(probs)))
            continue
        order = np.argsort(-probs)
        if top_k:
            order = order[:top_k]
        if top_p:
            order = order[: int(np.searchsorted(np.cumsum(probs[order]), top_p)) + 1]
        q = probs[order] / probs[order].sum()
        tokens.append(int(np.random.choice(order, p=q)))
    return tokens[len(start):]
"""
OWN_WORDS = """
class Modell(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(65, 65)
    def forward(self, x):
        return self.e(x)
dichter, V, FENSTER = Modell(), 65, 128
def naechste(t):
    return dichter(t[None, -FENSTER:])[0, -1]
@torch.no_grad()
def generate(anfang, n, art, k=20, p=.9, temperatur=1.0):
    t = anfang.clone()
    for _ in range(n):
        z = naechste(t) / temperatur
        if art == 'gierig': neu = z.argmax()[None]
        elif 'topk' == art:
            w, i = z.topk(min(k, V)); neu = i[torch.multinomial(F.softmax(w, -1), 1)]
        else:
            w, i = F.softmax(z, -1).sort(descending=True); m = w.cumsum(0) - w < p
            neu = i[torch.multinomial(w * m, 1)]
        t = torch.cat([t, neu])
    return t
"""
RIGHT = {
    "a global model and a switch of its own names": OWN_WORDS,
    "as in nanoGPT": FULL,
    "strategy by name, text in and out": BY_WORD,
    "a method": METHOD,
    "last logits, NumPy": LAST,
}
FILTERS = {
    "greedy": "def greedy(logits):\n    return torch.argmax(logits, dim=-1)",
    "top_k": "def top_k_filter(logits, k=20):\n    v = torch.topk(logits, k).values[..., -1, None]\n    return logits.masked_fill(logits < v, -1e10)",
    "nucleus": "def top_p_filter(probs, p=0.9):\n    s, i = torch.sort(probs, descending=True)\n    s = torch.where(s.cumsum(-1) - s < p, s, torch.zeros_like(s))\n    out = torch.zeros_like(probs).scatter(-1, i, s)\n    return out / out.sum(-1, keepdim=True)",
}
FUNCTIONS = {
    "greedy": "def greedy_decode(model, prompt, n):\n    x = prompt\n    for _ in range(n):\n        x = torch.cat([x, model(x[:, -128:])[:, -1].argmax(-1, keepdim=True)], 1)\n    return x",
    "top_k": "def top_k_sample(model, prompt, n_tokens, k, temp=1.0):\n    x = prompt\n    for _ in range(n_tokens):\n        v, i = (model(x[None, -128:])[0, -1] / temp).topk(k)\n        x = torch.cat([x, i[torch.distributions.Categorical(logits=v).sample()][None]])\n    return x",
    "nucleus": "def nucleus(logits, p):\n    probs = logits.softmax(-1)\n    s, i = probs.sort(descending=True)\n    keep = s.cumsum(-1) <= p\n    keep[..., 0] = True\n    return int(i[torch.multinomial(s * keep, 1)])",
}


@pytest.mark.parametrize("strategy", CHECK)
@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_right_decoders_pass(source: str, strategy: str, tmp_path: Path) -> None:
    found = finding(tmp_path, CHECK[strategy], decoder(strategy), source)
    assert found.fraction == 1.0, found.message
    assert finding(tmp_path, "generates_n_tokens", decoder(strategy), source).fraction == 1.0
    found = finding(tmp_path, "crops_to_context", decoder(strategy), source)
    assert found.fraction == 1.0, found.message


@pytest.mark.parametrize("strategy", CHECK)
@pytest.mark.parametrize("kind", ["filter", "function"])
def test_functions_for_one_strategy_pass(kind: str, strategy: str, tmp_path: Path) -> None:
    source = (FILTERS if kind == "filter" else FUNCTIONS)[strategy]
    found = finding(tmp_path, CHECK[strategy], decoder(strategy), source)
    assert found.fraction == 1.0, found.message


def changed(source: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in source
        source = source.replace(old, new)
    return source


CUT = 'logits[logits < v[:, [-1]]] = -float("inf")'
MISTAKES = {
    "draws": (
        "greedy",
        FUNCTIONS["greedy"].replace(".argmax(-1, keepdim=True)", ".softmax(-1).multinomial(1)"),
        "draws tokens at random",
    ),
    "least": ("greedy", FUNCTIONS["greedy"].replace("argmax", "argmin"), "least probable token"),
    "first position": (
        "greedy",
        FUNCTIONS["greedy"].replace("[:, -1].argmax", "[:, 0].argmax"),
        "first position of the context",
    ),
    "position before": (
        "greedy",
        FUNCTIONS["greedy"].replace("[:, -1].argmax", "[:, -2].argmax"),
        "last position but one",
    ),
    "nothing cut": ("top_k", changed(FULL, (CUT, "pass")), "nothing is cut"),
    "wrong side": (
        "top_k",
        changed(FULL, (CUT, 'logits[logits >= v[:, [-1]]] = -float("inf")')),
        "the cut is on the wrong side",
    ),
    "least probable": (
        "top_k",
        changed(
            FULL,
            ("torch.topk(logits, top_k)", "torch.topk(logits, top_k, largest=False)"),
            (CUT, 'logits[logits > v[:, [-1]]] = -float("inf")'),
        ),
        "least probable tokens",
    ),
    "argmax inside": (
        "top_k",
        changed(FULL, ("torch.multinomial(F.softmax(logits, -1), 1)", "logits.argmax(-1, keepdim=True)")),
        "the most probable token each time",
    ),
    "equal": (
        "top_k",
        changed(
            FULL,
            (
                "torch.multinomial(F.softmax(logits, -1), 1)",
                "torch.multinomial(torch.isfinite(logits).float(), 1)",
            ),
        ),
        "equal probabilities",
    ),
    "temperature": ("top_k", changed(FULL, ("/ temperature", "* 3.0")), "looks like temperature 0.3"),
    "one too few": (
        "top_k",
        changed(FULL, ("torch.topk(logits, top_k)", "torch.topk(logits, top_k // 2)")),
        "it keeps only about",
    ),
    "filter cuts nothing": ("top_k", "def top_k_filter(logits, k):\n    return logits", "cuts nothing"),
    "filter's wrong side": (
        "top_k",
        changed(FILTERS["top_k"], ("logits < v", "logits >= v")),
        "cuts on the wrong side",
    ),
    "filter keeps one more": (
        "top_k",
        changed(FILTERS["top_k"], ("topk(logits, k)", "topk(logits, k + 1)")),
        "tokens, not",
    ),
    "filter flattens": (
        "top_k",
        FILTERS["top_k"].replace(
            "return logits.masked_fill(logits < v, -1e10)", "return (logits >= v).float()"
        ),
        "other probabilities",
    ),
    "wrong axis": (
        "nucleus",
        changed(
            FULL,
            (
                'srt[probs.cumsum(-1) - probs > top_p] = -float("inf")',
                'cut = torch.where(probs.cumsum(-1) > top_p)[0][0]\n            srt[cut + 1:] = -float("inf")',
            ),
        ),
        "nothing is cut",
    ),
    "nucleus inverted": (
        "nucleus",
        changed(FULL, ("- probs > top_p", "<= top_p")),
        "the cut is on the wrong side",
    ),
    "nucleus unsorted": (
        "nucleus",
        changed(FULL, ("scatter(1, order, srt)", "scatter(1, torch.arange(logits.size(1))[None], srt)")),
        "tokens are not among them",
    ),
    "own words, nucleus inverted": (
        "nucleus",
        changed(OWN_WORDS, ("- w < p", "- w < 1 - p")),
        "it keeps only about",
    ),
    "own words, greedy draws": (
        "greedy",
        changed(OWN_WORDS, ("neu = z.argmax()[None]", "neu = torch.multinomial(F.softmax(z, -1), 1)")),
        "draws tokens at random",
    ),
    "nucleus of one": (
        "nucleus",
        changed(FULL, ("torch.multinomial(F.softmax(logits, -1), 1)", "logits.argmax(-1, keepdim=True)")),
        "the most probable token each time",
    ),
}


@pytest.mark.parametrize(("strategy", "source", "said"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_in_decoders_are_named(strategy: str, source: str, said: str, tmp_path: Path) -> None:
    found = finding(tmp_path, CHECK[strategy], decoder(strategy), source)
    assert found.status is Status.FAILED
    assert said in found.message


LENGTHS = {
    "outside the loop": (
        changed(FULL, ("        idx = torch.cat", "    idx = torch.cat")),
        "gives one token",
    ),
    "with the prompt": (
        changed(FULL, ("range(max_new_tokens)", "range(max_new_tokens - idx.size(1))")),
        "meant without it",
    ),
    "one too many": (
        changed(FULL, ("range(max_new_tokens)", "range(max_new_tokens + 1)")),
        "gives 201 tokens",
    ),
    "prompt alone": (changed(FULL, ("return idx", "return idx[:, :64]")), "the prompt alone"),
}
CONTEXTS = {
    "never cropped": (changed(FULL, ("idx[:, -128:]", "idx")), "up to 263 tokens"),
    "wrong end": (changed(FULL, ("idx[:, -128:]", "idx[:, :128]")), "never sees the newest"),
    "last token": (changed(FULL, ("idx[:, -128:]", "idx[:, -1:]")), "the last token alone"),
}


@pytest.mark.parametrize(("source", "said"), LENGTHS.values(), ids=LENGTHS)
def test_wrong_lengths_are_named(source: str, said: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "generates_n_tokens", decoder("top_k"), source)
    assert found.status is Status.FAILED
    assert said in found.message


@pytest.mark.parametrize(("source", "said"), CONTEXTS.values(), ids=CONTEXTS)
def test_wrong_contexts_are_named(source: str, said: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "crops_to_context", decoder("top_k"), source)
    assert found.status is Status.FAILED
    assert said in found.message


def test_smaller_context_is_accepted_and_noted(tmp_path: Path) -> None:
    source = changed(FULL, ("idx[:, -128:]", "idx[:, -100:]"))
    found = finding(tmp_path, "crops_to_context", decoder("top_k"), source)
    assert found.fraction == 1.0
    assert "crops to 100 tokens" in found.notes[0]


def test_temperature_of_the_call_counts(tmp_path: Path) -> None:
    warm = decoder("top_k", temperature=0.5)
    assert finding(tmp_path, "samples_from_top_k", warm, FULL).fraction == 1.0
    ignored = changed(FULL, (" / temperature", ""))
    assert "looks like temperature 1" in finding(tmp_path, "samples_from_top_k", warm, ignored).message


def test_strict_nucleus_is_accepted(tmp_path: Path) -> None:
    source = changed(FULL, ("probs.cumsum(-1) - probs > top_p", "probs.cumsum(-1) > top_p"))
    assert finding(tmp_path, "samples_from_nucleus", decoder("nucleus"), source).fraction == 1.0


def test_the_reference_decodes_as_the_checks_expect(tmp_path: Path) -> None:
    source = """
from functools import partial
from reference.decoding import generate as run, greedy as g, top_k, nucleus as nuc
rng = torch.Generator().manual_seed(3)
def generate(model, prompt, n, strategy, k=20, p=0.9):
    law = {"greedy": g, "top-k": partial(top_k, k=k), "nucleus": partial(nuc, p=p)}[strategy]
    return run(model, prompt, n, law, rng)
"""
    for strategy, check in CHECK.items():
        found = finding(tmp_path, check, decoder(strategy), source)
        assert found.fraction == 1.0, found.message


def test_the_references_laws_are_filters_of_log_probabilities(tmp_path: Path) -> None:
    source = "from reference.decoding import greedy, nucleus, top_k as top_k_filter"
    for strategy, check in CHECK.items():
        found = finding(tmp_path, check, decoder(strategy), source)
        assert found.fraction == 1.0, found.message


def test_decoder_that_does_not_fit_the_stand_in_is_left_to_the_twin(tmp_path: Path) -> None:
    source = "def generate(model, prompt, n):\n    return model.tokenizer.decode(model.sample(prompt, n))"
    found = finding(tmp_path, "decodes_greedily", decoder("greedy"), source)
    assert found.untried
    assert "it does not fit what it was called with (AttributeError" in found.message


def test_decoder_that_asks_a_model_of_its_own_is_left_to_the_twin(tmp_path: Path) -> None:
    inside = changed(
        OWN_WORDS,
        ("dichter, V, FENSTER = Modell()", "alle, V, FENSTER = [Modell(), Modell()]"),
        ("dichter(t", "alle[0](t"),
    )
    for strategy in CHECK:
        assert finding(tmp_path, CHECK[strategy], decoder(strategy), inside).untried


def test_no_decoder_leaves_the_points_to_the_twin(tmp_path: Path) -> None:
    assert finding(tmp_path, "decodes_greedily", decoder("greedy"), "x = 1").untried


# ------------------------------------------------------------------ the numbers


@pytest.mark.parametrize("size", [4, 11, 20])
def test_correct_draws_fail_at_the_stated_rate(size: int) -> None:
    rate, n_seeds = 0.01, 2000
    law = truncated(law_of_ranks(65, 1.0), size)
    rng = np.random.default_rng(7)
    failures = sum(g_test(rng.choice(65, size=200, p=law), law).p_value < rate for _ in range(n_seeds))
    # 0.01 of 2,000 is 20; 44 would be exceeded once in a million by a test that keeps its rate of 0.011.
    assert failures <= 44


def test_correct_decoders_do_not_fail_over_200_seeds() -> None:
    rate = 1e-4
    for seed in range(200):
        rng = np.random.default_rng(seed)
        exponent, k, p = rng.uniform(0.9, 1.1), int(rng.integers(8, 15)), rng.uniform(0.55, 0.8)
        law = law_of_ranks(65, exponent)
        strict, inclusive = nucleus_sizes(law, p)
        for size in (k, strict, inclusive):
            drawn = rng.choice(65, size=200, p=truncated(law, size))
            sizes = (k,) if size == k else (strict, inclusive)
            assert max(g_test(drawn, truncated(law, one)).p_value for one in sizes) >= rate


def test_ranks_pass_through_the_vocabulary() -> None:
    from autograder.kernel_side import decoders

    for size in (31, 64, 65, 70):
        for previous in (0, 5, size - 1):
            ranks = ranks_of(np.arange(size), previous, size, a=6, b=9, c=2)
            assert sorted(ranks) == list(range(size))
        assert coprime(6, size) == decoders.coprime(6, size)


def test_nuclei_at_a_tie_hold_either_set() -> None:
    law = np.array([0.5, 0.3, 0.2])
    assert nucleus_sizes(law, 0.8) == (1, 3)
    assert nucleus_sizes(law, 0.4) == (1, 1)
    assert nucleus_sizes(law, 1.0) == (2, 3)


def test_laws_are_read_from_logits_and_probabilities() -> None:
    law = truncated(law_of_ranks(10, 1.0), 4)
    with np.errstate(divide="ignore"):
        logs = np.log(law)
    for given in (law, 0.5 * law, logs, np.where(law > 0, logs + 7, -1e10)):
        found = law_in(given)
        assert found is not None
        np.testing.assert_allclose(found, law, atol=1e-12)
    assert law_in([np.nan, 1.0]) is None
    assert law_in([-np.inf, -np.inf]) is None


def test_temperature_is_told_from_the_mean_rank() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.choice(12, size=20_000, p=truncated(law_of_ranks(12, 1.0, 0.5), 12))
    assert temperature_of(drawn, 1.0, 12) == pytest.approx(0.5, rel=0.05)
    assert temperature_of(np.full(10, 11), 1.0, 12) == np.inf


def test_draws_of_probability_zero_are_impossible() -> None:
    law = truncated(law_of_ranks(10, 1.0), 4)
    assert g_test([0, 1, 5], law).p_value == 0.0
    assert g_test([0, 1, 11], law).p_value == 0.0
    assert g_test([0], np.array([1.0, 0.0])).p_value == 1.0
    with pytest.raises(ValueError, match="expected draws"):
        g_test([], law)
