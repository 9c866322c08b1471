"""Recorders of training: what they see of real training, that they change nothing, and what checks make of it."""

# ruff: noqa: E501  # a table of mistakes, one a line

from __future__ import annotations

import functools
import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
from neural_specs import RATE

from autograder.checks.findings import Context, Finding
from autograder.golden import Golden
from autograder.kernel_side.recorders import TrainingRecorder
from autograder.probes.evidence import Evidence
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import Observations
from autograder.probes.training import training_in
from autograder.records import CellError, CellRecord, ExecutionRecord, Status
from autograder.registry import CHECKS

PROGRAM = """
import json, os, sys, types
import numpy as np
import torch
import torch._dynamo  # what the first optimizer imports
torch.set_num_threads(1)

def run(how, source):
    record = how == "record"
    if record:
        from autograder.kernel_side.recorders import TrainingRecorder
        recorder = TrainingRecorder()
        recorder.install(torch)
    names = {"__name__": "__main__"}
    exec(compile(source, "<cell>", "exec"), names)
    return {"result": names.get("result"), "entries": recorder.take() if record else []}

for line in sys.stdin:
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, json.dumps(run(*json.loads(line))).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as file:
        print(file.read(), flush=True)
    os.wait()
"""
"""Runs each program in a fork of its own, which has torch as it was after its import: that takes longer than they do."""
GAN = """
import torch, torch.nn as nn, torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
G, D = nn.Linear(4, 8), nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.3), nn.Linear(8, 1))
for m in D.modules():
    if isinstance(m, nn.Linear):
        nn.init.xavier_uniform_(m.weight)
        nn.init.zeros_(m.bias)
opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
loader = DataLoader(TensorDataset(torch.rand(40, 8)), batch_size=16, shuffle=True)
loss = nn.BCEWithLogitsLoss()
losses = []
for epoch in range(2):
    D.train()
    for (x,) in loader:
        fake = G(torch.randn(len(x), 4))
        opt_d.zero_grad()
        a = loss(D(x), torch.full((len(x), 1), 0.9)) + loss(D(fake.detach()), torch.zeros(len(x), 1))
        a.backward(); opt_d.step()
        opt_g.zero_grad()
        b = F.binary_cross_entropy_with_logits(D(fake), torch.ones(len(x), 1))
        b.backward()
        nn.utils.clip_grad_norm_(G.parameters(), max_norm=1.0)
        opt_g.step()
        losses.append((a.item(), b.item()))
    D.eval()
result = [losses, torch.rand(3).tolist(), [p.sum().item() for p in G.parameters()]]
"""


@pytest.fixture(scope="module", autouse=True)
def torch_process() -> Iterator[None]:
    """What `trained` asks, started once."""
    yield
    if process.cache_info().currsize:
        process().communicate()
        process.cache_clear()


@functools.cache
def process() -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def trained(source: str, how: str = "record") -> dict[str, Any]:
    """What a program trains to, with or without the recorder, in a process of its own."""
    asked = process()
    assert asked.stdin is not None
    assert asked.stdout is not None
    asked.stdin.write(json.dumps([how, source]) + "\n")
    asked.stdin.flush()
    found = json.loads(asked.stdout.readline())
    assert isinstance(found, dict)
    return found


def test_recording_changes_no_result_and_no_stream() -> None:
    assert trained(GAN)["result"] == trained(GAN, "plain")["result"]


@pytest.fixture(scope="module")
def entries() -> list[dict[str, Any]]:
    found = trained(GAN)["entries"]
    assert isinstance(found, list)
    return found


