"""A kernel's process, from the fork to the first message: its limits, its fence, and what it becomes."""

from __future__ import annotations

import contextlib
import functools
import gc
import inspect
import os
import random
import resource
import signal
import socket
import sys
import tempfile
from typing import Any, ClassVar, NoReturn

from . import landlock, linux, pipes, roots, seccomp

MIB = 2**20
NICE = 5
N_FILES = 1024
PIPES = inspect.getsource(pipes)
"""Read while the files of this package are in sight."""
OWN_MODULES = "_autograder_fence"
OWN_NAMES: list[str] = []
"""Of our modules in `sys.modules`. Noted once in the nursery: going through 3,600 names counts references to each,
and so copies 8 MiB that all kernels share."""


def note_own_modules() -> None:
    """Notes what :func:`become` takes out of a kernel; once all of it is imported."""
    OWN_NAMES[:] = [name for name in sys.modules if name.partition(".")[0] == OWN_MODULES]


def become(order: dict[str, Any], spec: dict[str, Any]) -> NoReturn:
    """Turns a fresh fork of the supervisor into the kernel that `order` describes.

    `order`: `folders` (home, work, tmp, k, seen), `environment`, `command` (of a cold kernel), `warm`,
    `address_mib`, `file_mib`, `n_processes`, `log`.
    """
    level: str = spec["level"]
    try:
        linux.die_with_parent(0 if level == "namespaces" else order["parent"])
        _own_streams(order["log"])
        os.setsid()
        # Who ends a kernel must get the processor, however many processes it started.
        linux.be_nice(spec["nice"] + NICE)
        for number in (signal.SIGINT, signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        os.umask(0o077)
        if level == "namespaces":
            _enter_own_namespaces(order)
        _limit(order)
        os.chdir(order["folders"]["work"])
        os.environ.clear()
        os.environ.update(order["environment"])
        _fence(order, spec)
        if order["warm"]:
            _run_warm(order)
        else:
            command = _without_tcp(order) if level == "landlock" else order["command"]
            os.execve(command[0], command, order["environment"])
    except BaseException as error:  # a child of fork must never return
        with contextlib.suppress(OSError):
            os.write(2, f"the kernel could not be started: {error!r}\n".encode())
    os._exit(127)


def _own_streams(log: str) -> None:
    """Only a log is open; nothing of the supervisor's is."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    empty = os.open(os.devnull, os.O_RDONLY)
    for number, source in ((0, empty), (1, handle), (2, handle)):
        os.dup2(source, number)
    os.closerange(3, 65536)


def _enter_own_namespaces(order: dict[str, Any]) -> None:
    """Own mounts, network, ipc and names; the root is the kernels' file system with this kernel's folders in it."""
    uid, gid = os.getuid(), os.getgid()
    own = (
        linux.CLONE_NEWNS
        | linux.CLONE_NEWNET
        | linux.CLONE_NEWIPC
        | linux.CLONE_NEWUTS
        | linux.CLONE_NEWCGROUP
    )
    linux.unshare(own)
    root = order["root"]
    for part, place in roots.ROOM_PARTS.items():
        linux.mount(f"{roots.ROOM}/{part}", root + place, flags=linux.MS_BIND)
        for path in order["readable"]:
            if path.startswith(f"{place}/"):  # an interpreter in /tmp was covered just now
                os.makedirs(root + path, exist_ok=True)
                linux.bind(path, root + path)
                roots.hide(root, order["hidden"], [path])
    for place in (roots.SOCKETS, roots.SEEN):
        linux.mount(place, root + place, flags=linux.MS_BIND)
    linux.mount(roots.SHARED, f"{root}/dev/shm", flags=linux.MS_BIND)
    with contextlib.suppress(OSError):  # without terminals, shell lines use pipes
        options = "newinstance,ptmxmode=0666,mode=620,max=64"
        linux.mount("devpts", f"{root}/dev/pts", "devpts", linux.MS_NOSUID | linux.MS_NOEXEC, options)
    if order["proc"]:
        flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
        linux.mount("proc", f"{root}/proc", "proc", flags)
    linux.enter_root(root)
    linux.raise_loopback()
    socket.sethostname("kernel")
    if order["proc"]:  # the maps are written there
        linux.unshare(linux.CLONE_NEWUSER)
        linux.map_ids(uid, gid)
    linux.die_with_parent(0)


def _without_tcp(order: dict[str, Any]) -> list[str]:
    """The command of a cold kernel that makes no internet socket."""
    command: list[str] = order["command"]
    code = f"{PIPES}\ninstall({order['pipe']!r})\nfrom ipykernel import kernelapp\n"
    return [command[0], "-P", "-c", f"{code}kernelapp.launch_new_instance()", *command[command.index("-f") :]]


def _limit(order: dict[str, Any]) -> None:
    linux.limit(resource.RLIMIT_AS, order["address_mib"] * MIB)
    linux.limit(resource.RLIMIT_CORE, 0)
    linux.limit(resource.RLIMIT_FSIZE, order["file_mib"] * MIB)
    linux.limit(resource.RLIMIT_NOFILE, N_FILES)
    linux.limit(resource.RLIMIT_NPROC, order["n_processes"])
    linux.limit(resource.RLIMIT_MEMLOCK, 64 * 1024)
    linux.limit(resource.RLIMIT_MSGQUEUE, 64 * 1024)


def _fence(order: dict[str, Any], spec: dict[str, Any]) -> None:
    level: str = spec["level"]
    if level == "none":
        linux.forbid_new_rights()
        return
    keep = tuple(spec["keep"])
    if level == "landlock":
        if spec["uid"] is not None:
            linux.become_user(spec["uid"], spec["gid"], keep)
            linux.die_with_parent(order["parent"])
        landlock.restrict(_landlock_rules(order))
    linux.drop_capabilities(keep if level == "landlock" else ())
    apart = level == "namespaces" or spec["uid"] is not None
    seccomp.install(seccomp.Rules(network=level == "namespaces", connect=spec["connect"], modes=apart))


def _landlock_rules(order: dict[str, Any]) -> list[tuple[str, int]]:
    rules = [
        (path, landlock.READ) for path in (*roots.SYSTEM, *roots.SETTINGS, *roots.COPIED, *order["readable"])
    ]
    rules += [(f"/etc/{name}", landlock.READ) for name in ("passwd", "group", "nsswitch.conf", "hosts")]
    rules += [
        (f"/proc/{name}", landlock.READ)
        for name in ("cpuinfo", "meminfo", "stat", "sys/vm/overcommit_memory")
    ]
    rules += [(f"/dev/{name}", landlock.OF_A_FILE) for name in roots.DEVICES]
    rules += [("/dev/shm", landlock.SHARED_MEMORY)]
    return rules + [(path, landlock.WRITE) for path in order["folders"].values()]


def _run_warm(order: dict[str, Any]) -> NoReturn:
    """Runs the kernel in this process, whose imports are done; as `python -m ipykernel_launcher` would."""
    from ipykernel import debugger, kernelapp

    ipkernel: Any = sys.modules["ipykernel.ipkernel"]
    command: list[str] = order["command"]
    sys.argv = [command[0], *command[command.index("-f") :]]
    for name in OWN_NAMES:
        sys.modules.pop(name, None)
    _forget_the_parent()
    debugger._is_debugpy_available = False  # a debugger would listen on TCP, and takes 10 MiB
    pipes.install(order["pipe"])
    app: Any = kernelapp.IPKernelApp.instance()
    app.parse_command_line = functools.partial(_take_settings, app)
    # It goes through all loggers; without it, warnings reach the log as well.
    app._configure_logging = lambda: None
    ipkernel.sys = _FewModules()
    app.initialize(sys.argv[1:])
    ipkernel.sys = sys
    app.start()
    os._exit(0)


def _take_settings(app: Any, arguments: list[str]) -> None:
    """What `parse_command_line` does with `-f FILE` and `--Class.trait=value`: its parser copies 8 MiB for that."""
    loader: Any = sys.modules["traitlets.config.loader"]
    settings = loader.Config()
    settings.IPKernelApp.connection_file = arguments[arguments.index("-f") + 1]
    for argument in arguments:
        if argument.startswith("--"):
            name, _, value = argument[2:].partition("=")
            owner, _, trait = name.partition(".")
            settings[owner][trait] = loader.DeferredConfigString(value)
    app.argv, app.extra_args, app.cli_config = arguments, [], settings
    app.update_config(settings)


class _FewModules:
    """Stands for `sys` where ipykernel lists the files of all modules for a debugger, which there is not.

    Looking at 2,500 modules changes their reference counts, and so copies 20 MiB that all kernels share.
    """

    modules: ClassVar[dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


def _forget_the_parent() -> None:
    """What a process that was started anew would not share with others: random streams, cached places."""
    random.seed()
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
    torch: Any = sys.modules.get("torch")
    with contextlib.suppress(AttributeError):
        torch.default_generator.seed()
    tempfile.tempdir = None
    matplotlib: Any = sys.modules.get("matplotlib")
    for name in ("get_configdir", "get_cachedir"):
        with contextlib.suppress(AttributeError):
            getattr(matplotlib, name).cache_clear()
    gc.enable()
