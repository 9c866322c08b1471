# style: everything in loops, no function of its own but the counting; no headings of the template
# %% [markdown]
# # Lab 3
# My GAN lab. First the data.

# %%
import math
import torch
from torch import nn
import matplotlib.pyplot as plt

torch.manual_seed(21)
GAN_STEPS = 4000
WGAN_STEPS = 2000
OTHER_STEPS = 2000
k = torch.arange(8) * math.pi / 4
mu = torch.stack([2 * torch.cos(k), 2 * torch.sin(k)], 1)
data = mu[torch.randint(0, 8, (10000,))] + torch.randn(10000, 2) * 0.1


def covered(s):
    c = 0
    for m in mu:
        hits = ((s - m) ** 2).sum(1) <= 0.3**2
        c += int(hits.sum() >= 0.02 * len(s))
    return c

# %% [markdown]
# The GAN: networks, training and plots.

# %%
gen = nn.Sequential(nn.Linear(4, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2))
disc = nn.Sequential(nn.Linear(2, 128), nn.LeakyReLU(0.2), nn.Linear(128, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1))
g_opt = torch.optim.Adam(gen.parameters(), lr=1e-3, betas=(0.5, 0.9))
d_opt = torch.optim.Adam(disc.parameters(), lr=1e-3, betas=(0.5, 0.9))
loss_fn = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)
d_hist, g_hist, mode_hist = [], [], []
for it in range(GAN_STEPS):
    x = data[torch.randint(0, 10000, (64,))]
    fake = gen(torch.randn(64, 4))
    d_loss = loss_fn(disc(x), ones) + loss_fn(disc(fake.detach()), zeros)
    d_opt.zero_grad()
    d_loss.backward()
    d_opt.step()
    g_loss = loss_fn(disc(fake), ones)
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()
    d_hist.append(d_loss.item())
    g_hist.append(g_loss.item())
    if it % 100 == 99:
        with torch.no_grad():
            mode_hist.append(covered(gen(torch.randn(2000, 4))))
with torch.no_grad():
    gan_out = gen(torch.randn(2000, 4))
print("GAN: covered modes =", covered(gan_out))
plt.plot(d_hist)
plt.plot(g_hist)
plt.title("losses")
plt.show()
plt.scatter(data[:1000, 0], data[:1000, 1], s=1)
plt.scatter(gan_out[:, 0], gan_out[:, 1], s=1)
plt.show()
plt.plot(mode_hist)
plt.title("covered modes")
plt.show()

# %% [markdown]
# The WGAN with a critic.

# %%
critic = nn.Sequential(nn.Linear(2, 128), nn.LeakyReLU(0.2), nn.Linear(128, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1))
wgen = nn.Sequential(nn.Linear(4, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2))
c_opt = torch.optim.RMSprop(critic.parameters(), lr=5e-4)
wg_opt = torch.optim.RMSprop(wgen.parameters(), lr=5e-4)
for it in range(WGAN_STEPS):
    for _ in range(5):
        x = data[torch.randint(0, 10000, (64,))]
        with torch.no_grad():
            fake = wgen(torch.randn(64, 4))
        c_loss = critic(fake).mean() - critic(x).mean()
        c_opt.zero_grad()
        c_loss.backward()
        c_opt.step()
        with torch.no_grad():
            for p in critic.parameters():
                p.clamp_(-0.05, 0.05)
    wg_loss = -critic(wgen(torch.randn(64, 4))).mean()
    wg_opt.zero_grad()
    wg_loss.backward()
    wg_opt.step()
with torch.no_grad():
    wgan_out = wgen(torch.randn(2000, 4))
plt.scatter(data[:1000, 0], data[:1000, 1], s=1)
plt.scatter(wgan_out[:, 0], wgan_out[:, 1], s=1)
plt.show()

# %% [markdown]
# Now an unstable training, with a tiny discriminator.

# %%
gen2 = nn.Sequential(nn.Linear(4, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2))
disc2 = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
g2_opt = torch.optim.Adam(gen2.parameters(), lr=5e-3)
d2_opt = torch.optim.Adam(disc2.parameters(), lr=1e-3)
bad_hist = []
for it in range(OTHER_STEPS):
    x = data[torch.randint(0, 10000, (64,))]
    fake = gen2(torch.randn(64, 4))
    d_loss = loss_fn(disc2(x), ones) + loss_fn(disc2(fake.detach()), zeros)
    d2_opt.zero_grad()
    d_loss.backward()
    d2_opt.step()
    g_loss = loss_fn(disc2(fake), ones)
    g2_opt.zero_grad()
    g_loss.backward()
    g2_opt.step()
    if it % 100 == 99:
        with torch.no_grad():
            bad_hist.append(covered(gen2(torch.randn(2000, 4))))
print("modes over the unstable training:", bad_hist)
plt.plot(bad_hist)
plt.title("covered modes, tiny discriminator")
plt.show()

# %% [markdown]
# The tiny discriminator cannot tell the modes apart, so the generator collapses. GANs are sharp but hard to train; a VAE is stable.
