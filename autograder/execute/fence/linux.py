"""Linux system calls that Python 3.11 has no name for; each raises OSError with what was asked."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import platform
import resource
import socket
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2

PREFERENCE = 5
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 8, 24, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, PR_CAP_AMBIENT_CLEAR_ALL = 47, 2, 4
CAP_DAC_READ_SEARCH = 2
"""Reading what the file modes of others forbid; a fence on paths still holds."""
CAPABILITY_VERSION_3 = 0x20080522

NR_MOUNT_SETATTR = 442  # the calls since Linux 5 have one number on all architectures
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
NR_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

libc = ctypes.CDLL(None, use_errno=True)


def call(what: str, result: int) -> int:
    """The result of a system call; OSError that names `what` when it is negative."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Moves this process into new namespaces."""
    call("unshare", libc.unshare(flags))


def setns(handle: int, kind: int) -> None:
    """Moves this process (for CLONE_NEWPID: its future children) into the namespace behind an open file."""
    call("setns", libc.setns(handle, kind))


def map_ids(uid: int, gid: int) -> None:
    """Gives a new user namespace its only user and group, those of the outside."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        handle = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2); the target may not be there yet only where the caller made sure that it is."""
    done = libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    call(f"mount {kind or 'bind'} on {target}", done)


def unmount(target: str) -> None:
    """Takes a mount away at once; what is still open lives until it is closed."""
    call(f"umount {target}", libc.umount2(target.encode(), MNT_DETACH))


def make_mounts_private() -> None:
    """From here on, mounts made here are seen here alone."""
    mount("none", "/", flags=MS_REC | MS_PRIVATE)


def bind(source: str, target: str) -> None:
    """Shows the tree at `source` at `target` as well, submounts included, as it is."""
    mount(source, target, flags=MS_BIND | MS_REC)


def seal(target: str) -> None:
    """Makes the mount at `target` and all below read-only, without set-user-id programs and devices."""

    class Attributes(ctypes.Structure):
        _fields_ = (
            ("set", ctypes.c_uint64),
            ("clear", ctypes.c_uint64),
            ("propagation", ctypes.c_uint64),
            ("userns", ctypes.c_uint64),
        )

    wanted = Attributes(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, 0, 0)
    arguments = (ctypes.c_int(AT_FDCWD), target.encode(), ctypes.c_uint(AT_RECURSIVE))
    done = libc.syscall(NR_MOUNT_SETATTR, *arguments, ctypes.byref(wanted), ctypes.c_size_t(32))
    call(f"mount_setattr {target}", done)


def enter_root(root: str) -> None:
    """Makes `root` the root of this process and forgets the old one."""
    bind(root, root)  # a mount that was made with more rights than ours is locked; a copy of it is not
    os.chdir(root)
    call("pivot_root", libc.syscall(NR_PIVOT_ROOT[platform.machine()], b".", b"."))
    call("umount the old root", libc.umount2(b".", MNT_DETACH))
    os.chdir("/")


def die_with_parent(parent: int) -> None:
    """SIGKILL for this process when the one that started it ends; at once, when it has ended already.

    A change of user or rights forgets this, so it is asked for again after each. `parent` 0: it lies outside
    this process space.
    """
    call("prctl", libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0))
    if os.getppid() != parent:
        os._exit(1)


def become_subreaper() -> None:
    """Orphans below this process become its children."""
    call("prctl", libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def prefer() -> int:
    """Puts this process before others on the processors, where it has the right to; the niceness that it had.

    It gets a session of its own: where sessions share the processors evenly, niceness counts within one alone.
    """
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(OSError):
        os.setsid()
    be_nice(max(before - PREFERENCE, -20))
    return before


def be_nice(value: int, thread: int = 0) -> None:
    """The niceness of this process, and that of its session where the scheduler groups by sessions (autogroups); or of
    another thread and its session.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, value)
    with contextlib.suppress(OSError), open(f"/proc/{thread or 'self'}/autogroup", "w") as group:
        group.write(str(value))


def stay_inspectable() -> None:
    """After a change of user: /proc/self still belongs to this process."""
    call("prctl", libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))


def forbid_new_rights() -> None:
    """No program that is started from here gains rights, whatever its file says."""
    call("prctl", libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def become_user(uid: int, gid: int, keep: tuple[int, ...] = ()) -> None:
    """Gives up root's rights for those of a user that owns nothing on this machine, and `keep`."""
    os.setgroups([])
    call("prctl", libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    _set_capabilities(keep)
    for number in keep:  # so that programs started from here have them as well
        call("prctl", libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0))


def drop_capabilities(keep: tuple[int, ...] = ()) -> None:
    """This process and all that it starts have no capability but `keep`, now and later."""
    for number in range(64):
        if number not in keep and libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            break  # the kernel knows no more, or this process may not drop any: then it has none
    if not keep:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    _set_capabilities(keep)
    forbid_new_rights()


def _set_capabilities(numbers: tuple[int, ...]) -> None:
    bits = sum(1 << number for number in numbers)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    call("capset", libc.capset(header, (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0)))


def raise_loopback() -> None:
    """The loopback interface of this network namespace goes up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        asked = fcntl.ioctl(probe, SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack("16sh22x", asked)[1] | IFF_UP
        fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags))


def limit(what: int, value: int) -> bool:
    """Whether both limits of a resource could be lowered to `value`."""
    try:
        hard = resource.getrlimit(what)[1]
        lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (lowered, lowered))
    except (OSError, ValueError):
        return False
    return True


def n_threads() -> int:
    """How many threads this process has."""
    return len(os.listdir("/proc/self/task"))
