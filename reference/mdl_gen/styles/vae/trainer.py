# %% [markdown]
# # Lab 1 - VAE with convolutions
# A class for the model, which knows its own loss, and one for its training.

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset
from torchvision import datasets
from torchvision.utils import make_grid

# %% tags=["parameters"]
n_epochs = 15
n_train = 20_000
n_test = 2_000

# %%
train = datasets.MNIST(".", train=True, download=True)
test = datasets.MNIST(".", train=False, download=True)
X = train.data[:n_train].unsqueeze(1) / 255.0
X_test, y_test = test.data[:n_test].unsqueeze(1) / 255.0, test.targets[:n_test]
loader = DataLoader(TensorDataset(X), batch_size=100, shuffle=True)

# %% [markdown]
# ## Model
# Convolutions with stride 2; the decoder gives logits.

# %%
class ConvVAE(nn.Module):
    def __init__(self, latent_dim=2):
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 4, 2, 1), nn.ReLU(), nn.Flatten()
        )
        self.fc_mu = nn.Linear(784, latent_dim)
        self.fc_sigma = nn.Linear(784, latent_dim)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 784),
            nn.ReLU(),
            nn.Unflatten(1, (16, 7, 7)),
            nn.ConvTranspose2d(16, 8, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 4, 2, 1),
        )

    def encode(self, x):
        h = self.encoder(x)
        return self.fc_mu(h), self.fc_sigma(h)

    def sample(self, mu, logvar):
        return mu + torch.exp(logvar / 2) * torch.randn(mu.shape)

    def decode(self, z):
        return self.decoder(z)

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.sample(mu, logvar)), mu, logvar


class ELBOLoss(nn.Module):
    def forward(self, logits, target, mu, logvar):
        rec = F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / len(target)
        kld = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum() / len(mu)
        return {"loss": rec + kld, "rec": rec, "kl": kld}

# %% [markdown]
# ## Training

# %%
class Trainer:
    def __init__(self, model, lr=1e-3):
        self.model = model
        self.criterion = ELBOLoss()
        self.opt = optim.AdamW(model.parameters(), lr=lr)
        self.history = {"loss": [], "rec": [], "kl": []}

    def step(self, x):
        self.opt.zero_grad()
        logits, mu, logvar = self.model(x)
        losses = self.criterion(logits, x, mu, logvar)
        losses["loss"].backward()
        self.opt.step()
        return {key: value.item() for key, value in losses.items()}

    def fit(self, loader, epochs):
        for epoch in range(epochs):
            steps = [self.step(x) for (x,) in loader]
            for key in self.history:
                self.history[key].append(sum(step[key] for step in steps) / len(steps))
            print(epoch, {key: round(values[-1], 2) for key, values in self.history.items()})
        return self

    def plot(self):
        _, axes = plt.subplots(1, 2, figsize=(9, 3))
        axes[0].plot(self.history["loss"], label="loss")
        axes[0].plot(self.history["rec"], "--", label="rec")
        axes[1].bar(range(len(self.history["kl"])), self.history["kl"], label="kl")
        for ax in axes:
            ax.legend()
        plt.show()


trainer = Trainer(ConvVAE()).fit(loader, n_epochs)
trainer.plot()

# %% [markdown]
# ## Generation

# %%
model = trainer.model.eval()
with torch.no_grad():
    new = torch.sigmoid(model.decode(torch.randn(25, model.latent_dim)))
plt.figure(figsize=(4, 4))
plt.imshow(make_grid(new, nrow=5).permute(1, 2, 0))
plt.axis("off")
plt.show()

# %% [markdown]
# ## Latent space

# %%
with torch.no_grad():
    mu, _ = model.encode(X_test)
plt.figure(figsize=(6, 5))
plt.scatter(*mu.T, c=y_test, cmap="Spectral", s=3)
plt.colorbar()
plt.show()

# %% [markdown]
# Answer: 4 and 9 overlap, because they look alike. KL pulls everything to the normal prior; leave it out and each
# digit goes to a corner of its own with holes in between.
