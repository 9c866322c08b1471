# Source of the solution, the student template and the mutants of notebook 5.2 (format: autograder/template.py).
# The set-up imports what students need; formulas are long.
# ruff: noqa: F401, I001
# mypy: disable-error-code="import-untyped"
# %% [markdown] tags=["given"]
# # Coding Assignment 5: Generative Deep Learning
# # 5.2 Variational Autoencoders (15 points: 8 coding, 7 reflection)
#
# You build a variational autoencoder from scratch, look at its latent space, and draw new images from it.
#
# **What to do**
#
# 1. Work from top to bottom. Replace every `...` and every `your code here` with your code. You may add cells,
#    functions, classes and imports wherever you like.
# 2. Answer the questions of V5 in the cells that are marked **YOUR ANSWER:**. Keep the marker, edit it or delete it.
# 3. Take the numbers of epochs and images from the cell *Budget*. While you are writing, smaller numbers there give
#    a trial run of seconds. Put the numbers back before you hand in.
# 4. Before you hand in: *Restart kernel and run all cells*, and save as `FirstName_5.2_VAE.ipynb`, with all outputs.
#
# **How it is marked**
#
# - The notebook is run from top to bottom in a fresh kernel without a network, perhaps with a smaller budget. MNIST is
#   there. A cell that fails does not end the run: the rest is still marked.
# - Your classes and functions are also called with other inputs: use the parameters, not the global variables.
# - Sizes, loss and training settings are suggestions. The loss needs no particular value.
# - A mistake costs marks once.
# - Keep the names below. If you rename, nothing breaks, but your values must be searched for.
# - The answers of V5 are read by a person.
#
# | item | points | classes and functions | values | figures |
# | --- | --- | --- | --- | --- |
# | V1 | 3 | `VAE`, `reparameterise` | `vae` | |
# | V2 | 2 | `vae_loss` | | |
# | V3 | 1.5 | | `reconstruction_losses`, `kl_losses`, `total_losses` | three curves |
# | V4 | 1.5 | | `codes`, `samples` | the latent space, a grid of samples |
# | V5 | 7 | | | |

# %% [markdown] tags=["given"]
# ## Set-up

# %% tags=["given"]
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import datasets

torch.manual_seed(1234)
rng = torch.Generator().manual_seed(1234)

# %% [markdown] tags=["given"]
# **Budget.** How long the notebook trains, and on how much.

# %% tags=["given", "parameters"]
EPOCHS = 10
N_TRAIN = 50_000  # training images
N_SHOWN = 2_000  # test images whose codes are drawn
BATCH_SIZE = 128

# %% [markdown] tags=["given"]
# MNIST with pixels in [0, 1].

# %% tags=["given"]
mnist_train = datasets.MNIST("data", train=True, download=True)
mnist_test = datasets.MNIST("data", train=False, download=True)
train_images = mnist_train.data[:N_TRAIN].float().unsqueeze(1) / 255  # (N_TRAIN, 1, 28, 28)
shown_images = mnist_test.data[:N_SHOWN].float().unsqueeze(1) / 255  # (N_SHOWN, 1, 28, 28)
shown_labels = mnist_test.targets[:N_SHOWN]  # (N_SHOWN,)
print(f"{len(train_images)} images for training, {len(shown_images)} test images to look at")

# %% [markdown] tags=["given"]
# The terms of the loss with a name for each, and images side by side as one picture.

# %% tags=["given"]
from reference.autoencoders import VaeLoss
from reference.image_grids import image_grid

# %% [markdown] tags=["given"] item="v1"
# ## V1 Encoder, decoder and reparameterisation (3 points)
#
# - Encoder: from an image to the mean $\mu$ and the log variance $\log \sigma^2$ of $q(z \mid x)$. Suggestion:
#   784→512→256 with ReLU, and two heads 256→2. With two latent dimensions you can draw the latent space as it is.
# - `reparameterise`: $z = \mu + \sigma \odot \epsilon$ with $\epsilon \sim \mathcal{N}(0, I)$, so that gradients reach the
#   encoder.
# - Decoder: from $z$ back to the pixels. Suggestion: 2→256→512→784 with ReLU, and a Sigmoid at the end.
#
# Write the class `VAE` with `encode`, `decode` and `forward`; `forward` returns the reconstruction, $\mu$ and
# $\log \sigma^2$.

