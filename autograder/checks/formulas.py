"""Claims about formulas that students write in their answers: they are compared as mathematics."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from pydantic import Field

from autograder.checks.findings import CheckParams, Context, Finding, failed, for_person, judged
from autograder.formula_texts import Formula, FormulaError, read_formula
from autograder.formulas import is_equal, shown
from autograder.probes.evidence import Evidence
from autograder.probes.notebooks import NotebookCell
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.template_cells import squeeze

_BLANK = re.compile(r"[_.…\s]*|\*+|TODO|\?+", re.IGNORECASE)
_LEADING = re.compile(r"^[\s:=>*_)\]|`-]+(?![\d(])|^\s*(is|are|ist|es)\b[\s:=]*", re.IGNORECASE)
_REASON = re.compile(r"[,;(]?\s+(because|since|where|which|so|weil|porque)\b.*$", re.IGNORECASE)
_FORMULA = re.compile(r"\bO\(|[A-Z]\s*[\^²*·]|\d\s*\*?\s*[A-Z]{1,2}\b|\\(cdot|times|frac)")
_REMARK = re.compile(r"\((?=[^()]*[a-zà-ÿ]{3})[^()]*\)\s*$")
MAX_SHOWN = 160


class FormulaIs(CheckParams):
    """A blank whose answer is a formula."""

    labels: list[str] = Field(min_length=1)
    """Regular expressions for what stands before the formula on its line, tried without regard to case."""
    names: dict[str, list[str]] = Field(min_length=1)
    """Each variable with everything that may stand for it, itself left out: `{D: [d, d_model]}`."""
    accepts: dict[str, str] = Field(min_length=1)
    """Right formulas, each with the convention that it follows, in words that the report shows ("" for the usual one)."""
    mistakes: dict[str, str] = Field(default_factory=dict)
    """Formulas that typical mistakes give, each with the mistake: "the recurrent weights are missing"."""
    what: str
    """What is asked for: "the operations of one step"."""


@CHECKS.register(FormulaIs)
def formula_is(evidence: Evidence, params: FormulaIs, context: Context) -> Finding:
    """The formula in the answer equals an accepted one, however it is written; what cannot be read is for a person."""
    names = {one: name for name, others in params.names.items() for one in (name, *others)}
    right = {read_formula(text, names): words for text, words in params.accepts.items()}
    expected = shown(next(iter(right)))
    own = {cell.index for cell in evidence.cells_of(context.item)}
    unread: tuple[str, str, int] | None = None
    wrong: tuple[Formula, int] | None = None
    for readings, cell in _candidates(evidence, params, context):
        given, why = _read(readings, names)
        for formula, (candidate, words) in itertools.product(given, right.items()):
            if is_equal(formula, candidate):
                notes = (f"Accepted for {params.what}: {words}.",) if words else ()
                return judged(
                    1.0,
                    observed=shown(formula),
                    expected=expected,
                    message=f"Your formula for {params.what} is right.",
                    found=(Found(how="source", cell=cell),),
                    notes=notes,
                )
        if given:
            wrong = wrong or (given[0], cell)
        elif unread is None or (cell in own and unread[2] not in own):
            unread = (readings[0], why, cell)
    if unread is not None and (wrong is None or unread[2] in own):
        text, why, cell = unread
        return for_person(
            f"Your answer for {params.what} could not be read as a formula ({why}); a person reads it.",
            observed=text[:MAX_SHOWN],
            expected=expected,
            found=(Found(how="source", cell=cell),),
        )
    if wrong is None and _has_formulas_elsewhere(evidence, params, context):
        return for_person(
            f"There are formulas in this section, and none says that it is {params.what}; a person reads them.",
            observed="no label",
            expected=expected,
        )
    if wrong is None:
        return failed(
            f"No formula was found for {params.what}.", observed="no answer", expected=expected, missing=True
        )
    other, cell = wrong
    return failed(
        f"Your formula for {params.what} is another one{_mistake(other, params, names)}.",
        observed=shown(other),
        expected=expected,
        found=(Found(how="source", cell=cell),),
    )


def _read(readings: list[str], names: dict[str, str]) -> tuple[list[Formula], str]:
    """Return the formulas among the readings of one answer, and why the first could not be read where none could."""
    found, why = [], ""
    for text in readings:
        try:
            found.append(read_formula(text, names))
        except FormulaError as error:
            why = why or str(error)
    return found, why


def _mistake(given: Formula, params: FormulaIs, names: dict[str, str]) -> str:
    for text, words in params.mistakes.items():
        if is_equal(given, read_formula(text, names)):
            return f": {words}"
    if given.is_order:
        return ": an order of growth stands where the count itself is asked for"
    return ""


def _candidates(evidence: Evidence, params: FormulaIs, context: Context) -> Iterator[tuple[list[str], int]]:
    """Yield the readings of what stands behind a label (or on the next line), cells of the item before all others."""
    cells = evidence.cells_of(context.item)
    for cell in _own_texts([*cells, *(cell for cell in evidence.cells if cell not in cells)], context):
        for readings in _behind_labels(cell, params.labels):
            yield readings, cell.index


def _own_texts(cells: Iterable[NotebookCell], context: Context) -> Iterator[NotebookCell]:
    """Yield the texts that the student wrote."""
    for cell in cells:
        if cell.kind == "markdown" and squeeze(cell.source) not in context.template.texts:
            yield cell


def _has_formulas_elsewhere(evidence: Evidence, params: FormulaIs, context: Context) -> bool:
    """Whether the item's section holds formulas, and nowhere a label: in another language, say."""
    cells = list(_own_texts(evidence.cells_of(context.item), context))
    labelled = any(
        re.search(label, line, re.IGNORECASE)
        for cell in cells
        for line in cell.source.splitlines()
        for label in params.labels
    )
    return not labelled and any(_FORMULA.search(cell.source) for cell in cells)


