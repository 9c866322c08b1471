"""An executed notebook as one HTML file that runs nothing and asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import nbformat
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from nbconvert.exporters import TemplateExporter

import reports
from autograder.notebook_pages.taming import Tame
from autograder.notebook_pages.texts import visible

_CELL_WORDS = {
    "error": "stopped with an error",
    "time_limit": "stopped: time limit",
    "not_run": "not run",
}


class NotebookExporter(TemplateExporter):
    """nbconvert's exporter with our template alone.

    Its own templates load scripts from elsewhere and escape nothing; its `HTMLExporter` parses and writes the page once
    more at the end, so that what comes out would not be what was made safe.
    """

    file_extension = ".html"
    output_mimetype = "text/html"

    def __init__(self) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            template_paths=[],
            raw_template=_text("notebook.html.j2"),
            default_preprocessors=[],
            preprocessors=[Tame],
        )

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment()  # type: ignore[no-untyped-call]
        environment.autoescape = True
        environment.undefined = StrictUndefined
        environment.trim_blocks = environment.lstrip_blocks = True
        return environment


def render(
    notebook: Mapping[str, Any],
    *,
    title: str,
    statuses: Mapping[int, str] | None = None,
    stamp: str = "",
    problem: str = "",
) -> str:
    """Return an executed notebook as a page.

    Parameters
    ----------
    notebook : nbformat 4 JSON, of whatever shape
    title : what the page is called
    statuses : 0-based index of a cell to what became of it (`ok`, `error`, `time_limit`, `not_run`)
    stamp : what the page was made of, to tell later whether it is still current
    problem : why no cells are shown
    """
    style = reports.style() + _text("notebook.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    resources = {
        "title": title,
        "stamp": stamp,
        "problem": visible(problem),
        "style": Markup(style),
        # Styles of ours alone: an attribute `style` that slipped through would have no effect either.
        "csp": f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'",
        "words": {index + 1: _CELL_WORDS.get(status, "") for index, status in (statuses or {}).items()},
    }
    cells = notebook.get("cells")
    kept = {
        "cells": cells if isinstance(cells, list) else [],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    node: nbformat.NotebookNode = nbformat.from_dict(kept)  # type: ignore[no-untyped-call]
    page, _ = _exporter().from_notebook_node(node, resources)
    return str(page)


@cache
def _exporter() -> NotebookExporter:
    return NotebookExporter()


@cache
def _text(name: str) -> str:
    return (files("autograder.notebook_pages") / "templates" / name).read_text(encoding="utf-8")
