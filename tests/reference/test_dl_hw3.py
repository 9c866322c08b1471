"""The reference of dl-hw3: its notebook, its table, its mutants and styles."""

from __future__ import annotations

import ast
import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from autograder.registry import find_assignment
from autograder.rendering import solution_source, style_sources, template_ipynb
from autograder.rubric.loader import load_rubric
from autograder.stats.printed_layers import printed_networks
from autograder.stats.words import ranked
from autograder.tables import read_songs
from autograder.template import Cell, parse
from autograder.validation.trials import collect_trials
from reference.aml_a3.mutants import Mutant
from reference.aml_a3.special import Special
from reference.dl_hw3 import mutants_pt1, mutants_pt2, special_pt1, special_pt2, stand_ins
from reference.dl_hw3.demo import PARTS, demo_class
from reference.latent_spaces import Decoder, Encoder, interpolate, vae_loss
from reference.lyric_models import LyricsModel, lyrics_step, write_lyrics
from reference.lyric_tables import ARTISTS, song_rows, write_table
from reference.lyrics import count_words, words_of

ASSIGNMENT = find_assignment("dl-hw3")
ITEMS = {"pt1": ("l1", "l2", "l3", "l4", "l5", "l6", "l7"), "pt2": tuple(f"v{n}" for n in range(1, 9))}
SOLUTIONS = {part: solution_source(ASSIGNMENT, part) for part in ITEMS}
SOLUTION = SOLUTIONS["pt1"]
STYLES = {part: style_sources(ASSIGNMENT, part) for part in ITEMS}
MUTANTS = {"pt1": mutants_pt1.MUTANTS, "pt2": mutants_pt2.MUTANTS}
LEAST = {"pt1": 3, "pt2": 2}
"""Mutants of each item, at least."""


@pytest.mark.parametrize(
    ("part", "wrong"),
    [(part, wrong) for part in ITEMS for wrong in MUTANTS[part].values()],
    ids=lambda one: one.id if isinstance(one, Mutant) else one,
)
def test_mutant_changes_cells_of_its_item_only(part: str, wrong: Mutant) -> None:
    right, changed = parse(SOLUTIONS[part]), parse(wrong.apply(SOLUTIONS[part]))
    differing = [cell for cell in changed if cell not in right] + [c for c in right if c not in changed]
    assert differing
    assert {cell.item for cell in differing} == {wrong.item}
    for cell in differing:
        if cell.kind == "code":
            ast.parse(cell.source)


@pytest.mark.parametrize("part", ITEMS)
def test_there_are_mutants_of_every_item(part: str) -> None:
    counts = Counter(wrong.item for wrong in MUTANTS[part].values())
    assert set(counts) == set(ITEMS[part])
    assert min(counts.values()) >= LEAST[part]


@pytest.mark.parametrize(("part", "specials"), [("pt1", special_pt1.SPECIALS), ("pt2", special_pt2.SPECIALS)])
def test_all_trials_fit_the_solution(part: str, specials: dict[str, Special]) -> None:
    trials = collect_trials(ASSIGNMENT, load_rubric(ASSIGNMENT, [part]).parts[0])
    kinds = Counter(trial.kind for trial in trials)
    assert kinds["style"] == len(STYLES[part]) >= 5
    assert kinds["mutant"] == len(MUTANTS[part]) >= 12
    assert {one.part for one in specials.values()} == {part}


@pytest.mark.parametrize(("part", "name"), [(part, name) for part in ITEMS for name in STYLES[part]])
def test_styles_are_complete_notebooks_without_the_templates_order(part: str, name: str) -> None:
    cells = parse(STYLES[part][name])
    lines = [line for cell in cells if cell.kind == "code" for line in cell.source.splitlines()]
    code = "\n".join(line for line in lines if not line.startswith("!"))
    ast.parse(code)
    for needed in ("lyrics" if part == "pt1" else "MNIST", "step()", "numel", "print"):
        assert needed in code
    assert "tensorflow" not in code


SECRETS = {
    "pt1": ("value_counts", "most_common", "nn.LSTM", "str.len", "multinomial", "Grace Hopper"),
    "pt2": ("nn.Linear", "nn.Sigmoid", "zero_grad", "linspace", "meshgrid", "clamp", "Grace Hopper"),
}


@pytest.mark.parametrize("part", ITEMS)
def test_nothing_of_the_solution_is_in_the_template(part: str) -> None:
    template = template_ipynb(ASSIGNMENT, part)
    for secret in SECRETS[part]:
        assert secret in SOLUTIONS[part]
        assert secret not in template


# ------------------------------------------------------------------ the table


def test_the_table_is_always_the_same_and_has_what_songs_have(tmp_path: Path) -> None:
    write_table(tmp_path, seed=0)
    first = (tmp_path / "lyrics/lyrics.csv").read_bytes()
    write_table(tmp_path, seed=0)
    assert (tmp_path / "lyrics/lyrics.csv").read_bytes() == first
    songs = read_songs(tmp_path / "lyrics/lyrics.csv")
    assert Counter(songs.artists) == ARTISTS
    assert len(set(zip(songs.artists, songs.titles, strict=True))) == len(songs.titles)
    text = "".join(songs.lyrics)
    assert all(sign in text for sign in ("\n\n", "'", "!", "...", " -"))
    assert len(first) < 300_000


