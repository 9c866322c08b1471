"""The plain autoencoder: sizes, training, and the ways to draw codes."""

import numpy as np
import pytest
import torch

from reference.gm_a0 import settings
from reference.plain_autoencoders import (
    Autoencoder,
    LogitAutoencoder,
    between,
    codes_by_gaussian,
    codes_within_bounds,
    decode_all,
    encode_all,
    squared_error,
    train_autoencoder,
)
from reference.stand_ins import stroke_digits


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_defaults_are_those_of_the_settings() -> None:
    model = Autoencoder()
    widths = [tuple(weight.shape) for weight in model.parameters() if weight.ndim == 2]
    n, h, k = 784, settings.N_HIDDEN, settings.N_CODE
    assert widths == [(h, n), (k, h), (h, k), (n, h)]


def test_images_become_codes_and_images_again() -> None:
    torch.manual_seed(0)
    x = torch.rand(3, 1, 28, 28, generator=seeded())
    model = Autoencoder()
    codes = encode_all(model, x)
    assert codes.shape == (3, 16)
    images = decode_all(model, codes)
    assert images.shape == (3, 784)
    assert 0 < float(images.min()) < float(images.max()) < 1
    torch.testing.assert_close(model(x).detach(), images)


def test_logits_are_those_of_the_same_network() -> None:
    torch.manual_seed(0)
    plain, logits = Autoencoder(12, 5, 3), LogitAutoencoder(12, 5, 3)
    logits.load_state_dict(plain.state_dict())
    x = torch.rand(4, 12, generator=seeded())
    torch.testing.assert_close(torch.sigmoid(logits(x)), plain(x))


def test_squared_error_is_summed_over_pixels_and_averaged_over_images() -> None:
    x, y = torch.zeros(2, 1, 2, 2), torch.tensor([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 2.0]])
    assert float(squared_error(y, x)) == 4.0


def test_training_beats_the_mean_image() -> None:
    torch.manual_seed(0)
    x = stroke_digits(256, np.random.default_rng(0)).pixels
    model = Autoencoder()
    history = train_autoencoder(model, squared_error, x, 12, 32, seeded(1))
    assert len(history) == 12
    assert history[-1] < history[0]
    error = float(squared_error(decode_all(model, encode_all(model, x)), x))
    assert error < 0.8 * float((x - x.mean(dim=0)).square().flatten(1).sum(dim=1).mean())


def test_codes_lie_within_the_bounds() -> None:
    codes = torch.randn(50, 3, generator=seeded()) * torch.tensor([1.0, 5.0, 0.1])
    drawn = codes_within_bounds(codes, 400, seeded(1))
    assert drawn.shape == (400, 3)
    assert bool((drawn >= codes.amin(0)).all() and (drawn <= codes.amax(0)).all())


def test_gaussian_codes_have_mean_and_covariance_of_the_codes() -> None:
    mix = torch.tensor([[1.0, 0.5], [0.0, 2.0]])
    codes = torch.randn(5000, 2, generator=seeded()) @ mix + 3
    drawn = codes_by_gaussian(codes, 20_000, seeded(1))
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), atol=0.1, rtol=0)  # 6 standard errors
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(codes.T), atol=0.25, rtol=0)


def test_the_way_between_two_codes_is_straight() -> None:
    way = between(torch.tensor([0.0, 4.0]), torch.tensor([2.0, 0.0]), 5)
    assert way[0].tolist() == [0.0, 4.0]
    assert way[-1].tolist() == [2.0, 0.0]
    assert way[2].tolist() == pytest.approx([1.0, 2.0])
