"""The rubric of mdl-gen's lab of lecture 3 without any training: what is called, and samples made by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from evidence_builder import bound, figure
from kernel_asker import ask

import autograder.registered  # noqa: F401  # fills the registries
from autograder.checks.findings import Context, Finding, MissingEvidence
from autograder.golden import Golden, StoredCase, StoredChallenge, StoredOutput
from autograder.probes.evidence import Bound, Evidence
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import Observations
from autograder.probes.training import TrainingSeen
from autograder.records import ExecutionRecord, Status
from autograder.registry import CHECKS, find_assignment
from autograder.rendering import solution_source, style_sources
from autograder.rubric.loader import load_rubric
from autograder.template import parse
from reference.mdl_gen.mutants_gan import MUTANTS
from reference.point_gans import modes_covered

ASSIGNMENT = find_assignment("mdl-gen")
PART = load_rubric(ASSIGNMENT, ["gan"]).parts[0]
SOLUTION = solution_source(ASSIGNMENT, "gan")
CHECK_OF = {check.id: (item.id, check) for item, check in PART.checks()}
CALLED = [one for one, (_, check) in CHECK_OF.items() if "challenge" in check.params and one != "g3.modes"]

REVEALED = {
    "sigmoid_before_logits_loss": "g1.fits",
    "two_classes": "g1.discriminator",
    "tanh_at_the_end": "g1.generator",
    "layer_without_use": "g1.reaches",
    "layer_in_a_list": "g1.reaches_d",
    "labels_exchanged": "g2.discriminator",
    "only_real": "g2.discriminator",
    "only_fakes": "g2.discriminator",
    "fakes_weigh_ten_times": "g2.discriminator",
    "wasserstein_without_clipping": "g2.discriminator",
    "saturating": "g2.generator",
    "generator_wants_to_be_found": "g2.generator",
    "generator_detached": "g2.generator",
    "generator_step_moves_both": "g2.leaves",
    "discriminator_step_moves_both": "g2.reaches",
    "not_detached_cleared_late": "g2.reaches",
    "not_detached_not_cleared": "g2.cleared",
    "generator_not_cleared": "g2.cleared",
    "discriminator_not_cleared": "g2.cleared",
    "critic_with_sigmoid": "g5.unbounded",
    "critic_sign": "g5.critic",
    "critic_sum": "g5.critic",
    "critic_cross_entropy": "g5.critic",
    "generator_sign": "g5.generator",
}
"""Mutant to the check that has to tell it."""
LOGITS = TrainingSeen(0, "loss", "binary_cross_entropy_with_logits", 9)


def judge(check_id: str, evidence: Evidence, **changes: Any) -> Finding:
    item, check = CHECK_OF[check_id]
    entry = CHECKS[check.check]
    finding = entry.function(
        evidence, entry.params.model_validate(check.params | changes), Context(item, 1e-4, Golden())
    )
    assert isinstance(finding, Finding)
    return finding


def asked(folder: Path, source: str, *checks: str) -> Evidence:
    """What the functions and classes of a notebook answer: its cells without those that train and draw."""
    unwanted = ("plt.show", "while step <")
    cells = [cell.source for cell in parse(source) if cell.kind == "code"]
    code = [cell for cell in cells if not any(word in cell for word in unwanted)]
    keys = {str(CHECK_OF[one][1].params["challenge"]) for one in checks}
    found = ask(folder, tuple(code), {key: PART.challenges[key] for key in sorted(keys)})
    observations = dataclasses.replace(found.observations, training=(LOGITS,))
    return dataclasses.replace(found, observations=observations)


def test_the_solution_passes_all_that_is_called(tmp_path: Path) -> None:
    evidence = asked(tmp_path, SOLUTION, *CALLED)
    for check in CALLED:
        found = judge(check, evidence)
        assert found.fraction == 1.0, f"{check}: {found.message}"


@pytest.mark.parametrize("name", REVEALED)
def test_a_mistake_is_told_by_its_own_check(name: str, tmp_path: Path) -> None:
    check = REVEALED[name]
    found = judge(check, asked(tmp_path, MUTANTS[name].apply(SOLUTION), check))
    assert found.status is Status.FAILED, found.message


def test_exchanged_signs_of_both_networks_are_accepted(tmp_path: Path) -> None:
    source = MUTANTS["generator_sign"].apply(MUTANTS["critic_sign"].apply(SOLUTION))
    evidence = asked(tmp_path, source, "g5.critic", "g5.generator")
    for check in ("g5.critic", "g5.generator"):
        found = judge(check, evidence)
        assert found.fraction == 1.0
        assert "the same training" in found.notes[0]


def test_one_step_of_the_generator_may_hold_those_of_the_critic(tmp_path: Path) -> None:
    source = style_sources(ASSIGNMENT, "gan")["template_filled"]
    checks = [one for one in CALLED if one.startswith(("g2", "g5"))]
    evidence = asked(tmp_path, source, *checks)
    for check in checks:
        found = judge(check, evidence)
        assert found.fraction == 1.0 or found.untried, f"{check}: {found.message}"


PROBABILITIES = """
import torch
from torch import nn
bce = nn.BCELoss()
def krok_generatora(n, gen, dys, optymalizator):
    strata = bce(dys(gen(torch.randn(n, 2))), torch.ones(n, 1))
    optymalizator.zero_grad()
    strata.backward()
    optymalizator.step()
    return float(strata)
