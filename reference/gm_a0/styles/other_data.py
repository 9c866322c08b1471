# style: a data set of its own (16 x 16 patterns from random projections of two hidden numbers), NumPy arrays, one flat Sequential, Gaussian with a variance from the decoder
# %% [markdown]
# # Assignment 0: why generative models
# We use a toy data set so that we know what is going on: 16 x 16 images that are smooth functions of few hidden numbers.

# %%
import numpy as np
import torch
from torch import nn
import matplotlib.pyplot as plt

rng = np.random.default_rng(3)
torch.manual_seed(3)

# %% tags=["parameters"]
steps = 600
n_samples = 2000

# %%
def make_data(n):
    hidden = rng.uniform(-1, 1, size=(n, 6))
    return 1 / (1 + np.exp(-3 * np.tanh(hidden @ A) @ B))


A, B = rng.normal(size=(6, 12)), rng.normal(size=(12, 256))
x_train = make_data(n_samples).astype(np.float32)
x_test = make_data(400).astype(np.float32)
print(x_train.shape, x_train.min(), x_train.max())

# %% [markdown]
# ## Part 1: autoencoder

# %%
def make_net(n_out=256):
    return nn.Sequential(
        nn.Linear(256, 96), nn.SiLU(), nn.Linear(96, 8),
        nn.Linear(8, 96), nn.SiLU(), nn.Linear(96, n_out),
    )


ae = make_net()
optim = torch.optim.RMSprop(ae.parameters(), lr=1e-3)
data = torch.from_numpy(x_train)
history = []
for step in range(steps):
    batch = data[torch.randint(len(data), (64,))]
    loss = nn.functional.mse_loss(ae(batch), batch)
    optim.zero_grad()
    loss.backward()
    optim.step()
    history.append(loss.item())
fig, ax = plt.subplots()
ax.semilogy(history)
plt.show()

# %% [markdown]
# ## Reconstructions (test set)

# %%
with torch.no_grad():
    rec = ae(torch.from_numpy(x_test[:6])).numpy()
fig, ax = plt.subplots(2, 6, figsize=(9, 3))
for i in range(6):
    ax[0, i].imshow(x_test[i].reshape(16, 16), vmin=0, vmax=1)
    ax[1, i].imshow(rec[i].reshape(16, 16), vmin=0, vmax=1)
plt.show()
print("test mse", float(np.mean((rec - x_test[:6]) ** 2)), "variance", float(x_test.var()))

# %% [markdown]
# ## Generated images from random codes

# %%
encoder, decoder = ae[:3], ae[3:]
with torch.no_grad():
    train_codes = encoder(data)
    cov = torch.cov(train_codes.T)
    random_codes = torch.distributions.MultivariateNormal(train_codes.mean(0), cov + 1e-5 * torch.eye(8)).sample((10,))
    samples = decoder(random_codes).numpy()
fig, ax = plt.subplots(2, 5, figsize=(8, 3.5))
for a, s in zip(ax.ravel(), samples):
    a.imshow(s.reshape(16, 16), vmin=0, vmax=1)
plt.show()

# %% [markdown]
# ## Discussion
# The samples are surprisingly good here, because the hidden numbers are few and the codes fill their region. Some are too
# bright: those codes lie outside of the region of the training set. For real images we expect holes in the code space.

# %% [markdown]
# ## Part 2: likelihood
# We take a Gaussian for each pixel, independent given the code; the decoder gives mean and log variance, so
# $-\log p = \frac12 \sum_i \left(v_i + (x_i - \mu_i)^2 e^{-v_i}\right) + const$. A Gaussian is a fair choice, as our pixels are
# continuous; Bernoulli is not. The log turns the product into a sum and is monotonic.

# %%
def gaussian_nll(x, mu, log_var):
    return 0.5 * (log_var + (x - mu) ** 2 / log_var.exp()).sum(-1).mean()


# %% [markdown]
# ## Training with our NLL

# %%
net = make_net(512)
optim = torch.optim.Adam(net.parameters(), lr=1e-3)
nll_history = []
for step in range(steps):
    batch = data[torch.randint(len(data), (64,))]
    mu, log_var = net(batch).chunk(2, dim=-1)
    loss = gaussian_nll(batch, mu, log_var.clamp(-6, 2))
    optim.zero_grad()
    loss.backward()
    optim.step()
    nll_history.append(loss.item())
plt.plot(nll_history)
plt.show()

# %% [markdown]
# We were stuck with a variance that went to 0 and a loss without a bound, therefore the clamp. Compared with part 1 the means
# look alike.
