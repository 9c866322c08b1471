"""The bundle that a course hands out: notebooks, the public part of the rubric, instructions, and nothing else.

    README.md  DATA.md            how to install, check and hand in; where the data sets come from
    part_a.ipynb ...              to work in
    rubrics/<id>/                 the public part of the rubric, for the self-check
    student_template/<id>/        the notebooks once more, untouched: what they give earns nothing
    release.json                  which files these are, with their sha256

The bundle is a course folder without a reference, so that the engine finds everything in it by itself. It is made in
memory, proved (:mod:`autograder.leaks`), and only then written.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
from autograder import __version__
from autograder.errors import AutograderError, UsageError, nearest
from autograder.golden import Golden, read_golden
from autograder.leaks import Leak, find_leaks
from autograder.public_rubric import public_main, public_part, public_values
from autograder.registry import Assignment
from autograder.release_texts import data_page, readme
from autograder.rendering import template_ipynb
from autograder.rubric.loader import load_rubric
from autograder.rubric.model import PartSpec, Rubric
from autograder.store import make_folder, sync_folder, writing
from autograder.withheld import withheld_of

MANIFEST = "release.json"
MAX_BYTES = 64 * 2**20
"""Size of a file of a bundle that is read; a larger one does not belong there."""


class LeakError(AutograderError):
    """A bundle that must not be handed out, with everything that leaks."""

    def __init__(self, leaks: Iterable[Leak], what: str):
        self.leaks = tuple(leaks)
        listed = "\n".join(str(leak) for leak in self.leaks)
        super().__init__(f"{listed}\n{what}")


def release(
    assignment: Assignment, out: Path, parts: Iterable[str] = (), install: str = ""
) -> dict[str, str]:
    """Write the bundle of an assignment to `out`; return its files with their sha256.

    The same inputs give the same bytes. `out` is there whole afterwards, or as it was.

    Parameters
    ----------
    parts
        Of the assignment; all of them when none is named.
    install
        The command by which students install the autograder.

    Raises
    ------
    LeakError
        When the proof finds what must not be handed out; nothing is written.
    UsageError
        When `out` holds files that are not an untouched bundle, or the reference is not in this copy.
    """
    _require_ours(out)
    rubric = load_rubric(assignment)
    files = bundle(assignment, rubric, parts, install)
    leaks = find_leaks(files, withheld_of(assignment, rubric, allowed_files(rubric)))
    if leaks:
        raise LeakError(
            leaks,
            f"Nothing was written: {len(leaks)} of these must not reach students. Mend the cell tagged `given` or the "
            "public text of the rubric that they come from, and release again.",
        )
    _write(files, out)
    return {name: _sha256(content) for name, content in files.items()}


def bundle(
    assignment: Assignment, whole: Rubric, parts: Iterable[str] = (), install: str = ""
) -> dict[str, bytes]:
    """Return the files of a bundle: path with `/` to content; see :func:`release`."""
    rubric = _chosen(whole, list(parts))
    folder = f"rubrics/{assignment.id}"
    texts = {"README.md": readme(rubric, install), f"{folder}/rubric.yaml": _yaml(public_main(rubric))}
    for part in rubric.parts:
        notebook = template_ipynb(assignment, part.part)
        texts[f"part_{part.part}.ipynb"] = notebook
        texts[f"student_template/{assignment.id}/part_{part.part}.ipynb"] = notebook
        texts[f"{folder}/part_{part.part}.yaml"] = _yaml(public_part(part))
        for path in _golden_files(assignment, part):
            texts[f"{folder}/golden/{path.name}"] = _goldens(path, public_values(part))
    names = sorted({name for part in rubric.parts for name in part.data})
    if names:
        texts["DATA.md"] = data_page(names)
    files = {name: texts[name].encode() for name in sorted(texts)}
    return files | {MANIFEST: _manifest(rubric, files)}


def verify(assignment: Assignment, folder: Path) -> list[Leak]:
    """Return what the proof finds in a bundle that lies in `folder`; UsageError when there is none."""
    files, strange = read_bundle(folder)
    rubric = load_rubric(assignment)
    return strange + find_leaks(files, withheld_of(assignment, rubric, allowed_files(rubric)))


def read_bundle(folder: Path) -> tuple[dict[str, bytes], list[Leak]]:
    """Return the files below a folder, and what in it cannot be read as one."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; name the folder that autograder release --out wrote")
    files: dict[str, bytes] = {}
    strange: list[Leak] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            strange.append(Leak("file", name, "", "this is a link; a bundle holds files alone"))
        elif path.is_file():
            if path.stat().st_size > MAX_BYTES:
                strange.append(Leak("file", name, "", f"this file is larger than {MAX_BYTES >> 20} MiB"))
            else:
                files[name] = path.read_bytes()
        elif not path.is_dir():
            strange.append(Leak("file", name, "", "this is neither a file nor a folder"))
    if not files and not strange:
        raise UsageError(f"{folder} is empty; make the bundle with: autograder release ID --out {folder}")
    return files, strange


