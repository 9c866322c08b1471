# style: the template's names filled in by hand, ten latent dimensions drawn by their principal components, a loop of prints
# %% [markdown]
# # 5.2 Variational Autoencoders

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import datasets

torch.manual_seed(7)

# %% tags=["parameters"]
EPOCHS = 10
N_TRAIN = 50_000
N_SHOWN = 2_000
BATCH_SIZE = 128

# %%
train_images = datasets.MNIST("data", train=True, download=True).data[:N_TRAIN].float() / 255
test = datasets.MNIST("data", train=False, download=True)
shown_images, shown_labels = test.data[:N_SHOWN].float() / 255, test.targets[:N_SHOWN]

# %% [markdown]
# ## V1 Encoder, decoder and reparameterisation

# %%
class VAE(nn.Module):
    def __init__(self, latent_dim=10):
        super().__init__()
        self.fc1 = nn.Linear(784, 400)
        self.fc_mu = nn.Linear(400, latent_dim)
        self.fc_logvar = nn.Linear(400, latent_dim)
        self.fc2 = nn.Linear(latent_dim, 400)
        self.fc3 = nn.Linear(400, 784)

    def encode(self, x):
        h = torch.tanh(self.fc1(x.flatten(1)))
        return self.fc_mu(h), self.fc_logvar(h)

    def decode(self, z):
        return torch.sigmoid(self.fc3(torch.tanh(self.fc2(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterise(mu, logvar)), mu, logvar


def reparameterise(mu, logvar):
    std = torch.exp(0.5 * logvar)
    eps = torch.randn_like(std)
    return mu + eps * std

# %% [markdown]
# ## V2 The loss

# %%
def vae_loss(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x.flatten(1), reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld, bce, kld

# %% [markdown]
# ## V3 Training

# %%
vae = VAE()
opt = torch.optim.Adam(vae.parameters(), lr=1e-3)
reconstruction_losses, kl_losses, total_losses = [], [], []
for epoch in range(EPOCHS):
    sums = torch.zeros(3)
    for idx in torch.randperm(len(train_images)).split(BATCH_SIZE):
        x = train_images[idx]
        recon, mu, logvar = vae(x)
        terms = vae_loss(recon, x, mu, logvar)
        opt.zero_grad()
        terms[0].backward()
        opt.step()
        sums += torch.stack(terms).detach()
    total, rec, kl = (sums / len(train_images)).tolist()
    total_losses.append(total)
    reconstruction_losses.append(rec)
    kl_losses.append(kl)
    print(epoch + 1, total, rec, kl)
plt.plot(total_losses, label="total")
plt.plot(reconstruction_losses, label="reconstruction")
plt.plot(kl_losses, label="KL")
plt.legend()
plt.show()

# %% [markdown]
# ## V4 Latent space and generation

# %%
with torch.no_grad():
    codes, _ = vae.encode(shown_images)
    centred = codes - codes.mean(0)
    plane = centred @ torch.linalg.svd(centred, full_matrices=False)[2][:2].T
for digit in range(10):
    mask = shown_labels == digit
    plt.scatter(plane[mask, 0], plane[mask, 1], s=4, label=str(digit))
plt.legend()
plt.show()

# %%
with torch.no_grad():
    samples = vae.decode(torch.randn(16, 10))
fig, axes = plt.subplots(4, 4, figsize=(4, 4))
for ax, image in zip(axes.flat, samples):
    ax.imshow(image.view(28, 28), cmap="gray")
    ax.axis("off")
plt.show()

# %% [markdown]
# ## V5 Reflection
#
# **YOUR ANSWER:** $KL = \int q \log(q/p) = \mathbb{E}_q[-\frac12\log\sigma^2 - \frac{(z-\mu)^2}{2\sigma^2} + \frac{z^2}{2}] = -\frac12(1 +
# \log\sigma^2 - \mu^2 - \sigma^2)$, summed over dimensions. It keeps the codes near the prior.

# %% [markdown]
# **YOUR ANSWER:** Sampling is not differentiable; with the reparameterisation the gradient reaches mu and sigma.

# %% [markdown]
# **YOUR ANSWER:** In the latent space 0 and 1 are apart, 4 and 9 overlap; samples are blurry. More dimensions help.
