"""What the page of the question analysis says, from `questions.json`: numbers in words, the largest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reports.texts import finite, plural

Facts = dict[str, Any]

REASONS = {
    "nobody": "nobody yet",
    "too_few": "too few to tell",
    "all_alike": "all alike",
    "no_rest": "nothing to compare",
}
KINDS = {
    "like": "",
    "holds": "and more besides",
    "unlike": "Unlike any known mistake",
    "all_lost": "Nothing of the task counts",
    "blocked": "Could not be tried: something before it failed",
    "uncovered": "Lost where no known mistake was tried",
}
SMALL_CLASS = 30
N_COMMONEST, N_COSTLY = 15, 10


def question_facts(document: Mapping[str, Any]) -> Facts:
    """Return what the page shows beside the document itself."""
    items = [(part, item) for part in document["parts"] for item in part["items"]]
    groups = [(group, item) for _, item in items for group in item["mistakes"] if group["mistakes"]]
    checks = [(check, item) for _, item in items for check in item["checks"] if check["mean_lost"] > 0.0049]
    return {
        "items": items,
        "is_small": any(0 < part["n"] < SMALL_CLASS for part in document["parts"]),
        "small_class": SMALL_CLASS,
        "commonest": sorted(groups, key=lambda one: (-one[0]["n"], one[1]["id"]))[:N_COMMONEST],
        "costly": sorted(checks, key=lambda one: (-one[0]["mean_lost"], one[0]["id"]))[:N_COSTLY],
        "has_known": any(part["known"] for part in document["parts"]),
        "sources": list(_sources(document)),
    }


def _sources(document: Mapping[str, Any]) -> Iterator[str]:
    """Say of each part where its known mistakes come from, or why there are none."""
    for part in document["parts"]:
        known = part["known"]
        if known is None:
            yield f"Part {part['part']}: {part['known_problem'] or 'no known mistakes'}."
            continue
        said = f"Part {part['part']}: {plural(known['n_mistakes'], 'known mistake')}"
        if known["budget"] == "short":
            said += ", tried in short runs, in which what only a full training shows is not seen"
        if not known["is_same_rubric"]:
            said += "; they were tried with another version of the rubric"
        yield f"{said}."


def share(estimate: Mapping[str, Any]) -> str:
    """Return a mean share with its interval in percent: `62 % (48 to 74)`."""
    value, low, high = (finite(estimate[key]) for key in ("value", "low", "high"))
    if value is None:
        return REASONS.get(str(estimate["reason"]), "–")
    interval = "" if low is None or high is None else f" ({100 * low:.0f} to {100 * high:.0f})"
    return f"{100 * value:.0f} %{interval}"


def number(estimate: Mapping[str, Any]) -> str:
    """Return a correlation or a difference with its interval: `0.42 (0.10 to 0.66)`."""
    value, low, high = (finite(estimate[key]) for key in ("value", "low", "high"))
    if value is None:
        n = int(estimate["n"])
        reason = str(estimate["reason"]) if n else "nobody"
        return REASONS.get(reason, "–") + (f" ({n})" if reason == "too_few" else "")
    interval = "" if low is None or high is None else f" ({_two(low)} to {_two(high)})"
    return f"{_two(value)}{interval}"


def _two(value: float) -> str:
    shown = f"{value:.2f}"
    return ("0.00" if shown == "-0.00" else shown).replace("-", "−")


def effect_cells(effect: Mapping[str, Any]) -> dict[str, str]:
    """Return what the totals would be without a question: change of the mean, totals that move, Kendall's tau."""
    if not int(effect["n"]):
        return dict.fromkeys(("mean", "moved", "tau"), "–")
    change, tau = finite(effect["mean_change"]) or 0.0, finite(effect["kendall_tau"])
    return {
        "mean": "±0" if abs(change) < 0.05 else f"{change:+.1f}".replace("-", "−"),
        "moved": str(int(effect["n_moved"])),
        "tau": "–" if tau is None else _two(tau),
    }


def without(effect: Mapping[str, Any]) -> str:
    """Return what the totals would be without a question: `mean +1.2, 4 of 30 moved, τ 0.98`."""
    cells = effect_cells(effect)
    if not int(effect["n"]):
        return "nothing would be left"
    order = "" if cells["tau"] == "–" else f", τ\u00a0{cells['tau']}"
    return f"mean {cells['mean']}, {cells['moved']} of {int(effect['n'])} moved{order}"


def likeness(group: Mapping[str, Any]) -> str:
    """Return the likeness of a group in percent, as a range where it differs."""
    low, high = (round(100 * (finite(value) or 0.0)) for value in group["likeness"])
    return f"{low} %" if low == high else f"{low} to {high} %"
