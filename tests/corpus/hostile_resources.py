"""Notebooks that use up time, memory, disk, processes or the patience of whoever listens."""

from __future__ import annotations

from tests.corpus.attacks import CELL, COMPLETE, DIED, DISK, MEMORY, TOTAL, attack


@attack("resource", CELL, cold=True)
def endless_loop() -> str:
    """A loop without an end."""
    return "while True: pass"


@attack("resource", CELL)
def long_sleep() -> str:
    """Sleeps for a day."""
    return "time.sleep(86_400)"


@attack("resource", CELL, cold=True)
def swallowed_interrupt() -> str:
    """Catches KeyboardInterrupt and goes on."""
    return """
    while True:
        try:
            time.sleep(1)
        except BaseException:
            pass
    """


@attack("resource", CELL)
def ignored_interrupt() -> str:
    """Ignores SIGINT, SIGTERM and all other signals that can be ignored."""
    return """
    for number in range(1, 65):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    while True: pass
    """


@attack("resource", CELL)
def held_lock() -> str:
    """A loop in C that never gives the interpreter's lock back."""
    return "sum(range(10 ** 12))"


@attack("resource", CELL)
def held_lock_in_c() -> str:
    """Sleeps in C with the interpreter's lock held."""
    return "ctypes.PyDLL(None).sleep(10_000)"


@attack("resource", CELL)
def catastrophic_pattern() -> str:
    """A regular expression that needs exponential time and holds the lock."""
    return "import re; re.match('(a+)+$', 'a' * 60 + 'b')"


@attack("resource", TOTAL, total_seconds=3.0)
def many_slow_cells() -> list[str]:
    """Thirty cells, each just below the limit of a cell."""
    return ["time.sleep(1.2)"] * 30


@attack("resource", CELL, TOTAL, total_seconds=4.0)
def many_endless_cells() -> list[str]:
    """Ten cells, each without an end."""
    return ["while True: pass"] * 10


@attack("resource", COMPLETE, MEMORY, cold=True, cell_seconds=6.0)
def memory_of_lists() -> str:
    """Byte arrays without an end."""
    return "hog = []\nwhile True: hog.append(bytearray(10 ** 7))"


@attack("resource", COMPLETE, MEMORY, cell_seconds=6.0)
def memory_of_numpy() -> str:
    """Arrays of ones without an end."""
    return "import numpy as np\nhog = []\nwhile True: hog.append(np.ones(2 * 10 ** 6))"


@attack("resource")
def memory_at_once() -> str:
    """One array of a terabyte."""
    return "import numpy as np\nnp.ones(10 ** 12 // 8)"


@attack("resource", COMPLETE, MEMORY, cell_seconds=6.0)
def memory_of_tensors() -> str:
    """Tensors without an end."""
    return "import torch\nhog = []\nwhile True: hog.append(torch.ones(2 * 10 ** 6))"


@attack("resource", MEMORY, CELL, cell_seconds=6.0)
def memory_in_children() -> str:
    """Two dozen children, each far below the limit of a process."""
    return """
    for _ in range(24):
        if os.fork() == 0:
            hog = bytearray(100 * 2**20)
            hog[::4096] = b"x" * len(hog[::4096])
            time.sleep(1000)
            os._exit(0)
    time.sleep(1000)
    """


@attack("resource", MEMORY, CELL, cell_seconds=6.0)
def memory_in_orphans() -> str:
    """Children that left the kernel's session and family, each far below the limit of a process."""
    return """
    for _ in range(24):
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            hog = bytearray(100 * 2**20)
            hog[::4096] = b"x" * len(hog[::4096])
            time.sleep(1000)
            os._exit(0)
        os.wait()
    time.sleep(1000)
    """


@attack("resource", COMPLETE, DISK, MEMORY, CELL)
def memory_in_shm() -> str:
    """Files in /dev/shm without an end."""
    return """
    block = b"x" * 2**20
    for number in range(2_000):
        with open(f"/dev/shm/{T.marker}-{number}", "wb") as file:
            file.write(block)
    """


@attack("resource", COMPLETE, MEMORY, CELL)
def memory_without_a_name() -> str:
    """Pages of files that have no name, no mapping and no folder: memfd_create."""
    return """
    block = b"x" * 2**20
    files = [os.memfd_create(str(number)) for number in range(8)]
    for file in files:
        for _ in range(120):
            os.write(file, block)
    reached.append("memfd")
    """


@attack("resource", COMPLETE, MEMORY, CELL)
def memory_of_old_shared_segments() -> str:
    """System V segments, filled and let go, which outlive every process."""
    return """
    libc.shmat.restype = ctypes.c_void_p
    for _ in range(8):
        segment = libc.shmget(0, ctypes.c_size_t(100 * 2**20), 0o1600)
        if segment >= 0:
            reached.append("segment")
            place = libc.shmat(segment, None, 0)
            ctypes.memset(ctypes.c_void_p(place), 1, 100 * 2**20)
            libc.shmdt(ctypes.c_void_p(place))
    """


