"""Notebooks that read, write, signal or call what is not theirs."""

from __future__ import annotations

from tests.corpus.attacks import CELL, COMPLETE, DIED, attack


@attack("confinement", cold=True)
def writes_outside() -> str:
    """Writes to every place where a program might want to leave something."""
    return """
    places = [T.folder, T.home, T.project, "/", "/etc", "/usr/lib", "/usr/local/bin", "/root", "/home", "/opt", "/srv"]
    places += ["/var/tmp", "/var/spool/cron", "/run", "/boot", "/sys", "/proc/sys/kernel", sys.prefix]
    places += [os.path.dirname(os.__file__), "/lib", "/mnt", "/media", "/dev", os.path.dirname(os.getcwd())]
    if os.access("/tmp", os.W_OK):  # a /tmp of its own; whether the real one was reached, the canaries see
        places = [place for place in places if not place.startswith("/tmp/")]
    for place in places:
        reach(f"write {place}", open, f"{place}/{T.marker}", "w")
        reach(f"folder {place}", os.mkdir, f"{place}/{T.marker}-d")
        reach(f"link {place}", os.symlink, "/etc/passwd", f"{place}/{T.marker}-l")
    for path in (T.secret, "/etc/passwd", sys.executable, os.__file__):
        reach(f"append {path}", open, path, "ab")
        reach(f"remove {path}", os.unlink, path)
        reach(f"rename {path}", os.rename, path, "mine")
        reach(f"truncate {path}", os.truncate, path, 0)
    """


@attack("confinement")
def touches_outside() -> str:
    """Changes modes, owners, times and attributes of files of others."""
    return """
    for path in (T.secret, T.folder, T.home, "/etc/passwd", sys.executable, os.__file__):
        was = os.stat(path) if os.path.exists(path) else None
        for change in (lambda: os.chmod(path, 0o777), lambda: os.chown(path, os.getuid(), os.getgid()),
                       lambda: os.utime(path, (1, 1)), lambda: os.setxattr(path, "user.x", b"x"),
                       lambda: os.link(path, "hard"), lambda: os.chown(path, 0, 0)):
            with contextlib.suppress(OSError): change()
        if was is not None:
            now = os.stat(path)
            if (was.st_mode, was.st_uid, was.st_mtime) != (now.st_mode, now.st_uid, now.st_mtime):
                reached.append(path)
    """


@attack("confinement", cold=True, cell_seconds=15.0, total_seconds=20.0)
def reads_secrets() -> str:
    """Reads the machine's and the user's secrets, and lists homes."""
    return """
    for path in ("/etc/shadow", "/etc/sudoers", "/root/.bashrc", T.secret, T.home + "/other.ipynb", "/proc/kcore",
                 "/dev/mem", "/dev/kmem", "/proc/kallsyms-", "/sys/kernel/debug/x", "/var/log/syslog"):
        reach(f"read {path}", text, path)
        loot(text, path)
    for folder in ("/root", "/home", T.home, T.folder, "/var/log", "/var/lib", "/var/spool"):
        for where, _, files in os.walk(folder):
            if not where.startswith((sys.prefix, sys.base_prefix)):
                reached += [f"{where}/{name}" for name in files]
    """


@attack("confinement")
def reads_the_project() -> str:
    """Reads rubrics, goldens, the reference and the engine."""
    return """
    for part in ("rubrics", "reference", "autograder", "reports", "tests", "scripts", "docs"):
        for folder, _, files in os.walk(os.path.join(T.project, part)):
            for name in files: reach(f"read {name}", text, os.path.join(folder, name))
    for name in ("pyproject.toml", "README.md", ".git/HEAD", ".git/config"):
        reach(f"read {name}", text, os.path.join(T.project, name))
    sys.modules.pop("autograder", None)  # what stands for the self-check in a graded notebook, and is empty
    for name in ("autograder", "autograder.goldens", "reference", "reports"):
        reach(f"import {name}", __import__, name)
    """


