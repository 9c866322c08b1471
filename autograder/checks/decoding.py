"""Claims about decoders that were run on a language model whose next-token law is known."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.calls import successes, unanswered
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    RandomCheckParams,
    failed,
    for_person,
    judged,
    number,
    untried,
)
from autograder.checks.trees import Tree, branch, text, tree_of, vector
from autograder.probes.evidence import Called, Evidence
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey
from autograder.stats.decoding import (
    g_test,
    law_in,
    law_of_ranks,
    nucleus_sizes,
    ranks_of,
    temperature_of,
    truncated,
)

Array = np.ndarray
MIN_DRAWS = 20


@dataclass(frozen=True)
class Decoding:
    """What one decoder gave under one convention of the model's output."""

    function: str
    values: Mapping[str, Any]
    tree: Tree
    vocab_size: int

    @functools.cached_property
    def prompt(self) -> Array:
        """The tokens that it was given."""
        found = vector(self.tree, "prompt")
        return np.zeros(0, dtype=np.int64) if found is None else found.astype(np.int64).reshape(-1)

    @functools.cached_property
    def tokens(self) -> Array | None:
        """The tokens that it returned, with or without the prompt; None when they could not be read."""
        found = vector(self.tree, "tokens")
        return None if found is None else found.astype(np.int64).reshape(-1)

    @property
    def keeps_prompt(self) -> bool:
        """Whether what it returned begins with the prompt."""
        n = len(self.prompt)
        return self.tokens is not None and np.array_equal(self.tokens[:n], self.prompt)

    @functools.cached_property
    def generated(self) -> Array | None:
        """The tokens after the prompt."""
        if self.tokens is None:
            return None
        return self.tokens[len(self.prompt) :] if self.keeps_prompt else self.tokens

    @functools.cached_property
    def ranks(self) -> Array | None:
        """The rank of every generated token after its predecessor; of tokens drawn by themselves, after the prompt."""
        drawn = vector(self.tree, "drawn")
        if drawn is not None and len(self.prompt):
            return self._ranks(drawn.astype(np.int64).reshape(-1), self.prompt[-1])
        if self.generated is None or not len(self.generated) or not len(self.prompt):
            return None
        before = np.concatenate([self.prompt[-1:], self.generated[:-1]])
        return self._ranks(self.generated, before)

    def _ranks(self, tokens: Array, previous: Any) -> Array | None:
        if np.any(tokens < 0) or np.any(tokens >= self.vocab_size):
            return None
        v = self.values
        return ranks_of(tokens, previous, self.vocab_size, v["a"], v["b"], v["c"])

    @functools.cached_property
    def law(self) -> Array | None:
        """The law by rank that a function of logits returned."""
        values = self.tree.get("law")
        if not isinstance(values, np.ndarray) or values.size != self.vocab_size or not len(self.prompt):
            return None
        law = law_in(values)
        order = self._ranks(np.arange(self.vocab_size), self.prompt[-1])
        if law is None or order is None:
            return None
        by_rank = np.empty(self.vocab_size)
        by_rank[order] = law
        return by_rank

    def used(self, role: str, otherwise: float) -> float:
        """The value that a role had: the case's where the function takes it, else the sheet's."""
        is_bound = f"{role}=" in text(self.tree, "bound").replace(", ", ",").replace(",", " ,")
        return float(self.values[role]) if is_bound and role in self.values else otherwise

    def truth(self) -> Array:
        """The model's law by rank, at the temperature of the call."""
        return law_of_ranks(self.vocab_size, self.values["exponent"], self.used("temperature", 1.0))

    @property
    def seen(self) -> Array | None:
        """Length, first and last token of every context that the model was shown."""
        found = vector(self.tree, "seen")
        return found if found is not None and found.ndim == 2 and found.shape[1] == 3 and len(found) else None


def decodings_in(evidence: Evidence, challenge: str) -> dict[tuple[str, str], list[Decoding]]:
    """Return what each function gave in each case, under every convention that it accepts."""
    found: dict[tuple[str, str], list[Decoding]] = {}
    for answer, values in successes(evidence.called[challenge]):
        tree = tree_of(answer)
        size = tree.get("vocab_size")
        if not isinstance(size, int) or not 2 <= size <= 2000:
            continue
        tries = [branch(tree, key) for key in sorted(map(str, tree)) if key.startswith("try_")]
        found[answer.function, answer.case] = [
            Decoding(answer.function, values, one, size) for one in tries if one
        ]
    return found


