"""The filter of system calls for kernels: a list of what is refused, as a BPF program for this architecture.

A notebook may compute, start processes, use files and sockets; what it may not do is change namespaces and
mounts, look into other processes, or reach the parts of Linux where most holes were found. Numbers are from
the kernel's own tables (arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h).
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from dataclasses import dataclass

from . import linux

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_BITS, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
OFFSET_NUMBER, OFFSET_ARCH, OFFSET_ARGUMENTS = 0, 4, 16
X32 = 0x40000000
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
NETLINK_ROUTE = 0
SOCK_STREAM, SOCK_SEQPACKET, SOCK_TYPES = 1, 5, 0xF
NAMESPACES = 0x7E020000
"""All CLONE_NEW* flags that clone(2) takes."""
TIOCSTI, TIOCLINUX = 0x5412, 0x541C

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# name: (x86_64, aarch64); -1 where there is no such call
REFUSED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "setns": (308, 268),
    "unshare": (272, 97),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "iopl": (172, -1),
    "ioperm": (173, -1),
    "modify_ldt": (154, -1),
    # Memory and names that outlive a process, and that nobody counts.
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
}
ABSENT = {"clone3": (435, 435), "memfd_create": (319, 279), "memfd_secret": (447, 447)}
"""Said to be unknown, so that libraries take their other way: the flags of the first lie behind a pointer; the
pages of the others belong to no folder and, not mapped, to no process."""
OF_OTHERS = {
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
}
"""Change the process that their first argument names, or 0, the one that asks. Neither Landlock nor the rules on
signals keep a process from others of its user here."""
OF_FILES = {
    "chmod": (90, -1),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, -1),
    "lchown": (94, -1),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, -1),
    "utimes": (235, -1),
    "futimesat": (261, -1),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
}
"""What Landlock does not rule on. Where kernels are the same user as the grader, they do nothing and say that they did:
copying and unpacking call them for files of their own."""
SCHED_SETSCHEDULER, SCHED_OTHER = (144, 119), 0
"""libzmq gives each of its threads the ordinary schedule by name."""
INOTIFY_ADD_WATCH = (254, 27)
"""Landlock lets a process watch folders that it may not list: it is told the names of what others write there."""
SETPRIORITY, IOPRIO_SET = (141, 140), (251, 30)
"""The same, with the process in the second argument and what it names in the first."""
PRIO_PROCESS, IOPRIO_WHO_PROCESS = 0, 1
CLONE, IOCTL = (56, 220), (16, 29)
SOCKET, CONNECT, SENDTO = (41, 198), (42, 203), (44, 206)

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True)
class Rules:
    """What differs between the levels of the fence."""

    network: bool
    """Internet sockets may be made: this process has a network of its own, with nothing in it."""
    connect: bool
    """Sockets may be connected: no socket of anybody else is in sight."""
    modes: bool = True
    """Modes, owners and times of files may be changed: those of others are not this user's, or read-only."""


def install(rules: Rules) -> None:
    """Puts the filter over this process and all that it starts, for good; OSError when it cannot be."""
    program = b"".join(struct.pack("HBBI", *one) for one in build(rules, platform.machine()))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    linux.forbid_new_rights()
    asked = Program(len(program) // 8, program)
    done = linux.libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(asked), 0, 0)
    linux.call("seccomp", done)


