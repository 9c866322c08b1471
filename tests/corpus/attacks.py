"""Notebooks that attack the machine, the grader or the mark, each made by a function of a few lines.

A function returns the source of one cell, or of several. Before it runs :data:`PRELUDE`, which sets `before` (a value
that no later cell may take away), `T` (what the harness put up to be reached) and `reach`, which notes in `reached`
what was not refused. Run them behind a fence, with
`scripts/containment.py`, and in no other way.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from autograder.records import Limits

Kind = Literal["resource", "confinement", "life cycle", "cheating"]
COMPLETE, CELL, TOTAL = "complete", "cell_limit", "total_limit"
MEMORY, DISK, DIED = "memory_limit", "disk_limit", "kernel_died"
LIMITS = {"cell_seconds": 2.0, "total_seconds": 8.0, "call_seconds": 1.0}
LIMITS |= {"memory_mib": 700, "output_mib": 2.0, "disk_mib": 64, "record_mib": 16.0}
WAITED_OUT_SECONDS = 1.0
"""For a cell that can only end at its limit: it does nothing more in the second second."""

PRELUDE = '''
import contextlib, ctypes, os, resource, signal, socket, stat, subprocess, sys, threading, time
before = [1.5, 2.5]
reached = []
libc = ctypes.CDLL(None, use_errno=True)

def reach(name, function, *arguments, **named):
    """The result of what should have been refused; None when it was."""
    try:
        result = function(*arguments, **named)
    except Exception:
        return None
    if type(result) is int and result < 0:
        return None
    reached.append(name)
    return result

def loot(function, *arguments):
    """Prints what could be read."""
    try:
        print(function(*arguments))
    except Exception as error:
        print(type(error))

def text(path):
    with open(path, "rb") as file:
        return file.read(10_000)

def others():
    """Ids that processes of others may have."""
    for pid in [T.pid, *range(1, 33_000)]:
        with contextlib.suppress(OSError):
            if os.getpgid(pid) != os.getpgid(0):
                yield pid
'''


@dataclass(frozen=True)
class Attack:
    """One notebook and what may become of it."""

    kind: Kind
    make: Callable[[], str | list[str]]
    states: frozenset[str]
    """What the record may say."""
    survives: bool
    """Whether the value from before the attack must be among what was recorded."""
    limits: Limits
    cold: bool
    """Worth a kernel that is started anew as well."""

    @property
    def name(self) -> str:
        return self.make.__name__

    @property
    def about(self) -> str:
        """What it tries, in one line."""
        return (self.make.__doc__ or "").strip().rstrip(".")

    def cells(self) -> list[str]:
        made = self.make()
        return [textwrap.dedent(cell).strip() for cell in ([made] if isinstance(made, str) else made)]


ATTACKS: list[Attack] = []
Make = Callable[[], str | list[str]]


def attack(
    kind: Kind, *states: str, survives: bool = True, cold: bool = False, **limits: Any
) -> Callable[[Make], Make]:
    """Registers a notebook; without states it has to end complete."""

    def register(function: Make) -> Make:
        allowed = frozenset(states or (COMPLETE,))
        own = {"cell_seconds": WAITED_OUT_SECONDS} | limits if allowed == {CELL} else limits
        ATTACKS.append(Attack(kind, function, allowed, survives, Limits(**(LIMITS | own)), cold))
        return function

    return register
