"""Sending, one student after the other, so that each score arrives once whatever breaks on the way.

Before a request leaves, the ledger says `sending`; after the answer, `sent` or `failed`. Where no answer came, the LMS
is read before anything is sent again, and only what it does not have is. What is left `sending` by a killed process
is settled in the same way by the next push, which reads the LMS first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autograder.export.ledger import Action, Line, What, record
from autograder.export.sheets import Row
from autograder.push.parcels import Parcel, Remote, Seen
from autograder.push.sessions import Pause, PushError, Refused, Stopped, Uncertain

N_SENDS = 3
"""How often one parcel is sent when its answers do not come."""
SETTLE_SECONDS = 2.0
"""How long a server may still work on a request whose connection broke, before it is read."""

UNSEEN = "the LMS took it and does not show it; look there"

State = Literal["verified", "sent", "failed", "unknown", "not_tried"]


@dataclass(frozen=True)
class Delivery:
    """What became of one parcel."""

    parcel: Parcel
    state: State
    """`verified`: read back; `sent`: the server said so, and does not show it; `unknown`: no answer came."""
    detail: str = ""


class Listener:
    """What a caller hears of while scores are sent; the base class hears nothing."""

    def sending(self, parcel: Parcel, at: int, n: int) -> None:
        """A parcel begins to be sent: number `at`, from 1, of `n`."""

    def reading_back(self, n: int) -> None:
        """So many students are read back."""


@dataclass(frozen=True)
class Journal:
    """Where the ledger keeps what one push does."""

    gradebook: Path
    batch: str
    destination: str
    route: str
    author: str

    def note(self, lines: Sequence[Line], action: Action, detail: str = "") -> None:
        """Keep a record for each line, on the disk when this returns."""
        if not lines:
            return
        told = [Line(one.student, one.place, one.what, one.value, detail or one.detail) for one in lines]
        record(
            self.gradebook,
            told,
            action,
            batch=self.batch,
            destination=self.destination,
            route=self.route,
            author=self.author,
        )


def deliver(
    remote: Remote,
    parcels: Sequence[Parcel],
    rows: Mapping[str, Row],
    journal: Journal,
    pause: Pause,
    listener: Listener | None = None,
) -> tuple[tuple[Delivery, ...], str]:
    """Send the parcels and read all of them back.

    Parameters
    ----------
    rows : student to row of the LMS

    Returns
    -------
    What became of each parcel, in their order; and why sending stopped early, or "".
    """
    listener = listener or Listener()
    done: list[Delivery] = []
    stopped = ""
    for at, parcel in enumerate(parcels, 1):
        if stopped:
            done.append(Delivery(parcel, "not_tried", "sending stopped before"))
            continue
        listener.sending(parcel, at, len(parcels))
        try:
            done.append(_send(remote, parcel, rows[parcel.student], journal, pause))
        except Stopped as error:
            stopped = str(error)
            done.append(Delivery(parcel, "unknown", stopped))
    if stopped:
        return tuple(done), stopped
    try:
        return _read_back(remote, done, rows, journal, listener), ""
    except PushError as error:
        return tuple(done), f"what was sent could not be read back: {error}"


def _send(remote: Remote, parcel: Parcel, row: Row, journal: Journal, pause: Pause) -> Delivery:
    left = parcel
    for _ in range(N_SENDS):
        journal.note(left.lines(), "sending")
        try:
            remote.send(left)
        except Refused as error:
            journal.note(left.lines(), "failed", str(error))
            return Delivery(parcel, "failed", str(error))
        except Uncertain as error:
            pause(SETTLE_SECONDS)
            why, before = str(error), left
            seen = remote.look([row]).get(row.key)
            if seen is None:
                return Delivery(parcel, "unknown", f"{why}, and the LMS does not show it")
            left = left.without(seen)
            journal.note(_gone(before, left), "sent", f"{why}; it was there when it was read")
            if left.is_empty:
                return Delivery(parcel, "sent", why)
            continue
        journal.note(left.lines(), "sent")
        return Delivery(parcel, "sent")
    return Delivery(parcel, "unknown", f"{why}, {N_SENDS} times")


def _gone(before: Parcel, left: Parcel) -> list[Line]:
    still = {line.what for line in left.lines()}
    return [line for line in before.lines() if line.what not in still]


def _read_back(
    remote: Remote, done: Sequence[Delivery], rows: Mapping[str, Row], journal: Journal, listener: Listener
) -> tuple[Delivery, ...]:
    """Return the deliveries with what the LMS shows of them: the proof that nothing was lost on its side."""
    sent = [one for one in done if one.state == "sent"]
    if not sent:
        return tuple(done)
    listener.reading_back(len(sent))
    seen = remote.look([rows[one.parcel.student] for one in sent])
    found = []
    for one in done:
        if one.state == "sent":
            one = _compared(one, seen.get(rows[one.parcel.student].key), journal)
        found.append(one)
    return tuple(found)


def _compared(one: Delivery, seen: Seen | None, journal: Journal) -> Delivery:
    parcel = one.parcel
    if seen is None:
        return Delivery(parcel, "sent", UNSEEN)
    lost = _lost(parcel, seen)
    journal.note([line for line in parcel.lines() if line.what not in lost], "verified")
    if not lost:
        return Delivery(parcel, "verified")
    if not seen.is_whole:
        return Delivery(parcel, "sent", UNSEEN)
    has = "no score" if seen.row.score is None else f"the score {seen.row.score:f}"
    what = f"has {has}" if "score" in lost else f"does not have the {' and the '.join(sorted(lost))}"
    detail = f"the LMS said that it is stored, and {what}"
    journal.note([line for line in parcel.lines() if line.what in lost], "failed", detail)
    return Delivery(parcel, "failed", detail)


def _lost(parcel: Parcel, seen: Seen) -> set[What]:
    """Return what of a parcel an LMS does not have."""
    lost: set[What] = {line.what for line in parcel.without(seen).lines()} - {"report"}
    if seen.files is not None:
        is_there = parcel.report is None or parcel.report.name in seen.files
    else:
        is_there = parcel.report is None or "comment" not in lost
    return lost if is_there else lost | {"report"}
