"""From a run to what leaves it: the scores of all its students, files for an LMS, and the record of what was sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import autograder.export.every  # noqa: F401  # registers every format
from autograder.errors import InternalError, UsageError
from autograder.export import ledger
from autograder.export.formats import FORMATS, Draft, Format, Request, Template
from autograder.export.ledger import Entry, Line
from autograder.export.outcomes import Choices, Outcome
from autograder.export.people import people_of_results
from autograder.export.routes import RIVALS
from autograder.export.scores import StudentScore, exact, scores_of
from autograder.export.verifying import Difference, Verdict, changed_elsewhere, read_back, verdicts
from autograder.records import Grade
from autograder.refreshing import refresh, stored_grades, stored_rubric
from autograder.review.marks import with_marks
from autograder.review.store import standings
from autograder.rosters import Roster
from autograder.store import RunDirectory, read_json, read_record, write_bytes, write_new_folder

ALIASES = {"csv": "plain-csv", "moodle": "moodle-worksheet"}


# ---------------------------------------------------------------------- scores


def scores_of_run(run: RunDirectory, *, author: str) -> tuple[StudentScore, ...]:
    """Return what a run says of each student, with all marks that people gave.

    Marks that were given since the reports were written are taken in first, as `report` does, so that scores and
    reports say the same. The caller holds the run's lock.

    Raises
    ------
    UsageError
        When something stored is missing or damaged.
    """
    stored = stored_grades(run)
    given = standings(run.gradebook)
    current: tuple[Grade, ...] = tuple(with_marks(grade, given) for grade in stored)
    if list(current) != stored:
        current = refresh(run, author=author)
    roster = read_record(run.roster, Roster)
    if roster is None and run.roster.exists():
        raise UsageError(f"{run.roster} is damaged; grade again with --roster")
    people = people_of_results(read_json(run.results), roster)
    return scores_of(current, people, maximum_of(run))


def maximum_of(run: RunDirectory) -> Decimal:
    """Return the points that the run's parts give together."""
    return sum((exact(part.points) for part in stored_rubric(run).parts), Decimal(0))


# --------------------------------------------------------------------- formats


def format_names() -> list[str]:
    """Return the names of all formats as they are written on the command line."""
    return [name.replace("_", "-") for name in FORMATS.names()]


def format_named(name: str, options: Mapping[str, Any]) -> Format:
    """Return a format with its options.

    Raises
    ------
    UsageError
        When there is no such format, or it does not take an option.
    """
    entry = FORMATS[ALIASES.get(name, name).replace("-", "_")]
    unknown = [option for option in options if option not in entry.params.model_fields]
    if unknown:
        raise UsageError(f"--{unknown[0].replace('_', '-')} is nothing that the format {name} can be told")
    try:
        made: Format = entry.function(entry.params.model_validate(dict(options)))
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}") from error
    return made


def read_template(path: Path) -> Template:
    """Return a file that an LMS gave; UsageError when it cannot be read."""
    try:
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return Template(path.name, path.read_bytes(), modified)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}); give the file that the LMS made"
        ) from error


# ---------------------------------------------------------------------- export


@dataclass(frozen=True)
class Exported:
    """What an export did."""

    draft: Draft
    paths: tuple[Path, ...]
    """What was written; empty when nothing was."""
    unaccounted: tuple[Outcome, ...]
    n_fields: int
    """How many fields were read back."""


def export(
    run: RunDirectory,
    name: str,
    form: Format,
    choices: Choices,
    *,
    author: str,
    template: Template | None = None,
    out: Path | None = None,
    was_not_imported: bool = False,
    is_rehearsal: bool = False,
) -> Exported:
    """Write the scores of a run in a format, read them back as its LMS would, and record them in the ledger.

    Nothing is written unless every student and every row is accounted for.

    Raises
    ------
    UsageError
        When the template does not fit, or the LMS would not take the file.
    InternalError
        When the LMS would read something else than was written, or a file cannot be written.
    """
    if form.needs_template and template is None:
        raise UsageError(f"--to {name} fills the LMS's own file: give --template {form.needs_template}")
    info = run.info()
    now = datetime.now(UTC)
    with run.locked():
        entries = ledger.history(run.gradebook)
        if was_not_imported:
            last = _last_file(entries, _route(name), choices.destination)
            entries = [entry for entry in entries if entry.batch != last.batch]
            if not is_rehearsal:
                _withdraw(run, last, author)
        request = Request(
            scores=scores_of_run(run, author=author),
            choices=choices,
            folder=run.path,
            label=info.assignment,
            entries=entries,
            now=now,
            template=template,
        )
        draft = form.draft(request)
        draft = replace(draft, notes=(*draft.notes, *_unused(choices, draft.outcomes)))
        unaccounted = tuple(one for one in draft.outcomes if not one.accounted)
        n_fields, differences = read_back(form, draft, template)
        _require_same(differences)
        is_empty = not any(one.kind == "written" for one in draft.outcomes)
        if unaccounted or is_rehearsal or is_empty:
            return Exported(draft, (), unaccounted, n_fields)
        place = out or _free(run.exports / f"{now:%Y%m%d-%H%M%S}-{name}")
        paths = _write(draft, place, is_file=out is not None and len(draft.files) == 1)
        if form.is_record:
            _record(run, draft, _route(name), author, template)
    return Exported(draft, paths, (), n_fields)


