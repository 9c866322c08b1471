"""Networks as torch prints them, read back: their layers, and the weights that these must have."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from autograder.stats.printed_layers import Printed, printed_networks


def read(text: str) -> list[Printed]:
    return list(printed_networks(text.split("\n")))


class Several(nn.Module):
    """Layers of every kind whose weights are known."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 32, 3, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten()
        )
        self.up = nn.ConvTranspose2d(8, 4, kernel_size=(2, 3), stride=2)
        self.groups = nn.Conv1d(8, 16, 5, groups=4)
        self.embedding = nn.Embedding(65, 32, padding_idx=0)
        self.lstm = nn.LSTM(32, 64, num_layers=2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(5, 7, bias=False)
        self.rnn = nn.RNN(5, 7, num_layers=2, dropout=0.1)
        self.norm = nn.LayerNorm((4, 5))
        self.plain = nn.BatchNorm1d(9, affine=False)
        self.group = nn.GroupNorm(2, 8)
        self.head = nn.Linear(20, 3)


@pytest.mark.parametrize(
    "model",
    [Several(), nn.Sequential(nn.Linear(784, 10, bias=False), nn.Sigmoid()), nn.Sequential(nn.GRUCell(2, 3))],
)
def test_weights_are_those_of_torch(model: nn.Module) -> None:
    (found,) = read(f"some text\n{model}\nmore")
    counted = sum(parameter.numel() for parameter in model.parameters())
    assert (found.n_parameters, found.is_exact) == (counted, True)


def test_layers_are_listed_and_several_networks_told_apart() -> None:
    first, second = read(
        f"Model: {nn.Sequential(nn.Linear(2, 3), nn.Tanh())}\n{nn.Sequential(nn.Linear(3, 1))}"
    )
    assert (first.kind, first.layers, first.n_parameters) == ("Sequential", ("Linear", "Tanh"), 9)
    assert (second.layers, second.n_parameters) == (("Linear",), 4)


def test_what_hides_its_weights_is_not_exact() -> None:
    (attention,) = read(str(nn.Sequential(nn.MultiheadAttention(8, 2))))
    (repeated,) = read(str(nn.ModuleList([nn.Sequential(nn.Linear(2, 2)) for _ in range(3)])))
    assert not attention.is_exact
    assert not repeated.is_exact
    (own,) = read("Net(\n  (gate): MyGate()\n  (head): Linear(in_features=1, out_features=1, bias=True)\n)")
    assert (own.layers, own.is_exact) == (("MyGate", "Linear"), False)


@pytest.mark.parametrize(
    "text",
    ["", "Linear(in_features=2, out_features=3, bias=True)", "Sequential(", "print(model)\n)", "f(x)\n)"],
)
def test_other_text_holds_no_network(text: str) -> None:
    assert read(text) == []


def test_a_model_of_one_layer_is_no_block() -> None:
    assert read(str(torch.nn.Linear(2, 3))) == []