@attack("confinement")
def reads_by_way_of_processes() -> str:
    """Environment, memory, root, working folder and open files of every process, through /proc."""
    return """
    mine = str(os.getpid())
    for pid in [str(os.getppid()), str(T.pid), *(str(n) for n in range(1, 400))]:
        if pid in (mine, "0") or os.path.exists(f"/proc/self/task/{pid}"): continue
        for name in ("environ", "maps", "mem", "cmdline", "auxv", "syscall", "stack"):
            loot(text, f"/proc/{pid}/{name}") if name in ("environ", "cmdline") else None
            reach(f"{pid} {name}", text, f"/proc/{pid}/{name}")
        reach(f"{pid} list", os.listdir, f"/proc/{pid}/fd")
        for name in ("root", "cwd"): reach(f"{pid} {name}", os.listdir, f"/proc/{pid}/{name}")
    loot(lambda: open("/proc/self/environ").read())
    loot(lambda: dict(os.environ))
    """


@attack("confinement")
def searches_its_own_memory() -> str:
    """Looks for the grader's secrets in all memory that the kernel inherited."""
    return """
    needle, rest = T.token_begins.encode(), b"-and-the-rest"
    with contextlib.suppress(OSError):
        maps = open("/proc/self/maps").read().splitlines()
        memory = open("/proc/self/mem", "rb", 0)
        for line in maps:
            if "rw" not in line.split()[1] or "[v" in line: continue
            low, high = (int(n, 16) for n in line.split()[0].split("-"))
            with contextlib.suppress(OSError, OverflowError, ValueError):
                memory.seek(low)
                data = memory.read(min(high - low, 50_000_000))
                at = data.find(needle)
                while at >= 0:
                    if data[at + len(needle) :].startswith(rest): reached.append("token")
                    at = data.find(needle, at + 1)
    """


@attack("confinement")
def lists_descriptors() -> str:
    """Open files that were left to it: sockets to the supervisor, logs, folders."""
    return """
    for number in range(3, 1024):
        try:
            facts = os.fstat(number)
        except OSError:
            continue
        if stat.S_ISDIR(facts.st_mode): reached.append(f"folder {number}")
        if stat.S_ISSOCK(facts.st_mode):
            with contextlib.suppress(OSError):
                its = socket.socket(fileno=os.dup(number))
                if its.family == socket.AF_UNIX and its.type == socket.SOCK_SEQPACKET:
                    its.send(b'{"op": "kill"}'); reached.append(f"line {number}")
        if stat.S_ISREG(facts.st_mode):
            with contextlib.suppress(OSError):
                name = os.readlink(f"/proc/self/fd/{number}")
                if "nursery" in name or "driver" in name: reached.append(name)
    """


@attack("confinement")
def traces() -> str:
    """ptrace, process_vm_readv and writev, pidfd_getfd and kcmp on every process."""
    return """
    child = os.fork()
    if child == 0:
        time.sleep(100); os._exit(0)
    buffer = ctypes.create_string_buffer(64)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 64)
    for pid in [child, os.getppid(), T.pid, *range(1, 300)]:
        if pid == os.getpid(): continue
        reach(f"attach {pid}", libc.ptrace, 16, pid, 0, 0)
        reach(f"seize {pid}", libc.ptrace, 0x4206, pid, 0, 0)
        for number in (310, 311):
            reach(f"memory {pid}", libc.syscall, number, pid, vector, 1, vector, 1, 0)
    handle = os.pidfd_open(child)
    reach("pidfd_getfd", libc.syscall, 438, handle, 0, 0)
    os.kill(child, 9)
    """


