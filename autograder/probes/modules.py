"""What was recorded of a live torch module, read on the trusted side: plain data, checked against a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autograder.kernel_side.fillings import Filling
from autograder.kernel_side.traces import noise_of
from autograder.probes.observations import Answer
from autograder.stats.language_models import Fill

Array = npt.NDArray[np.float64]
MAX_SIDE = 2**24


class Seen(BaseModel):
    """Base of the records: what is unknown is left out, what has the wrong type is refused."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class TensorSeen(Seen):
    """A trainable tensor of a module."""

    name: str
    shape: list[int]
    trainable: bool = True

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return int(np.prod(self.shape, dtype=float))


class LeafSeen(Seen):
    """A layer without layers inside."""

    name: str
    kind: str = Field(alias="class")
    settings: dict[str, Any] = Field(default_factory=dict)
    bias: bool = False


class StructureSeen(Seen):
    """What a module consists of."""

    kind: str = Field(alias="class")
    leaves: list[LeafSeen] = Field(default_factory=list)
    tensors: list[TensorSeen] = Field(default_factory=list)
    unregistered: list[str] = Field(default_factory=list)


class GradientsSeen(Seen):
    """The largest absolute gradient that every tensor received from one output."""

    path: str
    largest: list[float | None]


class RunSeen(Seen):
    """One run of a module."""

    name: str
    status: str
    """`ok`, `error` or `unsupported` (no canonical weights for its tensors)."""
    error: dict[str, str] | None = None
    outputs: list[dict[str, Any]] = Field(default_factory=list)
    trace: list[dict[str, Any]] = Field(default_factory=list)
    gradients: list[GradientsSeen] = Field(default_factory=list)
    first: float | None = None
    """Of a model of tokens: the largest gradient that a score of the last token sends to the weights of the first one."""


class RecordSeen(Seen):
    """All that was recorded of one module under one case."""

    structure: StructureSeen
    runs: list[RunSeen]
    unsupported: list[list[int]] = Field(default_factory=list)
    d_model: int = 0
    method: str = ""
    input_shape: list[int] | None = None
    cell: int = -1
    """Of the notebook, in which it was made."""


@dataclass(frozen=True)
class ModuleSeen:
    """One module of the notebook under one case, with the case's inputs."""

    name: str
    record: RecordSeen
    values: Mapping[str, Any]
    arrays: Mapping[str, Any]

    @property
    def structure(self) -> StructureSeen:
        """What the module consists of."""
        return self.record.structure

    def run(self, name: str) -> RunSeen | None:
        """Return the run of a name; None when it was not asked for or did not succeed."""
        return next((run for run in self.record.runs if run.name == name and run.status == "ok"), None)

    def runs_on(self, **asked: Any) -> list[tuple[RunSeen, Mapping[str, Any]]]:
        """Return the runs that succeeded, with what was asked: `runs_on(training=False, input="base")`."""
        found = []
        for wanted in self.values["runs"]:
            if all(wanted.get(key, False) == value for key, value in asked.items()):
                run = self.run(wanted["name"])
                if run is not None:
                    found.append((run, wanted))
        return found

    def outputs(self, run: RunSeen) -> list[tuple[str, Array]]:
        """Return the tensors that a run gave, with their places in what was returned."""
        found = []
        for output in run.outputs:
            node = output.get("node")
            array = self.arrays.get(str(node.get("ref"))) if isinstance(node, dict) else None
            if isinstance(array, np.ndarray) and array.dtype.kind == "f":
                found.append((str(output.get("path", "")), np.asarray(array, dtype=np.float64)))
        return found

    def input(self, name: str) -> Array:
        """Return an input in the first of the shapes that were offered."""
        shape = list(self.values["input"]["shapes"][0])
        flat = np.asarray(self.values["arrays"][name], dtype=np.float64)
        if flat.size != int(np.prod(shape)):
            shape[-1] = flat.size // int(np.prod(shape[:-1]))
        return flat.reshape(shape)

    def fill(self, filling: int) -> Fill:
        """Return the canonical values by shape that a run was made with."""
        key, scale = self.values["fillings"][filling]
        d_model = self.record.d_model if self.values.get("d_model") else 0
        canonical = Filling(key, scale, d_model, int(self.values.get("n_head", 1)))
        kept: dict[tuple[int, ...], Array] = {}

        def fill(shape: Any) -> Array:
            shape = tuple(shape)
            if shape not in kept:
                values = canonical.tensor(shape) if max(shape) < MAX_SIDE else None
                if values is None:
                    raise ValueError(f"no canonical values for the shape {shape}")
                kept[shape] = values
            return kept[shape]

        return fill

    def noise(self, shape: list[int]) -> Array:
        """Return the first normal draw of a run, in the shape that was asked for."""
        return noise_of(shape, int(self.values["noise_key"]))

    @property
    def n_parameters(self) -> int:
        """How many trainable numbers the module has, shared ones once."""
        return sum(tensor.size for tensor in self.structure.tensors)


def read_module(answer: Answer, values: Mapping[str, Any]) -> ModuleSeen | None:
    """Return what an answer says of a module; None when it says nothing, or nothing that can be read."""
    try:
        record = RecordSeen.model_validate(answer.record)
    except ValidationError:
        return None
    return ModuleSeen(answer.function, record, values, answer.arrays)
