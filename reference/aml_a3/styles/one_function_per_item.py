# style: one function per item, everything inside, namedtuples and tuples returned; samples, sigma, mu, cov are reused from item to item
# %% [markdown]
# # AML A3, Part A

# %% [markdown]
# Imports and the seed.

# %%
from collections import namedtuple

import numpy as np
import torch
import matplotlib.pyplot as plt

np.random.seed(1234)
torch.manual_seed(1234)

# %% [markdown]
# ## Q1. Target
# Function `item1` plots the contour and hands back the density.

# %%
mu = np.array([[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]])
cov = np.array([[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]])
weights = np.array([0.4, 0.35, 0.25])


def item1(weights, mu, cov):
    inverse = np.linalg.inv(cov)
    factor = weights / (2 * np.pi * np.sqrt(np.linalg.det(cov)))

    def density(x):
        d = np.expand_dims(x, -2) - mu
        return np.exp(-0.5 * np.einsum("...ki,kij,...kj->...k", d, inverse, d)) @ factor

    a = np.linspace(-6, 6, 200)
    X, Y = np.meshgrid(a, a)
    Z = density(np.stack([X, Y], -1))
    plt.contour(X, Y, Z, levels=15)
    plt.title("Q1: true density")
    plt.xlabel("x1")
    plt.ylabel("x2")
    plt.show()
    return density, (X, Y, Z)


density, contour = item1(weights, mu, cov)
print("density at the three means:", density(mu))

# %% [markdown]
# ## Q2. Rejection sampling
# Returns a namedtuple with the samples and the acceptance rate.

# %%
Rejection = namedtuple("Rejection", ["samples", "rate", "proposals"])
sigma = 2.5


def item2(n=10_000, c=12):
    samples = []
    proposals = 0
    while len(samples) < n:
        x = np.random.normal(0, sigma, 2)
        q = np.exp(-x @ x / (2 * sigma**2)) / (2 * np.pi * sigma**2)
        if np.random.rand() < density(x) / (c * q):
            samples.append(x)
        proposals += 1
    samples = np.array(samples)
    plt.contour(*contour, levels=15)
    plt.scatter(samples[:, 0], samples[:, 1], s=1, color="k", alpha=0.4)
    plt.title("Q2: rejection sampling")
    plt.xlabel("x1")
    plt.ylabel("x2")
    plt.show()
    return Rejection(samples, n / proposals, proposals)


result2 = item2()
samples = result2.samples
print("acceptance rate:", result2.rate)

# %% [markdown]
# ## Q3. Importance sampling
# Returns a tuple (mean, variance, ess) and the raw material.


# %%
def item3(n=50_000):
    samples = np.random.normal(0, sigma, (n, 2))
    q = np.exp(-np.sum(samples**2, axis=1) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    weights = density(samples) / q
    f = samples[:, 0] ** 2 + np.sin(samples[:, 1])
    mean = np.sum(weights * f) / np.sum(weights)
    variance = np.sum(weights * (f - mean) ** 2) / np.sum(weights)
    ess = np.sum(weights) ** 2 / np.sum(weights**2)
    return (mean, variance, ess), samples, weights


result3, samples, weights = item3()
print("mean, variance, ESS:", result3)

# %% [markdown]
# ## Q4. Metropolis-Hastings
# From here on `sigma` is the step size. One call does all three of them, plots s = 0.5, and returns a list of dictionaries.


# %%
def autocorr(x):
    x = x - np.mean(x)
    return np.array([np.sum(x[: len(x) - k] * x[k:]) for k in range(51)]) / np.sum(x**2)


def item4(steps, n=50_000, burn=5_000, thin=5):
    results = []
    for sigma in steps:
        samples = np.zeros((n, 2))
        x = np.zeros(2)
        px = density(x)
        count = 0
        for i in range(n):
            y = x + np.random.normal(0, sigma, 2)
            py = density(y)
            if np.random.rand() < py / px:
                x, px = y, py
                count += 1
            samples[i] = x
        results.append({"s": sigma, "samples": samples[burn::thin], "raw": samples, "acceptance": count / n})
        print(f"s = {sigma}: acceptance rate {count / n:.4f}")
        if sigma == 0.5:
            acf = autocorr(samples[burn:, 0])
            results[-1]["acf"] = acf
            plt.figure(figsize=(9, 3))
            plt.plot(samples[:, 0], lw=0.4)
            plt.title("Q4: trace of x1, s = 0.5")
            plt.show()
            plt.figure(figsize=(9, 3))
            plt.bar(range(51), acf)
            plt.title("Q4: ACF of x1, s = 0.5")
            plt.show()
    return results


sigma = [0.1, 0.5, 1.5]
result4 = item4(sigma)
samples = result4[1]["samples"]

# %% [markdown]
# Comment: step size and acceptance go in opposite directions. The best mixing is obtained with s = 1.5 even though it has the lowest acceptance
# (about 41 %), because it can jump between the components. s = 0.1 explores locally only, s = 0.5 lies between.

# %% [markdown]
# ## Q5. Gibbs sampling
# Now `mu` and `cov` are those of the correlated Gaussian.

# %%
mu = np.zeros(2)
cov = np.array([[1.0, 0.9], [0.9, 1.0]])


def item5(n=50_000, burn=5_000, thin=5):
    sd = np.sqrt(cov[0, 0] - cov[0, 1] ** 2 / cov[1, 1])
    x = mu.copy()
    samples = np.zeros((n, 2))
    for i in range(n):
        x[0] = np.random.normal(mu[0] + cov[0, 1] / cov[1, 1] * (x[1] - mu[1]), sd)
        x[1] = np.random.normal(mu[1] + cov[1, 0] / cov[0, 0] * (x[0] - mu[0]), sd)
        samples[i] = x
    acf = autocorr(samples[burn:, 0])
    plt.figure(figsize=(9, 3))
    plt.bar(range(51), acf)
    plt.title("Q5: ACF of x1")
    plt.show()
    thinned = samples[burn::thin]
    plt.figure(figsize=(5, 5))
    plt.scatter(thinned[:, 0], thinned[:, 1], s=2)
    plt.title("Q5: samples")
    plt.show()
    return samples, thinned, acf


chain, samples, acf = item5()
cov = np.cov(samples.T)
print("sample covariance:\n", cov)
print("acf at 1, 2, 5, 10:", acf[[1, 2, 5, 10]])

# %% [markdown]
# Comment: the chain mixes well: the ACF is 0.81 at lag 1, 0.12 at lag 10 and zero (up to noise) from lag 20 or 25 on.
