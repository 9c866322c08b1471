"""What a program printed, as HTML: terminal colours become classes, everything else that a terminal would obey is shown."""

from __future__ import annotations

import re

from markupsafe import Markup
from nbconvert.filters import ansi2html

MAX_TEXT = 100_000
"""Characters of one output; a quarter of them from its end, where errors stand."""
MAX_COLOURS = 4_000
"""Changes of colour in one output; nbconvert's time grows with their square."""

_SGR = re.compile(r"\x1b\[([0-9;:]{0,60})m")
# Other sequences that move the cursor, set titles or make links; a lone escape stays, to be shown.
_SEQUENCES = re.compile(
    r"\x1b\][^\x07\x1b]{0,4000}(?:\x07|\x1b\\)|\x1b\[[0-?]{0,60}[ -/]{0,10}[@-ln-~]|\x1b[()*+][ -~]"
)
_BREAKS = re.compile("\r\n|\x0b|\x0c|\x85|\u2028|\u2029")
_CONTROLS = re.compile("[\x00-\x08\x0d-\x1a\x1c-\x1f\x7f]")
_ESCAPE = re.compile(r"\x1b(?!\[[0-9;]{1,60}m)")
# What makes a line read otherwise than it is, or cannot be seen at all.
_UNSEEN = re.compile(
    "[\x80-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)
_STACKED = re.compile(
    "([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})"
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_HUES = (31, 33, 32, 36, 34, 35)
"""Codes of red, yellow, green, cyan, blue and magenta: each the middle of a sixth of the circle of colours."""
_MARKED = 43


def printed_html(text: str, limit: int = MAX_TEXT) -> tuple[Markup, int]:
    """Return printed text as HTML for a `pre`, and how many characters of it are left out.

    The marker of the gap stands where the characters were.
    """
    shown, tail, n_left_out = _cut(text, limit)
    html = _coloured(shown)
    if n_left_out:
        html += Markup('<span class="gap">… {:,} characters are not shown …</span>\n').format(n_left_out)
        html += _coloured(tail)
    return html, n_left_out


def visible(text: str) -> str:
    """Return `text` with control characters as signs, and what cannot be seen or reverses a line by its number."""
    seen = _CONTROLS.sub(_sign, _BREAKS.sub("\n", text).replace("\x1b", "␛"))
    return _STACKED.sub(r"\1", _UNSEEN.sub(_number, seen))


def _cut(text: str, limit: int) -> tuple[str, str, int]:
    if len(text) <= limit:
        return text, "", 0
    n_tail = limit // 4
    return f"{text[: limit - n_tail]}\n", text[-n_tail:] if n_tail else "", len(text) - limit


def _coloured(text: str) -> Markup:
    lines = _BREAKS.sub("\n", _SEQUENCES.sub("", text)).split("\n")
    text = "\n".join(
        line.rstrip("\r").rpartition("\r")[2] for line in lines
    )  # as progress bars overwrite themselves
    is_plain = text.count("\x1b[") > MAX_COLOURS
    text = _SGR.sub("" if is_plain else _basic, text)
    text = _CONTROLS.sub(_sign, _ESCAPE.sub("␛", text))
    text = _STACKED.sub(r"\1", _UNSEEN.sub(_number, text))
    return Markup(ansi2html(text))  # type: ignore[no-untyped-call]


def _sign(found: re.Match[str]) -> str:
    """Return the picture of a control character: `␀` for NUL."""
    return "␡" if found[0] == "\x7f" else chr(0x2400 + ord(found[0]))


def _number(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"


def _basic(found: re.Match[str]) -> str:
    """Return a colour sequence with nothing but the basic colours, whose contrast is known in light and dark."""
    codes = [min(int(code or 0), 999) for code in re.split("[;:]", found[1])]
    kept: list[int] = []
    while codes:
        code = codes.pop(0)
        if code in (38, 48):
            colour = _extended(codes)
            kept += [] if colour is None else [_MARKED if code == 48 else _nearest(*colour)]
        elif code not in (7, 27):  # inverse: a ground of its own would be needed for each colour
            kept.append(code)
    return f"\x1b[{';'.join(map(str, kept[-12:]))}m" if kept else ""


def _extended(codes: list[int]) -> tuple[int, int, int] | None:
    """Take a colour of 256, or of three bytes, off `codes`; None when it is none."""
    kind = codes.pop(0) if codes else 0
    if kind == 2 and len(codes) >= 3:
        red, green, blue = (min(codes.pop(0), 255) for _ in range(3))
        return red, green, blue
    if kind != 5 or not codes:
        codes.clear()
        return None
    index = min(codes.pop(0), 255)
    if index < 16:
        bright = 255 if index > 7 else 170
        return bright * (index & 1), bright * (index >> 1 & 1), bright * (index >> 2 & 1)
    if index < 232:
        levels = (0, 95, 135, 175, 215, 255)
        return levels[(index - 16) // 36], levels[(index - 16) // 6 % 6], levels[(index - 16) % 6]
    return (grey := 8 + 10 * (index - 232)), grey, grey


def _nearest(red: int, green: int, blue: int) -> int:
    """Return the code of the basic colour with the nearest hue; for a grey 90, which is quiet."""
    high, low = max(red, green, blue), min(red, green, blue)
    spread = high - low
    if spread < 40:
        return 90
    if high == red:
        turn = (green - blue) / spread
    elif high == green:
        turn = 2 + (blue - red) / spread
    else:
        turn = 4 + (red - green) / spread
    return _HUES[round(turn) % 6]
