# style: one default_rng passed around; other names and another order of the parameters; only the new-style NumPy seed
# %% [markdown]
# # Sampling methods (Assignment 3, Part A)
# The random state is explicit: each function receives a `numpy.random.Generator` as its first argument.

# %% [markdown]
# ### Environment
# `GEN` is seeded with 1234, and so is PyTorch. No function touches NumPy's global state.

# %%
from math import pi, sqrt

import matplotlib.pyplot as plt
import numpy as np
import torch

GEN = np.random.default_rng(1234)
torch.manual_seed(1234)
print("torch", torch.__version__, "| numpy", np.__version__, "| device: cpu")

# %% [markdown]
# ### (1) Target density
# A list of (weight, mean, covariance) triples. The determinant and inverse are computed when the list is built.

# %%
MIX = []
for weight, mean, cov in [
    (0.40, (0, 0), ((1.0, 0.8), (0.8, 1.5))),
    (0.35, (3, 3), ((0.6, 0.0), (0.0, 0.6))),
    (0.25, (-3, 3), ((1.2, -0.6), (-0.6, 1.2))),
]:
    cov = np.array(cov)
    MIX.append((weight / (2 * pi * sqrt(np.linalg.det(cov))), np.array(mean, dtype=float), np.linalg.inv(cov)))


def mixture(points):
    """Value of p at points with shape (2,) or (n, 2)."""
    result = 0.0
    for coefficient, mean, precision in MIX:
        delta = points - mean
        result = result + coefficient * np.exp(-0.5 * np.sum(delta @ precision * delta, axis=-1))
    return result


ticks = np.linspace(-6, 6, 200)
gx, gy = np.meshgrid(ticks, ticks)
gz = mixture(np.column_stack([gx.ravel(), gy.ravel()])).reshape(gx.shape)

plt.figure()
plt.contourf(gx, gy, gz, levels=25, cmap="magma")
plt.colorbar()
plt.xlabel("x")
plt.ylabel("y")
plt.title("Mixture density on the mesh")
plt.show()

# %% [markdown]
# ### (2) Accept-reject
# The proposal scale and the envelope constant are the arguments `scale` and `M`.


# %%
def accept_reject(gen, pdf, M, scale, size):
    values = np.zeros((size, 2))
    filled = 0
    trials = 0
    while filled < size:
        z = gen.normal(scale=scale, size=(1000, 2))
        envelope = M * np.exp(-np.sum(z**2, axis=1) / (2 * scale**2)) / (2 * pi * scale**2)
        hit = gen.uniform(size=1000) * envelope <= pdf(z)
        order = np.cumsum(hit)
        if filled + order[-1] >= size:
            last = int(np.searchsorted(order, size - filled))
            hit[last + 1 :] = False
            trials += last + 1
        else:
            trials += 1000
        new = z[hit]
        values[filled : filled + len(new)] = new
        filled += len(new)
    return values, trials


ar_points, ar_trials = accept_reject(GEN, mixture, 12.0, 2.5, 10000)
ar_fraction = 10000 / ar_trials
print(f"accepted fraction: {ar_fraction:.4f}")

plt.figure()
plt.contour(gx, gy, gz, levels=10, colors="black", linewidths=0.6)
plt.scatter(ar_points[:, 0], ar_points[:, 1], s=3, alpha=0.2)
plt.xlabel("x")
plt.ylabel("y")
plt.title("Accept-reject")
plt.show()

# %% [markdown]
# ### (3) Importance sampling
# The function returns points and plain weights p/q; Kish's formula gives the ESS. The variance uses
# `np.average` on the squared deviations.


# %%
def importance(gen, pdf, scale, size):
    z = gen.normal(scale=scale, size=(size, 2))
    q = np.exp(-np.sum(z**2, axis=1) / (2 * scale**2)) / (2 * pi * scale**2)
    return z, pdf(z) / q


def kish(w):
    return w.sum() ** 2 / np.dot(w, w)


