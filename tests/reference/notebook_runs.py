"""Parts b and c as their tests see them: the rendered notebooks, and a short run of one on stand-in data."""

from __future__ import annotations

import contextlib
import io
import urllib.request
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
import requests

from autograder.kernel_side.torchvision_shim import declare_operators
from autograder.template import Cell, inline, parse, solution, to_percent
from reference.aml_a3.budgets import with_budget
from reference.data import MNIST_FOLDER, TEXT_FILE
from reference.stand_ins import write_stand_ins

ROOT = Path(__file__).parents[2]
ITEMS = {"b": ("b1", "b2", "b3", "b4", "b5"), "c": ("c1", "c2", "c3")}
STYLES = {
    part: {
        path.stem: path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "reference" / "aml_a3" / "styles" / part).glob("*.py"))
    }
    for part in ITEMS
}


def load_source(module: str) -> str:
    return (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")


@cache
def source_cells(part: str) -> tuple[Cell, ...]:
    """The cells of a part's notebook as its author wrote them."""
    return tuple(parse(load_source(f"reference.aml_a3.notebook_{part}")))


@cache
def inlined_cells(part: str) -> tuple[Cell, ...]:
    return tuple(inline(source_cells(part), load_source))


@cache
def solution_text(part: str) -> str:
    return to_percent(solution(inlined_cells(part)))


def code_of(cell: Cell) -> str:
    """The cell without its magics."""
    return "\n".join(line for line in cell.source.splitlines() if not line.startswith(("%", "!")))


def code_cells(source: str) -> list[Cell]:
    return [cell for cell in parse(source) if cell.kind == "code"]


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stand-ins")
    write_stand_ins(folder, n_train=400, n_test=120, n_characters=6_000, seed=0)
    return folder


@dataclass
class Run:
    """What a run left behind."""

    names: dict[str, Any]
    printed: str
    n_figures: int
    folder: Path


Runner = Callable[[str], Run]


@pytest.fixture
def run(stand_ins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Run a percent-format notebook here, with a tiny budget: MNIST in any folder and the text from any address."""
    declare_operators()
    from torchvision.datasets import MNIST

    text = (stand_ins / TEXT_FILE).read_text(encoding="utf-8")

    class Response:
        def __init__(self, *_: object, **__: object) -> None:
            self.text, self.status_code = text, 200

    monkeypatch.setattr(MNIST, "raw_folder", str(stand_ins / MNIST_FOLDER))
    monkeypatch.setattr(
        urllib.request,
        "urlretrieve",
        lambda _, path: Path(path).write_text(text, encoding="utf-8", newline="\n"),
    )
    monkeypatch.setattr(urllib.request, "urlopen", lambda _: io.BytesIO(text.encode()))
    monkeypatch.setattr(requests, "get", Response)
    monkeypatch.chdir(tmp_path)
    return lambda source: _executed(with_budget(source), tmp_path, monkeypatch)


def _executed(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    plt.close("all")  # what other tests left open is none of this notebook's
    found = Run({"__name__": "__main__"}, "", 0, folder)

    def show() -> None:
        found.n_figures += len(plt.get_fignums())
        plt.close("all")

    monkeypatch.setattr(plt, "show", show)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # students do not close the files that they read
        for cell in code_cells(source):
            exec(compile(code_of(cell), f"<cell of line {cell.line}>", "exec"), found.names)
    show()
    found.printed = printed.getvalue()
    return found
