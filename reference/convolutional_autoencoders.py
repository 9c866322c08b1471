"""Convolutional variational autoencoders for images of 28 by 28 pixels, with and without a class.

Sizes of convolutions: Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning". The conditional
model: Sohn, Lee and Yan 2015. Images are (n, 1, 28, 28) in [0, 1]; classes are whole numbers (n,).
"""

# Some methods of torch carry no types, backward among them.
# mypy: untyped-calls-exclude="torch"

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.autoencoders import reparameterise
from reference.elbo_terms import beta_vae_loss

N_CLASSES = 10


def conv_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """Return the side of what a convolution gives for an image of a side: floor((size + 2 padding - kernel) / stride) + 1.

    >>> conv_size(28, kernel=4, stride=2, padding=1)
    14
    """
    return (size + 2 * padding - kernel) // stride + 1


def transposed_conv_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """Return the side of what a transposed convolution gives: (size - 1) stride - 2 padding + kernel.

    >>> transposed_conv_size(14, kernel=4, stride=2, padding=1)
    28
    """
    return (size - 1) * stride - 2 * padding + kernel


class ConvEncoder(nn.Module):
    """From images to the mean and the log variance of their codes, with two convolutions of stride 2."""

    def __init__(self, n_latent: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=4, stride=2, padding=1), nn.ReLU(),  # (n, 16, 14, 14)
            nn.Conv2d(16, 32, kernel_size=4, stride=2, padding=1), nn.ReLU(),  # (n, 32, 7, 7)
            nn.Flatten(),
        )  # fmt: skip
        self.mu_head = nn.Linear(32 * 7 * 7, n_latent)
        self.log_var_head = nn.Linear(32 * 7 * 7, n_latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance, (n, n_latent) each, for images (n, 1, 28, 28)."""
        hidden = self.convolutions(x)
        return self.mu_head(hidden), self.log_var_head(hidden)


class ConvDecoder(nn.Module):
    """From codes to images, with two transposed convolutions of stride 2 and a sigmoid at the end."""

    def __init__(self, n_latent: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_latent, 32 * 7 * 7), nn.ReLU(), nn.Unflatten(1, (32, 7, 7)),
            nn.ConvTranspose2d(32, 16, kernel_size=4, stride=2, padding=1), nn.ReLU(),  # (n, 16, 14, 14)
            nn.ConvTranspose2d(16, 1, kernel_size=4, stride=2, padding=1), nn.Sigmoid(),  # (n, 1, 28, 28)
        )  # fmt: skip

    def forward(self, z: Tensor) -> Tensor:
        """Return the pixel means (n, 1, 28, 28) in (0, 1) for codes (n, n_latent)."""
        pixels: Tensor = self.layers(z)
        return pixels


class ConvVAE(nn.Module):
    """Convolutional encoder, a draw of the code, decoder."""

    def __init__(self, n_latent: int) -> None:
        super().__init__()
        self.encoder = ConvEncoder(n_latent)
        self.decoder = ConvDecoder(n_latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return reconstruction (n, 1, 28, 28), mean and log variance (n, n_latent) of images (n, 1, 28, 28)."""
        mu, log_var = self.encoder(x)
        return self.decoder(reparameterise(mu, log_var)), mu, log_var


class ConditionalVAE(nn.Module):
    """The convolutional VAE whose encoder and decoder are told the class, as ten numbers beside features and code."""

    def __init__(self, n_latent: int) -> None:
        super().__init__()
        self.convolutions = ConvEncoder(n_latent).convolutions
        self.mu_head = nn.Linear(32 * 7 * 7 + N_CLASSES, n_latent)
        self.log_var_head = nn.Linear(32 * 7 * 7 + N_CLASSES, n_latent)
        self.decoder = ConvDecoder(n_latent + N_CLASSES)

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance, (n, n_latent) each, for images (n, 1, 28, 28) of classes (n,)."""
        hidden = torch.cat([self.convolutions(x), F.one_hot(y, N_CLASSES).float()], dim=1)
        return self.mu_head(hidden), self.log_var_head(hidden)

    def decode(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the pixel means (n, 1, 28, 28) in (0, 1) for codes (n, n_latent) of classes (n,)."""
        pixels: Tensor = self.decoder(torch.cat([z, F.one_hot(y, N_CLASSES).float()], dim=1))
        return pixels

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return reconstruction (n, 1, 28, 28), mean and log variance (n, n_latent) of images of classes (n,)."""
        mu, log_var = self.encode(x, y)
        return self.decode(reparameterise(mu, log_var), y), mu, log_var


def train_beta_vae(
    vae: ConvVAE, images: Tensor, beta: float, n_epochs: int, batch_size: int = 100
) -> tuple[float, float]:
    """Train on images (n, 1, 28, 28); return the means of reconstruction loss and KL over the last epoch, without beta."""
    optimizer = torch.optim.Adam(vae.parameters(), lr=1e-3)
    sums = torch.zeros(2)
    for _ in range(n_epochs):
        sums = torch.zeros(2)
        for batch in torch.randperm(len(images)).split(batch_size):
            x = images[batch]
            optimizer.zero_grad()
            reconstruction, mu, log_var = vae(x)
            loss = beta_vae_loss(reconstruction, x, mu, log_var, beta)
            loss.total.backward()
            optimizer.step()
            sums += torch.stack([loss.reconstruction_nll, loss.kl]).detach() * len(x)
    nll, kl = (sums / len(images)).tolist()
    return nll, kl
