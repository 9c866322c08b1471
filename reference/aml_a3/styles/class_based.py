# style: classes for the target and the samplers, results as attributes of objects
# %% [markdown]
# # Part A: sampling, object-oriented
# A target knows its density; each sampler is a class with a `run` method that stores its results on itself.

# %% [markdown]
# ## 0. Imports and reproducibility
# Seed 1234 for NumPy and for PyTorch.

# %%
import numpy as np
import torch
import matplotlib.pyplot as plt
from scipy.special import logsumexp

SEED = 1234
np.random.seed(SEED)
torch.manual_seed(SEED)

# %% [markdown]
# ## 1. Target
# `GaussianMixture` precomputes precisions and log normalisers. A single point takes a short path, because
# SciPy's logsumexp is slow when it is called 150,000 times.


# %%
class GaussianMixture:
    def __init__(self, weights, means, covariances):
        self.weights = np.asarray(weights, dtype=np.float64)
        self.means = np.asarray(means, dtype=np.float64)
        self.covariances = np.asarray(covariances, dtype=np.float64)
        self.precisions = np.linalg.inv(self.covariances)
        self.log_norm = -np.log(2 * np.pi) - 0.5 * np.log(np.linalg.det(self.covariances))

    def _log_terms(self, x):
        d = x[..., None, :] - self.means
        return np.log(self.weights) + self.log_norm - 0.5 * np.einsum("...i,...i", d, np.einsum("...kj,kji->...ki", d, self.precisions))

    def logpdf(self, x):
        x = np.asarray(x, dtype=np.float64)
        terms = self._log_terms(x)
        if x.ndim == 1:
            top = terms.max()
            return top + np.log(np.exp(terms - top).sum())
        return logsumexp(terms, axis=-1)

    def pdf(self, x):
        return np.exp(self.logpdf(x))


target = GaussianMixture(
    weights=[0.4, 0.35, 0.25],
    means=[[0, 0], [3, 3], [-3, 3]],
    covariances=[[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0], [0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]],
)


class Mesh:
    """The 200 x 200 mesh of the sheet with the density of a target on it."""

    def __init__(self, target, low=-6, high=6, resolution=200):
        line = np.linspace(low, high, resolution)
        self.x, self.y = np.meshgrid(line, line)
        self.z = target.pdf(np.stack((self.x, self.y), axis=2))

    def contour(self, ax, **options):
        ax.contour(self.x, self.y, self.z, levels=14, **options)
        ax.set_xlabel("x1")
        ax.set_ylabel("x2")


mesh = Mesh(target)
fig, ax = plt.subplots(figsize=(6, 5))
mesh.contour(ax, cmap="viridis")
ax.set_title("True density")
fig

# %% [markdown]
# ## 2. Rejection sampling
# The proposal is its own small class, shared with importance sampling.


# %%
class IsotropicGaussian:
    def __init__(self, sigma):
        self.sigma = sigma

    def sample(self, n):
        return np.random.normal(0.0, self.sigma, size=(n, 2))

    def logpdf(self, x):
        return -0.5 * np.sum(np.square(x), axis=-1) / self.sigma**2 - np.log(2 * np.pi * self.sigma**2)


class RejectionSampler:
    def __init__(self, target, proposal, c):
        self.target, self.proposal, self.c = target, proposal, c

    def run(self, n, batch=10_000):
        collected, self.n_proposals, count = [], 0, 0
        while count < n:
            x = self.proposal.sample(batch)
            log_alpha = self.target.logpdf(x) - np.log(self.c) - self.proposal.logpdf(x)
            accept = np.log(np.random.uniform(size=batch)) < log_alpha
            positions = np.flatnonzero(accept)[: n - count]
            count += len(positions)
            self.n_proposals += positions[-1] + 1 if count == n else batch
            collected.append(x[positions])
        self.samples = np.concatenate(collected)
        self.acceptance_rate = n / self.n_proposals
        return self


proposal = IsotropicGaussian(sigma=2.5)
rejection = RejectionSampler(target, proposal, c=12.0).run(10_000)
print(f"Rejection sampling: {rejection.acceptance_rate:.4f} of {rejection.n_proposals} proposals accepted")

fig, ax = plt.subplots(figsize=(6, 5))
mesh.contour(ax, colors="gray")
ax.scatter(rejection.samples[:, 0], rejection.samples[:, 1], s=2, alpha=0.4, color="C3")
ax.set_title("Rejection sampling")
fig

# %% [markdown]
# ## 3. Importance sampling
# The estimator is an object with `mean`, `variance` and `ess`.


