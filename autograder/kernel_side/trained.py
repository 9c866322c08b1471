"""The language model as the notebook left it: its loss on the notebook's own splits, and how texts follow from it.

Nothing is filled or trained here; a copy is evaluated. What is told is plain data, and all comparisons are made
outside::

    vocabulary      the characters in the order of their tokens, as one text; "" where there is no table
    splits          role to {path, n, begins: the first tokens}
    losses          role to {chunks, whole, batches, sliding, spread}: the mean loss by window, in nats
    embedding       {sd, factor, is_tied} as far as they are known (:mod:`embeddings`)
    texts           {path, tokens, lead: how many of them are the prompt, starts, ranks, gaps, laws} each
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from .binding import Refusal
from .embeddings import embedding_of
from .found_modules import copied
from .modes import Candidate, Fields, Setting
from .structure import outputs_of
from .values import is_tensor
from .vocabularies import Vocabulary, vocabulary_of

Tokens = list[int]
BATCH_SIZE = 64
MAX_TOKENS = 2_000_000
MAX_WINDOWS = 1000
"""More windows of a split than these are evaluated of the validation split alone."""
MAX_SLIDING = 600
MAX_TEXTS, MAX_TEXT_TOKENS, MIN_TEXT_TOKENS = 12, 1000, 20
MAX_MEMBERS = 32
MAX_PROMPT = 128
HISTORY = ("In", "Out")
SPLIT_WORDS = ("train", "test", "val", "corpus", "raw", "prueba")
TEXT_WORDS = ("greedy", "top", "nucleus", "argmax", "gener", "voraz", "sample", "text", "out")
"""Words of names that a generated text without its prompt may have."""


def put_trained(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """What a live model says of the notebook's splits and texts. Raises Refusal for what is no live model.

    A function of tokens whose weights are globals is a live model too.
    """
    torch: Any = sys.modules["torch"]
    model = candidate.value
    if isinstance(model, torch.nn.Module):
        model = copied(model).eval()
    elif not inspect.isfunction(model):
        raise Refusal("not_callable", f"{candidate.name} is no model that was trained")
    held = setting.namespace.held
    names = {name: value for name, value in held.items() if not name.startswith("_") and name not in HISTORY}
    vocabulary = vocabulary_of(names)
    found = list(sequences(names, vocabulary))
    splits = {role: split for role, about in challenge["roles"].items() if (split := meant(about, found))}
    trained = Trained(torch, model, int(case["values"]["context_length"]))
    setting.guarded(trained.turn)
    embedding = setting.guarded(functools.partial(embedding_of, torch, model, trained.log_probs))
    told: dict[str, Any] = {
        "vocabulary": "".join(vocabulary.texts),
        "splits": {},
        "losses": {},
        "embedding": embedding,
    }
    n_prompt, n_new = int(case["values"]["n_prompt"]), int(case["values"]["n_new"])
    for role, (path, tokens) in splits.items():
        told["splits"][role] = {"path": path, "n": len(tokens), "begins": np.array(tokens[:n_prompt])}
        if role == "validation" or len(tokens) <= MAX_WINDOWS * trained.context:
            told["losses"][role] = setting.guarded(functools.partial(trained.losses, tokens))
    if "validation" in splits:
        path, validation = splits["validation"]
        told["texts"] = {
            str(at): setting.guarded(functools.partial(trained.follows, *one))
            for at, one in enumerate(
                texts(found, validation, n_prompt, n_new, [p for p, _ in splits.values()])
            )
        }
    return {"result": setting.encoder.node(told), "status": "ok"}


# ------------------------------------------------------------------ the notebook's tokens


def sequences(
    names: dict[str, Any], vocabulary: Vocabulary, prefix: str = "", depth: int = 2
) -> Iterator[tuple[str, Tokens]]:
    """Sequences of tokens in a namespace, with their paths: tensors, arrays, lists, and texts of known characters."""
    for name, value in list(names.items()):
        path = f"{prefix}.{name}" if prefix else str(name)
        if isinstance(value, str):
            known = vocabulary.tokens_of(value) if 1 < len(value) <= MAX_TOKENS else None
            if known:
                yield path, known
            continue
        tokens = tokens_of(value)
        if tokens is not None:
            yield path, tokens
        elif depth and isinstance(value, dict):
            yield from sequences(_first(value.items()), vocabulary, path, depth - 1)
        elif depth and isinstance(value, list | tuple):
            yield from sequences(_first(enumerate(value)), vocabulary, path, depth - 1)
        elif depth and type(value).__module__ == "__main__" and not isinstance(value, type):
            yield from sequences(_first(getattr(value, "__dict__", {}).items()), vocabulary, path, depth - 1)


def _first(pairs: Any) -> dict[str, Any]:
    return {str(key): value for key, value in list(pairs)[:MAX_MEMBERS]}


def tokens_of(value: Any) -> Tokens | None:
    """One row of whole numbers, none of them negative; None for anything else."""
    if is_tensor(value):
        if value.is_floating_point() or value.numel() > MAX_TOKENS or value.is_complex():
            return None
        value = value.detach().cpu().numpy()
    elif isinstance(value, list | tuple):
        if not 1 < len(value) <= MAX_TOKENS or not all(type(one) is int for one in value[:MAX_MEMBERS]):
            return None
        try:
            value = np.array(value)
        except (ValueError, OverflowError):
            return None
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iu" or not 1 < value.size <= MAX_TOKENS:
        return None
    if value.size != max(value.shape) or value.min() < 0:
        return None
    row: Tokens = value.reshape(-1).tolist()
    return row


def meant(about: dict[str, Any], found: list[tuple[str, Tokens]]) -> tuple[str, Tokens] | None:
    """The sequence that a role means: by the last name of its path, else the longest that holds a word."""
    known = {name.casefold(): rank for rank, name in reversed(list(enumerate(about["names"])))}
    exact = [one for one in found if _last(one[0]) in known]
    if exact:
        return min(exact, key=lambda one: (known[_last(one[0])], -len(one[1])))
    close = [one for one in found if any(word in _last(one[0]) for word in about["contains"])]
    return max(close, key=lambda one: len(one[1]), default=None)


def _last(path: str) -> str:
    return path.rpartition(".")[2].casefold()


def texts(
    found: list[tuple[str, Tokens]], validation: Tokens, n_prompt: int, n_new: int, splits: list[str]
) -> Iterator[tuple[str, Tokens, int, bool]]:
    """Generated texts, with the length of their prompt and whether that is the beginning of the validation split.

    Otherwise it is what the notebook kept and the text begins with, or as long as that beginning; or, of a text that
    has such a name and no prompt, that beginning.
    """
    prompt, n = validation[:n_prompt], 0
    kept = sorted((one for _, one in found if 1 < len(one) <= MAX_PROMPT), key=len, reverse=True)
    for path, tokens in found:
        if path in splits or not MIN_TEXT_TOKENS <= len(tokens) <= MAX_TEXT_TOKENS or n == MAX_TEXTS:
            continue
        rest = len(tokens) - MIN_TEXT_TOKENS
        own = next((len(one) for one in kept if len(one) <= rest and tokens[: len(one)] == one), 0)
        words = path.casefold()
        is_named = any(word in words for word in TEXT_WORDS) and not any(w in words for w in SPLIT_WORDS)
        if tokens[:n_prompt] == prompt:
            is_text = len(tokens) > n_prompt and tokens != validation[: len(tokens)]
            one = (path, tokens, n_prompt, True)
        elif own or len(tokens) == n_prompt + n_new:
            is_text, one = is_named, (path, tokens, own or n_prompt, False)
        else:
            is_text, one = is_named, (path, prompt + tokens, n_prompt, False)
        if is_text:
            n += 1
            yield one


# ------------------------------------------------------------------ the model


class Trained:
    """A model of tokens (B, T), evaluated as it is."""

    def __init__(self, torch: Any, model: Any, context: int) -> None:
        self.torch = torch
        self.model = model
        self.context = context
        self.is_turned = False
        """Whether the model takes tokens (T, B)."""

    def turn(self) -> None:
        """Finds out which way round tokens go: the last output of a row depends on the row's first token."""
        rows = [[1, 2, 3, 4], [2, 1, 4, 3]]
        changed = [[3, 2, 3, 4], [2, 1, 4, 3]]
        with contextlib.suppress(Exception):
            self.is_turned = bool((self.log_probs(rows)[0, -1] == self.log_probs(changed)[0, -1]).all())
            if self.is_turned:
                self.is_turned = not bool(
                    (self.log_probs(rows)[0, -1] == self.log_probs(changed)[0, -1]).all()
                )

    def log_probs(self, rows: list[Tokens]) -> Any:
        """Log-probabilities (B, T, V) after every token of rows of equal length."""
        torch = self.torch
        given = torch.tensor(rows)
        if isinstance(self.model, torch.nn.Module):
            given = given.to(next((p.device for p in self.model.parameters()), given.device))
        with torch.no_grad():
            result = self.model(given.T if self.is_turned else given)
        shape = tuple(given.shape)
        for _, output in outputs_of(result):
            output = output.transpose(0, 1) if self.is_turned and output.ndim == 3 else output
            if output.ndim == 3 and tuple(output.shape[:2]) == shape:
                return torch.log_softmax(output.double(), dim=-1)
        raise Refusal("not_callable", "the model does not give logits (B, T, V) for tokens (B, T)")

    def nlls(self, rows: list[Tokens]) -> list[float]:
        """The mean loss of each row, whose first token is given."""
        torch = self.torch
        means: list[float] = []
        for at in range(0, len(rows), BATCH_SIZE):
            part = rows[at : at + BATCH_SIZE]
            log_probs = self.log_probs([row[:-1] for row in part])
            targets = torch.tensor([row[1:] for row in part], device=log_probs.device)
            means += (-log_probs.gather(-1, targets[..., None])[..., 0].mean(dim=1)).tolist()
        return means

    def losses(self, tokens: Tokens) -> dict[str, float]:
        """Mean losses of a split, by the ways to cut it into windows."""
        size = self.context
        starts = range(0, len(tokens) - size, size)
        if not starts:
            return {"whole": self.nlls([tokens])[0]}
        means = self.nlls([tokens[at : at + size + 1] for at in starts])
        found = {"chunks": float(np.mean(means)), "spread": float(np.std(means)), "n": float(len(means))}
        batches = [np.mean(means[at : at + BATCH_SIZE]) for at in range(0, len(means), BATCH_SIZE)]
        found["batches"] = float(np.mean(batches))
        rest = tokens[len(means) * size :]
        last = self.nlls([rest])[0] * (len(rest) - 1) if len(rest) > 1 else 0.0
        found["whole"] = (sum(means) * size + last) / (len(tokens) - 1)
        if len(tokens) - size <= MAX_SLIDING:
            rows = [tokens[at : at + size + 1] for at in range(len(tokens) - size)]
            found["sliding"] = float(np.mean(self.nlls(rows)))
        return found

    def follows(self, path: str, tokens: Tokens, lead: int, starts: bool) -> dict[str, Any]:
        """How probable each token after the first `lead` was: its rank, what was more probable, and itself.

        A model may see the future by mistake: every token has a call, or a row, of its own, as when it was generated.
        `gaps` are the logarithms of how much more probable the most probable token was.
        """
        torch, size = self.torch, self.context
        short = [self.log_probs([tokens[:end]])[:, -1] for end in range(lead, min(size, len(tokens)))]
        long = range(max(lead, size), len(tokens))
        for at in range(0, len(long), BATCH_SIZE):
            ends = long[at : at + BATCH_SIZE]
            short.append(self.log_probs([tokens[end - size : end] for end in ends])[:, -1])
        laws = torch.cat(short)
        drawn = torch.tensor(tokens[lead:], device=laws.device)[:, None]
        chosen = laws.gather(-1, drawn)
        above = laws > chosen
        ordered = laws.exp().sort(dim=-1, descending=True).values
        return {
            "path": path,
            "lead": lead,
            "starts": starts,
            "tokens": np.array(tokens),
            "ranks": above.sum(dim=-1).cpu().numpy(),
            "gaps": (laws.max(dim=-1).values - chosen[:, 0]).cpu().numpy(),
            "laws": ordered.float().cpu().numpy(),
        }
