"""A language model with long short-term memory: embedding, recurrent layers, head.

Source: Hochreiter and Schmidhuber 1997. Shapes: B sequences, T tokens, V = vocab_size.
"""

from __future__ import annotations

from torch import Tensor, nn


class LstmLM(nn.Module):
    """Tokens (B, T) to the logits (B, T, V) of the next token at every position."""

    def __init__(self, vocab_size: int, d_embed: int = 64, n_hidden: int = 128, n_layer: int = 1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.lstm = nn.LSTM(d_embed, n_hidden, n_layer, batch_first=True)
        self.head = nn.Linear(n_hidden, vocab_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits (B, T, V) of the token after each of tokens (B, T); every sequence begins without a past."""
        x = self.embedding(tokens)  # (B, T, d_embed)
        states, _ = self.lstm(x)  # (B, T, n_hidden)
        logits: Tensor = self.head(states)  # (B, T, V)
        return logits