# %% tags=["task"] item="v1" functions=["VAE", "VAE.encode", "VAE.decode", "VAE.forward", "reparameterise"]
from reference.autoencoders import VAE, reparameterise

# %% [markdown] tags=["given"] item="v2"
# ## V2 The loss (2 points)
#
# The negative ELBO: a reconstruction term plus $\text{KL}(q(z \mid x) \,\|\, \mathcal{N}(0, I))$ in closed form. Both
# terms must be reduced in the same way, for instance summed over pixels and latent dimensions and averaged over the
# batch.
#
# Write `vae_loss`, which returns the total and its two terms.

# %% tags=["task"] item="v2" functions=["vae_loss"]
from reference.autoencoders import vae_loss

# %% [markdown] tags=["given"] item="v3"
# ## V3 Training (1.5 points)
#
# Train `vae` on `train_images` for `EPOCHS` epochs (suggestion: Adam with learning rate 1e-3), and keep the mean
# losses of each epoch.
#
# **Figure:** reconstruction term, KL and total per epoch.

# %% tags=["task"] item="v3"
#: Helpers and the training loop, if you want functions for them.
from reference.batches import mean_over_examples, shuffled_batches
from reference.autoencoders import _reconstruct_with, vae_optimizer, vae_step

# %% tags=["task"] item="v3" values=["vae", "reconstruction_losses", "kl_losses", "total_losses"]
#: vae: the trained VAE
#: reconstruction_losses: list of EPOCHS numbers: the mean reconstruction term of each epoch
#: kl_losses: list of EPOCHS numbers: the mean KL divergence of each epoch
#: total_losses: list of EPOCHS numbers: their sum
vae = VAE(n_latent=2)
optimizer = vae_optimizer(vae)
reconstruction_losses, kl_losses, total_losses = [], [], []
for n_epochs in range(1, EPOCHS + 1):
    losses, sizes = [], []
    for batch in shuffled_batches(len(train_images), BATCH_SIZE, rng):
        losses.append(torch.stack(vae_step(vae, optimizer, train_images[batch], rng)))
        sizes.append(len(batch))
    total, reconstruction, kl = mean_over_examples(losses, sizes).tolist()
    reconstruction_losses.append(reconstruction)
    kl_losses.append(kl)
    total_losses.append(total)
    print(f"epoch {n_epochs}: reconstruction {reconstruction:.2f}, KL {kl:.2f}, total {total:.2f}")

# %% tags=["task"] item="v3"
#: Figure: reconstruction term, KL and total per epoch.
epochs = np.arange(1, EPOCHS + 1)
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.plot(epochs, reconstruction_losses, marker="o", label="reconstruction")
left.plot(epochs, total_losses, marker="o", label="total")
left.set(title="VAE: loss of training", xlabel="epoch", ylabel="nats per image")
left.legend()
right.plot(epochs, kl_losses, marker="o", color="tab:green", label="KL")
right.set(title="VAE: KL to N(0, I)", xlabel="epoch", ylabel="nats per image")
right.legend()
plt.show()

# %% [markdown] tags=["given"] item="v4"
# ## V4 Latent space and generation (1.5 points)
#
# - `codes`: the means $\mu$ of `shown_images`. **Figure:** a scatter of them, with a colour for each digit. (With more than
#   two dimensions: two of them, or a projection.)
# - `samples`: 25 images decoded from $z \sim \mathcal{N}(0, I)$. **Figure:** a 5 × 5 grid.

