"""Losses and sampled latents of notebooks: styles that are right, and mistakes with the sentences they get."""

# ruff: noqa: E501  # students' code in lines as they write it

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from neural_specs import LOSS, SAMPLE, finding, spec
from neural_specs import LOSS_ROLES as ROLES

from autograder.records import Status
from autograder.stats.latents import explain_latent
from autograder.stats.losses import explain, factor_name, kl_sums, reconstruction_sums

RIGHT_LOSSES = {
    "tuple of three": """
def vae_loss(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x, reduction="sum") / x.size(0)
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / x.size(0)
    return bce + kl, bce, kl
""",
    "target first, a dictionary": """
def loss_function(x, x_hat, mean, log_var):
    r = F.binary_cross_entropy(x_hat.view(-1, 784), x.view(-1, 784), reduction="none").sum(1).mean()
    k = (-0.5 * (1 + log_var - mean**2 - torch.exp(log_var)).sum(dim=1)).mean()
    return {"loss": r + k, "recon": r, "kl": k}
""",
    "names that say nothing, a scalar": """
def elbo(a, b, c, d):
    eps = 1e-12
    nll = -(b * torch.log(a + eps) + (1 - b) * torch.log(1 - a + eps)).sum(1)
    return (nll + 0.5 * (c**2 + d.exp() - 1 - d).sum(1)).mean()
""",
    "names that say nothing, the other way round": """
loss_function = lambda a, b, c, d: (F.binary_cross_entropy(b, a, reduction="sum") + 0.5 * (c**2 + d.exp() - 1 - d).sum()) / len(a)
""",
    "a module": """
class VAELoss(nn.Module):
    def __init__(self, beta=1.0):
        super().__init__()
        self.beta = beta
    def forward(self, recon_x, x, mu, logvar):
        bce = nn.BCELoss(reduction="sum")(recon_x, x)
        return (bce - self.beta * 0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()) / x.shape[0]
""",
    "an instance of a module": """
class Loss(nn.Module):
    def forward(self, recon_x, x, mu, logvar):
        return (F.binary_cross_entropy(recon_x, x, reduction="sum") + 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()) / len(x)
criterion = Loss()
""",
    "a method": """
class VAE(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.fc = nn.Linear(n, 2)
    def loss_function(self, recon, x, mu, log_var):
        return (F.binary_cross_entropy(recon, x, reduction="sum") - 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum()) / x.size(0)
""",
    "a deviation in place of its logarithm": """
def vae_loss(recon, x, mu, sigma):
    kl = 0.5 * (mu**2 + sigma**2 - 1 - torch.log(sigma**2)).sum(1).mean()
    return F.binary_cross_entropy(recon, x, reduction="none").sum(1).mean() + kl
""",
    "a whole model": """
def compute_loss(model, x):
    recon, mu, logvar = model(x)
    bce = F.binary_cross_entropy(recon, x, reduction="sum")
    return (bce - 0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())) / x.size(0)
""",
    "what the model returned, as one": """
def vae_loss(x, salida):
    recon, mu, logvar = salida
    return (F.binary_cross_entropy(recon, x, reduction="sum") + 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()) / len(x)
""",
    "a dataclass": """
from dataclasses import dataclass
@dataclass
class Parts:
    total: torch.Tensor
    kl: torch.Tensor
def vae_loss(recon, x, mu, logvar, beta=1.0):
    kl = torch.distributions.kl_divergence(
        torch.distributions.Normal(mu, (0.5 * logvar).exp()), torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    return Parts(F.binary_cross_entropy(recon, x, reduction="sum") / len(x) + beta * kl, kl)
""",
    "the two terms, not their sum": """
def vae_loss(recon, x, mu, logvar):
    return F.binary_cross_entropy(recon, x, reduction="sum") / len(x), 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum() / len(x)
""",
}


@pytest.mark.parametrize("source", RIGHT_LOSSES.values(), ids=RIGHT_LOSSES)
def test_right_losses_pass(source: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "loss_is", LOSS, source)
    assert (found.status, found.fraction) == (Status.PASSED, 1.0), found.message
    assert "averaged over the batch" in found.observed


def plain(
    bce: str = 'F.binary_cross_entropy(recon, x, reduction="sum") / len(x)', kl: str = "{K} / len(x)"
) -> str:
    right = "(-0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp()))"
    return f"def vae_loss(recon, x, mu, logvar):\n    return {bce} + {kl.replace('{K}', right)}\n"


