"""Notebooks that forge, patch and lie, to break the reader or to be given marks."""

from __future__ import annotations

from tests.corpus.attacks import CELL, COMPLETE, DIED, DISK, MEMORY, attack

_FORGE = """
kernel = get_ipython().kernel
session, iopub, parent = kernel.session, kernel.iopub_socket, kernel.get_parent("shell")
def forge(kind, content, **more): session.send(iopub, kind, content, parent, **more)
"""


@attack("cheating", cold=True)
def forged_messages() -> list[str]:
    """Messages of every type with contents of every wrong type."""
    return [
        _FORGE,
        """
    kinds = ["status", "stream", "display_data", "execute_result", "update_display_data", "clear_output", "error"]
    kinds += ["execute_reply", "execute_input", "comm_open", "comm_msg", "comm_close", "input_request", "shutdown_reply", "x", ""]
    odd = [None, [], {}, 3, "text", {"execution_state": 3}, {"text": 3}, {"name": [], "text": None}, {"data": None}]
    odd += [{"data": [], "metadata": 3}, {"data": {"text/plain": 3, "x": None}, "metadata": {}, "transient": {"display_id": []}}]
    odd += [{"ename": None, "evalue": [], "traceback": 3}, {"traceback": [None, 3, []], "ename": {}, "evalue": 1e308}]
    odd += [{"wait": "x"}, {"data": {"text/plain": ["a", 1]}, "metadata": None, "execution_count": "x"}, {"comm_id": 3, "data": 3}]
    for kind in kinds:
        for content in odd:
            with contextlib.suppress(Exception): forge(kind, content)
    """,
        "after = 1",
    ]


@attack("cheating")
def forged_frames() -> list[str]:
    """Frames that are no messages: unsigned, empty, one, a thousand, no JSON, deep JSON, wrong keys."""
    return [
        _FORGE,
        """
    import hmac, hashlib, json
    def signed(*parts):
        made = hmac.new(session.key, digestmod=hashlib.sha256)
        for part in parts: made.update(part)
        return [b"<IDS|MSG>", made.hexdigest().encode(), *parts]
    head = json.dumps(parent).encode()
    bad = [b"", b"null", b"[]", b"3", b"{", b"\\xff\\xfe", b"NaN", b"[" * 100_000, b'{"a":' * 50_000, b'{"msg_type": 3}', b"1" * 6000]
    for one in bad:
        for parts in ((one, head, b"{}", b"{}"), (head, one, b"{}", b"{}"), (head, head, b"{}", one), (one,), (one,) * 4):
            for frames in (signed(*parts), list(parts) or [b""], [b"stream", *signed(*parts)]):
                iopub.send_multipart(frames)
    iopub.send_multipart([b"x"] * 1_000)
    """,
        "after = 1",
    ]


@attack("cheating", COMPLETE, CELL, DIED)
def flood_of_forged_frames() -> str:
    """Frames that are no messages, as fast as they go."""
    return _FORGE + "\nwhile True: iopub.send_multipart([b'x', b'y', b'z'])"


@attack("cheating", COMPLETE, CELL, DIED, MEMORY)
def flood_of_signed_frames() -> str:
    """Signed messages of somebody else's requests, as fast as they go."""
    return (
        _FORGE
        + """
    message = session.msg("stream", {"name": "stdout", "text": "x"}, {"msg_id": "other"})
    frames = session.serialize(message)
    while True: iopub.send_multipart(frames)
    """.replace("\n    ", "\n")
    )


@attack("cheating", COMPLETE, CELL, DIED, MEMORY)
def one_message_of_many_frames() -> str:
    """One message of frames that are each below the limit, and together hold gigabytes."""
    return (
        _FORGE
        + """
import zmq
raw = getattr(kernel.iopub_thread, "socket", None) or iopub.io_thread.socket
block = zmq.Frame(b"x" * (8 * 2**20))
for _ in range(300): raw.send(block, zmq.SNDMORE, copy=False)
raw.send(b"end")
"""
    )


