"""Calls of training steps on small networks of ours, read: what moved, and by which loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from autograder.checks.calls import successes, unanswered
from autograder.checks.findings import CheckParams, Finding, untried
from autograder.checks.trees import Tree, branch, items, text, tree_of, vector
from autograder.probes.evidence import Evidence
from autograder.records import Found
from autograder.rubric.model import ChallengeKey
from autograder.stats.updates import (
    DiscriminatorFit,
    GeneratorFit,
    LanguageFit,
    fit_discriminator,
    fit_generator,
    fit_language,
    language_gradients,
)

Array = np.ndarray
SAME = 1e-5
MAX_ROWS = 256


@dataclass(frozen=True)
class Attempt:
    """One function's two calls on networks that give logits, or probabilities."""

    function: str
    values: Mapping[str, Any]
    tree: Tree
    second_networks: bool = False

    @property
    def on_probabilities(self) -> bool:
        """Whether the discriminator gave probabilities."""
        return text(self.tree, "wears").startswith("sigmoid")

    def events(self, which: str = "first") -> list[Tree]:
        """The events of a call, in order."""
        return items(self.tree, which)

    def steps(self, of: str, which: str = "first") -> list[int]:
        """Positions of the steps of an optimizer."""
        return [at for at, one in enumerate(self.events(which)) if is_of(one, "step", of)]


def is_of(event: Tree, kind: str, of: str) -> bool:
    """Whether an event is of a kind and of a network."""
    return text(event, "event") == kind and text(event, "of") == of


def attempts_in(evidence: Evidence, challenge: str) -> list[Attempt]:
    """Return every function's calls, under each convention that it accepts."""
    found = []
    for answer, values in successes(evidence.called[challenge]):
        tree = tree_of(answer)
        found += [Attempt(answer.function, values, branch(tree, key)) for key in sorted(tree, key=str)]
    return [one for one in found if one.tree]


class StepCheck(CheckParams):
    """A training step of an adversarial pair."""

    challenge: ChallengeKey
    family: Literal["any", "cross_entropy", "wasserstein"] = "any"
    """Whose losses are meant in a notebook that trains by both: functions that move by the other's are left out, and of
    several that move the same networks the best counts, since one may go wrong on purpose."""


OWN = {"discriminator": (True, False), "critic": (True, False), "generator": (False, True)}
"""Which of the two networks is moved by a function that makes the step of one."""


def best_of_functions(
    evidence: Evidence, params: StepCheck, what: str, judge: Callable[[Attempt], Finding | None]
) -> Finding:
    """Return the worst finding of the functions, each by its likeliest attempt.

    Where a family is meant: of functions that move the same networks the best counts; and of one network's update
    speaks the function that moves no other, where there is one.
    """
    attempts = likeliest_attempts(evidence, params.challenge)
    if params.family == "any":
        found = [finding for one in attempts if (finding := judge(one)) is not None]
        if not found:
            return _nothing_found(evidence, params, what, bool(attempts))
        return min(found, key=lambda one: one.fraction)
    known = [one for one in attempts if params.family in families_of(one)]
    unknown = [one for one in attempts if not families_of(one)]
    names = {name.casefold() for name in evidence.part.challenges[params.challenge].names}
    # What bears the very name is meant, whatever it moves by.
    named = [one for one in attempts if one.function.rpartition(".")[2].casefold() in names]
    for meant in (known, unknown, named):
        best: dict[tuple[bool, ...], Finding] = {}
        for one in meant:
            moved = tuple(bool(one.steps(network)) for network in ("discriminator", "generator"))
            finding = judge(one)
            if finding is not None and (moved not in best or finding.fraction > best[moved].fraction):
                best[moved] = finding
        if (own := OWN.get(str(getattr(params, "of", "")))) in best:
            return best[own]
        if best:
            return min(best.values(), key=lambda one: one.fraction)
    return _nothing_found(evidence, params, what, bool(attempts))


def _nothing_found(evidence: Evidence, params: StepCheck, what: str, has_attempts: bool) -> Finding:
    if has_attempts:
        return untried(f"The function that was found makes no {what}.")
    return unanswered(evidence.called[params.challenge], what)


def likeliest_attempts(evidence: Evidence, challenge: str) -> list[Attempt]:
    """Return the likeliest attempt of every function.

    A convention that the function does not mean runs too, and gives updates that belong to no loss, or to one by about:
    where logits hardly differ, any smooth function of them is nearly a straight line.
    """
    attempts = attempts_in(evidence, challenge)
    names = dict.fromkeys(one.function for one in attempts)
    return [max((one for one in attempts if one.function == name), key=_explained) for name in names]


def families_of(attempt: Attempt) -> set[str]:
    """Return the families of losses that the networks of an attempt moved by."""
    words = [fit.family for _, fit in discriminator_fits(attempt) if fit is not None]
    words += [fit.kind for _, fit in generator_fits(attempt) if fit is not None]
    known = {"bce": "cross_entropy", "wasserstein": "wasserstein", "least_squares": ""}
    return {known.get(word, "cross_entropy") for word in words} - {""}


