"""An export of Gradescope: a folder for each submission, and `submission_metadata.yml` that says whose it is.

    submission_123:
      :submitters:
      - :name: Ana
        :sid: '00042'
        :email: ana@example.org
      :created_at: 2026-11-21 07:32:00.000000000 Z

The file also holds what an autograder printed, which students decide: everything but the keys above is cut off
before it is read, and what is left is read as text, no number or date made of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from autograder.intake.files import read_file
from autograder.intake.packets import Claim, OwnerProblem, Packet, PacketEntry, TopEntry, unclaimed
from autograder.intake.problems import RefusedFile
from autograder.rosters import IdKind

METADATA = "submission_metadata.yml"
MAX_BYTES = 256 * 2**20
_KEPT = (":submitters:", ":created_at:")
_FIELD = re.compile(r"  (:[a-z_]+:)(?:\s|\Z)")
_NUMBER = re.compile(r"submission_(?P<number>[0-9]+)")


def gradescope_packets(
    entries: Sequence[TopEntry], metadata: Path, notes: list[str] | None = None
) -> list[Packet]:
    """Return a packet for each submission of a Gradescope export, and one for each other entry.

    Parameters
    ----------
    metadata : the file of the export
    notes : gets what is wrong with the file as a whole
    """
    about, wrong = read_metadata(metadata)
    if wrong and notes is not None:
        notes.append(wrong)
    packets = [_packet(entry, about.get(entry.name), wrong) for entry in entries if entry.name != METADATA]
    there = {entry.name for entry in entries}
    for name, one in about.items():
        if name not in there:
            packets.append(_packet(TopEntry(name, name, is_folder=True), one, wrong))
    return packets


def read_metadata(path: Path) -> tuple[dict[str, dict[str, Any]], str]:
    """Return what the metadata says of each submission, and what is wrong with the file ("": nothing)."""
    try:
        data = read_file(path, MAX_BYTES)
        if len(data) > MAX_BYTES:
            return {}, f"{path.name} has more than {MAX_BYTES // 2**20} MiB; not read"
        found = YAML(typ="base", pure=True).load(_cut(data.decode("utf-8-sig")))
    except RefusedFile as error:
        return {}, error.problem.detail
    except UnicodeDecodeError as error:
        return {}, f"{path.name} is not UTF-8 (byte {error.start:,})"
    except (YAMLError, RecursionError, ValueError) as error:
        reason = str(getattr(error, "problem", None) or error).splitlines()[0]
        return {}, f"{path.name} is no valid YAML ({reason})"
    if not isinstance(found, dict):
        return {}, f"{path.name} lists no submissions"
    return {str(name): one for name, one in found.items() if isinstance(one, dict)}, ""


def _cut(text: str) -> str:
    """Return the metadata without all but who handed in and when: what is cut may be long, and is students' text."""
    kept, keeps = [], True
    for line in text.splitlines():
        if line[:1] not in (" ", "-", ""):
            keeps = True
        elif field := _FIELD.match(line):
            keeps = field[1] in _KEPT
        if keeps:
            kept.append(line)
    return "\n".join(kept)


def _packet(entry: TopEntry, about: dict[str, Any] | None, wrong: str) -> Packet:
    if about is None:
        why = wrong or f"{METADATA} does not name {entry.name}"
        return unclaimed(
            entry, "gradescope", OwnerProblem("unknown_student", f"{why}; say whose it is with --groups")
        )
    number = match["number"] if (match := _NUMBER.fullmatch(entry.name)) else entry.name
    packet = Packet(f"gradescope-{number}", "gradescope", [PacketEntry(entry)], lms={"gradescope": number})
    packet.submitted = _text(about.get(":created_at"))
    submitters = about.get(":submitters")
    for one in submitters if isinstance(submitters, list) else []:
        claim = Claim(_ids(one), f"{METADATA}: {entry.name}")
        if claim.ids:
            packet.claims.append(claim)
        else:
            packet.problem = OwnerProblem(
                "unknown_student", f"{METADATA}: a submitter of {entry.name} has neither an id nor an address"
            )
    if not packet.claims and packet.problem is None:
        packet.problem = OwnerProblem(
            "unknown_student", f"{METADATA} names nobody who handed in {entry.name}"
        )
    return packet


def _ids(submitter: Any) -> tuple[tuple[IdKind, str], ...]:
    kinds: tuple[tuple[IdKind, str], ...] = (("number", ":sid"), ("email", ":email"))
    if not isinstance(submitter, dict):
        return ()
    return tuple((kind, value) for kind, key in kinds if (value := _text(submitter.get(key))))


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) and value.strip() not in ("", "null", "~") else ""
