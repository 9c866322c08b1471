"""Claims about likelihoods as losses: that one is a closed form, that it was trained with, and that a decoder fits it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from autograder.checks.autoencoders import cells_for, models_in
from autograder.checks.calls import successes, unanswered
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    failed,
    for_person,
    judged,
    number,
    untried,
)
from autograder.checks.trees import items, numbers, text, tree_of
from autograder.probes.evidence import Called, Evidence
from autograder.probes.notebooks import parse_code
from autograder.probes.training import TrainingSeen
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey
from autograder.stats.likelihoods import (
    BERNOULLI,
    RIGHT,
    Likelihood,
    Reading,
    explain_likelihood,
    likelihood_sums,
    readings,
)

KINDS = {
    "bce": "of independent Bernoulli variables given by their probabilities (binary cross-entropy)",
    "bce_with_logits": "of independent Bernoulli variables given by their logits (binary cross-entropy)",
    "mse": "of an isotropic Gaussian of fixed variance (a scaled squared error)",
    "mse_of_sigmoid": "of an isotropic Gaussian of fixed variance about sigmoid(theta) (a scaled squared error)",
    "gaussian": "of a Gaussian whose decoder gives mean and log variance",
    "l1": "of a Laplace distribution of fixed scale (a scaled absolute error)",
}
MISTAKES = {
    "bce_half": "it is only −x·log p; the term −(1 − x)·log(1 − p) is missing",
    "bce_other_half": "it is only −(1 − x)·log(1 − p); the term −x·log p is missing",
    "bce_sign": "its two terms have different signs; the probability of a dimension is p^x (1 − p)^(1 − x)",
    "bce_exchanged": "data and parameters are exchanged",
    "norm": "it is the length of the difference, not its square",
    "gaussian_no_term": "the term log σ² is missing, so that the largest variance would be best",
    "gaussian_sign": "the term log σ² has the wrong sign",
    "gaussian_twice": "the term log σ² counts twice beside (x − μ)² / (2σ²)",
    "gaussian_multiplied": "the squared error is multiplied by the variance, where it has to be divided",
}
REDUCTIONS = {
    "batch_mean": "summed over dimensions and averaged over the batch",
    "sum": "summed over dimensions and the batch",
    "element_mean": "averaged over dimensions and the batch",
    "pixel_mean": "averaged over dimensions and summed over the batch",
}
CONSTANTS = {
    "full": "with its constant",
    "without_two_pi": "with a constant that lacks log 2π",
    "without_two": "with a constant that lacks log 2",
}
LOSSES = {
    "binary_cross_entropy": ("bce",),
    "binary_cross_entropy_with_logits": ("bce_with_logits",),
    "mse_loss": ("mse", "mse_of_sigmoid"),
    "l1_loss": ("l1",),
}
"""Losses of torch and the likelihoods that they are."""


UNDERFLOW = 1e-30


class Tried(NamedTuple):
    """One function that may be the likelihood, and what it is."""

    name: str
    explained: Likelihood | None
    sizes: tuple[int, int]
    is_constant: bool = False
    """Whether it gave the same number for all data."""

    @property
    def rank(self) -> int:
        """0 for a negative log-likelihood, 1 for a positive one, 2 for a known mistake, 3 for anything else."""
        found = self.explained
        if found is None:
            return 3
        return 2 if found.kind not in RIGHT else 0 if found.a > 0 else 1


class OfLikelihood(CheckParams):
    """The student's negative log-likelihood."""

    challenge: ChallengeKey
    challenge_binary: ChallengeKey | None = None
    """The same question with data of zeros and ones alone: the better answer counts."""
    items: list[str] = Field(min_length=1)
    """Whose cells define it and train with it."""

    @property
    def asked(self) -> list[str]:
        """The challenges."""
        return [self.challenge] if self.challenge_binary is None else [self.challenge, self.challenge_binary]


def likelihoods_in(evidence: Evidence, params: OfLikelihood) -> list[Tried]:
    """Return what the function that is meant was explained as, the best way to call it first.

    That is one of an accepted name that the cells of the items use outside all definitions; else the one of the name that
    the rubric puts first. Functions whose names only hold words are looked at where none has an accepted name.
    """
    tried = [one for key in params.asked for one in _tried(evidence.called[key])]
    names = [name.casefold() for name in evidence.called[params.challenge].spec.names]
    meant = [one for one in tried if _place(one.name, names) < len(names)] or tried
    used = [one for one in meant if is_used(one.name, tried, evidence, params.items)]
    if not used and meant:
        first = min((one.name for one in meant), key=lambda name: _place(name, names))
        used = [one for one in meant if one.name == first]
    return sorted(used, key=lambda one: one.rank)


def _place(name: str, names: list[str]) -> int:
    return names.index(name.casefold()) if name.casefold() in names else len(names)


