"""Pages of executed notebooks: they show what was computed, and nothing in them acts, loads or grows without end."""

from __future__ import annotations

import base64
import html
import importlib
import json
import re
import struct
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from autograder.notebook_pages import taming, writing
from autograder.notebook_pages.drawings import MAX_SHAPES, clean_svg
from autograder.notebook_pages.exporter import render
from autograder.notebook_pages.markup import clean_html
from autograder.notebook_pages.pictures import clean_jpeg, data_url
from autograder.notebook_pages.texts import MAX_TEXT, printed_html, visible
from autograder.records import CellRecord, ExecutionRecord

sys.path.insert(0, str(Path(__file__).parents[1]))
attacks = importlib.import_module("corpus.hostile_outputs")
png = importlib.import_module("unit.review_runs").png

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{}</svg>'
INERT = re.compile(
    r"!doctype|html|head|meta|title|style|body|main|h1|h2|p|section|a|span|div|pre|code|figure|img|table|thead|tbody|tfoot|"
    r"tr|th|td|caption|br|hr|samp|kbd|var|b|strong|i|em|u|s|del|ins|mark|small|sub|sup|ul|ol|li|dl|dt|dd|blockquote|abbr|q|"
    r"math|m[a-z]+"
)


class Tags(HTMLParser):
    """Elements, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._is_style = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._is_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._is_style = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._is_style else data

    def values(self, *names: str) -> Iterator[str]:
        for _, attrs in self.tags:
            for name in names:
                if name in attrs:
                    yield attrs[name]


def page_of(*outputs: Any, source: Any = "x", **more: Any) -> Tags:
    cell = {"cell_type": "code", "source": source, "outputs": list(outputs), **more}
    return Tags(render({"cells": [cell]}, title="T"))


def stream(text: Any, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def display(**data: Any) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "data": {key.replace("__", "/"): value for key, value in data.items()},
    }


def assert_inert(page: Tags) -> None:
    """Assert that nothing but known elements is on the page, that nothing acts, and that nothing comes from elsewhere."""
    assert [tag for tag, _ in page.tags if not INERT.fullmatch(tag)] == []
    names = {name for _, attrs in page.tags for name in attrs}
    assert not [
        name for name in names if name.startswith("on") or name in ("style", "srcdoc", "action", "background")
    ]
    assert all(re.fullmatch(r"#cell-\d+", link) for link in page.values("href"))
    assert all(
        re.match(r"data:image/(png|jpeg|svg\+xml);base64,[A-Za-z0-9+/=]+$", at) for at in page.values("src")
    )
    assert sum(tag == "style" for tag, _ in page.tags) == 1


# ---------------------------------------------------------------------- what was printed


def test_colours_of_a_terminal_are_kept() -> None:
    shown, _ = printed_html("\x1b[31mred\x1b[0m plain \x1b[1;32mgreen")
    assert '<span class="ansi-red-fg">red</span> plain' in shown
    assert re.search(r'<span class="[^"]*green[^"]*">green</span>', shown)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("38;5;196", "ansi-red-fg"),
        ("38;2;0;0;250", "ansi-blue-fg"),
        ("38:2:0:200:0", "ansi-green-fg"),
        ("38;5;241", "ansi-black-intense-fg"),
        ("38;5;9", "ansi-red-fg"),
        ("48;5;20", "ansi-yellow-bg"),
    ],
)
def test_colours_beyond_the_basic_become_the_nearest(code: str, name: str) -> None:
    shown, _ = printed_html(f"\x1b[{code}mtext")
    assert shown == f'<span class="{name}">text</span>'


@pytest.mark.parametrize(
    "code", ["38;5", "38;2;1", "38", "38;9;1", "38;5;99999", "9" * 60, ";" * 60, "48;2;300;1;1"]
)
def test_broken_colours_are_no_colours_and_no_text(code: str) -> None:
    assert Tags(printed_html(f"\x1b[{code}mtext\x1b[0m")[0]).text == "text"


def test_what_a_terminal_would_obey_is_left_out_or_shown() -> None:
    text = "a\x1b[2J\x1b[10;10Hb\x1b]0;PWNED\x07c\x1b]8;;http://x\x1b\\d\x00e\x07f\x1bg\x7fh"
    assert Tags(printed_html(text)[0]).text == "abcd␀e␇f␛g␡h"
    assert (
        Tags(printed_html("safe\u202egnp.exe\ufeff\x9b\ud800")[0]).text
        == "safe⟨U+202E⟩gnp.exe⟨U+FEFF⟩⟨U+009B⟩⟨U+D800⟩"
    )


def test_progress_bars_overwrite_themselves() -> None:
    assert printed_html("10%\r50%\r100%\r\nnext\rlast\r")[0] == "100%\nlast"


def test_markup_that_was_printed_is_text() -> None:
    shown, _ = printed_html("<b>\x1b[31m<script>&amp;\x1b[0m\"'")
    assert Tags(shown).text == "<b><script>&amp;\"'"
    assert {tag for tag, _ in Tags(shown).tags} == {"span"}


def test_towers_of_accents_are_lowered() -> None:
    shown = printed_html("Z" + "\u0301" * 500)[0]
    assert len(shown) <= 5


def test_ten_megabytes_are_cut_with_a_sentence() -> None:
    text = "first line\n" + "x" * 10_000_000 + "\nlast line"
    page = page_of(stream(text))
    assert len(page.text) < 3 * MAX_TEXT
    assert "first line" in page.text
    assert "last line" in page.text
    n_left_out = len(text) - MAX_TEXT
    assert f"{n_left_out:,} of its {len(text):,} characters are not shown" in page.text


def test_texts_of_a_notebook_are_cut_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taming, "MAX_NOTEBOOK_TEXT", 1_000)
    page = page_of(*(display(text__plain="@" * 400) for _ in range(9)))
    assert page.text.count("@") == 1_000
    assert "400 of its 400 characters are not shown" in page.text


def test_many_outputs_and_cells_are_cut_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taming, "MAX_CELLS", 3)
    many = [display(text__plain=str(number)) for number in range(taming.MAX_OUTPUTS + 7)]
    cells = [{"cell_type": "code", "source": "", "outputs": many}, *({"cell_type": "raw"} for _ in range(9))]
    text = Tags(render({"cells": cells}, title="T")).text
    assert "7 more outputs of this cell are not shown" in text
    assert "7 more cells are not shown" in text


def test_what_was_printed_piece_by_piece_is_one_text() -> None:
    page = page_of(*(stream(f"{number}\n") for number in range(200)), stream(["a\n", "b"], "stderr"))
    assert [
        attrs["class"] for tag, attrs in page.tags if tag == "pre" and "output" in attrs.get("class", "")
    ] == [
        "output printed",
        "output complaint",
    ]
    assert "198\n199" in page.text


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31m" * 30_000,
        "\x1b[" * 50_000,
        "\x1b]" * 50_000,
        "\r" * 100_000,
        "a" * 99_999 + "\r",
        "\u0301" * 100_000,
        "\x1b[31mx" * 20_000,
        "<" * 100_000,
    ],
)
def test_no_text_grows_without_end(text: str) -> None:
    """What takes time that grows with the square of the length does not come to its end here."""
    shown, n_left_out = printed_html(text)
    assert n_left_out == max(len(text) - MAX_TEXT, 0)
    assert len(shown) < 40 * MAX_TEXT


# ---------------------------------------------------------------------- what was displayed


def test_tables_are_kept() -> None:
    table = (
        '<style scoped>td {color: red}</style><table border="1" class="dataframe"><thead><tr style="x"><th></th>'
        '<th scope="col" colspan="2">mean &lt; 1</th></tr></thead><tbody><tr><th>0</th><td>1.5</td></tr></tbody></table>'
    )
    cleaned, _ = clean_html(table)
    assert (
        '<th colspan="2" scope="col">mean &lt; 1</th>' in cleaned or '<th scope="col" colspan="2">' in cleaned
    )
    assert "<td>1.5</td>" in cleaned
    assert "color" not in cleaned
    assert "dataframe" not in cleaned


@pytest.mark.parametrize("markup", attacks.MARKUP, ids=range(len(attacks.MARKUP)))
def test_hostile_markup_is_inert_wherever_it_stands(markup: str) -> None:
    outputs = [
        display(text__html=markup),
        display(text__html=f"<table><tr><td>{markup}</td></tr></table>"),
        display(text__markdown=markup),
        display(text__latex=markup),
        display(text__plain=markup),
        display(**{"image/svg+xml": markup}),
        display(**{"image/png": markup}),
        display(**{"application/javascript": markup, "text/plain": markup}),
        stream(markup),
        {"output_type": "error", "ename": markup, "evalue": markup, "traceback": [markup]},
        {"output_type": markup, "name": markup, "data": {markup: markup}, "metadata": {markup: markup}},
    ]
    cells = [{"cell_type": "code", "source": markup, "outputs": outputs, "metadata": {"tags": [markup]}}]
    cells += [{"cell_type": kind, "source": markup} for kind in ("markdown", "raw", markup)]
    assert_inert(Tags(render({"cells": cells, "metadata": {"title": markup}}, title=markup, problem=markup)))


@pytest.mark.parametrize("markup", attacks.MARKUP, ids=range(len(attacks.MARKUP)))
def test_what_was_made_safe_is_safe_however_often_it_is_read(markup: str) -> None:
    once, _ = clean_html(markup)
    again, is_less = clean_html(once)
    assert not is_less
    assert Tags(again).tags == [
        (tag, attrs) for tag, attrs in Tags(once).tags if attrs != {"class": "heading"}
    ] or ("heading" in once)


def test_what_is_left_out_of_an_output_is_said() -> None:
    link = page_of(display(text__html='see <a href="https://e.example">this</a>', text__plain="plain"))
    assert "see this" in link.text
    assert "addresses of this output are left out" in link.text
    script = page_of(display(text__html="<script>draw()</script>", text__plain="<plotly figure>"))
    assert "<plotly figure>" in script.text
    assert "in a form that this page does not show" in script.text
    widget = page_of(display(**{"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}))
    assert "in a form that this page does not show" in widget.text


def test_spans_of_a_table_are_limited() -> None:
    cleaned, _ = clean_html(
        '<table><tr><td colspan="99999" rowspan="-4">a</td><td colspan="2">b</td></tr></table>'
    )
    assert 'colspan="100"' in cleaned
    assert 'colspan="2"' in cleaned
    assert "rowspan" not in cleaned


def test_pictures_are_taken_apart() -> None:
    secret = base64.b64encode(png(extra=b"<script>")).decode()
    page = page_of(
        display(**{"image/png": secret}), display(text__html=f'<img src="data:image/png;base64,{secret}">')
    )
    shown = list(page.values("src"))
    assert len(shown) == 2
    assert all(b"<script>" not in base64.b64decode(url.partition(",")[2]) for url in shown)
    assert next(page.values("alt")) == "Figure of cell 1"


def jpeg(width: int = 8, height: int = 8, *, extra: bytes = b"") -> bytes:
    """Return the skeleton of a JPEG: headers, a comment and EXIF, no pixels that mean anything."""

    def segment(marker: int, content: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content

    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    return (
        b"\xff\xd8"
        + segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
        + segment(0xE1, b"Exif" + extra)
        + segment(0xFE, extra)
        + frame
        + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")
        + b"\x12\x34\xff\xd9"
        + extra
    )


def test_a_jpeg_loses_what_is_no_picture() -> None:
    cleaned = clean_jpeg(jpeg(extra=b"<script>"))
    assert cleaned
    assert b"<script>" not in cleaned
    assert cleaned.startswith(b"\xff\xd8\xff\xe0")
    assert cleaned.endswith(b"\x12\x34\xff\xd9")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xc0\x00\x02",
        b"GIF89a",
        jpeg(60_000, 60_000),
        jpeg(0, 8),
        jpeg()[:-9],
        jpeg()[:20],
    ],
)
def test_what_is_no_jpeg_is_not_shown(data: bytes) -> None:
    assert clean_jpeg(data) is None
    assert data_url("image/jpeg", base64.b64encode(data).decode()) is None


def test_a_drawing_keeps_its_shapes() -> None:
    drawing = (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://x/svg11.dtd">'
        + SVG.format(
            '<defs><path id="p" d="M0 0L9 9"/></defs><use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="#p" '
            'style="fill: none; stroke: #1f77b4"/><text x="1">label</text>'
        )
    )
    cleaned = clean_svg(drawing)
    assert cleaned
    for kept in (b'd="M0 0L9 9"', b'href="#p"', b"stroke: #1f77b4", b">label<"):
        assert kept in cleaned


def test_a_drawing_loses_what_acts_loads_or_never_ends() -> None:
    cleaned = clean_svg(
        SVG.format(
            "<script>x</script><foreignObject><b/></foreignObject><animate/><filter id='f'/><style>*{}</style>"
            "<a href='https://e.example'><rect/></a><image href='https://e.example/x.png'/><use href='https://e.example#a'/>"
            "<rect onload='x' style='fill: url(https://e.example#a)' filter='url(#f)' width='3'/>"
        )
    )
    assert cleaned
    for word in (
        b"script",
        b"foreign",
        b"animate",
        b"filter",
        b"style",
        b"example",
        b"onload",
        b"<a",
        b"image",
    ):
        assert word not in cleaned
    assert b'width="3"' in cleaned


def laughing(n: int) -> str:
    """Return a drawing in which each shape repeats the one before ten times."""
    layers = "".join(
        f'<g id="l{layer}">' + f'<use href="#l{layer - 1}"/>' * 10 + "</g>" for layer in range(1, n)
    )
    return SVG.format(f'<defs><g id="l0"><rect/></g>{layers}</defs><use href="#l{n - 1}"/>')


@pytest.mark.parametrize(
    "drawing",
    [
        laughing(9),
        SVG.format('<g id="a"><use href="#a"/></g>'),
        SVG.format("<rect/>" * (MAX_SHAPES + 1)),
        SVG.format("<g>" * 500 + "</g>" * 500),
        SVG.format("<g>" * 60_000 + "</g>" * 60_000),
        '<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG.format("&a;"),
        '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + SVG.format("&a;"),
        "<svg><rect/></svg>",
        "<html/>",
        "not xml",
        "",
        "\x00",
        SVG.format("x" * 4_000_000),
    ],
    ids=range(13),
)
def test_what_would_keep_a_browser_busy_is_not_drawn(drawing: str) -> None:
    assert clean_svg(drawing) is None


def test_pictures_of_a_notebook_are_limited_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taming, "MAX_PICTURES_BYTES", 500)
    one = display(**{"image/png": base64.b64encode(png()).decode()})
    page = page_of(*[one] * 9)
    assert 0 < sum(tag == "img" for tag, _ in page.tags) < 9
    assert "the notebook holds more than this page does" in page.text


# ---------------------------------------------------------------------- the page


def test_the_page_asks_nothing_of_anybody() -> None:
    page = Tags(render({"cells": []}, title="T"))
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "script" not in policy


def test_formulas_headings_and_cells_are_where_links_lead() -> None:
    cells = [
        {"cell_type": "markdown", "source": "# Big\n\n### small\n\n$x^2$ and **bold**"},
        {"cell_type": "code", "source": "y = 1  # one", "outputs": []},
    ]
    page = Tags(render({"cells": cells}, title="T", statuses={1: "time_limit"}))
    tags = [tag for tag, _ in page.tags]
    assert {"math", "msup", "strong"} <= set(tags)
    assert [tag for tag in tags if re.fullmatch(r"h\d", tag)] == ["h1", "h2", "h2"]  # no level is left out
    assert [attrs["id"] for tag, attrs in page.tags if attrs.get("class", "").startswith("cell ")] == [
        "cell-1",
        "cell-2",
    ]
    assert "stopped: time limit" in page.text
    assert ("span", {"class": "c1"}) in page.tags


@pytest.mark.parametrize(
    "notebook",
    [
        {},
        {"cells": None},
        {"cells": "cells"},
        {"cells": [None, 1, "x", []]},
        {
            "cells": [
                {},
                {"cell_type": None, "source": None},
                {"cell_type": "code", "source": 3, "outputs": 3},
            ]
        },
        {"cells": [{"cell_type": "code", "outputs": [None, 1, {}, {"output_type": "stream"}]}]},
        {"cells": [{"cell_type": "code", "outputs": [{"output_type": "stream", "name": [], "text": {}}]}]},
        {"cells": [{"cell_type": "code", "outputs": [{"output_type": "error", "traceback": {}}]}]},
        {"cells": [{"cell_type": "code", "outputs": [display(text__html={"a": 1}, image__png=[1, None])]}]},
        {"cells": [{"cell_type": "code", "outputs": [{"name": "stdout"}, stream("x")]}]},
        {
            "cells": [{"cell_type": "code", "source": "x", "metadata": {"magics_language": "html"}}],
            "metadata": 3,
        },
    ],
    ids=range(11),
)
def test_no_shape_of_a_notebook_breaks_the_page(notebook: Any) -> None:
    assert_inert(Tags(render(json.loads(json.dumps(notebook)), title="T")))


# ------------------------------------------------------------------- in the run directory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keep(tmp_path, "1 + 1")
    return tmp_path


def keep(folder: Path, source: str) -> None:
    cell = {"cell_type": "code", "source": source, "outputs": [stream("two")]}
    (folder / "executed.ipynb").write_text(json.dumps({"cells": [cell]}), encoding="utf-8")


RAN = ExecutionRecord(state="complete", cells=(CellRecord(index=0, status="error"),))


def test_a_page_is_made_once_and_again_when_the_notebook_changed(folder: Path) -> None:
    page = folder / writing.FILE
    assert writing.ensure_page(folder, "T", RAN)
    first = page.read_text(encoding="utf-8")
    assert "stopped with an error" in first
    marked = first.replace("<h1>T</h1>", "<h1>kept</h1>")
    page.write_text(marked, encoding="utf-8")
    assert writing.ensure_page(folder, "T", RAN)
    assert page.read_text(encoding="utf-8") == marked
    keep(folder, "2 + 2")
    assert writing.ensure_page(folder, "T", RAN)
    assert "<h1>T</h1>" in page.read_text(encoding="utf-8")
    assert writing.ensure_page(folder, "T", RAN.model_copy(update={"cells": ()}))
    assert "stopped with an error" not in page.read_text(encoding="utf-8")


def test_no_page_is_better_than_a_wrong_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = folder / writing.FILE
    page.write_text("of another notebook", encoding="utf-8")
    monkeypatch.setattr(writing, "is_available", lambda: False)
    assert not writing.ensure_page(folder, "T", RAN)
    assert not page.exists()
    page.write_text("of another notebook", encoding="utf-8")
    (folder / "executed.ipynb").unlink()
    assert not writing.ensure_page(folder, "T", RAN)
    assert not page.exists()


def test_a_notebook_that_takes_too_long_gets_a_page_that_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SECONDS", 0.0)
    assert writing.ensure_page(folder, "T", RAN)
    said = html.unescape((folder / writing.FILE).read_text(encoding="utf-8"))
    assert "did not come to its end" in said
    assert "executed.ipynb" in said
    monkeypatch.setattr(writing, "_in_time", lambda *given: pytest.fail("it was tried again"))
    assert writing.ensure_page(folder, "T", RAN)


def test_where_no_process_can_be_started_it_is_tried_again_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> bool:
        raise BlockingIOError("Resource temporarily unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(writing, "_in_time", full)
        assert not writing.ensure_page(folder, "T", RAN)
    assert not (folder / writing.FILE).exists()
    assert writing.ensure_page(folder, "T", RAN)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "null", '{"cells": 3}'])
def test_a_damaged_notebook_gets_a_page(folder: Path, text: str) -> None:
    (folder / "executed.ipynb").write_text(text, encoding="utf-8")
    assert writing.ensure_page(folder, "T", RAN)
    assert "no cells" in (folder / writing.FILE).read_text(encoding="utf-8")


def test_control_characters_of_a_source_are_seen() -> None:
    assert visible("a\x1b[31m\r\nb\x00\u202e") == "a␛[31m\nb␀⟨U+202E⟩"
