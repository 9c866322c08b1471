"""Inception Score against SciPy's entropies, Frechet distance against scipy.linalg.sqrtm, and the classifier."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, stats
from torch import nn

from reference import data
from reference.aml_a3 import settings
from reference.image_scores import (
    Array,
    Classifier,
    accuracy,
    class_probabilities,
    classifier_step,
    frechet_distance,
    gaussian_frechet_distance,
    image_features,
    inception_score,
    symmetric_square_root,
    train_classifier,
)
from reference.stand_ins import stroke_digits


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def covariance(d: int, rank: int, seed: int) -> Array:
    root = rng(seed).normal(size=(d, rank))
    product: Array = root @ root.T
    return product


# ------------------------------------------------------------------ classifier


def test_classifier_has_the_sizes_of_the_sheet() -> None:
    model = Classifier()
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert tuple(m.out_channels for m in convolutions) == settings.CLASSIFIER_CHANNELS
    assert all((m.kernel_size, m.stride, m.padding) == ((3, 3), (1, 1), (1, 1)) for m in convolutions)
    n = (9 + 1) * 32 + (9 * 32 + 1) * 64 + (7 * 7 * 64 + 1) * 128 + (128 + 1) * 10
    assert sum(p.numel() for p in model.parameters()) == n == 421_642
    with torch.no_grad():
        features, logits = model.features(torch.rand(3, 784)), model(torch.rand(3, 1, 28, 28))
    assert features.shape == (3, settings.N_FEATURES)
    assert float(features.min()) >= 0.0
    assert logits.shape == (3, settings.N_CLASSES)
    assert not torch.allclose(logits.sum(dim=1), torch.ones(3))  # logits, not probabilities


def test_probabilities_and_features_are_those_of_the_network_in_any_batches() -> None:
    torch.manual_seed(0)
    model = Classifier()
    x = torch.rand(7, 1, 28, 28)
    probs = class_probabilities(model, x, batch_size=3)
    np.testing.assert_allclose(probs, torch.softmax(model(x).detach().double(), -1).numpy(), rtol=1e-5)
    np.testing.assert_allclose(probs.sum(axis=1), 1.0, rtol=1e-12)
    features = image_features(model, x, batch_size=2)
    head = model.head.weight.detach().double().numpy()
    logits = features @ head.T + model.head.bias.detach().double().numpy()
    np.testing.assert_allclose(logits, model(x).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_classifier_step_has_no_second_softmax() -> None:
    """With right logits of 50 the loss vanishes; a softmax before it would keep it above 1.46."""
    model = Classifier()
    nn.init.zeros_(model.head.weight)
    with torch.no_grad():
        model.head.bias.copy_(50.0 * torch.eye(10)[3])
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    x, labels = torch.rand(2, 1, 28, 28), torch.tensor([3, 3])
    assert float(classifier_step(model, still, x, labels)) == pytest.approx(0.0, abs=1e-6)
    assert float(classifier_step(model, still, x, labels - 1)) == pytest.approx(50.0)


def test_classifier_learns_the_stand_in_and_is_frozen_afterwards() -> None:
    torch.manual_seed(0)
    model = Classifier()
    train, test = stroke_digits(400, rng(0)), stroke_digits(100, rng(1))
    history = train_classifier(model, train.pixels, train.labels, 3, 32, torch.Generator().manual_seed(0))
    assert len(history) == 3
    assert history[2] < 0.5 * history[0]
    assert accuracy(model, test.pixels, test.labels) > 0.8
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


def test_a_few_steps_on_mnist(data_sets: Path) -> None:
    images = data.load_mnist(data_sets, "test")
    torch.manual_seed(settings.SEED)
    model = Classifier()
    train_classifier(
        model, images.pixels[:1920], images.labels[:1920], 1, 64, torch.Generator().manual_seed(0)
    )
    assert accuracy(model, images.pixels[-500:], images.labels[-500:]) > 0.6


# ------------------------------------------------------------------ Inception Score


@given(st.integers(1, 12), st.integers(2, 10), st.integers(0, 10_000))
def test_inception_score_agrees_with_scipy(n: int, n_classes: int, seed: int) -> None:
    """H(y) - E H(y | x), by scipy.stats.entropy, split by split."""
    g = rng(seed)
    probs = g.dirichlet(np.full(n_classes, 0.3), size=n)
    n_splits = int(g.integers(1, n + 1))
    scores = [
        np.exp(stats.entropy(part.mean(axis=0)) - np.mean(stats.entropy(part, axis=1)))
        for part in np.array_split(probs, n_splits)
    ]
    mean, std = inception_score(probs, n_splits)
    assert mean == pytest.approx(np.mean(scores), rel=1e-9)
    assert std == pytest.approx(np.std(scores), abs=1e-9)
    assert 1.0 - 1e-9 <= mean <= min(n, n_classes) + 1e-9


def test_inception_score_in_closed_form() -> None:
    assert inception_score(np.tile(np.eye(10), (10, 1)), 10) == pytest.approx((10.0, 0.0))
    assert inception_score(np.full((100, 10), 0.1), 10) == pytest.approx((1.0, 0.0))
    assert inception_score(np.repeat(np.eye(10), 10, axis=0), 10) == pytest.approx(
        (1.0, 0.0)
    )  # one class a split
    assert inception_score(np.repeat(np.eye(10), 10, axis=0), 1) == pytest.approx((10.0, 0.0))
    two = np.concatenate([np.tile(np.eye(4)[:1], (4, 1)), np.eye(4)])
    assert inception_score(two, 2) == pytest.approx((2.5, 1.5))  # ddof 0


@pytest.mark.parametrize("probs", [np.ones((3, 2)), np.array([0.5, 0.5]), np.array([[1.5, -0.5]])])
def test_inception_score_refuses_what_is_no_law(probs: Array) -> None:
    with pytest.raises(ValueError, match="expected rows of probabilities"):
        inception_score(probs, 1)


@pytest.mark.parametrize("n_splits", [0, 4])
def test_inception_score_refuses_more_splits_than_rows(n_splits: int) -> None:
    with pytest.raises(ValueError, match="expected 1 <= n_splits <= 3"):
        inception_score(np.full((3, 2), 0.5), n_splits)


# ------------------------------------------------------------------ Frechet distance


@given(st.integers(1, 6), st.integers(0, 10_000))
def test_frechet_distance_agrees_with_sqrtm(d: int, seed: int) -> None:
    a, b = rng(seed).normal(size=(20, d)), 2.0 * rng(seed + 1).normal(size=(15, d)) + 1.0
    cov_a, cov_b = (np.atleast_2d(np.cov(x.T)) for x in (a, b))
    root = np.real(linalg.sqrtm(cov_a @ cov_b))
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(cov_a + cov_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("ddof", [0, 1])
def test_ddof_is_that_of_the_covariances(ddof: int) -> None:
    a, b = rng(0).normal(size=(9, 3)), rng(1).normal(size=(7, 3))
    expected = gaussian_frechet_distance(a.mean(0), np.cov(a.T, ddof=ddof), b.mean(0), np.cov(b.T, ddof=ddof))
    assert frechet_distance(a, b, ddof=ddof) == pytest.approx(expected, rel=1e-12)


def test_frechet_distance_in_closed_form() -> None:
    a = rng().normal(size=(50, 4))
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-12)
    assert frechet_distance(a, a + np.array([3.0, 0.0, 4.0, 0.0])) == pytest.approx(25.0)
    scaled = a.mean(axis=0) + 3.0 * (a - a.mean(axis=0))  # (1 - 3)^2 Tr Sigma
    assert frechet_distance(a, scaled) == pytest.approx(4.0 * np.trace(np.cov(a.T)))
    assert frechet_distance(np.array([[0.0], [2.0]]), np.array([[5.0], [5.0]])) == pytest.approx(16.0 + 2.0)


def test_diagonal_covariances_in_closed_form() -> None:
    s, t = np.array([1.0, 4.0, 0.0]), np.array([9.0, 0.0, 0.0])
    distance = gaussian_frechet_distance(np.zeros(3), np.diag(s), np.zeros(3), np.diag(t))
    assert distance == pytest.approx(np.sum((np.sqrt(s) - np.sqrt(t)) ** 2))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_frechet_distance_is_exact_for_fewer_images_than_dimensions(scale: float) -> None:
    """Against the nuclear norm of the centred samples, which takes no root of a singular matrix at all."""
    a, b = scale * rng(0).normal(size=(200, 128)), scale * rng(1).normal(size=(40, 128))
    centred_a, centred_b = ((x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b))
    root = np.linalg.norm(centred_a @ centred_b.T, "nuc")
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.sum(centred_a**2) + np.sum(centred_b**2) - 2 * root
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-10)
    assert frechet_distance(b, b) == pytest.approx(0.0, abs=1e-10 * np.sum(centred_b**2))


def test_dead_features_add_nothing() -> None:
    a, b = rng(0).normal(size=(30, 3)), rng(1).normal(size=(20, 3))
    wider = (np.concatenate([x, np.zeros((len(x), 5))], axis=1) for x in (a, b))
    assert frechet_distance(*wider) == pytest.approx(frechet_distance(a, b), rel=1e-10)


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 10_000))
def test_square_root_squares_to_the_matrix(d: int, rank: int, seed: int) -> None:
    matrix = covariance(d, rank, seed)
    root = symmetric_square_root(matrix)
    np.testing.assert_allclose(root @ root, matrix, atol=1e-10 * max(1.0, np.trace(matrix)))
    np.testing.assert_allclose(root, root.T, atol=1e-12 * max(1.0, np.trace(matrix)))
    assert np.min(np.linalg.eigvalsh(root)) > -1e-10
    assert not symmetric_square_root(np.zeros((d, d))).any()


def test_frechet_distance_refuses_what_has_no_covariance() -> None:
    with pytest.raises(ValueError, match=r"expected features \(n_a, d\) and \(n_b, d\)"):
        frechet_distance(np.ones((5, 2)), np.ones((5, 3)))
    with pytest.raises(ValueError, match="expected more than 1 rows of features, got 5 and 1"):
        frechet_distance(np.ones((5, 2)), np.ones((1, 2)))
