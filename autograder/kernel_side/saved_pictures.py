"""Pictures that a notebook writes to files: by matplotlib, torchvision or PIL, which all save through PIL."""

from __future__ import annotations

import contextlib
import functools
import os
from typing import Any

import numpy as np

from .containers import Array
from .known_images import KnownImages
from .tiles import as_picture, layout, tiles_of
from .values import Encoder

MAX_PICTURES = 64
MAX_SIDE = 640


class PictureRecorder:
    """Pictures of the current cell that are grids of small images, with the names of their files."""

    def __init__(self) -> None:
        self.saved: list[tuple[str, Array]] = []

    def patch(self, module: Any) -> None:
        """Takes `PIL.Image` once it is imported."""
        original = module.Image.save

        @functools.wraps(original)
        def save(image: Any, fp: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(image, fp, *args, **kwargs)
            if isinstance(fp, str | os.PathLike):
                with contextlib.suppress(Exception):
                    self._note(image, os.fspath(fp))
            return result

        module.Image.save = save

    def _note(self, image: Any, path: str) -> None:
        if len(self.saved) >= MAX_PICTURES or max(image.size) > MAX_SIDE:
            return
        picture = as_picture(np.asarray(image))
        if picture is not None and layout(*picture.shape) is not None:
            self.saved.append((str(path)[-120:], picture))

    def take(self, encoder: Encoder, known: KnownImages) -> list[dict[str, Any]]:
        """What was saved since the last call, with its arrays handed to `encoder`, and which images are known."""
        taken, self.saved = self.saved, []
        found = []
        for path, picture in taken:
            codes = known.codes(tiles_of(picture)[0]).tolist()
            found.append({"path": path, "codes": codes, "ref": encoder.array(picture, "ndarray").get("ref")})
        return found
