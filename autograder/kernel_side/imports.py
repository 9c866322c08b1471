"""Hooks that run right before or after a module is imported, for libraries that a notebook may never import."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable
from typing import Any


class BeforeImport(importlib.abc.MetaPathFinder):
    """Calls a function right before a module is looked for the first time, and finds nothing itself."""

    def __init__(self, hooks: dict[str, Callable[[], Any]]) -> None:
        self.hooks = hooks

    def install(self) -> None:
        """Waits for the modules; for those that are there already it is too late, and nothing runs."""
        for name in [name for name in self.hooks if name in sys.modules]:
            del self.hooks[name]
        sys.meta_path.insert(0, self)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        """Nothing, after the hook was called: the other finders do what they always do."""
        hook = self.hooks.pop(fullname, None)
        if hook is not None:
            with contextlib.suppress(Exception):
                hook()


class AfterImport(importlib.abc.MetaPathFinder):
    """Calls a function with a module right after the module was first executed."""

    def __init__(self, hooks: dict[str, Callable[[Any], None]]) -> None:
        self.hooks = hooks

    def install(self) -> None:
        """Runs the hooks of modules that are there already; waits for the others."""
        for name in [name for name in self.hooks if name in sys.modules]:
            with contextlib.suppress(Exception):  # one recorder that fails must not cost the others
                self.hooks.pop(name)(sys.modules[name])
        sys.meta_path.insert(0, self)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """The spec that the other finders give, with a loader that calls the hook at the end."""
        hook = self.hooks.pop(fullname, None)
        if hook is None:
            return None
        for finder in [f for f in sys.meta_path if f is not self]:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = HookedLoader(spec.loader, hook)
                return spec
        return None


class HookedLoader(importlib.abc.Loader):
    """Stands in for a loader until the module is executed, then leaves no trace."""

    def __init__(self, real: Any, hook: Callable[[Any], None]) -> None:
        self.real = real
        self.hook = hook

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        """What the real loader makes."""
        made: types.ModuleType | None = self.real.create_module(spec)
        return made

    def exec_module(self, module: types.ModuleType) -> None:
        """Executes the module as the real loader does, then calls the hook."""
        module.__loader__ = self.real
        if module.__spec__ is not None:
            module.__spec__.loader = self.real
        self.real.exec_module(module)
        with contextlib.suppress(Exception):
            self.hook(module)
