"""A small Dask cluster on this machine: a scheduler and workers, as programs of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from distributed import Client

START_SECONDS = 60.0


class SmallCluster:
    """Use it as a context manager; `folder` holds its logs and the workers' scratch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> SmallCluster:
        where = self.folder / "scheduler.json"
        self._start(
            "scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(where)
        )
        deadline = time.monotonic() + START_SECONDS
        while not (where.exists() and where.stat().st_size):
            assert time.monotonic() < deadline, (self.folder / "scheduler.log").read_text()
            time.sleep(0.1)
        with Client(scheduler_file=str(where), set_as_default=False) as client:
            self.address = client.scheduler.address
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.end(name)

    def worker(self, name: str, preload: str = "") -> None:
        """Start a worker with one thread, and wait until it is known. `preload`: code that it runs first."""
        options = [
            "--nthreads",
            "1",
            "--no-nanny",
            "--name",
            name,
            "--local-directory",
            str(self.folder / name),
        ]
        if preload:
            script = self.folder / f"{name}_preload.py"
            script.write_text(preload)
            options += ["--preload", str(script)]
        with Client(self.address, set_as_default=False) as client:
            known = set(client.nthreads())
            self._start(name, "worker", self.address, *options)
            deadline = time.monotonic() + START_SECONDS
            while set(client.nthreads()) <= known:
                assert time.monotonic() < deadline, (self.folder / f"{name}.log").read_text()
                time.sleep(0.1)

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + command[0], *command[1:], "--no-dashboard"],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "10s"},
            )

    def signal(self, name: str, number: int) -> None:
        """Send a signal to one of the processes."""
        self.processes[name].send_signal(number)

    def end(self, name: str) -> None:
        """Kill one of them, as a machine that is switched off."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
