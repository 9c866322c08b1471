"""Autoencoders as the notebook left them, on its own images: what goes in, what comes out, and how small it gets between.

Nothing of the sizes is prescribed: a network counts as an autoencoder when what it returns is as large as what it was
given. It may be one module, or an encoder and a decoder apart. Copies are run in evaluation mode; what is told is plain
data, and all comparisons are made outside::

    models      name and cell; path and kind of the images (held_out, training, other); shape of one image;
                x, y (n, D): images and reconstructions; sizes: numbers an example after every layer;
                codes (n, K), and again (n, D): what the decoder makes of them; drawn (n, D): of codes of ours, within
                the bounds of those; n_weights; n_tensors; idle: tensors that receive no gradient
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .binding import Refusal
from .found_modules import copied
from .image_sets import image_sets, shapes_of
from .modes import MODES, Candidate, Fields, Mode, Setting
from .namespace import ABSENT, Namespace
from .structure import outputs_of, tensors
from .values import is_tensor

MAX_MODELS, MAX_PARTS, MAX_MEMBERS = 6, 12, 32
HISTORY = ("In", "Out")
ENCODE = ("encode", "encoder", "enc", "codificar", "codificador", "kodier", "encoding", "to_code", "down")
DECODE = (
    "decode",
    "decoder",
    "dec",
    "decodificar",
    "decodificador",
    "dekodier",
    "decoding",
    "from_code",
    "up",
)
Call = Callable[[Any], Any]


class Network:
    """Something of the notebook that maps images: a module, or an encoder and a decoder after each other."""

    def __init__(self, name: str, cell: int, parts: list[Any]) -> None:
        self.name, self.cell = name, cell
        self.parts = parts

    @property
    def modules(self) -> list[Any]:
        """The modules among its parts."""
        torch: Any = sys.modules["torch"]
        return [part for part in self.parts if isinstance(part, torch.nn.Module)]

    def __call__(self, x: Any) -> Any:
        for part in self.parts[:-1]:
            x = first_tensor(part(x))
        return self.parts[-1](x)


def notebooks_own(challenge: dict[str, Any], namespace: Namespace) -> list[Candidate]:
    """The notebook as a whole: all of its networks are told at once, as two parts of it may have one each."""
    torch: Any = sys.modules.get("torch")
    if torch is None or getattr(torch, "nn", None) is None:
        raise Refusal("missing", "the notebook does not use torch")
    last = max((past[-1][0] for past in namespace.history.values()), default=0)
    return [Candidate("autoencoders", None, last)]


def put_autoencoder(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """What every autoencoder of the notebook makes of the notebook's images."""
    uniform = np.asarray(case["values"]["uniform"])
    names = {
        name: value
        for name, value in setting.namespace.held.items()
        if not name.startswith("_") and name not in HISTORY
    }
    images = setting.guarded(lambda: list(image_sets(challenge, names, uniform)))
    if not images:
        raise Refusal("not_callable", "no images were found that a network could be shown")
    told: list[dict[str, Any]] = []
    for network in networks(setting.namespace, lambda one: _told_of(one, images, setting, uniform)):
        if network is not None and len(told) < MAX_MODELS:
            told.append(network)
    if not told:
        raise Refusal("missing", "no network returns what is as large as the images that it is given")
    return {"result": setting.encoder.node({"models": told}), "status": "ok"}


# ------------------------------------------------------------------ the notebook's networks


def networks(namespace: Namespace, tell: Callable[[Network], Any]) -> Iterator[Any]:
    """What is told of each autoencoder, those made last first: whole modules, then pairs of an encoder and a decoder."""
    torch: Any = sys.modules["torch"]
    held: list[tuple[str, int, Any]] = []
    inside: set[int] = set()
    whole: set[tuple[str, int]] = set()
    for name, cell, value in _callables(torch, namespace):
        if id(value) in inside or (name.partition(".")[0], cell) in whole:
            continue
        told = tell(Network(name, cell, [value])) if isinstance(value, torch.nn.Module) else None
        if told is None:
            held.append((name, cell, value))
            continue
        inside |= {id(part) for part in value.modules()}
        whole.add((name, cell))
        yield told
    held = [one for one in held if id(one[2]) not in inside][: 2 * MAX_PARTS]
    encoders = [one for one in held if _speaks(one[0], ENCODE)]
    decoders = [one for one in held if _speaks(one[0], DECODE)]
    for first in encoders or held[:MAX_PARTS]:
        for last in decoders or held[:MAX_PARTS]:
            if first[2] is not last[2]:
                cell = max(first[1], last[1])
                yield tell(Network(f"{first[0]}, {last[0]}", cell, [first[2], last[2]]))


