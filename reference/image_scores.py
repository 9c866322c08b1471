"""Inception Score and Frechet distance of generated images, by a small classifier that is trained for it."""

# Some methods of torch carry no types, backward and split among them.
# mypy: untyped-calls-exclude="torch"

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from reference.batches import mean_over_examples, shuffled_batches

Array = NDArray[np.float64]


# ------------------------------------------------------------------ classifier


class Classifier(nn.Module):
    """Two convolutions and two linear layers, for images (n, 1, 28, 28) in [0, 1]."""

    def __init__(self, n_features: int = 128, n_classes: int = 10) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 32, kernel_size=3, stride=1, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, kernel_size=3, stride=1, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.penultimate = nn.Sequential(nn.Flatten(), nn.Linear(7 * 7 * 64, n_features), nn.ReLU())
        self.head = nn.Linear(n_features, n_classes)

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate activations (n, n_features), after their ReLU: none is negative."""
        features: Tensor = self.penultimate(self.convolutions(x.reshape(-1, 1, 28, 28)))
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, n_classes)."""
        # The sheet's softmax is in class_probabilities: cross-entropy takes logits, and a second softmax inside
        # it would bound the loss away from zero.
        logits: Tensor = self.head(self.features(x))
        return logits


def classifier_step(model: Classifier, optimizer: torch.optim.Optimizer, x: Tensor, labels: Tensor) -> Tensor:
    """Update the classifier once and return its cross-entropy from before, in nats per image, detached."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), labels)
    loss.backward()
    optimizer.step()
    return loss.detach()


def train_classifier(
    model: Classifier,
    images: Tensor,
    labels: Tensor,
    n_epochs: int,
    batch_size: int,
    generator: torch.Generator,
) -> list[float]:
    """Train with Adam (learning rate 1e-3), freeze the model, and return the mean loss of each epoch in nats.

    Parameters
    ----------
    images, labels
        Shapes (n, 1, 28, 28) in [0, 1] and (n,).
    generator
        Source of the order of batches.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    history = []
    for _ in range(n_epochs):
        losses, sizes = [], []
        for batch in shuffled_batches(len(images), batch_size, generator):
            losses.append(classifier_step(model, optimizer, images[batch], labels[batch]))
            sizes.append(len(batch))
        history.append(float(mean_over_examples(losses, sizes)))
    model.requires_grad_(False)
    model.eval()
    return history


@torch.no_grad()
def class_probabilities(model: Classifier, images: Tensor, batch_size: int = 1_000) -> Array:
    """Return p(y | x), shape (n, n_classes) in float64, rows summing to 1."""
    model.eval()
    logits = torch.cat([model(batch) for batch in images.split(batch_size)])
    probabilities: Array = torch.softmax(logits.double(), dim=-1).numpy()
    return probabilities


@torch.no_grad()
def image_features(model: Classifier, images: Tensor, batch_size: int = 1_000) -> Array:
    """Return the penultimate activations (n, n_features) in float64."""
    model.eval()
    features: Array = (
        torch.cat([model.features(batch) for batch in images.split(batch_size)]).double().numpy()
    )
    return features


def accuracy(model: Classifier, images: Tensor, labels: Tensor) -> float:
    """Return the share of images whose most probable class is their label, in [0, 1] (higher is better)."""
    predicted = class_probabilities(model, images).argmax(axis=-1)
    return float(np.mean(predicted == labels.numpy()))


# ------------------------------------------------------------------ scores


