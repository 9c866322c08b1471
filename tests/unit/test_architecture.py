"""The picture of docs/developer.md, held by syntax trees: imports run one way, nothing untrusted is run."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from autograder.kernel_side import MODULES

ROOT = Path(__file__).parents[2]
OURS = ("autograder", "reports", "reference", "tests", "scripts")

LAYERS = (
    ("errors", "moments", "stats", "kernel_side", "estimates", "shortened", "fingerprints", "phrases"),
    (
        "records",
        "registry",
        "locks",
        "environments",
        "datasets",
        "fetching",
        "delimited",
        "roster_headers",
        "tables",
    ),
    (
        "rubric",
        "store",
        "intake",
        "rosters",
        "roster_files",
        "groups",
        "course_rules",
        "course_files",
        "golden",
        "signatures",
        "template",
        "template_cells",
        "leaks",
        "public_rubric",
        "conventions",
    ),
    ("probes", "checks", "truths", "data_truths", "image_truths"),
    (
        "execute",
        "judging",
        "scoring",
        "gradebook",
        "review",
        "export",
        "push",
        "people",
        "resubmissions",
        "class_lists",
    ),
    # The pipeline: what a verb of the command line does, without the command line.
    (
        "registered",
        "courses",
        "jobs",
        "execution_notes",
        "notebook_pages",
        "instructor_pages",
        "marking",
        "questions",
        "refreshing",
        "results",
        "grading",
        "exporting",
        "pushing",
        "gradescope",
        "goldens",
        "stored_answers",
        "rendering",
        "withheld",
        "release",
        "release_texts",
        "handin",
        "notebook_forms",
        "validation",
        "selfcheck",
        "similarity",
        "doctor",
        "lint",
    ),
    ("cli",),
)
"""Units (module or package of `autograder`) from the bottom up: a unit imports its own layer or lower."""

OBSERVER = ROOT / "autograder" / "kernel_side"
FENCE = ROOT / "autograder" / "execute" / "fence"
KERNEL_SIDE = (
    *(f"autograder/kernel_side/{name}.py" for name in MODULES),
    *(f"autograder/execute/fence/{path.name}" for path in FENCE.glob("*.py")),
)
"""Files that run beside student code; they stand alone."""

ALLOWED_BY_LEAF = {
    "autograder/stats": {"numpy", "scipy"},
    "reports": {"jinja2", "markupsafe"},
    "autograder/kernel_side": {"numpy"},
    "autograder/execute/fence": {"ipykernel", "zmq"},  # of the kernel that it becomes
}

BANNED_IMPORTS = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "torch"}
BANNED_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "np.load", "numpy.load"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return [path for path in found if "styles" not in path.parts]  # written as students write


def imported(path: Path) -> set[str]:
    """Full dotted names that a file imports, wherever the statement stands."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = ""
            if path.parent == OBSERVER and node.level == 1:  # in a kernel the package has another name
                package = "autograder.kernel_side."
            elif path.parent == FENCE and node.level == 1:
                package = "autograder.execute.fence."
            else:
                assert node.level == 0, f"{path}:{node.lineno}: write the full name of the module"
            module = f"{package}{node.module or ''}".rstrip(".")
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def third_party(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names)


def layer(unit: str) -> int:
    for rank, units in enumerate(LAYERS):
        if unit in units:
            return rank
    raise AssertionError(
        f"autograder.{unit} has no place in LAYERS of {relative(Path(__file__))}; give it one"
    )


def test_imports_run_one_way() -> None:
    wrong = []
    for path in sources("autograder"):
        own = path.relative_to(ROOT / "autograder").with_suffix("").parts[0]
        if own == "__init__":
            continue
        for name in imported(path):
            unit = name.split(".")[1] if name.startswith("autograder.") else "__version__"
            if unit != "__version__" and layer(unit) > layer(own):
                wrong.append(f"{relative(path)} imports autograder.{unit}, which lies above it")
    assert not wrong, "\n".join(wrong)


def test_no_two_modules_import_each_other() -> None:
    modules = {
        relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in sources("autograder")
    }
    graph = {}
    for module, path in modules.items():
        wanted = {name if name in modules else name.rpartition(".")[0] for name in imported(path)}
        graph[module] = {name for name in wanted if name in modules and name not in (module, "autograder")}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


@pytest.mark.parametrize("leaf", ALLOWED_BY_LEAF)
def test_leaves_import_nothing_of_ours(leaf: str) -> None:
    files = [ROOT / leaf] if leaf.endswith(".py") else sources(leaf)
    own = leaf.replace("/", ".")
    for path in files:
        foreign = {name for name in imported(path) if name.split(".")[0] in OURS and not name.startswith(own)}
        assert not foreign, f"{relative(path)} imports {sorted(foreign)}"
        beside = third_party(path) - set(OURS) - ALLOWED_BY_LEAF[leaf]
        assert not beside, f"{relative(path)} imports {sorted(beside)}"


