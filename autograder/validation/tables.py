"""A validation for readers: plain text for the terminal, Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autograder.validation.outcomes import CheckOutcome
from autograder.validation.summary import MIN_MUTANTS, Validation

MAX_MESSAGE = 160


@dataclass(frozen=True)
class _Section:
    title: str
    lines: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = field(default=())


def as_text(validation: Validation) -> str:
    """Return the counts as aligned text."""
    blocks = []
    for section in _sections(validation):
        lines = [section.title, "-" * len(section.title), *section.lines]
        if section.rows:
            lines += _aligned(section.header, section.rows)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def as_markdown(validation: Validation) -> str:
    """Return the counts as Markdown."""
    blocks = [f"# Validation of {validation.assignment}, part {validation.part}"]
    for section in _sections(validation):
        blocks.append(f"## {section.title}")
        if section.lines:
            blocks.append("\n\n".join(section.lines))
        if section.rows:
            table = [section.header, tuple("---" for _ in section.header), *section.rows]
            blocks.append("\n".join("| " + " | ".join(_escape(cell) for cell in row) + " |" for row in table))
    return "\n\n".join(blocks) + "\n"


def _sections(validation: Validation) -> Iterable[_Section]:
    yield _targets(validation)
    for section in (
        _styles(validation),
        _mutants(validation),
        _unrevealable(validation),
        _specials(validation),
    ):
        if section.rows:
            yield section
    yield _exercised(validation)


def _unrevealable(validation: Validation) -> _Section:
    rows = tuple(
        (m.trial.name, m.trial.title, m.trial.unrevealable or "", f"{m.n_detected} of {m.n_seeds} seeds")
        for m in validation.unrevealable
    )
    header = ("mutant", "the student ...", "why", "marks taken")
    return _Section("Mistakes that no automatic check can reveal", header=header, rows=rows)


def _targets(validation: Validation) -> _Section:
    size = (
        f"{len(validation.styles)} correct styles, {validation.n_style_runs} runs of them; "
        f"{len(validation.mutants) + len(validation.unrevealable)} mutants; "
        f"seeds from {validation.first_seed}; budget {validation.budget}; "
        f"engine {validation.engine}, rubric {validation.rubric_sha256[:12]}."
    )
    lines = [size]
    if not validation.is_proof:
        lines.append("This is a part of the whole: it shows no more than it ran.")
    if validation.missing:
        lines.append(
            f"{len(validation.missing)} runs are missing or of older notebooks: {_few(validation.missing)}."
        )
    words = {True: "met", False: "MISSED", None: "not tried"}
    rows = tuple(
        (words[target.holds], target.name, target.wanted, target.observed) for target in validation.targets
    )
    return _Section("Targets", tuple(lines), ("", "target", "wanted", "observed"), rows)


def _styles(validation: Validation) -> _Section:
    lines = [
        f"Runs with an automatic mark lost: {validation.n_false_fails} of {validation.n_style_runs}; "
        f"upper 95 % bound of the rate {validation.false_fail_bound:.2%} (Clopper-Pearson).",
        f"Runs in which an automatic check left something to a person: {validation.n_style_pending}.",
    ]
    rows: list[tuple[str, ...]] = []
    for style in validation.styles:
        start = (
            style.trial.name,
            str(style.n_seeds),
            str(style.n_losing),
            str(style.n_pending),
            f"{style.kept_share:.1%}",
        )
        rows += _with_checks(start, style.checks)
    return _Section(
        "Correct notebooks", tuple(lines), ("style", "seeds", "lost", "unsure", "kept", "checks"), tuple(rows)
    )


def _mutants(validation: Validation) -> _Section:
    rows = []
    for mutant in sorted(validation.mutants, key=lambda m: (m.is_detected, m.n_bleeding == 0)):
        bleed = "; ".join(f"{check.id} -{check.lost:g} ({n})" for check, n in mutant.bleed)
        unsure = f" unsure ({mutant.n_pending_elsewhere})" if mutant.n_pending_elsewhere else ""
        rows.append(
            (
                ",".join(mutant.trial.items),
                mutant.trial.name,
                f"{mutant.n_detected}/{mutant.n_seeds}" + ("" if mutant.is_detected else " MISSED"),
                f"{mutant.lost:g}",
                (bleed + unsure).strip(),
                f"{mutant.n_stopped}" if mutant.n_stopped else "",
                f"{mutant.named_by}: {_short(mutant.name_given)}" if mutant.named_by else "",
            )
        )
    header = (
        "item",
        "mutant",
        "seeds",
        "marks",
        "elsewhere",
        "stopped",
        "the mistake as the report names it",
    )
    return _Section("Mistakes", header=header, rows=tuple(rows))


def _specials(validation: Validation) -> _Section:
    rows: list[tuple[str, ...]] = []
    for special in validation.specials:
        low, high = special.earned
        earned = f"{high:g}" if low == high else f"{low:g}..{high:g}"
        may_lose = special.trial.items if special.trial.expects == "all_elsewhere" else ()
        shown = [(check, n) for check, n in special.checks if check.item not in may_lose]
        if special.trial.expects == "nothing":
            shown = []
        start = (
            special.trial.name,
            str(special.n_seeds),
            earned,
            "as wanted" if special.is_met else "NOT AS WANTED",
        )
        rows += _with_checks(start, shown)
    lines = (f"Numbers alone can earn {validation.scalar_points:g} marks.",)
    return _Section(
        "Solution and special notebooks", lines, ("notebook", "seeds", "marks", "", "not earned"), tuple(rows)
    )


def _exercised(validation: Validation) -> _Section:
    is_whole = len(validation.mutants) >= MIN_MUTANTS
    rows = tuple(
        (check, str(len(names)), ", ".join(names) or "no mutant exercises it")
        for check, names in validation.exercised.items()
        if names or is_whole
    )
    return _Section("Which mistakes each check finds", header=("check", "mutants", ""), rows=rows)


def _with_checks(
    start: tuple[str, ...], counted: Sequence[tuple[CheckOutcome, int]]
) -> list[tuple[str, ...]]:
    """Return the rows of one notebook: a line for every check, or for all checks with the same message."""
    alike: dict[tuple[str, int], list[CheckOutcome]] = {}
    for check, n in counted:
        alike.setdefault((check.message, n), []).append(check)
    lines = [
        f"{_few([_marks(check) for check in checks])} ({n}): {_short(message)}"
        for (message, n), checks in alike.items()
    ]
    return [
        (*(start if index == 0 else ("",) * len(start)), line) for index, line in enumerate(lines or [""])
    ]


def _marks(check: CheckOutcome) -> str:
    return (
        f"{check.id} -{check.lost:g}" if check.lost else f"{check.id} {check.pending:g} {check.status.value}"
    )


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 3] + "..."


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _aligned(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|")
