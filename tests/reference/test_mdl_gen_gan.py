"""The reference of mdl-gen's lab of lecture 3: networks, steps, counting; its notebook, mutants, styles and demo class."""

from __future__ import annotations

import ast
import copy
from collections import Counter

import numpy as np
import pytest
import torch

import autograder.registered  # noqa: F401  # fills the registries
from autograder.registry import find_assignment
from autograder.rendering import solution_source, style_sources, template_ipynb
from autograder.rubric.loader import load_rubric
from autograder.template import parse
from autograder.validation.trials import collect_trials
from reference import point_gans
from reference.mdl_gen import settings_gan
from reference.mdl_gen.demo import PARTS, demo_class
from reference.mdl_gen.mutants_gan import MUTANTS
from reference.mdl_gen.special_gan import SPECIALS
from reference.point_gans import (
    Critic,
    Discriminator,
    Generator,
    critic_generator_step,
    critic_step,
    discriminator_step,
    generator_step,
    modes_covered,
    ring_centres,
    ring_points,
)

ASSIGNMENT = find_assignment("mdl-gen")
PART = load_rubric(ASSIGNMENT, ["gan"]).parts[0]
SOLUTION = solution_source(ASSIGNMENT, "gan")
STYLES = style_sources(ASSIGNMENT, "gan")
ITEMS = tuple(f"g{n}" for n in range(1, 7))


# ------------------------------------------------------------------ the ring


def test_points_lie_around_all_eight_centres() -> None:
    torch.manual_seed(0)
    points = ring_points(4000)
    nearest = torch.cdist(points, ring_centres()).min(dim=1)
    shares = torch.bincount(nearest.indices, minlength=8) / 4000
    assert torch.all((shares - 0.125).abs() < 0.03)
    # The distance from the nearest centre has Rayleigh's law: its mean is sd * sqrt(pi / 2).
    assert float(nearest.values.mean()) == pytest.approx(0.1 * np.sqrt(np.pi / 2), rel=0.03)


def test_modes_are_counted_as_a_loop_counts_them() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        samples = rng.uniform(-2.3, 2.3, (70, 2))
        n = 0
        for k in range(8):
            centre = 2 * np.array([np.cos(np.pi * k / 4), np.sin(np.pi * k / 4)])
            n += np.sum(np.hypot(*(samples - centre).T) <= 0.3) >= 0.02 * 70
        assert modes_covered(torch.tensor(samples)) == n
    assert modes_covered(ring_centres()) == 8
    assert modes_covered(torch.zeros(10, 2)) == 0


# ------------------------------------------------------------------ steps


def networks() -> tuple[Generator, Discriminator, Critic]:
    torch.manual_seed(1)
    return Generator(), Discriminator(), Critic()


def moved(model: torch.nn.Module, before: torch.nn.Module) -> bool:
    pairs = zip(model.parameters(), before.parameters(), strict=True)
    return any(not torch.equal(one, other) for one, other in pairs)


def test_each_step_moves_its_own_network_down_its_loss() -> None:
    G, D, C = networks()
    real = ring_points(64)
    for network, other, step in (
        (D, G, lambda o: discriminator_step(G, D, o, real)),
        (G, D, lambda o: generator_step(G, D, o, 64)),
        (C, G, lambda o: critic_step(G, C, o, real)),
        (G, C, lambda o: critic_generator_step(G, C, o, 64)),
    ):
        kept = copy.deepcopy(network), copy.deepcopy(other)
        step(torch.optim.SGD(network.parameters(), lr=0.01))
        assert moved(network, kept[0])
        assert not moved(other, kept[1])