def of_kind(entries: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [entry for entry in entries if entry["kind"] == kind]


def test_training_is_seen(entries: list[dict[str, Any]]) -> None:
    optimizers = of_kind(entries, "optimizer")
    assert [(one["name"], one["settings"]["lr"], one["settings"]["betas"]) for one in optimizers] == [
        ("Adam", 2e-4, [0.5, 0.999])
    ] * 2
    assert [one["n"] for one in of_kind(entries, "step")] == [6, 6]
    [loss] = of_kind(entries, "loss")
    assert (loss["n"], loss["targets"], loss["rows"]) == (18, [0.9, 0.0, 1.0], [16, 8])
    assert {one["name"]: one["matrices"] for one in of_kind(entries, "initialiser")} == {
        "xavier_uniform_": 2,
        "zeros_": 0,
    }
    assert [(one["name"], one["limit"], one["n"]) for one in of_kind(entries, "clip")] == [("norm", 1.0, 6)]
    assert {(one["name"], one["training"]): one["n"] for one in of_kind(entries, "mode")} == {
        ("Sequential", True): 2,
        ("Sequential", False): 2,
    }
    [loader] = of_kind(entries, "loader")
    assert (loader["batch_size"], loader["shuffles"], loader["examples"]) == (16, True, 40)
    assert [one["n"] for one in of_kind(entries, "epoch")] == [2]


def updates(source: str) -> dict[int, tuple[list[float], float]]:
    """Targets and factor of the updates of each optimizer, of which there is one kind each."""
    found = of_kind(trained(source)["entries"], "update")
    return {one["number"]: (one["targets"], one["factor"]) for one in found}


def test_it_is_seen_by_which_losses_an_optimizer_moves() -> None:
    assert updates(GAN) == {1: ([0.0, 0.9], 1.0), 0: ([1.0], 1.0)}
    halved = GAN.replace("a.backward()", "a = a / 2; a.backward()")
    assert updates(halved)[1] == ([0.0, 0.9], 0.5)
    climbing = GAN.replace("torch.ones(len(x), 1))", "torch.zeros(len(x), 1)).neg()")
    assert updates(climbing)[0] == ([0.0], -1.0)
    weighted = GAN.replace("a.backward()", "(a * 3.0).backward()")
    assert updates(weighted)[1] == ([0.0, 0.9], 0.0)
    apart = GAN.replace(
        "a.backward(); opt_d.step()",
        "a = loss(D(x), torch.full((len(x), 1), 0.9)); a.backward();"
        " c = loss(D(fake.detach()), torch.zeros(len(x), 1)); c.backward(); opt_d.step()",
    )
    assert updates(apart)[1][0] == [0.0, 0.9]


def test_softmax_before_cross_entropy_is_seen() -> None:
    source = textwrap.dedent("""
        import torch, torch.nn.functional as F
        logits, y = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
        F.cross_entropy(logits.softmax(-1), y)
        F.cross_entropy(logits, y)
    """)
    [loss] = of_kind(trained(source)["entries"], "loss")
    assert (loss["n"], loss["sums_to_one"]) == (2, 1)


LANGUAGE_MODEL = """
import torch
tokens = torch.arange(400) % 11
model = torch.nn.Sequential(torch.nn.Embedding(11, 4), torch.nn.Linear(4, 11))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    at = torch.randint(380, (4, 1)) + torch.arange(8)
    x, y = tokens[at], tokens[at + {shift}]
    logits = model(x)
    loss = {loss}
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
LOSSES_OF_TOKENS = {
    "torch's": "torch.nn.functional.cross_entropy(logits.transpose(1, 2), y)",
    "picked by gather": "(logits.logsumexp(-1) - logits.gather(-1, y[..., None])[..., 0]).mean()",
    "picked from log-probabilities": "-torch.gather(logits.log_softmax(-1), dim=2, index=y.unsqueeze(-1)).mean()",
}


@pytest.mark.parametrize("loss", LOSSES_OF_TOKENS.values(), ids=LOSSES_OF_TOKENS)
def test_targets_of_a_language_model_are_seen_beside_its_inputs(loss: str) -> None:
    for shift, word in ((1, "next"), (0, "same")):
        entries = trained(LANGUAGE_MODEL.format(shift=shift, loss=loss))["entries"]
        seen = next(one for one in entries if one["kind"] == "loss")
        assert (seen["batches"], seen[word], seen["largest"]) == (3, 3, 10)


def test_entries_are_bounded() -> None:
    recorder = TrainingRecorder()
    for n in range(100):
        recorder._count("optimizer", n, name="SGD")
    assert len(recorder.take()) == 40
    assert recorder.dropped == 60
    assert recorder.take() == []


# ------------------------------------------------------------------ what checks make of it


def cell(index: int, item: str, failed: bool = False) -> NotebookCell:
    error = CellError(name="ValueError", message="no") if failed else None
    record = CellRecord(index=index, status="error" if failed else "ok", error=error)
    return NotebookCell(index, "code", "train()", "", 0, item, record)


def check(
    claim: str, *cells: tuple[str, list[dict[str, Any]]], is_failed: bool = False, **params: Any
) -> Finding:
    """What a check for item `b3` says of entries in the sections of items."""
    from kernel_asker import part_of

    seen = tuple(
        one for at, (_, entries) in enumerate(cells) for one in training_in({"training": entries}, at)
    )
    notebook = tuple(cell(at, item, is_failed) for at, (item, _) in enumerate(cells))
    evidence = Evidence(
        part_of({}), notebook, Observations(training=seen), ExecutionRecord(state="complete"), {}, {}
    )
    entry = CHECKS[claim]
    found = entry.function(evidence, entry.params.model_validate(params), Context("b3", RATE, Golden()))
    assert isinstance(found, Finding)
    return found


ADAM: dict[str, Any] = {"name": "Adam", "lr": 2e-4, "betas": [0.5, 0.999], "weight_decay": 0.0, "n": 2}


def test_right_training_passes(entries: list[dict[str, Any]]) -> None:
    section = ("b3", entries)
    claims: dict[str, dict[str, Any]] = {
        "optimizer_is": ADAM,
        "batch_size_is": {"size": 16, "shuffles": True},
        "clips_gradients": {"max_norm": 1.0},
        "initialises_with": {"name": "xavier_uniform_", "min_matrices": 2},
        "trains_on_targets": {"targets": [0.9, 0.0, 1.0]},
    }
    for name, params in claims.items():
        found = check(name, section, **params)
        assert found.fraction == 1.0, f"{name}: {found.message}"


def optimizer(name: str = "Adam", **settings: Any) -> dict[str, Any]:
    known = {"lr": 2e-4, "betas": [0.5, 0.999], "weight_decay": 0.0} | settings
    return {"kind": "optimizer", "name": name, "n": 1, "settings": known}


def update(number: int, targets: list[float], factor: float = 1.0) -> dict[str, Any]:
    return {
        "kind": "update",
        "name": "update",
        "n": 9,
        "number": number,
        "targets": targets,
        "factor": factor,
    }


BCE = {"kind": "loss", "name": "binary_cross_entropy", "n": 9, "targets": [0.9, 0.0]}
GAN_TARGETS = {"targets": [0.9, 0.0], "also": [1.0], "never_alone": [0.0]}
LOADER = {"kind": "loader", "name": "", "n": 1, "batch_size": 128, "shuffles": False}
FAULTS: dict[str, tuple[str, list[dict[str, Any]], dict[str, Any], str]] = {
    "learning rate": ("optimizer_is", [optimizer(lr=1e-3)] * 2, ADAM, "learning rate is 0.001, not 0.0002"),
    "betas": ("optimizer_is", [optimizer(betas=[0.9, 0.999])] * 2, ADAM, "betas are (0.9, 0.999)"),
    "class": ("optimizer_is", [optimizer("SGD")] * 2, ADAM, "it is SGD, not Adam"),
    "weight decay": ("optimizer_is", [optimizer(weight_decay=0.01)] * 2, ADAM, "the weight decay is 0.01"),
    "no optimizer": ("optimizer_is", [], ADAM, "no optimizer of torch"),
    "batch size": ("batch_size_is", [LOADER], {"size": 64}, "hold 128 examples"),
    "not shuffled": ("batch_size_is", [LOADER], {"size": 128, "shuffles": True}, "not shuffled"),
    "rows": ("batch_size_is", [{"kind": "loss", "name": "mse_loss", "n": 9, "rows": [32]}], {"size": 64}, "32 rows"),
    "no batches": ("batch_size_is", [], {"size": 64}, "no loader"),
    "no clipping": ("clips_gradients", [], {"max_norm": 1.0}, "no clipping of gradients"),
    "by value": ("clips_gradients", [{"kind": "clip", "name": "value", "n": 1, "limit": 1.0}], {"max_norm": 1.0}, "Each element"),
    "norm": ("clips_gradients", [{"kind": "clip", "name": "norm", "n": 1, "limit": 5.0}], {"max_norm": 1.0}, "another norm"),
    "no initialiser": ("initialises_with", [], {"name": "xavier_uniform_"}, "layers draw by default"),
    "initialiser": ("initialises_with", [{"kind": "initialiser", "name": "normal_", "n": 3, "matrices": 3}], {"name": "xavier_uniform_"}, "`normal_`, not by"),
    "no smoothing": ("trains_on_targets", [{"kind": "loss", "name": "binary_cross_entropy", "n": 9, "targets": [1.0, 0.0]}], {"targets": [0.9, 0.0]}, "0.9 never occurs"),
    "another target": ("trains_on_targets", [{"kind": "loss", "name": "binary_cross_entropy", "n": 9, "targets": [0.9, 0.0, 0.1]}], {"targets": [0.9, 0.0]}, "0.1 occurs too"),
    "climbing": ("trains_on_targets", [BCE, update(0, [0.0, 0.9]), update(1, [0.0], -1.0)], GAN_TARGETS, "the saturating loss"),
    "helping": ("trains_on_targets", [BCE, update(0, [0.0, 0.9]), update(1, [0.0])], GAN_TARGETS, "the target 0 alone"),
    "no targets": ("trains_on_targets", [], {"targets": [0.9]}, "no loss with constant targets"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "params", "said"), FAULTS.values(), ids=FAULTS)
def test_other_trainings_are_named(
    name: str, seen: list[dict[str, Any]], params: dict[str, Any], said: str
) -> None:
    found = check(name, ("b3", seen), **params)
    assert found.fraction < 1.0
    assert said in found.message


def test_losses_written_by_hand_are_looked_at_by_a_person() -> None:
    step = {"kind": "step", "name": "Adam", "n": 9, "number": 0}
    by_hand = check("trains_on_targets", ("b3", [step]), **GAN_TARGETS)
    assert by_hand.status is Status.REVIEW
    squares = {"kind": "loss", "name": "mse_loss", "n": 9, "targets": [0.9, 0.0]}  # not the sheet's loss
    assert check("trains_on_targets", ("b3", [step, squares]), **GAN_TARGETS).status is Status.FAILED


def test_halves_that_are_stepped_apart_are_no_mistake() -> None:
    apart = [BCE, update(0, [0.9]), update(0, [0.0]), update(1, [1.0]), update(2, [0.0, 0.9], 0.0)]
    assert check("trains_on_targets", ("b3", apart), **GAN_TARGETS).fraction == 1.0


def test_the_items_own_section_decides(entries: list[dict[str, Any]]) -> None:
    vae = ("b1", [optimizer(lr=1e-3)])
    assert check("optimizer_is", vae, ("b3", entries), **ADAM).fraction == 1.0
    assert check("optimizer_is", ("b1", entries), ("b3", []), **ADAM).fraction == 1.0  # nothing in its own


def test_failed_cells_block(entries: list[dict[str, Any]]) -> None:
    found = check("optimizer_is", ("b3", []), is_failed=True, **ADAM)
    assert found.status is Status.BLOCKED
    assert "ValueError" in found.message


def test_batches_without_loader_are_told_from_losses() -> None:
    loss = {"kind": "loss", "name": "cross_entropy", "n": 9, "rows": [8192]}
    assert check("batch_size_is", ("b3", [loss]), size=64, rows=[8192]).fraction == 1.0


@pytest.mark.parametrize(
    "forged",
    [None, 3, [None], [{"kind": "x", "n": 1}], [{"kind": "clip", "n": "1"}], [{"kind": "optimizer", "n": 1}]],
)
def test_forged_entries_hurt_nobody(forged: Any) -> None:
    claims: dict[str, dict[str, Any]] = {
        "optimizer_is": ADAM,
        "batch_size_is": {"size": 1},
        "clips_gradients": {"max_norm": 1.0},
    }
    for name, params in claims.items():
        assert check(name, ("b3", forged), **params).fraction == 0.0


def test_hook_works_when_torch_is_there_already() -> None:
    source = """
import torch
from autograder.kernel_side.imports import AfterImport
from autograder.kernel_side.recorders import TrainingRecorder
recorder = TrainingRecorder()
AfterImport({"torch": recorder.install}).install()
import torch
torch.optim.SGD([torch.zeros(1)], lr=0.5)
result = recorder.take()
"""
    (entry,) = trained(source, "plain")["result"]
    assert entry["settings"]["lr"] == 0.5


CLIPPED = """
import torch
torch.manual_seed(0)
def run(limit):
    layer = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    for _ in range(10):
        optimizer.zero_grad()
        (layer(torch.randn(8, 3)).mean() - layer(torch.randn(8, 3) + 1).mean()).backward()
        optimizer.step()
        for weights in layer.parameters():
            weights.data.clamp_(-limit, limit)
run(0.1)
run(100.0)
"""


def test_weights_that_are_clipped_are_seen_and_optimizers_that_are_gone_keep_their_number() -> None:
    clipped, free = of_kind(trained(CLIPPED)["entries"], "step")
    assert (clipped["number"], free["number"]) == (0, 1)
    assert clipped["largest_weight"] == pytest.approx(0.1)
    assert clipped["at_largest"] == clipped["weights_looked_at"] == 9
    assert free["largest_weight"] > 1.0
    assert free["at_largest"] <= 2
