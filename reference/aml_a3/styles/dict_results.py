# style: one dict per item, results_mh[0.5]["samples"], thinning offset 4, acceptance after burn-in
# %% [markdown]
# # Assignment 3: Generative modeling, part A
# Every task stores what it found in one dictionary.

# %% [markdown]
# First the libraries and the seeds.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch


def set_seed(value=1234):
    np.random.seed(value)
    torch.manual_seed(value)
    return np.random.default_rng(value)


rng = set_seed(1234)

# %% [markdown]
# Then everything that the sheet fixes, in a configuration dictionary.

# %%
config = {
    "weights": np.array([0.4, 0.35, 0.25]),
    "means": np.array([[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]]),
    "covs": np.array([[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]]),
    "sigma": 2.5,
    "c": 12,
    "n_accept": 10_000,
    "n_importance": 50_000,
    "steps": (0.1, 0.5, 1.5),
    "n_iter": 50_000,
    "burn_in": 5_000,
    "thin": 5,
}

# %% [markdown]
# ## Task 1: density of the mixture
# `log_normal` is the log of one bivariate normal density; `pdf` adds up the three components. Mesh 200 x 200.


# %%
def log_normal(x, mean, cov):
    diff = x - mean
    inv = np.linalg.inv(cov)
    maha = (diff @ inv * diff).sum(axis=-1)
    return -0.5 * (maha + np.log(np.linalg.det(cov))) - np.log(2 * np.pi)


def pdf(x):
    x = np.asarray(x, dtype=float)
    out = 0.0
    for w, m, S in zip(config["weights"], config["means"], config["covs"]):
        out = out + w * np.exp(log_normal(x, m, S))
    return out


mesh = np.linspace(-6, 6, 200)
grid = {"x": mesh, "y": mesh}
grid["X"], grid["Y"] = np.meshgrid(grid["x"], grid["y"])
grid["pdf"] = pdf(np.c_[grid["X"].ravel(), grid["Y"].ravel()]).reshape(200, 200)


def draw_contour(ax):
    ax.contour(grid["X"], grid["Y"], grid["pdf"], levels=12, cmap="plasma")
    ax.set_xlabel("$x_1$")
    ax.set_ylabel("$x_2$")
    ax.set_aspect("equal")


fig, ax = plt.subplots()
draw_contour(ax)
ax.set_title("Target density")
plt.show()

# %% [markdown]
# ## Task 2: rejection sampling
# One proposal at a time until 10,000 are accepted.


