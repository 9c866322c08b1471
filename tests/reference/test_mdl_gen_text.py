"""The lab of lecture 5 as a whole: mutants and styles are notebooks, the demo's class can be made, the models are right."""

from __future__ import annotations

import ast
from collections import Counter

import pytest
import torch

from autograder.registry import find_assignment
from autograder.rendering import solution_source, style_sources, template_ipynb
from autograder.template import parse
from reference.lstm import LstmLM
from reference.mdl_gen.counting import bigram_perplexity
from reference.mdl_gen.demo import PARTS, demo_class
from reference.mdl_gen.mutants_text import MUTANTS
from reference.mdl_gen.special_text import SPECIALS
from reference.ngrams import fit_ngram, ngram_perplexity, ngram_probs
from reference.tokenizers import build_vocab

ASSIGNMENT = find_assignment("mdl-gen")
SOLUTION = solution_source(ASSIGNMENT, "text")
STYLES = style_sources(ASSIGNMENT, "text")


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_changes_cells_of_its_item_only(name: str) -> None:
    right, changed = parse(SOLUTION), parse(MUTANTS[name].apply(SOLUTION))
    differing = [cell for cell in changed if cell not in right]
    assert {cell.item for cell in differing} == {MUTANTS[name].item}
    for cell in differing:
        ast.parse(cell.source)


def test_there_are_mutants_of_every_item() -> None:
    counts = Counter(wrong.item for wrong in MUTANTS.values())
    assert set(counts) == {"x1", "x2", "x3", "x4", "x5", "x6"}
    assert min(counts.values()) >= 4


def test_special_notebooks_and_styles_parse() -> None:
    assert len(STYLES) >= 4
    for text in [one.apply(SOLUTION) for one in SPECIALS.values()] + list(STYLES.values()):
        ast.parse(text)


def test_the_demo_class_is_made_of_what_there_is() -> None:
    mutants = {name: one.apply for name, one in MUTANTS.items()}
    files = demo_class(SOLUTION, "", mutants, STYLES, lambda text: text.encode(), "text")
    assert all(name.endswith("/part_text.ipynb") for name in files)
    assert len({MUTANTS[name].item for name in PARTS["text"].wrong.values()}) == 4


def test_the_template_holds_no_answer() -> None:
    template = template_ipynb(ASSIGNMENT, "text")
    assert "beam_search" in template
    for secret in ("topk", "masked_fill", "log_softmax(", "zero_grad", "nn.LSTM(d_embed"):
        assert secret not in template


def test_the_counted_perplexity_is_that_of_the_bigram_model_with_add_one() -> None:
    text = "the king and the queen\nand a fool " * 5
    train, held_out = text[:120], text[120:]
    vocab = build_vocab(train + held_out)
    model = fit_ngram(vocab.encode(train).numpy(), 2, vocab.vocab_size, 1.0)
    wanted = ngram_perplexity(ngram_probs(model, vocab.encode(held_out).numpy()))
    # The last token of the training text begins no pair here, and is counted as a context of none there.
    assert bigram_perplexity(train, held_out) == pytest.approx(wanted, rel=1e-12)


def test_the_lstm_reads_every_sequence_by_itself_and_no_future() -> None:
    torch.manual_seed(0)
    model = LstmLM(9, 5, 7, 2)
    tokens = torch.randint(9, (3, 6))
    with torch.no_grad():
        logits = model(tokens)
        assert logits.shape == (3, 6, 9)
        torch.testing.assert_close(model(tokens.flip(0)).flip(0), logits)
        torch.testing.assert_close(model(tokens[:, :4]), logits[:, :4])
