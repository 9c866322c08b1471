"""Training steps of the notebook on tiny networks of ours: two calls from the same weights, noted event by event.

The optimizers are plain gradient descent, so that a movement is a gradient. Before the second call the weights go
back to where they were and the gradients stay: whoever never clears them takes another second step.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .binding import Refusal, positional
from .functions import names_in_code
from .modes import MODES, Candidate, Fields, Mode, Setting
from .placing import (
    Placement,
    callables_of,
    is_module,
    like_named,
    placements,
    refusal,
    replace_globals,
    resolve,
    said,
)
from .stand_ins import stand_in_discriminator, stand_in_generator, stand_in_language_model
from .vocabularies import vocabulary_of

MAX_EVENTS = 64  # five steps of a critic and one of its generator
LEARNING_RATE = 0.1
GAN_ROLES = ("generator", "discriminator", "generator_optimizer", "discriminator_optimizer", "real")
GAN_WEARS = ("logit", "sigmoid", "logit pair", "sigmoid pair")
"""What the discriminator gives, and whether the real images come as a pair with labels."""
DISCRIMINATOR_WORDS = ("disc", "disk", "crit", "krit")
MODEL_WEARS = ("logits", "tuple")
MODEL_ROLES = ("model", "optimizer", "batch", "inputs", "targets")


class Ledger:
    """The events of one call, in order: plain values and tensors, copied when they happen."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.is_open = False

    def note(self, event: str, **about: Any) -> None:
        """Notes an event, unless there were too many."""
        if self.is_open and len(self.events) < MAX_EVENTS:
            self.events.append({"event": event} | {key: _kept(value) for key, value in about.items()})


def _kept(value: Any) -> Any:
    return value.detach().clone() if hasattr(value, "detach") else value


def recorded_sgd(name: str, networks: dict[str, Any], ledger: Ledger) -> Any:
    """Gradient descent on the parameters of network `name` that notes every step and clearing."""
    torch: Any = sys.modules["torch"]

    class RecordedSgd(torch.optim.SGD):  # type: ignore[misc]
        def step(self, closure: Any = None) -> Any:
            loss = None
            if closure is not None:
                with torch.enable_grad():
                    loss = closure()
            ledger.note("step", of=name, **gradients(networks), **weights(networks, "before"))
            super().step()
            ledger.note("stepped", of=name, **weights(networks, "after"))
            return loss

        def zero_grad(self, set_to_none: bool = True) -> None:
            ledger.note("clear", of=name)
            super().zero_grad(set_to_none)

    return RecordedSgd(networks[name].parameters(), lr=LEARNING_RATE)


def flat(tensors: Any) -> Any:
    """Tensors as one vector."""
    torch: Any = sys.modules["torch"]
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def gradients(networks: dict[str, Any]) -> dict[str, Any]:
    """The gradient of each network as one vector (zeros where there is none), and whether there is any."""
    torch: Any = sys.modules["torch"]
    found: dict[str, Any] = {}
    for name, network in networks.items():
        parameters = list(network.parameters())
        found[f"has_gradient_{name}"] = any(p.grad is not None for p in parameters)
        found[f"gradient_{name}"] = flat(
            torch.zeros_like(p) if p.grad is None else p.grad for p in parameters
        )
    return found


def weights(networks: dict[str, Any], when: str) -> dict[str, Any]:
    """The parameters of each network as one vector."""
    return {f"{when}_{name}": flat(network.parameters()) for name, network in networks.items()}


# ------------------------------------------------------------------ what torch is asked meanwhile


@contextlib.contextmanager
def watched(ledger: Ledger) -> Iterator[None]:
    """Notes losses with their targets, backward passes and clippings; puts everything back."""
    torch: Any = sys.modules["torch"]
    functional, utils, tensor = torch.nn.functional, torch.nn.utils, torch.Tensor
    places: list[tuple[Any, str, Callable[..., None]]] = [
        (functional, name, functools.partial(_note_loss, ledger, name))
        for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "cross_entropy")
    ]
    places.append((utils, "clip_grad_value_", functools.partial(_note_clip, ledger, "value")))
    places.append((tensor, "backward", lambda loss, *_, **__: ledger.note("backward", loss=loss)))
    kept = [(place, name, getattr(place, name)) for place, name, _ in places]
    kept.append((utils, "clip_grad_norm_", utils.clip_grad_norm_))
    try:
        utils.clip_grad_norm_ = _noting_norm(utils.clip_grad_norm_, ledger)
        for place, name, note in places:
            setattr(place, name, _noting(getattr(place, name), note))
        yield
    finally:
        for place, name, function in kept:
            setattr(place, name, function)


