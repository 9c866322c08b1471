"""The rubric of the cVAE assignment without any training: networks that are called, pictures and curves made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from kernel_asker import ask

import autograder.registered  # noqa: F401  # fills the registries
from autograder.checks.findings import Context, Finding
from autograder.golden import read_golden
from autograder.kernel_side.known_data import VARIABLE
from autograder.kernel_side.known_images import KnownImages
from autograder.kernel_side.layer_calls import LayerRecorder
from autograder.kernel_side.recorders import TrainingRecorder
from autograder.kernel_side.torchvision_shim import declare_operators
from autograder.probes.evidence import Evidence
from autograder.probes.training import TrainingSeen
from autograder.records import Status
from autograder.registry import CHECKS, find_assignment
from autograder.rendering import solution_source, style_sources
from autograder.rubric.loader import load_rubric
from autograder.stats.digits import discriminant, pooled, recognised
from autograder.template import parse
from reference.mdl_gen.mutants_cvae import MUTANTS
from reference.stand_ins import draw_digit, write_images

ASSIGNMENT = find_assignment("mdl-gen")
PART = load_rubric(ASSIGNMENT, ["cvae"]).parts[0]
SOLUTION = solution_source(ASSIGNMENT, "cvae")
CHECK_OF = {check.id: (item.id, check) for item, check in PART.checks()}
GOLDEN = read_golden(ASSIGNMENT.golden("cvae", "stand_ins"))

REVEALED = {
    "encoder_not_told": "k2.class",
    "codes_rectified": "k2.codes",
    "one_head_for_both": "k2.codes",
    "decoder_not_told": "k3.class",
    "noise_missing": "k3.sample",
    "variance_as_deviation": "k3.sample",
    "uniform_noise": "k3.sample",
    "code_detached": "k3.sample",
    "wrong_sign": "k4.loss",
    "half_missing": "k4.loss",
    "kl_missing": "k4.loss",
    "bce_of_pixels": "k4.loss",
    "mse_of_pixels": "k4.loss",
    "log_var_squared": "k4.loss",
    "mean_forgotten": "k4.loss",
    "codes_uniform": "k8.codes",
}
"""Mutant to the check that has to tell it."""


@pytest.fixture(scope="module", autouse=True)
def digits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The folder that kernels are shown, with a few generated digits."""
    folder = tmp_path_factory.mktemp("digits")
    write_images(folder, 1, 100, np.random.default_rng(1))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(VARIABLE, str(folder))
        declare_operators()
        mpl.use("Agg")
        yield


def judge(check_id: str, evidence: Evidence) -> Finding:
    item, check = CHECK_OF[check_id]
    entry = CHECKS[check.check]
    finding = entry.function(evidence, entry.params.model_validate(check.params), Context(item, 1e-4, GOLDEN))
    assert isinstance(finding, Finding)
    return finding


def definitions(source: str) -> tuple[str, ...]:
    """The code cells that define what is called, and the model as it was made: no data, no figures, no training."""
    cells = []
    for cell in parse(source):
        if cell.kind == "code":
            kept = cell.source.partition("\noptimizer = ")[0]
            kept = kept.partition("\nasked = ")[0].partition("\nopt = ")[0].partition("\noptimizador = ")[0]
            if not any(word in kept for word in ("plt.show", "MNIST(", "backward(", "enumerate(losses")):
                cells.append(kept)
    return tuple(cells)


def asked(folder: Path, source: str, *checks: str) -> Evidence:
    keys = {str(CHECK_OF[one][1].params["challenge"]) for one in checks}
    return ask(folder, definitions(source), {key: PART.challenges[key] for key in sorted(keys)})


CALLED = ("k2.codes", "k2.class", "k3.sample", "k3.class", "k4.loss", "k8.codes")


def test_the_solution_passes_every_check_that_calls_it(tmp_path: Path) -> None:
    evidence = asked(tmp_path, SOLUTION, *CALLED)
    found = {one: judge(one, evidence) for one in CALLED}
    assert {key: one.message for key, one in found.items() if one.fraction < 1} == {}
    assert judge("k8.decides", evidence).status is Status.FAILED, "nothing was trained"


