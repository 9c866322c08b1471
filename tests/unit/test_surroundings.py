"""Notebooks that expected other surroundings: what failed at an import, what was lost by it, what is said of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from kernel_asker import evidence_of, part_of

from autograder.kernel_side.containers import write_container
from autograder.probes.failed_imports import (
    FailedImport,
    Lost,
    bound_names,
    failed_imports,
    kind_of,
    missing_module,
)
from autograder.probes.notebooks import NotebookCell, parse_code
from autograder.probes.observations import NoticeSeen, Observations, read_observations
from autograder.probes.packages import OFFERED, PIP_NAMES
from autograder.probes.surroundings import (
    MISSING_DATA,
    import_sentence,
    notice_sentence,
    surroundings_notes,
    unreached_data,
)
from autograder.records import CellError, CellRecord, ExecutionRecord


def no_module(name: str) -> CellError:
    return CellError(name="ModuleNotFoundError", message=f"No module named '{name}'")


def undefined(name: str) -> CellError:
    return CellError(name="NameError", message=f"name '{name}' is not defined")


def executed(*cells: tuple[str, CellError | None]) -> tuple[ExecutionRecord, dict[int, str]]:
    """A record and the sources of its cells, which stand at every second place of the notebook."""
    records = tuple(
        CellRecord(index=2 * at, status="error" if error else "ok", error=error)
        for at, (_, error) in enumerate(cells)
    )
    return ExecutionRecord(state="complete", cells=records), {2 * at: s for at, (s, _) in enumerate(cells)}


# ------------------------------------------------------------------ names that a cell binds


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import a.b, c as d\nfrom e import f as g, h", {"a", "d", "g", "h"}),
        ("x, (y, *z) = 1, (2, 3)\nw: int = 3\nv += 1", {"x", "y", "z", "w", "v"}),
        ("def f(a):\n    b = 1\nclass K:\n    c = 2\nasync def g(): pass", {"f", "K", "g"}),
        (
            "if True:\n    x = 1\nfor i in y:\n    j = i\nwith o() as p:\n    q = 1\n"
            "try:\n    r = 1\nexcept E:\n    s = 1",
            {"x", "i", "j", "p", "q", "r", "s"},
        ),
        ("z = [k for k in range(3)]\nlam = lambda u: u", {"z", "lam"}),
        ("%matplotlib inline\n!pip install x\nfiles = !ls\npip install y\nx?\na = 1", {"files", "a"}),
        ("if True:\n    %time f()\n    b = 1", {"b"}),
        ("!wget a \\\n  b \\\n  c\nd = 1", {"d"}),
        ("\n%%time\nm = 1", {"m"}),
        ("a = (3\n  % 2)", {"a"}),
        ("%%bash\nx=1; echo $x", set()),
        ("def broken(:", set()),
        ("from utils import *", set()),
    ],
)
def test_names_that_a_cell_binds(source: str, names: set[str]) -> None:
    assert bound_names(parse_code(source)) == names


# ------------------------------------------------------------------ what was missing


@pytest.mark.parametrize(
    ("error", "module"),
    [
        (no_module("tensorflow"), "tensorflow"),
        (CellError(name="ModuleNotFoundError", message="No module named 'a.b'; 'a' is not a package"), "a.b"),
        (
            CellError(name="ImportError", message="cannot import name 'Net' from 'models' (/x/models.py)"),
            "models.Net",
        ),
        (CellError(name="ImportError", message="libcudart.so.13: cannot open shared object file"), None),
        (CellError(name="ValueError", message="No module named 'x'"), None),
        (no_module("<script>"), None),
    ],
)
def test_module_is_read_from_the_error(error: CellError, module: str | None) -> None:
    assert missing_module(error) == module


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        ("tensorflow", "package"),
        ("cv2", "package"),
        ("google.generativeai", "package"),
        ("sklearn.no_such_part", "part"),
        ("torch.no_such_part", "part"),
        ("collections.no_such_part", "part"),
        ("data_utils", "own_file"),
        ("helpers.nets", "own_file"),
        ("some_package", "package"),
    ],
)
def test_packages_are_told_from_files_that_were_not_handed_in(module: str, kind: str) -> None:
    assert kind_of(module, no_module(module), frozenset({"some-package"})) == kind


def test_lists_of_packages_do_not_overlap() -> None:
    assert not OFFERED & set(PIP_NAMES)
    assert {"tensorflow", "keras", "datasets", "transformers", "wandb", "d2l", "torchtext"} <= set(PIP_NAMES)


# ------------------------------------------------------------------ what was lost


def test_chain_of_losses_goes_through_later_failed_cells() -> None:
    record, sources = executed(
        ("x = 1", None),
        ("import tensorflow as tf\nscale = 2", no_module("tensorflow")),
        ("model = tf.keras.Model()\nhistory = model.fit()", undefined("tf")),
        ("y = x + 1", None),
        ("plt.plot(history)", undefined("history")),
        ("z = unrelated", undefined("unrelated")),
        ("1 / 0", CellError(name="ZeroDivisionError", message="division by zero")),
        ("from tensorflow.keras import layers", no_module("tensorflow")),
        ("layers.Dense()", undefined("layers")),
    )
    [found] = failed_imports(record, sources)
    assert (found.cell, found.module, found.kind) == (2, "tensorflow", "package")
    expected = [(4, "tf"), (8, "history"), (14, "tensorflow"), (16, "layers")]
    assert found.lost == tuple(Lost(cell, name) for cell, name in expected)


def test_name_that_was_made_after_all_is_not_blamed() -> None:
    record, sources = executed(
        ("import wandb\nmodel = 1", no_module("wandb")),
        ("model = 2", None),
        ("del model", None),
        ("model", undefined("model")),
    )
    [found] = failed_imports(record, sources)
    assert found.lost == ()


def test_star_import_is_blamed_for_names_that_nobody_makes() -> None:
    record, sources = executed(
        ("from utils import *", no_module("utils")),
        ("show_images(3)", undefined("show_images")),
        ("late()", undefined("late")),
        ("def late(): pass", None),
    )
    [found] = failed_imports(record, sources)
    assert (found.kind, found.lost) == ("own_file", (Lost(2, "show_images"),))


def test_each_import_has_its_own_losses_and_unparsable_cells_do_no_harm() -> None:
    record, sources = executed(
        ("import lenet", no_module("lenet")),
        ("def f(:", CellError(name="SyntaxError", message="invalid syntax")),
        ("!pip install odd-thing\nimport odd_thing as o", no_module("odd_thing")),
        ("o.f()", undefined("o")),
        ("lenet.LeNet5()", undefined("lenet")),
    )
    assert failed_imports(record, sources) == (
        FailedImport(0, "lenet", "own_file", (Lost(8, "lenet"),)),
        FailedImport(4, "odd_thing", "package", (Lost(6, "o"),)),
    )
    assert failed_imports(record, {}) != ()
    assert failed_imports(ExecutionRecord(state="kernel_died"), sources) == ()


def test_further_packages_of_the_failed_cell_are_named() -> None:
    source = "import numpy as np, keras\nfrom cv2 import imread\nimport own\nfrom . import wandb\nimport sklearn.mixture"
    record, sources = executed((source, no_module("keras")))
    [found] = failed_imports(record, sources)
    assert found.beside == ("cv2", "sklearn")
    assert "imports `cv2`, `sklearn` too" in import_sentence(found)


# ------------------------------------------------------------------ sentences


def test_sentences_say_what_to_do_next() -> None:
    package = import_sentence(
        FailedImport(1, "cv2", "package", (Lost(3, "cv2"), Lost(5, "img"), Lost(6, "img")))
    )
    assert package.startswith("Cell 2 stopped at an import: the package `cv2` is not in the kernel.")
    assert "Cells 4, 6 and 7 failed because of it: `cv2`, `img` could not be made." in package
    assert "installs `opencv-python-headless` into the kernel environment" in package
    own = import_sentence(FailedImport(0, "helpers.nets", "own_file"))
    assert "`helpers/nets.py`" in own
    assert "No later cell failed because of it." in own
    assert "hand in `helpers/nets.py` beside the notebook" in own
    part = import_sentence(FailedImport(0, "torch.gone", "part", (Lost(1, "gone"),)))
    assert "`torch` is there, but has no `gone`" in part
    assert "Cell 2 failed because of it" in part


@pytest.mark.parametrize(
    ("notice", "words"),
    [
        (
            NoticeSeen(0, "pip", "pip install a b", ("a",), ("b",)),
            "left out; available: a; not available: b.",
        ),
        (NoticeSeen(0, "system", "apt install x"), "`apt install x` was left out."),
        (NoticeSeen(0, "colab", "drive.mount('/x')"), "not Colab"),
        (NoticeSeen(0, "folder", "/content"), "no folder `/content`"),
        (NoticeSeen(0, "download", "wget x"), "download `wget x` failed"),
        (NoticeSeen(0, "deadline", "python x.py", seconds=60.0), "ended after 60 s"),
        (
            NoticeSeen(0, "network", "https://a.org/x"),
            "tried to reach `https://a.org/x`; notebooks run without a network",
        ),
        (NoticeSeen(0, "data", "MNIST"), ""),
        (NoticeSeen(0, "forged", "anything"), ""),
    ],
)
def test_notices_become_sentences(notice: NoticeSeen, words: str) -> None:
    sentence = notice_sentence(notice)
    assert words in sentence
    assert bool(words) is bool(sentence)


def test_there_are_two_notes_at_most_and_none_without_a_cause() -> None:
    record, sources = executed(("import keras", no_module("keras")), ("x = 1", None))
    cells = [NotebookCell(index, "code", source, "", 0, None, None) for index, source in sources.items()]
    notices = [NoticeSeen(at, "folder", f"/content/{at}") for at in range(20)]
    imports, elsewhere = surroundings_notes("a", record, cells, notices)
    assert (imports.kind, elsewhere.kind) == ("execution", "execution")
    assert "keras" in imports.text
    assert elsewhere.text.startswith("Cell 1: there is no folder `/content/0` here. Cell 2:")
    assert elsewhere.text.endswith("And 8 more.")
    assert list(surroundings_notes("a", ExecutionRecord(state="complete"), cells, ())) == []


def test_data_that_we_do_not_have_is_ours() -> None:
    notices = [
        NoticeSeen(4, "data", "MNIST"),
        NoticeSeen(2, "data", "MNIST"),
        NoticeSeen(2, "data", "Tiny Shakespeare"),
    ]
    [note] = surroundings_notes("b", ExecutionRecord(state="complete"), (), notices)
    assert note.title == f"Part b: {MISSING_DATA}"
    assert note.text.startswith(
        "MNIST and Tiny Shakespeare are not on the machine that ran the notebook; cells 3 and 5"
    )
    assert "not the notebook's" in note.text


def test_data_sets_are_read_from_containers_and_believed_in_nothing(tmp_path: Path) -> None:
    made = {"how": "made", "name": "MNIST", "type": "Mine", "train": True, "given": ["root"], "length": 60000}
    odd = {
        "how": "url",
        "name": 3,
        "train": "yes",
        "given": "abc",
        "length": True,
        "url": "u" * 1000,
        "is_shared": 1,
    }
    path = str(tmp_path / "cell-0002.safetensors")
    write_container(path, {"cell": 2, "datasets": [made, odd, {"how": "forged"}]}, {})
    first, second = read_observations(tmp_path).datasets
    assert (first.cell, first.name, first.type, first.train, first.length) == (
        2,
        "MNIST",
        "Mine",
        True,
        60000,
    )
    assert (first.is_given("root"), first.is_given("train"), first.transform) == (True, False, None)
    assert (second.name, second.train, second.given, second.length, second.is_shared) == (
        "",
        None,
        (),
        None,
        False,
    )
    assert len(second.url) == 400


def test_notices_are_read_from_containers_and_believed_in_nothing(tmp_path: Path) -> None:
    good = {"kind": "pip", "what": "pip install a", "available": [], "missing": ["a"]}
    odd = {
        "kind": 3,
        "what": "x" * 1000,
        "available": "abc",
        "missing": [None, *["b"] * 99],
        "seconds": "soon",
    }
    write_container(str(tmp_path / "cell-0002.safetensors"), {"cell": 2, "notices": [good, odd]}, {})
    write_container(str(tmp_path / "cell-0003.safetensors"), {"cell": 3, "notices": ["no notice"]}, {})
    seen = read_observations(tmp_path)
    first, second = seen.notices
    assert first == NoticeSeen(2, "pip", "pip install a", (), ("a",))
    assert (second.kind, len(second.what), second.available, second.seconds) == ("3", 120, (), None)
    assert second.missing[:2] == ("None", "b")
    assert len(second.missing) < 20
    assert len(seen.problems) == 1


def test_own_data_that_could_not_be_loaded_are_told_where_the_notebook_stopped_there() -> None:
    record, _ = executed(("import torch", None), ("CIFAR10(root)", undefined("x")), ("x = 1", undefined("y")))
    seen = evidence_of(
        part_of({}), Observations(notices=(NoticeSeen(2, "network", "www.cs.toronto.edu"),)), {}
    )
    stopped = replace(seen, execution=record)
    assert unreached_data(stopped).startswith("Cell 3 stopped at data that could not be loaded here")
    assert unreached_data(seen) == ""
    elsewhere = replace(stopped, observations=Observations(notices=(NoticeSeen(0, "network", "pypi.org"),)))
    assert unreached_data(elsewhere) == ""
