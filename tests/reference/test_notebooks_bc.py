"""The reference's own notebooks of parts b and c: their form, their code, their templates, and a short run."""

import ast
import math
import re
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from notebook_runs import (
    ITEMS,
    ROOT,
    Runner,
    inlined_cells,
    load_source,
    run,
    solution_text,
    source_cells,
    stand_ins,
)

from autograder.template import (
    ANSWER_MARK,
    EXPLAIN_PROMPT,
    TemplateError,
    parse,
    template,
    to_ipynb,
    to_percent,
)
from reference.aml_a3 import settings
from reference.aml_a3.budgets import TINY, with_budget

__all__ = ["run", "stand_ins"]

PARTS = tuple(ITEMS)
MARKS = {"b1": 10, "b2": 10, "b3": 10, "b4": 10, "b5": 20, "c1": 10, "c2": 10, "c3": 20}
N_COMMENTS = {"b": 2, "c": 1}
CONTRACT = {
    "b": {
        "VAE",
        "vae_loss",
        "Generator",
        "Discriminator",
        "gan_step",
        "Classifier",
        "inception_score",
        "fid",
    },
    "c": {
        "build_vocab",
        "make_xy",
        "TransformerLM",
        "make_optimizer",
        "train_step",
        "perplexity",
        "generate",
    },
}
OWN = {"b": {"fid"}, "c": {"build_vocab", "make_xy", "perplexity", "generate"}}
"""Contract functions that the notebook defines itself, a few lines around the package's."""


# ------------------------------------------------------------------ form


@pytest.mark.parametrize("part", PARTS)
def test_markdown_before_every_code_cell_and_one_role_each(part: str) -> None:
    cells = source_cells(part)
    assert {cell.item for cell in cells} == {None, *ITEMS[part]}
    for before, cell in pairwise(cells):
        assert cell.role
        if cell.kind == "code":
            assert before.kind == "markdown", f"line {cell.line}: no explanation before the code"
            assert len(before.source) > 20
            compile(cell.source, part, "exec")


@pytest.mark.parametrize("part", PARTS)
def test_headings_and_marks_are_those_of_the_sheet(part: str) -> None:
    text = "\n".join(cell.source for cell in source_cells(part) if cell.kind == "markdown")
    found = dict(re.findall(r"^## ([BC]\d) .*\((\d+) marks\)$", text, re.MULTILINE))
    assert found == {item.upper(): str(MARKS[item]) for item in ITEMS[part]}
    assert f"({sum(MARKS[item] for item in ITEMS[part])} marks)" in text
    answers = [cell for cell in source_cells(part) if cell.role == "answer"]
    assert len(answers) == N_COMMENTS[part]
    assert solution_text(part).count(f"# {ANSWER_MARK}\n") == N_COMMENTS[part]


def parameters(part: str) -> dict[str, int]:
    (cell,) = [cell for cell in source_cells(part) if "parameters" in cell.tags]
    names: dict[str, int] = {}
    exec(cell.source, {}, names)
    return names


