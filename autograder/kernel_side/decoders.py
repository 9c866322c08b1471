"""Decoders of the notebook on a language model of ours whose next-token law is known: tokens out, contexts noted.

The model's law depends on the last token alone, and every row of it holds the same probabilities in another order:
the rank of each token after its predecessor is what the trusted side looks at.
"""

from __future__ import annotations

import copy
import functools
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .beams import gives_log_probs, prompt_tokens, table_logits
from .binding import Refusal, is_named, parameters_of, positional
from .functions import codes_of, compared_texts, is_required, names_in_code, texts_in
from .modes import MODES, Candidate, Fields, Mode, Setting
from .namespace import Namespace
from .placing import (
    Placement,
    callables_of,
    guessed,
    is_module,
    like_named,
    placements,
    refusal,
    replace_globals,
    resolve,
    said,
)
from .stand_ins import dress
from .vocabularies import Vocabulary, vocabulary_of

ROLES = ("model", "prompt", "n")
CONVENTIONS = ("all", "pair", "last")
"""Logits (B, T, V); a pair of them and a loss or a state; logits (B, V) of the last position alone."""
PROMPT_FORMS = ("rows", "row", "list", "text")
SYNONYMS = {
    "greedy": ("greedy", "argmax", "voraz", "glouton", "gierig", "max"),
    "top_k": ("top_k", "topk", "top-k", "top k", "k"),
    "beam": (
        "beam",
        "beam_search",
        "beam-search",
        "beam search",
        "beams",
        "haz",
        "strahl",
        "strahlsuche",
        "faisceau",
    ),
    "sample": (
        "sample",
        "sampling",
        "temperature",
        "random",
        "multinomial",
        "muestreo",
        "stichprobe",
        "tirage",
    ),
    "nucleus": ("nucleus", "top_p", "topp", "top-p", "top p", "nukleus", "núcleo", "nucleo", "noyau", "p"),
}
OTHERWISE = {"top_k": ("sample",), "nucleus": ("sample",), "sample": ("top_k",)}
"""By which other strategies a function that chooses by name may reach one: sampling with a k, top-k with all tokens."""
STRATEGY_NAMES = {
    "strategy", "method", "mode", "decoding", "decode_strategy", "decoding_strategy", "metodo", "método", "estrategia",
    "sampling", "how",
}  # fmt: skip
YES_NAMES, NO_NAMES = {"greedy", "argmax"}, {"do_sample", "sample", "stochastic", "sampling"}
DRAWING = {
    "multinomial", "Categorical", "choice", "choices", "Gumbel", "gumbel", "gumbel_softmax", "exponential_", "uniform_",
    "rand", "rand_like", "random", "uniform",
}  # fmt: skip
GUESSES = {"greedy": {"argmax"}, "beam": {"topk", "sort", "sorted", "argsort", "nlargest"}}
"""Names in the code of a decoder by which it is known where its own name says nothing."""
OTHER_OPTIONS = ("gen", "rng", "seed", "dev", "eos", "stop", "context", "block", "len")
DEFAULTS: dict[str, Callable[[Any], bool]] = {
    "temperature": lambda default: type(default) is float and default > 0,
    "width": lambda default: type(default) is int and 1 < default < 50,
    "k": lambda default: default is None or type(default) is int,
}
MAX_RETURNED, MAX_TRIES = 4096, 3


def next_logits(tokens: Any, vocab_size: int, values: dict[str, Any]) -> Any:
    """Logits (..., V) after tokens (...): -s log(rank + 1), where token j has rank (a j + b token + c) mod V.

    Where the case has a table, they are those of the table.
    """
    torch: Any = sys.modules["torch"]
    if "table" in values:
        return table_logits(tokens, vocab_size, values)
    a = coprime(int(values["a"]), vocab_size)
    ranks = (
        a * torch.arange(vocab_size) + int(values["b"]) * tokens[..., None] + int(values["c"])
    ) % vocab_size
    return -float(values["exponent"]) * torch.log(ranks.to(torch.get_default_dtype()) + 1)


def coprime(a: int, n: int) -> int:
    """The first number from a on that has no divisor in common with n: its multiples pass through all residues."""
    return a if math.gcd(a, n) == 1 else coprime(a + 1, n)