# %% tags=["task"] item="v4" values=["codes"]
#: codes: (N_SHOWN, 2): the means of q(z | x) of shown_images
#: Figure: a scatter of the codes, coloured by digit.
with torch.no_grad():
    codes, _ = vae.encode(shown_images)
fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
points = ax.scatter(codes[:, 0], codes[:, 1], c=shown_labels, cmap="tab10", s=6)
fig.colorbar(points, ax=ax, label="digit")
ax.set(title="Means of q(z | x) of test images", xlabel="$z_1$", ylabel="$z_2$")
plt.show()

# %% tags=["task"] item="v4" values=["samples"]
#: samples: (25, 784) in [0, 1]: decoded from the prior
#: Figure: samples as a 5 x 5 grid.
from reference.autoencoders import generate

samples = generate(vae, torch.randn(25, vae.n_latent, generator=rng))
fig, ax = plt.subplots(figsize=(4, 4))
ax.imshow(image_grid(samples, 5, 5).numpy(), cmap="gray")
ax.set_title("Samples of the VAE")
ax.axis("off")
plt.show()

# %% [markdown] tags=["given"] item="v5"
# ## V5 Reflection (7 points)
#
# **Question 1 (3 points).** Derive the closed form of $\text{KL}(\mathcal{N}(\mu, \sigma^2) \,\|\, \mathcal{N}(0,
# 1))$, and say how it extends to several latent dimensions. What does the term do to the codes?

# %% [markdown] tags=["answer"] item="v5"
# With $q = \mathcal{N}(\mu, \sigma^2)$ and $p = \mathcal{N}(0, 1)$, $\text{KL} = \mathbb{E}_q[\log q(z) - \log
# p(z)]$. The logarithms are $\log q(z) = -\frac{1}{2} \log 2 \pi \sigma^2 - \frac{(z - \mu)^2}{2 \sigma^2}$ and $\log
# p(z) = -\frac{1}{2} \log 2 \pi - \frac{z^2}{2}$. Under $q$, $\mathbb{E}(z - \mu)^2 = \sigma^2$ and $\mathbb{E} z^2 =
# \mu^2 + \sigma^2$, so $\text{KL} = -\frac{1}{2} \log \sigma^2 - \frac{1}{2} + \frac{1}{2} (\mu^2 + \sigma^2) =
# -\frac{1}{2} (1 + \log \sigma^2 - \mu^2 - \sigma^2)$. Independent dimensions add up: the sum over them. It pulls
# every code towards $\mu = 0$, $\sigma = 1$: the codes of all images overlap and fill the prior without holes; alone
# it would make them all alike.

# %% [markdown] tags=["given"] item="v5"
# **Question 2 (2 points).** Why is the reparameterisation trick needed? What would go wrong if $z$ were drawn from
# $\mathcal{N}(\mu, \sigma^2)$ directly?

# %% [markdown] tags=["answer"] item="v5"
# A draw is no differentiable function of $\mu$ and $\sigma$: backpropagation would stop at the sampling, so that the
# reconstruction term would give the encoder no gradient. With $z = \mu + \sigma \epsilon$ all randomness is in
# $\epsilon$, which has no parameters; $z$ is then a differentiable function of $\mu$ ($\partial z / \partial \mu =
# 1$) and of $\sigma$ ($\partial z / \partial \sigma = \epsilon$), and the gradient of the expectation can be
# estimated with one draw.

# %% [markdown] tags=["given"] item="v5"
# **Question 3 (2 points).** Describe your latent space and your samples. Which digits lie apart, which overlap, and
# how does that show in the samples? How could the samples become better?

# %% [markdown] tags=["answer"] item="v5"
# The digits form regions around the origin: 0 and 1 lie apart at opposite sides, 4 and 9 overlap, and so do 3, 5 and
# 8, which look alike. Between the regions one digit changes into another without a break, so some samples are
# mixtures of two digits. The samples are blurred, because the decoder gives the mean of all images that share a code,
# and two dimensions leave many of them. More latent dimensions, a larger or convolutional decoder, or a smaller
# weight of the KL term would sharpen them.
