"""The checks of figures: what is drawn counts, what is drawn wrongly counts by its share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from evidence_builder import code, evidence, figure, line, passes, run

from autograder.probes.notebooks import NotebookCell
from autograder.records import CellError, CellRecord, Status

Array = np.ndarray
CHAIN = np.cumsum(np.random.default_rng(3).standard_normal((3000, 2)), axis=0)
ACF = 0.81 ** np.arange(51.0)


def contour(low: float = -6.0, high: float = 6.0, n: int = 200) -> dict[str, Any]:
    return {"filled": False, "shape": [n, n], "xmin": low, "xmax": high, "ymin": low, "ymax": high}


def drawn(**axes: Any) -> Any:
    return evidence(figures=[figure(**axes)])


# -------------------------------------------------------------------- contour


def test_the_contour_over_the_prescribed_mesh_passes() -> None:
    assert passes(run("a1.contour", drawn(contours=[contour()])))
    # One point more, or the ends left out by one step: legitimate readings of 200 points on [-6, 6].
    assert passes(run("a1.contour", drawn(contours=[contour(n=201)])))
    assert passes(run("a1.contour", drawn(contours=[contour(-6.0, 5.94)])))


@pytest.mark.parametrize(
    ("wrong", "fraction", "said"),
    [
        (contour(-5.0, 5.0), 0.75, "its mesh covers [-5.0, 5.0] × [-5.0, 5.0]"),
        (contour(n=100), 0.75, "its mesh has 100 × 100 points"),
        (contour(-4.0, 4.0, 50), 0.5, "50 × 50"),
        ({"filled": True}, 0.5, "its mesh"),
    ],
)
def test_another_mesh_costs_a_quarter_for_each_part(wrong: Any, fraction: float, said: str) -> None:
    finding = run("a1.contour", drawn(contours=[wrong]))
    assert finding.fraction == fraction
    assert said in finding.message


def test_the_best_contour_counts_and_no_contour_fails() -> None:
    assert passes(run("a1.contour", drawn(contours=[contour(-5, 5), contour()])))
    assert run("a1.contour", drawn(lines=[line(ACF)])).status is Status.FAILED
    assert run("a1.contour", evidence()).status is Status.FAILED


def test_a_picture_whose_drawing_was_not_seen_is_left_to_a_person() -> None:
    picture = NotebookCell(0, "code", "show()", "", 1, "a1", None)
    assert run("a1.contour", evidence(cells=[picture])).status is Status.REVIEW


def test_a_cell_that_stopped_is_named() -> None:
    record = CellRecord(index=4, status="error", error=CellError(name="NameError", message="name 'Z'\nmore"))
    stopped = NotebookCell(4, "code", "plot(Z)", "", 0, "a1", record)
    finding = run("a1.contour", evidence(cells=[stopped]))
    assert "cell 5 stopped with NameError: name 'Z'" in finding.message


def test_figures_of_other_sections_do_not_count() -> None:
    cells = [code("a1 work", 0, "a1"), code("a2 work", 1, "a2")]
    over_draws = figure(1, contours=[contour()], scatters=[scatter(10_000)])
    elsewhere = evidence(cells=cells, figures=[over_draws])
    assert run("a1.contour", elsewhere).status is Status.FAILED
    assert passes(run("a1.contour", evidence(cells=cells, figures=[figure(0, contours=[contour()])])))


# -------------------------------------------------------------------- scatter


def scatter(n: int) -> dict[str, Any]:
    return {"n": n, "xmin": -4, "xmax": 4, "ymin": -4, "ymax": 4}


def test_a_scatter_over_the_contour_passes_and_alone_it_is_half() -> None:
    assert passes(run("a2.scatter", drawn(scatters=[scatter(10_000)], contours=[contour()])))
    points = line(CHAIN[:, 1], CHAIN[:, 0])  # plt.plot(x, y, ".")
    assert passes(run("a2.scatter", drawn(lines=[points], contours=[contour()])))
    assert passes(run("a2.scatter", drawn(scatters=[scatter(10_000)], images=[{"shape": [200, 200]}])))
    alone = run("a2.scatter", drawn(scatters=[scatter(10_000)]))
    assert alone.fraction == 0.5
    assert "not over the contour" in alone.message
    assert passes(run("a5.scatter", drawn(scatters=[scatter(9_000)])))


def test_few_points_and_traces_are_no_scatter() -> None:
    for axes in ({"scatters": [scatter(50)]}, {"lines": [line(CHAIN[:, 0])]}, {"contours": [contour()]}):
        assert run("a2.scatter", drawn(**axes)).status is Status.FAILED


def test_two_figures_beside_each_other_are_half() -> None:
    both = evidence(figures=[figure(contours=[contour()]), figure(scatters=[scatter(10_000)])])
    assert run("a2.scatter", both).fraction == 0.5


# ---------------------------------------------------------------------- trace


def trace(y: Array, **values: Any) -> Any:
    held = values if values else {"a4.chains": {0.5: CHAIN}}
    return run("a4.trace", evidence(held, figures=[figure(lines=[line(y)])]))


def test_the_trace_of_x1_passes_whole_thinned_or_cut() -> None:
    for y in (CHAIN[:, 0], CHAIN[::5, 0], CHAIN[:1000, 0], CHAIN[:, 0].astype(np.float32).astype(float)):
        finding = trace(y)
        if y.dtype == float and np.isin(y, CHAIN).all():
            assert passes(finding)
    assert passes(trace(CHAIN[:, 0], **{"a4.draws": {0.5: CHAIN}}))


def test_the_trace_of_x2_is_named() -> None:
    finding = trace(CHAIN[:, 1])
    assert finding.status is Status.FAILED
    assert "that of x₂" in finding.message


def test_other_lines_fail_and_without_a_chain_any_trace_counts() -> None:
    finding = trace(np.sin(np.arange(3000)))
    assert "No line follows x₁ of the chain for s = 0.5" in finding.message
    assert trace(CHAIN[:50, 0]).status is Status.FAILED  # too short
    assert passes(run("a4.trace", drawn(lines=[line(CHAIN[:, 0])])))
    other_step = trace(CHAIN[:, 0], **{"a4.chains": {0.5: CHAIN + 1.0, 1.5: CHAIN}})
    assert other_step.status is Status.FAILED


# ------------------------------------------------------------------------ ACF


@pytest.mark.parametrize("kind", ["bars", "stems", "lines", "vlines"])
def test_an_autocorrelation_drawn_in_any_way_passes(kind: str) -> None:
    axes: dict[str, Any] = {
        "bars": {"bars": {"n": 51, "heights": ACF.tolist()}},
        "stems": {"stems": [{"n": 51, "y": ACF.tolist()}]},
        "lines": {"lines": [line(ACF)]},
        "vlines": {"vlines": [{"n": 51, "y": ACF.tolist()}]},
    }[kind]
    for check in ("a4.acf_drawn", "a5.acf_drawn"):
        assert passes(run(check, drawn(**axes)))


def test_an_autocorrelation_that_stops_before_is_half() -> None:
    finding = run("a4.acf_drawn", drawn(lines=[line(ACF[:21])]))
    assert finding.fraction == 0.5
    assert "up to lag 20 only" in finding.message


def test_a_wrong_autocorrelation_that_is_drawn_as_reported_counts_as_drawn() -> None:
    covariance = 3.0 * ACF
    axes = figure(lines=[line(covariance)])
    assert passes(run("a4.acf_drawn", evidence({"a4.acf": covariance}, figures=[axes])))
    assert run("a4.acf_drawn", evidence(figures=[axes])).status is Status.FAILED


@pytest.mark.parametrize("y", [CHAIN[:60, 0] * 10, np.ones(51), np.zeros(51), np.full(51, np.nan), ACF[:3]])
def test_other_lines_are_no_autocorrelation(y: Array) -> None:
    assert run("a4.acf_drawn", drawn(lines=[line(y)])).status is Status.FAILED
