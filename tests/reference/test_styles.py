"""The correct styles: well-formed, seeded, complete, and right in their numbers when they are executed."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from io import StringIO
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import nbformat
import pytest

from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Job
from autograder.records import Limits
from autograder.template import Cell, parse, to_ipynb, to_notebook
from reference.aml_a3.demo import CORRECT, NOTEBOOK, WRONG, demo_class, load_styles
from reference.aml_a3.mutants import MUTANTS

STYLES = load_styles()
LIMITS = Limits(cell_seconds=120, total_seconds=600)
EXECUTED_ALWAYS = ("free_style", "vectorised")
TEMPLATE_NAMES = {
    *("mixture_log_density", "mixture_density", "grid_x", "grid_y", "grid_density"),
    *("rejection_sample", "accepted_samples", "n_proposals", "acceptance_rate"),
    *("importance_sample", "effective_sample_size"),
    *("is_draws", "is_weights", "is_mean", "is_variance", "is_ess"),
    *("metropolis_hastings", "autocorrelation", "mh_results", "mh_acf"),
    *("gibbs_sample", "gibbs_chain", "gibbs_draws", "gibbs_acf"),
}

# What every correct notebook prints, to about six of its standard errors: (low, high) of any one number.
PRINTED = {
    "acceptance rate of rejection sampling": [(0.077, 0.086)],
    "estimated mean": [(6.0, 6.75)],
    "weighted variance": [(36.8, 41.0)],
    "effective sample size": [(9_800.0, 10_800.0)],
    "acceptance rate of s = 0.1": [(0.936, 0.954)],
    "acceptance rate of s = 0.5": [(0.725, 0.750)],
    "acceptance rate of s = 1.5": [(0.395, 0.427)],
    "Gibbs ACF at lag 1, or its covariance": [(0.795, 0.825), (0.32, 0.38)],
    "Gibbs correlation or ACF at lag 5 or 10": [(0.88, 0.92), (0.31, 0.39), (0.08, 0.16)],
}


def code_of(cell: Cell) -> str:
    """The cell without its magics."""
    return "\n".join(line for line in cell.source.splitlines() if not line.startswith("%"))


def code_cells(source: str) -> list[Cell]:
    return [cell for cell in parse(source) if cell.kind == "code"]


def missing_numbers(text: str) -> list[str]:
    """Names of the results of which no printed number (or percentage) lies where it must."""
    numbers = [abs(float(token)) for token in re.findall(r"\d+\.\d+(?:e[+-]?\d+)?|\d+", text)]
    numbers += [number / 100 for number in numbers]
    return [
        name
        for name, ranges in PRINTED.items()
        if not any(low <= number <= high for low, high in ranges for number in numbers)
    ]


def test_there_are_enough_styles() -> None:
    assert len(STYLES) >= 14
    assert set(EXECUTED_ALWAYS) <= set(STYLES)


@pytest.mark.parametrize("name", STYLES)
def test_first_line_describes_the_style(name: str) -> None:
    assert re.match(r"# style: \S.{20,}\n", STYLES[name])


@pytest.mark.parametrize("name", STYLES)
def test_every_code_cell_is_python_with_markdown_before_it(name: str) -> None:
    cells = parse(STYLES[name])
    assert cells[-1].kind == "markdown", "the comment of A5 comes last"
    for before, cell in pairwise(cells):
        if cell.kind == "code":
            assert before.kind == "markdown", f"line {cell.line}: no explanation before the code"
            assert len(before.source) > 5
            ast.parse(code_of(cell))


@pytest.mark.parametrize("name", STYLES)
def test_numpy_and_torch_are_seeded_with_1234(name: str) -> None:
    code = "\n".join(code_of(cell) for cell in code_cells(STYLES[name]))
    assert "1234" in code
    assert "torch.manual_seed(" in code
    assert re.search(r"np\.random\.(seed|default_rng)\(", code)
    assert not re.search(r"cuda|float32|import autograder|from reference", code)


@pytest.mark.parametrize("name", STYLES)
def test_two_comments_are_written(name: str) -> None:
    cells = parse(STYLES[name])
    following = [*cells[1:], Cell(kind="markdown", source="")]
    closing = [a for a, b in zip(cells, following, strict=True) if a.kind == b.kind == "markdown"]
    assert len([cell for cell in closing if len(cell.source) > 75]) >= 2


def test_free_style_uses_no_name_of_the_template() -> None:
    nodes = [n for cell in code_cells(STYLES["free_style"]) for n in ast.walk(ast.parse(code_of(cell)))]
    variables = {node.id for node in nodes if isinstance(node, ast.Name)}
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    assert not (variables | functions) & TEMPLATE_NAMES


@pytest.mark.parametrize("name", EXECUTED_ALWAYS)
def test_numbers_in_process(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    n_figures = 0

    def show() -> None:
        nonlocal n_figures
        n_figures += len(plt.get_fignums())
        plt.close("all")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", show)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for cell in code_cells(STYLES[name]):
        exec(compile(code_of(cell), f"{name}.py", "exec"), namespace)
    plt.show()
    assert missing_numbers(capsys.readouterr().out) == []
    assert n_figures >= 4


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    with LocalExecutor(own_work=True) as started:
        yield started


SHOW_FILES = """
import glob
for path in sorted(glob.glob("**/*.png", recursive=True)):
    print("file", path)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", STYLES)
