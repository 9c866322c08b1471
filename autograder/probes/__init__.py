"""What was observed, read from what the kernel left behind; :mod:`autograder.kernel_side` observes there."""
