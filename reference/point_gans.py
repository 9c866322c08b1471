"""Adversarial networks on points of the plane: a GAN (Goodfellow et al. 2014) and a Wasserstein GAN (Arjovsky et al. 2017).

The points lie on a ring of eight Gaussians, whose modes can be counted. Noise, weights and batches come from torch's
global generator.
"""

# Some methods of torch carry no types, backward among them.
# mypy: untyped-calls-exclude="torch"

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

N_MODES = 8
RADIUS = 2.0
SD = 0.1
WITHIN = 0.3  # three standard deviations: a sample this near belongs to the mode
LEAST_SHARE = 0.02  # of all samples; a generator without faults has 0.125 at each mode


# ------------------------------------------------------------------ the ring


def ring_centres() -> Tensor:
    """Return the centres (N_MODES, 2) of the modes, evenly on a circle of radius RADIUS."""
    angles = 2 * math.pi * torch.arange(N_MODES) / N_MODES
    return RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)


def ring_points(n: int) -> Tensor:
    """Return n draws (n, 2) of the mixture: a mode at random, and Gaussian noise of deviation SD around its centre."""
    modes = torch.randint(N_MODES, (n,))
    return ring_centres()[modes] + SD * torch.randn(n, 2)


def modes_covered(samples: Tensor) -> int:
    """Return how many modes have at least LEAST_SHARE of the samples (n, 2) within WITHIN of their centre."""
    near = torch.cdist(samples, ring_centres().to(samples)) <= WITHIN  # (n, N_MODES)
    shares = near.double().mean(dim=0)  # (N_MODES,)
    return int((shares >= LEAST_SHARE).sum())


# ------------------------------------------------------------------ networks


class Generator(nn.Module):
    """Noise (n, n_noise) to points (n, 2), anywhere in the plane."""

    def __init__(self, n_noise: int = 8, n_hidden: int = 64) -> None:
        super().__init__()
        self.n_noise = n_noise
        self.layers = nn.Sequential(
            nn.Linear(n_noise, n_hidden), nn.ReLU(),
            nn.Linear(n_hidden, n_hidden), nn.ReLU(),
            nn.Linear(n_hidden, 2),
        )  # fmt: skip

    def forward(self, z: Tensor) -> Tensor:
        """Return points (n, 2) for noise (n, n_noise)."""
        points: Tensor = self.layers(z)
        return points


class Discriminator(nn.Module):
    """Points (n, 2) to one logit each: positive means real."""

    def __init__(self, n_hidden: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, n_hidden), nn.LeakyReLU(0.2),
            nn.Linear(n_hidden, n_hidden), nn.LeakyReLU(0.2),
            nn.Linear(n_hidden, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, 1) for points (n, 2)."""
        logits: Tensor = self.layers(x)
        return logits


class Critic(nn.Module):
    """Points (n, 2) to one score each, any number: the higher, the nearer to the data."""

    def __init__(self, n_hidden: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, n_hidden), nn.LeakyReLU(0.2),
            nn.Linear(n_hidden, n_hidden), nn.LeakyReLU(0.2),
            nn.Linear(n_hidden, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (n, 1) for points (n, 2)."""
        scores: Tensor = self.layers(x)
        return scores


# ------------------------------------------------------------------ GAN


def discriminator_step(
    G: nn.Module, D: nn.Module, opt_D: torch.optim.Optimizer, real: Tensor, n_noise: int = 8
) -> float:
    """Move D by -log D(real) - log(1 - D(fake)), means over the batch, and return that loss in nats."""
    fake = G(torch.randn(len(real), n_noise)).detach()  # no gradient of this loss reaches G
    on_real, on_fake = D(real), D(fake)
    loss = F.binary_cross_entropy_with_logits(on_real, torch.ones_like(on_real))
    loss = loss + F.binary_cross_entropy_with_logits(on_fake, torch.zeros_like(on_fake))
    opt_D.zero_grad()
    loss.backward()
    opt_D.step()
    return loss.item()


def generator_step(
    G: nn.Module, D: nn.Module, opt_G: torch.optim.Optimizer, n: int, n_noise: int = 8
) -> float:
    """Move G by the non-saturating loss -log D(G(z)), the mean over n fakes, and return it in nats."""
    on_fake = D(G(torch.randn(n, n_noise)))
    loss = F.binary_cross_entropy_with_logits(on_fake, torch.ones_like(on_fake))
    opt_G.zero_grad()
    loss.backward()
    opt_G.step()
    return loss.item()


# ------------------------------------------------------------------ WGAN


def critic_step(
    G: nn.Module,
    C: nn.Module,
    opt_C: torch.optim.Optimizer,
    real: Tensor,
    clip: float = 0.1,
    n_noise: int = 8,
) -> float:
    """Move C by E[C(fake)] - E[C(real)], clip its weights to [-clip, clip], and return the loss."""
    fake = G(torch.randn(len(real), n_noise)).detach()
    loss = C(fake).mean() - C(real).mean()
    opt_C.zero_grad()
    loss.backward()
    opt_C.step()
    with torch.no_grad():
        for weights in C.parameters():
            weights.clamp_(-clip, clip)
    return float(loss.detach())


def critic_generator_step(
    G: nn.Module, C: nn.Module, opt_G: torch.optim.Optimizer, n: int, n_noise: int = 8
) -> float:
    """Move G by -E[C(fake)], the mean over n fakes, and return the loss."""
    loss = -C(G(torch.randn(n, n_noise))).mean()
    opt_G.zero_grad()
    loss.backward()
    opt_G.step()
    return float(loss.detach())
