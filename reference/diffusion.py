"""A denoising diffusion model for points of the plane (Ho, Jain, Abbeel 2020): schedule, noising, objective, sampling.

Time is an index t = 0 .. T - 1 throughout; the paper's t is one more. `alpha_bars[t]` is how much of the data's variance is
left after step t.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def make_schedule(n_steps: int, beta_start: float, beta_end: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return beta, alpha = 1 - beta and its cumulative product, each of shape (n_steps,)."""
    betas = torch.linspace(beta_start, beta_end, n_steps)
    alphas = 1.0 - betas
    return betas, alphas, torch.cumprod(alphas, dim=0)


def add_noise(x0: Tensor, t: Tensor, noise: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps for points (n, 2), times (n,) and noise (n, 2) (eq. 4)."""
    alpha_bar = alpha_bars[t][:, None]
    return alpha_bar.sqrt() * x0 + (1.0 - alpha_bar).sqrt() * noise


class NoisePredictor(nn.Module):
    """The noise in a point x_t at time t: (n, 2) and (n,) to (n, 2)."""

    def __init__(self, n_steps: int, n_time: int = 32, n_hidden: int = 128):
        super().__init__()
        self.time = nn.Embedding(n_steps, n_time)
        self.layers = nn.Sequential(
            nn.Linear(2 + n_time, n_hidden),
            nn.SiLU(),
            nn.Linear(n_hidden, n_hidden),
            nn.SiLU(),
            nn.Linear(n_hidden, n_hidden),
            nn.SiLU(),
            nn.Linear(n_hidden, 2),
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the predicted noise (n, 2) in points x (n, 2) at their times t (n,)."""
        predicted: Tensor = self.layers(torch.cat([x, self.time(t)], dim=1))
        return predicted


def noise_loss(model: nn.Module, x0: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return the mean squared error of the predicted noise, at a random time for each point (eq. 14)."""
    t = torch.randint(0, len(alpha_bars), (len(x0),))
    noise = torch.randn_like(x0)
    predicted = model(add_noise(x0, t, noise, alpha_bars), t)
    return F.mse_loss(predicted, noise)


@torch.no_grad()
def reverse_step(model: nn.Module, x: Tensor, t: int, betas: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return x_{t-1} drawn given x_t (n, 2), with variance beta_t; at t = 0 its mean (algorithm 2)."""
    predicted: Tensor = model(x, torch.full((len(x),), t))
    mean = (x - betas[t] / (1.0 - alpha_bars[t]).sqrt() * predicted) / (1.0 - betas[t]).sqrt()
    if t == 0:
        return mean
    return mean + betas[t].sqrt() * torch.randn_like(x)


def sample(model: nn.Module, n: int, betas: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return n points (n, 2), from pure noise by all steps backwards."""
    x = torch.randn(n, 2)
    for t in reversed(range(len(betas))):
        x = reverse_step(model, x, t, betas, alpha_bars)
    return x
