"""The filter of system calls, run by an interpreter of classic BPF: what it lets through, on both architectures."""

from __future__ import annotations

import errno
import struct

import pytest

from autograder.execute.fence import seccomp
from autograder.execute.fence.seccomp import ARCHITECTURES, Rules

FENCED = Rules(network=True, connect=True)
SHARED = Rules(network=False, connect=False)
MACHINES = list(ARCHITECTURES)
ALLOWED = "allowed"


def judged(rules: Rules, machine: str, number: int, *arguments: int, arch: int | None = None) -> str | int:
    """ALLOWED, "killed", or the error number that the call gets."""
    given = [*arguments, *([0] * (6 - len(arguments)))]
    data = struct.pack("=IIQ6Q", number, ARCHITECTURES[machine] if arch is None else arch, 0, *given)
    program = seccomp.build(rules, machine)
    accumulator, at = 0, 0
    for _ in range(10_000):
        code, if_true, if_false, k = program[at]
        at += 1
        if code == seccomp.LOAD:
            accumulator = int.from_bytes(data[k : k + 4], "little")
        elif code == seccomp.AND:
            accumulator &= k
        elif code == seccomp.RETURN:
            if k == seccomp.ALLOW:
                return ALLOWED
            return "killed" if k == seccomp.KILL_PROCESS else k & 0xFFFF
        else:
            holds = {
                seccomp.JUMP_EQUAL: accumulator == k,
                seccomp.JUMP_AT_LEAST: accumulator >= k,
                seccomp.JUMP_BITS: bool(accumulator & k),
            }[code]
            at += if_true if holds else if_false
    raise AssertionError("the program does not end")


def number(pair: tuple[int, int], machine: str) -> int:
    return pair[MACHINES.index(machine)]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("rules", [FENCED, SHARED])
def test_what_a_notebook_needs_is_allowed(rules: Rules, machine: str) -> None:
    refused = {number(pair, machine) for pair in seccomp.REFUSED.values()}
    special = (seccomp.CLONE, seccomp.IOCTL, seccomp.SOCKET, seccomp.CONNECT, seccomp.SENDTO)
    special += (*seccomp.ABSENT.values(), *seccomp.OF_OTHERS.values(), seccomp.SCHED_SETSCHEDULER)
    special += (seccomp.SETPRIORITY, seccomp.IOPRIO_SET, seccomp.INOTIFY_ADD_WATCH)
    refused |= {number(pair, machine) for pair in special}
    for call in range(470):
        if call not in refused:
            assert judged(rules, machine, call) == ALLOWED
    thread = 0x3D0F00  # the flags of a new thread in glibc
    assert judged(rules, machine, number(seccomp.CLONE, machine), thread) == ALLOWED
    assert judged(rules, machine, number(seccomp.SOCKET, machine), seccomp.AF_UNIX, 1) == ALLOWED


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("rules", [FENCED, SHARED])
def test_what_leads_out_is_refused(rules: Rules, machine: str) -> None:
    for name, pair in seccomp.REFUSED.items():
        if number(pair, machine) >= 0:
            assert judged(rules, machine, number(pair, machine)) == errno.EPERM, name
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert judged(rules, machine, number(seccomp.CLONE, machine), flag | 17) == errno.EPERM
    for pair in seccomp.ABSENT.values():
        assert judged(rules, machine, number(pair, machine)) == errno.ENOSYS
    assert judged(rules, machine, number(seccomp.IOCTL, machine), 0, seccomp.TIOCSTI) == errno.EPERM
    assert judged(rules, machine, number(seccomp.IOCTL, machine), 0, 0x5401) == ALLOWED
    assert judged(rules, machine, 1, arch=0x40000003) == "killed"  # another table of numbers


def test_the_second_table_of_one_architecture_is_closed() -> None:
    assert judged(FENCED, "x86_64", seccomp.X32 + 1) == "killed"