@attack("confinement", COMPLETE, DIED)
def kills_everybody() -> str:
    """Every signal to every process that it can name."""
    return """
    for pid in others():
        for number in (0, signal.SIGSTOP, signal.SIGUSR1, signal.SIGTERM, signal.SIGKILL):
            reach(f"kill {pid} {number}", os.kill, pid, number)
    for group in (T.pid, os.getppid()):
        if group > 1 and group != os.getpgid(0): reach(f"group {group}", os.killpg, group, signal.SIGTERM)
    reach("canary by handle", lambda: signal.pidfd_send_signal(os.pidfd_open(T.pid), signal.SIGKILL))
    """


@attack("confinement", COMPLETE, DIED)
def kills_all_at_once() -> str:
    """kill(-1) from a child: every process that it may signal."""
    return """
    if os.fork() == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL): libc.kill(-1, number)
        os._exit(0)
    time.sleep(0.5)
    """


@attack("confinement")
def handicaps_others() -> str:
    """Limits, priority, processors and scheduling of processes of others."""
    return """
    for pid in others():
        reach(f"limits of {pid}", resource.prlimit, pid, resource.RLIMIT_CPU, (0, 0))
        reach(f"files of {pid}", resource.prlimit, pid, resource.RLIMIT_NOFILE, (0, 0))
        reach(f"priority of {pid}", os.setpriority, os.PRIO_PROCESS, pid, 19)
        reach(f"processors of {pid}", os.sched_setaffinity, pid, {0})
        reach(f"schedule of {pid}", os.sched_setscheduler, pid, os.SCHED_IDLE, os.sched_param(0))
        reach(f"disk of {pid}", libc.syscall, 251, 1, pid, 3 << 13)
    reach("priority of a user", os.setpriority, os.PRIO_USER, os.getuid(), 19) if os.getuid() == 0 else None
    """


@attack("confinement", cold=True)
def internet() -> str:
    """TCP and UDP to the listeners of the harness, to names and to the world."""
    return """
    for host in ("127.0.0.1", T.host, "::1", "localhost", "0.0.0.0", "192.0.2.1", "169.254.169.254", "example.org"):
        def connected(): socket.create_connection((host, T.tcp_port), 0.2).sendall(b"hello")
        reach(f"tcp {host}", connected)
    for family, host in ((2, "127.0.0.1"), (2, T.host), (10, "::1"), (2, "255.255.255.255")):
        with contextlib.suppress(OSError):
            udp = socket.socket(family, socket.SOCK_DGRAM)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            udp.sendto(b"hello", (host, T.udp_port))
        with contextlib.suppress(OSError):
            udp.sendmsg([b"hello"], [], 0, (host, T.udp_port))
        with contextlib.suppress(OSError):
            fast = socket.socket(family, socket.SOCK_STREAM)
            fast.settimeout(0.2)
            fast.sendto(b"hello", 0x20000000, (host, T.tcp_port))  # MSG_FASTOPEN
    reach("name", lambda: socket.gethostbyname("example.org"))
    """


@attack("confinement")
def odd_sockets() -> str:
    """Raw, packet, netlink, vsock, alg, xdp and bluetooth sockets."""
    return """
    odd = [(2, 3, 1), (2, 3, 255), (10, 3, 58), (17, 3, 768), (17, 2, 0), (38, 5, 0), (40, 1, 0), (31, 3, 1), (44, 3, 0),
           (16, 3, 12), (16, 3, 9), (16, 3, 15), (29, 3, 1), (30, 1, 0), (21, 5, 0), (43, 1, 0), (16, 3, 16), (15, 3, 2)]
    for family, kind, number in odd:
        reach(f"socket {family} {kind} {number}", socket.socket, family, kind, number)
    """


@attack("confinement")
def changes_its_network() -> str:
    """New addresses, routes and interfaces for the network it has."""
    return """
    import fcntl, struct
    for name, number in (("address", 0x8916), ("flags", 0x8914), ("route", 0x890B), ("tunnel", 0x89F1)):
        def change(): return fcntl.ioctl(socket.socket(2, 2), number, struct.pack("16s24x", b"lo"))
        reach(name, change)
    for path in ("/dev/net/tun", "/dev/vhost-net", "/proc/sys/net/ipv4/ip_forward"): reach(path, open, path, "r+b")
    reach("low port", lambda: socket.socket(10, 1).bind(("::1", 80)) or 0) if os.getuid() == 0 else None
    """


