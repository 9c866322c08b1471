"""The observer of one notebook: puts the recorders in place, and writes down what each cell changed."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any

from . import (  # each adds modes of challenges
    autoencoders,  # noqa: F401
    decoders,  # noqa: F401
    likelihoods,  # noqa: F401
    losses,  # noqa: F401
    modules,  # noqa: F401
    noise,  # noqa: F401
    noisings,  # noqa: F401
    steps,  # noqa: F401
)
from .absent_packages import AbsentPackages
from .calls import Caller
from .colab import Colab
from .containers import MIB, fit, write_container
from .course_tables import CourseTables
from .data_sets import DataSets
from .denoisers import DenoiserRecorder
from .downloaders import install as install_downloaders
from .downloaders import noted as noted_downloads
from .figures import FigureRecorder, finish_figures
from .folders import Folders
from .imports import AfterImport, BeforeImport
from .known_images import KnownImages
from .layer_calls import LayerRecorder
from .namespace import Namespace
from .network import Network
from .notices import Notices
from .recorders import TrainingRecorder
from .saved_pictures import PictureRecorder
from .seeds import SeedRecorder
from .self_checks import SelfChecks
from .shell_lines import ShellLines
from .streams import limit_streams
from .torchvision_sets import TorchvisionSets
from .torchvision_shim import declare_operators
from .values import Encoder
from .word_clouds import WordClouds

CELL_DIGITS = 4


class Observer:
    """Everything that is observed of one notebook; its methods are called through silent executions.

    `folder` takes the containers, `plan` is the plan's JSON, `record_mib` the room for values in MiB.
    """

    def __init__(self, shell: Any, folder: str, plan: str, record_mib: float) -> None:
        self.shell = shell
        self.folder = folder
        settings = json.loads(plan)
        self.room = int(record_mib * MIB)
        self.seeds = SeedRecorder(settings["seed_shift"])
        self.figures = FigureRecorder()
        self.notices = Notices()
        self.data = DataSets(self.notices)
        self.tables = CourseTables(self.data)
        self.network = Network(self.notices, self.data)
        self.downloads = ""
        """Folder of the stand-ins for `wget` and `curl`."""
        self.training = TrainingRecorder()
        self.images = KnownImages()
        self.layers = LayerRecorder(self.images, self.training)
        self.denoisers = DenoiserRecorder(lambda: self.training.n_steps)
        self.pictures = PictureRecorder()
        self.namespace = Namespace(shell)
        self.caller = Caller(settings["challenges"], self.namespace, self.seeds, self._write)

    def install(self) -> None:
        """Puts the recorders in place; before any cell of the notebook."""
        self.seeds.install()
        hooks: dict[str, Callable[[Any], None]] = {
            "torch.random": self.seeds.torch_random,
            "torch": self._watch_torch,
            "PIL.Image": self.pictures.patch,
            "pandas": self.tables.patch,
            "matplotlib._pylab_helpers": self.figures.patch_figure_list,
            "matplotlib.axes._axes": self.figures.patch_axes,
            "torchvision.datasets": TorchvisionSets(self.data, self.images).patch,
            **self.network.hooks(),
        }
        AfterImport(hooks).install()
        BeforeImport({"torchvision": declare_operators}).install()
        self.shell.events.register("pre_execute", self.figures.cell_begins)
        self.shell.events.register("post_execute", self.figures.cell_ends)
        for stand_in in (ShellLines, Folders, Colab, SelfChecks):
            with contextlib.suppress(Exception):  # a comfort that fails must not cost the observation
                stand_in(self.shell, self.notices).install()
        for served in (self.tables, WordClouds(self.notices), AbsentPackages(self.notices)):
            with contextlib.suppress(Exception):
                served.install()
        with contextlib.suppress(Exception):
            self.downloads = install_downloaders()
        self.network.install()
        # IPython 9 keeps a copy of all that is printed, and puts back `write` as it was before each cell.
        self.shell._tee = lambda channel: contextlib.nullcontext()

    def _watch_torch(self, torch: Any) -> None:
        """Puts what watches torch in place; one thing that fails does not cost the others."""
        for put in (self.training.install, self.seeds.torch_generators, self.denoisers.install):
            with contextlib.suppress(Exception):
                put(torch)
        self.layers.install(torch)

    def limit_streams(self, limit_mib: float) -> None:
        """Stops printing after `limit_mib` in all."""
        limit_streams(limit_mib)

    def after_cell(self, index: int) -> None:
        """Writes the container of cell `index`."""
        encoder = Encoder(self.room)
        document: dict[str, Any] = {
            "cell": index,
            "values": {},
            "deleted": [],
            "functions": {},
            "dropped": [],
        }
        self.namespace.snapshot(index, document, encoder)
        if self.figures.dropped:
            document["dropped"].append({"name": "figures", "why": f"{self.figures.dropped} figures too many"})
        document["figures"] = finish_figures(self.figures.take(), encoder, self.images)
        document["pictures"] = self.pictures.take(encoder, self.images)
        document["seeds"], self.seeds.calls = self.seeds.calls, []
        self._note_downloads()
        document["notices"] = self.notices.take()
        document["datasets"] = self.data.take()
        if training := self.training.take():
            document["training"] = training
        if layers := self.layers.take(encoder):
            document["layers"] = layers
        if denoisers := self.denoisers.take(encoder):
            document["denoisers"] = denoisers
        torch: Any = sys.modules.get("torch")
        initial = getattr(torch, "initial_seed", None)
        document["torch_initial_seed"] = int(initial()) if initial is not None else None
        self.room = encoder.room
        self._write(f"cell-{index:0{CELL_DIGITS}d}", fit(document), encoder)

    def _note_downloads(self) -> None:
        """Takes over what `wget` and `curl` were asked for."""
        for entry in noted_downloads(self.downloads) if self.downloads else ():
            if entry.get("missing"):
                self.data.lacks(entry["missing"])
            elif entry.get("file"):
                facts = {key: entry.get(key, "") for key in ("name", "file", "url", "path")}
                self.data.used(entry.get("tool", "wget"), **facts)
            else:
                self.notices.record("network", entry.get("url", ""))

    def call(self, challenge_id: str, case_key: str, rank: int = 0, second: bool = False) -> None:
        """Puts one case of a challenge to a function of the notebook; see :meth:`calls.Caller.call`."""
        self.caller.call(challenge_id, case_key, rank, second)

    def _write(self, stem: str, document: dict[str, Any], encoder: Encoder) -> None:
        write_container(f"{self.folder}/{stem}.safetensors", document, encoder.arrays)
