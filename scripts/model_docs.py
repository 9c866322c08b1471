"""What pydantic models say of themselves, as Markdown tables and JSON Schemas.

The meaning of a field is the string that stands below it in the source; pydantic does not keep it.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from autograder.rubric.model import PartSpec

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def models_of(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Return the models that the fields of `model` hold, nearest first, each once."""
    found: list[type[BaseModel]] = []
    waiting = [model]
    while waiting:
        for field in waiting.pop(0).model_fields.values():
            for inner in _models_in(field.annotation):
                if inner not in found and inner is not model:
                    found.append(inner)
                    waiting.append(inner)
    return found


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)


def fields_table(model: type[BaseModel]) -> list[str]:
    """Return the fields of a model as a table, with the meaning that stands below each in the source."""
    rows = []
    for name, (annotation, default, text) in written_fields(model).items():
        is_needed = model.model_fields[name].is_required()
        rows.append((f"`{name}`", f"`{annotation}`", "needed" if is_needed else f"`{default}`", text))
    return [*table(("key", "type", "default", "meaning"), rows), ""] if rows else ["No parameters.", ""]


def written_fields(model: type[BaseModel]) -> dict[str, tuple[str, str, str]]:
    """Return type, default and docstring of every field as the source has them."""
    found: dict[str, tuple[str, str, str]] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel) or base is BaseModel or base.__module__.startswith("pydantic"):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for node, after in zip(body.body, [*body.body[1:], None], strict=True):
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            if node.target.id not in model.model_fields:
                continue
            text = ""
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                text = " ".join(str(after.value.value).split())
            written = ast.unparse(node.annotation)
            annotation = re.sub(r"Strict(Str|Int|Float)", lambda match: match[1].lower(), written)
            found[node.target.id] = (annotation, default_of(model, node.target.id), text)
    return found


def default_of(model: type[BaseModel], name: str) -> str:
    """Return the default of a field as YAML has it."""
    field = model.model_fields[name]
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return f"{type(value).__name__}()"
    return json.dumps(value, ensure_ascii=False)


# --------------------------------------------------------------------- schemas


def record_schema(model: type[BaseModel], title: str) -> str:
    """Return the JSON Schema of a record."""
    return as_json({"$schema": SCHEMA_DIALECT, **described(model), "title": title})


def part_schema() -> str:
    """Return the JSON Schema of a part of a rubric, for editors."""
    schema = described(PartSpec)
    schema["properties"] = {
        "schema": {"const": 1, "description": "Version of this format."},
        **schema["properties"],
    }
    schema["required"] = ["schema", *schema["required"]]
    return as_json({"$schema": SCHEMA_DIALECT, **schema, "title": "A part of a rubric (YAML 1.2)"})


def described(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a model, with the meaning of every field from the source."""
    schema = model.model_json_schema(mode="validation")
    models: list[type[BaseModel]] = [model, *models_of(model)]
    by_name = {inner.__name__: inner for inner in models}
    places = {model.__name__: schema, **schema.get("$defs", {})}
    for name, place in places.items():
        if name not in by_name:
            continue
        for field, (_, _, text) in written_fields(by_name[name]).items():
            if text and field in place.get("properties", {}):
                place["properties"][field]["description"] = text
    return schema


def as_json(schema: dict[str, Any]) -> str:
    """Return a schema as the text of its file."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


# ------------------------------------------------------------------------ text


def first_line(text: str | None) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join((text or "").strip().split("\n\n")[0].split())


def paragraphs(text: str | None) -> list[str]:
    """Return a help text with one line a paragraph."""
    blocks = [" ".join(block.split()) for block in inspect.cleandoc(text or "").split("\n\n")]
    return "\n\n".join(block for block in blocks if block).split("\n")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    return lines + [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
