"""SVG of outputs (matplotlib's, graphviz's) with nothing in it but shapes and words.

It is shown as a picture, in which no browser runs a script or loads anything; what remains is what could keep a browser
busy for ever: filters, animations, and shapes that repeat each other.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

MAX_SVG = 3_000_000
MAX_SHAPES = 60_000
"""Elements drawn, each `use` counted with all that it repeats."""
MAX_DEPTH = 60
_SVG = "{http://www.w3.org/2000/svg}"
_HREFS = ("href", "{http://www.w3.org/1999/xlink}href")
_ELEMENTS = re.compile(
    "svg|g|defs|path|use|rect|circle|ellipse|line|polyline|polygon|text|tspan|title|desc|clipPath|linearGradient|"
    "radialGradient|stop|symbol|marker"
)
_ATTRIBUTES = re.compile(
    "id|d|x|y|x1|y1|x2|y2|dx|dy|cx|cy|r|rx|ry|fx|fy|width|height|points|transform|viewBox|preserveAspectRatio|"
    "fill|fill-opacity|fill-rule|clip-path|clip-rule|clipPathUnits|stroke|stroke-[a-z]+|opacity|offset|stop-color|"
    "stop-opacity|gradientUnits|gradientTransform|font-[a-z]+|text-anchor|dominant-baseline|style|version|orient|"
    "refX|refY|markerWidth|markerHeight|markerUnits|marker-[a-z]+"
)
_ELSEWHERE = re.compile(
    r"url\((?!\s*['\"]?#)|@import|expression|[\\<]|image-set|filter|mask|animation", re.IGNORECASE
)


def clean_svg(text: str) -> bytes | None:
    """Return an SVG of known elements and attributes alone; None when it is none or too much to draw."""
    if len(text) > MAX_SVG:
        return None
    try:
        root = fromstring(text.strip().encode("utf-8", "replace"), forbid_dtd=False)
    except (ElementTree.ParseError, DefusedXmlException, ValueError, RecursionError):
        return None
    if root.tag != f"{_SVG}svg" or not _keep_known(root) or not _is_drawable(root):
        return None
    ElementTree.register_namespace("", _SVG.strip("{}"))
    ElementTree.register_namespace("xlink", _HREFS[1].partition("}")[0].strip("{"))
    return bytes(ElementTree.tostring(root, encoding="utf-8"))


def _keep_known(root: ElementTree.Element) -> bool:
    """Remove what is not known; return whether it is nested no deeper than a drawing is."""
    level = [root]
    for _ in range(MAX_DEPTH):
        below = []
        for element in level:
            element.attrib = {key: value for key, value in element.attrib.items() if _is_kept(key, value)}
            for child in list(element):
                if not _ELEMENTS.fullmatch(str(child.tag).removeprefix(_SVG)):
                    element.remove(child)
            below += list(element)
        if not below:
            return True
        level = below
    return False


def _is_kept(key: str, value: str) -> bool:
    if key in _HREFS:
        return value.startswith("#")
    return bool(_ATTRIBUTES.fullmatch(key)) and not _ELSEWHERE.search(value)


def _is_drawable(root: ElementTree.Element) -> bool:
    """Return whether all that is drawn, with every repetition, is at most so many shapes."""
    known = {element.get("id"): element for element in root.iter() if element.get("id")}
    sizes: dict[ElementTree.Element, int] = {}
    open_: set[ElementTree.Element] = set()

    def size(element: ElementTree.Element, depth: int) -> int:
        if element in open_ or depth > 4 * MAX_DEPTH:  # it repeats itself, or the chain is long: refused
            return MAX_SHAPES + 1
        if element not in sizes:
            open_.add(element)
            used = [known[name] for name in _references(element) if name in known]
            below = sum(size(child, depth + 1) for child in [*element, *used])
            open_.discard(element)
            sizes[element] = min(1 + below, MAX_SHAPES + 1)
        return sizes[element]

    return size(root, 0) <= MAX_SHAPES


def _references(element: ElementTree.Element) -> list[str]:
    """Return the ids of what an element repeats or is cut by."""
    named = [element.get(key, "").removeprefix("#") for key in _HREFS]
    for value in element.attrib.values():
        named += re.findall(r"url\(\s*['\"]?#([^)'\"\s]+)", value)
    return named
