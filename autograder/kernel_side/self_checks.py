"""`from autograder import check` for notebooks that were checked at home: it can be imported, and does nothing."""

from __future__ import annotations

import sys
import types
from typing import Any

from .notices import Notices

PACKAGE = "autograder"
SAID = "Self-check: left out, for the whole notebook is being executed."


class Sentence(str):
    """Shows itself without quotation marks."""

    def __repr__(self) -> str:
        return str(self)


class LeftOut:
    """Stands for `check`; no function of the notebook's own, and not taken for one."""

    def __call__(self, *args: Any, **kwargs: Any) -> Sentence:
        """What is said in place of a result."""
        return Sentence(SAID)


class SelfChecks:
    """Puts a stand-in for the grader's package in its place: that is no library of notebooks."""

    def __init__(self, shell: Any, notices: Notices) -> None:
        self.shell = shell
        self.notices = notices

    def install(self) -> None:
        """From here on the notebook imports the stand-in, whatever is installed."""
        module = types.ModuleType(PACKAGE)
        vars(module)["check"] = LeftOut()
        sys.modules[PACKAGE] = module
