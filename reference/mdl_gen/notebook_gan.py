# Source of the solution, the student template and the mutants of the lab of lecture 3 (format: autograder/template.py).
# ruff: noqa: F401, I001
# mypy: disable-error-code="misc"
# mypy: untyped-calls-exclude="torch"
# %% [markdown] tags=["given"]
# # Generative Models, lab of lecture 3: GAN and WGAN (20 points)
#
# You train a GAN and a Wasserstein GAN on points of the plane. They lie on a ring of eight Gaussians, so that one can
# count what a GAN has learnt and what it has lost, and a training takes seconds.
#
# **What to do.** Work from top to bottom, replace every `...` and every `your code here`. Layers, widths, optimizers
# and learning rates are yours. You may add cells, functions, classes and imports. Keep the names below where you can;
# if you rename, nothing breaks, but what you made must be searched for. Run all cells before you hand in.
#
# **How it is marked.** The notebook is run from top to bottom in a fresh kernel, sometimes with fewer steps (the cell
# *Budget*). Your functions are also called with other networks and other data, so use their parameters. No number of
# modes has to be reached.
#
# | section | what is looked for | names | points |
# | --- | --- | --- | --- |
# | G1 | what both networks take and give | `Generator`, `Discriminator` | 2 |
# | G2 | one step of each: loss, what moves, what does not | `discriminator_step`, `generator_step` | 6 |
# | G3 | counting modes | `modes_covered` | 2 |
# | G4 | the training, its figures, the modes | `losses_d`, `losses_g`, `modes_gan`, `samples_gan`, `n_covered` | 4 |
# | G5 | a Wasserstein GAN | `Critic`, `critic_step`, `critic_generator_step`, `samples_wgan` | 3.5 |
# | G6 | a training that goes wrong, and why | `modes_other` | 2.5 |

# %% tags=["given"]
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

torch.manual_seed(1234)

# %% [markdown] tags=["given"]
# **Budget.** How many steps the generators of G4, G5 and G6 make. Smaller numbers give a trial run.

# %% tags=["given", "parameters"]
GAN_STEPS = 4000
WGAN_STEPS = 2000
OTHER_STEPS = 2000

# %% [markdown] tags=["given"]
# The data: `points`, and the `centres` of the eight modes.

# %% tags=["given"]
N_MODES, RADIUS, SD = 8, 2.0, 0.1
N_NOISE, BATCH_SIZE, EVERY, N_SAMPLES = 8, 128, 100, 2000
WITHIN, LEAST_SHARE = 0.3, 0.02
N_CRITIC, CLIP = 5, 0.1

angles = 2 * math.pi * torch.arange(N_MODES) / N_MODES
centres = RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)  # (8, 2)
points = centres[torch.randint(N_MODES, (10_000,))] + SD * torch.randn(10_000, 2)
plt.figure(figsize=(4, 4))
plt.hist2d(points[:, 0].numpy(), points[:, 1].numpy(), bins=60)
plt.title("The data")
plt.show()

# %% [markdown] tags=["given"] item="g1"
# ## G1 Generator and discriminator (2 points)
#
# The generator takes noise of `N_NOISE` dimensions and gives a point of the plane. The discriminator takes a point
# and gives one number: a logit (or a probability, if your loss wants one).

# %% [markdown] tags=["explain"] item="g1"
# Two hidden layers each. The points lie anywhere in the plane, so nothing follows the generator's last layer; the
# discriminator gives a logit, since the loss applies the sigmoid.

# %% tags=["task"] item="g1" functions=["Generator", "Generator.forward", "Discriminator", "Discriminator.forward"]
from reference.point_gans import Discriminator, Generator

# %% [markdown] tags=["given"] item="g2"
# ## G2 One step of each network (6 points)
#
# `discriminator_step(G, D, opt_D, real)` makes one update of the discriminator on a batch of real points and as many
# fakes:
#
# $$L_D = -\overline{\log D(x)} - \overline{\log(1 - D(G(z)))}.$$
#
# `generator_step(G, D, opt_G, n)` makes one update of the generator on `n` new fakes, by the non-saturating loss
#
# $$L_G = -\overline{\log D(G(z))}.$$
#
# Each step moves its own network and no other, and leaves no gradient behind that another step would use. Noise is
# standard normal. Return the losses as numbers.

