"""The page of a grading that is going on; it loads itself again until the grading has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.pages import CSP, environment

REFRESH_SECONDS = 3


def render_live(state: Mapping[str, Any]) -> str:
    """Return the page as one HTML file, for the instructor alone.

    Parameters
    ----------
    state : mapping
        `live.json`: `assignment`, `state` (`running`, `done`, `stopped`), counts (`n_submissions`, `n_to_execute`,
        `n_executed`, `n_scored`, `n_failed`), `began` and `at` (words), `took` and `left` (words), `fence`, `running`
        (each with `who`, `seconds`, `since` in words, `where`), `recent` (lines, newest first), `cancel` (the command).
    """
    return environment().get_template("live.html.j2").render(csp=CSP, live=state, refresh=REFRESH_SECONDS)
