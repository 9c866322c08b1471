"""Set up `.venv` with everything pinned: the lock file, PyTorch for the CPU, and this project (editable).

    python scripts/setup_env.py

Needs Python 3.11 or newer and nothing else. Run it as often as you like: when nothing has changed since the
last time it is done at once. `make demo` and `make test` call it first.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".installed"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def main() -> int:
    """Return 0 when `.venv` is ready, 1 when it cannot be made (the reason is printed)."""
    if sys.version_info < OLDEST:
        return start_again_with_newer_python()
    made_here, wanted = f"{ROOT}\n", digest()
    stamp = STAMP.read_text(encoding="utf-8") if STAMP.is_file() else ""
    if stamp == made_here + wanted and python().exists():
        return 0
    try:
        if not python().exists() or (stamp and not stamp.startswith(made_here)):
            step("making .venv", [sys.executable, "-m", "venv", "--clear", str(VENV)])
        n_packages = sum("==" in line for line in LOCK.read_text(encoding="utf-8").splitlines())
        step(f"installing {n_packages} packages", pip("--no-deps", "-r", str(LOCK)))
        install_torch(pinned("torch"))
        install_torchvision(pinned("torchvision"))
        step("installing the autograder itself", pip("--no-deps", "--no-build-isolation", "-e", str(ROOT)))
    except subprocess.CalledProcessError as error:
        print(f"setup stopped: {explain(error)}", file=sys.stderr)
        return 1
    STAMP.write_text(made_here + wanted, encoding="utf-8")
    return 0


def digest() -> str:
    """Return what the installation depends on, as one sha256."""
    content = b"".join(path.read_bytes() for path in (LOCK, ROOT / "pyproject.toml", Path(__file__)))
    return hashlib.sha256(content + platform.python_version().encode()).hexdigest()


def python() -> Path:
    """Return the interpreter of `.venv`."""
    return VENV / "Scripts" / "python.exe" if sys.platform == "win32" else VENV / "bin" / "python"


def pip(*arguments: str) -> list[str]:
    """Return a quiet `pip install` into `.venv`."""
    return [str(python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]


def step(what: str, command: list[str]) -> None:
    """Run one step and say how long it took; CalledProcessError when it fails."""
    print(f"setup: {what} ...", end=" ", flush=True)
    started = time.monotonic()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    print(f"{time.monotonic() - started:.0f} s", flush=True)


def pinned(package: str) -> str:
    """Return the version of a package that pyproject.toml pins for the students' kernel."""
    import tomllib  # not in the old Pythons that this file only tells to go away

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [name for name in project["optional-dependencies"]["kernel"] if name.startswith(f"{package}==")]
    return str(found[0].removeprefix(f"{package}=="))


def is_installed(package: str, version: str) -> bool:
    """Return whether `.venv` has a package at a version, whatever its build."""
    asked = (
        "import importlib.metadata as m; "
        f"raise SystemExit(m.version({package!r}).split('+')[0] != {version!r})"
    )
    return (
        subprocess.run([str(python()), "-c", asked], stderr=subprocess.DEVNULL, check=False).returncode == 0
    )


def install_torch(version: str) -> None:
    """Install PyTorch: on Linux the CPU build when it can be reached, else the build of the package index.

    The build of the package index for Linux brings CUDA, several GB that nothing here needs.
    """
    if is_installed("torch", version):
        return
    if sys.platform == "linux":
        light = (
            "--no-deps",
            f"torch=={version}+cpu",
            "--extra-index-url",
            CPU_INDEX,
            "--retries",
            "0",
            "--timeout",
            "15",
        )
        try:
            step("installing PyTorch for the CPU, about 200 MB", pip(*light))
            return
        except subprocess.CalledProcessError:
            print(
                "\nThe CPU build of PyTorch cannot be reached; the full build works too, but is several GB."
            )
    step("installing PyTorch", pip(f"torch=={version}", "-c", str(LOCK)))


def install_torchvision(version: str) -> None:
    """Install torchvision: the CPU build when it can be reached, else the build of the package index.

    For Linux the latter is linked against CUDA; kernels import it all the same, see
    autograder/kernel_side/torchvision_shim.py. Never with its dependencies: they would replace PyTorch.
    """
    if is_installed("torchvision", version):
        return
    light = ("--extra-index-url", CPU_INDEX, "--retries", "0", "--timeout", "15")
    source = light if sys.platform == "linux" else ()
    step("installing torchvision, 8 MB", pip("--no-deps", f"torchvision=={version}", *source))


def explain(error: subprocess.CalledProcessError) -> str:
    """Return what failed and what to do next."""
    if "venv" in error.cmd:
        return "this Python cannot make virtual environments; on Debian or Ubuntu: apt install python3-venv"
    return "pip could not install (see above); check the network and the free space, and run it again"


def start_again_with_newer_python() -> int:
    """Run this file with a newer Python of this machine; 1 when there is none."""
    for name in ("python3.13", "python3.12", "python3.11", "python3.14"):
        found = shutil.which(name)
        if (
            found
            and subprocess.run(
                [found, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ).returncode
            == 0
        ):
            return subprocess.run([found, str(Path(__file__))]).returncode
    print(f"setup needs Python 3.11 or newer; this is {platform.python_version()}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