@attack("confinement")
def unix_sockets() -> str:
    """Sockets with a name, on the disk and without: by connect, sendto, sendmsg and sendmmsg."""
    return """
    for kind, path in ((1, T.socket), (2, T.datagrams), (1, "\\0" + T.abstract), (2, "\\0" + T.abstract + "-d"),
                       (1, "/run/docker.sock"), (1, "/run/systemd/private"), (1, "/run/dbus/system_bus_socket")):
        its = reach("", socket.socket, 1, kind) ; reached and reached[-1] == "" and reached.pop()
        if its is None: continue
        its.settimeout(0.2)
        reach(f"connect {path!r}", lambda: its.connect(path) or its.send(b"hello"))
        reach(f"sendto {path!r}", lambda: its.sendto(b"hello", path))
        reach(f"sendmsg {path!r}", lambda: its.sendmsg([b"hello"], [], 0, path))
    """


@attack("confinement", cold=True)
def mounts() -> str:
    """mount, umount, unshare, setns, chroot, pivot_root and the new calls for the same."""
    return """
    for kind in (b"tmpfs", b"proc", b"sysfs", b"overlay", b"cgroup2", b"fuse", b"devpts"):
        reach(f"mount {kind}", libc.mount, b"none", b"/tmp", kind, 0, None)
    for flags in (4096, 32, 32 | 4096, 1 << 18, 8192):
        reach(f"remount {flags}", libc.mount, b"/", b"/", None, flags, None)
        reach(f"remount proc {flags}", libc.mount, b"/proc", b"/proc", b"proc", flags, None)
    for place in (b"/", b"/usr", b"/proc", b"/tmp", b"/dev/shm"): reach(f"umount {place}", libc.umount2, place, 2)
    for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80):
        reach(f"unshare {bit:x}", libc.unshare, bit)
    for kind in ("pid", "mnt", "net", "user", "ipc", "uts", "cgroup"):
        for pid in (1, os.getppid(), "self"):
            reach(f"setns {kind} {pid}", lambda: libc.setns(os.open(f"/proc/{pid}/ns/{kind}", 0), 0))
    reach("chroot", os.chroot, ".")
    for number in (155, 428, 429, 430, 431, 432, 433, 442):
        reach(f"call {number}", libc.syscall, number, b".", b".", 0, 0, 0)
    """


@attack("confinement")
def clones_into_namespaces() -> str:
    """clone with every flag for a namespace, and clone3."""
    return """
    for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        result = libc.syscall(56, bit | 17, 0, 0, 0, 0)
        if result == 0: os._exit(0)
        if result > 0: reached.append(f"clone {bit:x}")
    arguments = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)
    result = libc.syscall(435, arguments, 88)
    if result == 0: os._exit(0)
    if result > 0: reached.append("clone3")
    """


@attack("confinement", cell_seconds=15.0, total_seconds=20.0)
def programs_with_rights() -> str:
    """su, sudo, mount, ping, passwd, newuidmap and every other set-user-id program of the system."""
    return """
    lines = [["su", "-c", "id"], ["sudo", "-n", "id"], ["mount", "-t", "tmpfs", "x", "/tmp"], ["pkexec", "id"]]
    lines += [["ping", "-c1", "-W1", "127.0.0.1"], ["newgrp", "root"], ["unshare", "-Ur", "id"], ["chroot", "/", "id"]]
    lines += [["newuidmap", str(os.getpid()), "0", "0", "1"], ["crontab", "-l"], ["at", "now"], ["bwrap", "--bind", "/", "/", "id"]]
    for line in lines:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(line, capture_output=True, stdin=subprocess.DEVNULL, timeout=1, text=True)
            if "uid=0" in done.stdout or (done.returncode == 0 and line[0] in ("su", "sudo", "mount", "unshare", "bwrap")):
                reached.append(str(line))
    for change in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.seteuid(0)):
        reach("user", change)
    """


