"""The public part of a rubric: what a student's self-check may know, and how much it leaves to the course."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from autograder.rubric.model import CheckSpec, ItemSpec, PartSpec, WithheldSpec

WRITTEN = "is_written"
"""The check of a written answer, which a person marks."""
CHALLENGE = "challenge"
"""What the parameters that name challenges are called, `challenge` or `challenges`: evidence may have the same keys."""


def is_public(check: CheckSpec) -> bool:
    """Return whether a student's self-check makes a check: it is public, and its expectation is not kept from reports."""
    return check.public and not check.hidden


def public_part(part: PartSpec) -> PartSpec:
    """Return a part with its public checks alone, and with what these need.

    Nothing of the others stays: no check, no link to one, no exact value, no remark on the sheet that tells a
    result. What was left out is counted in `withheld` of each item. A part that is public already stays as it is.
    """
    items = [_public_item(item) for item in part.items]
    public = {check.id for item in items for check in item.checks}
    items = [_without_links(item, public) for item in items]
    checks = [check for item in items for check in item.checks]
    evidence = {
        key: spec.model_copy(update={"agrees": [one for one in spec.agrees if one in public]})
        for key, spec in part.evidence.items()
        if key in named_evidence(checks)
    }
    update = {
        "items": items,
        "evidence": evidence,
        "challenges": {key: spec for key, spec in part.challenges.items() if key in named_challenges(checks)},
        "settings": {},
        "truths": {},
        "summaries": {},
        "errata": [one for one in part.errata if one.public],
        "changes": [],
    }
    return part.model_copy(update=update)


def withheld_of(items: Iterable[ItemSpec]) -> WithheldSpec:
    """Return how much of some items only the course checks, all together."""
    found = [_withheld(item) for item in items]
    return WithheldSpec(
        n_checks=sum(one.n_checks for one in found),
        points=_total(one.points for one in found),
        n_written=sum(one.n_written for one in found),
        written_points=_total(one.written_points for one in found),
    )


def is_public_alone(part: PartSpec) -> bool:
    """Return whether a part was cut to its public checks: what would help to find values is not there."""
    return any(item.withheld.n_checks or item.withheld.n_written for item in part.items)


def named_evidence(checks: Iterable[CheckSpec]) -> set[str]:
    """Return the texts among the parameters of some checks that may name evidence."""
    return {
        text
        for check in checks
        for name, value in check.params.items()
        if not name.startswith(CHALLENGE)
        for text in _texts(value)
    }


def named_challenges(checks: Iterable[CheckSpec]) -> set[str]:
    """Return the challenges that some checks name."""
    return {
        text
        for check in checks
        for name, value in check.params.items()
        if name.startswith(CHALLENGE)
        for text in _texts(value)
    }


def challenges_for(part: PartSpec, wanted: Collection[str]) -> set[str]:
    """Return the challenges that some checks need, given by their ids, and those that say where evidence is found."""
    agreeing = {check_id for spec in part.evidence.values() for check_id in spec.agrees}
    needed = [check for _, check in part.checks() if check.id in wanted or check.id in agreeing]
    return named_challenges(needed) & set(part.challenges)


def _public_item(item: ItemSpec) -> ItemSpec:
    checks = [check for check in item.checks if is_public(check)]
    return item.model_copy(update={"checks": checks, "withheld": _withheld(item)})


def _withheld(item: ItemSpec) -> WithheldSpec:
    left_out = [check for check in item.checks if not is_public(check)]
    hidden = [check for check in left_out if check.check != WRITTEN]
    written = [check for check in left_out if check.check == WRITTEN]
    before = item.withheld
    return WithheldSpec(
        n_checks=before.n_checks + len(hidden),
        points=_total([before.points, *(check.points for check in hidden)]),
        n_written=before.n_written + len(written),
        written_points=_total([before.written_points, *(check.points for check in written)]),
    )


def _without_links(item: ItemSpec, public: Collection[str]) -> ItemSpec:
    checks = [
        check.model_copy(
            update={
                "follows": check.follows_among(public),
                **{
                    name: other if (other := getattr(check, name)) in public else None
                    for name in ("proof", "twin")
                },
            }
        )
        for check in item.checks
    ]
    return item.model_copy(update={"checks": checks})


def _total(points: Iterable[float]) -> float:
    total = round(sum(points), 6)
    return int(total) if total == int(total) else total


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
