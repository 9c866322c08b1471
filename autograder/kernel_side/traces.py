"""The torch functions that really run in a call, whatever style the code is written in, and the noise they draw."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .fillings import hashed

MAX_STEPS = 600
MAX_MASK = 64
NOISE = ("randn", "randn_like", "normal")
Arguments = Callable[[int, str, Any], Any]
"""(position, name, default) to the argument that was given."""


def tracer(
    owned: dict[int, str], steps: list[dict[str, Any]], noise_key: int, is_turned: bool = False
) -> Any:
    """A mode under which calls are noted in `steps` and every normal draw is a known one.

    `owned` maps the identity of a parameter to its name. `is_turned` hands the noise out in the reverse order of
    examples, as for a batch that is turned round.
    """
    torch: Any = sys.modules["torch"]
    overrides: Any = sys.modules["torch.overrides"]

    class Tracer(overrides.TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            result = func(*args, **kwargs)
            name = str(getattr(func, "__name__", "")).strip("_")
            if name in NOISE:
                result = _known_noise(torch, name, args, kwargs, result, noise_key, steps)
                if is_turned and result.ndim > 1:
                    with torch.no_grad():
                        result.copy_(result.flip(0))
            elif len(steps) < MAX_STEPS:
                step = _described(name, args, kwargs, result, owned)
                if step is not None:
                    steps.append(step)
            return result

    return Tracer()


def _known_noise(
    torch: Any,
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    result: Any,
    key: int,
    steps: list[dict[str, Any]],
) -> Any:
    """The draw with its random numbers exchanged for known ones, by shape and by how many were drawn before."""
    if not isinstance(result, torch.Tensor) or result.numel() > 10**6:
        return result
    drawn = sum(step["op"] == "noise" for step in steps)
    steps.append({"op": "noise", "out": list(result.shape)})
    known = torch.from_numpy(hashed(list(result.shape), key + drawn)).to(result)
    if name == "normal":
        is_method = (
            isinstance(args[0] if args else None, torch.Tensor) and result is args[0]
        )  # x.normal_(mean, std)
        rest = args[1:] if is_method else args
        mean = rest[0] if rest else kwargs.get("mean", 0.0)
        std = rest[1] if len(rest) > 1 else kwargs.get("std", 1.0)
        known = known * std + mean
    with torch.no_grad():
        result.copy_(known)
    return result


def noise_of(shape: list[int], key: int, drawn: int = 0) -> np.ndarray[Any, np.dtype[Any]]:
    """The known numbers that stand for the draw number `drawn` of a call."""
    return hashed(shape, key + drawn)


def _described(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, owned: dict[int, str]
) -> dict[str, Any] | None:
    """A step of the trace; None for calls that are about shapes and indices only."""
    describe = STEPS.get(name)
    if describe is None:
        return None

    def given(position: int, key: str, default: Any) -> Any:
        return args[position] if len(args) > position else kwargs.get(key, default)

    step: dict[str, Any] = {"op": ALIASES.get(name, name)}
    step |= describe(given)
    held = [owned[id(one)] for one in _flat([*args, *kwargs.values()]) if id(one) in owned]
    if held:
        step["weights"] = held
    first = result[0] if isinstance(result, tuple) and result else result
    if hasattr(first, "shape"):
        step["out"] = list(first.shape)
    return step


def _flat(values: Any) -> list[Any]:
    flat: list[Any] = []
    for value in values:
        flat += list(value) if isinstance(value, list | tuple) else [value]
    return flat


def _number(value: Any) -> Any:
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)[:20]


def _sizes(value: Any) -> list[int] | None:
    return list(value.shape) if hasattr(value, "shape") else None


def _pair(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_number(item) for item in value]
    return _number(value)


def _linear(given: Arguments) -> dict[str, Any]:
    return {"weight": _sizes(given(1, "weight", None)), "bias": given(2, "bias", None) is not None}


def _product(given: Arguments) -> dict[str, Any]:
    return {"left": _sizes(given(0, "input", None)), "right": _sizes(given(1, "other", None))}


def _added_product(given: Arguments) -> dict[str, Any]:
    return {"left": _sizes(given(1, "mat1", None)), "right": _sizes(given(2, "mat2", None))}


def _einsum(given: Arguments) -> dict[str, Any]:
    return {"equation": str(given(0, "equation", ""))[:40]}


def _convolution(given: Arguments) -> dict[str, Any]:
    return _linear(given) | {
        "stride": _pair(given(3, "stride", 1)),
        "padding": _pair(given(4, "padding", 0)),
    }


def _pooling(given: Arguments) -> dict[str, Any]:
    stride = given(2, "stride", None)
    kernel = _pair(given(1, "kernel_size", None))
    return {"kernel": kernel, "stride": kernel if stride in (None, []) else _pair(stride)}


def _softmax(given: Arguments) -> dict[str, Any]:
    return {"in": _sizes(given(0, "input", None)), "dim": _number(given(1, "dim", None))}


def _attention(given: Arguments) -> dict[str, Any]:
    return {
        "in": _sizes(given(0, "query", None)),
        "masked": given(3, "attn_mask", None) is not None,
        "p": _number(given(4, "dropout_p", 0.0)),
        "is_causal": bool(given(5, "is_causal", False)),
    }


def _multi_head(given: Arguments) -> dict[str, Any]:
    return {
        "in": _sizes(given(0, "query", None)),
        "n_head": _number(given(4, "num_heads", None)),
        "p": _number(given(10, "dropout_p", 0.0)),
        "masked": given(16, "attn_mask", None) is not None,
        "is_causal": bool(given(24, "is_causal", False)),
    }


def _dropout(given: Arguments) -> dict[str, Any]:
    return {"p": _number(given(1, "p", 0.5)), "training": bool(given(2, "training", True))}


def _input(given: Arguments) -> dict[str, Any]:
    return {"in": _sizes(given(0, "input", None))}


STEPS: dict[str, Callable[[Arguments], dict[str, Any]]] = {
    "linear": _linear,
    "matmul": _product,
    "mm": _product,
    "bmm": _product,
    "rmatmul": _product,
    "addmm": _added_product,
    "baddbmm": _added_product,
    "einsum": _einsum,
    "conv1d": _convolution,
    "conv2d": _convolution,
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d"), _convolution),
    "max_pool2d": _pooling,
    "avg_pool2d": _pooling,
    "embedding": lambda given: {"weight": _sizes(given(1, "weight", None))},
    "layer_norm": lambda given: {"eps": _number(given(4, "eps", 1e-5))},
    "batch_norm": lambda given: {"training": bool(given(5, "training", False))},
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "alpha_dropout", "feature_alpha_dropout"), _dropout),
    "leaky_relu": lambda given: {"slope": _number(given(1, "negative_slope", 0.01))},
    "gelu": lambda given: {"approximate": str(given(1, "approximate", "none"))[:10]},
    "elu": lambda given: {"alpha": _number(given(1, "alpha", 1.0))},
    "softmax": _softmax,
    "log_softmax": _softmax,
    "scaled_dot_product_attention": _attention,
    "multi_head_attention_forward": _multi_head,
    **dict.fromkeys(
        (
            "relu", "tanh", "sigmoid", "silu", "softplus", "where", "maximum", "max", "clamp", "clamp_min",
            "masked_fill", "exp", "prelu", "selu",
            "interpolate", "pixel_shuffle", "relu6", "mish", "hardtanh", "erf", "flatten", "mul", "rmul",
        ),
        _input,
    ),
}  # fmt: skip
"""What is noted of each function, by its name."""

ALIASES = {
    "mm": "matmul",
    "bmm": "matmul",
    "rmatmul": "matmul",
    "addmm": "matmul",
    "baddbmm": "matmul",
    "clamp_min": "clamp",
    "dropout1d": "dropout",
    "dropout2d": "dropout",
    "alpha_dropout": "dropout",
    "feature_alpha_dropout": "dropout",
    "rmul": "mul",
}
