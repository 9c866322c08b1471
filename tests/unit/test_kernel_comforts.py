"""What the kernel offers to notebooks that were written elsewhere: pip lines, shell lines, Colab, folders."""

import importlib.util
import os
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from autograder.kernel_side import folders as folders_module
from autograder.kernel_side.colab import Colab, asks_for_colab
from autograder.kernel_side.folders import Folders, folder_of
from autograder.kernel_side.functions import describe_function
from autograder.kernel_side.installs import (
    bare_installs_to_magics,
    installation,
    is_available,
    package_name,
    pieces,
    split_words,
)
from autograder.kernel_side.notices import MAX_NOTICES, Notices
from autograder.kernel_side.self_checks import SelfChecks
from autograder.kernel_side.shell_lines import Heard, ShellLines, run_script
from autograder.probes.container import read_container


@pytest.fixture
def notices() -> Notices:
    return Notices()


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An IPython of its own in a folder of its own; nothing of it is left behind."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(os, "chdir", os.chdir)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for name in [name for name in sys.modules if f"{name}.".startswith("google.")]:
        monkeypatch.delitem(sys.modules, name)
    config = InteractiveShell.config.klass()  # the class of traitlets, which IPython brings
    config.HistoryManager.enabled = False
    config.InteractiveShell.xmode = "Plain"
    made = InteractiveShell(config=config)
    monkeypatch.setitem(made.builtin_trap.auto_builtins, "get_ipython", lambda: made)
    yield made
    for name in [name for name in sys.modules if f"{name}.".startswith("google.")]:
        del sys.modules[name]


@pytest.fixture
def comforts(shell: Any, notices: Notices) -> Any:
    """The shell with everything put in place."""
    for stand_in in (ShellLines, Folders, Colab):
        stand_in(shell, notices).install()
    return shell


def run(shell: Any, *cells: str) -> Any:
    for cell in cells:
        result = shell.run_cell(cell)
        if result.error_in_exec or result.error_before_exec:
            raise result.error_in_exec or result.error_before_exec
    return result.result


# ------------------------------------------------------------------ installations


@pytest.mark.parametrize(
    ("command", "tool", "names"),
    [
        ("pip install torch", "pip", ["torch"]),
        ("pip3 -q install 'torch>=2' numpy==1.0 ray[tune]", "pip", ["torch", "numpy", "ray"]),
        ("sudo pip install --upgrade pip -i https://host/simple", "pip", ["pip"]),
        ("python -m pip install git+https://host/owner/clip.git@main", "pip", ["clip"]),
        ("/opt/python3.11 -m pip install a > /dev/null 2>&1", "pip", ["a"]),
        ("PIP_X=1 pip uninstall -y a", "pip", ["a"]),
        ("uv pip install a", "pip", ["a"]),
        ("pip install -e . -r missing.txt", "pip", []),
        ("pip install a \\\n  b", "pip", ["a", "b"]),
        ("pip list", "", []),
        ("pip", "", []),
        ("conda install -c x y", "conda", []),
        ("apt-get update", "apt-get", []),
        ("sudo apt install -y x", "apt", []),
        ("echo pip install a", "", []),
        ("python train.py", "", []),
        ("", "", []),
    ],
)
def test_installations_are_told_from_other_commands(command: str, tool: str, names: list[str]) -> None:
    assert installation(split_words(command)) == (tool, names)


def test_requirements_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("# all\nnumpy>=1  # arrays\n\n-e .\nwandb\n")
    assert installation(["pip", "install", "-r", str(path)]) == ("pip", ["numpy", "wandb"])


def test_pieces_respect_quotes() -> None:
    assert pieces("a 'b; c' && d | e; f") == [
        ("a 'b; c' ", "&&"),
        (" d ", "|"),
        (" e", ";"),
        (" f", ""),
    ]
    assert pieces("a 2>&1 &> b") == [("a 2>&1 &> b", "")]


def test_availability_and_names() -> None:
    assert is_available("numpy")
    assert is_available("ruamel.yaml")
    assert not is_available("no-such-package-anywhere")
    assert package_name("https://host/files/thing") == "thing"


