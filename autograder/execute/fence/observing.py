"""Builds the observer of notebooks from its sources: once in a nursery, or in the kernel itself when it is cold.

The source of this module is sent to cold kernels as it stands, so it imports nothing of ours.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from typing import Any

OBSERVER = "_notebook_observer"


def build(sources: dict[str, str]) -> None:
    """Makes a package of the modules (name to source, each after those that it imports)."""
    package = types.ModuleType(OBSERVER)
    package.__path__ = []
    sys.modules[OBSERVER] = package
    for name, source in sources.items():
        module = types.ModuleType(f"{OBSERVER}.{name}")
        module.__spec__ = importlib.machinery.ModuleSpec(module.__name__, None)
        module.__dict__["source_text"] = source
        sys.modules[module.__name__] = module
        exec(compile(source, f"<observer {name}>", "exec"), module.__dict__)


def start(shell: Any, arguments: tuple[Any, ...], work: str) -> None:
    """Puts the one observer of this kernel in place; files beside the notebook can be imported from here on."""
    package: Any = sys.modules[OBSERVER]
    package.observer = sys.modules[f"{OBSERVER}.observer"].Observer(shell, *arguments)
    package.observer.install()
    sys.path.append(work)


def forget() -> None:
    """Leaves nothing of what was built."""
    for name in [name for name in sys.modules if name.split(".")[0] == OBSERVER]:
        del sys.modules[name]