def test_the_engine_reads_the_table_as_csv_does(tmp_path: Path) -> None:
    stand_ins.write(tmp_path)
    with (tmp_path / "lyrics/lyrics.csv").open(encoding="utf-8", newline="") as file:
        rows = [tuple(row) for row in csv.reader(file)]
    songs = read_songs(tmp_path / "lyrics/lyrics.csv")
    assert rows[1:] == list(zip(songs.artists, songs.titles, songs.lyrics, strict=True)) == song_rows(0)


def test_both_counts_of_words_agree() -> None:
    lyrics = [row[2] for row in song_rows(0)]
    ours = count_words(lyrics)
    theirs = ranked(lyrics)["runs of letters with apostrophes, lower case"]
    assert ours.most_common(3) == sorted(theirs.items(), key=lambda one: -one[1])[:3]
    assert all(ours[word] == count for word, count in theirs.items())


def test_no_rule_of_characters_or_words_is_hit_by_a_mutant() -> None:
    """The bands are one wide either way: what mutants report lies outside all of them."""
    from autograder.stats.words import CHARACTERS, WORDS, means

    lyrics, titles = [row[2] for row in song_rows(0)], [row[1] for row in song_rows(0)]
    characters = [
        float(np.median([len(text) for text in lyrics])),
        float(np.mean([len(text) for text in titles])),
    ]
    characters.append(sum(map(len, lyrics)) / len(ARTISTS))
    words = [float(np.mean([len(set(words_of(text))) for text in lyrics]))]
    words.append(float(np.mean([len(text.splitlines()) for text in lyrics])))
    for wrong, lengths in ((characters, CHARACTERS), (words, WORDS)):
        for value in wrong:
            assert all(abs(value - right) > 2 for right in means(lyrics, lengths).values())


# ------------------------------------------------------------------ the model


def test_words_are_runs_of_letters_with_apostrophes() -> None:
    assert words_of("Don't go - Zoë, 7 o'clock!") == ["don't", "go", "zoë", "o'clock"]


def test_the_model_learns_a_periodic_text_and_writes_it() -> None:
    torch.manual_seed(0)
    tokens = torch.arange(4).repeat(20)
    model = LyricsModel(4, 8, 16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = [lyrics_step(model, optimizer, tokens[None]) for _ in range(60)]
    assert losses[-1] < 0.1 < losses[0]
    written = write_lyrics(model, tokens[:5], 7, torch.Generator().manual_seed(0))
    assert written.tolist() == [0, 1, 2, 3] * 3


def test_the_model_is_printed_as_it_is() -> None:
    model = LyricsModel(60)
    (printed,) = printed_networks(str(model).split("\n"))
    assert printed.n_parameters == sum(parameter.numel() for parameter in model.parameters())
    assert printed.is_exact


# ------------------------------------------------------------------ the demo


@pytest.mark.parametrize("part", ITEMS)
def test_the_demo_class_is_named_as_the_sheet_asks(part: str) -> None:
    mutants = {name: one.apply for name, one in MUTANTS[part].items()}
    files = demo_class(SOLUTIONS[part], "# %%\n", mutants, STYLES[part], str.encode, part)
    assert {Path(name).parent.name for name in files} >= {
        *PARTS[part].correct,
        *PARTS[part].wrong,
        "charles-babbage",
        "blaise-pascal",
    }
    prefix = f"HW3_{part.upper()}_"
    assert all(Path(name).name.startswith(prefix) and name.count("_") == 3 for name in files)
    with pytest.raises(LookupError, match="tutorial" if part == "pt2" else "plain_python"):
        demo_class(SOLUTIONS[part], "", mutants, {}, str.encode, part)


# ------------------------------------------------------------------ the latent space


def test_the_loss_is_the_closed_form_of_two_gaussians() -> None:
    torch.manual_seed(0)
    p, x = torch.rand(3, 784), torch.rand(3, 784)
    mu, log_var = torch.randn(3, 2), torch.randn(3, 2)
    q = torch.distributions.Normal(mu, (0.5 * log_var).exp())
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum()
    bce = torch.nn.functional.binary_cross_entropy(p, x, reduction="sum")
    assert float(vae_loss(p, x, mu, log_var)) == pytest.approx(float(bce + kl) / 3, rel=1e-5)


def test_the_path_begins_and_ends_at_the_two_images() -> None:
    encoder, decoder = Encoder(), Decoder()
    first, second = torch.rand(1, 784), torch.rand(1, 784)
    path = interpolate(encoder, decoder, first, second, 5)
    assert path.shape == (5, 784)
    ends = torch.cat([decoder(encoder(one)[0]) for one in (first, second)])
    assert torch.allclose(path[[0, -1]], ends.detach(), atol=1e-6)


def cells_of(source: str, item: str) -> list[Cell]:
    return [cell for cell in parse(source) if cell.item == item]


@pytest.mark.parametrize("part", ITEMS)
def test_every_item_has_a_task_in_the_solution(part: str) -> None:
    for item in ITEMS[part]:
        assert any(cell.kind == "code" for cell in cells_of(SOLUTIONS[part], item))