@attack("resource", COMPLETE, MEMORY, CELL)
def memory_in_pipes() -> str:
    """Pipes and socket pairs filled to the brim."""
    return """
    held = []
    with contextlib.suppress(OSError):
        while True:
            a, b = socket.socketpair()
            a.setblocking(False)
            a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**24)
            with contextlib.suppress(OSError):
                while True: a.send(b"x" * 60_000)
            held.append((a, b))
    """


@attack("resource", COMPLETE, CELL, MEMORY, cold=True)
def fork_bomb() -> str:
    """Every process forks for ever."""
    return """
    while True:
        with contextlib.suppress(OSError):
            os.fork()
    """


@attack("resource", COMPLETE, CELL, MEMORY, DIED)
def fork_bomb_of_strangers() -> str:
    """Every process forks into a session of its own, ignores signals and forgets its parent."""
    return """
    for number in range(1, 65):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    while True:
        with contextlib.suppress(OSError):
            if os.fork() == 0:
                os.setsid()
            elif os.getpid() % 2:
                pass
    """


@attack("resource", COMPLETE, CELL, MEMORY)
def shell_bomb() -> str:
    """The fork bomb of the shell."""
    return "!:(){ :|:& };: ; sleep 100"


@attack("resource", COMPLETE, CELL, MEMORY)
def thread_bomb() -> str:
    """Threads without an end."""
    return """
    with contextlib.suppress(RuntimeError):
        while True: threading.Thread(target=time.sleep, args=(1000,), daemon=False).start()
    """


@attack("resource", COMPLETE, CELL, DISK)
def inode_bomb() -> str:
    """Empty files by the hundred thousand."""
    return "for number in range(500_000): open(f'{number}', 'w').close()"


@attack("resource", COMPLETE, DISK, CELL)
def disk_bomb_of_one_file() -> str:
    """One file of many gigabytes."""
    return """
    with open("big", "wb") as file:
        for _ in range(4_000): file.write(b"x" * 2**20)
    """


@attack("resource", COMPLETE, DISK, CELL)
def disk_bomb_of_many_files() -> str:
    """Many files of a megabyte, in every folder that can be written."""
    return """
    observer = sys.modules["_notebook_observer"].observer
    for number in range(2_000):
        for folder in (".", os.path.expanduser("~"), "/tmp", os.environ["TMPDIR"], observer.folder):
            with contextlib.suppress(OSError), open(f"{folder}/{number}", "wb") as file:
                file.write(b"x" * 2**20)
    """


@attack("resource", COMPLETE, DISK, CELL, survives=False)
def results_folder_filled() -> str:
    """Fills the folder where the observer writes, so that no result has room."""
    return """
    folder = sys.modules["_notebook_observer"].observer.folder
    with contextlib.suppress(OSError):
        for number in range(400):
            with open(f"{folder}/{number}", "wb") as file: file.write(b"x" * 2**20)
    """


@attack("resource", COMPLETE, DISK, CELL)
def folders_without_an_end() -> str:
    """Folders in folders, thousands deep, with nobody allowed to look into them."""
    return """
    with contextlib.suppress(OSError):
        for _ in range(3_000):
            os.mkdir("d"); os.chdir("d")
    for _ in range(10):
        os.chmod(".", 0)
        with contextlib.suppress(OSError): os.chdir("..")
    """


@attack("resource", COMPLETE, CELL)
def print_flood() -> str:
    """Prints 200 MB."""
    return "for _ in range(2_000): print('x' * 100_000)"


@attack("resource", COMPLETE, CELL)
def print_flood_in_small_pieces() -> str:
    """Prints and flushes a line, again and again."""
    return "for number in range(10 ** 7): print(number, flush=True)"


@attack("resource")
def stderr_flood() -> str:
    """200 MB to stderr."""
    return "for _ in range(2_000): sys.stderr.write('x' * 100_000)"


@attack("resource", COMPLETE, CELL)
def display_flood() -> str:
    """A hundred thousand small displays."""
    return "for number in range(100_000): display(number)"


@attack("resource", COMPLETE, CELL, output_mib=20.0)
def display_flood_within_a_large_limit() -> str:
    """Displays that weigh little and are many."""
    return """
    from IPython.display import display
    for _ in range(100_000): display({"text/plain": ""}, raw=True)
    """


@attack("resource")
def huge_display() -> str:
    """One display of 60 MB."""
    return "from IPython.display import HTML\ndisplay(HTML('x' * 60_000_000))"


@attack("resource", COMPLETE, CELL, MEMORY, DISK)
def flood_from_a_child() -> str:
    """A child process writes 400 MB to the kernel's stdout, and children of Python print."""
    return """
    subprocess.run(["head", "-c", "400000000", "/dev/zero"])
    if os.fork() == 0:
        for _ in range(1_000): print("x" * 100_000)
        os._exit(0)
    os.wait()
    """


