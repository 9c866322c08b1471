"""Which golden values a rubric refers to."""

from __future__ import annotations


def golden_keys(params: object) -> set[str]:
    """Every golden key that the parameters of a check name, at any depth."""
    if isinstance(params, dict):
        named = {value for key, value in params.items() if key == "golden" and isinstance(value, str)}
        near = params.get("near_miss")
        named |= set(near) if isinstance(near, dict) else set()
        return named | {key for value in params.values() for key in golden_keys(value)}
    if isinstance(params, list):
        return {key for value in params for key in golden_keys(value)}
    return set()
