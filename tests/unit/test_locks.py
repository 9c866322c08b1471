"""A lock keeps others away for as long as its holder lives, and not a moment longer."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autograder import locks
from autograder.errors import InternalError, UsageError
from autograder.locks import locked

ROOT = Path(__file__).parents[2]
HOLD = """
import sys, time
from pathlib import Path
from autograder.locks import locked
with locked(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_only_one_holds_it_and_the_other_is_told_who(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", "the run"):
        told = rf"the run is being worked on by another autograder \(process {os.getpid()}, since \d\d:\d\d"
        with pytest.raises(UsageError, match=told), locked(tmp_path / "lock", "the run"):
            pass
    with locked(tmp_path / "lock", "the run"):
        pass


def test_it_is_let_go_when_the_block_breaks(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), locked(tmp_path / "lock", "it"):
        raise KeyboardInterrupt
    with locked(tmp_path / "lock", "it"):
        pass


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")
def test_it_dies_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as process:
        with pytest.raises(UsageError, match=f"process {process.pid}, since"), locked(path, "it"):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with locked(path, "it"):
            pass


def test_a_lock_file_that_says_nothing_is_no_reason_to_fail(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, "it"):
        path.write_bytes(b"\xff\x00 nothing")
        with pytest.raises(UsageError, match="by another autograder; wait"), locked(path, "it"):
            pass


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="cannot be written"), locked(tmp_path / "no" / "lock", "it"):
        pass


@pytest.mark.skipif(os.name == "nt", reason="locks are others there")
def test_a_file_system_without_locks_is_worked_on_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def refuse(*args: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "lock", "it"), locked(tmp_path / "lock", "it"):
        pass


def test_a_full_disk_does_not_open_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(locks.os, "write", full)
    busy = pytest.raises(UsageError, match="being worked on")
    with locked(tmp_path / "lock", "it"), busy, locked(tmp_path / "lock", "it"):
        pass
