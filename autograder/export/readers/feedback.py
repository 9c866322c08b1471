"""How Moodle and Canvas read a zip of feedback files: by the numbers in the names."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping

from autograder.export.formats import Contents, Field, Template


def moodle(files: Contents, template: Template | None) -> tuple[Mapping[Field, str], Mapping[Field, str]]:
    """Return which report each participant (or group) gets: (number, `report`) to its sha256.

    A template is the zip of submissions that Moodle gave; then only its participants are known.
    """
    known = None
    if template is not None:
        known = {found[1] for name in _names(template.content) if (found := re.match(r"[^_]*_(\d+)_", name))}
    after: dict[Field, str] = {}
    for name, content in _entries(files):
        *folders, file = name.split("/")
        parts = (folders[0] if folders else file).split("_", 4)
        if len(parts) < 4 or not parts[1].isdecimal() or file.startswith((".", "~")):
            continue  # ignored without a word
        plugin = "_".join(parts[2:4])
        is_known = known is None or parts[1] in known
        if plugin in ("assignsubmission_file", "assignfeedback_file") and is_known:
            after[parts[1], "report"] = hashlib.sha256(content).hexdigest()
    return {}, after


def canvas(files: Contents, template: Template | None) -> tuple[Mapping[Field, str], Mapping[Field, str]]:
    """Return which report each attachment gets: (`user/attachment`, `report`) to its sha256.

    A template is the zip of submissions that Canvas gave; then only its attachments are known.
    """
    known = None
    if template is not None:
        known = {
            f"{one}/{other}"
            for name in _names(template.content)
            for one, other in zip(name.split("_"), name.split("_")[1:], strict=False)
            if one.isdecimal() and other.isdecimal()
        }
    after: dict[Field, str] = {}
    for name, content in _entries(files):
        numbers = [part for part in name.split("_") if part != "LATE" and part.isdecimal()]
        if len(numbers) < 2:
            continue
        place = "/".join(numbers[:2])
        if known is None or place in known:
            after[place, "report"] = hashlib.sha256(content).hexdigest()
    return {}, after


def _entries(files: Contents) -> list[tuple[str, bytes]]:
    (content,) = files.values()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def _names(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.namelist()