def build(rules: Rules, machine: str) -> list[Instruction]:
    """The BPF program. OSError on an architecture whose numbers are not known here."""
    if machine not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"the numbers of system calls on {machine} are not known")
    at = list(ARCHITECTURES).index(machine)
    program = [
        _load(OFFSET_ARCH),
        (JUMP_EQUAL, 1, 0, ARCHITECTURES[machine]),
        _return(KILL_PROCESS),
        _load(OFFSET_NUMBER),
    ]
    if machine == "x86_64":
        program += [(JUMP_AT_LEAST, 0, 1, X32), _return(KILL_PROCESS)]
    for numbers in REFUSED.values():
        if numbers[at] >= 0:
            program += _when(numbers[at], [_return(ERRNO | errno.EPERM)])
    for numbers in ABSENT.values():
        program += _when(numbers[at], [_return(ERRNO | errno.ENOSYS)])
    if not rules.network:  # nor has this process a process space of its own
        for numbers in OF_OTHERS.values():
            program += _when(numbers[at], [_argument(0), *_only((0,), errno.EPERM)])
        program += _when(INOTIFY_ADD_WATCH[at], [_return(ERRNO | errno.EACCES)])
        check = [_argument(1), *_only((SCHED_OTHER,), errno.EPERM)]
        program += _when(SCHED_SETSCHEDULER[at], [_argument(0), (JUMP_EQUAL, len(check), 0, 0), *check])
        for numbers, one in ((SETPRIORITY, PRIO_PROCESS), (IOPRIO_SET, IOPRIO_WHO_PROCESS)):
            check = [_argument(0), *_only((one,), errno.EPERM), _argument(1), *_only((0,), errno.EPERM)]
            program += _when(numbers[at], check)
    if not rules.modes:
        for numbers in OF_FILES.values():
            if numbers[at] >= 0:
                program += _when(numbers[at], [_return(ERRNO)])
    program += _when(CLONE[at], [_argument(0), (JUMP_BITS, 0, 1, NAMESPACES), _return(ERRNO | errno.EPERM)])
    program += _when(IOCTL[at], [_argument(1), *_refuse_each((TIOCSTI, TIOCLINUX))])
    families = (AF_UNIX, AF_INET, AF_INET6, AF_NETLINK) if rules.network else (AF_UNIX,)
    program += _when(SOCKET[at], [_argument(0), *_only(families, errno.EAFNOSUPPORT)])
    if rules.network:  # which interfaces there are may be asked; libzmq ends the process when it may not
        check = [_argument(2), *_only((NETLINK_ROUTE,), errno.EPROTONOSUPPORT)]
        program += _when(SOCKET[at], [_argument(0), (JUMP_EQUAL, 0, len(check), AF_NETLINK), *check])
    if not rules.connect:  # libzmq takes this refusal for a peer that is not there yet, and lives
        program += _when(CONNECT[at], [_return(ERRNO | errno.ECONNREFUSED)])
        program += _when(
            SENDTO[at], [_argument(5), (JUMP_EQUAL, 1, 0, 0), _return(ERRNO | errno.ECONNREFUSED)]
        )
        kinds = (SOCK_STREAM, SOCK_SEQPACKET)  # sendmsg names a peer where no filter can see it
        check = [_argument(1), (AND, 0, 0, SOCK_TYPES), *_only(kinds, errno.EPROTONOSUPPORT)]
        program += _when(SOCKET[at], check)
    return [*program, _return(ALLOW)]


def _when(number: int, block: list[Instruction]) -> list[Instruction]:
    """`block` for one system call; its number is in the accumulator before and after."""
    body = [*block, _load(OFFSET_NUMBER)]
    return [(JUMP_EQUAL, 0, len(body), number), *body]


def _refuse_each(values: tuple[int, ...]) -> list[Instruction]:
    found: list[Instruction] = []
    for value in values:
        found += [(JUMP_EQUAL, 0, 1, value), _return(ERRNO | errno.EPERM)]
    return found


def _only(values: tuple[int, ...], refusal: int) -> list[Instruction]:
    """Goes on when the accumulator is one of the values, else refuses."""
    jumps = [(JUMP_EQUAL, len(values) - at, 0, value) for at, value in enumerate(values)]
    return [*jumps, _return(ERRNO | refusal)]


def _load(offset: int) -> Instruction:
    return (LOAD, 0, 0, offset)


def _argument(index: int) -> Instruction:
    """The lower half of an argument (both architectures are little-endian); flags and numbers fit it."""
    return _load(OFFSET_ARGUMENTS + 8 * index)


def _return(action: int) -> Instruction:
    return (RETURN, 0, 0, action)
