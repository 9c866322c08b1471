"""The observer outside a kernel: nodes, handed targets, binding of arguments, contours."""

import collections
import dataclasses
import math
import types
from typing import Any

import numpy as np
import pytest
from scipy import stats

from autograder.kernel_side.binding import Refusal, ambiguous_target, bind
from autograder.kernel_side.containers import DTYPES
from autograder.kernel_side.drawings import describe_contour
from autograder.kernel_side.functions import describe_function, names_in_code
from autograder.kernel_side.imports import AfterImport
from autograder.kernel_side.namespace import Namespace
from autograder.kernel_side.seeds import SeedRecorder
from autograder.kernel_side.targets import Target
from autograder.kernel_side.values import Encoder

MIXTURE = {
    "family": "mixture",
    "weights": [0.4, 0.6],
    "means": [[0.0, 0.0], [3.0, 3.0]],
    "covs": [[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]]],
}


def encode(value: Any, room: int = 10**8) -> tuple[dict[str, Any], Encoder]:
    encoder = Encoder(room)
    return encoder.node(value), encoder


@pytest.mark.parametrize(
    ("value", "node"),
    [
        (None, {"t": "none"}),
        (..., {"t": "ellipsis"}),
        (True, {"t": "bool", "v": True}),
        (3, {"t": "int", "v": 3}),
        (0.5, {"t": "float", "v": 0.5}),
        (math.inf, {"t": "float", "v": "inf"}),
        (math.nan, {"t": "float", "v": "nan"}),
        ("text", {"t": "str", "v": "text"}),
        (10**30, {"t": "unsupported", "class": "int"}),
        (1j, {"t": "unsupported", "class": "complex"}),
        (print, {"t": "callable", "class": "builtin_function_or_method"}),
        ([], {"t": "list", "items": [], "n": 0}),
    ],
)
def test_plain_values(value: Any, node: dict[str, Any]) -> None:
    assert encode(value)[0] == node


@pytest.mark.parametrize(
    ("value", "shape", "source"),
    [
        (np.ones((2, 3)), [2, 3], "ndarray"),
        (np.float64(2.0), [], "scalar"),
        (np.bool_(True), [], "scalar"),
        ([1, 2.5], [2], "list"),
        ((1, 2), [2], "list"),
        ([[1.0, 2.0], [3.0, 4.0]], [2, 2], "list"),
        ([np.zeros(2), np.ones(2)], [2, 2], "list"),
        ([np.float64(1), 2.0], [2], "list"),
        ([[np.zeros(2), np.ones(2)], [np.zeros(2), np.ones(2)]], [2, 2, 2], "list"),
        ([(0.0, np.float64(1.0)), (0.0, 1.0)], [2, 2], "list"),
        (range(4), [4], "list"),
        (collections.deque([1.0, 2.0]), [2], "list"),
        (np.array([1, 2], dtype=">i4"), [2], "ndarray"),
        (np.zeros((0, 2)), [0, 2], "ndarray"),
    ],
)
def test_arrays_and_lists_of_numbers(value: Any, shape: list[int], source: str) -> None:
    node, encoder = encode(value)
    assert (node["t"], node["shape"], node["src"]) == ("array", shape, source)
    assert list(encoder.arrays[node["ref"]].shape) == shape
    assert encoder.arrays[node["ref"]].dtype.name in DTYPES
    if 0 not in shape:
        np.testing.assert_array_equal(encoder.arrays[node["ref"]], np.asarray(value))


def test_what_is_no_array_becomes_a_list_or_is_named() -> None:
    node, _ = encode((np.zeros((3, 2)), 17))
    assert [item["t"] for item in node["items"]] == ["array", "int"]
    assert encode([1.0, "a"])[0]["n"] == 2
    assert encode([[1.0, 2.0], [3.0]])[0]["t"] == "list"
    assert encode([[1.0, "a"], [2.0, "b"]])[0]["t"] == "list"
    assert encode(np.array([object()]))[0] == {"t": "unsupported", "class": "ndarray"}
    assert encode(np.array(["a"]))[0]["t"] == "unsupported"
    deep: list[Any] = []
    deep.append(deep)
    assert encode(deep)[0]["t"] == "list"


