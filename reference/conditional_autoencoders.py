"""A conditional variational autoencoder: what is encoded and decoded depends on a class.

Sohn, Lee and Yan 2015, "Learning Structured Output Representation using Deep Conditional Generative Models". Images are
flat, (n, 784) in [0, 1]; classes are whole numbers (n,); losses are in nats per image.
"""

# Some methods of torch carry no types, backward among them.
# mypy: untyped-calls-exclude="torch"

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.autoencoders import reparameterise

N_CLASSES = 10


class Encoder(nn.Module):
    """From an image and its class to the mean and the log variance of the code, with one hidden layer."""

    def __init__(self, n_pixels: int = 784, n_hidden: int = 256, n_latent: int = 16) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(n_pixels + N_CLASSES, n_hidden), nn.ReLU())
        self.mu_head = nn.Linear(n_hidden, n_latent)
        self.log_var_head = nn.Linear(n_hidden, n_latent)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance, (n, n_latent) each, of q(z | x, y) for images (n, ...) of classes (n,)."""
        condition = F.one_hot(y, N_CLASSES).float()  # (n, 10)
        hidden = self.hidden(torch.cat([x.flatten(1), condition], dim=1))
        return self.mu_head(hidden), self.log_var_head(hidden)


class Decoder(nn.Module):
    """From a code and a class to an image, with one hidden layer and a sigmoid at the end."""

    def __init__(self, n_latent: int = 16, n_hidden: int = 256, n_pixels: int = 784) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_latent + N_CLASSES, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_pixels), nn.Sigmoid()
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the pixel means (n, n_pixels) in (0, 1) for codes (n, n_latent) of classes (n,)."""
        condition = F.one_hot(y, N_CLASSES).float()  # (n, 10)
        pixels: Tensor = self.layers(torch.cat([z, condition], dim=1))
        return pixels


class CVAE(nn.Module):
    """Encoder, a draw of the code, decoder; both are told the class."""

    def __init__(self, n_latent: int = 16) -> None:
        super().__init__()
        self.n_latent = n_latent
        self.encoder = Encoder(n_latent=n_latent)
        self.decoder = Decoder(n_latent=n_latent)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return reconstruction (n, n_pixels), mean and log variance (n, n_latent) of images (n, ...) of classes (n,)."""
        mu, log_var = self.encoder(x, y)
        return self.decoder(reparameterise(mu, log_var), y), mu, log_var


class Elbo(NamedTuple):
    """The negative ELBO and its two terms, each a scalar in nats per image (lower is better)."""

    total: Tensor
    reconstruction_nll: Tensor
    kl: Tensor


def cvae_loss(reconstruction: Tensor, x: Tensor, mu: Tensor, log_var: Tensor) -> Elbo:
    """Return the negative ELBO: binary cross-entropy plus KL(q(z | x, y) || N(0, I)).

    The first is summed over pixels, the second over dimensions of the code; both are averaged over the batch (Sohn, Lee
    and Yan 2015, equation 3, with a prior that does not depend on the class).

    Parameters
    ----------
    reconstruction, x
        Pixel means and images, (n, n_pixels) in [0, 1].
    mu, log_var
        Of the codes, (n, n_latent).
    """
    n = len(x)
    bce = F.binary_cross_entropy(reconstruction, x, reduction="sum") / n
    kl = -0.5 * torch.sum(1 + log_var - mu**2 - torch.exp(log_var)) / n
    return Elbo(bce + kl, bce, kl)


@torch.no_grad()
def generate(model: CVAE, y: Tensor, z: Tensor | None = None) -> Tensor:
    """Return an image (n, n_pixels) of each class (n,), from codes (n, n_latent): draws from N(0, I) by default."""
    model.eval()
    if z is None:
        z = torch.randn(len(y), model.n_latent)
    pixels: Tensor = model.decoder(z, y)
    return pixels
