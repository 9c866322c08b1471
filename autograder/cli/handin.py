"""What `check --submit-ready` prints: what the sheet asks of the form and is not so, and the archive to hand in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.cli.output import line, plural, print_json, print_place
from autograder.registry import Assignment

if TYPE_CHECKING:
    from autograder.handin import Form
    from autograder.notebook_forms import FormFinding
    from autograder.records import ExecutionRecord

TO_MEND = 1


def submit_ready(
    assignment: Assignment,
    notebooks: Sequence[Path],
    *,
    archive_into: Path | None = None,
    executions: Mapping[str, ExecutionRecord | None] | None = None,
    as_json: bool = False,
) -> int:
    """Print whether notebooks can be handed in; return the exit status: 0 when nothing must be mended, else 1.

    Parameters
    ----------
    archive_into
        Folder for the archive that the sheet asks for; None: no archive.
    executions
        Part id to what happened when its notebook ran; without it, running is left to the student.
    """
    import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
    from autograder.handin import form_of, read_hand_in, write_archive
    from autograder.rubric.loader import load_rubric

    rubric = load_rubric(assignment)
    handed_in = read_hand_in(rubric, notebooks)
    templates = {
        part.part: path
        for part in rubric.parts
        if (path := assignment.student_template / f"part_{part.part}.ipynb").is_file()
    }
    form = form_of(rubric, handed_in, templates, executions)
    archive = write_archive(rubric, handed_in, form.words, archive_into) if archive_into is not None else None
    if as_json:
        print_json(_told(form, archive))
    else:
        _print(form, archive)
    return 0 if form.is_ready else TO_MEND


def _told(form: Form, archive: Path | None) -> dict[str, Any]:
    return {
        "ready": form.is_ready,
        "findings": [vars(finding) for finding in form.findings],
        "archive": str(archive) if archive is not None else None,
    }


def _print(form: Form, archive: Path | None) -> None:
    faults = [finding for finding in form.findings if finding.is_fault]
    others = [finding for finding in form.findings if not finding.is_fault]
    for finding in faults:
        line(f"✗ {_placed(finding)}", "red")
    for finding in others:
        line(f"? {_placed(finding)}", "yellow")
    if faults:
        line(f"To mend before you hand in: {plural(len(faults), 'thing')}.")
    else:
        line(
            "As far as files can tell, this has the form that the sheet asks for. What is marked ? is yours to see."
        )
    if archive is not None:
        print_place("To hand in" if not faults else "Written, but not ready to hand in", archive)


def _placed(finding: FormFinding) -> str:
    return (
        f"{finding.file}: {finding.text}"
        if finding.file and finding.file not in finding.text
        else finding.text
    )
