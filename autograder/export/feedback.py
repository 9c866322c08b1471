"""Reports in a zip, for an LMS that hands them out as feedback files."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Mapping

from autograder.errors import InternalError
from autograder.export.deciding import Takes
from autograder.export.formats import FORMATS, Draft, Field, Format, FormatParams, Request
from autograder.export.listing import listed, written
from autograder.export.outcomes import Outcome
from autograder.export.readers import feedback as readers
from autograder.export.scores import StudentScore

_FOLDER = re.compile(r"(?P<who>[^_/]+)_(?P<id>\d+)_assignsubmission_(?P<plugin>file|onlinetext)")
_FLAT = re.compile(r"(?P<who>[^_/]+)_(?P<id>\d+)_assignsubmission_(?P<plugin>file|onlinetext)_[^/]*")
_NOTEBOOK = ".ipynb"
REPORT = "report.html"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every entry: the same reports make the same zip."""


class FeedbackParams(FormatParams):
    """What a zip of reports can be told: nothing."""


@FORMATS.register(FeedbackParams)
def moodle_feedback(params: FeedbackParams) -> Format:
    """Moodle feedback files zip (the reports)."""
    return Format(
        title="Moodle feedback files zip",
        draft=lambda request: _draft(
            request,
            "moodle",
            "moodle-feedback.zip",
            _moodle_place,
            lambda score: f"{_moodle_folder(score)}/{REPORT}",
            "the run does not say which participant of Moodle this is: grade Moodle's own download, or give a "
            "worksheet as roster",
        ),
        reading=readers.moodle,
        notes=(
            "Upload it with 'Upload multiple feedback files in a zip', AFTER the worksheet: it makes a worksheet that "
            "was downloaded before stale for everybody.",
        ),
    )


@FORMATS.register(FeedbackParams)
def canvas_feedback(params: FeedbackParams) -> Format:
    """Canvas feedback zip for 'Upload Submissions' (the reports)."""
    return Format(
        title="Canvas feedback zip",
        draft=lambda request: _draft(
            request,
            "canvas",
            "canvas-feedback.zip",
            _canvas_place,
            lambda score: "report_{}_{}_{}".format(*_canvas_place(score).split("/"), REPORT),
            "the run does not say to which attachment of Canvas this belongs: grade Canvas' own bulk download",
        ),
        reading=readers.canvas,
        notes=(
            "Upload it in SpeedGrader's menu 'Upload Submissions', and compare the page that follows with the list: "
            "Canvas ignores a file that it cannot place.",
            "Canvas shows each report under the name of the student's own file, and comments 'See attached file(s)'.",
        ),
    )


def _moodle_folder(score: StudentScore) -> str:
    """Return the folder of a submission in Moodle's own download, or one that Moodle takes for the same."""
    for received in score.received:
        first = received.entry.split("/")[0]
        for pattern in (_FOLDER, _FLAT):
            if found := pattern.match(first):
                return f"{found['who']}_{found['id']}_assignsubmission_file"
    number = score.ids.get("moodle", "")
    return (
        f"student_{number}_assignsubmission_file" if number.isdecimal() and not score.lms.get("team") else ""
    )


def _moodle_place(score: StudentScore) -> str:
    parts = _moodle_folder(score).split("_")
    return parts[1] if len(parts) > 1 else ""


def _canvas_place(score: StudentScore) -> str:
    """Return `user/attachment` of the notebook that was handed in, or "" where that cannot be told."""
    user = score.lms.get("canvas", "") or ("" if score.group else score.ids.get("canvas", ""))
    attached = [one for one in score.received if one.attachment.isdecimal()]
    attached.sort(key=lambda one: not (one.name or one.entry).lower().endswith(_NOTEBOOK))
    return f"{user}/{attached[0].attachment}" if attached and user.isdecimal() else ""


def _draft(
    request: Request,
    family: str,
    name: str,
    place: Callable[[StudentScore], str],
    entry: Callable[[StudentScore], str],
    lacking: str,
) -> Draft:
    destination = f"{request.choices.destination or family} (reports)"
    outcomes = listed(request, Takes(), destination, place, lacking, is_shared=True)
    by_key = {score.key: score for score in request.scores}
    reports = {one.student: _report(request, by_key[one.student]) for one in _sendable(outcomes)}
    outcomes = tuple(_as_report(one, reports, request, destination) for one in outcomes)
    kept: dict[str, bytes] = {}
    expected: dict[Field, str] = {}
    for one in written(outcomes):
        kept[entry(by_key[one.student])] = reports[one.student]
        expected[one.row, "report"] = one.value
    notes = _notes(request, family)
    return Draft({name: zipped(kept)}, outcomes, destination, expected, notes, what="report")


def _sendable(outcomes: tuple[Outcome, ...]) -> list[Outcome]:
    return [one for one in outcomes if one.kind in ("written", "unchanged", "lower")]


def _as_report(one: Outcome, reports: Mapping[str, bytes], request: Request, destination: str) -> Outcome:
    """Return an outcome of a score as the outcome of its report: what counts is whether the report changed."""
    if one.student not in reports:
        return one
    digest = hashlib.sha256(reports[one.student]).hexdigest()
    held = request.held(destination, "report").get(one.student)
    kind = "unchanged" if held is not None and held.value == digest else "written"
    return one.model_copy(update={"kind": kind, "value": digest, "comment": "", "why": "", "accounted": True})


def _report(request: Request, score: StudentScore) -> bytes:
    path = request.folder / (score.report or "")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InternalError(
            f"{path} cannot be read ({error.strerror}); write it with: autograder report {request.folder}"
        ) from error


def _notes(request: Request, family: str) -> tuple[str, ...]:
    route = f"{family}_worksheet"
    if family == "moodle" and not any(entry.route == route for entry in request.entries):
        return (
            "no worksheet was written yet: upload it first, since these files make a worksheet stale that was "
            "downloaded before",
        )
    return ()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of files, the same for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return out.getvalue()
