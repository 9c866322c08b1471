"""Recurrent language models, read from the top: the Elman cell, its unrolling, several layers, model, generation.

Sources: Elman 1990 ("Finding Structure in Time"); Werbos 1990 (backpropagation through time).
Shapes: B sequences, T tokens, D = d_embed, H = n_hidden, L = n_layer, V = vocab_size.
"""

# Some methods of torch carry no types, backward and split among them.
# mypy: untyped-calls-exclude="torch"

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ElmanCell(nn.Module):
    """One step of a recurrent network: h' = tanh(W x + U h + b)."""

    def __init__(self, n_in: int, n_hidden: int) -> None:
        super().__init__()
        self.n_hidden = n_hidden
        self.input = nn.Linear(n_in, n_hidden)  # W (H, D) and b (H,)
        self.recurrent = nn.Linear(n_hidden, n_hidden, bias=False)  # U (H, H)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """Return the next hidden state (B, H) of inputs x (B, D) and the state h (B, H)."""
        return torch.tanh(self.input(x) + self.recurrent(h))


class ElmanRNN(nn.Module):
    """Elman cells unrolled over a sequence; the states of a layer are the inputs of the one above it."""

    def __init__(self, n_in: int, n_hidden: int, n_layer: int = 1) -> None:
        super().__init__()
        sizes = [n_in] + [n_hidden] * (n_layer - 1)
        self.cells = nn.ModuleList([ElmanCell(size, n_hidden) for size in sizes])

    def forward(self, x: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Return the states of the last layer (B, T, H), and the state (B, H) of each layer after the last token.

        Gradients flow back through all T steps: backpropagation through time is what autograd does with this loop.

        Parameters
        ----------
        x
            Inputs (B, T, D).
        state
            Where each layer begins, (B, H); zeros by default.
        """
        states = list(state) if state is not None else []
        states = states or [x.new_zeros(len(x), cell.n_hidden) for cell in self.cells]  # type: ignore[call-overload]
        outputs = []
        for t in range(x.shape[1]):
            below = x[:, t]  # (B, D)
            for layer, cell in enumerate(self.cells):
                below = states[layer] = cell(below, states[layer])  # (B, H)
            outputs.append(below)
        return torch.stack(outputs, dim=1), states


class RnnLM(nn.Module):
    """Tokens (B, T) to the logits (B, T, V) of the next token at every position."""

    def __init__(self, vocab_size: int, d_embed: int = 32, n_hidden: int = 128, n_layer: int = 1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = ElmanRNN(d_embed, n_hidden, n_layer)
        self.head = nn.Linear(n_hidden, vocab_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits (B, T, V) of the token after each of tokens (B, T)."""
        states, _ = self.rnn(self.embedding(tokens))
        logits: Tensor = self.head(states)
        return logits


# ------------------------------------------------------------------ training and generation


def next_token_loss(model: nn.Module, windows: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats of predicting windows[:, 1:] from windows[:, :-1], shape (n, T + 1)."""
    logits = model(windows[:, :-1])  # (n, T, V)
    return F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())


def train_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, windows: Tensor, max_norm: float = 1.0
) -> float:
    """Update the model once on windows (n, T + 1) of tokens and return the loss from before the update, in nats."""
    model.train()
    optimizer.zero_grad()
    loss = next_token_loss(model, windows)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)  # gradients through time may explode
    optimizer.step()
    return float(loss.detach())


def random_windows(tokens: Tensor, n: int, length: int, generator: torch.Generator) -> Tensor:
    """Return n windows (n, length) that begin anywhere in tokens (N,), N >= length."""
    starts = torch.randint(0, len(tokens) - length + 1, (n, 1), generator=generator)
    return tokens[starts + torch.arange(length)]


@torch.no_grad()
def generate(
    model: nn.Module,
    prompt: Tensor,
    n_tokens: int,
    temperature: float = 1.0,
    context_length: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the prompt (P,) with n_tokens more, (P + n_tokens,), each drawn from softmax(logits / temperature).

    Parameters
    ----------
    context_length
        How many of the last tokens the model is shown; all of them by default.

    Raises
    ------
    ValueError
        The temperature is not positive.
    """
    if not temperature > 0 or not math.isfinite(temperature):
        raise ValueError(f"expected a positive temperature, got {temperature}")
    model.eval()
    tokens = prompt
    for _ in range(n_tokens):
        shown = tokens if context_length is None else tokens[-context_length:]
        logits = model(shown[None])[0, -1]  # (V,)
        drawn = torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=generator)
        tokens = torch.cat([tokens, drawn])
    return tokens
