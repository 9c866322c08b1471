"""torchvision in the kernel: declared operators where its library was built for another PyTorch, and only there."""

import importlib.util
import subprocess
import sys
import types
from pathlib import Path

import pytest

from autograder.kernel_side import torchvision_shim
from autograder.kernel_side.imports import BeforeImport

SHIM = Path(torchvision_shim.__file__)


class FakeTorch(types.SimpleNamespace):
    """What the shim asks PyTorch for, and what it told it."""

    def __init__(self, cuda: str | None, loads: bool, declared: bool) -> None:
        self.defined: list[str] = []
        library = types.SimpleNamespace(define=self.defined.append)
        schemas = ["a schema"] if declared else []
        super().__init__(
            version=types.SimpleNamespace(cuda=cuda),
            ops=types.SimpleNamespace(load_library=self.load),
            library=types.SimpleNamespace(Library=lambda name, kind: library),
            _C=types.SimpleNamespace(_jit_get_schemas_for_operator=lambda name: schemas),
        )
        self.loads = loads

    def load(self, path: str) -> None:
        if not self.loads:
            raise OSError(f"{path} needs libcudart")


@pytest.mark.parametrize(
    ("cuda", "loads", "declared", "installed", "imported", "expected"),
    [
        (None, False, False, True, False, True),
        (None, True, False, True, False, False),  # the CPU build declares them itself
        (None, False, True, True, False, False),
        ("13.0", False, False, True, False, False),
        (None, False, False, False, False, False),
        (None, False, False, True, True, False),
    ],
)
def test_operators_are_declared_only_where_they_are_missing(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    cuda: str | None,
    loads: bool,
    declared: bool,
    installed: bool,
    imported: bool,
    expected: bool,
) -> None:
    if installed:
        (tmp_path / "torchvision").mkdir()
        (tmp_path / "torchvision" / "__init__.py").touch()
        (tmp_path / "torchvision" / "_C.so").touch()
    torch = FakeTorch(cuda, loads, declared)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    if imported:
        monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setattr(torchvision_shim, "_kept", [])
    assert torchvision_shim.declare_operators() is expected
    assert [schema.split("(")[0] for schema in torch.defined] == (["nms", "qnms"] if expected else [])
    assert torchvision_shim.declare_operators() is False


def test_hook_runs_before_the_import_and_finds_nothing_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "late_library.py").write_text("import sys\nvalue = sys.modules['json'].prepared\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    import json

    calls: list[str] = []

    def prepare() -> None:
        calls.append("library")
        monkeypatch.setattr(json, "prepared", 1, raising=False)
        raise RuntimeError("a hook never raises into an import")

    BeforeImport({"late_library": prepare, "json": lambda: calls.append("json")}).install()
    import late_library  # type: ignore[import-not-found]

    assert late_library.value == 1
    assert calls == ["library"]


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("torch", "torchvision"))), reason="needs torch and torchvision"
)
def test_data_sets_and_transforms_work_when_the_file_is_loaded_by_its_path() -> None:
    code = (
        "import importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('shim', {str(SHIM)!r})\n"
        "shim = importlib.util.module_from_spec(spec); spec.loader.exec_module(shim)\n"
        "import torch; torch.manual_seed(0); before = torch.get_rng_state()\n"
        "shim.declare_operators()\n"
        "assert torch.equal(before, torch.get_rng_state())\n"
        "from torchvision import datasets, models, transforms, utils\n"
        "assert not shim.declare_operators()\n"
        "print(tuple(utils.make_grid(torch.zeros(4, 1, 8, 8)).shape), datasets.MNIST.__name__)"
    )
    assert run_python(code).split() == ["(3,", "12,", "42)", "MNIST"]


def test_nothing_is_imported_for_a_notebook_without_torchvision() -> None:
    code = (
        "import sys\nfrom autograder.kernel_side import torchvision_shim\n"
        "sys.path[:] = []\ntorchvision_shim.declare_operators()\nprint('torch' in sys.modules)"
    )
    assert run_python(code).strip() == "False"