@pytest.mark.parametrize("mutant", REVEALED)
def test_a_mistake_is_told_by_its_check(mutant: str, tmp_path: Path) -> None:
    check = REVEALED[mutant]
    finding = judge(check, asked(tmp_path, MUTANTS[mutant].apply(SOLUTION), check))
    assert finding.fraction < 1, finding.message
    assert not finding.untried
    assert MUTANTS[mutant].item == check.partition(".")[0]


HEAD = """
# %%
import torch
from torch import nn
from torch.nn import functional as F
"""
ADDED = f"""{HEAD}
# %%
class Netz(nn.Module):
    def __init__(self, d=5):
        super().__init__()
        self.k_ein, self.k_aus = nn.Embedding(10, 32), nn.Embedding(10, d)
        self.ein, self.kopf = nn.Linear(784, 32), nn.Linear(32, 2 * d)
        self.aus = nn.Sequential(nn.Linear(d, 32), nn.ReLU(), nn.Linear(32, 784), nn.Sigmoid())
    def forward(self, ziffer, bild):
        h = torch.tanh(self.ein(bild.flatten(1)) + self.k_ein(ziffer))
        m, lv = self.kopf(h).chunk(2, dim=1)
        z = m + torch.randn_like(m) * torch.exp(lv / 2)
        return self.aus(z + self.k_aus(ziffer)), m, lv
netz = Netz()
"""
GENERATES = (
    ADDED
    + """
# %%
@torch.no_grad()
def generate(label, count):
    code = CODE
    return netz.aus(code + netz.k_aus(torch.full((count,), label)))
"""
)
DRAWS = {
    "torch": ("torch.randn(count, 5)", Status.PASSED),
    "a distribution of torch": ("torch.distributions.Normal(0.0, 1.0).sample((count, 5))", Status.PASSED),
    "NumPy's generator": (
        "torch.from_numpy(__import__('numpy').random.default_rng(label).standard_normal((count, 5))).float()",
        Status.PASSED,
    ),
    "one code for all": ("torch.randn(1, 5).expand(count, 5)", None),
    "uniform": ("torch.rand(count, 5)", Status.FAILED),
    "uniform around 0": ("2 * torch.rand(count, 5) - 1", Status.FAILED),
    "half as wide": ("torch.randn(count, 5) / 2", Status.REVIEW),
}


@pytest.mark.parametrize(("code", "status"), DRAWS.values(), ids=DRAWS)
def test_the_law_of_codes_is_seen_in_what_a_network_is_shown(
    code: str, status: Status | None, tmp_path: Path
) -> None:
    found = judge("k8.codes", asked(tmp_path, GENERATES.replace("CODE", code), "k8.codes"))
    assert (None if found.untried else found.status) is status, found.message


APART = f"""{HEAD}
# %%
enc = nn.Sequential(nn.Linear(794, 32), nn.ReLU(), nn.Linear(32, 12))
dec = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 784), nn.Sigmoid())
"""
CHANNELS = f"""{HEAD}
# %%
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(10, 784)
        self.conv = nn.Sequential(nn.Conv2d(2, 4, 4, 4), nn.ReLU(), nn.Flatten())
        self.a, self.b = nn.Linear(196, 3), nn.Linear(196, 3)
        self.up = nn.Sequential(nn.Linear(3, 49), nn.Unflatten(1, (1, 7, 7)), nn.ConvTranspose2d(1, 1, 4, 4))
        self.film = nn.Linear(10, 49)
    def encode(self, x, y):
        h = self.conv(torch.cat([x, self.emb(y).view(-1, 1, 28, 28)], 1))
        return self.a(h), self.b(h)
    def decode(self, z, y):
        h = self.up[0](z) * self.film(F.one_hot(y, 10).float())
        return self.up[2](self.up[1](h))
    def forward(self, x, y):
        self.mu, self.log_var = self.encode(x, y)
        return self.decode(self.mu + torch.exp(0.5 * self.log_var) * torch.randn_like(self.mu), y)
model = Model()
"""

