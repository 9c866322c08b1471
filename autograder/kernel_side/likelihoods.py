"""Perplexities of the notebook on a language model of ours: functions that take a model and tokens, or a loader."""

from __future__ import annotations

import functools
import sys
from typing import Any

from .binding import Refusal, positional
from .modes import MODES, Candidate, Fields, Mode, Setting
from .placing import Placement, callables_of, like_named, placements, refusal, replace_globals, resolve, said
from .stand_ins import stand_in_language_model
from .vocabularies import vocabulary_of

BATCH_SIZE = 4
"""Of the loader; the last batch is smaller."""
FORMS = ("tokens", "batches")


def put_likelihood(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """What a function returns for a long text of tokens, or for a loader of batches, and which of the two it took."""
    if "torch" not in sys.modules:
        raise Refusal("not_callable", "the notebook does not use torch")
    function = resolve(candidate, setting.view)
    first: Exception | None = None
    for placed in list(placements(function, challenge["roles"], setting.view, ("model", "tokens")))[:4]:
        forms = FORMS[::-1] if "batches" in placed.values() else FORMS
        for form in forms:
            for output in ("logits", "tuple"):
                attempt = functools.partial(_scored, challenge, case, function, setting, placed, form, output)
                try:
                    found = setting.guarded(attempt)
                except Refusal:
                    raise
                except Exception as error:
                    first = first or error
                    continue
                return {"result": setting.encoder.node(found | {"bound": said(placed)}), "status": "ok"}
    raise refusal(first)


def _scored(
    challenge: dict[str, Any],
    case: dict[str, Any],
    function: Any,
    setting: Setting,
    placed: Placement,
    form: str,
    output: str,
) -> dict[str, Any]:
    torch: Any = sys.modules["torch"]
    values, vocab_size = case["values"], vocabulary_of(setting.view).size
    data = torch.utils.data
    rows = data.TensorDataset(torch.tensor(values["inputs"]), torch.tensor(values["targets"]))
    given = (
        torch.tensor(values["tokens"]) if form == "tokens" else data.DataLoader(rows, batch_size=BATCH_SIZE)
    )
    offered = {
        "model": stand_in_language_model(values, vocab_size, output),
        "tokens": given,
        "batches": given,
    }
    keywords = like_named(function, placed, setting.view)
    keywords |= {name: offered[role] for name, role in placed.items() if role in offered}
    replace_globals(challenge, function, setting, placed, offered)
    args, keywords = positional(function, keywords)
    value = function(*args, **keywords)
    return {"value": value, "form": form, "vocab_size": vocab_size}


MODES["likelihood"] = Mode(callables_of, put_likelihood)
