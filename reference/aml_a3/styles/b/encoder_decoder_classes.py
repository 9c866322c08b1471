# style: separate Encoder and Decoder classes, named layers and F.relu, losses as modules of their own, BCE as mean * 784, dataclass histories, transforms.Normalize for the GAN
# %% [markdown]
# # Assignment 3, Part B: VAE and GAN

# %% [markdown]
# ### Setup
# Libraries and the global seed.

# %%
import os
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import nn, optim
import torch.nn.functional as F
import torchvision
import torchvision.transforms as T
from torch.utils.data import DataLoader, Subset
import matplotlib.pyplot as plt

SEED = 1234
np.random.seed(SEED)
torch.manual_seed(SEED)
device = torch.device("cpu")

# %% [markdown]
# ### Hyperparameters

# %% tags=["parameters"]
BATCH_SIZE = 128
NUM_EPOCHS = 10
CLF_EPOCHS = 5
TRAIN_SIZE = 50_000
VAL_SIZE = 10_000
CLF_SIZE = 60_000

# %% [markdown]
# ### Data
# One data set with pixels in [0, 1] for the VAE and the classifier, and one in [-1, 1] for the GAN.

# %%
unit = torchvision.datasets.MNIST(root="./data", train=True, download=True, transform=T.ToTensor())
signed = torchvision.datasets.MNIST(
    root="./data", train=True, download=True, transform=T.Compose([T.ToTensor(), T.Normalize((0.5,), (0.5,))])
)
test_set = torchvision.datasets.MNIST(root="./data", train=False, download=True, transform=T.ToTensor())
perm = np.random.permutation(len(unit))
train_idx, val_idx = perm[:TRAIN_SIZE], perm[-VAL_SIZE:]
vae_loader = DataLoader(Subset(unit, train_idx), BATCH_SIZE, shuffle=True)
val_loader = DataLoader(Subset(unit, val_idx), BATCH_SIZE, shuffle=False)
gan_loader = DataLoader(Subset(signed, train_idx), BATCH_SIZE, shuffle=True)
clf_loader = DataLoader(Subset(unit, range(min(CLF_SIZE, len(unit)))), BATCH_SIZE, shuffle=True)

# %% [markdown]
# ### Helper
# Draws a batch of images as a grid and writes it to disk.

# %%
os.makedirs("out", exist_ok=True)


def grid_of(images, rows, cols, file=None, title=None, show=True):
    images = images.detach().reshape(-1, 28, 28).numpy()
    canvas = np.vstack([np.hstack(images[r * cols:(r + 1) * cols]) for r in range(rows)])
    if file:
        plt.imsave(file, canvas, cmap="gray", vmin=0, vmax=1)
    if show:
        plt.figure(figsize=(cols * 0.7, rows * 0.7))
        plt.imshow(canvas, cmap="gray")
        plt.axis("off")
        plt.title(title)
        plt.show()

# %% [markdown]
# ### B1. Variational autoencoder
# Encoder, decoder and the model that joins them.

# %%
class Encoder(nn.Module):
    def __init__(self, latent_dim=16):
        super().__init__()
        self.fc1 = nn.Linear(784, 512)
        self.fc2 = nn.Linear(512, 256)
        self.fc_mu = nn.Linear(256, latent_dim)
        self.fc_logvar = nn.Linear(256, latent_dim)

    def forward(self, x):
        h = F.relu(self.fc1(x.view(x.size(0), -1)))
        h = F.relu(self.fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)


class Decoder(nn.Module):
    def __init__(self, latent_dim=16):
        super().__init__()
        self.fc1 = nn.Linear(latent_dim, 256)
        self.fc2 = nn.Linear(256, 512)
        self.fc3 = nn.Linear(512, 784)

    def forward(self, z):
        h = F.relu(self.fc1(z))
        h = F.relu(self.fc2(h))
        return torch.sigmoid(self.fc3(h)).view(-1, 1, 28, 28)


class VariationalAutoencoder(nn.Module):
    def __init__(self, latent_dim=16):
        super().__init__()
        self.encoder = Encoder(latent_dim)
        self.decoder = Decoder(latent_dim)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return eps.mul(std).add(mu)

    def forward(self, x):
        mu, logvar = self.encoder(x)
        return self.decoder(self.reparameterize(mu, logvar)), mu, logvar


class ELBOLoss(nn.Module):
    def forward(self, x, x_hat, mu, logvar):
        recon = 784 * nn.BCELoss(reduction="mean")(x_hat, x)
        kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(1).mean(0)
        return {"loss": recon + kl, "recon": recon, "kl": kl}


