"""What an open task shows: pairs, generated images, losses, outputs; of MNIST by its pixels, of other data by its size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from kernel_asker import evidence_of, part_of
from neural_specs import spec

from autograder.checks.findings import Context, Finding
from autograder.checks.shown_images import explorations, n_images
from autograder.checks.shown_results import printed_columns
from autograder.golden import Golden
from autograder.kernel_side.known_images import TEST, UNKNOWN
from autograder.probes.evidence import Evidence
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import Answer, FigureSeen, Leaf, Observations
from autograder.probes.paths import Path
from autograder.records import Status
from autograder.registry import CHECKS
from autograder.shortened import INJECTED

RNG = np.random.default_rng(0)
AUTOENCODER = spec("autoencoder", "uniform_numbers", "autoencoder", {})


def cell(index: int, item: str | None, printed: str = "", n: int = 0, source: str = "work()") -> NotebookCell:
    return NotebookCell(index, "code", source, printed, n, item, None)


def figure(at: int, *codes: int, size: int = 28) -> FigureSeen:
    """A figure with one row of different small images; codes say which of them are known."""
    picture = RNG.integers(0, 255, size=(size, size * len(codes)), dtype=np.uint8)
    image = {"ref": "p", "codes": list(codes) if size == 28 else [], "shape": list(picture.shape)}
    return FigureSeen(at, {"axes": [{"images": [image]}]}, {"p": picture})


def evidence(
    cells: list[NotebookCell],
    figures: list[FigureSeen],
    side: int = 28,
    n_examples: int = 9,
    has_learnt: bool = True,
) -> Evidence:
    """Evidence of a notebook whose autoencoder takes square images of a side, and gives them back or something grey."""
    x = RNG.uniform(size=(n_examples, side * side))
    y = x if has_learnt else 0 * x + 0.5
    leaves = tuple(
        Leaf(Path("result", ("models", 0.0, name)), 0, value, "ndarray", "float32")
        for name, value in (("x", x), ("y", y), ("sizes", np.array([5])))
    )
    answer = Answer("c", "0", "ok", "autoencoders", None, {}, "", leaves)
    seen = Observations(figures=tuple(figures), answers=(answer,))
    cases: dict[str, list[dict[str, Any]]] = {"c": [{"key": "0", "values": {}}]}
    return replace(evidence_of(part_of({"c": AUTOENCODER}), seen, cases), cells=tuple(cells))


def judge(check: str, seen: Evidence, **params: Any) -> Finding:
    entry = CHECKS[check]
    given = params if "items" in params else {"challenge": "c", "n": 2} | params
    given = {key: value for key, value in given.items() if key in entry.params.model_fields}
    found: Finding = entry.function(
        seen, entry.params.model_validate(given), Context("a2", 1e-3, Golden(), True)
    )
    return found


HERE = [cell(0, "a1"), cell(1, "a2", n=1)]


@pytest.mark.parametrize(
    ("codes", "fraction"),
    [
        ((TEST + 1, TEST + 2, UNKNOWN, UNKNOWN), 1.0),
        ((TEST + 1, UNKNOWN), 0.5),
        ((1, 2, UNKNOWN, UNKNOWN), 0.5),  # of the training set
        ((TEST + 1, TEST + 2), 0.0),  # nothing beside them
        ((1, TEST + 2, UNKNOWN, UNKNOWN), 1.0),
    ],
)
def test_pairs_of_known_images(codes: tuple[int, ...], fraction: float) -> None:
    assert judge("originals_are_shown", evidence(HERE, [figure(1, *codes)])).fraction == fraction


def test_pairs_may_be_in_two_figures_of_one_cell() -> None:
    apart = [figure(1, TEST + 1, TEST + 2), figure(1, UNKNOWN, UNKNOWN)]
    assert judge("originals_are_shown", evidence(HERE, apart)).fraction == 1.0


def test_reconstructions_alone_are_no_pairs() -> None:
    known = figure(0, 3, 4)  # elsewhere: so MNIST is recognised
    assert judge("originals_are_shown", evidence(HERE, [known, figure(1, UNKNOWN, UNKNOWN)])).fraction == 0.0


def test_of_other_data_the_number_of_images_tells() -> None:
    enough = evidence(HERE, [figure(1, *4 * [UNKNOWN], size=16)], side=16)
    assert judge("originals_are_shown", enough).fraction == 1.0
    few = evidence(HERE, [figure(1, UNKNOWN, UNKNOWN, size=16)], side=16)
    assert judge("originals_are_shown", few).fraction == 0.5
    none = evidence(HERE, [figure(1, UNKNOWN, size=17)], side=16)
    assert judge("originals_are_shown", none).status is Status.FAILED


def test_a_picture_that_nobody_followed_is_for_a_person() -> None:
    assert judge("originals_are_shown", evidence(HERE, [])).status is Status.REVIEW
    nothing = judge("originals_are_shown", evidence([cell(0, "a2")], []))
    assert nothing.missing


def test_generated_images_are_new_ones() -> None:
    known = figure(0, 3, UNKNOWN)
    assert judge("generated_are_shown", evidence(HERE, [known, figure(1, UNKNOWN, UNKNOWN)])).fraction == 1.0
    real = evidence(HERE, [figure(1, 5, 6)])
    assert judge("generated_are_shown", real).observed == "real images"
    pair = figure(0, 3, UNKNOWN, UNKNOWN)
    tiles = pair.arrays["p"][:, 28:]
    again = FigureSeen(
        1, {"axes": [{"images": [{"ref": "p", "codes": [-1, -1], "shape": [28, 56]}]}]}, {"p": tiles}
    )
    assert judge("generated_are_shown", evidence(HERE, [pair, again]), compared_in="a1").fraction == 0.0


def test_explorations_are_named_and_not_marked() -> None:
    cells = [cell(0, "a3", source="line = torch.lerp(a, b, t)\nnn.ConvTranspose2d(1, 2, 3)")]
    assert explorations(evidence(cells, [])) == ["convolutions", "interpolation between codes"]


@pytest.mark.parametrize(
    ("shape", "n"),
    [([16, 16], 1), ([32, 64], 8), ([16, 16, 3], 1), ([36, 36], 4), ([38, 56], 6), ([17, 16], 0), ([], 0)],
)
def test_images_fit_with_or_without_margins(shape: list[int], n: int) -> None:
    assert n_images(FigureSeen(0, {"axes": [{"images": [{"shape": shape}]}]}, {}), 16) == n


# ------------------------------------------------------------------ losses and outputs


def test_printed_lines_that_are_alike_are_columns() -> None:
    printed = "epoch 1: loss 9.25 (2 s)\nepoch 2: loss 7,001.5 (2 s)\nother 3.5\n"
    assert list(printed_columns(cell(0, None, printed))) == [[9.25, 7001.5]]


@pytest.mark.parametrize(
    ("printed", "passes"),
    [
        ("epoch 1 loss 9.5\nepoch 2 loss 3.1\n", True),
        ("epoch 1 loss 9.5\nepoch 2 loss 9.6\n", False),
        ("loss 3.1", False),
    ],
)
def test_a_printed_loss_counts_where_it_falls(printed: str, passes: bool) -> None:
    found = judge("loss_is_shown", evidence([cell(0, "a1", printed)], []), items=["a1"])
    assert (found.status is Status.PASSED) == passes


def test_in_a_shortened_training_no_loss_has_to_fall_yet() -> None:
    printed = cell(0, "a1", "epoch 1 loss 9.5\nepoch 2 loss 9.6\n", source=INJECTED)
    assert judge("loss_is_shown", evidence([printed], []), items=["a1"]).status is Status.REVIEW
    nothing = cell(0, "a1", "done\n", source=INJECTED)
    assert judge("loss_is_shown", evidence([nothing], []), items=["a1"]).status is Status.FAILED


def test_a_drawn_loss_counts_where_it_falls() -> None:
    for y, passes in (([3.0, 2.0, 1.0], True), ([1.0, 2.0], False)):
        drawn = FigureSeen(0, {"axes": [{"lines": [{"y": y, "n": len(y)}]}]}, {})
        found = judge("loss_is_shown", evidence([cell(0, "a1", n=1)], [drawn]), items=["a1"])
        assert (found.status is Status.PASSED) == passes


def test_stored_pictures_alone_are_for_a_person() -> None:
    assert judge("loss_is_shown", evidence([cell(0, "a1", n=2)], []), items=["a1"]).status is Status.REVIEW


def test_sections_without_outputs_are_named() -> None:
    cells = [cell(0, "a1", "3.5"), cell(1, "a2"), cell(2, "a2", n=1), cell(3, "a6"), cell(4, "a6")]
    found = judge("sections_show_outputs", evidence(cells, []), items=["a1", "a2", "a3", "a6"])
    assert found.fraction == pytest.approx(2 / 3)
    assert "from cell 4 on" in found.message
    assert judge("sections_show_outputs", evidence([], []), items=["a1"]).missing


def test_drawn_reconstructions_resemble_their_images_or_are_of_another_network() -> None:
    for noise, fraction in ((10, 1.0), (400, 0.0)):
        image = np.where(RNG.uniform(size=(28, 28)) > 0.8, 255.0, 0.0)
        rebuilt = (
            np.clip(image + noise * RNG.normal(size=image.shape), 0, 255) if noise < 100 else 127 + 0 * image
        )
        picture = np.hstack([image, rebuilt]).astype(np.uint8)
        drawn = {"ref": "p", "codes": [TEST + 1, UNKNOWN], "shape": [28, 56]}
        shown = FigureSeen(1, {"axes": [{"images": [drawn]}]}, {"p": picture})
        assert judge("shown_pairs_resemble", evidence(HERE, [shown])).fraction == fraction
        if noise == 400:  # no network of the notebook is better either, after so little training
            for has_learnt, status in ((True, Status.FAILED), (False, Status.REVIEW)):
                cells = [*HERE, cell(9, None, source=INJECTED)]
                short = evidence(cells, [shown], has_learnt=has_learnt)
                assert judge("shown_pairs_resemble", short).status is status


def test_of_other_data_nobody_knows_which_images_are_real() -> None:
    shown = figure(1, UNKNOWN, UNKNOWN, size=16)
    assert judge("shown_pairs_resemble", evidence(HERE, [shown], side=16)).untried


@pytest.mark.parametrize(
    ("items", "drawn_in", "passes"),
    [
        ((None, "a1"), 0, True),
        (("a1", None), 1, True),
        (("a1", "b1", None), 2, False),
        (("b1", "a1"), 0, False),
    ],
)
def test_a_loss_under_a_heading_of_its_own_belongs_to_what_stands_around_it(
    items: tuple[str | None, ...], drawn_in: int, passes: bool
) -> None:
    drawn = FigureSeen(drawn_in, {"axes": [{"lines": [{"y": [3.0, 2.0], "n": 2}]}]}, {})
    cells = [cell(at, item, n=int(at == drawn_in)) for at, item in enumerate(items)]
    found = judge("loss_is_shown", evidence(cells, [drawn]), items=["a1"])
    assert (found.status is Status.PASSED) == passes
