"""The correct styles of parts b and c: well-formed, seeded, complete; executed on a tiny budget they are all there."""

import ast
import math
import re
from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import torch
from notebook_runs import ITEMS, ROOT, STYLES, Runner, code_cells, code_of, run, stand_ins
from scipy import linalg
from torch import nn

from autograder.registry import Assignment
from autograder.rendering import style_sources
from autograder.template import Cell, parse
from reference.adversarial import Discriminator, Generator
from reference.aml_a3.demo import load_styles
from reference.autoencoders import VAE
from reference.image_scores import Classifier, frechet_distance, inception_score
from reference.transformer import TransformerConfig, TransformerLM

__all__ = ["run", "stand_ins"]

ALL = [(part, name) for part in ITEMS for name in STYLES[part]]

# What the code of every correct notebook says somewhere, in one spelling or another.
SAYS = {
    "b": (
        r"Adam\(", r"1e-3|0\.001", r"2e-4|0\.0002", r"0\.5, 0\.999", r"0\.9\b", r"\b0\.3\b", r"LeakyReLU|leaky_relu",
        r"Tanh|tanh", r"[Ss]igmoid", r"train=False|False, download", r"\b128\b", r"\.eval\(\)|requires_grad|no_grad",
        r"save_image|imsave", r"1, 5, 10", r"trace", r"eig|sqrtm",
    ),
    "c": (
        r"AdamW\(", r"3e-4", r"0\.01", r"0\.9, 0\.95", r"clip_grad_norm_|norm > 1\.0", r"xavier_uniform_|uniform_\(",
        r"[Gg][Ee][Ll][Uu]|erf", r"10000", r"input\.txt", r"\b64\b", r"\b128\b", r"\b192\b", r"\b200\b", r"\b20\b",
        r"\b0?\.9\b", r"exp\(", r"argmax",
    ),
}  # fmt: skip
CURVES = {"b": 5, "c": 1}
"""Figures at least: curves, reconstructions, samples, losses, grid; or the losses."""