class Seen:
    """The contexts that the model was shown: length, first and last token, one entry a call."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int, int]] = []

    def note(self, tokens: Any) -> None:
        """Notes one call."""
        if len(self.calls) < MAX_RETURNED:
            row = tokens[0]
            self.calls.append((len(row), int(row[0]), int(row[-1])))


def forward_of(vocab_size: int, values: dict[str, Any], convention: str, seen: Seen) -> Callable[..., Any]:
    """The forward of the model, in one convention of its output."""

    def forward(tokens: Any, *_: Any, **__: Any) -> Any:
        torch: Any = sys.modules["torch"]
        if not isinstance(tokens, torch.Tensor) or tokens.ndim != 2 or tokens.is_floating_point():
            raise ValueError("the language model takes tokens (B, T)")
        seen.note(tokens)
        logits = next_logits(tokens, vocab_size, values)
        if convention == "last":
            return logits[:, -1]
        state = torch.zeros(1, len(tokens), 1)  # of a recurrent model, for code that takes rows of it
        return (logits, (state, state)) if convention == "pair" else logits

    return forward


def stand_in_decoder_model(forward: Callable[..., Any], vocab_size: int, context_length: int) -> Any:
    """A module with that forward, and with a parameter, so that its device can be asked for."""
    torch: Any = sys.modules["torch"]

    class StandInDecoder(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, tokens: Any, *args: Any, **kwargs: Any) -> Any:
            return forward(tokens, *args, **kwargs)

    model = StandInDecoder()
    dress(model, context_length, vocab_size)
    return model


def with_forward(owner: Any, forward: Callable[..., Any]) -> Any:
    """An instance like `owner` whose forward, and call, is ours; `owner` stays as it is."""
    kind = type(owner)
    members = {"forward": lambda self, *args, **kwargs: forward(*args, **kwargs)}
    if not is_module(owner):
        members["__call__"] = members["forward"]
    other = copy.copy(owner)
    other.__class__ = type(kind.__name__, (kind,), members)
    return other


# ------------------------------------------------------------------ ways to ask


def put_decoder(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """Every convention of the model under which a decoder gives anything: `tries`, with tokens and contexts."""
    if "torch" not in sys.modules:
        raise Refusal("not_callable", "the notebook does not use torch")
    function = resolve(candidate, setting.view, _own(setting))
    vocabulary = vocabulary_of(setting.view)
    found: list[dict[str, Any]] = []
    first: Exception | None = None
    takes_logits = "table" not in case["values"] and "logits" in _names_taken(function, challenge)
    if "table" in case["values"]:
        places = prompt_tokens(vocabulary)[: len(case["values"]["table"])]
        about = {"ids": places, "is_normalised": gives_log_probs(setting.view)}
        case = case | {"values": case["values"] | about}
    attempts = _filterings if takes_logits else _decodings
    for attempt in attempts(challenge, case, function, setting, vocabulary):
        try:
            one = setting.guarded(attempt)
        except Refusal:
            raise
        except Exception as error:  # the next convention may be the one that the decoder expects
            first = first or error
            continue
        found = [old for old in found if old["is_read"] or not one["is_read"]] + [one]
        if one["is_read"] and (takes_logits or sum(old["is_read"] for old in found) >= len(CONVENTIONS)):
            break
    if not found:
        raise refusal(first)
    tries: dict[str, Any] = {f"try_{n}": one for n, one in enumerate(found[:MAX_TRIES])}
    if "ids" in case["values"]:
        tries["ids"] = np.array(case["values"]["ids"])
    return {"result": setting.encoder.node(tries | {"vocab_size": vocabulary.size}), "status": "ok"}


def _own(setting: Setting) -> dict[str, Any]:
    """The notebook's own names as they are in the end."""
    held = setting.namespace.held
    return {name: value for name, value in held.items() if name in setting.namespace.history}


def _names_taken(function: Any, challenge: dict[str, Any]) -> set[str]:
    """Roles that the parameters of a function take by name."""
    rules = challenge["roles"]
    return {role for p in parameters_of(function) for role in rules if is_named(p.name, rules[role])}


