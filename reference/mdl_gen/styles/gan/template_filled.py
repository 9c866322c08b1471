# style: the template's names and order, filled in; one function makes both steps, and so does one for the WGAN
# %% [markdown]
# # Generative Models, lab of lecture 3: GAN and WGAN

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

torch.manual_seed(7)

# %% tags=["parameters"]
GAN_STEPS = 4000
WGAN_STEPS = 2000
OTHER_STEPS = 2000

# %%
N_MODES, RADIUS, SD = 8, 2.0, 0.1
N_NOISE, BATCH_SIZE, EVERY, N_SAMPLES = 8, 128, 100, 2000
WITHIN, LEAST_SHARE = 0.3, 0.02
N_CRITIC, CLIP = 5, 0.1

angles = 2 * math.pi * torch.arange(N_MODES) / N_MODES
centres = RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)
points = centres[torch.randint(N_MODES, (10_000,))] + SD * torch.randn(10_000, 2)

# %% [markdown]
# ## G1 Generator and discriminator
# One hidden layer more for the generator.

# %%
class Generator(nn.Module):
    def __init__(self, dim=N_NOISE, width=96):
        super().__init__()
        self.fc1 = nn.Linear(dim, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, width)
        self.out = nn.Linear(width, 2)

    def forward(self, z):
        h = torch.relu(self.fc1(z))
        h = torch.relu(self.fc2(h))
        return self.out(torch.relu(self.fc3(h)))


class Discriminator(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, x):
        return self.net(x).squeeze(1)

# %% [markdown]
# ## G2 One step of each network
# Both in one function, with the same fakes; the real labels are smoothed.

# %%
bce = nn.BCEWithLogitsLoss()


def gan_step(G, D, opt_G, opt_D, real):
    z = torch.randn(real.shape[0], N_NOISE)
    fake = G(z)
    real_out, fake_out = D(real), D(fake.detach())
    d_loss = bce(real_out, torch.full_like(real_out, 0.9)) + bce(fake_out, torch.zeros_like(fake_out))
    opt_D.zero_grad()
    d_loss.backward()
    opt_D.step()
    fake_out = D(fake)
    g_loss = bce(fake_out, torch.ones_like(fake_out))
    opt_G.zero_grad()
    g_loss.backward()
    opt_G.step()
    return d_loss.item(), g_loss.item()

# %% [markdown]
# ## G3 Counting modes
# A loop over the centres.

# %%
def modes_covered(samples):
    n = 0
    for centre in centres:
        close = (samples - centre).norm(dim=1) <= WITHIN
        if close.float().mean() >= LEAST_SHARE:
            n += 1
    return n

# %% [markdown]
# ## G4 Training
# Epochs over shuffled batches, cut off at GAN_STEPS; mean losses of every 100 steps are kept.

# %%
G, D = Generator(), Discriminator()
opt_G = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
opt_D = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
losses_d, losses_g, modes_gan = [], [], []
step, sums = 0, [0.0, 0.0]
while step < GAN_STEPS:
    for index in torch.randperm(len(points)).split(BATCH_SIZE):
        d, g = gan_step(G, D, opt_G, opt_D, points[index])
        sums = [sums[0] + d, sums[1] + g]
        step += 1
        if step % EVERY == 0:
            losses_d.append(sums[0] / EVERY)
            losses_g.append(sums[1] / EVERY)
            sums = [0.0, 0.0]
            with torch.no_grad():
                modes_gan.append(modes_covered(G(torch.randn(N_SAMPLES, N_NOISE))))
        if step == GAN_STEPS:
            break

# %%
samples_gan = G(torch.randn(N_SAMPLES, N_NOISE)).detach()
n_covered = modes_covered(samples_gan)
print("covered modes:", n_covered)
plt.figure()
plt.plot(losses_d, label="D")
plt.plot(losses_g, label="G")
plt.legend()
plt.show()
plt.figure()
plt.scatter(samples_gan[:, 0].numpy(), samples_gan[:, 1].numpy(), s=3)
plt.title("GAN")
plt.show()
plt.figure()
plt.plot(modes_gan)
plt.title("covered modes")
plt.show()

# %% [markdown]
# ## G5 Wasserstein GAN
# One function for a step of the generator with its five steps of the critic.

# %%
class Critic(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, x):
        return self.net(x)


def wgan_step(G, C, opt_G, opt_C, real, n_critic=N_CRITIC, clip=CLIP):
    for _ in range(n_critic):
        fake = G(torch.randn(real.shape[0], N_NOISE)).detach()
        loss_c = -(C(real).mean() - C(fake).mean())
        opt_C.zero_grad()
        loss_c.backward()
        opt_C.step()
        for p in C.parameters():
            p.data.clamp_(-clip, clip)
    loss_g = -C(G(torch.randn(real.shape[0], N_NOISE))).mean()
    opt_G.zero_grad()
    loss_g.backward()
    opt_G.step()
    return loss_c.item(), loss_g.item()

# %% [markdown]
# The training.

# %%
G_w, C = Generator(), Critic()
opt_G_w = torch.optim.RMSprop(G_w.parameters(), lr=5e-4)
opt_C = torch.optim.RMSprop(C.parameters(), lr=5e-4)
for step in range(WGAN_STEPS):
    wgan_step(G_w, C, opt_G_w, opt_C, points[torch.randint(len(points), (BATCH_SIZE,))])
samples_wgan = G_w(torch.randn(N_SAMPLES, N_NOISE)).detach()
plt.figure()
plt.scatter(samples_wgan[:, 0].numpy(), samples_wgan[:, 1].numpy(), s=3)
plt.title("WGAN")
plt.show()

# %% [markdown]
# ## G6 A training that goes wrong
# The discriminator learns fifty times as fast as the generator.

# %%
G2, D2 = Generator(), Discriminator()
opt_G2 = torch.optim.Adam(G2.parameters(), lr=2e-4)
opt_D2 = torch.optim.Adam(D2.parameters(), lr=1e-2)
modes_other = []
for step in range(1, OTHER_STEPS + 1):
    gan_step(G2, D2, opt_G2, opt_D2, points[torch.randint(len(points), (BATCH_SIZE,))])
    if step % EVERY == 0:
        with torch.no_grad():
            modes_other.append(modes_covered(G2(torch.randn(N_SAMPLES, N_NOISE))))
plt.figure()
plt.plot(modes_other)
plt.title("covered modes with a fast discriminator")
plt.show()

# %% [markdown]
# The discriminator is far ahead, and the generator collapses to a few modes. A slower discriminator helps. GANs are fast and
# sharp, but unstable compared with a VAE.
