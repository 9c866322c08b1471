"""`google.colab` for notebooks that were written there: it can be imported, and does nothing."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import os
import sys
import types
from collections.abc import Callable
from typing import Any

from .notices import Notices

PACKAGE = "google.colab"
SUBMODULES = {"auth", "autoviz", "data_table", "drive", "files", "html", "kernel", "output", "patches"}
SUBMODULES |= {"runtime", "sheets", "snippets", "syntax", "userdata", "widgets"}
CAUGHT = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


class SecretNotFoundError(Exception):
    """What `userdata.get` raises, as on Colab."""


class Stub:
    """A function that does next to nothing; no function of the notebook's own, and not taken for one."""

    def __init__(self, name: str, action: Callable[..., Any]) -> None:
        self.__name__ = name
        self._action = action

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the stub has in place of Colab's function."""
        return self._action(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{PACKAGE} stand-in {self.__name__}>"


class Colab(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `google.colab` where nothing else does; a `google` package that is installed stays what it is."""

    def __init__(self, shell: Any, notices: Notices) -> None:
        self.shell = shell
        self.notices = notices
        self.is_hidden = False
        self.actions: dict[str, Callable[..., Any]] = {
            "drive.mount": self.mount,
            "files.upload": self.upload,
            "files.download": self.download,
            "userdata.get": self.secret,
            "data_table.DataTable": lambda frame=None, *args, **kwargs: frame,
            "output.clear": self.clear,
        }

    def install(self) -> None:
        """Comes last among the finders."""
        sys.meta_path.append(self)
        self.shell.events.register("pre_run_cell", self.cell_begins)

    def cell_begins(self, info: Any = None) -> None:
        """IPython `pre_run_cell`: a cell that asks whether it runs on Colab is told that it does not."""
        raw = getattr(info, "raw_cell", None)
        self.is_hidden = False
        if isinstance(raw, str) and PACKAGE in raw:
            with contextlib.suppress(Exception):
                self.is_hidden = asks_for_colab(self.shell.transform_cell(raw))

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """A spec for Colab's modules, and for `google` itself when one of them is what is wanted."""
        known = fullname in ("google", PACKAGE) or (
            fullname.startswith(f"{PACKAGE}.") and fullname.removeprefix(f"{PACKAGE}.") in SUBMODULES
        )
        if not known or self.is_hidden:
            return None
        is_package = fullname in ("google", PACKAGE)
        return importlib.machinery.ModuleSpec(fullname, self, origin="stand-in", is_package=is_package)

    def exec_module(self, module: types.ModuleType) -> None:
        """Fills a stand-in."""
        name = module.__name__
        if name == "google":
            return
        short = name.removeprefix(f"{PACKAGE}.")
        for action in [a for a in self.actions if a.startswith(f"{short}.")]:
            function = action.removeprefix(f"{short}.")
            setattr(module, function, Stub(action, self.actions[action]))
        if short == "userdata":
            vars(module).update(
                SecretNotFoundError=SecretNotFoundError, NotebookAccessError=SecretNotFoundError
            )
        vars(module)["__getattr__"] = self._unknown(name)  # a module's own, as PEP 562 has it
        if name == PACKAGE:
            self.notices.note("colab", PACKAGE, "google.colab does nothing here: this is not Colab.")

    def _unknown(self, module: str) -> Callable[[str], Any]:
        def missing(name: str) -> Any:
            if name.startswith("__") or (module == PACKAGE and name not in SUBMODULES):
                raise AttributeError(f"module {module!r} has no attribute {name!r}")
            if module == PACKAGE:
                return importlib.import_module(f"{PACKAGE}.{name}")
            return Stub(f"{module.removeprefix(f'{PACKAGE}.')}.{name}", lambda *args, **kwargs: None)

        return missing

    def mount(self, mountpoint: Any = "/content/drive", *args: Any, **kwargs: Any) -> None:
        """`drive.mount`: an empty folder, where one may be made."""
        with contextlib.suppress(OSError, TypeError):
            os.makedirs(os.path.join(mountpoint, "MyDrive"), exist_ok=True)  # noqa: PTH103, PTH118
        self.notices.note("colab", f"drive.mount({mountpoint!r})", "No drive is mounted: this is not Colab.")

    def upload(self, *args: Any, **kwargs: Any) -> dict[str, bytes]:
        """`files.upload`: nothing was chosen."""
        self.notices.note("colab", "files.upload()", "Nothing can be uploaded while a notebook is graded.")
        return {}

    def download(self, *args: Any, **kwargs: Any) -> None:
        """`files.download`: nobody is there to take it."""
        what = f"files.download({args[0]!r})" if args else "files.download()"
        self.notices.note("colab", what, "Nothing is downloaded while a notebook is graded.")

    def secret(self, key: Any = "", *args: Any, **kwargs: Any) -> Any:
        """`userdata.get`: raises SecretNotFoundError."""
        self.notices.note("colab", f"userdata.get({key!r})", "There are no Colab secrets here.")
        raise SecretNotFoundError(
            f"The secret {key} is not known here: a graded notebook has none of your secrets."
        )

    def clear(self, wait: bool = False, *args: Any, **kwargs: Any) -> None:
        """`output.clear`: as IPython clears outputs."""
        display: Any = importlib.import_module("IPython.display")
        display.clear_output(wait=bool(wait))


def asks_for_colab(source: str) -> bool:
    """Whether every import of `google.colab` in a cell stands where its failing is provided for."""
    tree = ast.parse(source)
    provided: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(map(_catches_imports, node.handlers)):
            provided |= {id(inner) for statement in node.body for inner in ast.walk(statement)}
    found = [node for node in ast.walk(tree) if _imports_colab(node)]
    return bool(found) and all(id(node) in provided for node in found)


def _imports_colab(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(f"{alias.name}.".startswith(f"{PACKAGE}.") for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        names = {f"{node.module}.{alias.name}" for alias in node.names}
        return f"{node.module}.".startswith(f"{PACKAGE}.") or PACKAGE in names
    return False


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in CAUGHT) for kind in kinds)