def _unused(choices: Choices, outcomes: Sequence[Outcome]) -> list[str]:
    known = {key for one in outcomes for key in (one.student, one.row)}
    unused = [key for key in choices.waived if key not in known]
    return [f"a waiver fits nobody: {', '.join(unused)}"] if unused else []


def _route(name: str) -> str:
    return ALIASES.get(name, name).replace("-", "_")


def _require_same(differences: Sequence[Difference]) -> None:
    if not differences:
        return
    told = "; ".join(str(one) for one in differences[:5])
    if any(one.is_ours for one in differences):
        raise InternalError(
            f"the LMS would read something else than was written ({told}). Nothing was written"
        )
    raise UsageError(
        f"an import of this template would change what is not ours ({told}), whatever we write. Nothing was written; "
        "mend these at the LMS, then download it again"
    )


def _free(place: Path) -> Path:
    """Return a path that nothing has: another export in the same second gets a number."""
    number, chosen = 2, place
    while chosen.exists():
        number, chosen = number + 1, place.with_name(f"{place.name}-{number}")
    return chosen


def _write(draft: Draft, place: Path, *, is_file: bool) -> tuple[Path, ...]:
    if is_file:
        (content,) = draft.files.values()
        write_bytes(place, content)
        return (place,)
    if place.exists():
        raise UsageError(f"{place} is there already; give --out another name")
    write_new_folder(place, draft.files)
    return tuple(place / name for name in draft.files)


def _record(run: RunDirectory, draft: Draft, route: str, author: str, template: Template | None) -> None:
    lines = []
    for one in draft.outcomes:
        if one.kind != "written":
            continue
        lines.append(Line(one.student, one.row, draft.what, one.value))
        if one.comment:
            digest = hashlib.sha256(one.comment.encode("utf-8")).hexdigest()
            lines.append(Line(one.student, one.row, "comment", digest))
    ledger.record(
        run.gradebook,
        lines,
        "written",
        batch=ledger.new_batch(),
        destination=draft.destination,
        route=route,
        author=author,
        template_sha256=hashlib.sha256(template.content).hexdigest() if template else "",
    )


def _last_file(entries: Sequence[Entry], route: str, destination: str) -> Entry:
    """Return the first entry of the last file that was written by a route, or by one that it blocks."""
    routes = (route, RIVALS.get(route, route))
    found = [one for one in entries if one.route in routes and destination in ("", one.destination)]
    batch = ledger.last_batch(found)
    if batch is None:
        raise UsageError("--not-imported: no file was written that could be taken back")
    return next(entry for entry in found if entry.batch == batch)


def _withdraw(run: RunDirectory, last: Entry, author: str) -> None:
    """Record that the file of an entry was never imported."""
    ledger.record(
        run.gradebook,
        [Line("", "", last.what, detail="the file was never imported")],
        "withdrawn",
        batch=last.batch,
        destination=last.destination,
        route=last.route,
        author=author,
    )


# ---------------------------------------------------------------------- verify


@dataclass(frozen=True)
class Verified:
    """What a download after the import shows."""

    destination: str
    verdicts: tuple[Verdict, ...]
    elsewhere: tuple[Difference, ...]
    """What changed beside our scores since the template; empty without one."""

    @property
    def is_complete(self) -> bool:
        """Whether every score that was sent is there."""
        return all(one.what == "arrived" for one in self.verdicts)


def verify(
    run: RunDirectory,
    name: str,
    form: Format,
    choices: Choices,
    after: Template,
    *,
    author: str,
    template: Template | None = None,
) -> Verified:
    """Compare a download that was made after the import with what the ledger has as sent, and record the outcome.

    Raises
    ------
    UsageError
        When the format has no download to compare with, or nothing was sent.
    """
    if form.sheet is None:
        raise UsageError(
            f"--verify compares a download with what was sent; {name} has none that could be read"
        )
    run.info()
    with run.locked():
        sheet = form.sheet(after)
        destination = choices.destination or sheet.destination
        held = ledger.holding(ledger.history(run.gradebook, destination))
        if not held:
            raise UsageError(f"nothing was sent to {destination} yet, so there is nothing to verify")
        found = verdicts(sheet, held)
        elsewhere = changed_elsewhere(form, template, after, sheet, held) if template else []
        _record_verdicts(run, found, held, after, author)
    return Verified(destination, tuple(found), tuple(elsewhere))


def _record_verdicts(
    run: RunDirectory, found: Sequence[Verdict], held: Mapping[str, Entry], after: Template, author: str
) -> None:
    """Record in each batch what became of its scores: a score that did not arrive does not hold any more."""
    lines: dict[tuple[str, str, str, ledger.Action], list[Line]] = {}
    for verdict in found:
        entry = held[verdict.student]
        is_there = verdict.what == "arrived"
        detail = "" if is_there else f"{verdict.what}: {verdict.found or 'nothing'} at the LMS"
        action: ledger.Action = "verified" if is_there else "failed"
        key = (entry.batch, entry.destination, entry.route, action)
        line = Line(verdict.student, verdict.row, "score", verdict.sent, detail)
        lines.setdefault(key, []).append(line)
    for (batch, destination, route, action), listed in lines.items():
        ledger.record(
            run.gradebook,
            listed,
            action,
            batch=batch,
            destination=destination,
            route=route,
            author=author,
            template_sha256=hashlib.sha256(after.content).hexdigest(),
        )