def test_numbers_in_a_kernel(name: str, executor: LocalExecutor, tmp_path: Path) -> None:
    notebook = to_notebook(parse(STYLES[name]))
    notebook.cells.append(nbformat.v4.new_code_cell(SHOW_FILES))
    nbformat.write(notebook, tmp_path / "notebook.ipynb")
    record = executor.execute(Job(notebook=tmp_path / "notebook.ipynb", out=tmp_path / "out", limits=LIMITS))
    assert record.state == "complete"
    assert [cell.error for cell in record.cells if cell.error] == []
    executed = nbformat.read(tmp_path / "out" / "executed.ipynb", as_version=4)
    printed = StringIO()
    n_images = 0
    for cell in executed.cells:
        for output in cell.get("outputs", []):
            printed.write(output.get("text", "") if output.get("name") == "stdout" else "")
            n_images += "image/png" in output.get("data", {})
    text, *files = printed.getvalue().split("\nfile ")
    assert missing_numbers(text) == []
    assert n_images + len(files) >= 4


# ------------------------------------------------------------------ the demo class


def as_file(source: str) -> bytes:
    return to_ipynb(parse(source)).encode()


def first_line(mark: str) -> Callable[[str], str]:
    return lambda source: f"# %% [markdown]\n# {mark}\n\n{source}"


SOLUTION = """\
# %% [markdown]
# Some explanation

# %%
is_draws, w = importance_sample(mixture_log_density, 50_000, SIGMA, rng)

# %% [markdown]
# More of it

# %%
mh_results = {}
"""


def test_demo_class_has_a_dozen_different_submissions() -> None:
    edits = {name: first_line(name) for name in WRONG.values()}
    files = demo_class(SOLUTION, "# %% [markdown]\n# untouched", edits, STYLES, as_file)
    assert len(files) == len(set(files.values())) == 13
    assert all(re.fullmatch(rf"[a-z]+(-[a-z]+)+/{NOTEBOOK}", path) for path in files)
    notebooks = [content for content in files.values() if not content.startswith(b"%PDF")]
    assert len(notebooks) == 12
    for content in notebooks:
        nbformat.validate(nbformat.reads(content.decode(), as_version=4))


def test_demo_class_names_what_is_missing() -> None:
    with pytest.raises(LookupError, match=r"needs the mutant 'variance_for_deviation'; found other"):
        demo_class(SOLUTION, "", {"other": str}, STYLES, as_file)


def test_demo_class_asks_for_styles_and_mutants_that_exist() -> None:
    assert set(CORRECT.values()) <= set(STYLES)
    assert set(WRONG.values()) <= set(MUTANTS)
    assert len({MUTANTS[name].item for name in WRONG.values()}) == len(WRONG)
