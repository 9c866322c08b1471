"""Scores of a run to a server of an LMS: what would be sent, and sending it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from autograder.errors import UsageError
from autograder.export.ledger import history, new_batch
from autograder.export.outcomes import Outcome
from autograder.export.scores import StudentScore
from autograder.exporting import scores_of_run
from autograder.push.delivering import Delivery, Journal, Listener, deliver
from autograder.push.packing import PushChoices
from autograder.push.parcels import Remote
from autograder.push.planning import Plan, plan
from autograder.push.sessions import Pause
from autograder.store import RunDirectory

Opening = Callable[[Sequence[StudentScore]], Remote]
"""Makes the conversation with a server, given the scores that are to be sent."""


@dataclass(frozen=True)
class Push:
    """What a push found and did."""

    plan: Plan
    deliveries: tuple[Delivery, ...]
    stopped: str
    """Why sending ended early, or ""."""
    is_sent: bool
    """Whether something was sent, or would have been had there been anything."""
    batch: str
    is_refused: bool = False
    """Whether nothing was sent because somebody is not accounted for."""

    @property
    def unsettled(self) -> tuple[Outcome, ...]:
        """Students and rows that a person has to decide on."""
        return tuple(one for one in self.plan.outcomes if not one.accounted)

    @property
    def needs_person(self) -> bool:
        """Whether anything is left to decide, to send again, or to look at."""
        open_states: tuple[Literal["sent", "failed", "unknown", "not_tried"], ...]
        open_states = ("sent", "failed", "unknown", "not_tried")
        return bool(self.unsettled or self.stopped) or any(
            one.state in open_states for one in self.deliveries
        )


def push(
    run: RunDirectory,
    opening: Opening,
    choices: PushChoices,
    *,
    author: str,
    is_sent: bool,
    pause: Pause,
    listener: Listener | None = None,
) -> Push:
    """Return what would be sent to a server, or what was: each score once, however often this is called.

    Nothing is sent while a student of the run or of the LMS is not accounted for.

    Nobody else can work on the run meanwhile, so that no two pushes of it meet.

    Parameters
    ----------
    is_sent : False: a rehearsal, which reads the server, sends nothing and leaves no trace

    Raises
    ------
    UsageError
        When run, choices and assignment at the LMS do not fit each other; nothing was sent.
    PushError
        When the server cannot be read; nothing was sent.
    """
    run.info()
    with run.locked():
        scores = scores_of_run(run, author=author)
        if not scores:
            raise UsageError(
                f"{run.path} has no students; grade it first, with --roster where ids are needed"
            )
        remote = opening(scores)
        found = plan(remote, scores, choices, history(run.gradebook), run.path)
        batch = new_batch()
        is_open = any(not one.accounted for one in found.outcomes)
        if is_open or not is_sent:
            return Push(found, (), "", False, batch, is_refused=is_sent)
        journal = Journal(run.gradebook, batch, found.destination, remote.route, author)
        for parcel in found.arrived:
            journal.note(parcel.lines(), "verified", "found at the LMS")
        deliveries, stopped = deliver(remote, found.parcels, found.rows, journal, pause, listener)
        return Push(found, deliveries, stopped, True, batch)
