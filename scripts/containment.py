"""Runs the hostile notebooks behind a fence and says what became of each.

    python scripts/containment.py namespaces|landlock [--cold] [NAME ...]

Every notebook is followed by an honest one on the same worker, whose values have to be those of the first time.
Exit status 1 when anything was not contained.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import nbformat
import numpy as np
from nbformat.v4 import new_code_cell, new_notebook

from autograder.errors import UsageError
from autograder.execute.fence import processes
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Job, Options, Plan
from autograder.probes.container import ContainerError, list_containers, read_container
from autograder.probes.observations import read_observations
from autograder.records import ExecutionRecord, Limits
from tests.corpus.canaries import Canaries
from tests.corpus.hostile import ATTACKS, LIMITS, PRELUDE, Attack

MIB = 2**20
DRIVER = b"autograder.execute.driver"
DRIVER_MIB = 150
"""What reads a hostile kernel's messages may hold."""
SAMPLE_SECONDS = 0.05
PATIENCE_SECONDS = 3.0
"""For the last processes of a killed kernel to be gone from the table."""
OURS = ("autograder-", "/outer", "/spool", "/student")
"""What a mount of ours would be called."""
HONEST = (
    "import numpy as np, torch\nnp.random.seed(3); draws = np.random.randn(5)",
    "torch.manual_seed(3)\nx = torch.randn(4, 4)\nweights = (x @ x.T).softmax(-1)\n"
    "words = ['a', 'b']\nprint('said')",
)
PLAN = Plan.model_validate(
    {
        "challenges": [
            {
                "id": "walk",
                "names": ["walker"],
                "roles": {
                    "target": {"kind": "target", "names": ["log_p"], "log_tokens": ["log"]},
                    "start": {"kind": "point", "names": ["start"]},
                    "rng": {"kind": "rng", "names": ["rng"]},
                },
                "cases": [
                    {
                        "key": "0",
                        "seed": 11,
                        "values": {
                            "target": {
                                "family": "gaussian",
                                "mean": [0.0, 0.0],
                                "cov": [[1.0, 0.0], [0.0, 1.0]],
                            },
                            "start": [0.5, 0.5],
                        },
                    }
                ],
            }
        ]
    }
)
"""One function is called after the last cell, where a notebook has it."""


@dataclass
class Result:
    """What became of one attack."""

    attack: Attack
    state: str = ""
    seconds: float = 0.0
    late_seconds: float = 0.0
    """From the deadline that ended a cell, or all of them, until the worker went on."""
    driver_mib: float = 0.0
    grader_mib: float = 0.0
    """By how much the grader's own process grew at most."""
    honest_seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    """Everything that was not contained."""


class Watch:
    """Samples the memory of the grader and of its drivers while something runs."""

    def __init__(self, nursery: int) -> None:
        self.nursery = nursery
        self.driver_mib = 0.0
        self.grader_mib = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Watch:
        self._began = _resident_mib("self")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.grader_mib = max(self.grader_mib, _resident_mib("self") - self._began)
            for pid in processes.descendants(self.nursery):
                if _is_driver(pid):
                    self.driver_mib = max(self.driver_mib, _peak_mib(pid))


def _mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text().splitlines()


def _scratch() -> set[str]:
    """The folders of this process's executors."""
    return {str(path) for path in Path(tempfile.gettempdir()).glob(f"autograder-{os.getpid()}-*")}


def _is_driver(pid: int) -> bool:
    try:
        return DRIVER in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _owner(pid: int) -> int:
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return os.geteuid()


def _resident_mib(pid: str) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * processes.PAGE_BYTES / MIB


def _peak_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


