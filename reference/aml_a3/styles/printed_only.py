# style: functions print their scalars and return arrays only
# %% [markdown]
# # Part A
# Each question has a `solve_...` function that prints the requested numbers.

# %% [markdown]
# Setup with seeds for NumPy and PyTorch.

# %%
import numpy as np
import torch
import matplotlib.pyplot as plt


def fix_seeds(seed):
    np.random.seed(seed)
    torch.manual_seed(seed)


fix_seeds(1234)

# %% [markdown]
# ## A1. Target distribution
# Density of one or many points and its contour plot.

# %%
PI = np.array([0.4, 0.35, 0.25])
MU = np.array([[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]])
SIGMA_K = np.array([[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]])
PREC = np.linalg.inv(SIGMA_K)
NORM = 2 * np.pi * np.sqrt(np.linalg.det(SIGMA_K))


def target_density(x):
    x = np.atleast_2d(x)
    total = np.zeros(len(x))
    for k in range(3):
        d = x - MU[k]
        total += PI[k] * np.exp(-0.5 * ((d @ PREC[k]) * d).sum(axis=1)) / NORM[k]
    return total


def plot_contour(title):
    grid = np.linspace(-6, 6, 200)
    gx, gy = np.meshgrid(grid, grid)
    gz = target_density(np.column_stack((gx.ravel(), gy.ravel()))).reshape(200, 200)
    plt.figure(figsize=(6, 5))
    plt.contour(gx, gy, gz, levels=15)
    plt.xlabel("x1")
    plt.ylabel("x2")
    plt.title(title)


plot_contour("True density")
plt.show()

# %% [markdown]
# ## A2. Rejection sampling
# Prints the acceptance rate, shows the scatter, returns the samples.


# %%
def proposal_density(x, sigma=2.5):
    return np.exp(-(x**2).sum(axis=1) / (2 * sigma**2)) / (2 * np.pi * sigma**2)


def solve_rejection(n=10000, c=12.0, sigma=2.5):
    accepted = []
    proposals = 0
    while len(accepted) < n:
        x = np.random.normal(0, sigma, (500, 2))
        ratio = target_density(x) / (c * proposal_density(x, sigma))
        for candidate, u, r in zip(x, np.random.uniform(0, 1, 500), ratio):
            proposals += 1
            if u < r:
                accepted.append(candidate)
            if len(accepted) == n:
                break
    accepted = np.array(accepted)
    print("Number of proposals:", proposals)
    print("Acceptance rate: %.4f" % (n / proposals))
    plot_contour("Rejection sampling")
    plt.scatter(accepted[:, 0], accepted[:, 1], s=2, alpha=0.3)
    plt.show()
    return accepted


rejection_samples = solve_rejection()

# %% [markdown]
# ## A3. Importance sampling
# Prints mean, weighted variance and ESS, returns draws and normalised weights.


# %%
def solve_importance(n=50000, sigma=2.5):
    x = np.random.normal(0, sigma, (n, 2))
    w = target_density(x) / proposal_density(x, sigma)
    w = w / w.sum()
    f = x[:, 0] ** 2 + np.sin(x[:, 1])
    mean = (w * f).sum()
    print("Estimated mean: %.4f" % mean)
    print("Weighted sample variance: %.4f" % (w * (f - mean) ** 2).sum())
    print("Effective sample size: %.1f" % (1 / (w**2).sum()))
    return x, w


importance_draws, importance_weights = solve_importance()

# %% [markdown]
# ## A4. Metropolis-Hastings
# Prints the acceptance rate, returns the chain. A faster density for single points keeps the loop short.


# %%
def target_density_point(x1, x2):
    total = 0.0
    for k in range(3):
        d1 = x1 - MU_LIST[k][0]
        d2 = x2 - MU_LIST[k][1]
        (a, b), (_, e) = PREC_LIST[k]
        total += PI_LIST[k] * np.exp(-0.5 * (a * d1 * d1 + 2 * b * d1 * d2 + e * d2 * d2)) / NORM_LIST[k]
    return total


MU_LIST, PREC_LIST, PI_LIST, NORM_LIST = MU.tolist(), PREC.tolist(), PI.tolist(), NORM.tolist()


def solve_metropolis(step, n=50000):
    chain = np.zeros((n, 2))
    a, b = 0.0, 0.0
    p_ab = target_density_point(a, b)
    accepted = 0
    for i in range(n):
        a_new = a + np.random.normal(0, step)
        b_new = b + np.random.normal(0, step)
        p_new = target_density_point(a_new, b_new)
        if np.random.uniform() < p_new / p_ab:
            a, b, p_ab = a_new, b_new, p_new
            accepted += 1
        chain[i] = a, b
    print("s = %.1f: acceptance rate %.4f" % (step, accepted / n))
    return chain


def burn_and_thin(chain):
    return chain[5000::5]


def acf(x, max_lag=50):
    x = np.asarray(x) - np.mean(x)
    return np.array([1.0] + [np.sum(x[:-k] * x[k:]) / np.sum(x * x) for k in range(1, max_lag + 1)])


def plot_acf(values, title):
    plt.figure(figsize=(8, 3))
    plt.stem(values)
    plt.xlabel("lag")
    plt.ylabel("ACF")
    plt.title(title)
    plt.show()


chain_small = solve_metropolis(0.1)
chain_medium = solve_metropolis(0.5)
chain_large = solve_metropolis(1.5)
samples_small, samples_medium, samples_large = map(burn_and_thin, (chain_small, chain_medium, chain_large))

# %% [markdown]
# Trace and ACF for s = 0.5.

# %%
plt.figure(figsize=(10, 3))
plt.plot(chain_medium[:, 0], lw=0.4)
plt.xlabel("iteration")
plt.ylabel("x1")
plt.title("Trace plot, s = 0.5")
plt.show()
acf_medium = acf(chain_medium[5000:, 0])
plot_acf(acf_medium, "ACF of x1, s = 0.5")
print("ACF at lags 1, 10, 50:", acf_medium[[1, 10, 50]].round(4))

# %% [markdown]
# **Comment on step size and mixing:** A larger step lowers the acceptance rate (0.94, 0.74, 0.41), but the samples become less correlated. The
# chain with s = 0.1 mixes badly, since its steps are much smaller than the distance of the modes; s = 1.5 mixes best.

# %% [markdown]
# ## A5. Gibbs sampling
# Returns the chain; prints the correlation of the thinned samples.


# %%
def solve_gibbs(n=50000, rho=0.9):
    chain = np.zeros((n, 2))
    x1 = x2 = 0.0
    for i in range(n):
        x1 = np.random.normal(rho * x2, np.sqrt(1 - rho**2))
        x2 = np.random.normal(rho * x1, np.sqrt(1 - rho**2))
        chain[i] = [x1, x2]
    print("correlation of the samples: %.4f" % np.corrcoef(burn_and_thin(chain).T)[0, 1])
    return chain


gibbs = solve_gibbs()
gibbs_samples = burn_and_thin(gibbs)
acf_gibbs = acf(gibbs[5000:, 0])
plot_acf(acf_gibbs, "ACF of x1, Gibbs")
print("ACF at lags 1, 10, 50:", acf_gibbs[[1, 10, 50]].round(4))
plt.figure(figsize=(5, 5))
plt.scatter(gibbs_samples[:, 0], gibbs_samples[:, 1], s=2)
plt.xlabel("x1")
plt.ylabel("x2")
plt.title("Gibbs samples")
plt.show()

# %% [markdown]
# **Comment on mixing:** The ACF starts at 0.81, halves about every three iterations and is negligible after lag 20, so the Gibbs
# sampler mixes well for this target.
