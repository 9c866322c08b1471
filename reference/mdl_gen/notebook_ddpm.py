# Source of the solution, the student template and the mutants of the DDPM lab (format: autograder/template.py).
# The set-up imports what students need.
# ruff: noqa: F401, I001
# mypy: untyped-calls-exclude="torch"
# %% [markdown] tags=["given"]
# # Generative Models, lecture 6: a diffusion model from scratch (20 points)
#
# You build a Denoising Diffusion Probabilistic Model (DDPM; [Ho, Jain and Abbeel,
# 2020](https://arxiv.org/abs/2006.11239)) for points of the plane: small enough to train in seconds, and with every
# part that a model of images has.
#
# **What to do.** Work from top to bottom. Replace every `...` and every `your code here`; you may add cells, functions,
# classes and imports wherever you like. Choose the network, the optimizer and the learning rate yourself. Write a
# sentence or two above your code. Before you hand in: *Restart kernel and run all cells*, look at the results, and save
# the notebook as `ddpm_NAME.ipynb`.
#
# **How it is marked.** The notebook is run from top to bottom in a fresh kernel. What your network is shown in training
# and in sampling is looked at, and functions are tried with other numbers; no loss has to reach a given value. Keep the
# names below where you can. If you rename, nothing breaks, but what you made must be searched for.
#
# | section | what is looked for | names | points |
# | --- | --- | --- | --- |
# | D1 | the noise schedule | `betas`, `alphas`, `alpha_bars` | 3 |
# | D2 | noising in one step | `add_noise` | 3 |
# | D3 | a network that knows the time, and predicts the noise | `NoisePredictor`, `noise_loss` | 5 |
# | D4 | training | `model`, `losses` | 2 |
# | D5 | one step back | `reverse_step` | 3 |
# | D6 | sampling | `sample`, `samples` | 2.5 |
# | D7 | questions | | 1.5 |
#
# **Steps are counted from 0**, as arrays are: `alpha_bars[0]` belongs to the first step, and `alpha_bars[N_STEPS - 1]`
# to the last. If you prefer 1 to `N_STEPS`, as the paper does, that is fine, too.

# %% [markdown] tags=["given"]
# ## Set-up
#
# Imports and a seed.

# %% tags=["given"]
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

torch.manual_seed(1234)

# %% [markdown] tags=["given"]
# **Budget.** How many updates the network gets: about ten seconds on a laptop. A smaller number gives a trial run.

# %% tags=["given", "parameters"]
N_UPDATES = 4000

# %% [markdown] tags=["given"]
# The schedule has `N_STEPS` steps, whose variances β go from `BETA_START` to `BETA_END`. That is a tenth of the steps
# of the paper, each ten times as large.

# %% tags=["given"]
from reference.mdl_gen.settings_ddpm import BETA_END, BETA_START, N_STEPS

# %% [markdown] tags=["given"]
# The data: 2,000 points of two moons, with mean 0 and deviation 1 in both coordinates.

# %% tags=["given"]
moon_rng = np.random.default_rng(6)
angle = moon_rng.uniform(0, np.pi, 1000)
upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
moons = np.concatenate([upper, lower]) + moon_rng.normal(0, 0.08, (2000, 2))
data = torch.tensor((moons - moons.mean(axis=0)) / moons.std(axis=0), dtype=torch.float32)  # (2000, 2)
print(f"{len(data)} points; the first: {data[0].tolist()}")

# %% [markdown] tags=["given"] item="d1"
# ## D1 Noise schedule (3 points)
#
# Step $t$ adds noise of variance $\beta_t$. Make the arrays `betas` (in equal steps from `BETA_START` to `BETA_END`),
# `alphas` ($\alpha_t = 1 - \beta_t$) and `alpha_bars` ($\bar\alpha_t = \prod_{s \le t} \alpha_s$). A cosine schedule with
# `N_STEPS` steps (Nichol and Dhariwal, 2021) is accepted as well.

# %% [markdown] tags=["explain"] item="d1"
# The linear schedule. $\bar\alpha_t$ is what is left of the variance of the data after step $t$: at the end next to
# nothing.

# %% tags=["task"] item="d1" values=["betas", "alphas", "alpha_bars"]
#: betas, alphas, alpha_bars: N_STEPS numbers each
from reference.diffusion import make_schedule

betas, alphas, alpha_bars = make_schedule(N_STEPS, BETA_START, BETA_END)
print(f"left of the data at the end: {alpha_bars[-1]:.1e}")

# %% [markdown] tags=["given"] item="d2"
# ## D2 Noising in one step (3 points)
#
# Noise of many steps adds up to Gaussian noise again, so that $x_t$ can be drawn from $x_0$ at once:
#
# $$x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon, \qquad \epsilon \sim \mathcal N(0, I).$$
#
# Write `add_noise`, for points `x0` (n, 2) with a time `t` (n,) for each. Your function may take the noise or draw it
# itself.
#
# **Figure:** the data after a few times, from clean to nothing but noise.

# %% [markdown] tags=["explain"] item="d2"
# The closed form; $\bar\alpha_t$ gets a second dimension, so that it multiplies both coordinates of its point.

# %% tags=["task"] item="d2" functions=["add_noise"]
#: Figure: noised data at a few times.
from reference.diffusion import add_noise

