# style: a class with fit, methods without arguments for the parameters
# %% [markdown]
# # EM lab
# ## Set-up
# Packages and data.

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm

X = np.concatenate([-2 + 0.8 * norm.ppf((np.arange(140) + 0.5) / 140), 1.5 + 1.1 * norm.ppf((np.arange(260) + 0.5) / 260)])

# %% [markdown]
# ## E1, E2 The mixture
# A class that holds the parameters; `step` does one step of EM.


# %%
class Mixture:
    def __init__(self, weights, means, sds):
        self.weights, self.means, self.sds = map(np.asarray, (weights, means, sds))

    def joint(self, x):
        return self.weights * norm.pdf(x[:, None], self.means, self.sds)

    def responsibilities(self, x):
        joint = self.joint(x)
        return joint / joint.sum(1, keepdims=True)

    def step(self, x):
        r = self.responsibilities(x)
        n = r.sum(0)
        self.means = (r * x[:, None]).sum(0) / n
        self.sds = np.sqrt((r * (x[:, None] - self.means) ** 2).sum(0) / n)
        self.weights = n / len(x)

    def log_likelihood(self, x):
        return np.log(self.joint(x).sum(1)).sum()


# %% [markdown]
# ## E3 The fit
# One hundred steps.

# %%
fit = Mixture([0.5, 0.5], [-1.0, 1.0], [1.0, 1.0])
history = []
for _ in range(100):
    fit.step(X)
    history.append(fit.log_likelihood(X))
print(fit.weights, fit.means, fit.sds)
plt.plot(np.arange(100), history)
plt.title("log-likelihood")
plt.show()

# %% [markdown]
# ## E4 Comment
# It never falls, since EM maximises a bound. A component on a single point makes it infinite.
