"""Which accepted reading of a formula a network's output fits, else which typical mistake.

A search over the choices of :mod:`autograder.stats.language_models`, and over those of layers in a row
(:mod:`autograder.stats.layers`): the first that fits on every canonical filling is named.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autograder.stats.arrays import FloatArray
from autograder.stats.language_models import Choices, Fill, Sizes, next_token_scores

N_FAULTY_BASES = 3
OTHER_COUNTS = (2, 3, 4, 6, 8, 12, 16)
"""Numbers of heads that a model may have in place of the right one."""
NOT_A_NUMBER = "The output is not a number (NaN): the mask hides everything from one of the positions."
RTOL = 2e-4
"""Largest error, in units of the output's spread. Single precision errs by 1e-6, the tanh in GELU by 1e-3."""


@dataclass(frozen=True)
class Reading:
    """What an output was recognised as: a convention, a mistake, or nothing known."""

    conventions: tuple[str, ...] = ()
    """In words; only what differs from torch's usual answers, and empty for exactly these."""
    fault: str = ""
    is_known: bool = False

    @property
    def is_right(self) -> bool:
        """Whether an accepted convention fits."""
        return self.is_known and not self.fault


@dataclass(frozen=True)
class Trial:
    """One run with canonical weights: inputs, what came out, and the filling it was made with."""

    tokens: FloatArray
    output: FloatArray
    fill: Fill


def error_of(output: FloatArray, expected: FloatArray) -> float:
    """Return the largest absolute difference in units of the expected spread; inf when shapes differ or NaN."""
    if output.shape != expected.shape or not np.all(np.isfinite(output)):
        return float("inf")
    spread = float(np.std(expected))
    return float(np.max(np.abs(output - expected))) / max(spread, 1e-12)


def fitted(output: FloatArray, expected: FloatArray) -> float:
    """Return the error of an output that may hold all positions, only the last, or all in one long list."""
    if output.ndim == 2 and expected.ndim == 3 and output.shape[0] == expected.shape[0] * expected.shape[1]:
        output = output.reshape(expected.shape)
    elif output.ndim == 2 and expected.ndim == 3 and output.shape == expected[:, -1].shape:
        expected = expected[:, -1]
    elif output.ndim == 3 and output.shape[1] == 1 and expected.ndim == 3:
        expected = expected[:, -1:]
    return error_of(output, expected)


CONVENTIONS: dict[str, tuple[tuple[object, str], ...]] = {
    "positions": (
        ("interleaved", ""),
        ("concatenated", "all sines before all cosines in the positions"),
        ("tensor2tensor", "all sines before all cosines, with the rates of tensor2tensor"),
    ),
    "activation": (("gelu", ""), ("gelu_tanh", "GELU by its tanh approximation")),
    "has_final_norm": ((True, ""), (False, "no norm after the last block")),
    "is_embedding_scaled": ((False, ""), (True, "the embedding times √d_model")),
    "has_qkv_bias": ((True, ""), (False, "no biases in the query, key and value projections")),
    "has_output_bias": ((True, ""), (False, "no bias in the output projection")),
    "has_ff_bias": ((True, ""), (False, "no biases in the feed-forward network")),
    "has_norm_bias": ((True, ""), (False, "no biases in the norms")),
    "has_head_bias": ((True, ""), (False, "no bias in the head")),
    "is_time_first": ((False, ""), (True, "tokens of shape (T, B)")),
    "norm_ddof": ((0, ""), (1, "norms with the unbiased variance")),
    "result": (("logits", ""), ("log_probabilities", "log-probabilities as the output")),
}
"""What a sheet leaves open: for each choice its values and, beyond torch's usual answer, their words."""

