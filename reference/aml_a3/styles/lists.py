# style: Python lists of points and the statistics module, converted to arrays late; start kept, 50,001 states, 9,001 draws
# %% [markdown]
# # Part A with plain Python
# I wanted to write the algorithms with lists and `math` only. NumPy delivers the random numbers and, at the end, the plots.

# %% [markdown]
# Preparation: seeds and a few imports.

# %%
import math
import statistics

import matplotlib.pyplot as plt
import numpy as np
import torch

seed = 1234
np.random.seed(seed)
torch.manual_seed(seed)


def normals(n):
    """n standard normal numbers as a list of Python floats"""
    return np.random.standard_normal(n).tolist()


def uniforms(n):
    return np.random.random_sample(n).tolist()


# %% [markdown]
# ## A1
# A component is (weight, mx, my, a, b, d) with covariance [[a, b], [b, d]].

# %%
components = [
    (0.4, 0.0, 0.0, 1.0, 0.8, 1.5),
    (0.35, 3.0, 3.0, 0.6, 0.0, 0.6),
    (0.25, -3.0, 3.0, 1.2, -0.6, 1.2),
]


def target(point):
    x, y = point
    total = 0.0
    for weight, mx, my, a, b, d in components:
        det = a * d - b * b
        dx, dy = x - mx, y - my
        exponent = -(d * dx * dx - 2 * b * dx * dy + a * dy * dy) / (2 * det)
        total += weight * math.exp(exponent) / (2 * math.pi * math.sqrt(det))
    return total


ticks = [-6 + 12 * i / 199 for i in range(200)]
heights = [[target((x, y)) for x in ticks] for y in ticks]

plt.contour(ticks, ticks, heights, 12)
plt.title("A1: contours of p")
plt.xlabel("x1")
plt.ylabel("x2")
plt.show()

# %% [markdown]
# ## A2
# Accepted points are appended to a list; each pass of the loop is one proposal.

# %%
sigma = 2.5
c = 12


def proposal_density(point):
    x, y = point
    return math.exp(-(x * x + y * y) / (2 * sigma * sigma)) / (2 * math.pi * sigma * sigma)


accepted = []
n_rejected = 0
while len(accepted) < 10000:
    a, b = normals(2)
    point = (sigma * a, sigma * b)
    if uniforms(1)[0] < target(point) / (c * proposal_density(point)):
        accepted.append(point)
    else:
        n_rejected += 1
rate = len(accepted) / (len(accepted) + n_rejected)
print("rejected:", n_rejected)
print("acceptance rate:", rate)

plt.contour(ticks, ticks, heights, 12)
plt.scatter([point[0] for point in accepted], [point[1] for point in accepted], s=1, color="green")
plt.title("A2: accepted samples")
plt.xlabel("x1")
plt.ylabel("x2")
plt.show()

# %% [markdown]
# ## A3
# Lists of points, weights and function values; `math.fsum` adds them up without rounding errors.

# %%
z = normals(100000)
points = [(sigma * z[2 * i], sigma * z[2 * i + 1]) for i in range(50000)]
weights = [target(point) / proposal_density(point) for point in points]
values = [x * x + math.sin(y) for x, y in points]

total_weight = math.fsum(weights)
mean = math.fsum(w * v for w, v in zip(weights, values)) / total_weight
variance = math.fsum(w * (v - mean) ** 2 for w, v in zip(weights, values)) / total_weight
ess = total_weight**2 / math.fsum(w * w for w in weights)
print("mean:", mean)
print("variance:", variance)
print("ESS:", ess)

# %% [markdown]
# ## A4
# The list starts with x0, so a run of 50,000 iterations has 50,001 states. Acceptance counts all 50,000 proposals.


# %%
def metropolis(step, n):
    states = [(0.0, 0.0)]
    accepted_moves = 0
    x, y = states[0]
    p_now = target((x, y))
    eps = normals(2 * n)
    us = uniforms(n)
    for i in range(n):
        candidate = (x + step * eps[2 * i], y + step * eps[2 * i + 1])
        p_candidate = target(candidate)
        if us[i] < p_candidate / p_now:
            x, y = candidate
            p_now = p_candidate
            accepted_moves += 1
        states.append((x, y))
    return states, accepted_moves / n


mh_states = []
mh_rates = []
mh_draws = []
for step in [0.1, 0.5, 1.5]:
    states, r = metropolis(step, 50000)
    mh_states.append(states)
    mh_rates.append(r)
    mh_draws.append(states[5000::5])
    print("step", step, "acceptance", r, "draws", len(mh_draws[-1]))

# %% [markdown]
# The ACF with the `statistics` module for the mean and the variance.


# %%
def acf(series, max_lag):
    m = statistics.fmean(series)
    v = statistics.pvariance(series, m)
    dev = [value - m for value in series]
    n = len(dev)
    return [math.sumprod(dev[: n - k], dev[k:]) / n / v if hasattr(math, "sumprod")
            else sum(a * b for a, b in zip(dev[: n - k], dev[k:])) / n / v
            for k in range(max_lag + 1)]


x1_middle = [state[0] for state in mh_states[1]]
mh_acf = acf(x1_middle[5000:], 50)

plt.figure(figsize=(9, 3))
plt.plot(x1_middle, lw=0.4)
plt.title("A4: x1, step 0.5")
plt.xlabel("iteration")
plt.show()
plt.stem(range(51), mh_acf)
plt.title("A4: ACF of x1, step 0.5")
plt.xlabel("lag")
plt.show()
print("ACF at 50:", mh_acf[50])

# %% [markdown]
# **Comment:** Small step = many acceptances and slow exploration; large step = fewer acceptances (41 % at 1.5) and
# faster exploration. Since the modes are 4 to 6 units apart, the steps 0.1 and 0.5 seldom cross the valley between them.

# %% [markdown]
# ## A5
# Gibbs in lists, the start kept as well.

# %%
sd = math.sqrt(1 - 0.9 * 0.9)
gibbs_x1, gibbs_x2 = [0.0], [0.0]
eps = normals(100000)
for i in range(50000):
    gibbs_x1.append(0.9 * gibbs_x2[-1] + sd * eps[2 * i])
    gibbs_x2.append(0.9 * gibbs_x1[-1] + sd * eps[2 * i + 1])
gibbs_acf = acf(gibbs_x1[5000:], 50)
kept = np.array([gibbs_x1[5000::5], gibbs_x2[5000::5]]).T
print("correlation:", statistics.correlation(kept[:, 0].tolist(), kept[:, 1].tolist()))
print("ACF:", gibbs_acf[1], gibbs_acf[2], gibbs_acf[10])

plt.stem(range(51), gibbs_acf)
plt.title("A5: ACF of x1")
plt.xlabel("lag")
plt.show()
plt.scatter(kept[:, 0], kept[:, 1], s=1)
plt.title("A5: Gibbs samples")
plt.xlabel("x1")
plt.ylabel("x2")
plt.show()

# %% [markdown]
# **Comment:** the autocorrelation is divided by about 1.23 at every lag (0.81, 0.66, 0.53, ...). After lag 20 it is
# indistinguishable from zero: good mixing, with some slowness due to the strong correlation.
