"""Putting a challenge to what it means in the notebook, in the namespace as it was where the function was made."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

from .binding import Refusal
from .modes import MODES, Setting
from .namespace import ABSENT, Namespace
from .seeds import SeedRecorder
from .streams import Sink, quiet
from .values import MAX_ITEMS, MAX_VALUE_BYTES, Encoder

Write = Callable[[str, dict[str, Any], Encoder], None]
"""Writes a document and the encoder's arrays to the container of a name."""


class Caller:
    """Puts challenges to the notebook and leaves its namespace and its seeds as they were."""

    def __init__(
        self, challenges: list[dict[str, Any]], namespace: Namespace, seeds: SeedRecorder, write: Write
    ) -> None:
        self.challenges = {c["id"]: c for c in challenges}
        self.namespace = namespace
        self.seeds = seeds
        self.write = write

    def call(self, challenge_id: str, case_key: str, rank: int, second: bool) -> None:
        """Puts one case of a challenge to what it means in the notebook and writes the answer's container.

        `rank` counts what may be meant, best first; beyond the last nothing happens. `second`
        asks for the other form of an ambiguous target, and does nothing where there is none.
        """
        challenge = self.challenges[challenge_id]
        case = next(c for c in challenge["cases"] if c["key"] == case_key)
        answer: dict[str, Any] = {"id": challenge_id, "case": case_key, "status": "missing", "function": None}
        answer |= {"form": None, "bound": {}, "error": None, "result": None, "how": None}
        answer["record"] = None
        stem = f"call-{challenge_id}-{case_key}" + (f"-{rank}" if rank else "")
        self.namespace.hold()
        noted, shift = list(self.seeds.calls), self.seeds.shift
        encoder, is_begun = Encoder(MAX_VALUE_BYTES * 2), False
        try:
            mode = MODES[challenge["mode"]]
            meant = mode.find(challenge, self.namespace)
            if rank >= len(meant):
                return
            candidate = meant[rank]
            answer["function"] = candidate.name
            view = self.namespace.view(candidate.cell)
            view[candidate.name] = candidate.value
            forms = mode.forms(challenge, candidate.value, view)
            if second and len(forms) < 2:
                return
            answer["form"] = forms[int(second)]
            stem += f"-{answer['form']}" if len(forms) > 1 else ""
            # What stands if the kernel ends during the call.
            self.write(stem, answer | {"status": "time_limit"}, Encoder(0))
            is_begun = True
            guarded = functools.partial(self._guarded, view=view, cell=candidate.cell, seed=case["seed"])
            setting = Setting(view, self.namespace, self.seeds, encoder, answer["form"], guarded, answer)
            answer |= mode.put(challenge, case, candidate, setting)
        except Refusal as refusal:
            if (second or rank) and not is_begun:
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