def _speaks(name: str, words: tuple[str, ...]) -> bool:
    """Whether a name is that of an encoder (a decoder is none, though it holds no other word)."""
    last = name.rpartition(".")[2].casefold()
    is_decoder = any(word in last for word in ("decod", "dekod", "dec_", "_dec")) or last.startswith("dec")
    return is_decoder if words is DECODE else not is_decoder and any(word in last for word in words)


def _callables(torch: Any, namespace: Namespace) -> Iterator[tuple[str, int, Any]]:
    """Modules with weights under any name, of containers and objects too; functions that encode or decode."""
    seen: set[int] = set()
    made = [(name, *entry) for name, past in namespace.history.items() for entry in past]
    for name, cell, value in sorted(made, key=lambda one: -one[1]):
        if value is ABSENT:
            continue
        for path, one in ((name, value), *_parts(name, value)):
            is_new = id(one) not in seen
            seen.add(id(one))
            if not is_new:
                continue
            if isinstance(one, torch.nn.Module):
                if next(one.parameters(), None) is not None and not isinstance(one, type):
                    yield path, cell, one
            elif inspect.isroutine(one) and (_speaks(path, ENCODE) or _speaks(path, DECODE)):
                yield path, cell, one


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What a container or an object of the notebook's own holds, and its methods that encode or decode."""
    torch: Any = sys.modules["torch"]
    if isinstance(value, dict | torch.nn.ModuleDict):
        parts = list(value.items())
    elif isinstance(value, list | tuple):
        parts = list(enumerate(value))
    elif type(value).__module__ == "__main__" and not isinstance(value, type):
        is_module = isinstance(value, torch.nn.Module)
        parts = list(value.named_children() if is_module else getattr(value, "__dict__", {}).items())
        parts += [(word, getattr(value, word)) for word in (*ENCODE, *DECODE) if hasattr(value, word)]
    else:
        parts = []
    for key, part in parts[:MAX_MEMBERS]:
        yield f"{name}.{key}", part


# ------------------------------------------------------------------ what one does


def _told_of(
    network: Network, images: list[tuple[str, str, Any]], setting: Setting, uniform: Any
) -> dict[str, Any] | None:
    """What is told of a network that gives back what is as large as the images; None for any other."""
    mine = Network(network.name, network.cell, [_evaluated(part) for part in network.parts])
    for kind, path, rows in images:
        for x in shapes_of(rows):
            try:
                told: dict[str, Any] = setting.guarded(functools.partial(_tell, mine, kind, path, x, uniform))
            except Exception:  # another shape, or other images, may be those it takes
                continue
            return told
    return None


def _evaluated(part: Any) -> Any:
    torch: Any = sys.modules["torch"]
    return copied(part).cpu().eval() if isinstance(part, torch.nn.Module) else part


def _tell(network: Network, kind: str, path: str, x: Any, uniform: Any) -> dict[str, Any]:
    torch: Any = sys.modules["torch"]
    for part in network.modules:
        for weights in part.parameters():
            weights.requires_grad_(True)
    sizes: list[int] = []
    with torch.enable_grad(), _noting(network, len(x), sizes):
        y = output_like(network(x), x)
    told: dict[str, Any] = {
        "name": network.name, "cell": network.cell, "kind": kind, "path": path, "shape": list(x.shape[1:]),
        "x": _array(x.reshape(len(x), -1)), "y": _array(y.reshape(len(x), -1)), "sizes": np.array(sizes[:200]),
    }  # fmt: skip
    with contextlib.suppress(Exception):
        told |= _gradients(network, x, y)
    with contextlib.suppress(Exception), torch.no_grad():
        told |= _decoded(network, x, uniform)
    return told