@attack("cheating", COMPLETE, CELL, DIED)
def json_that_grows() -> str:
    """A message of 11 MB whose JSON takes a hundredfold once it is read."""
    return (
        _FORGE
        + """
for content in ("[" + "[]," * 3_500_000 + "[]]", "[" + "{}," * 3_500_000 + "{}]", '["' + '","'.join("%04d" % (n % 9999) for n in range(1_400_000)) + '"]'):
    frames = session.serialize(session.msg("display_data", {}, parent))
    import hmac, hashlib
    parts = [*frames[2:5], ('{"data": {"text/plain": %s}, "metadata": {}}' % content).encode()]
    made = hmac.new(session.key, digestmod=hashlib.sha256)
    for part in parts: made.update(part)
    iopub.send_multipart([b"<IDS|MSG>", made.hexdigest().encode(), *parts])
"""
    )


@attack("cheating", COMPLETE, CELL)
def flood_of_errors() -> str:
    """Error messages of megabytes, which no notebook client counts."""
    return (
        _FORGE
        + """
for _ in range(400): forge("error", {"ename": "E", "evalue": "x" * 20_000, "traceback": ["y" * 20_000] * 200})
"""
    )


@attack("cheating", COMPLETE, CELL)
def growing_reply() -> str:
    """A reply with 10 MB in each of its fields."""
    return (
        _FORGE
        + """
big = "x" * 2_000_000
content = {"status": "error", "ename": big, "evalue": big, "traceback": [big], "execution_count": 10 ** 400, "payload": [big]}
for name in ("shell_stream", "shell_socket"):
    with contextlib.suppress(Exception):
        session.send(getattr(kernel, name), "execute_reply", content, parent, ident=kernel._parent_ident["shell"])
time.sleep(0.3)
"""
    )


@attack("cheating", survives=False)
def forged_containers() -> str:
    """Containers of nonsense, too large headers, wrong ranges, huge shapes, and results for later cells."""
    return """
    import json, struct
    folder = sys.modules["_notebook_observer"].observer.folder
    def header(value): return struct.pack("<Q", len(value)) + value
    meta = json.dumps({"cell": 5, "values": {"w": {"t": "array", "ref": "a"}}})
    shapes = [[2**39, 2**39], [-1], [1e3], ["x"], [True], [[1]], [0] * 17, [2**62, 0]]
    bad = [b"", b"x" * 7, b"\\xff" * 8, struct.pack("<Q", 2**63), header(b"null"), header(b"[]"), header(b"{" * 10_000),
           header(b'{"__metadata__": {"json": "[]"}}'), header(b'{"__metadata__": {"json": "' + b"[" * 90_000 + b'"}}'),
           header(json.dumps({"__metadata__": {"json": meta}, "a": {"dtype": "F64", "shape": [1], "data_offsets": [0, 2**60]}}).encode())]
    for shape in shapes:
        bad.append(header(json.dumps({"__metadata__": {"json": meta}, "a": {"dtype": "F64", "shape": shape, "data_offsets": [0, 8]}}).encode()) + bytes(8))
    for number, content in enumerate(bad):
        with open(f"{folder}/cell-{number:04d}.safetensors", "wb") as file: file.write(content)
        with open(f"{folder}/call-a.b-{number}.safetensors", "wb") as file: file.write(content)
    """


@attack("cheating", survives=False)
def containers_that_are_no_files() -> str:
    """Containers as links, pipes, sockets, folders, hard links and sparse files of a terabyte."""
    return """
    folder = sys.modules["_notebook_observer"].observer.folder
    def name(number): return f"{folder}/cell-{number:04d}.safetensors"
    for number in range(0, 12):
        with contextlib.suppress(OSError): os.unlink(name(number))
    for number, make in enumerate([lambda p: os.symlink(T.secret, p), lambda p: os.symlink("/dev/zero", p), os.mkfifo, os.mkdir,
                                   lambda p: os.link(name(20), p), lambda p: os.symlink(p, p),
                                   lambda p: socket.socket(socket.AF_UNIX).bind(p), lambda p: os.symlink("/proc/self/environ", p)], 3):
        with open(name(20), "w") as file: file.write("x")
        with contextlib.suppress(OSError): make(name(number))
    with open(name(30), "wb") as file:
        with contextlib.suppress(OSError): file.truncate(2**30 - 1)
        with contextlib.suppress(OSError): file.truncate(2**40)
    """


