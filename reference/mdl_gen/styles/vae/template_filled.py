# %% [markdown]
# # Lab 1: variational autoencoders
# The template, filled in another way than the solution does it.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import datasets

torch.manual_seed(7)

# %% tags=["parameters"]
EPOCHS = 15
N_IMAGES = 20_000
N_SHOWN = 2_000

# %%
N_LATENT = 2
mnist_train = datasets.MNIST("data", train=True, download=True)
mnist_test = datasets.MNIST("data", train=False, download=True)
images = mnist_train.data[:N_IMAGES].float().flatten(1) / 255
shown_images = mnist_test.data[:N_SHOWN].float().flatten(1) / 255
shown_labels = mnist_test.targets[:N_SHOWN]

# %% [markdown]
# ## V1 Encoder (3 points)

# %%
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 300)
        self.fc2 = nn.Linear(300, 100)
        self.out = nn.Linear(100, 2 * N_LATENT)

    def forward(self, x):
        h = F.elu(self.fc2(F.elu(self.fc1(x))))
        return self.out(h).chunk(2, dim=-1)

# %% [markdown]
# ## V2 Reparameterisation (3 points)

# %%
def reparameterise(mu, log_var):
    std = (log_var / 2).exp()
    return torch.randn_like(std).mul(std).add(mu)

# %% [markdown]
# ## V3 Decoder, and the VAE (2 points)

# %%
class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(N_LATENT, 100)
        self.fc2 = nn.Linear(100, 300)
        self.fc3 = nn.Linear(300, 784)

    def forward(self, z):
        return torch.sigmoid(self.fc3(F.elu(self.fc2(F.elu(self.fc1(z))))))


class VAE(nn.Module):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, x):
        mu, log_var = self.encoder(x)
        z = reparameterise(mu, log_var)
        return self.decoder(z), mu, log_var


vae = VAE(Encoder(), Decoder())

# %% [markdown]
# ## V4 Loss (5 points)

# %%
def kl_divergence(mu, log_var):
    return (0.5 * (log_var.exp() + mu.pow(2) - 1 - log_var)).sum(dim=1).mean()


def reconstruction_loss(reconstruction, x):
    eps = 1e-7
    r = reconstruction.clamp(eps, 1 - eps)
    return -(x * r.log() + (1 - x) * (1 - r).log()).sum(dim=1).mean()


def vae_loss(reconstruction, x, mu, log_var):
    rec = reconstruction_loss(reconstruction, x)
    kl = kl_divergence(mu, log_var)
    return rec + kl, rec, kl

# %% [markdown]
# ## V5 Training (3 points)

# %%
def train_epoch(optimizer, batch_size=64):
    collected = []
    order = np.random.permutation(len(images))
    for start in range(0, len(order), batch_size):
        x = images[order[start : start + batch_size]]
        loss, rec, kl = vae_loss(*(lambda out: (out[0], x, *out[1:]))(vae(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        collected.append([loss.item(), rec.item(), kl.item()])
    return np.mean(collected, axis=0)


opt = torch.optim.RMSprop(vae.parameters(), lr=5e-4)
history = np.array([train_epoch(opt) for _ in range(EPOCHS)])
total_losses, reconstruction_losses, kl_losses = history.T

# %%
for values, name in zip(history.T, ["total", "reconstruction", "KL"]):
    plt.plot(values, label=name)
plt.xlabel("epoch")
plt.legend()
plt.show()

# %% [markdown]
# ## V6 New digits (2 points)

# %%
z = torch.randn(25, N_LATENT)
samples = vae.decoder(z).detach().reshape(-1, 28, 28)
fig, axes = plt.subplots(5, 5, figsize=(5, 5))
for ax, sample in zip(axes.flat, samples):
    ax.imshow(sample, cmap="gray")
    ax.axis("off")
plt.show()

# %% [markdown]
# ## V7 The latent space (2 points)

# %%
with torch.no_grad():
    codes = vae.encoder(shown_images)[0].numpy()
for digit in range(10):
    chosen = codes[shown_labels.numpy() == digit]
    plt.scatter(chosen[:, 0], chosen[:, 1], s=5, label=str(digit))
plt.legend()
plt.show()

# %% [markdown]
# **YOUR ANSWER:** 4 and 9 overlap. The KL term keeps all codes near the prior; without it there would be holes between
# the digits and samples from the normal distribution would look like nothing.
