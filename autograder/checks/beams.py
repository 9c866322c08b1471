"""Claims about beam searches that were run on a language model whose likeliest path is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder.checks.calls import successes, unanswered
from autograder.checks.decoding import Decoding, best_of_functions
from autograder.checks.findings import CheckParams, Context, Finding, failed, judged, untried
from autograder.checks.trees import branch, tree_of, vector
from autograder.probes.evidence import Evidence
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey
from autograder.stats.beams import MISTAKES, Tokens, beam_search, likeliest_path, log_prob_of, mistaken_paths


class OfBeam(CheckParams):
    """A beam search."""

    challenge: ChallengeKey


class Search:
    """A case of a beam search: what was asked, and what one function gave."""

    def __init__(self, one: Decoding, ids: np.ndarray, values: Mapping[str, Any]) -> None:
        self.name = f"`{one.function}`"
        self.logits = np.asarray(values["table"], dtype=np.float64)
        self.log_probs = self.logits - np.log(np.exp(self.logits).sum(axis=1, keepdims=True))
        self.start, self.n = int(values["prompt"][-1]), int(values["n"])
        self.width = int(one.used("width", 0))
        """0 where the function fixes it."""
        self.path = _path(one, ids, self.n)
        self.is_short = one.generated is None or len(one.generated) < self.n
        self.about: dict[str, Any] = {"found": (Found(how="call", path=one.function),)}

    def score(self, path: Tokens) -> str:
        """The log-probability of a path, as it is shown."""
        return f"{log_prob_of(path, self.start, self.log_probs):.2f}"


def _path(one: Decoding, ids: np.ndarray, n: int) -> Tokens | None:
    """The new tokens as places in the table; None where they are others, or fewer."""
    if one.generated is None or len(one.generated) < n:
        return None
    place = {int(token): at for at, token in enumerate(ids)}
    found = [place.get(int(token)) for token in one.generated[:n]]
    return tuple(at for at in found if at is not None) if None not in found else None


def _worst(evidence: Evidence, key: str, judge: Callable[[Search], Finding]) -> Finding:
    """The best function's worst case; of the conventions of one case, the best."""
    called = evidence.called[key]
    by_function: dict[str, list[Finding]] = {}
    for answer, values in successes(called):
        tree = tree_of(answer)
        ids, size = vector(tree, "ids"), tree.get("vocab_size")
        tries = [branch(tree, name) for name in sorted(map(str, tree)) if name.startswith("try_")]
        if ids is None or not isinstance(size, int) or len(ids) != len(values["table"]):
            continue
        searches = [Search(Decoding(answer.function, values, one, size), ids, values) for one in tries if one]
        findings = [judge(one) for one in searches if one.path is not None]
        if findings:
            by_function.setdefault(answer.function, []).append(max(findings, key=lambda one: one.fraction))
        elif tries:
            is_short = all(one.is_short for one in searches)
            what = (
                "does not give as many tokens as it was asked for"
                if is_short
                else "chooses tokens that the model rules out"
            )
            message = f"`{answer.function}` {what}."
            by_function.setdefault(answer.function, []).append(failed(message))
    if not by_function:
        return unanswered(called, "beam search")
    return best_of_functions(called, by_function)


class FindsLikeliestPath(OfBeam):
    """A beam that is wide enough."""


@CHECKS.register(FindsLikeliestPath)
def finds_likeliest_path(evidence: Evidence, params: FindsLikeliestPath, context: Context) -> Finding:
    """On a model on which the greedy path is not the likeliest, the beam finds the likeliest one."""

    def judge(one: Search) -> Finding:
        best = likeliest_path(one.log_probs, one.start, one.n)
        assert one.path is not None
        about = one.about | {
            "observed": f"log-probability {one.score(one.path)}",
            "expected": f"log-probability {one.score(best)}",
        }
        if one.path == best:
            return judged(1.0, message=f"{one.name} finds the likeliest path, which greedy misses.", **about)
        return failed(f"{one.name} does not find the likeliest path{_mistake(one)}.", **about)

    return _worst(evidence, params.challenge, judge)


def _mistake(one: Search) -> str:
    """Return which usual mistake gives the path: `: it adds up logits; ...`, or nothing."""
    known = mistaken_paths(one.log_probs, one.logits, one.start, one.n, one.width or 3)
    return next((f": {MISTAKES[key]}" for key, path in known.items() if path == one.path), "")


class KeepsBeamWidth(OfBeam):
    """A beam of a width that matters."""


@CHECKS.register(KeepsBeamWidth)
def keeps_beam_width(evidence: Evidence, params: KeepsBeamWidth, context: Context) -> Finding:
    """A beam of another width finds what that width finds: as many beginnings are kept as are asked for."""

    def judge(one: Search) -> Finding:
        if not one.width:
            return untried(f"{one.name} takes no width of the beam.")
        meant = beam_search(one.log_probs, one.start, one.n, one.width).path
        assert one.path is not None
        about = one.about | {
            "observed": f"log-probability {one.score(one.path)}",
            "expected": f"log-probability {one.score(meant)}",
        }
        if one.path == meant:
            return judged(1.0, message=f"{one.name} keeps {one.width} beginnings, as asked.", **about)
        others = [w for w in range(1, 13) if w != one.width]
        kept = next(
            (w for w in others if beam_search(one.log_probs, one.start, one.n, w).path == one.path), None
        )
        said = f": what it finds is what a width of {kept} finds" if kept else _mistake(one)
        return failed(f"{one.name} does not keep {one.width} beginnings{said}.", **about)

    return _worst(evidence, params.challenge, judge)
