"""Decoding on laws that are known: sets by hand, frequencies by a G-test, and a stub in place of a model.

The G-tests have fixed seeds and a level of one in a million.
"""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from reference.decoding import Strategy, generate, greedy, nucleus, temperature, top_k
from reference.transformer import TransformerConfig, TransformerLM

PROBS = torch.tensor([0.05, 0.4, 0.1, 0.25, 0.2], dtype=torch.float64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def kept(strategy: Strategy, probs: Tensor = PROBS) -> list[int]:
    law = strategy(probs.log())
    return [int(i) for i in torch.isfinite(law).nonzero()]


def any_law(seed: int, n: int) -> Tensor:
    return torch.log_softmax(2 * torch.randn(n, generator=seeded(seed), dtype=torch.float64), dim=-1)


# ------------------------------------------------------------------ laws


def test_sets_by_hand() -> None:
    assert kept(greedy) == [1]
    assert kept(partial(top_k, k=2)) == [1, 3]
    assert kept(partial(top_k, k=5)) == kept(partial(top_k, k=99)) == [0, 1, 2, 3, 4]
    assert kept(partial(nucleus, p=0.3)) == [1]
    assert kept(partial(nucleus, p=0.45)) == [1, 3]  # 0.4 does not reach it: the crossing token is in
    assert kept(partial(nucleus, p=0.9)) == [1, 2, 3, 4]
    assert kept(partial(nucleus, p=0.97)) == [0, 1, 2, 3, 4]
    assert kept(partial(nucleus, p=1e-9)) == [1]
    assert kept(partial(nucleus, p=1.0)) == [0, 1, 2, 3, 4]


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 12), st.floats(0.01, 1.0))
def test_what_stays_is_normalised_and_keeps_its_ratios(seed: int, n: int, k: int, p: float) -> None:
    log_probs = any_law(seed, n)
    for strategy in (greedy, partial(top_k, k=k), partial(nucleus, p=p)):
        law = strategy(log_probs)
        assert float(law.exp().sum()) == pytest.approx(1.0)
        is_kept = torch.isfinite(law)
        differences = (law - log_probs)[is_kept]
        assert float(differences.max() - differences.min()) == pytest.approx(0.0, abs=1e-9)
        assert is_kept[log_probs.argmax()]
        if not is_kept.all():
            assert float(log_probs[is_kept].min()) >= float(log_probs[~is_kept].max())


@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(0.01, 0.99))
def test_nucleus_is_the_smallest_set_that_reaches_p(seed: int, n: int, p: float) -> None:
    log_probs = any_law(seed, n)
    masses = np.sort(log_probs.exp().numpy())[::-1].cumsum()
    n_kept = int(torch.isfinite(nucleus(log_probs, p)).sum())
    assert masses[n_kept - 1] >= p - 1e-9
    assert n_kept == 1 or masses[n_kept - 2] < p + 1e-9


def test_ties_go_to_the_first_of_the_vocabulary() -> None:
    even = torch.full((6,), 1 / 6, dtype=torch.float64)
    assert kept(greedy, even) == [0]
    assert kept(partial(top_k, k=4), even) == [0, 1, 2, 3]
    assert kept(partial(nucleus, p=0.4), even) == [0, 1, 2]


def test_strategies_work_row_by_row() -> None:
    log_probs = torch.stack([any_law(seed, 7) for seed in range(4)]).view(2, 2, 7)
    strategies = (greedy, partial(top_k, k=3), partial(nucleus, p=0.7), partial(temperature, t=0.5))
    for strategy in strategies:
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            torch.testing.assert_close(strategy(log_probs)[i, j], strategy(log_probs[i, j]))


def test_temperature_is_a_power_of_the_law() -> None:
    for t in (0.5, 1.0, 2.0):
        powers = PROBS ** (1 / t)
        torch.testing.assert_close(temperature(PROBS.log(), t).exp(), powers / powers.sum())
    torch.testing.assert_close(temperature(PROBS.log(), 1e-3).exp(), greedy(PROBS.log()).exp())
    torch.testing.assert_close(temperature(PROBS.log(), 1e9).exp(), torch.full((5,), 0.2).double())


def test_very_small_probabilities_survive() -> None:
    log_probs = torch.log_softmax(torch.tensor([0.0, -500.0, -600.0]), dim=-1)
    assert torch.isfinite(top_k(log_probs, 2)).tolist() == [True, True, False]
    assert float(temperature(log_probs, 1.0)[2]) == pytest.approx(-600.0)