def test_containers_and_objects() -> None:
    @dataclasses.dataclass
    class Info:
        rate: float
        _hidden: int = 0

    Point = collections.namedtuple("Point", "chain n")
    node, _ = encode({0.5: Info(0.25)})
    assert node["items"][0][1] == {
        "t": "object",
        "class": "Info",
        "attrs": {"rate": {"t": "float", "v": 0.25}},
    }
    assert set(encode(Point(np.zeros(3), 1))[0]["attrs"]) == {"chain", "n"}
    assert encode(types.SimpleNamespace(a=1))[0]["attrs"]["a"]["v"] == 1


def test_room_is_kept_and_equal_arrays_are_stored_once() -> None:
    node, encoder = encode({"a": np.arange(5.0), "b": np.arange(5.0)})
    assert len(encoder.arrays) == 1
    node, encoder = encode(np.arange(5.0), room=39)
    assert node["ref"] is None
    assert "room" in node["dropped"]
    assert encode(np.zeros(3 * 2**20))[0]["ref"] is None


def test_target_answers_every_way_of_asking() -> None:
    points = np.random.default_rng(0).normal(size=(5, 2))
    truth = sum(
        weight * stats.multivariate_normal(mean, cov).pdf(points)
        for weight, mean, cov in zip(MIXTURE["weights"], MIXTURE["means"], MIXTURE["covs"], strict=True)
    )
    density, log_density = Target(MIXTURE, log=False), Target(MIXTURE, log=True)
    ways = [
        density(points),
        density(points.T),
        density(points[:, 0], points[:, 1]),
        density(x=points),
        density(points.tolist()),
        [density(p) for p in points],
        [density(p[0], p[1]) for p in points],
        [density(p[:, None]).item() for p in points],
        density.pdf(points),
        np.exp(log_density(points)),
        np.exp(density.logpdf(points)),
        np.exp(log_density(points.reshape(5, 1, 2))).ravel(),
    ]
    for answer in ways:
        np.testing.assert_allclose(answer, truth)
    assert isinstance(density(points[0]), float)
    assert density(*np.meshgrid(np.zeros(3), np.zeros(4))).shape == (4, 3)
    assert log_density([1e3, 1e3]) < -1e5
    with pytest.raises(ValueError, match="2 coordinates"):
        density(np.zeros((3, 3)))


ROLES = {
    "target": {
        "kind": "target",
        "names": ["p"],
        "contains": ["dens"],
        "globals": ["target_pdf"],
        "log_tokens": ["log"],
    },
    "n": {"kind": "number", "names": ["n"], "contains": ["num"], "globals": ["N"], "log_tokens": []},
}


