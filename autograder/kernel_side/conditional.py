"""Networks that are told a class: what they give, as they were trained, for images, codes and classes of ours.

Names of parameters say where they can which takes the image, the code, the class; every other way is tried. Where a whole
model tells its codes, they are also put into it: the layers that give them are made to give ours, and the noise is made 0,
so that what the model returns is what its decoder makes of a code and a class, however both are joined.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .binding import Refusal
from .conditions import Condition, conditions, images_as
from .held_codes import Leaves
from .known_pixels import N_PIXELS, known_pixels
from .modes import MODES, Candidate, Fields, Mode, Setting
from .namespace import Namespace
from .noise import VisibleNoise
from .placing import is_module, said
from .shown_codes import codes_shown
from .structure import outputs_of
from .told_networks import Way, decoders, or_joined, ways
from .values import as_array, is_tensor

SHAPES = ((N_PIXELS,), (1, 28, 28), (28, 28))
SCALES = ("unit", "signed", "standard")
MAX_CODE = 256
MAX_NARROW = 512
MAX_CALLS, MAX_FUNCTIONS = 8, 2

Call = dict[str, Any]


def the_notebook(challenge: dict[str, Any], namespace: Namespace) -> list[Candidate]:
    """The notebook as a whole: several of its networks and functions belong together."""
    torch: Any = sys.modules.get("torch")
    if torch is None or getattr(torch, "nn", None) is None:
        raise Refusal("missing", "the notebook does not use torch")
    last = max((at for past in namespace.history.values() for at, _ in past), default=0)
    return [Candidate("the networks", None, last)]


def put_conditional(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """Every way to call the notebook's networks with a class, and what it gave: `calls`."""
    values = case["values"]
    make = _of_codes if values["asks"] == "codes" else _of_images
    calls: list[Call] = []
    for call in make(challenge, values, setting, case["seed"]):
        calls.append(call)
        setting.answer["function"] = calls[0]["name"]
        if len(calls) == MAX_CALLS:
            break
    if not calls:
        raise Refusal("not_callable", "nothing of the notebook takes a class beside it")
    return {"result": setting.encoder.node({"calls": calls}), "status": "ok"}


# ------------------------------------------------------------------ images and classes


def _of_images(
    challenge: dict[str, Any], values: dict[str, Any], setting: Setting, seed: int
) -> Iterator[Call]:
    """What networks give for test images of MNIST with their classes, and whether another class changes it."""
    images, labels = (array[: values["n"]] for array in _test_set())
    encoders: list[Way] = []
    is_whole = False
    for way in or_joined(ways(challenge, setting, ("image", "label")), challenge, setting, 0, encoders):
        call = setting.guarded(functools.partial(_seen_at_images, way, images, labels))
        if call is not None:
            encoders.append(way)
            is_whole = is_whole or "reconstructions" in call
            yield call | {"name": way.name, "bound": said(way.placed), "images": images}
    if is_whole:
        return
    for encoder, decoder in itertools.product(encoders, list(decoders(challenge, setting))):
        call = setting.guarded(functools.partial(_through_both, encoder, decoder, images, labels))
        if call is not None:
            yield call | {"name": f"{encoder.name}, {decoder.name}", "images": images}
    if not encoders:
        yield from _not_told(challenge, setting, images)


def _not_told(challenge: dict[str, Any], setting: Setting, images: Any) -> Iterator[Call]:
    """Autoencoders that take an image alone: what they give says that they are told no class."""
    for way in ways(challenge, setting, ("image",)):
        for shape in SHAPES:
            attempt = functools.partial(_given, way, images, None, "unit", shape)
            whole, narrow = setting.guarded(attempt) or (None, [])
            if whole is not None:
                yield {"name": way.name, "is_not_told": True, "codes": narrow[:2]}
                break


