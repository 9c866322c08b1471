"""Numbers of the sheet as a run had them: a short run puts smaller ones in their place."""

from __future__ import annotations

from autograder.probes.evidence import Evidence
from autograder.shortened import INJECTED


def numbers_for(evidence: Evidence, n: int) -> tuple[int, ...]:
    """Return what may stand for a number of the sheet: itself and, in a run that was shortened, the one put in.

    A notebook may take one of its numbers from the shortened cell and write another one out, so both count there.
    """
    if not any(INJECTED in cell.source for cell in evidence.cells):
        return (n,)
    return tuple(dict.fromkeys((evidence.part.values_of("short").get(n, n), n)))
