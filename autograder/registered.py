"""Importing this module fills every registry that a rubric refers to: checks, draws, summaries, truths."""

import autograder.checks
import autograder.data_truths
import autograder.image_truths
import autograder.probes.array_draws
import autograder.probes.challenges
import autograder.probes.diffusion_draws
import autograder.probes.neural_draws
import autograder.probes.summaries
import autograder.probes.text_draws
import autograder.truths  # noqa: F401
