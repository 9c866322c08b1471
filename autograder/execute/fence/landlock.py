"""Landlock: rules on files, TCP, signals and abstract sockets that a process lays on itself, without any right.

Source: Linux, Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from . import linux

NR_CREATE_RULESET, NR_ADD_RULE, NR_RESTRICT_SELF = 444, 445, 446
LEAST_ABI = 6
"""Since then (Linux 6.12) signals and abstract sockets end at the border, too."""

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_REG, MAKE_SYM, REFER, TRUNCATE, IOCTL_DEV = 1 << 8, 1 << 12, 1 << 13, 1 << 14, 1 << 15
ALL_FILES = (1 << 16) - 1
ALL_TCP, ALL_SCOPES = 3, 3
OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV

READ = EXECUTE | READ_FILE | READ_DIR
WRITE = ALL_FILES & ~(1 << 6 | 1 << 11)
"""Everything but making devices."""
SHARED_MEMORY = WRITE_FILE | READ_FILE | REMOVE_FILE | MAKE_REG | TRUNCATE
"""Files whose names one knows; no listing."""


def abi() -> int:
    """The version of Landlock here; 0 where there is none."""
    return max(0, int(linux.libc.syscall(NR_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))))


def restrict(rules: Iterable[tuple[str, int]]) -> None:
    """From here on this process and its children reach only the given paths, each with the rights beside it.

    Paths that do not exist are passed over. OSError where Landlock is missing or older than `LEAST_ABI`.
    """
    if abi() < LEAST_ABI:
        raise OSError(f"Landlock ABI {abi()} is older than {LEAST_ABI}")
    attributes = struct.pack("QQQ", ALL_FILES, ALL_TCP, ALL_SCOPES)
    asked = linux.libc.syscall(
        NR_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)
    )
    ruleset = linux.call("landlock_create_ruleset", asked)
    for path, rights in rules:
        with contextlib.suppress(FileNotFoundError, PermissionError, NotADirectoryError):
            _allow(ruleset, path, rights)
    linux.forbid_new_rights()
    linux.call("landlock_restrict_self", linux.libc.syscall(NR_RESTRICT_SELF, ruleset, ctypes.c_uint32(0)))
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            rights &= OF_A_FILE
        rule = struct.pack("=Qi", rights, beneath)
        done = linux.libc.syscall(NR_ADD_RULE, ruleset, ctypes.c_int(1), rule, ctypes.c_uint32(0))
        linux.call(f"landlock_add_rule {path}", done)
    finally:
        os.close(beneath)