@pytest.mark.parametrize("k", [0, -1])
def test_top_k_refuses_an_empty_set(k: int) -> None:
    with pytest.raises(ValueError, match="expected k >= 1"):
        top_k(PROBS.log(), k)


@pytest.mark.parametrize("p", [0.0, -0.1, 1.1, math.nan])
def test_nucleus_refuses_what_is_no_mass(p: float) -> None:
    with pytest.raises(ValueError, match="expected 0 < p <= 1"):
        nucleus(PROBS.log(), p)


@pytest.mark.parametrize("t", [0.0, -1.0, math.inf, math.nan])
def test_temperature_refuses_what_is_not_positive(t: float) -> None:
    with pytest.raises(ValueError, match="expected a temperature > 0"):
        temperature(PROBS.log(), t)


# ------------------------------------------------------------------ generation


class Stub:
    """A Markov chain over 5 tokens: logits of the next token by the last one, and a note of what was shown."""

    def __init__(self) -> None:
        self.logits = torch.log(torch.stack([PROBS.roll(shift) for shift in range(5)]))
        self.shown: list[Tensor] = []

    def __call__(self, tokens: Tensor) -> Tensor:
        self.shown.append(tokens)
        return self.logits[tokens] + 3.0  # logits are free of an added constant


def test_greedy_is_the_argmax_path_whatever_the_seed() -> None:
    prompt = torch.tensor([2])
    path = [2]
    for _ in range(10):
        path.append((1 + path[-1]) % 5)
    for seed in range(3):
        assert generate(Stub(), prompt, 10, greedy, seeded(seed)).tolist() == path


@pytest.mark.parametrize(
    "strategy",
    [
        partial(top_k, k=5),
        partial(top_k, k=3),
        partial(nucleus, p=0.9),
        partial(nucleus, p=0.5),
        partial(temperature, t=2.0),
    ],
    ids=["all", "top_k", "nucleus_90", "nucleus_50", "temperature"],
)
def test_draws_follow_the_law_of_the_strategy(strategy: Strategy) -> None:
    tokens = generate(Stub(), torch.tensor([0]), 3_000, strategy, seeded(1), context_length=1)
    shifts = ((tokens[1:] - tokens[:-1]) % 5).bincount(minlength=5).numpy()
    law = strategy(PROBS.log()).exp().numpy()
    assert not shifts[law == 0].any()
    is_kept = law > 0
    g_test = stats.power_divergence(shifts[is_kept], 3_000 * law[is_kept], lambda_="log-likelihood")
    assert g_test.pvalue > 1e-6


def test_lengths_prompt_and_context_are_kept() -> None:
    stub, prompt = Stub(), torch.tensor([0, 1, 2])
    tokens = generate(stub, prompt, 6, partial(top_k, k=5), seeded(), context_length=4)
    assert tokens.shape == (9,)
    assert torch.equal(tokens[:3], prompt)
    assert [shown.shape for shown in stub.shown] == [(1, 3)] + 5 * [(1, 4)]
    for n, shown in enumerate(stub.shown, start=3):
        assert torch.equal(shown[0], tokens[max(0, n - 4) : n])
    assert torch.equal(generate(stub, prompt, 0, greedy, seeded()), prompt)


def test_generation_repeats_under_its_seed_only() -> None:
    first, again, other = (
        generate(Stub(), torch.tensor([0]), 40, partial(top_k, k=5), seeded(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("prompt", "n_tokens"), [([], 1), ([[1, 2]], 1), ([1], -1)])
def test_generation_from_nothing_is_refused(prompt: list[int], n_tokens: int) -> None:
    with pytest.raises(ValueError, match="expected a prompt"):
        generate(Stub(), torch.tensor(prompt, dtype=torch.int64), n_tokens, greedy, seeded())


def test_transformer_writes_past_its_context() -> None:
    torch.manual_seed(0)
    model = TransformerLM(
        TransformerConfig(5, context_length=8, n_layer=1, n_head=1, d_model=4, d_ff=4)
    ).eval()
    tokens = generate(model, torch.tensor([1, 2]), 20, partial(nucleus, p=0.9), seeded(), context_length=8)
    assert tokens.shape == (22,)
    assert 0 <= int(tokens.min()) <= int(tokens.max()) < 5
