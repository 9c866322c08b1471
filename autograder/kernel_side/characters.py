"""Functions of the notebook that turn texts into tokens and back, tried on texts of its own characters and of others.

What is told is plain data::

    texts    {text, back, tokens} each: what was encoded, what came back, and the tokens between
    known    the token of every character of the vocabulary, encoded by itself
    unknown  {character, text, error, is_bare} or {character, text, tokens, back}: with a character that it does not know
"""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .binding import Refusal, is_named, parameters_of
from .functions import is_required
from .modes import MODES, Candidate, Fields, Mode, Setting
from .namespace import ABSENT, Namespace
from .placing import callables_of, global_for, guessed, methods_of, refusal, resolve
from .vocabularies import vocabulary_of

One = Callable[[Any], Any]
MAX_TEXT = 4_000
MAX_TABLES = 4
MAX_LETTERS = 400


def put_characters(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """What a function makes of texts, and what its partner makes of the tokens."""
    values, view = case["values"], setting.view
    encode = resolve(candidate, view)
    letters = letters_of(view)
    texts = ["".join(letters[at % len(letters)] for at in row) for row in values["places"]]
    try:
        decode = partner_of(encode, values["decode"], setting)
    except Refusal:
        decode = guessed_partner(encode, texts[0], setting)
    first: Exception | None = None
    for ways in itertools.product(_ways(encode, challenge, view), _ways(decode, {}, view)):
        try:
            found = setting.guarded(functools.partial(_seen, *ways, texts, letters))
        except Exception as error:  # the next way may be the one that the functions expect
            first = first or error
            continue
        new = next(one for one in values["unknown"] if one not in letters)
        found["unknown"] = setting.guarded(functools.partial(_with_unknown, *ways, texts[0], new))
        return {"result": setting.encoder.node(found), "status": "ok"}
    raise refusal(first)


def letters_of(view: dict[str, Any]) -> tuple[str, ...]:
    """The characters that the notebook knows: of its table, else of its longest text.

    What is in the table and not in the text stands for something else: `\\0` for unknown characters.
    """
    vocabulary = vocabulary_of(view)
    longest = max((value for value in view.values() if isinstance(value, str)), key=len, default="")
    if vocabulary.texts:
        letters = tuple(vocabulary.texts[token] for token in vocabulary.letters)
        used = tuple(letter for letter in letters if letter in longest)
        return used if 2 * len(used) > len(letters) else letters
    if len(set(longest)) < 2:
        raise Refusal("missing", "no text whose characters could be encoded was found")
    return tuple(sorted(set(longest)))


def partner_of(encode: Any, names: list[str], setting: Setting) -> Any:
    """What decodes what `encode` encodes: a method of the same object, else a function of such a name."""
    owner = getattr(encode, "__self__", None)
    lowered = [name.casefold() for name in names]
    made = setting.namespace.functions()
    if owner is not None and not inspect.ismodule(owner):
        members = {name.casefold(): getattr(owner, name) for name in dir(owner) if not name.startswith("__")}
    else:
        members = {name.casefold(): value for name, (value, _) in made.items()}
    for name in [*lowered, *(known for known in members if any(word in known for word in lowered))]:
        if callable(members.get(name)) and not isinstance(members[name], type):
            return members[name]
    raise Refusal("not_callable", "no function that turns its tokens into text was found")


def guessed_partner(encode: Any, text: str, setting: Setting) -> Any:
    """A function of any name that gives back what `encode` encodes, or a method of the same object."""
    owner = getattr(encode, "__self__", None)
    offered = [getattr(owner, name) for name in methods_of(type(owner))] if owner is not None else []
    offered += [
        one.value
        for one in guessed(setting.namespace, range(1, 2), set(), {"backward"})
        if not isinstance(one.value, type)
    ]
    for decode in offered:
        try:
            if setting.guarded(functools.partial(_back, encode, decode, text)) == text:
                return decode
        except Exception:  # some other function
            continue
    raise Refusal("not_callable", "no function that turns its tokens into text was found")


def _back(encode: One, decode: One, text: str) -> str:
    return text_of(decode, encode(text))


def encoders_of(challenge: dict[str, Any], namespace: Namespace) -> list[Candidate]:
    """What encodes by its name; else the functions of one argument, of which the one counts whose tokens come back."""
    try:
        return callables_of(challenge, namespace)
    except Refusal:
        return guessed(namespace, range(1, 2), set(), {"backward"})


def _ways(function: Any, challenge: dict[str, Any], view: dict[str, Any]) -> Iterator[One]:
    """Ways to call a function with one thing: other required arguments are globals of their name, or tables."""
    needed = [p.name for p in parameters_of(function) if is_required(p)]
    if len(needed) < 2:
        yield function
        return
    rules = challenge.get("roles", {}).get("text")
    named = [name for name in needed if rules is not None and is_named(name, rules)]
    tables = [value for value in view.values() if isinstance(value, dict | list) and len(value) > 1]
    for meant in dict.fromkeys([*named, *needed]):
        others = [name for name in needed if name != meant]
        own = [global_for(name, view) for name in others]
        choices = [[value] if value is not ABSENT else tables[:MAX_TABLES] for value in own]
        for filled in itertools.product(*choices):
            yield functools.partial(_called, function, meant, dict(zip(others, filled, strict=True)))


def _called(function: Any, meant: str, filled: dict[str, Any], given: Any) -> Any:
    return function(**filled, **{meant: given})


def _seen(encode: One, decode: One, texts: list[str], letters: tuple[str, ...]) -> dict[str, Any]:
    told = {}
    for at, text in enumerate(texts):
        tokens = encode(text)
        back = text_of(decode, tokens)
        told[str(at)] = {"text": text, "back": back[:MAX_TEXT], "tokens": np.array(numbers_of(tokens))}
    known = [numbers_of(encode(letter)) for letter in letters[:MAX_LETTERS]]
    return {"texts": told, "known": np.array([one[0] for one in known if one])}


def _with_unknown(encode: One, decode: One, text: str, new: str) -> dict[str, Any]:
    """What becomes of a text with a character that the notebook does not know."""
    half = len(text) // 2
    text = text[:half] + new + text[half:]
    told: dict[str, Any] = {"character": new, "text": text}
    try:
        tokens = encode(text)
    except Exception as error:
        is_bare = isinstance(error, KeyError) and error.args == (new,)
        return told | {"error": f"{type(error).__name__}: {error}"[:300], "is_bare": is_bare}
    told["tokens"] = np.array(numbers_of(tokens))
    try:
        return told | {"back": text_of(decode, tokens)[:MAX_TEXT]}
    except Exception as error:
        return told | {"error": f"{type(error).__name__}: {error}"[:300]}


def numbers_of(tokens: Any) -> list[int]:
    """Tokens as a list of whole numbers. Raises TypeError for anything else."""
    if hasattr(tokens, "tolist"):
        tokens = tokens.reshape(-1).tolist()
    elif not isinstance(tokens, str):
        tokens = [one.item() if hasattr(one, "item") else one for one in tokens]
    if isinstance(tokens, str) or not all(type(token) is int for token in tokens):
        raise TypeError("it gives no whole numbers")
    return list(tokens)


def text_of(decode: One, tokens: Any) -> str:
    """The text of tokens as they came, as a list, or as a tensor; a list of characters is put together."""
    torch: Any = sys.modules.get("torch")
    forms: list[Callable[[], Any]] = [lambda: tokens, lambda: numbers_of(tokens)]
    if torch is not None:
        forms.append(lambda: torch.tensor(numbers_of(tokens)))
    first: Exception | None = None
    for form in forms:
        try:
            back = decode(form())
        except Exception as error:
            first = first or error
            continue
        if isinstance(back, str):
            return back
        if isinstance(back, list | tuple) and all(isinstance(piece, str) for piece in back):
            return "".join(back)
        first = first or TypeError("it gives no text")
    assert first is not None
    raise first


MODES["characters"] = Mode(encoders_of, put_characters)
