"""Scores on their way out: one module for each format of a learning management system (LMS)."""
