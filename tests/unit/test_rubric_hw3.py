"""The rubric of dl-hw3, part 2, without any training: networks and functions that are called, pictures made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pytest
from kernel_asker import ask

import autograder.registered  # noqa: F401  # fills the registries
from autograder.checks.findings import Context, Finding
from autograder.execute.local import LocalExecutor
from autograder.golden import Golden
from autograder.goldens import make_golden
from autograder.kernel_side.torchvision_shim import declare_operators
from autograder.probes.evidence import Evidence
from autograder.probes.layer_calls import LayerSeen
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import FigureSeen, Observations
from autograder.probes.training import TrainingSeen
from autograder.records import ExecutionRecord, Status
from autograder.registry import CHECKS, find_assignment
from autograder.rendering import solution_source, style_sources
from autograder.rubric.loader import load_rubric
from autograder.template import parse
from reference.dl_hw3.mutants_pt2 import MUTANTS

ASSIGNMENT = find_assignment("dl-hw3")
PART = load_rubric(ASSIGNMENT, ["pt2"]).parts[0]
SOLUTION = solution_source(ASSIGNMENT, "pt2")
CHECK_OF = {check.id: (item.id, check) for item, check in PART.checks()}
RNG = np.random.default_rng(0)

REVEALED = {
    "log_var_rectified": "v1.codes",
    "one_head_for_both": "v1.codes",
    "sigmoid_missing": "v2.pixels",
    "tanh_at_the_end": "v2.pixels",
    "noise_missing": "v3.sample",
    "variance_as_deviation": "v3.sample",
    "uniform_noise": "v3.sample",
    "code_detached": "v3.reaches",
    "printed_sign": "v4.loss",
    "half_missing": "v4.loss",
    "kl_missing": "v4.loss",
    "bce_of_pixels": "v4.loss",
    "half_of_bce": "v4.loss",
    "log_var_squared": "v4.loss",
}
"""Mutant to the check that has to tell it."""


def judge(check_id: str, evidence: Evidence) -> Finding:
    item, check = CHECK_OF[check_id]
    entry = CHECKS[check.check]
    finding = entry.function(
        evidence, entry.params.model_validate(check.params), Context(item, 1e-4, Golden())
    )
    assert isinstance(finding, Finding)
    return finding


def definitions(source: str) -> tuple[str, ...]:
    """The code cells that define what is called, and the model as it was made: no data, no figures, no training."""
    code = [cell.source for cell in parse(source) if cell.kind == "code"]
    unwanted = ("plt.show", "MNIST(", "backward(", "show_digits(", "draw_codes(")
    return tuple(cell for cell in code if not any(word in cell for word in unwanted))


def asked(folder: Path, source: str, *checks: str) -> Evidence:
    declare_operators()
    mpl.use("Agg")
    keys = {"v2.decoder", "v3.vae"} if "v2.pixels" in checks else set()
    keys |= {str(CHECK_OF[one][1].params["challenge"]) for one in checks if one != "v2.pixels"}
    return ask(folder, definitions(source), {key: PART.challenges[key] for key in sorted(keys)})


CALLING = [one for one, (_, check) in CHECK_OF.items() if {"challenge", "challenges"} & set(check.params)]


def test_the_solution_passes_every_check_that_calls_it(tmp_path: Path) -> None:
    evidence = asked(tmp_path, SOLUTION, *CALLING)
    found = {one: judge(one, evidence) for one in CALLING}
    assert {key: one.message for key, one in found.items() if one.fraction < 1} == {}
    assert len(found) == 7


@pytest.mark.parametrize("mutant", REVEALED)
def test_a_mistake_is_told_by_its_check(mutant: str, tmp_path: Path) -> None:
    source = MUTANTS[mutant].apply(SOLUTION)
    finding = judge(REVEALED[mutant], asked(tmp_path, source, REVEALED[mutant]))
    assert finding.fraction < 1, finding.message
    assert not finding.untried
    assert MUTANTS[mutant].item == REVEALED[mutant].partition(".")[0]


def test_logits_go_with_the_loss_of_logits(tmp_path: Path) -> None:
    style = style_sources(ASSIGNMENT, "pt2")["convolutional"]
    evidence = asked(tmp_path, style, "v1.codes", "v2.images", "v3.images", "v4.loss")
    assert judge("v4.loss", evidence).fraction == 1
    assert judge("v1.codes", evidence).fraction == 1
    assert judge("v2.images", evidence).untried, "codes of other sizes are judged within the autoencoder"
    assert judge("v3.images", evidence).fraction == 1


FRENCH = """
# %%
import torch
from torch import nn

