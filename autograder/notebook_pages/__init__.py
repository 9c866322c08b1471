"""Executed notebooks as pages to look at beside the marks: rendered by nbconvert, and inert.

A student decides what the notebook holds, so three things stand between it and the reader, and each would do alone: of
an output only what is known to be harmless is kept (`taming.py`), the page forbids itself scripts, styles from
elsewhere and every request (`exporter.py`), and the instructor's view shows it in a frame that may do nothing.
"""
