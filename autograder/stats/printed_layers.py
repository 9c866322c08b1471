"""Networks as torch prints them: which layers, and how many weights these have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

_OPENS = re.compile(
    r"^(?P<indent>\s*)(?:\([\w.\-]+\):\s*|[^():=]{1,40}[:=]\s*)?(?P<kind>[A-Z]\w*)\((?P<inside>.*)$"
)
_SIZES = re.compile(r"(?<![\w=.])(\d+)(?!\w)")
_PLAIN = re.compile(
    r"(Leaky)?ReLU6?|\w*Sigmoid|\w*[Tt]anh\w*|GELU|C?ELU|SELU|SiLU|Mish|Soft\w+|LogSoftmax|Identity|(Unf|F)latten|"
    r"\w*Dropout\w*|\w*Pool\d?d|\w*Pad\d?d|Upsample\w*|Pixel(Uns|S)huffle"
)
"""Layers without weights. What is neither among these nor known by its sizes may hold weights that are not shown."""


@dataclass(frozen=True)
class Printed:
    """One network as it was printed."""

    kind: str
    layers: tuple[str, ...]
    n_parameters: int
    is_exact: bool
    """Whether all that holds weights is among the layers whose weights are known here."""


def printed_networks(lines: Sequence[str]) -> Iterator[Printed]:
    """Yield the networks that are printed in some lines, each from its class to the bracket that closes it."""
    at = 0
    while at < len(lines):
        opened = _OPENS.match(lines[at])
        if opened is None or lines[at].rstrip().endswith(")"):
            at += 1
            continue
        end = at + 1
        while end < len(lines) and lines[end].rstrip() != f"{opened['indent']})":
            end += 1
        inner = [line for line in lines[at + 1 : end] if _OPENS.match(line)]
        if end < len(lines) and inner:
            yield _network(opened["kind"], lines[at + 1 : end])
        at = end if end < len(lines) else at + 1


def _network(kind: str, lines: Sequence[str]) -> Printed:
    layers: list[str] = []
    total, is_exact = 0, True
    for line in lines:
        found = _OPENS.match(line)
        if found is None:  # a bracket that closes, or blocks that are repeated: `(0-5): 6 x Block(`
            is_exact &= line.strip() == ")"
            continue
        if line.rstrip().endswith(")"):
            n, is_known = weights_of(found["kind"], found["inside"])
            total, is_exact = total + n, is_exact and is_known
            layers.append(found["kind"])
    return Printed(kind, tuple(layers), total, is_exact)


def weights_of(kind: str, inside: str) -> tuple[int, bool]:
    """Return the weights of one printed layer, and whether its kind is one whose weights are known (or has none)."""
    named = dict(re.findall(r"(\w+)=(\([^)]*\)|[\w.\-]+)", inside))
    sizes = [int(size) for size in _SIZES.findall(re.sub(r"\w+=(?:\([^)]*\)|[\w.\-]+)", "", inside))]
    has_bias = named.get("bias", "True") != "False"
    if kind == "Linear":
        n_in, n_out = int(named.get("in_features", 0)), int(named.get("out_features", 0))
        return n_in * n_out + has_bias * n_out, True
    if re.fullmatch(r"Conv(Transpose)?[123]d", kind) and len(sizes) >= 2:
        kernel = [int(side) for side in re.findall(r"\d+", named.get("kernel_size", "1"))]
        groups = int(named.get("groups", "1"))
        return sizes[0] * sizes[1] * prod(kernel) // groups + has_bias * sizes[1], True
    if kind == "Embedding" and len(sizes) >= 2:
        return sizes[0] * sizes[1], True
    if re.fullmatch(r"(LSTM|GRU|RNN)(Cell)?", kind) and len(sizes) >= 2:
        return _recurrent(kind.removesuffix("Cell"), sizes, named, has_bias), True
    if re.fullmatch(r"(Batch|Layer|Group|Instance)Norm\w*", kind):
        affine = named.get("affine", named.get("elementwise_affine", "True")) != "False"
        shape = [int(size) for size in re.findall(r"\d+", inside.split("eps")[0])]
        width = shape[-1] if kind == "GroupNorm" and shape else prod(shape)
        return 2 * width * affine * (kind[:8] != "Instance" or named.get("affine") == "True"), bool(shape)
    return 0, bool(_PLAIN.fullmatch(kind))


def _recurrent(kind: str, sizes: Sequence[int], named: dict[str, str], has_bias: bool) -> int:
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    n_in, hidden = sizes[0], sizes[1]
    directions = 2 if named.get("bidirectional") == "True" else 1
    total = 0
    for layer in range(int(named.get("num_layers", "1"))):
        fed = n_in if layer == 0 else hidden * directions
        total += directions * gates * hidden * (fed + hidden + 2 * has_bias)
    return total
