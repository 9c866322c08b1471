"""A small diffusion notebook in this process, observed as in a kernel: what the checks of diffusion models say of it."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

from autograder.checks.findings import Context, Finding
from autograder.golden import Golden
from autograder.jobs import make_plan
from autograder.kernel_side import denoisers, noisings
from autograder.kernel_side.calls import Caller
from autograder.kernel_side.containers import write_container
from autograder.kernel_side.namespace import Namespace
from autograder.kernel_side.seeds import SeedRecorder
from autograder.kernel_side.values import Encoder
from autograder.probes.challenges import draw_cases
from autograder.probes.evidence import Evidence, gather
from autograder.probes.observations import read_observations
from autograder.records import ExecutionRecord
from autograder.registry import CHECKS
from autograder.rubric.model import PartSpec

MODES = (denoisers, noisings)
MAX_FUNCTIONS = 3
WITHOUT = ("loss_is_drawn", "samples_follow_data")
RATE = 1e-3


def observe(folder: Path, part: PartSpec, source: str) -> Evidence:
    """The evidence of a notebook of one cell, without figures and printed lines."""
    import torch

    torch.set_num_threads(1)
    n_steps = [0]
    recorder = denoisers.DenoiserRecorder(lambda: n_steps[0])
    kept = {name: getattr(torch, name) for name in ("randn", "randn_like", "normal")}
    denoisers.KNOWN.clear()
    recorder.install(torch)
    live: dict[str, Any] = {"__name__": "__main__"}
    namespace = Namespace(types.SimpleNamespace(user_ns=live))
    handle = sys.modules["torch.optim.optimizer"].register_optimizer_step_post_hook(
        lambda *_: n_steps.__setitem__(0, n_steps[0] + 1)
    )
    try:
        exec(compile(source, "<cell 0>", "exec"), live)
    finally:
        handle.remove()
        for name, function in kept.items():
            setattr(torch, name, function)
        recorder.hook.remove()
    document: dict[str, Any] = {"cell": 0, "values": {}, "deleted": [], "functions": {}, "dropped": []}
    encoder = Encoder(10**8)
    namespace.snapshot(0, document, encoder)
    document["denoisers"] = recorder.take(encoder)
    write_container(f"{folder}/cell-0000.safetensors", document, encoder.arrays)
    cases = {key: draw_cases(spec, "secret", "content", key) for key, spec in part.challenges.items()}
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
    return gather(part, (), read_observations(folder), ExecutionRecord(state="complete"), cases, {})


def findings(part: PartSpec, evidence: Evidence) -> dict[str, Finding]:
    """What the part's checks of diffusion models say, but for those that need figures or samples of a long training."""
    found = {}
    for item in part.items:
        for check in item.checks:
            entry = CHECKS[check.check]
            if "diffusion" in entry.function.__module__ and check.check not in WITHOUT:
                params = entry.params.model_validate(check.params)
                found[check.id] = entry.function(evidence, params, Context(item.id, RATE, Golden()))
    return found
