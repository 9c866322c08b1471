"""Control groups, on folders that look like those of Linux: what is written where, and when we keep our hands off."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autograder.execute.fence import cgroups
from autograder.execute.fence.cgroups import KernelGroup

MIB = 2**20


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """A group that may limit others, with this process in it."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (tmp_path / "cgroup.subtree_control").write_text("")
    (tmp_path / "grader").mkdir()
    return tmp_path


def test_own_group_is_read_from_the_line_of_version_2(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("memory pids\n")
    listing = tmp_path / "listing"
    listing.write_text("4:memory:/other\n0::/user.slice/run.scope\n")
    assert cgroups.own_group(str(tmp_path), str(listing)) == str(tmp_path / "user.slice" / "run.scope")
    listing.write_text("4:memory:/other\n")
    assert cgroups.own_group(str(tmp_path), str(listing)) == ""
    assert cgroups.own_group(str(tmp_path / "nowhere"), str(listing)) == ""


def test_processes_move_down_and_controllers_are_handed_on(group: Path) -> None:
    assert cgroups.prepare(str(group))
    assert (group / "grader" / "cgroup.procs").read_text() == str(os.getpid())
    assert (group / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_a_group_of_others_or_without_controllers_is_left_alone(group: Path) -> None:
    (group / "cgroup.procs").write_text(f"{os.getpid()}\n1\n")
    assert not cgroups.prepare(str(group))
    (group / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (group / "cgroup.controllers").write_text("cpu pids\n")
    assert not cgroups.prepare(str(group))
    assert (group / "cgroup.subtree_control").read_text() == ""
    assert not cgroups.prepare(str(group / "nowhere"))


def test_limits_of_a_kernel_and_its_end_for_want_of_memory(tmp_path: Path) -> None:
    folder = tmp_path / "slot-1"
    folder.mkdir()
    for name in (*KernelGroup.FILES, "memory.events"):
        (folder / name).write_text("")
    (folder / "memory.events").write_text("low 0\noom 2\noom_kill 2\n")
    kernel = KernelGroup(str(tmp_path), "slot-1")
    kernel.limit(300, 64)
    kernel.enter()
    told = {name: (folder / name).read_text() for name in KernelGroup.FILES}
    assert told == {
        "memory.max": str(300 * MIB),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "64",
        "cgroup.procs": "0",
        "cgroup.kill": "",
    }
    assert not kernel.was_out_of_memory  # the two were kernels before this one
    (folder / "memory.events").write_text("low 0\noom 3\noom_kill 3\n")
    assert kernel.was_out_of_memory
    kernel.kill()
    assert (folder / "cgroup.kill").read_text() == "1"


def test_a_system_without_swap_limits_the_rest(tmp_path: Path) -> None:
    folder = tmp_path / "slot-1"
    folder.mkdir()
    for name in ("memory.max", "pids.max", "cgroup.procs", "memory.events"):
        (folder / name).write_text("")
    kernel = KernelGroup(str(tmp_path), "slot-1")
    kernel.limit(300, 64)
    kernel.kill()
    assert (folder / "pids.max").read_text() == "64"
