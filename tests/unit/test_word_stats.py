"""What a word is, which are used most, and when a reported three is an accepted reading."""

from __future__ import annotations

import pytest

from autograder.stats.words import CHARACTERS, RULES, WORDS, means, ranked, reading_of

TEXTS = ["The river don't stop.\nThe river, oh the river!", "I dance and I dance; the river runs."]
"""the 4 (The 2), river 4, dance 2, i 2, and 1, ..."""


def test_lengths_follow_their_rules() -> None:
    lengths = means(["ab  c\n", "d"], CHARACTERS)
    assert lengths == {
        "all": 3.5, "without the ends": 3.0, "without line breaks": 3.0, "without white space": 2.0,
        "letters and digits": 2.0, "letters": 2.0,
    }  # fmt: skip
    words = means(["don't go - now"], WORDS)
    assert words["split at white space"] == 4
    assert words["runs of letters and digits"] == 4
    assert words["runs of letters with apostrophes"] == 3
    assert words["split, punctuation around them stripped"] == 3
    assert words["split after punctuation was removed"] == 3
    assert means([], WORDS) == {}


def test_pieces_between_blanks_do_not_end_at_line_breaks() -> None:
    assert means(["a b\nc"], WORDS)["pieces between blanks"] == 2


@pytest.mark.parametrize(
    ("rule", "word", "n"),
    [
        ("split at white space, lower case", "river", 2),  # beside `river,` and `river!`
        ("runs of letters and digits, lower case", "river", 4),
        ("runs of letters and digits, lower case", "t", 1),
        ("runs of letters with apostrophes, lower case", "don't", 1),
        ("split after punctuation was removed, lower case", "dont", 1),
        ("split at white space, as written", "The", 2),
        ("split, punctuation around them stripped, lower case", "the", 4),
    ],
)
def test_words_are_counted_under_every_rule(rule: str, word: str, n: int) -> None:
    assert ranked(TEXTS, n=30)[rule][word] == n


def counts() -> dict[str, dict[str, float]]:
    return {
        rule: {word: float(n) for word, n in by_word.items()}
        for rule, by_word in ranked(
            ["the " * 9 + "you " * 8 + "oh " * 7 + "night " * 6 + "fire " * 5 + "rose " * 4]
        ).items()
    }


def test_most_used_words_may_keep_or_leave_out_stop_words() -> None:
    assert reading_of(("the", "you", "oh"), counts())
    assert reading_of(("oh", "the", "you"), counts()), "in any order"
    assert reading_of(("night", "fire", "rose"), counts()).endswith("stop words left out")
    assert reading_of(("oh", "night", "fire"), counts()).endswith("stop words left out"), (
        "`oh` is on some lists only"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("night", "rose", "oh"),  # `fire` is used more often, and nobody stops it
        ("the", "night", "fire"),  # `you` was left out and `the` was not
        ("fire", "rose", "rose"),
        ("the", "you", "moon"),
        ("you", "oh", "night"),
    ],
)
def test_other_words_are_no_reading(words: tuple[str, ...]) -> None:
    assert reading_of(words, counts()) == ""


def test_words_of_one_letter_may_be_left_out_alone() -> None:
    """As scikit-learn counts."""
    by_word = {"rule": {"i": 9.0, "the": 8.0, "you": 7.0, "to": 6.0}}
    assert reading_of(("the", "you", "to"), by_word).endswith("one letter left out")
    assert reading_of(("i", "you", "to"), by_word) == ""


def test_enough_is_kept_to_judge_three_words_among_many_stop_words() -> None:
    stopped = (
        "the",
        "and",
        "you",
        "that",
        "this",
        "with",
        "for",
        "was",
        "have",
        "not",
        "are",
        "your",
        "they",
        "them",
    )
    text = (
        "".join(f"{word} " * (100 - at) for at, word in enumerate(stopped))
        + "fire " * 3
        + "rain " * 2
        + "rose "
    )
    kept = ranked([text])
    assert reading_of(("fire", "rain", "rose"), {rule: dict(by_word) for rule, by_word in kept.items()})


def test_every_rule_is_a_cut_with_and_without_capitals() -> None:
    assert len(RULES) == 2 * 5
    assert RULES["split at white space, lower case"]("Ab ab") == ["ab", "ab"]
    assert RULES["split at white space, as written"]("Ab ab") == ["Ab", "ab"]