@contextlib.contextmanager
def _noting(network: Network, n: int, sizes: list[int]) -> Iterator[None]:
    """Notes how many numbers an example has after every layer without layers inside."""

    def note(_: Any, __: Any, output: Any) -> None:
        if is_tensor(output) and output.ndim > 1 and len(output) == n:
            sizes.append(output[0].numel())

    layers = [part for module in network.modules for part in module.modules() if not list(part.children())]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def output_like(result: Any, x: Any) -> Any:
    """The tensor of a result that is as large as the images: of several, the one that is nearest to them.

    Of one that is twice as large (means and variances side by side) it is either half.
    """
    given = [one for _, one in outputs_of(result) if one.ndim > 1 and len(one) == len(x)]
    given += [half for one in given if one.numel() == 2 * x.numel() for half in one.chunk(2, dim=1)]
    meant = [one for one in given if one.numel() == x.numel()]
    if not meant:
        raise ValueError("nothing as large as the images came back")
    return min(meant, key=lambda one: float(((one.detach().reshape(x.shape) - x) ** 2).mean()))


def first_tensor(result: Any) -> Any:
    """The first tensor of a result: of an encoder that returns more than the code."""
    return outputs_of(result)[0][1]


def _gradients(network: Network, x: Any, y: Any) -> dict[str, Any]:
    """How many weights there are, and the names of those that get no gradient from the reconstruction."""
    torch: Any = sys.modules["torch"]
    named = {id(weights): (name, weights) for module in network.modules for name, weights in tensors(module)}
    grads = torch.autograd.grad(
        ((y.reshape(x.shape) - x) ** 2).sum(), [weights for _, weights in named.values()], allow_unused=True
    )
    idle = [
        name
        for (name, weights), grad in zip(named.values(), grads, strict=True)
        if grad is None or (weights.ndim > 1 and not bool(grad.any()))  # a bias may have none by chance
    ]
    n_weights = sum(int(weights.numel()) for _, weights in named.values())
    return {"n_weights": n_weights, "n_tensors": len(named), "idle": idle[:8]}


def _decoded(network: Network, x: Any, uniform: Any) -> dict[str, Any]:
    """Codes of the images, and what the decoder makes of codes within their bounds."""
    encode, decode = _ends(network, x)
    code = first_tensor(encode(x))
    flat = code.reshape(len(x), -1)
    low, high = flat.amin(dim=0), flat.amax(dim=0)
    torch: Any = sys.modules["torch"]
    share = torch.from_numpy(np.resize(uniform, flat.numel()).reshape(tuple(flat.shape))).to(flat)
    drawn = decode((low + share * (high - low)).reshape(code.shape))
    told = {"again": decode(code), "drawn": drawn}
    return {"codes": _array(flat)} | {
        name: _array(output_like(result, x).reshape(len(x), -1)) for name, result in told.items()
    }


def _ends(network: Network, x: Any) -> tuple[Call, Call]:
    """Encoder and decoder: apart, as members of known names, or the layers before and after the smallest output."""
    if len(network.parts) == 2:
        return network.parts[0], network.parts[1]
    (module,) = network.parts
    members = [
        next((m for n in names if callable(m := getattr(module, n, None))), None)
        for names in (ENCODE, DECODE)
    ]
    if members[0] is not None and members[1] is not None:
        return members[0], members[1]
    children = list(module.children())
    held, outputs = x, []
    for child in children:
        held = first_tensor(child(held))
        outputs.append(held[0].numel())
    at = 1 + outputs.index(min(outputs))
    torch: Any = sys.modules["torch"]
    return torch.nn.Sequential(*children[:at]), torch.nn.Sequential(*children[at:])


def _array(tensor: Any) -> Any:
    return tensor.detach().to("cpu").float().numpy().copy()


MODES["autoencoder"] = Mode(notebooks_own, put_autoencoder)
