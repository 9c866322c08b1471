"""Data sets of torchvision: MNIST is there whatever folder is named, and each that is made is recorded.

What was really loaded decides marks: a "test set" that was made without `train=False` is the training set.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
from typing import Any

from .data_sets import DataSets
from .known_data import MNIST
from .known_images import KnownImages


class TorchvisionSets:
    """Wraps the constructors of `torchvision.datasets`, and the folder where MNIST is looked for."""

    def __init__(self, data: DataSets, images: KnownImages | None = None) -> None:
        self.data = data
        self.images = images
        self.known = next((known for known in data.sets if known.name == MNIST.name), MNIST)
        self.resources: Any = None
        self.in_work: set[int] = set()

    def patch(self, module: Any) -> None:
        """Takes `torchvision.datasets` once it is imported; never raises."""
        with contextlib.suppress(Exception):
            self.resources = module.MNIST.resources
            self._patch_folder(module.MNIST)
        for name in getattr(module, "__all__", ()):
            with contextlib.suppress(Exception):
                made = vars(module).get(name)  # what comes on demand is no data set, and imports 34 modules
                if isinstance(made, type) and "__init__" in vars(made):
                    self._record(made)

    # ------------------------------------------------------------------ MNIST

    def _patch_folder(self, mnist: Any) -> None:
        original = mnist.raw_folder

        def raw_folder(its: Any) -> str:
            own: str = original.fget(its)
            shared = self.shared_folder() if self.is_mnist(its) and not self._has_all(own) else ""
            return shared or own

        mnist.raw_folder = property(raw_folder, doc=original.__doc__)

    def is_mnist(self, made: Any) -> bool:
        """Whether a data set is MNIST itself, under whatever name; its relatives have other files."""
        return self.resources is not None and getattr(type(made), "resources", None) == self.resources

    def shared_folder(self) -> str:
        """The folder with MNIST's files as the kernel is shown them, or ""."""
        paths = [self.data.local(file) for file in self.known.files if file.is_needed]
        return os.path.dirname(paths[0]) if paths and all(paths) else ""  # noqa: PTH120

    def _has_all(self, folder: str) -> bool:
        names = [file.name for file in self.known.files if file.is_needed]
        return all(os.path.isfile(os.path.join(folder, name)) for name in names)  # noqa: PTH113, PTH118

    def _prepare(self, its: Any, given: dict[str, Any]) -> None:
        """Before MNIST is made: what `download=True` leaves on the disk is there, as links to the shared files."""
        folder = os.path.join(os.path.expanduser(os.fspath(given["root"])), type(its).__name__, "raw")  # noqa: PTH111, PTH118
        shared = self.shared_folder()
        if not shared:
            if not self._has_all(folder):
                self.data.lacks(self.known.name)
            return
        if given.get("download") is True:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            for file in self.known.files:
                target = self.data.local(file)
                link = os.path.join(folder, file.name)  # noqa: PTH118
                if target and not os.path.lexists(link):
                    os.symlink(target, link)  # noqa: PTH211

    # ------------------------------------------------------------------ recording

    def _record(self, made: Any) -> None:
        original = made.__init__

        @functools.wraps(original)
        def __init__(its: Any, *args: Any, **kwargs: Any) -> None:
            if id(its) in self.in_work:  # the constructor of a class below has it in hand
                original(its, *args, **kwargs)
                return
            self.in_work.add(id(its))
            try:
                given, defaults = _arguments(original, its, args, kwargs)
                if self.is_mnist(its):
                    with contextlib.suppress(Exception):
                        self._prepare(its, defaults | given)
                original(its, *args, **kwargs)
            finally:
                self.in_work.discard(id(its))
            with contextlib.suppress(Exception):
                self._note(made, its, given, defaults | given)

        made.__init__ = __init__

    def _note(self, made: Any, its: Any, given: dict[str, Any], arguments: dict[str, Any]) -> None:
        kind = type(its)
        train, split = arguments.get("train"), arguments.get("split")
        if self.images is not None and self.is_mnist(its):
            self.images.learn(its)
        length = None
        with contextlib.suppress(Exception):
            length = len(its)
        self.data.used(
            "made",
            name=self.known.name if self.is_mnist(its) else made.__name__,
            type=kind.__name__,
            train=train if isinstance(train, bool) else None,
            split=split if isinstance(split, str) else None,
            given=sorted(given),
            download=bool(arguments.get("download")),
            root=_text(arguments.get("root"), str),
            transform=_text(arguments.get("transform"), repr),
            target_transform=_text(arguments.get("target_transform"), repr),
            length=length,
            is_shared=self.is_mnist(its) and bool(self.shared_folder()),
        )


def _arguments(
    constructor: Any, its: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a constructor was given by name, and its defaults; ({}, {}) for a call that will fail anyway."""
    try:
        signature = inspect.signature(constructor)
        bound = signature.bind(its, *args, **kwargs)
    except (TypeError, ValueError):
        return {}, {}
    given = dict(list(bound.arguments.items())[1:])
    empty = inspect.Parameter.empty
    return given, {name: p.default for name, p in signature.parameters.items() if p.default is not empty}


def _text(value: Any, write: Any) -> str | None:
    """A value in words; what the notebook wrote to say it may raise."""
    with contextlib.suppress(Exception):
        return None if value is None else str(write(value))
    return None
