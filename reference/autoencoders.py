"""Variational autoencoders (Kingma and Welling 2014, "Auto-Encoding Variational Bayes").

Losses are in nats per example. Weights are drawn from torch's global generator when a model is made; the noise of
the latent variable and the order of the batches come from the generator that is passed in.
"""

# Some methods of torch carry no types, backward and split among them.
# mypy: untyped-calls-exclude="torch"

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.batches import mean_over_examples, shuffled_batches


class VAE(nn.Module):
    """A variational autoencoder of two hidden layers each way, for images flattened to n_pixels."""

    def __init__(
        self, n_pixels: int = 784, n_hidden: tuple[int, int] = (512, 256), n_latent: int = 16
    ) -> None:
        super().__init__()
        wide, narrow = n_hidden
        self.n_latent = n_latent
        self.encoder = nn.Sequential(
            nn.Linear(n_pixels, wide), nn.ReLU(),
            nn.Linear(wide, narrow), nn.ReLU(),
        )  # fmt: skip
        self.mu_head = nn.Linear(narrow, n_latent)
        self.log_var_head = nn.Linear(narrow, n_latent)
        self.decoder = nn.Sequential(
            nn.Linear(n_latent, narrow), nn.ReLU(),
            nn.Linear(narrow, wide), nn.ReLU(),
            nn.Linear(wide, n_pixels), nn.Sigmoid(),
        )  # fmt: skip

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance, (n, n_latent) each, of q(z | x) for images (n, ...) in [0, 1]."""
        hidden = self.encoder(x.flatten(1))  # (n, narrow)
        return self.mu_head(hidden), self.log_var_head(hidden)

    def decode(self, z: Tensor) -> Tensor:
        """Return the pixel means (n, n_pixels) in (0, 1) for latent variables (n, n_latent)."""
        pixels: Tensor = self.decoder(z)
        return pixels

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return reconstruction (n, n_pixels), mean and log variance (n, n_latent) of images (n, ...)."""
        mu, log_var = self.encode(x)
        return self.decode(reparameterise(mu, log_var, generator)), mu, log_var


def reparameterise(mu: Tensor, log_var: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return a draw z = mu + sigma * eps with eps ~ N(0, I) and sigma = exp(log_var / 2).

    Parameters
    ----------
    mu, log_var
        Mean and log variance, of one shape (n, n_latent).
    generator
        Source of eps; torch's global one by default.

    Returns
    -------
    Tensor
        Shape (n, n_latent), with gradients to mu and to log_var.
    """
    epsilon = torch.randn(mu.shape, generator=generator, dtype=mu.dtype, device=mu.device)
    return mu + torch.exp(0.5 * log_var) * epsilon


class VaeLoss(NamedTuple):
    """The negative ELBO and its two terms, each a scalar in nats per example (lower is better)."""

    total: Tensor
    reconstruction_nll: Tensor
    kl: Tensor


def vae_loss(reconstruction: Tensor, x: Tensor, mu: Tensor, log_var: Tensor) -> VaeLoss:
    """Return the negative ELBO: binary cross-entropy plus KL(N(mu, sigma^2) || N(0, I)).

    The first is summed over pixels, the second over latent dimensions; both are averaged over the batch (Kingma
    and Welling 2014, equation 10).

    Parameters
    ----------
    reconstruction
        Pixel means (n, n_pixels), in [0, 1].
    x
        Images, n of them with n_pixels each, in [0, 1].
    mu, log_var
        Of q(z | x), shape (n, n_latent).
    """
    n = len(x)
    reconstruction_nll = F.binary_cross_entropy(reconstruction, x.flatten(1), reduction="sum") / n
    # -1/2 sum(1 + log sigma^2 - mu^2 - sigma^2): the closed form of two Gaussians (their appendix B)
    kl = -0.5 * torch.sum(1.0 + log_var - mu.square() - log_var.exp()) / n
    return VaeLoss(reconstruction_nll + kl, reconstruction_nll, kl)


# ------------------------------------------------------------------ training


def vae_optimizer(model: nn.Module) -> torch.optim.Adam:
    """Return Adam with learning rate 1e-3, betas (0.9, 0.999) and no weight decay."""
    return torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.999), weight_decay=0.0)


def vae_step(
    model: VAE, optimizer: torch.optim.Optimizer, x: Tensor, generator: torch.Generator | None = None
) -> VaeLoss:
    """Update the model once on a batch x (n, ...) and return the loss from before the update, detached."""
    model.train()
    optimizer.zero_grad()
    loss = vae_loss(*_reconstruct_with(model, x, generator))
    loss.total.backward()
    optimizer.step()
    return VaeLoss(*(term.detach() for term in loss))


def _reconstruct_with(
    model: VAE, x: Tensor, generator: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the arguments of `vae_loss` for a batch."""
    reconstruction, mu, log_var = model(x, generator)
    return reconstruction, x, mu, log_var


@torch.no_grad()
def evaluate_vae(model: VAE, images: Tensor, batch_size: int, generator: torch.Generator) -> VaeLoss:
    """Return the mean loss over images (n, ...), with one draw of the latent variable each."""
    model.eval()
    batches = images.split(batch_size)
    losses = [torch.stack(vae_loss(*_reconstruct_with(model, x, generator))) for x in batches]
    return VaeLoss(*mean_over_examples(losses, [len(x) for x in batches]))


class VaeEpoch(NamedTuple):
    """What is kept of one epoch."""

    train: VaeLoss  # mean over the epoch, while the weights change
    validation: VaeLoss  # at its end
    samples: Tensor  # (k, n_pixels): the fixed latent variables, decoded at its end


def train_vae(
    model: VAE,
    optimizer: torch.optim.Optimizer,
    train: Tensor,
    validation: Tensor,
    fixed_z: Tensor,
    n_epochs: int,
    batch_size: int,
    generator: torch.Generator,
) -> list[VaeEpoch]:
    """Train the model and return one record an epoch.

    Parameters
    ----------
    train, validation
        Images (n, ...) in [0, 1].
    fixed_z
        Latent variables (k, n_latent) whose images are kept each epoch.
    generator
        Source of the order of batches and of the latent noise.
    """
    history = []
    for _ in range(n_epochs):
        losses, sizes = [], []
        for batch in shuffled_batches(len(train), batch_size, generator):
            losses.append(torch.stack(vae_step(model, optimizer, train[batch], generator)))
            sizes.append(len(batch))
        at_end = evaluate_vae(model, validation, batch_size, generator)
        history.append(
            VaeEpoch(VaeLoss(*mean_over_examples(losses, sizes)), at_end, generate(model, fixed_z))
        )
    return history


# ------------------------------------------------------------------ use


@torch.no_grad()
def reconstruct(model: VAE, x: Tensor) -> Tensor:
    """Return images (n, n_pixels) decoded from the mean of q(z | x), without noise."""
    model.eval()
    return model.decode(model.encode(x)[0])


@torch.no_grad()
def generate(model: VAE, z: Tensor) -> Tensor:
    """Return the images (n, n_pixels) of latent variables (n, n_latent), for samples drawn from N(0, I)."""
    model.eval()
    return model.decode(z)
