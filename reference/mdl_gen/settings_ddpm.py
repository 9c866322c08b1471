"""The facts of the DDPM lab (lecture 6). The sheet gives no numbers: all of these are ours.

A tenth of the steps of Ho, Jain and Abbeel (2020) with ten times their variances, so that as little of the data is left in
the end and sampling takes a tenth of the time.
"""

from __future__ import annotations

N_STEPS = 100
BETA_START = 1e-3
BETA_END = 0.2
