"""Claims about the form of a notebook: seeds, explanations, the device, the written answers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from pydantic import Field

from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    FormCheckParams,
    failed,
    for_person,
    join,
    judged,
)
from autograder.probes.evidence import Evidence
from autograder.probes.notebooks import NotebookCell, asks_for_check, parse_code
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.template_cells import squeeze


class SeedsAre(FormCheckParams):
    """The seed that the sheet prescribes for NumPy and PyTorch."""

    seed: int


@CHECKS.register(SeedsAre)
def seeds_are(evidence: Evidence, params: SeedsAre, context: Context) -> Finding:
    """NumPy and PyTorch were both seeded with the prescribed seed (half of the points each)."""
    seen = evidence.observations.seeds
    numpy_seeds = {seed.seed for seed in seen if seed.call.startswith("numpy")}
    torch_seeds = {seed.seed for seed in seen if seed.call.startswith("torch")} | set(
        evidence.observations.torch_seeds
    )
    right = {"NumPy": params.seed in numpy_seeds, "PyTorch": params.seed in torch_seeds}
    missing = [name for name, is_right in right.items() if not is_right]
    others = sorted({seed for seed in numpy_seeds if seed is not None} - {params.seed})
    message = f"NumPy and PyTorch were both seeded with {params.seed}."
    if missing:
        message = f"The seed {params.seed} was not set for {join(missing)}."
        if others and "NumPy" in missing:
            message += f" (NumPy was seeded with {others[0]}.)"
    return judged(
        sum(right.values()) / 2,
        observed=", ".join(f"{name}: {'set' if is_right else 'not set'}" for name, is_right in right.items()),
        expected=f"seed {params.seed} for NumPy and PyTorch",
        message=message,
    )


class CodeIsExplained(FormCheckParams):
    """A Markdown explanation before every code cell."""

    n_words: int = 1
    """Fewest words that count as an explanation."""
    enough: float = Field(default=1.0, gt=0.0, le=1.0)
    """Share of the code cells from which all points are earned, where the sheet does not ask for every cell."""
    below: int = Field(default=1, ge=1)
    """How many code cells of a row the Markdown cell above them explains."""


@CHECKS.register(CodeIsExplained)
def code_is_explained(evidence: Evidence, params: CodeIsExplained, context: Context) -> Finding:
    """Every code cell of the student's own stands below a Markdown cell that says something."""
    bare: list[int] = []
    n_code = 0
    above: NotebookCell | None = None
    n_below = 0
    for cell in evidence.cells:
        text = squeeze(cell.source)
        if not text or (cell.kind == "code" and asks_for_check(parse_code(cell.source))):
            continue
        if cell.kind == "markdown":
            above, n_below = cell, 0
            continue
        n_below += 1
        if text not in context.template.texts:
            n_code += 1
            says = above is not None and _says_something(above, params.n_words, context)
            if not says or n_below > params.below:
                bare.append(cell.index + 1)
    if n_code == 0:
        return failed("There is no code of yours to explain.", expected="Markdown before every code cell")
    is_enough = (n_code - len(bare)) / n_code >= params.enough
    if not bare:
        message = "A Markdown explanation stands before every code cell."
    elif is_enough:
        message = "Markdown explanations stand before your code."
    else:
        cells = f"cell{'s' if len(bare) > 1 else ''} {join([str(i) for i in bare[:8]])}"
        message = f"No Markdown explanation stands before {cells}."
    return judged(
        (n_code - len(bare)) / n_code / params.enough,
        observed=f"{n_code - len(bare)} of {n_code} code cells explained",
        expected="all of them" if params.enough == 1.0 else f"{params.enough:.0%} of them or more",
        message=message,
    )


def _says_something(cell: NotebookCell, n_words: int, context: Context) -> bool:
    if squeeze(cell.source) in context.template.prompts:
        return False
    words = re.findall(r"\w+", cell.source)
    # Scripts without blanks between words (Chinese, Japanese) count by character.
    return len(words) >= n_words or sum(ord(sign) > 0x2E80 for sign in cell.source) >= n_words


class RunsOnCpu(FormCheckParams):
    """CPU only."""


