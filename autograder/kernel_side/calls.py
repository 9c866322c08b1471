"""Putting a challenge to a function of the notebook, in the namespace as it was where the function was made."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from .attempts import Attempts
from .binding import Refusal, bind, bound_names, forms_of, functions_meant
from .namespace import ABSENT, Namespace
from .seeds import SeedRecorder
from .streams import Sink, quiet
from .values import MAX_ITEMS, MAX_VALUE_BYTES, Encoder

Write = Callable[[str, dict[str, Any], Encoder], None]
"""Writes a document and the encoder's arrays to the container of a name."""


def listed(attempt: Callable[[], Any], n: int) -> tuple[Any, bool]:
    """What a call returns; of a generator of draws, which may have no end, the first n, and whether it was one."""
    result = attempt()
    if n and isinstance(result, Iterator):
        return list(itertools.islice(result, n)), True
    return result, False


class Caller:
    """Calls functions of the notebook and leaves its namespace and its seeds as they were."""

    def __init__(
        self, challenges: list[dict[str, Any]], namespace: Namespace, seeds: SeedRecorder, write: Write
    ) -> None:
        self.challenges = {c["id"]: c for c in challenges}
        self.namespace = namespace
        self.seeds = seeds
        self.write = write

    def call(self, challenge_id: str, case_key: str, rank: int, second: bool) -> None:
        """Puts one case of a challenge to a function of the notebook and writes the answer's container.

        `rank` counts the functions that may be meant, best first; beyond the last nothing happens. `second`
        asks for the other form of an ambiguous target, and does nothing where there is none.
        """
        challenge = self.challenges[challenge_id]
        case = next(c for c in challenge["cases"] if c["key"] == case_key)
        answer: dict[str, Any] = {"id": challenge_id, "case": case_key, "status": "missing", "function": None}
        answer |= {"form": None, "bound": {}, "error": None, "result": None, "how": None}
        stem = f"call-{challenge_id}-{case_key}" + (f"-{rank}" if rank else "")
        self.namespace.hold()
        noted, shift = list(self.seeds.calls), self.seeds.shift
        encoder = Encoder(MAX_VALUE_BYTES * 2)
        try:
            meant = functions_meant(challenge, self.namespace.functions())
            if rank >= len(meant):
                return
            name, function, cell = meant[rank]
            answer["function"] = name
            view = self.namespace.view(cell)
            view[name] = function
            forms = forms_of(challenge, function, view) if challenge["mode"] == "call" else [None]
            if second and len(forms) < 2:
                return
            answer["form"] = forms[int(second)]
            stem += f"-{answer['form']}" if len(forms) > 1 else ""
            # What stands if the kernel ends during the call.
            self.write(stem, answer | {"status": "time_limit"}, Encoder(0))
            self._run(challenge, case, function, cell, view, answer, encoder)
        except Refusal as refusal:
            if second or rank:
                return
            answer |= {"status": refusal.status, "error": {"name": "Refusal", "message": str(refusal)}}
        except KeyboardInterrupt:
            answer["status"] = "time_limit"
        except BaseException as error:  # SystemExit and whatever else a notebook raises
            message = {"name": type(error).__name__, "message": _message(error)}
            answer |= {"status": "error", "error": message}
        finally:
            self.namespace.restore()
            self.seeds.calls, self.seeds.shift = noted, shift
        self.write(stem, answer, encoder)

    def _run(
        self,
        challenge: dict[str, Any],
        case: dict[str, Any],
        function: Any,
        cell: int,
        view: dict[str, Any],
        answer: dict[str, Any],
        encoder: Encoder,
    ) -> None:
        """Fills `answer` with what the function returned."""
        attempts = Attempts(challenge, case, function, view, self.namespace, self.seeds)
        if challenge["mode"] == "points":
            ways = attempts.at_points()
        else:
            bound = bind(challenge, function, view)
            answer["bound"] = bound_names(challenge, bound)
            ways = attempts.with_roles(bound, answer["form"])
        n = int(case["values"].get("n", 0))
        first: Exception | None = None
        for how, attempt in ways:
            try:
                result, is_cut = self._guarded(
                    functools.partial(listed, attempt, n), view, cell, case["seed"]
                )
            except Exception as error:  # the next way to call may be the one that the function expects
                first = first or error
                continue
            if is_cut:
                answer["bound"] = answer["bound"] | {"n": "length of the iteration"}
            answer["how"] = how if challenge["mode"] == "points" else None
            answer["result"] = encoder.node(result)
            answer["status"] = "bad_output" if answer["result"]["t"] == "unsupported" else "ok"
            return
        raise first if first is not None else Refusal("not_callable", "there is no way to call the function")

    def _guarded(self, attempt: Callable[[], Any], view: dict[str, Any], cell: int, seed: int) -> Any:
        """Runs a call in the frozen namespace; a name that is missing there is taken from a later cell."""
        added: dict[str, Any] = {}
        for _ in range(MAX_ITEMS):
            self.namespace.overlay(view | added, lambda value, rank: self.seeds.fresh(value, seed + rank))
            self.seeds.set_all(seed)
            sink = Sink()
            try:
                with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink), quiet():
                    return attempt()
            except NameError as error:
                name = getattr(error, "name", None) or ""
                later = self.namespace.later(name, cell)
                if not name or name in added or later is ABSENT:
                    raise
                added[name] = later
        raise Refusal(
            "not_callable", "too many names of the notebook are missing where the function is defined"
        )


def _message(error: BaseException) -> str:
    try:
        return str(error)[:1000]
    except Exception:
        return "(no message)"
