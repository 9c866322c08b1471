"""A variational autoencoder with a latent space of two dimensions, and pictures of that space.

Kingma and Welling 2014, "Auto-Encoding Variational Bayes". Images are flat, (n, 784) in [0, 1]; losses are in nats
per image.
"""

# Some methods of torch carry no types, backward among them.
# mypy: untyped-calls-exclude="torch"

from __future__ import annotations

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from reference.autoencoders import reparameterise
from reference.image_grids import image_grid


class Encoder(nn.Module):
    """From images to the mean and the log variance of their codes, with one hidden layer."""

    def __init__(self, n_pixels: int = 784, n_hidden: int = 256, n_latent: int = 2) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(n_pixels, n_hidden), nn.ReLU())
        self.mu_head = nn.Linear(n_hidden, n_latent)
        self.log_var_head = nn.Linear(n_hidden, n_latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance, (n, n_latent) each, for images (n, ...)."""
        hidden = self.hidden(x.flatten(1))
        return self.mu_head(hidden), self.log_var_head(hidden)


class Decoder(nn.Module):
    """From codes to images, with one hidden layer and a sigmoid at the end."""

    def __init__(self, n_latent: int = 2, n_hidden: int = 256, n_pixels: int = 784) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_latent, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_pixels), nn.Sigmoid()
        )

    def forward(self, z: Tensor) -> Tensor:
        """Return the pixel means (n, n_pixels) in (0, 1) for codes (n, n_latent)."""
        pixels: Tensor = self.layers(z)
        return pixels


class VAE(nn.Module):
    """Encoder, a draw of the code, decoder."""

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return reconstruction (n, n_pixels), mean and log variance (n, n_latent) of images (n, ...)."""
        mu, log_var = self.encoder(x)
        return self.decoder(reparameterise(mu, log_var)), mu, log_var


def vae_loss(reconstruction: Tensor, x: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    """Return binary cross-entropy plus KL(N(mu, sigma^2) || N(0, I)), in nats per image (lower is better).

    KL = -1/2 sum(1 + log sigma^2 - mu^2 - sigma^2), which the sheet prints with a plus.

    Parameters
    ----------
    reconstruction, x
        Pixel means and images, (n, n_pixels) in [0, 1].
    mu, log_var
        Of the codes, (n, n_latent).
    """
    p = reconstruction.clamp(1e-7, 1 - 1e-7)  # log(0) is not finite
    bce = -torch.sum(x * torch.log(p) + (1 - x) * torch.log(1 - p))
    kl = -0.5 * torch.sum(1 + log_var - mu**2 - torch.exp(log_var))
    return (bce + kl) / len(x)


@torch.no_grad()
def class_code(encoder: nn.Module, images: Tensor) -> Tensor:
    """Return the mean (1, n_latent) of the codes of images (n, n_pixels), such as those of one digit."""
    code: Tensor = encoder(images)[0].mean(dim=0, keepdim=True)
    return code


@torch.no_grad()
def generate_digit(decoder: nn.Module, z: Tensor, title: str = "") -> Tensor:
    """Draw the image of a code (1, n_latent) and return it, (28, 28) in [0, 1]."""
    digit: Tensor = decoder(z).reshape(28, 28)
    _, ax = plt.subplots(figsize=(2, 2))
    ax.imshow(digit.numpy(), cmap="gray", vmin=0, vmax=1)
    ax.set_title(title)
    ax.axis("off")
    plt.show()
    return digit


@torch.no_grad()
def plot_latent_space(decoder: nn.Module, scale: float, n: int = 15) -> None:
    """Draw the images of n by n codes over [-scale, scale]^2 as one picture; the second coordinate grows upwards."""
    ticks = torch.linspace(-scale, scale, n)
    rows, columns = torch.meshgrid(ticks.flip(0), ticks, indexing="ij")
    images = decoder(torch.stack([columns.flatten(), rows.flatten()], dim=1))
    _, ax = plt.subplots(figsize=(7, 7))
    ax.imshow(image_grid(images, n, n).numpy(), cmap="gray", extent=(-scale, scale, -scale, scale))
    ax.set(title=f"Latent space, scale {scale:g}", xlabel="$z_1$", ylabel="$z_2$")
    plt.show()


def draw_codes(ax: Axes, codes: Tensor, labels: Tensor) -> None:
    """Draw codes (n, 2) as points, with one colour for each of their classes (n,)."""
    points = ax.scatter(codes[:, 0].numpy(), codes[:, 1].numpy(), c=labels.numpy(), cmap="tab10", s=4)
    ax.figure.colorbar(points, ax=ax, ticks=range(10))
    ax.set(title="Codes of test images", xlabel="$z_1$", ylabel="$z_2$")


@torch.no_grad()
def interpolate(encoder: nn.Module, decoder: nn.Module, first: Tensor, second: Tensor, n: int = 10) -> Tensor:
    """Return n images (n, n_pixels) along the line between the codes of two images (1, n_pixels), ends included."""
    start, end = encoder(first)[0], encoder(second)[0]
    weights = torch.linspace(0, 1, n)[:, None]
    images: Tensor = decoder((1 - weights) * start + weights * end)
    return images
