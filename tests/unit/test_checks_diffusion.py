"""Claims about diffusion models: what networks were shown and gave tells right notebooks from wrong ones, in any form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

import autograder.registered  # noqa: F401  # fills the registries
from autograder.checks.findings import Finding
from autograder.registry import find_assignment
from autograder.rubric.loader import load_rubric
from autograder.stats.diffusion import (
    cosine_betas,
    energy_distance,
    linear_betas,
    schedule_of,
    steps_of,
    wrong_factors,
)
from tests.unit.diffusion_asker import findings, observe

(PART,) = load_rubric(find_assignment("mdl-gen"), ["ddpm"]).parts

NOTEBOOK = """\
import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
data = torch.tensor(np.random.default_rng(0).uniform(-2, 2, size=(300, 2)), dtype=torch.float32)
betas = torch.linspace(1e-3, 0.2, 100)
alpha_bars = torch.cumprod(1 - betas, 0)


def add_noise(x0, t, noise):
    a = alpha_bars[t][:, None]
    return a.sqrt() * x0 + (1 - a).sqrt() * noise


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 16), nn.SiLU(), nn.Linear(16, 2))

    def forward(self, x, t):
        return self.layers(torch.cat([x, t[:, None] / 100], 1))


model = Net()
optimizer = torch.optim.SGD(model.parameters(), 0.01)
for _ in range(14):
    x0 = data[torch.randint(300, (64,))]
    t = torch.randint(0, 100, (64,))
    noise = torch.randn_like(x0)
    loss = ((model(add_noise(x0, t, noise), t) - noise) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def reverse_step(x, t):
    with torch.no_grad():
        e = model(x, torch.full((len(x),), t))
    mean = (x - betas[t] / (1 - alpha_bars[t]).sqrt() * e) / (1 - betas[t]).sqrt()
    return mean if t == 0 else mean + betas[t].sqrt() * torch.randn_like(x)


x = torch.randn(80, 2)
for t in reversed(range(100)):
    x = reverse_step(x, t)
samples = x
"""
TRAINED = {"d1.betas", "d1.alpha_bars", "d2.noising", "d3.objective", "d3.times", "d3.time"}
SAMPLED = {"d5.step", "d5.last", "d6.chain"}


def found_in(folder: Path, *edits: tuple[str, str]) -> dict[str, Finding]:
    """What the checks say of the notebook after some edits."""
    source = NOTEBOOK
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return findings(PART, observe(folder, PART, source))


RIGHT = {
    "as it is": (),
    "a time in a third column": (
        (".layers(torch.cat([x, t[:, None] / 100], 1))", ".layers(torch.cat([x, t], 1))"),
        (
            "model(add_noise(x0, t, noise), t)",
            "model.layers(torch.cat([add_noise(x0, t, noise), t[:, None] / 100], 1))",
        ),
        (
            "model(x, torch.full((len(x),), t))",
            "model.layers(torch.cat([x, torch.full((len(x), 1), t / 100)], 1))",
        ),
    ),
    "times embedded outside": (
        ("def forward(self, x, t):", "def forward(self, x, e):"),
        ("torch.cat([x, t[:, None] / 100], 1)", "torch.cat([x, e[:, :1]], 1)"),
        ("(add_noise(x0, t, noise), t)", "(add_noise(x0, t, noise), (t[:, None] / 100).repeat(1, 3))"),
        ("model(x, torch.full((len(x),), t))", "model(x, torch.full((len(x), 3), t / 100))"),
    ),
    "NumPy's noise": (
        ("noise = torch.randn_like(x0)", "noise = torch.tensor(generator.standard_normal(x0.shape)).float()"),
        ("model = Net()", "model = Net()\ngenerator = np.random.default_rng(1)"),
        ("torch.randn_like(x)\n", "torch.tensor(generator.standard_normal(x.shape)).float()\n"),
    ),
    "the other variance": (
        ("+ betas[t].sqrt()", "+ (betas[t] * (1 - alpha_bars[t - 1]) / (1 - alpha_bars[t])).sqrt()"),
    ),
    "the absolute difference": ((") - noise) ** 2).mean()", ") - noise).abs()).mean()"),),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_notebooks_of_any_form_pass(tmp_path: Path, name: str) -> None:
    said = found_in(tmp_path, *RIGHT[name])
    assert {key: said[key].message for key in TRAINED | SAMPLED if said[key].fraction < 1} == {}


WRONG = {
    "d1.betas": (("linspace(1e-3, 0.2,", "linspace(0.2, 1e-3,"), "falls"),
    "d1.alpha_bars": (("torch.cumprod(1 - betas, 0)", "1 - betas"), "not the product"),
    "d2.noising": (("a.sqrt() * x0", "a * x0"), "not by its root"),
    "d3.objective": ((") - noise) ** 2).mean()", ") - x0) ** 2).mean()"), "clean point"),
    "d3.times": (("t = torch.randint(0, 100,", "t = torch.randint(0, 40,"), "all parts"),
    "d3.time": (("t[:, None] / 100], 1))", "0 * t[:, None]], 1))"), "does not use it"),
    "d5.step": (("mean = (x - betas", "mean = (x + betas"), "added"),
    "d5.last": (("return mean if t == 0 else mean", "return mean"), "last step"),
    "d6.chain": (("x = torch.randn(80, 2)", "x = torch.rand(80, 2)"), "standard normal"),
}


@pytest.mark.parametrize("key", WRONG)
def test_a_mistake_fails_in_its_own_check_and_is_named(tmp_path: Path, key: str) -> None:
    edit, word = WRONG[key]
    said = found_in(tmp_path, edit)
    assert said[key].fraction == 0
    assert word in said[key].message
    failed = {one for one in TRAINED | SAMPLED if said[one].fraction < 1}
    follow = {"d2.noising", "d5.step", "d5.last"} if key.startswith("d1.") else {"d5.last"} - {key}
    assert failed - follow == {key}


def test_the_papers_own_schedule_is_accepted_and_followed(tmp_path: Path) -> None:
    source = NOTEBOOK.replace("1e-3, 0.2, 100", "1e-4, 0.02, 1000").replace("range(100)", "range(1000)")
    source = source.replace("randint(0, 100,", "randint(0, 1000,").replace("/ 100]", "/ 1000]")
    said = findings(PART, observe(tmp_path, PART, source))
    assert {key: said[key].message for key in TRAINED | SAMPLED if said[key].fraction < 1} == {}
    assert said["d1.betas"].notes


def test_functions_are_tried_where_nothing_was_trained(tmp_path: Path) -> None:
    untrained = NOTEBOOK.index("model = Net()"), NOTEBOOK.index("def reverse_step")
    source = (
        NOTEBOOK[: untrained[0]]
        + "model = Net()\n\n\n"
        + NOTEBOOK[untrained[1] : NOTEBOOK.index("x = torch.randn(80")]
    )
    said = findings(PART, observe(tmp_path, PART, source))
    assert said["d2.noising"].fraction == said["d5.step"].fraction == 1
    assert "add_noise" in said["d2.noising"].message
    assert "reverse_step" in said["d5.step"].message
    assert said["d3.objective"].untried


def test_the_cosine_schedule_leaves_nothing_at_the_end() -> None:
    bars = np.cumprod(1 - cosine_betas(100))
    assert bars[0] > 0.99
    assert bars[-1] < 1e-6
    assert np.all(np.diff(bars) < 0)


def test_noising_is_told_from_its_mistakes() -> None:
    rng = np.random.default_rng(2)
    data, noise = rng.normal(size=(500, 2)), rng.normal(size=(200, 2))
    schedule = schedule_of(linear_betas(50, 0.002, 0.2), "x")
    steps = rng.integers(0, 50, size=200)
    signal, scale = schedule.factors()[steps].T
    noised = signal[:, None] * data[:200] + scale[:, None] * noise
    assert np.mean(steps_of(noised, noise, schedule.factors(), cKDTree(data)) == steps) > 0.99
    for factors in wrong_factors(schedule).values():
        assert np.mean(steps_of(noised, noise, factors, cKDTree(data)) >= 0) < 0.1


def test_the_energy_distance_is_0_for_equal_laws_and_grows_with_a_shift() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(600, 2)), rng.normal(size=(600, 2))
    assert abs(energy_distance(a, b)) < 0.02
    assert energy_distance(a, b + 0.5) > energy_distance(a, b + 0.25) > 0.02
