"""gdl-ca5, notebook 5.1: its renderings, golden values, mutants, styles and special notebooks."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from notebook_runs import ROOT, load_source

import autograder.registered  # noqa: F401  # fills the registries
from autograder.golden import read_golden
from autograder.registry import find_assignment
from autograder.rendering import solution_source, style_sources, template_ipynb
from autograder.rubric.loader import load_rubric
from autograder.template import Cell, inline, parse, template, to_percent
from autograder.validation.trials import collect_trials
from reference.gdl_ca5 import settings
from reference.gdl_ca5.demo import PARTS, demo_class
from reference.gdl_ca5.mutants_p51 import MUTANTS
from reference.gdl_ca5.special_p51 import SPECIALS
from reference.recurrent import ElmanRNN, RnnLM, generate, next_token_loss
from reference.story_texts import load_stories, made_stories

ASSIGNMENT = find_assignment("gdl-ca5", ROOT)
RUBRIC = load_rubric(ASSIGNMENT)
PART = RUBRIC.part("p51")
SOLUTION = solution_source(ASSIGNMENT, "p51")
SOURCE = parse(load_source("reference.gdl_ca5.notebook_p51"))
STYLES = style_sources(ASSIGNMENT, "p51")


def code_of(cell: Cell) -> str:
    return cell.source if cell.kind == "code" else ""


def test_the_committed_template_is_the_rendered_one() -> None:
    committed = (ASSIGNMENT.student_template / "part_p51.ipynb").read_text(encoding="utf-8")
    assert committed == template_ipynb(ASSIGNMENT, "p51")


def test_the_template_gives_no_answer_away() -> None:
    shown = to_percent(template(inline(SOURCE, load_source)))
    for secret in (
        "nn.Linear",
        "tanh(self",
        "zero_grad",
        "multinomial",
        "masked_fill",
        "2DH",
        "SentencePieceTrainer",
        "1/c",
    ):
        assert secret not in shown, secret


def test_points_are_those_of_the_sheet() -> None:
    points = {item.id: item.points for item in PART.items}
    assert PART.points == 60 == sum(points[one] for one in ("r1", "r2", "t1", "t2", "s1", "s2"))
    assert (points["r1"], points["r2"]) == settings.RNN_POINTS
    assert (points["t1"], points["t2"]) == settings.TRANSFORMER_POINTS
    assert (points["s1"], points["s2"]) == settings.SUBWORD_POINTS
    extra = {item.id: item.points for item in PART.items if item.extra}
    assert extra == {"r3": settings.MULTI_LAYER_EXTRA, "s3": settings.SUBWORD_TRANSFORMER_EXTRA}


def test_the_budget_cell_holds_the_settings_and_is_shortened() -> None:
    (cell,) = [cell for cell in SOURCE if "parameters" in cell.tags]
    values = [int(number) for number in re.findall(r"= ([\d_]+)", cell.source)]
    assert values == [
        settings.N_CHARACTERS,
        settings.N_STEPS,
        settings.WINDOW_LENGTH,
        settings.WINDOW_BATCH_SIZE,
        settings.VOCAB_SIZE,
    ]
    short = PART.values_of("short")
    assert settings.N_STEPS in short
    assert not {settings.VOCAB_SIZE, settings.WINDOW_LENGTH, 1000, 2000, 4000, 8000} & set(
        short
    )  # sizes of vocabularies


@pytest.mark.parametrize("kind", ["full", "short"])
def test_every_model_of_the_solution_falls_much_further_than_it_has_to(kind: str) -> None:
    """No level is asked for. The least fall that counts is far from what any replicate of the solution does."""
    golden = read_golden(ASSIGNMENT.golden("p51", kind))  # type: ignore[arg-type]
    assert golden.provenance["n_replicates"] >= 2
    by = {check.params["by"] for _, check in PART.checks() if check.check == "curve_falls"}
    first = golden.value("r1.first").replicates
    assert first is not None
    for name in ("r1.last", "t1.last"):
        last = golden.value(name).replicates
        assert last is not None
        assert last.maximum < first.minimum * (1 - 5 * max(by)), name


# ------------------------------------------------------------------ mutants, styles, special notebooks, demo


def test_mutants_change_cells_of_their_item_only() -> None:
    right = parse(SOLUTION)
    for wrong in MUTANTS.values():
        changed = parse(wrong.apply(SOLUTION))
        differing = [
            cell for cell, before in zip(changed, right, strict=True) if cell.source != before.source
        ]
        assert {cell.item for cell in differing} == {wrong.item}, wrong.name
        for cell in differing:
            ast.parse(code_of(cell))


def test_all_trials_fit_the_solution() -> None:
    kinds = Counter(trial.kind for trial in collect_trials(ASSIGNMENT, PART))
    assert kinds["style"] == len(STYLES) >= 4
    assert kinds["mutant"] == len(MUTANTS) >= 12
    assert {one.item for one in MUTANTS.values()} == {item.id for item in PART.items}
    assert {one.part for one in SPECIALS.values()} == {"p51"}


@pytest.mark.parametrize("name", STYLES)
def test_styles_are_notebooks_of_their_own(name: str) -> None:
    cells = parse(STYLES[name])
    for cell in cells:
        ast.parse(code_of(cell))
    assert sum("parameters" in cell.tags for cell in cells) == 1
    assert not re.search(r"import autograder|from reference|TODO", STYLES[name])


def test_the_demo_class_is_made_of_what_there_is() -> None:
    mutants = {name: one.apply for name, one in MUTANTS.items()}
    files = demo_class(SOLUTION, "# %%\n", mutants, STYLES, lambda source: source.encode(), "p51")
    assert "grace-hopper/Grace_5.1_LanguageModels.ipynb" in files
    wrong = PARTS["p51"].wrong
    assert len({MUTANTS[name].item for name in wrong.values()}) == len(wrong) == 4


# ------------------------------------------------------------------ recurrent networks


def test_the_unrolled_cell_is_that_of_torch() -> None:
    ours, theirs = ElmanRNN(5, 7, 2), torch.nn.RNN(5, 7, num_layers=2, batch_first=True)
    with torch.no_grad():
        for layer, cell in enumerate(ours.cells):
            getattr(theirs, f"weight_ih_l{layer}").copy_(cell.input.weight)  # type: ignore[union-attr,arg-type]
            getattr(theirs, f"weight_hh_l{layer}").copy_(cell.recurrent.weight)  # type: ignore[union-attr,arg-type]
            getattr(theirs, f"bias_ih_l{layer}").copy_(cell.input.bias)  # type: ignore[union-attr,arg-type]
            getattr(theirs, f"bias_hh_l{layer}").zero_()
        x = torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(0))
        (states, last), (wanted, ends) = ours(x), theirs(x)
    np.testing.assert_allclose(states.numpy(), wanted.numpy(), atol=1e-6)
    np.testing.assert_allclose(torch.stack(last).numpy(), ends.numpy(), atol=1e-6)


def test_a_uniform_model_has_the_loss_of_its_vocabulary_and_writes_on() -> None:
    model = RnnLM(11, d_embed=3, n_hidden=4)
    with torch.no_grad():
        for weights in model.head.parameters():
            weights.zero_()
    windows = torch.randint(0, 11, (4, 9), generator=torch.Generator().manual_seed(0))
    assert float(next_token_loss(model, windows).detach()) == pytest.approx(np.log(11))
    written = generate(model, windows[0], 5, generator=torch.Generator().manual_seed(0))
    assert written[:9].tolist() == windows[0].tolist()
    assert len(written) == 14
    with pytest.raises(ValueError, match="positive temperature"):
        generate(model, windows[0], 1, temperature=0.0)


def test_stories_are_the_same_for_a_seed_and_whole_lines(tmp_path: Path) -> None:
    text = made_stories(3_000, 1)
    assert text == made_stories(3_000, 1) != made_stories(3_000, 2)
    assert len(text) >= 3_000
    path = tmp_path / "stories.txt"
    path.write_text(text, encoding="utf-8")
    assert text.startswith(load_stories(path, 1_000))
    assert load_stories(path, 1_000).endswith("\n")
    assert load_stories(path, 10**6) == text
