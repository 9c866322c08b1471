"""Likelihoods of a notebook in many spellings are recognised and named, mistakes are told, other distributions wait."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kernel_asker import ask
from neural_specs import HEAD, spec

from autograder.checks.findings import Context, Finding
from autograder.golden import Golden
from autograder.probes.notebooks import NotebookCell
from autograder.probes.training import TrainingSeen
from autograder.records import Status
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeSpec

ROLES = {
    "reconstruction": {"kind": "tensor", "names": ["theta", "logits", "mu", "p", "x_hat"]},
    "target": {"kind": "tensor", "names": ["x", "target"]},
    "log_var": {"kind": "tensor", "names": ["log_var"]},
    "sigma": {"kind": "number", "names": ["sigma"]},
    "model": {"kind": "module", "names": ["model"]},
}
NLL = spec("loss", "likelihood_of_pixels", "nll NLL", ROLES, n_cases=5, params={"n_pixels": 30})
BINARY = spec(
    "loss", "likelihood_of_pixels", "nll NLL", ROLES, n_cases=5, params={"n_pixels": 30, "is_binary": True}
)


def judge(folder: Path, source: str, challenge: ChallengeSpec) -> Finding:
    """What the check says of a notebook of one cell."""
    entry = CHECKS["is_likelihood"]
    params = entry.params.model_validate({"challenge": "c", "items": ["a"]})
    found: Finding = entry.function(
        ask(folder, (HEAD + source,), {"c": challenge}), params, Context("a", 1e-3, Golden())
    )
    return found


RIGHT = {
    "logits": "def nll(theta, x): return F.binary_cross_entropy_with_logits(theta, x, reduction='sum') / len(x)",
    "probabilities": "def nll(p, x): return -(x * p.log() + (1 - x) * (1 - p).log()).mean()",
    "no telling names": "def nll(a, b): return F.binary_cross_entropy(a, b)",
    "one number an example": "def nll(theta, x): return (F.softplus(theta) - x * theta).sum(1)",
    "squared error": "def nll(mu, x): return ((x - mu) ** 2).sum() / len(x)",
    "with constant": "def nll(mu, x): return -torch.distributions.Normal(mu, 0.3).log_prob(x).sum(1).mean()",
    "about a sigmoid": "def nll(theta, x): return 0.5 * (x - theta.sigmoid()).pow(2).sum()",
    "a sigma to hand over": "def nll(x, mu, sigma): return 0.5 * ((x - mu) ** 2).sum() / sigma**2",
    "a variance of the decoder": "def nll(x, mu, log_var): return 0.5 * (log_var + (x - mu) ** 2 * (-log_var).exp()).sum()",
    "laplace": "def nll(mu, x): return (x - mu).abs().sum(1).mean() / 0.2",
    "module": "class NLL(nn.Module):\n    def forward(self, logits, x): return nn.BCEWithLogitsLoss()(logits, x)",
    "model": "def nll(model, x): return ((model(x) - x) ** 2).sum(1).mean()",
}
WRONG = {
    "def nll(theta, x): return -F.binary_cross_entropy_with_logits(theta, x)": "not its negative",
    "def nll(p, x): return -(x * p.log()).sum(1).mean()": "the term −(1 − x)·log(1 − p) is missing",
    "def nll(p, x): return -((1 - x) * (1 - p).log()).sum(1).mean()": "the term −x·log p is missing",
    "def nll(p, x): return -(x * p.log() - (1 - x) * (1 - p).log()).sum(1).mean()": "different signs",
    "def nll(theta, x): return (F.softplus(theta) + x * theta).sum(1).mean()": "different signs",
    "def nll(theta, x): return (F.softplus(x) - x * theta).sum(1).mean()": "exchanged",
    "def nll(mu, x): return ((x - mu) ** 2).sum(1).sqrt().mean()": "not its square",
    "def nll(mu, log_var, x): return (0.5 * (x - mu) ** 2 / log_var.exp()).sum(1).mean()": "log σ² is missing",
    "def nll(mu, log_var, x): return (0.5 * ((x - mu) ** 2 / log_var.exp() - log_var)).mean()": "the wrong sign",
    "def nll(mu, log_var, x): return ((x - mu) ** 2 / (2 * log_var.exp()) + log_var).sum()": "counts twice",
    "def nll(mu, log_var, x): return ((x - mu) ** 2 * log_var.exp() + log_var).mean()": "has to be divided",
    "def nll(mu, x): return -torch.exp(-1e6 * ((x - mu) ** 2).sum(1)).mean()": "underflows",
}


@pytest.mark.parametrize("name", RIGHT)
def test_every_spelling_of_a_likelihood_is_accepted_and_named(name: str, tmp_path: Path) -> None:
    found = judge(tmp_path, RIGHT[name], NLL)
    assert found.fraction == 1.0, found.message
    assert found.notes
    expected = {"laplace": "Laplace", "squared error": "Gaussian", "logits": "logits", "module": "logits"}
    assert expected.get(name, "negative log-likelihood") in found.message


@pytest.mark.parametrize("source", WRONG)
def test_mistakes_are_told_by_name(source: str, tmp_path: Path) -> None:
    found = judge(tmp_path, source, NLL)
    assert found.status is Status.FAILED
    assert WRONG[source] in found.message


def test_a_constant_that_no_density_has_costs_a_quarter(tmp_path: Path) -> None:
    source = "def nll(mu, x): return 0.5 * ((x - mu) ** 2).sum() + 11.0"
    found = judge(tmp_path, source, NLL)
    assert found.fraction == 0.75


def test_another_distribution_waits_for_a_person(tmp_path: Path) -> None:
    source = "def nll(mu, x): return torch.log1p((x - mu) ** 2).sum(1).mean()"  # Cauchy
    found = judge(tmp_path, source, NLL)
    assert found.status is Status.REVIEW


def test_a_distribution_that_looks_at_its_support_is_tried_on_binary_data(tmp_path: Path) -> None:
    source = (
        "def nll(theta, x): return -torch.distributions.Bernoulli(logits=theta).log_prob(x).sum(1).mean()"
    )
    grey = judge(tmp_path, source, NLL)
    assert grey.fraction == 0.0
    binary = judge(tmp_path, source, BINARY)
    assert binary.fraction == 1.0


def test_without_a_function_the_training_tells(tmp_path: Path) -> None:
    seen = ask(tmp_path, (HEAD + "x = 1",), {"c": NLL})
    cells = (NotebookCell(0, "code", "", "", 0, "a", None),)
    entry = CHECKS["is_likelihood"]
    params = entry.params.model_validate({"challenge": "c", "items": ["a"]})
    step, loss = TrainingSeen(0, "step", "Adam", 9), TrainingSeen(0, "loss", "binary_cross_entropy", 9)
    found = []
    for training in ((), (step,), (step, loss)):
        evidence = replace(seen, cells=cells, observations=replace(seen.observations, training=training))
        found.append(entry.function(evidence, params, Context("a", 1e-3, Golden())))
    assert [one.status for one in found] == [Status.FAILED, Status.REVIEW, Status.PASSED]
    assert found[0].missing


# ------------------------------------------------------------------ trained with it


def trained(
    folder: Path,
    source: str,
    check: str,
    *losses: str,
    used: str = "",
    last: list[float] | None = None,
    **params: Any,
) -> Finding:
    """What a check says of a notebook whose second cell trains, with some of torch's losses, down to `last`."""
    more = {"m": spec("autoencoder", "uniform_numbers", "m", {})} if "challenge_autoencoder" in params else {}
    seen = ask(folder, (HEAD + source,), {"c": NLL} | more)
    cells = (
        NotebookCell(0, "code", source, "", 0, "a", None),
        NotebookCell(1, "code", used, "", 0, "a", None),
    )
    training = tuple(TrainingSeen(1, "loss", name, 9) for name in losses)
    training += (TrainingSeen(1, "step", "Adam", 9, {"last": last} if last else {}),)
    evidence = replace(seen, cells=cells, observations=replace(seen.observations, training=training))
    entry = CHECKS[check]
    given = entry.params.model_validate({"challenge": "c", "items": ["a"]} | params)
    found: Finding = entry.function(evidence, given, Context("a", 1e-3, Golden()))
    return found


