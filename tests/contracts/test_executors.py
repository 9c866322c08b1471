"""What every executor promises; a new executor joins by one line in EXECUTORS."""

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from clusters import SmallCluster
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import autograder.registered  # noqa: F401  # fills the registries
from autograder.checks.findings import Context
from autograder.datasets import status
from autograder.errors import UsageError
from autograder.execute.cluster import DaskExecutor
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Executor, Job, Options, Plan
from autograder.golden import Golden
from autograder.jobs import make_plan
from autograder.kernel_side.fillings import Filling
from autograder.kernel_side.known_data import KNOWN_SETS
from autograder.probes.challenges import draw_cases
from autograder.probes.container import Container, list_containers, read_container
from autograder.probes.evidence import Evidence, gather
from autograder.probes.failed_imports import failed_imports
from autograder.probes.observations import read_observations
from autograder.records import CellRecord, ExecutionRecord, Limits
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeSpec, PartSpec

pytestmark = pytest.mark.slow

EXECUTORS = {
    "namespaces-warm": Options(fence="namespaces"),
    "namespaces-cold": Options(fence="namespaces", kernel="cold"),
    "landlock-warm": Options(fence="landlock"),
    "landlock-cold": Options(fence="landlock", kernel="cold"),
    "container-warm": Options(fence="container"),
    "no-fence-warm": Options(fence="none"),
    "no-fence-stock": Options(fence="none", kernel="stock"),
    "dask": Options(),
}
"""Each passes all of what stands here; a level that this machine refuses is skipped and listed with its reason."""
GAUSSIAN = {"family": "gaussian", "mean": [1.0, -1.0], "cov": [[1.0, 0.3], [0.3, 2.0]]}


class Finished:
    """A record and what lies beside it."""

    def __init__(self, record: ExecutionRecord, out: Path) -> None:
        self.record = record
        self.out = out
        self.notebook = nbformat.read(out / "executed.ipynb", as_version=4)  # type: ignore[no-untyped-call]
        cells, calls = list_containers(out / "arrays")
        self.cells = {index: read_container(path) for index, path in cells.items()}
        self.calls = {path.stem: read_container(path) for path in calls}

    def cell(self, index: int) -> CellRecord:
        return next(cell for cell in self.record.cells if cell.index == index)

    def value(self, index: int, name: str) -> Any:
        """A recorded value: an array, or the plain value."""
        return content(self.cells[index], self.cells[index].document["values"][name])

    def text(self, index: int) -> str:
        return "".join(o.text for o in self.notebook.cells[index].outputs if o.output_type == "stream")


def content(container: Container, node: dict[str, Any]) -> Any:
    return container.arrays[node["ref"]] if node["t"] == "array" else node["v"]


class Run:
    """Runs cells through one executor."""

    def __init__(self, executor: Executor, folder: Path) -> None:
        self.executor, self.folder = executor, folder

    def __call__(self, *sources: str, edit: Any = None, **job: Any) -> Finished:
        notebook = new_notebook(cells=[new_code_cell(source) for source in sources])  # type: ignore[no-untyped-call]
        if edit:
            edit(notebook)
        path = self.folder / "notebook.ipynb"
        nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
        out = self.folder / "out"
        record = self.executor.execute(Job(notebook=path, out=out, **job))
        on_disk = ExecutionRecord.model_validate_json((out / "execution.json").read_text())
        assert on_disk == record
        return Finished(record, out)


