"""The commonest mistakes of an item: failures grouped by the known mistakes whose signature they resemble.

What a failure looks like is a set of findings: each check that lost marks with its outcome, and each clause of what it
said. It is compared with the signatures of the item's known mistakes by weighted Jaccard likeness, where a finding that
few mistakes have weighs more (:mod:`autograder.stats.likeness`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autograder.questions.marks import lost_marks
from autograder.questions.records import Kind, KnownMistake, MistakeGroup, Saying
from autograder.records import CheckResult, Grade, Status
from autograder.signatures import Finding, Signature, Signatures, clauses, findings_of, outcome_of
from autograder.stats.likeness import likeness, rarity, unseen_weight

LIKE = 0.5
"""Least likeness of a failure and a known mistake: half of all that is seen in either, by weight."""
HELD = 0.25
"""Least likeness of a failure and a mistake whose whole signature it holds: less would explain next to nothing."""
SEEN = 0.5
"""Of a signature, by weight: what the checks that were tried on a notebook must be able to show of it."""
SAME = 1e-9
N_SAID = 5


@dataclass(frozen=True)
class Failure:
    """What one submission lost in an item."""

    submission: str
    lost: tuple[CheckResult, ...]
    tried: tuple[str, ...]
    """Checks of the item whose marks are decided."""
    n_earned: int
    """Checks that earned something."""


@dataclass(frozen=True)
class Resemblance:
    """What a failure resembles; several ids are equally like."""

    kind: Kind
    ids: tuple[str, ...] = ()
    likeness: float = 0.0


def failures_in(item: str, grades: Iterable[Grade]) -> list[Failure]:
    """Return what each submission that lost marks in an item lost there."""
    found = []
    for grade in grades:
        decided = [
            check
            for whole in grade.items
            if whole.id == item
            for check in whole.checks
            if check.points > 0 and not check.status.is_pending
        ]
        lost = tuple(check for check in decided if lost_marks(check) > SAME)
        if lost:
            n_earned = sum(check.earned > 0 for check in decided)
            tried = tuple(check.id for check in decided)
            found.append(Failure(grade.submission.id, lost, tried, n_earned))
    return found


class KnownMistakes:
    """The known mistakes of an item, to compare failures with."""

    def __init__(self, item: str, signatures: Signatures | None) -> None:
        listed = signatures.mistakes if signatures is not None else ()
        self._mistakes = {one.id: one for one in listed if one.item == item and one.checks}
        self._covered = frozenset(signatures.checks) if signatures is not None else frozenset()
        sets = [one.findings(one.checks) for one in self._mistakes.values()]
        self._weights = rarity(sets)
        self._unseen = unseen_weight(len(sets))

    def __len__(self) -> int:
        return len(self._mistakes)

    def __getitem__(self, name: str) -> Signature:
        return self._mistakes[name]

    def resemblance(self, failure: Failure) -> Resemblance:
        """Return what a failure resembles, by the checks that were tried on it and on the known mistakes."""
        findings = _findings(failure, self._covered)
        if self._mistakes and findings:
            known = self._seen_by(self._covered.intersection(failure.tried))
            if found := self._most_like(findings, known):
                return found
            # What lost everything holds many a signature, and is none of them.
            if failure.n_earned and (held := self._held(findings, known)):
                return held
        if all(check.status is Status.BLOCKED for check in failure.lost):
            return Resemblance("blocked")
        if failure.n_earned == 0:
            return Resemblance("all_lost")
        return Resemblance("uncovered" if self._mistakes and not findings else "unlike")

    def _seen_by(self, tried: frozenset[str]) -> dict[str, frozenset[Finding]]:
        """Return what each mistake looks like to the checks that were tried, where they show enough of it."""
        found = {}
        for name, mistake in self._mistakes.items():
            whole, seen = mistake.findings(mistake.checks), mistake.findings(tried)
            if likeness(seen, whole, self._weights) >= SEEN:
                found[name] = seen
        return found

    def _most_like(
        self, findings: frozenset[Finding], known: Mapping[str, frozenset[Finding]]
    ) -> Resemblance | None:
        alike = {name: likeness(findings, one, self._weights, self._unseen) for name, one in known.items()}
        best = max(alike.values(), default=0.0)
        return Resemblance("like", _tied(alike, best), round(best, 4)) if best >= LIKE else None

    def _held(
        self, findings: frozenset[Finding], known: Mapping[str, frozenset[Finding]]
    ) -> Resemblance | None:
        """Return the mistakes whose whole signature is in a failure, those that explain most of it."""
        held = {
            name: likeness(findings, one, self._weights, self._unseen)
            for name, one in known.items()
            if one <= findings
        }
        best = max(held.values(), default=0.0)
        return Resemblance("holds", _tied(held, best), round(best, 4)) if best >= HELD else None


def _tied(values: Mapping[str, float], best: float) -> tuple[str, ...]:
    return tuple(sorted(name for name, value in values.items() if value > best - SAME))


def _findings(failure: Failure, covered: frozenset[str]) -> frozenset[Finding]:
    return frozenset(
        finding
        for check in failure.lost
        if check.id in covered
        for finding in findings_of(check.id, outcome_of(check.status), clauses(check.message))
    )


_ORDER: Sequence[Kind] = ("like", "holds", "unlike", "all_lost", "blocked", "uncovered")


def groups_of(failures: Sequence[Failure], known: KnownMistakes) -> tuple[MistakeGroup, ...]:
    """Return failures grouped by what they resemble: known mistakes first, the most frequent first."""
    grouped: dict[tuple[Kind, tuple[str, ...]], list[tuple[Failure, float]]] = defaultdict(list)
    for failure in failures:
        found = known.resemblance(failure)
        grouped[found.kind, found.ids].append((failure, found.likeness))
    groups = [
        MistakeGroup(
            kind=kind,
            mistakes=tuple(KnownMistake(id=name, title=known[name].title) for name in ids),
            n=len(members),
            likeness=(min(alike for _, alike in members), max(alike for _, alike in members)),
            said=_said([failure for failure, _ in members]),
            submissions=tuple(failure.submission for failure, _ in members),
        )
        for (kind, ids), members in grouped.items()
    ]
    return tuple(sorted(groups, key=_rank))


def _rank(group: MistakeGroup) -> tuple[bool, int, int, str]:
    name = group.mistakes[0].id if group.mistakes else ""
    return not group.mistakes, -group.n, _ORDER.index(group.kind), name


def _said(failures: Iterable[Failure]) -> tuple[Saying, ...]:
    """Return the sentences of lost checks, counted without numbers and names, each as it was said first."""
    counts: Counter[tuple[str, tuple[str, ...]]] = Counter()
    first: dict[tuple[str, tuple[str, ...]], CheckResult] = {}
    for failure in failures:
        for check in failure.lost:
            key = check.id, clauses(check.message)
            counts[key] += 1
            first.setdefault(key, check)
    return tuple(
        Saying(check=first[key].title, message=first[key].message, n=n)
        for key, n in counts.most_common(N_SAID)
    )
