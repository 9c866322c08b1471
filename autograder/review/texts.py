"""Markdown of students as HTML in which nothing of theirs is active, with its mathematics as MathML.

Raw HTML, links and pictures stay text. A formula becomes MathML of allowed elements and attributes; one that cannot be
converted stays as its TeX source. Nothing is asked of a network.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

MAX_ANSWER, MAX_FORMULA = 100_000, 2_000
_MATHML = "{http://www.w3.org/1998/Math/MathML}"
_ELEMENTS = re.compile(
    "math|mrow|mi|mn|mo|mtext|mspace|mfrac|msqrt|mroot|msub|msup|msubsup|munder|mover|munderover|mtable|mtr|mtd|"
    "mstyle|mpadded|mphantom|menclose|mfenced"
)
_ATTRIBUTES = re.compile(
    "display|displaystyle|scriptlevel|mathvariant|stretchy|fence|separator|form|lspace|rspace|minsize|maxsize|"
    "largeop|movablelimits|accent|accentunder|linethickness|columnalign|rowspacing|columnspacing|notation|width"
)
_VALUE = re.compile(r"[\w .,%+-]{0,40}")
# What cannot be seen, and what makes a line read otherwise than it is.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")


def to_html(text: str, heading: str = "p") -> str:
    """Return Markdown as HTML that runs nothing and asks for nothing.

    Parameters
    ----------
    heading : the element of its headings, of whatever level, so that they fit among those of the page
    """
    shown = _UNSEEN.sub("", text.replace("\r\n", "\n"))
    rest = len(shown) - MAX_ANSWER
    note = f"<p><em>{rest:,} more characters are not shown.</em></p>" if rest > 0 else ""
    return str(_parser().render(shown[:MAX_ANSWER], {"heading": heading})) + note


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
    parser.disable(["link", "autolink", "image", "reference", "html_block", "html_inline"])
    dollarmath_plugin(parser, allow_space=False, allow_digits=False, double_inline=True)
    amsmath_plugin(parser)
    for name, is_block in (
        ("math_inline", False),
        ("math_inline_double", True),
        ("math_block", True),
        ("amsmath", True),
    ):
        parser.add_render_rule(name, _rule(is_block))
    parser.add_render_rule("heading_open", _open_heading)
    parser.add_render_rule("heading_close", _close_heading)
    return parser


def _open_heading(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    return f'<{env["heading"]} class="heading level-{tokens[index].tag[1:]}">'


def _close_heading(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    return f"</{env['heading']}>\n"


def _rule(is_block: bool) -> Callable[..., str]:
    def render(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
        return formula(str(tokens[index].content).strip(), is_block)

    return render


@lru_cache(maxsize=4096)
def formula(tex: str, is_block: bool = False) -> str:
    """Return a formula as MathML, or its source where that cannot be made."""
    name = "tex is-block" if is_block else "tex"
    source = html.escape(tex)
    try:
        if len(tex) > MAX_FORMULA:
            raise ValueError("too long")
        root = ElementTree.fromstring(convert(tex, display="block" if is_block else "inline"))
        if any((element.text or "").startswith("\\") for element in root.iter()):
            raise ValueError("a command that the converter does not know")
        return f'<span class="{name}" title="{source}">{_allowed(root)}</span>'
    except Exception:  # of a converter that was handed anything at all
        return f'<code class="{name}">{source}</code>'


def _allowed(element: ElementTree.Element) -> str:
    """Return an element and what is in it, without all that is not known to be harmless."""
    name = element.tag.removeprefix(_MATHML)
    inner = html.escape(element.text or "") + "".join(
        _allowed(child) + html.escape(child.tail or "") for child in element
    )
    if not _ELEMENTS.fullmatch(name):
        return inner
    kept = "".join(
        f' {key}="{html.escape(value)}"'
        for key, value in element.attrib.items()
        if _ATTRIBUTES.fullmatch(key) and _VALUE.fullmatch(value)
    )
    return f"<{name}{kept}>{inner}</{name}>"
