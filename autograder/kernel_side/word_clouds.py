"""`wordcloud` where it is not installed: the part of it that notebooks use, with a plainer picture.

Without it, a cell of imports would fail, and with it all that the notebook does.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import random
import re
import sys
import types
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from .containers import Array
from .notices import Notices

PACKAGE = "wordcloud"
MAX_DRAWN = 200
LEAST_SIZE = 6
STOP_WORDS = frozenset(
    {
        "a", "about", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "could",
        "did", "do", "does", "for", "from", "get", "had", "has", "have", "he", "her", "hers", "him", "his", "how", "i",
        "if", "in", "into", "is", "it", "its", "just", "like", "me", "my", "no", "nor", "not", "of", "on", "or", "our",
        "ours", "out", "she", "so", "some", "such", "than", "that", "the", "their", "them", "then", "there", "they",
        "this", "to", "too", "up", "us", "very", "was", "we", "were", "what", "when", "where", "which", "who", "why",
        "will", "with", "would", "you", "your", "yours",
    }
)  # fmt: skip


class WordCloud:
    """Words in a picture, in sizes that follow their counts."""

    def __init__(
        self,
        width: int = 400,
        height: int = 200,
        max_words: int = 200,
        background_color: Any = "black",
        stopwords: Any = None,
        max_font_size: int | None = None,
        min_word_length: int = 0,
        include_numbers: bool = False,
        **other: Any,
    ) -> None:
        self.width, self.height, self.max_words = int(width), int(height), int(max_words)
        self.background_color = background_color or "white"
        self.stopwords = {str(word).lower() for word in (STOP_WORDS if stopwords is None else stopwords)}
        self.max_font_size = max_font_size
        self.min_word_length, self.include_numbers = min_word_length, include_numbers
        self.words_: dict[str, float] = {}

    def process_text(self, text: str) -> dict[str, int]:
        """The words of a text with their counts; capitals do not count, and stop words are left out."""
        words = [word.removesuffix("'s") for word in re.findall(r"\w[\w']*", str(text).lower())]
        kept = [
            word
            for word in words
            if word not in self.stopwords
            and len(word) > max(1, self.min_word_length - 1)
            and (self.include_numbers or not word.isdigit())
        ]
        return dict(Counter(kept))

    def generate_from_text(self, text: str) -> WordCloud:
        """The cloud of a text."""
        return self.generate_from_frequencies(self.process_text(text))

    def generate_from_frequencies(
        self, frequencies: Mapping[str, float], max_font_size: int | None = None
    ) -> WordCloud:
        """The cloud of words with given weights; ValueError when there are none, as in the package."""
        ordered = sorted(dict(frequencies).items(), key=lambda one: -one[1])[: self.max_words]
        if not ordered:
            raise ValueError("We need at least 1 word to plot a word cloud, got 0.")
        self.words_ = {str(word): weight / ordered[0][1] for word, weight in ordered}
        return self

    generate = generate_from_text
    fit_words = generate_from_frequencies

    def recolor(self, *args: Any, **kwargs: Any) -> WordCloud:
        """The cloud as it is."""
        return self

    def to_image(self) -> Any:
        """The picture, as an image of PIL."""
        if not self.words_:
            raise ValueError("WordCloud has not been calculated, call generate first.")
        pil = [importlib.import_module(f"PIL.{name}") for name in ("Image", "ImageDraw", "ImageFont")]
        image = pil[0].new("RGB", (self.width, self.height), self.background_color)
        pen, drawn = pil[1].Draw(image), random.Random(0)
        largest = min(self.max_font_size or self.height, self.height // 4)
        for word, weight in list(self.words_.items())[:MAX_DRAWN][::-1]:
            font = pil[2].load_default(size=max(LEAST_SIZE, int(largest * weight**0.5)))
            place = (drawn.randrange(self.width), drawn.randrange(self.height))
            colour = tuple(drawn.randrange(60, 220) for _ in range(3))
            pen.text(place, word, fill=colour, font=font, anchor="mm")
        return image

    def to_array(self) -> Array:
        """The picture, (height, width, 3) in whole numbers from 0 to 255."""
        return np.asarray(self.to_image())

    def __array__(self, *args: Any, **kwargs: Any) -> Array:
        """What `imshow` draws."""
        return self.to_array()

    def to_file(self, filename: Any) -> WordCloud:
        """Writes the picture to a file."""
        self.to_image().save(filename)
        return self


class ImageColorGenerator:
    """Takes any picture, and colours nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Whatever the package takes."""


class WordClouds(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `wordcloud` where nothing else does."""

    def __init__(self, notices: Notices) -> None:
        self.notices = notices

    def install(self) -> None:
        """Comes last among the finders."""
        sys.meta_path.append(self)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """A spec for the package alone."""
        return (
            importlib.machinery.ModuleSpec(fullname, self, origin="stand-in") if fullname == PACKAGE else None
        )

    def exec_module(self, module: types.ModuleType) -> None:
        """Fills the stand-in, and says so."""
        vars(module).update(
            WordCloud=WordCloud, STOPWORDS=set(STOP_WORDS), ImageColorGenerator=ImageColorGenerator
        )
        said = "The package wordcloud is not installed here; a plainer one stands in for it."
        self.notices.note("package", PACKAGE, said)
