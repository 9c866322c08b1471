"""Runs the kernel side of module challenges in this process, and gives the evidence that checks look at."""

from __future__ import annotations

import functools
import json
import types
from collections.abc import Mapping
from typing import Any

from autograder.checks.findings import Context, Finding
from autograder.golden import Golden
from autograder.jobs import make_plan
from autograder.kernel_side import modules  # noqa: F401  (adds its mode)
from autograder.kernel_side.calls import Caller
from autograder.kernel_side.namespace import Namespace
from autograder.kernel_side.seeds import SeedRecorder
from autograder.kernel_side.values import Encoder
from autograder.probes.challenges import draw_cases
from autograder.probes.container import Container
from autograder.probes.evidence import Called, Evidence
from autograder.probes.observations import Answer, Observations, _answer
from autograder.records import ExecutionRecord
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeSpec, PartSpec


def number_role(*names: str) -> dict[str, Any]:
    return {"kind": "number", "names": list(names)}


LANGUAGE_MODEL = {
    "mode": "module",
    "draw": "language_model_problem",
    "params": {
        "d_model": 24,
        "n_head": 3,
        "vocab_size": 31,
        "context_length": 16,
        "d_ff": 96,
    },
    "names": ["TransformerLM", "model"],
    "contains": [["transformer"]],
    "roles": {
        "vocab_size": number_role("vocab_size", "V", "n_vocab"),
        "d_model": number_role("d_model", "n_embd", "dim"),
        "n_head": number_role("n_head", "n_heads", "heads"),
        "n_layer": number_role("n_layer", "n_layers", "depth"),
        "d_ff": number_role("d_ff"),
        "context_length": number_role("context_length", "block_size", "max_len"),
    },
}
"""A language model of small sizes."""


def images(*names: str, shapes: list[list[int]], **params: Any) -> dict[str, Any]:
    """A network of layers."""
    return {
        "mode": "module",
        "draw": "image_module_problem",
        "params": {"shapes": shapes, **params},
        "names": list(names),
    }


def part_with(spec: Mapping[str, Any]) -> PartSpec:
    return PartSpec.model_validate(
        {
            "part": "x",
            "title": "X",
            "points": 0,
            "false_fail_rate": 0.001,
            "filenames": [],
            "items": [],
            "challenges": {"net": spec},
        }
    )


def namespace_of(*cells: str) -> Namespace:
    """A namespace in which some cells ran, one after another."""
    names: dict[str, Any] = {"__name__": "__main__"}
    namespace = Namespace(types.SimpleNamespace(user_ns=names))
    for index, source in enumerate(cells):
        exec(compile(source, f"<cell {index}>", "exec"), names)
        document: dict[str, Any] = {"values": {}, "deleted": [], "functions": {}, "dropped": []}
        namespace.snapshot(index, document, Encoder(10**8))
        assert document["dropped"] == []
    return namespace


def answers_of(spec: Mapping[str, Any], namespace: Namespace, n_ranks: int = 4) -> list[Answer]:
    """What the kernel side answers to a challenge, read as the trusted side reads it."""
    part = part_with(spec)
    cases = {"net": draw_cases(part.challenges["net"], "a secret", "ada", "net")}
    plan = make_plan(part, cases, {}).model_dump(mode="json")
    written: dict[str, Container] = {}

    def write(stem: str, document: dict[str, Any], encoder: Encoder) -> None:
        written[stem] = Container(json.loads(json.dumps(document, allow_nan=False)), dict(encoder.arrays))

    caller = Caller(plan["challenges"], namespace, SeedRecorder(0), write)
    for rank in range(n_ranks):
        caller.call("net", "0", rank, False)
    return [_answer(container) for container in written.values()]


def probed(spec: Mapping[str, Any], *cells: str) -> Evidence:
    """The evidence of a notebook of these cells under one challenge."""
    part = part_with(spec)
    answers = tuple(answers_of(spec, namespace_of(*cells)))
    challenge: ChallengeSpec = part.challenges["net"]
    cases = {case["key"]: case["values"] for case in draw_cases(challenge, "a secret", "ada", "net")}
    called = {"net": Called("net", challenge, cases, answers)}
    return Evidence(part, (), Observations(answers=answers), ExecutionRecord(state="complete"), {}, called)


def found(evidence: Evidence, check: str, **params: Any) -> Finding:
    """What a check finds."""
    entry = CHECKS[check]
    context = Context("x", 0.001, Golden(assignment="x", part="x"))
    finding = entry.function(evidence, entry.params.model_validate({"challenge": "net", **params}), context)
    assert isinstance(finding, Finding)
    return finding


@functools.cache
def transformer_evidence(source: str) -> Evidence:
    return probed(LANGUAGE_MODEL, source)
