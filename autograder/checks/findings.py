"""What a check says: the finding, the context it is made in, and the base of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from autograder.golden import Golden
from autograder.probes.observations import Answer
from autograder.records import Found, Picture, Status
from autograder.template_cells import NO_TEMPLATE, TemplateCells


class CheckParams(BaseModel):
    """Base of the parameters of checks."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    is_random: ClassVar[bool] = False
    """Whether a correct notebook can fail by chance; such checks share the part's false-fail rate."""
    needs_work: ClassVar[bool] = False
    """Whether the check says nothing of a notebook that computes nothing (a template, printed constants)."""


class FormCheckParams(CheckParams):
    """Base of the parameters of checks of the form: they count only beside work of the student's own."""

    needs_work: ClassVar[bool] = True


class RandomCheckParams(CheckParams):
    """Base of the parameters of checks that test a random quantity."""

    is_random: ClassVar[bool] = True


@dataclass(frozen=True)
class Context:
    """What a check knows beside the evidence."""

    item: str
    rate: float
    """This check's share of the part's false-fail rate."""
    golden: Golden
    has_work: bool = True
    """Whether the student computed anything: an array, a figure, a function that answers."""
    template: TemplateCells = NO_TEMPLATE


@dataclass(frozen=True)
class Finding:
    """What one check found. `untried` gives its points to the check's twin."""

    status: Status
    fraction: float
    observed: str = ""
    expected: str = ""
    message: str = ""
    pictures: tuple[Picture, ...] = ()
    found: tuple[Found, ...] = ()
    answer: str = ""
    untried: bool = False
    missing: bool = False
    """Whether it failed because nothing was there; no other item's mistake excuses that."""
    undecided: bool = False
    """Whether values of the right kind are there, none of which agrees with the rest: another item's mistake may
    be why."""
    notes: tuple[str, ...] = field(default=())
    """Which accepted variant was recognised: sentences for the report."""
    proposed: float | None = None
    """For a person: the fraction that is proposed, where there is one."""


class MissingEvidence(LookupError):
    """Raised by a check that finds neither its evidence nor what could stand for it; names the evidence key."""

    def __init__(self, key: str):
        super().__init__(key)
        self.key = key


def judged(fraction: float, **about: Any) -> Finding:
    """Return a finding that passed by `fraction`, or failed when that is 0."""
    fraction = min(1.0, max(0.0, fraction))
    return Finding(Status.PASSED if fraction > 0 else Status.FAILED, fraction, **about)


def failed(message: str, **about: Any) -> Finding:
    """Return a finding that the evidence contradicts the claim."""
    return Finding(Status.FAILED, 0.0, message=message, **about)


def untried(message: str) -> Finding:
    """Return a finding that this style of notebook gives nothing to try the claim on."""
    return Finding(Status.BLOCKED, 0.0, message=message, untried=True)


def for_person(message: str, **about: Any) -> Finding:
    """Return a finding that a person decides."""
    return Finding(Status.REVIEW, 0.0, message=message, **about)


def join(parts: Sequence[str]) -> str:
    """Return words as in a sentence: `a`, `a and b`, `a, b and c`."""
    listed = list(parts)
    if len(listed) < 2:
        return "".join(listed)
    return f"{', '.join(listed[:-1])} and {listed[-1]}"


def describe(answer: Answer) -> str:
    """Return what became of a call, as a sentence."""
    name = f"`{answer.function}`" if answer.function else "the function"
    sentences = {
        "error": f"{name} stopped with {answer.error or 'an error'} when it was called on other inputs",
        "time_limit": f"{name} took too long on other inputs",
        "bad_output": f"{name} returned nothing that can be read as a result",
        "not_callable": f"{name} could not be called: {answer.error}",
        "missing": "no function was found to call",
    }
    return sentences.get(answer.status, f"{name} returned a result")


def number(value: float, digits: int = 4) -> str:
    """Return a number as a person reads it: four significant digits.

    >>> number(0.081586), number(10288.06), number(3.0)
    ('0.08159', '10288', '3')
    """
    if value != value:
        return "not a number"
    if abs(value) >= 10**digits:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"
