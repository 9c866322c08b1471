"""What the numbers that a training minimises may have been computed from: images, codes, reconstructions of some steps.

A loss that is written out in a loop cannot be called with tensors of ours. What it tells by itself: before a few backward
passes of each cell, what layers were shown and gave. The trusted side compares.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .values import Encoder

N_PIXELS, SIDE = 784, 28
AT = (8, 16, 24, 32, 48, 64)
"""Backward passes of a cell that are looked at: not the first ones, where codes hardly differ yet."""
MAX_ROWS = 512
MAX_CODE = 64
MAX_BESIDE = 64
"""Numbers that may stand beside an image in a row: a class."""
MAX_CODES, MAX_WHOLE, MAX_ENTRIES = 6, 3, 36

Entry = dict[str, Any]


class MinimisedRecorder:
    """Some backward passes of the current cell."""

    def __init__(self) -> None:
        self.torch: Any = None
        self.entries: list[Entry] = []
        self.n_all = 0
        self.n_passes = 0
        self.handle: Any = None
        self.image: Any = None
        self.codes: list[Any] = []
        self.whole: list[Any] = []

    def install(self, torch: Any) -> None:
        """Takes note of the library."""
        self.torch = torch

    def differentiated(self, loss: Any) -> None:
        """Notes a number that is differentiated, when the layers before it were watched; watches for the next."""
        self.n_passes += 1
        if self.handle is not None:
            self._stop()
            if loss.numel() == 1 and self.image is not None and self.codes and self.whole:
                self._keep(loss)
        if self.torch is not None and self.n_passes + 1 in AT and self.n_all < MAX_ENTRIES:
            self.image, self.codes, self.whole = None, [], []
            self.handle = self.torch.nn.modules.module.register_module_forward_hook(self._hook)

    def take(self, encoder: Encoder) -> list[Entry]:
        """The entries since the last call, with their codes handed to `encoder`."""
        taken, self.entries, self.n_passes = self.entries, [], 0
        self._stop()
        return [
            one | {"codes": [encoder.array(code, "tensor").get("ref") for code in one["codes"]]}
            for one in taken
        ]

    def _stop(self) -> None:
        if self.handle is not None:
            self.handle.remove()
            self.handle = None

    def _hook(self, module: Any, args: Any, output: Any) -> None:
        try:
            if next(module.children(), None) is None:
                self._note(args[0], output)
        except Exception:
            pass

    def _note(self, given: Any, output: Any) -> None:
        if len(given) > MAX_ROWS:
            return
        if self.image is None and not given.requires_grad:
            self.image = _image_in(given)
        if not output.requires_grad:
            return
        size = output.numel() // len(output)
        if size == N_PIXELS:
            self.whole = [*self.whole, output.detach()][-MAX_WHOLE:]
        elif output.ndim == 2 and size <= 2 * MAX_CODE:
            self.codes = [*self.codes, output.detach()][-MAX_CODES:]

    def _keep(self, loss: Any) -> None:
        x = self.image.double()
        n = len(x)
        sums = [self._sums(r.double().reshape(n, -1), x) for r in self.whole if len(r) == n]
        codes = [code.float().cpu().numpy().copy() for code in self.codes if len(code) == n]
        if sums and codes:
            self.n_all += 1
            value = float(loss.detach())
            self.entries.append({"value": value, "rows": n, "sums": sums, "codes": codes})

    def _sums(self, r: Any, x: Any) -> dict[str, float]:
        """Reconstruction terms of the batch, for numbers that may be probabilities or logits."""
        torch = self.torch
        found = {
            "bce_with_logits": (torch.nn.functional.softplus(r) - x * r).sum(),
            "mse": ((r - x) ** 2).sum(),
            "mse_of_logits": ((torch.sigmoid(r) - x) ** 2).sum(),
        }
        if float(r.min()) >= 0 and float(r.max()) <= 1:
            p = r.clamp(1e-12, 1 - 1e-12)
            found["bce"] = -(x * p.log() + (1 - x) * (1 - p).log()).sum()
            del found["mse_of_logits"]
        numbers = {name: float(value) for name, value in found.items()}
        return {name: value for name, value in numbers.items() if np.isfinite(value)}


def _image_in(given: Any) -> Any:
    """The images (n, 784) in [0, 1] that the first layer of a network is shown, alone or with a class beside them."""
    if given.ndim == 4 and tuple(given.shape[2:]) == (SIDE, SIDE):
        rows = given[:, 0].reshape(len(given), -1)
    elif N_PIXELS <= given.numel() // len(given) <= N_PIXELS + MAX_BESIDE:
        rows = given.reshape(len(given), -1)[:, :N_PIXELS]
    else:
        return None
    rows = rows.detach()
    is_unit = float(rows.min()) >= 0 and float(rows.max()) <= 1
    return rows if is_unit else None
