"""The facts of the lab."""

from __future__ import annotations

import numpy as np

N_ITERATIONS = 100
START_WEIGHTS = np.array([0.5, 0.5])  # (2,)
START_MEANS = np.array([-1.0, 1.0])  # (2,)
START_SDS = np.array([1.0, 1.0])  # (2,)
