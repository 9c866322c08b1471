"""The course's own table of songs: read, its truths, and what checks make of outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import autograder.registered  # noqa: F401  # fills the registries
from autograder.checks.findings import Context, Finding
from autograder.datasets import how_to_get, identity, missing_sets, shown_files, shown_sets
from autograder.errors import UsageError
from autograder.golden import Golden
from autograder.goldens import is_of_data, truths_of
from autograder.judging import has_any_work
from autograder.probes.bindings import Bound
from autograder.probes.evidence import Evidence
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import FigureSeen, Observations
from autograder.probes.printed import PrintedLine
from autograder.probes.training import TrainingSeen
from autograder.records import ExecutionRecord
from autograder.registry import CHECKS, find_assignment
from autograder.rubric.loader import load_rubric
from autograder.tables import read_songs
from autograder.truths import TruthParams

ROWS = (
    ("Ann", "Red", "The sea, the sea!\nI dance"), ("Ann", "Blue", "the sea dance"), ("Ann", "Blue", "the sea dance"),
    ("Zoë & Co", "Grey, too", "night is the sea"), ("Zoë & Co", "White", ""),
)  # fmt: skip
PART = load_rubric(find_assignment("dl-hw3"), ["pt1"]).parts[0]


def write_csv(
    folder: Path, rows: Any = ROWS, header: str = "artist,song,lyrics", encoding: str = "utf-8"
) -> Path:
    path = folder / "lyrics" / "lyrics.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [header] + [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


@pytest.fixture
def golden(tmp_path: Path) -> Golden:
    write_csv(tmp_path)
    return Golden(assignment="dl-hw3", part="pt1", values=truths_of(PART, tmp_path))


# ------------------------------------------------------------------ the file


def test_a_table_is_read_with_its_line_breaks_and_quotes(tmp_path: Path) -> None:
    songs = read_songs(write_csv(tmp_path))
    assert songs.columns == ("artist", "song", "lyrics")
    assert songs.artists == ("Ann", "Ann", "Ann", "Zoë & Co", "Zoë & Co")
    assert songs.titles[3] == "Grey, too"
    assert songs.lyrics[0] == "The sea, the sea!\nI dance"


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("title,text,singer", [("Red", "la la", "Ann")]),
        ("Unnamed,Lyrics,Song Name,Artist Name", [("0", "la la", "Red", "Ann")]),
        ("a,b,c", [("Ann", "Red", "la la")]),
    ],
)
def test_columns_are_known_by_name_or_order(tmp_path: Path, header: str, rows: Any) -> None:
    songs = read_songs(write_csv(tmp_path, rows, header))
    assert (songs.artists, songs.titles, songs.lyrics) == (("Ann",), ("Red",), ("la la",))


def test_latin_1_and_other_separators_are_read(tmp_path: Path) -> None:
    assert "Zoë & Co" in read_songs(write_csv(tmp_path, encoding="latin-1")).artists
    path = tmp_path / "other.csv"
    path.write_text("artist;song;lyrics\nAnn;Red;la, la\n", encoding="utf-8-sig")
    assert read_songs(path).lyrics == ("la, la",)


@pytest.mark.parametrize("text", ["", "artist,song\nAnn,Red\n", "artist,song,lyrics\n"])
def test_what_is_no_table_of_songs_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"x\.csv"):
        read_songs(path)


def test_the_courses_table_is_shown_whatever_it_holds(tmp_path: Path) -> None:
    assert missing_sets(tmp_path, ["Lyrics"]) == ["Lyrics"]
    assert "lyrics.csv" in how_to_get(tmp_path, ["Lyrics"])
    assert "data fetch" in how_to_get(tmp_path, ["Lyrics", "MNIST"])
    write_csv(tmp_path)
    before = identity(tmp_path)
    assert missing_sets(tmp_path, ["Lyrics"]) == []
    assert list(shown_files(tmp_path)) == ["lyrics/lyrics.csv"]
    assert list(shown_sets(tmp_path)) == ["Lyrics"]
    write_csv(tmp_path, ROWS[:2])
    assert identity(tmp_path) != before, "another table is another execution"


# ------------------------------------------------------------------ truths


def test_truths_are_those_of_the_table(golden: Golden) -> None:
    value = {key: one.truth for key, one in golden.values.items()}
    assert value["l2.songs[Ann]"] == 3
    assert value["l2.songs.distinct[Ann]"] == 2
    assert value["l3.size.rows"] == 5
    assert (value["l3.size.titles"], value["l3.size.distinct"], value["l3.size.with_lyrics"]) == (4, 4, 4)
    assert value["l4.lengths.words[split at white space]"] == (6 + 3 + 3 + 4) / 4, (
        "songs without lyrics do not count"
    )
    assert value["l6.counts[runs of letters and digits, lower case][sea]"] == 5
    assert value["l1.rows[Grey, too]"] == 3


def test_truths_of_data_are_told_apart_and_left_out_without_data(tmp_path: Path) -> None:
    assert truths_of(PART) == {}
    assert is_of_data(PART, "l2.songs[Ann]")
    assert is_of_data(PART, "l3.size.rows")
    assert not is_of_data(PART, "l4.characters")
    assert not TruthParams.of_data
    with pytest.raises(UsageError, match=r"lyrics\.csv"):
        truths_of(PART, tmp_path)


# ------------------------------------------------------------------ checks


def cell(
    printed: str, index: int = 0, item: str | None = None, source: str = "show()", n_images: int = 0
) -> NotebookCell:
    return NotebookCell(index, "code", source, printed, n_images, item, None)


def seen(*cells: NotebookCell, figures: Any = (), training: Any = ()) -> Evidence:
    observations = Observations(figures=tuple(figures), training=tuple(training))
    record = ExecutionRecord(state="complete")
    return Evidence(PART, cells, observations, record, {key: Bound() for key in PART.evidence}, {})


def found(check_id: str, evidence: Evidence, golden: Golden) -> Finding:
    item, check = next((item, check) for item, check in PART.checks() if check.id == check_id)
    entry = CHECKS[check.check]
    result = entry.function(
        evidence, entry.params.model_validate(check.params), Context(item.id, 1e-3, golden)
    )
    assert isinstance(result, Finding)
    return result


def fraction(check_id: str, golden: Golden, *printed: str, item: str = "") -> float:
    item = item or check_id.partition(".")[0]
    cells = [cell(text, at, item) for at, text in enumerate(printed)]
    return found(check_id, seen(*cells), golden).fraction


@pytest.mark.parametrize(
    ("printed", "share"),
    [
        ("  artist song  lyrics\n0    Ann  Red  The sea\n1    Ann Blue  the sea", 1),
        ("{'artist': 'Ann', 'song': 'Red'}\n{'artist': 'Ann', 'song': 'Blue'}", 1),
        ("artist  Ann\nsong    Red\nlyrics  The sea\nartist  Zoë & Co\nsong  White", 1),
        ("0 Ann Red The sea", 0.5),
        ("Index(['artist', 'song', 'lyrics'], dtype='object')", 0),
        ("Ann 3\nZoë & Co 2", 0),
        ("", 0),
    ],
)
def test_rows_are_told_from_columns_and_counts(golden: Golden, printed: str, share: float) -> None:
    assert fraction("l1.rows", golden, printed) == share


@pytest.mark.parametrize(
    ("printed", "share"),
    [
        ("Ann: 3 songs\nZoë & Co: 2 songs", 1),
        ("artist\nAnn         3\nZoë & Co    2\nName: count, dtype: int64", 1),
        ("{'Ann': 3, 'Zoë & Co': 2}", 1),
        ("3 Ann\n2 Zoë & Co", 1),
        ("Ann: 2\nZoë & Co: 2", 1),  # different titles
        ("Ann has\n  3\nZoë & Co has\n  2", 1),
        ("['Ann' 'Zoë & Co']", 0.5),
        ("Ann: 3", 0.5),
        ("Ann: 60 %\nZoë & Co: 40 %", 0.5),
        ("Annette: 3", 0),
    ],
)
def test_artists_and_counts_are_found_in_any_layout(golden: Golden, printed: str, share: float) -> None:
    assert fraction("l2.artists", golden, printed) == share


def test_a_long_list_that_was_cut_short_earns_half(tmp_path: Path) -> None:
    write_csv(tmp_path, [(f"Singer {at}", "Red", "la la") for at in range(100)])
    many = Golden(assignment="dl-hw3", part="pt1", values=truths_of(PART, tmp_path))
    shown = [f"Singer {at}    1" for at in (*range(5), *range(95, 100))]
    cut = "\n".join([*shown[:5], "            ..", *shown[5:], "Name: count, Length: 100, dtype: int64"])
    assert fraction("l2.artists", many, cut) == 0.5
    assert fraction("l2.artists", many, "\n".join(shown)) == 0.1


def test_numbers_that_a_bar_chart_shows_count_for_named_artists(golden: Golden) -> None:
    chart = FigureSeen(0, {"axes": [{"bars": {"n": 2, "heights": [3.0, 2.0]}}]}, {})
    assert (
        found("l2.artists", seen(cell("['Ann' 'Zoë & Co']", 0, "l2"), figures=[chart]), golden).fraction == 1
    )


@pytest.mark.parametrize(
    ("printed", "table", "songs"),
    [
        ("(5, 3)", 1, 1),
        ("5 rows, 3 columns\nThere are 5 songs.", 1, 1),
        ("15\n5 songs", 1, 1),
        ("RangeIndex: 5 entries, 0 to 4\nData columns (total 3 columns):\nmemory usage: 252.0+ bytes", 1, 1),
        ("4 songs", 0, 1),
        ("2", 0, 0),
        ("3 columns", 0, 0),
        ("", 0, 0),
    ],
)
def test_size_and_number_of_songs(golden: Golden, printed: str, table: float, songs: float) -> None:
    assert fraction("l3.table", golden, printed) == table
    assert fraction("l3.songs", golden, printed) == songs


def test_numbers_that_stand_in_the_source_are_not_computed(golden: Golden) -> None:
    typed = cell("5 rows and 3 columns", 0, "l3", 'print("5 rows and 3 columns")')
    assert found("l3.table", seen(typed), golden).fraction == 0


@pytest.mark.parametrize(
    ("printed", "share"),
    [
        ("[('the', 5), ('sea', 5), ('dance', 3)]", 1),
        ("the: 5 times\nsea: 5 times\ndance: 3 times", 1),
        ("1. the - 5\n2. sea - 5\n3. dance - 3", 1),
        ("     word  count\n0     the      5\n1     sea      5\n2   dance      3", 1),
        ("The top 3 words are: the, sea and dance", 1),
        ("the\nsea\ndance", 1),
        ("['sea', 'dance', 'night']", 1),  # without stop words
        ("the: 5\nsea: 5\ndance: 3\nnight: 1\nis: 1", 1),  # the first five
        ("the: 2, sea: 2, dance: 1", 0),  # of one song
        ("night: 1\nis: 1\ni: 1", 0),
        ("e: 14 times\na: 9 times\ns: 8 times", 0),
        ("", 0),
    ],
)
def test_top_words_in_any_layout(golden: Golden, printed: str, share: float) -> None:
    assert fraction("l6.words", golden, printed) == share


def cloud(**axes: Any) -> list[FigureSeen]:
    return [FigureSeen(0, {"axes": [axes]}, {})]


def texts(words: str, *sizes: float) -> list[dict[str, Any]]:
    listed = words.split()
    return [{"text": word, "size": sizes[min(at, len(sizes) - 1)]} for at, word in enumerate(listed)]


WORDS = "sea dance night the i is one two three four five"


@pytest.mark.parametrize(
    ("axes", "share"),
    [
        ({"texts": texts(WORDS, 40, 30, 20, 10)}, 1),
        ({"images": [{"shape": [200, 400, 3]}]}, 1),
        ({"texts": texts(WORDS, 12)}, 0),
        ({"texts": texts("a b c d e f g h j k l", 40, 30, 20)}, 0),
        ({"texts": texts("sea dance", 40, 20)}, 0),
        ({"images": [{"shape": [28, 28]}]}, 0),
        ({"bars": {"n": 3, "heights": [3, 2, 1]}}, 0),
    ],
)
def test_word_clouds(golden: Golden, axes: dict[str, Any], share: float) -> None:
    assert found("l5.cloud", seen(cell("", 0, "l5"), figures=cloud(**axes)), golden).fraction == share


NETWORK = "LyricsModel(\n  (embedding): Embedding(10, 4)\n  (head): Linear(in_features=4, out_features=10, bias=True)\n)"


@pytest.mark.parametrize(
    ("printed", "share"),
    [
        (f"{NETWORK}\nnumber of parameters: 90", 1),
        (f"{NETWORK}\nnumber of parameters: 3", 0.5),
        (NETWORK, 0.5),
        ("number of parameters: 90", 0),
        ("Layer (type)  Output Shape  Param #\nLinear-1 [-1, 10] 50\nTotal params: 90", 1),
    ],
)
def test_models_are_printed_with_their_own_number(golden: Golden, printed: str, share: float) -> None:
    assert fraction("l7.printed", golden, printed) == share


STEPS = TrainingSeen(0, "step", "Adam", 40, {})


@pytest.mark.parametrize(
    ("printed", "share"),
    [
        (
            "I will dance with the sea tonight and never come back home\nthe light of the river, oh the light",
            1,
        ),
        ("epoch 1: loss 2.3\nepoch 2: loss 2.2\nepoch 3: loss 2.1\nepoch 4: loss 2.0\nepoch 5: loss 1.9", 0),
        ("I wil", 0),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0),
    ],
)
def test_generated_texts(golden: Golden, printed: str, share: float) -> None:
    assert found("l7.text", seen(cell(printed, 1, "l7"), training=[STEPS]), golden).fraction == share


def test_a_training_is_work_of_the_students_own(golden: Golden) -> None:
    assert not has_any_work(seen(cell("", 0, "l7")))
    assert has_any_work(seen(cell("", 0, "l7"), training=[STEPS]))


def test_training_is_what_makes_a_text_generated(golden: Golden) -> None:
    text = "I will dance with the sea tonight and never come back home to the light of the river"
    assert found("l7.text", seen(cell(text, 1, "l7")), golden).fraction == 0
    assert found("l7.trained", seen(cell(text, 1, "l7")), golden).fraction == 0
    assert found("l7.trained", seen(cell(text, 1, "l7"), training=[STEPS]), golden).fraction == 1


def test_a_generated_text_may_stand_in_a_section_of_its_own(golden: Golden) -> None:
    text = "qx;Zz 4,t ooe. Tn'n ht aae!eh,\nIl s  hnt gkk, mrrl uo\n(h?e 9nn otr - wsh lld hwne"
    assert found("l7.text", seen(cell("", 0, "l7"), cell(text, 2), training=[STEPS]), golden).fraction == 1
    other = cell(text, 2, "l3")
    assert found("l7.text", seen(cell("", 0, "l7"), other, training=[STEPS]), golden).fraction == 0


def test_numbers_belong_to_the_words_before_or_to_their_units() -> None:
    line = PrintedLine(0, "On average a song has 785 characters and 141 words")
    assert 785.0 in {value for value, _ in line.numbers(PART.evidence["l4.characters"])}
    assert [value for value, _ in line.numbers(PART.evidence["l4.words"])] == [141.0]
    labelled = PrintedLine(0, "characters: 785.01, words: 141.04")
    assert [value for value, _ in labelled.numbers(PART.evidence["l4.words"])] == [141.04]


@pytest.mark.parametrize(
    ("source", "share"),
    [
        ("import torch", 1),
        ("import tensorflow as tf", 0),
        ("from tensorflow import keras", 0),
        ("try:\n    import keras.layers\nexcept ImportError:\n    pass", 0),
        ("import kerastuner", 1),
        ("# import tensorflow\nx = 'import keras'", 1),
        ("from .keras import x", 1),
    ],
)
def test_keras_and_tensorflow_are_refused_with_a_sentence(golden: Golden, source: str, share: float) -> None:
    result = found("l7.packages", seen(cell("", 0, "l7", source)), golden)
    assert result.fraction == share
    assert share == 1 or "PyTorch" in result.message
