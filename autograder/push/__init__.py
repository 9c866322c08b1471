"""Scores on their way to a server of an LMS: what is sent, by which rules of the wire, and what is known afterwards."""
