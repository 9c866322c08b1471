"""Claims about subword tokenisers: that texts come back, how many pieces there are, and that they are subwords."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.calls import successes, unanswered
from autograder.checks.findings import CheckParams, Context, Finding, failed, judged, untried
from autograder.checks.trees import Tree, items, text, tree_of
from autograder.probes.evidence import Evidence
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey

SPACE = "▁"
"""What SentencePiece writes for a blank."""
SPECIAL = ("<unk>", "<s>", "</s>", "<pad>")


class OfTokeniser(CheckParams):
    """A tokeniser of the notebook, given texts of ours."""

    challenge: ChallengeKey


def _best(evidence: Evidence, key: str, judge: Callable[[str, Tree, list[str]], Finding]) -> Finding:
    """Return the best finding on the tokenisers that may be meant; a table of characters is none."""
    called = evidence.called[key]
    seen = [
        (answer.function, tree_of(answer), [str(one) for one in values["texts"]])
        for answer, values in successes(called)
    ]
    found = [judge(*one) for one in seen if text(one[1], "pieces") or not _are_characters(*one[1:])]
    if seen and not found:
        return failed(
            f"Nothing that cuts texts into subwords was found: `{seen[0][0]}` gives a token for each character.",
            observed="characters",
            expected="subwords",
            missing=True,
        )
    if not found:
        return unanswered(called, "encoding and decoding a text")
    tried = [one for one in found if not one.untried]
    return max(tried or found, key=lambda one: one.fraction)


def _n_tokens(tree: Tree) -> list[int]:
    tokens = [one.get("tokens") for one in items(tree, "cases")]
    return [one.size if isinstance(one, np.ndarray) else 0 for one in tokens]


def _are_characters(tree: Tree, texts: list[str]) -> bool:
    return sum(_n_tokens(tree)) >= 0.9 * sum(map(len, texts))


def _about(name: str) -> dict[str, Any]:
    return {"found": (Found(how="call", path=name),)}


class RoundTrips(OfTokeniser):
    """Texts that are encoded and decoded."""


@CHECKS.register(RoundTrips)
def round_trips(evidence: Evidence, params: RoundTrips, context: Context) -> Finding:
    """A text that is encoded and decoded comes back as it was, blanks at its ends aside."""

    def judge(name: str, tree: Tree, texts: list[str]) -> Finding:
        expected = "the same texts"
        decoded = [text(case, "decoded") for case in items(tree, "cases")]
        right = sum(" ".join(a.split()) == " ".join(b.split()) for a, b in zip(decoded, texts, strict=False))
        if len(decoded) == len(texts) == right:
            return judged(
                1.0,
                observed=f"{right} texts came back",
                expected=expected,
                message=f"`{name}` gives back every text that it has encoded.",
                **_about(name),
            )
        wrong = next((a for a, b in zip(decoded, texts, strict=False) if a.split() != b.split()), "nothing")
        return failed(
            f"`{name}` does not give back what it has encoded: {wrong[:80]!r} came back.",
            observed=f"{right} of {len(texts)} texts came back",
            expected=expected,
            **_about(name),
        )

    return _best(evidence, params.challenge, judge)


class VocabularySizeIs(OfTokeniser):
    """How many pieces a tokeniser has."""

    sizes: list[int] = Field(min_length=1)
    """The sheet's number, or [least, most] where `is_range`."""
    is_range: bool = False


@CHECKS.register(VocabularySizeIs)
def vocabulary_size_is(evidence: Evidence, params: VocabularySizeIs, context: Context) -> Finding:
    """The tokeniser has as many pieces as it should, and every token is one of them."""
    low, high = min(params.sizes), max(params.sizes)
    expected = (
        f"{low:,} to {high:,} pieces" if params.is_range else " or ".join(f"{n:,}" for n in params.sizes)
    )

    def judge(name: str, tree: Tree, texts: list[str]) -> Finding:
        size = tree.get("vocab_size")
        if not isinstance(size, int):
            return untried(f"`{name}` does not say how many pieces it has.")
        about = {"observed": f"{size:,} pieces", "expected": expected, **_about(name)}
        tokens = [one.get("tokens") for one in items(tree, "cases")]
        beyond = [
            t for t in tokens if isinstance(t, np.ndarray) and t.size and (t.min() < 0 or t.max() >= size)
        ]
        if beyond:
            return failed(f"`{name}` gives tokens beyond its own {size:,} pieces.", **about)
        if low <= size <= high if params.is_range else size in params.sizes:
            return judged(1.0, message=f"`{name}` has {size:,} pieces.", **about)
        return failed(f"`{name}` has {size:,} pieces.", **about)

    return _best(evidence, params.challenge, judge)


class PiecesAreSubwords(OfTokeniser):
    """What the pieces are."""


@CHECKS.register(PiecesAreSubwords)
def pieces_are_subwords(evidence: Evidence, params: PiecesAreSubwords, context: Context) -> Finding:
    """Pieces lie between characters and words: a text has fewer tokens than characters, and a new word is several."""

    def judge(name: str, tree: Tree, texts: list[str]) -> Finding:
        counts = _n_tokens(tree)
        n_tokens, n_letters = sum(counts), sum(map(len, texts))
        n_words = sum(len(one.split()) for one in texts)
        pieces = [one for one in text(tree, "pieces").split("\n") if one and one not in SPECIAL]
        longer = sum(len(one.strip(SPACE)) > 1 for one in pieces)
        about = {
            "observed": f"{n_tokens} tokens for {n_words} words of {n_letters} characters"
            + (f"; {longer} of {len(pieces)} pieces have two letters or more" if pieces else ""),
            "expected": "more tokens than words, fewer than characters",
            **_about(name),
        }
        if not n_tokens or len(counts) < len(texts):
            return untried(f"`{name}` gave no tokens.")
        if _are_characters(tree, texts):
            return failed(f"The tokens of `{name}` are characters.", **about)
        if n_tokens <= n_words:
            return failed(
                f"The tokens of `{name}` are words: words that it never saw are one token.", **about
            )
        if pieces and not longer:
            return failed(f"No piece of `{name}` has more than one letter.", **about)
        return judged(1.0, message=f"The pieces of `{name}` lie between characters and words.", **about)

    return _best(evidence, params.challenge, judge)
