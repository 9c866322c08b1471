"""Correct ways of part c that learn at another pace than the solution: what the sheet leaves open about the embedding."""

from __future__ import annotations

from dataclasses import dataclass

from reference.aml_a3.mutants import Edit, swap

INITIALISED = "        self.apply(init_linear)\n"


@dataclass(frozen=True, slots=True)
class Convention:
    """The solution with one choice of its own."""

    id: str
    about: str
    apply: Edit


def _initialised(line: str) -> Edit:
    return lambda source: swap(source, INITIALISED, f"{INITIALISED}        {line}\n")


CONVENTIONS: dict[str, Convention] = {
    one.id: one
    for one in (
        Convention(
            "small_embedding",
            "an embedding drawn from N(0, 0.02²), as GPT does",
            _initialised("nn.init.normal_(self.embedding.weight, std=0.02)"),
        ),
        Convention(
            "xavier_embedding",
            "Xavier uniform for the embedding, too",
            _initialised("nn.init.xavier_uniform_(self.embedding.weight)"),
        ),
        Convention(
            "scaled_embedding",
            "an embedding multiplied by the root of the model's width",
            lambda source: swap(
                source,
                "self.embedding(tokens) + ",
                "self.embedding(tokens) * math.sqrt(self.config.d_model) + ",
            ),
        ),
        Convention(
            "tied_head",
            "an embedding that is tied to the head",
            lambda source: swap(
                source, "        if config.is_tied:\n            self.embedding", "        self.embedding"
            ),
        ),
    )
}
