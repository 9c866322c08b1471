"""Notebooks whose kernel ends, hangs, hides or never ends."""

from __future__ import annotations

from tests.corpus.attacks import CELL, COMPLETE, DIED, attack


@attack("life cycle", DIED, cold=True)
def leaves_well() -> str:
    """os._exit(0)."""
    return "os._exit(0)"


@attack("life cycle", DIED)
def leaves_badly() -> str:
    """os._exit(1)."""
    return "os._exit(1)"


@attack("life cycle")
def raises_system_exit() -> list[str]:
    """SystemExit, sys.exit, GeneratorExit and KeyboardInterrupt of its own."""
    return [
        "raise SystemExit(0)",
        "sys.exit('bye')",
        "raise GeneratorExit",
        "raise KeyboardInterrupt",
        "after = 1",
    ]


@attack("life cycle", DIED, cold=True)
def segfault() -> str:
    """Reads address nought."""
    return "ctypes.string_at(0)"


@attack("life cycle", DIED)
def aborts() -> str:
    """abort()."""
    return "os.abort()"


@attack("life cycle", DIED, COMPLETE, CELL)
def stack_overflow() -> str:
    """Recursion until the stack of C ends."""
    return """
    sys.setrecursionlimit(10 ** 9)
    class Deep:
        def __getattr__(self, name): return getattr(self, name + "x")
    def down(n): return down(n + 1)
    import re
    sys.setrecursionlimit(10 ** 8)
    f = lambda *a: None
    for _ in range(10 ** 6): f = type("F", (), {"__call__": f})()
    f()
    """


@attack("life cycle", COMPLETE, DIED)
def kills_itself() -> str:
    """SIGKILL to itself; the first process of a process space does not hear it."""
    return "os.kill(os.getpid(), signal.SIGKILL); time.sleep(0.3)"


@attack("life cycle", COMPLETE, CELL)
def stops_itself() -> str:
    """SIGSTOP to itself."""
    return "os.kill(os.getpid(), signal.SIGSTOP); time.sleep(0.1)"


@attack("life cycle", CELL)
def stops_itself_through_a_child() -> str:
    """A child stops the kernel, again and again."""
    return """
    if os.fork() == 0:
        os.setsid()
        while True:
            with contextlib.suppress(OSError): os.kill(os.getppid(), signal.SIGSTOP)
            time.sleep(0.01)
    time.sleep(100)
    """


@attack("life cycle", DIED)
def becomes_another_program() -> str:
    """The kernel becomes `true`."""
    return "os.execvp('true', ['true'])"


@attack("life cycle", CELL)
def becomes_a_sleeper() -> str:
    """The kernel becomes `sleep`."""
    return "os.execvp('sleep', ['sleep', f'86400.{T.number}'])"


@attack("life cycle", cold=True)
def daemons() -> str:
    """Children that leave session, family and terminal, and sleep on."""
    return """
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork(): os._exit(0)
            os.execvp("sleep", ["sleep", f"86400.{T.number}"])
        os.wait()
    subprocess.Popen(["setsid", "nohup", "sleep", f"86400.{T.number}"])
    """


@attack("life cycle", DIED, cell_seconds=6.0)
def daemons_of_a_dead_kernel() -> str:
    """Daemons that go on when the kernel ends by itself."""
    return """
    for _ in range(10):
        if os.fork() == 0:
            os.setsid()
            if os.fork(): os._exit(0)
            for number in range(1, 65):
                with contextlib.suppress(OSError, ValueError): signal.signal(number, signal.SIG_IGN)
            os.execvp("sleep", ["sleep", f"86400.{T.number}"])
        os.wait()
    os._exit(3)
    """


@attack("life cycle", DIED)
def heirs() -> str:
    """Children that fork again as soon as they are alone."""
    return """
    for _ in range(5):
        if os.fork() == 0:
            os.setsid()
            end = time.monotonic() + 60
            while time.monotonic() < end:
                if os.fork(): os._exit(0)
                time.sleep(0.001)
    os._exit(0)
    """


@attack("life cycle")
def sleepers_at_exit() -> str:
    """Functions at exit that sleep, loop and raise."""
    return """
    import atexit
    for function in (lambda: time.sleep(1000), lambda: 1 / 0, lambda: [None for _ in iter(int, 1)]): atexit.register(function)
    threading.Thread(target=time.sleep, args=(1000,)).start()
    """


@attack("life cycle")
def threads_that_go_on() -> str:
    """Threads that print, take memory and change values after the cell."""
    return """
    def go_on():
        n = 0
        while True:
            n += 1
            globals()["moving"] = n
            print(n)
            time.sleep(0.001)
    for _ in range(4): threading.Thread(target=go_on, daemon=True).start()
    """


@attack("life cycle", DIED, COMPLETE, CELL, cold=True)
def sockets_closed() -> str:
    """Closes the kernel's sockets."""
    return """
    kernel = get_ipython().kernel
    kernel.iopub_socket.close()
    for stream in (getattr(kernel, "shell_stream", None), getattr(kernel, "control_stream", None)):
        with contextlib.suppress(Exception): stream.close()
    """


@attack("life cycle", DIED, COMPLETE)
def descriptors_closed() -> str:
    """Closes every descriptor."""
    return "os.closerange(0, 1024)"


@attack("life cycle", DIED, COMPLETE)
def loop_stopped() -> str:
    """Stops the kernel's loop."""
    return """
    import asyncio
    from tornado.ioloop import IOLoop
    with contextlib.suppress(Exception): get_ipython().kernel.io_loop.stop()
    with contextlib.suppress(Exception): asyncio.get_event_loop().stop()
    with contextlib.suppress(Exception): IOLoop.current().stop()
    """