@attack("confinement")
def rare_calls() -> str:
    """bpf, io_uring, userfaultfd, keyctl, perf, fanotify, file handles, modules, clocks, swap, reboot and others."""
    return """
    zeros = ctypes.create_string_buffer(256)
    names = {"bpf": 321, "io_uring": 425, "userfaultfd": 323, "add_key": 248, "request_key": 249, "keyctl": 250,
             "perf": 298, "fanotify": 300, "name_to_handle": 303, "open_by_handle": 304, "init_module": 175,
             "finit_module": 313, "delete_module": 176, "kexec": 246, "kexec_file": 320, "swapon": 167, "swapoff": 168,
             "acct": 163, "quota": 179, "settimeofday": 164, "clock_settime": 227, "adjtimex": 159, "syslog": 103,
             "iopl": 172, "ioperm": 173, "modify_ldt": 154, "vhangup": 153, "lookup_dcookie": 212, "sethostname": 170,
             "setdomainname": 171, "nfsservctl": 180, "mbind-": 500, "kcmp": 312, "process_madvise": 440}
    for name, number in names.items():
        if name == "reboot": continue
        reach(name, libc.syscall, number, zeros, zeros, zeros, zeros, zeros)
    for operation in range(0, 12): reach(f"keyctl {operation}", libc.syscall, 250, operation, -3, 0, 0, 0)
    reach("io_uring_setup", libc.syscall, 425, 8, zeros)
    reach("userfaultfd", libc.syscall, 323, 1)
    """


@attack("confinement", DIED, COMPLETE)
def other_call_table() -> str:
    """System calls by the numbers of x32."""
    return "print(libc.syscall(0x40000000 + 165, b'x', b'/tmp', b'tmpfs', 0, 0)); reached.append('x32')"


@attack("confinement")
def types_into_terminals() -> str:
    """TIOCSTI and TIOCLINUX, also with other upper halves of the request, and the terminals of others."""
    return """
    import fcntl, pty
    main, other = -1, -1
    with contextlib.suppress(OSError): main, other = pty.openpty()
    for request in (0x5412, 0x541C, 0x5412 | 1 << 32):
        for handle in (other, main, 0, 1, 2):
            reach(f"type {request:x} {handle}", lambda: libc.ioctl(handle, ctypes.c_ulong(request), b"x"))
    for path in ("/dev/tty", "/dev/console", "/dev/tty1", "/dev/tty0", "/dev/pts/0", "/dev/pts/1", "/dev/ptmx-"):
        if "pts" in path and other >= 0: continue
        reach(path, os.open, path, os.O_RDWR)
    """


@attack("confinement")
def devices() -> str:
    """Makes devices, and opens those of the machine."""
    return """
    import glob
    for folder in (".", "/tmp", "/dev", "/dev/shm", os.environ["HOME"]):
        for major, minor in ((1, 1), (1, 3), (8, 0), (254, 0), (5, 1)):
            for kind in (stat.S_IFCHR, stat.S_IFBLK):
                reach(f"mknod {folder}", os.mknod, f"{folder}/{T.marker}-n", kind | 0o666, os.makedev(major, minor))
    usual = {"null", "zero", "full", "random", "urandom", "ptmx", "tty", "stdin", "stdout", "stderr", "fd"}
    for path in [*glob.glob("/dev/*"), "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/fuse", "/dev/kvm", "/dev/net/tun"]:
        if os.path.basename(path) in usual or os.path.isdir(path): continue
        reach(f"device {path}", os.open, path, os.O_RDONLY | os.O_NONBLOCK)
    """


