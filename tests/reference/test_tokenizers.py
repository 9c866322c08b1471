"""The vocabulary of characters."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reference.tokenizers import build_vocab


@given(st.text(min_size=1))
def test_text_survives_a_round_trip(text: str) -> None:
    tokenizer = build_vocab(text)
    tokens = tokenizer.encode(text)
    assert tokens.dtype == torch.int64
    assert tokens.shape == (len(text),)
    assert int(tokens.max()) < tokenizer.vocab_size == len(set(text))
    assert tokenizer.decode(tokens) == text


def test_vocabulary_is_sorted_and_holds_the_newline() -> None:
    tokenizer = build_vocab("ba\nab")
    assert tokenizer.characters == "\nab"
    assert tokenizer.encode("ab\n").tolist() == [1, 2, 0]
    assert tokenizer.encode("").shape == (0,)


def test_unknown_characters_are_named() -> None:
    with pytest.raises(ValueError, match=r"expected the 2 characters of the vocabulary, got \['x', 'z'\]"):
        build_vocab("ab").encode("zax")
    with pytest.raises(ValueError, match="at least one character"):
        build_vocab("")