@pytest.mark.parametrize("machine", MACHINES)
def test_sockets_by_level(machine: str) -> None:
    make = number(seccomp.SOCKET, machine)
    for family in (seccomp.AF_UNIX, seccomp.AF_INET, seccomp.AF_INET6):
        assert judged(FENCED, machine, make, family, 2) == ALLOWED
    assert judged(FENCED, machine, make, seccomp.AF_NETLINK, 3, 0) == ALLOWED
    assert judged(FENCED, machine, make, seccomp.AF_NETLINK, 3, 4) == errno.EPROTONOSUPPORT
    assert judged(FENCED, machine, make, 17, 3) == errno.EAFNOSUPPORT  # packets as they are
    for family in (seccomp.AF_INET, seccomp.AF_INET6, seccomp.AF_NETLINK):
        assert judged(SHARED, machine, make, family, 1) == errno.EAFNOSUPPORT
    assert judged(SHARED, machine, make, seccomp.AF_UNIX, 1 | 0x80000) == ALLOWED
    assert (
        judged(SHARED, machine, make, seccomp.AF_UNIX, 2) == errno.EPROTONOSUPPORT
    )  # datagrams name a peer unseen


@pytest.mark.parametrize("machine", MACHINES)
def test_where_sockets_of_others_are_in_sight_nothing_is_connected(machine: str) -> None:
    connect, send = number(seccomp.CONNECT, machine), number(seccomp.SENDTO, machine)
    assert judged(FENCED, machine, connect) == ALLOWED
    assert judged(SHARED, machine, connect) == errno.ECONNREFUSED
    assert judged(SHARED, machine, send, 3, 0, 10, 0, 0, 0) == ALLOWED  # an answer on a connection
    assert judged(SHARED, machine, send, 3, 0, 10, 0, 1, 110) == errno.ECONNREFUSED


@pytest.mark.parametrize("machine", MACHINES)
def test_among_processes_of_others_only_itself_can_be_changed(machine: str) -> None:
    for pair in seccomp.OF_OTHERS.values():
        assert judged(SHARED, machine, number(pair, machine), 0) == ALLOWED
        assert judged(SHARED, machine, number(pair, machine), 4711) == errno.EPERM
        assert judged(FENCED, machine, number(pair, machine), 4711) == ALLOWED
    assert judged(SHARED, machine, number(seccomp.INOTIFY_ADD_WATCH, machine)) == errno.EACCES
    assert judged(FENCED, machine, number(seccomp.INOTIFY_ADD_WATCH, machine)) == ALLOWED
    schedule = number(seccomp.SCHED_SETSCHEDULER, machine)
    assert judged(SHARED, machine, schedule, 0, 5) == ALLOWED
    assert judged(SHARED, machine, schedule, 4711, seccomp.SCHED_OTHER) == ALLOWED
    assert judged(SHARED, machine, schedule, 4711, 5) == errno.EPERM
    for pair, one in ((seccomp.SETPRIORITY, 0), (seccomp.IOPRIO_SET, 1)):
        assert judged(SHARED, machine, number(pair, machine), one, 0) == ALLOWED
        assert judged(SHARED, machine, number(pair, machine), one, 4711) == errno.EPERM
        assert judged(SHARED, machine, number(pair, machine), 2, 0) == errno.EPERM  # all of a user or a group


@pytest.mark.parametrize("machine", MACHINES)
def test_files_of_the_same_user_keep_their_modes(machine: str) -> None:
    rules = Rules(network=False, connect=False, modes=False)
    for pair in seccomp.OF_FILES.values():
        if number(pair, machine) >= 0:
            assert judged(rules, machine, number(pair, machine)) == 0  # said to be done
            assert judged(SHARED, machine, number(pair, machine)) == ALLOWED


def test_unknown_machines_are_refused() -> None:
    with pytest.raises(OSError, match="riscv64"):
        seccomp.build(FENCED, "riscv64")
