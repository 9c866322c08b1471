"""Claims about a language model as the notebook trained it: its text, its splits, its targets and its loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from autograder.checks.bands import BandSpec
from autograder.checks.curves import CurveInBands, curve_in_bands, curve_of
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
from autograder.checks.networks import absent_model, modules_in
from autograder.checks.training import seen_in
from autograder.checks.trees import Tree, branch, text, tree_of, vector
from autograder.checks.values import where
from autograder.probes.evidence import Evidence
from autograder.probes.training import TrainingSeen
from autograder.probes.typed import typed_in
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey, EvidenceKey

SAME_LOSS = 2e-3
"""Difference in nats up to which two losses of one model on one text are the same: sums in another order."""
OVERLAP = 1.5
"""How often every token is trained on in an epoch, at least, where windows overlap."""
N_SPREADS = 5.0
"""Means over windows that were drawn at random lie within so many standard errors of the mean over all."""


def trained_in(evidence: Evidence, key: str) -> tuple[Tree, str]:
    """Return what the trained model that was found says, and its name; an empty tree when none was found."""
    for answer in evidence.called[key].answers:
        tree = tree_of(answer) if answer.status == "ok" else {}
        if branch(tree, "losses") or text(tree, "vocabulary"):
            return tree, answer.function
    return {}, ""


def loss_on(tree: Tree, role: str, reading: str) -> float | None:
    """Return a mean loss of the trained model, in nats per token; None when it was not computed."""
    value = branch(tree, "losses", role).get(reading)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def size_of(tree: Tree, role: str) -> int:
    """Return how many tokens a split has; 0 when it was not found."""
    value = branch(tree, "splits", role).get("n")
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


# ------------------------------------------------------------------ text


class VocabularyHolds(CheckParams):
    """The characters that the tokens stand for."""

    challenge: ChallengeKey
    letters: str
    """Characters that must be among the tokens, such as the newline."""


@CHECKS.register(VocabularyHolds)
def vocabulary_holds(evidence: Evidence, params: VocabularyHolds, context: Context) -> Finding:
    """Tokens are characters, and those that are easily lost are among them."""
    tree, name = trained_in(evidence, params.challenge)
    if not name:
        return untried("No trained model was found whose tokens could be looked at.")
    letters = text(tree, "vocabulary")
    about: dict[str, Any] = {
        "observed": f"{len(letters)} characters" if letters else "no table of characters",
        "expected": f"characters, among them {params.letters!r}",
    }
    if not letters:
        return failed("No table of single characters was found: the tokens are something else.", **about)
    lacks = [letter for letter in params.letters if letter not in letters]
    if not lacks:
        return judged(1.0, message=f"The tokens are {len(letters)} characters.", **about)
    return failed(
        f"These characters have no token: {''.join(lacks)!r}. Tokens are the characters of the text as it is.",
        **about,
    )


class SplitsAre(CheckParams):
    """Lengths of the training and of the validation split."""

    challenge: ChallengeKey
    train: float = Field(gt=0, lt=1)
    """Share of the text."""
    validation: float = Field(gt=0, lt=1)


@CHECKS.register(SplitsAre)
def splits_are(evidence: Evidence, params: SplitsAre, context: Context) -> Finding:
    """Training and validation split are as long, compared with each other, as the sheet says."""
    tree, _ = trained_in(evidence, params.challenge)
    n_train, n_validation = size_of(tree, "train"), size_of(tree, "validation")
    if not n_train or not n_validation:
        return untried("The tokens of the training and the validation split were not found.")
    wanted = n_train * params.validation / params.train
    paths = [text(branch(tree, "splits", role), "path") for role in ("train", "validation")]
    about: dict[str, Any] = {
        "observed": f"{n_train:,} tokens for training, {n_validation:,} for validation",
        "expected": f"{100 * params.train:g} : {100 * params.validation:g}",
        "found": tuple(Found(how="name", path=path) for path in paths),
    }
    if abs(n_validation - wanted) <= 2 + 1e-3 * wanted:
        return judged(1.0, message="The splits have the lengths of the sheet.", **about)
    return failed(
        f"The training split is {n_train / n_validation:.1f} times as long as the validation split; "
        f"the sheet's is {params.train / params.validation:g} times as long.",
        **about,
    )


# ------------------------------------------------------------------ training


class TrainsOnNextToken(CheckParams):
    """What the model is to predict."""

    challenge_model: ChallengeKey | None = None
    """A challenge of the model that is meant, where a notebook trains several: without it, nothing was trained."""


@CHECKS.register(TrainsOnNextToken)
def trains_on_next_token(evidence: Evidence, params: TrainsOnNextToken, context: Context) -> Finding:
    """In training, the targets are the inputs one token further on."""
    losses = [one for one in seen_in(evidence, context.item, "loss") if _n(one.settings, "batches")]
    counts = {
        key: sum(_n(one.settings, key) for one in losses)
        for key in ("next", "next_first", "same", "previous", "batches")
    }
    counts["next"] += counts["next_first"]  # batches of tokens (T, B)
    expected = "targets one token after the inputs"
    if (
        params.challenge_model is not None
        and (absent := absent_model(evidence, params.challenge_model, expected)) is not None
    ):
        return absent
    if not any("next" in one.settings for one in losses):
        return untried("Inputs and targets of training could not be seen together.")
    about = {"observed": f"{counts['next']} batches of {counts['batches']}", "expected": expected}
    if counts["next"] and (other := _other_tokens(evidence, params.challenge_model, losses)):
        return failed(other, **about)
    if counts["next"]:
        return judged(1.0, message="The model learns to predict the next token.", **about)
    if counts["same"]:
        return failed("The targets are the inputs themselves: they are not shifted.", **about)
    if counts["previous"]:
        return failed("The targets are the tokens before the inputs: the shift goes the wrong way.", **about)
    return failed("The targets are not the inputs one token further on.", **about)


def _other_tokens(evidence: Evidence, key: ChallengeKey | None, losses: Sequence[TrainingSeen]) -> str:
    """Return what to say of a model that was trained on the tokens of a much smaller vocabulary than its own, or ""."""
    modules = modules_in(evidence, key) if key is not None else []
    largest = max((_n(one.settings, "largest") for one in losses), default=0)
    sizes = [
        outputs[0][1].shape[-1]
        for module in modules
        if (run := module.run("own")) is not None and (outputs := module.outputs(run))
    ]
    if not sizes or not largest or OTHER_TOKENS * (largest + 1) > min(sizes):
        return ""
    return (
        f"The model knows {min(sizes):,} tokens and was trained on the first {largest + 1:,} alone: they are those of "
        "another vocabulary."
    )


OTHER_TOKENS = 3
"""So many times as large as what it was trained on, a vocabulary is another one: rare pieces are not all seen."""


def _n(settings: Mapping[str, Any], key: str) -> int:
    value = settings.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


class TrainsOnSplit(CheckParams):
    """The text that training goes through."""

    challenge: ChallengeKey
    context_length: int = Field(default=128, ge=2)
    epochs: int = Field(default=3, ge=1)


@CHECKS.register(TrainsOnSplit)
def trains_on_split(evidence: Evidence, params: TrainsOnSplit, context: Context) -> Finding:
    """An epoch has the windows of the training split, not those of another split or of two of them."""
    tree, _ = trained_in(evidence, params.challenge)
    n_train, n_validation = size_of(tree, "train"), size_of(tree, "validation")
    trained = sum(_n(one.settings, "trained") for one in seen_in(evidence, context.item, "loss"))
    if not n_train or not n_validation or not trained:
        return untried("How many tokens were trained on could not be seen.")
    size = params.context_length
    n_windows = trained / size / params.epochs
    texts = {
        "the training split": n_train,
        "the training and the validation split": n_train + n_validation,
        "the whole text": n_train + 2 * n_validation,
        "a split as short as the validation split": n_validation,
    }
    about: dict[str, Any] = {
        "observed": f"{number(n_windows)} windows an epoch",
        "expected": f"{(n_train - 1) // size} windows side by side of the {n_train:,} tokens for training",
    }
    fits = [name for name, n in texts.items() if abs(n_windows - (n - 1) / size) <= 1]
    if fits and texts[fits[0]] != n_train:
        return failed(f"An epoch goes through {fits[0]}, not through the training split.", **about)
    message = (
        "An epoch goes through the training split."
        if fits
        else "An epoch is as long as no other split: its windows overlap, are drawn at random, or are fewer."
    )
    return judged(1.0, message=message, **about)


# ------------------------------------------------------------------ losses


class ReportsItsLoss(CheckParams):
    """A number that is said of the final model."""

    challenge: ChallengeKey
    evidence: EvidenceKey
    """A number, or a curve whose last value counts."""
    is_perplexity: bool = False
    label: str


@CHECKS.register(ReportsItsLoss)
def reports_its_loss(evidence: Evidence, params: ReportsItsLoss, context: Context) -> Finding:
    """What is reported at the end is the loss, or the perplexity, of the trained model on the validation split."""
    tree, name = trained_in(evidence, params.challenge)
    truth = loss_on(tree, "validation", "whole")
    if truth is None:
        return untried("No trained model and no validation split were found that could be looked at again.")
    value = float(curve_of(evidence, params.evidence)[-1])
    shown = math.exp if params.is_perplexity else float
    about: dict[str, Any] = {
        "observed": number(value),
        "expected": f"{number(shown(truth))} of `{name}`",
        "found": where(evidence, params.evidence),
    }
    if typed_in(evidence, params.evidence):
        return failed(f"The {params.label} is written out in the notebook; nothing computes it.", **about)
    if params.is_perplexity and not value > 0:
        return failed(f"A perplexity of {number(value)} cannot be.", **about)
    nll = math.log(value) if params.is_perplexity else value
    rounding = evidence.bound[params.evidence].rounding / (value if params.is_perplexity else 1.0)
    readings = [
        one
        for key in ("whole", "chunks", "batches", "sliding")
        if (one := loss_on(tree, "validation", key)) is not None
    ]
    if any(abs(nll - one) <= SAME_LOSS + rounding for one in readings):
        return judged(1.0, message=f"The {params.label} is that of your trained model.", **about)
    return _another(tree, nll, value, params, about)


def _another(tree: Tree, nll: float, value: float, params: ReportsItsLoss, about: dict[str, Any]) -> Finding:
    """Return what another number is: of the training split, near enough to windows drawn at random, or neither."""
    others = [loss_on(tree, "train", key) for key in ("whole", "chunks", "batches")]
    if any(one is not None and abs(nll - one) <= SAME_LOSS for one in others):
        return failed(
            f"The {params.label} is that of your trained model on the training split, not on the validation split.",
            **about,
        )
    truth, spread = loss_on(tree, "validation", "whole"), loss_on(tree, "validation", "spread")
    assert truth is not None
    if params.is_perplexity and any(abs(value - one) <= 5e-3 * one for one in (truth, 2.0**truth)):
        what = "2 to the power of the loss" if abs(value - 2.0**truth) < abs(value - truth) else "the loss"
        return failed(f"The {params.label} is {what}, not exp of it.", **about)
    if spread is not None and abs(nll - truth) <= N_SPREADS * spread / 8.0:
        return for_person(
            f"The {params.label} is near that of your trained model, but not the same; windows that were drawn at random "
            "would give that.",
            **about,
        )
    return failed(f"The {params.label} is not that of your trained model on the validation split.", **about)


Range = Annotated[list[float], Field(min_length=2, max_length=2)]
"""Least and largest value."""


class Embedding(BaseModel):
    """How tokens enter a model, with bands of its own: what the sheet leaves open."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    """In words that the report shows."""
    sd: Range
    """Between what the standard deviation of its weights lies after the training."""
    factor: Range = [0.5, 2.0]
    """Between what lies what its weights are multiplied by."""
    is_tied: bool = False
    """Whether the head has its weights."""
    first: list[BandSpec] = Field(default_factory=list)
    last: list[BandSpec] = Field(min_length=1)

    def is_that_of(self, tree: Tree) -> bool:
        """Whether a trained model takes its tokens in like this."""
        seen = branch(tree, "embedding")
        sd, factor = seen.get("sd"), seen.get("factor")
        if not isinstance(sd, float) or not isinstance(factor, float):
            return False
        within = self.sd[0] <= sd <= self.sd[1] and self.factor[0] <= factor <= self.factor[1]
        return within and seen.get("is_tied") is self.is_tied


class LossInBands(CurveInBands):
    """A curve of a language model, whose level depends on how its windows lie and how its tokens enter."""

    challenge: ChallengeKey
    embeddings: list[Embedding] = Field(default_factory=list)
    """Embeddings with levels of their own; the bands speak for any other."""


@CHECKS.register(LossInBands)
def loss_in_bands(evidence: Evidence, params: LossInBands, context: Context) -> Finding:
    """A curve lies where correct trainings lie; where windows overlap, epochs are longer and it may lie lower.

    How fast a model learns in few epochs depends on what the sheet leaves open: how its embedding is drawn and scaled,
    whether it is tied to the head. The model that was seen says which replicates speak for it. A curve that falls beside
    them is looked at by a person: what is wrong with its training is found by the checks of that.
    """
    tree, _ = trained_in(evidence, params.challenge)
    embedding = next((one for one in params.embeddings if one.is_that_of(tree)), None)
    if embedding is not None:
        params = params.model_copy(update={"first": embedding.first, "last": embedding.last})
    finding: Finding = curve_in_bands(evidence, params, context)
    if embedding is not None:
        note = f"Your model has {embedding.name}; its losses are compared with those of such models."
        finding = replace(finding, notes=(*finding.notes, note))
    values = curve_of(evidence, params.evidence)
    if finding.fraction == 1.0 or not len(values) or typed_in(evidence, params.evidence):
        return finding
    n_train = size_of(tree, "train")
    losses = [one for one in evidence.observations.training if one.kind == "loss"]
    trained = sum(_n(one.settings, "trained") for one in losses)
    if not n_train or trained < OVERLAP * n_train * len(values):
        return _unless_it_learns(tree, values, finding)
    most = max(spec.band(context, n_sharing=2).high for spec in params.last)
    if not 0 < values[-1] <= most or values[-1] > values[0]:
        return finding
    return judged(
        1.0,
        observed=finding.observed,
        expected=f"at most {number(most)} in the last epoch",
        message=f"Your {params.label} falls further than with windows side by side, as it should.",
        found=finding.found,
        notes=("Your windows overlap: every token is trained on several times an epoch; that is accepted.",),
    )


def _unless_it_learns(tree: Tree, values: np.ndarray, finding: Finding) -> Finding:
    """Return the finding, or leave it to a person where a model that was seen learns at another pace."""
    if not branch(tree, "losses", "validation") or not np.all(np.diff(values) < 0):
        return finding
    return for_person(
        f"{finding.message} It falls, though, and the trained model is there. An embedding that is drawn or scaled "
        "otherwise than by default, or tied to the head, changes how fast a model learns, and is accepted: a person "
        "looks.",
        observed=finding.observed,
        expected=finding.expected,
        found=finding.found,
        pictures=finding.pictures,
        notes=finding.notes,
    )


def prompt_of(tree: Tree) -> np.ndarray | None:
    """Return the tokens that the validation split begins with; None when it was not found."""
    return vector(branch(tree, "splits", "validation"), "begins")
