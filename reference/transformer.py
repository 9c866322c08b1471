"""A tiny autoregressive Transformer, read from the top: configuration, attention, block, model, training.

Sources: Vaswani et al. 2017 ("Attention Is All You Need"; attention, equation 1; positions, section 3.5); Xiong et
al. 2020 (pre-norm, with a norm after the last block); the layout follows nanoGPT (Karpathy).
Shapes: B sequences, T tokens (at most context_length), C = d_model, H = n_head, D = d_head, V = vocab_size.
"""

# Some methods of torch carry no types, backward and split among them.
# mypy: untyped-calls-exclude="torch"

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.batches import mean_over_examples, shuffled_batches


@dataclass(frozen=True, slots=True)
class TransformerConfig:
    """Sizes, and the choices that the sheet leaves open (each with torch's usual answer)."""

    vocab_size: int
    context_length: int = 128
    n_layer: int = 2
    n_head: int = 3
    d_model: int = 192
    d_ff: int = 768
    has_attention_bias: bool = True  # in the four projections
    has_head_bias: bool = True
    has_final_norm: bool = True  # pre-norm leaves the last residual sum unnormalised without it
    is_tied: bool = False  # the head shares the embedding's matrix
    is_fused: bool = True  # scaled_dot_product_attention in place of the formula; same values, faster

    def __post_init__(self) -> None:
        if self.d_model % self.n_head or self.d_model % 2:
            raise ValueError(f"expected an even d_model that {self.n_head} heads divide, got {self.d_model}")


# ------------------------------------------------------------------ parts


def sinusoidal_positions(n_positions: int, d_model: int) -> Tensor:
    """Return the position vectors (n_positions, d_model), without parameters.

    Column 2i holds sin(t / 10000^(2i / d_model)), column 2i + 1 the cosine (Vaswani et al. 2017, section 3.5).
    """
    positions = torch.arange(n_positions, dtype=torch.float64)[:, None]  # (T, 1)
    rates = torch.exp(
        torch.arange(0, d_model, 2, dtype=torch.float64) * (-math.log(10_000.0) / d_model)
    )  # (C/2,)
    angles = positions * rates  # (T, C/2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).float()  # (T, C)


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return softmax(q k^T / sqrt(D), masked to the past and present) v, for q, k, v of shape (B, H, T, D)."""
    n_tokens = q.shape[-2]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, H, T, T)
    is_future = torch.ones(n_tokens, n_tokens, dtype=torch.bool, device=q.device).triu(diagonal=1)
    weights = torch.softmax(scores.masked_fill(is_future, -math.inf), dim=-1)  # (B, H, T, T), rows sum to 1
    return weights @ v  # (B, H, T, D)


def fused_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return what `causal_attention` returns, from torch's own kernel: the same values but for rounding, faster."""
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


class CausalSelfAttention(nn.Module):
    """Multi-head self-attention in which a token sees itself and what came before it."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.is_fused = config.is_fused
        self.query, self.key, self.value, self.output = (
            nn.Linear(config.d_model, config.d_model, bias=config.has_attention_bias) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the attended values (B, T, C) of x (B, T, C)."""
        q, k, v = (self.split_heads(projection(x)) for projection in (self.query, self.key, self.value))
        attend = fused_attention if self.is_fused else causal_attention
        attended = attend(q, k, v)  # (B, H, T, D)
        merged = attended.transpose(1, 2).reshape(x.shape)  # (B, T, C): heads side by side
        out: Tensor = self.output(merged)
        return out

    def split_heads(self, x: Tensor) -> Tensor:
        """Return (B, H, T, D) for (B, T, C): head h holds the columns h D to (h + 1) D."""
        return x.view(*x.shape[:2], self.n_head, -1).transpose(1, 2)


class Block(nn.Module):
    """Attention, then a feed-forward network; each on a normalised copy, added to the residual stream."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.d_model)
        self.attention = CausalSelfAttention(config)
        self.feed_forward_norm = nn.LayerNorm(config.d_model)
        self.feed_forward = nn.Sequential(
            nn.Linear(config.d_model, config.d_ff), nn.GELU(), nn.Linear(config.d_ff, config.d_model)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the residual stream (B, T, C) after this block."""
        x = x + self.attention(self.attention_norm(x))  # (B, T, C)
        update: Tensor = self.feed_forward(self.feed_forward_norm(x))  # (B, T, C)
        return x + update


