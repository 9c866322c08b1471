"""Moments and durations as people and LMSs write them; time zones and the change of the clocks are explicit.

What is written without an offset is meant in the time zone of the course. An hour that the clocks skip is no moment. Of
an hour that they repeat, a deadline must say which one is meant; when an LMS says when something was handed in, the
earlier one counts: in the student's favour.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from autograder.errors import UsageError

_ISO = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})(?:[T ]+(?P<time>\d{1,2}:\d{2}(?::\d{2})?)(?:\.\d+)?)?\s*"
    r"(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?"
)
_TIME = re.compile(
    r"(?P<hour>\d{1,2})\s?[:.h]\s?(?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?\s*(?P<half>[ap]\.?\s?m\b\.?)?",
    re.IGNORECASE,
)
_DATES = (
    re.compile(r"(?P<day>\d{1,2})\.?\s+(?:de\s+)?(?P<month>[^\W\d]+)\.?,?\s+(?:de\s+)?(?P<year>\d{4})"),
    re.compile(r"(?P<month>[^\W\d]+)\s+(?P<day>\d{1,2}),?\s+(?P<year>\d{4})"),
    re.compile(r"(?P<year>\d{4})\s*[年년]\s*(?P<month>\d{1,2})\s*[月월]\s*(?P<day>\d{1,2})\s*[日일]"),
)
_DURATION = re.compile(r"(?P<n>\d+(?:\.\d+)?)\s*(?P<unit>[a-z]+)", re.IGNORECASE)
_UNITS = {
    "s": 1, "sec": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hour": 3600, "hours": 3600,
    "d": 86400, "day": 86400, "days": 86400, "week": 604800, "weeks": 604800,
}  # fmt: skip
_MONTHS = (
    "january januar janvier enero gennaio januari janeiro stycznia leden ledna",
    "february februar février fevrier febrero febbraio februari fevereiro lutego únor února",
    "march märz mars marzo maart março marco marca březen března",
    "april avril abril aprile kwietnia duben dubna",
    "may mai mayo maggio mei maio maja květen května",
    "june juni juin junio giugno junho czerwca červen června",
    "july juli juillet julio luglio julho lipca červenec července",
    "august août aout agosto augustus sierpnia srpen srpna",
    "september septembre septiembre setiembre settembre setembro września září",
    "october oktober octobre octubre ottobre outubro października říjen října",
    "november novembre noviembre novembro listopada listopad listopadu",
    "december dezember décembre decembre diciembre dicembre dezembro grudnia prosinec prosince",
)
_MONTH = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}
_SHORT = {name[:3]: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()[:1]}


class NoMoment(ValueError):
    """A text that says no moment, or not a single one; the message says why and what to write."""


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its name in the IANA database, such as `Europe/Berlin`.

    Raises
    ------
    UsageError
        When there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"there is no time zone {name!r}; write its name as in Europe/Berlin or America/New_York"
        ) from error


def moment_of(text: str, zone: ZoneInfo, *, is_deadline: bool = False) -> datetime:
    """Return the moment that a text says, with its offset.

    Parameters
    ----------
    text : ISO 8601, or a date with the name of a month as Moodle writes it in one of nine languages
    zone : what is meant where the text has no offset
    is_deadline : whether an hour that the clocks repeat must be told apart; a date alone is the end of its day

    Raises
    ------
    NoMoment
        When the text says none.
    """
    if iso := _ISO.fullmatch(text.strip()):
        said = iso["time"] or ("23:59:59" if is_deadline else "00:00")
        local = _made(*map(int, iso["date"].split("-")), *map(int, said.split(":")), text=text)
        if iso["zone"]:
            return local.replace(tzinfo=_offset(iso["zone"]))
        return in_zone(local, zone, is_deadline=is_deadline)
    return in_zone(_spoken(text), zone, is_deadline=is_deadline)


def in_zone(local: datetime, zone: ZoneInfo, *, is_deadline: bool = False) -> datetime:
    """Return the moment at which clocks of a zone show a time; see :func:`moment_of` for what is refused."""
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
        raise NoMoment(f"{local:%Y-%m-%d %H:%M} does not exist in {zone.key}: the clocks skip that hour")
    if is_deadline and first.utcoffset() != second.utcoffset():
        offsets = " or ".join(f"{one:%z}" for one in (first, second))
        raise NoMoment(
            f"{local:%Y-%m-%d %H:%M} is there twice in {zone.key}: the clocks repeat that hour. Write the offset ({offsets})"
        )
    return _fixed(first)


def _fixed(moment: datetime) -> datetime:
    """Return a moment with its offset in place of its zone: Python compares two of one zone by their clocks."""
    return moment.replace(tzinfo=timezone(moment.utcoffset() or timedelta()), fold=0)


def _spoken(text: str) -> datetime:
    for pattern in _DATES:
        date = pattern.search(text)
        month = _month(date["month"]) if date else None
        if date is None or month is None:
            continue
        rest = f"{text[: date.start()]} {text[date.end() :]}"
        time = _TIME.search(rest)
        hour, minute, second = (int((time and time[part]) or 0) for part in ("hour", "minute", "second"))
        if time is not None and time["half"]:
            hour = hour % 12 + (12 if time["half"][:1].lower() == "p" else 0)
        return _made(int(date["year"]), month, int(date["day"]), hour, minute, second, text=text)
    raise NoMoment(f"{text!r} says no time that can be read; write it as in 2026-11-21 23:59")


def _month(word: str) -> int | None:
    if word.isdigit():
        return int(word)
    name = word.casefold()
    return _MONTH.get(name) or (_SHORT.get(name) if len(name) == 3 else None)


def _made(*parts: int, text: str) -> datetime:
    try:
        return datetime(*parts)  # type: ignore[arg-type]  # year, month, day, hour, minute, perhaps second
    except ValueError as error:
        raise NoMoment(f"{text!r} is no date and time ({error})") from error


def _offset(text: str) -> timezone:
    if text in ("Z", "UTC"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def seconds_of(text: str) -> float:
    """Return a duration in seconds.

    >>> seconds_of("15 minutes"), seconds_of("1 day 12 h")
    (900.0, 129600.0)

    Raises
    ------
    NoMoment
        When the text says none.
    """
    rest = _DURATION.sub("", text).replace("and", "").replace(",", "")
    found = [(float(one["n"]), _UNITS.get(one["unit"].lower())) for one in _DURATION.finditer(text)]
    if not found or rest.strip() or any(unit is None for _, unit in found):
        raise NoMoment(f"{text!r} is no duration; write it as in 15 minutes, 36 h or 3 days")
    return sum(n * (unit or 0) for n, unit in found)


def days_later(moment: datetime, days: int, zone: ZoneInfo) -> datetime:
    """Return when the clocks of a zone show the same time so many days later, 23, 24 or 25 hours a day."""
    local = moment.astimezone(zone).replace(tzinfo=None) + timedelta(days=days)
    return _fixed(local.replace(tzinfo=zone, fold=1))  # of an hour that is repeated, the later one


def days_begun(due: datetime, moment: datetime, zone: ZoneInfo) -> int:
    """Return how many days have begun since a deadline, by the clocks of a zone; 0 up to the deadline.

    >>> zone = ZoneInfo("Europe/Berlin")  # the clocks go back in the night to 25 October 2026
    >>> due = moment_of("2026-10-24 23:59", zone)
    >>> times = ("2026-10-24 23:59", "2026-10-25 23:59", "2026-10-26 00:00")
    >>> [days_begun(due, moment_of(text, zone), zone) for text in times]
    [0, 1, 2]
    """
    if moment <= due:
        return 0
    days = max(0, (moment.astimezone(zone).date() - due.astimezone(zone).date()).days - 1)
    while days_later(due, days, zone) < moment:
        days += 1
    return days