def make(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<cell>", "exec"), namespace)
    return namespace


@pytest.mark.parametrize(
    ("source", "bound", "unsure"),
    [
        ("def f(P, n): pass", [("target", "parameter", "P"), ("n", "parameter", "n")], True),
        (
            "def f(log_dens, num_draws): pass",
            [("target", "parameter", "log_dens"), ("n", "parameter", "num_draws")],
            False,
        ),
        (
            "def f(n, extra=1, *a, **k): return g()\ndef g(): return target_pdf(0)",
            [("n", "parameter", "n"), ("target", "global", "target_pdf")],
            True,
        ),
        ("def f():\n    def inner(): return N\n    return inner()", [("n", "global", "N")], None),
        (
            "f = lambda n: [target_pdf(i) for i in range(n)]",
            [("n", "parameter", "n"), ("target", "global", "target_pdf")],
            True,
        ),
    ],
)
def test_roles_are_bound(source: str, bound: list[Any], unsure: bool | None) -> None:
    namespace = make(source)
    found = bind({"roles": ROLES}, namespace["f"], namespace)
    assert found == bound
    assert ambiguous_target({"roles": ROLES}, found) is unsure


def test_required_parameter_without_a_role_is_refused() -> None:
    namespace = make("def f(n, cov): pass")
    with pytest.raises(Refusal, match="needs cov"):
        bind({"roles": ROLES}, namespace["f"], namespace)


def test_names_behind_a_replaced_global_do_not_count() -> None:
    namespace = make("def f(): return target_pdf(1)\ndef target_pdf(x): return SIGMA * x\nSIGMA = 1")
    assert "SIGMA" in names_in_code(namespace["f"], namespace, set())
    assert "SIGMA" not in names_in_code(namespace["f"], namespace, {"target_pdf"})


def test_functions_are_described() -> None:
    namespace = make(
        "import functools, math\ndef f(a, b=1, *c, d, **e): pass\nclass K:\n    def __init__(self, x): pass\n"
        "    def m(self, y): pass\n    def __call__(self, z): pass\n"
        "k = K(1)\nm = k.m\np = functools.partial(f, 1)"
    )
    kinds = {name: describe_function(namespace[name]) for name in ("f", "K", "k", "m", "p")}
    assert kinds["f"] == {"parameters": ["a", "b", "c", "d", "e"], "required": 2, "kind": "function"}
    assert [entry["kind"] for entry in kinds.values() if entry] == [
        "function",
        "class",
        "other",
        "method",
        "other",
    ]
    assert describe_function(math.sqrt) is None
    assert describe_function(np.linspace) is None
    assert describe_function(3) is None


@pytest.mark.parametrize("indexing", ["xy", "ij"])
def test_contour_is_turned_to_one_orientation(indexing: Any) -> None:
    x, y = np.linspace(-6, 6, 4), np.linspace(-3, 3, 5)
    grid_x, grid_y = np.meshgrid(x, y, indexing=indexing)
    found = describe_contour((grid_x, grid_y, 10 * grid_x + grid_y), filled=True)
    assert found["shape"] == [5, 4]
    assert found["limits"] == [-6.0, 6.0, -3.0, 3.0]
    np.testing.assert_allclose(found["z"], 10 * x[None, :] + y[:, None])


def test_seed_recorder_keeps_the_class_of_random_states() -> None:
    recorder = SeedRecorder(shift=0)
    stand_in = recorder._state_class()
    made = stand_in(5)
    assert type(made) is np.random.RandomState
    assert isinstance(made, stand_in)
    assert issubclass(np.random.RandomState, stand_in)
    np.testing.assert_array_equal(made.normal(size=3), np.random.RandomState(5).normal(size=3))
    assert recorder.calls == [{"call": "numpy.random.RandomState", "seed": 5}]

    class Own(stand_in):  # type: ignore[misc, valid-type]
        pass

    assert type(Own(1)) is Own


def handed_on(function: Any) -> Any:
    """A function as PyTorch's compiler wraps it: called from a module of PyTorch."""
    names: dict[str, Any] = {"__name__": "torch._dynamo.eval_frame", "function": function}
    exec("def wrapper(seed):\n    return function(seed)", names)
    return names["wrapper"]


@pytest.mark.parametrize("moment", ["while torch is imported", "afterwards", "with the compiler"])
def test_seed_of_torch_is_seen_whenever_torch_was_imported(
    moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    given: list[int] = []
    inner = types.SimpleNamespace(manual_seed=given.append)
    torch = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "torch", torch)
    if moment != "while torch is imported":
        torch.manual_seed = handed_on(given.append) if moment == "with the compiler" else inner.manual_seed
    recorder = SeedRecorder(shift=10)
    recorder.torch_random(inner)
    if moment == "while torch is imported":
        torch.manual_seed = handed_on(inner.manual_seed)  # the compiler is imported later
    torch.manual_seed(1)
    inner.manual_seed(2)
    assert recorder.calls == [{"call": "torch.manual_seed", "seed": seed} for seed in (1, 2)]
    assert given == [11, 12]


def test_hook_runs_after_an_import_and_leaves_the_loader_alone(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    (tmp_path / "some_library.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    seen = []
    AfterImport({"some_library": lambda module: seen.append(module.value)}).install()
    import some_library  # type: ignore[import-not-found]

    assert seen == [1]
    assert "Hooked" not in type(some_library.__loader__).__name__
    assert "Hooked" not in type(some_library.__spec__.loader).__name__


def test_tensor_with_gradients_is_recorded_and_frozen() -> None:
    torch = pytest.importorskip("torch", reason="the tensors are torch's")
    weight = torch.ones(2, requires_grad=True)
    names: dict[str, Any] = {"loss": (weight * 3).sum()}
    namespace = Namespace(types.SimpleNamespace(user_ns=names))
    document: dict[str, Any] = {"values": {}, "deleted": [], "functions": {}, "dropped": []}
    namespace.snapshot(0, document, Encoder(10**6))
    assert document["dropped"] == []
    assert document["values"]["loss"]["t"] == "array"
    held = namespace.view(0)["loss"]
    assert (float(held), held.requires_grad) == (6.0, False)