def inception_score(probs: Array, n_splits: int) -> tuple[float, float]:
    """Return mean and standard deviation over splits of exp(E_x KL(p(y | x) || p(y))) (Salimans et al. 2016).

    Parameters
    ----------
    probs
        p(y | x), shape (n, n_classes), rows summing to 1; zeros are allowed.
    n_splits
        Number of contiguous splits; p(y) is the mean within a split. Sizes differ by at most one.

    Returns
    -------
    mean : float
        Between 1 and n_classes (higher is better).
    std : float
        With ddof = 0, over the splits.

    Raises
    ------
    ValueError
        Not a matrix of distributions, or fewer rows than splits.
    """
    probs = np.asarray(probs, dtype=np.float64)
    if probs.ndim != 2 or np.any(probs < 0.0) or not np.allclose(probs.sum(axis=1), 1.0, atol=1e-4):
        raise ValueError(
            f"expected rows of probabilities (n, n_classes), got an array of shape {probs.shape}"
        )
    if not 1 <= n_splits <= len(probs):
        raise ValueError(f"expected 1 <= n_splits <= {len(probs)} (the number of rows), got {n_splits}")
    scores = [np.exp(mutual_information(split)) for split in np.array_split(probs, n_splits)]
    return float(np.mean(scores)), float(np.std(scores))


def mutual_information(probs: Array) -> float:
    """Return E_x KL(p(y | x) || p(y)) in nats, with p(y) the mean of the rows (n, n_classes)."""
    marginal = np.broadcast_to(probs.mean(axis=0), probs.shape)
    is_positive = probs > 0.0  # 0 log 0 = 0
    p, q = probs[is_positive], marginal[is_positive]
    return float(np.sum(p * (np.log(p) - np.log(q))) / len(probs))


def symmetric_square_root(matrix: Array) -> Array:
    """Return the root S = S^T with S S = matrix, of a symmetric positive semi-definite matrix (d, d).

    Eigenvalues that are zero but for rounding are taken as zero: the root of 1e-16 would be an error of 1e-8.
    """
    eigenvalues, vectors = np.linalg.eigh(matrix)  # (d,), (d, d)
    rounding = len(matrix) * np.finfo(np.float64).eps * np.max(np.abs(eigenvalues), initial=0.0)
    roots = np.sqrt(np.where(eigenvalues > rounding, eigenvalues, 0.0))
    root: Array = (vectors * roots) @ vectors.T
    return root


def gaussian_frechet_distance(mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array) -> float:
    """Return the squared Frechet distance of two Gaussians (Dowson and Landau 1982), 0 or more.

    |mean_a - mean_b|^2 + Tr(cov_a + cov_b - 2 (cov_a cov_b)^{1/2}), for any rank of the covariances: the trace
    of the root is the sum of the singular values of cov_a^{1/2} cov_b^{1/2}, which needs no root of a matrix
    that is not symmetric.
    """
    product = symmetric_square_root(cov_a) @ symmetric_square_root(cov_b)
    trace_of_root = np.sum(np.linalg.svd(product, compute_uv=False))
    distance = np.sum((mean_a - mean_b) ** 2) + np.trace(cov_a) + np.trace(cov_b) - 2.0 * trace_of_root
    return max(0.0, float(distance))


def frechet_distance(features_a: Array, features_b: Array, ddof: int = 1) -> float:
    """Return the Frechet distance of two sets of features (Heusel et al. 2017), 0 or more (lower is better).

    Parameters
    ----------
    features_a, features_b
        Shapes (n_a, d) and (n_b, d); n may be smaller than d, which makes a covariance singular.
    ddof
        Covariances divide by n - ddof: 1 (unbiased, as in the original code) or 0.

    Raises
    ------
    ValueError
        Not two matrices of one width, or too few rows for a covariance.
    """
    a, b = np.asarray(features_a, dtype=np.float64), np.asarray(features_b, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"expected features (n_a, d) and (n_b, d), got {a.shape} and {b.shape}")
    if min(len(a), len(b)) <= ddof:
        raise ValueError(f"expected more than {ddof} rows of features, got {len(a)} and {len(b)}")
    cov_a, cov_b = (np.atleast_2d(np.cov(x, rowvar=False, ddof=ddof)) for x in (a, b))
    return gaussian_frechet_distance(a.mean(axis=0), cov_a, b.mean(axis=0), cov_b)