LOSS_MISTAKES = {
    "sum": (plain("F.binary_cross_entropy(recon, x, reduction='sum')", "{K}"), "without a division by its size"),
    "both means": (plain("F.binary_cross_entropy(recon, x)", "{K} / mu.numel()"), "weighs 49 times too much"),
    "mean and batch mean": (plain("F.binary_cross_entropy(recon, x)"), "weighs 784 times too much"),
    "mean and sum": (plain("F.binary_cross_entropy(recon, x)", "{K}"), "784 times the batch size too much"),
    "mean over pixels for both": (plain("F.binary_cross_entropy(recon, x)", "{K} / x.numel()"), "averaged over all pixels"),
    "KL not divided": (plain(kl="{K}"), "summed over the batch, while the reconstruction term is averaged"),
    "KL divided by the pixels": (plain(kl="{K} / len(x) / 784"), "divided by 784 as well"),
    "KL averaged over latents": (plain(kl="{K} / mu.numel()"), "averaged over the latent dimensions"),
    "wrong sign": (plain(kl="-{K} / len(x)"), "wrong sign"),
    "no half": (plain(kl="2 * {K} / len(x)"), "the ½ is missing"),
    "weight": (plain(kl="0.01 * {K} / len(x)"), "has the weight 0.01"),
    "no KL": (plain(kl="0.0"), "lacks the KL term"),
    "total without its second term": ("def vae_loss(recon, x, mu, logvar):\n    r = F.binary_cross_entropy(recon, x, reduction='sum') / len(x)\n    return r, r, 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum() / len(x)", "lacks the KL term"),
    "no reconstruction": ("def vae_loss(recon, x, mu, logvar):\n    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()", "lacks the reconstruction term"),
    "log variance as sigma": (plain(kl="0.5 * (mu**2 + logvar**2 - 1 - torch.log(logvar**2)).sum() / len(x)"), "takes the log variance for a standard deviation"),
    "exp(0.5 std)": (plain(kl="0.5 * (mu**2 + (0.5 * logvar).exp() - 1 - logvar).sum() / len(x)"), "has exp(½·log σ²)"),
    "mu not squared": (plain(kl="0.5 * (mu + logvar.exp() - 1 - logvar).sum() / len(x)"), "has μ in the place of μ²"),
    "no log": (plain(kl="0.5 * (mu**2 + logvar.exp() - 1).sum() / len(x)"), "lacks the term log σ²"),
    "no one": (plain(kl="0.5 * (mu**2 + logvar.exp() - logvar).sum() / len(x)"), "lacks the −1"),
    "squared error": (plain("F.mse_loss(recon, x, reduction='sum') / len(x)"), "it is the squared error"),
    "with logits": (plain("F.binary_cross_entropy_with_logits(recon, x, reduction='sum') / len(x)"), "the sigmoid is applied here"),
    "exchanged": (plain("F.binary_cross_entropy(x, recon, reduction='sum') / len(x)"), "image and reconstruction exchanged"),
    "half of it": (plain("-(x * recon.log()).sum() / len(x)"), "the term (1 − x)·log(1 − r) is missing"),
    "negative": ("def vae_loss(recon, x, mu, logvar):\n    return -(F.binary_cross_entropy(recon, x, reduction='sum') + 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()) / len(x)", "the negative of the loss"),
    "unknown": (plain(kl="mu.abs().sum() ** 1.5"), "neither the closed form nor"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "said"), LOSS_MISTAKES.values(), ids=LOSS_MISTAKES)
def test_mistakes_in_losses_are_named(source: str, said: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "loss_is", LOSS, source)
    assert (found.status, found.fraction) == (Status.FAILED, 0.0)
    assert said in found.message


def test_accepted_reductions_and_weights_are_the_rubrics(tmp_path: Path) -> None:
    source = plain("F.binary_cross_entropy(recon, x, reduction='sum')", "{K}")
    found = finding(tmp_path, "loss_is", LOSS, source, reductions={"batch_mean": 1.0, "sum": 0.5})
    assert found.fraction == 0.5
    found = finding(tmp_path, "loss_is", LOSS, plain(kl="4 * {K} / len(x)"), kl_weights=[1.0, 4.0])
    assert found.fraction == 1.0


def test_fixed_batch_size_is_accepted_and_noted(tmp_path: Path) -> None:
    source = plain("F.binary_cross_entropy(recon, x, reduction='sum') / 128", "{K} / 128")
    found = finding(tmp_path, "loss_is", LOSS, source)
    assert found.fraction == 1.0
    assert "fixed batch size" in found.notes[-1]


def test_losses_of_logits(tmp_path: Path) -> None:
    logits = spec("loss", "vae_loss_inputs", "vae_loss", ROLES, n_cases=4, params={"output": "logits"})
    right = plain("F.binary_cross_entropy_with_logits(recon, x, reduction='sum') / len(x)")
    assert finding(tmp_path, "loss_is", logits, right, reconstruction="bce_with_logits").fraction == 1.0
    reverse = finding(tmp_path, "loss_is", logits, plain(), reconstruction="bce_with_logits")
    assert reverse.status is Status.FAILED
    assert "between 0 and 1" in reverse.message


