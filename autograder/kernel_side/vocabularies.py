"""The vocabulary of a notebook: its tables from characters to tokens and back, wherever they are."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Sequence
from typing import Any

DEFAULT_SIZE = 65
MAX_SIZE = 2000
MAX_SPECIAL, MAX_SPECIAL_LENGTH = 4, 12
"""Tokens of a table that are no single characters, such as `<unk>`."""
SIZE_NAMES = ("vocab_size", "n_vocab", "VOCAB_SIZE", "V", "vocabulary_size", "n_chars", "num_chars")


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """How many tokens there are, and their texts; no texts where the notebook has no table."""

    size: int
    texts: tuple[str, ...] = ()

    def text_of(self, tokens: Sequence[int]) -> str:
        """The text of tokens."""
        return "".join(self.texts[token] for token in tokens)

    @property
    def letters(self) -> tuple[int, ...]:
        """The tokens of single characters; all tokens where there is no table."""
        return tuple(token for token in range(self.size) if not self.texts or len(self.texts[token]) == 1)

    def tokens_of(self, text: str) -> list[int] | None:
        """The tokens of a text; None when it holds what the table does not."""
        numbers = {piece: number for number, piece in enumerate(self.texts)}
        special = [re.escape(piece) for piece in self.texts if len(piece) > 1]
        pieces = re.findall("|".join([*special, "."]), text, re.DOTALL) if special else text
        return [numbers[piece] for piece in pieces] if all(piece in numbers for piece in pieces) else None


def vocabulary_of(view: dict[str, Any]) -> Vocabulary:
    """The largest table of single characters in a namespace, else a size that a global tells, else 65 tokens."""
    tables = [texts for value in view.values() for texts in _tables_in(value)]
    if tables:
        best = max(tables, key=len)
        return Vocabulary(len(best), best)
    named = (view[name] for name in SIZE_NAMES if name in view)
    size = next((one for one in named if type(one) is int and 2 <= one <= MAX_SIZE), DEFAULT_SIZE)
    return Vocabulary(size)


def _tables_in(value: Any) -> list[tuple[str, ...]]:
    """Tables of a value, or of the attributes of a tokenizer."""
    own = _table(value)
    if own:
        return [own]
    if type(value).__module__ == "__main__" and not isinstance(value, type) and hasattr(value, "__dict__"):
        return [table for item in vars(value).values() if (table := _table(item))]
    return []


def _table(value: Any) -> tuple[str, ...] | None:
    """Characters in the order of their tokens, of {character: token}, {token: character} or a list of characters."""
    if isinstance(value, dict) and 2 <= len(value) <= MAX_SIZE:
        pairs = list(value.items())
        if all(type(key) is str for key in value):
            pairs = [(number, letter) for letter, number in pairs]
        numbers = [number for number, _ in pairs]
        if all(type(n) is int for n in numbers) and sorted(numbers) == list(range(len(pairs))):
            return _letters([letter for _, letter in sorted(pairs)])
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray) and value.dtype.kind == "U" and value.ndim == 1:
        value = value.tolist()  # np.unique of a list of characters
    if isinstance(value, list | tuple) and 2 <= len(value) <= MAX_SIZE:
        return _letters(list(value))
    return None


def _letters(items: list[Any]) -> tuple[str, ...] | None:
    is_table = all(type(item) is str and item for item in items) and len(set(items)) == len(items)
    special = [item for item in items if is_table and len(item) > 1]
    n_letters = len(items) - len(special)
    is_of_letters = len(special) <= MAX_SPECIAL and n_letters >= max(2, 4 * len(special))
    is_table &= is_of_letters and all(len(item) <= MAX_SPECIAL_LENGTH for item in special)
    return tuple(items) if is_table else None
