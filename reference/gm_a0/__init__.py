"""Generative Models, assignment 0 (why, and how, generative models): the solution and typical mistakes."""