def _tried(called: Called) -> Iterable[Tried]:
    values: dict[tuple[str, str], dict[Any, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for answer, _ in successes(called):
        for call in items(tree_of(answer), "calls"):
            way = (answer.function, f"{text(call, 'bound')} {text(call, 'form')}")
            found = list(numbers(call.get("value")))
            for place, value in found:
                values[way][place][answer.case] = value
            if len(found) > 1:  # one number an example
                values[way]["together"][answer.case] = sum(value for _, value in found)
    if not called.cases:
        return
    cases = list(called.cases)
    sums = [likelihood_sums(c["reconstruction"], c["target"], c["log_var"]) for c in called.cases.values()]
    n, n_dimensions = np.shape(called.cases[cases[0]]["target"])
    for (name, _), places in values.items():
        for numbers_of in places.values():
            if all(case in numbers_of for case in cases):
                given = [numbers_of[case] for case in cases]
                is_constant = max(given) - min(given) <= UNDERFLOW
                yield Tried(name, explain_likelihood(given, sums), (n, n_dimensions), is_constant)


def is_used(name: str, tried: Iterable[Tried], evidence: Evidence, wanted: Sequence[str]) -> bool:
    """Return whether a function, a class or a method is named in the cells of some items, outside the definitions of all."""
    cells = cells_for(evidence, wanted)
    own = {word for one in tried for word in one.name.split(".")}
    words = set(name.split("."))
    for cell in cells:
        tree = parse_code(cell.source) if cell.kind == "code" else None
        for node in ast.walk(_without_definitions(tree, own)) if tree is not None else ():
            if (isinstance(node, ast.Name) and node.id in words) or (
                isinstance(node, ast.Attribute) and node.attr in words
            ):
                return True
    return False


def _without_definitions(tree: ast.Module, words: set[str]) -> ast.Module:
    kinds = (ast.FunctionDef, ast.ClassDef)
    kept = [node for node in tree.body if not (isinstance(node, kinds) and node.name in words)]
    return ast.Module(kept, [])


class IsLikelihood(OfLikelihood):
    """The student's negative log-likelihood on fixed tensors."""


@CHECKS.register(IsLikelihood)
def is_likelihood(evidence: Evidence, params: IsLikelihood, context: Context) -> Finding:
    """Called on fixed tensors, the loss is the negative logarithm of a density, up to a factor; which one is named."""
    tried = likelihoods_in(evidence, params)
    expected = "the closed form of a Gaussian, a Bernoulli or a Laplace distribution"
    if not tried:
        every = [unanswered(evidence.called[key], "the negative log-likelihood") for key in params.asked]
        broken = [finding for finding in every if not finding.untried]
        return broken[0] if broken else _by_training(evidence, params, expected)
    best = tried[0]
    name, found = f"`{best.name}`", best.explained
    about: dict[str, Any] = {"expected": expected, "found": (Found(how="call", path=best.name),)}
    if best.is_constant:
        message = f"{name} gives the same number for all data: a product of many probabilities underflows."
        return failed(message, observed="one number", **about)
    if found is None:
        message = f"{name}, called on other tensors, gives none of the closed forms that we know; a person looks at it."
        return for_person(message, observed="another value", **about)
    if found.kind not in RIGHT:
        what = MISTAKES[found.kind.removesuffix(" of logits")]
        return failed(f"{name} is no negative log-likelihood: {what}.", observed=what, **about)
    if found.a < 0:
        message = f"{name} is the log-likelihood {KINDS[found.kind]}, not its negative: minimising it makes it worse."
        return failed(message, observed="the log-likelihood itself", **about)
    return _named(name, found, readings(found, *best.sizes), about)


def _by_training(evidence: Evidence, params: OfLikelihood, expected: str) -> Finding:
    """Return what the training says where no function was written: which of torch's losses it used, if it did."""
    inside = {cell.index for cell in cells_for(evidence, params.items)}
    seen = [one for one in evidence.observations.training if one.cell in inside]
    shown = sorted({one.name for one in seen if one.kind == "loss"} & set(LOSSES))
    about: dict[str, Any] = {"expected": expected, "observed": ", ".join(shown)}
    if shown:
        what = KINDS[LOSSES[shown[0]][0]]
        return judged(1.0, message=f"`{shown[0]}` is the negative log-likelihood {what}.", **about)
    if any(one.kind == "step" for one in seen):
        message = "The loss is written out where the network is trained; a person looks which it is."
        return for_person(message, expected=expected)
    return failed("No negative log-likelihood was found.", expected=expected, missing=True)


def _named(name: str, found: Likelihood, read: list[Reading], about: dict[str, Any]) -> Finding:
    what = f"the negative log-likelihood {KINDS[found.kind]}"
    if not read:
        said = f"{name} is {what}, but its constant ({number(found.c)}) is none that the density gives."
        return judged(0.75, observed=f"{what}, with another constant", message=said, **about)
    reduction, variance, constant = read[0]
    said = REDUCTIONS.get(reduction, f"{number(found.a)} times the sum")
    said += f", {'b' if found.kind == 'l1' else 'σ²'} = {number(variance)}" if variance else ""
    said += f", {CONSTANTS[constant]}" if constant in CONSTANTS else ""
    notes = (f"{name} is {what}: {said}; that is accepted.",)
    return judged(1.0, observed=f"{what}: {said}", message=f"{name} is {what}: {said}.", notes=notes, **about)


# ---------------------------------------------------------------------- trained with


class TrainsWithLikelihood(OfLikelihood):
    """The loss of the training in some items."""


@CHECKS.register(TrainsWithLikelihood)
def trains_with_likelihood(evidence: Evidence, params: TrainsWithLikelihood, context: Context) -> Finding:
    """The network is trained with the negative log-likelihood that was written, or with torch's own loss of that kind."""
    cells = cells_for(evidence, params.items)
    inside = {cell.index for cell in cells}
    tried = likelihoods_in(evidence, params)
    steps = [one for one in evidence.observations.training if one.kind == "step" and one.cell in inside]
    expected = "a training with the negative log-likelihood"
    if not steps:
        cause = next((cause for item in params.items if (cause := evidence.failure_in(item))), "")
        message = f"No training was seen in Part 2{': ' + cause if cause else ''}."
        return failed(message, observed="none", expected=expected, missing=True)
    used = {one.name for one in evidence.observations.training if one.kind == "loss" and one.cell in inside}
    about: dict[str, Any] = {"expected": expected}
    if tried and (least := _beyond_its_bound(tried[0], steps)) is not None:
        message = (
            f"The training goes down to {number(least)}, which `{tried[0].name}` cannot give for data in [0, 1]: no number "
            "beyond them has a probability under a Bernoulli distribution."
        )
        return failed(message, observed=number(least), **about)
    for one in tried:
        if is_used(one.name, tried, evidence, params.items):
            return judged(1.0, observed=f"`{one.name}`", message=f"The training uses `{one.name}`.", **about)
    kinds = {kind for name in used for kind in LOSSES.get(name, ())}
    written = {one.explained.kind for one in tried if one.explained is not None}
    if kinds & written or (kinds and not tried):
        shown = ", ".join(sorted(used & set(LOSSES)))
        return judged(1.0, observed=shown, message=f"The training uses {shown}.", **about)
    if kinds:
        shown = ", ".join(sorted(used & set(LOSSES)))
        message = f"Part 2 is trained with {shown}, not with `{tried[0].name}`."
        return failed(message, observed=shown, **about)
    return for_person(
        "Part 2 is trained with a loss that is written out in place; a person looks which it is.", **about
    )


def _beyond_its_bound(one: Tried, steps: Sequence[TrainingSeen]) -> float | None:
    """Return a mean loss of the last updates that no data in [0, 1] have under a Bernoulli distribution, or None."""
    found = one.explained
    if found is None or found.kind not in BERNOULLI or found.a <= 0:
        return None
    ends = [float(np.mean(last)) for step in steps if (last := step.settings.get("last"))]
    least = min(ends, default=found.c)
    return least if least < found.c - BELOW * found.a else None


BELOW = 1.0
"""In nats of a whole batch: what rounding cannot make of a loss of 0."""


class OutputFitsLikelihood(OfLikelihood):
    """What the trained decoder gives, beside what its loss takes."""

    challenge_autoencoder: ChallengeKey


@CHECKS.register(OutputFitsLikelihood)
def output_fits_likelihood(evidence: Evidence, params: OutputFitsLikelihood, context: Context) -> Finding:
    """The decoder gives the parameters that its loss takes: probabilities in [0, 1], logits beyond, any mean."""
    tried = [one for one in likelihoods_in(evidence, params) if one.explained is not None]
    models = models_in(evidence, params.challenge_autoencoder, params.items)
    if not tried or not models:
        return untried("The decoder and its loss could not be tried together.")
    name, kind = tried[0].name, tried[0].explained.kind if tried[0].explained else ""
    y = models[0].decoded
    low, high = float(y.min()), float(y.max())
    about: dict[str, Any] = {
        "observed": f"{number(low)} to {number(high)}",
        "expected": {"bce": "probabilities in [0, 1]", "bce_with_logits": "logits"}.get(kind, "means"),
        "found": (Found(how="call", path=models[0].name),),
    }
    is_unit = low >= 0 and high <= 1
    if kind == "bce" and not is_unit:
        return failed(f"`{name}` takes probabilities, and the decoder gives numbers beyond [0, 1].", **about)
    if kind == "bce_with_logits" and is_unit:
        message = (
            f"`{name}` takes logits, and the decoder gives numbers in [0, 1]: the sigmoid is applied twice."
        )
        return failed(message, **about)
    given = "parameters" if kind in BERNOULLI else "means"
    return judged(1.0, message=f"The decoder gives the {given} that `{name}` takes.", **about)
