"""The Elman language model as a formula, with every accepted reading and every typical mistake as a choice.

The weights come from a function of a tensor's shape, as in :mod:`autograder.stats.language_models`. Sources: Elman 1990.
Shapes: B sequences, T tokens, D inputs of the first cell, H hidden, L layers, V = vocab_size.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autograder.stats.arrays import FloatArray
from autograder.stats.language_models import Fill, activated, softmax
from autograder.stats.readings import RTOL, Reading, Trial, fitted


@dataclass(frozen=True)
class RecurrentSizes:
    """Sizes of a recurrent language model; `d_embed` is 0 where tokens go in as one-hot vectors."""

    vocab_size: int
    d_embed: int
    n_hidden: int
    n_layer: int = 1

    @property
    def n_in(self) -> int:
        """Inputs of the first cell."""
        return self.d_embed or self.vocab_size


@dataclass(frozen=True)
class RecurrentChoices:
    """How an Elman network is written."""

    # What a sheet leaves open.
    n_biases: int = 1  # vectors that are added in a cell: none, one, or one for each of both maps
    is_joint: bool = False  # one matrix for input and state side by side
    state_first: bool = False  # of the joint matrix
    has_head_bias: bool = True
    result: str = "logits"
    # What is right in one way only.
    activation: str = "tanh"
    has_recurrence: bool = True
    has_input: bool = True
    is_reversed: bool = False
    is_late: bool = False  # the scores come from the state before the token
    is_summed: bool = False  # h' = h + tanh(...)
    n_layer_less: int = 0


CONVENTIONS: dict[str, tuple[tuple[object, str], ...]] = {
    "n_biases": ((1, ""), (2, "a bias in each of the two maps of a cell"), (0, "no bias in the cells")),
    "is_joint": ((False, ""), (True, "one matrix for input and state together")),
    "has_head_bias": ((True, ""), (False, "no bias in the head")),
    "result": (("logits", ""), ("log_probabilities", "log-probabilities as the output")),
}

FAULTS: dict[str, dict[str, object]] = {
    "The state is never used: the recurrent term U·h is missing.": {"has_recurrence": False},
    "The input is never used.": {"has_input": False},
    "The cell uses ReLU in place of tanh.": {"activation": "relu"},
    "The cell uses a sigmoid in place of tanh.": {"activation": "sigmoid"},
    "The cell has no activation: unrolled, it is one linear map.": {"activation": "none"},
    "The sequence is read from its end: a state has seen the tokens after it.": {"is_reversed": True},
    "The scores come from the state before the token, not from the one after it.": {"is_late": True},
    "The new state is added to the old one in place of replacing it.": {"is_summed": True},
    "There is one layer less than there should be.": {"n_layer_less": 1},
    "There is one layer more than there should be.": {"n_layer_less": -1},
    "The model ends in a softmax; the cross-entropy applies another one.": {"result": "probabilities"},
}
"""The dictionary of faults: what each says in the student's words, and the choices that give it."""


def elman_states(x: FloatArray, n_in: int, h: int, choices: RecurrentChoices, fill: Fill) -> FloatArray:
    """Return the states (B, T, H) of one layer of inputs (B, T, n_in): h_t = tanh(W x_t + U h_{t-1} + b)."""
    if choices.is_joint:
        joint = fill((h, n_in + h))
        w, u = (joint[:, h:], joint[:, :h]) if choices.state_first else (joint[:, :n_in], joint[:, n_in:])
    else:
        w, u = fill((h, n_in)), fill((h, h))
    bias = choices.n_biases * fill((h,)) if choices.n_biases else 0.0
    steps = x[:, ::-1] if choices.is_reversed else x
    state = np.zeros((len(x), h), dtype=x.dtype)
    states = []
    for t in range(x.shape[1]):
        inner = np.asarray(bias) + np.zeros((len(x), h), dtype=x.dtype)
        inner = inner + (steps[:, t] @ w.T if choices.has_input else 0.0)
        inner = inner + (state @ u.T if choices.has_recurrence else 0.0)
        new = activated(inner, choices.activation) + (state if choices.is_summed else 0.0)
        states.append(state if choices.is_late else new)
        state = new
    found = np.stack(states, axis=1)
    return found[:, ::-1] if choices.is_reversed else found


