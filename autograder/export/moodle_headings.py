"""How the languages of Moodle name what a grading worksheet holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Headings:
    """How one language of Moodle names what the worksheet holds."""

    language: str
    identifier: str
    grade: str
    modified: str
    maximum: tuple[str, ...]
    scale: str
    changeable: str
    comments: str
    name: str
    yes: str = "Yes"
    """What stands under `changeable` when it can."""
    decimal_comma: bool = True


LANGUAGES = (
    Headings(
        language="English",
        identifier="Identifier",
        grade="Grade",
        modified="Last modified (grade)",
        maximum=("Maximum grade", "Maximum Grade"),
        scale="Scale",
        changeable="Grade can be changed",
        comments="Feedback comments",
        name="Full name",
        decimal_comma=False,
    ),
    Headings(
        language="German",
        identifier="ID",
        grade="Bewertung",
        modified="Zuletzt geändert (Bewertung)",
        maximum=("Bestwertung",),
        scale="Skala",
        changeable="Bewertung kann geändert werden",
        comments="Feedback als Kommentar",
        name="Vollständiger Name",
        yes="Ja",
    ),
    Headings(
        language="French",
        identifier="Identifiant",
        grade="Note",
        modified="Dernière modification (note)",
        maximum=("Note maximale",),
        scale="Barème",
        changeable="La note peut être modifiée",
        comments="Feedback par commentaires",
        name="Nom complet",
        yes="Oui",
    ),
    Headings(
        language="Spanish",
        identifier="Identificador",
        grade="Calificación",
        modified="Última modificación (calificación)",
        maximum=("Calificación máxima",),
        scale="Escala",
        changeable="La calificación puede ser cambiada",
        comments="Comentarios de retroalimentación",
        name="Nombre completo",
        yes="Sí",
    ),
)
"""English and German as seen on a Moodle 4.5; French and Spanish by its language packs."""
