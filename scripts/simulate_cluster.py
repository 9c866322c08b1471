"""Ten thousand submissions on clusters of up to 500 workers, simulated from measured costs: what becomes the limit.

    python scripts/simulate_cluster.py [--submissions 10000] [--workers 2 8 32 128 500]

A submission passes stations, each with a number of places: the grader's own thread hands it out and takes it in, the
network of its machine carries what it left, a worker runs it, the disk takes the results, processes mark it. Times are
drawn from what was measured (`COSTS` says where), so the simulation knows no more than they do. A worker that is preempted
begins its notebook anew elsewhere.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Costs:
    """Of the grader's machine and of the cluster, in seconds, bytes a second and places."""

    hand_out: float = 0.0106
    """CPU seconds of the grader for one job, both ways: 20 jobs on a worker of this machine, 28 November 2026."""
    scheduler: float = 0.012
    """CPU seconds of the scheduler for one job: the same jobs, without its idle time."""
    network: float = 117 * MIB
    """1 Gbit/s."""
    disk: float = 150 * MIB
    """Written and synced."""
    sync: float = 0.02
    """To have the files of a notebook on the disk, beyond their bytes."""
    marking: float = 0.5
    """Seconds for the marks and the report of one: table 7 of docs/performance.md, part a."""
    n_markers: int = 16
    """Processes that mark: `scorers.MOST`."""
    start: float = 8.0
    """Seconds until a worker's first kernel is warm."""


@dataclass(frozen=True)
class Work:
    """What a class hands in."""

    name: str
    seconds: float
    """Median of a notebook's time on a worker."""
    spread: float
    """Of its logarithm."""
    size: float
    """Bytes that it leaves."""


WORKS = (
    Work("em-mixture", 1.5, 0.25, 35e3),
    Work("gm-a0, short", 4.8, 0.5, 9.1e6),
    Work("training, 5 minutes", 300.0, 0.6, 9.1e6),
)
"""The first two as measured (8 and 52 notebooks); the third with the sizes of the second."""


@dataclass(frozen=True)
class Outcome:
    """How long it took, and how busy each station was."""

    seconds: float
    busy: dict[str, float]

    @property
    def limit(self) -> str:
        """The station that was busiest."""
        return max(self.busy, key=lambda name: self.busy[name])


class Station:
    """Places at which jobs are served one after another, first come, first served."""

    def __init__(self, name: str, n: int) -> None:
        self.name, self.n = name, n
        self.free = [0.0] * n
        self.work = 0.0

    def serve(self, at: float, seconds: float) -> float:
        """Return when a job that comes at a time leaves."""
        begins = max(at, heapq.heappop(self.free))
        heapq.heappush(self.free, begins + seconds)
        self.work += seconds
        return begins + seconds


def simulate(work: Work, n: int, n_workers: int, costs: Costs, lost: float = 0.0, seed: int = 1) -> Outcome:
    """Return what becomes of n submissions.

    Parameters
    ----------
    lost : share of executions whose worker goes away half-way
    """
    rng = random.Random(seed)
    thread, scheduler = Station("the grader's thread", 1), Station("the scheduler", 1)
    workers, network = Station("workers", n_workers), Station("network", 1)
    disk, markers = Station("disk", 1), Station("marking", costs.n_markers)
    workers.free = [costs.start] * n_workers
    order = itertools.count()
    events: list[tuple[float, int, str]] = [(0.0, next(order), "out") for _ in range(n)]
    heapq.heapify(events)
    end = 0.0
    while events:
        at, _, what = heapq.heappop(events)
        following = ""
        if what == "out":
            at = scheduler.serve(thread.serve(at, costs.hand_out / 2), costs.scheduler)
            following = "run"
        elif what == "run":
            seconds = work.seconds * math.exp(work.spread * rng.gauss(0.0, 1.0))
            is_lost = rng.random() < lost
            at = workers.serve(at, seconds / 2 if is_lost else seconds)
            following = "out" if is_lost else "back"
        elif what == "back":
            at = network.serve(at, work.size / costs.network)
            following = "in"
        elif what == "in":
            at = thread.serve(at, costs.hand_out / 2)
            following = "store"
        elif what == "store":
            at = disk.serve(at, costs.sync + work.size / costs.disk)
            following = "mark"
        elif what == "mark":
            at = markers.serve(at, costs.marking)
        if following:
            heapq.heappush(events, (at, next(order), following))
        end = max(end, at)
    stations = (thread, scheduler, workers, network, disk, markers)
    return Outcome(end, {one.name: one.work / (one.n * end) for one in stations})


def rows(n: int, sizes: Sequence[int], costs: Costs) -> Iterator[str]:
    """Yield the table as Markdown."""
    yield "| work | workers | hours | a thousand, minutes | workers busy | busiest beside them | of its time |"
    yield "|---" * 7 + "|"
    for work in WORKS:
        for n_workers in sizes:
            found = simulate(work, n, n_workers, costs)
            rest = {name: share for name, share in found.busy.items() if name != "workers"}
            other = max(rest, key=lambda name: rest[name])
            yield (
                f"| {work.name} | {n_workers} | {found.seconds / 3600:.2f} | {found.seconds / 60 * 1000 / n:.1f} "
                f"| {found.busy['workers']:.0%} | {other} | {rest[other]:.0%} |"
            )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--submissions", type=int, default=10_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 8, 32, 128, 500])
    parser.add_argument("--markers", type=int, default=Costs.n_markers)
    chosen = parser.parse_args()
    for line in rows(chosen.submissions, chosen.workers, Costs(n_markers=chosen.markers)):
        print(line)


if __name__ == "__main__":
    main()