# %% [markdown] tags=["explain"] item="g2"
# Real points get the target 1 and fakes 0; in the generator's loss fakes get 1. The fakes are detached in the
# discriminator's step, and each optimizer clears its gradients before the backward pass.

# %% tags=["task"] item="g2" functions=["discriminator_step", "generator_step"]
from reference.point_gans import discriminator_step, generator_step

# %% [markdown] tags=["given"] item="g3"
# ## G3 Counting modes (2 points)
#
# `modes_covered(samples)` takes samples of shape (n, 2) and returns the number of covered modes, from 0 to 8. A mode
# is covered when at least `LEAST_SHARE` (2 %) of all samples lie within `WITHIN` (0.3) of its centre.

# %% [markdown] tags=["explain"] item="g3"
# The distances of all samples from all centres; for each mode the share of the samples that are near.

# %% tags=["task"] item="g3" functions=["modes_covered"]
from reference.point_gans import modes_covered, ring_centres

# %% [markdown] tags=["given"] item="g4"
# ## G4 Training (4 points)
#
# Train for `GAN_STEPS` steps: one of the discriminator and one of the generator each time, with batches of `points`
# in a random order. Keep both losses, and every `EVERY` steps the number of modes that `N_SAMPLES` samples cover.
#
# **Figures:** both losses over the steps; samples of the trained generator beside or over the data; the number of
# covered modes over the steps. **Print** how many modes are covered at the end.

# %% [markdown] tags=["explain"] item="g4"
# Adam with a small first momentum, which adversarial trainings need: the other network keeps changing what is right.

# %% tags=["task"] item="g4" values=["losses_d", "losses_g", "modes_gan", "samples_gan", "n_covered"]
#: losses_d, losses_g: the losses of the steps (or their means over every 100 steps)
#: modes_gan: the number of covered modes every EVERY steps
#: samples_gan: (N_SAMPLES, 2): samples of the trained generator
#: n_covered: how many modes they cover
#: Figures: losses, samples, modes.
G, D = Generator(), Discriminator()
opt_G = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
opt_D = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
losses_d, losses_g, modes_gan = [], [], []
for step in range(1, GAN_STEPS + 1):
    real = points[torch.randint(len(points), (BATCH_SIZE,))]
    losses_d.append(discriminator_step(G, D, opt_D, real))
    losses_g.append(generator_step(G, D, opt_G, BATCH_SIZE))
    if step % EVERY == 0:
        with torch.no_grad():
            modes_gan.append(modes_covered(G(torch.randn(N_SAMPLES, N_NOISE))))
with torch.no_grad():
    samples_gan = G(torch.randn(N_SAMPLES, N_NOISE))
n_covered = modes_covered(samples_gan)
print(f"the GAN covers {n_covered} of {N_MODES} modes")

fig, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4))
left.plot(losses_d, label="discriminator")
left.plot(losses_g, label="generator")
left.set(title="Losses", xlabel="step")
left.legend()
middle.scatter(*points[:1000].T, s=4, label="data")
middle.scatter(*samples_gan.T, s=4, label="samples of the GAN")
middle.set(title="Samples")
middle.legend()
right.plot(range(EVERY, GAN_STEPS + 1, EVERY), modes_gan, marker=".")
right.set(title="Covered modes", xlabel="step", ylim=(-0.5, 8.5))
plt.show()

# %% [markdown] tags=["given"] item="g5"
# ## G5 Wasserstein GAN (3.5 points)
#
# The discriminator becomes a critic $C$ without a sigmoid. `critic_step` makes one update by
#
# $$L_C = \overline{C(G(z))} - \overline{C(x)}$$
#
# and clips every weight of the critic to [-`CLIP`, `CLIP`] afterwards. `critic_generator_step` makes one update by
# $L_G = -\overline{C(G(z))}$. Train for `WGAN_STEPS` steps of the generator, with `N_CRITIC` steps of the critic
# before each.
#
# **Figure:** samples of the trained generator, `samples_wgan`.

# %% [markdown] tags=["explain"] item="g5"
# The critic's loss is the negative of an estimate of the Wasserstein distance, so it has to be near its best before
# each step of the generator. The clipped weights keep its slope bounded.

