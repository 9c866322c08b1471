"""What the first and the last layers of image networks were shown and gave: images, noise, features.

A hook on torch's own layers notes and passes on. It tells which images were trained on and in which range, whether
noise is normal, and what a classifier said of the images that were scored; no name of the notebook is needed.
"""

from __future__ import annotations

import collections
import hashlib
import weakref
from typing import Any

import numpy as np

from .known_images import UNKNOWN, KnownImages
from .recorders import TrainingRecorder
from .values import Encoder

N_PIXELS = 784
WITH_CLASS = (2, 11)
"""Channels of an image with its class: its own, and one or ten more."""
MAX_BESIDE = 100
"""Numbers that stand beside the pixels of an image: its class, or an embedding of it."""
MAX_LATENT = 100
MAX_KEYS = 48
MAX_CALLS = 12_000
MAX_LAYERS = 10_000
MAX_LAWS = 200
"""Batches of noise, of the size of the first, whose law is measured; of the others it is noted which they are."""
MAX_ROWS = 130_000
"""Rows of images that are looked up, for one layer in one cell."""
MAX_OUTPUT_ROWS = 1_000
MAX_OUTPUTS = 16

Entry = dict[str, Any]


class LayerRecorder:
    """Calls of the current cell by layer, mode and whether gradients were wanted."""

    def __init__(self, images: KnownImages, training: TrainingRecorder) -> None:
        self.images = images
        self.training = training
        self.entries: dict[tuple[Any, ...], Entry] = {}
        self.numbers: dict[int, int] = {}
        self.roles: dict[int, Any] = {}
        """By identity of a layer: the layer itself, held weakly, what it saw last, and its role for that."""
        self.held: list[Any] = []
        self.torch: Any = None
        self.kinds: tuple[type, ...] = ()

    def know(self, torch: Any) -> None:
        """Takes note of the library and of the layers that say something."""
        self.torch, self.kinds = torch, (torch.nn.Linear, torch.nn.Conv2d)

    def install(self, torch: Any) -> None:
        """Puts the hook in place."""
        self.know(torch)
        torch.nn.modules.module.register_module_forward_hook(self._hook)

    def take(self, encoder: Encoder) -> list[Entry]:
        """The entries since the last call, with their arrays handed to `encoder`."""
        taken, self.entries = list(self.entries.values()), {}
        return [_encoded(entry, encoder, self.training.n_steps) for entry in taken]

    def _hook(self, module: Any, args: Any, output: Any) -> None:
        if type(module) in self.kinds:
            try:  # noqa: SIM105  # every layer of every step comes here, and `suppress` takes a microsecond
                self._note(module, args[0], output)
            except Exception:
                pass

    def _note(self, module: Any, given: Any, output: Any) -> None:
        shape, known = given.shape, self.roles.get(id(module))
        if known is None or known[0]() is not module or known[1] != shape:
            if len(self.roles) >= MAX_LAYERS:
                self.roles.clear()
            has_class = self._shows_known(module, given)
            told = _with_class(module, given) if has_class else _role(module, given)
            known = self.roles[id(module)] = (weakref.ref(module), shape, *told)
        _, _, role, n_in, n_out = known
        if not role:
            return
        wants = self.torch.is_grad_enabled()
        key = (id(module), bool(module.training), wants)
        if key not in self.entries:
            if len(self.entries) >= MAX_KEYS:
                return
            number = self.numbers.setdefault(id(module), len(self.numbers))
            self.held.append(module)  # so that its identity stays its own
            about = {"role": role, "layer": number, "n_in": n_in, "n_out": n_out}
            self.entries[key] = about | {
                "training": key[1], "grad": wants, "n": 0, "rows": [], "steps": [], "codes": [],
                "means": [], "known": None, "new": None, "noise": [],
                "outputs": collections.deque(maxlen=MAX_OUTPUTS), "trainable": False, "looked_up": 0,
            }  # fmt: skip
        entry = self.entries[key]
        entry["n"] += 1
        if entry["n"] > MAX_CALLS:
            return
        entry["rows"].append(len(given))
        entry["steps"].append(self.training.n_steps)
        entry["trainable"] = module.weight.requires_grad
        if role == "image":
            self._look_up(entry, given)
        elif role == "latent":
            is_new = entry["n"] <= MAX_LAWS or len(given) != entry["rows"][0]
            entry["noise"].append(_noise(given, is_new))
        is_judged = not output.requires_grad or not module.training
        if role == "features" and is_judged and len(given) <= MAX_OUTPUT_ROWS:
            values = output.detach().float().numpy().copy()
            entry["outputs"].append((self.training.n_steps, entry["n"], values))

    def _look_up(self, entry: Entry, given: Any) -> None:
        rows = self._pixels(given.detach())
        entry["means"].append(float(rows.mean()))
        entry["looked_up"] += len(rows)
        if entry["looked_up"] > MAX_ROWS:
            return
        codes = self.images.codes(rows)
        entry["codes"].append(codes)
        for name, part in (("known", rows[codes != UNKNOWN]), ("new", rows[codes == UNKNOWN])):
            if len(part):
                low, high = float(part.min()), float(part.max())
                before = entry[name] or (low, high)
                entry[name] = (min(low, before[0]), max(high, before[1]))

    def _shows_known(self, module: Any, given: Any) -> bool:
        """Whether a layer is shown images with their class: ten numbers or channels more, or one of the data set."""
        if not _may_have_class(module, given):
            return False
        if int(module.weight.shape[1]) in (
            N_PIXELS + 10,
            11,
        ):  # changed images too: black and white ones, noisy ones
            return True
        return bool(self.images.codes(self._pixels(given.detach()[:1]))[0] != UNKNOWN)

    def _pixels(self, given: Any) -> Any:
        """The images (n, 784) of a call; of a class beside them, on either side, what is known to be an image."""
        rows = given.reshape(len(given), -1).float().numpy()
        if rows.shape[1] <= N_PIXELS:
            return rows
        sides = rows[:, :N_PIXELS], rows[:, -N_PIXELS:]
        known = [side for side in sides if self.images.codes(side[:1])[0] != UNKNOWN]
        return (
            known[0] if known else min(sides, key=lambda side: float(side.max()))
        )  # a class is a 1 somewhere


