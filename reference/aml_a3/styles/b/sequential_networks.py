# style: no classes at all: networks as nn.Sequential, a VAE of three of them, dict histories, TensorDataset and DataLoader, fid by scipy's sqrtm
# %% [markdown]
# # AML A3, Part B
# Imports, seeds, and the hyperparameters.

# %% tags=["parameters"]
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import matplotlib.pyplot as plt
from scipy import linalg
from torch.utils.data import DataLoader, TensorDataset, random_split
from torchvision import datasets, transforms
from torchvision.utils import make_grid, save_image

np.random.seed(1234)
torch.manual_seed(1234)
n_epochs = 10
n_epochs_clf = 5
n_train = 50000
n_val = 10000
bs = 128

# %% [markdown]
# ## Data
# MNIST in [0, 1]; the training set is split at random.

# %%
full = datasets.MNIST('./data', train=True, download=True, transform=transforms.ToTensor())
test = datasets.MNIST('./data', train=False, download=True, transform=transforms.ToTensor())
pixels = full.data.view(-1, 1, 28, 28).float() / 255
everything = TensorDataset(pixels, full.targets)
train_ds, val_ds, _ = random_split(everything, [n_train, n_val, len(everything) - n_train - n_val])
train_loader = DataLoader(train_ds, batch_size=bs, shuffle=True)
val_loader = DataLoader(val_ds, batch_size=bs)
print(len(train_ds), len(val_ds), len(test))

# %% [markdown]
# ## 1. VAE
# The trunk of the encoder, the two heads, and the decoder.

# %%
enc = nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU())
mu_head = nn.Linear(256, 16)
logvar_head = nn.Linear(256, 16)
dec = nn.Sequential(nn.Linear(16, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784), nn.Sigmoid())
vae = nn.ModuleDict({'enc': enc, 'mu': mu_head, 'logvar': logvar_head, 'dec': dec})


def run_vae(x):
    h = enc(x)
    mu, logvar = mu_head(h), logvar_head(h)
    z = mu + torch.exp(logvar / 2) * torch.randn_like(mu)
    return dec(z), mu, logvar


def vae_loss_fn(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x.view(-1, 784), reduction='none').sum(dim=1).mean()
    kld = (0.5 * (mu ** 2 + logvar.exp() - 1 - logvar)).sum(dim=1).mean()
    return bce + kld, bce, kld

# %% [markdown]
# Training. The same 100 latent vectors are decoded after every epoch.

# %%
opt = torch.optim.Adam(vae.parameters(), lr=1e-3, betas=(0.9, 0.999), weight_decay=0)
fixed_z = torch.randn(100, 16)
hist = {'recon': [], 'kl': [], 'elbo': []}
for ep in range(1, n_epochs + 1):
    sums, count = np.zeros(3), 0
    for xb, _ in train_loader:
        opt.zero_grad()
        out, mu, logvar = run_vae(xb)
        loss, bce, kld = vae_loss_fn(out, xb, mu, logvar)
        loss.backward()
        opt.step()
        sums += len(xb) * np.array([bce.item(), kld.item(), loss.item()])
        count += len(xb)
    for key, value in zip(hist, sums / count):
        hist[key].append(value)
    with torch.no_grad():
        save_image(dec(fixed_z).view(-1, 1, 28, 28), f'vae_{ep}.png', nrow=10)
    print('epoch', ep, {k: round(float(v[-1]), 2) for k, v in hist.items()})

# %% [markdown]
# The three curves.

# %%
for i, key in enumerate(hist):
    plt.subplot(1, 3, i + 1)
    plt.plot(range(1, n_epochs + 1), hist[key], 'o-')
    plt.title(key)
    plt.xlabel('epoch')
plt.tight_layout()
plt.show()

# %% [markdown]
# ## 2. Reconstructions and samples
# Five validation images next to their reconstructions, and ten samples.

# %%
x5 = torch.stack([val_ds[i][0] for i in range(5)])
with torch.no_grad():
    r5 = run_vae(x5)[0].view(-1, 1, 28, 28)
    s10 = dec(torch.randn(10, 16)).view(-1, 1, 28, 28)
fig, axes = plt.subplots(5, 2, figsize=(3, 7))
for i in range(5):
    axes[i, 0].imshow(x5[i, 0].numpy(), cmap='gray')
    axes[i, 1].imshow(r5[i, 0].numpy(), cmap='gray')
fig.suptitle('original and reconstruction')
plt.show()
plt.imshow(make_grid(s10, nrow=5).permute(1, 2, 0).numpy())
plt.title('samples of the VAE')
plt.show()

# %% [markdown]
# The VAE gives many different digits (good diversity) but they are blurry, since the decoder averages over what is possible.

# %% [markdown]
# ## 3. GAN
# Generator and discriminator.