class TransformerLM(nn.Module):
    """Tokens (B, T) to the logits (B, T, V) of the next token at every position."""

    def __init__(self, config: TransformerConfig | int) -> None:
        super().__init__()
        if isinstance(config, int):  # the size of the vocabulary, with all else as the sheet has it
            config = TransformerConfig(config)
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.n_layer)])
        self.final_norm = nn.LayerNorm(config.d_model) if config.has_final_norm else nn.Identity()
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=config.has_head_bias)
        self.positions: Tensor
        positions = sinusoidal_positions(config.context_length, config.d_model)
        self.register_buffer("positions", positions, persistent=False)
        self.apply(init_linear)
        if config.is_tied:
            self.embedding.weight = self.head.weight

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits (B, T, V) of the token after each of tokens (B, T).

        Raises
        ------
        ValueError
            More tokens than the context holds: crop to the last context_length.
        """
        n_tokens = tokens.shape[-1]
        if n_tokens > self.config.context_length:
            raise ValueError(f"expected at most {self.config.context_length} tokens, got {n_tokens}")
        x = self.embedding(tokens) + self.positions[:n_tokens]  # (B, T, C)
        for block in self.blocks:
            x = block(x)  # (B, T, C)
        logits: Tensor = self.head(self.final_norm(x))  # (B, T, V)
        return logits


def init_linear(module: nn.Module) -> None:
    """Fill a linear layer: Xavier uniform for the matrix (Glorot and Bengio 2010), zeros for the bias."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


# ------------------------------------------------------------------ training


def chunked_windows(tokens: Tensor, context_length: int) -> tuple[Tensor, Tensor]:
    """Return inputs and targets (n, context_length): windows side by side, targets one token further on.

    What does not fill a window at the end is left out.
    """
    n = (len(tokens) - 1) // context_length
    if n < 1:
        raise ValueError(f"expected more than {context_length} tokens for a window, got {len(tokens)}")
    used = n * context_length
    return tokens[:used].view(n, context_length), tokens[1 : used + 1].view(n, context_length)


def next_token_nll(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over tokens of -log p(target), in nats, for logits (B, T, V) and targets (B, T)."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def make_optimizer(model: nn.Module) -> torch.optim.AdamW:
    """Return AdamW with learning rate 3e-4, weight decay 0.01 on every parameter, and betas (0.9, 0.95)."""
    return torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.01, betas=(0.9, 0.95))


def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    inputs: Tensor,
    targets: Tensor,
    max_norm: float = 1.0,
) -> Tensor:
    """Update the model once, gradients clipped to the norm max_norm, and return the loss from before, in nats."""
    model.train()
    optimizer.zero_grad()
    loss = next_token_nll(model(inputs), targets)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.detach()


class LmEpoch(NamedTuple):
    """Losses of one epoch, in nats per token, and the perplexity."""

    train_nll: float  # mean over the epoch, while the weights change
    validation_nll: float  # at its end
    validation_perplexity: float


def train_lm(
    model: TransformerLM,
    optimizer: torch.optim.Optimizer,
    train: Tensor,
    validation: Tensor,
    n_epochs: int,
    batch_size: int,
    generator: torch.Generator,
) -> list[LmEpoch]:
    """Train on chunked windows, shuffled each epoch, and return one record an epoch.

    Parameters
    ----------
    train, validation
        Tokens, one long sequence (n,) each.
    generator
        Source of the order of batches.
    """
    inputs, targets = chunked_windows(train, model.config.context_length)
    history = []
    for _ in range(n_epochs):
        losses, sizes = [], []
        for batch in shuffled_batches(len(inputs), batch_size, generator):
            losses.append(train_step(model, optimizer, inputs[batch], targets[batch]))
            sizes.append(len(batch))
        nll = split_nll(model, validation, model.config.context_length, batch_size)
        history.append(LmEpoch(float(mean_over_examples(losses, sizes)), nll, perplexity(nll)))
    return history


# ------------------------------------------------------------------ evaluation


@torch.no_grad()
def split_nll(model: nn.Module, tokens: Tensor, context_length: int, batch_size: int = 64) -> float:
    """Return the mean NLL of tokens 1, ..., n - 1 of a sequence (n,), in nats per token, by teacher forcing.

    Windows lie side by side and each begins without a past; the last may be shorter. Every token weighs the same.
    """
    if len(tokens) < 2:
        raise ValueError(f"expected at least 2 tokens, got {len(tokens)}")
    model.eval()
    n_full = (len(tokens) - 1) // context_length * context_length
    batches: list[tuple[Tensor, Tensor]] = []
    if n_full:
        windows = chunked_windows(tokens[: n_full + 1], context_length)
        batches += zip(*(part.split(batch_size) for part in windows), strict=True)
    if n_full < len(tokens) - 1:
        batches.append((tokens[None, n_full:-1], tokens[None, n_full + 1 :]))
    losses = [next_token_nll(model(inputs), targets) for inputs, targets in batches]
    return float(mean_over_examples(losses, [targets.numel() for _, targets in batches]))


def perplexity(nll: float) -> float:
    """Return exp(nll) for a mean NLL in nats per token: 1 or more (lower is better), V for uniform guessing."""
    return math.exp(nll)