# %%
def rejection(target, n_accept, c, sigma, rng, block=50_000):
    accepted, proposed = [], 0
    while True:
        xs = rng.normal(0, sigma, (block, 2))
        us = rng.random(block)
        q = np.exp(-(xs**2).sum(1) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
        ratio = target(xs) / (c * q)
        for x, u, r in zip(xs, us, ratio):
            proposed += 1
            if u < r:
                accepted.append(x)
                if len(accepted) == n_accept:
                    return {
                        "samples": np.array(accepted),
                        "proposed": proposed,
                        "rate": n_accept / proposed,
                    }


rejection_result = rejection(pdf, config["n_accept"], config["c"], config["sigma"], rng)
print(f"acceptance rate {rejection_result['rate']:.4f} after {rejection_result['proposed']} proposals")

fig, ax = plt.subplots()
draw_contour(ax)
ax.scatter(rejection_result["samples"][:, 0], rejection_result["samples"][:, 1], s=1, alpha=0.3)
ax.set_title("Rejection samples")
plt.show()

# %% [markdown]
# ## Task 3: importance sampling
# Same proposal. All results go into the dictionary `importance`.

# %%
x = rng.normal(0, config["sigma"], (config["n_importance"], 2))
q = np.exp(-(x**2).sum(1) / (2 * config["sigma"] ** 2)) / (2 * np.pi * config["sigma"] ** 2)
importance = {"samples": x, "weights": pdf(x) / q}
importance["f"] = x[:, 0] ** 2 + np.sin(x[:, 1])
importance["mean"] = (importance["weights"] * importance["f"]).sum() / importance["weights"].sum()
importance["variance"] = (importance["weights"] * (importance["f"] - importance["mean"]) ** 2).sum() / importance[
    "weights"
].sum()
importance["ess"] = importance["weights"].sum() ** 2 / (importance["weights"] ** 2).sum()
for key in ("mean", "variance", "ess"):
    print(f"{key:>8}: {importance[key]:.4f}")

# %% [markdown]
# ## Task 4: Metropolis-Hastings
# `results_mh[s]` holds the full chain, the samples after burn-in and thinning (every fifth state after the 5,000
# burn-in states: the 5th, 10th, ...) and the acceptance rate after burn-in.


# %%
def metropolis(target, n_iter, s, start, rng):
    x = np.array(start, dtype=float)
    px = target(x)
    states = np.zeros((n_iter, 2))
    moved = np.zeros(n_iter, dtype=bool)
    for i in range(n_iter):
        x_new = x + rng.normal(0, s, 2)
        p_new = target(x_new)
        if rng.random() < min(1.0, p_new / px):
            x, px = x_new, p_new
            moved[i] = True
        states[i] = x
    return states, moved


def fast_pdf(x, _inv=np.linalg.inv(config["covs"]), _det=np.linalg.det(config["covs"])):
    d = x - config["means"]
    e = np.exp(-0.5 * np.einsum("ki,kij,kj->k", d, _inv, d))
    return (config["weights"] * e / (2 * np.pi * np.sqrt(_det))).sum()


results_mh = {}
for s in config["steps"]:
    states, moved = metropolis(fast_pdf, config["n_iter"], s, [0, 0], rng)
    after = states[config["burn_in"] :]
    results_mh[s] = {
        "chain": states,
        "samples": after[config["thin"] - 1 :: config["thin"]],
        "acceptance": moved[config["burn_in"] :].mean(),
    }
    print(s, "acceptance:", round(results_mh[s]["acceptance"], 4), "samples:", results_mh[s]["samples"].shape)

# %% [markdown]
# ACF of $x_1$ for $s = 0.5$ with `np.correlate`, on the chain after burn-in, next to the trace.


# %%
def acf(series, nlags=50):
    y = series - series.mean()
    full = np.array([np.correlate(y[: len(y) - k], y[k:])[0] for k in range(nlags + 1)])
    return full / full[0]


results_mh[0.5]["acf"] = acf(results_mh[0.5]["chain"][config["burn_in"] :, 0])

fig, axes = plt.subplots(2, 1, figsize=(9, 6))
axes[0].plot(results_mh[0.5]["samples"][:, 0], lw=0.6)
axes[0].set_title("Trace of $x_1$, s = 0.5 (thinned)")
axes[0].set_xlabel("sample")
axes[0].set_ylabel("$x_1$")
axes[1].stem(range(51), results_mh[0.5]["acf"], basefmt=" ")
axes[1].set_title("ACF of $x_1$, s = 0.5")
axes[1].set_xlabel("lag")
axes[1].set_ylabel("ACF")
plt.tight_layout()
plt.show()

# %% [markdown]
# **Step size vs mixing**: s = 0.1 accepts nearly everything but crawls; s = 0.5 is better, yet its ACF is still far from 0 at
# lag 50; s = 1.5 rejects the most and mixes the best, as its proposals reach the neighbouring components.

# %% [markdown]
# ## Task 5: Gibbs sampling
# Alternate the two conditional normals with variance 1 - 0.81 = 0.19.


# %%
def gibbs_sampler(n_iter, rho, start, rng):
    sd = (1 - rho**2) ** 0.5
    a, b = start
    out = []
    for _ in range(n_iter):
        a = rng.normal(rho * b, sd)
        b = rng.normal(rho * a, sd)
        out.append((a, b))
    return np.array(out)


gibbs = {"chain": gibbs_sampler(config["n_iter"], 0.9, (0.0, 0.0), rng)}
gibbs["samples"] = gibbs["chain"][config["burn_in"] :][config["thin"] - 1 :: config["thin"]]
gibbs["acf"] = acf(gibbs["chain"][config["burn_in"] :, 0])
gibbs["corr"] = np.corrcoef(gibbs["samples"].T)[0, 1]
print("samples:", gibbs["samples"].shape, "correlation:", gibbs["corr"])
print("ACF 1, 2, 5, 10:", gibbs["acf"][[1, 2, 5, 10]])

fig, axes = plt.subplots(1, 2, figsize=(10, 4))
axes[0].stem(range(51), gibbs["acf"], basefmt=" ")
axes[0].set_title("ACF of $x_1$ (Gibbs)")
axes[0].set_xlabel("lag")
axes[1].scatter(gibbs["samples"][:, 0], gibbs["samples"][:, 1], s=2, alpha=0.4)
axes[1].set_title("Gibbs samples")
axes[1].set_xlabel("$x_1$")
axes[1].set_ylabel("$x_2$")
plt.tight_layout()
plt.show()

# %% [markdown]
# **Mixing**: the ACF is close to 0.81, 0.66, 0.35, 0.12 at lags 1, 2, 5, 10, as theory (0.9^2 per sweep) says. The chain forgets its
# past in about 20 sweeps, so it mixes well; thinning by 5 removes most of the dependence.
