# style: rejection in batches of 5,000, all proposals of the last batch counted; x0 is row 0 (50,001 rows), acceptance after burn-in, thinning offset 4
# %% [markdown]
# # Assignment 3 (A): sampling
# Batch-wise NumPy.

# %% [markdown]
# ## Seeds and imports
# CPU, float64 (the NumPy default).

# %%
import random

import numpy as np
import torch
import matplotlib.pyplot as plt


def seed_everything(seed: int = 1234):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


seed_everything()
rng = np.random.default_rng(1234)

# %% [markdown]
# ## A1 - target
# `logp` handles a batch; for one row it is called with shape (1, 2) or (2,).

# %%
W = np.array([0.4, 0.35, 0.25])
MU = np.array([[0, 0], [3, 3], [-3, 3]], dtype=np.float64)
COV = np.array([[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0], [0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]], dtype=np.float64)
L_INV = np.linalg.inv(np.linalg.cholesky(COV))
LOGC = np.log(W) - np.log(2 * np.pi) + np.log(L_INV[:, 0, 0] * L_INV[:, 1, 1])


def logp(X):
    z0 = (X[..., 0, None] - MU[:, 0]) * L_INV[:, 0, 0]
    z1 = (X[..., 0, None] - MU[:, 0]) * L_INV[:, 1, 0] + (X[..., 1, None] - MU[:, 1]) * L_INV[:, 1, 1]
    terms = LOGC - 0.5 * (z0**2 + z1**2)
    m = terms.max(-1, keepdims=True)
    return (m + np.log(np.exp(terms - m).sum(-1, keepdims=True)))[..., 0]


side = np.linspace(-6, 6, 200)
mesh = np.array(np.meshgrid(side, side))
true_density = np.exp(logp(np.moveaxis(mesh, 0, -1)))

plt.figure()
cs = plt.contour(mesh[0], mesh[1], true_density, levels=np.linspace(0.005, 0.09, 12))
plt.clabel(cs, fontsize=6)
plt.title("p(x)")
plt.xlabel("x")
plt.ylabel("y")
plt.show()

# %% [markdown]
# ## A2 - rejection sampling
# Batches of 5,000 proposals until at least 10,000 have been accepted. The rate is taken over everything that was
# proposed, that is with the surplus of the last batch in numerator and denominator; afterwards I keep the first 10,000.

# %%
SIGMA, C, BATCH = 2.5, 12.0, 5000


def logq(X):
    return -(X**2).sum(-1) / (2 * SIGMA**2) - np.log(2 * np.pi * SIGMA**2)


batches = []
proposed_total = accepted_total = 0
while accepted_total < 10_000:
    X = rng.normal(0.0, SIGMA, (BATCH, 2))
    keep = rng.random(BATCH) < np.exp(logp(X) - logq(X)) / C
    batches.append(X[keep])
    proposed_total += BATCH
    accepted_total += int(keep.sum())
acceptance = accepted_total / proposed_total
accepted = np.vstack(batches)[:10_000]
print(f"{accepted_total} accepted of {proposed_total}: rate {acceptance:.4f}; kept {accepted.shape}")

plt.figure()
plt.contour(mesh[0], mesh[1], true_density, levels=np.linspace(0.005, 0.09, 12))
plt.scatter(accepted[:, 0], accepted[:, 1], s=0.5, color="tab:blue")
plt.title("rejection sampling: accepted samples")
plt.xlabel("x")
plt.ylabel("y")
plt.show()

# %% [markdown]
# ## A3 - importance sampling
# Ten batches of 5,000, put together at the end.

# %%
parts, logws = [], []
for _ in range(10):
    X = rng.normal(0.0, SIGMA, (BATCH, 2))
    parts.append(X)
    logws.append(logp(X) - logq(X))
X_is = np.concatenate(parts)
log_w = np.concatenate(logws)
w = np.exp(log_w - log_w.max())
w /= w.sum()
F = X_is[:, 0] ** 2 + np.sin(X_is[:, 1])
F_mean = (w * F).sum()
F_var = (w * (F - F_mean) ** 2).sum() / (1 - (w**2).sum())
F_ess = 1 / (w**2).sum()
print(f"mean {F_mean:.4f} | weighted variance (unbiased, reliability weights) {F_var:.4f} | ESS {F_ess:.1f}")

