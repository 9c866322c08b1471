"""The verbs `data fetch`, `data verify` and `data status`: what they print, and their exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder import cli, fetching
from autograder.cli import data as verbs
from autograder.errors import InternalError
from autograder.fetching import Fetched
from autograder.kernel_side.known_data import KNOWN_SETS

Invoke = Callable[..., tuple[int, str, str]]


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs the command line: exit status, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: Any) -> tuple[int, str, str]:
        status = cli.run([str(word) for word in words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def lay_down(folder: Path) -> None:
    """Files of the right sizes, which is all that `status` looks at."""
    for known in KNOWN_SETS:
        for file in known.files:
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
            with (folder / file.path).open("wb") as sparse:
                sparse.truncate(file.size)


@pytest.mark.parametrize("verb", ["fetch", "verify", "status"])
def test_every_verb_explains_itself(verb: str, invoke: Invoke) -> None:
    status, out, _ = invoke("data", verb, "--help")
    assert (status, "--json" in out, "--data" in out) == (0, True, True)


def test_without_a_verb_the_help_is_shown(invoke: Invoke) -> None:
    status, out, _ = invoke("data")
    assert (status, all(verb in out for verb in ("fetch", "verify", "status"))) == (2, True)
    status, _, err = invoke("data", "fetc")
    assert (status, "See: autograder data --help" in err) == (2, True)


def test_status_says_where_and_what(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, _ = invoke("data", "status", "--data", tmp_path / "new")
    assert (status, str(tmp_path / "new") in out, out.count("missing")) == (1, True, 2)
    assert "autograder data fetch" in out
    lay_down(tmp_path)
    monkeypatch.setenv("AUTOGRADER_DATA", str(tmp_path))
    status, out, _ = invoke("data", "status")
    assert (status, out.count("present"), "fetch" in out) == (0, 2, False)
    status, out, _ = invoke("data", "verify")
    assert (status, out.count("damaged"), "input.txt has another content" in out) == (1, 2, True)


def test_status_as_json(invoke: Invoke, tmp_path: Path) -> None:
    lay_down(tmp_path)
    (tmp_path / "tinyshakespeare" / "input.txt").write_text("short")
    status, out, err = invoke("data", "status", "--data", tmp_path, "--json")
    said = json.loads(out)
    assert (status, err, said["directory"]) == (1, "", str(tmp_path))
    assert [(one["name"], one["state"]) for one in said["sets"]] == [
        ("MNIST", "present"),
        ("Tiny Shakespeare", "damaged"),
    ]
    assert said["sets"][1]["files"] == [
        {"path": "tinyshakespeare/input.txt", "state": "damaged", "bytes": 5, "size": 1_115_394}
    ]


def test_fetch_says_what_became_of_each_file(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = [
        Fetched("a.gz", "fetched", "https://host/a.gz"),
        Fetched("a", "unpacked", "a.gz"),
        Fetched("b", "present"),
        Fetched("c", "failed", why=("host refuses (403 Forbidden)", "other broke off")),
    ]
    monkeypatch.setattr(fetching, "fetch", lambda directory, listener: done)
    status, out, _ = invoke("data", "fetch", "--data", tmp_path)
    assert status == 1
    assert "a.gz: fetched from https://host/a.gz\na: unpacked from a.gz\n" in out
    assert "c could not be fetched: host refuses (403 Forbidden); other broke off." in out
    monkeypatch.setattr(fetching, "fetch", lambda directory, listener: done[:3])
    status, out, _ = invoke("data", "fetch", "--data", tmp_path, "--json")
    assert (status, [one["state"] for one in json.loads(out)["fetched"]]) == (
        0,
        ["fetched", "unpacked", "present"],
    )


def test_no_network_is_one_sentence(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why = ("host cannot be found: there is no network, or no name service",)
    done = [Fetched(name, "failed", why=why, is_offline=True) for name in "abc"]
    monkeypatch.setattr(fetching, "fetch", lambda directory, listener: done)
    status, out, _ = invoke("data", "fetch", "--data", tmp_path)
    assert (status, out.count("No network: a could not be fetched"), out.count("could not be fetched")) == (
        1,
        1,
        1,
    )
    assert "copy the files into" in out


def test_full_disk_is_a_failure_of_ours(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(directory: Path, listener: fetching.Listener) -> None:
        listener.begins(KNOWN_SETS[1].files[0], 0)
        listener.moves(100)
        raise InternalError("the disk is full")

    monkeypatch.setattr(fetching, "fetch", full)
    status, _, err = invoke("data", "fetch", "--data", tmp_path)
    assert (status, "the disk is full" in err) == (3, True)


def test_grade_wants_a_folder(invoke: Invoke, tmp_path: Path) -> None:
    status, _, err = invoke(
        "grade", tmp_path, "-a", "aml-a3", "-r", tmp_path / "r", "--data", tmp_path / "nowhere"
    )
    assert (status, "autograder data fetch --data" in err) == (2, True)


def test_colours_are_those_of_the_states() -> None:
    assert set(verbs.COLOURS) == {"present", "stand-in", "damaged", "missing"}