@attack("life cycle", DIED, COMPLETE)
def kernel_that_stops_answering() -> str:
    """Patches ipykernel so that nothing is executed any more."""
    return """
    kernel = get_ipython().kernel
    async def nothing(*arguments, **named): pass
    for name in ("execute_request", "dispatch_shell", "shell_main", "process_one"):
        with contextlib.suppress(Exception): setattr(kernel, name, nothing)
    kernel.shell_handlers = {}
    type(kernel).dispatch_shell = nothing
    type(kernel).execute_request = nothing
    """


@attack("life cycle", COMPLETE, CELL, DIED)
def replies_twice() -> str:
    """Answers every request twice, and this one before it is done."""
    return """
    kernel = get_ipython().kernel
    content = {"status": "ok", "execution_count": 1, "user_expressions": {}, "payload": []}
    for _ in range(3):
        for name in ("shell_stream", "shell_socket"):
            with contextlib.suppress(Exception):
                kernel.session.send(getattr(kernel, name), "execute_reply", content, kernel.get_parent("shell"), ident=kernel._parent_ident.get("shell") if isinstance(kernel._parent_ident, dict) else kernel._parent_ident)
        with contextlib.suppress(Exception):
            kernel.session.send(kernel.iopub_socket, "status", {"execution_state": "idle"}, kernel.get_parent("shell"), ident=b"status")
    time.sleep(1)
    """


@attack("life cycle", CELL, COMPLETE, DIED)
def early_reply_and_endless_loop() -> str:
    """Says that the cell is done, and goes on for ever."""
    return """
    kernel = get_ipython().kernel
    parent = kernel.get_parent("shell")
    for target in ("shell_stream", "shell_socket"):
        with contextlib.suppress(Exception):
            ident = kernel._parent_ident["shell"]
            kernel.session.send(getattr(kernel, target), "execute_reply", {"status": "ok"}, parent, ident=ident)
    kernel.session.send(kernel.iopub_socket, "status", {"execution_state": "idle"}, parent, ident=b"x")
    while True:
        try: time.sleep(1)
        except BaseException: pass
    """


@attack("life cycle", COMPLETE, CELL)
def questions() -> list[str]:
    """input(), getpass, breakpoint(), pdb and a debugger after the fact."""
    return [
        "input('name? ')",
        "import getpass; getpass.getpass()",
        "breakpoint()",
        "1 / 0",
        "%debug",
        "import pdb; pdb.set_trace()",
        "sys.stdin.read()",
    ]


@attack("life cycle", COMPLETE, DIED)
def quits() -> list[str]:
    """quit, exit and their magic."""
    return ["quit()", "after = 1", "exit", "get_ipython().ask_exit()", "after = 2"]


@attack("life cycle", COMPLETE, CELL, DIED)
def resets() -> list[str]:
    """%reset -f, and emptied namespaces."""
    return ["%reset -f", "get_ipython().user_ns.clear()", "x = 1", "import sys; sys.modules.clear()"]


@attack("life cycle", COMPLETE, DIED)
def restarts() -> str:
    """Restarts and shuts down the kernel from within."""
    return """
    import asyncio
    kernel = get_ipython().kernel
    with contextlib.suppress(BaseException): kernel.do_shutdown(True)
    with contextlib.suppress(BaseException): asyncio.ensure_future(kernel.shutdown_request(None, [b"x"], {"content": {"restart": True}}))
    get_ipython().kernel.session.send(kernel.iopub_socket, "shutdown_reply", {"restart": True}, ident=b"shutdown")
    """


@attack("life cycle", COMPLETE, CELL)
def signal_handlers() -> str:
    """Handlers for alarms and interrupts that run on after the cell."""
    return """
    def handler(number, frame): raise KeyboardInterrupt
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    """


@attack("life cycle", COMPLETE, CELL, DIED)
def tracing() -> str:
    """sys.settrace, setprofile and audit hooks that break what runs afterwards."""
    return """
    def trace(frame, event, argument):
        if "observer" in frame.f_code.co_filename: raise RuntimeError("not this one")
        return trace
    sys.settrace(trace); sys.setprofile(trace); threading.settrace(trace)
    def hook(event, arguments):
        if event == "open" and "safetensors" in str(arguments): raise RuntimeError("no results")
    sys.addaudithook(hook)
    """


@attack("life cycle", COMPLETE, CELL, DIED)
def collector_games() -> str:
    """Objects that revive, finalizers that loop, and a collector that never runs."""
    return """
    import gc
    class Undead:
        def __del__(self):
            globals()["undead"] = self
            Undead()
    Undead()
    gc.disable(); gc.callbacks.append(lambda phase, info: time.sleep(0.01)); gc.set_threshold(1); gc.enable()
    """


@attack("life cycle", COMPLETE, DIED, CELL)
def fault_handlers() -> str:
    """faulthandler that ends the process later, and an alarm."""
    return """
    import faulthandler
    faulthandler.dump_traceback_later(0.5, exit=True)
    signal.alarm(1)
    time.sleep(1.5)
    """


@attack("life cycle", CELL, COMPLETE, DIED)
def interpreter_at_a_standstill() -> str:
    """A switch interval of an hour, and threads that never let go."""
    return """
    sys.setswitchinterval(3600)
    def spin():
        while True: pass
    for _ in range(8): threading.Thread(target=spin, daemon=True).start()
    """
