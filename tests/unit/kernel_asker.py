"""A notebook in this process, and challenges put to it as in a kernel: the answers come back as the graders read them."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any

from autograder.jobs import make_plan
from autograder.kernel_side import (  # noqa: F401  # each adds a mode of challenges
    autoencoders,
    decoders,
    denoisers,
    likelihoods,
    losses,
    modules,
    noise,
    noisings,
    steps,
)
from autograder.kernel_side.calls import Caller
from autograder.kernel_side.containers import write_container
from autograder.kernel_side.namespace import Namespace
from autograder.kernel_side.seeds import SeedRecorder
from autograder.kernel_side.values import Encoder
from autograder.probes.challenges import draw_cases
from autograder.probes.evidence import Called, Evidence
from autograder.probes.observations import Answer, Observations, read_observations
from autograder.records import ExecutionRecord
from autograder.rubric.model import ChallengeSpec, PartSpec

MAX_FUNCTIONS = 4


def ask(
    folder: Path, sources: tuple[str, ...], challenges: dict[str, ChallengeSpec], secret: str = "s"
) -> Evidence:
    """The evidence that a part with these challenges would have of cells of code."""
    import torch

    torch.set_num_threads(1)
    live: dict[str, Any] = {"__name__": "__main__"}
    namespace = Namespace(types.SimpleNamespace(user_ns=live))
    for index, source in enumerate(sources):
        exec(compile(source, f"<cell {index}>", "exec"), live)
        document: dict[str, Any] = {
            "cell": index,
            "values": {},
            "deleted": [],
            "functions": {},
            "dropped": [],
        }
        encoder = Encoder(10**8)
        namespace.snapshot(index, document, encoder)
        write_container(f"{folder}/{index:04}.safetensors", document, encoder.arrays)
    part = part_of(challenges)
    cases = {key: draw_cases(spec, secret, "content", key) for key, spec in challenges.items()}
    plan = json.loads(make_plan(part, cases, {}).model_dump_json())
    seeds = SeedRecorder(0)
    seeds.torch_seed = torch.manual_seed

    def write(stem: str, document: dict[str, Any], encoder: Encoder) -> None:
        write_container(f"{folder}/{stem}.safetensors", document, encoder.arrays)

    caller = Caller(plan["challenges"], namespace, seeds, write)
    for challenge in plan["challenges"]:
        for case in challenge["cases"]:
            for rank in range(MAX_FUNCTIONS):
                caller.call(challenge["id"], case["key"], rank, False)
                if challenge["mode"] == "call":
                    caller.call(challenge["id"], case["key"], rank, True)
    return evidence_of(part, read_observations(folder), cases)


def part_of(challenges: dict[str, ChallengeSpec]) -> PartSpec:
    """A part with nothing but challenges."""
    return PartSpec(
        part="x", title="x", points=0, false_fail_rate=0.01, filenames=["*"], items=[], challenges=challenges
    )


def evidence_of(
    part: PartSpec, observations: Observations, cases: dict[str, list[dict[str, Any]]]
) -> Evidence:
    """Evidence with the answers of these observations."""
    called = {}
    for key, spec in part.challenges.items():
        values = {str(case["key"]): case["values"] for case in cases[key]}
        answers: tuple[Answer, ...] = tuple(a for a in observations.answers if a.challenge == key)
        called[key] = Called(key, spec, values, answers)
    return Evidence(part, (), observations, ExecutionRecord(state="complete"), {}, called)