FAULTS: dict[str, dict[str, object]] = {
    "There is no causal mask: every position sees the whole sequence.": {"mask": "none"},
    "The norm stands after each residual sum (post-norm) in place of before each part (pre-norm).": {
        "norm": "post"
    },
    "The feed-forward network uses ReLU in place of GELU.": {"activation": "relu"},
    "It is a post-norm block with ReLU (torch's defaults): norm_first=True and activation='gelu' are missing.": {
        "norm": "post",
        "activation": "relu",
    },
    "The scores are not divided by √d_head.": {"scale": "none"},
    "The scores are divided by d_head in place of its square root.": {"scale": "d_head"},
    "The scores are divided by √d_model in place of √d_head.": {"scale": "sqrt_d_model"},
    "The scores are multiplied by √d_head in place of divided.": {"scale": "multiplied"},
    "The scores are divided by the square root of the number of tokens.": {"scale": "sqrt_n_tokens"},
    "The mask is inverted: a position sees the future only.": {"mask": "inverted"},
    "The mask is inverted: a position sees itself and the future.": {"mask": "inverted_inclusive"},
    "The mask is off by one: a position does not see itself.": {"mask": "strict"},
    "The mask is off by one: a position sees the token that it has to predict.": {"mask": "loose"},
    "The mask is applied after the softmax, so the weights no longer sum to 1.": {"mask": "after_softmax"},
    "Masked scores are set to 0 in place of minus infinity.": {"mask": "zeros"},
    "The attention looks along the batch in place of along the tokens (batch_first).": {"mask": "batch"},
    "The residual connection around the attention is missing.": {"has_attention_residual": False},
    "The residual connection around the feed-forward network is missing.": {"has_ff_residual": False},
    "Both residual connections are missing.": {"has_attention_residual": False, "has_ff_residual": False},
    "The residual adds to the normalised copy in place of the stream itself.": {"norm": "replaces"},
    "The residual around the attention adds to the normalised copy in place of the stream itself.": {
        "norm": "replaces_first"
    },
    "The residual around the feed-forward network adds to the normalised copy in place of the stream itself.": {
        "norm": "replaces_second"
    },
    "There is no LayerNorm before the attention.": {"norm": "second"},
    "There is no LayerNorm before the feed-forward network.": {"norm": "first"},
    "There is no LayerNorm in the blocks.": {"norm": "none"},
    "There is a norm both before and after each part.": {"norm": "both"},
    "There are no positions: nothing tells the order of the tokens.": {"positions": "none"},
    "The positions are learned; the sheet asks for sinusoids.": {"positions": "learned"},
    "The positions are counted from 1 in place of 0.": {"first_position": 1},
    "The base of the position rates is 1,000 in place of 10,000.": {"base": 1_000.0},
    "The base of the position rates is 100 in place of 10,000.": {"base": 100.0},
    "The base of the position rates is 100,000 in place of 10,000.": {"base": 100_000.0},
    "The exponent of the position rates is twice what it should be (2i is doubled again).": {
        "positions": "doubled"
    },
    "The exponent of the position rates is half of what it should be (i / d in place of 2i / d).": {
        "positions": "halved"
    },
    "Sine and cosine of a pair have different rates (each column has its own).": {"positions": "per_column"},
    "Sine and cosine of a pair have different rates (each column has its own, doubled).": {
        "positions": "per_column_doubled"
    },
    "The positions have the cosine in the even columns and the sine in the odd ones.": {
        "positions": "cosine_first"
    },
    "The positions have sines only, no cosines.": {"positions": "sine_only"},
    "The embedding is multiplied by the positions in place of adding them.": {"positions": "multiplied"},
    "There is one head in place of {n_head}.": {"n_head_factor": 0.0},
    "There are d_head heads of size n_head: the two sizes are exchanged.": {"n_head_factor": -1.0},
    "The heads are merged in the wrong order: the transposition before the reshape is missing.": {
        "merge": "reshaped"
    },
    "The heads are split in the wrong order: a reshape to (B, H, T, D) in place of a transposition.": {
        "split": "reshaped"
    },
    "The heads are split and merged by a reshape alone, without a transposition: each head sees other tokens.": {
        "split": "reshaped",
        "merge": "reshaped",
    },
    "The softmax of the attention runs over the queries in place of the keys.": {"softmax_axis": -2},
    "The softmax of the attention runs over the heads in place of the keys.": {"softmax_axis": 1},
    "The softmax of the attention runs over the batch in place of the keys.": {"softmax_axis": 0},
    "There is one block less than there should be.": {"n_layer_less": 1},
    "There is one block more than there should be.": {"n_layer_less": -1},
    "One of the value and output projections of the attention is missing.": {"has_output_projection": False},
    "The positions run along the batch in place of along the tokens.": {"positions": "along_batch"},
    "The last norm stands before the blocks in place of after them.": {
        "has_final_norm": False,
        "has_first_norm": True,
    },
    "The feed-forward network has no activation.": {"activation": "none"},
    "The feed-forward network uses SiLU in place of GELU.": {"activation": "silu"},
    "The feed-forward network uses tanh in place of GELU.": {"activation": "tanh"},
    "The attention is never added: the blocks hold the feed-forward network only.": {"has_attention": False},
    "The feed-forward network is never added: the blocks hold the attention only.": {
        "has_feed_forward": False
    },
    "The model ends in a softmax; the cross-entropy applies another one.": {"result": "probabilities"},
}
"""The dictionary of faults: what each says in the student's words, and the choices that give it."""


