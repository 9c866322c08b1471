"""The rubric of part b on the definitions of the reference's notebook: right ones pass, typical mistakes are told.

Nothing is trained: only the cells that define networks and functions are run, and the part's challenges put to them.
"""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import pytest
from kernel_asker import ask

import autograder.registered  # noqa: F401  # fills the registries
from autograder.checks.findings import Context, Finding
from autograder.golden import Golden
from autograder.judging import has_any_work
from autograder.kernel_side.torchvision_shim import declare_operators
from autograder.registry import CHECKS, find_assignment
from autograder.rendering import solution_source, template_ipynb
from autograder.rubric.loader import load_rubric
from autograder.rubric.model import PartSpec
from autograder.template import parse
from reference.aml_a3.mutants_b import MUTANTS

REVEALED = {
    "latent_size_wrong": "b1.size",
    "log_var_rectified": "b1.layers",
    "batch_norm_added": "b1.size",
    "sample_detached": "b1.reaches",
    "encoder_relu_missing": "b1.network",
    "one_head_for_both": "b1.reaches",
    "variance_as_deviation": "b1.network",
    "noise_missing": "b1.sample",
    "kl_without_half": "b1.loss",
    "kl_mean_over_latent": "b1.loss",
    "kl_not_in_total": "b1.loss",
    "sigmoid_twice": "b1.loss",
    "tanh_missing": "b3.generator",
    "noise_size_wrong": "b3.generator_size",
    "discriminator_sigmoid": "b3.discriminator",
    "dropout_once": "b3.dropout",
    "smoothing_on_both": "b3.targets",
    "minimax_loss": "b3.generator_update",
    "generator_gradients_kept": "b3.cleared",
    "average_pooling": "b5.network",
    "is_kl_summed": "b5.is",
    "fid_without_root": "b5.fid",
}
"""Mutant to the check that has to tell it."""


@functools.cache
def part_b() -> PartSpec:
    """Part b, read as the only part of its assignment."""
    assignment = find_assignment("aml-a3")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(assignment.rubric.with_name("part_b.yaml"), folder)
        head = 'schema: 1\nassignment: aml-a3\ntitle: "b alone"\nparts: [part_b.yaml]\n'
        alone = Path(folder) / "rubric.yaml"
        alone.write_text(head, encoding="utf-8")
        return load_rubric(replace(assignment, rubric=alone)).parts[0]


def definitions(source: str) -> tuple[str, ...]:
    """The code cells of a notebook that define what is called: no data, no figures, no training."""
    code = [cell.source for cell in parse(source) if cell.kind == "code"]
    return tuple(cell for cell in code if ("def " in cell or "import " in cell) and "plt." not in cell)


def findings(folder: Path, source: str, *only: str) -> dict[str, Finding]:
    """What the checks say that call something (those named, or all)."""
    declare_operators()
    mpl.use("Agg")
    part = part_b()
    called = [(item, check) for item, check in part.checks() if "challenge" in check.params]
    chosen = [(item, check) for item, check in called if not only or check.id in only]
    keys = {str(check.params["challenge"]) for _, check in chosen}
    evidence = ask(folder, definitions(source), {key: part.challenges[key] for key in sorted(keys)})
    found = {}
    for item, check in chosen:
        entry = CHECKS[check.check]
        context = Context(item.id, 1e-4, Golden())
        found[check.id] = entry.function(evidence, entry.params.model_validate(check.params), context)
    return found


def test_solution_passes_every_check_that_calls_it(tmp_path: Path) -> None:
    found = findings(tmp_path, solution_source(find_assignment("aml-a3"), "b"))
    assert len(found) >= 18
    assert {key: one.message for key, one in found.items() if one.fraction < 1} == {}


@pytest.mark.parametrize("mutant", REVEALED)
def test_mistake_is_told_by_its_check(mutant: str, tmp_path: Path) -> None:
    source = MUTANTS[mutant].apply(solution_source(find_assignment("aml-a3"), "b"))
    (finding,) = findings(tmp_path, source, REVEALED[mutant]).values()
    assert finding.fraction < 1, finding.message
    assert not finding.untried


def test_every_mutant_that_is_tried_belongs_to_the_item_of_its_check() -> None:
    assert {name: MUTANTS[name].item for name in REVEALED} == {
        name: check.partition(".")[0] for name, check in REVEALED.items()
    }


def test_an_item_of_the_sheet_has_its_points() -> None:
    assert [(item.id, item.points) for item in part_b().items] == [
        ("b1", 10), ("b2", 10), ("b3", 10), ("b4", 10), ("b5", 20),
    ]  # fmt: skip


def test_one_layer_may_give_mean_and_log_variance(tmp_path: Path) -> None:
    style = find_assignment("aml-a3").reference / "styles" / "b" / "few_cells.py"
    source = style.read_text(encoding="utf-8")
    model = source[source.index("class VAE(nn.Module)") : source.index("def vae_loss(")]
    head = "import torch\nfrom torch import nn\n"
    part = part_b()
    evidence = ask(tmp_path, (f"{head}{model}\nmodel = VAE()",), {"b1.vae": part.challenges["b1.vae"]})
    for _, check in part.checks():
        if check.params.get("challenge") == "b1.vae":
            entry = CHECKS[check.check]
            finding = entry.function(
                evidence, entry.params.model_validate(check.params), Context("b1", 1e-4, Golden())
            )
            assert finding.fraction == 1, finding.message


def test_template_holds_no_work(tmp_path: Path) -> None:
    cells = json.loads(template_ipynb(find_assignment("aml-a3"), "b"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    own = [cell for cell in code if ("def " in cell or "import " in cell) and "plt." not in cell]
    assert any("class VAE" in cell for cell in own)
    mpl.use("Agg")
    declare_operators()
    assert not has_any_work(ask(tmp_path, tuple(own), part_b().challenges))


def test_networks_without_classes_and_a_step_that_brings_images_into_range(tmp_path: Path) -> None:
    style = find_assignment("aml-a3").reference / "styles" / "b" / "sequential_networks.py"
    source = style.read_text(encoding="utf-8")
    parts = [
        source[source.index("enc = nn.Sequential") : source.index("def run_vae(")],
        source[source.index("G = nn.Sequential") : source.index("# Training. The grids of the fixed noise")],
    ]
    head = "import torch\nfrom torch import nn\n"
    code = head + "\n".join(line for part in parts for line in part.splitlines() if not line.startswith("#"))
    challenges = {
        key: spec for key, spec in part_b().challenges.items() if key in ("b1.vae", "b1.decoder", "b3.step")
    }
    evidence = ask(tmp_path, (code,), challenges)
    for item, check in part_b().checks():
        if check.params.get("challenge") in challenges:
            entry = CHECKS[check.check]
            context = Context(item.id, 1e-4, Golden())
            finding = entry.function(evidence, entry.params.model_validate(check.params), context)
            assert finding.untried or finding.fraction == 1, finding.message
            assert not finding.untried or item.id == "b1"  # the decoder takes the points of the whole
            assert not finding.untried or check.id != "b1.decoder"
