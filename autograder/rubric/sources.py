"""A YAML file of a rubric as plain data (YAML 1.2), with the line and column of everything in it."""

from __future__ import annotations

import copy
import functools
import hashlib
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from autograder.errors import Problem, RubricError

Location = tuple[str | int, ...]


class Source:
    """YAML as plain data, with the line and column of everything in it."""

    def __init__(self, text: bytes, shown: str):
        self.shown = shown
        self.positions: dict[Location, tuple[int, int]] = {(): (1, 1)}
        self.digest = hashlib.sha256(text).hexdigest()
        yaml = YAML(typ="rt", pure=True)
        yaml.version = (1, 2)
        try:
            tree = yaml.load(text.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise RubricError(
                [Problem(shown, 0, 0, f"is not UTF-8 text (byte {error.start}); save it as UTF-8")]
            ) from error
        except DuplicateKeyError as error:
            raise RubricError(
                [self._marked(error, "the key stands twice in this mapping; keep one")]
            ) from error
        except MarkedYAMLError as error:
            raise RubricError([self._marked(error, "is no valid YAML")]) from error
        except YAMLError as error:
            raise RubricError([Problem(shown, 0, 0, f"is no valid YAML: {error}")]) from error
        self.data = self._plain(tree, ())

    def _marked(self, error: MarkedYAMLError, what: str) -> Problem:
        mark = error.problem_mark or error.context_mark
        detail = (error.problem or "").split(" with value")[0].strip()
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return Problem(self.shown, line, column, f"{what} ({detail})" if detail else what)

    def _plain(self, node: Any, where: Location) -> Any:
        if isinstance(node, CommentedMap):
            result: dict[Any, Any] = {}
            for key, value in node.items():
                plain_key = self._plain(key, where)
                spot = (*where, plain_key)
                line, column = (
                    node.lc.key(key) if key in (node.lc.data or {}) else (node.lc.line, node.lc.col)
                )
                self.positions[spot] = (line + 1, column + 1)
                result[plain_key] = self._plain(value, spot)
            return result
        if isinstance(node, CommentedSeq):
            items = []
            for index, value in enumerate(node):
                line, column = node.lc.item(index) if index in node.lc.data else (node.lc.line, node.lc.col)
                self.positions[(*where, index)] = (line + 1, column + 1)
                items.append(self._plain(value, (*where, index)))
            return items
        if isinstance(node, bool) or node is None:
            return node
        for kind in (int, float, str):
            if isinstance(node, kind):
                return kind(node)
        return str(node)

    def problem(self, where: Location, text: str) -> Problem:
        """Return a problem placed at `where`, or at the nearest thing around it that has a place."""
        for length in range(len(where), -1, -1):
            if where[:length] in self.positions:
                return Problem(self.shown, *self.positions[where[:length]], text)
        return Problem(self.shown, 0, 0, text)


def read_source(path: Path) -> Source:
    """Return a file as plain data that is the caller's own; equal files are parsed once."""
    shown = _shown(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RubricError(
            [Problem(shown, 0, 0, f"cannot be read ({error.strerror}); the rubric names this file")]
        ) from error
    source = copy.copy(_parsed(text, shown))
    source.data = copy.deepcopy(source.data)
    return source


@functools.lru_cache(maxsize=32)
def _parsed(text: bytes, shown: str) -> Source:
    return Source(text, shown)


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
