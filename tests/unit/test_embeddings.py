"""How tokens enter a live model: the spread of the embedding, its factor, and whether the head shares its weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from autograder.kernel_side.embeddings import embedding_of

V, C = 11, 24


class Model(nn.Module):
    """Tokens (B, T) to logits (B, T, V), with learned positions, a norm and a head."""

    def __init__(
        self, *, factor: float = 1.0, sd: float = 1.0, is_tied: bool = False, has_norm: bool = True
    ) -> None:
        super().__init__()
        self.factor = factor
        self.positions = nn.Embedding(16, C)
        self.tokens = nn.Embedding(V, C)
        nn.init.normal_(self.tokens.weight, std=sd)
        self.norm = nn.LayerNorm(C) if has_norm else nn.Identity()
        self.head = nn.Linear(C, V)
        if is_tied:
            self.head.weight = self.tokens.weight

    def forward(self, tokens: Any) -> Any:
        x = self.tokens(tokens) * self.factor + self.positions(torch.arange(tokens.shape[1]))
        return self.head(self.norm(x))


def told(model: Any) -> dict[str, Any]:
    return embedding_of(torch, model, lambda rows: model(torch.tensor(rows)))


@pytest.mark.parametrize("factor", [1.0, C**0.5, 0.3])
@pytest.mark.parametrize("is_tied", [False, True])
def test_factor_and_head_are_seen_whatever_the_positions(factor: float, is_tied: bool) -> None:
    torch.manual_seed(3)
    seen = told(Model(factor=factor, is_tied=is_tied))
    assert seen["factor"] == pytest.approx(factor, rel=1e-4)
    assert seen["is_tied"] is is_tied
    assert seen["sd"] == pytest.approx(1.0, abs=0.2)


def test_a_head_without_a_layer_is_that_of_the_embedding() -> None:
    class Shared(Model):
        def __init__(self) -> None:
            super().__init__(sd=0.02)
            self.head = None

        def forward(self, tokens: Any) -> Any:
            return nn.functional.linear(self.norm(self.tokens(tokens)), self.tokens.weight)

    seen = told(Shared())
    assert seen["is_tied"] is True
    assert seen["sd"] == pytest.approx(0.02, rel=0.2)


def test_without_a_norm_the_factor_is_not_known() -> None:
    assert "factor" not in told(Model(has_norm=False))


def test_what_is_no_module_or_refuses_one_token_tells_nothing() -> None:
    assert embedding_of(torch, lambda tokens: tokens, lambda rows: rows) == {}

    def refuses(_rows: list[list[int]]) -> Any:
        raise ValueError("at least two tokens")

    model = Model()
    assert embedding_of(torch, model, refuses) == {}
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in model.modules())
