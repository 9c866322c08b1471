"""Beam searches on tables: against all paths, and the problems that are drawn for notebooks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from autograder.probes.text_draws import BeamProblem, beam_problem
from autograder.stats.beams import beam_search, likeliest_path, log_prob_of, mistaken_paths
from reference.beam_search import beam_search as reference_search


def law(logits: list[list[float]]) -> np.ndarray:
    table = np.array(logits)
    log_probs: np.ndarray = table - np.log(np.exp(table).sum(axis=1, keepdims=True))
    return log_probs


@pytest.mark.parametrize("seed", range(4))
def test_the_likeliest_path_is_that_of_an_enumeration(seed: int) -> None:
    log_probs = law((np.random.default_rng(seed).normal(size=(5, 5)) * 1.5).tolist())
    paths = itertools.product(range(5), repeat=5)
    best = max(paths, key=lambda path: log_prob_of(path, 2, log_probs))
    assert likeliest_path(log_probs, 2, 5) == best
    assert beam_search(log_probs, 2, 5, width=5**4).path == best
    assert beam_search(log_probs, 2, 5, width=5**4).score == pytest.approx(log_prob_of(best, 2, log_probs))


def test_a_beam_of_one_is_greedy() -> None:
    log_probs = law([[0.0, 1.0, 0.9], [0.0, 0.1, 0.2], [5.0, 0.0, 0.0]])
    assert beam_search(log_probs, 0, 2, 1).path == (1, 2)
    assert beam_search(log_probs, 0, 2, 2).path == likeliest_path(log_probs, 0, 2) == (2, 0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("of", ["any_width", "one_width"])
def test_problems_tell_right_from_wrong_searches(of: str, seed: int) -> None:
    values = beam_problem(np.random.default_rng(seed), BeamProblem.model_validate({"of": of}))
    logits, start, n = np.array(values["table"]), values["prompt"][-1], values["n"]
    log_probs = law(values["table"])
    meant = beam_search(log_probs, start, n, values["width"]).path
    best = likeliest_path(log_probs, start, n)
    assert (meant == best) is (of == "any_width")
    others = {beam_search(log_probs, start, n, width).path for width in range(3, 13)}
    assert others == {best} if of == "any_width" else meant not in others
    wrong = mistaken_paths(log_probs, logits, start, n, values["width"])
    assert meant not in wrong.values()
    assert log_prob_of(wrong["greedy"], start, log_probs) < log_prob_of(best, start, log_probs)


@pytest.mark.parametrize("width", [1, 2, 3, 7])
def test_the_reference_finds_what_the_formula_finds(width: int) -> None:
    table = np.random.default_rng(width).normal(size=(6, 6)) * 1.4

    class Table(torch.nn.Module):
        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return torch.tensor(table)[tokens]

    found = reference_search(Table(), torch.tensor([4, 3]), 5, width)
    assert tuple(found.tolist()) == (4, 3, *beam_search(law(table.tolist()), 3, 5, width).path)
    with pytest.raises(ValueError, match="at least 1"):
        reference_search(Table(), torch.tensor([0]), 1, 0)