def test_single_terms(tmp_path: Path) -> None:
    kl = spec("loss", "vae_loss_inputs", "kl_loss", ROLES, n_cases=4)
    right = "def kl_loss(mu, logvar):\n    return -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1).mean()"
    assert finding(tmp_path, "loss_is", kl, right, quantity="kl").fraction == 1.0
    wrong = right.replace("-0.5", "0.5")
    assert "wrong sign" in finding(tmp_path, "loss_is", kl, wrong, quantity="kl").message
    twice = right.replace("-0.5", "-1.0")
    assert "the ½ is missing" in finding(tmp_path, "loss_is", kl, twice, quantity="kl").message
    bce = spec("loss", "vae_loss_inputs", "recon_loss", ROLES, n_cases=4)
    source = "def recon_loss(y_hat, y):\n    return F.mse_loss(y_hat, y)"
    found = finding(
        tmp_path,
        "loss_is",
        bce,
        source,
        quantity="reconstruction",
        reconstruction="mse",
        reductions={"element_mean": 1.0},
    )
    assert found.fraction == 1.0


def test_loss_of_other_things_leaves_the_points_to_the_twin(tmp_path: Path) -> None:
    source = "def elbo(vae, x):\n    q = vae.posterior(x)\n    return -vae.likelihood(q.rsample()).log_prob(x).sum()"
    assert finding(tmp_path, "loss_is", LOSS, source).untried
    broken = "def vae_loss(recon, x, mu, logvar):\n    return F.binary_cross_entropy(recon, x[:, :5])"
    assert "stopped with" in finding(tmp_path, "loss_is", LOSS, broken).message


def test_no_function_leaves_the_points_to_the_twin(tmp_path: Path) -> None:
    assert finding(tmp_path, "loss_is", LOSS, "x = 1").untried
    needs = finding(tmp_path, "loss_is", LOSS, "def vae_loss(recon, x, mu, logvar, q, r):\n    return 1")
    assert needs.untried
    assert "needs q, r" in needs.message


RIGHT_SAMPLES = {
    "function": "def reparameterize(mu, logvar):\n    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)",
    "deviation": "def reparameterize(mu, sigma):\n    return mu + sigma * torch.randn(mu.shape)",
    "method": """
class VAE(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.l = nn.Linear(hidden, 3)
    def reparameterise(self, mu, log_var):
        if not self.training:
            return mu
        std = log_var.mul(0.5).exp_()
        eps = std.data.new(std.size()).normal_()
        return eps.mul(std).add_(mu)
""",
    "distribution": "def sample_z(mu, log_var):\n    return torch.distributions.Normal(mu, (0.5 * log_var).exp()).rsample()",
    "torch.normal": "def sample_z(mu, lv):\n    eps = torch.normal(torch.zeros_like(mu), torch.ones_like(mu))\n    return mu + (lv / 2).exp() * eps",
    "names that say nothing": "def reparameterize(a, b):\n    return a + torch.exp(b / 2) * torch.randn(*a.size())",
    "inside the model": """
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.m, self.s, self.dec = nn.Linear(784, 256), nn.Linear(256, 16), nn.Linear(256, 16), nn.Linear(16, 784)
    def forward(self, x):
        h = F.relu(self.enc(x.view(-1, 784)))
        mu, lv = self.m(h), self.s(h)
        return torch.sigmoid(self.dec(mu + torch.exp(lv / 2) * torch.randn_like(lv))), mu, lv
""",
    "both heads in one layer": """
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.dec = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 32)), nn.Linear(16, 784)
    def forward(self, x):
        mu, lv = self.enc(x).chunk(2, dim=1)
        return self.dec(torch.distributions.Normal(mu, (lv / 2).exp()).rsample()), mu, lv
""",
    "numpy's noise": "def sample_z(mu, log_var):\n    eps = torch.from_numpy(np.random.randn(*mu.shape)).float()\n    return mu + torch.exp(0.5 * log_var) * eps",
}


@pytest.mark.parametrize("source", RIGHT_SAMPLES.values(), ids=RIGHT_SAMPLES)
def test_right_samples_pass(source: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "sample_is_reparameterised", SAMPLE, source)
    assert found.fraction == 1.0, found.message


