"""The grammar of paths: what it takes, what it refuses and where, and that text and path say the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import UsageError
from autograder.probes.paths import KEY, Path, numeric_key, parse_path, same_step, spellings, with_key

NAMES = st.from_regex(r"[A-Za-z_αβ][A-Za-z0-9_αβ]{0,8}", fullmatch=True)
TEXT_KEYS = st.text(alphabet="abc xyz.=-0123456789", min_size=1, max_size=8)
NUMBERS = st.sampled_from([0.0, 1.0, -1.0, 0.1, 0.5, 1.5, 12.0, 1e-3, 250000.0, 1e20])


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("samples", Path("samples")),
        ("  samples  ", Path("samples")),
        ("results.samples", Path("results", ("samples",))),
        ("results[0.5].samples", Path("results", (0.5, "samples"))),
        ('results[0.5]["samples"]', Path("results", (0.5, "samples"))),
        ("results['s=0.5'][ -1 ]", Path("results", ("s=0.5", -1.0))),
        ("a[.5][5.][1e-3][+2]", Path("a", (0.5, 5.0, 1e-3, 2.0))),
        ("mh[{key}].chain", Path("mh", (KEY, "chain"))),
        ("acc_{key}", Path("acc_{key}")),
        ("σ.μ", Path("σ", ("μ",))),
        ("a['it\"s']", Path("a", ('it"s',))),
        ("a['']", Path("a", ("",))),
    ],
)
def test_what_the_grammar_takes(text: str, path: Path) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("a[", "["),
        ("a.b[x]", "[x]"),
        ("a.1", ".1"),
        ("a()", "()"),
        ("a['x\"]", "['x\"]"),
        ("a[0.5", "[0.5"),
        ("a b", " b"),
        ("a[1:2]", "[1:2]"),
        ("a.b.", "."),
        ("a[0].b; import os", "; import os"),
    ],
)
def test_what_it_refuses_and_where(text: str, unread: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_path(text)
    assert f"cannot read {unread!r}" in str(caught.value)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["", "  ", "[0]", "0.5", ".a", "(a)"])
def test_a_path_begins_with_a_name(text: str) -> None:
    with pytest.raises(UsageError, match="expected a variable's name first"):
        parse_path(text)


@given(NAMES, st.lists(st.one_of(NAMES, TEXT_KEYS, NUMBERS), max_size=4))
def test_text_and_path_say_the_same(name: str, steps: list[str | float]) -> None:
    path = Path(name, tuple(steps))
    assert parse_path(str(path)) == path


@pytest.mark.parametrize("step", [1234567.0, 50000.5, 0.30000000000000004])
def test_long_numbers_survive_the_round_trip(step: float) -> None:
    path = Path("a", (step,))
    assert parse_path(str(path)) == path


@pytest.mark.parametrize("step", ['say "x"', "_hidden", "{key}", "class"])
def test_odd_keys_survive_the_round_trip(step: str) -> None:
    path = Path("a", (step,))
    assert parse_path(str(path)) == path


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("samples", "Samples", True),
        ("samples", "sample", False),
        ("0.5", 0.5, True),
        (0.5, "s=0.5", True),
        ("s = 0.50", 0.5, True),
        ("s_0.5", 0.5, True),
        ("step 1.5 of 3", 1.5, False),
        ("s1", 1.0, False),
        (1, 1.0, True),
        (0.5, 0.1, False),
    ],
)
def test_when_two_steps_are_one(left: str | float, right: str | float, same: bool) -> None:
    assert same_step(left, right) is same
    assert same_step(right, left) is same


@pytest.mark.parametrize(
    ("text", "number"),
    [("0.5", 0.5), ("s=1e-3", 1e-3), ("step -2", -2.0), ("none", None), ("1 and 2", None), ("", None)],
)
def test_the_one_number_of_a_key(text: str, number: float | None) -> None:
    assert numeric_key(text) == number


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (0.1, ("0_1", "01", "0p1")),
        (1.5, ("1_5", "15", "1p5")),
        (2.0, ("2",)),
        (-0.5, ("m0_5", "m05", "m0p5")),
    ],
)
def test_spellings(key: float, expected: tuple[str, ...]) -> None:
    assert spellings(key) == expected


def test_a_pattern_means_a_path_for_each_key() -> None:
    assert with_key(parse_path("mh[{key}].chain"), 0.5) == [Path("mh", (0.5, "chain"))]
    assert with_key(parse_path("acc_{key}"), 0.5) == [Path("acc_0_5"), Path("acc_05"), Path("acc_0p5")]
    assert with_key(parse_path("plain"), 0.5) == [Path("plain")]
    both = with_key(parse_path("run_{key}[{key}]"), 1.5)
    assert both == [Path("run_1_5", (1.5,)), Path("run_15", (1.5,)), Path("run_1p5", (1.5,))]


def test_the_words_of_a_path_are_in_lower_case() -> None:
    assert parse_path("MH['Rate']").words == "mh.rate"
