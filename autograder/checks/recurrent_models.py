"""Claims about recurrent language models, by their output under canonical weights and by what they remember."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from autograder.checks.architecture import by_formula
from autograder.checks.behaviours import OfModule, about_module, pair_of, shifts_of
from autograder.checks.findings import Context, Finding, failed, judged, untried
from autograder.checks.networks import judge_modules
from autograder.probes.evidence import Evidence
from autograder.probes.modules import Array, ModuleSeen
from autograder.registry import CHECKS
from autograder.stats.readings import Reading, Trial
from autograder.stats.recurrent_models import recurrent_reading

TOLERANCE = 1e-4


class MatchesElman(OfModule):
    """A recurrent language model, compared by its output."""

    n_layer: int = Field(default=1, ge=1)


@CHECKS.register(MatchesElman)
def matches_elman(evidence: Evidence, params: MatchesElman, context: Context) -> Finding:
    """The language model is an Elman network: under canonical weights its output equals the unrolled formula's."""
    what = "the Elman network" if params.n_layer == 1 else f"an Elman network of {params.n_layer} layers"

    def judge(module: ModuleSeen) -> Finding:
        def read(runs: list[tuple[Array, list[Array], int]]) -> Reading:
            trials = [
                Trial(tokens, _scores(outputs, tokens), module.fill(filling))
                for tokens, outputs, filling in runs
            ]
            vocab_size = trials[0].output.shape[-1]
            shapes = [tensor.shape for tensor in module.structure.tensors]
            return recurrent_reading(trials, vocab_size, shapes, params.n_layer)

        return by_formula(module, read, what)

    return judge_modules(evidence, params.challenge, "the recurrent language model", judge)


def _scores(outputs: list[Array], tokens: Array) -> Array:
    """Return the first output with a row for every token, as (B, T, V); states may be returned beside it."""
    for output in outputs:
        if output.ndim in (2, 3) and output.size == tokens.size * output.shape[-1]:
            return output.reshape(*tokens.shape, output.shape[-1])
    raise ValueError("no output has scores for every token")


class LearnsThroughTime(OfModule):
    """The gradient of the last token's scores, at the first token."""


@CHECKS.register(LearnsThroughTime)
def learns_through_time(evidence: Evidence, params: LearnsThroughTime, context: Context) -> Finding:
    """Training reaches back: what the last token's scores lack moves the weights that read the first token."""

    def judge(module: ModuleSeen) -> Finding:
        run = module.run("gradients")
        if run is None or run.first is None or not _remembers(module):
            return untried(f"How far back the training of `{module.name}` reaches was not seen.")
        about = about_module(module) | {"expected": "a gradient at the first token"}
        if run.first == 0.0:
            return failed(
                f"The scores of `{module.name}` depend on earlier tokens, but their gradient does not reach those: the "
                "state is cut off (`detach`, `.data` or `no_grad`) on the way.",
                observed="no gradient at the first token",
                **about,
            )
        return judged(1.0, message=f"The gradient goes back through all states of `{module.name}`.", **about)

    return judge_modules(evidence, params.challenge, "the recurrent language model", judge)


class RemembersTokens(OfModule):
    """The last scores for the same last token after other tokens."""


@CHECKS.register(RemembersTokens)
def remembers_tokens(evidence: Evidence, params: RemembersTokens, context: Context) -> Finding:
    """Scores depend on the tokens before: one repeated token is scored otherwise as the state moves on."""

    def judge(module: ModuleSeen) -> Finding:
        remembers = _remembers(module)
        if remembers is None:
            return untried(f"`{module.name}` gives no scores for every position.")
        if not remembers:
            return failed(
                f"`{module.name}` remembers nothing: the same token is scored alike whatever came before.",
                observed="equal scores",
                expected="scores that depend on the tokens before",
                **about_module(module),
            )
        return judged(1.0, message=f"`{module.name}` remembers earlier tokens.", **about_module(module))

    return judge_modules(evidence, params.challenge, "the recurrent language model", judge)


def _remembers(module: ModuleSeen) -> bool | None:
    """Return whether a repeated token is scored otherwise each time; None where that was not seen."""
    pair = pair_of(module, "own", "one_token")
    run = module.run("one_token")
    outputs = [array for _, array in module.outputs(run) if array.ndim == 3] if run is not None else []
    if pair is None or not outputs or outputs[0].shape[1] < 2:
        return None
    spread = max(float(np.std(outputs[0])), 1e-12)
    moves = float(np.ptp(outputs[0], axis=1).max()) / spread > TOLERANCE
    return moves and bool(shifts_of(*pair).max() > TOLERANCE)
