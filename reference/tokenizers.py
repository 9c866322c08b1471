"""Characters to numbers and back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class CharTokenizer:
    """A vocabulary of single characters; the token of a character is its place in `characters`."""

    characters: str

    @property
    def vocab_size(self) -> int:
        """Number of tokens."""
        return len(self.characters)

    def encode(self, text: str) -> Tensor:
        """Return the tokens (len(text),) of a text, int64.

        Raises
        ------
        ValueError
            A character is not in the vocabulary.
        """
        token_of = {character: token for token, character in enumerate(self.characters)}
        unknown = sorted(set(text) - set(token_of))
        if unknown:
            raise ValueError(f"expected the {self.vocab_size} characters of the vocabulary, got {unknown}")
        return torch.tensor([token_of[character] for character in text], dtype=torch.int64)

    def decode(self, tokens: Tensor) -> str:
        """Return the text of tokens (n,)."""
        return "".join(self.characters[token] for token in tokens.tolist())


def build_vocab(text: str) -> CharTokenizer:
    """Return the vocabulary of a text: its distinct characters, newline among them, in the order of code points."""
    if not text:
        raise ValueError("expected a text with at least one character")
    return CharTokenizer("".join(sorted(set(text))))
