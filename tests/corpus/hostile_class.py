"""A class whose students attack every page that anybody will look at; one of them does not, to compare with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from corpus.hostile_outputs import MARKUP, PWN

NAME = f"<img src=x onerror={PWN}>\"'&{{{{7*7}}}}"
"""Of the hostile student: a folder may be called that."""
OTHER = f"{NAME} too"
"""Of one whose hand-in cannot be graded, and whose reason for that attacks, too."""
TWIN = f"{NAME} again"
"""Of one who hands in nearly the same: code and answers are alike."""
HONEST = "Ada Lovelace"
ANSWER = "YOUR ANSWER:"

_PRELUDE = f"""
import json
from IPython.display import HTML, SVG, Image, Javascript, JSON, Latex, Markdown, display
ATTACKS = json.loads({json.dumps(json.dumps(MARKUP))})
SHORT = [one for one in ATTACKS if len(one) < 2000]
NASTY = " ".join(SHORT)
"""
_SVG = f"""
drawing = ('<svg xmlns="http://www.w3.org/2000/svg" onload="{PWN}" width="99999" height="99999"><script>{PWN}</script>'
    '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml" onload="{PWN}"></body></foreignObject>'
    '<image href="https://evil.example/x.png"/><style>@import "https://evil.example/x.css"; * {{ fill: red }}</style>'
    '<a href="javascript:{PWN}"><rect width="9" height="9"/></a><animate onbegin="{PWN}"/></svg>')
display(SVG(drawing))
display({{"image/svg+xml": drawing, "text/html": drawing, "text/plain": drawing}}, raw=True)
"""
_FUNCTIONS = """
class Nasty:
    def __repr__(self):
        return NASTY
    __str__ = __repr__
    def _repr_html_(self):
        return NASTY
    def _repr_markdown_(self):
        return NASTY

acceptance_rate, n_proposals, is_ess, accepted_samples = NASTY, Nasty(), NASTY + "9", [NASTY, Nasty()]
globals()["is_mean<script>"] = 3.0

def mixture_density(x):
    raise ValueError(NASTY)

def rejection_sample(*args, **kwargs):
    return NASTY

Nasty()
"""
_FIGURE = """
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.set_title("<script>" + "title " * 50, parse_math=False)
ax.set_xlabel(ATTACKS[0], parse_math=False)
ax.contour([[0, 1], [1, 2]])
plt.show()
"""
_ERROR = """
import warnings
warnings.warn(NASTY)
kind = type("<img src=x onerror=globalThis.__pwned=1>", (Exception,), {})
raise kind("\\x1b[31m" + NASTY + "\\x00\\x07\\u202e" + "wide" * 5000)
"""


def hostile_notebook() -> dict[str, Any]:
    """Return a notebook of part a that attacks by all that it displays, prints, raises, returns and is called."""
    text = "\n\n".join(one for one in MARKUP if len(one) < 2_000)
    return _notebook(
        ("markdown", f"# A1 Target distribution {MARKUP[0]}\n\n{text}"),
        ("code", _PRELUDE),
        (
            "code",
            f"# {MARKUP[4]}\nfor one in ATTACKS:\n    display(HTML(one)); print(one); display(Markdown(one))",
        ),
        (
            "code",
            "for one in SHORT:\n    display(Latex(one)); display(Javascript(one)); display(JSON({one: [one]}))",
        ),
        ("code", _SVG),
        ("markdown", f"## A2 Rejection sampling {MARKUP[1]}"),
        ("code", _FUNCTIONS),
        ("code", _FIGURE),
        (
            "code",
            "print('\\x1b[2J\\x1b[31m\\x1b]0;PWNED\\x07\\x00\\x08\\r\\x9b' + '\\u202e' + 'x' * 300)\nprint('y' * 10_000_000)",
        ),
        (
            "code",
            "display({'image/png': NASTY, 'image/jpeg': NASTY, 'text/html': NASTY, NASTY: NASTY}, raw=True)",
        ),
        ("code", _ERROR),
        ("code", f"undefined_name  # {MARKUP[0]}"),
        ("markdown", f"## A4 Metropolis–Hastings\n\n**{ANSWER}** {text}"),
        ("markdown", f"## A5 Gibbs sampling\n\n**{ANSWER}** " + "wide" * 5_000),
        ("raw", text),
    )


def honest_notebook() -> dict[str, Any]:
    """Return a notebook of part a that does little, and no harm."""
    return _notebook(
        ("markdown", "# A1 Target distribution"),
        ("code", "acceptance_rate = 0.08\nprint(acceptance_rate)\nraise ValueError('no')"),
        (
            "markdown",
            f"## A4 Metropolis–Hastings\n\n**{ANSWER}** Small steps creep, and $s = 0.5$ mixes best.",
        ),
    )


def _notebook(*cells: tuple[str, str]) -> dict[str, Any]:
    made = []
    for number, (kind, source) in enumerate(cells):
        cell: dict[str, Any] = {
            "cell_type": kind,
            "id": f"c{number}",
            "metadata": {"tags": [MARKUP[0]]},
            "source": source,
        }
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    about = {"title": MARKUP[0], "language_info": {"name": "python", "pygments_lexer": MARKUP[0]}}
    return {"cells": made, "metadata": about, "nbformat": 4, "nbformat_minor": 5}


def write_class(folder: Path) -> Path:
    """Write the hand-ins of the class; return the folder."""
    twin = hostile_notebook()
    twin["cells"][6]["source"] += "\nchanged = 1"
    twin["cells"][-3]["source"] += " More of it."
    for name, notebook in ((NAME, hostile_notebook()), (TWIN, twin), (HONEST, honest_notebook())):
        (folder / name).mkdir(parents=True)
        (folder / name / "part_a.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    for name in (NAME, TWIN):
        (folder / name / f"{NAME}.py").write_text(f"'''{MARKUP[0]}'''", encoding="utf-8")
        (folder / name / f"{NAME}.txt").write_text(MARKUP[0], encoding="utf-8")
    other = hostile_notebook()
    other["metadata"]["language_info"]["name"] = MARKUP[0]
    (folder / OTHER).mkdir()
    (folder / OTHER / f"{NAME}.ipynb").write_text(json.dumps(other), encoding="utf-8")
    return folder
