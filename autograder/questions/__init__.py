"""What a run says of its questions: difficulty, discrimination, commonest mistakes, effect of each check.

records     what is said
marks       the marks of a class as arrays, and the numbers of each question
mistakes    failures grouped by the known mistakes that they resemble
analysis    all of it, and the files `questions.json` and `questions.html`
"""

from autograder.questions.analysis import analyse, write_questions
from autograder.questions.records import Questions

__all__ = ["Questions", "analyse", "write_questions"]
