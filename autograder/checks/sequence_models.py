"""Claims about models of sequences whose sizes a sheet leaves open: memory, gates, and better than counting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

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
from autograder.checks.language_models import loss_on, trained_in
from autograder.checks.networks import judge_modules
from autograder.checks.values import where
from autograder.golden import GoldenValue
from autograder.probes.evidence import Evidence
from autograder.probes.modules import Array, ModuleSeen
from autograder.probes.typed import typed_in
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey, EvidenceKey

TOLERANCE = 1e-5
"""Of the output's spread: what rounding may move. A hardly trained model hardly looks back."""
GATED = ("LSTM", "LSTMCell")
UNGATED = {
    "RNN": "a plain recurrent network",
    "RNNCell": "a plain recurrent network",
    "GRU": "a GRU",
    "GRUCell": "a GRU",
}


class OfSequenceModel(CheckParams):
    """A language model of the notebook, run on other tokens."""

    challenge: ChallengeKey


def _about(module: ModuleSeen) -> dict[str, Any]:
    return {"found": (Found(how="call", path=module.name),)}


def _scores(module: ModuleSeen, run_name: str) -> Array | None:
    """Return the scores of every position in a run: the first output with three axes."""
    run = module.run(run_name)
    outputs = module.outputs(run) if run is not None else []
    return next((array for _, array in outputs if array.ndim == 3), None)


def _moved(a: Array, b: Array, whole: Array) -> float:
    """Return the largest difference in units of the spread."""
    return float(np.abs(a - b).max()) / max(float(np.std(whole)), 1e-12)


def _axes_mixed(module: ModuleSeen) -> tuple[bool, bool] | None:
    """Return whether sequences, and whether places, depend on each other; None where that was not seen."""
    own, turned, mirrored = (_scores(module, name) for name in ("own", "turned", "mirrored"))
    if own is None or turned is None or mirrored is None:
        return None
    return (
        _moved(own, turned[::-1], own) > 10 * TOLERANCE,
        _moved(own, mirrored[:, ::-1], own) > 10 * TOLERANCE,
    )


class LooksBack(OfSequenceModel):
    """All tokens but the last are exchanged; the last scores have to move."""


@CHECKS.register(LooksBack)
def looks_back(evidence: Evidence, params: LooksBack, context: Context) -> Finding:
    """The scores of the next token depend on tokens before the last one."""

    def judge(module: ModuleSeen) -> Finding:
        own, past = _scores(module, "own"), _scores(module, "past")
        if own is None or past is None or own.shape != past.shape:
            return untried(f"`{module.name}` gives no scores for every position.")
        if not np.all(np.isfinite(own)):
            return failed(f"`{module.name}` returns numbers that are not finite.", **_about(module))
        if _axes_mixed(module) == (True, False):
            return untried(f"`{module.name}` reads tokens (T, B); whether it looks back was not tried.")
        about = _about(module) | {"expected": "scores that depend on earlier tokens"}
        if _moved(own[:, -1], past[:, -1], own) <= TOLERANCE:
            return failed(
                f"`{module.name}` forgets: with all tokens before the last exchanged, its last scores stay the same.",
                observed="equal scores",
                **about,
            )
        message = f"The scores of `{module.name}` depend on earlier tokens."
        return judged(1.0, message=message, observed="the last scores move", **about)

    return judge_modules(evidence, params.challenge, "the language model", judge)


class ReadsAlongWindows(OfSequenceModel):
    """The axis along which a model reads, beside that of the windows that it was trained on."""


