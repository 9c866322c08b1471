"""Beam search: the best of several beginnings that are extended token by token (Graves 2012)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def beam_search(
    model: nn.Module, prompt: Tensor, n_tokens: int, beam_width: int = 4, context_length: int = 64
) -> Tensor:
    """Return the prompt followed by the n_tokens of the best path that a beam finds.

    Of all continuations by one token of the paths that are kept, the `beam_width` with the largest log-probability stay.

    Parameters
    ----------
    model
        Tokens (B, T) to logits (B, T, V); in evaluation mode.
    prompt
        Tokens (n_prompt,), at least one.
    beam_width
        How many paths are kept; 1 is greedy decoding.
    context_length
        The model is shown the last context_length tokens and no more.

    Returns
    -------
    Tensor
        Shape (n_prompt + n_tokens,).

    Raises
    ------
    ValueError
        The width is less than 1.
    """
    if beam_width < 1:
        raise ValueError(f"expected a width of at least 1, got {beam_width}")
    paths, scores = prompt[None], torch.zeros(1)  # (W, T), (W,)
    for _ in range(n_tokens):
        log_probs = torch.log_softmax(model(paths[:, -context_length:])[:, -1], dim=-1)  # (W, V)
        total = (scores[:, None] + log_probs).flatten()  # (W V,)
        scores, places = total.topk(min(beam_width, len(total)))  # (W,), in falling order
        vocab_size = log_probs.shape[-1]
        parents, tokens = places // vocab_size, places % vocab_size
        paths = torch.cat([paths[parents], tokens[:, None]], dim=1)
    return paths[0]
