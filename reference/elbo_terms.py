"""The two terms of the ELBO as functions of their own, and their sum with a weight on the KL term.

Kingma and Welling 2014, "Auto-Encoding Variational Bayes"; Higgins et al. 2017, "beta-VAE". Losses are in nats per
image (lower is better).
"""

from __future__ import annotations

import torch
from torch import Tensor

from reference.autoencoders import VaeLoss


def kl_divergence(mu: Tensor, log_var: Tensor) -> Tensor:
    """Return KL(N(mu, sigma^2) || N(0, I)), summed over latent dimensions and averaged over the batch.

    -1/2 sum(1 + log sigma^2 - mu^2 - sigma^2): the closed form of two Gaussians (Kingma and Welling 2014, appendix B).

    Parameters
    ----------
    mu, log_var
        Of q(z | x), shape (n, n_latent).
    """
    return -0.5 * torch.sum(1 + log_var - mu**2 - torch.exp(log_var)) / len(mu)


def reconstruction_loss(reconstruction: Tensor, x: Tensor) -> Tensor:
    """Return the binary cross-entropy, summed over pixels and averaged over the batch.

    Parameters
    ----------
    reconstruction, x
        Pixel means and images, n of them with as many pixels each, in [0, 1].
    """
    p = reconstruction.flatten(1).clamp(1e-7, 1 - 1e-7)  # log(0) is not finite
    white = x.flatten(1)
    return -torch.sum(white * torch.log(p) + (1 - white) * torch.log(1 - p)) / len(x)


def vae_loss(reconstruction: Tensor, x: Tensor, mu: Tensor, log_var: Tensor) -> VaeLoss:
    """Return the negative ELBO and its two terms.

    Parameters
    ----------
    reconstruction, x
        Pixel means and images, n of them with as many pixels each, in [0, 1].
    mu, log_var
        Of q(z | x), shape (n, n_latent).
    """
    nll, kl = reconstruction_loss(reconstruction, x), kl_divergence(mu, log_var)
    return VaeLoss(nll + kl, nll, kl)


def beta_vae_loss(reconstruction: Tensor, x: Tensor, mu: Tensor, log_var: Tensor, beta: float) -> VaeLoss:
    """Return reconstruction loss + beta * KL, and the two terms without the weight.

    Parameters
    ----------
    reconstruction, x
        Pixel means and images, n of them with as many pixels each, in [0, 1].
    mu, log_var
        Of q(z | x), shape (n, n_latent).
    beta
        Weight of the KL term, > 0; 1 gives the negative ELBO.
    """
    nll, kl = reconstruction_loss(reconstruction, x), kl_divergence(mu, log_var)
    return VaeLoss(nll + beta * kl, nll, kl)