@attack("confinement")
def kernel_settings() -> str:
    """Writes below /proc/sys, /sys and /proc/self that change more than itself."""
    return """
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory",
                 "/proc/sys/fs/file-max", "/proc/sysrq-trigger", "/sys/power/state", "/sys/fs/cgroup/cgroup.procs",
                 "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/ns_last_pid", "/sys/kernel/uevent_helper",
                 "/proc/sys/user/max_user_namespaces", "/proc/acpi/x", "/proc/self/uid_map", "/proc/1/oom_score_adj-"):
        def write():
            with open(path, "r+") as file: file.write(file.read() or "1")
        reach(path, write)
    reach("oom", lambda: open("/proc/self/oom_score_adj", "w").write("-1000") and
          open("/proc/self/oom_score_adj").read().strip() == "-1000" or 1 / 0)
    """


@attack("confinement")
def ways_around_read_only() -> str:
    """Writes to what is shown read-only by way of /proc/self/root, cwd, fd, magic links and O_PATH."""
    return """
    target = os.__file__
    for path in (f"/proc/self/root{target}", f"/proc/1/root{target}", f"/proc/thread-self/root{target}", f"/proc/self/cwd/..{target}"):
        reach(path, open, path, "r+b")
    handle = os.open(target, os.O_PATH)
    reach("by handle", open, f"/proc/self/fd/{handle}", "r+b")
    reader = os.open(target, os.O_RDONLY)
    reach("again", open, f"/proc/self/fd/{reader}", "r+b")
    import mmap
    reach("map", lambda: mmap.mmap(reader, 4096, prot=mmap.PROT_WRITE, flags=mmap.MAP_SHARED))
    reach("mode", os.fchmod, reader, 0o777) if os.fstat(reader).st_uid == os.getuid() else None
    reach("escape", lambda: os.stat("../../../../../../../../" + T.secret) and open("../../../../../../../.." + T.secret).read())
    """


@attack("confinement")
def links_in_its_folders() -> str:
    """Symbolic links to secrets in every folder that it may write, for others to follow."""
    return """
    folder = sys.modules["_notebook_observer"].observer.folder
    for place in (".", os.path.expanduser("~"), os.environ["TMPDIR"], folder, os.path.dirname(folder)):
        for name in ("cell-0005.safetensors", "call-x-0.safetensors", "cell-0001.safetensors.part", "executed.ipynb"):
            with contextlib.suppress(OSError): os.unlink(f"{place}/{name}")
            with contextlib.suppress(OSError): os.symlink(T.secret, f"{place}/{name}")
        with contextlib.suppress(OSError): os.symlink(T.folder, f"{place}/folder")
        with contextlib.suppress(OSError): os.symlink("/", f"{place}/root")
    """


@attack("confinement", survives=False)
def folder_replaced_by_a_link() -> str:
    """Replaces its own folders, the observer's and that of the sockets by links to places of others."""
    return """
    import shutil
    folder = sys.modules["_notebook_observer"].observer.folder
    for place in (os.getcwd(), os.path.expanduser("~"), os.environ["TMPDIR"], folder):
        with contextlib.suppress(OSError): os.rename(place, place + "-old")
        with contextlib.suppress(OSError): shutil.rmtree(place)
        with contextlib.suppress(OSError): os.symlink(T.folder, place)
    """


def _sockets_folder() -> str:
    return """
    from jupyter_client.connect import get_connection_file
    connection = get_ipython().kernel.config["IPKernelApp"]["connection_file"] if "IPKernelApp" in get_ipython().kernel.config else get_connection_file()
    folder = os.path.dirname(connection)
    """


