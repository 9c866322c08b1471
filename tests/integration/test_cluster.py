"""Grading on a Dask cluster: two workers on this machine, of which some die, stall, or are not fit."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest
from clusters import SmallCluster
from nbformat.v4 import new_code_cell, new_notebook

from autograder.errors import InternalError, UsageError
from autograder.execute import cluster as module
from autograder.execute.cluster import DaskExecutor
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Job, Options
from autograder.records import ExecutionRecord, Limits

pytestmark = pytest.mark.slow

OPTIONS = Options(kernel="cold")
SECONDS = 4.0
"""A cell that takes so long leaves time to do something to its worker."""


@pytest.fixture(scope="module")
def small_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCluster]:
    with SmallCluster(tmp_path_factory.mktemp("cluster")) as small:
        yield small


@pytest.fixture
def two_workers(small_cluster: SmallCluster) -> Iterator[SmallCluster]:
    for name in ("one", "two"):
        if name not in small_cluster.processes:
            small_cluster.worker(name)
    yield small_cluster
    for name in set(small_cluster.processes) - {"scheduler", "one", "two"}:
        small_cluster.end(name)


def job(folder: Path, *cells: str, name: str = "ada", helper: str = "") -> Job:
    path = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells]), path)  # type: ignore[no-untyped-call]
    files = {}
    if helper:
        files["helper.py"] = folder / "helper.py"
        files["helper.py"].write_text(helper)
    limits = Limits(cell_seconds=30, total_seconds=60)
    return Job(notebook=path, out=folder / f"out-{name}", files=files, input_digest=name, limits=limits)


def worker_of(small: SmallCluster, executor: DaskExecutor, out: Path) -> str:
    """The name of the worker that runs a job, as soon as one does."""
    deadline = time.monotonic() + 60
    while not any(key for key in executor._started):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    address = executor.where(out).split("(")[1].rstrip(")")
    return next(name for name in ("one", "two") if address in (small.folder / f"{name}.log").read_text())


def test_results_are_those_of_the_local_executor(two_workers: SmallCluster, tmp_path: Path) -> None:
    cells = (
        "import numpy as np\nimport helper",
        "x = np.random.default_rng(1).normal(size=50)",
        "print(x, 1 / 0)",
    )
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    with LocalExecutor(OPTIONS) as local:
        here = local.execute(job(tmp_path / "here", *cells, helper="y = 2"))
    with DaskExecutor(two_workers.address, OPTIONS) as executor:
        assert executor.n_slots == 2
        assert "2 workers on 1 machine" in executor.describe()
        there = executor.execute(job(tmp_path / "there", *cells, helper="y = 2"))
    assert (here.executor, there.executor) == ("local", "dask")
    apart = {"executor": "", "seconds": 0.0, "kernel_cpu_seconds": 0.0}

    def plain(record: ExecutionRecord) -> ExecutionRecord:
        cells_ = tuple(cell.model_copy(update={"seconds": 0.0}) for cell in record.cells)
        return record.model_copy(update={**apart, "cells": cells_})

    assert plain(here) == plain(there)
    names = sorted(path.name for path in (tmp_path / "here/out-ada/arrays").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "there/out-ada/arrays").iterdir())
    for name in names:
        left, right = (tmp_path / folder / "out-ada/arrays" / name for folder in ("here", "there"))
        assert left.read_bytes() == right.read_bytes()
    on_disk = (tmp_path / "there/out-ada/execution.json").read_text()
    assert ExecutionRecord.model_validate_json(on_disk) == there


def test_what_notebooks_share_travels_once_to_a_worker(
    two_workers: SmallCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    send = DaskExecutor._send
    monkeypatch.setattr(
        DaskExecutor,
        "_send",
        lambda self, worker, content: (
            sent.append(worker.address) if b"once" in content[:99] else None,
            send(self, worker, content),
        ),
    )
    with DaskExecutor(two_workers.address, OPTIONS) as executor, ThreadPoolExecutor(executor.n_slots) as pool:
        jobs = [job(tmp_path, "import helper", name=str(at), helper="y = 'once'") for at in range(4)]
        records = list(pool.map(executor.execute, jobs))
    assert [record.state for record in records] == ["complete"] * 4
    assert len(sent) == len(set(sent)) == 2


@pytest.mark.parametrize("how", ["dies", "stalls"])
def test_a_worker_that_is_lost_costs_a_try(
    how: str, two_workers: SmallCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = job(tmp_path, f"import time; time.sleep({SECONDS}); x = 7")
    if how == "stalls":
        monkeypatch.setattr(module, "deadline_seconds", lambda job: SECONDS)
    with DaskExecutor(two_workers.address, OPTIONS) as executor, ThreadPoolExecutor(1) as pool:
        executor.describe()
        running = pool.submit(executor.execute, slow)
        name = worker_of(two_workers, executor, tmp_path / "out-ada")
        if how == "dies":
            two_workers.end(name)
        else:
            two_workers.signal(name, signal.SIGSTOP)
        record = running.result(timeout=90)
        if how == "stalls":
            two_workers.end(name)
    assert (record.state, record.attempts) == ("complete", 2)


def test_whatever_a_worker_fails_by_costs_a_try(
    two_workers: SmallCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is one machine's, and must not end the grading of a class."""
    failures: list[str] = ["the first"]
    submit = DaskExecutor._submit

    def failing(
        self: DaskExecutor, address: str, function: Any, *arguments: Any, key: str | None = None
    ) -> Any:
        if failures and function is module.cluster_worker.run:
            failures.pop()
            return submit(self, address, int, "a disk that is full", key=key)
        return submit(self, address, function, *arguments, key=key)

    monkeypatch.setattr(DaskExecutor, "_submit", failing)
    with DaskExecutor(two_workers.address, OPTIONS) as executor:
        executor.describe()
        record = executor.execute(job(tmp_path, "x = 1"))
    assert (record.state, record.attempts) == ("complete", 2)


