"""Claims about a network of texts or images that are seen in the outputs: it is printed, trained, and gives a text."""

from __future__ import annotations

import re

from pydantic import Field

from autograder.checks.findings import CheckParams, Context, Finding, failed, judged
from autograder.checks.output_texts import Line, lines_of, nothing_printed
from autograder.checks.training import seen_in
from autograder.probes.evidence import Evidence
from autograder.records import Status
from autograder.registry import CHECKS
from autograder.stats.printed_layers import Printed, printed_networks

_TOTAL = re.compile(r"(?i)param|weight|total|número|nombre|anzahl")


class ModelsArePrinted(CheckParams):
    """Layers and number of parameters of the networks."""

    n_layers: int = Field(default=2, ge=1)
    """Fewest layers that a printed network must show."""


@CHECKS.register(ModelsArePrinted)
def models_are_printed(evidence: Evidence, params: ModelsArePrinted, context: Context) -> Finding:
    """A network is printed with its layers (half) and the number of its parameters, which is theirs (half)."""
    what = "the layers of your model and its number of parameters"
    found: list[tuple[Printed, int]] = []
    for cell in evidence.cells:
        networks = printed_networks(cell.printed.split("\n"))
        found += [(one, cell.index) for one in networks if len(one.layers) >= params.n_layers]
    lines = lines_of(evidence.cells)
    totals = {number for line in lines if _TOTAL.search(line.text) for number in line.numbers}
    summary = [line for line in lines if re.search(r"(?i)total params", line.text) and line.numbers]
    if not found and summary:
        return judged(
            1.0,
            observed=summary[0].text.strip()[:80],
            expected=what,
            message="A summary shows layers and parameters.",
        )
    if not found:
        return nothing_printed(evidence, context, what)
    every = {number for line in lines for number in line.numbers}
    own = {float(one.n_parameters) for one, _ in found}
    whole = own | {sum(own)}
    is_right = bool(whole & every) or any(
        number >= one.n_parameters > 0 for one, _ in found if not one.is_exact for number in totals
    )
    best = max(found, key=lambda one: len(one[0].layers))[0]
    observed = f"{best.kind} with {len(best.layers)} layers"
    if is_right:
        message = "The layers and the number of parameters are printed."
    elif totals:
        message = (
            f"The layers are printed, but no number of parameters that is theirs ({best.n_parameters:,})."
        )
    else:
        message = "The layers are printed, but not the number of parameters."
    return judged(0.5 + 0.5 * is_right, observed=observed, expected=what, message=message)


class ModelIsTrained(CheckParams):
    """Updates of torch's optimizers."""

    n_min: int = Field(default=10, ge=1)


@CHECKS.register(ModelIsTrained)
def model_is_trained(evidence: Evidence, params: ModelIsTrained, context: Context) -> Finding:
    """A network of torch is trained: its optimizer makes updates, as many as the rubric says or more."""
    expected = f"{params.n_min} updates of an optimizer or more"
    steps = seen_in(evidence, context.item, "step")
    n = sum(one.n for one in steps)
    if n and not any(one.settings.get("moved", one.n) for one in steps):
        return failed(
            f"The optimizer made {n:,} updates of weights that had no gradient: they are not those of the network that is "
            "trained.",
            observed=f"{n:,} updates without a gradient",
            expected=expected,
        )
    if n == 0:
        if cause := evidence.failure_in(context.item):
            return Finding(Status.BLOCKED, 0.0, message=f"Nothing is trained: {cause}.", expected=expected)
        return failed("No network is trained with torch.", observed="none", expected=expected, missing=True)
    message = f"The optimizer made {n:,} updates."
    return judged(float(n >= params.n_min), observed=f"{n:,} updates", expected=expected, message=message)


class TextIsGenerated(CheckParams):
    """A text that a model made, among the outputs."""

    n_signs: int = Field(default=60, ge=10)
    """Fewest signs of the text, blanks not counted: a model that learnt little writes few letters."""
    n_words: int = Field(default=3, ge=1)
    """Fewest different words of it."""


@CHECKS.register(TextIsGenerated)
def text_is_generated(evidence: Evidence, params: TextIsGenerated, context: Context) -> Finding:
    """A text of some length is put out after the training, beside the numbers of the training and the layers."""
    what = f"a generated text of {params.n_signs} signs or more"
    trained = [one.cell for one in seen_in(evidence, context.item, "step")]
    if not trained:
        return nothing_printed(evidence, context, what)
    last = max(trained)
    cells = [cell for cell in evidence.cells if cell.item in (context.item, None)] or evidence.cells
    text = [line for line in lines_of(cells) if line.cell >= last and _is_prose(line)]
    signs = sum(len("".join(line.text.split())) for line in text)
    words = {word.lower() for line in text for word in re.findall(r"[^\W\d_]+", line.text)}
    if not text:
        return nothing_printed(evidence, context, what)
    is_long = signs >= params.n_signs and len(words) >= params.n_words
    message = (
        "A generated text is shown." if is_long else f"What is shown has {signs} signs, {len(words)} words."
    )
    return judged(
        float(is_long), observed=f"{signs} signs", expected=what, message=message, found=text[0].found
    )


def _is_prose(line: Line) -> bool:
    """Whether a line is no report of a training, and no layer."""
    return not re.search(
        r"(?i)epoch|loss|param|época|pérdida|perdida|^\s*\)?$|\w+\(.*[=\d].*\)|^\w+\($", line.text
    )
