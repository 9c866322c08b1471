"""The committed golden values of part a: where they come from, and that two sources agree on each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from rubric_keys import golden_keys
from scipy import stats

from autograder.errors import UsageError
from autograder.golden import Golden, GoldenValue, read_golden
from autograder.goldens import truths_of
from autograder.grading import Course
from autograder.registry import find_assignment
from reference.aml_a3.settings import N_ACCEPT, N_IMPORTANCE, SIGMA, STEP_SIZES, C
from reference.samplers import (
    importance_sample,
    metropolis_hastings,
    mixture_density,
    mixture_log_density,
    proposal_log_density,
)

COURSE = Course.load("aml-a3", ["a"])
PART = COURSE.rubric.parts[0]
GOLDEN = COURSE.goldens["a"]
PATH = find_assignment("aml-a3").golden("a")
AGREE = 4.5
"""Standard errors that two correct sources may differ by: more happens once in 150,000 comparisons."""


def truth(key: str) -> float:
    value = GOLDEN.value(key).truth
    assert value is not None
    return value


def sd(key: str) -> float:
    value = GOLDEN.value(key).sd
    assert value is not None
    return value


# ------------------------------------------------------------------ provenance


def test_provenance_says_what_made_the_file() -> None:
    assert (GOLDEN.assignment, GOLDEN.part) == ("aml-a3", "a")
    assert set(GOLDEN.provenance) >= {
        "made",
        "engine",
        "reference_sha256",
        "n_replicates",
        "seed_shift",
        "data",
        "versions",
        "machine",
    }
    assert {"numpy", "scipy", "torch"} <= set(GOLDEN.provenance["versions"])
    assert len(GOLDEN.provenance["reference_sha256"]) == 64
    assert all(value.source for value in GOLDEN.values.values())


def test_every_value_has_the_replicates_that_provenance_names() -> None:
    held = [value.replicates for value in GOLDEN.values.values() if value.replicates is not None]
    assert held
    assert {one.n for one in held} == {GOLDEN.provenance["n_replicates"]}
    assert all(one.minimum <= one.mean <= one.maximum for one in held)
    assert all(value.truth is not None or value.replicates is not None for value in GOLDEN.values.values())


def test_every_golden_key_of_the_rubric_exists() -> None:
    used = {key for _, check in PART.checks() for key in golden_keys(check.params)}
    tables = {key for key in used if key not in GOLDEN.values}
    steps = [f"[{step:g}]" for step in STEP_SIZES]
    assert used
    for key in tables | set(PART.summaries):  # one value a step size
        assert all(f"{key}{step}" in GOLDEN.values for step in steps), key
    for key in tables | set(PART.summaries):
        assert all(GOLDEN.value(f"{key}{step}").replicates is not None for step in steps), key


# ---------------------------------------------------------------- two sources


def test_stored_truths_are_those_of_the_formulas_today() -> None:
    derived = truths_of(PART)
    assert {key for key, value in GOLDEN.values.items() if value.truth is not None} == set(derived)
    for key, value in derived.items():
        assert GOLDEN.value(key).truth == pytest.approx(value.truth, rel=1e-6), key
        assert (GOLDEN.value(key).sd is None) == (value.sd is None), key
        if value.sd is not None:
            assert GOLDEN.value(key).sd == pytest.approx(value.sd, rel=1e-6), key


BOTH = sorted(
    key for key, value in GOLDEN.values.items() if value.truth is not None and value.replicates is not None
)


def test_enough_values_have_two_sources() -> None:
    assert {"a2.rate", "a3.mean", "a3.ess", "a4.rates[0.5]"} <= set(BOTH)


@pytest.mark.parametrize("key", BOTH)
def test_replicates_agree_with_the_truth(key: str) -> None:
    """The mean of the replicates is within its error, and their spread is the theory's (chi-square, 1e-4)."""
    value = GOLDEN.value(key)
    assert value.truth is not None
    assert value.replicates is not None
    n = value.replicates.n
    spread = value.sd if value.sd is not None else value.replicates.sd
    assert abs(value.replicates.mean - value.truth) <= AGREE * spread / np.sqrt(n)
    if value.sd is not None:
        low, high = stats.chi2.ppf([5e-5, 1 - 5e-5], n - 1)
        assert low <= (n - 1) * (value.replicates.sd / value.sd) ** 2 <= high


def test_the_replicated_variance_is_one_of_the_accepted_conventions() -> None:
    replicates = GOLDEN.value("a3.variance").replicates
    assert replicates is not None
    error = sd("a3.population") / np.sqrt(replicates.n)
    assert abs(replicates.mean - truth("a3.population")) <= AGREE * error


# ------------------------------------------------- simulated here once more


def test_the_rate_of_rejection_agrees_with_plain_simulation() -> None:
    """E_q[min(1, p/(c q))] by 400,000 draws of q, from the formula itself and not by the sampler."""
    x = SIGMA * np.random.default_rng(11).standard_normal((400_000, 2))
    accepted = np.minimum(1.0, mixture_density(x) / (C * np.exp(proposal_log_density(x, SIGMA))))
    assert abs(accepted.mean() - truth("a2.rate")) <= AGREE * accepted.std() / np.sqrt(len(x))
    rate = truth("a2.rate")
    assert sd("a2.rate") == pytest.approx(rate * np.sqrt((1 - rate) / N_ACCEPT), rel=1e-9)


