"""Pictures of a latent space, what a decoder gives to its loss, and divergences that are positive."""

# students' code in lines as they write it

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from evidence_builder import figure
from kernel_asker import ask
from neural_specs import HEAD, LOSS, SAMPLE, finding
from test_checks_curves import judge as judge_curve
from test_checks_curves import seen

from autograder.checks.findings import Context, Finding
from autograder.golden import Golden
from autograder.kernel_side.drawings import describe_figure
from autograder.probes.observations import FigureSeen
from autograder.records import Status
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeSpec

mpl.use("agg")
CLASSES = np.arange(400) % 10
CENTRES = np.stack([np.cos(CLASSES), np.sin(CLASSES)], axis=1)
CODES = CENTRES + 0.3 * np.random.default_rng(0).standard_normal((400, 2))
NOISE = np.random.default_rng(1).standard_normal((400, 2))


def drawn(draw: Any) -> FigureSeen:
    """What the recorder notes of a figure, with its arrays."""
    from matplotlib.figure import Figure

    made = Figure()
    draw(made.add_subplot())
    described = describe_figure(made)["axes"][0]
    arrays = {}
    for at, scatter in enumerate(described["scatters"]):
        for key, name in (("points", "ref"), ("colours", "colours")):
            value = scatter.pop(key)
            scatter[name] = None if value is None else f"{name}{at}"
            arrays |= {} if value is None else {f"{name}{at}": value}
    return figure(0, arrays, **described)


def judge(check: str, given: Any, **params: Any) -> Finding:
    entry = CHECKS[check]
    found = entry.function(given, entry.params.model_validate(params), Context("v4", 1e-4, Golden(values={})))
    assert isinstance(found, Finding)
    return found


def scattered(*figures: FigureSeen) -> Finding:
    return judge("codes_are_scattered", seen({}, figures=figures))


def _each_class(axes: Any, **how: Any) -> None:
    for digit in range(10):
        axes.scatter(*CODES[digit == CLASSES].T, **how)


@pytest.mark.parametrize(
    "draw",
    [
        lambda axes: axes.scatter(*CODES.T, c=CLASSES, cmap="tab10"),
        lambda axes: axes.scatter(*CODES.T, c=[f"C{digit}" for digit in CLASSES]),
        _each_class,
        lambda axes: [axes.plot(*CODES[digit == CLASSES].T, ".") for digit in range(10)],
        lambda axes: axes.scatter(*CODES.T, c=np.arctan2(*CODES.T)),  # a scale of colours
    ],
)
def test_codes_in_the_colours_of_their_classes(draw: Any) -> None:
    found = scattered(drawn(draw))
    assert (found.status, found.fraction) == (Status.PASSED, 1.0), found.message


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda axes: axes.scatter(*CODES.T), "one colour"),
        (lambda axes: axes.scatter(*NOISE.T, c=CLASSES), "the same place"),
        (lambda axes: axes.scatter(*np.zeros((400, 2)).T, c=CLASSES), "the same place"),
    ],
)
def test_points_that_show_no_classes_earn_half(draw: Any, said: str) -> None:
    found = scattered(drawn(draw))
    assert found.fraction == 0.5
    assert said in found.message


def test_codes_that_are_no_numbers_may_follow_from_a_loss_that_diverged() -> None:
    found = scattered(figure(0, {"p": np.full((400, 2), np.nan)}, scatters=[{"n": 400, "ref": "p"}]))
    assert (found.status, found.missing) == (Status.FAILED, False)


def test_no_picture_of_codes() -> None:
    few = drawn(lambda axes: axes.scatter(*CODES[:20].T, c=CLASSES[:20]))
    line = drawn(lambda axes: axes.plot(np.arange(400)))
    for figures in ((), (few,), (line,), (figure(scatters=[{}], lines=[{}]),)):
        found = scattered(*figures)
        assert (found.status, found.missing) == (Status.FAILED, True)


# ---------------------------------------------------------------------- what the loss takes

MODEL: dict[str, Any] = {
    "mode": "module",
    "draw": "image_module_problem",
    "params": {"shapes": [[784]], "gives": [784]},
    "names": ["vae"],
    "roles": {},
}
NETWORK = """
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(784, 4), nn.Linear(2, 784)
    def forward(self, x):
        mu, logvar = self.a(x).chunk(2, dim=1)
        return {0}, mu, logvar
vae = VAE()
def vae_loss(recon, x, mu, logvar):
    return F.{1}(recon, x, reduction="sum") - 0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()
"""
LOGITS, UNIT = "self.b(mu + (logvar / 2).exp() * torch.randn_like(mu))", "torch.sigmoid(self.b(mu))"


