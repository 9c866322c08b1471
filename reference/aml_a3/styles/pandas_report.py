# style: results collected in pandas DataFrames, plots by pandas and seaborn, Series.autocorr
# %% [markdown]
# # Assignment 3 - Part A: report
# All results are tables; seaborn draws the scatter plots.

# %% [markdown]
# ## Setup
# Seeds are set once for both libraries.

# %%
import numpy as np
import pandas as pd
import seaborn as sns
import torch
import matplotlib.pyplot as plt

SEED = 1234
np.random.seed(SEED)
torch.manual_seed(SEED)
sns.set_theme(style="whitegrid")

# %% [markdown]
# ## 1 Target distribution
# Parameters in a DataFrame, one row per component; the covariance is stored as var1, var2 and cov12.

# %%
parameters = pd.DataFrame(
    {
        "weight": [0.40, 0.35, 0.25],
        "mean1": [0.0, 3.0, -3.0],
        "mean2": [0.0, 3.0, 3.0],
        "var1": [1.0, 0.6, 1.2],
        "var2": [1.5, 0.6, 1.2],
        "cov12": [0.8, 0.0, -0.6],
    }
)
parameters

# %% [markdown]
# The density as a function of two columns.


# %%
def true_density(x1, x2):
    density = 0.0
    for row in parameter_rows:
        det = row.var1 * row.var2 - row.cov12**2
        d1, d2 = x1 - row.mean1, x2 - row.mean2
        maha = (row.var2 * d1**2 - 2 * row.cov12 * d1 * d2 + row.var1 * d2**2) / det
        density = density + row.weight * np.exp(-maha / 2) / (2 * np.pi * np.sqrt(det))
    return density


parameter_rows = list(parameters.itertuples())
ax_values = np.linspace(-6, 6, 200)
mesh_x, mesh_y = np.meshgrid(ax_values, ax_values)
density_table = pd.DataFrame(true_density(mesh_x, mesh_y), index=ax_values, columns=ax_values)

plt.figure(figsize=(6, 5))
plt.contourf(density_table.columns, density_table.index, density_table.values, levels=20, cmap="rocket")
plt.colorbar(label="p(x)")
plt.title("True density")
plt.xlabel("x1")
plt.ylabel("x2")
plt.show()

# %% [markdown]
# ## 2 Rejection sampling
# A table of proposals with a column `accepted`; it grows in blocks and is cut at the 10,000th accepted row.

