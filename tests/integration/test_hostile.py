"""Hostile notebooks behind each level of the fence: what is not theirs stays out of reach, and the worker goes on.

One executor a level is kept warm, as in a grading. After every hostile notebook an honest one runs on the same
worker and has to compute what it computed the first time. `scripts/containment.py` prints the same as a table.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from containment import Range

from autograder.errors import UsageError
from autograder.execute.protocol import Options
from autograder.records import Limits
from tests.corpus.attacks import PRELUDE, Attack
from tests.corpus.canaries import Canaries
from tests.corpus.hostile import ATTACKS, LIMITS

WARM = {
    "namespaces": Options(fence="namespaces", is_patient=False),  # a sleeper would sleep twice
    "landlock": Options(fence="landlock", is_patient=False),
}
COLD = {f"{level}-cold": options.model_copy(update={"kernel": "cold"}) for level, options in WARM.items()}
STARTED_ANEW = (
    "swallowed_interrupt",
    "writes_outside",
    "internet",
    "segfault",
    "daemons",
    "forged_messages",
)
"""Tried with kernels that are started anew as well: one of each way in which these differ."""

BY_NAME = {attack.name: attack for attack in ATTACKS}
CASES = [
    *((level, attack) for level in WARM for attack in ATTACKS),
    *((level, BY_NAME[name]) for level in COLD for name in STARTED_ANEW),
]


def case(level: str, attack: Attack) -> object:
    return pytest.param(level, attack, id=f"{level}-{attack.name}")


@pytest.fixture(scope="module")
def ranges(tmp_path_factory: pytest.TempPathFactory, own_nurseries: None) -> Iterator[Callable[[str], Range]]:
    """One range a level, set up where it is first asked for; nothing of it may be left at the end."""
    with contextlib.ExitStack() as stack:
        running: dict[str, Range] = {}

        def get(level: str) -> Range:
            if level not in running:
                place = Range((WARM | COLD)[level], tmp_path_factory.mktemp(level))
                try:
                    running[level] = stack.enter_context(place)
                except UsageError as error:
                    pytest.skip(f"{level}: {error}")
            return running[level]

        yield get
        for place in running.values():  # the folders of all of them are in one place
            place.executor.close()
        left = {level: place.close() for level, place in running.items()}
    assert left == {level: [] for level in running}


@pytest.mark.slow
@pytest.mark.parametrize(("level", "attack"), [case(level, attack) for level, attack in CASES])
def test_hostile_notebook_is_contained(ranges: Callable[[str], Range], level: str, attack: Attack) -> None:
    assert ranges(level).attack(attack).faults == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("reached.append('something')", "reached: something"),
        ("before = 0\nprint(T.token_begins + '-and-the' + '-rest')", "it knows the secret of the token"),
        ("os._exit(0)", "the state is kernel_died"),
    ],
)
def test_range_notices_what_is_not_contained(ranges: Callable[[str], Range], source: str, fault: str) -> None:
    broken = Attack("cheating", lambda: source, frozenset({"complete"}), True, Limits(**LIMITS), False)
    level = next(iter(WARM))
    assert any(found.startswith(fault) for found in ranges(level).attack(broken).faults)


def test_corpus_is_wide_and_says_what_it_tries() -> None:
    assert len(BY_NAME) == len(ATTACKS) >= 60
    assert {attack.kind for attack in ATTACKS} == {"resource", "confinement", "life cycle", "cheating"}
    for attack in ATTACKS:
        assert re.fullmatch(r"[^\n]{5,140}", attack.about), attack.name
        assert attack.cells()
    assert "reached = []" in PRELUDE


def test_canaries_notice(tmp_path: Path) -> None:
    """The harness itself: what is touched is told, once."""
    with Canaries() as canaries:
        canaries.start_process(None)
        target = canaries.target()
        assert canaries.touched() == []
        for host in {"127.0.0.1", target["host"]}:
            with socket.create_connection((host, target["tcp_port"]), 5), socket.socket(2, 2) as udp:
                udp.sendto(b"x", (host, target["udp_port"]))
        for kind, path in ((1, target["socket"]), (2, target["datagrams"]), (1, "\0" + target["abstract"])):
            with socket.socket(socket.AF_UNIX, kind) as its:
                its.connect(path)
                with contextlib.suppress(OSError):  # who listens hangs up at once
                    its.send(b"x")
        (canaries.folder / target["marker"]).touch()
        (canaries.home / "secret.txt").write_text("changed")
        os.kill(target["pid"], signal.SIGKILL)
        canaries._process.wait()
        found: set[str] = set()
        while not {"listener", "new", "was", "process"} <= found:
            for line in canaries.touched():
                found |= {word for word in ("listener", "new", "was", "process") if word in line}
        (tmp_path / "out.txt").write_text(canaries.secrets["hand-in"])
        assert canaries.leaked(tmp_path) == ["hand-in"]