def _decodings(
    challenge: dict[str, Any], case: dict[str, Any], function: Any, setting: Setting, vocabulary: Vocabulary
) -> Iterator[Callable[[], Any]]:
    roles = _always(challenge["roles"], switched_by(function))
    for named_only in list(placements(function, roles, setting.view, ROLES))[:6]:
        placed = by_defaults(function, named_only, challenge) if case["values"].get("guesses") else named_only
        forms = PROMPT_FORMS if vocabulary.texts else PROMPT_FORMS[:3]
        named = next((name for name, role in placed.items() if role == "prompt"), "")
        if vocabulary.texts and any(word in named.casefold() for word in ("text", "str", "char", "prompt")):
            forms = ("text", *forms[:3])
        for form in forms:
            for convention in sorted(CONVENTIONS, key=worn_by_models(setting.view).__ne__):
                yield functools.partial(
                    _decoded, challenge, case, function, setting, vocabulary, placed, form, convention
                )


def by_defaults(function: Any, placed: Placement, challenge: dict[str, Any]) -> Placement:
    """The placement, with optional arguments of any name that their defaults tell: 1.0 a temperature, None or 40 a k."""
    free = [
        p
        for p in parameters_of(function)
        if p.name not in placed
        and not is_required(p)
        and not any(word in p.name.casefold() for word in OTHER_OPTIONS)
    ]
    found = dict(placed)
    for role, is_meant in DEFAULTS.items():
        fitting = [p.name for p in free if p.name not in found and is_meant(p.default)]
        if role in challenge["roles"] and role not in found.values() and len(fitting) == 1:
            found[fitting[0]] = role
    return found


def worn_by_models(view: dict[str, Any]) -> str:
    """The convention of the notebook's own language model; "" when there is none that answers."""
    torch: Any = sys.modules["torch"]
    for model in [value for value in view.values() if is_module(value)][:MAX_TRIES]:
        try:
            with torch.no_grad():
                given = model(torch.zeros(1, 4, dtype=torch.long))
        except Exception:  # no language model
            continue
        if isinstance(given, tuple):
            return "pair"
        return {3: "all", 2: "last"}.get(getattr(given, "ndim", 0), "")
    return ""


def switched_by(function: Any) -> dict[str, list[str]]:
    """Parameters that choose a strategy, by what they are compared with, to these texts."""
    words = {word for words in SYNONYMS.values() for word in words}
    names = {p.name for p in parameters_of(function)}
    return {
        name: texts
        for name, texts in compared_texts(function).items()
        if name in names and any(text.casefold() in words for text in texts)
    }


