"""The trusted side of a fenced process tree: starts a nursery, asks it for slots, gives them notebooks."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from autograder.execute import containers, framing
from autograder.execute.fence import processes
from autograder.execute.fences import Level, sockets_in_reach
from autograder.kernel_side import MODULES
from autograder.kernel_side.known_data import VARIABLE
from autograder.registry import content_root

PACKAGE = Path(__file__).parents[1]
FENCE = Path(__file__).with_name("fence")
SHIM = PACKAGE / "kernel_side" / "torchvision_shim.py"
WARM_IMPORTS = (
    "ipykernel.debugger",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.magics.osm",
    "IPython.core.magics.packaging",
    "IPython.core.magics.script",
    "IPython.core.oinspect",
    "IPython.core.pylabtools",
    "IPython.extensions.storemagic",
    "tornado.platform.asyncio",
    "numpy",
    "scipy.linalg",
    "scipy.optimize",
    "scipy.signal",
    "scipy.special",
    "scipy.stats",
    "pandas",
    "pandas.io.formats.html",
    "pandas.io.formats.string",
    "PIL.Image",
    "matplotlib.backends.backend_agg",
    "matplotlib.pyplot",
    "seaborn",
    "torch",
    "torch.nn.functional",
    "torch.optim",
    "torch.utils.data",
    "torch._dynamo",
    "torchvision",
    "torchvision.datasets",
    "torchvision.transforms",
    "torchvision.utils",
)
"""What notebooks on these topics import. `torch._dynamo` is imported by the first optimizer that is made,
what is of ipykernel, IPython and tornado (180 modules) by every kernel, `pandas.io.formats` by the first table
that is shown."""

INHERITED = ("PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")
PLAIN_INHERITED = ("HOME", "TMPDIR", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA")
START_SECONDS = 180.0
SLOT_SECONDS = 60.0
FIRST_UID = 59_000
"""Root's kernels run as users from here on, who own nothing."""
CAP_DAC_READ_SEARCH = 2
HOME, TMP, DATA = "/student", "/tmp", "/datasets"
"""Where kernels with a file system of their own have these; as in :mod:`fence.roots`."""
FORGOTTEN = "autograder-"

_BOOTSTRAP = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location(
    "_autograder_fence", {init!r}, submodule_search_locations=[{folder!r}])
package = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
from _autograder_fence import nursery
nursery.main(json.loads(sys.argv[1]))
"""

_DRIVER = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location(
    "autograder", {init!r}, submodule_search_locations=[{folder!r}])
package = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
from autograder.execute.driver import main
main(json.loads(sys.argv[1]))
"""


class SlotError(OSError):
    """A slot could not be made, or ended; with the reason."""


class SlotRefused(SlotError):
    """The fence cannot be put up here; with the reason, which another try will not change."""


def environment(home: str, scratch: str, data: str = "") -> dict[str, str]:
    """What a kernel's program needs to start, and nothing else of the grader's environment."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    kept |= {VARIABLE: data} if data else {}
    return kept | {
        "HOME": home,
        "IPYTHONDIR": f"{home}/.ipython",
        "JUPYTER_CONFIG_DIR": f"{home}/.jupyter",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "XDG_CACHE_HOME": f"{home}/.cache",
        "TMPDIR": scratch,
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONHASHSEED": "0",
        "PYTHONSAFEPATH": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def driver_command() -> list[str]:
    """How the driver's program is started: by the path of this package, so that nobody has to look for it in folders
    that the fence does not show.
    """
    code = _DRIVER.format(init=str(PACKAGE / "__init__.py"), folder=str(PACKAGE))
    return [sys.executable, "-P", "-c", code]


def driver_environment() -> dict[str, str]:
    """What the driver's program needs to start."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return kept | {
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_MMAP_THRESHOLD_": "131072",  # the memory of a message is given back when it is gone
        "MALLOC_ARENA_MAX": "2",
    }


def first_uid() -> int:
    """Where this grader's users begin: limits on processes, and shared memory, are those of a user."""
    return FIRST_UID + os.getpid() * 37 % 800


class Slot:
    """One process tree that runs a notebook at a time, and what ends it."""

    def __init__(
        self, channel: socket.socket, home: str, tmp: str, end: Callable[[], None], log_end: Callable[[], str]
    ) -> None:
        self.channel = channel
        self.log_end = log_end
        self.home = home
        self.tmp = tmp
        self.data = ""
        """Where kernels see the data sets; "": there are none."""
        self.facts: dict[str, Any] = {}
        self._end = end

    def wait_until_ready(self) -> None:
        """Takes what the fence says of itself, once it is up. SlotError when it is not."""
        try:
            head = framing.Reader(self.channel, time.monotonic() + SLOT_SECONDS, 2**20).head()
        except OSError as error:
            raise SlotError(f"the slot ended at its start ({error})") from error
        if head["type"] != "ready":
            raise SlotRefused(str(head.get("why", head["type"]))[:500])
        self.facts = dict(head["facts"])

    def end(self) -> None:
        """Kills everything in it."""
        self.channel.close()
        self._end()