def allowed_files(rubric: Rubric) -> frozenset[str]:
    """Return the only files that a bundle of an assignment may hold."""
    names = {"README.md", MANIFEST, f"rubrics/{rubric.assignment}/rubric.yaml"}
    for part in rubric.parts:
        names |= {
            f"{folder}part_{part.part}.ipynb" for folder in ("", f"student_template/{rubric.assignment}/")
        }
        names.add(f"rubrics/{rubric.assignment}/part_{part.part}.yaml")
        if part.data:
            names.add("DATA.md")
        if public_values(part):
            names |= {
                f"rubrics/{rubric.assignment}/golden/part_{part.part}{kind}.json" for kind in ("", ".short")
            }
    return frozenset(names)


def _chosen(rubric: Rubric, parts: list[str]) -> Rubric:
    known = [part.part for part in rubric.parts]
    for part in parts:
        if part not in known:
            raise UsageError(
                f"there is no part {part!r}{nearest(part, known)} (there are: {', '.join(known)})"
            )
    chosen = [part for part in rubric.parts if not parts or part.part in parts]
    return rubric.model_copy(update={"parts": chosen})


# -------------------------------------------------------------------- content


def _yaml(tree: Mapping[str, Any]) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    yaml.width = 10_000
    text = io.StringIO()
    yaml.dump(dict(tree), text)
    return text.getvalue()


def _golden_files(assignment: Assignment, part: PartSpec) -> list[Path]:
    """Return the golden files of a part that hold what students may have; stand-ins are for rehearsals alone."""
    if not public_values(part):
        return []
    short = [assignment.golden(part.part, "short")] if "short" in part.budgets else []
    return [assignment.golden(part.part), *short]


def _goldens(path: Path, keys: Iterable[str]) -> str:
    golden = read_golden(path)
    values = {key: golden.value(key) for key in keys}
    return (
        Golden(assignment=golden.assignment, part=golden.part, values=values).model_dump_json(indent=1) + "\n"
    )


def _manifest(rubric: Rubric, files: Mapping[str, bytes]) -> bytes:
    told = {
        "schema": 1,
        "assignment": rubric.assignment,
        "parts": [part.part for part in rubric.parts],
        "engine": __version__,
        "files": {name: _sha256(content) for name, content in files.items()},
    }
    return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# ------------------------------------------------------------------- writing


def _require_ours(out: Path) -> None:
    """Raise UsageError when `out` holds anything but a bundle as it was released."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UsageError(f"--out {out} is no folder; name one that is not there yet")
    if not out.is_dir() or not any(out.iterdir()):
        return
    try:
        listed = json.loads((out / MANIFEST).read_text(encoding="utf-8"))["files"]
        known = {str(name): str(digest) for name, digest in listed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(
            f"--out {out} is not empty and holds no bundle of ours; name a folder that is not there yet"
        ) from None
    files, strange = read_bundle(out)
    changed = [name for name in sorted(files) if name != MANIFEST and _sha256(files[name]) != known.get(name)]
    if changed or strange:
        what = ", ".join([*changed, *(leak.file for leak in strange)][:5])
        raise UsageError(
            f"--out {out} holds files that were changed or added after the release ({what}); "
            "move them away, or name a folder that is not there yet"
        )


def _write(files: Mapping[str, bytes], out: Path) -> None:
    """Write the files beside `out` and rename the folder into its place."""
    out = out.absolute()
    beside = out.with_name(f".{out.name}.{os.getpid()}.part")
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    with writing(out):
        try:
            make_folder(out.parent)
            for name, content in files.items():
                path = beside / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            if out.exists():
                out.rename(old)
            try:
                beside.rename(out)
            except OSError:
                if old.exists():
                    old.rename(out)
                raise
            sync_folder(out.parent)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
