"""Typical mistakes in part 1: each mutant is the solution with one mistake in one item.

What the sheet leaves open is no mistake and has no mutant: how many rows are shown beyond two, what is counted as a
character or a word, whether stop words are left out, how good the generated text is.
"""

from __future__ import annotations

from functools import partial

from reference.aml_a3.mutants import Mutant, drop_cell, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}

mutant = partial(register, registry=MUTANTS, revealed_by="form")

# ------------------------------------------------------------------ l1: rows


@mutant("l1", "prints the names of the columns and no row")
def columns_for_rows(source: str) -> str:
    return swap(source, "print(first_rows)", "print(songs.columns)")


@mutant("l1", "shows one row")
def one_row(source: str) -> str:
    return swap(source, ".head(5).to_string(", ".head(1).to_string(")


@mutant("l1", "describes the columns in place of showing rows")
def description_for_rows(source: str) -> str:
    return swap(source, "print(first_rows)", "print(songs.dtypes)")


# ------------------------------------------------------------------ l2: artists


@mutant("l2", "prints the artists without the number of songs")
def artists_without_counts(source: str) -> str:
    return swap(source, 'print(f"{artist}: {n_of_artist} songs")', "print(artist)")


@mutant("l2", "shows the first five artists only")
def first_artists_only(source: str) -> str:
    return swap(source, "in songs_per_artist.items():", "in songs_per_artist.head(5).items():")


@mutant("l2", "prints the share of the songs in place of their number")
def shares_for_counts(source: str) -> str:
    return swap(
        source, 'songs["artist"].value_counts()\n', 'songs["artist"].value_counts(normalize=True).round(3)\n'
    )


@mutant("l2", "counts how often each title occurs")
def titles_counted(source: str) -> str:
    return swap(source, 'songs["artist"].value_counts()\n', 'songs["song"].value_counts()\n')


@mutant("l2", "numbers the artists in place of counting their songs")
def artists_numbered(source: str) -> str:
    return swap(
        source,
        'for artist, n_of_artist in songs_per_artist.items():\n    print(f"{artist}: {n_of_artist} songs")',
        'for place, artist in enumerate(songs_per_artist.index, start=100):\n    print(f"{place}. {artist}")',
    )


# ------------------------------------------------------------------ l3: size


@mutant("l3", "takes the number of artists for the number of songs")
def artists_for_songs(source: str) -> str:
    return swap(source, "n_songs = len(songs)\n", 'n_songs = songs["artist"].nunique()\n')


@mutant("l3", "counts the rows that head() shows")
def size_of_head(source: str) -> str:
    return swap(
        source,
        "{songs.shape[0]} rows and {songs.shape[1]} columns",
        "{songs.head().shape[0]} rows and {songs.shape[1]} columns",
    )


@mutant("l3", "prints the number of columns for both")
def columns_for_songs(source: str) -> str:
    source = swap(source, "n_songs = len(songs)\n", "n_songs = len(songs.columns)\n")
    return swap(source, "{songs.shape[0]} rows and {songs.shape[1]} columns", "{songs.shape[1]} columns")


@mutant("l3", "takes the number of cells for the number of songs")
def cells_for_songs(source: str) -> str:
    return swap(source, "n_songs = len(songs)\n", "n_songs = songs.size\n")


# ------------------------------------------------------------------ l4: lengths


@mutant("l4", "reports the median for the mean")
def median_for_mean(source: str) -> str:
    return swap(source, 'songs["lyrics"].str.len().mean()', 'songs["lyrics"].str.len().median()')


@mutant("l4", "counts the characters of the titles")
def characters_of_titles(source: str) -> str:
    return swap(source, 'songs["lyrics"].str.len().mean()', 'songs["song"].str.len().mean()')


@mutant("l4", "counts different words")
def different_words(source: str) -> str:
    return swap(source, "len(words_of(text))).mean()", "len(set(words_of(text)))).mean()")


@mutant("l4", "divides the characters of all songs by the number of artists")
def mean_over_artists(source: str) -> str:
    return swap(
        source,
        'mean_characters = songs["lyrics"].str.len().mean()',
        'mean_characters = songs["lyrics"].str.len().sum() / songs["artist"].nunique()',
    )


@mutant("l4", "counts lines as words")
def lines_for_words(source: str) -> str:
    return swap(source, "len(words_of(text))).mean()", "len(text.splitlines())).mean()")


@mutant("l4", "reports the characters of all songs together")
def characters_of_all_songs(source: str) -> str:
    return swap(source, 'songs["lyrics"].str.len().mean()', 'songs["lyrics"].str.len().sum()')


# ------------------------------------------------------------------ l5: word cloud


