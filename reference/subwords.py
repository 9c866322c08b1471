"""Subword tokenisation by byte-pair encoding (Sennrich et al. 2016; Kudo and Richardson 2018, SentencePiece)."""

# SentencePiece has no types.
# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import io

import sentencepiece as spm
import torch
from torch import Tensor


def train_subwords(text: str, vocab_size: int) -> spm.SentencePieceProcessor:
    """Return a SentencePiece model of `vocab_size` pieces, trained on the lines of a text by byte-pair encoding.

    Raises
    ------
    ValueError
        The text has fewer lines than one, or no letters.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("expected a text with at least one line")
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type="bpe",
        vocab_size=vocab_size,
        character_coverage=1.0,
        hard_vocab_limit=True,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    return spm.SentencePieceProcessor(model_proto=model.getvalue())


def subword_tokens(processor: spm.SentencePieceProcessor, text: str) -> Tensor:
    """Return the pieces of a text as numbers (N,), lines after each other."""
    pieces = [piece for line in text.splitlines() if line.strip() for piece in processor.encode(line)]
    return torch.tensor(pieces, dtype=torch.long)


def characters_per_token(processor: spm.SentencePieceProcessor, text: str) -> float:
    """Return how many characters a piece stands for on average, 1 or more (higher: shorter sequences)."""
    return len(text) / max(1, len(subword_tokens(processor, text)))
