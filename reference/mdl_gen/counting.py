"""The perplexity of a model that counts pairs of characters: what a language model of the lab has to beat."""

from __future__ import annotations

import numpy as np


def bigram_perplexity(train_text: str, validation_text: str) -> float:
    """Return the validation perplexity of p(b | a) = (count(a, b) + 1) / (count(a) + V): lower is better."""
    characters = sorted(set(train_text + validation_text))
    place = {character: at for at, character in enumerate(characters)}
    train = np.array([place[character] for character in train_text])
    validation = np.array([place[character] for character in validation_text])
    counts = np.ones((len(characters), len(characters)))
    np.add.at(counts, (train[:-1], train[1:]), 1)
    probs = counts / counts.sum(axis=1, keepdims=True)
    return float(np.exp(-np.log(probs[validation[:-1], validation[1:]]).mean()))