# %% [markdown]
# ## A4 - Metropolis-Hastings
# Row 0 is the start, rows 1 to 50,000 are the iterations. The acceptance rate is that of the 45,000 iterations after the burn-in.
# Draws: rows 5,005, 5,010, ... of the iterations.

# %%
N_ITER, BURN, THIN = 50_000, 5_000, 5
mh = {}
for s in [0.1, 0.5, 1.5]:
    rows = np.zeros((N_ITER + 1, 2))
    flags = np.zeros(N_ITER, dtype=bool)
    lp = logp(rows[0])
    for first in range(0, N_ITER, BATCH):
        eps = rng.normal(0.0, s, (BATCH, 2))
        logu = np.log1p(-rng.random(BATCH))
        for j in range(BATCH):
            t = first + j
            prop = rows[t] + eps[j]
            lp_prop = logp(prop)
            if logu[j] < lp_prop - lp:
                rows[t + 1] = prop
                lp = lp_prop
                flags[t] = True
            else:
                rows[t + 1] = rows[t]
    mh[s] = dict(rows=rows, draws=rows[1:][BURN:][THIN - 1 :: THIN], acceptance=flags[BURN:].mean())
    print(f"s={s}: acceptance after burn-in {mh[s]['acceptance']:.4f}, draws {mh[s]['draws'].shape}")

# %% [markdown]
# ACF of x1 (s = 0.5) by FFT with zero padding, biased estimator.


# %%
def acf_fft(x, max_lag=50):
    n = len(x)
    spectrum = np.fft.rfft(x - x.mean(), 2 * n)
    cov = np.fft.irfft(spectrum * spectrum.conj())[: max_lag + 1] / n
    return cov / cov[0]


acf_s05 = acf_fft(mh[0.5]["rows"][BURN + 1 :, 0])
plt.figure(figsize=(9, 3))
plt.plot(mh[0.5]["rows"][:, 0], lw=0.3)
plt.axvline(BURN, color="r", ls="--", label="burn-in")
plt.legend()
plt.title("x1, s = 0.5")
plt.show()
plt.figure(figsize=(9, 3))
plt.bar(np.arange(51), acf_s05, width=0.4)
plt.title("ACF of x1, s = 0.5")
plt.show()

# %% [markdown]
# Comment on A4: acceptance 0.94 / 0.74 / 0.41 for s = 0.1 / 0.5 / 1.5. Mixing goes the other way: with 0.1 the chain diffuses so slowly that the
# 50,000 iterations hardly visit all the components, with 0.5 they are visited a few dozen times, with 1.5 all the time.

# %% [markdown]
# ## A5 - Gibbs
# Same book-keeping: start in row 0, sweeps in rows 1 to 50,000.

# %%
RHO = 0.9
rows = np.zeros((N_ITER + 1, 2))
eps = rng.normal(0.0, np.sqrt(1 - RHO**2), (N_ITER, 2))
for t in range(N_ITER):
    rows[t + 1, 0] = RHO * rows[t, 1] + eps[t, 0]
    rows[t + 1, 1] = RHO * rows[t + 1, 0] + eps[t, 1]
gibbs_rows = rows
gibbs_draws = gibbs_rows[1:][BURN:][THIN - 1 :: THIN]
gibbs_acf = acf_fft(gibbs_rows[BURN + 1 :, 0])
print("draws", gibbs_draws.shape, "corr", np.corrcoef(gibbs_draws.T)[0, 1].round(4), "ACF(1,5,10)", gibbs_acf[[1, 5, 10]].round(3))

plt.figure(figsize=(9, 3))
plt.bar(np.arange(51), gibbs_acf, width=0.4)
plt.title("Gibbs: ACF of x1")
plt.show()
plt.figure(figsize=(5, 5))
plt.scatter(gibbs_draws[:, 0], gibbs_draws[:, 1], s=1)
plt.title("Gibbs: draws")
plt.xlabel("x1")
plt.ylabel("x2")
plt.show()

# %% [markdown]
# Comment on A5: the ACF is 0.81^k, i.e. about ten sweeps are worth one independent draw; the cloud has the right shape. Mixing is good.