# %%
G = nn.Sequential(nn.Linear(64, 256), nn.LeakyReLU(0.2), nn.Linear(256, 512), nn.LeakyReLU(0.2), nn.Linear(512, 784), nn.Tanh())
D = nn.Sequential(
    nn.Linear(784, 512), nn.LeakyReLU(0.2), nn.Dropout(0.3),
    nn.Linear(512, 256), nn.LeakyReLU(0.2), nn.Dropout(0.3),
    nn.Linear(256, 1))
optG = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
optD = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
bce_logits = nn.BCEWithLogitsLoss()


def gan_update(x):
    b = x.size(0)
    real = x.view(b, 784) * 2 - 1
    fake = G(torch.randn(b, 64))
    lossD = bce_logits(D(real), torch.full((b, 1), 0.9)) + bce_logits(D(fake.detach()), torch.zeros(b, 1))
    optD.zero_grad()
    lossD.backward()
    optD.step()
    lossG = bce_logits(D(fake), torch.ones(b, 1))
    optG.zero_grad()
    lossG.backward()
    optG.step()
    return lossD.item(), lossG.item()

# %% [markdown]
# Training. The grids of the fixed noise are kept at epochs 1, 5, 10.

# %%
fixed_noise = torch.randn(64, 64)
noise100 = torch.randn(100, 64)
gan_hist = {'D': [], 'G': []}
snapshots = {}
for ep in range(1, n_epochs + 1):
    G.train(); D.train()
    both = np.array([gan_update(xb) for xb, _ in train_loader])
    gan_hist['D'].append(both[:, 0].mean())
    gan_hist['G'].append(both[:, 1].mean())
    G.eval()
    with torch.no_grad():
        save_image(G(noise100).view(-1, 1, 28, 28) / 2 + 0.5, f'gan_{ep}.png', nrow=10)
        if ep in (1, 5, 10):
            snapshots[ep] = G(fixed_noise).view(-1, 1, 28, 28) / 2 + 0.5
    print('epoch', ep, 'L_D %.3f L_G %.3f' % (gan_hist['D'][-1], gan_hist['G'][-1]))

# %% [markdown]
# Loss curves of D and G.

# %%
plt.plot(gan_hist['D'], label='L_D')
plt.plot(gan_hist['G'], label='L_G')
plt.legend()
plt.xlabel('epoch')
plt.show()

# %% [markdown]
# ## 4. Grids of the GAN
# 8x8 grids at epochs 1, 5, 10.

# %%
for ep, imgs in snapshots.items():
    save_image(imgs, f'gan_fixed_{ep}.png', nrow=8)
    plt.figure(figsize=(5, 5))
    plt.imshow(make_grid(imgs, nrow=8).permute(1, 2, 0).numpy())
    plt.title(f'epoch {ep}')
    plt.axis('off')
    plt.show()

# %% [markdown]
# From noise to strokes to digits. Some digits (1, 7) appear more often than others: a mild mode collapse, not a complete one.

# %% [markdown]
# ## 5. IS and FID
# The classifier gives logits (cross-entropy wants them); the softmax is applied afterwards.

# %%
body = nn.Sequential(
    nn.Conv2d(1, 32, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(7 * 7 * 64, 128), nn.ReLU())
clf = nn.Sequential(body, nn.Linear(128, 10))
opt_c = torch.optim.Adam(clf.parameters(), lr=1e-3)
for ep in range(n_epochs_clf):
    total = 0
    for xb, yb in DataLoader(everything, batch_size=bs, shuffle=True):
        opt_c.zero_grad()
        loss = F.cross_entropy(clf(xb), yb)
        loss.backward()
        opt_c.step()
        total += loss.item() * len(xb)
    print('classifier epoch', ep + 1, 'loss %.4f' % (total / len(everything)))
clf.eval()
for p in clf.parameters():
    p.requires_grad = False

# %% [markdown]
# The two scores.

# %%
def inception_score(p, splits=10):
    res = []
    for part in np.array_split(p, splits):
        py = part.mean(0, keepdims=True)
        res.append(np.exp((part * (np.log(part + 1e-12) - np.log(py + 1e-12))).sum(1).mean()))
    return np.mean(res), np.std(res)


def fid(a, b):
    ma, mb = a.mean(0), b.mean(0)
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    eps = 1e-6 * np.eye(len(ca))
    root = linalg.sqrtm((ca + eps) @ (cb + eps)).real
    return ((ma - mb) ** 2).sum() + np.trace(ca + cb - 2 * root)


G.eval()
real = torch.stack([test[i][0] for i in range(min(1000, len(test)))])
with torch.no_grad():
    gen = {'VAE': dec(torch.randn(100, 16)).view(-1, 1, 28, 28), 'GAN': G(torch.randn(100, 64)).view(-1, 1, 28, 28) / 2 + 0.5}
    real_feats = body(real).double().numpy()
    print('model  IS (higher is better)   FID (lower is better)')
    for name, imgs in gen.items():
        m, s = inception_score(F.softmax(clf(imgs), dim=1).double().numpy(), 10)
        print('%-5s  %.3f +- %.3f          %.2f' % (name, m, s, fid(real_feats, body(imgs).double().numpy())))