class Range:
    """One executor, kept warm as in a grading, with canaries around it."""

    def __init__(self, options: Options, folder: Path) -> None:
        self.executor = LocalExecutor(options)
        self.folder = folder
        self.mounts, self.scratch = _mounts(), _scratch()

    def __enter__(self) -> Range:
        """UsageError when the machine refuses the fence."""
        self.canaries = Canaries().__enter__()
        try:
            self.executor.choice()
            self.canaries.start_process(self._user())
            self.honest_values = self._honest()
            expected = np.random.RandomState(3).randn(5)
            assert np.array_equal(self.honest_values["draws"][1], expected)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.n_processes = len(processes.descendants(self.nursery))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.executor.close()
        self.canaries.__exit__(kind, error, trace)

    @property
    def nursery(self) -> int:
        return int(self.executor._held[0]._process.pid)

    def _user(self) -> int | None:
        """Whom kernels run as, where that is not ourselves."""
        owners = {_owner(pid) for pid in processes.descendants(self.nursery) if _is_driver(pid)}
        return next(iter(owners - {os.geteuid()}), None)

    def close(self) -> list[str]:
        """Ends everything; what is left of it."""
        self.executor.close()
        left = sorted(_scratch() - self.scratch)
        left += [line for line in set(_mounts()) - set(self.mounts) if any(mark in line for mark in OURS)]
        return left + self.canaries.processes_left() + self.canaries.touched()

    def attack(self, attack: Attack) -> Result:
        """Runs one hostile notebook and an honest one behind it."""
        result = Result(attack)
        out = self.folder / "out"
        began = time.monotonic()
        with Watch(self.nursery) as watch, no_pickles():
            record = self._run(self._cells(attack), attack.limits, out)
            result.seconds = time.monotonic() - began
            self._look(attack, record, out, result)
        result.state, result.late_seconds = record.state, _late_seconds(record, attack.limits)
        result.driver_mib, result.grader_mib = watch.driver_mib, watch.grader_mib
        if result.driver_mib > DRIVER_MIB:
            result.faults.append(f"the driver took {result.driver_mib:.0f} MiB")
        if result.grader_mib > DRIVER_MIB:
            result.faults.append(f"the grader grew by {result.grader_mib:.0f} MiB")
        began = time.monotonic()
        result.faults += self._differences()
        result.honest_seconds = time.monotonic() - began
        result.faults += self._left() + self.canaries.touched()
        return result

    def _cells(self, attack: Attack) -> list[str]:
        return [
            f"import types\nT = types.SimpleNamespace(**{self.canaries.target()!r})\n{PRELUDE}",
            *attack.cells(),
        ]

    def _run(self, cells: Iterable[str], limits: Limits, out: Path) -> ExecutionRecord:
        notebook = new_notebook(cells=[new_code_cell(source) for source in cells])  # type: ignore[no-untyped-call]
        path = self.folder / "notebook.ipynb"
        path.write_text(json.dumps(notebook))
        return self.executor.execute(Job(notebook=path, out=out, plan=PLAN, limits=limits))

    def _honest(self) -> dict[str, tuple[str, Any]]:
        """The values of an honest notebook: how each is described, and its numbers."""
        out = self.folder / "honest"
        record = self._run(HONEST, Limits(**LIMITS | {"cell_seconds": 60.0, "total_seconds": 90.0}), out)
        if record.state != "complete":
            raise AssertionError(f"the honest notebook ended with {record.state}: {record.detail}")
        found: dict[str, tuple[str, Any]] = {}
        for path in list_containers(out / "arrays")[0].values():
            container = read_container(path)
            for name, node in container.document["values"].items():
                found[name] = (json.dumps(node), container.arrays.get(node.get("ref")))
        return found

    def _differences(self) -> list[str]:
        try:
            found = self._honest()
        except AssertionError as error:
            return [str(error)]
        same = found.keys() == self.honest_values.keys() and all(
            text == found[name][0] and np.array_equal(numbers, found[name][1])
            for name, (text, numbers) in self.honest_values.items()
        )
        return [] if same else ["the honest notebook afterwards computed something else"]

    def _left(self) -> list[str]:
        """Processes that are still there; a killed one takes a moment to be gone."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            left = len(processes.descendants(self.nursery)) - self.n_processes
            if left <= 0 and not self.canaries.processes_left():
                return []
            time.sleep(0.05)
        return [f"{left} more processes than before", *self.canaries.processes_left()]

    # ------------------------------------------------------------------ looking

    def _look(self, attack: Attack, record: ExecutionRecord, out: Path, result: Result) -> None:
        """Notes what is wrong with a record and with what lies beside it."""
        if record.state not in attack.states:
            result.faults.append(f"the state is {record.state} ({record.detail})")
        # One that kills itself where it can looks as if somebody had killed it, and is tried once more.
        if record.attempts != (2 if attack.name == "kills_itself" and record.state == "kernel_died" else 1):
            result.faults.append(f"it took {record.attempts} workers")
        text = (out / "execution.json").read_text()
        if ExecutionRecord.model_validate(json.loads(text, parse_constant=_refuse)) != record:
            result.faults.append("the record on the disk is another one")
        executed = out / "executed.ipynb"
        nbformat.read(executed, as_version=4)  # type: ignore[no-untyped-call]
        notebook_bytes = (self.folder / "notebook.ipynb").stat().st_size
        if executed.stat().st_size > 1.5 * attack.limits.output_mib * MIB + 2 * notebook_bytes + MIB:
            result.faults.append(f"the executed notebook has {executed.stat().st_size / MIB:.1f} MiB")
        result.faults += self._values(attack, out)
        result.faults += [f"it knows the secret of the {name}" for name in self.canaries.leaked(out)]
        for path in out.rglob("*"):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                result.faults.append(f"{path.name} is no plain file")

    def _values(self, attack: Attack, out: Path) -> list[str]:
        """Reads every container, as the probes do."""
        faults, before = [], False
        cells, calls = list_containers(out / "arrays")
        for path in [*cells.values(), *calls]:
            try:
                container = read_container(path)
            except ContainerError:
                continue
            values = container.document.get("values")
            if not isinstance(values, dict):
                continue
            reached = values.get("reached")
            if isinstance(reached, dict) and reached.get("n", 0):
                faults.append("reached: " + ", ".join(str(item.get("v")) for item in reached["items"][:8]))
            node = values.get("before")
            if isinstance(node, dict) and node.get("ref") in container.arrays:
                before = before or container.arrays[node["ref"]].tolist() == [1.5, 2.5]
        read_observations(out / "arrays")
        if attack.survives and not before:
            faults.append("the value from before the attack is lost")
        return faults


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _late_seconds(record: ExecutionRecord, limits: Limits) -> float:
    cut = [cell.seconds - limits.cell_seconds for cell in record.cells if cell.status == "time_limit"]
    if record.state == "total_limit":
        cut.append(sum(cell.seconds for cell in record.cells) - limits.total_seconds)
    return max([0.0, *cut])


class no_pickles:
    """While this lasts, nothing can be unpickled in this process."""

    NAMES = ("load", "loads", "Unpickler", "_Unpickler", "_load", "_loads")

    def __enter__(self) -> None:
        import pickle

        self.module: Any = pickle
        self.kept = {name: getattr(pickle, name) for name in self.NAMES}
        for name in self.NAMES:
            setattr(pickle, name, _no_pickle)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, kept in self.kept.items():
            setattr(self.module, name, kept)


def _no_pickle(*arguments: Any, **named: Any) -> NoReturn:
    raise AssertionError("something was unpickled")


def main(level: str, kernel: str, names: list[str]) -> int:
    """Prints the table; 1 when something was not contained."""
    chosen = [
        attack
        for attack in ATTACKS
        if (not names and (kernel == "warm" or attack.cold)) or attack.name in names
    ]
    results: list[Result] = []
    options = Options.model_validate({"fence": level, "kernel": kernel})
    with tempfile.TemporaryDirectory(prefix="containment-") as folder:
        try:
            with Range(options, Path(folder)) as place:
                print(f"{level}, {kernel} kernels\n\n{HEAD}")
                for attack in chosen:
                    results.append(place.attack(attack))
                    print(row(results[-1]), flush=True)
                left = place.close()
        except UsageError as error:
            print(error, file=sys.stderr)
            return 3
    bad = [result for result in results if result.faults]
    print(f"\n{totals(results)}")
    print(f"left at the end: {', '.join(left) or 'nothing'}")
    return int(bool(bad or left))


HEAD = f"{'notebook':<38} {'state':<13} {'s':>6} {'late':>6} {'driver':>7} {'honest':>7}  what it tries"


def row(result: Result) -> str:
    """One line of the table, with what was wrong below it."""
    line = (
        f"{result.attack.name:<38} {result.state:<13} {result.seconds:6.2f} {result.late_seconds:6.2f} "
        f"{result.driver_mib:4.0f}MiB {result.honest_seconds:6.2f}s  {result.attack.about}"
    )
    return "\n".join([line, *(f"    NOT CONTAINED: {fault[:400]}" for fault in result.faults)])


def totals(results: list[Result]) -> str:
    """What all of it came to."""
    good = sum(not result.faults for result in results)
    late = [result.late_seconds for result in results]
    return (
        f"{good} of {len(results)} contained; {sum(r.seconds + r.honest_seconds for r in results):.0f} s in all; "
        f"latest {max(late):.2f} s after a deadline; driver at most {max(r.driver_mib for r in results):.0f} MiB; "
        f"grader grew by at most {max(r.grader_mib for r in results):.0f} MiB; honest notebook: median "
        f"{statistics.median(r.honest_seconds for r in results):.2f} s, at most "
        f"{max(r.honest_seconds for r in results):.2f} s"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("level", choices=["namespaces", "landlock"])
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    sys.exit(main(asked.level, "cold" if asked.cold else "warm", asked.names))