def test_kernel_side_can_be_built_in_its_order() -> None:
    assert {path.stem for path in OBSERVER.glob("*.py")} == {"__init__", *MODULES}
    for at, module in enumerate(MODULES):
        for node in ast.walk(tree(OBSERVER / f"{module}.py")):
            if isinstance(node, ast.ImportFrom) and node.level:
                for name in [node.module] if node.module else [alias.name for alias in node.names]:
                    assert name in MODULES[:at], f"{module} imports {name}, which comes after it"
            elif isinstance(node, ast.Import | ast.ImportFrom):
                names = (
                    [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                )
                assert not any(name.split(".")[0] in OURS for name in names), f"{module} imports {names}"


def test_reference_and_engine_are_strangers() -> None:
    for path in sources("autograder", "reports"):
        assert "reference" not in third_party(path), f"{relative(path)} imports the answers"
    for path in sources("reference"):
        assert not third_party(path) & {"autograder", "reports"}, f"{relative(path)} imports the engine"


def test_only_the_pipeline_and_the_command_line_render_reports() -> None:
    bottom = layer("grading")
    for path in sources("autograder"):
        if "reports" in third_party(path):
            assert layer(path.relative_to(ROOT / "autograder").with_suffix("").parts[0]) >= bottom, relative(
                path
            )


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


TRUSTED = [path for path in sources("autograder", "reports") if relative(path) not in KERNEL_SIDE]


@pytest.mark.parametrize("path", TRUSTED, ids=relative)
def test_trusted_code_runs_nothing_that_it_was_handed(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path)} & BANNED_IMPORTS
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        assert dotted(node.func) not in BANNED_CALLS, (
            f"{relative(path)}:{node.lineno} calls {dotted(node.func)}"
        )
        for keyword in node.keywords:
            is_on = isinstance(keyword.value, ast.Constant) and keyword.value.value is True
            is_shell = keyword.arg == "shell" and dotted(node.func).startswith("subprocess.")
            is_dangerous = is_on and (is_shell or keyword.arg == "allow_pickle")
            assert not is_dangerous, f"{relative(path)}:{node.lineno} calls with {keyword.arg}=True"


def test_engine_is_imported_without_what_only_kernels_need() -> None:
    modules = [
        relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in sources("autograder", "reports")
    ]
    wanted = [
        module
        for module in modules
        if f"{module.replace('.', '/')}.py" not in KERNEL_SIDE and not module.endswith("__main__")
    ]
    code = (
        f"import importlib, sys\nfor module in {wanted!r}: importlib.import_module(module)\n"
        "roots = {name.split('.')[0] for name in sys.modules}\n"
        "print(*roots & {'torch', 'matplotlib', 'pandas', 'IPython', 'reference'})"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def named(requirements: list[str]) -> set[str]:
        return {
            re.split(r"[<>=\[ ;]", requirement)[0].lower().replace("_", "-") for requirement in requirements
        }

    extras = project["optional-dependencies"]
    engine = named(project["dependencies"]) | named(extras["review"])
    for extra in ("canvas", "moodle", "similarity", "xlsx"):
        engine |= named(extras[extra])
    everything = engine | named(extras["kernel"]) | named(extras["dev"]) | named(extras["browser"])
    provided = importlib.metadata.packages_distributions()
    for path in sources(*OURS):
        is_engine = path.parts[len(ROOT.parts)] in ("autograder", "reports") and path.parent != FENCE
        declared = engine if is_engine else everything
        for name in third_party(path) - set(OURS):
            if name not in provided:  # a module of the test folder, or none at all: its import fails loudly
                continue
            packages = {package.lower().replace("_", "-") for package in provided[name]}
            assert packages & declared, (
                f"{relative(path)} imports {name}, which pyproject.toml does not declare"
            )


def test_no_file_names_a_path_of_one_machine() -> None:
    pattern = re.compile(r"(?<![\w.:/])(/(?:home|Users|root|work|mnt|opt|srv)/[\w.-]+|[A-Za-z]:\\\\?Users\\)")
    suffixes = {
        ".py",
        ".md",
        ".toml",
        ".yaml",
        ".yml",
        ".json",
        ".ipynb",
        ".txt",
        ".lock",
        ".j2",
        ".css",
        ".js",
        ".html",
        "",
    }
    folders = ("autograder", "reports", "reference", "rubrics", "student_template", "scripts", "docs", ".ci")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file()]
    for path in files:
        if path.suffix not in suffixes or "__pycache__" in path.parts:
            continue
        found = pattern.search(path.read_text(encoding="utf-8", errors="replace"))
        assert not found, f"{relative(path)} names {found[0]}"