def size(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def parameters_of(value: Any, depth: int = 0) -> Iterator[torch.Tensor]:
    """The trainable tensors behind a name: of a module, or of modules and tensors in containers and objects."""
    if isinstance(value, nn.Module):
        yield from value.parameters()
    elif isinstance(value, torch.Tensor):
        if value.is_leaf and value.requires_grad:
            yield value
    elif depth < 2 and isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from parameters_of(item, depth + 1)
    elif depth < 2 and hasattr(value, "__dict__") and type(value).__module__ == "__main__":
        yield from parameters_of(vars(value), depth + 1)


def n_parameters(names: dict[str, Any]) -> int:
    found = {
        id(tensor): tensor.numel()
        for name, value in names.items()
        if name != "__builtins__"
        for tensor in parameters_of(value)
    }
    return sum(found.values())


def accepted_sizes(part: str, vocab_size: int) -> set[int]:
    """Numbers of parameters of all networks of a correct notebook, in every convention of the styles."""
    if part == "b":
        return {sum(size(model) for model in (VAE(), Generator(), Discriminator(), Classifier()))}
    sizes = set()
    for has_bias, has_head_bias in product((True, False), repeat=2):
        config = TransformerConfig(vocab_size, has_attention_bias=has_bias, has_head_bias=has_head_bias)
        n = size(TransformerLM(config))
        sizes |= {n, n + config.n_layer * config.d_model}  # without biases, but for the output projection's
    return sizes


def test_there_are_enough_styles_of_both_parts() -> None:
    assert {part: len(STYLES[part]) >= 5 for part in ITEMS} == {"b": True, "c": True}
    assert len(ALL) >= 10


def test_each_part_collects_its_own_styles() -> None:
    root = ROOT / "reference" / "aml_a3"
    assignment = Assignment("aml-a3", ROOT / "rubrics" / "aml-a3" / "rubric.yaml", root, ROOT)
    for part in ITEMS:
        assert set(style_sources(assignment, part)) == set(STYLES[part])
    assert set(style_sources(assignment, "a")) == set(load_styles())


@pytest.mark.parametrize(("part", "name"), ALL)
def test_first_line_describes_the_style(part: str, name: str) -> None:
    assert re.match(r"# style: \S.{20,}\n", STYLES[part][name])


@pytest.mark.parametrize(("part", "name"), ALL)
def test_every_code_cell_is_python_with_markdown_before_it(part: str, name: str) -> None:
    cells = parse(STYLES[part][name])
    for before, cell in pairwise(cells):
        if cell.kind == "code":
            assert before.kind == "markdown", f"line {cell.line}: no explanation before the code"
            assert len(before.source) > 3
            ast.parse(code_of(cell))
    assert sum("parameters" in cell.tags for cell in cells) == 1


@pytest.mark.parametrize(("part", "name"), ALL)
def test_comments_of_the_sheet_are_written(part: str, name: str) -> None:
    cells = parse(STYLES[part][name])
    following = [*cells[1:], Cell(kind="markdown", source="")]
    closing = [a for a, b in zip(cells, following, strict=True) if a.kind == b.kind == "markdown"]
    assert len([cell for cell in closing if len(cell.source) > 75]) >= {"b": 2, "c": 1}[part]


@pytest.mark.parametrize(("part", "name"), ALL)
def test_code_is_seeded_and_says_what_the_sheet_asks_for(part: str, name: str) -> None:
    code = "\n".join(code_of(cell) for cell in code_cells(STYLES[part][name]))
    assert "1234" in code
    assert "torch.manual_seed(" in code
    assert re.search(r"np\.random\.(seed|default_rng)\(", code)
    assert not re.search(r"cuda|import autograder|from reference|YOUR|TODO", code)
    assert [claim for claim in SAYS[part] if not re.search(claim, code)] == []


SCORES = {
    "distributions": ("score_is", "score_fid"),
    "encoder_decoder_classes": ("compute_is", "compute_fid"),
    "espanol": ("puntuacion_inception", "distancia_frechet"),
    "few_cells": ("IS", "FID"),
    "sequential_networks": ("inception_score", "fid"),
    "template_filled": ("inception_score", "fid"),
}
"""Of the styles of part b that have functions for them (inline_loops has none)."""


@pytest.mark.parametrize("name", SCORES)
def test_scores_agree_with_the_package(name: str) -> None:
    """The mean exactly, the deviation with ddof 0 or 1, the distance but for what is added to a singular covariance."""
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.full(10, 0.3), size=100)
    a, b = rng.normal(size=(60, 128)).clip(0), rng.normal(size=(40, 128)).clip(0) + 0.2
    names: dict[str, Any] = {"np": np, "torch": torch, "linalg": linalg, "Array": np.ndarray}
    tree = ast.parse("\n".join(code_of(cell) for cell in code_cells(STYLES["b"][name])))
    wanted = {*SCORES[name], "raiz"}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in wanted:
            exec(compile(ast.Module([node], []), name, "exec"), names)
    inputs = [torch.tensor(x) if name == "distributions" else x for x in (probs, a, b)]
    mean, deviation = names[SCORES[name][0]](inputs[0], 10)
    expected_mean, expected_deviation = inception_score(probs, 10)
    assert float(mean) == pytest.approx(expected_mean, rel=1e-6)
    ddof_one = expected_deviation * math.sqrt(10 / 9)
    assert any(float(deviation) == pytest.approx(value, rel=1e-6) for value in (expected_deviation, ddof_one))
    assert float(names[SCORES[name][1]](*inputs[1:])) == pytest.approx(frechet_distance(a, b), rel=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("part", "name"), ALL)
def test_a_short_run_is_complete(part: str, name: str, run: Runner) -> None:
    found = run(STYLES[part][name])
    vocab_size = len(set((found.folder / "input.txt").read_text())) if _has_text(found.folder) else 0
    assert n_parameters(found.names) in accepted_sizes(part, vocab_size or _vocab_size(found.names))
    assert found.n_figures >= CURVES[part]
    if part == "b":
        assert len(list(found.folder.rglob("*.png"))) >= 4  # a grid of each model after each epoch
        assert found.printed.count("IS") >= 1
        assert re.search(r"\d+\.\d+", found.printed)
    else:
        assert len(found.printed) > 3 * 200
        assert "erplex" in found.printed or "PPL" in found.printed or "erplej" in found.printed


def _has_text(folder: Any) -> bool:
    return bool((folder / "input.txt").is_file())


def _vocab_size(names: dict[str, Any]) -> int:
    """Where the text was never written to a file: the longest embedding."""
    return max(
        (module.num_embeddings for value in names.values() if isinstance(value, nn.Module) for module in value.modules()
         if isinstance(module, nn.Embedding)),
        default=0,
    )  # fmt: skip