fig, axes = plt.subplots(1, 4, figsize=(12, 3))
for ax, step in zip(axes, (0, 20, 50, N_STEPS - 1), strict=True):
    noised = add_noise(data, torch.full((len(data),), step), torch.randn_like(data), alpha_bars)
    ax.scatter(noised[:, 0], noised[:, 1], s=2)
    ax.set_title(f"t = {step}")
plt.show()

# %% [markdown] tags=["given"] item="d3"
# ## D3 Predicting the noise (5 points)
#
# Write a network `NoisePredictor` that takes noised points (n, 2) and their times (n,), and gives the noise (n, 2). The
# time has to matter: embed it, or put it beside the coordinates. Then write the objective: draw a random time for each
# point, add noise, and return the mean squared difference between the noise and what the network predicts,
#
# $$L = \mathbb E_{x_0,\, t,\, \epsilon} \lVert \epsilon - \epsilon_\theta(x_t, t) \rVert^2.$$

# %% [markdown] tags=["explain"] item="d3"
# A network of fully connected layers; an embedding of the time stands beside the coordinates.

# %% tags=["task"] item="d3" functions=["NoisePredictor", "NoisePredictor.forward"]
from reference.diffusion import NoisePredictor

# %% [markdown] tags=["explain"] item="d3"
# The objective with a random time for each point of the batch.

# %% tags=["task"] item="d3" functions=["noise_loss"]
from reference.diffusion import noise_loss

# %% [markdown] tags=["given"] item="d4"
# ## D4 Training (2 points)
#
# Train for `N_UPDATES` updates. Keep the loss of each update, or the mean of every so many.
#
# **Figure:** the losses.

# %% [markdown] tags=["explain"] item="d4"
# Adam with batches of 256 points. The loss does not go to 0: much of the noise cannot be told from the data.

# %% tags=["task"] item="d4" values=["model", "losses"]
#: model: your network
#: losses: the loss in the course of the training
#: Figure: the losses over the updates.
model = NoisePredictor(N_STEPS)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
losses = []
running = 0.0
for update in range(1, N_UPDATES + 1):
    batch = data[torch.randint(0, len(data), (256,))]
    loss = noise_loss(model, batch, alpha_bars)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    running += loss.item()
    if update % 100 == 0:
        losses.append(running / 100)
        running = 0.0
print(f"loss: {losses[0]:.3f} at first, {losses[-1]:.3f} at last")

fig, ax = plt.subplots(figsize=(5, 3))
ax.plot(100 * np.arange(1, len(losses) + 1), losses)
ax.set(xlabel="update", ylabel="loss")
plt.show()

# %% [markdown] tags=["given"] item="d5"
# ## D5 One step back (3 points)
#
# Write `reverse_step`: points $x_{t-1}$ drawn given $x_t$,
#
# $$x_{t-1} = \frac{1}{\sqrt{\alpha_t}} \Bigl(x_t - \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}\,
# \epsilon_\theta(x_t, t)\Bigr) + \sigma_t z, \qquad z \sim \mathcal N(0, I).$$
#
# Both choices of the paper are right: $\sigma_t^2 = \beta_t$, or the variance of the posterior,
# $\tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t} \beta_t$. No noise is added at the last step.

# %% [markdown] tags=["explain"] item="d5"
# The mean of the step takes away a part of the predicted noise; new noise of variance $\beta_t$ follows, except in the
# end.

# %% tags=["task"] item="d5" functions=["reverse_step"]
from reference.diffusion import reverse_step

# %% [markdown] tags=["given"] item="d6"
# ## D6 Sampling (2.5 points)
#
# Start from pure noise and go back through all steps. Draw 2,000 points.
#
# **Figure:** the samples, beside the data or over it.

# %% [markdown] tags=["explain"] item="d6"
# Ancestral sampling: every point is a chain of its own, from noise to the data.

# %% tags=["task"] item="d6" functions=["sample"] values=["samples"]
#: samples: (2000, 2)
#: Figure: the samples and the data.
from reference.diffusion import sample

samples = sample(model, 2000, betas, alpha_bars)

fig, axes = plt.subplots(1, 2, figsize=(8, 3), sharex=True, sharey=True)
for ax, points, title in zip(axes, (data, samples), ("data", "samples"), strict=True):
    ax.scatter(points[:, 0], points[:, 1], s=2)
    ax.set_title(title)
plt.show()

# %% [markdown] tags=["given"] item="d7"
# ## D7 Questions (1.5 points)
#
# 1. Why does the network learn to predict the noise, and not $x_{t-1}$ directly?
# 2. Why does a model take many small steps back, and not a single one from pure noise?
# 3. Stable Diffusion draws images for a text. What does it noise, and how does the text guide the steps back?

# %% [markdown] tags=["answer"] item="d7"
# 1. Given $x_t$, the mean of the step back is known up to the noise that is in $x_t$; predicting it means the same as
#    predicting the mean or $x_0$, but the target has the same size at all times, so that one squared error suits all of
#    them.
# 2. For a small step, $x_{t-1}$ given $x_t$ is nearly Gaussian, which is what the model draws. From pure noise, $x_0$
#    can be anywhere on the data, and the best single guess is its mean, which lies between the moons.
# 3. It noises the code that an autoencoder makes of an image. The network sees an embedding of the text at every step
#    (by cross-attention); classifier-free guidance takes its prediction with and without the text, and goes further in
#    the direction of their difference.
