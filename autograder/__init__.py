"""Autograder for generative-modelling assignments handed in as Jupyter notebooks.

`from autograder import check; check("a2")` in a cell of a notebook checks what the notebook holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.selfcheck.live import check as check

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Give `check`, whose modules are imported when it is first asked for."""
    if name == "check":
        from autograder.selfcheck.live import check

        return check
    raise AttributeError(f"module 'autograder' has no attribute {name!r}")
