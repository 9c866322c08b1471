"""The negative log-likelihoods against torch.distributions, and what they are besides constants."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Normal
from torch.nn import functional as F

from reference.likelihoods import bernoulli_floor, bernoulli_nll, gaussian_nll


def batch(n: int = 4, d: int = 7, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=g, dtype=torch.float64), torch.rand(
        n, d, generator=g, dtype=torch.float64
    )


@given(st.floats(0.05, 5.0), st.integers(0, 50))
def test_gaussian_is_that_of_torch(sigma: float, seed: int) -> None:
    mean, x = batch(seed=seed)
    expected = -Normal(mean, sigma).log_prob(x).sum(dim=1).mean()
    torch.testing.assert_close(gaussian_nll(mean, x, sigma), expected)


@given(st.integers(0, 50))
def test_bernoulli_is_that_of_torch_on_binary_data(seed: int) -> None:
    logits, x = batch(seed=seed)
    x = x.round()
    expected = -Bernoulli(logits=logits).log_prob(x).sum(dim=1).mean()
    torch.testing.assert_close(bernoulli_nll(logits, x), expected)


def test_they_are_the_losses_that_the_sheet_expects() -> None:
    theta, x = batch()
    n, d = theta.shape
    squared = F.mse_loss(theta, x, reduction="sum") / n
    torch.testing.assert_close(gaussian_nll(theta, x) - 0.5 * d * math.log(2 * math.pi), 0.5 * squared)
    crossed = F.binary_cross_entropy_with_logits(theta, x, reduction="sum") / n
    torch.testing.assert_close(bernoulli_nll(theta, x), crossed)


def test_images_of_any_shape_are_flattened() -> None:
    theta, x = batch(2, 12)
    for loss in (gaussian_nll, bernoulli_nll):
        torch.testing.assert_close(loss(theta, x.view(2, 1, 3, 4)), loss(theta, x))


def test_confident_pixels_stay_finite() -> None:
    logits = torch.tensor([[1e4, -1e4, 1e4]])
    x = torch.tensor([[1.0, 0.0, 0.0]])
    assert float(bernoulli_nll(logits, x)) == pytest.approx(1e4)


def test_no_logits_do_better_than_the_floor() -> None:
    _, x = batch(3, 20)
    assert float(bernoulli_nll(torch.logit(x), x)) == pytest.approx(float(bernoulli_floor(x)))
    assert float(bernoulli_floor(x)) > 0
    assert float(bernoulli_floor(x.round())) == 0.0