@pytest.mark.parametrize(
    ("script", "rest", "n"),
    [
        ("pip install a", "", 1),
        ("pip install a; apt-get update -y", "", 2),
        ("pip install a && python x.py", ": && python x.py", 1),
        ("(cd x && pip install .)", "(cd x && : )", 1),
        ("for i in 1 2; do pip install $i; done", "for i in 1 2; do : ; done", 1),
        ("yes | pip install a | grep -v b", "yes | : | grep -v b", 1),
        ("echo 'pip install a'", "echo 'pip install a'", 0),
        ("ls", "ls", 0),
    ],
)
def test_installations_are_taken_out(shell: Any, notices: Notices, script: str, rest: str, n: int) -> None:
    lines = ShellLines(shell, notices)
    assert lines.installs.taken_out(script).split() == rest.split()
    assert len(notices.take()) == n


def test_bare_lines_become_magics_outside_of_texts() -> None:
    cell = ["pip install a\n", "x = '''\n", "pip install b\n", "'''\n", "  conda install c\n", "pip = 3\n"]
    expected = ["%pip install a\n", *cell[1:4], "  %conda install c\n", cell[5]]
    assert bare_installs_to_magics(cell) == expected
    assert bare_installs_to_magics(["%%bash\n", "pip install a\n"]) == ["%%bash\n", "pip install a\n"]
    assert bare_installs_to_magics(["pip install = 3\n"]) == ["pip install = 3\n"]


@pytest.mark.parametrize(
    "cell",
    [
        "!pip install no-such-thing numpy",
        "%pip install no-such-thing numpy",
        "pip install no-such-thing numpy",
        "x = 1\npip install no-such-thing numpy",
        "import sys\n!{sys.executable} -m pip install no-such-thing numpy",
        "lines = !pip install no-such-thing numpy",
        "%%bash\npip install no-such-thing numpy",
        "names = 'no-such-thing numpy'\n!pip install {names}",
    ],
)
def test_pip_lines_are_left_out_and_say_what_is_there(
    comforts: Any, notices: Notices, capsys: pytest.CaptureFixture[str], cell: str
) -> None:
    run(comforts, cell)
    [noted] = notices.take()
    assert (noted["kind"], noted["available"], noted["missing"]) == ("pip", ["numpy"], ["no-such-thing"])
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "Available: numpy. Not available: no-such-thing." in printed


@pytest.mark.parametrize(
    "cell", ["%conda install x", "!apt-get install -y x", "!sudo apt install x", "%mamba list"]
)
def test_system_installers_are_left_out(comforts: Any, notices: Notices, cell: str) -> None:
    run(comforts, cell)
    assert [noted["kind"] for noted in notices.take()] == ["system"]


def test_other_pip_commands_run(comforts: Any, notices: Notices, capsys: pytest.CaptureFixture[str]) -> None:
    comforts.system = lambda line: print("ran", line.rpartition(" ")[2])
    run(comforts, "%pip list")
    assert "ran list" in capsys.readouterr().out
    assert notices.take() == []


# ------------------------------------------------------------------ shell lines


