"""The causal Transformer as a formula, with every accepted reading and every typical mistake as a choice.

The weights come from a function of a tensor's shape, so that the same canonical values stand in the student's
network and here. Sources: Vaswani et al. 2017; Xiong et al. 2020 (pre-norm); Hendrycks and Gimpel 2016 (GELU and
its tanh approximation); Press and Wolf 2017 (tied head).
Shapes: B sequences, T tokens, C = d_model, H heads, D = C / H, V = vocab_size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from autograder.stats.arrays import FloatArray

Fill = Callable[[Sequence[int]], FloatArray]
"""The values of a tensor of some shape."""


@dataclass(frozen=True)
class Sizes:
    """Sizes of a language model."""

    vocab_size: int
    d_model: int
    n_head: int
    d_ff: int
    n_layer: int
    context_length: int = 128


@dataclass(frozen=True)
class Choices:
    """How a Transformer is written: the defaults are torch's usual answers to what a sheet leaves open."""

    # What a sheet leaves open.
    positions: str = "interleaved"  # concatenated, tensor2tensor, or a mistake: none, learned, ...
    has_qkv_bias: bool = True
    has_output_bias: bool = True
    has_ff_bias: bool = True
    has_norm_bias: bool = True
    has_head_bias: bool = True
    has_final_norm: bool = True
    is_embedding_scaled: bool = False
    activation: str = "gelu"  # gelu_tanh; relu, silu, none
    is_time_first: bool = False
    norm_ddof: int = 0
    result: str = "logits"  # log_probabilities; probabilities
    # What is right in one way only.
    base: float = 10_000.0
    first_position: int = 0
    norm: str = (
        "pre"  # post, none, both, replaces (the residual adds to the normalised copy), or of one part alone:
    )
    # replaces_first, replaces_second; first, second (the other part has none)
    mask: str = "causal"  # none, inverted, strict, loose, after_softmax, zeros, batch
    scale: str = "sqrt_d_head"  # none, d_head, sqrt_d_model
    n_head_factor: float = 1.0
    softmax_axis: int = -1
    split: str = "heads"  # reshaped: without the transposition
    merge: str = "heads"  # reshaped
    has_first_norm: bool = False
    has_output_projection: bool = True
    has_attention: bool = True
    has_feed_forward: bool = True
    has_attention_residual: bool = True
    has_ff_residual: bool = True
    n_layer_less: int = 0


def positions_of(n: int, sizes: Sizes, choices: Choices, fill: Fill) -> FloatArray:
    """Return the position vectors (n, C).

    Column 2i holds sin(t / base^(2i / C)), column 2i + 1 the cosine; `concatenated` has all sines first;
    `tensor2tensor` too, with rates base^(-i / (C/2 - 1)).
    """
    d = sizes.d_model
    if choices.positions == "none":
        return np.zeros((n, d))
    if choices.positions == "learned":
        return fill((sizes.context_length, d))[:n]
    t = np.arange(n)[:, None] + choices.first_position
    half = np.arange(d // 2)
    exponents = {
        "tensor2tensor": half / max(1, d // 2 - 1),
        "doubled": 4 * half / d,
        "halved": half / d,
    }.get(choices.positions, 2 * half / d)
    angles = t * choices.base ** (-exponents)
    sine, cosine = np.sin(angles), np.cos(angles)
    if choices.positions in ("concatenated", "tensor2tensor"):
        return np.concatenate([sine, cosine], axis=1)
    if (
        choices.positions == "per_column"
    ):  # sin or cos by the column's parity, each column with a rate of its own
        angles = t * choices.base ** (-np.arange(d) / d)
        return np.where(np.arange(d) % 2 == 0, np.sin(angles), np.cos(angles))
    if choices.positions == "per_column_doubled":
        angles = t * choices.base ** (-2 * np.arange(d) / d)
        return np.where(np.arange(d) % 2 == 0, np.sin(angles), np.cos(angles))
    pair = [cosine, sine] if choices.positions == "cosine_first" else [sine, cosine]
    if choices.positions == "sine_only":
        pair = [sine, sine]
    return np.stack(pair, axis=-1).reshape(n, d)


def layer_norm(x: FloatArray, weight: FloatArray, bias: FloatArray | None, ddof: int = 0) -> FloatArray:
    """Return (x - mean) / sqrt(variance + 1e-5) * weight + bias over the last axis."""
    centred = x - x.mean(axis=-1, keepdims=True)
    n = x.shape[-1] - ddof
    z = centred / np.sqrt(np.sum(centred**2, axis=-1, keepdims=True) / n + 1e-5)
    return np.asarray(z * weight + (0.0 if bias is None else bias))


def activated(x: FloatArray, kind: str) -> FloatArray:
    """Return an activation function by its name: gelu, gelu_tanh, relu, silu, tanh, sigmoid, none, leaky_relu:0.2."""
    if kind == "gelu":
        return np.asarray(0.5 * x * (1.0 + scipy.special.erf(x / math.sqrt(2.0))))
    if kind == "gelu_tanh":
        return np.asarray(0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))))
    if kind == "relu":
        return np.maximum(x, 0.0)
    if kind == "silu":
        return np.asarray(x * scipy.special.expit(x))
    if kind == "tanh":
        return np.asarray(np.tanh(x))
    if kind == "sigmoid":
        return np.asarray(scipy.special.expit(x))
    if kind.startswith("leaky_relu:"):
        return np.where(x > 0, x, float(kind.partition(":")[2]) * x)
    if kind == "none":
        return x
    raise ValueError(f"no activation is called {kind!r}")


