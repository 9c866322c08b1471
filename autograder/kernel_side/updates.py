"""By which losses an optimizer moved its weights: the constant targets behind each of the first updates.

A training loop that is no function cannot be called with networks of ours. What it tells by itself: which
cross-entropies with constant targets were computed since the step before, and how the numbers that were
differentiated relate to them.
"""

from __future__ import annotations

from typing import Any

MAX_PENDING = 16
SAME = 1e-4
FACTORS = (1.0, 0.5, -1.0, -0.5)
"""The sum of the losses, their mean, and the negatives of both."""


class Updates:
    """Losses and backward passes since the last step of any optimizer."""

    def __init__(self) -> None:
        self.losses: list[tuple[float, float, float]] = []
        """Lowest and highest target and value of each loss."""
        self.moved_by: list[float] = []
        """The numbers that were differentiated."""

    def computed(self, result: Any, input: Any = None, target: Any = None, *_: Any, **__: Any) -> None:
        """Notes a cross-entropy whose targets are one constant, or two."""
        if not result.requires_grad or len(self.losses) >= MAX_PENDING:
            return
        values = target.detach().reshape(-1)[:4096]
        low, high = values.aminmax()
        if bool(((values == low) | (values == high)).all()):  # cheaper than sorting the grey values of images
            limits = round(float(low), 6), round(float(high), 6)
            self.losses.append((*limits, float(result.detach().mean())))

    def differentiated(self, loss: Any) -> None:
        """Notes a number that is differentiated."""
        if loss.numel() == 1 and len(self.moved_by) < MAX_PENDING:
            self.moved_by.append(float(loss.detach()))

    def take(self) -> tuple[list[float], float] | None:
        """The targets behind a step and the factor of their losses in it (0 where it is none of the known ones).

        None for a step that no such loss was computed for. What was noted is forgotten.
        """
        losses, moved_by = self.losses, self.moved_by
        self.losses, self.moved_by = [], []
        if not losses or not moved_by:
            return None
        whole, moved = sum(value for _, _, value in losses), sum(moved_by)
        near = SAME * max(abs(whole), 1e-3)
        factor = next((one for one in FACTORS if abs(moved - one * whole) <= near), 0.0)
        return sorted({target for low, high, _ in losses for target in (low, high)}), factor
