"""Read a rubric's YAML (version 1.2) and say of every mistake in it where it is: file, line, column.

A rubric is `rubric.yaml` (assignment, title, list of part files) and one YAML file a part. Duplicate keys,
unknown keys, numbers written as text, unknown checks, points that do not add up, and references to
evidence that is not declared are all refused, all of them at once.
"""

from __future__ import annotations

import fnmatch
import hashlib
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from autograder.errors import Problem, RubricError, nearest
from autograder.registry import CHECKS, DRAWS, SUMMARIES, TRUTHS, Assignment, Registry
from autograder.rubric.model import (
    ChallengeKey,
    CheckSpec,
    EvidenceKey,
    FormSpec,
    OptionalEvidenceKey,
    PartSpec,
    Rubric,
)
from autograder.rubric.sources import Location, Source, read_source


def load_rubric(assignment: Assignment, parts: Iterable[str] = ()) -> Rubric:
    """Return the rubric of `assignment`, whole or only the named `parts`.

    Raises
    ------
    RubricError
        When anything in it is wrong; it carries every problem found.
    """
    return read_rubric(assignment.rubric, parts)


def read_rubric(path: Path, parts: Iterable[str] = ()) -> Rubric:
    """Return the rubric whose main file is `path`; see :func:`load_rubric`."""
    main = read_source(path)
    problems: list[Problem] = []
    loaded: list[PartSpec] = []
    digest = hashlib.sha256(main.digest.encode())
    if not isinstance(main.data, dict):
        raise RubricError([main.problem((), "expected a mapping with assignment, title and parts")])
    known = ("schema", "assignment", "title", "form", "parts")
    problems += [
        main.problem((key,), f"unknown key {key!r}{nearest(str(key), known)}")
        for key in main.data
        if key not in known
    ]
    missing = [key for key in ("assignment", "title", "parts") if key not in main.data]
    problems += [main.problem((), f"the key {key!r} is missing") for key in missing]
    problems += [
        main.problem((key,), f"expected a text, found {_short(main.data[key])}")
        for key in ("assignment", "title")
        if key in main.data and not isinstance(main.data[key], str)
    ]
    form = FormSpec()
    try:
        form = FormSpec.model_validate(main.data.get("form", {}))
    except ValidationError as error:
        problems += _violations(main, error, FormSpec, ("form",))
    files = main.data.get("parts")
    if not isinstance(files, list) or not files or not all(isinstance(name, str) for name in files):
        problems.append(main.problem(("parts",), "expected a list of part files, such as [part_a.yaml]"))
        files = []
    for name in files:
        source = read_source(path.parent / name)
        digest.update(source.digest.encode())
        part, found = _read_part(source)
        problems += found
        if part is not None and part.part in [other.part for other in loaded]:
            problems.append(
                source.problem(("part",), f"the part {part.part!r} stands in two files; keep one")
            )
        elif part is not None:
            loaded.append(part)
    if problems:
        raise RubricError(problems)
    wanted = list(parts)
    known_parts = [part.part for part in loaded]
    for part_id in wanted:
        if part_id not in known_parts:
            listed = ", ".join(known_parts)
            raise RubricError(
                [main.problem(("parts",), f"there is no part {part_id!r} (there are: {listed})")]
            )
    chosen = [part for part in loaded if not wanted or part.part in wanted]
    return Rubric(
        assignment=main.data["assignment"],
        title=main.data["title"],
        parts=chosen,
        form=form,
        sha256=digest.hexdigest(),
    )


def _read_part(source: Source) -> tuple[PartSpec | None, list[Problem]]:
    data = source.data
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if key != "schema"}
    try:
        part = PartSpec.model_validate(data)
    except ValidationError as error:
        return None, list(_violations(source, error, PartSpec, ()))
    return part, list(_inconsistencies(source, part))


