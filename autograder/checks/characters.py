"""Claims about tokenisers of characters: that texts come back, and that what is not in the vocabulary is not lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.calls import successes, unanswered
from autograder.checks.findings import CheckParams, Context, Finding, failed, judged
from autograder.checks.trees import Tree, branch, text, tree_of, vector
from autograder.probes.evidence import Evidence
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey

SHOWN = 40


class OfCharacters(CheckParams):
    """The functions that turn texts into tokens and back."""

    challenge: ChallengeKey


def _best(evidence: Evidence, key: str, judge: Callable[[str, Tree], Finding]) -> Finding:
    called = evidence.called[key]
    found = [judge(answer.function, tree_of(answer)) for answer, _ in successes(called)]
    if not found:
        return unanswered(called, "turning a text into tokens and back")
    return max(found, key=lambda one: one.fraction)


def _about(name: str, expected: str) -> dict[str, Any]:
    return {"expected": expected, "found": (Found(how="call", path=name),)}


def _cases(tree: Tree) -> list[Tree]:
    texts = branch(tree, "texts")
    return [branch(texts, place) for place in sorted(texts, key=str)]


class CharactersComeBack(OfCharacters):
    """Texts that are encoded and decoded."""


@CHECKS.register(CharactersComeBack)
def characters_come_back(evidence: Evidence, params: CharactersComeBack, context: Context) -> Finding:
    """A text that is turned into tokens, one for each character, comes back from them as it was."""

    def judge(name: str, tree: Tree) -> Finding:
        cases = _cases(tree)
        wrong = [case for case in cases if text(case, "back") != text(case, "text")]
        about = _about(name, "the same text") | {
            "observed": f"{len(cases) - len(wrong)} of {len(cases)} texts came back"
        }
        if wrong or not cases:
            shown = text(wrong[0], "back")[:SHOWN] if wrong else ""
            return failed(f"What `{name}` encodes does not come back: {shown!r} came back.", **about)
        counts = [tokens.size for case in cases if (tokens := vector(case, "tokens")) is not None]
        if counts != [len(text(case, "text")) for case in cases]:
            return failed(
                f"`{name}` gives {counts[0]} tokens for {len(text(cases[0], 'text'))} characters; tokens are characters.",
                **about,
            )
        return judged(1.0, message=f"What `{name}` encodes comes back as it was.", **about)

    return _best(evidence, params.challenge, judge)


class UnknownCharactersAreKeptApart(OfCharacters):
    """A character that is not in the vocabulary."""


@CHECKS.register(UnknownCharactersAreKeptApart)
def unknown_characters_are_kept_apart(
    evidence: Evidence, params: UnknownCharactersAreKeptApart, context: Context
) -> Finding:
    """A character that has no token is refused with a message of its own, or gets a token that no other has."""

    def judge(name: str, tree: Tree) -> Finding:
        seen = branch(tree, "unknown")
        new = text(seen, "character")
        about = _about(name, "an error that says what is wrong, or a token of its own")
        tokens, error = vector(seen, "tokens"), text(seen, "error")
        if tokens is None:
            about["observed"] = error[:80]
            if not error or seen.get("is_bare"):
                return failed(
                    f"`{name}` was not made for {new!r}: it stops with the bare KeyError of a table.", **about
                )
            return judged(1.0, message=f"`{name}` refuses {new!r} with a message.", **about)
        n, known = len(text(seen, "text")), vector(tree, "known")
        about["observed"] = f"{tokens.size} tokens for {n} characters"
        if tokens.size < n:
            return failed(f"`{name}` leaves {new!r} out without a word.", **about)
        if text(seen, "back") == text(seen, "text"):
            return judged(1.0, message=f"`{name}` has tokens for {new!r} too.", **about)
        at = text(seen, "text").index(new)
        if known is not None and tokens.size == n and np.any(known == tokens.reshape(-1)[at]):
            return failed(f"`{name}` gives {new!r} the token of another character.", **about)
        return judged(1.0, message=f"`{name}` gives {new!r} a token of its own.", **about)

    return _best(evidence, params.challenge, judge)
