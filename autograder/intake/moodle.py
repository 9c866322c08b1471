"""A zip of Moodle's "Download all submissions": a folder for each participant or team, or, by a setting, none.

    {full name}_{participant}_assignsubmission_file/...            the files of one person
    {full name}_{participant}_assignsubmission_onlinetext/...      a text that was typed
    {group}_{group id}_assignsubmission_file/...                   those of a team, once
    Default group_assignsubmission_file/...                        of people without a team
    {full name}_{participant}_assignsubmission_file_{file}         without folders

The number of a participant belongs to one assignment. So a name that is not the one that the roster has under that
number means that the roster is another assignment's, and nobody is guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from autograder.intake.packets import Claim, OwnerProblem, Packet, PacketEntry, TopEntry, by_key, unclaimed
from autograder.rosters import Roster, RosterEntry

_NAME = re.compile(
    r"(?P<who>[^_]+)_(?P<id>[0-9]+)_assignsubmission_(?P<plugin>file|onlinetext)(?:_(?P<rest>.*))?", re.DOTALL
)
_NO_TEAM = re.compile(
    r"(?P<who>[^_]+)_assignsubmission_(?P<plugin>file|onlinetext)(?:_(?P<rest>.*))?", re.DOTALL
)
_LEFT_OUT = re.compile(r"""[&<>"'`|:\\/\x00-\x1f\x7f]""")


def is_moodle_name(name: str) -> bool:
    """Return whether a name has the shape of Moodle's.

    >>> is_moodle_name("Zoë OBrien_119_assignsubmission_file"), is_moodle_name("Zoë_119_a.ipynb")
    (True, False)
    """
    return bool(_NAME.fullmatch(name) or _NO_TEAM.fullmatch(name))


def cleaned(name: str) -> str:
    """Return a name as Moodle writes it into a file name, in the form in which it is compared.

    >>> cleaned("Under_Score  O'Brien")
    'under score obrien'
    """
    text = _LEFT_OUT.sub("", unicodedata.normalize("NFC", name).replace("_", " "))
    return " ".join(text.split()).casefold()


def moodle_packets(entries: Sequence[TopEntry], roster: Roster | None) -> list[Packet]:
    """Return a packet for each participant or team of a Moodle download, and one for each other entry."""
    names = [_NAME.fullmatch(entry.name) for entry in entries]
    is_team = roster is not None and _is_of_teams([match for match in names if match], roster)
    return by_key(_packet(entry, match, roster, is_team) for entry, match in zip(entries, names, strict=True))


def _is_of_teams(names: Sequence[re.Match[str]], roster: Roster) -> bool:
    """Return whether teams handed in: more names are those of the roster's teams than of its participants."""
    teams = {cleaned(entry.group) for entry in roster.entries if entry.group and "moodle" in entry.ids}
    n_teams = sum(cleaned(match["who"]) in teams for match in names)
    n_people = sum(
        any(_is_called(one, match["who"]) for one in roster.having("moodle", match["id"])) for match in names
    )
    return n_teams > n_people


def _packet(entry: TopEntry, match: re.Match[str] | None, roster: Roster | None, is_team: bool) -> Packet:
    if match is None:
        return _without_number(entry)
    own = PacketEntry(entry, "" if entry.is_folder else (match["rest"] or ""))
    who, number = match["who"], match["id"]
    if is_team and roster is not None:
        packet = Packet(f"moodle-team-{number}", "moodle", [own], lms={"team": number, "team_name": who})
        _name_team(packet, who, roster)
        return packet
    packet = Packet(f"moodle-{number}", "moodle", [own], lms={"moodle": number})
    packet.claims.append(Claim((("moodle", number),), f"{entry.name}: participant {number}"))
    if roster is not None:
        packet.problem = _other_name(who, number, roster)
    return packet


def _without_number(entry: TopEntry) -> Packet:
    match = _NO_TEAM.fullmatch(entry.name)
    if match is None:
        return unclaimed(
            entry,
            "moodle",
            OwnerProblem(
                "unknown_student", f"{entry.name} has no name of a Moodle download: no participant in it"
            ),
        )
    problem = OwnerProblem(
        "ambiguous_student",
        f"{entry.name}: people without a team hand in together, and Moodle does not say who; say it with --groups",
    )
    own = PacketEntry(entry, "" if entry.is_folder else (match["rest"] or ""))
    return Packet(f"moodle-{match['who']}", "moodle", [own], lms={"team_name": match["who"]}, problem=problem)


def _name_team(packet: Packet, who: str, roster: Roster) -> None:
    names = sorted({entry.group for entry in roster.entries if cleaned(entry.group) == cleaned(who)})
    if len(names) == 1:
        packet.members = tuple(entry.id for entry in roster.in_group(names[0]))
    elif names:
        listed = " and ".join(repr(name) for name in names)
        packet.problem = OwnerProblem(
            "ambiguous_student",
            f"{who}: the teams {listed} have the same name in a download; rename one in Moodle",
        )
    else:
        packet.problem = OwnerProblem(
            "unknown_student",
            f"{who}: the roster has no team of this name; give the worksheet of this assignment",
        )


def _other_name(who: str, number: str, roster: Roster) -> OwnerProblem | None:
    """Return what is wrong when the roster has another name under the number; under blind marking there is none."""
    for entry in roster.having("moodle", number):
        if entry.names and not _is_called(entry, who) and not _is_word_for_anybody(who, roster):
            return OwnerProblem(
                "conflicting_student",
                f"participant {number} is {who!r} in the download and {entry.name!r} in the roster; numbers hold for one "
                "assignment: give the worksheet of this one",
            )
    return None


def _is_called(entry: RosterEntry, who: str) -> bool:
    """Return whether a name in a download is one that the roster has; `Smith, Sam` is `Sam Smith`."""
    return any(_words(name) == _words(who) for name in entry.names)


def _words(name: str) -> list[str]:
    return sorted(re.findall(r"\w+", cleaned(name)))


def _is_word_for_anybody(who: str, roster: Roster) -> bool:
    """Return whether this is no name but Moodle's word for a participant, as under blind marking."""
    words = {
        "participant",
        "teilnehmerin",
        "teilnehmer",
        "participante",
        "partecipante",
        "deelnemer",
        "参加者",
        "参与者",
    }
    return cleaned(who) in words and not any(_is_called(entry, who) for entry in roster.entries)