def _always(roles: dict[str, dict[str, Any]], switched: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
    """The roles, with numbers that are handed over even where a parameter has a default, and those of :func:`chosen`."""
    switches = {"strategy": STRATEGY_NAMES | set(switched), "switch": YES_NAMES | NO_NAMES}
    named = {
        role: {"kind": "number", "names": sorted(names), "contains": [], "globals": []}
        for role, names in switches.items()
    }
    return {role: rule | {"always": True} for role, rule in (roles | named).items()}


def _decoded(
    challenge: dict[str, Any],
    case: dict[str, Any],
    function: Any,
    setting: Setting,
    vocabulary: Vocabulary,
    placed: Placement,
    form: str,
    convention: str,
) -> dict[str, Any]:
    values, seen = case["values"], Seen()
    forward = forward_of(vocabulary.size, values, convention, seen)
    model = stand_in_decoder_model(forward, vocabulary.size, int(values["context_length"]))
    places = values.get("ids") or vocabulary.letters
    prompt = [places[token % len(places)] for token in values["prompt"]]
    numbers = {role: values[role] for role in ("n", "k", "p", "temperature", "width") if role in values}
    if values["strategy"] == "sample":  # nothing is to be cut
        numbers["k"] = vocabulary.size
    offered = numbers | {"model": model, "prompt": _prompt(prompt, form, vocabulary)}
    function = _on_our_model(function, forward)
    keywords = like_named(function, placed, setting.view)
    keywords |= {name: offered[role] for name, role in placed.items() if role in offered}
    keywords |= chosen(function, case["values"]["strategy"], keywords)
    missing = [p.name for p in parameters_of(function) if is_required(p) and p.name not in keywords]
    keywords |= dict.fromkeys(missing)  # a limit that is not wanted: top_k=None
    replace_globals(challenge, function, setting, placed, offered)
    if "model" not in placed.values():
        _replace_models(function, setting, model)
    args, keywords = positional(function, keywords)
    torch: Any = sys.modules["torch"]
    with torch.no_grad():
        result = function(*args, **keywords)
    tokens = tokens_in(result, vocabulary)
    if not seen.calls:  # the notebook's own was: what came out says nothing of the decoder
        raise ValueError("it does not ask the language model that the check offers")
    found: dict[str, Any] = {"is_read": tokens is not None, "convention": convention, "form": form}
    found |= {"bound": said(placed), "prompt": np.array(prompt), "seen": np.array(seen.calls).reshape(-1, 3)}
    return found | ({} if tokens is None else {"tokens": np.array(tokens)})


def _replace_models(function: Any, setting: Setting, model: Any) -> None:
    """Puts our model in the place of the one module that the code refers to, whatever it is called."""
    view = setting.view
    names = [name for name in names_in_code(function, view, set()) if is_module(view.get(name))]
    if len(names) == 1:
        setting.namespace.now[names[0]] = model


def _prompt(tokens: list[int], form: str, vocabulary: Vocabulary) -> Any:
    torch: Any = sys.modules["torch"]
    if form == "text":
        return vocabulary.text_of(tokens)
    if form == "list":
        return list(tokens)
    return torch.tensor([tokens] if form == "rows" else tokens)


def _on_our_model(function: Any, forward: Callable[..., Any]) -> Any:
    """A method with `forward` in place of its own model; anything else as it is."""
    owner = getattr(function, "__self__", None)
    if owner is None or isinstance(owner, type):
        return function
    return getattr(with_forward(owner, forward), function.__name__)


def chosen(function: Any, strategy: str, keywords: dict[str, Any]) -> dict[str, Any]:
    """Arguments that choose a strategy: its name as the code spells it, a switch, or k = 1 for the greedy path."""
    found: dict[str, Any] = {}
    names = {p.name.casefold(): p.name for p in parameters_of(function)}
    switched = switched_by(function)
    anywhere = [text for code in codes_of(function) for text in texts_in(code.co_consts)]
    for lowered, name in names.items():
        if lowered in STRATEGY_NAMES or name in switched:
            texts = switched.get(name, anywhere)
            words = [word for one in (strategy, *OTHERWISE.get(strategy, ())) for word in SYNONYMS[one]]
            known = [text for word in words for text in texts if text.casefold() == word]
            found[name] = known[0] if known else SYNONYMS[strategy][0]
        elif lowered in YES_NAMES:
            found[name] = strategy == "greedy"
        elif lowered in NO_NAMES:
            found[name] = strategy not in ("greedy", "beam")
    by_name = strategy in getattr(function, "__name__", "").casefold()
    if strategy == "greedy" and not found and not by_name:
        limits = [name for lowered, name in names.items() if lowered in ("top_k", "topk", "k")]
        found |= dict.fromkeys(limits, 1)
    return found


def tokens_in(result: Any, vocabulary: Vocabulary) -> list[int] | None:
    """The tokens of what a decoder returned: a tensor, a list, a text, or the first of these in a tuple."""
    if isinstance(result, str):
        return vocabulary.tokens_of(result) if vocabulary.texts else None
    if isinstance(result, tuple):
        return next((found for item in result if (found := tokens_in(item, vocabulary))), None)
    if (
        isinstance(result, list) and result and isinstance(result[0], tuple | dict)
    ):  # hypotheses, the best one first
        first = result[0]
        return tokens_in(tuple(first.values()) if isinstance(first, dict) else first, vocabulary)
    if isinstance(result, list) and result and all(isinstance(item, str) for item in result):
        return tokens_in("".join(result), vocabulary)
    torch: Any = sys.modules["torch"]
    if isinstance(result, list) and result and isinstance(result[0], torch.Tensor):
        sizes = {item.numel() if isinstance(item, torch.Tensor) else 0 for item in result}
        is_beam = len(result) > 1 and len(sizes) == 1 and max(sizes) > 1
        result = torch.cat(
            [torch.as_tensor(item).reshape(-1) for item in (result[:1] if is_beam else result)]
        )
    try:
        array = np.asarray(result.detach() if isinstance(result, torch.Tensor) else result)
    except (TypeError, ValueError, RuntimeError):
        return None
    if array.dtype.kind not in "iu" or not 0 < array.size <= MAX_RETURNED:
        return None
    rows = array.reshape(-1) if array.ndim < 2 or 1 in array.shape else array[0]
    return [int(token) for token in rows.reshape(-1)]


# ------------------------------------------------------------------ functions of logits


def _filterings(
    challenge: dict[str, Any], case: dict[str, Any], function: Any, setting: Setting, vocabulary: Vocabulary
) -> Iterator[Callable[[], Any]]:
    for placed in placements(function, _always(challenge["roles"]), setting.view, ("logits",)):
        for form in ("row", "rows"):
            yield functools.partial(_filtered, case, function, setting, vocabulary, placed, form)


def _filtered(
    case: dict[str, Any],
    function: Any,
    setting: Setting,
    vocabulary: Vocabulary,
    placed: Placement,
    form: str,
) -> dict[str, Any]:
    """What a function makes of logits: a law once, or as many tokens as the case has to generate."""
    torch: Any = sys.modules["torch"]
    values = case["values"]
    last = int(values["prompt"][-1]) % vocabulary.size
    logits = next_logits(torch.tensor(last), vocabulary.size, values)

    def call() -> Any:
        given = logits.clone() if form == "row" else logits.clone()[None]
        keywords = like_named(function, placed, setting.view)
        for name, role in placed.items():
            if role == "logits":
                keywords[name] = in_scale_of(name, given)
            elif role in values:
                keywords[name] = values[role]
            elif role == "k" and values["strategy"] == "sample":
                keywords[name] = vocabulary.size
        keywords |= chosen(function, values["strategy"], keywords)
        args, keywords = positional(function, keywords)
        return function(*args, **keywords)

    result = call()
    found: dict[str, Any] = {"is_read": True, "bound": said(placed), "prompt": np.array([last])}
    law = next(
        (item for item in _items(result) if getattr(item, "numel", lambda: 0)() == vocabulary.size), None
    )
    if law is not None and law.is_floating_point():
        return found | {"law": law.reshape(-1), "convention": "law"}
    drawn = [tokens_in(result, vocabulary)] + [
        tokens_in(call(), vocabulary) for _ in range(int(values["n"]) - 1)
    ]
    if any(one is None for one in drawn):
        return found | {"is_read": False}
    return found | {"drawn": np.array([one[0] for one in drawn if one]), "convention": "token"}


def in_scale_of(name: str, logits: Any) -> Any:
    """Logits, or the probabilities or log-probabilities that a parameter's name asks for."""
    torch: Any = sys.modules["torch"]
    if "prob" not in name.casefold():
        return logits
    return torch.log_softmax(logits, -1) if "log" in name.casefold() else torch.softmax(logits, -1)


def _items(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list) else [result]


def without_for(strategy: str) -> set[str]:
    """Names in code that rule a guess out: training, and drawing where nothing is drawn."""
    return {"backward"} | (DRAWING if strategy in GUESSES else set())


def decoders_of(challenge: dict[str, Any], namespace: Namespace) -> list[Candidate]:
    """What may be meant, without functions whose names speak of other strategies alone."""
    values = challenge["cases"][0]["values"]
    strategy = values["strategy"]
    try:
        named = callables_of(challenge, namespace)
    except Refusal:
        if not values.get("guesses"):
            raise
        return guessed(namespace, range(2, 5), GUESSES.get(strategy, DRAWING), without_for(strategy))
    words = {name: [word for word in known if len(word) > 3] for name, known in SYNONYMS.items()}

    def speaks_of(name: str, which: str) -> bool:
        return any(word in name.casefold() for word in words[which])

    others = [name for name in SYNONYMS if name not in (strategy, "sample")]
    return [
        one
        for one in named
        if speaks_of(one.name, strategy) or not any(speaks_of(one.name, other) for other in others)
    ]


MODES["decoder"] = Mode(decoders_of, put_decoder)
