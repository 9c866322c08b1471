# Source of the solution, the student template and the mutants (format: autograder/template.py).
# ruff: noqa: F401, I001
# %% [markdown] tags=["given"]
# # Lab: EM for a mixture of two Gaussians (20 marks)
#
# You fit a mixture of two Gaussians on the line by expectation maximisation.
#
# Work from top to bottom, replace every `...` and every `your code here`, and run all cells before you hand in. Your
# functions are also called with other arguments: use the parameters, not the global variables. Keep the names below.
#
# | item | functions | values | figures |
# | --- | --- | --- | --- |
# | E1 | `responsibilities`, `em_step` | | |
# | E2 | `log_likelihood` | | |
# | E3 | | `weights`, `means`, `sds`, `log_likelihoods` | log-likelihood |
# | E4 | a comment | | |

# %% tags=["given"]
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

# %% [markdown] tags=["given"]
# The observations: 400 numbers that lie as those of a mixture would. And where EM starts.

# %% tags=["given"]
from reference.em_mixture.settings import N_ITERATIONS, START_MEANS, START_SDS, START_WEIGHTS
from reference.em_mixture.em import Array

x = np.concatenate(
    [
        -2.0 + 0.8 * norm.ppf((np.arange(140) + 0.5) / 140),
        1.5 + 1.1 * norm.ppf((np.arange(260) + 0.5) / 260),
    ]
)

# %% [markdown] tags=["given"] item="e1"
# ## E1 One step of EM (8 marks)
#
# Write `responsibilities(x, weights, means, sds)`: the probability of each component given each observation. Write
# `em_step(x, weights, means, sds)`: weights, means and standard deviations after one step.

# %% [markdown] tags=["explain"] item="e1"
# The E-step divides each component's share of the density by their sum. The M-step takes means that are weighted by these
# probabilities, and the variances around the new means.

# %% tags=["task"] item="e1" functions=["responsibilities", "em_step"]
from reference.em_mixture.em import em_step, log_joint, responsibilities

# %% [markdown] tags=["given"] item="e2"
# ## E2 Log-likelihood (4 marks)
#
# Write `log_likelihood(x, weights, means, sds)`: the logarithm of the density of all observations together.

# %% [markdown] tags=["explain"] item="e2"
# The observations are independent, so that their log densities add up; inside the logarithm stands the sum over components.

# %% tags=["task"] item="e2" functions=["log_likelihood"]
from reference.em_mixture.em import log_likelihood

# %% [markdown] tags=["given"] item="e3"
# ## E3 The fit (6 marks)
#
# Take `N_ITERATIONS` steps from the start that is given. Keep the log-likelihood after each step.
#
# **Figure:** the log-likelihood over the steps.

# %% [markdown] tags=["explain"] item="e3"
# EM from the given start; the log-likelihood rises quickly at first and then hardly any more.

# %% tags=["task"] item="e3" values=["weights", "means", "sds", "log_likelihoods"]
#: weights: (2,): of the components, after the last step
#: means: (2,)
#: sds: (2,): standard deviations
#: log_likelihoods: list of N_ITERATIONS numbers: after each step
#: Figure: the log-likelihood over the steps.
weights, means, sds = START_WEIGHTS, START_MEANS, START_SDS
log_likelihoods = []
for _ in range(N_ITERATIONS):
    weights, means, sds = em_step(x, weights, means, sds)
    log_likelihoods.append(log_likelihood(x, weights, means, sds))
print("weights", weights, "means", means, "standard deviations", sds)

fig, ax = plt.subplots()
ax.plot(range(1, N_ITERATIONS + 1), log_likelihoods)
ax.set(title="EM", xlabel="step", ylabel="log-likelihood")
plt.show()

# %% [markdown] tags=["given"] item="e4"
# ## E4 Comment (2 marks)
#
# Why can the log-likelihood never fall from one step to the next? And what becomes of it when a component shrinks to a
# single observation?

# %% [markdown] tags=["answer"] item="e4"
# The E-step makes a lower bound of the log-likelihood that touches it at the current parameters, and the M-step maximises
# the bound; so the log-likelihood cannot be lower afterwards. When a component shrinks to one observation its standard
# deviation goes to 0 and the density there to infinity: the likelihood has no maximum, and such a solution is useless.
