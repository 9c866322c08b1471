"""HTML reports from grade JSON: one self-contained file per student, one for the class, one for its questions.

A leaf: it imports Jinja2 and the standard library, and reads dictionaries as the grader dumped them.
"""

from reports.pages import (
    render_class,
    render_instructor,
    render_questions,
    render_selfcheck,
    render_student,
    style,
)
from reports.similarity import render_similarity
from reports.views import student_view

__all__ = [
    "render_class",
    "render_instructor",
    "render_questions",
    "render_selfcheck",
    "render_similarity",
    "render_student",
    "student_view",
    "style",
]
