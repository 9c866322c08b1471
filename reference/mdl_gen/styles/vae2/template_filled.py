# %% [markdown]
# # Lab 2: convolutional VAE, β-VAE, conditional VAE

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import datasets

torch.manual_seed(5)

# %% tags=["parameters"]
EPOCHS = 4
CVAE_EPOCHS = 10
N_IMAGES = 10_000

# %%
N_LATENT = 8
N_CLASSES = 10
BETAS = (1.0, 4.0, 16.0)
mnist = datasets.MNIST("data", train=True, download=True)
images = mnist.data[:N_IMAGES].float().unsqueeze(1) / 255
labels = mnist.targets[:N_IMAGES]

# %% [markdown]
# ## W1 Sizes (2 points)

# %%
def conv_size(size, kernel, stride, padding):
    return int(np.floor((size - kernel + 2 * padding) / stride)) + 1


def transposed_conv_size(size, kernel, stride, padding, output_padding=0):
    return stride * (size - 1) + kernel - 2 * padding + output_padding

# %% [markdown]
# ## W2 Convolutional encoder (2.5 points)

# %%
class ConvEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.norm = nn.BatchNorm2d(24)
        self.head = nn.Linear(24 * 7 * 7, 2 * N_LATENT)

    def forward(self, x):
        h = F.max_pool2d(F.leaky_relu(self.conv1(x)), 2)
        h = F.max_pool2d(F.leaky_relu(self.norm(self.conv2(h))), 2)
        return torch.chunk(self.head(h.flatten(1)), 2, dim=1)

# %% [markdown]
# ## W3 Decoder with transposed convolutions, and the VAE (3 points)

# %%
class ConvDecoder(nn.Module):
    def __init__(self, n_in=N_LATENT):
        super().__init__()
        self.fc = nn.Linear(n_in, 24 * 7 * 7)
        self.up1 = nn.ConvTranspose2d(24, 12, 3, stride=2, padding=1, output_padding=1)
        self.up2 = nn.ConvTranspose2d(12, 1, 3, stride=2, padding=1, output_padding=1)

    def forward(self, z):
        h = F.leaky_relu(self.fc(z)).reshape(-1, 24, 7, 7)
        return self.up2(F.leaky_relu(self.up1(h))).sigmoid()


def reparameterise(mu, log_var):
    return mu + torch.randn_like(mu) * torch.exp(log_var / 2)


class ConvVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = ConvEncoder(), ConvDecoder()

    def forward(self, x):
        mu, log_var = self.encoder(x)
        return self.decoder(reparameterise(mu, log_var)), mu, log_var

# %% [markdown]
# ## W4 The loss of the β-VAE (3.5 points)

# %%
def beta_vae_loss(reconstruction, x, mu, log_var, beta=1.0):
    rec = F.binary_cross_entropy(reconstruction, x, reduction="sum") / x.shape[0]
    kl = (0.5 * (mu**2 + log_var.exp() - log_var - 1)).sum(1).mean()
    return rec + beta * kl, rec, kl

# %% [markdown]
# ## W5 What β does (4 points)

# %%
def run(beta):
    model = ConvVAE()
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(EPOCHS):
        kept = []
        for idx in torch.randperm(len(images)).split(64):
            out = model(images[idx])
            loss, rec, kl = beta_vae_loss(out[0], images[idx], out[1], out[2], beta)
            opt.zero_grad()
            loss.backward()
            opt.step()
            kept.append((rec.item(), kl.item()))
    return np.mean(kept, axis=0)


means = np.array([run(beta) for beta in BETAS])
reconstructions, kls = means[:, 0], means[:, 1]
print(means)

# %%
fig, ax = plt.subplots(1, 2)
ax[0].bar(["1", "4", "16"], kls)
ax[0].set_title("KL")
ax[1].bar(["1", "4", "16"], reconstructions)
ax[1].set_title("reconstruction")
plt.show()

# %% [markdown]
# **YOUR ANSWER:** A larger β pulls the codes to the prior, the KL falls and the reconstructions get blurred since less
# information is left. One wants it for disentangled codes.

# %% [markdown]
# ## W6 Conditional VAE (5 points)

# %%
class ConditionalVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(N_CLASSES, 784)
        self.net = nn.Sequential(
            nn.Conv2d(2, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU(), nn.Flatten()
        )
        self.mu, self.log_var = nn.Linear(1568, N_LATENT), nn.Linear(1568, N_LATENT)
        self.decoder = ConvDecoder(N_LATENT + N_CLASSES)

    def encode(self, x, y):
        plane = self.embed(y).reshape(-1, 1, 28, 28)
        h = self.net(torch.cat([x, plane], 1))
        return self.mu(h), self.log_var(h)

    def decode(self, z, y):
        return self.decoder(torch.cat([z, F.one_hot(y, N_CLASSES)], 1))

    def forward(self, x, y):
        mu, log_var = self.encode(x, y)
        return self.decode(reparameterise(mu, log_var), y), mu, log_var


cvae = ConditionalVAE()
optimizer = torch.optim.Adam(cvae.parameters(), lr=2e-3)
for epoch in range(CVAE_EPOCHS):
    for idx in torch.randperm(len(images)).split(50):
        out, mu, log_var = cvae(images[idx], labels[idx])
        loss = beta_vae_loss(out, images[idx], mu, log_var)[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())

# %%
cvae.eval()
fig, axes = plt.subplots(10, 10, figsize=(6, 6))
for digit in range(10):
    with torch.no_grad():
        row = cvae.decode(torch.randn(10, N_LATENT), torch.full((10,), digit))
    for ax, picture in zip(axes[digit], row):
        ax.imshow(picture[0], cmap="gray")
        ax.axis("off")
plt.show()