@attack("confinement", COMPLETE, DIED, CELL)
def sockets_replaced() -> str:
    """Removes the kernel's sockets, puts others and pipes in their place, and rewrites the connection file."""
    return (
        _sockets_folder()
        + """
    for name in os.listdir(folder):
        with contextlib.suppress(OSError): os.unlink(f"{folder}/{name}")
    for number in range(1, 6):
        with contextlib.suppress(OSError): os.mkfifo(f"{folder}/k-{number}")
    with contextlib.suppress(OSError): os.mkfifo(f"{folder}/kernel.log")
    with contextlib.suppress(OSError): os.symlink(T.secret, f"{folder}/connection.json")
    """
    )


@attack("confinement", COMPLETE, DIED, CELL)
def second_kernel_on_the_sockets() -> str:
    """Listens itself where the kernel listens, so that the driver talks to it."""
    return (
        _sockets_folder()
        + """
    held = []
    for number in range(1, 6):
        with contextlib.suppress(OSError): os.rename(f"{folder}/k-{number}", f"{folder}/old-{number}")
        with contextlib.suppress(OSError):
            its = socket.socket(socket.AF_UNIX); its.bind(f"{folder}/k-{number}"); its.listen(5); held.append(its)
    """
    )


@attack("confinement")
def modes_of_everything() -> str:
    """Takes away and gives all rights on all that it owns."""
    return """
    folder = sys.modules["_notebook_observer"].observer.folder
    for top in (".", os.path.expanduser("~"), os.environ["TMPDIR"]):
        for where, _, files in os.walk(top):
            for name in files: os.chmod(os.path.join(where, name), 0)
        os.chmod(top, 0)
    os.chmod(folder, 0o777)
    """


@attack("confinement", survives=False)
def modes_of_the_results() -> str:
    """Takes the rights on the observer's folder away."""
    return "os.chmod(sys.modules['_notebook_observer'].observer.folder, 0)"


@attack("confinement")
def passed_descriptors() -> str:
    """Descriptors passed round in rings of sockets that nobody can close any more."""
    return """
    import array
    for _ in range(200):
        a, b = socket.socketpair()
        for _ in range(20):
            with contextlib.suppress(OSError):
                a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [a.fileno(), b.fileno()]))])
        a.close(); b.close()
    """


@attack("confinement", COMPLETE, CELL)
def descriptors_used_up() -> str:
    """Opens files until there are no more descriptors."""
    return "held = []\nwhile True: held.append(open('/dev/null'))"


@attack("confinement")
def limits_raised() -> str:
    """Raises its own limits."""
    return """
    for name in ("AS", "NPROC", "FSIZE", "NOFILE", "CORE", "MEMLOCK"):
        number = getattr(resource, "RLIMIT_" + name)
        reach(name, resource.setrlimit, number, (-1, -1))
    reach("nice", os.nice, -10)
    reach("real time", os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))
    """


@attack("confinement")
def left_in_shared_memory() -> str:
    """Leaves files and semaphores in shared memory and message queues, under names that others know."""
    return """
    from multiprocessing import shared_memory
    with contextlib.suppress(OSError):
        with open(f"/dev/shm/{T.marker}", "w") as file: file.write("x")
    with contextlib.suppress(OSError):
        block = shared_memory.SharedMemory(create=True, size=2**20, name=f"{T.marker}-b")
    reach("queue", libc.msgget, 0x4711, 0o1666)
    reach("semaphores", libc.semget, 0x4711, 1, 0o1666)
    """


@attack("confinement", COMPLETE, CELL)
def core_dump() -> str:
    """A child dies with a core, which the machine's handler would be given."""
    return """
    with contextlib.suppress(ValueError, OSError): resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
    child = os.fork()
    if child == 0: os.abort()
    _, status = os.waitpid(child, 0)
    if os.WCOREDUMP(status): reached.append("core")
    """


@attack("confinement")
def watches_others() -> str:
    """Watches folders of others by inotify, and their locks."""
    return """
    handle = libc.inotify_init1(2048)
    for path in (T.home, T.secret, T.project + "/rubrics"):
        reach(path, libc.inotify_add_watch, handle, path.encode(), 0xFFF)
    """
