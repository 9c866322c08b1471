"""The verb `doctor`: what works on this machine."""

from __future__ import annotations

import typer
from rich.text import Text

from autograder.cli.interrupts import stoppable
from autograder.cli.options import AsJson
from autograder.cli.output import err, line, print_json, table

MARKS = {"ok": ("ok", "green"), "note": ("note", "cyan"), "problem": ("problem", "red")}


def doctor(as_json: AsJson = False) -> None:
    """Say what works here, and how to mend what does not.

    Looks at Python, the packages of the students' kernel, the levels of the fence around it (each is put up),
    a small notebook behind it, memory, disk, data sets, rubrics, reference and encoding. Takes a few seconds. Exit status 1
    when something must be mended.
    """
    from autograder.doctor import examine

    with stoppable("Nothing was changed."), err().status("Looking around and running a small notebook ..."):
        findings = examine()
    is_well = all(finding.state != "problem" for finding in findings)
    if as_json:
        print_json({"ok": is_well, "findings": [vars(finding) for finding in findings]})
    else:
        rows = []
        for finding in findings:
            word, colour = MARKS[finding.state]
            told = Text(finding.text)
            if finding.mend:
                told.append(f"\n→ {finding.mend}", style=colour)
            rows.append((Text(word, style=colour), finding.name, told))
        table("", (("", "left"), ("", "left"), ("", "left")), rows)
        line("")
        line(
            "Everything that grading needs is here."
            if is_well
            else "Mend the problems above, then ask again.",
            "bold",
        )
    raise typer.Exit(0 if is_well else 1)
