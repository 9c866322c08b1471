"""A small recurrent network that writes song lyrics, character by character (Hochreiter and Schmidhuber 1997)."""

# Some methods of torch carry no types, backward among them.
# mypy: untyped-calls-exclude="torch"

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


class LyricsModel(nn.Module):
    """An LSTM over characters: embedding, one recurrent layer, and a linear layer that gives logits."""

    def __init__(self, n_tokens: int, n_embedding: int = 32, n_hidden: int = 128) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, n_embedding)
        self.lstm = nn.LSTM(n_embedding, n_hidden, batch_first=True)
        self.head = nn.Linear(n_hidden, n_tokens)

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the logits (n, length, n_tokens) of the next tokens, and the state after the last one."""
        hidden, state = self.lstm(self.embedding(tokens), state)
        return self.head(hidden), state


def lyrics_step(model: nn.Module, optimizer: torch.optim.Optimizer, tokens: Tensor) -> float:
    """Update the model once on tokens (n, length + 1) and return the loss before, in nats per token."""
    optimizer.zero_grad()
    logits, _ = model(tokens[:, :-1])
    loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    loss.backward()
    optimizer.step()
    return float(loss.detach())


@torch.no_grad()
def write_lyrics(model: nn.Module, prompt: Tensor, n_new: int, generator: torch.Generator) -> Tensor:
    """Return the prompt (length,) followed by n_new tokens, each drawn from the model's law.

    Parameters
    ----------
    prompt
        Tokens to begin with, at least one.
    generator
        Source of the draws.
    """
    tokens = [int(token) for token in prompt]
    logits, state = model(prompt[None])
    for _ in range(n_new):
        probabilities = logits[0, -1].softmax(0)
        tokens.append(int(torch.multinomial(probabilities, 1, generator=generator)))
        logits, state = model(torch.tensor([[tokens[-1]]]), state)
    return torch.tensor(tokens)