def _behind_labels(cell: NotebookCell, labels: list[str]) -> Iterator[list[str]]:
    lines = [line.strip() for line in cell.source.splitlines()]
    for at, line in enumerate(lines):
        for label in labels:
            match = re.search(label, line, re.IGNORECASE)
            if match is None or (line.startswith("#") and label.startswith("^")):  # the number of a heading
                continue
            text = _cleaned(_cell_after(line, match.end()) if line.startswith("|") else line[match.end() :])
            following = _cleaned(lines[at + 1]) if at + 1 < len(lines) else ""
            if not _BLANK.fullmatch(text):
                yield [text, *_tails(text)]
            elif following and not _BLANK.fullmatch(following):
                yield [following, *_tails(following)]
            break


def _cell_after(line: str, place: int) -> str:
    """Return the cell of a table's row that follows the one which holds a place."""
    return line[place:].partition("|")[2]


def _tails(text: str) -> Iterator[str]:
    """Yield other readings: the only formula of a sentence, the text without a remark, what follows a question."""
    written = re.findall(r"(?<![$\\])\$([^$]+)\$", text)
    if len(written) == 1:  # one formula in a sentence
        yield _cleaned(written[0])
    if _REMARK.search(text):
        yield _cleaned(_REMARK.sub("", text))
    for sign in "?:":
        tail = _cleaned(text.rpartition(sign)[2]) if sign in text else ""
        if tail and not _BLANK.fullmatch(tail):
            yield tail


def _cleaned(text: str) -> str:
    """Return a text without the marks and words that lead from a label to its formula, and without what encloses it."""
    before = None
    while before != text:
        before, text = text, _LEADING.sub("", text.strip(), count=1)
    text = text.split("|")[0]  # the cell of a table
    if text.startswith("$") and text.count("$") >= 2:
        text = text[: text.index("$", text.startswith("$$") + 1) + 1].strip("$")
    return _REASON.sub("", text).strip().strip("*").strip()
