"""What a notebook left behind, read on the trusted side: a history of values, functions, figures and seeds.

The kernel's observer writes a container after every cell with what changed in the namespace. Here they
become plain data: every value ever bound to a name, with the cell after which it was there. Nothing is
unpickled; see :mod:`autograder.probes.container`.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autograder.probes.container import Container, ContainerError, list_containers, read_container
from autograder.probes.denoisers import DenoiserSeen, denoisers_in
from autograder.probes.layer_calls import LayerSeen, PictureSeen, layers_in, picture_of, saved_in
from autograder.probes.minimised import MinimisedSeen, minimised_in
from autograder.probes.paths import Path, Step
from autograder.probes.training import TrainingSeen, training_in

Array = npt.NDArray[Any]
MAX_CONTAINER_BYTES = 256 * 2**20
FEW = 16
"""Sequences up to this length are also opened into their members."""
MAX_NOTICE_TEXT = 120
MAX_DATA_TEXT = 400


@dataclass(frozen=True)
class Leaf:
    """One value of the namespace, after one cell: a number, a text or an array."""

    path: Path
    cell: int
    value: Array | float | int | bool | str | None
    source: str
    """`ndarray`, `tensor`, `list`, `series`, `frame`, `scalar`: what the student's object was."""
    dtype: str = ""
    device: str = "cpu"

    @property
    def number(self) -> float | None:
        """The value as a number; None for a text, an array of several, or nothing."""
        if isinstance(self.value, np.ndarray):
            return (
                float(self.value.reshape(-1)[0])
                if self.value.size == 1 and self.value.dtype.kind in "fiu"
                else None
            )
        is_number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        return float(self.value) if is_number and self.value is not None else None

    @functools.cached_property
    def digest(self) -> bytes:
        """A key that is equal for equal values."""
        if isinstance(self.value, np.ndarray):
            return (
                repr((self.value.shape, str(self.value.dtype))).encode()
                + np.ascontiguousarray(self.value).tobytes()
            )
        return repr(self.value).encode()


@dataclass(frozen=True)
class FunctionSeen:
    """A function that the notebook defined."""

    name: str
    cell: int
    parameters: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class FigureSeen:
    """A figure that was drawn in a cell: the description of its axes, with the arrays it refers to."""

    cell: int
    description: dict[str, Any]
    arrays: dict[str, Array]

    @property
    def axes(self) -> list[dict[str, Any]]:
        """The descriptions of the axes that hold anything."""
        return [axes for axes in self.description.get("axes") or [] if isinstance(axes, dict)]

    @functools.cached_property
    def pictures(self) -> list[PictureSeen]:
        """The images in it that are grids of small images, or one such image."""
        found = []
        for axes in self.axes:
            title = " ".join(
                str(text) for text in (axes.get("title"), self.description.get("suptitle")) if text
            )
            for image in axes.get("images", []):
                picture = self.arrays.get(str(image.get("ref")))
                codes = image.get("codes")
                if picture is not None:
                    listed = codes if isinstance(codes, list) else []
                    found.append(picture_of(picture, self.cell, title, listed, is_saved=False))
        return [one for one in found if one is not None]


@dataclass(frozen=True)
class SeedSeen:
    """A call that set a seed."""

    cell: int
    call: str
    seed: int | None


@dataclass(frozen=True)
class NoticeSeen:
    """What the kernel did otherwise in a cell than the student's own machine: a `pip` line left out, ..."""

    cell: int
    kind: str
    """`pip`, `system`, `colab`, `folder`, `download`, `deadline`, `network`, `package`, `absent` or `data`."""
    what: str
    """The line or the call, shortened; `network`: the URL or the host; `data`: the data set that is not here."""
    available: tuple[str, ...] = ()
    """`pip`: which of the packages are there."""
    missing: tuple[str, ...] = ()
    """`pip`: which are not."""
    seconds: float | None = None
    """`deadline`: how long the shell line was let run."""