def _violations(
    source: Source, error: ValidationError, model: type[BaseModel], base: Location
) -> Iterator[Problem]:
    """Yield one problem a violated field; the many branches of a union count as one."""
    seen: set[Location] = set()
    for entry in error.errors(include_url=False):
        where = _existing(source, base, entry["loc"])
        if where in seen and entry["type"] != "extra_forbidden":
            continue
        seen.add(where)
        if entry["type"] == "extra_forbidden":
            key = str(entry["loc"][-1])
            owner = _model_at(model, entry["loc"][:-1])
            known = list(owner.model_fields) if owner else []
            yield source.problem((*base, *entry["loc"]), f"unknown key {key!r}{nearest(key, known)}")
        elif entry["type"] == "missing":
            yield source.problem((*base, *entry["loc"][:-1]), f"the key {str(entry['loc'][-1])!r} is missing")
        elif (
            isinstance(entry["input"], str)
            and _is_number(entry["input"])
            and entry["type"] in ("int_type", "float_type")
        ):
            yield source.problem(where, f"{entry['input']!r} is text; write the number without quotes")
        else:
            yield source.problem(where, f"{entry['msg']}, found {_short(entry['input'])}")


def _existing(source: Source, base: Location, loc: Location) -> Location:
    """Return the longest prefix of a pydantic location that is a place in the file (union tags are dropped)."""
    where = base
    for step in loc:
        if (*where, step) in source.positions:
            where = (*where, step)
    return where


def _model_at(model: type[BaseModel], loc: Location) -> type[BaseModel] | None:
    """Return the model that holds the field at `loc`, walking through lists and mappings."""
    current: Any = model
    for step in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            if step not in current.model_fields:
                return None
            current = current.model_fields[str(step)].annotation
        elif get_origin(current) in (list, dict):
            current = get_args(current)[-1]
        else:
            return None
    if get_origin(current) in (list, dict):
        current = get_args(current)[-1]
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _inconsistencies(source: Source, part: PartSpec) -> Iterator[Problem]:
    """Yield what is wrong although every field is well formed."""
    check_ids = [check.id for _, check in part.checks()]
    seen: set[str] = set()
    for i, item in enumerate(part.items):
        if item.id in [other.id for other in part.items[:i]]:
            yield source.problem(
                ("items", i, "id"), f"the item id {item.id!r} stands twice; ids are unique in a part"
            )
        total = sum(check.points for check in item.checks)
        total += item.withheld.points + item.withheld.written_points
        if abs(total - item.points) > 1e-9:
            yield source.problem(
                ("items", i, "points"),
                f"item {item.id!r} has {item.points:g} points, but its checks add up to {total:g}",
            )
        for j, check in enumerate(item.checks):
            where: Location = ("items", i, "checks", j)
            if not 0 <= check.points < math.inf:
                yield source.problem(
                    (*where, "points"), f"expected points of 0 or more, found {check.points}"
                )
            if check.id in seen:
                yield source.problem(
                    (*where, "id"), f"the check id {check.id!r} stands twice; ids are unique in a part"
                )
            seen.add(check.id)
            if not check.id.startswith(f"{item.id}."):
                yield source.problem(
                    (*where, "id"), f"expected an id that starts with '{item.id}.', found {check.id!r}"
                )
            links = [
                ("twin", check.twin),
                ("proof", check.proof),
                *(("follows", one) for one in check.rests_on),
            ]
            for field, other in links:
                if other is not None and (other not in check_ids or other == check.id):
                    yield source.problem(
                        (*where, field), f"no other check is called {other!r}{nearest(other, check_ids)}"
                    )
            own = [one.id for one in item.checks]
            if check.proof is not None and check.proof in check_ids and check.proof not in own:
                yield source.problem(
                    (*where, "proof"), f"expected a check of the same item, found {check.proof!r}"
                )
            yield from _bad_guide(source, check, where)
            if check.check not in CHECKS:
                yield source.problem(
                    (*where, "check"),
                    f"there is no check {check.check!r}{nearest(check.check, CHECKS.names())}",
                )
                continue
            model = CHECKS[check.check].params
            try:
                params = model.model_validate(check.params)
            except ValidationError as error:
                yield from _violations(source, error, model, (*where, "params"))
                continue
            yield from _dangling(source, part, params, (*where, "params"))
    name = re.sub(r"[{}\[\]]", "", part.form.filename)
    if name and not any(fnmatch.fnmatch(name.lower(), pattern.lower()) for pattern in part.filenames):
        text = (
            f"no pattern of 'filenames' fits {name!r}, so that a grading would not know the notebook; add one"
        )
        yield source.problem(("form", "filename"), text)
    for key, spec in part.evidence.items():
        for index, check_id in enumerate(spec.agrees):
            if check_id not in check_ids:
                yield source.problem(
                    ("evidence", key, "agrees", index),
                    f"no check is called {check_id!r}{nearest(check_id, check_ids)}",
                )
    total = sum(item.points for item in part.items if not item.extra)
    if abs(total - part.points) > 1e-9:
        yield source.problem(
            ("points",), f"the part has {part.points:g} points, but its items add up to {total:g}"
        )
    for key, challenge in part.challenges.items():
        yield from _bad_call(source, DRAWS, challenge.draw, challenge.params, ("challenges", key), "draw")
    for key, truth in part.truths.items():
        yield from _bad_call(source, TRUTHS, truth.truth, truth.params, ("truths", key), "truth")
    for key, summary in part.summaries.items():
        if summary.statistic not in SUMMARIES:
            text = f"there is no summary {summary.statistic!r}{nearest(summary.statistic, SUMMARIES.names())}"
            yield source.problem(("summaries", key, "statistic"), text)
        if summary.of not in part.evidence:
            text = f"no evidence is declared as {summary.of!r}{nearest(summary.of, part.evidence)}"
            yield source.problem(("summaries", key, "of"), text)
    item_ids = [item.id for item in part.items]
    for key in part.sections:
        if key not in item_ids:
            yield source.problem(("sections", key), f"there is no item {key!r}{nearest(key, item_ids)}")
    for i, erratum in enumerate(part.errata):
        if erratum.item not in item_ids:
            yield source.problem(
                ("errata", i, "item"), f"there is no item {erratum.item!r}{nearest(erratum.item, item_ids)}"
            )