pts, wts = importance(GEN, mixture, 2.5, 50000)
vals = pts[:, 0] ** 2 + np.sin(pts[:, 1])
est = np.average(vals, weights=wts)
spread = np.average((vals - est) ** 2, weights=wts)
n_eff = kish(wts)
print(f"estimate {est:.4f}, weighted variance {spread:.4f}, effective size {n_eff:.0f}")

# %% [markdown]
# ### (4) Random-walk Metropolis-Hastings
# Ratio of densities, no logarithms: the chain never gets to places where p underflows.


# %%
def random_walk(gen, start, pdf, scale, iterations):
    here = np.array(start, dtype=np.float64)
    p_here = pdf(here)
    path = np.empty((iterations, 2))
    moves = 0
    for i in range(iterations):
        there = gen.normal(here, scale)
        p_there = pdf(there)
        if gen.uniform() * p_here < p_there:
            here, p_here = there, p_there
            moves += 1
        path[i] = here
    return path, moves / iterations


SCALES = [0.1, 0.5, 1.5]
paths, fractions = [], []
for scale in SCALES:
    path, fraction = random_walk(GEN, (0, 0), mixture, scale, 50000)
    paths.append(path)
    fractions.append(fraction)
kept = [path[5000::5] for path in paths]
for scale, fraction in zip(SCALES, fractions):
    print(f"step {scale}: {100 * fraction:.1f} % accepted")

# %% [markdown]
# Autocorrelation of the first coordinate for the middle step, computed on the 9,000 kept draws.


# %%
def autocorr(lags, series):
    y = series - series.mean()
    return np.array([np.dot(y[: y.size - k], y[k:]) / np.dot(y, y) for k in range(lags + 1)])


ac_walk = autocorr(50, kept[1][:, 0])
fig, ax = plt.subplots(1, 2, figsize=(12, 3.5))
ax[0].plot(paths[1][:, 0], lw=0.3)
ax[0].set_xlabel("iteration")
ax[0].set_ylabel("first coordinate")
ax[0].set_title("Trace, step 0.5")
ax[1].stem(np.arange(51), ac_walk)
ax[1].set_xlabel("lag (in kept draws)")
ax[1].set_title("Autocorrelation, step 0.5")
plt.show()
print("autocorrelation of the kept draws at lags 1, 10, 50:", ac_walk[[1, 10, 50]])

# %% [markdown]
# The first step size is too timid: 94 % accepted and almost no progress. The second one (74 %) needs long to change the
# component, which is seen in the trace as plateaus. The third (41 %) changes components all the time; it mixes best.

# %% [markdown]
# ### (5) Gibbs
# Here x2 is updated first; the order of the scan does not matter for the stationary law.


# %%
def gibbs(gen, r, iterations, start):
    u, v = start
    sd = sqrt(1 - r * r)
    track = np.empty((iterations, 2))
    for i in range(iterations):
        v = gen.normal(r * u, sd)
        u = gen.normal(r * v, sd)
        track[i, 0], track[i, 1] = u, v
    return track


track = gibbs(GEN, 0.9, 50000, (0.0, 0.0))
track_kept = track[5000::5]
ac_gibbs = autocorr(50, track[5000:, 0])
print("Gibbs autocorrelation at 1, 5, 20:", ac_gibbs[[1, 5, 20]])
print("Gibbs correlation:", np.corrcoef(track_kept, rowvar=False)[0, 1])

fig, ax = plt.subplots(1, 2, figsize=(11, 4))
ax[0].stem(np.arange(51), ac_gibbs)
ax[0].set_xlabel("lag")
ax[0].set_title("Gibbs autocorrelation of $x_1$")
ax[1].scatter(track_kept[:, 0], track_kept[:, 1], s=3, alpha=0.3)
ax[1].set_xlabel("$x_1$")
ax[1].set_ylabel("$x_2$")
ax[1].set_title("Gibbs draws")
plt.show()

# %% [markdown]
# Autocorrelation 0.81 per sweep: after 20 sweeps there is next to nothing left. The sampler mixes well, and the kept
# draws (every fifth) are nearly independent after three or four of them.
