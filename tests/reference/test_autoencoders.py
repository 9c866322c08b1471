"""The VAE against torch.distributions, closed forms, and what training must and must not change."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Normal, kl_divergence

from reference import autoencoders, data
from reference.aml_a3 import settings
from reference.autoencoders import (
    VAE,
    evaluate_vae,
    generate,
    reconstruct,
    reparameterise,
    train_vae,
    vae_loss,
    vae_optimizer,
    vae_step,
)
from reference.stand_ins import stroke_digits


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_vae() -> VAE:
    torch.manual_seed(0)
    return VAE(n_pixels=784, n_hidden=(16, 8), n_latent=3)


def digits(n: int) -> torch.Tensor:
    return stroke_digits(n, np.random.default_rng(0)).pixels


def test_sizes_are_those_of_the_sheet() -> None:
    """Weights and biases: 784-512-256, two heads of 16, 16-256-512-784."""
    model = VAE()
    sizes = (settings.N_PIXELS, *settings.VAE_HIDDEN)
    encoder = sum((a + 1) * b for a, b in pairwise(sizes))
    heads = 2 * (settings.VAE_HIDDEN[1] + 1) * settings.N_LATENT
    back = (settings.N_LATENT, *reversed(settings.VAE_HIDDEN), settings.N_PIXELS)
    decoder = sum((a + 1) * b for a, b in pairwise(back))
    assert sum(p.numel() for p in model.parameters()) == encoder + heads + decoder == 1_079_600
    with torch.no_grad():
        reconstruction, mu, log_var = model(torch.rand(5, 1, 28, 28))
    assert reconstruction.shape == (5, 784)
    assert mu.shape == log_var.shape == (5, 16)
    assert 0.0 < float(reconstruction.min()) < float(reconstruction.max()) < 1.0


def test_optimizer_is_that_of_the_sheet() -> None:
    optimizer = vae_optimizer(small_vae())
    assert isinstance(optimizer, torch.optim.Adam)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["betas"]) == (settings.VAE_LEARNING_RATE, settings.VAE_BETAS)
    assert group["weight_decay"] == 0.0


# ------------------------------------------------------------------ loss


@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 4), st.integers(0, 10_000))
def test_loss_agrees_with_torch_distributions(n: int, n_pixels: int, n_latent: int, seed: int) -> None:
    g = seeded(seed)
    logits = torch.randn(n, n_pixels, generator=g, dtype=torch.float64)
    x = torch.randint(0, 2, (n, n_pixels), generator=g).double()
    mu, log_var = torch.randn(2, n, n_latent, generator=g, dtype=torch.float64)
    loss = vae_loss(torch.sigmoid(logits), x, mu, log_var)
    nll = -Bernoulli(logits=logits).log_prob(x).sum() / n
    prior = Normal(torch.zeros_like(mu), torch.ones_like(mu))
    kl = kl_divergence(Normal(mu, (0.5 * log_var).exp()), prior).sum() / n
    torch.testing.assert_close(loss.reconstruction_nll, nll)
    torch.testing.assert_close(loss.kl, kl)
    torch.testing.assert_close(loss.total, nll + kl)


def test_loss_in_closed_form() -> None:
    """One half everywhere costs log 2 a pixel, grey or not; N(2, 1) is 2 nats from N(0, 1), N(0, e) e/2 - 1."""
    grey = torch.full((3, 784), 0.5)
    loss = vae_loss(grey, torch.rand(3, 784, generator=seeded()), torch.full((3, 1), 2.0), torch.zeros(3, 1))
    assert float(loss.reconstruction_nll) == pytest.approx(784 * np.log(2))
    assert float(loss.kl) == pytest.approx(2.0)
    assert float(vae_loss(grey, grey, torch.zeros(3, 2), torch.ones(3, 2)).kl) == pytest.approx(np.e - 2)
    assert float(vae_loss(grey, grey, torch.zeros(3, 2), torch.zeros(3, 2)).kl) == 0.0


def test_loss_stays_finite_where_a_pixel_is_certain_and_wrong() -> None:
    loss = vae_loss(torch.zeros(1, 2), torch.ones(1, 2), torch.zeros(1, 1), torch.zeros(1, 1))
    assert float(loss.reconstruction_nll) == pytest.approx(200.0)  # torch bounds the logarithm at -100


def test_loss_is_a_mean_over_the_batch() -> None:
    g = seeded()
    parts = [torch.rand(4, 9, generator=g), torch.rand(4, 9, generator=g), *torch.randn(2, 4, 2, generator=g)]
    whole = vae_loss(*parts).total
    twice = vae_loss(*(part.repeat(2, 1) for part in parts)).total
    single = torch.stack([vae_loss(*(part[i : i + 1] for part in parts)).total for i in range(4)])
    torch.testing.assert_close(twice, whole)
    torch.testing.assert_close(single.mean(), whole)


# ------------------------------------------------------------------ reparameterisation


def test_draw_is_the_formula_with_the_noise_of_the_generator() -> None:
    mu, log_var = torch.randn(2, 5, 3, generator=seeded())
    epsilon = torch.randn(5, 3, generator=seeded(7))
    z = reparameterise(mu, log_var, seeded(7))
    torch.testing.assert_close(z, mu + torch.sqrt(torch.exp(log_var)) * epsilon)
    assert not torch.equal(z, reparameterise(mu, log_var, seeded(8)))
    torch.testing.assert_close(reparameterise(mu, torch.full((5, 3), -200.0), seeded()), mu)


def test_draws_have_the_mean_and_the_variance() -> None:
    n = 40_000
    z = reparameterise(torch.full((n,), 1.5), torch.full((n,), np.log(4.0)), seeded())
    assert float(z.mean()) == pytest.approx(1.5, abs=5 * 2 / n**0.5)
    assert float(z.var()) == pytest.approx(4.0, abs=5 * 4 * (2 / n) ** 0.5)


def test_gradients_reach_both_heads_and_everything_else() -> None:
    model, x = small_vae(), digits(8)
    reconstruction, mu, log_var = model(x, seeded())
    vae_loss(reconstruction, x, mu, log_var).reconstruction_nll.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0.0, name


def test_encoding_is_blind_to_the_rest_of_the_batch() -> None:
    model, x = small_vae(), digits(6)
    mu, log_var = model.encode(x)
    order = torch.randperm(6, generator=seeded())
    permuted = model.encode(x[order])
    torch.testing.assert_close(permuted[0], mu[order])
    torch.testing.assert_close(permuted[1], log_var[order])
    torch.testing.assert_close(model.encode(x[:1])[0], mu[:1])


# ------------------------------------------------------------------ training


def test_step_is_one_step_down_the_gradient() -> None:
    model, x = small_vae(), digits(4)
    before = [p.detach().clone() for p in model.parameters()]
    reconstruction, mu, log_var = model(x, seeded(3))
    expected_loss = vae_loss(reconstruction, x, mu, log_var)
    gradients = torch.autograd.grad(expected_loss.total, list(model.parameters()))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    loss = vae_step(model, optimizer, x, seeded(3))
    torch.testing.assert_close(loss.total, expected_loss.total.detach())
    assert not loss.total.requires_grad
    for old, gradient, new in zip(before, gradients, model.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old - 1e-3 * gradient)


def test_steps_do_not_add_up_old_gradients() -> None:
    model, x = small_vae(), digits(4)
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    gradients = []
    for _ in range(2):
        vae_step(model, still, x, seeded(3))
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    for first, second in zip(*gradients, strict=True):
        torch.testing.assert_close(first, second)


def test_training_lowers_the_loss_and_repeats_under_its_seeds() -> None:
    x = digits(200)
    histories = []
    for _ in range(2):
        model = small_vae()
        z = torch.randn(4, 3, generator=seeded(9))
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)  # tiny networks want larger steps
        histories.append(train_vae(model, optimizer, x[:160], x[160:], z, 5, 32, seeded(1)))
    first, second = histories
    assert len(first) == 5
    assert float(first[-1].validation.total) < 0.8 * float(first[0].train.total)
    for epoch, again in zip(first, second, strict=True):
        assert epoch.samples.shape == (4, 784)
        assert torch.equal(epoch.samples, again.samples)
        torch.testing.assert_close(epoch.train.reconstruction_nll + epoch.train.kl, epoch.train.total)
        assert epoch.validation == again.validation


def test_evaluation_is_a_mean_over_images_and_changes_nothing() -> None:
    model, x = small_vae(), digits(7)
    before = [p.detach().clone() for p in model.parameters()]
    loss = evaluate_vae(model, x, 3, seeded(2))
    g = seeded(2)
    parts = []
    for batch in (x[:3], x[3:6], x[6:]):
        reconstruction, mu, log_var = model(batch, g)
        parts.append(len(batch) * vae_loss(reconstruction, batch, mu, log_var).total.detach())
    assert float(loss.total) == pytest.approx(float(sum(parts)) / 7, rel=1e-6)
    for old, new in zip(before, model.parameters(), strict=True):
        assert torch.equal(old, new)


def test_images_are_decoded_from_the_mean_and_from_the_prior() -> None:
    model, x = small_vae(), digits(5)
    images = reconstruct(model, x)
    torch.testing.assert_close(images, model.decode(model.encode(x)[0]))
    assert torch.equal(images, reconstruct(model, x))
    assert not images.requires_grad
    samples = generate(model, torch.zeros(10, 3))
    assert samples.shape == (10, 784)
    assert torch.equal(samples[0], samples[9])


def test_a_few_steps_on_mnist(data_sets: Path) -> None:
    """The first loss is 784 log 2 to a percent; the floor for grey pixels of this set is far below 300 nats."""
    x = data.load_mnist(data_sets, "test").pixels
    torch.manual_seed(settings.SEED)
    model = VAE()
    optimizer, g = vae_optimizer(model), seeded(settings.SEED)
    losses = [
        float(vae_step(model, optimizer, batch, g).reconstruction_nll)
        for batch in x[: 30 * 128].split(settings.IMAGE_BATCH_SIZE)
    ]
    assert losses[0] == pytest.approx(784 * np.log(2), rel=0.01)
    assert losses[-1] < 240.0
    assert autoencoders.reconstruct(model, x[: settings.N_RECONSTRUCTIONS]).shape == (5, 784)