@attack("cheating", survives=False)
def container_of_a_million_nodes() -> str:
    """A small file whose JSON takes gigabytes once it is read."""
    return """
    import json, struct
    folder = sys.modules["_notebook_observer"].observer.folder
    for number, text in enumerate(("[" + "[]," * 5_000_000 + "[]]", '{"cell": 1, "values": {"x": ' + "[" * 20 + "1" + "]" * 20 + "}}")):
        document = json.dumps({"__metadata__": {"json": text}}).encode()
        with open(f"{folder}/cell-{number + 4:04d}.safetensors", "wb") as file: file.write(struct.pack("<Q", len(document)) + document)
    """


@attack("cheating", COMPLETE, DISK, CELL, survives=False)
def containers_by_the_thousand() -> str:
    """Every name that a container may have, empty."""
    return """
    folder = sys.modules["_notebook_observer"].observer.folder
    with contextlib.suppress(OSError):
        for number in range(100_000): open(f"{folder}/cell-{number:06d}.safetensors", "w").close()
    """


@attack("cheating", survives=False)
def observer_replaced() -> str:
    """Puts its own class in the observer's place, which writes what it likes."""
    return """
    import json, struct
    real = sys.modules["_notebook_observer"].observer
    class Mine:
        folder = real.folder
        def __getattr__(self, name): return lambda *a, **k: None
        def after_cell(self, index):
            document = json.dumps({"__metadata__": {"json": json.dumps({"cell": index, "values": {"before": {"t": "float", "v": 1e9}}})}}).encode()
            with open(f"{real.folder}/cell-{index:04d}.safetensors", "wb") as file: file.write(struct.pack("<Q", len(document)) + document)
    sys.modules["_notebook_observer"].observer = Mine()
    """


@attack("cheating", DIED, COMPLETE)
def observer_that_hangs() -> str:
    """An observer that never comes back and swallows interrupts."""
    return """
    def hang(*arguments):
        while True:
            try: time.sleep(1)
            except BaseException: pass
    sys.modules["_notebook_observer"].observer.after_cell = hang
    """


@attack("cheating")
def observer_removed() -> str:
    """Takes the observer away."""
    return "del sys.modules['_notebook_observer']"


@attack("cheating", COMPLETE, CELL, DIED)
def patched_libraries() -> str:
    """json, hashlib, struct, open and os, patched so that the observer breaks or lies."""
    return """
    import builtins, hashlib, json, struct
    def lie(*arguments, **named): raise RuntimeError("no")
    json.dumps = lambda *a, **k: '{"cell": 1, "values": {}}'
    json.dump = json.loads = hashlib.blake2b = hashlib.sha256 = struct.pack = os.replace = lie
    builtins.open = lambda *a, **k: lie()
    """


@attack("cheating", COMPLETE, DIED, CELL)
def patched_builtins() -> str:
    """len, isinstance, type, getattr, sorted and others that lie."""
    return """
    import builtins
    for name in ("len", "isinstance", "getattr", "hasattr", "sorted", "min", "max", "sum", "list", "dict", "str", "repr", "type", "print"):
        setattr(builtins, name, lambda *a, **k: 0)
    """