def each_decoding(
    evidence: Evidence, challenge: str, what: str, judge: Callable[[Decoding], Finding | None]
) -> Finding:
    """Return the best function's worst case; of the conventions of one case, the best, else the likeliest."""
    by_function: dict[str, list[Finding]] = {}
    for (function, _), tries in decodings_in(evidence, challenge).items():
        findings = [finding for one in tries if (finding := judge(one)) is not None]
        if findings:
            by_function.setdefault(function, []).append(max(findings, key=lambda one: one.fraction))
    if not by_function:
        if decodings_in(evidence, challenge):
            return untried(
                f"The function for {what} that was found gives nothing that this could be seen from."
            )
        return unanswered(evidence.called[challenge], what)
    return best_of_functions(evidence.called[challenge], by_function)


def best_of_functions(called: Called, by_function: Mapping[str, Sequence[Finding]]) -> Finding:
    """Return the best function's worst case; one whose name says nothing counts where it is right, else a person looks."""
    worst = {name: min(findings, key=lambda one: one.fraction) for name, findings in by_function.items()}
    best = max(worst, key=lambda name: worst[name].fraction)
    if worst[best].fraction == 1.0 or any(is_named(called, name) for name in worst):
        return worst[best]
    return for_person(f"{worst[best].message} Nothing says that it is the one meant: a person looks.")


def is_named(called: Called, function: str) -> bool:
    """Whether the name of a function, or of a method, is one that was looked for."""
    last = function.rpartition(".")[2].casefold()
    names = {name.casefold() for name in called.spec.names}
    return bool({last, function.casefold()} & names) or any(
        all(word.casefold() in last for word in words) for words in called.spec.contains
    )


def about_decoding(one: Decoding, expected: str) -> dict[str, Any]:
    return {"expected": expected, "found": (Found(how="call", path=one.function),)}


# ------------------------------------------------------------------ greedy


class DecodesGreedily(CheckParams):
    """A greedy decoder."""

    challenge: ChallengeKey


@CHECKS.register(DecodesGreedily)
def decodes_greedily(evidence: Evidence, params: DecodesGreedily, context: Context) -> Finding:
    """On a model with known probabilities, every token is the most probable one."""

    def judge(one: Decoding) -> Finding | None:
        about = about_decoding(one, "the most probable token, each time")
        name = f"`{one.function}`"
        if one.law is not None:
            is_point = one.law[0] > 1 - 1e-6
            message = (
                f"{name} keeps the most probable token alone."
                if is_point
                else f"{name} keeps more than one token."
            )
            return judged(
                float(is_point), message=message, observed=f"mass {number(float(one.law[0]))} on it", **about
            )
        if one.ranks is None:
            return None
        wrong = int(np.sum(one.ranks != 0))
        about["observed"] = f"{len(one.ranks) - wrong} of {len(one.ranks)} tokens"
        if not wrong:
            return judged(1.0, message=f"{name} follows the most probable path.", **about)
        if np.all(one.ranks == one.vocab_size - 1):
            return failed(f"{name} takes the least probable token each time.", **about)
        if g_test(one.ranks, one.truth()).p_value > 1e-3 and len(one.ranks) >= MIN_DRAWS:
            return failed(
                f"{name} draws tokens at random from the model's law; greedy takes the largest.", **about
            )
        if why := _other_position(one):
            return failed(f"{name} {why}.", **about)
        return failed(
            f"{name} does not follow the most probable path: {wrong} of its tokens are others.", **about
        )

    return each_decoding(evidence, params.challenge, "greedy decoding", judge)


def _other_position(one: Decoding) -> str:
    """Return which other token of the context the generated tokens follow, or nothing."""
    if one.generated is None or len(one.generated) < 2 or one.seen is None:
        return ""
    first = one.seen[: len(one.generated), 1].astype(np.int64)
    if len(first) == len(one.generated):
        ranks = one._ranks(one.generated, first)
        if ranks is not None and np.all(ranks == 0):
            return "takes the prediction at the first position of the context, not at the last"
    before = np.concatenate([one.prompt[-2:], one.generated[:-2]])[: len(one.generated)]
    ranks = one._ranks(one.generated, before) if len(before) == len(one.generated) else None
    if ranks is not None and np.all(ranks == 0):
        return "takes the prediction at the last position but one"
    return ""


# ------------------------------------------------------------------ top-k and nucleus


class SamplesFromTopK(RandomCheckParams):
    """A top-k sampler."""

    challenge: ChallengeKey
    k: int = 20
    """The sheet's k, where the function fixes it."""


@CHECKS.register(SamplesFromTopK)
def samples_from_top_k(evidence: Evidence, params: SamplesFromTopK, context: Context) -> Finding:
    """The tokens are draws from the k most probable ones, renormalised (a G-test at the check's rate)."""
    rate = rate_of(evidence, params.challenge, context)

    def judge(one: Decoding) -> Finding | None:
        k = int(one.used("k", params.k))
        return _judge_set(one, (k, k), f"the {k} most probable tokens", rate)

    return each_decoding(evidence, params.challenge, "top-k sampling", judge)