def test_losses_are_those_of_the_papers() -> None:
    G, D, C = networks()
    real = ring_points(32)

    def fakes() -> torch.Tensor:
        return G(torch.randn(32, 8)).detach()

    torch.manual_seed(5)
    seen = discriminator_step(G, D, torch.optim.SGD(D.parameters(), lr=0.0), real)
    torch.manual_seed(5)
    p_real, p_fake = torch.sigmoid(D(real)), torch.sigmoid(D(fakes()))
    assert seen == pytest.approx(float((-p_real.log().mean() - (1 - p_fake).log().mean()).detach()), rel=1e-5)
    torch.manual_seed(5)
    seen = generator_step(G, D, torch.optim.SGD(G.parameters(), lr=0.0), 32)
    assert seen == pytest.approx(
        float(-torch.sigmoid(D(networks_fakes(G, 5))).log().mean().detach()), rel=1e-5
    )
    torch.manual_seed(5)
    seen = critic_step(G, C, torch.optim.SGD(C.parameters(), lr=0.0), real, clip=10.0)
    torch.manual_seed(5)
    assert seen == pytest.approx(float((C(fakes()).mean() - C(real).mean()).detach()), rel=1e-5)


def networks_fakes(G: Generator, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return G(torch.randn(32, 8)).detach()


def test_the_critic_learns_a_distance_with_weights_that_are_clipped() -> None:
    G, _, C = networks()
    optimizer = torch.optim.RMSprop(C.parameters(), lr=1e-3)
    losses = [critic_step(G, C, optimizer, ring_points(64)) for _ in range(40)]
    assert losses[-1] < losses[0]
    limit = float(torch.tensor(0.1))  # in single precision, as the weights are
    assert max(float(weights.detach().abs().max()) for weights in C.parameters()) <= limit


def test_the_notebooks_numbers_are_those_of_the_reference() -> None:
    for line in (
        f"GAN_STEPS = {settings_gan.GAN_STEPS}",
        f"WGAN_STEPS = {settings_gan.WGAN_STEPS}",
        f"OTHER_STEPS = {settings_gan.OTHER_STEPS}",
        f"N_CRITIC, CLIP = {settings_gan.N_CRITIC}, {settings_gan.CLIP}",
        f"N_MODES, RADIUS, SD = {point_gans.N_MODES}, {point_gans.RADIUS}, {point_gans.SD}",
        f"WITHIN, LEAST_SHARE = {point_gans.WITHIN}, {point_gans.LEAST_SHARE}",
    ):
        assert line in SOLUTION
    checks = {check.id: check.params for _, check in PART.checks()}
    assert (checks["g4.match"]["within"], checks["g4.match"]["share"]) == (0.3, 0.02)
    assert checks["g5.clipped"]["limit"] == settings_gan.CLIP


# ------------------------------------------------------------------ notebooks


def test_mutants_are_one_mistake_each_in_every_item() -> None:
    for wrong in MUTANTS.values():
        right, changed = parse(SOLUTION), parse(wrong.apply(SOLUTION))
        differing = [cell for cell in changed if cell not in right] + [c for c in right if c not in changed]
        assert differing, wrong.id
        assert {cell.item for cell in differing} == {wrong.item}, wrong.id
        for cell in differing:
            if cell.kind == "code":
                ast.parse(cell.source)
    counts = Counter(wrong.item for wrong in MUTANTS.values())
    assert set(counts) == set(ITEMS)
    assert min(counts.values()) >= 2


def test_all_trials_fit_the_solution() -> None:
    kinds = Counter(trial.kind for trial in collect_trials(ASSIGNMENT, PART))
    assert kinds["style"] == len(STYLES) >= 4
    assert kinds["mutant"] == len(MUTANTS) >= 12
    for text in [*STYLES.values(), *(one.apply(SOLUTION) for one in SPECIALS.values())]:
        ast.parse(text)


def test_nothing_of_the_solution_is_in_the_template() -> None:
    template = template_ipynb(ASSIGNMENT, "gan")
    for secret in ("binary_cross_entropy", "zero_grad", "clamp_", "cdist", "nn.Linear", "detach"):
        assert secret in SOLUTION
        assert secret not in template


def test_the_demo_class_is_made_of_what_there_is() -> None:
    mutants = {name: one.apply for name, one in MUTANTS.items()}
    files = demo_class(SOLUTION, "# %%\n", mutants, STYLES, str.encode, "gan")
    students = {*PARTS["gan"].correct, *PARTS["gan"].wrong, "charles-babbage", "blaise-pascal"}
    assert {name.partition("/")[0] for name in files} >= students
    with pytest.raises(LookupError, match="template_filled"):
        demo_class(SOLUTION, "", mutants, {}, str.encode, "gan")
