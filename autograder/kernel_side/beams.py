"""The language model that a beam search is tried on: logits by the last token, from a table of a few tokens."""

from __future__ import annotations

import sys
from typing import Any

from .placing import is_module
from .vocabularies import Vocabulary

NEVER = -25.0
"""Below the logits of the table: what no search may choose."""
MAX_MODELS = 3


def prompt_tokens(vocabulary: Vocabulary) -> list[int]:
    """The notebook's tokens, letters of the alphabet first: a decoder may stop at the end of a line."""
    tokens = vocabulary.letters
    if not vocabulary.texts:
        return list(tokens)
    return sorted(tokens, key=lambda token: not vocabulary.texts[token].isalpha())


def table_logits(tokens: Any, vocab_size: int, values: dict[str, Any]) -> Any:
    """Logits (..., V) after tokens (...): the table's between the tokens `ids`, and `NEVER` for any other token.

    After a token that is not in the table come those of its first row.
    """
    torch: Any = sys.modules["torch"]
    table, ids = torch.tensor(values["table"]), torch.tensor(values["ids"])
    logits = torch.full((len(ids), vocab_size), NEVER)
    logits[:, ids] = table
    rows = torch.zeros(max(vocab_size, int(tokens.max()) + 1), dtype=torch.long)
    rows[ids] = torch.arange(len(ids))
    found = logits.to(torch.get_default_dtype())[rows[tokens]]
    return torch.log_softmax(found, dim=-1) if values.get("is_normalised") else found


def gives_log_probs(view: dict[str, Any]) -> bool:
    """Whether the notebook's own language models end in a log-softmax, so that its decoders need none."""
    torch: Any = sys.modules["torch"]
    for model in [value for value in view.values() if is_module(value)][:MAX_MODELS]:
        try:
            with torch.no_grad():
                given = model(torch.zeros(1, 4, dtype=torch.long))
        except Exception:  # no language model
            continue
        given = given[0] if isinstance(given, tuple) else given
        if getattr(given, "ndim", 0) in (2, 3) and given.is_floating_point():
            return bool(torch.logsumexp(given, dim=-1).abs().max() < 1e-3)
    return False
