# %% [markdown]
# # Deep Learning, HW3, Part 2: Latent space visualization
# **Names:** Evelyn Boyd (ID 919191919), Dorothy Vaughan (ID 929292929)

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import datasets

np.random.seed(1234)
torch.manual_seed(1234)

# %% tags=["parameters"]
EPOCHS = 50
N_IMAGES = 10_000

# %%
mnist_train = datasets.MNIST("data", train=True, download=True)
images = mnist_train.data[:N_IMAGES].float().flatten(1) / 255  # (n, 784)
labels = mnist_train.targets[:N_IMAGES]

# %% [markdown]
# ## V1 Encoder (6 points)
# Three layers with batch normalisation.

# %%
class Encoder(nn.Module):
    def __init__(self, latent_dim: int = 2):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(784, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 64), nn.BatchNorm1d(64), nn.ReLU()
        )
        self.mu = nn.Linear(64, latent_dim)
        self.log_var = nn.Linear(64, latent_dim)

    def forward(self, x: Tensor):
        h = self.net(x.view(x.size(0), -1))
        return self.mu(h), self.log_var(h)

# %% [markdown]
# ## V2 Decoder (6 points)
# The same backwards.

# %%
class Decoder(nn.Module):
    def __init__(self, latent_dim: int = 2):
        super().__init__()
        self.fc1 = nn.Linear(latent_dim, 64)
        self.fc2 = nn.Linear(64, 256)
        self.fc3 = nn.Linear(256, 784)

    def forward(self, z: Tensor):
        return torch.sigmoid(self.fc3(F.relu(self.fc2(F.relu(self.fc1(z))))))

# %% [markdown]
# ## V3 Variational autoencoder (10 points)
# It also returns the code.

# %%
def reparameterise(mu: Tensor, log_var: Tensor) -> Tensor:
    return mu + torch.exp(log_var / 2) * torch.randn_like(mu)


class VAE(nn.Module):
    def __init__(self, latent_dim: int = 2):
        super().__init__()
        self.encoder = Encoder(latent_dim)
        self.decoder = Decoder(latent_dim)

    def forward(self, x: Tensor):
        mu, log_var = self.encoder(x)
        z = reparameterise(mu, log_var)
        return self.decoder(z), mu, log_var, z

# %% [markdown]
# Made and printed, part by part.

# %%
model = VAE()
for part in (model.encoder, model.decoder):
    print(part)
    print("parameters:", sum(p.numel() for p in part.parameters()))
print("all parameters:", sum(p.numel() for p in model.parameters()))

# %% [markdown]
# ## V4 Loss (7 points)
# Both terms are returned too.

# %%
def vae_loss(reconstruction, x, mu, log_var):
    bce = F.binary_cross_entropy(reconstruction, x, reduction="sum") / x.size(0)
    kl = -0.5 * torch.mean(torch.sum(1 + log_var - mu.pow(2) - log_var.exp(), dim=1))
    return bce + kl, bce, kl

# %% [markdown]
# ## V5 Generating a digit (4 points)
# A draw from the prior where no code is given.

# %%
def generate_digit(z=None):
    model.eval()
    with torch.no_grad():
        image = model.decoder(torch.randn(1, 2) if z is None else z)[0].view(28, 28)
    model.train()
    plt.imshow(image.numpy(), cmap="gray")
    plt.axis("off")
    plt.show()
    return image


_ = generate_digit()

# %% [markdown]
# ## V6 Training (7 points)
# Adam with weight decay; the loss is kept for every epoch.

# %%
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-6)
losses = []
for epoch in range(EPOCHS):
    batch_losses = []
    for batch in torch.utils.data.DataLoader(images, batch_size=100, shuffle=True):
        optimizer.zero_grad(set_to_none=True)
        reconstruction, mu, log_var, _ = model(batch)
        loss, bce, kl = vae_loss(reconstruction, batch, mu, log_var)
        loss.backward()
        optimizer.step()
        batch_losses.append(loss.item())
    losses.append(np.mean(batch_losses))
    if (epoch + 1) % 10 == 0:
        print("epoch", epoch + 1, "loss", losses[-1])
        with torch.no_grad():
            z8, z6 = (model.encoder(images[labels == d][:50])[0][:1] for d in (8, 6))
        generate_digit(z8)
        generate_digit(z6)

# %% [markdown]
# ## V7 The latent space at two scales (5 points)
# Both in one figure.

# %%
def plot_latent_space(ax, scale, n=10):
    model.eval()
    canvas = np.zeros((28 * n, 28 * n))
    for i, a in enumerate(np.linspace(scale, -scale, n)):
        for j, b in enumerate(np.linspace(-scale, scale, n)):
            with torch.no_grad():
                image = model.decoder(torch.tensor([[b, a]], dtype=torch.float32))
            canvas[28 * i : 28 * i + 28, 28 * j : 28 * j + 28] = image.view(28, 28)
    ax.imshow(canvas, cmap="gray")
    ax.set_title(f"scale {scale}")


fig, axes = plt.subplots(1, 2, figsize=(12, 6))
plot_latent_space(axes[0], 1.0)
plot_latent_space(axes[1], 3.0)
plt.show()

# %% [markdown]
# ## V8 From one digit to another (5 points)
# Ten steps.

# %%
def interpolate(x1, x2, n=10):
    model.eval()
    with torch.no_grad():
        z1, z2 = model.encoder(x1)[0], model.encoder(x2)[0]
        return torch.cat([model.decoder(z1 * (1 - a) + z2 * a) for a in torch.linspace(0, 1, n)])


i, j = np.random.randint(len(images), size=2)
pictures = interpolate(images[i : i + 1], images[j : j + 1])
fig, axes = plt.subplots(2, 5, figsize=(6, 2.6))
for ax, picture in zip(axes.flat, pictures):
    ax.imshow(picture.view(28, 28), cmap="gray")
    ax.axis("off")
plt.show()