"""


def test_a_loss_of_probabilities_is_not_read_as_one_of_logits(tmp_path: Path) -> None:
    # A logit of 0.3 passes for a probability, and -1/p for a straight line in sigmoid(p).
    for secret in "abcdefgh":
        (tmp_path / secret).mkdir()
        evidence = ask(
            tmp_path / secret, (PROBABILITIES,), {"g2.step": PART.challenges["g2.step"]}, secret=secret
        )
        found = judge("g2.generator", evidence)
        assert found.fraction == 1.0, found.message


COUNTS = """
import torch
turns = torch.arange(8) * torch.pi / 4
centres = 2 * torch.stack([turns.cos(), turns.sin()], 1)
def count_modes(samples):
    near = torch.cdist(samples, centres) <= 0.3
    return (near.float().mean(dim=0) >= 0.02).sum()
"""


@pytest.mark.parametrize(("source", "fraction"), [(COUNTS, 1.0), (COUNTS.replace("0.02", "0.05"), 0.0)])
def test_counting_is_compared_in_single_precision_too(source: str, fraction: float, tmp_path: Path) -> None:
    evidence = ask(tmp_path, (source,), {"g3.modes": PART.challenges["g3.modes"]})
    cases = []
    for case, values in evidence.called["g3.modes"].cases.items():
        n = float(modes_covered(torch.tensor(values["samples"])))
        cases.append(StoredCase(case=case, outputs=(StoredOutput(path="result", shape=(), values=(n,)),)))
    golden = Golden(answers={"g3.modes": StoredChallenge(secret="s", cases=tuple(cases))})
    check = CHECKS["function_gives"]
    params = check.params.model_validate(CHECK_OF["g3.modes"][1].params)
    found = check.function(evidence, params, Context("g3", 1e-4, golden))
    assert isinstance(found, Finding)
    assert found.fraction == fraction


# ------------------------------------------------------------------ where samples lie


def with_values(training: tuple[TrainingSeen, ...] = (), **values: Any) -> Evidence:
    found = {key.replace("_", ".", 1): bound(value) for key, value in values.items()}
    observations = Observations((), (), (), (), (), (), (), training=training)
    return Evidence(PART, (), observations, ExecutionRecord(state="complete"), found, {})


def around(n_modes: int, sd: float = 0.1) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(0)
    angles = 2 * np.pi * rng.integers(n_modes, size=2000) / 8
    return 2 * np.column_stack([np.cos(angles), np.sin(angles)]) + rng.normal(0, sd, (2000, 2))


def test_samples_near_modes_pass_and_those_far_away_fail() -> None:
    assert judge("g4.near", with_values(g4_samples=around(3))).fraction == 1.0
    assert judge("g4.near", with_values(g4_samples=around(8, 0.5))).fraction == 1.0
    assert judge("g4.near", with_values(g4_samples=np.zeros((500, 2)))).status is Status.REVIEW
    assert judge("g4.near", with_values(g4_samples=1e3 * around(8))).status is Status.FAILED
    assert judge("g4.near", with_values(g4_samples=np.full((500, 2), np.nan))).status is Status.FAILED
    with pytest.raises(MissingEvidence):
        judge("g4.near", with_values())


def test_the_reported_number_of_modes_is_compared_with_the_samples() -> None:
    for n in (1, 3, 8):
        assert judge("g4.match", with_values(g4_samples=around(n), g4_count=n)).fraction == 1.0
        assert judge("g4.match", with_values(g4_samples=around(n), g4_count=n - 1)).status is Status.FAILED
    assert judge("g4.match", with_values(g4_count=3)).untried


def in_cell(value: Any, cell: int) -> Bound:
    held = bound(value)
    assert held.leaf is not None
    return dataclasses.replace(held, leaf=dataclasses.replace(held.leaf, cell=cell))


def test_what_was_there_before_any_training_are_no_samples_of_it() -> None:
    trained = (TrainingSeen(3, "step", "Adam", 400, {"number": 0}),)
    for cell, is_taken in ((2, False), (3, True), (4, True)):
        seen = with_values(trained, g4_samples=in_cell(around(3), cell), g4_count=2)
        assert (judge("g4.match", seen).status is Status.FAILED) == is_taken
        if is_taken:
            assert judge("g4.near", seen).fraction == 1.0
        else:
            assert judge("g4.match", seen).untried
            with pytest.raises(MissingEvidence):
                judge("g4.near", seen)


def test_samples_of_a_section_are_younger_than_its_own_training() -> None:
    sections = tuple(NotebookCell(at, "code", "", "", 0, "g4" if at > 3 else "g2", None) for at in range(6))
    trained = tuple(TrainingSeen(at, "step", "Adam", 400, {"number": at}) for at in (3, 5))
    for cell, is_taken in ((4, False), (5, True)):
        seen = with_values(trained, g4_samples=in_cell(around(3), cell), g4_count=2)
        found = judge("g4.match", dataclasses.replace(seen, cells=sections))
        assert (found.status is Status.FAILED) == is_taken


# ------------------------------------------------------------------ how the critic is trained


def steps(number: int, n: int, largest: float = 0.8, at: int = 1) -> TrainingSeen:
    seen = {"number": number, "largest_weight": largest, "at_largest": at, "weights_looked_at": 59}
    return TrainingSeen(0, "step", "RMSprop", n, seen)


def test_a_limit_that_weights_are_at_is_clipping() -> None:
    gan = (steps(0, 400), steps(1, 400))
    for limit in (0.01, 0.1, 0.5):
        assert judge("g5.clipped", with_values((*gan, steps(3, 2000, limit, 59)))).fraction == 1.0
    for wrong in (steps(3, 2000), steps(3, 2000, 0.05, 1), steps(3, 2000, 5.0, 59)):
        assert judge("g5.clipped", with_values((*gan, wrong))).status is Status.FAILED
    assert judge("g5.clipped", with_values()).status is Status.FAILED


def test_the_clipped_network_makes_more_updates_than_its_neighbour() -> None:
    gan = (steps(0, 4000), steps(1, 4000))

    def ratio(*more: TrainingSeen) -> Finding:
        return judge("g5.often", with_values((*gan, *more)))

    assert ratio(steps(2, 400), steps(3, 2000, 0.1, 59)).fraction == 1.0
    assert ratio(steps(2, 2000, 0.1, 59), steps(3, 400)).fraction == 1.0
    assert ratio(steps(2, 400), steps(3, 400, 0.1, 59)).status is Status.FAILED
    assert ratio(steps(2, 2000), steps(3, 400, 0.1, 59)).status is Status.FAILED
    assert ratio(steps(2, 400), steps(3, 2000)).fraction == 1.0  # the missing clipping costs its own marks


def test_a_further_training_is_one_in_the_section_or_by_further_optimizers() -> None:
    trained = tuple(steps(number, 400) for number in range(6))
    assert judge("g6.trained", with_values(trained)).fraction == 1.0
    assert judge("g6.trained", with_values(trained[:4])).status is Status.FAILED
    own = dataclasses.replace(
        with_values(trained[:4]), cells=(NotebookCell(0, "code", "", "", 0, "g6", None),)
    )
    assert judge("g6.trained", own).fraction == 1.0


# ------------------------------------------------------------------ pictures


def scatter_of(*clouds: npt.NDArray[np.float64]) -> Evidence:
    arrays = {f"cloud{at}": cloud for at, cloud in enumerate(clouds)}
    drawn = figure(arrays=arrays, scatters=[{"n": len(arrays[name]), "ref": name} for name in arrays])
    seen = with_values(g4_points=around(8))
    return dataclasses.replace(seen, observations=dataclasses.replace(seen.observations, figures=(drawn,)))


def test_samples_are_told_from_the_data() -> None:
    data, samples = around(8), around(8) + 0.01
    assert judge("g4.scatter", scatter_of(data[:1000], samples)).fraction == 1.0
    assert judge("g4.scatter", scatter_of(data[:1000])).status is Status.FAILED
    assert judge("g4.scatter", scatter_of(samples[:20])).status is Status.FAILED
