"""Whether a rubric is fair and sharp: what it does to correct notebooks and to known mistakes, counted.

trials      which notebooks are tried, and what each may lose
outcomes    what one graded notebook lost, check by check
running     every trial under every seed, through the same grading as a student's notebook
summary     the counts, their bounds, and the targets
signing     what each mistake looks like to the checks, kept for gradings
tables      the counts for readers
"""

from autograder.validation.outcomes import CheckOutcome, Outcome
from autograder.validation.running import Progress, validate
from autograder.validation.signing import signatures_of, write_signatures
from autograder.validation.summary import Target, Validation
from autograder.validation.tables import as_markdown, as_text
from autograder.validation.trials import Sample, Trial

__all__ = [
    "CheckOutcome",
    "Outcome",
    "Progress",
    "Sample",
    "Target",
    "Trial",
    "Validation",
    "as_markdown",
    "as_text",
    "signatures_of",
    "validate",
    "write_signatures",
]