class SamplesFromNucleus(RandomCheckParams):
    """A nucleus sampler."""

    challenge: ChallengeKey
    p: float = 0.9
    """The sheet's p, where the function fixes it."""


@CHECKS.register(SamplesFromNucleus)
def samples_from_nucleus(evidence: Evidence, params: SamplesFromNucleus, context: Context) -> Finding:
    """The tokens are draws from the smallest set of mass p, with or without the token that crosses p."""
    rate = rate_of(evidence, params.challenge, context)

    def judge(one: Decoding) -> Finding | None:
        p = one.used("p", params.p)
        sizes = nucleus_sizes(one.truth(), p)
        return _judge_set(one, sizes, f"the most probable tokens of mass {p:g} ({sizes[1]} of them)", rate)

    return each_decoding(evidence, params.challenge, "nucleus sampling", judge)


def rate_of(evidence: Evidence, challenge: str, context: Context) -> float:
    """The rate of one test: a set with two sizes is tested twice, and each case once."""
    return context.rate / max(1, len(evidence.called[challenge].cases))


def _judge_set(one: Decoding, sizes: tuple[int, int], what: str, rate: float) -> Finding | None:
    """Return whether draws or a law are those of the first ranks, as few as the one size or as many as the other."""
    about = about_decoding(one, f"draws from {what}")
    if one.law is not None:
        return _judge_law(one, sizes, about)
    ranks = one.ranks
    if ranks is None:
        return None
    name, law = f"`{one.function}`", one.truth()
    if len(ranks) < MIN_DRAWS:
        return failed(f"{name} gives {len(ranks)} tokens: too few to see what it draws from.", **about)
    about["observed"] = f"{len(np.unique(ranks))} different ranks, the largest {int(ranks.max()) + 1}"
    fits = {size: g_test(ranks, truncated(law, size)).p_value for size in dict.fromkeys(sizes)}
    if max(fits.values()) >= rate:
        return judged(1.0, message=f"{name} draws from {what}.", notes=_set_notes(one, fits, sizes), **about)
    return failed(f"{name} does not draw from {what}{_set_mistake(one, ranks, sizes, rate)}.", **about)


def _set_notes(one: Decoding, fits: Mapping[int, float], sizes: tuple[int, int]) -> tuple[str, ...]:
    """Return that the token which crosses p seems to be left out, where the draws tell."""
    if one.ranks is None or sizes[0] == sizes[1] or fits[sizes[0]] <= 10 * fits[sizes[1]]:
        return ()
    return (f"`{one.function}` seems to leave out the token that crosses p; that is accepted.",)


def _set_mistake(one: Decoding, ranks: Array, sizes: tuple[int, int], rate: float) -> str:
    """Return which mistake the draws show: `: nothing is cut`, or nothing."""
    law, least, most = one.truth(), sizes[0], sizes[1]
    size = one.vocab_size
    if np.all(ranks == 0):
        return ": it takes the most probable token each time"
    if int(ranks.max()) >= most:
        if g_test(ranks, law).p_value >= rate:
            return ": nothing is cut, it draws from the whole law"
        if int(ranks.min()) >= size - most:
            return ": it draws from the least probable tokens"
        if int(ranks.min()) >= least:
            return ": the cut is on the wrong side, the most probable tokens are the ones that are left out"
        if why := _other_position(one):
            return f": it {why}"
        if (kept := int(ranks.max()) + 1) < size and _fits_cut(one, ranks, kept, rate):
            return f": it keeps about {kept} tokens"
        return f": {int(np.sum(ranks >= most))} of {len(ranks)} tokens are not among them"
    if g_test(ranks, truncated(np.ones(size), most)).p_value >= rate:
        return ": it draws from them with equal probabilities"
    kept = int(ranks.max()) + 1
    if kept < least and _fits_cut(one, ranks, kept, rate):
        return f": it keeps only about {kept} tokens"
    implied = temperature_of(ranks, one.values["exponent"], most)
    return f": what it draws looks like temperature {number(implied, 2)}, not {number(one.used('temperature', 1.0))}"


def _fits_cut(one: Decoding, ranks: Array, kept: int, rate: float) -> bool:
    return g_test(ranks, truncated(one.truth(), kept)).p_value >= rate


