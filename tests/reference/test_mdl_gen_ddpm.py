"""The DDPM lab of mdl-gen: its reference against closed forms, its mutants, styles and demo."""

from __future__ import annotations

import ast
from collections import Counter

import numpy as np
import pytest
import torch

import autograder.registered  # noqa: F401  # fills the registries
from autograder.registry import find_assignment
from autograder.rendering import solution_source, style_sources, template_ipynb
from autograder.rubric.loader import load_rubric
from autograder.stats.diffusion import linear_betas, schedule_of
from autograder.template import parse
from autograder.validation.trials import collect_trials
from reference.aml_a3.mutants import Mutant
from reference.diffusion import add_noise, make_schedule, noise_loss, reverse_step
from reference.mdl_gen.demo import PARTS, demo_class
from reference.mdl_gen.mutants_ddpm import MUTANTS
from reference.mdl_gen.settings_ddpm import BETA_END, BETA_START, N_STEPS
from reference.mdl_gen.special_ddpm import SPECIALS

ASSIGNMENT = find_assignment("mdl-gen")
(PART,) = load_rubric(ASSIGNMENT, ["ddpm"]).parts
SOLUTION = solution_source(ASSIGNMENT, "ddpm")
STYLES = style_sources(ASSIGNMENT, "ddpm")
SCHEDULE = schedule_of(linear_betas(N_STEPS, BETA_START, BETA_END), "the lab's")


class Fixed(torch.nn.Module):
    """Gives the same answer to everything."""

    def __init__(self, answer: torch.Tensor):
        super().__init__()
        self.answer = answer

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return self.answer


def test_noising_and_schedule_are_those_of_the_grader() -> None:
    betas, alphas, alpha_bars = make_schedule(N_STEPS, BETA_START, BETA_END)
    assert np.allclose(betas, SCHEDULE.betas, atol=1e-7)
    assert np.allclose(alphas, 1 - SCHEDULE.betas, atol=1e-6)
    assert np.allclose(alpha_bars, SCHEDULE.alpha_bars, rtol=1e-4)
    x0, noise, t = torch.randn(40, 2), torch.randn(40, 2), torch.randint(0, N_STEPS, (40,))
    signal, scale = SCHEDULE.factors()[t.numpy()].T
    right = signal[:, None] * x0.numpy() + scale[:, None] * noise.numpy()
    assert np.allclose(add_noise(x0, t, noise, alpha_bars), right, atol=1e-5)


def test_noising_has_the_law_of_all_steps_up_to_t_taken_one_by_one() -> None:
    torch.manual_seed(0)
    betas, _, alpha_bars = make_schedule(20, 0.01, 0.2)
    x = torch.full((40_000, 1), 2.0)
    for beta in betas:
        x = (1 - beta).sqrt() * x + beta.sqrt() * torch.randn_like(x)
    mean, variance = float(2 * alpha_bars[-1].sqrt()), float(1 - alpha_bars[-1])
    assert abs(float(x.mean()) - mean) < 5 * (variance / 40_000) ** 0.5
    assert abs(float(x.var()) / variance - 1) < 5 * (2 / 40_000) ** 0.5


def test_a_step_back_has_the_mean_of_the_grader_and_no_noise_at_last() -> None:
    torch.manual_seed(0)
    betas, _, alpha_bars = make_schedule(N_STEPS, BETA_START, BETA_END)
    x, answer = torch.randn(20_000, 2), torch.randn(20_000, 2)
    last = reverse_step(Fixed(answer), x, 0, betas, alpha_bars).numpy()
    assert np.allclose(last, SCHEDULE.reverse_means(x.numpy(), answer.numpy(), 0), atol=1e-4)
    rest = reverse_step(Fixed(answer), x, 60, betas, alpha_bars).numpy()
    rest = rest - SCHEDULE.reverse_means(x.numpy(), answer.numpy(), 60)
    assert abs(rest.mean()) < 5 * (SCHEDULE.betas[60] / rest.size) ** 0.5
    assert abs(rest.var() / SCHEDULE.betas[60] - 1) < 5 * (2 / rest.size) ** 0.5


def test_both_forms_of_the_mean_and_of_the_variance_agree_where_they_should() -> None:
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(2, 30, 2))
    for step in (0, 10, 60):
        wide = SCHEDULE.reverse_means(x, noise, step, clip=1e9)
        assert np.allclose(wide, SCHEDULE.reverse_means(x, noise, step), atol=1e-6)
    beta, posterior = SCHEDULE.variances
    assert posterior[0] == 0
    assert np.all(posterior < beta)
    assert np.allclose(posterior[-10:], beta[-10:], rtol=0.01)


def test_the_loss_of_a_perfect_prediction_is_that_of_its_own_noise() -> None:
    torch.manual_seed(0)
    _, _, alpha_bars = make_schedule(N_STEPS, BETA_START, BETA_END)
    loss = noise_loss(Fixed(torch.zeros(20_000, 2)), torch.zeros(20_000, 2), alpha_bars)
    assert abs(float(loss) - 1) < 5 * (2 / 40_000) ** 0.5


@pytest.mark.parametrize("wrong", MUTANTS.values(), ids=lambda one: one.id)
def test_mutant_changes_cells_of_its_item_only(wrong: Mutant) -> None:
    right, changed = parse(SOLUTION), parse(wrong.apply(SOLUTION))
    differing = [cell for cell in changed if cell not in right]
    assert differing
    assert {cell.item for cell in differing} == {wrong.item}
    for cell in differing:
        ast.parse(cell.source)


def test_there_are_mutants_styles_and_special_notebooks() -> None:
    counts = Counter(wrong.item for wrong in MUTANTS.values())
    assert set(counts) == {"d1", "d2", "d3", "d4", "d5", "d6"}
    assert min(counts.values()) >= 4
    kinds = Counter(trial.kind for trial in collect_trials(ASSIGNMENT, PART))
    assert kinds["style"] == len(STYLES) >= 5
    for text in [*STYLES.values(), *(one.apply(SOLUTION) for one in SPECIALS.values())]:
        for cell in parse(text):
            if cell.kind == "code":
                ast.parse(cell.source)


def test_nothing_of_the_solution_is_in_the_template() -> None:
    template = template_ipynb(ASSIGNMENT, "ddpm")
    for secret in ("cumprod", "randn_like", "nn.Embedding", "mse_loss", "zero_grad", "cross-attention"):
        assert secret in SOLUTION
        assert secret not in template


def test_the_demo_class_is_made_of_what_there_is() -> None:
    mutants = {name: one.apply for name, one in MUTANTS.items()}
    files = demo_class(SOLUTION, "", mutants, STYLES, lambda text: text.encode(), "ddpm")
    of_part = PARTS["ddpm"]
    assert len(files) == len(of_part.correct) + len(of_part.wrong) + 4
    assert all(name.endswith("/part_ddpm.ipynb") for name in files)