# %%
class ImportanceSampler:
    def __init__(self, target, proposal):
        self.target = target
        self.proposal = proposal

    def run(self, n):
        self.samples = self.proposal.sample(n)
        self.weights = np.exp(self.target.logpdf(self.samples) - self.proposal.logpdf(self.samples))
        return self

    def estimate(self, function):
        values = function(self.samples)
        self.mean = np.sum(self.weights * values) / np.sum(self.weights)
        self.variance = np.sum(self.weights * (values - self.mean) ** 2) / np.sum(self.weights)
        self.ess = np.sum(self.weights) ** 2 / np.sum(self.weights**2)
        return self


importance = ImportanceSampler(target, proposal).run(50_000)
importance.estimate(lambda x: x[:, 0] ** 2 + np.sin(x[:, 1]))
print("Estimated mean:          ", importance.mean)
print("Weighted sample variance:", importance.variance)
print("Effective sample size:   ", importance.ess)

# %% [markdown]
# ## 4. Metropolis-Hastings
# One object per step size; burn-in and thinning belong to the base class.


# %%
class Chain:
    burn_in = 5000
    thin = 5

    def finish(self):
        self.draws = self.states[self.burn_in :: self.thin]
        return self

    def acf(self, max_lag=50):
        x = self.states[self.burn_in :, 0]
        x = x - x.mean()
        return np.array([np.mean(x[k:] * x[: x.size - k]) for k in range(max_lag + 1)]) / np.var(x)


class MetropolisHastings(Chain):
    def __init__(self, target, step):
        self.target, self.step = target, step

    def run(self, n_iter, x0=(0.0, 0.0)):
        self.states = np.empty((n_iter, 2))
        self.n_accepted = 0
        x = np.array(x0, dtype=float)
        log_p = self.target.logpdf(x)
        for t in range(n_iter):
            x_new = x + self.step * np.random.normal(size=2)
            log_p_new = self.target.logpdf(x_new)
            if np.random.uniform() < np.exp(min(0.0, log_p_new - log_p)):
                x, log_p = x_new, log_p_new
                self.n_accepted += 1
            self.states[t] = x
        self.acceptance_rate = self.n_accepted / n_iter
        return self.finish()


samplers = {s: MetropolisHastings(target, s).run(50_000) for s in (0.1, 0.5, 1.5)}
for s, sampler in samplers.items():
    print(f"s = {s}: acceptance rate = {sampler.acceptance_rate:.4f}, draws {sampler.draws.shape}")

# %% [markdown]
# Trace of $x_1$ and ACF for $s = 0.5$.

# %%
middle = samplers[0.5]
mh_acf = middle.acf()
fig, (top, bottom) = plt.subplots(2, 1, figsize=(9, 6))
top.plot(middle.states[:, 0], linewidth=0.4)
top.set_title("Trace of x1 (s = 0.5)")
top.set_xlabel("iteration")
bottom.vlines(range(51), 0, mh_acf)
bottom.plot(range(51), mh_acf, "o", markersize=3)
bottom.set_title("Autocorrelation of x1 (s = 0.5)")
bottom.set_xlabel("lag")
fig.tight_layout()
fig

# %% [markdown]
# *Comment.* Acceptance decreases with the step size (0.94, 0.74, 0.41), the distance travelled increases. For $s=0.1$ the chain takes
# tiny steps and gets stuck around a mode; for $s=0.5$ it mixes inside the modes but changes them rarely (slow ACF); for $s=1.5$ it moves freely.

# %% [markdown]
# ## 5. Gibbs sampling
# The same base class provides burn-in, thinning and ACF.


# %%
class GibbsSampler(Chain):
    def __init__(self, rho):
        self.rho = rho
        self.conditional_sd = np.sqrt(1 - rho**2)

    def run(self, n_iter, x0=(0.0, 0.0)):
        self.states = np.empty((n_iter, 2))
        x1, x2 = x0
        for t in range(n_iter):
            x1 = np.random.normal(self.rho * x2, self.conditional_sd)
            x2 = np.random.normal(self.rho * x1, self.conditional_sd)
            self.states[t] = x1, x2
        return self.finish()


gibbs = GibbsSampler(0.9).run(50_000)
gibbs_acf = gibbs.acf()
print("draws:", gibbs.draws.shape, " correlation:", np.corrcoef(gibbs.draws, rowvar=False)[0, 1])
print("ACF at lag 1 / 10 / 50:", gibbs_acf[1], gibbs_acf[10], gibbs_acf[50])

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
left.vlines(range(51), 0, gibbs_acf)
left.plot(range(51), gibbs_acf, "o", markersize=3)
left.set_title("Gibbs: ACF of x1")
left.set_xlabel("lag")
right.scatter(gibbs.draws[:, 0], gibbs.draws[:, 1], s=2, alpha=0.5)
right.set_title("Gibbs: draws")
right.set_xlabel("x1")
right.set_ylabel("x2")
fig

# %% [markdown]
# *Comment.* The autocorrelation is 0.81 at lag 1 and vanishes after about 20 sweeps. In view of the correlation of 0.9 that is good mixing,
# although each sweep moves only a short way along the diagonal.
