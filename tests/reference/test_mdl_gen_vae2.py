"""Lab 2 of mdl-gen as a whole: its networks, mutants, styles, template, golden values and demo class."""

from __future__ import annotations

import ast

import pytest
import torch

import autograder.registered  # noqa: F401  # fills the registries
from autograder.golden import read_golden
from autograder.lint import golden_kinds
from autograder.registry import find_assignment
from autograder.rendering import solution_source, style_sources, template_ipynb
from autograder.rubric.loader import load_rubric
from autograder.template import parse
from reference.convolutional_autoencoders import ConditionalVAE, ConvVAE, conv_size, transposed_conv_size
from reference.mdl_gen.demo import PARTS, demo_class
from reference.mdl_gen.mutants_vae2 import MUTANTS
from reference.mdl_gen.special_vae2 import SPECIALS

ASSIGNMENT = find_assignment("mdl-gen")
PART = load_rubric(ASSIGNMENT).part("vae2")
SOLUTION = solution_source(ASSIGNMENT, "vae2")
STYLES = style_sources(ASSIGNMENT, "vae2")


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"), [(28, 4, 2, 1), (17, 5, 3, 2), (9, 2, 2, 1)]
)
def test_sizes_are_those_of_torch(size: int, kernel: int, stride: int, padding: int) -> None:
    image = torch.zeros(1, 1, size, size)
    down = torch.nn.Conv2d(1, 1, kernel, stride, padding)(image)
    up = torch.nn.ConvTranspose2d(1, 1, kernel, stride, padding)(image)
    assert down.shape[-1] == conv_size(size, kernel, stride, padding)
    assert up.shape[-1] == transposed_conv_size(size, kernel, stride, padding)


def test_networks_have_the_shapes_that_they_say() -> None:
    x, y = torch.rand(3, 1, 28, 28), torch.tensor([0, 5, 9])
    for given in (ConvVAE(8)(x), ConditionalVAE(8)(x, y)):
        assert [tuple(one.shape) for one in given] == [(3, 1, 28, 28), (3, 8), (3, 8)]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_changes_cells_of_its_item_only(name: str) -> None:
    wrong = MUTANTS[name]
    right, changed = parse(SOLUTION), parse(wrong.apply(SOLUTION))
    differing = [cell for cell in changed if cell not in right] + [c for c in right if c not in changed]
    assert {cell.item for cell in differing} == {wrong.item}
    for cell in differing:
        ast.parse(cell.source)


def test_every_item_has_a_mistake_that_can_be_revealed() -> None:
    found = [one.item for one in MUTANTS.values() if one.unrevealable is None]
    assert set(found) == {item.id for item in PART.items}
    assert len(found) >= 12


def test_special_notebooks_and_styles_parse() -> None:
    assert len(STYLES) >= 4
    for text in [*(one.apply(SOLUTION) for one in SPECIALS.values()), *STYLES.values()]:
        ast.parse(text)


def test_nothing_of_the_solution_is_in_the_template() -> None:
    template = template_ipynb(ASSIGNMENT, "vae2")
    for secret in (
        "nn.Conv2d",
        "ConvTranspose2d",
        "zero_grad",
        "// stride",
        "beta * kl",
        "one_hot",
        "disentangled",
    ):
        assert secret in SOLUTION
        assert secret not in template


@pytest.mark.parametrize("kind", golden_kinds(PART))
def test_the_replicates_move_much_further_with_beta_than_is_asked_for(kind: str) -> None:
    found = read_golden(ASSIGNMENT.golden("vae2", kind))  # type: ignore[arg-type]
    ends = {}
    for name in ("kl_first", "kl_last", "reconstruction_first", "reconstruction_last"):
        ends[name] = found.value(f"w5.{name}").replicates
        assert ends[name] is not None
    assert ends["kl_last"].maximum < 0.5 * ends["kl_first"].minimum  # type: ignore[union-attr]
    assert ends["reconstruction_first"].maximum < 0.9 * ends["reconstruction_last"].minimum  # type: ignore[union-attr]


def test_the_demo_class_is_made_of_what_there_is() -> None:
    mutants = {name: one.apply for name, one in MUTANTS.items()}
    files = demo_class(SOLUTION, "", mutants, STYLES, str.encode, "vae2")
    assert set(PARTS["vae2"].correct) <= {name.partition("/")[0] for name in files}
    assert all(name.endswith("/part_vae2.ipynb") for name in files)
