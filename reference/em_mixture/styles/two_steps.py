# style: E-step and M-step apart, components first, tuples, pandas
# %% [markdown]
# ## E1 and E2
# The E-step as a function, the M-step as another, and the likelihood.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats

data = np.concatenate(
    [-2 + 0.8 * stats.norm.ppf((np.arange(140) + 0.5) / 140), 1.5 + 1.1 * stats.norm.ppf((np.arange(260) + 0.5) / 260)]
)


def e_step(data, pi, mu, sigma):
    dens = np.stack([p * stats.norm(m, s).pdf(data) for p, m, s in zip(pi, mu, sigma)])
    return dens / dens.sum(0)


def m_step(data, resp):
    nk = resp.sum(1)
    mu = resp @ data / nk
    sigma = np.sqrt([np.average((data - m) ** 2, weights=r) for m, r in zip(mu, resp)])
    return nk / data.size, mu, sigma


def em_update(data, pi, mu, sigma):
    return m_step(data, e_step(data, pi, mu, sigma))


def loglik(data, pi, mu, sigma):
    return float(np.log(sum(p * stats.norm(m, s).pdf(data) for p, m, s in zip(pi, mu, sigma))).sum())


# %% [markdown]
# ## E3 Run
# 100 steps; a table and a figure.

# %%
pi, mu, sigma = (0.5, 0.5), (-1.0, 1.0), (1.0, 1.0)
ll = []
for step in range(100):
    pi, mu, sigma = em_update(data, pi, mu, sigma)
    ll.append(loglik(data, pi, mu, sigma))
table = pd.DataFrame({"weight": pi, "mean": mu, "sd": sigma})
print(table)
fig, ax = plt.subplots()
ax.plot(ll, ".-")
ax.set_ylabel("log-likelihood")
plt.show()

# %% [markdown]
# ## E4 Comment
# Jensen gives a bound that the M-step maximises. A singular component makes the likelihood grow without bound.
