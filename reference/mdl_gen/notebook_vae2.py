# Source of the solution, the student template and the mutants of the lab of lecture 2 (format: autograder/template.py).
# The set-up imports what students need; a header names all methods that are shown.
# ruff: noqa: E501, F401, I001
# mypy: disable-error-code="import-untyped"
# mypy: untyped-calls-exclude="torch"
# %% [markdown] tags=["given"]
# # Generative Models, lab of lecture 2: convolutional VAE, β-VAE, conditional VAE (20 points)
#
# You give the VAE of lab 1 convolutions, weigh the terms of its loss against each other, and tell it which digit it
# should draw.
#
# **What to do**
#
# 1. Work from top to bottom. Replace every `...` and every `your code here` with your code. You may add cells,
#    functions, classes and imports wherever you like, and use what you wrote in lab 1.
# 2. Channels, kernels, optimizers and learning rates are yours. The number of latent dimensions and the values of β
#    are fixed.
# 3. Take the numbers of epochs and images from the cell *Budget*. While you are writing, smaller numbers there give a
#    trial run of seconds.
# 4. Answer the question of W5 in the cell that is marked **YOUR ANSWER:**.
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
# | W1 | 2 | the sizes that convolutions give | `conv_size`, `transposed_conv_size` |
# | W2 | 2.5 | a convolutional encoder | `ConvEncoder` |
# | W3 | 3 | a decoder with transposed convolutions; the whole VAE | `ConvDecoder`, `ConvVAE` |
# | W4 | 3.5 | the loss of the β-VAE | `beta_vae_loss` |
# | W5 | 4 | what β does, and a question | `kls`, `reconstructions` |
# | W6 | 5 | a conditional VAE, and digits that were asked for | `ConditionalVAE`, `cvae` |

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
# **Budget.** How long each network is trained, and on how many images.

# %% tags=["given", "parameters"]
EPOCHS = 4  # for each β
CVAE_EPOCHS = 10
N_IMAGES = 10_000

# %% tags=["given"]
N_LATENT = 8
N_CLASSES = 10
BETAS = (1.0, 4.0, 16.0)

# %% [markdown] tags=["given"]
# MNIST with pixels in [0, 1].

# %% tags=["given"]
mnist = datasets.MNIST("data", train=True, download=True)
images = mnist.data[:N_IMAGES].float().unsqueeze(1) / 255  # (N_IMAGES, 1, 28, 28)
labels = mnist.targets[:N_IMAGES]  # (N_IMAGES,)
print(f"{len(images)} images for training")

# %% [markdown] tags=["given"]
# The terms of the loss with a name for each (you may return a plain tuple instead), and images side by side as one
# picture.

# %% tags=["given"]
from reference.autoencoders import VaeLoss
from reference.image_grids import image_grid

# %% [markdown] tags=["given"] item="w1"
# ## W1 Sizes (2 points)
#
# A convolution with a kernel of $k$ pixels, stride $s$ and padding $p$ makes of an image with a side of $n$ pixels
# another one: of which side? And a transposed convolution?
#
# Write a function for each. With $k = 4$, $s = 2$, $p = 1$, the first makes 14 of 28, and the second 28 of 14.

# %% tags=["task"] item="w1" functions=["conv_size", "transposed_conv_size"]
from reference.convolutional_autoencoders import conv_size, transposed_conv_size

# %% [markdown] tags=["given"] item="w2"
# ## W2 Convolutional encoder (2.5 points)
#
# From images (n, 1, 28, 28) to $\mu$ and $\log \sigma^2$, `N_LATENT` numbers each, with two convolutions or more.

# %% tags=["task"] item="w2" functions=["ConvEncoder", "ConvEncoder.forward"]
from reference.convolutional_autoencoders import ConvEncoder

# %% [markdown] tags=["given"] item="w3"
# ## W3 Decoder with transposed convolutions, and the VAE (3 points)
#
# The way back: from codes to images (n, 1, 28, 28) with pixels in [0, 1]. A linear layer makes a small image with many
# channels of the code, and transposed convolutions enlarge it. The VAE draws the code as in lab 1 and returns the
# reconstruction, $\mu$ and $\log \sigma^2$.

# %% tags=["task"] item="w3" functions=["ConvDecoder", "ConvDecoder.forward"]
from reference.convolutional_autoencoders import ConvDecoder

