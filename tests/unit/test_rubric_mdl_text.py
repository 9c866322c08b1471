"""The rubric of mdl-gen's lecture 5 without a kernel: correct notebooks answer, mistakes are told by their check."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from kernel_asker import ask

import autograder.registered  # noqa: F401  # fills the registries
from autograder.checks.findings import Context, Finding
from autograder.golden import Golden
from autograder.probes.evidence import Evidence
from autograder.registry import CHECKS, find_assignment
from autograder.rendering import solution_source, style_sources
from autograder.rubric.loader import load_rubric
from autograder.rubric.model import PartSpec
from autograder.template import parse
from reference.mdl_gen.mutants_text import MUTANTS
from reference.stand_ins import grammar_text

ASSIGNMENT = find_assignment("mdl-gen")
SOLUTION = solution_source(ASSIGNMENT, "text")
STYLES = style_sources(ASSIGNMENT, "text")
SHORT = {
    "= 500": "= 2",
    "= 1_115_394": "= 4000",
    "= 1115394": "= 4000",
    ", 150": ", 8",
    ", 100,": ", 8,",
    ", 60)": ", 8)",
}
"""Numbers of the notebooks, and what takes seconds in their place."""


@cache
def part() -> PartSpec:
    """The part, whatever other parts the assignment has."""
    return next(one for one in load_rubric(ASSIGNMENT, ["text"]).parts if one.part == "text")


@cache
def checks() -> dict[str, tuple[str, str, dict[str, object]]]:
    """Check to its item, its name and its parameters; those of challenges."""
    return {
        check.id: (item.id, check.check, check.params)
        for item, check in part().checks()
        if "challenge" in check.params and "evidence" not in check.params
    }


def shortened(source: str, until: str = "x6") -> list[str]:
    """The code cells up to those of an item, with small numbers."""
    cells = [cell.source for cell in parse(source) if cell.kind == "code" and (cell.item or "") <= until]
    for long, short in SHORT.items():
        cells = [cell.replace(long, short) for cell in cells]
    return cells


def asked(folder: Path, source: str, *wanted: str, monkeypatch: pytest.MonkeyPatch) -> Evidence:
    mpl.use("Agg")
    monkeypatch.chdir(folder)
    (folder / "input.txt").write_text(grammar_text(4000, np.random.default_rng(0)), encoding="utf-8")
    keys = sorted({str(checks()[one][2]["challenge"]) for one in wanted})
    until = max([one[:2] for one in keys])
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    try:
        return ask(out, tuple(shortened(source, until)), {key: part().challenges[key] for key in keys})
    finally:
        plt.close("all")


def judge(check_id: str, evidence: Evidence) -> Finding:
    item, name, params = checks()[check_id]
    entry = CHECKS[name]
    finding = entry.function(evidence, entry.params.model_validate(params), Context(item, 1e-4, Golden()))
    assert isinstance(finding, Finding)
    return finding


REVEALED = {
    "blanks_lost": "x1.vocabulary",
    "small_letters": "x1.vocabulary",
    "decoded_off_by_one": "x1.back",
    "decoded_with_blanks": "x1.back",
    "bare_key_error": "x1.unknown",
    "unknown_left_out": "x1.unknown",
    "unknown_as_newline": "x1.unknown",
    "targets_not_shifted": "x2.shifted",
    "targets_shifted_back": "x2.shifted",
    "targets_shifted_twice": "x2.shifted",
    "targets_rolled": "x2.shifted",
    "bidirectional": "x3.causal",
    "gru_taken": "x3.lstm",
    "state_forgotten": "x3.state",
    "lstm_softmax": "x3.logits",
    "mask_missing": "x4.causal",
    "mask_inverted": "x4.causal",
    "mask_diagonal": "x4.attends",
    "positions_missing": "x4.positions",
    "attends_along_batch": "x4.batch",
    "transformer_softmax": "x4.logits",
    "perplexity_base_two": "x5.perplexity",
    "perplexity_of_windows": "x5.perplexity",
    "greedy_argmin": "x6.greedy",
    "greedy_first_position": "x6.greedy",
    "beam_of_logits": "x6.beam",
    "beam_of_last_scores": "x6.beam",
    "beam_of_one": "x6.beam",
    "beam_width_ignored": "x6.width",
    "beam_worst": "x6.beam",
    "beam_of_greedy_paths": "x6.beam",
    "temperature_multiplied": "x6.temperature",
    "temperature_ignored": "x6.temperature",
    "top_k_inverted": "x6.top_k",
    "top_k_ignored": "x6.top_k",
    "prompt_counted": "x6.length",
}
"""Mutant to the check that has to tell it."""


def test_the_solution_passes_every_check_that_calls_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = asked(tmp_path, SOLUTION, *checks(), monkeypatch=monkeypatch)
    found = {one: judge(one, evidence) for one in checks()}
    assert {key: one.message for key, one in found.items() if one.fraction < 1} == {}
    assert len(found) == 23


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files that nobody closes
@pytest.mark.parametrize("style", STYLES)
def test_other_styles_lose_nothing(style: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = asked(tmp_path, STYLES[style], *checks(), monkeypatch=monkeypatch)
    found = {one: judge(one, evidence) for one in checks()}
    assert {key: one.message for key, one in found.items() if one.fraction < 1 and not one.untried} == {}


@pytest.mark.parametrize("mutant", REVEALED)
def test_a_mistake_is_told_by_its_check(mutant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = MUTANTS[mutant].apply(SOLUTION)
    finding = judge(REVEALED[mutant], asked(tmp_path, source, REVEALED[mutant], monkeypatch=monkeypatch))
    assert finding.fraction < 1, finding.message
    assert not finding.untried
    assert MUTANTS[mutant].item == REVEALED[mutant].partition(".")[0]
