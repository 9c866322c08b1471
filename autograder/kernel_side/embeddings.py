"""How a live language model takes its tokens in: how its embedding is spread and scaled, and whether the head shares it.

How fast a model learns depends on it. What is told is plain data::

    sd        standard deviation of the weights of the token embedding
    factor    what they are multiplied by before the first norm sees them; absent where no norm is a layer
    is_tied   whether the head has the embedding's weights
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

Run = Callable[[list[list[int]]], Any]


def embedding_of(torch: Any, model: Any, run: Run) -> dict[str, Any]:
    """What is told of the token embedding of a module (an evaluated copy); nothing where there is none.

    `run` puts rows of tokens (B, T) through the model.
    """
    if not isinstance(model, torch.nn.Module):
        return {}
    embeddings = [one for one in model.modules() if isinstance(one, torch.nn.Embedding)]
    seen: list[Any] = []
    streams: list[Any] = []

    def looks_up(layer: Any, given: Any, _result: Any) -> None:
        if given and given[0].numel() == 2 and sorted(given[0].reshape(-1).tolist()) == [0, 1]:
            seen.append(layer)

    def normalises(_layer: Any, given: Any) -> None:
        if given:
            streams.append(given[0].detach())

    # Two rows of one token: the same position, so that positions of any kind cancel in the difference.
    hooks = [layer.register_forward_hook(looks_up) for layer in embeddings]
    hooks += [
        layer.register_forward_pre_hook(normalises)
        for layer in model.modules()
        if isinstance(layer, torch.nn.LayerNorm)
    ]
    with contextlib.suppress(Exception):  # what a model does with one token is its own affair
        run([[0], [1]])
    for hook in hooks:
        hook.remove()
    if not seen:
        return {}
    layer = seen[0]
    weight = layer.weight.detach()
    told: dict[str, Any] = {"sd": float(weight.double().std()), "is_tied": _is_tied(torch, model, layer)}
    apart = float((weight[0] - weight[1]).double().norm())
    if streams and streams[0].numel() == 2 * weight.shape[1] and apart > 0:
        with contextlib.suppress(RuntimeError):
            first, second = streams[0].reshape(2, -1).double()
            told["factor"] = float((first - second).norm()) / apart
    return told


def _is_tied(torch: Any, model: Any, layer: Any) -> bool:
    """Whether a layer of torch's has the embedding's weights, or none gives as many outputs as there are tokens."""
    heads = [
        one
        for one in model.modules()
        if isinstance(one, torch.nn.Linear) and one.out_features == layer.num_embeddings
    ]
    return not any(one.weight.data_ptr() != layer.weight.data_ptr() for one in heads)
