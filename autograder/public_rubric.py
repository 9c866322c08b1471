"""The public part of a rubric: what a student's self-check needs, and plain counts of the rest.

An allow-list: of a check that is `public` the keys of `CHECK_KEYS`, the evidence and challenges that its parameters
name, and the sections of the part; of all other checks how many there are and what they are worth. Whatever the
rubric gains besides is left out until it is put on the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from autograder.errors import UsageError
from autograder.registry import CHECKS
from autograder.rubric.loader import mentions
from autograder.rubric.model import (
    ChallengeKey,
    CheckSpec,
    EvidenceKey,
    ItemSpec,
    OptionalEvidenceKey,
    PartSpec,
    Rubric,
)
from autograder.rubric.public import WRITTEN, is_public

PART_KEYS = ("part", "title", "points", "filenames", "form", "limits", "data", "budgets", "sections")
CHECK_KEYS = ("id", "check", "title", "points", "params", "why", "hint", "budgets", "public")
LINKS = ("twin", "proof")
"""Keys that name another check; kept when that one is public."""


def public_main(rubric: Rubric) -> dict[str, Any]:
    """Return what `rubric.yaml` of a bundle says."""
    form = rubric.form.model_dump(exclude_unset=True)
    return {
        "schema": 1,
        "assignment": rubric.assignment,
        "title": rubric.title,
        **({"form": form} if form else {}),
        "parts": [f"part_{part.part}.yaml" for part in rubric.parts],
    }


def public_part(part: PartSpec) -> dict[str, Any]:
    """Return what the part's file of a bundle says.

    Raises
    ------
    UsageError
        When a public check needs a golden value that `public_values` does not list.
    """
    whole = part.model_dump(exclude_unset=True)
    evidence, challenges = needed_keys(part)
    public = {check.id for _, check in part.checks() if is_public(check)}
    told: dict[str, Any] = {"schema": 1} | {key: whole[key] for key in PART_KEYS if key in whole}
    told["false_fail_rate"] = _false_fail_rate(part)
    told["evidence"] = {
        key: _evidence(whole["evidence"][key], public) for key in part.evidence if key in evidence
    }
    told["challenges"] = {key: whole["challenges"][key] for key in part.challenges if key in challenges}
    told["items"] = [_item(item, public) for item in part.items]
    told["errata"] = [erratum.model_dump(exclude_unset=True) for erratum in part.errata if erratum.public]
    if goldens := public_values(part):
        told["public_values"] = goldens
    return {key: value for key, value in told.items() if value not in ({}, [])}


def needed_keys(part: PartSpec) -> tuple[set[str], set[str]]:
    """Return the evidence and the challenges that public checks name."""
    evidence: set[str] = set()
    challenges: set[str] = set()
    for _, check in part.checks():
        if is_public(check):
            for keys, marker in (
                (evidence, EvidenceKey),
                (evidence, OptionalEvidenceKey),
                (challenges, ChallengeKey),
            ):
                keys.update(_named(check, marker))
    return evidence, challenges


def public_values(part: PartSpec) -> list[str]:
    """Return the golden values that public checks name, each of them released by `public_values`."""
    found: list[str] = []
    for _, check in part.checks():
        for key in goldens_named(check.params) if is_public(check) else ():
            if key not in part.public_values:
                raise UsageError(
                    f"the public check {check.id!r} needs the golden value {key!r}; list it under 'public_values' "
                    f"of part {part.part}, or take 'public: true' from the check"
                )
            found.append(key)
    return sorted(set(found))


def goldens_named(params: Any) -> Iterator[str]:
    """Yield the golden values that the parameters of a check name."""
    if isinstance(params, dict):
        for key, value in params.items():
            if key == "golden" and isinstance(value, str):
                yield value
            elif key == "summaries" and isinstance(value, list):
                yield from map(str, value)
            else:
                yield from goldens_named(value)
    elif isinstance(params, list):
        for value in params:
            yield from goldens_named(value)


def _named(check: CheckSpec, marker: Any) -> Iterator[str]:
    """Yield the keys of one kind that the parameters of a check hold."""
    params = CHECKS[check.check].params.model_validate(check.params)
    for name, field in type(params).model_fields.items():
        value = getattr(params, name)
        if value is not None and mentions(field.annotation, field.metadata, marker):
            yield from value if isinstance(value, list) else [value]


def _false_fail_rate(part: PartSpec) -> float:
    """Return the rate that leaves each public check the share that it has in the whole rubric."""
    random = [check for _, check in part.checks() if getattr(CHECKS[check.check].params, "is_random", False)]
    n_public = sum(map(is_public, random))
    return part.false_fail_rate * n_public / len(random) if n_public else part.false_fail_rate


def _evidence(spec: dict[str, Any], public: set[str]) -> dict[str, Any]:
    """Return how a value is found; that hidden checks help to tell it apart is left out."""
    agrees = [check for check in spec.get("agrees", ()) if check in public]
    told = {key: value for key, value in spec.items() if key != "agrees"}
    return told | ({"agrees": agrees} if agrees else {})


def _item(item: ItemSpec, public: set[str]) -> dict[str, Any]:
    told: dict[str, Any] = item.model_dump(
        include={"id", "title", "points", "sheet", "extra"}, exclude_unset=True
    )
    told["checks"] = [_check(check, public) for check in item.checks if check.id in public]
    left_out = [check for check in item.checks if check.id not in public]
    if left_out:
        told["withheld"] = withheld_of(left_out)
    return told


def withheld_of(checks: Iterable[CheckSpec]) -> dict[str, Any]:
    """Return how many of some checks there are and what they are worth, written answers apart."""
    listed = list(checks)
    written = [check for check in listed if check.check == WRITTEN]
    others = [check for check in listed if check.check != WRITTEN]
    return {
        "n_checks": len(others),
        "points": _total(others),
        "n_written": len(written),
        "written_points": _total(written),
    }


def _total(checks: Iterable[CheckSpec]) -> float:
    return round(sum(float(check.points) for check in checks), 6)


def _check(check: CheckSpec, public: set[str]) -> dict[str, Any]:
    told = check.model_dump(include=set(CHECK_KEYS), exclude_unset=True)
    links = {key: getattr(check, key) for key in LINKS if getattr(check, key) in public}
    if follows := check.follows_among(public):
        links["follows"] = follows
    return told | links
