"""This grader inside Gradescope's container: the archive that brings it there, and what it does there."""