# %%
class AutoVAE(nn.Module):
    def __init__(self, d=2):
        super().__init__()
        self.corps = nn.Sequential(nn.Linear(784, 30), nn.GELU())
        self.tete_mu, self.tete_lv = nn.Linear(30, d), nn.Linear(30, d)
        self.decodeur = nn.Sequential(nn.Linear(d, 30), nn.GELU(), nn.Linear(30, 784), nn.Sigmoid())
    def tire(self, mu, lv):
        return torch.addcmul(mu, (lv / 2).exp(), torch.randn_like(lv))
    def forward(self, x):
        h = self.corps(x.flatten(1))
        mu, lv = self.tete_mu(h), self.tete_lv(h)
        return self.decodeur(self.tire(mu, lv)), mu, lv
vae = AutoVAE()

# %%
def perte(x_chap, x, mu, lv):
    x_chap = x_chap.clamp(1e-7, 1 - 1e-7)
    bce = -(x * x_chap.log() + (1 - x) * (1 - x_chap).log()).sum()
    kl = -0.5 * (1 + lv - mu.pow(2) - lv.exp()).sum()
    return (bce + kl) / len(x)
"""


def test_a_notebook_in_french_is_called_too(tmp_path: Path) -> None:
    evidence = asked(tmp_path, FRENCH, "v3.sample", "v4.loss")
    assert judge("v3.sample", evidence).fraction == 1
    assert judge("v4.loss", evidence).fraction == 1


@pytest.mark.parametrize(
    ("check", "old", "new", "said"),
    [
        ("v3.sample", "(lv / 2).exp()", "lv.exp()", "that is the variance"),
        ("v4.loss", "kl = -0.5 *", "kl = -1.0 *", "the ½ is missing"),
    ],
)
def test_mistakes_of_a_notebook_in_french_are_named(
    check: str, old: str, new: str, said: str, tmp_path: Path
) -> None:
    assert FRENCH.count(old) == 1
    finding = judge(check, asked(tmp_path, FRENCH.replace(old, new), check))
    assert finding.fraction == 0
    assert said in finding.message


@pytest.mark.parametrize("trains", [True, False])
def test_a_loss_in_the_loop_is_for_a_person_where_something_is_trained(trains: bool, tmp_path: Path) -> None:
    evidence = asked(tmp_path, FRENCH.partition("# %%\ndef perte")[0], "v4.loss")
    evidence = replace(
        evidence,
        observations=replace(evidence.observations, training=seen(trains=trains).observations.training),
    )
    finding = judge("v4.loss", evidence)
    assert finding.fraction == 0
    assert finding.status is (Status.REVIEW if trains else Status.BLOCKED)
    assert finding.untried is not trains


# ------------------------------------------------------------------ pictures


def tiles(n: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """n images (n, 28, 28) on a smooth path."""
    ends = np.random.default_rng(seed).integers(0, 256, size=(3, 28, 28))
    a = np.linspace(0, 1, n)[:, None, None]
    path: npt.NDArray[np.float64] = (1 - a) ** 2 * ends[0] + 2 * a * (1 - a) * ends[1] + a**2 * ends[2]
    return np.rint(path).astype(np.uint8)


def picture(images: npt.NDArray[np.uint8], n_rows: int = 1, codes: int = -1, cell: int = 0) -> FigureSeen:
    n = len(images)
    grid = images.reshape(n_rows, n // n_rows, 28, 28).swapaxes(1, 2).reshape(28 * n_rows, -1)
    image = {"shape": list(grid.shape), "ref": "p", "codes": [codes] * n}
    return FigureSeen(cell, {"n": 1, "axes": [{"images": [image]}]}, {"p": grid})


def latent(steps: list[int], rows: list[int], grad: bool) -> LayerSeen:
    none = np.zeros(0)
    return LayerSeen(
        0, "latent", 0, 2, 256, grad, grad, len(rows), np.array(rows), np.array(steps), none, none, none,
        None, None, (), True,
    )  # fmt: skip


def seen(*figures: FigureSeen, layers: tuple[LayerSeen, ...] = (), trains: bool = False) -> Evidence:
    training = (TrainingSeen(0, "step", "Adam", 40, {}),) if trains else ()
    observations = Observations((), (), figures, (), (), (), (), layers=layers, training=training)
    cells = (NotebookCell(0, "code", "work()", "", 0, None, None),)
    return Evidence(PART, cells, observations, ExecutionRecord(state="complete"), {}, {})


def test_a_digit_is_new_and_small() -> None:
    assert judge("v5.shown", seen(picture(tiles(1)))).fraction == 1
    assert "data set" in judge("v5.shown", seen(picture(tiles(1), codes=7))).message
    assert judge("v5.shown", seen(picture(tiles(25), 5))).fraction == 0
    assert judge("v5.shown", seen(picture(tiles(5)))).fraction == 0, "a path is no single digit"


@pytest.mark.parametrize(
    ("n_times", "n_each", "fraction"), [(5, 2, 1.0), (6, 2, 1.0), (5, 1, 0.5), (1, 2, 0.2), (3, 2, 0.6)]
)
def test_images_are_counted_by_the_times_of_the_training(n_times: int, n_each: int, fraction: float) -> None:
    figures = [picture(tiles(1, seed)) for seed in range(n_times * n_each)]
    steps = [step for time in range(n_times) for step in [10 * time] * n_each]
    layers = (
        latent([*steps, 60], [1] * len(steps), grad=False),
        latent(list(range(41)), [100] * 40, grad=True),
    )
    finding = judge("v6.digits", seen(*figures, layers=layers, trains=True))
    assert finding.fraction == pytest.approx(fraction), finding.message


def test_images_after_the_training_are_none_of_it() -> None:
    evidence = seen(picture(tiles(1), cell=3), trains=True)
    assert judge("v6.digits", evidence).fraction == 0
    layers = (latent([0, 0, 10, 10, 20, 20, 30, 30, 40, 40, 40], [1] * 10, grad=False),)
    later = seen(picture(tiles(10), 5, cell=3), layers=layers, trains=True)
    assert judge("v6.digits", later).fraction == 1, "kept in the training and drawn after it"
    assert judge("v6.digits", seen(trains=True)).status is Status.FAILED


def test_two_maps_differ_in_what_they_show() -> None:
    one, other = picture(tiles(25), 5), picture(tiles(25, 1), 5)
    assert judge("v7.maps", seen(one, other)).fraction == 1
    assert judge("v7.maps", seen(one)).fraction == 0.5
    assert "scale changes nothing" in judge("v7.maps", seen(one, one)).message
    assert judge("v7.maps", seen(picture(tiles(25), 5, codes=3))).fraction == 0
    clouds = [
        FigureSeen(0, {"axes": [{"scatters": [{"n": 500}], "xlim": [-s, s], "ylim": [-s, s]}]}, {})
        for s in (1.0, 4.0)
    ]
    assert judge("v7.maps", seen(*clouds)).fraction == 1
    assert judge("v7.maps", seen(clouds[0], one)).fraction == 0.5


def test_a_path_goes_step_by_step_through_codes() -> None:
    path = tiles(8)
    straight = seen(picture(path))
    assert judge("v8.shown", straight).fraction == 1
    assert judge("v8.codes", straight).fraction == 1
    a = np.linspace(0, 1, 8)[:, None, None]
    mixed = seen(picture(np.rint((1 - a) * path[0] + a * path[-1]).astype(np.uint8)))
    assert judge("v8.shown", mixed).fraction == 1
    assert "mixtures" in judge("v8.codes", mixed).message
    random = seen(picture(np.concatenate([tiles(1, seed) for seed in range(8)])))
    assert "step by step" in judge("v8.codes", random).message
    assert judge("v8.shown", seen(picture(tiles(4)))).fraction == pytest.approx(0.8)
    assert judge("v8.codes", seen(picture(tiles(4)))).untried
    assert judge("v8.shown", seen()).fraction == 0


def test_a_part_without_numbers_needs_no_runs_for_its_golden_file(tmp_path: Path) -> None:
    made = make_golden(ASSIGNMENT, PART, LocalExecutor(), 2, data=tmp_path)
    assert made.values == {}
    assert made.provenance["n_replicates"] == 0


def test_the_points_of_the_items() -> None:
    assert [(item.id, item.points) for item in PART.items] == [
        ("v1", 6), ("v2", 6), ("v3", 10), ("v4", 7), ("v5", 4), ("v6", 7), ("v7", 5), ("v8", 5),
    ]  # fmt: skip