@dataclass(frozen=True)
class DataSeen:
    """A known data set that the notebook took, or a data set of torchvision that it made."""

    cell: int
    how: Literal["made", "open", "url", "wget", "curl"]
    """`made`: by a constructor; `open`: its file was read; the others: downloaded, as far as the notebook knows."""
    name: str = ""
    """`MNIST`, `Tiny Shakespeare`, or the class of torchvision; "" for `open`."""
    file: str = ""
    """Which file of a known data set: `MNIST/raw/t10k-images-idx3-ubyte`; "" for `made`."""
    path: str = ""
    """Where the notebook has it: the file opened or written."""
    url: str = ""
    type: str = ""
    """`made`: the class, which may be one of the notebook's own below that of torchvision."""
    train: bool | None = None
    """`made`: as given or by default; `is_given` tells which."""
    split: str | None = None
    given: tuple[str, ...] = ()
    """`made`: names of the arguments that were given."""
    root: str | None = None
    transform: str | None = None
    """`made`: its text, shortened."""
    target_transform: str | None = None
    length: int | None = None
    is_shared: bool = False
    """`made`: MNIST from the files that the kernel is shown."""

    def is_given(self, argument: str) -> bool:
        """Whether an argument was given, rather than left at its default."""
        return argument in self.given


@dataclass(frozen=True)
class Answer:
    """What one call of a challenged function gave back."""

    challenge: str
    case: str
    status: str
    """`ok`, `missing`, `not_callable`, `error`, `time_limit` or `bad_output`."""
    function: str
    form: str | None
    bound: dict[str, str | None]
    error: str
    leaves: tuple[Leaf, ...]
    """The result, opened: its arrays and numbers with their paths inside it."""
    record: dict[str, Any] = field(default_factory=dict)
    """What a mode of its own says beside a result; refers to `arrays`. Of a module: :mod:`autograder.probes.modules`."""
    arrays: dict[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Observations:
    """Everything observed of one notebook."""

    leaves: tuple[Leaf, ...] = ()
    functions: tuple[FunctionSeen, ...] = ()
    figures: tuple[FigureSeen, ...] = ()
    seeds: tuple[SeedSeen, ...] = ()
    torch_seeds: tuple[int, ...] = ()
    answers: tuple[Answer, ...] = ()
    problems: tuple[str, ...] = field(default=())
    """Containers that could not be read, values that were too large: sentences for the instructor."""
    notices: tuple[NoticeSeen, ...] = ()
    datasets: tuple[DataSeen, ...] = ()
    training: tuple[TrainingSeen, ...] = ()
    layers: tuple[LayerSeen, ...] = ()
    saved: tuple[PictureSeen, ...] = ()
    """Pictures of small images that were written to files."""
    minimised: tuple[MinimisedSeen, ...] = ()
    denoisers: tuple[DenoiserSeen, ...] = ()


def drawn_by_chance(folder: FilePath) -> tuple[str, ...]:
    """Return what a notebook drew without having set a seed (`numpy`, `torch`, `random`, or the maker of a stream), by the
    last container of a cell in `folder`; nothing where that cannot be read.
    """
    cells, _ = list_containers(folder)
    for path in reversed(cells.values()):
        with contextlib.suppress(ContainerError, TypeError):
            return tuple(str(one) for one in read_container(path).document.get("by_chance", ()))
    return ()


def read_observations(folder: FilePath) -> Observations:
    """Return what the containers in `folder` hold; unreadable ones become `problems`, never an exception."""
    leaves: list[Leaf] = []
    functions: list[FunctionSeen] = []
    figures: list[FigureSeen] = []
    seeds: list[SeedSeen] = []
    torch_seeds: list[int] = []
    answers: list[Answer] = []
    problems: list[str] = []
    notices: list[NoticeSeen] = []
    datasets: list[DataSeen] = []
    training: list[TrainingSeen] = []
    layers: list[LayerSeen] = []
    saved: list[PictureSeen] = []
    denoisers: list[DenoiserSeen] = []
    minimised: list[MinimisedSeen] = []
    # By stem: the likeliest of several that were called ("call-x-0") comes before the others ("call-x-0-1").
    paths = sorted(folder.glob("*.safetensors"), key=lambda path: path.stem) if folder.is_dir() else []
    for path in paths:
        try:
            container = read_container(path, MAX_CONTAINER_BYTES)
            if path.name.startswith("call-"):
                answers.append(_answer(container))
                continue
            document = container.document
            cell = int(document.get("cell", -1))
            for name, node in _mapping(document, "values"):
                leaves += _open(Path(name), node, container, cell)
            for name, about in _mapping(document, "functions"):
                parameters = tuple(str(parameter) for parameter in about.get("parameters", []))
                functions.append(FunctionSeen(name, cell, parameters, str(about.get("kind", ""))))
            figures += [FigureSeen(cell, figure, container.arrays) for figure in document.get("figures", [])]
            for seed in document.get("seeds", []):
                value = seed.get("seed")
                seeds.append(
                    SeedSeen(cell, str(seed.get("call", "")), value if isinstance(value, int) else None)
                )
            if isinstance(document.get("torch_initial_seed"), int):
                torch_seeds.append(document["torch_initial_seed"])
            notices += [_notice(cell, notice) for notice in document.get("notices", [])]
            used = [_dataset(cell, entry) for entry in document.get("datasets", [])]
            datasets += [seen for seen in used if seen is not None]
            training += training_in(document, cell)
            layers += layers_in(document, cell, container.arrays)
            minimised += minimised_in(document, cell, container.arrays)
            saved += saved_in(document, cell, container.arrays)
            denoisers += denoisers_in(document, cell, container.arrays)
            problems += [
                f"after cell {cell + 1}, {dropped.get('name')} was not recorded: {dropped.get('why')}"
                for dropped in document.get("dropped", [])
            ]
        except (ContainerError, AttributeError, TypeError, ValueError, KeyError) as error:
            problems.append(f"{path.name} could not be read: {error}")
    return Observations(
        tuple(leaves),
        tuple(functions),
        tuple(figures),
        tuple(seeds),
        tuple(torch_seeds),
        tuple(answers),
        tuple(problems),
        tuple(notices),
        tuple(datasets),
        tuple(training),
        tuple(layers),
        tuple(saved),
        tuple(minimised),
        tuple(denoisers),
    )


def _notice(cell: int, notice: dict[str, Any]) -> NoticeSeen:
    seconds = notice.get("seconds")
    return NoticeSeen(
        cell,
        kind=str(notice.get("kind", "")),
        what=str(notice.get("what", ""))[:MAX_NOTICE_TEXT],
        available=_names(notice.get("available")),
        missing=_names(notice.get("missing")),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
    )


def _dataset(cell: int, entry: dict[str, Any]) -> DataSeen | None:
    """Return one use of a data set; None for a kind that nobody knows."""
    how = entry.get("how")
    if how not in ("made", "open", "url", "wget", "curl"):
        return None
    train, length = entry.get("train"), entry.get("length")
    return DataSeen(
        cell,
        how,
        name=_text(entry.get("name")) or "",
        file=_text(entry.get("file")) or "",
        path=_text(entry.get("path")) or "",
        url=_text(entry.get("url")) or "",
        type=_text(entry.get("type")) or "",
        split=_text(entry.get("split")),
        root=_text(entry.get("root")),
        transform=_text(entry.get("transform")),
        target_transform=_text(entry.get("target_transform")),
        train=train if isinstance(train, bool) else None,
        given=_names(entry.get("given")),
        length=length if isinstance(length, int) and not isinstance(length, bool) else None,
        is_shared=entry.get("is_shared") is True,
    )


def _text(value: Any) -> str | None:
    return value[:MAX_DATA_TEXT] if isinstance(value, str) else None


def _names(value: Any) -> tuple[str, ...]:
    return tuple(str(name)[:60] for name in value[:FEW]) if isinstance(value, list) else ()


def _mapping(document: dict[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, node in (document.get(key) or {}).items():
        if isinstance(node, dict):
            yield str(name), node


def _answer(container: Container) -> Answer:
    document = container.document
    error = document.get("error") or {}
    result = document.get("result")
    leaves = tuple(_open(Path("result"), result, container, -1)) if isinstance(result, dict) else ()
    bound = document.get("bound") or {}
    record = document.get("record")
    return Answer(
        challenge=str(document.get("id", "")),
        case=str(document.get("case", "")),
        status=str(document.get("status", "bad_output")),
        function=str(document.get("function") or ""),
        form=document.get("form"),
        bound={str(role): (None if how is None else str(how)) for role, how in bound.items()},
        error=f"{error.get('name', '')}: {error.get('message', '')}" if error else "",
        leaves=leaves,
        record=record if isinstance(record, dict) else {},
        arrays=container.arrays if isinstance(record, dict) else {},
    )


def _open(
    path: Path, node: dict[str, Any], container: Container, cell: int, depth: int = 0
) -> Iterator[Leaf]:
    """Yield the leaves of a value's tree."""
    kind = node.get("t")
    if depth > 8:
        return
    if kind == "array":
        array = container.arrays.get(str(node.get("ref")))
        if array is not None:
            source, device = str(node.get("src", "")), str(node.get("device") or "cpu")
            yield Leaf(path, cell, array, source, str(node.get("dtype", array.dtype)), device)
            if array.ndim and array.shape[0] <= FEW and (source == "list" or array.ndim == 1):
                for index in range(array.shape[0]):  # [chain_1, chain_2, chain_3], (mean, variance, ess)
                    value = array[index] if array.ndim > 1 else array[index].item()
                    yield Leaf(
                        Path(path.name, (*path.steps, float(index))), cell, value, source, str(array.dtype)
                    )
    elif kind in ("int", "float", "bool"):
        value = node.get("v")
        number = float(value) if isinstance(value, str) else value
        if isinstance(number, bool | int | float):
            yield Leaf(path, cell, number, "scalar", str(kind))
    elif kind == "str":
        yield Leaf(path, cell, str(node.get("v", "")), "scalar", "str")
    elif kind == "list":
        for index, item in enumerate(node.get("items", [])):
            yield from _open(Path(path.name, (*path.steps, float(index))), item, container, cell, depth + 1)
    elif kind == "dict":
        inside = []
        for key, item in node.get("items", []):
            step = _step(key)
            if step is not None:
                inside += list(_open(Path(path.name, (*path.steps, step)), item, container, cell, depth + 1))
        yield from inside
        if node.get("src") == "frame":
            yield from _frame(path, inside, cell)
    elif kind == "object":
        for name, item in (node.get("attrs") or {}).items():
            yield from _open(Path(path.name, (*path.steps, str(name))), item, container, cell, depth + 1)


def _frame(path: Path, columns: list[Leaf], cell: int) -> Iterator[Leaf]:
    """Yield a data frame of two numeric columns (booleans aside) as the one table that it is."""
    numeric = [
        leaf
        for leaf in columns
        if isinstance(leaf.value, np.ndarray) and leaf.value.ndim == 1 and leaf.value.dtype.kind in "fiu"
    ]
    if len(numeric) == 2 and len({getattr(leaf.value, "shape", None) for leaf in numeric}) == 1:
        value = np.column_stack([np.asarray(leaf.value) for leaf in numeric])
        yield Leaf(path, cell, value, "frame", numeric[0].dtype)


def _step(node: dict[str, Any]) -> Step | None:
    value = node.get("v")
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None