def elman_scores(
    tokens: FloatArray, sizes: RecurrentSizes, choices: RecurrentChoices, fill: Fill
) -> FloatArray:
    """Return the logits (B, T, V), or what else `choices.result` names, for tokens (B, T)."""
    tokens = np.asarray(tokens, dtype=np.int64)
    v, h = sizes.vocab_size, sizes.n_hidden
    x = fill((v, sizes.d_embed))[tokens] if sizes.d_embed else np.eye(v)[tokens]
    n_in = sizes.n_in
    for _ in range(max(1, sizes.n_layer - choices.n_layer_less)):
        x, n_in = elman_states(x, n_in, h, choices, fill), h
    logits = x @ fill((v, h)).T + (fill((v,)) if choices.has_head_bias else 0.0)
    if choices.result == "probabilities":
        return softmax(logits)
    if choices.result == "log_probabilities":
        logits = logits - logits.max(axis=-1, keepdims=True)
        return np.asarray(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)))
    return np.asarray(logits)


def likely_sizes(vocab_size: int, shapes: Iterable[Sequence[int]], n_layer: int) -> Iterator[RecurrentSizes]:
    """Yield the sizes that the matrices of a model allow: a head (V, H), and an embedding (V, D) or one-hot inputs.

    A model whose embedding and head are of one shape has them both; the number of (H, H) maps says nothing then.
    """
    matrices = Counter(
        tuple(sorted(size for size in shape if size != 1))
        for shape in shapes
        if sum(s != 1 for s in shape) == 2
    )
    beside = [
        next((n for n in pair if n != vocab_size), vocab_size) for pair in matrices if vocab_size in pair
    ]
    for h, d in itertools.product(beside, [*beside, 0]):
        first = tuple(sorted((h, d or vocab_size)))
        joint = tuple(sorted((h, h + (d or vocab_size))))
        if first in matrices or joint in matrices:
            yield RecurrentSizes(vocab_size, d, h, n_layer)


def recurrent_reading(
    trials: Sequence[Trial], vocab_size: int, shapes: Iterable[Sequence[int]], n_layer: int = 1
) -> Reading:
    """Return the accepted convention that fits every trial, else the fault, else nothing known.

    Parameters
    ----------
    shapes
        Those of the model's own tensors.
    """
    known = [tuple(shape) for shape in shapes]
    sizes = list(likely_sizes(vocab_size, known, n_layer))
    for one in sizes:
        found = _first_fit(trials, one, _readings())
        if found is not None:
            return Reading(words_of(found, one), is_known=True)
    if any(not np.all(np.isfinite(trial.output)) for trial in trials):
        return Reading(fault="The output is not a number (NaN).", is_known=True)
    for fault, changes in FAULTS.items():
        for one in sizes:
            wrong = (replace(choices, **changes) for choices in _readings())  # type: ignore[arg-type]
            found = _first_fit(trials, one, wrong)
            if found is not None:
                return Reading(words_of(found, one), fault, is_known=True)
    return Reading()


def _readings() -> Iterator[RecurrentChoices]:
    for result, head, n_biases, joint in itertools.product(
        ("logits", "log_probabilities"),
        (True, False),
        (1, 2, 0),
        ((False, False), (True, False), (True, True)),
    ):
        yield RecurrentChoices(n_biases, *joint, has_head_bias=head, result=result)


def _first_fit(
    trials: Sequence[Trial], sizes: RecurrentSizes, candidates: Iterable[RecurrentChoices]
) -> RecurrentChoices | None:
    return next(
        (one for one in candidates if all(_error(trial, sizes, one) < RTOL for trial in trials)), None
    )


def _error(trial: Trial, sizes: RecurrentSizes, choices: RecurrentChoices) -> float:
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return fitted(trial.output, elman_scores(trial.tokens, sizes, choices, trial.fill))
    except ValueError:  # the sizes do not allow it
        return float("inf")


def words_of(choices: RecurrentChoices, sizes: RecurrentSizes) -> tuple[str, ...]:
    """Return the accepted conventions among the choices, in words."""
    words = [] if sizes.d_embed else ["tokens as one-hot vectors"]
    for name, values in CONVENTIONS.items():
        held = getattr(choices, name)
        words += [said for value, said in values if value == held and said]
    return tuple(words)