def _may_have_class(module: Any, given: Any) -> bool:
    n_in = int(module.weight.shape[1])
    if module.weight.ndim == 4:
        return n_in in WITH_CLASS and given.ndim == 4 and given.shape[2] * given.shape[3] == N_PIXELS
    return bool(given.ndim == 2 and N_PIXELS < n_in <= N_PIXELS + MAX_BESIDE)


def _with_class(module: Any, given: Any) -> tuple[str, int, int]:
    """The role of a layer that is shown images with their class: the one that it would have without the class."""
    return "image", 1 if given.ndim == 4 else N_PIXELS, int(module.weight.shape[0])


def _role(module: Any, given: Any) -> tuple[str, int, int]:
    """What a layer is: the first one of images or of a latent variable, one of features; "" for any other."""
    sizes = [int(side) for side in module.weight.shape]
    n_out, n_in = sizes[0], sizes[1]
    if len(sizes) == 4:
        is_image = n_in == 1 and given.ndim == 4 and given.shape[2] * given.shape[3] == N_PIXELS
        return ("image" if is_image else "", n_in, n_out)
    if given.ndim != 2:
        return "", n_in, n_out
    if n_in == N_PIXELS:
        return "image", n_in, n_out
    if n_in <= MAX_LATENT and n_out > n_in:
        return "latent", n_in, n_out
    return ("features" if n_in >= 20 and 10 <= n_out <= 512 and n_out < n_in else "", n_in, n_out)


def _noise(given: Any, has_law: bool) -> tuple[float, ...]:
    """Sign, mean, deviation and share of negative numbers of a latent variable; a share of -1 where none is measured."""
    array = np.ascontiguousarray(given.detach().float().numpy())
    digest = float(batch_digest(array))
    if not has_law:
        return digest, 0.0, 0.0, -1.0
    return digest, float(array.mean()), float(array.std()), float((array < 0).mean())


def batch_digest(array: Any) -> int:
    """A number that tells one batch of a latent variable from any other, by its bytes in single precision."""
    return int.from_bytes(hashlib.blake2b(array.tobytes(), digest_size=6).digest(), "little")


def _encoded(entry: Entry, encoder: Encoder, n_steps: int) -> Entry:
    done = {
        key: entry[key] for key in ("role", "layer", "n_in", "n_out", "training", "grad", "n", "trainable")
    }
    for name in ("known", "new"):
        limits = entry[name]
        done[name] = [float(one) for one in limits] if limits and np.all(np.isfinite(limits)) else None
    arrays = {
        "rows": np.array(entry["rows"], np.int32),
        "steps": np.array([*entry["steps"], n_steps], np.int32),
        "codes": np.concatenate(entry["codes"] or [np.zeros(0, np.int32)]),
        "means": np.array(entry["means"], np.float64),
        "noise": np.array(entry["noise"], np.float64).reshape(-1, 4),
    }
    done |= {name: encoder.array(array, "ndarray").get("ref") for name, array in arrays.items()}
    done["outputs"] = [
        {"step": step, "call": call, "ref": encoder.array(values, "tensor").get("ref")}
        for step, call, values in entry["outputs"]
    ]
    return done