def _judge_law(one: Decoding, sizes: tuple[int, int], about: dict[str, Any]) -> Finding:
    """Return whether the law that a function of logits returned is the truncated one."""
    law, name = one.law, f"`{one.function}`"
    assert law is not None
    kept = law > 1e-9
    about["observed"] = f"{int(kept.sum())} tokens kept"
    truths = [truncated(temperature, size) for size in dict.fromkeys(sizes) for temperature in _laws(one)]
    if any(np.allclose(law, truth, atol=1e-4) for truth in truths):
        notes = (f"`{one.function}` leaves out the token that crosses p; that is accepted.",)
        return judged(
            1.0,
            message=f"{name} keeps the right tokens.",
            notes=notes if sizes[0] != sizes[1] and int(kept.sum()) == sizes[0] else (),
            **about,
        )
    if np.all(kept):
        return failed(f"{name} cuts nothing.", **about)
    if not kept[0]:
        return failed(f"{name} cuts on the wrong side: the most probable token is left out.", **about)
    wanted = f"{sizes[1]}" if sizes[0] == sizes[1] else f"{sizes[0]} or {sizes[1]}"
    if int(kept.sum()) in sizes:
        return failed(f"{name} keeps the right tokens with other probabilities than the model's.", **about)
    return failed(f"{name} keeps {int(kept.sum())} tokens, not {wanted}.", **about)


def _laws(one: Decoding) -> list[Array]:
    """The model's law at the temperature of the call, and at 1: a filter may leave the temperature to its caller."""
    return [one.truth(), law_of_ranks(one.vocab_size, one.values["exponent"])]


# ------------------------------------------------------------------ lengths and contexts


class GeneratesNTokens(CheckParams):
    """How many tokens a decoder gives."""

    challenge: ChallengeKey
    n: int = 200
    """The sheet's number, where the function fixes it."""


@CHECKS.register(GeneratesNTokens)
def generates_n_tokens(evidence: Evidence, params: GeneratesNTokens, context: Context) -> Finding:
    """The decoder adds as many tokens to the prompt as it is asked for."""

    def judge(one: Decoding) -> Finding | None:
        if one.generated is None or one.tokens is None:
            return None
        n, given = int(one.used("n", params.n)), len(one.generated)
        about = about_decoding(one, f"{n} tokens after the prompt") | {"observed": f"{given} tokens"}
        name = f"`{one.function}`"
        if given == n:
            note = () if one.keeps_prompt else (f"{name} returns the new tokens without the prompt.",)
            return judged(1.0, message=f"{name} gives {n} tokens.", notes=note, **about)
        if given == 1:
            return failed(
                f"{name} gives one token: the sampling stands outside the loop, so that only the last round counts.",
                **about,
            )
        if len(one.tokens) == n and one.keeps_prompt:
            return failed(f"{name} gives {n} tokens with the prompt; the {n} are meant without it.", **about)
        if not given:
            return failed(f"{name} gives back the prompt alone.", **about)
        return failed(f"{name} gives {given} tokens where {n} were asked for.", **about)

    return each_decoding(evidence, params.challenge, "generating text", judge)


class CropsToContext(CheckParams):
    """What the model is shown while text is generated."""

    challenge: ChallengeKey
    context: int = 128


@CHECKS.register(CropsToContext)
def crops_to_context(evidence: Evidence, params: CropsToContext, context: Context) -> Finding:
    """The model is shown the last tokens and never more than its context holds."""

    def judge(one: Decoding) -> Finding | None:
        seen = one.seen
        if seen is None:
            return None
        lengths, n_calls = seen[:, 0].astype(int), len(seen)
        name, limit = f"`{one.function}`", params.context
        about = about_decoding(one, f"the last {limit} tokens at most") | {
            "observed": f"up to {int(lengths.max())} tokens"
        }
        if lengths.max() > limit:
            return failed(
                f"{name} shows the model up to {int(lengths.max())} tokens: the text is never cropped to the context "
                f"of {limit}.",
                **about,
            )
        whole = len(one.prompt) + n_calls - 1
        if lengths.max() == 1 and len(one.prompt) > 1:
            return failed(f"{name} shows the model the last token alone.", **about)
        if whole <= limit:
            return untried(f"{name} made {n_calls} calls: the text stayed within the context of {limit}.")
        if why := _wrong_end(one, seen):
            return failed(f"{name} {why}.", **about)
        notes = (f"{name} crops to {int(lengths.max())} tokens.",) if lengths.max() < limit else ()
        return judged(
            1.0, message=f"{name} shows the model the last tokens, as many as fit.", notes=notes, **about
        )

    return each_decoding(evidence, params.challenge, "generating text", judge)


def _wrong_end(one: Decoding, seen: Array) -> str:
    """Return that the contexts do not end with the newest token, or nothing."""
    if one.generated is None or len(seen) < 2:
        return ""
    ends = np.concatenate([one.prompt[-1:], one.generated])[: len(seen)]
    last = seen[: len(ends), 2].astype(np.int64)
    if np.array_equal(last, ends):
        return ""
    if len(np.unique(seen[-10:, 2])) == 1 and len(np.unique(seen[-10:, 1])) == 1:
        return "shows the model the first tokens once the text is longer than the context: it never sees the newest"
    return "shows the model something else than the newest tokens"