def test_budget_is_that_of_the_sheet() -> None:
    assert parameters("b") == {
        "EPOCHS": settings.IMAGE_EPOCHS,
        "CLASSIFIER_EPOCHS": settings.CLASSIFIER_EPOCHS,
        "N_TRAIN": settings.N_TRAIN,
        "N_VALIDATION": settings.N_VALIDATION,
        "N_CLASSIFIER": settings.N_TRAIN + settings.N_VALIDATION,
        "BATCH_SIZE": settings.IMAGE_BATCH_SIZE,
    }
    whole = parameters("c")
    assert (whole["EPOCHS"], whole["BATCH_SIZE"]) == (settings.TEXT_EPOCHS, settings.TEXT_BATCH_SIZE)
    assert whole["CONTEXT_LENGTH"] == settings.CONTEXT_LENGTH
    n_windows = (whole["N_CHARACTERS"] * 90 // 100 - 1) // settings.CONTEXT_LENGTH
    assert math.ceil(n_windows / settings.TEXT_BATCH_SIZE) == 123 < whole["MAX_BATCHES"]


def test_a_short_budget_changes_the_numbers_of_the_parameters_cell_alone() -> None:
    for part in PARTS:
        right, short = parse(solution_text(part)), parse(with_budget(solution_text(part)))
        changed = [a for a, b in zip(right, short, strict=True) if a != b]
        assert [cell.tags for cell in changed] == [("given", "parameters")]
    assert "\nEPOCHS = 7\n" in with_budget(solution_text("c"), {3: 7})
    with pytest.raises(ValueError, match="one cell tagged parameters, found 0"):
        with_budget("# %%\nEPOCHS = 10\n")
    with pytest.raises(ValueError, match="no number of the parameters cell"):
        with_budget('# %% tags=["parameters"]\nEPOCHS = 11\nrate = 10.5\n', TINY)


# ------------------------------------------------------------------ code


def definitions(text: str) -> dict[str, str]:
    tree = ast.parse(text)
    return {
        node.name: ast.get_source_segment(text, node) or ""
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


@cache
def imported(part: str) -> dict[str, str]:
    """Each name that the notebook takes from the package, to its module."""
    found = {}
    for cell in source_cells(part):
        if cell.kind == "code":
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reference."):
                    found |= {alias.name: node.module or "" for alias in node.names}
    return found


@pytest.mark.parametrize("part", PARTS)
def test_code_of_the_notebook_is_that_of_the_package(part: str) -> None:
    code = "\n\n".join(cell.source for cell in parse(solution_text(part)) if cell.kind == "code")
    assert "from reference" not in code
    written = definitions(code)
    assert CONTRACT[part] <= set(written)
    assert set(written) - set(imported(part)) == OWN[part]
    for name, module in imported(part).items():
        if name in written:
            assert written[name] == definitions(load_source(module))[name], f"{name} differs from {module}"


# ------------------------------------------------------------------ templates


@pytest.mark.parametrize("part", PARTS)
def test_committed_template_is_what_the_source_renders(part: str) -> None:
    committed = ROOT / "student_template" / "aml-a3" / f"part_{part}.ipynb"
    assert committed.read_text(encoding="utf-8") == to_ipynb(template(inlined_cells(part))), (
        f"student_template/aml-a3/part_{part}.ipynb is out of date: render it again"
    )


def statements(code: str) -> set[str]:
    """Every statement but docstrings and `...`, in one spelling."""
    return {
        ast.unparse(node)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.stmt)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    }


@pytest.mark.parametrize("part", PARTS)
def test_template_contains_nothing_of_the_bodies(part: str) -> None:
    cells = inlined_cells(part)
    given = {
        s for cell in cells if cell.kind == "code" and cell.role == "given" for s in statements(cell.source)
    }
    secret = {s for cell in cells if cell.role == "task" for s in statements(cell.source)} - given
    shown = {
        s for cell in template(cells) if cell.kind == "code" for s in statements(cell.source) if "\n" not in s
    }
    assert shown & secret == set()
    text = "\n".join(cell.source for cell in template(cells))
    answers = [cell.source for cell in cells if cell.role in ("explain", "answer")]
    assert not [answer for answer in answers if answer[:60] in text]
    assert text.count(EXPLAIN_PROMPT) == len([cell for cell in cells if cell.role == "explain"])
    assert "init__" not in text


def test_contract_is_in_the_templates() -> None:
    for part in PARTS:
        code = "\n\n".join(cell.source for cell in template(inlined_cells(part)) if cell.kind == "code")
        assert set(definitions(code)) >= CONTRACT[part]
        for name in CONTRACT[part]:
            assert f"`{name}`" in "\n".join(cell.source for cell in template(inlined_cells(part)))


@pytest.mark.parametrize("part", PARTS)
def test_untouched_template_runs_and_leaves_everything_open(part: str, run: Runner) -> None:
    found = run(to_percent(template(inlined_cells(part))))
    open_values = {name for cell in source_cells(part) for name in cell.values}
    assert all(found.names[name] is ... for name in open_values)
    assert found.n_figures == 0


CLASS = '''# %% tags=["task"] item="b1" functions={names}
class Net(Base):
    """A network."""

    def __init__(self):
        self.secret = 1

    def forward(self, x):
        """Return y."""
        return self.secret * x

    def bare(self):
        return 2
'''


def test_a_class_is_shown_with_its_named_methods() -> None:
    (cell,) = template(parse(CLASS.format(names='["Net", "Net.forward"]')))
    assert cell.source == (
        'class Net(Base):\n    """A network."""\n\n    ...  # your code here\n\n'
        '    def forward(self, x):\n        """Return y."""\n        ...  # your code here'
    )
    (cell,) = template(parse(CLASS.format(names='["Net"]')))
    assert "forward" not in cell.source


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ('["Net.forward"]', "name its class before it"),
        ('["Net", "Net.absent"]', "and a method that it defines"),
        ('["Net", "Net.bare"]', "Net.bare needs a docstring"),
        ('["Other"]', "functions names 'Other', which this cell does not define"),
    ],
)
def test_methods_that_cannot_be_shown_are_named(names: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        template(parse(CLASS.format(names=names)))


# ------------------------------------------------------------------ short runs


def test_part_b_runs_and_leaves_what_the_sheet_asks_for(run: Runner) -> None:
    found = run(solution_text("b"))
    names = found.names
    n_epochs = TINY[settings.IMAGE_EPOCHS]
    for curve in ("vae_reconstruction", "vae_kl", "vae_elbo", "losses_D", "losses_G"):
        assert len(names[curve]) == n_epochs
        assert all(np.isfinite(names[curve]))
    assert np.allclose(names["vae_elbo"], np.add(names["vae_reconstruction"], names["vae_kl"]))
    assert names["vae_elbo"][1] < names["vae_elbo"][0]
    assert names["reconstructions"].shape == (5, 784)
    assert names["vae_samples"].shape == (10, 784)
    assert names["fixed_noise"].shape == (settings.N_FIXED_NOISE, settings.N_NOISE)
    assert list(names["gan_grids"]) == [1]  # of 1, 5, 10 in two epochs
    for images in (names["gan_grids"][1], names["vae_generated"], names["gan_generated"]):
        assert 0.0 <= float(images.min()) <= float(images.max()) <= 1.0
    assert not any(parameter.requires_grad for parameter in names["classifier"].parameters())
    assert set(names["scores"]) == {"VAE", "GAN"}
    assert all(row["is_mean"] >= 1.0 and row["fid"] > 0.0 for row in names["scores"].values())
    assert found.n_figures == 5
    saved = {path.name for path in (found.folder / "grids").glob("*.png")}
    assert saved == {f"{kind}_epoch_{i:02d}.png" for kind in ("vae", "gan") for i in (1, 2)} | {
        "gan_fixed_01.png"
    }
    assert "IS, mean (higher is better)" in found.printed


def test_part_c_runs_and_leaves_what_the_sheet_asks_for(run: Runner) -> None:
    found = run(solution_text("c"))
    names = found.names
    assert "\n" in names["stoi"]
    assert names["V"] == len(names["stoi"]) == len(names["itos"])
    assert len(names["train_losses"]) == len(names["validation_losses"]) == 1
    assert names["final_perplexity"] == pytest.approx(names["validation_perplexities"][-1])
    assert 1.0 < names["ngram_perplexities"][3] < names["ngram_perplexities"][1]
    assert len(names["prompt"]) == settings.N_PROMPT
    assert list(names["generations"]) == ["greedy", "top_k", "nucleus"]
    for text in names["generations"].values():
        assert text.startswith(names["prompt"])
        assert len(text) == settings.N_PROMPT + settings.N_GENERATED_TOKENS
        assert text in found.printed
    assert found.n_figures == 2
    group = names["optimizer"].param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (settings.TEXT_LEARNING_RATE, settings.TEXT_WEIGHT_DECAY)
    with pytest.raises(ValueError, match="greedy, top_k or nucleus"):
        names["generate"](names["model"], torch.zeros(1, dtype=torch.int64), 1, "beam")
