"""The program that a warm kernel is born of: imports once what notebooks import, and forks slots.

`python -c BOOTSTRAP ORDER`: ORDER is JSON with `control` (path of the socket to connect to), `imports` (modules),
`shim` (a file with what must be declared before torchvision is imported, or ""), `observer` (name to file of the
modules that observe notebooks, in their order). Requests on the control socket, each with one answer:

    {"op": "slot", "spec": {...}} with the slot's channel as a file descriptor   -> {"pid": ...}
    {"op": "kill", "pid": ...}                                                    -> {}

It has one thread and has run no parallel computation when it forks, or its children would hang in the first
one of theirs. It runs nobody's code.
"""

from __future__ import annotations

import contextlib
import gc
import glob
import importlib
import importlib.util
import json
import os
import signal
import socket
import sys
import time
import warnings
from typing import Any

from . import cgroups, folders, kernels, linux, observing, processes, roots, supervisor

ORPHANS_SECONDS = 10.0
SLOTS: set[int] = set()
"""Process ids of the slots that run."""
BEFORE = {"torchvision": "declare_operators"}


def main(order: dict[str, Any]) -> None:
    """Imports, then serves until the grader closes its end or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.connect(order["control"])
    with contextlib.suppress(OSError):
        linux.become_subreaper()
    group = cgroups.own_group()
    group = group if group and cgroups.prepare(group) else ""
    began = time.monotonic()
    failed = import_all(order["imports"], order["shim"])
    if order["imports"]:
        failed |= build_observer(order["observer"])
    kernels.note_own_modules()
    gc.collect()
    gc.freeze()
    ready = {
        "failed": failed,
        "seconds": round(time.monotonic() - began, 3),
        "n_threads": linux.n_threads(),
        "readable": roots.of_interpreter(),
        "cgroup": group,
    }
    _send(control, ready)
    try:
        _serve(control)
    finally:
        for slot in list(SLOTS):
            _end(slot)
        for folder in order["scratch"]:
            folders.remove(folder)
        for folder in glob.glob(f"{group}/slot-*") if group else ():
            with contextlib.suppress(OSError):  # its last processes are ending
                os.rmdir(folder)


def import_all(names: list[str], shim: str) -> dict[str, str]:
    """Imports every module; name and reason of those that cannot be."""
    failed = {}
    gc.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            try:
                if name in BEFORE and shim:
                    _declare(shim, BEFORE[name])
                importlib.import_module(name)
            except BaseException as error:  # a broken package must not keep the others from being warm
                failed[name] = f"{type(error).__name__}: {error}"[:300]
    gc.enable()
    return failed


def build_observer(paths: dict[str, str]) -> dict[str, str]:
    """Builds the observer's modules (name to path), so that kernels need not; the reason when that fails."""
    try:
        sources = {}
        for name, path in paths.items():
            with open(path, encoding="utf-8") as file:
                sources[name] = file.read()
        observing.build(sources)
    except BaseException as error:  # kernels then build it themselves, and say what is wrong
        observing.forget()
        return {observing.OBSERVER: f"{type(error).__name__}: {error}"[:300]}
    return {}


def _declare(path: str, function: str) -> None:
    spec = importlib.util.spec_from_file_location("_autograder_fence.shim", path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        getattr(module, function)()


def _serve(control: socket.socket) -> None:
    while True:
        request, handles, _, _ = socket.recv_fds(control, supervisor.MAX_MESSAGE, 1)
        if not request:
            return
        asked = json.loads(request)
        if asked["op"] == "slot":
            _send(control, {"pid": _fork_slot(asked["spec"], handles[0], control)})
            os.close(handles[0])
        else:
            _end(asked["pid"])
            _send(control, {})
        _reap()


def _fork_slot(spec: dict[str, Any], channel: int, control: socket.socket) -> int:
    parent = os.getpid()
    slot = os.fork()
    if slot == 0:
        try:
            control.close()
            linux.die_with_parent(parent)
            supervisor.run(spec | {"parent": parent}, channel)
        finally:
            os._exit(1)
    SLOTS.add(slot)
    return slot


def _end(slot: int) -> None:
    """Kills one slot; what is below it dies with it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(slot, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(slot, 0)
    SLOTS.discard(slot)
    deadline = time.monotonic() + ORPHANS_SECONDS
    while (orphans := _orphans()) and time.monotonic() < deadline:
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that none forks
            for pid in orphans:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
        _reap()
        time.sleep(0.005)


def _orphans() -> list[int]:
    """What slots that are gone left below this process: nobody else's children come here."""
    return processes.descendants(os.getpid(), spared=SLOTS)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _send(control: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        control.send(json.dumps(message).encode())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
