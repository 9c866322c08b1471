"""What a report says where a notebook expected other surroundings: packages, files, Colab, a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autograder.probes.evidence import Evidence
from autograder.probes.failed_imports import FailedImport, failed_imports
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import NoticeSeen
from autograder.probes.packages import PIP_NAMES
from autograder.records import ExecutionRecord, Note

UNREACHED = ("data", "download", "network")
"""Kinds of notices that say that something was not on this machine."""
MAX_SENTENCES = 12
MAX_NAMES = 6
MISSING_DATA = "data that the grader does not have"
"""Title of the note on it; a fault of ours, which is flagged."""


def surroundings_notes(
    part: str, execution: ExecutionRecord, cells: Sequence[NotebookCell], notices: Sequence[NoticeSeen]
) -> Iterator[Note]:
    """Return at most three notes: failed imports with all that was lost by them, data of ours that is missing, the rest."""
    sources = {cell.index: cell.source for cell in cells if cell.kind == "code"}
    failed = failed_imports(execution, sources)
    if failed:
        text = _limited([import_sentence(one) for one in failed])
        yield Note(kind="execution", title=f"Part {part}: imports that failed", text=text)
    missing = [notice for notice in notices if notice.kind == "data"]
    if missing:
        yield Note(kind="execution", title=f"Part {part}: {MISSING_DATA}", text=_missing_data(missing))
    said = [
        f"Cell {notice.cell + 1}: {sentence}" for notice in notices if (sentence := notice_sentence(notice))
    ]
    if said:
        text = _limited(list(dict.fromkeys(said)))
        yield Note(kind="execution", title=f"Part {part}: written for another machine", text=text)


def _missing_data(notices: Sequence[NoticeSeen]) -> str:
    names = list(dict.fromkeys(notice.what for notice in notices))
    cells = sorted({notice.cell + 1 for notice in notices})
    are = "are" if len(names) > 1 else "is"
    return (
        f"{' and '.join(names[:MAX_NAMES])} {are} not on the machine that ran the notebook; {_cells(cells).lower()} asked "
        "for it. That is the grader's fault, not the notebook's. Next: your instructor runs `autograder data fetch` "
        "and grades again."
    )


def unreached_data(evidence: Evidence) -> str:
    """Return what to say where a notebook stopped at data that its kernel could not load; "" where none did.

    That the machine has no network, or not that data set, is no fault of a notebook that may choose its data.
    """
    stopped = {one.index for one in evidence.execution.cells if one.status == "error"}
    cells = sorted({one.cell for one in evidence.observations.notices if one.kind in UNREACHED} & stopped)
    if not cells:
        return ""
    return (
        f"{_cells([cell + 1 for cell in cells])} stopped at data that could not be loaded here, where there is no network; "
        "a person looks at the stored outputs."
    )


def import_sentence(failed: FailedImport) -> str:
    """Return what failed, what was lost by it, and what to do next."""
    parts = (_what_failed(failed), _what_is_beside(failed), _what_was_lost(failed), _what_to_do(failed))
    return " ".join(filter(None, parts))


def _what_failed(failed: FailedImport) -> str:
    where = f"Cell {failed.cell + 1} stopped at an import:"
    if failed.kind == "package":
        return f"{where} the package `{_package(failed)}` is not in the kernel."
    if failed.kind == "own_file":
        return f"{where} `{_file(failed)}`, a module of your own as it seems, was not handed in."
    parent, _, name = failed.module.rpartition(".")
    return f"{where} `{parent or failed.module}` is there, but has no `{name}`."


def _what_is_beside(failed: FailedImport) -> str:
    if not failed.beside:
        return ""
    named = ", ".join(f"`{name}`" for name in failed.beside[:MAX_NAMES])
    return f"The cell imports {named} too, which may be missing as well."


def _what_was_lost(failed: FailedImport) -> str:
    if not failed.lost:
        return "No later cell failed because of it."
    cells = sorted({lost.cell + 1 for lost in failed.lost})
    names = list(dict.fromkeys(lost.name for lost in failed.lost))
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    missed = ", ".join(f"`{name}`" for name in names[:MAX_NAMES]) + more
    return f"{_cells(cells)} failed because of it: {missed} could not be made."


def _what_to_do(failed: FailedImport) -> str:
    if failed.kind == "package":
        return (
            "Next: use a package that is offered (the list is in the guide for students); "
            f"or your instructor installs `{pip_name(failed)}` into the kernel environment and grades again."
        )
    if failed.kind == "own_file":
        return (
            f"Next: hand in `{_file(failed)}` beside the notebook; if it is a package after all, "
            f"your instructor installs it into the kernel environment and grades again."
        )
    return "Next: write it for the version that is installed, or leave it out."


def _package(failed: FailedImport) -> str:
    return failed.module if failed.top == "google" else failed.top


def pip_name(failed: FailedImport) -> str:
    """Return the name under which pip knows the package."""
    if failed.top == "google":
        return failed.module.replace(".", "-")
    return PIP_NAMES.get(failed.top, failed.top)


def _file(failed: FailedImport) -> str:
    return f"{failed.module.replace('.', '/')}.py"


def _cells(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"Cell {numbers[0]}"
    return f"Cells {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def notice_sentence(notice: NoticeSeen) -> str:
    """Return what was done otherwise in a cell, as a sentence without its cell; "" for a kind nobody knows."""
    what = f"`{notice.what.replace('`', chr(39))}`"
    if notice.kind == "pip":
        there = f"; available: {', '.join(notice.available)}" if notice.available else ""
        absent = f"; not available: {', '.join(notice.missing)}" if notice.missing else ""
        return f"{what} was left out{there}{absent}."
    if notice.kind == "deadline":
        after = f" after {notice.seconds:g} s" if notice.seconds is not None else ""
        return f"the shell line {what} was ended{after}, with all that it had started."
    sentences = {
        "system": f"{what} was left out.",
        "colab": f"{what} did nothing, for this is not Colab.",
        "folder": f"there is no folder {what} here.",
        "package": f"{what} is not installed; a plainer one of the grader's stood in for it.",
        "absent": f"{what} is not installed; what was made with it failed.",
        "download": f"the download {what} failed; there may be no network.",
        "network": f"tried to reach {what}; notebooks run without a network.",
    }
    return sentences.get(notice.kind, "")


def _limited(sentences: Sequence[str]) -> str:
    n_more = len(sentences) - MAX_SENTENCES
    shown = [*sentences[:MAX_SENTENCES], *([f"And {n_more} more."] if n_more > 0 else [])]
    return " ".join(shown)
