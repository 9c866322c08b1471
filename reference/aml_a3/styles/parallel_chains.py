# style: torch.distributions; the three step sizes advance together, one array of shape (50000, 3, 2)
# %% [markdown]
# # A3 / Part A with torch.distributions
# A `MixtureSameFamily` is the target; it evaluates any batch of points.

# %% [markdown]
# Seeds and default dtype.

# %%
import numpy as np
import torch
import torch.distributions as D
import matplotlib.pyplot as plt

np.random.seed(1234)
torch.manual_seed(1234)
torch.set_default_dtype(torch.float64)

# %% [markdown]
# ## A1
# The target, and its density over the mesh.

# %%
target = D.MixtureSameFamily(
    D.Categorical(probs=torch.tensor([0.4, 0.35, 0.25])),
    D.MultivariateNormal(
        loc=torch.tensor([[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]]),
        covariance_matrix=torch.tensor(
            [[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]]
        ),
    ),
    validate_args=False,
)

line = torch.linspace(-6, 6, 200)
mesh_y, mesh_x = torch.meshgrid(line, line, indexing="ij")
mesh_p = target.log_prob(torch.stack((mesh_x, mesh_y), -1)).exp()

fig, ax = plt.subplots()
ax.contour(mesh_x.numpy(), mesh_y.numpy(), mesh_p.numpy(), levels=15)
ax.set(title="target", xlabel="x", ylabel="y")
plt.show()

# %% [markdown]
# ## A2
# Proposals in one stream: I draw 4,000 at a time and stop inside the last block.

# %%
proposal = D.MultivariateNormal(torch.zeros(2), scale_tril=2.5 * torch.eye(2), validate_args=False)
stream_x, stream_ok = [], []
while sum(int(ok.sum()) for ok in stream_ok) < 10_000:
    x = proposal.sample((4_000,))
    log_ratio = target.log_prob(x) - proposal.log_prob(x) - np.log(12)
    stream_x.append(x)
    stream_ok.append(torch.rand(4_000).log() < log_ratio)
x, ok = torch.cat(stream_x), torch.cat(stream_ok)
where = torch.nonzero(ok).squeeze(1)[:10_000]
rejection_draws = x[where].numpy()
acceptance_probability = 10_000 / (where[-1].item() + 1)
print("rejection sampling acceptance rate", acceptance_probability)

fig, ax = plt.subplots()
ax.contour(mesh_x.numpy(), mesh_y.numpy(), mesh_p.numpy(), levels=15)
ax.plot(rejection_draws[:, 0], rejection_draws[:, 1], ",", color="k")
ax.set(title="rejection sampling", xlabel="x", ylabel="y")
plt.show()

# %% [markdown]
# ## A3
# Log weights and their softmax.

# %%
importance_draws = proposal.sample((50_000,))
log_weights = target.log_prob(importance_draws) - proposal.log_prob(importance_draws)
normalised = log_weights.softmax(0)
f = importance_draws[:, 0].square() + importance_draws[:, 1].sin()
estimate = {
    "mean": (normalised @ f).item(),
    "variance": (normalised @ (f - normalised @ f).square()).item(),
    "ess": (2 * log_weights.logsumexp(0) - (2 * log_weights).logsumexp(0)).exp().item(),
}
print(estimate)

# %% [markdown]
# ## A4
# The three chains are rows of one (3, 2) tensor: row k moves with step size s_k, and one call gives the three log densities.

# %%
steps = torch.tensor([0.1, 0.5, 1.5])
n_iterations = 50_000
with torch.no_grad():
    position = torch.zeros(3, 2)
    log_p = target.log_prob(position)
    history = torch.empty(n_iterations, 3, 2)
    accepted = torch.empty(n_iterations, 3, dtype=torch.bool)
    noise = torch.randn(n_iterations, 3, 2) * steps[:, None]
    log_u = torch.rand(n_iterations, 3).log()
    for t in range(n_iterations):
        candidate = position + noise[t]
        log_p_candidate = target.log_prob(candidate)
        accept = log_u[t] < log_p_candidate - log_p
        position = torch.where(accept[:, None], candidate, position)
        log_p = torch.where(accept, log_p_candidate, log_p)
        history[t] = position
        accepted[t] = accept
chains = history.numpy()
thinned = chains[5_000::5]
acceptance = accepted.double().mean(0).numpy()
for s, a in zip(steps.tolist(), acceptance):
    print(f"s={s}: {a:.4f}")

# %% [markdown]
# ACF of x1 in the middle chain.


# %%
def acf(x, max_lag):
    x = x - x.mean()
    return np.array([(x[: x.size - k] * x[k:]).sum() for k in range(max_lag + 1)]) / (x * x).sum()


acf_half = acf(chains[5_000:, 1, 0], 50)
fig, ax = plt.subplots(2, 1, figsize=(9, 6), layout="constrained")
ax[0].plot(chains[:, 1, 0], lw=0.4)
ax[0].set(title="trace of x1, s = 0.5", xlabel="iteration", ylabel="x1")
ax[1].bar(np.arange(51), acf_half)
ax[1].set(title="ACF of x1, s = 0.5", xlabel="lag", ylabel="ACF")
plt.show()
print("ACF(50) =", acf_half[50])

# %% [markdown]
# Comment. Acceptance 94 % / 74 % / 41 %. Tiny steps are accepted but lead nowhere (very slow mixing), large steps are refused
# more often but carry the chain from mode to mode. 1.5 is the best choice here.

# %% [markdown]
# ## A5
# Gibbs with noise from `torch.randn`, loop over Python floats (tensors of size one are slow).

# %%
sd = (1 - 0.9**2) ** 0.5
noise = (sd * torch.randn(50_000, 2)).tolist()
gibbs_history = []
x1 = x2 = 0.0
for e1, e2 in noise:
    x1 = 0.9 * x2 + e1
    x2 = 0.9 * x1 + e2
    gibbs_history.append((x1, x2))
gibbs_history = np.array(gibbs_history)
gibbs_thinned = gibbs_history[5_000::5]
acf_gibbs = acf(gibbs_history[5_000:, 0], 50)
print("corr", np.corrcoef(gibbs_thinned.T)[0, 1], "ACF(1), ACF(10)", acf_gibbs[1], acf_gibbs[10])

fig, ax = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
ax[0].bar(np.arange(51), acf_gibbs)
ax[0].set(title="ACF of x1, Gibbs", xlabel="lag", ylabel="ACF")
ax[1].scatter(gibbs_thinned[:, 0], gibbs_thinned[:, 1], s=1)
ax[1].set(title="Gibbs samples", xlabel="x1", ylabel="x2")
plt.show()

# %% [markdown]
# Comment. Geometric decay with ratio 0.81, practically zero after 20 iterations: fast mixing. The strong correlation is what keeps it from being faster.