@mutant("l5", "draws a bar chart in place of a word cloud")
def bars_for_cloud(source: str) -> str:
    return swap(
        source,
        "draw_word_cloud(ax, telling, 40, rng)\n",
        "ax.bar([word for word, _ in telling.most_common(40)], [n for _, n in telling.most_common(40)])\n",
    )


@mutant("l5", "draws a cloud of the artists' names")
def cloud_of_artists(source: str) -> str:
    return swap(
        source,
        "draw_word_cloud(ax, telling, 40, rng)\n",
        'draw_word_cloud(ax, Counter({f"{a} {n}": n for a, n in zip(songs["artist"], range(40))}), 12, rng)\n',
    )


@mutant("l5", "draws all words in one size")
def cloud_of_one_size(source: str) -> str:
    return swap(source, "fontsize=8 + 30 * (count / largest) ** 0.5", "fontsize=14")


@mutant("l5", "leaves the word cloud out")
def cloud_missing(source: str) -> str:
    source = drop_line(source, "fig, ax = plt.subplots(figsize=(10, 6))")
    source = drop_line(source, "draw_word_cloud(ax, telling")
    return drop_line(source, 'ax.set_title("Words of the lyrics")')


@mutant("l5", "draws the letters in place of the words")
def cloud_of_letters(source: str) -> str:
    return swap(
        source,
        "draw_word_cloud(ax, telling, 40, rng)\n",
        'draw_word_cloud(ax, Counter("".join("".join(songs["lyrics"]).lower().split())), 20, rng)\n',
    )


# ------------------------------------------------------------------ l6: words


@mutant("l6", "prints the least used words")
def least_used_words(source: str) -> str:
    return swap(source, "word_counts.most_common(3)", "word_counts.most_common()[-3:]")


@mutant("l6", "counts the words of the first song")
def words_of_first_song(source: str) -> str:
    return swap(source, "word_counts.most_common(3)", 'count_words(songs["lyrics"][:1]).most_common(3)')


@mutant("l6", "counts characters")
def characters_for_words(source: str) -> str:
    return swap(source, "word_counts.most_common(3)", 'Counter("".join(songs["lyrics"])).most_common(3)')


@mutant("l6", "counts in how many songs a word occurs")
def songs_with_word(source: str) -> str:
    return swap(
        source,
        "word_counts.most_common(3)",
        'Counter(w for text in songs["lyrics"] for w in set(words_of(text))).most_common(3)',
    )


@mutant("l6", "counts the words of the titles")
def words_of_titles(source: str) -> str:
    return swap(source, "word_counts.most_common(3)", 'count_words(songs["song"]).most_common(3)')


@mutant("l6", "prints the three longest words")
def longest_words(source: str) -> str:
    return swap(
        source, "word_counts.most_common(3)", "sorted(word_counts.items(), key=lambda one: -len(one[0]))[:3]"
    )


# ------------------------------------------------------------------ l7: text generation


@mutant("l7", "never updates the model")
def never_trained(source: str) -> str:
    return swap(source, "    optimizer.step()\n", "")


@mutant("l7", "prints the model without the number of its parameters")
def parameters_not_printed(source: str) -> str:
    return drop_line(source, 'print(f"number of parameters:')


@mutant("l7", "prints the number of tensors for the number of parameters")
def tensors_for_parameters(source: str) -> str:
    return swap(source, "sum(p.numel() for p in model.parameters())", "len(list(model.parameters()))")


@mutant("l7", "shows no generated text")
def text_not_shown(source: str) -> str:
    return swap(source, "\nprint(generated)\n", "\n")


@mutant("l7", "generates three characters")
def text_too_short(source: str) -> str:
    return swap(
        source, "write_lyrics(model, prompt, 300, generator)", "write_lyrics(model, prompt, 3, generator)"
    )


@mutant("l7", "imports Keras")
def keras_imported(source: str) -> str:
    return swap(
        source,
        "prompt = torch.tensor([place_of",
        "try:\n    from tensorflow import keras\nexcept ImportError:\n    keras = None\nprompt = torch.tensor([place_of",
    )


@mutant("l7", "has no model at all")
def model_missing(source: str) -> str:
    for text in ("class LyricsModel", "model = LyricsModel(", "losses.append(total", "print(generated)"):
        source = drop_cell(source, text)
    return source


def drop_line(source: str, begins: str) -> str:
    """Return the source without the one line that begins with a text; ValueError unless there is exactly one."""
    lines = source.splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(begins)]
    if len(lines) - len(kept) != 1:
        raise ValueError(f"expected one line with the text, found {len(lines) - len(kept)}: {begins!r}")
    return "".join(kept)
