"""Small networks of ours that a notebook's own functions are called with: what they compute is known outside.

Classes are made when they are needed: a notebook may never import torch.
"""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Callable
from typing import Any

LENGTH_NAMES = (
    "block_size", "context_length", "context_len", "context_size", "context", "max_len", "max_length",
    "max_seq_len", "seq_len", "sequence_length", "seq_length", "n_ctx", "ctx_len", "max_context",
)  # fmt: skip
"""Attributes under which code asks a language model for the length of its context."""
SIZE_NAMES = ("vocab_size", "n_vocab", "V", "num_tokens", "n_tokens")
Note = Callable[..., None]


def stand_in_vae(tensors: dict[str, Any]) -> Any:
    """A model that returns the given reconstruction, mu and log_var, whatever it is shown; without a mu, the first alone."""
    torch: Any = sys.modules["torch"]

    class StandInVae(torch.nn.Module):  # type: ignore[misc]
        def forward(self, *_: Any, **__: Any) -> Any:
            if "mu" not in tensors:
                return tensors["reconstruction"]
            return tensors["reconstruction"], tensors["mu"], tensors["log_var"]

        def encode(self, *_: Any) -> Any:
            return (tensors["mu"], tensors["log_var"]) if "mu" in tensors else tensors["target"]

        def decode(self, *_: Any) -> Any:
            return tensors["reconstruction"]

        def reparameterize(self, *_: Any) -> Any:
            return tensors["mu"]

        encoder, decoder = encode, decode
        reparameterise = reparametrize = sample = reparameterize

    return StandInVae()


# ------------------------------------------------------------------ adversarial networks


def wave(n: int, phase: float, scale: float) -> list[float]:
    """Weights that both sides compute alike: scale * cos(phase * (j + 1)) for j = 0..n-1."""
    return [scale * math.cos(phase * (j + 1)) for j in range(n)]


def stand_in_generator(values: dict[str, Any], note: Note) -> Any:
    """tanh(A^T z[:, :2] + b), noise of any width to (n, n_pixels); weights by :func:`wave`."""
    torch: Any = sys.modules["torch"]
    n, phase = int(values["n_pixels"]), float(values["phase"])

    class StandInGenerator(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor(wave(2 * n, phase, 0.4)).reshape(2, n))
            self.bias = torch.nn.Parameter(torch.tensor(wave(n, phase + 0.5, 0.2)))
            for name in ("n_noise", "latent_dim", "z_dim", "noise_dim", "nz", "latent_size", "d_z"):
                setattr(self, name, 64)

        def forward(self, z: Any, *_: Any) -> Any:
            noise = z.flatten(1)[:, :2]
            note("generator", noise=noise)
            return torch.tanh(noise @ self.weight + self.bias)

        def train(self, mode: bool = True) -> Any:
            note("mode", of="generator", training=bool(mode))
            return super().train(mode)

    return StandInGenerator()


def stand_in_discriminator(values: dict[str, Any], note: Note, ends_with: str) -> Any:
    """x w + c, images (n, ...) to a logit (n, 1); a probability when it `ends_with` "sigmoid"."""
    torch: Any = sys.modules["torch"]
    n, phase = int(values["n_pixels"]), float(values["phase"])

    class StandInDiscriminator(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor(wave(n, phase + 1.0, 0.05)).reshape(n, 1))
            self.bias = torch.nn.Parameter(torch.tensor([0.3]))

        def forward(self, x: Any, *_: Any) -> Any:
            flat = x.flatten(1)
            note("discriminator", images=flat, n=len(flat))
            logits = flat @ self.weight + self.bias
            return torch.sigmoid(logits) if ends_with == "sigmoid" else logits

        def train(self, mode: bool = True) -> Any:
            note("mode", of="discriminator", training=bool(mode))
            return super().train(mode)

    return StandInDiscriminator()


# ------------------------------------------------------------------ language models


def stand_in_language_model(values: dict[str, Any], vocab_size: int, output: str) -> Any:
    """Logits gain * E[token], (B, T) to (B, T, V), with E by :func:`wave`; with the loss where targets are given."""
    torch: Any = sys.modules["torch"]
    gain, table = float(values["gain"]), wave(vocab_size**2, float(values["phase"]), 0.05)

    class StandInLanguageModel(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor(table).reshape(vocab_size, vocab_size))

        def forward(self, tokens: Any, targets: Any = None, *_: Any, **__: Any) -> Any:
            logits = gain * self.weight[tokens]
            if output == "logits":
                return logits
            loss = None
            if targets is not None:
                loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
            return logits, loss

    model = StandInLanguageModel()
    dress(model, 128, vocab_size)
    return model


def dress(model: Any, context_length: int, vocab_size: int) -> None:
    """Gives a language model the attributes by which code asks for its sizes."""
    config = types.SimpleNamespace()
    for holder in (model, config):
        for name in LENGTH_NAMES:
            setattr(holder, name, context_length)
        for name in SIZE_NAMES:
            setattr(holder, name, vocab_size)
    model.config = model.cfg = config
