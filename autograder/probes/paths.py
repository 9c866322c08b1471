"""The small grammar by which a value inside a notebook's namespace is named: parsed, never evaluated.

    path   = name step*
    step   = "." name | "[" literal "]"
    literal = number | 'text' | "text" | {key}

`results[0.5].samples`, `results[0.5]["samples"]` and an attribute `samples` of an object all mean the same
place: a string key and an attribute are one. `{key}` stands for each key of a table in turn; inside a name
it stands for the usual spellings of a number (`acc_{key}` finds `acc_05`, `acc_0_5` and `acc_0p5`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from autograder.errors import UsageError

Step = str | float
"""A key or attribute (text) or a numeric key or index."""

_TOKEN = re.compile(
    r"""\.(?P<attribute>[^\W\d]\w*)            # .name
      | \[\s*(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*\]
      | \[\s*(?P<quote>['"])(?P<text>.*?)(?P=quote)\s*\]
      | \[\s*(?P<key>\{key\})\s*\]""",
    re.VERBOSE,
)
_NAME = re.compile(r"[^\W\d][\w{}]*")


@dataclass(frozen=True)
class Path:
    """A place in a namespace: the name of a variable and the steps into it."""

    name: str
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return self.name + "".join(_shown(step) for step in self.steps)

    @property
    def words(self) -> str:
        """The path in lower case, for searching words in it."""
        return str(self).lower()


def _shown(step: Step) -> str:
    if isinstance(step, str):
        return f".{step}" if step.isidentifier() else f'["{step}"]'
    short = f"{step:g}"
    return f"[{short if float(short) == step else repr(step)}]"


KEY = "{key}"


def parse_path(text: str) -> Path:
    """Return the path that `text` names.

    Raises
    ------
    UsageError
        When `text` is not in the grammar; the message shows where it leaves it.
    """
    text = text.strip()
    match = _NAME.match(text)
    if not match:
        raise UsageError(
            f"{text!r} is no path: expected a variable's name first, such as results[0.5].samples"
        )
    position, steps = match.end(), []
    while position < len(text):
        step = _TOKEN.match(text, position)
        if not step:
            raise UsageError(
                f"{text!r} is no path: cannot read {text[position:]!r} (expected .name, [number] or ['text'])"
            )
        if step["attribute"] is not None:
            steps.append(step["attribute"])
        elif step["number"] is not None:
            steps.append(float(step["number"]))
        else:
            steps.append(step["key"] or step["text"])
        position = step.end()
    return Path(match.group(), tuple(steps))


def spellings(key: float) -> tuple[str, ...]:
    """Return how a number is usually written inside a name: 0.5 gives `0_5`, `05`, `0p5`.

    >>> spellings(1.5)
    ('1_5', '15', '1p5')
    """
    text = f"{key:g}".replace("-", "m")
    return tuple(dict.fromkeys(text.replace(".", mark) for mark in ("_", "", "p")))


def with_key(pattern: Path, key: float) -> list[Path]:
    """Return the paths that `pattern` means for one key of a table."""
    steps = tuple(key if step == KEY else step for step in pattern.steps)
    if KEY in pattern.name:
        return [Path(pattern.name.replace(KEY, spelling), steps) for spelling in spellings(key)]
    return [Path(pattern.name, steps)]


def same_step(left: Step, right: Step) -> bool:
    """Return whether two steps lead to the same place; `"0.5"`, `"s=0.5"` and 0.5 are the same key.

    >>> same_step("s=0.5", 0.5), same_step("samples", "Samples"), same_step("a", "b")
    (True, True, False)
    """
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    if isinstance(left, str) or isinstance(right, str):
        text, number = (left, right) if isinstance(left, str) else (right, left)
        return numeric_key(str(text)) == number
    return left == right


def numeric_key(text: str) -> float | None:
    """Return the one number in a key such as `s=0.5`, or None when there is none or more than one."""
    numbers = re.findall(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", text.replace("_", " "))
    return float(numbers[0]) if len(numbers) == 1 else None