SAMPLE_MISTAKES = {
    "log variance as sigma": ("mu + logvar * torch.randn_like(mu)", "the log variance itself is used as σ"),
    "variance as sigma": ("mu + torch.exp(logvar) * torch.randn_like(mu)", "exp(log σ²) is used as σ"),
    "no noise": ("mu + 0 * logvar", "there is no noise"),
    "not scaled": ("mu + torch.randn_like(mu)", "the noise is not scaled"),
    "shared": ("mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape[1])", "shared by the whole batch"),
    "no mean": ("torch.exp(0.5 * logvar) * torch.randn_like(mu)", "μ is not added"),
    "exchanged": ("logvar + torch.exp(0.5 * mu) * torch.randn_like(mu)", "μ and log σ² are exchanged"),
    "cut off": (
        "torch.distributions.Normal(mu, (0.5 * logvar).exp()).sample()",
        "no gradient reaches μ and σ",
    ),
    "detached deviation": (
        "mu + torch.exp(0.5 * logvar).detach() * torch.randn_like(mu)",
        "no gradient reaches",
    ),
    "uniform": ("mu + torch.exp(0.5 * logvar) * torch.rand_like(mu)", "is not μ + σ·ε"),
}


@pytest.mark.parametrize(("formula", "said"), SAMPLE_MISTAKES.values(), ids=SAMPLE_MISTAKES)
def test_mistakes_in_samples_are_named(formula: str, said: str, tmp_path: Path) -> None:
    source = f"def reparameterize(mu, logvar):\n    return {formula}"
    found = finding(tmp_path, "sample_is_reparameterised", SAMPLE, source)
    assert found.status is Status.FAILED
    assert said in found.message


def test_mistake_inside_a_model_is_named(tmp_path: Path) -> None:
    source = RIGHT_SAMPLES["inside the model"].replace("torch.exp(lv / 2) * ", "")
    assert "not scaled" in finding(tmp_path, "sample_is_reparameterised", SAMPLE, source).message


def test_model_of_any_name_is_known_by_its_ends(tmp_path: Path) -> None:
    inside = (
        RIGHT_SAMPLES["inside the model"].replace("class VAE", "class Netz") + "\ndinge = {'erstes': Netz()}"
    )
    (tmp_path / "right").mkdir()
    assert finding(tmp_path / "right", "sample_is_reparameterised", SAMPLE, inside).fraction == 1.0
    wrong = inside.replace("torch.exp(lv / 2) * ", "")
    (tmp_path / "wrong").mkdir()
    found = finding(tmp_path / "wrong", "sample_is_reparameterised", SAMPLE, wrong)
    assert "not scaled" in found.message


def test_noise_is_put_back(tmp_path: Path) -> None:
    import torch

    before = (torch.randn, torch.randn_like, torch.normal, torch.Tensor.normal_, np.random.randn)
    finding(tmp_path, "sample_is_reparameterised", SAMPLE, RIGHT_SAMPLES["distribution"])
    assert before == (torch.randn, torch.randn_like, torch.normal, torch.Tensor.normal_, np.random.randn)


# ------------------------------------------------------------------ the numbers


def test_closed_forms_agree_with_torch() -> None:
    import torch
    import torch.nn.functional as F

    from reference.autoencoders import vae_loss

    generator = torch.Generator().manual_seed(0)
    r, x = torch.rand(3, 20, generator=generator), torch.rand(3, 20, generator=generator)
    mu, log_var = torch.randn(3, 4, generator=generator), torch.randn(3, 4, generator=generator)
    sums, kl = reconstruction_sums(r.numpy(), x.numpy()), kl_sums(mu.numpy(), log_var.numpy())["kl"]
    assert sums["bce"] == pytest.approx(float(F.binary_cross_entropy(r, x, reduction="sum")), rel=1e-5)
    with_logits = F.binary_cross_entropy_with_logits(r, x, reduction="sum")
    assert sums["bce_with_logits"] == pytest.approx(float(with_logits), rel=1e-5)
    reference = vae_loss(r, x, mu, log_var)
    assert (sums["bce"] / 3, kl / 3) == pytest.approx(
        (float(reference.reconstruction_nll), float(reference.kl)), rel=1e-5
    )


def test_explanations_need_finite_numbers_that_fit() -> None:
    rng = np.random.default_rng(0)
    r, k = {"bce": list(rng.uniform(500, 600, 4))}, {"kl": list(rng.uniform(5, 9, 4))}
    both = explain([a / 3 + 2 * b / 3 for a, b in zip(r["bce"], k["kl"], strict=True)], r, k)
    assert both is not None
    assert (both.a, both.b) == pytest.approx((1 / 3, 2 / 3))
    assert explain([np.nan] * 4, r, k) is None
    assert explain([0.0] * 4, r, k) is None
    assert explain(list(rng.uniform(0, 1, 4)), r, k) is None
    assert factor_name(0.123, 3, 784, 16) == ""
    assert factor_name(1 / 128, 3, 784, 16) == "divided_by_128"
    assert explain_latent(np.ones((2, 3)), np.zeros((2, 3)), np.zeros((2, 3)), [0.5]) is None
