# style: a convolutional VAE with logits, KL by torch.distributions, DataLoader, marks in place of scatters
# %% [markdown]
# # VAE from scratch

# %%
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms
import matplotlib.pyplot as plt

# %% tags=["parameters"]
epochs = 10
n_train = 50000
n_test = 2000
batch_size = 64

# %%
train_set = datasets.MNIST("mnist", train=True, download=True, transform=transforms.ToTensor())
test_set = datasets.MNIST("mnist", train=False, download=True, transform=transforms.ToTensor())
train_loader = DataLoader(Subset(train_set, range(n_train)), batch_size=batch_size, shuffle=True)
test_loader = DataLoader(Subset(test_set, range(n_test)), batch_size=500)

# %% [markdown]
# ## Model and loss

# %%
class ConvVAE(nn.Module):
    def __init__(self, latent=2):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(),
        )
        self.heads = nn.Linear(16 * 49, 2 * latent)
        self.expand = nn.Linear(latent, 16 * 49)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1),
        )

    def q(self, x):
        mean, log_std = self.heads(self.encoder(x)).chunk(2, dim=1)
        return Normal(mean, log_std.exp())

    def logits(self, z):
        return self.decoder(torch.relu(self.expand(z)).view(-1, 16, 7, 7))

    def forward(self, x):
        q = self.q(x)
        return self.logits(q.rsample()), q.loc, 2 * q.scale.log()


def elbo_loss(logits, x, mu, logvar):
    q = Normal(mu, torch.exp(logvar / 2))
    p = Normal(torch.zeros_like(mu), torch.ones_like(mu))
    rec = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1).mean()
    return rec + kl_divergence(q, p).sum(1).mean()

# %% [markdown]
# ## Training

# %%
model = ConvVAE()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
history = {"loss": []}
for epoch in range(epochs):
    seen = total = 0
    for x, _ in train_loader:
        logits, mu, logvar = model(x)
        loss = elbo_loss(logits, x, mu, logvar)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        seen += len(x)
    history["loss"].append(total / seen)
    print(f"epoch {epoch + 1}: {history['loss'][-1]:.2f}")
plt.figure()
plt.plot(range(1, epochs + 1), history["loss"])
plt.xlabel("epoch")
plt.ylabel("negative ELBO")
plt.show()

# %% [markdown]
# ## Latent space

# %%
model.eval()
with torch.no_grad():
    pairs = [(model.q(x).mean, y) for x, y in test_loader]
    z, y = torch.cat([a for a, _ in pairs]), torch.cat([b for _, b in pairs])
for digit in range(10):
    plt.plot(z[y == digit, 0], z[y == digit, 1], ".", markersize=2, label=digit)
plt.legend()
plt.show()

# %% [markdown]
# ## Generation

# %%
with torch.no_grad():
    images = torch.sigmoid(model.logits(torch.randn(20, 2)))
plt.imshow(torch.cat([torch.cat(list(row[:, 0]), dim=1) for row in images.split(10)]), cmap="gray")
plt.axis("off")
plt.show()

# %% [markdown]
# ## Reflection
# Derivation: KL = E_q[log q - log p]; with both densities and E z^2 = mu^2 + sigma^2 this is
# -1/2 (1 + log sigma^2 - mu^2 - sigma^2), and a sum over the dimensions.
#
# The reparameterisation makes z a differentiable function of mu and sigma, so gradients reach the encoder.
#
# The latent space has regions for digits; 4 and 9 overlap. Samples between regions are blurred mixtures.
