"""Lets torchvision be imported beside a PyTorch that its compiled library was not built for.

The package index's torchvision for Linux is linked against CUDA. Beside a PyTorch without CUDA its library does
not load, and its import then fails because the operators `torchvision::nms` and `torchvision::qnms`, whose
behaviour on shapes it declares in Python, do not exist. Once their schemas are declared, data sets, transforms,
models and utils work; the two operators themselves still raise when they are called.

This file stands alone, so that it can also be loaded by its path.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from typing import Any

SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}

_kept: list[Any] = []
"""What was declared; a declaration is withdrawn when its library object goes."""


def declare_operators() -> bool:
    """Declares the two operators where torchvision's own library does not; returns whether it did.

    To be called before torchvision is imported. Nothing is declared where torchvision is missing or imported
    already, where PyTorch has CUDA, or where torchvision's library loads: it then declares them itself, and
    refuses to when somebody else did.
    """
    if _kept or "torchvision" in sys.modules or not _is_installed("torchvision"):
        return False
    torch: Any = importlib.import_module("torch")

    if torch.version.cuda is not None or _is_declared(torch, "nms") or _library_loads(torch):
        return False
    library = torch.library.Library("torchvision", "DEF")
    for name, schema in SCHEMAS.items():
        if not _is_declared(torch, name):
            library.define(schema)
    _kept.append(library)
    return True


def _is_installed(package: str) -> bool:
    with contextlib.suppress(ImportError, ValueError):
        return importlib.util.find_spec(package) is not None
    return False


def _is_declared(torch: Any, name: str) -> bool:
    return bool(torch._C._jit_get_schemas_for_operator(f"torchvision::{name}"))


def _library_loads(torch: Any) -> bool:
    """Loads torchvision's library as torchvision will in a moment (loading it twice does no harm)."""
    found = importlib.util.find_spec("torchvision")
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = Path(folder, f"_C{suffix}")
            if path.is_file():
                try:
                    torch.ops.load_library(str(path))
                except (OSError, RuntimeError):
                    return False
                return True
    return False
