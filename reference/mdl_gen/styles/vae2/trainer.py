# %% [markdown]
# # Lab 2 with classes

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from torchvision import datasets
from torchvision.utils import make_grid

# %% tags=["parameters"]
epochs = 4
cvae_epochs = 10
n_train = 10_000

# %%
raw = datasets.MNIST(".", train=True, download=True)
X, Y = raw.data[:n_train].unsqueeze(1) / 255.0, raw.targets[:n_train]
loader = DataLoader(TensorDataset(X, Y), batch_size=100, shuffle=True)
Z = 8

# %% [markdown]
# ## Output sizes

# %%
class Sizes:
    @staticmethod
    def conv_out(n, k, s, p):
        return (n + 2 * p - k) // s + 1


def conv_out(n, k, s, p):
    return Sizes.conv_out(n, k, s, p)


def deconv_size(n, k, s, p):
    return (n - 1) * s + k - 2 * p

# %% [markdown]
# ## Models
# One class for both VAEs; with `n_classes` it is conditional.

# %%
class BetaVAE(nn.Module):
    def __init__(self, latent_dim=Z, n_classes=0):
        super().__init__()
        self.latent_dim, self.n_classes = latent_dim, n_classes
        self.features = nn.Sequential(
            nn.Conv2d(1 + n_classes, 16, 4, 2, 1), nn.SiLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.SiLU(), nn.Flatten()
        )
        self.heads = nn.Linear(32 * 49, 2 * latent_dim)
        self.expand = nn.Linear(latent_dim + n_classes, 32 * 49)
        self.up = nn.Sequential(
            nn.Unflatten(1, (32, 7, 7)),
            nn.SiLU(),
            nn.ConvTranspose2d(32, 16, 4, 2, 1),
            nn.SiLU(),
            nn.ConvTranspose2d(16, 1, 4, 2, 1),
        )

    def encode(self, x, c=None):
        if self.n_classes:
            planes = F.one_hot(c, self.n_classes).float()[:, :, None, None].expand(-1, -1, 28, 28)
            x = torch.cat([x, planes], dim=1)
        mu, logvar = self.heads(self.features(x)).chunk(2, dim=1)
        return mu, logvar

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + std * torch.randn_like(std)

    def decode(self, z, c=None):
        if self.n_classes:
            z = torch.cat([z, F.one_hot(c, self.n_classes).float()], dim=1)
        return self.up(self.expand(z))

    def forward(self, x, c=None):
        mu, logvar = self.encode(x, c)
        return self.decode(self.reparameterize(mu, logvar), c), mu, logvar

# %% [markdown]
# ## Loss
# The decoder gives logits.

# %%
class BetaVAELoss(nn.Module):
    def forward(self, logits, target, mu, logvar, beta):
        rec = F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / len(target)
        kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum() / len(target)
        return rec + beta * kl, rec, kl

# %% [markdown]
# ## Effect of beta

# %%
class Trainer:
    def __init__(self, model, beta, conditional=False):
        self.model, self.beta, self.conditional = model, beta, conditional
        self.criterion = BetaVAELoss()
        self.opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
        self.rec, self.kl = [], []

    def fit(self, n_epochs):
        for _ in range(n_epochs):
            rec_sum = kl_sum = 0.0
            for x, y in loader:
                logits, mu, logvar = self.model(x, y) if self.conditional else self.model(x)
                loss, rec, kl = self.criterion(logits, x, mu, logvar, self.beta)
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                rec_sum += rec.item()
                kl_sum += kl.item()
            self.rec.append(rec_sum / len(loader))
            self.kl.append(kl_sum / len(loader))
        return self


trainers = {beta: Trainer(BetaVAE(), beta).fit(epochs) for beta in (1, 4, 16)}
vae = trainers[1].model
beta_kls = [t.kl[-1] for t in trainers.values()]
recons = [t.rec[-1] for t in trainers.values()]
plt.plot(list(trainers), beta_kls, "s-", label="KL")
plt.plot(list(trainers), recons, "s-", label="rec")
plt.legend()
plt.show()

# %% [markdown]
# Answer: with a larger beta the KL term costs more, so the posterior gets closer to the prior and reconstructions get
# blurred. Good for disentangling.

# %% [markdown]
# ## Conditional VAE

# %%
cvae = Trainer(BetaVAE(n_classes=10), 1.0, conditional=True).fit(cvae_epochs).model.eval()
with torch.no_grad():
    c = torch.arange(10).repeat_interleave(10)
    new = torch.sigmoid(cvae.decode(torch.randn(100, Z), c))
plt.figure(figsize=(5, 5))
plt.imshow(make_grid(new, nrow=10).permute(1, 2, 0))
plt.axis("off")
plt.show()
