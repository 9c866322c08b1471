# Source of the solution, the student template and the mutants of the lab of lecture 1 (format: autograder/template.py).
# The set-up imports what students need.
# ruff: noqa: F401, I001
# mypy: disable-error-code="import-untyped"
# mypy: untyped-calls-exclude="torch"
# %% [markdown] tags=["given"]
# # Generative Models, lab of lecture 1: variational autoencoders (20 points)
#
# You write a VAE piece by piece, train it on MNIST, draw new digits from it and look at its latent space.
#
# **What to do**
#
# 1. Work from top to bottom. Replace every `...` and every `your code here` with your code. You may add cells,
#    functions, classes and imports wherever you like.
# 2. Layers, widths, optimizer and learning rate are yours. Only the number of latent dimensions is fixed.
# 3. Take the numbers of epochs and images from the cell *Budget*. While you are writing, smaller numbers there give a
#    trial run of seconds.
# 4. Answer the question at the end in the cell that is marked **YOUR ANSWER:**.
# 5. Before you hand in: *Restart kernel and run all cells*, look at every result, and save.
#
# **How it is marked**
#
# - The notebook is run from top to bottom in a fresh kernel without a network, perhaps with a smaller budget. MNIST is
#   there. A cell that fails does not end the run: the rest is still marked.
# - Your classes and functions are also called with other inputs: use the parameters, not the global variables.
# - No loss has to reach a given value. A mistake costs marks once.
# - Keep the names below. If you rename, nothing breaks, but what you made must be searched for.
#
# | section | points | what is looked for | names |
# | --- | --- | --- | --- |
# | V1 | 3 | the encoder gives mean and log variance | `Encoder` |
# | V2 | 3 | the draw of the code | `reparameterise` |
# | V3 | 2 | the decoder gives images; the whole VAE | `Decoder`, `VAE`, `vae` |
# | V4 | 5 | the two terms of the loss, and their sum | `kl_divergence`, `reconstruction_loss`, `vae_loss` |
# | V5 | 3 | training, and its curves | `reconstruction_losses`, `kl_losses`, `total_losses` |
# | V6 | 2 | new digits | `samples` |
# | V7 | 2 | the latent space, and a question | `codes` |

# %% [markdown] tags=["given"]
# ## Set-up

# %% tags=["given"]
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import datasets

torch.manual_seed(1234)

# %% [markdown] tags=["given"]
# **Budget.** How long the VAE is trained, and on how many images.

# %% tags=["given", "parameters"]
EPOCHS = 15
N_IMAGES = 20_000
N_SHOWN = 2_000  # test images whose codes are drawn

# %% [markdown] tags=["given"]
# The code of an image has two dimensions, so that the latent space can be drawn as it is.

# %% tags=["given"]
N_LATENT = 2

# %% [markdown] tags=["given"]
# MNIST as flat images with pixels in [0, 1].

# %% tags=["given"]
mnist_train = datasets.MNIST("data", train=True, download=True)
mnist_test = datasets.MNIST("data", train=False, download=True)
images = mnist_train.data[:N_IMAGES].float().flatten(1) / 255  # (N_IMAGES, 784)
shown_images = mnist_test.data[:N_SHOWN].float().flatten(1) / 255  # (N_SHOWN, 784)
shown_labels = mnist_test.targets[:N_SHOWN]  # (N_SHOWN,)
print(f"{len(images)} images for training, {len(shown_images)} test images to look at")

# %% [markdown] tags=["given"]
# The terms of the loss with a name for each (you may return a plain tuple instead), and images side by side as one
# picture.

# %% tags=["given"]
from reference.autoencoders import VaeLoss
from reference.image_grids import image_grid

# %% [markdown] tags=["given"] item="v1"
# ## V1 Encoder (3 points)
#
# The encoder describes a distribution of codes for each image, $q(z \mid x) = \mathcal{N}(\mu, \operatorname{diag}
# \sigma^2)$. Write a network that gives two vectors of `N_LATENT` numbers for each image: $\mu$ and $\log \sigma^2$.

# %% tags=["task"] item="v1" functions=["Encoder", "Encoder.forward"]
from reference.latent_spaces import Encoder

# %% [markdown] tags=["given"] item="v2"
# ## V2 Reparameterisation (3 points)
#
# Draw a code $z \sim \mathcal{N}(\mu, \sigma^2)$ so that gradients reach $\mu$ and $\log \sigma^2$:
# $z = \mu + \sigma \odot \epsilon$ with $\epsilon \sim \mathcal{N}(0, I)$.

# %% tags=["task"] item="v2" functions=["reparameterise"]
from reference.autoencoders import reparameterise

# %% [markdown] tags=["given"] item="v3"
# ## V3 Decoder, and the VAE (2 points)
#
# The decoder gives an image of 784 pixels in [0, 1] for each code. (If you prefer logits, give them to a loss that takes
# logits.) The VAE puts the pieces together; it returns the reconstruction, $\mu$ and $\log \sigma^2$.

# %% tags=["task"] item="v3" functions=["Decoder", "Decoder.forward", "VAE", "VAE.forward"]
from reference.latent_spaces import Decoder, VAE

