"""One warm nursery for all executors of a test process: importing what notebooks import takes seconds of a processor.

The slots, with their fences, drivers and kernels, are each executor's own, and end with it. A nursery runs nobody's code,
so that a test cannot tell whose it was; tests of nurseries themselves use `own_nurseries`.
"""

from __future__ import annotations

import functools

from autograder.execute.fences import Level
from autograder.execute.slots import Nursery, Slot

KEPT: dict[str, Nursery] = {}
"""By the interpreter."""


class SharedNursery(Nursery):
    """Asks the kept process for slots; what is not warm, or behind a wall, is started as always."""

    def __init__(
        self, python: str, *, warm: bool, walled: bool = False, data: dict[str, str] | None = None
    ) -> None:
        self.is_shared = warm and not walled
        self._slots: set[int] = set()
        if not self.is_shared:
            super().__init__(python, warm=warm, walled=walled, data=data)
            return
        kept = KEPT.get(python)
        if kept is None or kept._process.poll() is not None:
            kept = KEPT[python] = Nursery(python, warm=True)
        self.__dict__ |= kept.__dict__ | {"data": data or {}}

    def slot(self, level: Level) -> Slot:
        """See :class:`Nursery`."""
        slot = super().slot(level)
        end = slot._end
        assert isinstance(end, functools.partial)
        self._slots.add(end.args[0])
        return slot

    def _kill(self, pid: int) -> None:
        self._slots.discard(pid)
        super()._kill(pid)

    def close(self) -> None:
        """Ends the slots that are left, as the end of a nursery does."""
        if not self.is_shared:
            super().close()
        while self.is_shared and self._slots:
            self._kill(min(self._slots))


def close_kept() -> None:
    """Ends the kept processes."""
    while KEPT:
        KEPT.popitem()[1].close()