# %%
sigma, c, n_wanted = 2.5, 12, 10_000
blocks = []
while sum(block.accepted.sum() for block in blocks) < n_wanted:
    block = pd.DataFrame(np.random.normal(0, sigma, (25_000, 2)), columns=["x1", "x2"])
    block["p"] = true_density(block.x1, block.x2)
    block["q"] = np.exp(-(block.x1**2 + block.x2**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    block["accepted"] = np.random.uniform(size=len(block)) < block.p / (c * block.q)
    blocks.append(block)
proposals = pd.concat(blocks, ignore_index=True)
proposals = proposals[proposals.accepted.cumsum().shift(fill_value=0) < n_wanted]
accepted = proposals.loc[proposals.accepted, ["x1", "x2"]].reset_index(drop=True)
summary = pd.Series(dtype=float)
summary["acceptance_rate"] = proposals.accepted.mean()
print(f"{len(accepted)} accepted out of {len(proposals)}: {summary['acceptance_rate']:.4f}")

plt.figure(figsize=(6, 5))
plt.contour(mesh_x, mesh_y, density_table.values, levels=10, cmap="rocket")
sns.scatterplot(data=accepted, x="x1", y="x2", s=4, alpha=0.3, linewidth=0)
plt.title("Accepted samples on the true contours")
plt.show()

# %% [markdown]
# ## 3 Importance sampling
# Again a table: draws, weights and f. The weighted variance is sum w (f - mean)^2 / sum w.

# %%
draws = pd.DataFrame(np.random.normal(0, sigma, (50_000, 2)), columns=["x1", "x2"])
draws["w"] = true_density(draws.x1, draws.x2) * (2 * np.pi * sigma**2) * np.exp((draws.x1**2 + draws.x2**2) / (2 * sigma**2))
draws["f"] = draws.x1**2 + np.sin(draws.x2)
summary["is_mean"] = (draws.w * draws.f).sum() / draws.w.sum()
summary["is_variance"] = (draws.w * (draws.f - summary["is_mean"]) ** 2).sum() / draws.w.sum()
summary["is_ess"] = draws.w.sum() ** 2 / (draws.w**2).sum()
print(summary)

# %% [markdown]
# ## 4 Metropolis-Hastings
# One DataFrame per step size with the columns x1, x2 and accepted; iteration is the index.


# %%
def run_chain(step, n_iterations=50_000):
    noise = np.random.normal(0, step, (n_iterations, 2)).tolist()
    u = np.random.uniform(size=n_iterations).tolist()
    x1 = x2 = 0.0
    density = true_density(x1, x2)
    records = []
    for t in range(n_iterations):
        new1, new2 = x1 + noise[t][0], x2 + noise[t][1]
        new_density = true_density(new1, new2)
        ok = u[t] < new_density / density
        if ok:
            x1, x2, density = new1, new2, new_density
        records.append((x1, x2, ok))
    return pd.DataFrame(records, columns=["x1", "x2", "accepted"])


chains = {step: run_chain(step) for step in (0.1, 0.5, 1.5)}
thinned = {step: chain.iloc[5000::5][["x1", "x2"]] for step, chain in chains.items()}
mh_table = pd.DataFrame(
    [
        {"step": step, "acceptance_rate": chain.accepted.mean(), "n_draws": len(thinned[step])}
        for step, chain in chains.items()
    ]
).set_index("step")
mh_table

# %% [markdown]
# ACF of x1 for s = 0.5: `Series.autocorr` is the Pearson correlation of the series with its shifted self.

# %%
x1_after_burn_in = chains[0.5].x1.iloc[5000:]
mh_acf = pd.Series([x1_after_burn_in.autocorr(lag) for lag in range(51)], name="acf")
mh_acf.index.name = "lag"
print(mh_table.to_string())
print(mh_acf.iloc[[1, 10, 25, 50]])

chains[0.5].x1.plot(figsize=(9, 3), lw=0.4, title="Trace of x1, s = 0.5", xlabel="iteration", ylabel="x1")
plt.show()
mh_acf.plot.bar(figsize=(9, 3), title="ACF of x1, s = 0.5", ylabel="acf")
plt.show()

# %% [markdown]
# **Comment.** From s = 0.1 over 0.5 to 1.5 the acceptance rate falls (0.94, 0.74, 0.41) and the mixing gets better. A chain
# with tiny steps accepts all the time without getting anywhere; with s = 1.5 the jumps are long enough for the gaps between the modes.

# %% [markdown]
# ## 5 Gibbs sampling
# The chain as a DataFrame.

# %%
sd = np.sqrt(1 - 0.9**2)
noise = np.random.normal(0, sd, (50_000, 2))
gibbs = np.zeros((50_000, 2))
previous = 0.0
for t in range(50_000):
    gibbs[t, 0] = 0.9 * previous + noise[t, 0]
    gibbs[t, 1] = previous = 0.9 * gibbs[t, 0] + noise[t, 1]
gibbs = pd.DataFrame(gibbs, columns=["x1", "x2"])
gibbs_thinned = gibbs.iloc[5000::5]
gibbs_acf = pd.Series([gibbs.x1.iloc[5000:].autocorr(lag) for lag in range(51)], name="acf")
print(gibbs_thinned.corr())
print(gibbs_thinned.describe().loc[["mean", "std"]])
print(gibbs_acf.iloc[[1, 5, 10, 20]])

gibbs_acf.plot.bar(figsize=(9, 3), title="Gibbs: ACF of x1", xlabel="lag", ylabel="acf")
plt.show()
gibbs_thinned.plot.scatter(x="x1", y="x2", s=2, alpha=0.4, figsize=(5, 5), title="Gibbs draws")
plt.show()

# %% [markdown]
# **Comment.** Lag 1 has 0.81, lag 20 practically nothing. Gibbs mixes well for a correlation of 0.9; it would slow down as
# the correlation comes closer to 1.