BERNOULLI = RIGHT["logits"]


def test_a_training_uses_the_likelihood_that_was_written(tmp_path: Path) -> None:
    check = "trains_with_likelihood"
    assert trained(tmp_path, BERNOULLI, check, used="loss = nll(net(x), x)").fraction == 1.0
    assert trained(tmp_path, BERNOULLI, check, "binary_cross_entropy_with_logits").fraction == 1.0
    other = trained(tmp_path, BERNOULLI, check, "mse_loss")
    assert (other.status, other.observed) == (Status.FAILED, "mse_loss")
    assert trained(tmp_path, BERNOULLI, check).status is Status.REVIEW


def test_a_bernoulli_likelihood_of_other_numbers_goes_below_its_bound(tmp_path: Path) -> None:
    """Of pixels from 0 to 255, or from -1 to 1."""
    check, used = "trains_with_likelihood", "loss = nll(net(x), x)"
    below = trained(tmp_path, BERNOULLI, check, used=used, last=[-7000.0, -8000.0])
    assert (below.status, below.observed) == (Status.FAILED, "-7500")
    assert trained(tmp_path, BERNOULLI, check, used=used, last=[0.0, 90.0]).fraction == 1.0
    assert trained(tmp_path, RIGHT["squared error"], check, used=used, last=[-7000.0]).fraction == 1.0


@pytest.mark.parametrize(
    ("last", "loss", "fraction"),
    [
        ("nn.Sigmoid()", BERNOULLI, 0.0),  # the sigmoid is applied twice
        ("nn.Identity()", BERNOULLI, 1.0),
        ("nn.Sigmoid()", RIGHT["probabilities"], 1.0),
        ("nn.Identity()", RIGHT["probabilities"], 0.0),
        ("nn.Identity()", RIGHT["squared error"], 1.0),
    ],
)
def test_the_decoder_gives_what_the_loss_takes(last: str, loss: str, fraction: float, tmp_path: Path) -> None:
    net = (
        "torch.manual_seed(0)\ntest_images = torch.rand(40, 64)\n"
        f"net = nn.Sequential(nn.Linear(64, 5), nn.Linear(5, 64), {last})\n"
        "with torch.no_grad():\n    net[1].bias.mul_(30)\n"
    )
    found = trained(
        tmp_path, f"{net}{loss}", "output_fits_likelihood", used="nll(net(x), x)", challenge_autoencoder="m"
    )
    assert found.fraction == fraction, found.message