@dataclass
class History:
    recon: list = field(default_factory=list)
    kl: list = field(default_factory=list)
    total: list = field(default_factory=list)


model = VariationalAutoencoder().to(device)
criterion = ELBOLoss()
optimizer = optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.999), weight_decay=0.0)
print(sum(p.numel() for p in model.parameters()), "parameters")

# %% [markdown]
# One epoch of training, one evaluation, and the loop over both.

# %%
def train_one_epoch(model, loader):
    model.train()
    meters = torch.zeros(3)
    n = 0
    for x, _ in loader:
        x = x.to(device)
        x_hat, mu, logvar = model(x)
        losses = criterion(x, x_hat, mu, logvar)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        meters += torch.stack([losses["recon"], losses["kl"], losses["loss"]]).detach() * x.size(0)
        n += x.size(0)
    return (meters / n).tolist()


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total, n = 0.0, 0
    for x, _ in loader:
        x_hat, mu, logvar = model(x)
        total += criterion(x, x_hat, mu, logvar)["loss"].item() * x.size(0)
        n += x.size(0)
    return total / n


history = History()
z_fixed = torch.randn(100, 16)
for epoch in range(NUM_EPOCHS):
    recon, kl, total = train_one_epoch(model, vae_loader)
    history.recon.append(recon)
    history.kl.append(kl)
    history.total.append(total)
    val = evaluate(model, val_loader)
    grid_of(model.decoder(z_fixed), 10, 10, file=f"out/vae_{epoch + 1:02d}.png", show=False)
    print(f"[{epoch + 1}/{NUM_EPOCHS}] recon {recon:.2f}  KL {kl:.2f}  total {total:.2f}  val {val:.2f}")

# %% [markdown]
# Curves: reconstruction, KL and the negative ELBO.

# %%
fig, ax = plt.subplots(1, 3, figsize=(12, 3))
for a, name in zip(ax, ("recon", "kl", "total")):
    a.plot(range(1, NUM_EPOCHS + 1), getattr(history, name))
    a.set_title(name)
    a.set_xlabel("epoch")
plt.show()

# %% [markdown]
# ### B2. Reconstruction and generation
# Five validation images (top) with reconstructions (bottom), then ten samples.

# %%
model.eval()
originals = next(iter(val_loader))[0][:5]
with torch.no_grad():
    mu, _ = model.encoder(originals)
    rebuilt = model.decoder(mu)
    sampled = model.decoder(torch.randn(10, 16))
grid_of(torch.cat([originals, rebuilt]), 2, 5, title="validation images and reconstructions")
grid_of(sampled, 2, 5, title="VAE samples")

# %% [markdown]
# > The samples are varied but not very sharp. Reconstructions are better than samples, because their codes come from real images.

# %% [markdown]
# ### B3. GAN
# Both networks, with LeakyReLU(0.2) and dropout in the discriminator.

# %%
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(64, 256)
        self.l2 = nn.Linear(256, 512)
        self.l3 = nn.Linear(512, 784)

    def forward(self, z):
        z = F.leaky_relu(self.l1(z), 0.2)
        z = F.leaky_relu(self.l2(z), 0.2)
        return torch.tanh(self.l3(z)).view(-1, 1, 28, 28)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(784, 512)
        self.l2 = nn.Linear(512, 256)
        self.l3 = nn.Linear(256, 1)

    def forward(self, x):
        x = x.view(x.size(0), -1)
        x = F.dropout(F.leaky_relu(self.l1(x), 0.2), 0.3, self.training)
        x = F.dropout(F.leaky_relu(self.l2(x), 0.2), 0.3, self.training)
        return self.l3(x)


netG, netD = Generator(), Discriminator()
optimizerG = optim.Adam(netG.parameters(), lr=2e-4, betas=(0.5, 0.999))
optimizerD = optim.Adam(netD.parameters(), lr=2e-4, betas=(0.5, 0.999))
adversarial_loss = nn.BCEWithLogitsLoss()

# %% [markdown]
# Each iteration trains the discriminator once, then the generator once with new noise.

