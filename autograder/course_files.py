"""Read the course file: the deadlines and rules of a course, a YAML file with a part for each assignment.

::

    time_zone: Europe/Berlin
    assignments:
      aml-a3:
        due: 2026-11-21 23:59
        attempts: last
        late: {grace: 15 minutes, per_day: 10 %, of: possible, cap: 50 %, closes: 7 days}
        extensions: {0042: 2026-11-24 23:59, 0043: 3 days}
        excused: {0047: ill}
        withheld: {0048: talk to me first}
        submitted: {0049: 2026-11-22 01:12}

Every value is read as the text that stands there, so that ids keep their zeros with or without quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from autograder.course_rules import Amount, CourseRules, LateRule
from autograder.errors import UsageError, nearest
from autograder.groups import IDS
from autograder.moments import NoMoment, days_later, moment_of, seconds_of, zone_of
from autograder.rosters import Roster

MAX_BYTES = 2**20
T = TypeVar("T")
_AMOUNT = re.compile(r"(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>%|percent|points?|marks?)?")
_DURATION = re.compile(r"\d+(?:\.\d+)?\s*[a-zA-Z]+")
_KEYS = ("due", "attempts", "late", "extensions", "excused", "withheld", "submitted", "time_zone")
_LATE_KEYS = ("grace", "per_day", "of", "cap", "closes")


def read_course_rules(path: Path, assignment: str, roster: Roster | None = None) -> CourseRules:
    """Return the rules that a course file has for an assignment.

    Parameters
    ----------
    roster : people are named by any of their ids; without one, an id is what stands there

    Raises
    ------
    UsageError
        When the file cannot be read or something in it is wrong; the message says where.
    """
    return _Reader(path, roster).rules(assignment)


class _Reader:
    def __init__(self, path: Path, roster: Roster | None):
        self._path, self._roster = path, roster

    # ------------------------------------------------------------------ YAML

    def _load(self) -> Node:
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise UsageError(f"{self._path} cannot be read ({error.strerror})") from error
        if len(data) > MAX_BYTES:
            raise UsageError(f"{self._path} is larger than {MAX_BYTES // 2**20} MiB; that is no course file")
        try:
            node: Node | None = YAML(typ="base", pure=True).compose(data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise UsageError(f"{self._path} is not UTF-8 (byte {error.start:,})") from error
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{self._path}:{mark.line + 1}:{mark.column + 1}" if mark else str(self._path)
            raise UsageError(f"{where}: this is no valid YAML ({error.problem})") from error
        except (YAMLError, RecursionError) as error:
            raise UsageError(f"{self._path} is no valid YAML ({error})") from error
        if node is None:
            raise UsageError(
                f"{self._path} is empty; it should begin with a line such as time_zone: Europe/Berlin"
            )
        return node

    def _wrong(self, node: Node, text: str) -> UsageError:
        mark = node.start_mark
        return UsageError(f"{self._path}:{mark.line + 1}:{mark.column + 1}: {text}")

    def _mapping(self, node: Node, known: tuple[str, ...] | None = None) -> dict[str, tuple[Node, Node]]:
        """Return key to (key, value) of a mapping; a key that stands twice or that nobody knows is refused."""
        if not isinstance(node, MappingNode):
            raise self._wrong(node, "expected a mapping: a key, a colon, a value, one on each line")
        found: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            name = self._text(key)
            if name in found:
                raise self._wrong(key, f"{name} stands twice; keep one")
            if known is not None and name not in known:
                raise self._wrong(
                    key, f"there is no {name!r} here{nearest(name, known)} (there are: {', '.join(known)})"
                )
            found[name] = (key, value)
        return found

    def _text(self, node: Node) -> str:
        if not isinstance(node, ScalarNode):
            raise self._wrong(node, "expected one value, not a list or a mapping")
        return str(node.value).strip()

    # ----------------------------------------------------------------- rules

    def rules(self, assignment: str) -> CourseRules:
        root = self._load()
        top = self._mapping(root, ("time_zone", "assignments"))
        if "assignments" not in top:
            raise self._wrong(root, "no assignments here; write `assignments:` and below it the id of each")
        listed = self._mapping(top["assignments"][1])
        if assignment not in listed:
            raise self._wrong(
                top["assignments"][0],
                f"nothing is said of {assignment!r}{nearest(assignment, listed)} (there are: {', '.join(listed)})",
            )
        place = listed[assignment][1]
        own = self._mapping(place, _KEYS)
        zone_at = own.get("time_zone") or top.get("time_zone")
        if zone_at is None:
            raise self._wrong(
                root, "no time_zone; deadlines mean nothing without one: time_zone: Europe/Berlin"
            )
        zone_name = self._text(zone_at[1])
        zone = self._at(zone_at[1], zone_of, zone_name)
        due = own.get("due")
        deadline = (
            self._at(due[1], lambda text: moment_of(text, zone, is_deadline=True), self._text(due[1]))
            if due
            else None
        )

        def extended(text: str) -> str:
            if _DURATION.fullmatch(text):
                if deadline is None:
                    raise NoMoment("a duration needs a `due` that it is added to")
                seconds = seconds_of(text)
                days, rest = divmod(seconds, 86400)
                if rest:
                    raise NoMoment(f"{text!r} is no number of whole days; write the deadline itself")
                return days_later(deadline, int(days), zone).isoformat()
            return moment_of(text, zone, is_deadline=True).isoformat()

        attempts = self._text(own["attempts"][1]) if "attempts" in own else "last"
        if attempts not in ("last", "latest", "best"):
            raise self._wrong(
                own["attempts"][1], f"attempts: expected last, latest or best, not {attempts!r}"
            )
        return CourseRules(
            file=self._path.name,
            time_zone=zone_name,
            due=deadline.isoformat() if deadline is not None else None,
            attempts=attempts,
            late=self._late(own["late"][1]) if "late" in own else None,
            extensions=self._people(own, "extensions", extended),
            excused=self._people(own, "excused", str),
            withheld=self._people(own, "withheld", str),
            submitted=self._people(own, "submitted", lambda text: moment_of(text, zone).isoformat()),
        )

    def _at(self, node: Node, read: Callable[[str], T], text: str) -> T:
        try:
            return read(text)
        except (NoMoment, UsageError) as error:
            raise self._wrong(node, str(error)) from error

    def _late(self, node: Node) -> LateRule:
        keys = self._mapping(node, _LATE_KEYS)
        if "per_day" not in keys:
            raise self._wrong(node, "no per_day; write what each day costs, such as per_day: 10 %")
        of = self._text(keys["of"][1]) if "of" in keys else "possible"
        if of not in ("possible", "earned"):
            raise self._wrong(keys["of"][1], f"of: expected possible or earned, not {of!r}")
        closes = None
        if "closes" in keys:
            seconds = self._at(keys["closes"][1], seconds_of, self._text(keys["closes"][1]))
            if seconds % 86400 or not seconds:
                raise self._wrong(
                    keys["closes"][1], "closes: expected a number of whole days, such as 7 days"
                )
            closes = int(seconds // 86400)
        return LateRule(
            grace_seconds=self._at(keys["grace"][1], seconds_of, self._text(keys["grace"][1]))
            if "grace" in keys
            else 0.0,
            per_day=self._amount(keys["per_day"][1]),
            of=of,
            cap=self._amount(keys["cap"][1]) if "cap" in keys else None,
            closes_days=closes,
        )

    def _amount(self, node: Node) -> Amount:
        text = self._text(node)
        match = _AMOUNT.fullmatch(text)
        if match is None:
            raise self._wrong(node, f"{text!r} is no amount; write it as in 10 % or 5 points")
        is_percent = match["unit"] in ("%", "percent")
        if is_percent and float(match["value"]) > 100:
            raise self._wrong(node, f"{text!r} is more than everything")
        return Amount(value=float(match["value"]), is_percent=is_percent)

    def _people(
        self, own: Mapping[str, tuple[Node, Node]], key: str, read: Callable[[str], str]
    ) -> dict[str, str]:
        """Return person to what stands there; a list of people is one without reasons."""
        if key not in own:
            return {}
        node = own[key][1]
        pairs: list[tuple[Node, Any]]
        if isinstance(node, MappingNode):
            pairs = [(at, value) for at, value in self._mapping(node).values()]
        elif key in ("excused", "withheld") and isinstance(getattr(node, "value", None), list):
            pairs = [(one, None) for one in node.value]
        else:
            raise self._wrong(node, f"{key}: expected people, one on each line: an id, a colon, a value")
        found: dict[str, str] = {}
        for at, value in pairs:
            person = self._person(at)
            if person in found:
                raise self._wrong(at, f"{key}: {person} stands twice; keep one")
            found[person] = self._at(value, read, self._text(value)) if value is not None else ""
        return found

    def _person(self, node: Node) -> str:
        text = self._text(node)
        if self._roster is None:
            return text
        entries = self._roster.claiming(text, IDS)
        if len(entries) == 1:
            return entries[0].id
        known = [value for entry in self._roster.entries for value in entry.ids.values()]
        said = f"{len(entries)} people of the roster have" if entries else "the roster has nobody with"
        raise self._wrong(node, f"{said} the id {text!r}{nearest(text, known) if not entries else ''}")