def _noting(function: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with contextlib.suppress(Exception):
            note(*args, **kwargs)
        return function(*args, **kwargs)

    return wrapped


def _noting_norm(clip: Callable[..., Any], ledger: Ledger) -> Callable[..., Any]:
    """Clipping that notes the norm that it returns: what there was before, which the clipped gradient hides."""

    @functools.wraps(clip)
    def wrapped(parameters: Any, *args: Any, **kwargs: Any) -> Any:
        norm = clip(parameters, *args, **kwargs)
        with contextlib.suppress(Exception):
            limit: Any = kwargs.get("max_norm", args[0] if args else None)
            ledger.note("clip", how="norm", limit=float(limit), norm=float(norm))
        return norm

    return wrapped


def _note_loss(ledger: Ledger, name: str, input: Any = None, target: Any = None, *_: Any, **__: Any) -> None:
    about: dict[str, Any] = {"name": name}
    if target is not None and target.is_floating_point():
        unique = target.detach().unique()
        about |= {"low": float(unique[0]), "high": float(unique[-1]), "n_values": len(unique)}
    ledger.note("loss", **about, n=len(input))


def _note_clip(
    ledger: Ledger, how: str, parameters: Any = None, limit: Any = None, *_: Any, **others: Any
) -> None:
    limit = others.get("max_norm", others.get("clip_value", limit))
    ledger.note("clip", how=how, limit=float(limit))


# ------------------------------------------------------------------ the step


class Bench:
    """Networks, optimizers and data of one attempt, and the ledger that they write to."""

    def __init__(self, values: dict[str, Any], wears: str, vocab_size: int) -> None:
        torch: Any = sys.modules["torch"]
        kind, (output, _, form) = values["kind"], wears.partition(" ")
        self.ledger = Ledger()
        self.offered: dict[str, Any] = {}
        if kind == "gan":
            self.networks = {
                "generator": stand_in_generator(values, self.ledger.note),
                "discriminator": stand_in_discriminator(values, self.ledger.note, output),
            }
            self.offered = {
                f"{n}_optimizer": recorded_sgd(n, self.networks, self.ledger) for n in self.networks
            }
            real = torch.tensor(values["real"])
            self.offered["real"] = (real, torch.zeros(len(real), dtype=torch.long)) if form else real
        else:
            self.networks = {"model": stand_in_language_model(values, vocab_size, output)}
            self.offered["optimizer"] = recorded_sgd("model", self.networks, self.ledger)
            tokens = [torch.tensor(values[role]) for role in ("inputs", "targets")]
            self.offered |= {"inputs": tokens[0], "targets": tokens[1], "batch": tuple(tokens)}
        self.offered |= self.networks
        self.start = [p.detach().clone() for n in self.networks.values() for p in n.parameters()]

    def rewind(self) -> None:
        """Puts the weights back to the start; gradients stay."""
        torch: Any = sys.modules["torch"]
        parameters = [p for n in self.networks.values() for p in n.parameters()]
        with torch.no_grad():
            for parameter, value in zip(parameters, self.start, strict=True):
                parameter.copy_(value)

    def twice(self, call: Callable[[], Any], seed: Callable[[], None]) -> dict[str, Any]:
        """Both calls: their events and what they returned."""
        found: dict[str, Any] = {}
        with watched(self.ledger):
            for which in ("first", "second"):
                self.rewind()
                seed()
                self.ledger.events, self.ledger.is_open = [], True
                result = call()
                self.ledger.is_open = False
                found[which] = self.ledger.events
                found[f"{which}_returned"] = result
        return found


def put_step(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """Two calls of a training step for each convention of the networks' outputs that it accepts: `tries`."""
    if "torch" not in sys.modules:
        raise Refusal("not_callable", "the notebook does not use torch")
    function = resolve(candidate, setting.view)
    kind = case["values"]["kind"]
    wears = GAN_WEARS if kind == "gan" else MODEL_WEARS
    kept: list[dict[str, Any]] = []
    first: Exception | None = None
    left = gan_roles(candidate.name) if kind == "gan" else MODEL_ROLES[:3]
    for placed in list(placements(function, challenge["roles"], setting.view, left))[:6]:
        tries: list[dict[str, Any]] = []
        for one in wears:
            attempt = functools.partial(_stepped, challenge, case, function, setting, placed, one)
            try:
                found = setting.guarded(attempt)
            except Refusal:
                raise
            except Exception as error:
                first = first or error
                continue
            if any(event["event"] == "step" for event in found["first"]):
                tries.append(found | {"bound": said(placed), "wears": one})
        kept = kept or tries
        if any(map(moves_by_gradients, tries)):  # else an optimizer may have been handed to the wrong step
            kept = tries
            break
    if not kept:
        raise refusal(first)
    return {"result": setting.encoder.node({f"try_{n}": one for n, one in enumerate(kept)}), "status": "ok"}


def gan_roles(name: str) -> tuple[str, ...]:
    """The roles that parameters without a telling name may take: what is called after one network has its optimizer."""
    last = name.rpartition(".")[2].casefold()
    is_of_discriminator = any(word in last for word in DISCRIMINATOR_WORDS)
    is_of_discriminator = is_of_discriminator or last.startswith("d_") or last.endswith("_d")
    generator, discriminator, *_, real = GAN_ROLES
    own, other = GAN_ROLES[2:4][:: -1 if is_of_discriminator else 1]
    return generator, discriminator, own, other, real


def moves_by_gradients(found: dict[str, Any]) -> bool:
    """Whether every step of a first call was made with a gradient."""
    steps = [event for event in found["first"] if event["event"] == "step"]
    return all(bool(event[f"gradient_{event['of']}"].any()) for event in steps)


def _stepped(
    challenge: dict[str, Any],
    case: dict[str, Any],
    function: Any,
    setting: Setting,
    placed: Placement,
    wears: str,
) -> Any:
    vocab_size = vocabulary_of(setting.view).size
    bench = Bench(case["values"], wears, vocab_size)
    keywords = like_named(function, placed, setting.view)
    for name, role in placed.items():
        if role not in bench.offered and role not in case["values"]:
            raise Refusal("not_callable", f"the case has no value for {role}")
        keywords[name] = bench.offered.get(role, case["values"].get(role))
    theirs = optimizers_of_networks(challenge, function, setting)
    replace_globals(challenge, function, setting, placed, bench.offered)
    for holder, name, role in theirs:
        if role in bench.offered:
            holder[name] = bench.offered[role]
    args, keywords = positional(function, keywords)
    found = bench.twice(lambda: function(*args, **keywords), lambda: setting.seeds.set_all(case["seed"]))
    return found | {"vocab_size": vocab_size, "own_weights": has_own_weights(function, setting)}


def has_own_weights(function: Any, setting: Setting) -> bool:
    """Whether a step reaches weights that it keeps in a global dictionary or list, which nothing can stand in for."""
    torch: Any = sys.modules["torch"]
    for name in names_in_code(function, setting.view, set()):
        value = setting.view.get(name)
        items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        if any(isinstance(item, torch.Tensor) and item.requires_grad and item.is_leaf for item in items[:64]):
            return True
    return False


def optimizers_of_networks(
    challenge: dict[str, Any], function: Any, setting: Setting
) -> list[tuple[dict[str, Any], str, str]]:
    """Optimizers under any name that hold the parameters of a network that will be replaced: where, name, role."""
    torch: Any = sys.modules["torch"]
    live, own = setting.namespace.now, getattr(getattr(function, "__self__", None), "__dict__", {})
    owners: dict[int, str] = {}
    for role, rule in challenge["roles"].items():
        network: Any = next((place[n] for place in (own, live) for n in rule["globals"] if n in place), None)
        if rule["kind"] == "module" and is_module(network):
            name = "optimizer" if role == "model" else f"{role}_optimizer"
            owners |= {id(parameter): name for parameter in network.parameters()}
    found = []
    for place in (own, live):
        for name, value in place.items():
            if isinstance(value, torch.optim.Optimizer) and value.param_groups[0]["params"]:
                role = owners.get(id(value.param_groups[0]["params"][0]))
                found += [(place, name, role)] if role else []
    return found


MODES["step"] = Mode(callables_of, put_step)