@attack("resource", COMPLETE, CELL, DISK, MEMORY)
def flood_by_descriptor() -> str:
    """Writes to the descriptors 1 and 2 themselves."""
    return """
    for _ in range(3_000):
        os.write(1, b"x" * 100_000); os.write(2, b"y" * 100_000)
    """


@attack("resource", COMPLETE, CELL, MEMORY)
def shell_flood() -> str:
    """A shell line that prints for ever."""
    return "!yes"


@attack("resource")
def nested_without_an_end() -> str:
    """Containers that hold themselves, and lists a hundred thousand deep."""
    return """
    ring = []; ring.append(ring)
    knot = {}; knot["k"] = knot; knot[1] = [knot, (knot,)]
    deep = []
    for _ in range(100_000): deep = [deep]
    pairs = {}
    for _ in range(100_000): pairs = {"a": pairs}
    """


@attack("resource")
def doubling() -> str:
    """A list of two same lists of two same lists, and so on: 2^60 leaves."""
    return """
    wide = [1.0]
    for _ in range(60): wide = [wide, wide]
    dense = {"x": 1.0}
    for _ in range(60): dense = {"a": dense, "b": dense}
    """


@attack("resource", COMPLETE, DIED, MEMORY)
def broad_and_nested() -> str:
    """64 entries in each of 64 entries, four levels down: sixteen million nodes."""
    return """
    wide = {str(k): 0 for k in range(64)}
    for _ in range(3): wide = {str(k): wide for k in range(64)}
    """


@attack("resource", COMPLETE, CELL)
def huge_integers() -> str:
    """Integers of a million digits, alone and in lists."""
    return "big = 10 ** 1_000_000\nmany = [big, -big, 2 ** 64, -2 ** 63 - 1]\nby_big = {big: big}"


@attack("resource", COMPLETE, MEMORY)
def huge_texts() -> str:
    """Texts and bytes of 100 MB."""
    return "long = 'ä' * 50_000_000\nraw = bytes(100_000_000)\nkeys = {long: long}"


@attack("resource", COMPLETE, DIED, CELL, MEMORY, cell_seconds=4.0)
def million_globals() -> str:
    """A million names."""
    return "globals().update({f'v{n}': n for n in range(1_000_000)})"


@attack("resource", COMPLETE, CELL, MEMORY, DIED)
def figures_by_the_thousand() -> str:
    """Opens figure after figure and shows none."""
    return """
    import matplotlib.pyplot as plt
    for _ in range(1_000):
        plt.figure(); plt.plot(range(1_000))
    """


@attack("resource", COMPLETE, CELL, MEMORY, DIED)
def figure_of_a_million_artists() -> str:
    """One figure with lines and points without measure."""
    return """
    import matplotlib.pyplot as plt, numpy as np
    figure, axes = plt.subplots()
    for _ in range(2_000): axes.plot(np.zeros(10_000))
    axes.scatter(np.zeros(10 ** 6), np.zeros(10 ** 6))
    """


@attack("resource", COMPLETE, MEMORY)
def frames_that_grow() -> str:
    """Sparse and categorical frames, and views with strides of nought, that are small until somebody reads them."""
    return """
    import numpy as np, pandas as pd
    endless = np.broadcast_to(np.float64(1), (10 ** 6, 10 ** 6))
    sparse = pd.DataFrame({"a": pd.arrays.SparseArray(np.zeros(10), fill_value=0)})
    counted = pd.Series(pd.RangeIndex(10 ** 12))
    span = pd.Index(pd.RangeIndex(10 ** 12))
    wide = pd.DataFrame(np.zeros((1, 100_000)))
    spread = range(10 ** 15)
    """


@attack("resource")
def tensors_that_grow() -> str:
    """Expanded, sparse and meta tensors of a petabyte."""
    return """
    import torch
    wide = torch.ones(1).expand(10 ** 7, 10 ** 7)
    meta = torch.empty(10 ** 9, 10 ** 6, device="meta")
    sparse = torch.sparse_coo_tensor([[0], [0]], [1.0], (10 ** 9, 10 ** 9))
    """


@attack("resource", COMPLETE, CELL, MEMORY, DIED)
def zip_bomb() -> str:
    """Unpacks zeros that were packed in itself a thousandfold."""
    return """
    import zlib
    packed = zlib.compress(bytes(10 ** 8))
    out = b"".join(zlib.decompress(packed) for _ in range(20))
    """


@attack("resource", COMPLETE, DISK, CELL)
def disk_bomb_without_names() -> str:
    """Large files whose names are removed while they are open."""
    return """
    held = []
    with contextlib.suppress(OSError):
        for number in range(500):
            held.append(open(f"n{number}", "wb")); os.unlink(f"n{number}")
            for _ in range(20): held[-1].write(b"x" * 2**20)
            held[-1].flush()
    """