# %% tags=["task"] item="v3" values=["vae"]
#: vae: your VAE, with a code of N_LATENT dimensions
vae = VAE(Encoder(n_latent=N_LATENT), Decoder(n_latent=N_LATENT))

# %% [markdown] tags=["given"] item="v4"
# ## V4 Loss (5 points)
#
# The negative ELBO has two terms:
#
# - the reconstruction term $-\mathbb{E}_q \log p(x \mid z)$: the binary cross-entropy of image and reconstruction;
# - $\text{KL}(q(z \mid x) \,\|\, \mathcal{N}(0, I)) = -\tfrac12 \sum_j (1 + \log \sigma_j^2 - \mu_j^2 - \sigma_j^2)$.
#
# Write a function for each, and `vae_loss`, which returns their sum and both terms. Sum over pixels and over latent
# dimensions, and take the mean over the images of the batch: nats per image.

# %% tags=["task"] item="v4" functions=["kl_divergence", "reconstruction_loss", "vae_loss"]
from reference.elbo_terms import kl_divergence, reconstruction_loss, vae_loss

# %% [markdown] tags=["given"] item="v5"
# ## V5 Training (3 points)
#
# Train `vae` on `images` for `EPOCHS` epochs, in batches. Keep the means of the loss and of its terms over each epoch.
#
# **Figure:** both terms and the loss, per epoch.

# %% tags=["task"] item="v5" values=["reconstruction_losses", "kl_losses", "total_losses"]
#: reconstruction_losses, kl_losses, total_losses: lists of EPOCHS numbers, the means over each epoch
#: Figure: the three of them per epoch.
optimizer = torch.optim.Adam(vae.parameters(), lr=1e-3)
reconstruction_losses, kl_losses, total_losses = [], [], []
for epoch in range(1, EPOCHS + 1):
    sums = torch.zeros(3)
    for batch in torch.randperm(len(images)).split(100):
        x = images[batch]
        optimizer.zero_grad()
        reconstruction, mu, log_var = vae(x)
        losses = vae_loss(reconstruction, x, mu, log_var)
        losses.total.backward()
        optimizer.step()
        sums += torch.stack(losses).detach() * len(x)
    total, nll, kl = (sums / len(images)).tolist()
    total_losses.append(total)
    reconstruction_losses.append(nll)
    kl_losses.append(kl)
    print(f"epoch {epoch}: reconstruction {nll:.1f}, KL {kl:.2f}, total {total:.1f}")

epochs = range(1, EPOCHS + 1)
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.plot(epochs, total_losses, marker="o", label="total")
left.plot(epochs, reconstruction_losses, marker="o", label="reconstruction")
left.set(title="Negative ELBO", xlabel="epoch", ylabel="nats per image")
left.legend()
right.plot(epochs, kl_losses, marker="o", color="tab:green", label="KL")
right.set(title="KL to N(0, I)", xlabel="epoch", ylabel="nats per image")
right.legend()
plt.show()

# %% [markdown] tags=["given"] item="v6"
# ## V6 New digits (2 points)
#
# Decode 25 codes from the prior $\mathcal{N}(0, I)$.
#
# **Figure:** a 5 × 5 grid of the images.

# %% tags=["task"] item="v6" values=["samples"]
#: samples: 25 new images
#: Figure: a grid of them.
with torch.no_grad():
    samples = vae.decoder(torch.randn(25, N_LATENT))
fig, ax = plt.subplots(figsize=(4, 4))
ax.imshow(image_grid(samples, 5, 5).numpy(), cmap="gray")
ax.set_title("Digits decoded from the prior")
ax.axis("off")
plt.show()

# %% [markdown] tags=["given"] item="v7"
# ## V7 The latent space (2 points)
#
# Encode `shown_images`.
#
# **Figure:** the means $\mu$ as points, with a colour for each digit.

# %% tags=["task"] item="v7" values=["codes"]
#: codes: (N_SHOWN, N_LATENT): the means of q(z | x) of shown_images
#: Figure: a scatter of the codes, coloured by digit.
with torch.no_grad():
    codes, _ = vae.encoder(shown_images)
fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
points = ax.scatter(codes[:, 0], codes[:, 1], c=shown_labels, cmap="tab10", s=6)
fig.colorbar(points, ax=ax, label="digit")
ax.set(title="Means of q(z | x) of test images", xlabel="$z_1$", ylabel="$z_2$")
plt.show()

# %% [markdown] tags=["given"] item="v7"
# **Question.** Which digits overlap in your latent space, and what does the KL term do to it: what would you see
# if it were left out of the loss?

# %% [markdown] tags=["answer"] item="v7"
# 4 and 9 overlap, and so do 3, 5 and 8, which look alike; 0 and 1 lie apart. The KL term pulls all codes towards the
# standard normal, so that they lie close together around the origin and overlap. Without it nothing keeps them
# there: each digit would get a small region of its own, far from the others, with holes between them, and codes drawn
# from $\mathcal{N}(0, I)$ would mostly be decoded to no digit.
