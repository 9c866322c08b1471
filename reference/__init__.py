"""The answers: tested reference implementations. Never shipped to students, never imported by the engine."""