@attack("cheating")
def patched_numpy() -> str:
    """numpy and torch whose functions answer what is hoped for, or raise."""
    return """
    import numpy as np, torch
    def lie(*arguments, **named): return 0.0
    for name in ("array", "asarray", "ascontiguousarray", "frombuffer", "isfinite", "allclose", "stack", "prod"):
        setattr(np, name, lie)
    np.random.seed = np.random.randn = torch.manual_seed = lie
    torch.Tensor.numpy = torch.Tensor.detach = torch.Tensor.cpu = lie
    torch.Tensor = np.ndarray = int
    """


@attack("cheating", COMPLETE, DIED, CELL)
def lying_objects() -> str:
    """Objects whose __class__, __len__, __eq__, __array__, __iter__ and the like loop, raise or lie."""
    return """
    import numpy as np, torch
    def forever(self, *a, **k):
        while True: pass
    def fails(self, *a, **k): raise BaseException("no")
    names = ["__len__", "__eq__", "__array__", "__iter__", "__getitem__", "__float__", "__int__", "__repr__", "__str__",
             "__hash__", "__bool__", "__index__", "__reduce__", "__reduce_ex__", "__deepcopy__", "__copy__", "__contains__",
             "__array_interface__", "__array_struct__", "__torch_function__", "__array_ufunc__", "__call__", "__dir__", "__sizeof__"]
    Looping = type("Looping", (), {name: forever for name in names if name not in ("__repr__",)})
    Failing = type("Failing", (), {name: fails for name in names})
    Looping.__getattr__ = forever
    Failing.__class__ = property(lambda self: np.ndarray)
    Looping.__class__ = property(lambda self: torch.Tensor)
    a, b = Looping(), Failing()
    c = [a, a], {"k": b}, (b,)
    """


@attack("cheating", COMPLETE, CELL, DIED)
def lying_classes() -> str:
    """Classes whose metaclass lies about name, module, attributes and subclasses."""
    return """
    class Meta(type):
        def __getattribute__(cls, name):
            if name in ("__name__", "__module__", "__mro__", "__dict__", "_fields", "__slots__"): raise SystemExit
            return type.__getattribute__(cls, name)
        def __instancecheck__(cls, other): raise KeyboardInterrupt
        def __subclasscheck__(cls, other): return True
        def __eq__(cls, other): return True
        def __hash__(cls): return hash(int)
    class Odd(metaclass=Meta):
        __slots__ = ("x",)
    odd = Odd(); many = [Odd(), Odd()]; kinds = {Odd: Odd}
    """


@attack("cheating")
def subclasses() -> str:
    """float, int, str, list, dict and array classes of its own that compare equal to everything."""
    return """
    import numpy as np
    made = {}
    for base in (float, int, str, list, dict, tuple, bytes, complex, set, np.ndarray):
        body = {"__eq__": lambda s, o: True, "__lt__": lambda s, o: True, "__hash__": lambda s: 1}
        made[base.__name__] = type("Equal", (base,), body)
    f, i, s, l, d = made["float"](1), made["int"](1), made["str"]("x"), made["list"]([1]), made["dict"](a=1)
    arr = np.ones(3).view(made["ndarray"])
    scalar = type("S", (np.float64,), {"__float__": lambda s: 42.0})(1)
    everything = [f, i, s, l, d, arr, scalar]
    """


@attack("cheating")
def object_arrays() -> str:
    """Arrays of objects, structured, with titles, overlapping fields, and of the oddest types."""
    return """
    import numpy as np
    class Bad:
        def __reduce__(self): return (os.system, (f"touch {T.folder}/{T.marker}-unpickled",))
        def __float__(self): raise SystemExit
    o = np.array([Bad(), 1, "x"], dtype=object)
    r = np.zeros(3, dtype=[("a", "f8"), ("b", "O")])
    v = np.zeros(2, dtype=np.dtype({"names": ["a", "b"], "formats": ["f8", "f8"], "offsets": [0, 4]}))
    t = np.array(["x" * 1000]); d = np.array(["2020-01-01"], dtype="M8[D]"); c = np.ones(2, complex); big = np.ones(3, ">f8")
    half = np.ones(3, "f2"); ld = np.ones(3, np.longdouble); empty = np.zeros((0, 2**40)); strided = np.ones(10)[::-2]
    """