def test_the_envelope_is_the_largest_ratio_on_a_fine_grid() -> None:
    axis = np.linspace(-8, 8, 801)
    x = np.stack(np.meshgrid(axis, axis), axis=-1)
    ratio = np.exp(mixture_log_density(x) - proposal_log_density(x, SIGMA))
    assert ratio.max() <= truth("a2.envelope")
    assert ratio.max() == pytest.approx(truth("a2.envelope"), rel=1e-3)
    assert truth("a2.envelope") > C  # the erratum of the sheet


def test_importance_sampling_agrees_with_simulation() -> None:
    """24 runs of the sheet's size: mean and spread of every estimate, each convention of the variance."""
    n_runs = 24
    seen: dict[str, list[float]] = {
        name: [] for name in ("mean", "ess", "population", "estimator", "per_ess")
    }
    for seed in range(n_runs):
        x, log_w = importance_sample(
            mixture_log_density, N_IMPORTANCE, SIGMA, np.random.default_rng([7, seed])
        )
        w = np.exp(log_w - log_w.max())
        w /= w.sum()
        f = x[:, 0] ** 2 + np.sin(x[:, 1])
        mean = float(w @ f)
        variance, ess = float(w @ (f - mean) ** 2), float(1 / (w @ w))
        found = (mean, ess, variance, float(w**2 @ (f - mean) ** 2), variance / ess)
        for name, number in zip(seen, found, strict=True):
            seen[name].append(number)
    low, high = stats.chi2.ppf([5e-5, 1 - 5e-5], n_runs - 1)
    for name, numbers in seen.items():
        key = f"a3.{name}"
        assert abs(np.mean(numbers) - truth(key)) <= AGREE * sd(key) / np.sqrt(n_runs), name
        assert low <= (n_runs - 1) * np.var(numbers, ddof=1) / sd(key) ** 2 <= high, name


@pytest.mark.parametrize("step", STEP_SIZES)
def test_acceptance_at_stationarity_agrees_with_one_step_from_the_target(step: float) -> None:
    """One proposal from each of 200,000 exact draws of the mixture: no chain, so no mixing to wait for."""
    rng = np.random.default_rng(13)
    spec = PART.truths["a4.rates"].params["target"]
    which = rng.choice(3, size=200_000, p=spec["weights"])
    roots = np.linalg.cholesky(np.array(spec["covariances"]))
    x = np.array(spec["means"])[which] + np.einsum(
        "nij,nj->ni", roots[which], rng.standard_normal((200_000, 2))
    )
    log_ratio = mixture_log_density(x + step * rng.standard_normal(x.shape)) - mixture_log_density(x)
    accepted = np.exp(np.minimum(0.0, log_ratio))
    error = accepted.std() / np.sqrt(len(x))
    assert abs(accepted.mean() - truth(f"a4.rates[{step:g}]")) <= AGREE * error + 2e-4  # of the quadrature


def test_a_chain_of_the_reference_has_the_golden_rate() -> None:
    """Batch means of 20 stretches of a chain of 20,000 give the error; 6 of them are allowed."""
    chain, rate = metropolis_hastings(
        mixture_log_density, 20_000, 1.5, np.zeros(2), np.random.default_rng(17)
    )
    moved = np.any(np.diff(chain, axis=0) != 0, axis=1)[: 20 * 999].reshape(20, -1).mean(axis=1)
    assert abs(rate - truth("a4.rates[1.5]")) <= 6 * moved.std(ddof=1) / np.sqrt(20)


# -------------------------------------------------------------- missing, damaged


def test_a_missing_golden_is_an_error_that_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is missing; make it with: autograder golden"):
        read_golden(tmp_path / "part_a.json")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"values": 3}', '{"unknown": 1}', '{"values": {"a": {"truth": "x"}}}']
)
def test_a_damaged_golden_is_an_error_that_says_what_to_run(text: str, tmp_path: Path) -> None:
    path = tmp_path / "part_a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"(?s)is damaged .*autograder golden"):
        read_golden(path)


def test_a_golden_file_cut_short_is_damaged(tmp_path: Path) -> None:
    text = PATH.read_text(encoding="utf-8")
    path = tmp_path / "part_a.json"
    for share in (0.1, 0.5, 0.99):
        path.write_text(text[: int(share * len(text))], encoding="utf-8")
        with pytest.raises(UsageError, match="damaged"):
            read_golden(path)


def test_a_course_without_its_golden_is_not_graded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = PATH.parents[3]
    for name in ("rubrics", "reference", "student_template"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("AUTOGRADER_CONTENT", str(tmp_path))
    find_assignment("aml-a3").golden("a").unlink()
    with pytest.raises(UsageError, match="autograder golden"):
        Course.load("aml-a3", ["a"])


def test_an_unknown_key_names_the_nearest_and_the_command() -> None:
    with pytest.raises(UsageError, match=r"(?s)'a2\.rat'.*a2\.rate.*autograder golden aml-a3 --part a"):
        GOLDEN.value("a2.rat")


def test_the_file_is_what_a_record_writes() -> None:
    """Nothing was edited in by hand that a reading would drop or change."""
    stored = json.loads(PATH.read_text(encoding="utf-8"))
    assert Golden.model_validate(stored).model_dump(mode="json") == stored
    assert list(stored["values"]) == sorted(stored["values"])
    assert isinstance(GOLDEN.value("a2.rate"), GoldenValue)
