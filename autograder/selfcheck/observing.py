"""Look at a live namespace without changing anything: what it holds, and what its functions answer.

Looking and asking is done by what observes notebooks in a grading (:mod:`autograder.kernel_side`), in a copy of the
process that ends afterwards. Whatever a function does there, to arrays, models or random streams, happens in the copy.
Where processes cannot be copied (Windows; macOS, whose libraries do not bear it), values are read and nothing is called.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from autograder.execute.driver import MAX_FUNCTIONS
from autograder.kernel_side import (
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
from autograder.kernel_side.containers import MIB, fit, write_container
from autograder.kernel_side.namespace import Namespace
from autograder.kernel_side.seeds import SeedRecorder
from autograder.kernel_side.values import Encoder
from autograder.probes.observations import Observations, read_observations

MODES = (autoencoders, decoders, denoisers, likelihoods, losses, modules, noise, noisings, steps)
"""Modules that each add modes of challenges; imported so that they do."""
WAIT_SECONDS = 120.0
"""How long the copy may take, all calls together."""
POLL_SECONDS = 0.01
CAN_COPY = sys.platform == "linux"


def observe(
    names: dict[str, Any],
    challenges: Sequence[Mapping[str, Any]],
    record_mib: float,
    without: Collection[str],
) -> Observations:
    """Return what a namespace holds now, and the answers of its functions.

    Parameters
    ----------
    names : the namespace itself, in which its functions look for their globals
    challenges : of a :class:`autograder.execute.protocol.Plan`, as plain data
    record_mib : room for values
    without : names that are passed over
    """
    with tempfile.TemporaryDirectory(prefix="self-check-") as folder:
        if CAN_COPY:
            _in_a_copy(names, challenges, record_mib, without, folder)
        else:
            kept = {name: value for name, value in names.items() if name not in without}
            _write_values(_namespace(kept), record_mib, folder)
        seen = read_observations(Path(folder))
    # What was begun and did not end here may end in a grading, which waits longer.
    return replace(seen, answers=tuple(one for one in seen.answers if one.status != "time_limit"))


def _in_a_copy(
    names: dict[str, Any],
    challenges: Sequence[Mapping[str, Any]],
    record_mib: float,
    without: Collection[str],
    folder: str,
) -> None:
    """Let a copy of this process look and ask; it is ended when it takes too long."""
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of forking beside threads: nothing here waits for them
        child = os.fork()
    if child == 0:
        _look_and_end(names, challenges, record_mib, without, folder)
    deadline = time.monotonic() + WAIT_SECONDS
    try:
        while time.monotonic() < deadline:
            if os.waitpid(child, os.WNOHANG)[0]:
                child = 0
                return
            time.sleep(POLL_SECONDS)
    finally:
        if child:
            _end(child)


def _end(child: int) -> None:
    """End the copy, with all that it started."""
    for kill in (os.killpg, os.kill):
        try:
            kill(child, signal.SIGKILL)
        except ProcessLookupError:  # it has not come to make a group of its own, or has just ended
            continue
    os.waitpid(child, 0)


def _look_and_end(
    names: dict[str, Any],
    challenges: Sequence[Mapping[str, Any]],
    record_mib: float,
    without: Collection[str],
    folder: str,
) -> NoReturn:
    """Do the work of the copy; nothing that waits in this process (sockets, buffers, exit handlers) is touched."""
    status = 1
    try:
        os.setsid()
        gc.freeze()
        faulthandler.disable()
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        torch: Any = sys.modules.get("torch")
        if torch is not None:
            torch.set_num_threads(1)  # the threads of its pool are not copied
        for name in without:
            names.pop(name, None)
        namespace = _namespace(names)
        _write_values(namespace, record_mib, folder)
        _ask(namespace, challenges, folder, getattr(torch, "manual_seed", None))
        status = 0
    finally:
        os._exit(status)


def _namespace(names: dict[str, Any]) -> Namespace:
    return Namespace(types.SimpleNamespace(user_ns=names))


def _write_values(namespace: Namespace, record_mib: float, folder: str) -> None:
    """Write the container of what a namespace holds."""
    encoder = Encoder(int(record_mib * MIB))
    document: dict[str, Any] = {"cell": 0, "values": {}, "deleted": [], "functions": {}, "dropped": []}
    document["figures"] = []
    namespace.snapshot(0, document, encoder)
    write_container(f"{folder}/cell-0000.safetensors", fit(document), encoder.arrays)


def _ask(namespace: Namespace, challenges: Sequence[Mapping[str, Any]], folder: str, torch_seed: Any) -> None:
    """Put every case of every challenge, as a grading does."""

    def write(stem: str, document: dict[str, Any], encoder: Encoder) -> None:
        write_container(f"{folder}/{stem}.safetensors", document, encoder.arrays)

    seeds = SeedRecorder(0)
    seeds.torch_seed = torch_seed
    caller = Caller([dict(one) for one in challenges], namespace, seeds, write)
    for challenge in challenges:
        for case in challenge["cases"]:
            for rank in range(MAX_FUNCTIONS):
                caller.call(challenge["id"], case["key"], rank, False)
                if challenge["mode"] == "call":
                    caller.call(challenge["id"], case["key"], rank, True)
