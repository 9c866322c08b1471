"""How the next token is drawn: each strategy turns a law into another law, and `generate` draws from that.

Laws are log-probabilities (..., V); what a strategy rules out gets -inf, and the rest is normalised again.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Strategy = Callable[[Tensor], Tensor]
NextTokenLogits = Callable[[Tensor], Tensor]


def greedy(log_probs: Tensor) -> Tensor:
    """Return the law that always takes the most probable token; of equal ones, the first in the vocabulary."""
    return top_k(log_probs, 1)


def top_k(log_probs: Tensor, k: int) -> Tensor:
    """Return the law of the k most probable tokens (Fan et al. 2018).

    Exactly k tokens stay (all V where k is larger); where the k-th place is shared, those that come first in the
    vocabulary stay.

    Raises
    ------
    ValueError
        k is less than 1.
    """
    if k < 1:
        raise ValueError(f"expected k >= 1, got {k}")
    order = torch.sort(log_probs, dim=-1, descending=True, stable=True).indices  # (..., V)
    return _keep(log_probs, order, torch.arange(log_probs.shape[-1]).expand(log_probs.shape) < k)


def nucleus(log_probs: Tensor, p: float) -> Tensor:
    """Return the law of the smallest set of most probable tokens whose mass reaches p (Holtzman et al. 2020).

    The token that crosses p is in the set, so one token always stays; equal ones enter in the order of the
    vocabulary. With p = 1 everything stays.

    Raises
    ------
    ValueError
        p is not in (0, 1].
    """
    if not 0.0 < p <= 1.0:
        raise ValueError(f"expected 0 < p <= 1, got {p}")
    if p == 1.0:  # a sum of probabilities can round to 1 before its last terms
        return torch.log_softmax(log_probs, dim=-1)
    ordered = torch.sort(log_probs, dim=-1, descending=True, stable=True)
    probs = torch.softmax(ordered.values.double(), dim=-1)  # (..., V), falling
    mass_before = probs.cumsum(dim=-1) - probs
    is_in = mass_before < p
    is_in[..., 0] = True
    return _keep(log_probs, ordered.indices, is_in)


def temperature(log_probs: Tensor, t: float) -> Tensor:
    """Return the law proportional to p^(1 / t): sharper for t < 1, flatter for t > 1, unchanged for t = 1.

    Raises
    ------
    ValueError
        t is not positive (the limit at 0 is `greedy`).
    """
    if not (0.0 < t < math.inf):
        raise ValueError(f"expected a temperature > 0, got {t}")
    return torch.log_softmax(log_probs / t, dim=-1)


def _keep(log_probs: Tensor, order: Tensor, is_kept: Tensor) -> Tensor:
    """Return the law without the tokens order[i] where is_kept[i] is False; all shapes (..., V)."""
    is_kept_token = torch.zeros_like(is_kept).scatter(-1, order, is_kept)
    return torch.log_softmax(log_probs.masked_fill(~is_kept_token, -math.inf), dim=-1)


@torch.no_grad()
def generate(
    model: NextTokenLogits,
    prompt: Tensor,
    n_tokens: int,
    strategy: Strategy,
    generator: torch.Generator,
    context_length: int = 128,
) -> Tensor:
    """Return the prompt followed by n_tokens drawn one after the other.

    Parameters
    ----------
    model
        Tokens (1, T) to logits (1, T, V); a module should be in evaluation mode.
    prompt
        Tokens (n_prompt,), at least one.
    strategy
        Log-probabilities (V,) to those of the law to draw from: `greedy`, `partial(top_k, k=20)`, ...
    generator
        Source of the draws.
    context_length
        The model is shown the last context_length tokens and no more.

    Returns
    -------
    Tensor
        Shape (n_prompt + n_tokens,).
    """
    if prompt.ndim != 1 or len(prompt) < 1 or n_tokens < 0:
        raise ValueError(
            f"expected a prompt (n >= 1,) and n_tokens >= 0, got {tuple(prompt.shape)}, {n_tokens}"
        )
    tokens = prompt
    for _ in range(n_tokens):
        logits = model(tokens[None, -context_length:])[0, -1]  # (V,)
        law = strategy(torch.log_softmax(logits, dim=-1))  # (V,)
        token = torch.multinomial(law.exp(), 1, generator=generator)  # (1,)
        tokens = torch.cat([tokens, token])
    return tokens
