"""What a notebook is executed with: the version of Python and of every installed distribution, as one digest."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import platform
import subprocess
import sys

from autograder.errors import InternalError

ASK_SECONDS = 60.0
_ASK = """
import importlib.metadata, json, platform, sys
found = [(d.metadata["Name"] or "", d.version or "") for d in importlib.metadata.distributions()]
json.dump([platform.python_implementation(), platform.python_version(), found], sys.stdout)
"""


@functools.cache
def fingerprint(python: str = "") -> str:
    """Return a digest of the interpreter `python` ("": ours): its version and its distributions with theirs.

    Two interpreters with equal digests give a notebook the same libraries. It is asked once in a process.

    Raises
    ------
    InternalError
        When `python` is no interpreter that answers.
    """
    facts = _facts_of_ours() if python in ("", sys.executable) else _facts_of(python)
    implementation, version, distributions = facts
    listed = sorted({(name.lower().replace("_", "-"), release) for name, release in distributions})
    return hashlib.sha256(json.dumps([implementation, version, listed]).encode()).hexdigest()


Facts = tuple[str, str, list[tuple[str, str]]]


def _facts_of_ours() -> Facts:
    found = [
        (one.metadata["Name"] or "", one.version or "")  # a damaged installation may have neither
        for one in importlib.metadata.distributions()
    ]
    return platform.python_implementation(), platform.python_version(), found


def _facts_of(python: str) -> Facts:
    try:
        asked = subprocess.run(
            [python, "-I", "-c", _ASK], capture_output=True, text=True, timeout=ASK_SECONDS, check=True
        )
        implementation, version, found = json.loads(asked.stdout)
        return str(implementation), str(version), [(str(name), str(release)) for name, release in found]
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        raise InternalError(
            f"the interpreter of the kernels, {python}, does not say what is installed in it ({error}); "
            "give the path of a Python that has ipykernel"
        ) from error