def _bad_guide(source: Source, check: CheckSpec, where: Location) -> Iterator[Problem]:
    """Yield what is wrong with the marking guide of a written answer."""
    if (check.criteria or check.model_answer) and check.check != "is_written":
        field = "criteria" if check.criteria else "model_answer"
        yield source.problem(
            (*where, field), f"{field} is the marking guide of a written answer, and {check.id!r} is none"
        )
    for index, criterion in enumerate(check.criteria):
        if not 0 < criterion.points < math.inf:
            yield source.problem(
                (*where, "criteria", index, "points"),
                f"expected points of more than 0, found {criterion.points}",
            )
    total = sum(criterion.points for criterion in check.criteria)
    if check.criteria and abs(total - check.points) > 1e-9:
        yield source.problem(
            (*where, "criteria"),
            f"check {check.id!r} has {check.points:g} points, but its criteria add up to {total:g}",
        )


def _bad_call(
    source: Source, registry: Registry[Any], name: str, params: dict[str, Any], where: Location, field: str
) -> Iterator[Problem]:
    """Yield what is wrong with a registered function's name or parameters."""
    if name not in registry:
        yield source.problem(
            (*where, field), f"there is no {field} {name!r}{nearest(name, registry.names())}"
        )
        return
    model = registry[name].params
    try:
        model.model_validate(params)
    except ValidationError as error:
        yield from _violations(source, error, model, (*where, "params"))


def _dangling(source: Source, part: PartSpec, params: BaseModel, where: Location) -> Iterator[Problem]:
    """Yield the evidence and challenge keys in `params` that the part does not declare."""
    for name, field in type(params).model_fields.items():
        value = getattr(params, name)
        if value is None:
            continue
        for marker, declared, what in (
            (EvidenceKey, part.evidence, "evidence"),
            (OptionalEvidenceKey, part.evidence, "evidence"),
            (ChallengeKey, part.challenges, "challenge"),
        ):
            if not mentions(field.annotation, field.metadata, marker):
                continue
            for key in value if isinstance(value, list) else [value]:
                if key not in declared:
                    yield source.problem(
                        (*where, name), f"no {what} is declared as {key!r}{nearest(key, declared)}"
                    )


def mentions(annotation: Any, metadata: list[Any], marker: Any) -> bool:
    """Return whether a field's type holds the annotated alias `marker`."""
    tag = get_args(marker)[1]
    if tag in metadata:
        return True
    if get_origin(annotation) is Annotated and tag in get_args(annotation):
        return True
    return any(mentions(inner, [], marker) for inner in get_args(annotation) if not isinstance(inner, str))