def _explained(attempt: Attempt) -> tuple[int, float]:
    """How many steps of an attempt are the gradient of a loss that we know, and how well, larger being better."""
    if "real" not in attempt.values:
        return sum(fit is not None for fit in language_fits(attempt, None)), 0.0
    fits = [fit for _, fit in (*discriminator_fits(attempt), *generator_fits(attempt)) if fit is not None]
    return len(fits), -max((fit.misfit for fit in fits), default=0.0)


# ------------------------------------------------------------------ reading a call


def _batches(attempt: Attempt, events: list[Tree]) -> list[tuple[Array, bool]]:
    """Return the images that the discriminator was shown, and whether they are the real ones; mixed ones apart."""
    real = np.asarray(attempt.values["real"], dtype=float)
    known = np.concatenate([real, 2 * real - 1])  # a step may bring images from [0, 1] to [-1, 1] itself
    found: list[tuple[Array, bool]] = []
    for event in events:
        images = vector(event, "images") if text(event, "event") == "discriminator" else None
        if images is None or images.ndim != 2 or images.shape[1] != real.shape[1] or len(images) > MAX_ROWS:
            continue
        is_real = np.array([bool(np.any(np.all(np.abs(known - row) < 1e-4, axis=1))) for row in images])
        parts = [(images[is_real == kind], kind) for kind in (True, False)]
        found += [part for part in parts if len(part[0])]
    distinct: list[tuple[Array, bool]] = []
    for images, kind in found:
        if not any(
            kind == other and images.shape == x.shape and np.allclose(images, x) for x, other in distinct
        ):
            distinct.append((images, kind))
    return distinct


def sized(attempt: Attempt, event: Tree, what: str, of: str) -> Array | None:
    """Return the recorded vector of a network, where it has the network's length."""
    n = np.shape(attempt.values["real"])[1]
    found = vector(event, f"{what}_{of}")
    return (
        found
        if found is not None and found.shape == ({"discriminator": n + 1, "generator": 3 * n}[of],)
        else None
    )


def discriminator_fits(
    attempt: Attempt, which: str = "first"
) -> Iterator[tuple[int, DiscriminatorFit | None]]:
    """Yield position and loss of every step of the discriminator."""
    events = attempt.events(which)
    for at in attempt.steps("discriminator", which):
        gradient = sized(attempt, events[at], "gradient", "discriminator")
        before = sized(attempt, events[at], "before", "discriminator")
        is_whole = gradient is not None and before is not None
        batches = _batches(attempt, events[:at])
        yield at, fit_discriminator(gradient, before, batches) if is_whole else None  # type: ignore[arg-type]


def generator_fits(attempt: Attempt, which: str = "first") -> Iterator[tuple[int, GeneratorFit | None]]:
    """Yield position and loss of every step of the generator."""
    events = attempt.events(which)
    for at in attempt.steps("generator", which):
        gradient = sized(attempt, events[at], "gradient", "generator")
        before = sized(attempt, events[at], "before", "generator")
        passes = [vector(one, "noise") for one in events[:at] if text(one, "event") == "generator"]
        noises = [
            z for z in passes if z is not None and z.ndim == 2 and z.shape[1] == 2 and 0 < len(z) <= MAX_ROWS
        ][::-1]
        states = [sized(attempt, one, "before", "discriminator") for one in events[: at + 1]]
        distinct = {w.tobytes(): w for w in states if w is not None}
        weights = list(distinct.values())[::-1]
        is_whole = gradient is not None and before is not None
        yield at, fit_generator(gradient, before, noises, weights) if is_whole else None  # type: ignore[arg-type]


def about_step(attempt: Attempt, expected: str) -> dict[str, Any]:
    """What findings on an attempt have in common."""
    return {"expected": expected, "found": (Found(how="call", path=attempt.function),)}


def notes_of(attempt: Attempt) -> tuple[str, ...]:
    """Return what has to be said beside a finding."""
    if attempt.on_probabilities:
        return (f"`{attempt.function}` expects a discriminator that gives probabilities, not logits.",)
    return ()


def language_fits(attempt: Attempt, max_norm: float | None) -> list[LanguageFit | None]:
    """Return the loss of every step of a language model."""
    values, events = attempt.values, attempt.events()
    size = attempt.tree.get("vocab_size")
    if not isinstance(size, int) or not 10 <= size <= 2000 or "inputs" not in values:
        return []
    truths = language_gradients(values["inputs"], values["targets"], values["phase"], values["gain"], size)
    n_rows, length = np.shape(values["inputs"])
    found: list[LanguageFit | None] = []
    for at in attempt.steps("model"):
        g = vector(events[at], "gradient_model")
        is_whole = g is not None and g.shape == (size**2,)
        found.append(
            fit_language(g, truths, n_rows * length, n_rows, max_norm) if g is not None and is_whole else None
        )
    return found
