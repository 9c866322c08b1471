"""Subword tokenisers of notebooks: SentencePiece, functions, classes of one's own, and mistakes."""

# ruff: noqa: E501  # students' code in lines as they write it

from __future__ import annotations

from pathlib import Path

import pytest
from neural_specs import finding

from autograder.records import Status
from autograder.rubric.model import ChallengeSpec

pytest.importorskip("sentencepiece")
TOKENISER = ChallengeSpec.model_validate(
    {"mode": "subwords", "draw": "subword_texts", "names": ["subwords", "sp", "tokenizer"], "roles": {}}
)
TEXT = """
import io
import sentencepiece as spm
WORDS = "the a little one said and was it to she he they in on tala lomi nesa rido late stone ant other then".split()
lines = [" ".join(WORDS[(i * k + 3 * k) % len(WORDS)] for k in range(1, 9)) + "." for i in range(200)]
def trained(kind="bpe", size=60):
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=model, model_type=kind, vocab_size=size,
                                   hard_vocab_limit=False, minloglevel=2)
    return spm.SentencePieceProcessor(model_proto=model.getvalue())
"""
RIGHT = {
    "a processor": "sp = trained()",
    "a wrapper": """
class Tokenizer:
    def __init__(self):
        self.sp = trained()
        self.vocab_size = self.sp.vocab_size()
    def encode(self, s): return self.sp.encode(s)
    def decode(self, ids): return self.sp.decode(ids)
tok = Tokenizer()
""",
    "functions of tensors": """
model_of_pieces = {"it": trained()}
def encode(s): return torch.tensor(model_of_pieces["it"].encode(s))
def decode(ids): return model_of_pieces["it"].decode(ids.tolist())
""",
}


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
@pytest.mark.parametrize("check", ["round_trips", "pieces_are_subwords"])
def test_right_tokenisers_pass(check: str, source: str, tmp_path: Path) -> None:
    found = finding(tmp_path, check, TOKENISER, TEXT + source)
    assert (found.status, found.fraction) == (Status.PASSED, 1.0), found.message


def test_the_number_of_pieces(tmp_path: Path) -> None:
    def found(name: str, source: str, **params: object) -> object:
        folder = tmp_path / name
        folder.mkdir()
        return finding(folder, "vocabulary_size_is", TOKENISER, TEXT + source, **params)

    assert found("a", RIGHT["a processor"], sizes=[60]).fraction == 1.0  # type: ignore[attr-defined]
    assert found("b", RIGHT["a wrapper"], sizes=[50, 100], is_range=True).fraction == 1.0  # type: ignore[attr-defined]
    assert found("c", RIGHT["a processor"], sizes=[500]).fraction == 0.0  # type: ignore[attr-defined]
    assert found("d", RIGHT["functions of tensors"], sizes=[60]).untried  # type: ignore[attr-defined]


WRONG = {
    "characters": ('sp = trained("char")', "pieces_are_subwords", "characters"),
    "words": ('sp = trained("word", 200)', "pieces_are_subwords", "words"),
    "text that does not come back": (
        "inner = {0: trained()}\ndef encode(s): return inner[0].encode(s)\ndef decode(ids): return inner[0].decode(ids[::-1])",
        "round_trips",
        "does not give back",
    ),
}


@pytest.mark.parametrize(("source", "check", "said"), WRONG.values(), ids=WRONG)
def test_mistakes_are_named(source: str, check: str, said: str, tmp_path: Path) -> None:
    found = finding(tmp_path, check, TOKENISER, TEXT + source)
    assert found.status is Status.FAILED, found.message
    assert said in found.message


def test_nothing_that_encodes(tmp_path: Path) -> None:
    assert finding(tmp_path, "round_trips", TOKENISER, "x = 1").untried
