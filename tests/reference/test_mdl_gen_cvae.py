"""The reference of the cVAE assignment: its notebook, its mutants and styles."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from autograder.image_truths import OfImages, classes_of_images
from autograder.registry import find_assignment
from autograder.rendering import solution_source, style_sources, template_ipynb
from autograder.rubric.loader import load_rubric
from autograder.template import parse
from autograder.validation.trials import collect_trials
from reference.aml_a3.mutants import Mutant
from reference.conditional_autoencoders import CVAE, cvae_loss, generate
from reference.data import load_mnist
from reference.mdl_gen import stand_ins
from reference.mdl_gen.demo import PARTS, demo_class
from reference.mdl_gen.mutants_cvae import MUTANTS
from reference.mdl_gen.special_cvae import SPECIALS

ASSIGNMENT = find_assignment("mdl-gen")
SOLUTION = solution_source(ASSIGNMENT, "cvae")
STYLES = style_sources(ASSIGNMENT, "cvae")
ITEMS = {f"k{n}" for n in range(1, 10)} | {"clarity"}
ELSEWHERE = ("nothing_said", "cell_fails", "classes_shuffled")
"""Mutants whose mistake does not stand in a cell of the item that it costs."""


@pytest.mark.parametrize("wrong", MUTANTS.values(), ids=lambda one: one.id)
def test_mutant_changes_cells_of_its_item_only(wrong: Mutant) -> None:
    right, changed = parse(SOLUTION), parse(wrong.apply(SOLUTION))
    differing = [cell for cell in changed if cell not in right] + [c for c in right if c not in changed]
    assert differing
    if wrong.id not in ELSEWHERE:
        assert {cell.item for cell in differing} == {wrong.item}
    for cell in differing:
        if cell.kind == "code":
            ast.parse(cell.source)


def test_there_are_mutants_of_every_item() -> None:
    assert {wrong.item for wrong in MUTANTS.values()} == ITEMS
    assert len(MUTANTS) >= 12


def test_all_trials_fit_the_solution() -> None:
    trials = collect_trials(ASSIGNMENT, load_rubric(ASSIGNMENT, ["cvae"]).parts[0])
    kinds = Counter(trial.kind for trial in trials)
    assert kinds["style"] == len(STYLES) >= 5
    assert kinds["mutant"] == len(MUTANTS)
    assert {one.part for one in SPECIALS.values()} == {"cvae"}


@pytest.mark.parametrize("name", STYLES)
def test_styles_are_complete_notebooks(name: str) -> None:
    code = "\n".join(cell.source for cell in parse(STYLES[name]) if cell.kind == "code")
    ast.parse(code)
    for needed in ("MNIST", "step()", "backward()", "imshow"):
        assert needed in code


def test_nothing_of_the_solution_is_in_the_template() -> None:
    template = template_ipynb(ASSIGNMENT, "cvae")
    for secret in (
        "one_hot",
        "torch.cat",
        "nn.Sigmoid",
        "zero_grad",
        "binary_cross_entropy(",
        "Grace Hopper",
    ):
        assert secret in SOLUTION
        assert secret not in template


def test_the_demo_class_is_whole() -> None:
    mutants = {name: one.apply for name, one in MUTANTS.items()}
    files = demo_class(SOLUTION, "# %%\n", mutants, STYLES, str.encode)
    part = PARTS["cvae"]
    assert {Path(name).parent.name for name in files} >= {*part.correct, *part.wrong, "blaise-pascal"}
    with pytest.raises(LookupError, match="tutorial"):
        demo_class(SOLUTION, "", mutants, {}, str.encode)


# ------------------------------------------------------------------ the model


def test_the_loss_is_the_closed_form_of_two_gaussians() -> None:
    torch.manual_seed(0)
    p, x = torch.rand(3, 784), torch.rand(3, 784)
    mu, log_var = torch.randn(3, 2), torch.randn(3, 2)
    kl = kl_divergence(Normal(mu, (0.5 * log_var).exp()), Normal(0.0, 1.0)).sum()
    bce = torch.nn.functional.binary_cross_entropy(p, x, reduction="sum")
    loss = cvae_loss(p, x, mu, log_var)
    assert float(loss.total) == pytest.approx(float(bce + kl) / 3, rel=1e-5)
    assert float(loss.reconstruction_nll + loss.kl) == pytest.approx(float(loss.total))


def test_both_networks_are_told_the_class() -> None:
    torch.manual_seed(0)
    model, x = CVAE(n_latent=3), torch.rand(2, 784)
    y, other = torch.tensor([1, 2]), torch.tensor([1, 7])
    means, others = model.encoder(x, y)[0], model.encoder(x, other)[0]
    assert torch.equal(means[0], others[0])
    assert not torch.equal(means[1], others[1])
    z = torch.randn(2, 3)
    images, changed = generate(model, y, z), generate(model, other, z)
    assert torch.equal(images[0], changed[0])
    assert not torch.equal(images[1], changed[1])
    assert generate(model, y).shape == (2, 784)


def test_what_is_known_without_a_model_agrees_with_torch(tmp_path: Path) -> None:
    stand_ins.write(tmp_path)
    found = classes_of_images(OfImages(), tmp_path)
    train = load_mnist(tmp_path, "train")
    x, y = train.pixels.flatten(1), train.labels
    means = torch.stack([x[y == digit].mean(dim=0) for digit in range(10)])[y]
    errors = (x - means).square().sum(dim=1).mean()
    nats = torch.nn.functional.binary_cross_entropy(means.clamp(1e-6, 1 - 1e-6), x, reduction="sum") / len(x)
    assert found[".squared_error"].truth == pytest.approx(float(errors), rel=1e-4)
    assert found[".cross_entropy"].truth == pytest.approx(float(nats), rel=1e-4)
    floor = torch.nn.functional.binary_cross_entropy(x, x, reduction="sum") / len(x)
    assert found[".entropy"].truth == pytest.approx(float(floor), rel=1e-3)
    assert np.shape(found[".discriminant"].numbers) == (1970,)
