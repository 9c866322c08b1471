"""The command line: `autograder VERB`, one thin module per group of verbs.

Results go to standard output, progress and errors to standard error. Exit status: 0 all graded or in order,
1 a person is needed, 2 wrong use, 3 a failure of ours, 130 stopped by hand.
"""

from autograder.cli.app import app, main, run

__all__ = ["app", "main", "run"]
