"""What a live torch module consists of: its leaves, its tensors, and what it forgot to register."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from .values import MAX_ITEMS, is_tensor

MAX_LEAVES = 400
SETTINGS = (
    "p", "negative_slope", "eps", "approximate", "dim", "num_heads", "batch_first", "norm_first", "in_features",
    "out_features", "in_channels", "out_channels", "kernel_size", "stride", "padding", "num_embeddings",
    "embedding_dim", "normalized_shape", "affine", "inplace",
)  # fmt: skip
"""Attributes of torch's own layers that say what they compute."""


def describe_module(module: Any) -> dict[str, Any]:
    """Leaves, parameters and unregistered layers, as plain data."""
    return {
        "class": type(module).__name__,
        "leaves": [describe_leaf(name, leaf) for name, leaf in leaves(module)][:MAX_LEAVES],
        "tensors": [
            {"name": name, "shape": list(tensor.shape), "trainable": bool(tensor.requires_grad)}
            for name, tensor in tensors(module)
        ][:MAX_LEAVES],
        "unregistered": unregistered(module)[:MAX_ITEMS],
    }


def leaves(module: Any) -> Iterator[tuple[str, Any]]:
    """The layers that have no layers inside, in the order of registration; one that is shared counts once."""
    for name, part in module.named_modules():
        if next(part.children(), None) is None:
            yield name, part


def tensors(module: Any) -> list[tuple[str, Any]]:
    """The trainable tensors by name, one that is shared once; all of them where training is over and all are frozen.

    A single frozen one is a constant: a table of sinusoids, for instance.
    """
    named = list(module.named_parameters())
    return [(name, tensor) for name, tensor in named if tensor.requires_grad] or named


def describe_leaf(name: str, leaf: Any) -> dict[str, Any]:
    """Class, settings and bias of a layer."""
    settings: dict[str, Any] = {}
    for key in SETTINGS:
        value = leaf.__dict__.get(key)
        if isinstance(value, bool | int | float | str):
            settings[key] = value
        elif isinstance(value, tuple) and all(isinstance(item, int) for item in value):
            settings[key] = list(value)
    bias = getattr(leaf, "bias", None)
    return {
        "name": name,
        "class": type(leaf).__name__,
        "settings": settings,
        "bias": hasattr(bias, "shape"),
    }


def unregistered(module: Any) -> list[str]:
    """Names of attributes that hold layers or parameters in a plain list or dict: no optimizer sees them."""
    torch: Any = sys.modules["torch"]
    known = {id(part) for part in module.modules()} | {id(tensor) for tensor in module.parameters()}
    found = []
    for prefix, part in module.named_modules():
        for name, value in list(part.__dict__.items()):
            if name.startswith("_") or not isinstance(value, list | tuple | dict):
                continue
            items = list(value.values() if isinstance(value, dict) else value)
            held = [item for item in items if isinstance(item, torch.nn.Module | torch.nn.Parameter)]
            if any(id(item) not in known for item in held):
                found.append(f"{prefix}.{name}".lstrip("."))
    return found


def outputs_of(result: Any, path: str = "", depth: int = 3) -> list[tuple[str, Any]]:
    """The tensors of what a call returned, with their places in it."""
    if is_tensor(result):
        return [(path, result)] if result.is_floating_point() else []
    if depth == 0 or result is None:
        return []
    if isinstance(result, dict):
        parts = [(str(key), value) for key, value in result.items()]
    elif isinstance(result, list | tuple):
        names = getattr(type(result), "_fields", range(len(result)))
        parts = [(str(name), value) for name, value in zip(names, result, strict=False)]
    else:
        parts = list(getattr(result, "__dict__", {}).items())
        parts = [(name, value) for name, value in parts if not name.startswith("_")]
    found = []
    for name, value in parts[:32]:
        found += outputs_of(value, f"{path}.{name}".lstrip("."), depth - 1)
    return found
