# style: plain Python loops over observations and components
# %% [markdown]
# # EM
# ## Set-up
# The packages and the observations.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm

x = np.concatenate([-2 + 0.8 * norm.ppf((np.arange(140) + 0.5) / 140), 1.5 + 1.1 * norm.ppf((np.arange(260) + 0.5) / 260)])

# %% [markdown]
# ## E1 One step
# The density of a component, the E-step and the M-step, one observation at a time.


# %%
def density(value, mean, sd):
    return math.exp(-((value - mean) ** 2) / (2 * sd**2)) / (math.sqrt(2 * math.pi) * sd)


def responsibilities(x, weights, means, sds):
    rows = []
    for value in x:
        joint = [w * density(value, m, s) for w, m, s in zip(weights, means, sds)]
        rows.append([one / sum(joint) for one in joint])
    return np.array(rows)


def em_step(x, weights, means, sds):
    r = responsibilities(x, weights, means, sds)
    new_weights, new_means, new_sds = [], [], []
    for k in range(len(weights)):
        total = sum(r[:, k])
        mean = sum(r[i, k] * x[i] for i in range(len(x))) / total
        variance = sum(r[i, k] * (x[i] - mean) ** 2 for i in range(len(x))) / total
        new_weights.append(total / len(x))
        new_means.append(mean)
        new_sds.append(math.sqrt(variance))
    return new_weights, new_means, new_sds


# %% [markdown]
# ## E2 Log-likelihood
# A sum of logarithms of sums.


# %%
def log_likelihood(x, weights, means, sds):
    return sum(math.log(sum(w * density(v, m, s) for w, m, s in zip(weights, means, sds))) for v in x)


# %% [markdown]
# ## E3 The fit
# A hundred steps, and the curve.

# %%
weights, means, sds = [0.5, 0.5], [-1.0, 1.0], [1.0, 1.0]
log_likelihoods = []
for i in range(100):
    weights, means, sds = em_step(x, weights, means, sds)
    log_likelihoods.append(log_likelihood(x, weights, means, sds))
print(weights, means, sds)
plt.plot(log_likelihoods)
plt.xlabel("step")
plt.show()

# %% [markdown]
# ## E4 Comment
# Each step maximises a lower bound that touches the likelihood, so it cannot fall. With a component on one point the
# likelihood is infinite.