def _through_both(encoder: Way, decoder: Way, images: Any, labels: Any) -> Call | None:
    """Images that a decoder makes of the means that an encoder gives, for each scale of the pixels; None when it fails."""
    torch: Any = sys.modules["torch"]
    for told, shape, asked in itertools.product(list(conditions(labels)), SHAPES, list(conditions(labels))):
        found: dict[str, Any] = {}
        for scale in SCALES:
            given = _given(encoder, images, told, scale, shape)
            if given is None or not given[1]:
                break
            code = given[1][0]
            if len(given[1]) == 1:  # mean and log variance side by side
                code = code[:, : code.shape[1] // 2]
            with contextlib.suppress(Exception), torch.no_grad():
                pixels = _pixels(decoder(code=code, label=asked.value, count=len(images)), len(images))
                if pixels is not None:
                    found[scale] = pixels
        if found:
            return {"form": told.form, "reconstructions": found}
    return None


def _test_set() -> tuple[Any, Any]:
    try:
        return known_pixels("t10k")
    except OSError as error:
        raise Refusal("not_callable", str(error)) from None


def _seen_at_images(way: Way, images: Any, labels: Any) -> Call | None:
    """Reconstructions for each scale of the pixels, and how codes and images move with the class; None for no network."""
    for condition in conditions(labels):
        for shape in SHAPES:
            first = _given(way, images, condition, "unit", shape)
            if first is None:
                continue
            whole, narrow = first
            if whole is None and not narrow:
                continue
            other = _given(way, images, condition.turned(), "unit", shape)
            call: Call = {"form": condition.form, "shape": list(shape), "codes": narrow[:2]}
            if other is not None:
                call["codes_move"] = [_moved(a, b) for a, b in zip(narrow, other[1], strict=False)]
                call["image_moves"] = _moved(whole, other[0]) if whole is not None else 0.0
            if whole is not None:
                call["reconstructions"] = {
                    scale: given[0]
                    for scale in SCALES
                    if (given := _given(way, images, condition, scale, shape)) is not None
                }
            return call
    return None


def _given(
    way: Way, images: Any, condition: Condition | None, scale: str, shape: tuple[int, ...]
) -> tuple[Any, list[Any]] | None:
    """Images (n, 784) and codes (n, d) that a call gives, under known noise; None when it fails."""
    torch: Any = sys.modules["torch"]
    module = _owner(way)
    before = set(map(id, vars(module).values())) if module is not None else set()
    noise = VisibleNoise(np.random.default_rng(0).normal(size=4099).round(4).tolist())
    try:
        with noise.in_place(), torch.no_grad():
            told = {} if condition is None else {"label": condition.value}
            result = way(image=images_as(images, scale, shape), count=len(images), **told)
    except NameError:
        raise
    except Exception:
        return None
    found = [tensor for _, tensor in outputs_of(result)]
    if module is not None:  # self.mu = ...
        found += [v for v in vars(module).values() if is_tensor(v) and id(v) not in before]
    n = len(images)
    sized = [
        one.reshape(n, -1) for one in found if one.ndim >= 2 and len(one) == n and one.is_floating_point()
    ]
    whole = next((one for one in sized if one.shape[1] == N_PIXELS), None)
    return whole, [one for one in sized if one.shape[1] <= MAX_NARROW]


def _owner(way: Way) -> Any:
    owner = getattr(way.function, "__self__", None)
    return owner if is_module(owner) else None


def _moved(a: Any, b: Any) -> float:
    """The largest difference of two tensors, in units of the spread of the first."""
    spread = max(float(a.std()), 1e-12)
    return float((a - b).abs().max()) / spread if a.shape == b.shape else 0.0


# ------------------------------------------------------------------ codes and classes


def _of_codes(
    challenge: dict[str, Any], values: dict[str, Any], setting: Setting, seed: int
) -> Iterator[Call]:
    """Images of every class: by functions that draw codes; from the same codes, through whole models and by decoders."""
    labels = np.repeat(np.arange(values["n_classes"]), values["n"])
    draw = np.random.default_rng(seed)

    def codes(d: int) -> Any:
        return np.tile(draw.standard_normal((values["n"], d)).astype(np.float32), (values["n_classes"], 1))

    images = _test_set()[0][:1].repeat(len(labels), axis=0)
    made = (_drawn(way, setting, values) for way in ways(challenge, setting, ("label",)))
    drawn = list(itertools.islice((call for call in made if call is not None), MAX_FUNCTIONS))
    yield from drawn
    has_any = bool(drawn)
    for way in ways(challenge, setting, ("image", "label")):
        held = setting.guarded(functools.partial(_held, way, images, labels, codes))
        if held is not None:
            yield held | {"name": way.name, "how": "whole"}
            has_any = True
    found: list[Way] = []
    for way in or_joined(ways(challenge, setting, ("code", "label")), challenge, setting, N_PIXELS, found):
        call = setting.guarded(functools.partial(_decoded, way, labels, codes))
        if call is not None:
            found.append(way)
            yield call | {"name": way.name, "how": "decoder"}
            has_any = True
    if not has_any:
        yield from _not_told(challenge, setting, images)


def _decoded(way: Way, labels: Any, codes: Callable[[int], Any]) -> Call | None:
    """Images that a decoder makes of codes of the size that it takes; None when it takes none."""
    torch: Any = sys.modules["torch"]
    for condition in conditions(labels):
        for d in range(1, MAX_CODE + 1):
            try:
                with torch.no_grad():
                    found = way(code=torch.zeros(len(labels), d), label=condition.value, count=len(labels))
            except NameError:
                raise
            except Exception:  # codes of another size
                continue
            if _pixels(found, len(labels)) is not None:
                with torch.no_grad():
                    found = way(code=torch.from_numpy(codes(d)), label=condition.value, count=len(labels))
                return {"form": condition.form, "d": d, "images": _pixels(found, len(labels))}
    return None


def _drawn(way: Way, setting: Setting, values: dict[str, Any]) -> Call | None:
    """Images that a function of a class makes of codes of its own: one call a class, from the same state of the noise."""
    if getattr(way.function, "__name__", "") == "forward":
        return None
    n, n_classes = values["n"], values["n_classes"]
    shown: list[Any] = []

    def tried(labels: list[Any]) -> Any:
        rows = []
        shown.clear()
        for label in labels:
            with contextlib.suppress(Exception), codes_shown(shown):
                array = _pixels(setting.guarded(functools.partial(way, label=label, count=n)), None)
                rows.append(array)
        return rows

    for form, labels in _labels(n, n_classes):
        first = tried(labels[:1])
        if not first or first[0] is None:
            continue
        rows = tried(labels)
        k = min((len(one) for one in rows if one is not None), default=0)
        if k and len(rows) == n_classes and all(one is not None for one in rows):
            found = {"form": form, "d": 0, "name": way.name, "how": "function"}
            found["images"] = np.concatenate([np.asarray(one[:k]) for one in rows])
            if len(shown) == n_classes and len({one.shape for one in shown}) == 1:
                found["drawn"] = np.stack(shown)
            return found
    return None


def _labels(n: int, n_classes: int) -> Iterator[tuple[str, list[Any]]]:
    """The classes one by one, as functions of a class may take them: a number, so many numbers, one of one-hot rows."""
    torch: Any = sys.modules["torch"]
    yield "number", list(range(n_classes))
    for k in (n, 1):
        for condition in conditions(np.repeat(np.arange(n_classes), k)):
            yield condition.form, list(torch.as_tensor(condition.value).split(k))


def _pixels(result: Any, n: int | None) -> Any:
    """The first images (n, 784) in what a call returned, as an array; None when there are none."""
    found = [tensor.detach() for _, tensor in outputs_of(result)]
    if not found:
        array = as_array(result)[0]
        found = [array] if array is not None and array.dtype.kind == "f" else []
    for one in found:
        size = int(np.prod(tuple(one.shape)))
        if size and size % N_PIXELS == 0 and n in (None, size // N_PIXELS):
            return np.asarray(one, dtype=np.float32).reshape(-1, N_PIXELS)
    return None


# ------------------------------------------------------------------ codes put into a whole model


def _held(way: Way, images: Any, labels: Any, codes: Callable[[int], Any]) -> Call | None:
    """What a whole model returns where the layers that give its codes give ours; None where these cannot be told."""
    torch: Any = sys.modules["torch"]
    module = _owner(way)
    if module is None:
        return None
    for condition in conditions(labels):
        for shape in SHAPES:
            seen = Leaves(module)
            with seen.watched():
                given = _given(way, images, condition, "unit", shape)
            if given is None or given[0] is None:
                continue
            heads = seen.heads(given[1])
            if not heads:
                return None
            ours = codes(heads[0].d)
            with (
                seen.replaced(heads, torch.from_numpy(ours)),
                VisibleNoise([0.0]).in_place(),
                torch.no_grad(),
            ):
                result = way(image=images_as(images, "unit", shape), label=condition.value, count=len(images))
            return {"form": condition.form, "d": heads[0].d, "images": _pixels(result, len(labels))}
    return None


MODES["conditional"] = Mode(the_notebook, put_conditional)
"""Networks of the notebook that take a class beside an image or a code."""
