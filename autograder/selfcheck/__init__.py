"""The student's self-check: the public checks of a notebook, in the sentences of the report.

`choosing` finds the rubric and the part; `executing` runs the notebook as a grading does; `live` looks at the
namespace of a running notebook (`from autograder import check`); `results` is what both say.
"""