# %% tags=["task"] item="g5" functions=["Critic", "Critic.forward", "critic_step", "critic_generator_step"]
from reference.point_gans import Critic, critic_generator_step, critic_step

# %% [markdown] tags=["explain"] item="g5"
# The training, with RMSprop as in the paper.

# %% tags=["task"] item="g5" values=["samples_wgan"]
#: samples_wgan: (N_SAMPLES, 2): samples of the trained generator
#: Figure: the samples.

G_w, C = Generator(), Critic()
opt_G_w = torch.optim.RMSprop(G_w.parameters(), lr=1e-3)
opt_C = torch.optim.RMSprop(C.parameters(), lr=1e-3)
for _ in range(WGAN_STEPS):
    for _ in range(N_CRITIC):
        real = points[torch.randint(len(points), (BATCH_SIZE,))]
        critic_step(G_w, C, opt_C, real, CLIP)
    critic_generator_step(G_w, C, opt_G_w, BATCH_SIZE)
with torch.no_grad():
    samples_wgan = G_w(torch.randn(N_SAMPLES, N_NOISE))
print(f"the WGAN covers {modes_covered(samples_wgan)} of {N_MODES} modes")

fig, ax = plt.subplots(figsize=(4, 4))
ax.scatter(*points[:1000].T, s=4, label="data")
ax.scatter(*samples_wgan.T, s=4, label="samples of the WGAN")
ax.legend()
plt.show()

# %% [markdown] tags=["given"] item="g6"
# ## G6 A training that goes wrong (2.5 points)
#
# Train the GAN of G4 once more, for `OTHER_STEPS` steps, and change one thing so that the training suffers: a
# learning rate, the momentum, the number of steps of one network, the width of a layer, the saturating loss
# $\overline{\log(1 - D(G(z)))}$ for the generator. Keep the number of covered modes every `EVERY` steps.
#
# **Figure:** the number of covered modes over the steps of this run.
#
# Then answer: What happens in your run, and where do you see it? Why does the change cause it, and what helps? Name
# an advantage and a disadvantage of GANs compared with VAEs or diffusion models.

# %% [markdown] tags=["explain"] item="g6"
# The same training with a learning rate five times as large and Adam's usual momentum of 0.9.

# %% tags=["task"] item="g6" values=["modes_other"]
#: modes_other: the number of covered modes every EVERY steps
#: Figure: the covered modes.
G_2, D_2 = Generator(), Discriminator()
opt_G_2 = torch.optim.Adam(G_2.parameters(), lr=5e-3, betas=(0.9, 0.999))
opt_D_2 = torch.optim.Adam(D_2.parameters(), lr=5e-3, betas=(0.9, 0.999))
modes_other = []
for step in range(1, OTHER_STEPS + 1):
    real = points[torch.randint(len(points), (BATCH_SIZE,))]
    discriminator_step(G_2, D_2, opt_D_2, real)
    generator_step(G_2, D_2, opt_G_2, BATCH_SIZE)
    if step % EVERY == 0:
        with torch.no_grad():
            modes_other.append(modes_covered(G_2(torch.randn(N_SAMPLES, N_NOISE))))
print("covered modes with the large learning rate:", modes_other)

fig, ax = plt.subplots(figsize=(6, 3))
ax.plot(range(EVERY, OTHER_STEPS + 1, EVERY), modes_other, marker=".")
ax.set(title="Covered modes with a large learning rate and momentum", xlabel="step", ylim=(-0.5, 8.5))
plt.show()

# %% [markdown] tags=["answer"] item="g6"
# With the large learning rate and the momentum, nearly all samples lie at one or two modes, and not at the same ones
# for long: the curve of covered modes stays low or jumps, where that of G4 rises to 8. The generator moves to the
# place that the discriminator likes best at the moment; the discriminator learns to reject it, and both chase each
# other round the ring. Momentum carries each of them beyond where the other still is. Smaller steps, less momentum,
# more steps of the discriminator, or the Wasserstein loss help, whose critic tells how far away the data are even
# where no fake is near them. GANs give sharp samples in one pass of the generator, without a likelihood of pixels
# that blurs; but their training has no loss that says how good they are, may lose modes, and gives no likelihood and
# no encoder, where a VAE has both and a diffusion model covers modes well at the price of many passes.
