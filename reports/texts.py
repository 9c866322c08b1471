"""Text from a submission made safe to show, and the words of the pages. Escaping itself is Jinja's work."""

from __future__ import annotations

import math
import re
from typing import Any

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_BREAKS = re.compile("\r\n|\r|\x0b|\x0c|\x85|\u2028|\u2029")
# Controls, bidi embeddings, overrides and isolates, the byte-order mark, interlinear and tag characters: what
# can make a line read otherwise than it is. Direction marks and joiners stay: Arabic and emoji need them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_LONE = re.compile("[\ud800-\udfff\ufffe\uffff]")
_STACKED = re.compile(
    "([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_ABSOLUTE = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:[\\/]|~?/)(?:[^\s/\\:\"'<>|]+[\\/])+([^\s/\\:\"'<>|]+)")

STATUS_WORDS = {
    "passed": "Passed",
    "partly": "Partly passed",
    "failed": "Not passed",
    "blocked": "Could not be tried",
    "error": "Problem on our side",
    "review": "A person will mark this",
}

NOTE_WORDS = {
    "erratum": "About the sheet",
    "variant": "Accepted as well",
    "limit": "A limit was reached",
    "execution": "How the notebook was run",
    "confirm": "To confirm",
    "same": "For you alone",
}

RUN_WORDS = {
    "complete": "The notebook ran to its end.",
    "cell_limit": "The run was stopped because one cell took longer than a cell may.",
    "total_limit": "The run was stopped because the notebook took longer than a notebook may.",
    "memory_limit": "The run was stopped because the notebook used more memory than it may.",
    "disk_limit": "The run was stopped because the notebook wrote more files than it may.",
    "kernel_died": "The run ended early because Python itself stopped.",
    "unreadable": "The file could not be read as a notebook.",
    "not_executed": "The notebook was not run.",
}

CELL_WORDS = {"ok": "Ran", "error": "Error", "time_limit": "Stopped: time limit", "not_run": "Not run"}


def clean(text: str) -> str:
    """Return `text` without control characters, terminal colours, bidi overrides and towers of accents."""
    text = _BREAKS.sub("\n", _ANSI.sub("", text))
    return _STACKED.sub(r"\1", _LONE.sub("\ufffd", _UNSEEN.sub("", text)))


def cut(value: object, limit: int) -> str:
    """Return the cleaned text, at most `limit` characters of it, with a note of how much is left out."""
    text = clean(str(value))
    if len(text) <= limit:
        return text
    return f"{text[:limit].rstrip()} … [{len(text) - limit:,} more characters not shown]"


def short(value: object, limit: int) -> str:
    """Return the cleaned text on one line, at most `limit` characters of it: for labels, where a note has no room."""
    text = " ".join(clean(str(value)).split())
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def file_name(path: str) -> str:
    """Return the last part of a POSIX or Windows path."""
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]


def without_folders(text: str) -> str:
    """Return `text` with every absolute path shortened to its file name."""
    return _ABSOLUTE.sub(r"\1", text)


def finite(value: Any) -> float | None:
    """Return `value` as a finite float, or None: JSON carries `"NaN"` and `"Infinity"` as strings."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def marks(value: object) -> str:
    """Return a number of marks with at most two decimals and no trailing zeros: `2.5`, `41`."""
    number = finite(value) or 0.0
    return "0" if abs(number) < 0.005 else f"{number:.2f}".rstrip("0").rstrip(".")


def figure(value: float) -> str:
    """Return a number as a reader wants it: four significant digits, whole numbers whole."""
    if value == int(value) and abs(value) < 1e7:
        return f"{int(value):,}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def seconds(value: object) -> str:
    """Return a duration in words: `0.4 s`, `12 s`, `3 min 5 s`."""
    number = max(finite(value) or 0.0, 0.0)
    if number < 9.95:
        return f"{number:.1f} s"
    whole = round(number)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"


def lateness(value: object) -> str:
    """Return how late something is in words: `40 minutes`, `5 hours`, `2 days 3 hours`."""
    minutes = math.ceil(max(finite(value) or 0.0, 0.0) / 60)
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days:
        return plural(days, "day") + (f" {plural(hours, 'hour')}" if hours else "")
    if hours:
        return plural(hours, "hour") + (f" {plural(minutes % 60, 'minute')}" if minutes % 60 else "")
    return plural(minutes, "minute")


def moment(value: object) -> str:
    """Return a moment (ISO 8601) as people read it: `2026-11-21 23:59 (UTC+01:00)`."""
    text = clean(str(value))
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?", text)
    if found is None:
        return cut(text, 60)
    offset = "+00:00" if found[3] == "Z" else found[3]
    return f"{found[1]} {found[2]}" + (f" (UTC{offset})" if offset else "")


def total(earned: object, pending: object, possible: object) -> str:
    """Return the total in words: `41 of 50, 6 pending`."""
    words = f"{marks(earned)} of {marks(possible)}"
    return f"{words}, {marks(pending)} pending" if (finite(pending) or 0.0) > 0 else words


def plural(count: float, one: str, many: str | None = None) -> str:
    """Return `1 mark`, `2 marks`, `0.5 marks`."""
    return f"{marks(count)} {one if count == 1 else many or one + 's'}"