PARTS_APART = f"""{HEAD}
# %%
class Decodeur(nn.Module):
    def __init__(self):
        super().__init__()
        self.plonge = nn.Embedding(10, 8)
        self.couches = nn.Sequential(nn.Linear(12 + 8, 16), nn.SiLU(), nn.Linear(16, 784), nn.Sigmoid())
    def forward(self, code, chiffre):
        return self.couches(torch.cat([code, self.plonge(chiffre)], dim=1)).view(-1, 1, 28, 28)
decodeur = Decodeur()
"""


@pytest.mark.parametrize("source", [ADDED, APART, CHANNELS], ids=["added", "apart", "channels"])
def test_a_class_may_be_given_in_many_ways(source: str, tmp_path: Path) -> None:
    evidence = asked(tmp_path, source, "k2.codes", "k2.class", "k3.class")
    found = {one: judge(one, evidence) for one in ("k2.codes", "k2.class", "k3.class")}
    assert {key: one.message for key, one in found.items() if one.fraction < 1} == {}


@pytest.mark.parametrize(
    ("source", "old", "new", "check"),
    [
        (ADDED, "self.aus(z + self.k_aus(ziffer))", "self.aus(z)", "k3.class"),
        (ADDED, "torch.exp(lv / 2)", "torch.exp(lv)", "k3.sample"),
        (ADDED, "torch.randn_like(m) * torch.exp(lv / 2)", "0 * lv", "k3.sample"),
        (ADDED, "self.ein(bild.flatten(1)) + self.k_ein(ziffer)", "self.ein(bild.flatten(1))", "k2.class"),
        (PARTS_APART, "self.plonge(chiffre)", "self.plonge(0 * chiffre)", "k3.class"),
        (CHANNELS, " * self.film(F.one_hot(y, 10).float())", "", "k3.class"),
        (CHANNELS, "self.emb(y)", "self.emb(0 * y)", "k2.class"),
    ],
)
def test_a_class_that_is_not_used_is_missed(
    source: str, old: str, new: str, check: str, tmp_path: Path
) -> None:
    assert old in source
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.mkdir()
    wrong.mkdir()
    assert judge(check, asked(right, source, check)).fraction == 1
    finding = judge(check, asked(wrong, source.replace(old, new), check))
    assert finding.status is Status.FAILED, finding.message


def test_a_model_that_takes_images_alone_is_not_told_the_class(tmp_path: Path) -> None:
    source = CHANNELS.replace(
        "def forward(self, x, y):", "def forward(self, x):\n        y = torch.zeros(len(x)).long()"
    )
    source = source.replace("def encode(self, x, y)", "def encode(self, x, y=None)")
    source = source.replace("def decode(self, z, y)", "def _decode(self, z, y)").replace(
        "self.decode(", "self._decode("
    )
    source = source.replace("def encode", "def _encode").replace("self.encode(", "self._encode(")
    evidence = asked(tmp_path, source, "k2.class", "k3.class")
    for check in ("k2.class", "k3.class"):
        assert "not told the class" in judge(check, evidence).message


GAUSSIAN = f"""{HEAD}
# %%
def cvae_loss(recon, x, mu, log_var):
    kl = -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1).mean()
    return 0.5 * ((recon - x) ** 2).sum(1).mean() + kl
"""


@pytest.mark.parametrize(
    ("old", "new", "is_right"),
    [
        ("0.5 * ((recon", "((recon", True),
        ("0.5 * ((recon", "0.5 / 0.1 * ((recon", True),
        ("0.5 * ((recon - x) ** 2).sum(1).mean()", "F.mse_loss(recon, x)", False),
        ("0.5 * ((recon - x) ** 2).sum(1).mean()", "1e4 * ((recon - x) ** 2).sum(1).mean()", False),
        ("kl = -0.5", "kl = 0.5", False),
    ],
)
def test_a_squared_error_has_a_variance(old: str, new: str, is_right: bool, tmp_path: Path) -> None:
    finding = judge("k4.loss", asked(tmp_path, GAUSSIAN.replace(old, new), "k4.loss"))
    assert (finding.status is Status.PASSED) is is_right, finding.message


