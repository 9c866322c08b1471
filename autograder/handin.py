"""Whether a hand-in has the form that the sheet asks for, and the archive that it asks for.

The sheet's wishes are the rubric's `form` (of the assignment, and of each part over it). Nothing is executed here:
what happened when a notebook ran is an argument.
"""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder.errors import UsageError
from autograder.intake.choosing import submission_of
from autograder.intake.file_names import is_named_for, name_pattern, with_prescribed_names
from autograder.intake.notebooks import read_notebook
from autograder.intake.problems import UnreadableNotebook
from autograder.notebook_forms import FormCell, FormContext, FormFinding, imports_of, look
from autograder.records import ExecutionRecord
from autograder.rubric.model import FormSpec, PartSpec, Rubric
from autograder.store import make_folder, writing
from autograder.template_cells import NO_TEMPLATE, template_cells

_FIRST_DATE = (1980, 1, 1, 0, 0, 0)
"""The date of every entry of an archive: equal files give equal archives."""


@dataclass(frozen=True)
class HandedIn:
    """The files of a hand-in."""

    notebooks: Mapping[str, Path]
    """Part id to its notebook."""
    left: tuple[Path, ...] = ()
    """Notebooks that are no part's."""
    cells: Mapping[str, tuple[FormCell, ...]] = field(default_factory=dict)
    """Part id to the cells of a notebook that could be read."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """Part id to why its notebook could not be read."""


@dataclass(frozen=True)
class Form:
    """What the sheet asks of the form of a hand-in, and what is not so."""

    findings: tuple[FormFinding, ...]
    words: Mapping[str, str]
    """What the file names say in the place of `{word}`."""

    @property
    def is_ready(self) -> bool:
        """Whether nothing is left that must be mended."""
        return not any(finding.is_fault for finding in self.findings)


def read_hand_in(rubric: Rubric, paths: Iterable[Path]) -> HandedIn:
    """Return the notebooks among `paths`, each as the part that its name or its headings tell.

    Raises
    ------
    UsageError
        When a path is no file.
    """
    listed = list(dict.fromkeys(paths))
    for path in listed:
        if not path.is_file():
            raise UsageError(f"{path} is no file; name the notebooks that you hand in")
    notebooks = [path for path in listed if path.suffix.lower() == ".ipynb"]
    parts = with_prescribed_names(rubric.parts, [rubric.form_of(part).filename for part in rubric.parts])
    chosen = submission_of("you", "you", notebooks, [], parts).sources
    found = {part: Path(name) for part, name in chosen.items()}
    for spec in parts:  # what is named for one part is not a second one's, whatever it speaks of
        mine = found.get(spec.part)
        rivals = [one for one in parts if one is not spec and found.get(one.part) == mine]
        if mine is not None and rivals and not is_named_for(mine.name, spec):
            del found[spec.part]
    cells: dict[str, tuple[FormCell, ...]] = {}
    problems: dict[str, str] = {}
    for part, path in found.items():
        try:
            cells[part] = cells_of(read_notebook(path, keep_outputs=True))
        except UnreadableNotebook as error:
            problems[part] = str(error)
    left = tuple(path for path in notebooks if path not in found.values())
    return HandedIn(found, left, cells, problems)


def cells_of(notebook: Mapping[str, Any]) -> tuple[FormCell, ...]:
    """Return the cells of a notebook (nbformat 4) with what is stored beside them."""
    found = []
    for at, cell in enumerate(notebook["cells"]):
        outputs = cell.get("outputs") or []
        errors = [str(one.get("ename", "")) for one in outputs if one.get("output_type") == "error"]
        source, count = cell["source"], cell.get("execution_count")
        text = "".join(source) if isinstance(source, list) else source
        found.append(FormCell(at + 1, cell["cell_type"], text, count, len(outputs), tuple(errors)))
    return tuple(found)


def form_of(
    rubric: Rubric,
    handed_in: HandedIn,
    templates: Mapping[str, Path] | None = None,
    executions: Mapping[str, ExecutionRecord | None] | None = None,
) -> Form:
    """Return everything that the sheet asks of the form and that is not so.

    Parameters
    ----------
    templates
        Part id to the untouched template: what it holds is no work.
    executions
        Part id to what happened when the notebook ran from top to bottom; None where that was not tried.
    """
    findings = [*_files(rubric, handed_in)]
    words: dict[str, str] = {}
    for part in rubric.parts:
        if part.part not in handed_in.notebooks:
            continue
        path, form = handed_in.notebooks[part.part], rubric.form_of(part)
        said, named = _name(path.name, part, form)
        findings += named
        differing = [word for word, value in said.items() if words.setdefault(word, value) != value]
        for word in differing:
            text = f"{word} is {said[word]!r} here and {words[word]!r} in another file; make them equal."
            findings.append(FormFinding("names_differ", text, part.part, path.name))
        if (problem := handed_in.problems.get(part.part)) is not None:
            findings.append(FormFinding("unreadable", f"{problem}.", part.part, path.name))
            continue
        template = (templates or {}).get(part.part)
        context = FormContext(
            form,
            template=template_cells(template) if template else NO_TEMPLATE,
            n_answers=_n_answers(template) if template else 0,
            people=tuple(said.values()),
            execution=(executions or {}).get(part.part),
        )
        found = look(handed_in.cells[part.part], context)
        findings += [replace(one, part=part.part, file=path.name) for one in found]
    reminders = dict.fromkeys(line for part in rubric.parts for line in rubric.form_of(part).reminders)
    findings += [FormFinding("reminder", line, is_fault=False) for line in reminders]
    return Form(tuple(findings), words)


def _n_answers(template: Path) -> int:
    """Return how many places for answers a template has; 0 when it cannot be read."""
    try:
        cells = json.loads(template.read_text(encoding="utf-8"))["cells"]
        return sum("answer" in cell.get("metadata", {}).get("tags", []) for cell in cells)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0


def _files(rubric: Rubric, handed_in: HandedIn) -> Iterator[FormFinding]:
    for part in rubric.parts:
        if part.part not in handed_in.notebooks:
            name = rubric.form_of(part).filename or f"part_{part.part}.ipynb"
            text = f"The notebook of part {part.part} ({part.title}) is missing; it is called `{name}`."
            yield FormFinding("part_missing", text, part.part)
    for path in handed_in.left:
        text = f"{path.name} is no part of the assignment, or a second notebook of one; leave it out."
        yield FormFinding("file_left_over", text, file=path.name)


# ----------------------------------------------------------------- file names


def _name(name: str, part: PartSpec, form: FormSpec) -> tuple[dict[str, str], list[FormFinding]]:
    """Return what a file name says in the place of the words, and what is wrong with it."""
    if not form.filename:
        text = f"{name} does not tell the part; call it part_{part.part}.ipynb."
        return {}, [] if is_named_for(name, part) else [FormFinding("file_name", text, part.part, name)]
    found = name_pattern(form.filename).fullmatch(name)
    if found is None:
        text = f"{name} is not called as the sheet asks: `{form.filename}`."
        return {}, [FormFinding("file_name", text, part.part, name)]
    said = {word: value for word, value in found.groupdict().items() if value is not None}
    kept = [word for word, value in said.items() if value == word]
    text = f"{name} still says {', '.join(kept)}; put your own in its place."
    return said, [FormFinding("file_name", text, part.part, name)] if kept else []


def filled_name(asked: str, words: Mapping[str, str]) -> str:
    """Return a file name that a sheet asks for with the words filled in.

    Raises
    ------
    UsageError
        When a word that may not be left out is unknown.
    """

    def fill(text: str) -> str:
        missing = [word for word in re.findall(r"\{(\w+)\}", text) if word not in words]
        if missing:
            raise UsageError(
                f"the archive is called {asked}, and no file name tells {', '.join(missing)}; name the notebooks as the "
                "sheet asks first"
            )
        return re.sub(r"\{(\w+)\}", lambda found: words[found[1]], text)

    def optional(found: re.Match[str]) -> str:
        return fill(found[1]) if set(re.findall(r"\{(\w+)\}", found[1])) <= set(words) else ""

    return fill(re.sub(r"\[(.*?)\]", optional, asked))


# -------------------------------------------------------------------- archive


def archive_of(rubric: Rubric, handed_in: HandedIn, words: Mapping[str, str]) -> tuple[str, bytes]:
    """Return the archive that the sheet asks for: its name and its bytes, the same for the same files.

    It holds the notebook of each part and the modules beside it that a cell imports, and nothing else.

    Raises
    ------
    UsageError
        When a part is missing, two files have one name, or a file name does not tell what the archive's name needs.
    """
    missing = [part.part for part in rubric.parts if part.part not in handed_in.notebooks]
    if missing:
        raise UsageError(f"the archive needs every part; missing: {', '.join(missing)}")
    name = filled_name(rubric.form.zip_name or f"{rubric.assignment}.zip", words)
    entries: dict[str, Path] = {}
    for part in rubric.parts:
        path = handed_in.notebooks[part.part]
        for one in (path, *_modules(path.parent, handed_in.cells.get(part.part, ()))):
            if entries.setdefault(one.name, one).resolve() != one.resolve():
                raise UsageError(f"two files are called {one.name}; one of them needs another name")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in sorted(entries):
            about = zipfile.ZipInfo(entry, date_time=_FIRST_DATE)
            about.compress_type, about.create_system, about.external_attr = (
                zipfile.ZIP_DEFLATED,
                3,
                0o644 << 16,
            )
            archive.writestr(about, entries[entry].read_bytes())
    return name, content.getvalue()


def write_archive(rubric: Rubric, handed_in: HandedIn, words: Mapping[str, str], folder: Path) -> Path:
    """Write the archive of :func:`archive_of` into a folder and return its path."""
    name, content = archive_of(rubric, handed_in, words)
    path = folder / name
    beside = path.with_name(f".{name}.{os.getpid()}.part")
    with writing(path):
        try:
            make_folder(folder)
            beside.write_bytes(content)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    return path


def _modules(folder: Path, cells: Sequence[FormCell]) -> Iterator[Path]:
    """Yield the modules in a folder that cells import, and those that these import."""
    waiting, seen = [cell for cell in cells if cell.kind == "code"], set[Path]()
    while waiting:
        for name in sorted(imports_of(waiting.pop(0))):
            path = folder / f"{name.split('.')[0]}.py"
            if path not in seen and path.is_file() and not path.is_symlink():
                seen.add(path)
                yield path
                waiting.append(FormCell(0, "code", path.read_text(encoding="utf-8", errors="replace")))