def test_shell_lines_run_as_in_jupyter(comforts: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(comforts, "word = 'said'\n!echo {word} $word; echo oops >&2; exit 3", "status = _exit_code")
    assert capsys.readouterr().out == "said said\noops\n"
    assert comforts.user_ns["status"] == 3
    run(
        comforts,
        "a = !printf 'x\\ny'",
        "b = get_ipython().getoutput('echo z', split=False)",
        "c = %sx echo w",
    )
    assert (comforts.user_ns["a"], comforts.user_ns["b"]) == (["x", "y"], "z\n")
    assert (comforts.user_ns["a"].n, comforts.user_ns["c"]) == ("x\ny", ["w"])
    run(comforts, "def f(local):\n    !echo {local}\nf('inner')")
    assert capsys.readouterr().out == "inner\n"


def test_shell_lines_get_no_input(comforts: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(comforts, "!read x; echo got:$x")
    assert capsys.readouterr().out == "got:\n"


def test_scripts_fail_as_in_ipython(comforts: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(subprocess.CalledProcessError, match="status 3"):
        run(comforts, "%%bash\necho out\nexit 3")
    run(comforts, "%%sh --no-raise-error\nexit 3")
    assert capsys.readouterr().out.startswith("out\n")


def test_python_in_a_shell_line_is_the_kernels_own(comforts: Any) -> None:
    run(comforts, "which = !python -c 'import sys; print(sys.prefix)'")
    assert comforts.user_ns["which"] == [sys.prefix]


def test_deadline_ends_a_shell_line_and_what_it_started(
    shell: Any, notices: Notices, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ShellLines(shell, notices, seconds=0.5).install()
    mark = tmp_path / "pid"
    run(shell, f"!echo first; (sleep 1000 & echo $! > {mark}; wait)\nafter = 1")
    assert shell.user_ns["after"] == 1
    assert shell.user_ns["_exit_code"] == -9
    printed = capsys.readouterr().out
    assert printed.startswith("first\n[This shell line was ended after 0.5 s")
    [noted] = notices.take()
    assert (noted["kind"], noted["seconds"]) == ("deadline", 0.5)
    assert is_gone(int(mark.read_text()))
    run(shell, "%%bash\nsleep 1000")  # raises nothing either
    assert [noted["what"] for noted in notices.take()] == ["%%bash"]


def is_gone(pid: int) -> bool:
    """Whether a process ended, or will have in a moment (it was sent SIGKILL)."""
    for _ in range(1000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)
    return False


def test_interrupt_ends_the_shell_line_and_goes_on_to_the_cell(tmp_path: Path) -> None:
    mark = tmp_path / "pid"

    def interrupted(text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_script(["/bin/sh", "-c", f"echo $$ > {mark}; echo x; exec sleep 1000"], 1000, interrupted)
    assert is_gone(int(mark.read_text()))


def test_background_programs_do_not_hold_up_the_cell(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    heard = Heard()
    assert run_script(["/bin/sh", "-c", f"sleep 1000 & echo $! > {mark}; echo on"], 1000, heard.add) == 0
    assert heard.text() == "on\n"
    os.kill(int(mark.read_text()), 9)


def test_flood_is_not_gathered() -> None:
    heard = Heard()
    heard.room = 10
    assert run_script(["/bin/sh", "-c", "head -c 1000000 /dev/zero"], 1000, heard.add) == 0
    assert len(heard.text()) == 10


def test_failed_download_is_noted_and_other_failures_are_not(comforts: Any, notices: Notices) -> None:
    run(comforts, "!git clone /no/such/place/anywhere; false", "!ls /no/such/place", "!no-such-program")
    assert [(noted["kind"], noted["status"]) for noted in notices.take()] == [("download", 1)]


# ------------------------------------------------------------------ folders


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        ("/content", "/content"),
        ("-q 'a b'", "a b"),
        ("", ""),
        ("-", ""),
        ("-3", ""),
        ("--foo", ""),
        ("-b name", ""),
        ("~/x", "~/x"),
    ],
)
def test_folder_that_a_move_asks_for(arguments: str, folder: str) -> None:
    assert folder_of(arguments) == folder


def test_moves_to_missing_folders_stay(
    comforts: Any, notices: Notices, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(folders_module, "COLAB_HOME", str(tmp_path / "content"))
    here = Path.cwd()
    (here / "inner").mkdir()
    run(
        comforts,
        f"%cd {tmp_path}/content",
        "%cd no/such/folder",
        f"import os\nos.chdir('{tmp_path}/content/x')",
    )
    assert Path.cwd() == here
    assert [noted["kind"] for noted in notices.take()] == ["folder"] * 3
    run(comforts, f"os.chdir('{tmp_path}/content/inner')")
    assert Path.cwd() == here / "inner"
    run(comforts, "%cd -q ..")
    assert Path.cwd() == here
    assert len(notices.take()) == 1
    with pytest.raises(FileNotFoundError):
        run(comforts, "os.chdir('no/such/folder')")


# ------------------------------------------------------------------ Colab


def test_colab_can_be_imported_and_does_nothing(comforts: Any, notices: Notices, tmp_path: Path) -> None:
    run(
        comforts,
        "from google.colab import auth, data_table, drive, files, output, userdata\nimport google.colab.runtime",
        f"drive.mount('{tmp_path}/drive', force_remount=True)\ndrive.flush_and_unmount()",
        "given = files.upload()\nfiles.download('a.png')\nauth.authenticate_user()",
        "from google.colab.patches import cv2_imshow\nshown = cv2_imshow(3)",
        "frame = data_table.DataTable('a frame')\noutput.clear(wait=True)\ndata_table.enable_dataframe_formatter()",
    )
    found = comforts.user_ns
    assert (found["given"], found["shown"], found["frame"]) == ({}, None, "a frame")
    assert (tmp_path / "drive" / "MyDrive").is_dir()
    assert [noted["kind"] for noted in notices.take()] == ["colab"] * 4
    with pytest.raises(Exception, match="secret HF_TOKEN"):
        run(comforts, "userdata.get('HF_TOKEN')")
    with pytest.raises(ImportError):
        run(comforts, "from google.colab import no_such_part")


def test_google_that_is_installed_stays_what_it_is(
    comforts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site" / "google" / "cloud").mkdir(parents=True)
    (tmp_path / "site" / "google" / "cloud" / "__init__.py").write_text("real = True\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    run(comforts, "from google.colab import drive\nfrom google.cloud import real")
    assert comforts.user_ns["real"] is True
    (tmp_path / "site" / "google" / "colab").mkdir()
    (tmp_path / "site" / "google" / "colab" / "__init__.py").write_text("real = 'colab'\n")
    for name in ("google", "google.colab", "google.colab.drive", "google.cloud"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    run(comforts, "from google.colab import real")
    assert comforts.user_ns["real"] == "colab"


def test_cell_that_asks_for_colab_is_told_no(comforts: Any, notices: Notices) -> None:
    cell = "try:\n    import google.colab\n    IN_COLAB = True\nexcept ImportError:\n    IN_COLAB = False"
    run(comforts, cell)
    assert comforts.user_ns["IN_COLAB"] is False
    assert notices.take() == []
    run(comforts, "import google.colab")
    assert asks_for_colab("try:\n    from google.colab import drive\nexcept:\n    pass")
    assert not asks_for_colab("import google.colab\ntry:\n    import google.colab\nexcept ImportError: pass")
    assert not asks_for_colab("try:\n    import google.colab\nexcept KeyError: pass")


# ------------------------------------------------------------------ notices


@pytest.mark.parametrize(
    "cell",
    ['from autograder import check\nfound = check("a2")', "import autograder\nfound = autograder.check()"],
)
def test_self_checks_are_left_out(
    cell: str, shell: Any, notices: Notices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "autograder", sys.modules["autograder"])  # put back afterwards
    SelfChecks(shell, notices).install()
    run(shell, cell)
    found = shell.user_ns["found"]
    assert repr(found) == "Self-check: left out, for the whole notebook is being executed."
    assert describe_function(sys.modules["autograder"].check) is None  # no function of the notebook
    assert notices.take() == []


def test_notices_are_limited_and_never_raise(notices: Notices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", types.SimpleNamespace())
    for _ in range(MAX_NOTICES + 5):
        notices.note("pip", "x\n" * 1000 + "\udc80", "said")
    taken = notices.take()
    assert len(taken) == MAX_NOTICES
    assert len(taken[0]["what"]) <= 300
    assert notices.take() == []


# ------------------------------------------------------------------ a process that imported everything before

WARM = """
import importlib.util, json, os, sys
spec = importlib.util.spec_from_file_location("shim", {shim!r})
shim = importlib.util.module_from_spec(spec); spec.loader.exec_module(shim)
import torch, matplotlib, matplotlib.pyplot, pandas
shim.declare_operators()
import torchvision
from IPython.core.interactiveshell import InteractiveShell
config = InteractiveShell.config.klass()
config.HistoryManager.enabled = False
child = os.fork()
if child == 0:
    from autograder.kernel_side.observer import Observer
    shell = InteractiveShell(config=config)
    observer = Observer(shell, {folder!r}, json.dumps({{"seed_shift": 0, "challenges": []}}), 8.0)
    observer.install()
    cell = "import torch, torchvision\\nimport numpy as np\\nimport matplotlib.pyplot as plt\\n"
    cell += "torch.manual_seed(3); np.random.seed(4)\\nplt.plot([1, 2])\\npip install torchvision\\nx = 1"
    result = shell.run_cell(cell)
    observer.after_cell(0)
    sys.stdout.flush()
    os._exit(0 if result.success else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.slow
def test_everything_is_seen_in_a_fork_of_a_process_that_imported_it_before(tmp_path: Path) -> None:
    if not all(map(importlib.util.find_spec, ("torch", "torchvision", "matplotlib", "pandas"))):
        pytest.skip("needs what the kernel offers")
    shim = str(Path(folders_module.__file__).with_name("torchvision_shim.py"))
    code = WARM.format(shim=shim, folder=str(tmp_path))
    environment = os.environ | {"MPLBACKEND": "agg", "IPYTHONDIR": str(tmp_path / "ipython")}
    environment |= {"PYTHONPATH": str(Path(folders_module.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    document = read_container(tmp_path / "cell-0000.safetensors").document
    assert [seed["call"] for seed in document["seeds"]] == ["torch.manual_seed", "numpy.random.seed"]
    assert len(document["figures"]) == 1
    assert [notice["kind"] for notice in document["notices"]] == ["pip"]
    assert document["notices"][0]["available"] == ["torchvision"]
