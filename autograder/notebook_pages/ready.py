"""What renderers are forked from imports this: one page is made here, so that they begin with all that it takes."""

from __future__ import annotations

import atexit
import gc
import os
import shutil

from autograder.notebook_pages.exporter import render
from autograder.notebook_pages.writing import SOCKETS

_OUTPUTS = [
    {"output_type": "stream", "name": "stdout", "text": "\x1b[31mred"},
    {"output_type": "display_data", "data": {"text/html": "<table><tr><td>1</td></tr></table>"}},
]
_CELLS = [
    {"cell_type": "markdown", "source": "# Once\n\n$x^2$ and `code`"},
    {"cell_type": "code", "source": "x = 1  # one", "outputs": _OUTPUTS},
]
if os.environ.get(SOCKETS):
    atexit.register(shutil.rmtree, os.environ[SOCKETS], ignore_errors=True)
render({"cells": _CELLS}, title="Ready")
gc.collect()
gc.freeze()  # else collections in the forks go through all that was imported