@pytest.mark.parametrize(
    ("output", "loss", "fraction"),
    [
        (UNIT, "binary_cross_entropy", 1.0),
        (LOGITS, "binary_cross_entropy_with_logits", 1.0),
        (LOGITS, "mse_loss", 1.0),
        (UNIT, "mse_loss", 1.0),
        (UNIT, "binary_cross_entropy_with_logits", 0.0),
        (LOGITS, "binary_cross_entropy", 0.0),
    ],
)
def test_the_decoder_gives_what_the_loss_takes(
    output: str, loss: str, fraction: float, tmp_path: Path
) -> None:
    challenges = {"model": ChallengeSpec.model_validate(MODEL), "loss": LOSS}
    given = ask(tmp_path, (HEAD + NETWORK.format(output, loss),), challenges)
    found = judge("output_fits_loss", given, challenge_model="model", challenge_loss="loss")
    assert found.fraction == fraction, found.message


def test_a_loss_that_is_none_says_nothing_of_the_decoder(tmp_path: Path) -> None:
    challenges = {"model": ChallengeSpec.model_validate(MODEL), "loss": LOSS}
    given = ask(tmp_path, (HEAD + "vae = nn.Sequential(nn.Linear(784, 2), nn.Linear(2, 784))",), challenges)
    assert judge("output_fits_loss", given, challenge_model="model", challenge_loss="loss").untried


# ---------------------------------------------------------------------- other accepted terms

TERMS = """
def vae_loss(recon, x, mu, logvar):
    return {0} * F.{1}(recon, x, reduction="sum") - 0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()
"""
ALSO = {"bce_with_logits": [1.0], "mse": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("factor", "loss", "fraction"),
    [
        (1.0, "binary_cross_entropy", 1.0),
        (1.0, "binary_cross_entropy_with_logits", 1.0),
        (1.0, "mse_loss", 1.0),
        (0.5, "mse_loss", 1.0),
        (0.5, "binary_cross_entropy", 0.0),
        (10.0, "mse_loss", 0.0),
        (1.0, "l1_loss", 0.0),
    ],
)
def test_each_accepted_term_has_its_own_weights(
    factor: float, loss: str, fraction: float, tmp_path: Path
) -> None:
    source = TERMS.format(factor, loss)
    found = finding(tmp_path, "loss_is", LOSS, source, reductions={"sum": 1.0}, also=ALSO)
    assert found.fraction == fraction, found.message


# ---------------------------------------------------------------------- divergences


def test_a_divergence_is_never_negative() -> None:
    def found(values: dict[str, Any]) -> Finding:
        return judge_curve("curve_is_positive", seen(values), evidence="b1.kl", label="KL divergence")

    assert found({"kl": [0.0, 3.2, 5.0]}).fraction == 1.0
    assert "cannot be negative" in found({"kl": [-0.1, -3.2]}).message
    assert found({"kl": [1.0, float("nan")]}).status is Status.FAILED
    assert found({}).untried


# ---------------------------------------------------------------------- a sampler beside its model

SAMPLER = """
def reparameterise(mu, {name}):
    return {z}
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.m, self.s, self.b = nn.Linear(784, 8), nn.Linear(8, 2), nn.Linear(8, 2), nn.Linear(2, 784)
    def forward(self, x):
        h = torch.relu(self.a(x))
        mu, spread = self.m(h), self.s(h)
        return torch.sigmoid(self.b(reparameterise(mu, spread))), mu, spread
vae = VAE()
"""


@pytest.mark.parametrize(
    ("name", "z", "fraction"),
    [
        ("log_var", "mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)", 1.0),
        ("log_std", "mu + torch.exp(log_std) * torch.randn_like(mu)", 1.0),
        ("log_var", "mu + torch.exp(log_var) * torch.randn_like(mu)", 0.0),
        ("log_var", "log_var + torch.exp(0.5 * mu) * torch.randn_like(mu)", 0.0),
        ("log_var", "(mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)).detach()", 0.0),
    ],
)
def test_a_wrong_sampler_is_not_right_because_its_model_could_be(
    name: str, z: str, fraction: float, tmp_path: Path
) -> None:
    """In the whole model heads have no names: exchanged, cut off or read as log σ they look right."""
    found = finding(tmp_path, "sample_is_reparameterised", SAMPLE, SAMPLER.format(name=name, z=z))
    assert found.fraction == fraction, found.message