def softmax(x: FloatArray, axis: int = -1) -> FloatArray:
    """Return exp(x) / sum exp(x) along an axis; rows that are masked throughout are uniform."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


MASKED = -1e9


def attention_weights(scores: FloatArray, choices: Choices) -> FloatArray:
    """Return the weights (B, H, T, T) of scores (B, H, T, T) under a mask."""
    n, m = scores.shape[-2:]
    row, column = np.arange(n)[:, None], np.arange(m)[None, :]
    allowed = {
        "causal": column <= row,
        "after_softmax": column <= row,
        "zeros": column <= row,
        "inverted": column > row,
        "inverted_inclusive": column >= row,
        "strict": column < row,
        "loose": column <= row + 1,
    }.get(choices.mask, np.ones((n, m), bool))
    axis = choices.softmax_axis
    if choices.mask == "after_softmax":
        return softmax(scores, axis) * allowed
    if choices.mask == "after_softmax_renormalised":
        weights = softmax(scores, axis) * (column <= row)
        return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
    return softmax(np.where(allowed, scores, 0.0 if choices.mask == "zeros" else MASKED), axis)


def attended(x: FloatArray, sizes: Sizes, choices: Choices, fill: Fill) -> FloatArray:
    """Return multi-head self-attention (B, T, C) of x (B, T, C); all four projections hold the same map."""
    b, t, d = x.shape
    n_head = max(1, round(sizes.n_head * choices.n_head_factor))
    matrix, vector = fill((d, d)), fill((d,))
    q = x @ matrix.T + (vector if choices.has_qkv_bias else 0.0)
    heads = q.reshape(b, n_head, t, -1)
    if choices.split == "heads":
        heads = q.reshape(b, t, n_head, -1).swapaxes(1, 2)
    scale = {
        "sqrt_d_head": math.sqrt(d / n_head),
        "none": 1.0,
        "d_head": d / n_head,
        "sqrt_d_model": math.sqrt(d),
        "sqrt_n_tokens": math.sqrt(t),
        "multiplied": 1.0 / math.sqrt(d / n_head),
        "twice": d / n_head,
    }[choices.scale]
    weights = attention_weights(heads @ heads.swapaxes(-1, -2) / scale, choices)
    out = weights @ heads
    if choices.merge == "heads":
        out = out.transpose(0, 2, 1, 3)
    merged = out.reshape(b, t, d)
    if not choices.has_output_projection:
        return merged
    return np.asarray(merged @ matrix.T + (vector if choices.has_output_bias else 0.0))


def fed_forward(x: FloatArray, sizes: Sizes, choices: Choices, fill: Fill) -> FloatArray:
    """Return the feed-forward network (B, T, C) of x (B, T, C)."""
    up, down = fill((sizes.d_ff, sizes.d_model)), fill((sizes.d_model, sizes.d_ff))
    hidden = x @ up.T + (fill((sizes.d_ff,)) if choices.has_ff_bias else 0.0)
    out = activated(hidden, choices.activation) @ down.T
    return np.asarray(out + (fill((sizes.d_model,)) if choices.has_ff_bias else 0.0))


def block(x: FloatArray, sizes: Sizes, choices: Choices, fill: Fill) -> FloatArray:
    """Return the residual stream (B, T, C) after one block."""
    vector = fill((sizes.d_model,))

    def normed(y: FloatArray) -> FloatArray:
        return layer_norm(y, vector, vector if choices.has_norm_bias else None, choices.norm_ddof)

    parts = (
        ("first", choices.has_attention, attended, choices.has_attention_residual),
        ("second", choices.has_feed_forward, fed_forward, choices.has_ff_residual),
    )
    everywhere = ("pre", "both", "replaces", "replaces_first", "replaces_second")
    for place, is_there, part, has_residual in parts:
        if not is_there:
            continue
        inside = normed(x) if choices.norm in (*everywhere, place) else x
        update = part(inside, sizes, choices, fill)
        if has_residual:
            update = update + (inside if choices.norm in ("replaces", f"replaces_{place}") else x)
        x = normed(update) if choices.norm in ("post", "both") else update
    return x


def next_token_scores(tokens: FloatArray, sizes: Sizes, choices: Choices, fill: Fill) -> FloatArray:
    """Return the logits (B, T, V), or what else `choices.result` names, for tokens (B, T)."""
    tokens = np.asarray(tokens, dtype=np.int64)
    if choices.is_time_first:
        tokens = tokens.T
    x = fill((sizes.vocab_size, sizes.d_model))[tokens]
    if choices.is_embedding_scaled:
        x = x * math.sqrt(sizes.d_model)
    if choices.positions == "multiplied":
        added = positions_of(tokens.shape[1], sizes, replace(choices, positions="interleaved"), fill)
        x = x * added.astype(x.dtype)
    elif choices.positions == "along_batch":
        x = x + positions_of(len(tokens), sizes, choices, fill).astype(x.dtype)[:, None]
    else:
        x = x + positions_of(tokens.shape[1], sizes, choices, fill).astype(x.dtype)
    vector = fill((sizes.d_model,))
    if choices.has_first_norm:
        x = layer_norm(x, vector, vector if choices.has_norm_bias else None, choices.norm_ddof)
    if choices.mask == "batch":  # the attention looks along the batch; positions were added along the tokens
        x = x.swapaxes(0, 1)
    inner = choices if choices.mask != "batch" else replace(choices, mask="causal")
    for _ in range(sizes.n_layer - choices.n_layer_less):
        x = block(x, sizes, inner, fill)
    if choices.mask == "batch":
        x = x.swapaxes(0, 1)
    if choices.has_final_norm:
        x = layer_norm(x, vector, vector if choices.has_norm_bias else None, choices.norm_ddof)
    logits = x @ fill((sizes.vocab_size, sizes.d_model)).T
    if choices.has_head_bias:
        logits = logits + fill((sizes.vocab_size,))
    if choices.result == "probabilities":
        logits = softmax(logits)
    if choices.result == "log_probabilities":
        logits = np.log(softmax(logits))
    return np.asarray(logits.swapaxes(0, 1) if choices.is_time_first else logits)


def n_parameters(sizes: Sizes, choices: Choices, is_tied: bool) -> int:
    """Return how many trainable numbers a language model of these sizes and choices has."""
    d, f, v = sizes.d_model, sizes.d_ff, sizes.vocab_size
    norm = d * (1 + choices.has_norm_bias)
    attention = 4 * d * d + d * (3 * choices.has_qkv_bias + choices.has_output_bias)
    feed_forward = 2 * d * f + choices.has_ff_bias * (f + d)
    head = (0 if is_tied else v * d) + choices.has_head_bias * v
    blocks = sizes.n_layer * (2 * norm + attention + feed_forward)
    return v * d + blocks + choices.has_final_norm * norm + head
