"""The GAN: sizes, losses against closed forms, one step as algebra, and training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, kl_divergence

from reference import data
from reference.adversarial import (
    Discriminator,
    Generator,
    binary_loss,
    discriminator_loss,
    frozen,
    gan_optimizers,
    gan_step,
    generate_images,
    generator_loss,
    to_signed,
    to_unit,
    train_gan,
)
from reference.aml_a3 import settings
from reference.stand_ins import stroke_digits


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_pair(dropout: float = 0.0) -> tuple[Generator, Discriminator]:
    torch.manual_seed(0)
    return Generator(3, (6, 8), 10), Discriminator(10, (8, 6), dropout)


def sgd(model: nn.Module, lr: float = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), lr=lr)


def copies(model: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in model.parameters()]


# ------------------------------------------------------------------ networks


def test_sizes_are_those_of_the_sheet() -> None:
    forward = (settings.N_NOISE, *settings.GENERATOR_HIDDEN, settings.N_PIXELS)
    back = (settings.N_PIXELS, *settings.DISCRIMINATOR_HIDDEN, 1)
    for model, sizes, n in ((Generator(), forward, 550_416), (Discriminator(), back, 533_505)):
        linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
        assert [m.in_features for m in linear] == list(sizes[:-1])
        assert [m.out_features for m in linear] == list(sizes[1:])
        assert sum(p.numel() for p in model.parameters()) == n
        assert all(m.negative_slope == settings.LEAK for m in model.modules() if isinstance(m, nn.LeakyReLU))
        assert sum(isinstance(m, nn.LeakyReLU) for m in model.modules()) == 2
    rates = [m.p for m in Discriminator().modules() if isinstance(m, nn.Dropout)]
    assert rates == [settings.DROPOUT] * 2
    assert not any(isinstance(m, nn.Dropout) for m in Generator().modules())


def test_images_and_logits_have_their_shapes_and_ranges() -> None:
    images = Generator()(torch.randn(5, 64, generator=seeded())).detach()
    assert images.shape == (5, 784)
    assert float(images.abs().max()) < 1.0
    assert Discriminator()(images.view(5, 1, 28, 28)).shape == (5, 1)


def test_ranges_are_mapped_and_mapped_back() -> None:
    x = torch.tensor([0.0, 0.25, 1.0])
    assert to_signed(x).tolist() == [-1.0, -0.5, 1.0]
    assert torch.equal(to_unit(to_signed(x)), x)


def test_optimizers_are_those_of_the_sheet_and_hold_one_network_each() -> None:
    pair = small_pair()
    for optimizer, model in zip(gan_optimizers(*pair), pair, strict=True):
        group = optimizer.param_groups[0]
        assert (group["lr"], group["betas"]) == (settings.GAN_LEARNING_RATE, settings.GAN_BETAS)
        assert group["weight_decay"] == 0.0
        assert [id(p) for p in group["params"]] == [id(p) for p in model.parameters()]


# ------------------------------------------------------------------ losses


@pytest.mark.parametrize("target", [0.0, 0.9, 1.0])
def test_binary_loss_is_cross_entropy(target: float) -> None:
    """Cross-entropy is entropy plus KL, which torch.distributions knows."""
    logits = torch.randn(6, 1, generator=seeded(), dtype=torch.float64)
    truth = Bernoulli(probs=torch.full_like(logits, target))
    expected = (truth.entropy() + kl_divergence(truth, Bernoulli(logits=logits))).mean()
    torch.testing.assert_close(binary_loss(logits, target), expected)


def test_losses_in_closed_form() -> None:
    zero = torch.zeros(4, 1)
    assert float(discriminator_loss(zero, zero)) == pytest.approx(2 * np.log(2))
    assert float(generator_loss(zero)) == pytest.approx(np.log(2))
    at_best = torch.full((4, 1), float(np.log(0.45 / 0.55)))
    assert float(discriminator_loss(at_best, at_best)) == pytest.approx(1.37628, abs=1e-5)
    assert float(generator_loss(at_best)) == pytest.approx(0.79851, abs=1e-5)
    far = torch.full((1, 1), -1e4)
    assert float(generator_loss(far)) == pytest.approx(1e4)  # non-saturating, and finite


def test_equilibrium_is_the_best_that_a_blind_discriminator_can_do() -> None:
    logit = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
    for _ in range(200):
        (gradient,) = torch.autograd.grad(discriminator_loss(logit, logit), logit)
        logit = (logit - gradient).detach().requires_grad_()
    assert float(logit.detach()) == pytest.approx(np.log(0.45 / 0.55), abs=1e-9)


# ------------------------------------------------------------------ one step


def test_step_is_the_algebra_of_both_losses() -> None:
    """With plain SGD: D moves down its gradient first, then G down the loss that the new D gives."""
    G, D = small_pair()
    real = to_signed(torch.rand(5, 10, generator=seeded(1)))
    fake = G(torch.randn(5, 3, generator=seeded(2)))
    loss_d = discriminator_loss(D(real), D(fake.detach()))
    expected_d = [
        p.detach() - 0.1 * g
        for p, g in zip(D.parameters(), torch.autograd.grad(loss_d, list(D.parameters())), strict=True)
    ]
    moved = Discriminator(10, (8, 6), 0.0)
    moved.load_state_dict(dict(zip(D.state_dict(), expected_d, strict=True)))
    loss_g = generator_loss(moved(fake))
    expected_g = [
        p.detach() - 0.1 * g
        for p, g in zip(G.parameters(), torch.autograd.grad(loss_g, list(G.parameters())), strict=True)
    ]

    losses = gan_step(G, D, sgd(G), sgd(D), real, seeded(2))
    torch.testing.assert_close(losses.discriminator, loss_d.detach())
    torch.testing.assert_close(losses.generator, loss_g.detach())
    assert not losses.discriminator.requires_grad
    assert not losses.generator.requires_grad
    for new, expected in zip((*D.parameters(), *G.parameters()), (*expected_d, *expected_g), strict=True):
        torch.testing.assert_close(new.detach(), expected)


@pytest.mark.parametrize("still", ["G", "D"])
def test_each_optimizer_moves_its_own_network_only(still: str) -> None:
    G, D = small_pair(dropout=0.3)
    before = {"G": copies(G), "D": copies(D)}
    rates = {"G": 0.1, "D": 0.1, still: 0.0}
    gan_step(G, D, sgd(G, rates["G"]), sgd(D, rates["D"]), torch.rand(5, 10), seeded())
    for name, model in (("G", G), ("D", D)):
        has_moved = any(
            not torch.equal(p, old) for p, old in zip(model.parameters(), before[name], strict=True)
        )
        assert has_moved == (name != still)
        assert all(p.requires_grad for p in model.parameters())


def test_gradients_of_a_step_do_not_pile_up_nor_leak_into_the_discriminator() -> None:
    G, D = small_pair()
    real = torch.rand(5, 10, generator=seeded(1))
    seen = []
    for _ in range(2):
        gan_step(G, D, sgd(G, 0.0), sgd(D, 0.0), real, seeded(2))
        seen.append([p.grad.clone() for p in (*G.parameters(), *D.parameters()) if p.grad is not None])
    assert len(seen[0]) == len(list(G.parameters())) + len(list(D.parameters()))
    for first, second in zip(*seen, strict=True):
        torch.testing.assert_close(first, second)
    fake = G(torch.randn(5, 3, generator=seeded(2))).detach()
    own = torch.autograd.grad(discriminator_loss(D(real), D(fake)), list(D.parameters()))
    for parameter, gradient in zip(D.parameters(), own, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_step_trains_with_dropout_even_after_evaluation() -> None:
    G, D = small_pair(dropout=0.3)
    G.eval()
    D.eval()
    gan_step(G, D, sgd(G), sgd(D), torch.rand(5, 10), seeded())
    assert G.training
    assert D.training


def test_frozen_parameters_thaw_even_after_an_error() -> None:
    _, D = small_pair()
    D.layers[0].weight.requires_grad_(False)  # was frozen before, stays frozen
    with frozen(D):
        assert not any(p.requires_grad for p in D.parameters())
    with pytest.raises(KeyError), frozen(D):
        raise KeyError
    assert [p.requires_grad for p in D.parameters()] == [False, True, True, True, True, True]


# ------------------------------------------------------------------ training


def test_training_keeps_losses_and_grids_and_repeats_under_its_seeds() -> None:
    x = to_signed(stroke_digits(96, np.random.default_rng(0)).pixels)
    noise = torch.randn(settings.N_FIXED_NOISE, 64, generator=seeded(3))
    histories = []
    for _ in range(2):
        torch.manual_seed(4)
        G, D = Generator(), Discriminator()
        histories.append(train_gan(G, D, *gan_optimizers(G, D), x, noise, 2, 32, seeded(5)))
    first, second = histories
    assert len(first) == 2
    for epoch, again in zip(first, second, strict=True):
        assert epoch.samples.shape == (64, 784)
        assert torch.equal(epoch.samples, again.samples)
        assert epoch.losses == again.losses
        assert 0.0 < float(epoch.losses.discriminator) < 3.0
        assert 0.0 < float(epoch.losses.generator) < 5.0
    assert not torch.equal(first[0].samples, first[1].samples)
    assert torch.equal(generate_images(G, noise), first[1].samples)


def test_a_few_steps_on_mnist(data_sets: Path) -> None:
    """The discriminator soon does better than a blind one."""
    x = to_signed(data.load_mnist(data_sets, "test").pixels[: 20 * 128])
    torch.manual_seed(settings.SEED)
    G, D = Generator(), Discriminator()
    optimizers, g = gan_optimizers(G, D), seeded(settings.SEED)
    losses = [gan_step(G, D, *optimizers, real, g) for real in x.split(settings.IMAGE_BATCH_SIZE)]
    assert float(losses[0].discriminator) == pytest.approx(2 * np.log(2), abs=0.15)
    assert float(losses[-1].discriminator) < 1.3
