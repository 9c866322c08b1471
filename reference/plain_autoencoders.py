"""Plain autoencoders: an encoder, a decoder and nothing that shapes the codes between them.

Weights are drawn from torch's global generator when a model is made; the order of the batches and the codes that are
drawn come from the generator that is passed in.
"""

# Some methods of torch carry no types, backward and split among them.
# mypy: untyped-calls-exclude="torch"

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.batches import mean_over_examples, shuffled_batches

LossOfBatch = Callable[[Tensor, Tensor], Tensor]
"""From what the decoder gives (n, D) and the data (n, ...) to a scalar."""


class Autoencoder(nn.Module):
    """An autoencoder: images, flattened to n_pixels, become a code of fewer numbers and images again."""

    def __init__(self, n_pixels: int = 784, n_hidden: int = 256, n_code: int = 16) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_pixels, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_code))
        self.decoder = nn.Sequential(nn.Linear(n_code, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_pixels))

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes (n, n_code) of images (n, ...) in [0, 1]."""
        code: Tensor = self.encoder(x.flatten(1))
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Return images (n, n_pixels) in (0, 1) for codes (n, n_code)."""
        return torch.sigmoid(self.decoder(code))

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstructions (n, n_pixels) of images (n, ...)."""
        return self.decode(self.encode(x))


class LogitAutoencoder(Autoencoder):
    """The same network, whose decoder gives theta, the logit of every pixel: the parameters of p(x | z)."""

    def decode(self, code: Tensor) -> Tensor:
        """Return the logits (n, n_pixels) of Bernoulli variables for codes (n, n_code)."""
        logits: Tensor = self.decoder(code)
        return logits


def squared_error(output: Tensor, x: Tensor) -> Tensor:
    """Return the squared error (n, D) against data (n, ...), summed over dimensions and averaged over the batch."""
    return F.mse_loss(output, x.flatten(1), reduction="sum") / len(x)


def train_autoencoder(
    model: nn.Module,
    loss_of: LossOfBatch,
    images: Tensor,
    n_epochs: int,
    batch_size: int,
    generator: torch.Generator,
) -> list[float]:
    """Train the model with Adam (learning rate 1e-3) and return the mean loss of each epoch.

    Parameters
    ----------
    images
        (n, ...) in [0, 1].
    generator
        Source of the order of batches.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    history = []
    for _ in range(n_epochs):
        losses, sizes = [], []
        for batch in shuffled_batches(len(images), batch_size, generator):
            optimizer.zero_grad()
            loss = loss_of(model(images[batch]), images[batch])
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
            sizes.append(len(batch))
        history.append(float(mean_over_examples(losses, sizes)))
    return history


@torch.no_grad()
def encode_all(model: Autoencoder, images: Tensor) -> Tensor:
    """Return the codes (n, n_code) of images (n, ...)."""
    model.eval()
    return model.encode(images)


@torch.no_grad()
def decode_all(model: Autoencoder, codes: Tensor) -> Tensor:
    """Return what the decoder gives (n, n_pixels) for codes (n, n_code)."""
    model.eval()
    return model.decode(codes)


def codes_within_bounds(codes: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Return n codes (n, n_code), uniform between the least and the largest value of each dimension of codes."""
    low, high = codes.amin(dim=0), codes.amax(dim=0)  # (n_code,)
    return low + (high - low) * torch.rand(n, codes.shape[1], generator=generator)


def codes_by_gaussian(codes: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Return n codes (n, n_code) from the Gaussian with the mean and the covariance of codes."""
    root = torch.linalg.cholesky(torch.cov(codes.T) + 1e-6 * torch.eye(codes.shape[1]))
    drawn: Tensor = codes.mean(dim=0) + torch.randn(n, codes.shape[1], generator=generator) @ root.T
    return drawn


def between(first: Tensor, last: Tensor, n: int) -> Tensor:
    """Return n codes (n, n_code) on the straight line from one code (n_code,) to another."""
    return torch.lerp(first, last, torch.linspace(0.0, 1.0, n)[:, None])
