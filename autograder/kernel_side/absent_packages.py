"""TensorFlow and Keras where they are not installed: their import alone does not fail the cell, their use does.

A cell of imports that stops at one of them would take all that the notebook does with it.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from typing import Any

from .notices import Notices

PACKAGES = ("tensorflow", "keras")
NAMES = {"tensorflow": "TensorFlow", "keras": "Keras"}
MAX_FRAMES = 12


class Absent(types.ModuleType):
    """A module, or anything in it, of which nothing can be used."""

    def __getattr__(self, name: str) -> Absent:
        """Whatever is asked for; special names and nothing else are missing."""
        if name.startswith("__"):
            raise AttributeError(name)
        found = Absent(f"{self.__name__}.{name}")
        setattr(self, name, found)
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """An ImportError that says why."""
        package = NAMES[self.__name__.partition(".")[0]]
        raise ImportError(f"{package} is not installed here, so {self.__name__} cannot be used")


class AbsentPackages(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the packages for the notebook, where nothing else does; libraries that look for them find none."""

    def __init__(self, notices: Notices) -> None:
        self.notices = notices

    def install(self) -> None:
        """Comes last among the finders."""
        sys.meta_path.append(self)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """A spec for the packages and what is in them, when a cell asks."""
        if fullname.partition(".")[0] not in PACKAGES or not _a_cell_asks():
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin="stand-in", is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Absent:
        """A module of nothing."""
        return Absent(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Says so, once a package."""
        if module.__name__ in PACKAGES:
            said = f"{NAMES[module.__name__]} is not installed here; what is made with it fails."
            self.notices.note("absent", module.__name__, said)


def _a_cell_asks() -> bool:
    """Whether the import stands in the notebook's own code."""
    frame = sys._getframe(1)
    for _ in range(MAX_FRAMES):
        if frame.f_back is None:
            return False
        frame = frame.f_back
        if (
            not frame.f_code.co_filename.startswith("<frozen importlib")
            and frame.f_globals.get("__name__") != __name__
        ):
            return bool(frame.f_globals.get("__name__") == "__main__")
    return False