@attack("cheating")
def planted_pickles() -> str:
    """Values whose unpickling would run a command in the grader."""
    return """
    import pickle, numpy as np, pandas as pd
    class Plant:
        def __reduce__(self): return (os.system, (f"touch {T.folder}/{T.marker}-unpickled; touch {T.home}/{T.marker}-unpickled",))
    plant = Plant()
    raw = pickle.dumps([plant])
    frame = pd.DataFrame({"a": [plant]}); series = pd.Series([plant]); mixed = {"x": plant, 1: [plant, (plant,)]}
    folder = sys.modules["_notebook_observer"].observer.folder
    for name in ("results.pkl", "cell-0007.npy", "cell-0007.pt", "cell-0007.pickle"):
        with open(f"{folder}/{name}", "wb") as file: file.write(raw)
    np.save(f"{folder}/cell-0008.npy", np.array([plant], dtype=object), allow_pickle=True)
    plant.__dict__["also"] = raw
    """


@attack("cheating", DIED, COMPLETE, CELL)
def values_that_act_when_copied() -> str:
    """Values that do something when they are copied, compared or hashed by the observer."""
    return """
    class Acts:
        def __deepcopy__(self, memo): os.kill(os.getpid(), signal.SIGTERM); os._exit(0)
        def __copy__(self): os._exit(0)
        def __del__(self): pass
    acts = Acts(); inside = [1.0, acts]; keyed = {"a": acts}
    """


@attack("cheating")
def odd_names() -> str:
    """Names, keys and class names with markup, control characters, surrogates, NUL and a megabyte of text."""
    return """
    for name in ("<script>alert(1)</script>", "\\x1b[2J\\x1b]0;x\\x07", "a\\0b", "\\ud800", "../../etc/passwd", "x" * 10 ** 6,
                 "__proto__", "\\u202egnp", "cell-0001", "{{7*7}}", "${jndi:ldap://x}", "=cmd|' /C calc'!A0", ""):
        globals()[name] = 1.5
        globals()["d_" + name] = {name: name, "k": [name]}
        globals()["c_" + name[:50]] = type(name[:1000].replace("\\0", "?") or "x", (), {})()
    """


@attack("cheating")
def odd_outputs() -> list[str]:
    """Markup, scripts, terminal codes, lone surrogates and NUL in texts, displays and errors."""
    return [
        """
    from IPython.display import HTML, Javascript, Markdown, display
    for text in ("<script>alert(1)</script>", "\\x1b]52;c;eA==\\x07\\x1b[31m", "a\\0b\\r\\b\\x7f", "\\u202e\\u2066", "]]>--></textarea>"):
        print(text); sys.stderr.write(text)
        display(HTML(text), Javascript(text), Markdown(text))
        display({"text/html": text, "image/svg+xml": text, "image/png": "no base64 <", "text/plain": text, "a/<b>": text}, raw=True)
    """,
        "print('\\ud800 \\udfff')",
        "from IPython.display import display; display({'text/plain': '\\ud800', '\\udfff': 'x'}, raw=True)",
        "raise type('<img src=x onerror=alert(1)>', (Exception,), {})('\\x1b[2J</pre><script>x</script>\\0')",
        "raise ValueError('\\ud800')",
    ]


@attack("cheating", COMPLETE, CELL, MEMORY, DIED)
def errors_that_do_not_tell() -> list[str]:
    """Exceptions whose text raises, loops, is none or has 100 MB."""
    return [
        "class A(Exception):\n    def __str__(self): raise RuntimeError\n    __repr__ = __str__\nraise A",
        "class B(Exception):\n    def __str__(self): return 'x' * 100_000_000\n    __repr__ = __str__\nraise B",
        "class C(Exception):\n    def __str__(self): return 3\nraise C",
        "class D(Exception):\n    def __str__(self): raise SystemExit\nraise D",
        "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
    ]