REFUSING = {
    "no fence": (
        "from autograder.execute import fences\nfences.possible = lambda level: 'not on this machine'",
        "no fence works on this machine",
    ),
    "another version": (
        "import autograder\nautograder.__version__ = '0.0.1'",
        "it has version 0.0.1 of the grader",
    ),
}


@pytest.mark.parametrize("preload", REFUSING)
def test_a_worker_that_is_not_fit_gets_nothing(
    preload: str, two_workers: SmallCluster, tmp_path: Path
) -> None:
    code, reason = REFUSING[preload]
    two_workers.worker("unfit", code)
    with DaskExecutor(two_workers.address, OPTIONS) as executor:
        assert executor.n_slots == 2
        assert reason in executor.describe()
    for name in ("one", "two"):
        two_workers.end(name)
    with DaskExecutor(two_workers.address, OPTIONS) as executor, pytest.raises(UsageError) as failure:
        executor.describe()
    assert reason in str(failure.value)
    assert "dask worker" in str(failure.value)


def test_a_grading_that_is_cancelled_leaves_nothing_running(
    two_workers: SmallCluster, tmp_path: Path
) -> None:
    marker = f"{77_000 + time.monotonic_ns() % 1000}"
    with DaskExecutor(two_workers.address, OPTIONS) as executor, ThreadPoolExecutor(1) as pool:
        executor.describe()
        running = pool.submit(executor.execute, job(tmp_path, f"import os; os.system('sleep {marker}')"))
        worker_of(two_workers, executor, tmp_path / "out-ada")
        wait_for(lambda: is_alive(marker))
        executor.cancel()
        assert running.result(timeout=30).state == "not_executed"
        wait_for(lambda: not is_alive(marker))


def test_without_its_scheduler_a_grading_ends_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 4.0)
    with SmallCluster(tmp_path) as small:
        small.worker("one")
        with DaskExecutor(small.address, OPTIONS) as executor:
            executor.describe()
            small.end("scheduler")
            with pytest.raises(InternalError, match="start the cluster again and give the same command"):
                executor.execute(job(tmp_path, "x = 1"))


def is_alive(marker: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker in path.read_text():
                return True
        except OSError:
            continue
    return False


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