# %%
fixed_noise = torch.randn(64, 64)
fixed_noise_100 = torch.randn(100, 64)
d_losses, g_losses, saved = [], [], {}
for epoch in range(1, NUM_EPOCHS + 1):
    netG.train()
    netD.train()
    d_sum, g_sum, n_batches = 0.0, 0.0, 0
    for real, _ in gan_loader:
        b = real.size(0)
        # discriminator
        optimizerD.zero_grad()
        with torch.no_grad():
            fake = netG(torch.randn(b, 64))
        out_real, out_fake = netD(real), netD(fake)
        d_loss = adversarial_loss(out_real, torch.full_like(out_real, 0.9)) + adversarial_loss(
            out_fake, torch.zeros_like(out_fake)
        )
        d_loss.backward()
        optimizerD.step()
        # generator
        optimizerG.zero_grad()
        out = netD(netG(torch.randn(b, 64)))
        g_loss = adversarial_loss(out, torch.ones_like(out))
        g_loss.backward()
        optimizerG.step()
        d_sum, g_sum, n_batches = d_sum + d_loss.item(), g_sum + g_loss.item(), n_batches + 1
    d_losses.append(d_sum / n_batches)
    g_losses.append(g_sum / n_batches)
    netG.eval()
    with torch.no_grad():
        grid_of((netG(fixed_noise_100) + 1) / 2, 10, 10, file=f"out/gan_{epoch:02d}.png", show=False)
        if epoch in [1, 5, 10]:
            saved[epoch] = (netG(fixed_noise) + 1) / 2
    print(f"[{epoch}/{NUM_EPOCHS}] D {d_losses[-1]:.3f}  G {g_losses[-1]:.3f}")

# %% [markdown]
# Losses of both networks.

# %%
plt.figure(figsize=(6, 3))
plt.plot(range(1, NUM_EPOCHS + 1), d_losses, label="discriminator")
plt.plot(range(1, NUM_EPOCHS + 1), g_losses, label="generator")
plt.xlabel("epoch")
plt.ylabel("loss")
plt.legend()
plt.show()

# %% [markdown]
# ### B4. Generated images
# The same noise after epochs 1, 5 and 10.

# %%
for epoch, pictures in saved.items():
    grid_of(pictures, 8, 8, file=f"out/gan_fixed_{epoch:02d}.png", title=f"GAN, epoch {epoch}")

# %% [markdown]
# > The images get sharper from epoch to epoch. There is some repetition (ones and nines) but no complete mode collapse.

# %% [markdown]
# ### B5. Classifier, IS and FID
# A convolutional network; `forward` returns logits and can return the 128 features.

# %%
class MNISTNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3, stride=1, padding=1)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3, stride=1, padding=1)
        self.fc1 = nn.Linear(7 * 7 * 64, 128)
        self.fc2 = nn.Linear(128, 10)

    def features(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return F.relu(self.fc1(torch.flatten(x, 1)))

    def forward(self, x):
        return self.fc2(self.features(x))

    def predict_proba(self, x):
        return F.softmax(self(x), dim=-1)


clf = MNISTNet()
clf_opt = optim.Adam(clf.parameters(), lr=1e-3)
for epoch in range(CLF_EPOCHS):
    clf.train()
    running = []
    for x, y in clf_loader:
        clf_opt.zero_grad()
        loss = nn.CrossEntropyLoss()(clf(x), y)
        loss.backward()
        clf_opt.step()
        running.append(loss.item())
    print(f"classifier epoch {epoch + 1}: {np.mean(running):.4f}")
clf.eval()
clf.requires_grad_(False)

# %% [markdown]
# Both scores in NumPy. The square root of the product of the covariances goes through its eigenvalues, which are
# real and not negative.

# %%
def compute_is(probs, n_splits=10):
    scores = []
    size = len(probs) // n_splits
    for i in range(n_splits):
        p = probs[i * size:(i + 1) * size]
        marginal = p.mean(axis=0)
        kl = np.sum(p * np.log(p / marginal + 1e-16), axis=1)
        scores.append(np.exp(kl.mean()))
    return float(np.mean(scores)), float(np.std(scores))


def compute_fid(f1, f2):
    diff = f1.mean(0) - f2.mean(0)
    s1, s2 = np.cov(f1.T), np.cov(f2.T)
    eigenvalues = np.linalg.eigvals(s1 @ s2).real
    tr_root = np.sqrt(np.clip(eigenvalues, 0, None)).sum()
    return float(diff @ diff + np.trace(s1) + np.trace(s2) - 2 * tr_root)


real_images = torch.stack([test_set[i][0] for i in range(min(1000, len(test_set)))])
real_features = clf.features(real_images).numpy().astype(np.float64)
rows = []
with torch.no_grad():
    fakes = {"VAE": model.decoder(torch.randn(100, 16)), "GAN": (netG(torch.randn(100, 64)) + 1) / 2}
for name, fake in fakes.items():
    is_mean, is_std = compute_is(clf.predict_proba(fake).numpy().astype(np.float64))
    rows.append([name, is_mean, is_std, compute_fid(real_features, clf.features(fake).numpy().astype(np.float64))])
results = pd.DataFrame(rows, columns=["model", "IS mean", "IS std", "FID"]).set_index("model")
print(results)
results
