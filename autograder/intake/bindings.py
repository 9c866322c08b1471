"""Bindings: a YAML file that says under which path of a notebook the rubric's evidence is found.

Beside a submission (`bindings.yaml`), by the student::

    a2.rate: results.rejection.rate
    a4.sampler: run_chain            # a function, by the name of its challenge

For a class (`grade --bindings FILE`), by the instructor, one mapping a submission; `*` stands for all::

    ada-lovelace: {a2.rate: acc}
    "*": {a5.acf: rho_g}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from autograder.errors import UsageError

FILE_NAMES = ("bindings.yaml", "bindings.yml")
MAX_BYTES = 64 * 1024
MAX_BINDINGS = 200


def read_bindings(path: Path) -> dict[str, str]:
    """Return the bindings of one notebook: evidence key to path.

    Raises
    ------
    UsageError
        When the file is no YAML mapping of texts to texts.
    """
    return _flat(_load(path), path, "")


def read_class_bindings(path: Path) -> dict[str, dict[str, str]]:
    """Return the bindings of a class: submission id (or `*`) to evidence key to path; see :func:`read_bindings`."""
    found = _load(path)
    return {
        str(submission): _flat(bindings, path, f" for {submission}") for submission, bindings in found.items()
    }


def _load(path: Path) -> dict[Any, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(
                f"{path} is larger than {MAX_BYTES // 1024} KiB; a bindings file holds a line a value"
            )
        found = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from error
    except (YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = str(getattr(error, "problem", None) or error).splitlines()[0]
        raise UsageError(f"{path} is no valid YAML ({reason})") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}: expected a mapping such as 'a2.rate: results.rate'")
    return found


def _flat(found: Any, path: Path, where: str) -> dict[str, str]:
    is_flat = isinstance(found, dict) and all(isinstance(one, str) for pair in found.items() for one in pair)
    if not is_flat or len(found) > MAX_BINDINGS:
        raise UsageError(f"{path}{where}: expected evidence keys with paths, such as 'a2.rate: results.rate'")
    return dict(found)
