"""Claims about generated texts that a notebook keeps or prints, under the model that it trained."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    RandomCheckParams,
    failed,
    for_person,
    join,
    judged,
    number,
    untried,
)
from autograder.checks.language_models import prompt_of, trained_in
from autograder.checks.trees import Tree, branch, text, vector
from autograder.probes.evidence import Evidence
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey
from autograder.stats.generations import Follows, fits_law, kept_mass, kept_top, temperature_fits

NEAR_TIE = 1e-4
"""Difference of log-probabilities below which either token may be called the most probable one."""
MIN_APART, MAX_SHOWN = 120, 4000
"""Signs between two texts, and of the outputs that are searched for beginnings."""


@dataclass(frozen=True)
class Generation:
    """A text after the prompt: kept under a name, or printed alone (then the model's law is not known for it)."""

    path: str
    tokens: np.ndarray
    """The tokens after the prompt."""
    starts: bool
    """Whether what was kept begins with the prompt."""
    follows: Follows | None = None
    gaps: np.ndarray | None = None

    @property
    def n(self) -> int:
        """How many tokens follow the prompt."""
        return len(self.tokens)

    @property
    def is_greedy(self) -> bool:
        """Whether every token is a most probable one."""
        return self.gaps is not None and self.n > 0 and bool(np.all(self.gaps <= NEAR_TIE))


def generations_in(evidence: Evidence, key: str) -> list[Generation]:
    """Return the generated texts that a notebook keeps; those whose names say nothing only where no other is equal."""
    tree, _ = trained_in(evidence, key)
    texts = branch(tree, "texts")
    read = [_read(branch(texts, place)) for place in sorted(texts, key=lambda one: (len(str(one)), str(one)))]
    found: dict[Any, Generation] = {}
    for one in sorted(filter(None, read), key=lambda one: not any(_speaks(one.path, word) for word in WORDS)):
        is_named = any(_speaks(one.path, word) for word in WORDS)
        known = {other.tokens.tobytes() for other in found.values()}
        if is_named or one.tokens.tobytes() not in known:
            found[one.path] = one
    return list(found.values())


def _read(tree: Tree) -> Generation | None:
    tokens, lead = vector(tree, "tokens"), tree.get("lead")
    ranks, gaps = (vector(tree, name) for name in ("ranks", "gaps"))
    laws = tree.get("laws")
    if tokens is None or not isinstance(lead, int) or isinstance(lead, bool) or tree.get("starts") is None:
        return None
    drawn = tokens.reshape(-1)[lead:]
    rows = [one for one in (ranks, gaps) if one is not None and len(one) == len(drawn)]
    if len(rows) < 2 or not isinstance(laws, np.ndarray) or laws.ndim != 2 or len(laws) != len(drawn):
        return None
    if not np.all(np.isfinite(laws)) or np.any(rows[0] < 0) or np.any(rows[0] >= laws.shape[1]):
        return None
    follows = Follows(rows[0].astype(np.int64), laws.astype(np.float64))
    return Generation(text(tree, "path"), drawn, bool(tree["starts"]), follows, rows[1])


# ------------------------------------------------------------------ which text is which


WORDS = {
    "greedy": ("greedy", "argmax", "voraz", "glouton"),
    "top_k": ("top_k", "topk", "top-k", "k20", "_k"),
    "nucleus": ("nucleus", "top_p", "topp", "top-p", "núcleo", "nucleo", "noyau", "_p"),
}


def of_strategy(kept: Sequence[Generation], strategy: str) -> list[Generation]:
    """Return the texts of a strategy by their names; all that no name gives to another where none is named."""
    named = [one for one in kept if _speaks(one.path, strategy)]
    others = [name for name in WORDS if name != strategy]
    return named or [one for one in kept if not any(_speaks(one.path, other) for other in others)]


def _speaks(path: str, strategy: str) -> bool:
    lowered = path.casefold()
    return any(
        lowered.endswith(word) if word.startswith("_") else word in lowered for word in WORDS[strategy]
    )


def _no_text(evidence: Evidence) -> Finding:
    return untried("No generated text was kept that could be looked at under the trained model.")


def _about(one: Generation, expected: str) -> dict[str, Any]:
    return {"expected": expected, "found": (Found(how="name", path=one.path),)}


class OfText(RandomCheckParams):
    """The text of one strategy."""

    challenge: ChallengeKey


class TextIsGreedy(CheckParams):
    """The greedy text."""

    challenge: ChallengeKey


@CHECKS.register(TextIsGreedy)
def text_is_greedy(evidence: Evidence, params: TextIsGreedy, context: Context) -> Finding:
    """The greedy text is the most probable path of the trained model from the prompt."""
    kept = of_strategy(generations_in(evidence, params.challenge), "greedy")
    if not kept:
        return _no_text(evidence)

    def judge(one: Generation) -> Finding:
        about = _about(one, "the most probable token of the trained model, each time")
        wrong = 0 if one.gaps is None else int(np.sum(one.gaps > NEAR_TIE))
        about["observed"] = f"{one.n - wrong} of {one.n} tokens"
        if one.is_greedy:
            return judged(1.0, message=f"`{one.path}` is the most probable path of your model.", **about)
        return failed(f"`{one.path}`: {wrong} of its {one.n} tokens are not the most probable ones.", **about)

    return _best(kept, judge)


class TextIsFromTopK(OfText):
    """The text of top-k sampling."""

    k: int = Field(default=20, ge=1)
    temperature: float = Field(default=1.0, gt=0)


@CHECKS.register(TextIsFromTopK)
def text_is_from_top_k(evidence: Evidence, params: TextIsFromTopK, context: Context) -> Finding:
    """The text is drawn from the k most probable tokens of the trained model, at the sheet's temperature."""
    kept = of_strategy(generations_in(evidence, params.challenge), "top_k")
    what = f"draws from the {params.k} most probable tokens of the trained model"
    return (
        _best(kept, lambda one: _drawn(one, (kept_top(params.k),), what, params.temperature, context))
        if kept
        else _no_text(evidence)
    )


class TextIsFromNucleus(OfText):
    """The text of nucleus sampling."""

    p: float = Field(default=0.9, gt=0, le=1)
    temperature: float = Field(default=1.0, gt=0)


@CHECKS.register(TextIsFromNucleus)
def text_is_from_nucleus(evidence: Evidence, params: TextIsFromNucleus, context: Context) -> Finding:
    """The text is drawn from the most probable tokens of mass p, with or without the one that crosses p."""
    kept = of_strategy(generations_in(evidence, params.challenge), "nucleus")
    what = f"draws from the most probable tokens of mass {params.p:g} of the trained model"
    kinds = (kept_mass(params.p, True), kept_mass(params.p, False))
    return (
        _best(kept, lambda one: _drawn(one, kinds, what, params.temperature, context))
        if kept
        else _no_text(evidence)
    )


def _best(kept: Sequence[Generation], judge: Callable[[Generation], Finding]) -> Finding:
    return max((judge(one) for one in kept), key=lambda finding: finding.fraction)


def _drawn(one: Generation, kinds: Sequence[Any], what: str, temperature: float, context: Context) -> Finding:
    """Return whether a text is drawn from a law that is cut in one of some ways, at a temperature."""
    about = _about(one, what)
    follows = one.follows
    if follows is None or one.n < 20:
        return failed(f"`{one.path}` has {one.n} tokens: too few to see what they are drawn from.", **about)
    rate = context.rate / (2 * len(kinds))
    about["observed"] = f"ranks up to {int(follows.ranks.max()) + 1}"
    if one.is_greedy:
        return failed(f"`{one.path}` is the most probable path: nothing was drawn.", **about)
    outside = min(follows.n_outside(kind, temperature) for kind in kinds)
    if outside:
        return failed(f"`{one.path}`: {outside} of {one.n} tokens are not among those.", **about)
    inside = [kind for kind in kinds if not follows.n_outside(kind, temperature)]
    p_values = [
        min(fits_law(follows, kind, temperature), temperature_fits(follows, kind, temperature))
        for kind in inside
    ]
    if max(p_values) >= rate:
        return judged(1.0, message=f"`{one.path}` is made of {what}.", **about)
    kind = inside[int(np.argmax(p_values))]
    implied = follows.temperature(kind)
    if temperature_fits(follows, kind, implied) >= rate and abs(implied - temperature) > 0.1:
        said = f": it looks like temperature {number(implied, 2)}"
    else:
        said = ": some are drawn too often, some too seldom"
    return failed(f"`{one.path}` is not made of {what}{said}.", **about)


# ------------------------------------------------------------------ prompt, length, printing


class TextsStartFrom(CheckParams):
    """The prompt of the texts."""

    challenge: ChallengeKey
    n_texts: int = Field(default=3, ge=1)


@CHECKS.register(TextsStartFrom)
def texts_start_from_prompt(evidence: Evidence, params: TextsStartFrom, context: Context) -> Finding:
    """The texts go on from the beginning of the validation split, as they are kept or as they are printed."""
    tree, _ = trained_in(evidence, params.challenge)
    begins = prompt_of(tree)
    if begins is None:
        return untried("The validation split was not found, so that its beginning is not known.")
    kept = generations_in(evidence, params.challenge)
    n_kept = sum(one.starts for one in kept)
    prompt = _text_of(tree, begins)
    n_printed = _printed(evidence, context.item).count(_squeezed(prompt)) if prompt else 0
    n = max(n_kept, n_printed)
    about: dict[str, Any] = {
        "observed": f"{n} texts begin with it",
        "expected": f"the first {len(begins)} characters of the validation split, before each text",
    }
    if n == 0 and _named_prompt(evidence, prompt):
        return judged(1.0, message="The prompt is the beginning of the validation split.", **about)
    share = min(1.0, n / params.n_texts)
    if share == 1.0:
        return judged(1.0, message="Every text goes on from the beginning of the validation split.", **about)
    return judged(
        share,
        message=f"{n} of {params.n_texts} texts go on from the beginning of the validation split.",
        **about,
    )


def _named_prompt(evidence: Evidence, prompt: str) -> bool:
    """Whether the notebook holds the prompt itself as a text (texts that are kept without it begin elsewhere)."""
    held = [leaf.value for leaf in evidence.observations.leaves if isinstance(leaf.value, str)]
    return bool(prompt) and prompt in held


class TextsHaveLength(CheckParams):
    """How many tokens were generated."""

    challenge: ChallengeKey
    n: int = Field(default=200, ge=1)
    n_texts: int = Field(default=3, ge=1)


@CHECKS.register(TextsHaveLength)
def texts_have_length(evidence: Evidence, params: TextsHaveLength, context: Context) -> Finding:
    """Each text has as many new tokens as the sheet says; those that are printed alone have at least as many signs."""
    kept = generations_in(evidence, params.challenge)
    lengths = [one.n for one in kept] or _printed_lengths(evidence, params.challenge, context.item)
    expected = f"{params.n} tokens after the prompt"
    if not lengths:
        return untried("No generated text was found whose length could be seen.")
    is_right = [n == params.n if kept else n >= params.n for n in lengths]
    about: dict[str, Any] = {
        "observed": f"{join([str(n) for n in lengths[:4]])} tokens",
        "expected": expected,
    }
    if sum(is_right) >= params.n_texts:
        return judged(1.0, message=f"Each text has {params.n} new tokens.", **about)
    share = min(1.0, sum(is_right) / params.n_texts)
    return judged(
        share, message=f"{sum(is_right)} of {params.n_texts} texts have {params.n} new tokens.", **about
    )


def _printed_lengths(evidence: Evidence, key: str, item: str) -> list[int]:
    """Return how many signs are printed after each printed prompt, up to the next one.

    Where the prompt is printed otherwise than as it is (as `repr`), blanks and line ends are not counted.
    """
    tree, _ = trained_in(evidence, key)
    begins = prompt_of(tree)
    prompt = _text_of(tree, begins) if begins is not None else ""
    if not prompt:
        return []
    plain = [len(part) for part in _printed_text(evidence, item).split(prompt)[1:]]
    return plain or [len(part) for part in _printed(evidence, item).split(_squeezed(prompt))[1:]]


class TextsArePrinted(CheckParams):
    """The texts among the outputs."""

    challenge: ChallengeKey
    n_texts: int = Field(default=3, ge=1)
    n_signs: int = Field(default=40, ge=1)
    """Signs of a text after the prompt that must be seen (texts may be cut short where they are shown)."""


@CHECKS.register(TextsArePrinted)
def texts_are_printed(evidence: Evidence, params: TextsArePrinted, context: Context) -> Finding:
    """All texts are shown among the outputs."""
    tree, _ = trained_in(evidence, params.challenge)
    shown = _printed(evidence, context.item)
    kept = generations_in(evidence, params.challenge)
    parts = [_text_of(tree, one.tokens[: params.n_signs]) for one in kept]
    n = sum(bool(part) and _squeezed(part) in shown for part in parts)
    if not kept:
        n = sum(size >= params.n_signs for size in _printed_lengths(evidence, params.challenge, context.item))
    if not kept and not n:
        n = _repeats(shown, params.n_signs)
    about: dict[str, Any] = {
        "observed": f"{n} texts",
        "expected": f"{params.n_texts} texts among the outputs",
    }
    if n >= params.n_texts:
        return judged(1.0, message="The texts are shown.", **about)
    if n and not kept:
        return for_person(
            f"{n} of {params.n_texts} texts were recognised among the outputs; a person looks for the others.",
            **about,
        )
    return judged(n / params.n_texts, message=f"{n} of {params.n_texts} texts are shown.", **about)


def _repeats(shown: str, n_signs: int) -> int:
    """Return how often one beginning is printed, with many signs between: the prompt of texts that are not known."""
    most = 0
    for at in range(0, min(len(shown), MAX_SHOWN) - n_signs, 7):
        part = shown[at : at + n_signs]
        places = [match.start() for match in re.finditer(re.escape(part), shown)]
        most = max(most, 1 + sum(b - a > MIN_APART for a, b in pairwise(places)))
    return most if most > 1 else 0


def _text_of(tree: Tree, tokens: Any) -> str:
    """Return tokens as characters; nothing where the table of the notebook is not known."""
    letters = text(tree, "vocabulary")
    numbers = [int(token) for token in np.asarray(tokens).reshape(-1)]
    return (
        "".join(letters[n] for n in numbers)
        if letters and all(0 <= n < len(letters) for n in numbers)
        else ""
    )


def _printed_text(evidence: Evidence, item: str) -> str:
    """Return what an item's cells printed, else what the notebook printed."""
    return "".join(cell.printed for cell in evidence.cells_of(item)) or "".join(
        cell.printed for cell in evidence.cells
    )


def _printed(evidence: Evidence, item: str) -> str:
    """Return the same without blanks and line ends."""
    return _squeezed(_printed_text(evidence, item))


def _squeezed(shown: str) -> str:
    """Return a text as it can be compared however it was shown: `repr` and line breaks change blanks only."""
    return re.sub(r"\\n|\s", "", shown).replace("\\'", "'")
