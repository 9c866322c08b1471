"""The reader of containers believes nothing: every malformed file ends in one sentence."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.kernel_side.containers import write_container
from autograder.probes.container import DTYPES, ContainerError, list_containers, read_container


def raw(header: Any, buffer: bytes = b"", document: Any = None, length: int | None = None) -> bytes:
    if isinstance(header, dict):
        text = json.dumps({} if document is None else document)
        header = json.dumps({"__metadata__": {"json": text}} | header)
    data = header if isinstance(header, bytes) else header.encode()
    return (len(data) if length is None else length).to_bytes(8, "little") + data + buffer


def entry(begin: int, end: int, shape: Any = (2,), dtype: Any = "F64") -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


@given(
    hnp.arrays(
        st.sampled_from([np.dtype(kind) for kind in DTYPES.values()]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("c") / "cell-0001.safetensors"
    document = {"cell": 1, "text": "naïve \U0001f600 σ", "values": {"x": [1, 2.5, None, True]}}
    size = write_container(str(path), document, {"k1": array, "k2": np.arange(3.0)})
    found = read_container(path)
    assert size == path.stat().st_size
    assert found.document == document
    assert found.arrays["k1"].dtype == array.dtype
    np.testing.assert_array_equal(found.arrays["k1"], array)
    np.testing.assert_array_equal(found.arrays["k2"], [0, 1, 2])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\xff" * 8,
        raw({}, length=2**62),
        raw({}, length=3),
        raw("[1, 2]"),
        raw("{}"),
        raw('{"__metadata__": {"json": 3}}'),
        raw(json.dumps({"__metadata__": {"json": "[]"}})),
        raw(json.dumps({"__metadata__": {"json": "{"}})),
        raw(json.dumps({"__metadata__": {"json": '{"x": NaN}'}})),
        raw(json.dumps({"__metadata__": {"json": '{"x": 1e999}'}})),
        raw(json.dumps({"__metadata__": {"json": '{"x": ' + "9" * 5000 + "}"}})),
        raw(json.dumps({"__metadata__": {"json": '{"x": ' + "[" * 100_000 + "}"}})),
        raw(json.dumps({"__metadata__": {"json": '{"x": ' + "[" * 60 + "]" * 60 + "}"}})),
        raw(json.dumps({"__metadata__": {"json": '{"x": 1, "x": 2}'}})),
        raw("[" * 1_000_000),
        raw(b"\xff\xfe"),
        raw({"k": entry(0, 16, dtype="O")}, b"\0" * 16),
        raw({"k": entry(0, 16, dtype=["F64"])}, b"\0" * 16),
        raw({"k": entry(0, 8)}, b"\0" * 8),
        raw({"k": entry(0, 16)}, b"\0" * 8),
        raw({"k": entry(0, 16)}, b"\0" * 24),
        raw({"k": entry(8, 24)}, b"\0" * 24),
        raw({"k": entry(0, 16), "l": entry(0, 16)}, b"\0" * 16),
        raw({"l": entry(16, 32), "k": entry(0, 16)}, b"\0" * 32),
        raw({"k": entry(0, 16, shape=[-2])}, b"\0" * 16),
        raw({"k": entry(0, 16, shape=[2.0])}, b"\0" * 16),
        raw({"k": entry(0, 16, shape=[True, 2])}, b"\0" * 16),
        raw({"k": entry(0, 0, shape=[2**39, 2**39, 0])}),
        raw({"k": entry(0, 8, shape=[1] * 40)}, b"\0" * 8),
        raw({"k": [0, 16]}, b"\0" * 16),
        raw({"k": entry(0, 16) | {"more": 1}}, b"\0" * 16),
    ],
)
def test_malformed_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "cell-0001.safetensors"
    path.write_bytes(data)
    with pytest.raises(ContainerError, match=r"cell-0001"):
        read_container(path)


def test_only_plain_files_are_opened(tmp_path: Path) -> None:
    good = tmp_path / "good"
    write_container(str(good), {}, {})
    (tmp_path / "link").symlink_to(good)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder", "missing", "nul\0name"):
        with pytest.raises(ContainerError):
            read_container(tmp_path / name)
    (tmp_path / "second").hardlink_to(good)
    with pytest.raises(ContainerError, match="single name"):
        read_container(good)


def test_size_limit(tmp_path: Path) -> None:
    path = tmp_path / "big"
    write_container(str(path), {}, {"k": np.zeros(1000)})
    assert read_container(path, max_bytes=path.stat().st_size).arrays["k"].shape == (1000,)
    with pytest.raises(ContainerError, match="exceed the limit"):
        read_container(path, max_bytes=1000)


def test_lone_surrogates_and_odd_booleans_are_made_harmless(tmp_path: Path) -> None:
    path = tmp_path / "odd"
    path.write_bytes(
        raw({"k": entry(0, 2, dtype="BOOL")}, b"\x00\x07", document={"x": "\ud800", "\udfff": 1})
    )
    found = read_container(path)
    json.dumps(found.document, ensure_ascii=False).encode()
    assert found.arrays["k"].tolist() == [False, True]
    assert int(found.arrays["k"].view(np.uint8)[1]) == 1


def test_listing_knows_the_names(tmp_path: Path) -> None:
    names = ["cell-0010", "cell-0002", "call-a2.sampler-0", "call-a2.sampler-1-2-density", "call-", "cell-x"]
    for name in names:
        (tmp_path / f"{name}.safetensors").touch()
    cells, calls = list_containers(tmp_path)
    assert list(cells) == [2, 10]
    assert [path.stem for path in calls] == ["call-a2.sampler-0", "call-a2.sampler-1-2-density"]
    assert list_containers(tmp_path / "missing") == ({}, [])


def test_numbers_that_are_none_cost_nothing_else(tmp_path: Path) -> None:
    """A gradient that diverged or a clip at infinity must not lose all that a cell was seen to do."""
    path = tmp_path / "c.safetensors"
    document = {"training": [{"largest_norm": float("inf"), "lr": 0.1}, {"limit": float("nan")}], "n": 3}
    write_container(str(path), document, {})
    seen = read_container(path).document
    assert seen == {"training": [{"largest_norm": None, "lr": 0.1}, {"limit": None}], "n": 3}
