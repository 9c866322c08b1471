"""Generative adversarial networks (Goodfellow et al. 2014) with the non-saturating loss.

Images are in [-1, 1] here. Weights and dropout masks are drawn from torch's global generator; noise and the order
of the batches come from the generator that is passed in.
"""

# Some methods of torch carry no types, backward and split among them.
# mypy: untyped-calls-exclude="torch"

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.batches import mean_over_examples, shuffled_batches

REAL_TARGET = 0.9  # one-sided label smoothing (Salimans et al. 2016, section 3.4)
FAKE_TARGET = 0.0


class Generator(nn.Module):
    """Noise (n, n_noise) to images (n, n_pixels) in (-1, 1)."""

    def __init__(
        self, n_noise: int = 64, n_hidden: tuple[int, int] = (256, 512), n_pixels: int = 784
    ) -> None:
        super().__init__()
        narrow, wide = n_hidden
        self.n_noise = n_noise
        self.layers = nn.Sequential(
            nn.Linear(n_noise, narrow), nn.LeakyReLU(0.2),
            nn.Linear(narrow, wide), nn.LeakyReLU(0.2),
            nn.Linear(wide, n_pixels), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z: Tensor) -> Tensor:
        """Return images (n, n_pixels) for noise (n, n_noise)."""
        images: Tensor = self.layers(z)
        return images


class Discriminator(nn.Module):
    """Images (n, ...) in [-1, 1] to one logit each: positive means real."""

    def __init__(
        self, n_pixels: int = 784, n_hidden: tuple[int, int] = (512, 256), dropout: float = 0.3
    ) -> None:
        super().__init__()
        wide, narrow = n_hidden
        self.layers = nn.Sequential(
            nn.Linear(n_pixels, wide), nn.LeakyReLU(0.2), nn.Dropout(dropout),
            nn.Linear(wide, narrow), nn.LeakyReLU(0.2), nn.Dropout(dropout),
            nn.Linear(narrow, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, 1) for images (n, ...)."""
        logits: Tensor = self.layers(x.flatten(1))
        return logits


def to_signed(x: Tensor) -> Tensor:
    """Return images in [-1, 1] for images in [0, 1]."""
    return 2.0 * x - 1.0


def to_unit(x: Tensor) -> Tensor:
    """Return images in [0, 1] for images in [-1, 1]."""
    return 0.5 * (x + 1.0)


# ------------------------------------------------------------------ losses


def binary_loss(logits: Tensor, target: float) -> Tensor:
    """Return the mean binary cross-entropy, in nats, of logits against one target in [0, 1] for all."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the loss on real images (target 0.9) plus the loss on fakes (target 0.0), in nats.

    Where neither can be told from the other the best logit is log(0.45 / 0.55), and the loss 1.376.
    """
    return binary_loss(real_logits, REAL_TARGET) + binary_loss(fake_logits, FAKE_TARGET)


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Return the non-saturating loss -log D(G(z)), in nats (Goodfellow et al. 2014, section 3); not smoothed."""
    return binary_loss(fake_logits, 1.0)


# ------------------------------------------------------------------ training


class GanLoss(NamedTuple):
    """Both losses, scalars in nats."""

    discriminator: Tensor
    generator: Tensor


def gan_optimizers(
    generator: nn.Module, discriminator: nn.Module
) -> tuple[torch.optim.Adam, torch.optim.Adam]:
    """Return Adam with learning rate 2e-4 and betas (0.5, 0.999), for the generator and the discriminator."""
    return (
        torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999), weight_decay=0.0),
        torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999), weight_decay=0.0),
    )


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Keep gradients from the parameters of a model, while they still flow through it to its input."""
    wanted = [parameter.requires_grad for parameter in model.parameters()]
    model.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, is_wanted in zip(model.parameters(), wanted, strict=True):
            parameter.requires_grad_(is_wanted)


def gan_step(
    G: Generator,
    D: Discriminator,
    opt_G: torch.optim.Optimizer,
    opt_D: torch.optim.Optimizer,
    real: Tensor,
    rng: torch.Generator | None = None,
) -> GanLoss:
    """Update D once, then G once, on the same fakes, and return both losses from before their updates, detached.

    Parameters
    ----------
    G, D
        Generator and discriminator; both are put into training mode.
    opt_G, opt_D
        Their optimizers: each holds the parameters of its own network only.
    real
        Images (n, ...) in [-1, 1]; as many fakes are made.
    rng
        Source of the noise; torch's global one by default.
    """
    G.train()
    D.train()
    noise = torch.randn(len(real), G.n_noise, generator=rng, dtype=real.dtype, device=real.device)
    fake = G(noise)  # (n, n_pixels)

    opt_D.zero_grad()
    loss_d = discriminator_loss(D(real), D(fake.detach()))  # no gradient of this loss reaches G
    loss_d.backward()
    opt_D.step()

    opt_G.zero_grad()
    with frozen(D):  # this loss is no concern of D's parameters
        loss_g = generator_loss(D(fake))
        loss_g.backward()
    opt_G.step()
    return GanLoss(loss_d.detach(), loss_g.detach())


class GanEpoch(NamedTuple):
    """What is kept of one epoch."""

    losses: GanLoss  # means over the epoch, while the weights change
    samples: Tensor  # (k, n_pixels) in [-1, 1]: the fixed noise at its end


def train_gan(
    G: Generator,
    D: Discriminator,
    opt_G: torch.optim.Optimizer,
    opt_D: torch.optim.Optimizer,
    train: Tensor,
    fixed_noise: Tensor,
    n_epochs: int,
    batch_size: int,
    rng: torch.Generator,
) -> list[GanEpoch]:
    """Train both networks and return one record an epoch (the grids of epochs 1, 5, 10 are in records 0, 4, 9).

    Parameters
    ----------
    train
        Images (n, ...) in [-1, 1].
    fixed_noise
        Noise (k, n_noise) whose images are kept each epoch.
    rng
        Source of the order of batches and of the noise.
    """
    history = []
    for _ in range(n_epochs):
        losses, sizes = [], []
        for batch in shuffled_batches(len(train), batch_size, rng):
            losses.append(torch.stack(gan_step(G, D, opt_G, opt_D, train[batch], rng)))
            sizes.append(len(batch))
        samples = generate_images(G, fixed_noise)
        history.append(GanEpoch(GanLoss(*mean_over_examples(losses, sizes)), samples))
    return history


@torch.no_grad()
def generate_images(G: Generator, noise: Tensor) -> Tensor:
    """Return the images (n, n_pixels) in [-1, 1] of noise (n, n_noise)."""
    G.eval()
    images: Tensor = G(noise)
    return images