@CHECKS.register(RunsOnCpu)
def runs_on_cpu(evidence: Evidence, params: RunsOnCpu, context: Context) -> Finding:
    """Nothing asks for a GPU unconditionally, and every tensor lives on the CPU."""
    for cell in evidence.cells:
        tree = parse_code(cell.source) if cell.kind == "code" else None
        if tree is not None and "is_available" not in cell.source and _asks_for_gpu(tree):
            return failed(
                f"Cell {cell.index + 1} asks for a GPU; the sheet says CPU only.",
                expected="CPU only",
                found=(Found(how="source", cell=cell.index),),
            )
    devices = {leaf.device.split(":")[0] for leaf in evidence.observations.leaves} - {"cpu", ""}
    if devices:
        return failed(f"Values were kept on {join(sorted(devices))}.", expected="CPU only")
    return judged(1.0, observed="CPU", expected="CPU only", message="Everything ran on the CPU.")


def _asks_for_gpu(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "cuda":
            return True
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"(cuda|mps)(:\d+)?", node.value)
        ):
            return True
    return False


class IsWritten(CheckParams):
    """A written answer that a person marks."""

    prompt: str
    """What was asked, for the person who marks."""
    words: list[str]
    """Words that an answer to this prompt is likely to hold; used to find it among the Markdown cells."""


@CHECKS.register(IsWritten)
def is_written(evidence: Evidence, params: IsWritten, context: Context) -> Finding:
    """A person marks the written answer; its text is shown."""
    cells = evidence.cells_of(context.item) or list(evidence.cells)
    texts = [
        cell
        for cell in cells
        if cell.kind == "markdown" and squeeze(cell.source) not in context.template.texts
    ]
    likely = [cell for cell in texts if any(word in cell.source.lower() for word in params.words)]
    if not likely:
        likely = _in_other_words(evidence.cells_of(context.item), texts, context)
    answers = [cell for cell in likely if "answer" in cell.source.lower()] or likely
    if not answers:
        return for_person(
            "No written answer was found. Proposed: 0 points; a person decides.",
            expected=params.prompt,
            observed="no answer",
            proposed=0.0,
        )
    given = {_letters(text) for text in context.template.texts} | {_letters(params.prompt)}
    if not any(_own_letters(cell.source, given) for cell in answers):
        return for_person(
            "Nothing of your own is written there, only what was asked. Proposed: 0 points; a person decides.",
            expected=params.prompt,
            observed="no words of the student's own",
            answer="\n\n".join(cell.source.strip() for cell in answers),
            proposed=0.0,
            found=tuple(Found(how="source", path="Markdown", cell=cell.index) for cell in answers),
        )
    text = "\n\n".join(cell.source.strip() for cell in answers)
    return for_person(
        "A person will mark this answer.",
        expected=params.prompt,
        observed=f"{len(text.split())} words",
        answer=text,
        found=tuple(Found(how="source", path="Markdown", cell=cell.index) for cell in answers),
    )


def _in_other_words(
    section: Sequence[NotebookCell], texts: Sequence[NotebookCell], context: Context
) -> list[NotebookCell]:
    """Return what may be an answer without any of the expected words, as in another language: texts of the section that
    say something and stand below its first code, if there is any; what stands above explains the code.
    """
    if not section:
        return []
    given = {_letters(text) for text in context.template.texts}
    first = next((cell.index for cell in section if cell.kind == "code"), -1)
    below = [cell for cell in texts if cell.index > first]
    return [cell for cell in below if len(_own_letters(cell.source, given)) >= _SHORTEST_ANSWER]


_SHORTEST_ANSWER = 40
"""Fewest letters of a text that is taken for an answer by its place alone."""

_LABELS = re.compile(
    r"(?:your|my|the|write|type|put|here|in|below|question|answers?|responses?|comments?|todo|[a-z]\d)*"
)
"""What stands around an answer and says nothing."""

_SHORTEST_GIVEN = 12
"""Fewest letters of a given text that is looked for inside an answer; a shorter one may be a word of the student."""


def _letters(text: str) -> str:
    """Return the letters and digits of a text, without case."""
    return re.sub(r"[\W_]+", "", text).lower()


def _own_letters(source: str, given: Iterable[str]) -> str:
    """Return what is left of a cell without headings, without what was given, and without labels."""
    own = _letters("\n".join(line for line in source.splitlines() if not line.lstrip().startswith("#")))
    for text in sorted(given, key=len, reverse=True):
        if len(text) >= _SHORTEST_GIVEN:
            own = own.replace(text, "")
    return "" if _LABELS.fullmatch(own) else own
