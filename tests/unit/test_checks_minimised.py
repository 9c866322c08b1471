"""What a training minimises is told from what its layers were shown and gave, where the loss stands in the loop."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

import autograder.registered  # noqa: F401  # fills the registries
from autograder.checks.findings import Context, Finding
from autograder.golden import Golden
from autograder.kernel_side.minimised import AT, MinimisedRecorder
from autograder.kernel_side.values import Encoder
from autograder.probes.evidence import Called, Evidence
from autograder.probes.minimised import MinimisedSeen, minimised_in
from autograder.probes.observations import Observations
from autograder.probes.training import TrainingSeen
from autograder.records import ExecutionRecord, Status
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeSpec, PartSpec

F = torch.nn.functional
BCE = "F.binary_cross_entropy(torch.sigmoid(r), x, reduction='sum') / len(x)"
KL = "0.5 * (mu**2 + lv.exp() - 1 - lv).sum() / len(x)"


def training(total: str, n_beside: int = 0, is_joint: bool = False, n: int = 66) -> tuple[MinimisedSeen, ...]:
    """What the recorder saw of a training of a small network that minimises `total`."""
    torch.manual_seed(0)
    nn = torch.nn
    body, decoder = nn.Sequential(nn.Linear(784 + n_beside, 32), nn.ReLU()), nn.Linear(3, 784)
    heads = [nn.Linear(32, 6)] if is_joint else [nn.Linear(32, 3), nn.Linear(32, 3)]
    parts = nn.ModuleList([body, decoder, *heads])
    optimizer = torch.optim.Adam(parts.parameters(), lr=5e-3)
    recorder = MinimisedRecorder()
    recorder.install(torch)
    data = (torch.rand(96, 784) < torch.rand(96, 1)).float()
    for step in range(n):
        x = data[torch.randperm(96)[:32]]
        h = body(torch.cat([x, torch.ones(32, n_beside)], 1))
        mu, lv = heads[0](h).chunk(2, 1) if is_joint else (heads[0](h), heads[1](h))
        r = decoder(mu + torch.exp(lv / 2) * torch.randn_like(mu))
        loss = eval(total, {"F": F, "torch": torch, "x": x, "r": r, "mu": mu, "lv": lv, "step": step})
        optimizer.zero_grad()
        recorder.differentiated(loss)
        loss.backward()
        optimizer.step()
    encoder = Encoder(10**8)
    document: dict[str, Any] = {"minimised": recorder.take(encoder)}
    assert not torch.nn.modules.module._global_forward_hooks
    return tuple(minimised_in(json.loads(json.dumps(document)), 0, encoder.arrays))


def judge(seen: tuple[MinimisedSeen, ...], trains: bool = True) -> Finding:
    spec = ChallengeSpec.model_validate({"mode": "loss", "draw": "vae_loss_inputs", "names": ["loss"]})
    part = PartSpec.model_validate(
        {"part": "x", "title": "X", "points": 0, "false_fail_rate": 1e-3, "filenames": [], "items": []}
    )
    steps = (TrainingSeen(0, "step", "Adam", 60, {}),) if trains else ()
    observations = Observations((), training=steps, minimised=seen)
    called = {"loss": Called("loss", spec, {}, ())}
    evidence = Evidence(part, (), observations, ExecutionRecord(state="complete"), {}, called)
    entry = CHECKS["training_minimises"]
    params = entry.params.model_validate({"challenge": "loss"})
    finding = entry.function(evidence, params, Context("x", 1e-3, Golden(assignment="x", part="x")))
    assert isinstance(finding, Finding)
    return finding


@pytest.mark.parametrize(
    ("total", "about"),
    [
        (f"{BCE} + {KL}", {}),
        (f"{BCE} + {KL}", {"n_beside": 10}),
        (f"{BCE} + {KL}", {"is_joint": True}),
        (
            "F.binary_cross_entropy_with_logits(r, x) + 0.5 * (mu**2 + lv.exp() - 1 - lv).sum() / x.numel()",
            {},
        ),
    ],
)
def test_a_right_loss_in_a_loop_is_recognised(total: str, about: dict[str, Any]) -> None:
    seen = training(total, **about)
    assert len(seen) == len(AT)
    finding = judge(seen)
    assert finding.fraction == 1.0, finding.message


@pytest.mark.parametrize(
    ("total", "said"),
    [
        (BCE, "the KL term is missing"),
        (f"{BCE} - {KL}", "wrong sign"),
        (f"{BCE} + 2 * {KL}", "has the weight 2"),
        (f"{BCE} + {KL.replace('- lv)', '+ lv)')}", "wrong sign at log σ²"),
        (f"{BCE} + {KL.replace('mu**2', 'mu')}", "has μ in the place of μ²"),
        (f"((torch.sigmoid(r) - x)**2).sum() / len(x) + {KL}", "the squared error"),
        (f"F.binary_cross_entropy_with_logits(r, x) + {KL}", "has the weight 784"),
    ],
)
def test_mistakes_in_a_loop_are_named(total: str, said: str) -> None:
    finding = judge(training(total))
    assert finding.fraction == 0.0
    assert said in finding.message


def test_what_cannot_be_explained_is_for_a_person_where_something_is_trained() -> None:
    strange = training(f"{BCE} + mu.abs().sum() ** 1.5")
    assert judge(strange).status is Status.REVIEW
    assert judge(training(f"{BCE} + {KL}", n=10)).status is Status.REVIEW, "two passes are too few"
    assert judge((), trains=False).untried


def test_documents_are_not_believed() -> None:
    broken: list[Any] = [
        None,
        {"value": "1", "rows": 2, "sums": []},
        {"value": 1.0, "rows": 2, "sums": [3], "codes": "x"},
    ]
    assert [one.sums for one in minimised_in({"minimised": broken}, 0, {})] == [()]