@pytest.mark.parametrize("name", sorted(style_sources(ASSIGNMENT, "cvae")))
def test_styles_are_called_without_their_training(name: str, tmp_path: Path) -> None:
    source = style_sources(ASSIGNMENT, "cvae")[name]
    if name in ("flat_script", "trainer_class"):  # the networks are made where they are trained
        pytest.skip("tried with its training in validation")
    source = f"# %%\nimport torch\ndevice = torch.device('cpu')\n\n{source}"
    evidence = asked(tmp_path, source, "k2.class", "k3.class", "k3.sample")
    found = {one: judge(one, evidence) for one in ("k2.class", "k3.class", "k3.sample")}
    assert {key: one.message for key, one in found.items() if one.fraction < 1} == {}


# ------------------------------------------------------------------ what training was shown


@pytest.mark.parametrize(
    ("beside", "side", "is_image"),
    [(10, "after", True), (10, "before", True), (8, "after", True), (16, "", False)],
)
def test_images_with_their_class_beside_them_are_images(beside: int, side: str, is_image: bool) -> None:
    import torch

    known = KnownImages()
    digits = np.stack([255 * draw_digit(digit, np.random.default_rng(0)) for digit in range(5)]).astype(
        np.uint8
    )
    known.waiting = [(0, digits)]
    recorder = LayerRecorder(known, TrainingRecorder())
    recorder.know(torch)
    x, y = torch.from_numpy(digits).flatten(1) / 255, torch.eye(5, beside)
    given = torch.cat([x, y] if side == "after" else [y, x], dim=1) if side else torch.rand(5, 784 + beside)
    layer = torch.nn.Linear(784 + beside, 12)
    recorder._hook(layer, (given,), layer(given))
    (entry,) = recorder.entries.values()
    assert (entry["role"] == "image") is is_image
    if is_image:
        assert entry["n_in"] == 784
        assert np.concatenate(entry["codes"]).tolist() == [0, 1, 2, 3, 4]


def test_the_range_of_images_is_told_without_that_of_the_class_beside_them() -> None:
    import torch

    recorder = LayerRecorder(KnownImages(), TrainingRecorder())
    recorder.know(torch)
    x, y = torch.linspace(0, 0.25, 784).repeat(3, 1), torch.eye(3, 10)
    for given in (torch.cat([x, y], dim=1), torch.cat([y, x], dim=1)):
        layer = torch.nn.Linear(794, 12)
        recorder._hook(layer, (given,), layer(given))
    assert [entry["new"] for entry in recorder.entries.values()] == [(0.0, 0.25), (0.0, 0.25)]


# ------------------------------------------------------------------ classes of images


def test_digits_are_told_whatever_their_scale() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 30)
    images = np.stack([draw_digit(int(label), rng) for label in labels])
    weights = discriminant(pooled(images[::2]), labels[::2])
    for scaled in (images, 255 * images, 2 * images - 1, (images - 0.13) / 0.31):
        assert np.mean(recognised(scaled[1::2], weights) == labels[1::2]) > 0.95


def curve(values: list[float], losses: tuple[str, ...] = ()) -> Evidence:
    """Evidence of a curve, and of the losses that a training used."""
    from autograder.probes.bindings import Bound
    from autograder.probes.observations import Leaf, Observations
    from autograder.probes.paths import parse_path
    from autograder.records import ExecutionRecord

    leaf = Leaf(parse_path("losses"), 0, np.array(values), "list")
    seen = tuple(TrainingSeen(0, "loss", name, 1) for name in losses)
    observations = replace(Observations(), training=seen)
    return Evidence(PART, (), observations, ExecutionRecord(state="complete"), {"k6.curve": Bound(leaf)}, {})


@pytest.mark.parametrize(
    ("last", "losses", "is_plausible"),
    [
        (110.0, ("binary_cross_entropy",), True),
        (-110.0, ("binary_cross_entropy",), True),
        (0.14, ("binary_cross_entropy",), True),  # a mean over pixels
        (30.0, ("binary_cross_entropy",), False),  # below the entropy of the pixels
        (30.0, ("mse_loss",), True),
        (30.0, (), True),
        (200.0, (), False),  # above the mean images
        (1e-5, (), False),
    ],
)
def test_a_loss_is_plausible_between_its_bounds(
    last: float, losses: tuple[str, ...], is_plausible: bool
) -> None:
    finding = judge("k6.level", curve([300.0, last], losses))
    assert (finding.status is Status.PASSED) is is_plausible, finding.message