Started = Callable[[str], Executor]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Executors by their name in EXECUTORS, each started once, as a grading does."""
    with contextlib.ExitStack() as stack:
        running: dict[str, Executor] = {}

        def get(name: str) -> Executor:
            if name not in running:
                options = EXECUTORS.get(name, Options())
                if name == "dask":
                    cluster = stack.enter_context(SmallCluster(tmp_path_factory.mktemp("cluster")))
                    cluster.worker("one")
                    running[name] = stack.enter_context(DaskExecutor(cluster.address, options))
                else:
                    running[name] = stack.enter_context(LocalExecutor(options, own_work=True))
            try:
                running[name].describe()
            except UsageError as error:
                pytest.skip(f"{name}: {error}")
            return running[name]

        yield get


@pytest.fixture(params=EXECUTORS)
def run(request: pytest.FixtureRequest, started: Started, tmp_path: Path) -> Run:
    return Run(started(request.param), tmp_path)


@pytest.fixture
def fenced(started: Started, tmp_path: Path) -> Run:
    """For what does not depend on the fence: one run is enough, behind the strongest that works here."""
    return Run(started("strongest"), tmp_path)


@pytest.fixture
def marker() -> str:
    """A number of seconds that no other process on this machine sleeps."""
    return f"{10_000 + os.getpid()}.{time.monotonic_ns() % 10**6:06d}"


def sleepers(marker: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if marker.encode() in line:
            found.append(str(path))
    return found


def test_complete_run_is_observed_after_every_cell(run: Run) -> None:
    def with_text_first(notebook: Any) -> None:
        notebook.cells.insert(0, new_markdown_cell("Words"))  # type: ignore[no-untyped-call]
        notebook.metadata.kernelspec = {"name": "d2l_env", "display_name": "x", "language": "python"}

    done = run(
        "import random\nimport numpy as np\nfrom numpy.random import default_rng\n"
        "np.random.seed(1234); random.seed(7); rng = default_rng(5)\nstate = np.random.RandomState(seed=9)\n"
        "plain = isinstance(np.random.mtrand._rand, np.random.RandomState) and "
        "isinstance(state, np.random.RandomState)",
        "samples = np.random.randn(3)\nfirst = rng.normal()",
        "samples = [1.5, 2.5]\ndef density(x, log=False):\n    return x\nprint('said')",
        "del first\nmh_results = {0.1: {'chain': np.ones((4, 2)), 'rate': 0.5}}",
        edit=with_text_first,
        input_digest="abc",
    )
    assert done.record.state == "complete"
    assert [cell.index for cell in done.record.cells] == [1, 2, 3, 4]
    assert {cell.status for cell in done.record.cells} == {"ok"}
    assert done.record.kernel_stored == "d2l_env"
    assert done.record.input_digest == "abc"
    assert done.record.fence
    seeds = [(entry["call"], entry["seed"]) for entry in done.cells[1].document["seeds"]]
    assert seeds == [
        ("numpy.random.seed", 1234),
        ("random.seed", 7),
        ("numpy.random.default_rng", 5),
        ("numpy.random.RandomState", 9),
    ]
    assert done.value(1, "plain") is True
    np.testing.assert_array_equal(done.value(2, "samples"), np.random.RandomState(1234).randn(3))
    np.testing.assert_array_equal(done.value(2, "first"), np.random.default_rng(5).normal())
    np.testing.assert_array_equal(done.value(3, "samples"), [1.5, 2.5])
    assert "samples" not in done.cells[4].document["values"]
    assert done.cells[4].document["deleted"] == ["first"]
    assert done.cells[3].document["functions"] == {
        "density": {"parameters": ["x", "log"], "required": 1, "kind": "function"}
    }
    [[key, inner]] = done.cells[4].document["values"]["mh_results"]["items"]
    assert key == {"t": "float", "v": 0.1}
    assert inner["items"][0][1]["shape"] == [4, 2]
    assert done.text(3) == "said\n"
    assert done.notebook.cells[3].execution_count == 3


def test_figures_are_seen_however_they_are_shown(fenced: Run) -> None:
    done = fenced(
        "import numpy as np\nimport matplotlib.pyplot as plt\n"
        "x = np.linspace(-6, 6, 20); X, Y = np.meshgrid(x, np.linspace(-3, 3, 30))\nZ = np.exp(-X**2 - Y)",
        "plt.contourf(X, Y, Z)\nplt.scatter([1, 2], [3, 4])\nplt.title('left open')",
        "plt.plot(np.arange(9000.0)); plt.show()\n"
        "plt.figure(); plt.stem([1, .5]); plt.savefig('f.png'); plt.close()\n"
        "XI, YI = np.meshgrid(x, np.linspace(-3, 3, 30), indexing='ij')\nplt.contour(XI, YI, Z.T)",
    )
    assert done.record.state == "complete"
    assert done.cells[0].document["figures"] == []
    [figure] = done.cells[1].document["figures"]
    [axes] = figure["axes"]
    assert axes["title"] == "left open"
    assert axes["scatters"][0]["n"] == 2
    [contour] = axes["contours"]
    assert (contour["filled"], contour["shape"], contour["xmin"], contour["ymax"]) == (True, [30, 20], -6, 3)
    arrays = done.cells[1].arrays
    assert arrays[contour["xref"]].shape == (20,)
    line, stem, turned = done.cells[2].document["figures"]
    assert line["axes"][0]["lines"][0]["n"] == 9000
    assert len(line["axes"][0]["lines"][0]["x"]) == 4096
    assert stem["axes"][0]["stems"] == [{"n": 2, "y": [1.0, 0.5]}]
    ref = turned["axes"][0]["contours"][0]["zref"]
    np.testing.assert_array_equal(done.cells[2].arrays[ref], arrays[contour["zref"]])
    images = [o for o in done.notebook.cells[1].outputs if "image/png" in o.get("data", {})]
    assert len(images) == 1


def test_error_does_not_end_the_run(fenced: Run) -> None:
    def tagged(notebook: Any) -> None:
        notebook.cells[2].metadata.tags = ["skip-execution", "raises-exception"]

    done = fenced("x = 1", "def f(:", "x = 2\n1 / 0", "import sys\nsys.exit(1)", "x = 3", edit=tagged)
    assert done.record.state == "complete"
    assert [cell.status for cell in done.record.cells] == ["ok", "error", "error", "error", "ok"]
    errors = [cell.error.name for cell in done.record.cells if cell.error]
    assert errors == ["SyntaxError", "ZeroDivisionError", "SystemExit"]
    assert "\x1b" not in done.record.cells[2].error.traceback  # type: ignore[union-attr]
    assert (done.value(2, "x"), done.value(4, "x")) == (2, 3)
    assert done.notebook.cells[2].outputs[-1].ename == "ZeroDivisionError"


def test_endless_loop_is_interrupted_and_the_next_cell_runs(run: Run) -> None:
    done = run("x = 1\nwhile True:\n    pass", "y = x + 1", limits=Limits(cell_seconds=1))
    assert done.record.state == "cell_limit"
    assert [cell.status for cell in done.record.cells] == ["time_limit", "ok"]
    assert "1 s" in done.record.detail
    assert (done.value(0, "x"), done.value(1, "y")) == (1, 2)


def test_total_limit_keeps_what_was_done(fenced: Run) -> None:
    done = fenced("x = 1", "import time\ntime.sleep(60)", "y = 1", limits=Limits(total_seconds=1.5))
    assert done.record.state == "total_limit"
    assert [cell.status for cell in done.record.cells] == ["ok", "time_limit", "not_run"]
    assert done.value(0, "x") == 1


def test_loop_that_swallows_interrupts_is_killed(run: Run) -> None:
    stubborn = "import time\nwhile True:\n    try:\n        time.sleep(1)\n    except KeyboardInterrupt: pass"
    done = run("x = 1", stubborn, "y = 1", limits=Limits(cell_seconds=1))
    assert done.record.state == "cell_limit"
    assert [cell.status for cell in done.record.cells] == ["ok", "time_limit", "not_run"]
    assert done.value(0, "x") == 1
    assert 2 not in done.cells


def test_memory_is_limited(run: Run) -> None:
    grow = "import time\nhog = []\nwhile True:\n    hog.append(bytearray(10**7)); time.sleep(0.002)"
    done = run("x = 1\nimport numpy as np", "np.ones(10**10)", grow, limits=Limits(memory_mib=300))
    assert done.cell(1).error is not None
    assert "Memory" in done.cell(1).error.name  # type: ignore[union-attr]
    assert done.cell(2).error is not None
    assert "Memory" in done.cell(2).error.name  # type: ignore[union-attr]
    assert done.record.state in ("memory_limit", "complete")
    assert done.value(0, "x") == 1


@pytest.mark.parametrize("end", ["import os\nos._exit(0)", "import ctypes\nctypes.string_at(0)"])
def test_death_of_the_kernel_is_a_fact(fenced: Run, end: str) -> None:
    done = fenced("x = 1", end, "y = 1")
    assert done.record.state == "kernel_died"
    assert [cell.status for cell in done.record.cells] == ["ok", "error", "not_run"]
    assert done.value(0, "x") == 1


NAMED = "import ctypes, time\nctypes.CDLL(None).prctl(15, {name!r}.encode())\ntime.sleep(1)\ny = 2"
"""A cell that names its process, so that it is found from outside."""


@contextlib.contextmanager
def killing(name: str, times: int, number: int = signal.SIGKILL) -> Iterator[list[int]]:
    """Kills processes of a name, one after another, as the system does that runs out of memory; or stops them."""
    killed: list[int] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.05) and len(killed) < times:
            for path in Path("/proc").glob("[0-9]*/comm"):
                with contextlib.suppress(OSError):
                    if path.read_text().strip() == name and int(path.parent.name) not in killed:
                        os.kill(int(path.parent.name), number)
                        killed.append(int(path.parent.name))
                        break

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield killed
    finally:
        is_over.set()
        thread.join()


@pytest.mark.skipif(
    sys.platform != "linux", reason="finds the kernel by its name in /proc, which only Linux has"
)
def test_kernel_that_somebody_killed_is_tried_again(run: Run) -> None:
    name = f"k{time.monotonic_ns() % 10**9}"
    with killing(name, 1) as killed:
        done = run("x = 1", NAMED.format(name=name))
    assert len(killed) == 1
    assert (done.record.state, done.record.attempts) == ("complete", 2)
    assert done.value(1, "y") == 2


@pytest.mark.skipif(
    sys.platform != "linux", reason="finds the kernel by its name in /proc, which only Linux has"
)
def test_notebook_that_the_machine_kept_from_running_is_tried_again(run: Run) -> None:
    name = f"k{time.monotonic_ns() % 10**9}"
    with killing(name, 1, signal.SIGSTOP) as stopped:
        done = run("x = 1", NAMED.format(name=name), limits=Limits(cell_seconds=3))
    assert len(stopped) == 1
    assert (done.record.state, done.record.attempts) == ("complete", 2)
    assert done.value(1, "y") == 2


@pytest.mark.skipif(
    sys.platform != "linux", reason="the kernel's use of the processor is known on Linux alone"
)
def test_notebook_that_waits_of_its_own_will_meets_the_limit_twice_and_that_counts(run: Run) -> None:
    done = run("x = 1", "import time\ntime.sleep(60)", limits=Limits(cell_seconds=1))
    assert (done.record.state, done.record.attempts) == ("cell_limit", 2)
    assert done.value(0, "x") == 1


@pytest.mark.skipif(
    sys.platform != "linux", reason="finds the kernel by its name in /proc, which only Linux has"
)
def test_kernel_killed_twice_from_outside_costs_no_marks_where_no_notebook_can_do_it(run: Run) -> None:
    name = f"k{time.monotonic_ns() % 10**9}"
    with killing(name, 2) as killed:
        done = run("x = 1", NAMED.format(name=name))
    assert len(killed) == 2
    if done.record.fence_level == "namespaces" or done.record.state == "not_executed":
        assert done.record.state == "not_executed"
        assert "killed from outside" in done.record.detail
    else:
        assert done.record.state == "kernel_died"
        assert done.value(0, "x") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux fences, and only a fence gives way to others")
def test_crowd_stands_back_behind_the_kernels_beside_it(fenced: Run) -> None:
    few = "import os, threading, time\nbefore = os.getpriority(os.PRIO_PROCESS, 0)"
    many = (
        "over = threading.Event()\nmany = [threading.Thread(target=over.wait) for _ in range(4096)]\n"
        "try:\n    for one in many: one.start()\nexcept RuntimeError: pass\n"
        "until = time.monotonic() + 20\n"
        "while os.getpriority(os.PRIO_PROCESS, 0) < 19 and time.monotonic() < until: time.sleep(0.05)\n"
        "after = os.getpriority(os.PRIO_PROCESS, 0)\nover.set()"
    )
    done = fenced(few, many)
    assert (done.record.state, done.value(0, "before") < 19, done.value(1, "after")) == ("complete", True, 19)


def test_kernel_that_kills_itself_did_so(run: Run) -> None:
    done = run("x = 1", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\ny = 2")
    if done.record.state == "complete":  # the first process of a process space cannot
        assert done.value(1, "y") == 2
    else:
        assert (done.record.state, done.record.attempts) == ("kernel_died", 2)
        assert done.value(0, "x") == 1


def test_input_is_refused(fenced: Run) -> None:
    done = fenced("name = input('who? ')", "x = 1")
    assert [cell.status for cell in done.record.cells] == ["error", "ok"]
    assert done.record.seconds < 60


def test_output_flood_is_cut(fenced: Run) -> None:
    flood = "print('head')\nfor _ in range(200):\n    print('x' * 100_000)"
    done = fenced(flood, "print('later')", "x = 1", limits=Limits(output_mib=1))
    assert done.record.state == "complete"
    assert done.record.output_cut
    assert done.text(0).startswith("head\nxxx")
    assert "was cut" in done.text(0) + done.text(1)
    assert (done.out / "executed.ipynb").stat().st_size < 3 * 2**20
    assert done.value(2, "x") == 1


def test_huge_display_does_not_break_the_run(fenced: Run) -> None:
    huge = "from IPython.display import HTML, display\ndisplay(HTML('x' * 60_000_000))"
    done = fenced(huge, "print('later')\nx = 1", limits=Limits(output_mib=1))
    assert done.record.output_cut
    assert done.value(1, "x") == 1


def test_network_is_off_when_the_fence_says_so(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run(
            "import socket, urllib.request\nreached = []\n"
            f"for address in [('127.0.0.1', {port}), ('192.0.2.1', 80)]:\n"
            "    try:\n        socket.create_connection(address, 1).close(); reached.append(True)\n"
            "    except OSError:\n        reached.append(False)"
        )
    reached = done.value(0, "reached").tolist()
    assert reached == [False, False] if "network off" in done.record.fence else reached[0]


def test_environment_is_not_inherited(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_TOKEN", "secret-token-value")
    done = run(
        "import os, sys\nshell = os.popen('env').read()\nseen = 'secret' in str(os.environ) + shell\n"
        "where = os.getcwd() + os.path.expanduser('~')\nlast = sys.path[-1] == os.getcwd()\n"
        "open('note.txt', 'w').write('x')"
    )
    assert done.value(0, "seen") is False
    assert done.value(0, "last") is True
    assert str(Path.home()) not in done.value(0, "where") or str(Path.home()) == "/"
    assert not Path(done.value(0, "where")).exists()


def test_background_processes_end_with_the_kernel(run: Run, marker: str) -> None:
    done = run(
        f"import subprocess\nsubprocess.Popen(['sleep', '{marker}'])\n"
        f"subprocess.Popen(['setsid', 'sh', '-c', 'sleep {marker} & sleep {marker} & wait'])\n"
        "import time; time.sleep(0.3)"
    )
    assert done.record.state == "complete"
    assert sleepers(marker) == []


def test_helper_files_are_there_and_cannot_shadow(fenced: Run, tmp_path: Path) -> None:
    (tmp_path / "samplers.py").write_text("SIGMA = 2.5\n")
    (tmp_path / "random.py").write_text("raise RuntimeError('shadowed')\n")
    (tmp_path / "d.txt").write_text("text")
    files = {name: tmp_path / name for name in ("samplers.py", "random.py")} | {
        "data/d.txt": tmp_path / "d.txt"
    }
    done = fenced("import samplers, random\ns = samplers.SIGMA\nt = open('data/d.txt').read()", files=files)
    assert (done.value(0, "s"), done.value(0, "t")) == (2.5, "text")


def test_unreadable_notebook_is_a_record(fenced: Run, tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(b"%PDF-1.5")
    record = fenced.executor.execute(Job(notebook=path, out=tmp_path / "out"))
    assert record.state == "unreadable"
    assert (tmp_path / "out" / "execution.json").is_file()


def test_results_of_an_earlier_execution_are_removed(fenced: Run) -> None:
    fenced("x = 1", "y = 1")
    done = fenced("x = 1")
    assert list(done.cells) == [0]


# ------------------------------------------------------------------ challenges

ROLES = {
    "target": {
        "kind": "target",
        "names": ["density", "log_p", "target"],
        "globals": ["mixture_density"],
        "log_tokens": ["log"],
    },
    "n": {"kind": "number", "names": ["n"]},
    "c": {"kind": "number", "names": ["c"], "globals": ["C"]},
    "rng": {"kind": "rng", "names": ["rng"]},
    "x0": {"kind": "point", "contains": ["start"]},
}
VALUES = {
    "target": GAUSSIAN,
    "n": 4,
    "c": 3.0,
    "x0": [0.5, 0.5],
    "points": [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]],
}


def plan(**names: str) -> Plan:
    """One challenge a keyword: its id and the function it is about."""
    case = {"key": "0", "seed": 11, "values": VALUES}
    return Plan.model_validate(
        {
            "challenges": [
                {
                    "id": id,
                    "mode": "points" if id.startswith("points") else "call",
                    "names": [name],
                    "roles": ROLES,
                    "cases": [case],
                }
                for id, name in names.items()
            ]
        }
    )


def test_function_is_called_in_the_namespace_it_was_written_in(fenced: Run) -> None:
    done = fenced(
        "import numpy as np\nC = 12.0\ndef late(n): return [n, SCALE]\ndef uses(n): return [C, n, helper()]\n"
        "def helper(): return SIGMA\nSIGMA = 2.5",
        "SCALE = 10.0",
        "SIGMA = 99.0\nSCALE = 20.0\nseed = np.random.rand()",
        "result = uses(1)\nuses = result\nC = 5.0",
        plan=plan(frozen="uses", late="late", gone="absent"),
    )
    assert done.record.state == "complete"
    frozen = done.calls["call-frozen-0"]
    assert frozen.document["status"] == "ok"
    assert frozen.document["bound"]["c"] == "global C"
    np.testing.assert_array_equal(content(frozen, frozen.document["result"]), [3.0, 4.0, 2.5])
    late = done.calls["call-late-0"]
    np.testing.assert_array_equal(content(late, late.document["result"]), [4.0, 10.0])
    assert done.calls["call-gone-0"].document["status"] == "missing"


def test_target_of_unknown_form_is_handed_in_both(fenced: Run) -> None:
    done = fenced(
        "def mixture_density(x): return 0.0\n"
        "def sampler(density, n): return [density([0.0, 0.0]), density(0.0, 0.0)]\n"
        "def walker(log_p, start, rng): return [log_p(start), rng.normal()]\n"
        "def free(n):\n    return [mixture_density([[0.5, 0.5], [0.5, 0.5], [1.0, 1.0]])[0], 1.0]",
        plan=plan(both="sampler", log="walker", free="free"),
    )
    inverse = np.linalg.inv(GAUSSIAN["cov"])

    def log_density(x: list[float]) -> float:
        d = np.array(x) - GAUSSIAN["mean"]
        return float(-0.5 * d @ inverse @ d - np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(GAUSSIAN["cov"])[1])

    answers = {stem: content(c, c.document["result"]) for stem, c in done.calls.items()}
    assert set(answers) == {
        *(f"call-{id}-0-{form}" for id in ("both", "free") for form in ("density", "log_density")),
        "call-log-0",
    }
    np.testing.assert_allclose(answers["call-both-0-density"], 2 * [np.exp(log_density([0, 0]))])
    np.testing.assert_allclose(answers["call-both-0-log_density"], 2 * [log_density([0, 0])])
    np.testing.assert_allclose(answers["call-free-0-density"][0], np.exp(log_density([0.5, 0.5])))
    expected = [log_density([0.5, 0.5]), np.random.default_rng(11).normal()]
    np.testing.assert_allclose(answers["call-log-0"], expected)
    assert done.calls["call-free-0-density"].document["bound"]["target"] == "global mixture_density"


def test_calls_that_misbehave_end_in_a_status(fenced: Run) -> None:
    done = fenced(
        "def needs(n, wanted): return 1\ndef fails(n): raise KeyError('odd')\n"
        "def leaves(n): raise SystemExit\n"
        "def hangs(n):\n    while True: pass\nclass Sampler:\n    pass\ndef strange(n): return object()\n"
        "def good(n):\n    print('noise' * 1000)\n    return n",
        plan=plan(
            a="needs", b="fails", c="leaves", d="hangs", e="Sampler", f="strange", g="good", points="good"
        ),
        limits=Limits(call_seconds=1),
    )
    status = {stem.split("-")[1]: c.document["status"] for stem, c in done.calls.items()}
    assert status == {
        "a": "not_callable",
        "b": "error",
        "c": "error",
        "d": "time_limit",
        "e": "not_callable",
        "f": "bad_output",
        "g": "ok",
        "points": "error",
    }
    assert done.calls["call-b-0"].document["error"]["name"] == "KeyError"
    assert "wanted" in done.calls["call-a-0"].document["error"]["message"]
    assert done.text(0) == ""


@pytest.mark.parametrize(
    ("source", "how"),
    [
        ("def f(x): return np.sum(np.asarray(x), axis=-1)", "batch"),
        ("def f(x, y): return x + y", "columns"),
        ("def f(p): return float(p[0] + p[1])", "points"),
        ("def f(p, SCALE):\n    a, b = p\n    return (a + b) * SCALE\nSCALE = 1.0", "points"),
        ("class F:\n    def __call__(self, x): return x.sum(-1)\nf = F()", "batch"),
    ],
)
def test_function_of_points_is_evaluated_its_own_way(fenced: Run, source: str, how: str) -> None:
    done = fenced(f"import numpy as np\n{source}", plan=plan(points="f"))
    answer = done.calls["call-points-0"]
    assert (answer.document["status"], answer.document["how"]) == ("ok", how)
    np.testing.assert_array_equal(content(answer, answer.document["result"]), [1, 5, 9])


def test_replay_shifts_the_streams_and_records_the_seed_as_given(fenced: Run) -> None:
    source = "import numpy as np\nrng = np.random.default_rng(3)\nx = rng.normal(size=2)"
    done = fenced(source, plan=Plan(seed_shift=1000))
    np.testing.assert_array_equal(done.value(0, "x"), np.random.default_rng(1003).normal(size=2))
    assert done.cells[0].document["seeds"] == [{"call": "numpy.random.default_rng", "seed": 3}]


def test_torch_tensors_and_seeds(fenced: Run) -> None:
    pytest.importorskip("torch")
    done = fenced(
        "import torch\ntorch.manual_seed(1234)\n"
        "t = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)\n"
        "losses = [torch.tensor(1.0), torch.tensor(2.0)]\nb = torch.ones(2, dtype=torch.bfloat16)\n"
        "def density(x):\n    return torch.logsumexp(x, dim=-1)",
        plan=plan(points="density"),
    )
    assert done.cells[0].document["seeds"] == [{"call": "torch.manual_seed", "seed": 1234}]
    assert done.cells[0].document["torch_initial_seed"] == 1234
    node = done.cells[0].document["values"]["t"]
    assert (node["src"], node["dtype"], node["shape"], node["device"]) == ("tensor", "float64", [2, 3], "cpu")
    np.testing.assert_array_equal(done.value(0, "losses"), [1.0, 2.0])
    assert done.cells[0].document["values"]["b"]["dtype"] == "bfloat16"
    assert done.calls["call-points-0"].document["status"] == "ok"


def test_forged_messages_and_containers_hurt_nobody(fenced: Run) -> None:
    forged = (
        "import sys, os, json\nseen = sys.modules['_notebook_observer'].observer.folder\n"
        "os.symlink('/etc/passwd', seen + '/cell-0005.safetensors')\n"
        "open(seen + '/cell-0006.safetensors', 'wb').write(b'x' * 100)\n"
        "session = get_ipython().kernel.session\nsocket = get_ipython().kernel.iopub_socket\n"
        "for content in [None, [], {'execution_state': 'idle'}, {'text': 3}, {'data': None}]:\n"
        "    for kind in ['status', 'stream', 'display_data', 'execute_result', 'comm_open', 'x']:\n"
        "        session.send(socket, kind, content=content, parent=get_ipython().parent_header)\n"
        "x = 1"
    )
    out = fenced.folder / "out"
    with pytest.raises(ValueError, match="cell-0006"):
        fenced(forged, "y = 2")
    record = ExecutionRecord.model_validate_json((out / "execution.json").read_text())
    assert record.cells[1].status == "ok"
    assert not (out / "arrays" / "cell-0005.safetensors").exists()
    assert read_container(out / "arrays" / "cell-0001.safetensors").document["values"]["y"]["v"] == 2


def test_two_notebooks_side_by_side(fenced: Run, tmp_path: Path) -> None:
    done: dict[int, Finished] = {}

    def one(n: int) -> None:
        (tmp_path / str(n)).mkdir()
        done[n] = Run(fenced.executor, tmp_path / str(n))(f"import time\ntime.sleep(0.3)\nx = {n}")

    threads = [threading.Thread(target=one, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n: finished.value(0, "x") for n, finished in done.items()} == {0: 0, 1: 1}


def test_executor_describes_itself(run: Run) -> None:
    assert isinstance(run.executor, Executor)
    assert run.executor.describe().endswith(".")
    json.dumps(run.executor.name)


# ------------------------------------------------------------------ what a notebook may expect


def noticed(done: Finished, index: int) -> list[str]:
    return [notice["kind"] for notice in done.cells[index].document["notices"]]


def test_notebook_written_for_another_machine_runs(run: Run) -> None:
    done = run(
        "!pip install -q no-such-thing numpy && echo after\nx = 1",
        "pip install no-such-thing",
        "from google.colab import drive\ndrive.mount('drive')\n%cd /no/such/folder/anywhere\ny = 2",
        "import no_such_package\nmodel = 1",
        "model",
        "names = !printf 'a\\nb'; exit 3\nstatus = _exit_code\nnames = list(names)\nprint(names)",
    )
    assert [cell.status for cell in done.record.cells] == ["ok", "ok", "ok", "error", "error", "ok"]
    assert "Available: numpy. Not available: no-such-thing." in done.text(0)
    assert done.text(0).endswith("after\n")
    assert (noticed(done, 0), noticed(done, 1)) == (["pip"], ["pip"])
    assert noticed(done, 2) == ["colab", "colab", "folder"]
    assert (done.value(2, "y"), done.value(5, "status")) == (2, 3)
    assert done.text(5) == "['a', 'b']\n"
    sources = {index: cell.source for index, cell in enumerate(done.notebook.cells)}
    [failed] = failed_imports(done.record, sources)
    assert (failed.cell, failed.kind, [lost.cell for lost in failed.lost]) == (3, "own_file", [4])


def test_shell_line_ends_with_its_cell(run: Run, marker: str) -> None:
    done = run(f"!echo begun; sleep {marker}", "x = 1", limits=Limits(cell_seconds=2))
    assert [cell.status for cell in done.record.cells] == ["time_limit", "ok"]
    assert done.text(0).startswith("begun\n")
    assert sleepers(marker) == []


def test_shell_lines_see_what_the_notebook_writes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tool.py").write_text("import sys\nfrom samplers import SIGMA\nprint(SIGMA, *sys.argv[1:])\n")
    (tmp_path / "samplers.py").write_text("SIGMA = 2.5\n")
    done = run(
        "open('a.txt', 'w').write('text')\n!cat a.txt\n!python tool.py 7",
        "%%bash\nread line || echo no input\nls *.txt",
        files={name: tmp_path / name for name in ("tool.py", "samplers.py")},
    )
    assert done.text(0) == "text2.5 7\n"
    assert done.text(1) == "no input\na.txt\n"


def test_packages_of_helpers_are_imported(fenced: Run, tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(
        "from .layers import WIDTH\nfrom helpers.layers import WIDTH as again\n"
    )
    (tmp_path / "layers.py").write_text("WIDTH = 8\n")
    (tmp_path / "init.py").touch()
    (tmp_path / "data.py").write_text("N = 3\n")
    files = {
        "helpers/__init__.py": tmp_path / "init.py",
        "helpers/nets.py": tmp_path / "nets.py",
        "helpers/layers.py": tmp_path / "layers.py",
        "loose/data.py": tmp_path / "data.py",
    }
    done = fenced("from helpers.nets import WIDTH, again\nfrom loose import data\nn = data.N", files=files)
    assert (done.value(0, "WIDTH"), done.value(0, "again"), done.value(0, "n")) == (8, 8, 3)


def test_widgets_and_torchvision_work(fenced: Run) -> None:
    pytest.importorskip("torch")
    done = fenced(
        "from tqdm.notebook import tqdm\nimport ipywidgets\nn = 0\nfor i in tqdm(range(3)):\n    n += i\n"
        "ipywidgets.IntSlider(value=2)",
        "import torch\nimport torchvision\nfrom torchvision import datasets, models, transforms, utils\n"
        "torch.manual_seed(3)\ngrid = utils.make_grid(torch.ones(4, 1, 8, 8)).numpy()\n"
        "tensor = transforms.ToTensor()(transforms.ToPILImage()(torch.zeros(1, 4, 4))).numpy()",
    )
    assert [cell.status for cell in done.record.cells] == ["ok", "ok"]
    assert done.value(0, "n") == 3
    assert done.notebook.cells[0].outputs[-1].data["text/plain"] == "IntSlider(value=2)"
    assert (done.value(1, "grid").shape, done.value(1, "tensor").shape) == ((3, 12, 42), (1, 4, 4))
    assert done.cells[1].document["seeds"] == [{"call": "torch.manual_seed", "seed": 3}]


# ------------------------------------------------------------------ data sets and the network

TEXT_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"


@pytest.fixture
def real_data() -> None:
    """For what needs the data sets themselves."""
    folder = os.environ.get("AUTOGRADER_DATA", "")
    if not folder or any(one.state != "present" for one in status(Path(folder), verified=True)):
        pytest.skip("AUTOGRADER_DATA names no folder with the data sets (autograder data fetch)")


def reached(done: Finished, index: int) -> list[tuple[str, str]]:
    return [(notice["kind"], notice["what"]) for notice in done.cells[index].document["notices"]]


def test_network_is_refused_at_once_and_noted(run: Run) -> None:
    done = run(
        "import socket, urllib.request\nsaid = []\n"
        "for act in (lambda: urllib.request.urlopen('https://example.org/a'),\n"
        "            lambda: socket.create_connection(('203.0.113.7', 80), timeout=20)):\n"
        "    try:\n        act()\n    except OSError as error:\n        said.append(str(error))\n"
        "n = sum('without a network' in one for one in said)",
        "!wget https://example.org/b.zip\nimport os\nos.system('curl -s https://example.org/c.zip')\n",
    )
    assert done.value(0, "n") == 2
    assert reached(done, 0) == [("network", "https://example.org/a"), ("network", "203.0.113.7")]
    assert reached(done, 1) == [
        ("network", "https://example.org/b.zip"),
        ("network", "https://example.org/c.zip"),
    ]
    assert "notebooks run without a network" in done.text(1)
    assert [cell.status for cell in done.record.cells] == ["ok", "ok"]


def test_data_that_is_not_here_is_said_to_be_ours(tmp_path: Path) -> None:
    with LocalExecutor(Options(data=tmp_path / "nowhere"), own_work=True) as executor:
        done = Run(executor, tmp_path)(
            f"import urllib.request\nurllib.request.urlopen({TEXT_URL!r})", f"!wget -q {TEXT_URL}\nn = 1"
        )
    assert "Tiny Shakespeare is not on this machine: the instructor runs `autograder data fetch`" in str(
        done.cell(0).error
    )
    assert reached(done, 0) == reached(done, 1) == [("data", "Tiny Shakespeare")]


@pytest.mark.usefixtures("real_data")
def test_known_text_is_served_however_it_is_asked_for(run: Run) -> None:
    done = run(
        f"import urllib.request\nurl = {TEXT_URL!r}\ntext = urllib.request.urlopen(url).read().decode()\n"
        "n, n_kinds = len(text), len(set(text))",
        "import requests\nanswer = requests.get(url)\nm, code = len(answer.text), answer.status_code",
        "import pandas as pd\nn_lines = len(pd.read_csv(url, sep='\\0', header=None, engine='c', quoting=3))",
        "!wget -q $url && curl -s -o again.txt $url\ntwice = len(open('input.txt').read()) + len(open('again.txt').read())",
    )
    assert [cell.error for cell in done.record.cells] == [None] * 4
    assert (done.value(0, "n"), done.value(0, "n_kinds")) == (1_115_394, 65)
    assert (done.value(1, "m"), done.value(1, "code"), done.value(3, "twice")) == (
        1_115_394,
        200,
        2 * 1_115_394,
    )
    assert done.value(2, "n_lines") == 32_777  # lines that are not empty
    used = read_observations(done.out / "arrays").datasets
    taken = [(one.cell, one.how) for one in used if one.name == "Tiny Shakespeare"]
    assert taken == [(0, "url"), (1, "url"), (2, "url"), (3, "wget"), (3, "curl")]
    assert all(reached(done, index) == [] for index in range(4))


@pytest.mark.usefixtures("real_data")
def test_mnist_is_there_whatever_the_root_and_what_was_loaded_is_recorded(run: Run) -> None:
    pytest.importorskip("torch")
    done = run(
        "from torchvision import datasets, transforms\n"
        "train = datasets.MNIST(root='./data', train=True, download=True, transform=transforms.ToTensor())\n"
        "test = datasets.MNIST('/content/drive/MyDrive', transform=transforms.ToTensor())\n"
        "right = datasets.MNIST('~/x', False)\n"
        "labels = train.targets[:5].tolist(), right.targets[:5].tolist()\nn = len(train), len(test), len(right)",
        "try:\n    datasets.FashionMNIST('./data', download=True)\nexcept RuntimeError as error:\n    said = str(error)\n"
        "is_clear = 'without a network' in said",
        "import os\ndef is_closed(path):\n    try:\n        open(path, 'a')\n    except OSError:\n        return True\n"
        "closed = is_closed('data/MNIST/raw/t10k-labels-idx1-ubyte')",
    )
    assert [cell.error for cell in done.record.cells] == [None] * 3
    assert done.value(0, "n").tolist() == [60_000, 60_000, 10_000]
    assert done.value(0, "labels").tolist() == [[5, 0, 4, 1, 9], [7, 2, 1, 0, 4]]
    seen = [one for one in read_observations(done.out / "arrays").datasets if one.how == "made"]
    assert [(one.name, one.train, one.is_given("train"), one.length) for one in seen] == [
        ("MNIST", True, True, 60_000),
        ("MNIST", True, False, 60_000),
        ("MNIST", False, True, 10_000),
    ]
    assert (seen[0].transform, seen[0].is_shared) == ("ToTensor()", True)
    assert done.value(1, "is_clear") is True
    if done.record.fence_level != "none":
        assert done.value(2, "closed") is True


@pytest.mark.usefixtures("real_data")
def test_kernels_see_the_known_files_of_the_folder_and_no_others(run: Run) -> None:
    done = run(
        "import os\nfolder = os.environ['AUTOGRADER_DATA']\n"
        "found = sorted(name for _, _, names in os.walk(folder) for name in names)"
    )
    if done.record.fence_level == "namespaces":
        names = [node["v"] for node in done.cells[0].document["values"]["found"]["items"]]
        assert names == sorted(file.name for known in KNOWN_SETS for file in known.files)


# ------------------------------------------------------------------ functions of neural notebooks

NEURAL = """
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(1234)
def vae_loss(recon, x, mu, logvar):
    kl = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp()) / len(x)
    return F.binary_cross_entropy(recon, x, reduction='sum') / len(x) + kl, kl
