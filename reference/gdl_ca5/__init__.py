"""Generative Deep Learning, coding assignment 5: the sheet's facts, solutions and typical mistakes."""
