"""HTML that a notebook displayed (tables of pandas, above all), with nothing left in it that acts, loads or styles."""

from __future__ import annotations

import re

import nh3
from markupsafe import Markup

from autograder.notebook_pages.pictures import data_url

MAX_HTML = 400_000
MAX_SPAN = 100
_TAGS = (
    "table thead tbody tfoot tr th td caption div span p br hr pre code samp kbd var b strong i em u s del ins mark small "
    "sub sup ul ol li dl dt dd blockquote h1 h2 h3 h4 h5 h6 img abbr q"
)
_EMPTIED = "script style title textarea select template noscript iframe object svg math"
"""Elements whose content is no text for a reader."""
_ATTRIBUTES = {"td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"}, "img": {"src"}}
_ALT = "Picture in an output"
_ACTIVE = re.compile(
    r"<\s*/?\s*(?:script|style|iframe|object|embed|form|input|button|link|meta|base|svg|video|audio|canvas|a)\b",
    re.IGNORECASE,
)
# Headings of an output would stand among those of the page.
_HEADING = re.compile(r"<(/?)h[1-6]>")


def clean_html(html: str) -> tuple[Markup, bool]:
    """Return what is harmless of `html`, and whether something that acts or links was left out.

    The result is empty where nothing that can be read or seen is left.
    """
    shown = html[:MAX_HTML]
    cleaned = nh3.clean(
        shown,
        tags=set(_TAGS.split()),
        clean_content_tags=set(_EMPTIED.split()),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        set_tag_attribute_values={"img": {"alt": _ALT}},
        attribute_filter=_attribute,
        url_schemes={"data"},
        link_rel=None,
        strip_comments=True,
    )
    cleaned = cleaned.replace(f'<img alt="{_ALT}">', "")  # one whose picture is not shown
    cleaned = _HEADING.sub(lambda found: "</div>" if found[1] else '<div class="heading">', cleaned)
    is_empty = "<img" not in cleaned and not re.sub(r"<[^>]*>", "", cleaned).strip()
    return Markup("" if is_empty else cleaned), bool(_ACTIVE.search(shown)) or len(html) > MAX_HTML


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Return the value of an attribute as it may stand; None to leave it out."""
    if name == "src":
        return _picture(value)
    if name in ("colspan", "rowspan"):
        return str(min(int(value), MAX_SPAN)) if re.fullmatch(r"[0-9]{1,6}", value) else None
    if name == "scope":
        return value if value in ("col", "row", "colgroup", "rowgroup") else None
    return value[:200]


def _picture(url: str) -> str | None:
    found = re.match(r"data:(image/(?:png|jpeg));base64,", url)
    return data_url(found[1], url[found.end() :]) if found else None