def reparameterize(mu, logvar):
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
def gan_step(G, D, opt_G, opt_D, real):
    fake, one, zero = G(torch.randn(len(real), 64)), torch.ones(len(real), 1), torch.zeros(len(real), 1)
    bce = F.binary_cross_entropy_with_logits
    opt_D.zero_grad(); (bce(D(real), 0.9 * one) + bce(D(fake.detach()), zero)).backward(); opt_D.step()
    opt_G.zero_grad(); bce(D(fake), one).backward(); opt_G.step()
@torch.no_grad()
def generate(model, idx, n, top_k=20):
    for _ in range(n):
        top, where = model(idx[:, -128:])[:, -1].topk(top_k)
        idx = torch.cat([idx, where.gather(1, torch.multinomial(top.softmax(-1), 1))], 1)
    return idx
"""
TRAINING = """
net = nn.Linear(4, 1)
nn.init.xavier_uniform_(net.weight)
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.01)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(64, 4)), batch_size=16, shuffle=True)
for (x,) in loader:
    optimizer.zero_grad()
    F.binary_cross_entropy_with_logits(net(x), torch.full((len(x), 1), 0.9)).backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
"""


def known_as(kind: str, *names: str) -> dict[str, Any]:
    return {"kind": kind, "names": names}


CHALLENGES: dict[str, dict[str, Any]] = {
    "loss": {
        "mode": "loss", "draw": "vae_loss_inputs", "n_cases": 4, "names": ["vae_loss"],
        "roles": {"reconstruction": known_as("tensor", "recon"), "target": known_as("tensor", "x"),
                  "mu": known_as("tensor", "mu"), "log_var": known_as("tensor", "logvar")},
    },
    "sample": {
        "mode": "noise", "draw": "sampled_latent", "names": ["reparameterize"],
        "roles": {"mu": known_as("tensor", "mu"), "log_var": known_as("tensor", "logvar")},
    },
    "step": {
        "mode": "step", "draw": "gan_step_inputs", "names": ["gan_step"],
        "roles": {"generator": known_as("module", "G"), "discriminator": known_as("module", "D"),
                  "generator_optimizer": known_as("optimizer", "opt_G"),
                  "discriminator_optimizer": known_as("optimizer", "opt_D"), "real": known_as("tensor", "real")},
    },
    "decoder": {
        "mode": "decoder", "draw": "decoder_inputs", "params": {"strategy": "top_k"}, "names": ["generate"],
        "roles": {"model": known_as("module", "model"), "prompt": known_as("tokens", "idx"),
                  "n": known_as("number", "n"), "k": known_as("number", "top_k")},
    },
}  # fmt: skip


def put(run: Run, *sources: str) -> Evidence:
    """The evidence of a notebook to which all of CHALLENGES are put."""
    challenges = {key: ChallengeSpec.model_validate(spec) for key, spec in CHALLENGES.items()}
    part = PartSpec(
        part="b", title="", points=0, false_fail_rate=0.01, filenames=[], items=[], challenges=challenges
    )
    cases = {key: draw_cases(spec, "secret", "content", key) for key, spec in challenges.items()}
    done = run(*sources, plan=make_plan(part, cases, {}))
    assert [cell.error for cell in done.record.cells] == [None] * len(sources)
    observations = read_observations(done.out / "arrays")
    return gather(part, (), observations, done.record, cases, {})


def says(evidence: Evidence, check: str, **params: Any) -> Any:
    entry = CHECKS[check]
    return entry.function(evidence, entry.params.model_validate(params), Context("b1", 1e-4, Golden()))


def test_functions_of_neural_notebooks_are_tried(run: Run) -> None:
    pytest.importorskip("torch")
    evidence = put(run, NEURAL, TRAINING)
    for check, params in {
        "loss_is": {"challenge": "loss"},
        "sample_is_reparameterised": {"challenge": "sample"},
        "generator_step_leaves_discriminator": {"challenge": "step"},
        "discriminator_step_reaches_only_discriminator": {"challenge": "step"},
        "targets_are": {"challenge": "step", "real": 0.9},
        "gradients_are_cleared": {"challenge": "step"},
        "samples_from_top_k": {"challenge": "decoder"},
        "generates_n_tokens": {"challenge": "decoder"},
        "crops_to_context": {"challenge": "decoder"},
        "optimizer_is": {"name": "AdamW", "lr": 3e-4, "betas": [0.9, 0.95], "weight_decay": 0.01},
        "batch_size_is": {"size": 16, "shuffles": True},
        "clips_gradients": {"max_norm": 1.0},
        "initialises_with": {"name": "xavier_uniform_"},
        "trains_on_targets": {"targets": [0.9]},
    }.items():
        finding = says(evidence, check, **params)  # type: ignore[arg-type]
        assert finding.fraction == 1.0, f"{check}: {finding.message}"


def test_mistakes_in_functions_of_neural_notebooks_are_named(fenced: Run) -> None:
    pytest.importorskip("torch")
    wrong = (
        NEURAL.replace("-0.5 * torch.sum", "-torch.sum")
        .replace("torch.exp(0.5 * logvar)", "logvar")
        .replace("0.9 * one", "one")
        .replace("    opt_D.zero_grad();", "   ")
        .replace("        idx = torch.cat", "    idx = torch.cat")
    )
    evidence = put(fenced, wrong)
    for check, challenge, said in [
        ("loss_is", "loss", "the ½ is missing"),
        ("sample_is_reparameterised", "sample", "the log variance itself is used"),
        ("targets_are", "step", "no label smoothing"),
        ("gradients_are_cleared", "step", "does not clear the gradients of the discriminator"),
        ("generates_n_tokens", "decoder", "gives one token"),
    ]:
        params = {"challenge": challenge} | ({"real": 0.9} if check == "targets_are" else {})
        assert said in says(evidence, check, **params).message


def test_functions_that_end_the_kernel_cost_their_own_challenge(fenced: Run) -> None:
    pytest.importorskip("torch")
    deadly = NEURAL
    for head, end in [
        ("def reparameterize(mu, logvar):\n", "    import sys; sys.exit(3)\n"),
        ("def gan_step(G, D, opt_G, opt_D, real):\n", "    real.resize_(2)\n"),
    ]:
        deadly = deadly.replace(head, head + end)
    evidence = put(fenced, deadly)
    assert says(evidence, "loss_is", challenge="loss").fraction == 1.0
    assert "SystemExit" in says(evidence, "sample_is_reparameterised", challenge="sample").message
    assert says(evidence, "targets_are", challenge="step").fraction == 0.0
    assert says(evidence, "samples_from_top_k", challenge="decoder").fraction == 1.0


# ------------------------------------------------------------------- modules

LAYERED = {
    "latent": 3,
    "input": {"kind": "floats", "shapes": [[2, 3]]},
    "arrays": {"base": [0.5, -1.0, 2.0, 0.0, 1.0, -0.5]},
    "fillings": [[7, 1.0]],
    "noise_key": 1,
    "runs": [{"name": "base", "input": "base", "filling": 0, "trace": True}],
}


def module_plan(**roles: Any) -> Plan:
    """One challenge to a module called `Net`."""
    case = {"key": "0", "seed": 3, "values": LAYERED}
    challenge = {"id": "net", "mode": "module", "names": ["Net"], "roles": roles, "cases": [case]}
    return Plan.model_validate({"challenges": [challenge]})


def test_module_is_made_from_its_class_and_run_with_canonical_weights(fenced: Run) -> None:
    done = fenced(
        "import torch\nfrom torch import nn\nWIDTH = 4\nclass Net(nn.Module):\n    def __init__(self, z_dim):\n"
        "        super().__init__()\n        self.a, self.b = nn.Linear(z_dim, WIDTH), nn.Linear(WIDTH, 1)\n"
        "    def forward(self, z):\n        return {'out': self.b(self.a(z).relu())}",
        "WIDTH = None\ntorch.manual_seed(0)\nbefore = torch.rand(1)",
        plan=module_plan(latent={"kind": "number", "names": ["z_dim"]}),
    )
    answer = done.calls["call-net-0"]
    record = answer.document["record"]
    assert answer.document["status"] == "ok"
    assert [tensor["shape"] for tensor in record["structure"]["tensors"]] == [[4, 3], [4], [1, 4], [1]]
    (ran,) = record["runs"]
    assert [step["op"] for step in ran["trace"]] == ["linear", "relu", "linear"]
    fill = Filling(7, 1.0)
    weights = [fill.tensor(shape) for shape in ((4, 3), (4,), (1, 4), (1,))]
    w1, b1, w2, b2 = (weight for weight in weights if weight is not None)
    hidden = np.maximum(np.reshape(LAYERED["arrays"]["base"], (2, 3)) @ w1.T + b1, 0.0)  # type: ignore[index]
    (output,) = ran["outputs"]
    assert output["path"] == "out"
    np.testing.assert_allclose(content(answer, output["node"]), hidden @ w2.T + b2, rtol=1e-5)


def test_module_that_ends_the_kernel_or_is_not_there_is_told(fenced: Run) -> None:
    done = fenced("x = 1", plan=module_plan())
    assert done.calls["call-net-0"].document["status"] == "missing"
    done = fenced(
        "import os, torch\nclass Net(torch.nn.Module):\n    def forward(self, z): os._exit(3)",
        plan=module_plan(),
    )
    assert done.calls["call-net-0"].document["status"] == "time_limit"
    assert done.record.cells[0].status == "ok"


def test_what_chance_decided_is_told(fenced: Run) -> None:
    done = fenced(
        "import random\nimport numpy as np\nimport torch",
        "np.random.seed(1); torch.manual_seed(1); np.random.rand(); torch.rand(1); np.random.default_rng(2).random()",
        "random.random()",
        "np.random.default_rng().random()",
    )
    told = [container.document["by_chance"] for _, container in sorted(done.cells.items())]
    assert told == [[], [], ["random"], ["numpy.random.default_rng", "random"]]
    late = fenced("import numpy as np\nimport torch", "np.random.rand(); np.random.seed(1)", "torch.rand(1)")
    assert late.cells[2].document["by_chance"] == ["numpy", "torch"]
