"""Simple stories of our own, made by a small grammar: a stand-in where TinyStories cannot be reached, and a local loader."""

from __future__ import annotations

from pathlib import Path

import numpy as np

WORDS = {
    "who": ("a little girl", "a small dog", "an old bear", "a brave mouse", "a kind boy", "a tiny bird"),
    "place": (
        "in the garden",
        "by the river",
        "at the market",
        "under a big tree",
        "in the snow",
        "near the sea",
    ),
    "thing": ("a red ball", "a shiny stone", "an old key", "a warm cake", "a lost kite", "a blue hat"),
    "mood": ("happy", "sad", "curious", "tired", "scared", "proud"),
    "friend": ("a friendly cat", "a quiet turtle", "her brother", "an old man", "a funny frog", "a shy fox"),
    "deed": ("play", "sing", "look for it", "share it", "build a house", "go home"),
}
"""The words of the grammar, by what they stand for."""

SYLLABLES = (
    "an",
    "bel",
    "dor",
    "el",
    "fin",
    "ga",
    "ho",
    "ka",
    "lim",
    "mo",
    "na",
    "pel",
    "ri",
    "sa",
    "to",
    "vi",
)
"""Names are made of three: enough different words for some thousand subwords."""

STORIES = (
    "Once upon a time {who} called {name} lived in {town}. One day {name} was {place} and saw {thing}. {name} felt {mood}.",
    '{name} met {friend} {place}. "Do you want to {deed}?" asked {name}. "Yes," said {friend}, "let us {deed} together."',
    "It was a cold day, and {name} felt {mood}. Then {friend} came and gave {name} {thing}. They went to {deed} {place}.",
    "{name} had {thing}, but it was gone. {name} looked {place}. {friend} had kept it. Now {name} was {mood}.",
)
ENDS = (
    "The end.",
    "And they were friends from then on.",
    "{name} went home and slept well.",
    "What a {mood} day it was!",
)


def made_stories(n_characters: int, seed: int) -> str:
    """Return stories, one a line, of n_characters together at least; always the same ones for a seed."""
    rng = np.random.default_rng(seed)
    lines: list[str] = []
    n_written = 0
    while n_written < n_characters:
        chosen = {kind: str(rng.choice(words)) for kind, words in WORDS.items()}
        for kind in ("name", "town"):
            chosen[kind] = "".join(rng.choice(SYLLABLES, size=3)).capitalize()
        first, second = rng.choice(len(STORIES), size=2, replace=False)
        end = str(rng.choice(ENDS))
        lines.append(" ".join((STORIES[first], STORIES[second], end)).format(**chosen))
        n_written += len(lines[-1]) + 1
    return "\n".join(lines) + "\n"


def load_stories(path: str | Path, n_characters: int) -> str:
    """Return the beginning of a local text, whole lines of it, at least one.

    Raises
    ------
    FileNotFoundError
        There is no such file: put any text with one story a line there.
    """
    text = Path(path).read_text(encoding="utf-8")
    end = text.rfind("\n", 0, n_characters)
    return text if n_characters >= len(text) else text[: end + 1] or text[:n_characters]