@attack("cheating", COMPLETE, CELL, DIED, total_seconds=20.0)
def displays_that_do_not_show() -> list[str]:
    """Values whose representation raises, loops, exits or is a lie."""
    return [
        "class A:\n    def _repr_html_(self): return 3\n    def _repr_png_(self): return b'x' * 10 ** 7\n    def __repr__(self): return 3\nA()",
        "class B:\n    def _repr_mimebundle_(self, **k): return {'text/plain': None, 3: 4, 'application/json': {'a': float('nan')}}\nB()",
        "class C:\n    def __repr__(self): raise SystemExit\nC()",
        "class D:\n    def __repr__(self): return 'x' * 100_000_000\nD()",
        "class E:\n    def __repr__(self):\n        while True: pass\nE()",
    ]


@attack("cheating", COMPLETE, CELL, DIED)
def deep_tracebacks() -> list[str]:
    """Tracebacks of a hundred thousand frames, and chains of exceptions that end in themselves."""
    return [
        "sys.setrecursionlimit(150_000)\ndef down(n):\n    if n: down(n - 1)\n    else: 1 / 0\ndown(20_000)",
        "def down(): down()\ndown()",
        """
    error = ValueError("x")
    for _ in range(5_000):
        try: raise ValueError("y") from error
        except ValueError as new: error = new
    raise error
    """,
        "raise ExceptionGroup('g', [ExceptionGroup('h', [ValueError(n) for n in range(1_000)]) for _ in range(50)])",
    ]


@attack("cheating", COMPLETE, CELL, DIED)
def snoops_on_calls() -> str:
    """Functions that search the frames of their caller for inputs and expectations, and change them."""
    return """
    def walker(log_p, start, rng):
        frame, seen = sys._getframe(), []
        while frame:
            seen.append(frame.f_code.co_name)
            for value in frame.f_locals.values():
                if isinstance(value, dict) and "result" in value: value["result"] = {"t": "float", "v": 1.0}
            frame = frame.f_back
        return seen
    """


@attack("cheating", COMPLETE, CELL, DIED)
def functions_that_misbehave_when_called() -> list[str]:
    """Challenged functions that hang, leave, flood, grow and answer with lies."""
    return [
        """
    import numpy as np
    def walker(log_p, start, rng):
        try:
            while True: time.sleep(0.1)
        except BaseException:
            while True: pass
    """
    ]


@attack("cheating", DIED, COMPLETE)
def function_that_leaves_when_called() -> str:
    """A challenged function that ends the process."""
    return "def walker(log_p, start, rng): os._exit(0)"


@attack("cheating", COMPLETE, MEMORY, DIED)
def function_that_grows_when_called() -> str:
    """A challenged function that answers with gigabytes, or with objects that pretend."""
    return """
    import numpy as np
    class Liar(np.ndarray):
        def __array_finalize__(self, o): pass
        def tobytes(self, *a): return b""
        nbytes = 8
    def walker(log_p, start, rng): return np.ones(6 * 10 ** 7).view(Liar)
    """


@attack("cheating", COMPLETE, CELL, output_mib=20.0)
def same_display_again() -> str:
    """A hundred thousand displays under one name, each of which is compared with all before it."""
    return """
    from IPython.display import display
    for _ in range(100_000): display({"text/plain": ""}, raw=True, display_id="same")
    """


@attack("cheating", COMPLETE, CELL, DIED)
def wide_texts() -> str:
    """Texts that take four times the memory because of one character."""
    return """
    from IPython.display import display
    for _ in range(8): display({"text/plain": "x" * 11_000_000 + "\\U0001F600"}, raw=True)
    """


@attack("cheating", COMPLETE, CELL, output_mib=20.0)
def print_flood_within_a_large_limit() -> str:
    """A line that grows by a few letters with each message."""
    return "for number in range(10 ** 7): print('x' * 100, flush=True)"