def language_reading(trials: Sequence[Trial], sizes: Sizes, shapes: Iterable[Sequence[int]]) -> Reading:
    """Return the accepted convention that fits every trial, else the fault, else nothing known.

    Parameters
    ----------
    shapes
        Those of the model's own tensors: which of them are there says which biases to expect.
    """
    trials = [replace(trial, fill=_in_single_precision(trial.fill)) for trial in trials]
    results = _possible_results([trial.output for trial in trials])
    bases = list(likely_conventions(sizes, [tuple(shape) for shape in shapes]))
    usual = [c for base in bases for c in _open_choices(base, results, (False, True))]
    rare = [replace(choices, norm_ddof=1) for choices in usual if not choices.is_time_first]
    best = _first_fit(trials, sizes, itertools.chain(usual, rare))
    if best is not None:
        return Reading(words_of(best), is_known=True)
    if any(not np.all(np.isfinite(trial.output)) for trial in trials):
        return Reading(fault=NOT_A_NUMBER, is_known=True)
    accepted = [c for base in bases[:N_FAULTY_BASES] for c in _open_choices(base, results, (False,))]
    for fault, changes in (FAULTS | _other_counts_of_heads(sizes)).items():
        wrong = dict.fromkeys(_changed(choices, changes, sizes) for choices in accepted)
        found = _first_fit(trials, sizes, wrong)
        if found is not None:
            return Reading(words_of(found), fault.format(n_head=sizes.n_head), is_known=True)
    return Reading()


def _other_counts_of_heads(sizes: Sizes) -> dict[str, dict[str, object]]:
    return {
        f"There are {n} heads in place of {{n_head}}.": {"n_head_factor": n / sizes.n_head}
        for n in OTHER_COUNTS
        if sizes.d_model % n == 0 and n != sizes.n_head
    }


def _in_single_precision(fill: Fill) -> Fill:
    """Return a filling that rounds, as the network itself does, and that twice as fast."""
    kept: dict[tuple[int, ...], FloatArray] = {}

    def rounded(shape: Sequence[int]) -> FloatArray:
        shape = tuple(shape)
        if shape not in kept:
            kept[shape] = fill(shape).astype(np.float32)
        return kept[shape]

    return rounded


def _changed(choices: Choices, changes: dict[str, object], sizes: Sizes) -> Choices:
    wrong = replace(choices, **changes)  # type: ignore[arg-type]
    if wrong.n_head_factor <= 0:
        exchanged = sizes.d_model // sizes.n_head / sizes.n_head
        factor = 1 / sizes.n_head if wrong.n_head_factor == 0 else exchanged
        wrong = replace(wrong, n_head_factor=factor)
    return wrong