# %% tags=["task"] item="w3" functions=["reparameterise", "ConvVAE", "ConvVAE.forward"]
from reference.autoencoders import reparameterise
from reference.convolutional_autoencoders import ConvVAE

# %% [markdown] tags=["given"] item="w4"
# ## W4 The loss of the β-VAE (3.5 points)
#
# The reconstruction term plus β times the KL divergence. Return the loss and both terms, the terms without β. Sum over
# pixels and over latent dimensions, and take the mean over the images of the batch: nats per image.

# %% tags=["task"] item="w4"
#: Functions for both terms, if you want them.
from reference.elbo_terms import kl_divergence, reconstruction_loss

# %% tags=["task"] item="w4" functions=["beta_vae_loss"]
from reference.elbo_terms import beta_vae_loss

# %% [markdown] tags=["given"] item="w5"
# ## W5 What β does (4 points)
#
# Train a new convolutional VAE for each β in `BETAS`, `EPOCHS` epochs each, and keep the means of both terms over the
# last epoch, without β.
#
# **Figure:** the KL divergence and the reconstruction loss against β.

# %% tags=["task"] item="w5" values=["reconstructions", "kls"]
#: reconstructions, kls: a number for each β in BETAS, in their order
#: Figure: both of them against β.
from reference.convolutional_autoencoders import train_beta_vae

reconstructions, kls = [], []
for beta in BETAS:
    nll, kl = train_beta_vae(ConvVAE(N_LATENT), images, beta, EPOCHS)
    reconstructions.append(nll)
    kls.append(kl)
    print(f"beta {beta:g}: reconstruction {nll:.1f}, KL {kl:.2f}")

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
left.plot(BETAS, kls, marker="o")
left.set(title="KL divergence", xlabel="β", ylabel="nats per image", xscale="log")
right.plot(BETAS, reconstructions, marker="o", color="tab:orange")
right.set(title="Reconstruction loss", xlabel="β", ylabel="nats per image", xscale="log")
plt.show()

# %% [markdown] tags=["given"] item="w5"
# **Question.** What does a larger β do to the codes and to the reconstructions, and why? When would you want one?

# %% [markdown] tags=["answer"] item="w5"
# A larger β makes every nat of information in the code more expensive, so the encoder keeps less of it: the posteriors
# come closer to the prior, the KL divergence falls, dimensions are no longer used, and reconstructions become blurred, so
# their loss rises. At β = 16 the code says little more than which kind of digit it is. One wants a larger β for codes
# that are simple to sample from or whose dimensions are independent (disentangled), and a smaller one for sharp
# reconstructions.

# %% [markdown] tags=["given"] item="w6"
# ## W6 Conditional VAE (5 points)
#
# A VAE that is told the class: its encoder and its decoder. `ConditionalVAE` gets images and classes (whole numbers),
# and its `decode` makes images of codes and classes. Train `cvae` for `CVAE_EPOCHS` epochs with β = 1.
#
# **Figure:** a 10 × 10 grid of new digits: a row for each class, a column for each code.

# %% tags=["task"] item="w6" functions=["ConditionalVAE", "ConditionalVAE.encode", "ConditionalVAE.decode", "ConditionalVAE.forward"]
from reference.convolutional_autoencoders import ConditionalVAE

# %% tags=["task"] item="w6" values=["cvae"]
#: cvae: the trained conditional VAE
cvae = ConditionalVAE(N_LATENT)
optimizer = torch.optim.Adam(cvae.parameters(), lr=1e-3)
for epoch in range(1, CVAE_EPOCHS + 1):
    total = 0.0
    for batch in torch.randperm(len(images)).split(100):
        x, y = images[batch], labels[batch]
        optimizer.zero_grad()
        reconstruction, mu, log_var = cvae(x, y)
        loss = beta_vae_loss(reconstruction, x, mu, log_var, 1.0).total
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    print(f"epoch {epoch}: loss {total / len(images):.1f}")

# %% tags=["task"] item="w6" values=["digits"]
#: digits: 100 new images, ten of each class
#: Figure: a grid with a row for each class.
codes = torch.randn(10, N_LATENT)
with torch.no_grad():
    digits = cvae.decode(codes.repeat(N_CLASSES, 1), torch.arange(N_CLASSES).repeat_interleave(10))
fig, ax = plt.subplots(figsize=(5, 5))
ax.imshow(image_grid(digits, N_CLASSES, 10).numpy(), cmap="gray")
ax.set_title("A row for each class, a column for each code")
ax.axis("off")
plt.show()
