"""What the name of a notebook says: the part that it is for, the ids that it names, that it is a copy."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from autograder.rubric.model import PartSpec

_TOKEN = re.compile(r"\{(?P<word>\w+)\}|(?P<open>\[)|(?P<close>\])")
_COPY_BEFORE = re.compile(
    r"(copy of|kopie von|copie de|copia de|cópia de|kopia av|kopie van)\s+", re.IGNORECASE
)
_COPY_AFTER = re.compile(
    r"(\s*\((?P<number>\d{1,3})\)|[\s_-]*[-_\s](copy|kopie|copie|copia|cópia)\s*(?P<copy>\d{0,3}))\Z",
    re.IGNORECASE,
)
_AGAIN = re.compile(r"-\d{1,2}\Z")
"""What Canvas puts behind the name of a file that is handed in again."""


def name_pattern(asked: str, flags: int = 0) -> re.Pattern[str]:
    """Return the expression that fits the file names that a sheet asks for.

    >>> name_pattern("HW3_PT1_{ID1}[_{ID2}].ipynb").fullmatch("HW3_PT1_123_456.ipynb").groupdict()
    {'ID1': '123', 'ID2': '456'}
    """
    expression, at = "", 0
    for token in _TOKEN.finditer(asked):
        expression += re.escape(asked[at : token.start()])
        at = token.end()
        if token["word"]:
            expression += rf"(?P<{token['word']}>[^_/\\]+?)"
        else:
            expression += "(?:" if token["open"] else ")?"
    return re.compile(expression + re.escape(asked[at:]), flags)


def glob_of(asked: str) -> str:
    """Return the glob that fits the file names that a sheet asks for.

    >>> glob_of("HW3_PT1_{ID1}[_{ID2}].ipynb")
    'HW3_PT1_**.ipynb'
    """
    return re.sub(r"\{\w+\}", "*", re.sub(r"\[.*?\]", "*", asked))


def prescribed_ids(name: str, asked: Iterable[str]) -> tuple[str, ...]:
    """Return the ids that stand in a file name where a sheet asks for them, in a word such as `{ID1}`.

    >>> prescribed_ids("hw3_pt1_0042_0043 (1).ipynb", ["HW3_PT1_{ID1}[_{ID2}].ipynb"])
    ('0042', '0043')
    """
    for one in asked:
        fits = name_pattern(one, re.IGNORECASE).fullmatch(without_copy_mark(name))
        if fits:
            words = {word: value for word, value in fits.groupdict().items() if value}
            return tuple(
                dict.fromkeys(value for word, value in words.items() if word.lower().startswith("id"))
            )
    return ()


def copy_mark(name: str) -> int | None:
    """Return the number of a copy, 0 when it has none, None when the name is that of no copy.

    >>> [copy_mark(name) for name in ("a.ipynb", "a (2).ipynb", "Copy of a.ipynb", "a-Copy1.ipynb", "a - Kopie.ipynb")]
    [None, 2, 0, 1, 0]
    """
    stem = PurePath(name).stem
    if after := _COPY_AFTER.search(stem):
        return int(after["number"] or after["copy"] or 0)
    return 0 if _COPY_BEFORE.match(stem) else None


def without_copy_mark(name: str) -> str:
    """Return a file name without what browsers, Colab, Jupyter and desktops add to that of a copy.

    >>> without_copy_mark("Copy of part_a (1).ipynb"), without_copy_mark("part_a-Copy2.ipynb")
    ('part_a.ipynb', 'part_a.ipynb')
    """
    path = PurePath(name)
    stem, before = path.stem, ""
    while stem != before:
        before = stem
        stem = _COPY_BEFORE.sub("", _COPY_AFTER.sub("", stem), count=1).strip() or before
    return stem + path.suffix


def is_named_for(name: str, part: PartSpec) -> bool:
    """Return whether a file name fits the patterns of a part, the marks of a copy aside."""
    bare = without_copy_mark(name)
    again = PurePath(bare)
    names = {name.lower(), bare.lower(), (_AGAIN.sub("", again.stem) + again.suffix).lower()}
    return any(fnmatch.fnmatch(one, pattern.lower()) for one in names for pattern in part.filenames)


def with_prescribed_names(parts: Sequence[PartSpec], asked: Sequence[str]) -> list[PartSpec]:
    """Return the parts, each with the file name that its sheet asks for first among its patterns ("": none)."""
    return [
        part.model_copy(update={"filenames": [glob_of(name), *part.filenames]}) if name else part
        for part, name in zip(parts, asked, strict=True)
    ]