def likely_conventions(sizes: Sizes, shapes: Sequence[tuple[int, ...]]) -> Iterator[Choices]:
    """Yield the combinations of biases and of the final norm that the lengths of the vectors allow."""
    vectors = [int(np.prod(shape)) for shape in shapes if sum(size != 1 for size in shape) <= 1]
    d, f, v = sizes.d_model, sizes.d_ff, sizes.vocab_size
    has_head_bias = v in vectors or not vectors
    n_ff = sum(n == f for n in vectors)
    rest = [n for n in vectors if n not in (f, v)]
    total = sum(rest) / d
    fallback = []
    is_none_likely = True
    for norm, qkv, out, ff, final in itertools.product((True, False), repeat=5):
        choices = Choices(
            has_norm_bias=norm,
            has_qkv_bias=qkv,
            has_output_bias=out,
            has_ff_bias=ff,
            has_final_norm=final,
            has_head_bias=has_head_bias,
        )
        expected = sizes.n_layer * (2 * (1 + norm) + 3 * qkv + out + ff) + final * (1 + norm)
        if abs(total - expected) < 1e-9 and ff == (n_ff > 0):
            is_none_likely = False
            yield choices
        elif norm and ff == (n_ff > 0) and qkv == out:
            fallback.append(choices)
    if is_none_likely:  # a block less, a norm more: the usual combinations
        yield from fallback


def _possible_results(outputs: Sequence[FloatArray]) -> tuple[str, ...]:
    """Return what the outputs can be: probabilities and their logarithms sum to 1, logits do not."""
    with np.errstate(all="ignore"):
        if all(np.allclose(output.sum(axis=-1), 1.0, atol=1e-4) for output in outputs):
            return ("logits", "probabilities")
        if all(np.allclose(np.exp(output).sum(axis=-1), 1.0, atol=1e-4) for output in outputs):
            return ("log_probabilities",)
    return ("logits",)


def _open_choices(base: Choices, results: Iterable[str], time_first: Iterable[bool]) -> Iterator[Choices]:
    """Yield the readings of what no tensor shows, the usual ones first."""
    names = ("is_embedding_scaled", "positions", "activation")
    values = [[value for value, _ in CONVENTIONS[name]] for name in names]
    for is_time_first, result, *combination in itertools.product(time_first, results, *values):
        if result == "probabilities":
            continue  # never an accepted one; see FAULTS
        open_choices = dict(zip(names, combination, strict=True))
        yield replace(base, result=result, is_time_first=is_time_first, **open_choices)  # type: ignore[arg-type]


def _first_fit(trials: Sequence[Trial], sizes: Sizes, candidates: Iterable[Choices]) -> Choices | None:
    """Return the choices that fit every trial, of these the best; the search ends at the first neat fit."""
    first = _first_sequence(trials[0])
    best: tuple[float, Choices] | None = None
    for choices in candidates:
        is_mixing = choices.is_time_first or choices.mask == "batch" or choices.softmax_axis == 0
        if first is not None and not is_mixing and _error(first, sizes, choices) > RTOL:
            continue
        worst = max(_error(trial, sizes, choices) for trial in trials)
        if worst < RTOL and (best is None or worst < best[0]):
            best = (worst, choices)
            if worst < RTOL / 20:
                break
    return None if best is None else best[1]


def _first_sequence(trial: Trial) -> Trial | None:
    """Return the first sequence alone, for a quick look; None when the output does not tell which part is its."""
    if len(trial.output) != len(trial.tokens):
        return None
    return Trial(trial.tokens[:1], trial.output[:1], trial.fill)


def _error(trial: Trial, sizes: Sizes, choices: Choices) -> float:
    try:
        return fitted(trial.output, next_token_scores(trial.tokens, sizes, choices, trial.fill))
    except ValueError:  # the sizes do not allow it
        return float("inf")


def words_of(choices: Choices) -> tuple[str, ...]:
    """Return the accepted conventions among the choices, in words."""
    words = []
    for name, values in CONVENTIONS.items():
        held = getattr(choices, name)
        words += [text for value, text in values if value == held and text]
    return tuple(words)
