"""Noise made visible: for one call, every source of normal noise gives values that the trusted side knows."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from .binding import Refusal, positional
from .conditions import conditions
from .found_modules import networks_between
from .held_codes import draws_that_fit
from .losses import spread, ways
from .modes import MODES, Candidate, Fields, Mode, Setting
from .namespace import Namespace
from .placing import callables_of, is_module, like_named, refusal, resolve, said

MAX_SHOWN = 16
MAX_LAYERS = 60
MAX_LATENT = 128


class VisibleNoise:
    """Stands in for torch's and NumPy's normal noise; gives the `values` in turn, and notes who asked."""

    def __init__(self, values: list[float]) -> None:
        self.values = values
        self.asked: list[str] = []

    def like(self, shape: Any, dtype: Any = None) -> Any:
        """Known noise of a shape, the same for every call of this shape."""
        torch: Any = sys.modules["torch"]
        count = int(np.prod(tuple(shape), dtype=int))
        return torch.tensor(
            np.resize(self.values, count).reshape(tuple(shape)), dtype=dtype or torch.get_default_dtype()
        )

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Replaces the sources, and puts them back."""
        torch: Any = sys.modules["torch"]
        own = {name: vars(torch.Tensor).get(name) for name in ("normal_",)}
        kept = {name: getattr(torch, name) for name in ("randn", "randn_like", "normal")}
        numpy_kept = {name: getattr(np.random, name) for name in ("randn", "normal", "standard_normal")}
        try:
            torch.Tensor.normal_ = lambda tensor, *args, **kwargs: self._filled(tensor, *args, **kwargs)
            torch.randn, torch.randn_like, torch.normal = self._randn, self._randn_like, self._normal
            np.random.randn = lambda *shape: self._numpy(shape)
            np.random.standard_normal = lambda size=(): self._numpy(size)
            np.random.normal = lambda loc=0.0, scale=1.0, size=(): loc + scale * self._numpy(size)
            yield
        finally:
            for name, known in own.items():
                if known is None:
                    delattr(torch.Tensor, name)
                else:
                    setattr(torch.Tensor, name, known)
            for name, function in kept.items():
                setattr(torch, name, function)
            for name, function in numpy_kept.items():
                setattr(np.random, name, function)

    def _note(self, source: str) -> None:
        if len(self.asked) < MAX_SHOWN:
            self.asked.append(source)

    def _randn(self, *size: Any, **options: Any) -> Any:
        self._note("torch.randn")
        given = options.get("size", size[0] if len(size) == 1 and not isinstance(size[0], int) else size)
        return self.like(given, options.get("dtype"))

    def _randn_like(self, tensor: Any, **options: Any) -> Any:
        self._note("torch.randn_like")
        return self.like(tensor.shape, options.get("dtype") or tensor.dtype)

    def _normal(self, mean: Any = 0.0, std: Any = 1.0, size: Any = None, **options: Any) -> Any:
        torch: Any = sys.modules["torch"]
        self._note("torch.normal")
        shape = size
        if shape is None:
            shape = torch.broadcast_shapes(*(getattr(value, "shape", ()) for value in (mean, std)))
        with torch.no_grad():  # as the real one: no gradient passes to mean and deviation
            return mean + std * self.like(shape, options.get("dtype"))

    def _filled(self, tensor: Any, mean: float = 0.0, std: float = 1.0, **_: Any) -> Any:
        torch: Any = sys.modules["torch"]
        self._note("Tensor.normal_")
        with torch.no_grad():
            return tensor.copy_(mean + std * self.like(tensor.shape, tensor.dtype))

    def _numpy(self, shape: Any) -> Any:
        self._note("numpy.random")
        count = int(np.prod(shape, dtype=int))
        return np.resize(self.values, count).reshape(shape)


