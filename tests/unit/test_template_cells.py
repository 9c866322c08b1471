"""Which cells are the template's own."""

from __future__ import annotations

from autograder.shortened import INJECTED
from autograder.template_cells import squeeze


def test_what_a_short_run_puts_into_a_cell_does_not_make_it_the_students() -> None:
    given = "N_UPDATES = 4000"
    assert squeeze(f"{given}\n{INJECTED}\nN_UPDATES = 1500") == squeeze(f"  {given.lower()} ")
    assert squeeze("N_UPDATES = 4001") != squeeze(given)
