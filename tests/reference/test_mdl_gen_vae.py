"""Lab 1 of mdl-gen as a whole: its losses, mutants, styles, template, golden values and demo class."""

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
from reference.elbo_terms import beta_vae_loss, kl_divergence, reconstruction_loss, vae_loss
from reference.mdl_gen.demo import PARTS, demo_class
from reference.mdl_gen.mutants_vae import MUTANTS
from reference.mdl_gen.special_vae import SPECIALS

ASSIGNMENT = find_assignment("mdl-gen")
PART = load_rubric(ASSIGNMENT).part("vae")
SOLUTION = solution_source(ASSIGNMENT, "vae")
STYLES = style_sources(ASSIGNMENT, "vae")


def test_the_terms_are_the_closed_forms_of_torch() -> None:
    torch.manual_seed(0)
    p, x = torch.rand(3, 784), torch.rand(3, 784)
    mu, log_var = torch.randn(3, 2), torch.randn(3, 2)
    q = torch.distributions.Normal(mu, (0.5 * log_var).exp())
    kl = float(torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum() / 3)
    bce = float(torch.nn.functional.binary_cross_entropy(p, x, reduction="sum") / 3)
    assert float(kl_divergence(mu, log_var)) == pytest.approx(kl, rel=1e-5)
    assert float(reconstruction_loss(p, x)) == pytest.approx(bce, rel=1e-5)
    assert [float(one) for one in vae_loss(p, x, mu, log_var)] == pytest.approx([bce + kl, bce, kl], rel=1e-5)
    weighted = [float(one) for one in beta_vae_loss(p, x, mu, log_var, beta=4.0)]
    assert weighted == pytest.approx([bce + 4 * kl, bce, kl], rel=1e-5)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_changes_cells_of_its_item_only(name: str) -> None:
    wrong = MUTANTS[name]
    right, changed = parse(SOLUTION), parse(wrong.apply(SOLUTION))
    differing = [cell for cell in changed if cell not in right] + [
        cell for cell in right if cell not in changed
    ]
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
    template = template_ipynb(ASSIGNMENT, "vae")
    for secret in ("nn.Linear", "nn.Sigmoid", "zero_grad", "clamp", "optim.Adam", "torch.randn", "4 and 9"):
        assert secret in SOLUTION
        assert secret not in template


@pytest.mark.parametrize("kind", golden_kinds(PART))
def test_the_solution_falls_much_further_than_a_training_has_to(kind: str) -> None:
    """No level is asked for. The least fall that counts is far from what any replicate of the solution does."""
    found = read_golden(ASSIGNMENT.golden("vae", kind))  # type: ignore[arg-type]
    (by,) = (check.params["by"] for _, check in PART.checks() if check.check == "curve_falls")
    first, last = (found.value(f"v5.{end}").replicates for end in ("first", "last"))
    assert first is not None
    assert last is not None
    assert last.maximum < first.minimum * (1 - 5 * by)


def test_the_demo_class_is_made_of_what_there_is() -> None:
    mutants = {name: one.apply for name, one in MUTANTS.items()}
    files = demo_class(SOLUTION, "", mutants, STYLES, str.encode, "vae")
    assert set(PARTS["vae"].correct) <= {name.partition("/")[0] for name in files}
    assert all(name.endswith("/part_vae.ipynb") for name in files)
    with pytest.raises(LookupError, match="needs the style"):
        demo_class(SOLUTION, "", mutants, {}, str.encode, "vae")
