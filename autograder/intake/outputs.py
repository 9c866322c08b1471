"""The outputs that a notebook was handed in with, in one form."""

from __future__ import annotations

from typing import Any

SHOWN = ("text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg", "image/svg+xml")
"""What is kept of an output, by its kind."""


def stored_outputs(outputs: Any) -> list[dict[str, Any]]:
    """Return the outputs of a cell in nbformat 4: those that are none, and all that nobody reads, are left out."""
    kept: list[dict[str, Any]] = []
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        kind = output.get("output_type")
        if kind == "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            kept.append({"output_type": kind, "name": name, "text": text_of(output.get("text"))})
        elif kind == "error":
            traceback = output.get("traceback")
            lines = traceback if isinstance(traceback, list) else []
            about = {key: text_of(output.get(key)) for key in ("ename", "evalue")}
            kept.append({"output_type": kind, **about, "traceback": [text_of(one) for one in lines]})
        elif kind in ("execute_result", "display_data") and isinstance(output.get("data"), dict):
            data = {kind: text_of(output["data"][kind]) for kind in SHOWN if kind in output["data"]}
            number = {"execution_count": None} if kind == "execute_result" else {}
            kept.append({"output_type": kind, "data": data, "metadata": {}, **number})
    return kept


def text_of(value: Any) -> str:
    """Return a source as one string that can be encoded in UTF-8, without NUL."""
    text = "".join(line for line in value if isinstance(line, str)) if isinstance(value, list) else value
    if not isinstance(text, str):
        return ""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