def plain_slot(data: dict[str, str]) -> Slot:
    """A driver with no fence around it, for platforms that have none: jupyter_client starts its kernels."""
    scratch = scratch_folder()
    folders = {name: str(scratch / name) for name in ("home", "work", "tmp", "k", "seen")}
    channel, its = socket.socketpair()
    place: dict[str, Any] = {"folders": folders, "line": None, "facts": {"level": "none"}}
    place["channel"] = None if sys.platform == "win32" else its.fileno()
    with (scratch / "driver.log").open("wb") as log:
        driver = subprocess.Popen(
            [*driver_command(), json.dumps(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=driver_environment()
            | {name: os.environ[name] for name in PLAIN_INHERITED if name in os.environ},
            pass_fds=() if sys.platform == "win32" else (its.fileno(),),
            start_new_session=True,
        )
    assert driver.stdin is not None
    if sys.platform == "win32":  # sockets are handed over by name of the process there
        driver.stdin.write(its.share(driver.pid))
    driver.stdin.close()
    its.close()

    def end() -> None:
        processes.kill_tree(driver.pid) if sys.platform == "linux" else driver.kill()
        driver.wait()
        shutil.rmtree(scratch, ignore_errors=True)

    said = functools.partial(_last_words, scratch / "driver.log")
    slot = Slot(channel, folders["home"], folders["tmp"], end, said)
    slot.data = folder_of(data)
    return slot


class Nursery:
    """The process that slots are forked from, with what notebooks import already imported, or with nothing."""

    def __init__(
        self, python: str, *, warm: bool, walled: bool = False, data: dict[str, str] | None = None
    ) -> None:
        self.scratch = scratch_folder()
        self.data = data or {}
        self.python = python
        self.walled = walled
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        try:
            self._start(warm)
        except BaseException:  # nothing of a nursery that did not come up is left
            self.close()
            raise

    def _start(self, warm: bool) -> None:
        python, walled = self.python, self.walled
        place = str(self.scratch / "control")
        order = {
            "control": place,
            "imports": list(WARM_IMPORTS) if warm else [],
            "shim": str(SHIM) if SHIM.is_file() else "",
            "observer": {name: str(PACKAGE / "kernel_side" / f"{name}.py") for name in MODULES},
            "scratch": [str(self.scratch)],
        }
        code = _BOOTSTRAP.format(init=str(FENCE / "__init__.py"), folder=str(FENCE))
        home = str(self.scratch / "nursery")
        command, variables = [python, "-P", "-c", code, json.dumps(order)], environment(home, home)
        if walled:
            command = self._behind_a_wall(command, variables)
            variables = dict(os.environ) if containers.has_engine() else variables
        with (
            (self.scratch / "nursery.log").open("wb") as log,
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door,
        ):
            door.bind(place)
            door.listen(1)
            if walled and os.geteuid() == 0:
                os.chown(place, FIRST_UID, FIRST_UID)
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=variables,
                start_new_session=True,
            )
            self._control = self._let_in(door)
        self.facts = self._answer(START_SECONDS)

    def _behind_a_wall(self, command: list[str], variables: dict[str, str]) -> list[str]:
        readable = [*interpreter_folders(self.python), *_own_interpreter(), str(PACKAGE), *self.data.values()]
        uid = FIRST_UID if os.geteuid() == 0 else None
        if uid is not None:
            for folder in (self.scratch, self.scratch / "nursery"):
                os.chown(folder, uid, uid)
        return containers.walled(command, variables, readable, self.scratch, uid)

    def _let_in(self, door: socket.socket) -> socket.socket:
        """The connection of the nursery, which comes when its interpreter is up."""
        door.settimeout(0.05)
        deadline = time.monotonic() + SLOT_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                return door.accept()[0]
        status = self._process.poll()
        if status is None:
            self._process.kill()
            self._process.wait()
        said = self.log_end()
        shutil.rmtree(self.scratch, ignore_errors=True)
        raise SlotError(f"the nursery did not start (status {status}): {said}")

    def slot(self, level: Level) -> Slot:
        """A slot that is being made; :meth:`Slot.ready` waits for it."""
        number = next(self._numbers)
        channel, its = socket.socketpair()
        with its:
            spec = self._spec(level, number)
            answer = self._ask({"op": "slot", "spec": spec}, its)
        home, tmp = (
            (HOME, TMP) if level == "namespaces" else (f"{spec['scratch']}/home", f"{spec['scratch']}/tmp")
        )
        slot = Slot(channel, home, tmp, functools.partial(self._kill, answer["pid"]), self.log_end)
        if self.data:
            slot.data = DATA if level == "namespaces" else folder_of(self.data)
        return slot

    def _kill(self, pid: int) -> None:
        with contextlib.suppress(SlotError):
            self._ask({"op": "kill", "pid": pid})

    def close(self) -> None:
        """Ends the nursery and all slots; nothing of it is left on the disk."""
        is_served = hasattr(self, "_control")
        if is_served:
            self._control.close()
        if hasattr(self, "_process"):
            try:
                self._process.wait(5 if is_served else 0)
            except subprocess.TimeoutExpired:
                processes.kill_tree(self._process.pid)
                self._process.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def log_end(self) -> str:
        """The last lines that the nursery and its slots said."""
        return _last_words(self.scratch / "nursery.log")

    def _spec(self, level: Level, number: int) -> dict[str, Any]:
        is_root = os.geteuid() == 0 and level != "none" and not self.walled
        own = first_uid() + number % 37 if is_root else None
        return {
            "level": "landlock" if self.walled else level,
            "uid": own,
            "gid": own,
            "connect": level in ("namespaces", "container")
            or not sockets_in_reach(own if is_root else os.geteuid()),
            "keep": [] if self.walled or self._is_open_to_all() else [CAP_DAC_READ_SEARCH],
            "cgroup": self.facts["cgroup"],
            "readable": self.facts["readable"],
            "data": self.data,
            "hidden": [str(PACKAGE), str(PACKAGE.parent / "reports"), *_content()],
            "scratch": str(self.scratch / f"slot-{secrets.token_hex(8)}"),
            "driver": {
                "command": driver_command(),
                "environment": driver_environment(),
                "readable": [*_own_interpreter(), str(PACKAGE)],
            },
        }

    def _is_open_to_all(self) -> bool:
        """Whether every user of this machine can read what kernels are shown."""
        files = [Path(path) for path in self.data.values()]
        folders = [*self.facts["readable"], *(str(path.parent) for path in files)]
        return _is_open_to_all(folders) and all(path.stat().st_mode & 0o004 for path in files)

    def _ask(self, request: dict[str, Any], handle: socket.socket | None = None) -> dict[str, Any]:
        with self._lock:
            try:
                text = json.dumps(request).encode()
                socket.send_fds(self._control, [text], [handle.fileno()] if handle else [])
            except OSError as error:
                raise SlotError(f"the nursery is gone: {self.log_end()}") from error
            return self._answer(SLOT_SECONDS)

    def _answer(self, seconds: float) -> dict[str, Any]:
        self._control.settimeout(seconds)
        try:
            text = self._control.recv(2**20)
        except OSError as error:
            raise SlotError(f"the nursery does not answer ({error}): {self.log_end()}") from error
        if not text:
            raise SlotError(f"the nursery ended: {self.log_end()}")
        return dict(json.loads(text))


def folder_of(data: dict[str, str]) -> str:
    """The folder that the places of files lie below."""
    return next((path.removesuffix(f"/{place}") for place, path in data.items()), "")


def _last_words(log: Path) -> str:
    with contextlib.suppress(OSError):
        return log.read_text(errors="replace")[-600:].strip()
    return ""


def _is_open_to_all(paths: list[str]) -> bool:
    """Whether every user of this machine can go to the paths."""
    folders = {folder for path in paths for folder in (Path(path), *Path(path).parents)}
    return all(folder.stat().st_mode & 0o001 for folder in folders)


def interpreter_folders(python: str) -> list[str]:
    """The folders that an interpreter and its packages live in."""
    if python == sys.executable:
        return _own_interpreter()
    code = _BOOTSTRAP.partition("from _autograder")[0].format(
        init=str(FENCE / "__init__.py"), folder=str(FENCE)
    )
    code += "from _autograder_fence import roots; print(json.dumps(roots.of_interpreter()))"
    asked = subprocess.run(
        [python, "-P", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    if asked.returncode != 0:
        raise SlotError(f"{python} does not run: {asked.stderr.strip()[-300:]}")
    return [str(path) for path in json.loads(asked.stdout)]


def _own_interpreter() -> list[str]:
    from autograder.execute.fence import roots

    return roots.of_interpreter()


def _content() -> Iterator[str]:
    with contextlib.suppress(Exception):  # no content here: there is nothing to hide
        yield str(content_root())


def scratch_folder() -> Path:
    """A private folder, short enough for sockets; those of processes that were killed are removed first."""
    root = tempfile.gettempdir()
    top = Path(root if len(root) < 40 else "/tmp")
    for old in top.glob(f"{FORGOTTEN}*-*"):
        owner = old.name.removeprefix(FORGOTTEN).partition("-")[0]
        if owner.isdigit() and not _lives(int(owner)):
            shutil.rmtree(old, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{FORGOTTEN}{os.getpid()}-", dir=top))
    if os.geteuid() == 0:
        made.chmod(0o711)  # root's kernels run as somebody else, who must reach their own folder in it
    (made / "nursery").mkdir(mode=0o700)
    return made


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