def put_noise(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """What a function that samples z from mu and log_var returns under known noise, and its gradients."""
    if "torch" not in sys.modules:
        raise Refusal("not_callable", "the notebook does not use torch")
    function: Any = resolve(candidate, setting.view)
    if getattr(function, "__name__", "") == "forward" and is_module(getattr(function, "__self__", None)):
        seen = setting.guarded(lambda: _through(function.__self__, case["values"]))
        return {"result": setting.encoder.node(seen), "status": "ok"}
    calls: list[dict[str, Any]] = []
    first: Exception | None = None
    for placed, form in ways(challenge, function, setting.view):
        attempt = functools.partial(_sampled, case, function, setting.view, placed, form)
        try:
            calls.append({"bound": said(placed), "form": form} | setting.guarded(attempt))
        except Refusal:
            raise
        except Exception as error:
            first = first or error
    if not calls:
        raise refusal(first)
    return {"result": setting.encoder.node({"calls": calls}), "status": "ok"}


def _sampled(
    case: dict[str, Any], function: Any, view: dict[str, Any], placed: dict[str, str], form: str
) -> Any:
    torch: Any = sys.modules["torch"]
    values = case["values"]
    mu, log_var = (torch.tensor(values[role], requires_grad=True) for role in ("mu", "log_var"))
    noise = VisibleNoise(values["noise"])
    keywords = like_named(function, placed, view)
    for name, role in placed.items():
        keywords[name] = {"mu": mu, "log_var": spread(log_var, form)}.get(role)
    args, keywords = positional(function, keywords)
    owner = getattr(function, "__self__", None)
    if owner is not None and hasattr(owner, "train"):
        owner.train()  # some give mu alone in evaluation mode
    with noise.in_place():
        result = function(*args, **keywords)
    z = _first_like(result, mu)
    if z is None:
        raise TypeError(f"returns no tensor of shape {tuple(mu.shape)}")
    return {"z": z, "asked": ", ".join(noise.asked), "gradients": _gradients(z, mu, log_var)}


def _first_like(result: Any, mu: Any) -> Any:
    """The first tensor of the shape of mu that is neither of the inputs, else one that is."""
    items = list(result) if isinstance(result, tuple | list) else [result]
    shaped = [item for item in items if getattr(item, "shape", None) == mu.shape]
    return next((item for item in shaped if item is not mu), shaped[0] if shaped else None)


def _gradients(z: Any, mu: Any, log_var: Any) -> dict[str, Any]:
    """d sum(z) / d mu and / d log_var; nothing where no gradient flows."""
    torch: Any = sys.modules["torch"]
    found: dict[str, Any] = {"flows": bool(z.requires_grad)}
    if z.requires_grad:
        grads = torch.autograd.grad(z.sum(), [mu, log_var], allow_unused=True)
        pairs = zip(("mu", "log_var"), grads, strict=True)
        found |= {name: grad for name, grad in pairs if grad is not None}
    return found


def _through(model: Any, values: dict[str, Any]) -> dict[str, Any]:
    """What modules inside a whole model were shown and gave, under known noise: mu, log_var and z are among it."""
    torch: Any = sys.modules["torch"]
    shown: list[Any] = []
    given: list[Any] = []

    def hook(module: Any, args: Any, output: Any) -> None:
        if not list(module.children()):
            given.extend(_flat([output]))
        shown.extend(_flat(args))

    model.train()
    handles = [module.register_forward_hook(hook) for module in model.modules() if module is not model]
    images = torch.tensor(np.resize(values["noise"], 4 * 784).reshape(4, 784)).float().sigmoid()
    noise = VisibleNoise(values["noise"])
    first: Exception | None = None
    try:
        with noise.in_place():
            for given_to_model in _inputs(images, bool(values.get("is_conditional"))):
                shown.clear()
                given.clear()
                noise.asked.clear()
                try:
                    model(*given_to_model)
                    break
                except Exception as error:  # a model of pictures rather than of rows
                    first = first or error
            else:
                raise first or Refusal("not_callable", "there is no way to call the model")
    finally:
        for handle in handles:
            handle.remove()
    fits: list[str] = []
    if values.get("is_conditional"):
        shown += _beside_classes(shown, given)
        with contextlib.suppress(Exception):
            fits = draws_that_fit(model, given_to_model, VisibleNoise(values["noise"]), VisibleNoise([0.0]))
    asked = ", ".join(noise.asked)
    told = {"fits": ", ".join(one or "right" for one in fits)} if fits else {}
    return {"shown": shown[:MAX_LAYERS], "given": given[:MAX_LAYERS], "asked": asked} | told


def _inputs(images: Any, is_conditional: bool) -> Iterator[tuple[Any, ...]]:
    """What a whole model may be called with: rows, pictures, and either with classes in every form."""
    torch: Any = sys.modules["torch"]
    shaped = (images, images.reshape(4, 1, 28, 28))
    yield from ((one,) for one in shaped)
    if is_conditional:
        for condition in conditions(np.arange(4)):
            yield from ((one, condition.value) for one in shaped)
            yield from ((condition.value, one) for one in shaped)
        yield (torch.cat([images, next(conditions(np.arange(4))).value], dim=1),)


def _beside_classes(shown: list[Any], given: list[Any]) -> list[Any]:
    """The parts of wider matrices that are as wide as something a layer gave: a code with its class beside it."""
    widths = sorted({one.shape[1] // k for one in given for k in (1, 2)} - {0})
    return [
        part
        for one in shown
        for width in widths
        if width < one.shape[1]
        for part in (one[:, :width], one[:, -width:])
    ]


def _flat(values: Any) -> list[Any]:
    """The narrow matrices among tensors: a latent variable has fewer columns than any other layer."""
    torch: Any = sys.modules["torch"]
    found: list[Any] = []
    for value in values:
        if isinstance(value, tuple | list):
            found += _flat(value)
        elif isinstance(value, torch.Tensor) and value.ndim == 2 and value.shape[1] <= MAX_LATENT + 10:
            found.append(value.detach().clone())
    return found


def samplers_of(challenge: dict[str, Any], namespace: Namespace) -> list[Candidate]:
    """The samplers that a challenge may mean; where none has such a name, whole networks whose ends the case tells."""
    try:
        return callables_of(challenge, namespace)
    except Refusal:
        networks = networks_between(challenge, namespace)
        if not networks:
            raise
        return networks


MODES["noise"] = Mode(samplers_of, put_noise)