@CHECKS.register(ReadsAlongWindows)
def reads_along_windows(evidence: Evidence, params: ReadsAlongWindows, context: Context) -> Finding:
    """The model reads along its windows, (B, T) or (T, B) as it was trained, and keeps the sequences of a batch apart."""
    losses = [one.settings for one in evidence.observations.training if one.kind == "loss"]
    trained = {key for key in ("next", "next_first") for one in losses if one.get(key)}

    def judge(module: ModuleSeen) -> Finding:
        mixed = _axes_mixed(module)
        if mixed is None:
            return untried(f"`{module.name}` gives no scores for every position.")
        about = _about(module) | {"expected": "sequences that are read by themselves"}
        if mixed == (True, True):
            message = (
                f"`{module.name}` mixes the sequences of a batch: in another order, their scores change."
            )
            return failed(message, observed="scores change with the order", **about)
        along = "next_first" if mixed[0] else "next"
        if any(mixed) and trained and along not in trained:
            said = (
                "(T, B), and its windows are (B, T): batch_first=True"
                if mixed[0]
                else "(B, T), and its windows are (T, B)"
            )
            message = f"`{module.name}` reads across the sequences of a batch: it takes tokens {said}."
            return failed(message, observed="the wrong axis", **about)
        if mixed[0] and not trained:
            return for_person(
                f"`{module.name}` reads tokens (T, B); a person looks how it is trained.", **about
            )
        return judged(1.0, message=f"`{module.name}` reads every sequence by itself.", **about)

    return judge_modules(evidence, params.challenge, "the language model", judge)


class RunsLstm(OfSequenceModel):
    """A network of long short-term memory."""


@CHECKS.register(RunsLstm)
def runs_lstm(evidence: Evidence, params: RunsLstm, context: Context) -> Finding:
    """The model is an LSTM: torch's own layer or cell, or gates that are written out."""

    def judge(module: ModuleSeen) -> Finding:
        kinds = [leaf.kind for leaf in module.structure.leaves]
        about = _about(module) | {"expected": "an LSTM"}
        if any(kind in GATED for kind in kinds):
            return judged(1.0, message=f"`{module.name}` is an LSTM.", observed="an LSTM", **about)
        other = next((UNGATED[kind] for kind in kinds if kind in UNGATED), "")
        if other:
            return failed(f"`{module.name}` is {other}, not an LSTM.", observed=other, **about)
        run = module.run("own")
        steps = [step.get("op") for step in run.trace] if run is not None else []
        if steps.count("sigmoid") >= 2 and "tanh" in steps:
            message = f"`{module.name}` has gates of its own."
            return judged(1.0, message=message, observed="sigmoids and tanh", **about)
        return for_person(f"`{module.name}` has no LSTM of torch's and no gates that could be seen.", **about)

    return judge_modules(evidence, params.challenge, "the LSTM", judge)


class BeatsCounting(CheckParams):
    """The perplexity of a trained model, beside that of a model that counts."""

    challenge: ChallengeKey
    """A trained language model; its own loss on the notebook's validation split counts."""
    evidence: EvidenceKey
    """The perplexity that is reported, where the model or the split was not found."""
    golden: str
    """Key of the perplexity to stay below."""
    baseline: str
    """What has that perplexity, in words."""


@CHECKS.register(BeatsCounting)
def beats_counting(evidence: Evidence, params: BeatsCounting, context: Context) -> Finding:
    """The trained model has a lower perplexity on held-out text than a model that counts."""
    most = _value(context.golden.value(params.golden))
    tree, name = trained_in(evidence, params.challenge)
    nll = loss_on(tree, "validation", "whole")
    if nll is None and (not evidence.has(params.evidence) or typed_in(evidence, params.evidence)):
        return untried("No trained model and no validation split were found that could be looked at again.")
    value = math.exp(nll) if nll is not None else evidence.number(params.evidence)
    found = (Found(how="call", path=name),) if nll is not None else where(evidence, params.evidence)
    about: dict[str, Any] = {
        "observed": number(value),
        "expected": f"below {number(most)}, of {params.baseline}",
        "found": found,
    }
    if value < most:
        return judged(1.0, message=f"The perplexity is below that of {params.baseline}.", **about)
    return failed(f"The perplexity is not below that of {params.baseline}.", **about)


def _value(stored: GoldenValue) -> float:
    return (
        stored.truth
        if stored.truth is not None
        else stored.replicates.mean
        if stored.replicates
        else math.nan
    )
