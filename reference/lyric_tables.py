"""A generated table of songs, for tests and demos: no lyrics of anybody's are passed on.

It has the columns of the sheet (artist, song, lyrics) and what real lyrics have: choruses, line breaks, contractions,
capitals, punctuation and accents. Nothing that is measured on it says anything about real songs.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

TABLE_FILE = Path("lyrics", "lyrics.csv")
COLUMNS = ("artist", "song", "lyrics")

ARTISTS = {
    "Mara Voss": 34, "The Paper Lanterns": 29, "Zoë Quill": 27, "Harbour Nine": 23, "Old Kite": 19,
    "Tin Orchard": 16, "Juno & the Tides": 11, "Low Ember": 7,
}  # fmt: skip
"""Invented artists and how many songs each has."""

ADJECTIVES = (
    "Silver",
    "Broken",
    "Quiet",
    "Burning",
    "Hollow",
    "Golden",
    "Distant",
    "Paper",
    "Wild",
    "Frozen",
)
NOUNS = (
    "River",
    "Lantern",
    "Harbour",
    "Winter",
    "Mirror",
    "Garden",
    "Window",
    "Highway",
    "Shadow",
    "Thunder",
)

SUBJECTS = (
    "I",
    "You",
    "We",
    "The river",
    "The morning",
    "My heart",
    "This city",
    "Somebody",
    "The summer rain",
)
VERBS = (
    "will follow", "can't remember", "don't believe in", "was running to", "keeps dreaming of", "loved",
    "is waiting for", "never promised", "came burning through",
)  # fmt: skip
OBJECTS = (
    "the midnight train", "your golden light", "the dancing shadows", "my midnight window", "the summer rain",
    "a broken mirror", "the road to heaven", "your voice, tonight", "the fire and the sea", "the heart of the river",
)  # fmt: skip
ENDS = (",", ".", "!", "", " -", "...", "?")
CHORUS = (
    "Oh, dance with me tonight,",
    "I'm dreaming of the river, of the light",
    "And the midnight is ours to keep!",
)


def write_song(rng: np.random.Generator) -> str:
    """Return the lyrics of a song: verses of a small grammar, with a chorus between them or without one."""
    verses = []
    for _ in range(rng.integers(2, 6)):
        lines = [
            f"{rng.choice(SUBJECTS)} {rng.choice(VERBS)} {rng.choice(OBJECTS)}{rng.choice(ENDS)}"
            for _ in range(rng.integers(3, 7))
        ]
        verses.append("\n".join(lines))
        if rng.random() < 0.5:
            verses.append("\n".join(CHORUS[: rng.integers(1, 4)]))
    return "\n\n".join(verses)


def song_rows(seed: int) -> list[tuple[str, str, str]]:
    """Return the rows of the table: artist, song, lyrics; the artists in turn, no title twice for an artist."""
    rng = np.random.default_rng(seed)
    rows = []
    for artist, n in ARTISTS.items():
        titles = [f"{adjective} {noun}" for adjective in ADJECTIVES for noun in NOUNS]
        chosen = [str(title) for title in rng.permutation(titles)[:n]]
        rows += [(artist, title, write_song(rng)) for title in chosen]
    return rows


def write_table(folder: Path, seed: int) -> None:
    """Write the table under `folder`, where the grader looks for the course's own; always the same for a seed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(song_rows(seed))
    path = folder / TABLE_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.getvalue(), encoding="utf-8", newline="\n")
