"""Subword tokenisers of the notebook: live objects, or pairs of functions, that encode texts and decode them again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from .binding import Refusal
from .modes import MODES, Candidate, Fields, Mode, Setting
from .namespace import ABSENT, Namespace

ENCODE = ("encode", "encode_as_ids", "EncodeAsIds", "Encode", "tokenize", "codificar")
DECODE = ("decode", "decode_ids", "DecodeIds", "Decode", "detokenize", "decodificar")
SIZES = ("get_piece_size", "GetPieceSize", "vocab_size", "piece_size", "n_vocab", "size")
PIECES = ("id_to_piece", "IdToPiece")
HOLDERS = ("sp", "spm", "processor", "tokenizer", "model")
MAX_PIECES = 2_000
MAX_TOKENS = 4_096
MAX_TEXT = 4_000


def tokenisers_of(challenge: dict[str, Any], namespace: Namespace) -> list[Candidate]:
    """Live objects with `encode` and `decode`, those with a vocabulary first, then two functions of these names."""
    found: list[tuple[int, int, Candidate]] = []
    for name, past in namespace.history.items():
        cell, value = past[-1]
        if value is ABSENT or isinstance(value, type):
            continue
        if _method(value, ENCODE) and _method(value, DECODE):
            named = name.casefold() in {known.casefold() for known in challenge["names"]}
            found.append((_size_of(value) is None, not named, Candidate(name, value, cell)))
    meant = [candidate for *_, candidate in sorted(found, key=lambda one: one[:2])]
    made = namespace.functions()
    encode = next((made[name] for name in (*ENCODE, *challenge["names"]) if name in made), None)
    decode = next((made[name] for name in DECODE if name in made), None)
    if encode is not None and decode is not None:
        meant.append(Candidate("encode", (encode[0], decode[0]), max(encode[1], decode[1])))
    if not meant:
        raise Refusal("missing", "nothing that encodes and decodes texts was found")
    return meant


def vocabulary_sizes(namespace: Namespace) -> set[int] | None:
    """How many pieces the tokenisers have, a package's before the notebook's own; None where none says it."""
    try:
        values = [one.value for one in tokenisers_of({"names": ()}, namespace)]
    except Refusal:
        return None
    found = [(size, _is_of_package(value)) for value in values if (size := _size_of(value))]
    return {size for size, packaged in found if packaged} or {size for size, _ in found} or None


def put_texts(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """What a tokeniser makes of texts, what it makes of its own tokens, and its pieces, where it has any."""
    texts = [str(text) for text in case["values"]["texts"]]
    return {
        "result": setting.encoder.node(setting.guarded(lambda: _seen(candidate.value, texts))),
        "status": "ok",
    }


def _seen(value: Any, texts: list[str]) -> dict[str, Any]:
    encode, decode = value if isinstance(value, tuple) else (_method(value, ENCODE), _method(value, DECODE))
    cases = []
    for text in texts:
        tokens = _numbers(encode(text))
        decoded = _text(_decoded(decode, tokens))
        cases.append({"tokens": tokens[:MAX_TOKENS], "decoded": decoded[:MAX_TEXT]})
    holder = value if not isinstance(value, tuple) else None
    size, pieces = _size_of(holder), _pieces_of(holder)
    about: dict[str, Any] = {"kind": type(value).__name__, "cases": cases}
    if size is not None:
        about["vocab_size"] = size
    if pieces:
        about["pieces"] = "\n".join(piece.replace("\n", "␤") for piece in pieces)[:20_000]
    return about


def _decoded(decode: Callable[[Any], Any], tokens: list[int]) -> Any:
    try:
        return decode(list(tokens))
    except Exception:  # a function of tensors
        torch = sys.modules.get("torch")
        if torch is None:
            raise
        return decode(torch.tensor(tokens))


def _numbers(tokens: Any) -> list[int]:
    tokens = getattr(tokens, "ids", tokens)  # of the package `tokenizers`
    tokens = tokens.tolist() if hasattr(tokens, "tolist") else list(tokens)
    return [int(token) for token in tokens]


def _text(decoded: Any) -> str:
    return decoded if isinstance(decoded, str) else "".join(map(str, decoded))


def _method(value: Any, names: tuple[str, ...]) -> Any:
    return next((found for name in names if callable(found := getattr(value, name, None))), None)


def _holders(value: Any) -> Iterator[Any]:
    """A tokeniser, and what a class of the notebook holds of a package's."""
    yield value
    if type(value).__module__ == "__main__":
        yield from (held for name in HOLDERS if (held := getattr(value, name, None)) is not None)


def _is_of_package(value: Any) -> bool:
    return any(type(holder).__module__ not in ("__main__", "builtins") for holder in _holders(value))


def _size_of(value: Any) -> int | None:
    for holder in _holders(value) if value is not None else ():
        for name in SIZES:
            size = getattr(holder, name, None)
            size = size() if callable(size) else size
            if isinstance(size, int) and not isinstance(size, bool) and size > 0:
                return size
    return None


def _pieces_of(value: Any) -> list[str]:
    for holder in _holders(value) if value is not None else ():
        piece_of = _method(holder, PIECES)
        size = _size_of(holder)
        if piece_of is not None and size is not None:
            return [str(piece_of(token)) for token in range(min(size, MAX_PIECES))]
    return []


MODES["subwords"] = Mode(tokenisers_of, put_texts)
