"""Executes one notebook as users of nbclient do; a program of its own: `cold_nbclient.py NOTEBOOK OUT`."""

from __future__ import annotations

import sys

import nbformat
from nbclient import NotebookClient

if __name__ == "__main__":
    notebook = nbformat.read(sys.argv[1], as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    nbformat.write(notebook, sys.argv[2])
