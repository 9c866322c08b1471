"""The rubric of part c on the reference: the solution satisfies every probe, and mistakes are told from it."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import get_args

import matplotlib as mpl
import numpy as np
import pytest
from kernel_asker import ask

import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
from autograder.checks.findings import Context, Finding
from autograder.golden import Golden
from autograder.judging import is_random
from autograder.probes.challenges import draw_cases
from autograder.probes.evidence import Evidence, gather
from autograder.probes.observations import read_observations
from autograder.records import ExecutionRecord
from autograder.registry import CHECKS, find_assignment
from autograder.rubric.loader import load_rubric
from autograder.rubric.model import ChallengeKey, CheckSpec, PartSpec
from autograder.template import inline, parse, solution, to_percent
from reference.aml_a3.budgets import with_budget
from reference.aml_a3.mutants_c import MUTANTS
from reference.stand_ins import grammar_text

ROOT = Path(__file__).parents[2]
CHALLENGE = get_args(ChallengeKey)[1]
ALONE = ("texts_are_printed",)
"""Checks of a challenge that need what a kernel records beside its answers."""


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> PartSpec:
    """Part c, read as the only part of its assignment."""
    assignment = find_assignment("aml-a3")
    folder = tmp_path_factory.mktemp("rubric")
    shutil.copy(assignment.rubric.with_name("part_c.yaml"), folder)
    head = 'schema: 1\nassignment: aml-a3\ntitle: "c alone"\nparts: [part_c.yaml]\n'
    (folder / "rubric.yaml").write_text(head, encoding="utf-8")
    return load_rubric(replace(assignment, rubric=folder / "rubric.yaml")).parts[0]


@cache
def solution_text() -> str:
    def load(module: str) -> str:
        return (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")

    return to_percent(solution(tuple(inline(tuple(parse(load("reference.aml_a3.notebook_c"))), load))))


def probed(checks: Collection[CheckSpec]) -> list[CheckSpec]:
    """The checks that challenges alone decide."""
    keys = [(check, CHECKS[check.check].params.model_fields) for check in checks]
    return [
        check
        for check, fields in keys
        if check.check not in ALONE
        and any(CHALLENGE in field.metadata for field in fields.values())
        and check.check not in ("trains_on_split", "loss_in_bands")
    ]


def seen(part: PartSpec, source: str, folder: Path, keys: Collection[str]) -> Evidence:
    """The evidence of a notebook that is run here on a text of a few thousand characters."""
    mpl.use("Agg")
    (folder / "input.txt").write_text(
        grammar_text(6_000, np.random.default_rng(0)), encoding="utf-8", newline="\n"
    )
    cells = [cell.source for cell in parse(with_budget(source)) if cell.kind == "code"]
    wanted = {key: spec for key, spec in part.challenges.items() if key in keys}
    out = folder / "out"
    out.mkdir()
    ask(out, tuple(cells), wanted)
    cases = {key: draw_cases(spec, "s", "content", key) for key, spec in wanted.items()}
    return gather(part, (), read_observations(out), ExecutionRecord(state="complete"), cases, {})


def found(part: PartSpec, check: CheckSpec, evidence: Evidence) -> Finding:
    n_random = sum(is_random(one) for _, one in part.checks())
    entry = CHECKS[check.check]
    context = Context(check.id.split(".")[0], part.false_fail_rate / n_random, Golden())
    result = entry.function(evidence, entry.params.model_validate(check.params), context)
    assert isinstance(result, Finding)
    return result


def test_the_solution_satisfies_every_probe(
    part: PartSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checks = probed([check for _, check in part.checks()])
    assert len(checks) >= 18
    evidence = seen(part, solution_text(), tmp_path, part.challenges)
    lost = {c.id: one.message for c in checks if (one := found(part, c, evidence)).fraction < 1}
    assert not lost


CAUGHT = {
    "heads_merged_wrongly": ("c1.model", "c1.model"),
    "clipping_missing": ("c1.step", "c1.step"),
    "text_lowered": ("c1.vocabulary", "c1.trained"),
    "perplexity_of_training": ("c2.final", "c1.trained"),
    "temperature_ignored": ("c3.temperature", "c3.warm"),
    "generated_untrained": ("c3.text_greedy", "c1.trained"),
}


@pytest.mark.parametrize("name", CAUGHT)
def test_mistakes_are_seen_without_a_long_training(
    name: str, part: PartSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check_id, key = CAUGHT[name]
    check = next(check for _, check in part.checks() if check.id == check_id)
    evidence = seen(part, MUTANTS[name].apply(solution_text()), tmp_path, {key})
    assert found(part, check, evidence).fraction < 1
