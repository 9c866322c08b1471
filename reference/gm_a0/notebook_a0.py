# Source of the solution, the student template and the mutants of gm-a0 (format: autograder/template.py).
# The set-up imports what students need; tables and formulas are long.
# ruff: noqa: F401, I001
# mypy: disable-error-code="import-untyped"
# %% [markdown] tags=["given"]
# # Generative Models, Assignment 0
# # Why (and how) generative models
#
# You build an autoencoder and find out what its decoder alone can generate (Part 1), then derive the loss that you
# trained it with from a probability distribution (Part 2).
#
# **What to do**
#
# 1. Work from top to bottom. Replace every `...` and every `your code here` with your code. You may add cells,
#    functions, classes and imports wherever you like, and go further than what is asked.
# 2. The sheet is open: data set, networks, loss, the way to draw codes and the distribution of Part 2 are your choice.
#    Nothing prescribes sizes. MNIST and fully-connected layers are a start.
# 3. Use images liberally, and write text to explain and discuss code and results. The questions have a place after
#    **YOUR ANSWER:**.
# 4. If you took code from elsewhere or used AI, say so: for which parts, and why.
# 5. Before you hand in: *Restart kernel and run all cells*, look at every result and figure, and save. The outputs
#    have to be stored in the file.
#
# **How it is read**
#
# - The sheet gives no points; the feedback uses 30, so that you see where something is missing. Ten of them belong to
#   written answers, which a person reads.
# - Where it is executed, it is run from top to bottom in a fresh kernel without a network, with smaller numbers in the cell
#   *Budget*. Your networks and functions are also called with other inputs. Where it is not, the stored outputs are read.
# - Values are found by their names, or by what they are. No loss has to reach a given value.
#
# | item | classes and functions | values | figures |
# | --- | --- | --- | --- |
# | 1.1 | `Autoencoder` | `autoencoder`, `losses` | the loss |
# | 1.2 | | `reconstructions` | test images and reconstructions |
# | 1.3 | | `codes`, `drawn_codes`, `generated` | generated images |
# | 1.4 | | | |
# | 2.1 | `nll` | | |
# | 2.2 | | `likelihood_model`, `nll_losses` | the loss, reconstructions |

# %% [markdown] tags=["given"]
# ## Set-up
#
# Imports, a seed, and the generator that the order of batches and codes can be drawn from.

# %% tags=["given"]
import math
from collections.abc import Callable, Iterator, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import datasets

from reference.gm_a0.settings import SEED

torch.manual_seed(SEED)
rng = torch.Generator().manual_seed(SEED)

# %% [markdown] tags=["given"]
# **Budget.** How long the notebook trains, and on how much.

# %% tags=["given", "parameters"]
EPOCHS = 5
N_TRAIN = 10_000  # images, of 60,000 that there are
N_TEST = 2_000  # images, of 10,000
BATCH_SIZE = 64

# %% [markdown] tags=["given"]
# MNIST with pixels in [0, 1]. Take another data set if you like.

# %% tags=["given"]
mnist_train = datasets.MNIST("data", train=True, download=True)
mnist_test = datasets.MNIST("data", train=False, download=True)

train_images = mnist_train.data[:N_TRAIN].float().unsqueeze(1) / 255  # (n, 1, 28, 28)
test_images = mnist_test.data[:N_TEST].float().unsqueeze(1) / 255  # (n, 1, 28, 28)
print(f"{len(train_images)} images for training, {len(test_images)} for testing")

# %% [markdown] tags=["given"]
# Images side by side as one picture.

# %% tags=["given"]
from reference.image_grids import image_grid

# %% [markdown] tags=["given"] item="a1"
# # Part 1: Revisiting autoencoders
#
# ## 1.1 Build and train an autoencoder
#
# Write `Autoencoder`: an encoder to a code that is smaller than the data, and a decoder back to the data's shape.
# Train `autoencoder` with a loss of your choice and keep the mean `losses` of the epochs.
#
# **Figure:** the loss per epoch.

# %% [markdown] tags=["explain"] item="a1"
# A fully-connected autoencoder: 784 pixels, 256 hidden units, a code of 16 numbers, and the same way back. The sigmoid
# at the end keeps the reconstructions in the range of the pixels.

# %% tags=["task"] item="a1" functions=["Autoencoder", "Autoencoder.encode", "Autoencoder.decode", "Autoencoder.forward"]
from reference.plain_autoencoders import Autoencoder

# %% [markdown] tags=["explain"] item="a1"
# The squared error of an image, batches in a random order, and the training loop, which takes the loss as an argument:
# Part 2 uses it again.

# %% tags=["task"] item="a1"
#: Loss and training loop.
from reference.batches import mean_over_examples, shuffled_batches
from reference.plain_autoencoders import LossOfBatch, squared_error, train_autoencoder

# %% [markdown] tags=["explain"] item="a1"
# Training with Adam. The loss of every epoch is printed.

# %% tags=["task"] item="a1" values=["autoencoder", "losses"]
#: autoencoder: the trained Autoencoder
#: losses: list of EPOCHS numbers: the mean loss of each epoch
autoencoder = Autoencoder()
losses = train_autoencoder(autoencoder, squared_error, train_images, EPOCHS, BATCH_SIZE, rng)
for epoch, loss in enumerate(losses, start=1):
    print(f"epoch {epoch}: squared error {loss:.3f} per image")

# %% [markdown] tags=["explain"] item="a1"
# The loss per epoch.

# %% tags=["task"] item="a1"
#: Figure: the loss per epoch.
fig, ax = plt.subplots(figsize=(6, 3.5))
ax.plot(range(1, EPOCHS + 1), losses, marker="o")
ax.set(title="Autoencoder: loss of training", xlabel="epoch", ylabel="squared error per image")
plt.show()

# %% [markdown] tags=["given"] item="a2"
# ## 1.2 Reconstructions
#
# Confirm that the autoencoder has the capacity: what it gives back looks reasonable, ideally on the **test set**.
#
# **Figure:** test images, each beside its reconstruction.

# %% [markdown] tags=["explain"] item="a2"
# Eight test images above their reconstructions, and the mean squared error of all of them. The mean image of the
# training set is what a network would give that ignores its input: the reconstructions have to be better than that.

# %% tags=["task"] item="a2" values=["reconstructions"]
#: reconstructions: what comes back for held-out images
#: Figure: some images, each beside its own.
from reference.plain_autoencoders import decode_all, encode_all

reconstructions = decode_all(autoencoder, encode_all(autoencoder, test_images))
error = float(squared_error(reconstructions, test_images))
error_of_mean = float((test_images - train_images.mean(dim=0)).square().flatten(1).sum(dim=1).mean())
print(f"squared error of a test image: {error:.2f}; of the mean image {error_of_mean:.2f}")
pairs = torch.cat([test_images[:8].flatten(1), reconstructions[:8]])
fig, ax = plt.subplots(figsize=(9, 2.6))
ax.imshow(image_grid(pairs, 2, 8).numpy(), cmap="gray")
ax.set_title("Test images (top) and their reconstructions (bottom)")
ax.axis("off")
plt.show()

# %% [markdown] tags=["given"] item="a3"
# ## 1.3 Generate images from random codes
#
# Find a way to draw `drawn_codes` that are reasonable for the decoder; the `codes` of the training set tell you what it
# knows. Decode them to `generated`.
#
# **Figure:** some of the generated images.

# %% [markdown] tags=["explain"] item="a3"
# Two ways. The first is the sheet's example: every dimension uniform between the smallest and the largest code of the
# training set. The second is a Gaussian with the mean and the covariance of the training codes, which keeps their
# correlations.

# %% tags=["task"] item="a3" values=["codes", "drawn_codes", "generated"]
#: codes: of the training images
#: drawn_codes: 16 or more codes, drawn by your own method
#: generated: their images
#: Figure: the generated images.
from reference.plain_autoencoders import codes_by_gaussian, codes_within_bounds

codes = encode_all(autoencoder, train_images)
drawn_codes = codes_within_bounds(codes, 16, rng)
generated = decode_all(autoencoder, drawn_codes)
by_gaussian = decode_all(autoencoder, codes_by_gaussian(codes, 16, rng))
print("bounds of the first code number:", round(float(codes[:, 0].min()), 2), round(float(codes[:, 0].max()), 2))
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.6))
left.imshow(image_grid(generated, 4, 4).numpy(), cmap="gray")
left.set_title("Codes uniform within bounds")
right.imshow(image_grid(by_gaussian, 4, 4).numpy(), cmap="gray")
right.set_title("Codes from a Gaussian")
for ax in (left, right):
    ax.axis("off")
plt.show()

# %% [markdown] tags=["given"] item="a4"
# ## 1.4 Are you happy with the outputs?
#
# **Question (1.4).** You most likely are not. Offer hypotheses why, and propose ways to produce better codes or images
# (implement them if you like).

# %% [markdown] tags=["answer"] item="a4"
# No. Hardly any of the images from uniform codes is a digit: strokes are broken, and several digits lie over each other.
#
# - **Nothing shapes the codes.** The loss only asks that each training image can be found again from its own code. How
#   the codes are distributed is left open: they lie on a curved cloud with holes, and the box around it is mostly
#   empty. A uniform draw in 16 dimensions almost never falls near a code that the decoder was trained on.
# - **The decoder has to extrapolate there.** Between and outside the training codes nothing constrains it.
# - **The dimensions depend on each other**, and drawing each by itself ignores that. The Gaussian with the covariance of
#   the codes gives better images, which supports this; it still fills the holes between the classes.
#
# To get better images: fit a density to the codes (a mixture of Gaussians, one Gaussian a class, a kernel density),
# add a little noise to codes of real images, or shape the codes while training, as a VAE does with its KL term. A
# smaller code leaves fewer holes but blurs the reconstructions.

# %% [markdown] tags=["explain"] item="a4"
# Further exploration: a straight line between the codes of two test images. In between, one digit is faded into the
# other, and some images on the way are no digit: the line leaves the cloud of codes.

# %% tags=["task"] item="a4"
#: Further exploration, if you like: convolutions, another data set, interpolation between two codes, ...
from reference.plain_autoencoders import between

first, last = encode_all(autoencoder, test_images[:2])
line = decode_all(autoencoder, between(first, last, 10))
fig, ax = plt.subplots(figsize=(9, 1.4))
ax.imshow(image_grid(line, 1, 10).numpy(), cmap="gray")
ax.set_title("From the code of one test image to that of another")
ax.axis("off")
plt.show()

# %% [markdown] tags=["given"] item="a5"
# # Part 2 (advanced): deriving the loss
#
# ## 2.1 A likelihood and its negative logarithm
#
# Take the decoder as a probabilistic model $p(x \mid z) = p(x \mid \theta)$ with $\theta = \mathrm{decoder}(z)$. Choose
# a distribution for your data, derive its negative log-likelihood and write it as the function `nll(theta, x)`.
#
# **Question (2.1 a).** Which distribution did you choose, and how is it made high-dimensional? Do Gaussian and Bernoulli
# distributions fit your data well?

# %% [markdown] tags=["answer"] item="a5"
# I chose a Bernoulli variable for every pixel. The pixels are independent given $\theta$, so $p(x \mid \theta)$ is the
# product over the 784 pixels, and $\theta$ are their logits. The alternative is an isotropic Gaussian, with one fixed
# variance for all pixels.
#
# Neither fits well. MNIST is nearly black and white, which speaks for the Bernoulli distribution, but its grey pixels have
# probability 0: for them the formula is a cross-entropy and no likelihood. The Gaussian allows any real number, also
# below 0 and above 1, while most pixels are exactly 0. And given $z$ neighbouring pixels are not independent: drawing them
# one by one gives noise, which is why one shows the means.

# %% [markdown] tags=["given"] item="a5"
# **Question (2.1 b).** Derive the negative log-likelihood and simplify it as much as possible. Why the logarithm, and why
# does it not change the solution? Where did you get stuck?

# %% [markdown] tags=["answer"] item="a5"
# **Derivation.** With $p_i = \sigma(\theta_i)$ and independent pixels,
# $$p(x \mid \theta) = \prod_i p_i^{x_i} (1 - p_i)^{1 - x_i}, \qquad
# -\log p(x \mid \theta) = -\sum_i x_i \log p_i + (1 - x_i) \log(1 - p_i),$$
# the binary cross-entropy. With $\log p_i = -\log(1 + e^{-\theta_i})$ and $\log(1 - p_i) = -\log(1 + e^{\theta_i})$ it
# becomes $\sum_i \log(1 + e^{\theta_i}) - x_i \theta_i$, which never takes the logarithm of 0.
#
# For the Gaussian $\mathcal{N}(\theta, s^2 I)$ it is $\frac{1}{2 s^2} \lVert x - \theta \rVert^2 + \frac{D}{2}
# \log(2 \pi s^2)$. With $s$ fixed the second term is a constant and the factor only scales the loss: the squared error.
#
# The logarithm is monotonic, so the same parameters maximise it. It turns the product of 784 factors, which would
# underflow to 0, into a sum. My first version used $\log(\sigma(\theta))$ and gave NaN for confident pixels.

# %% [markdown] tags=["explain"] item="a5"
# The negative log-likelihood of both distributions, summed over pixels and averaged over the batch, and the one that is
# used.

# %% tags=["task"] item="a5" functions=["nll"]
from reference.likelihoods import bernoulli_nll, gaussian_nll


def nll(theta: Tensor, x: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of data x (n, ...) under p(x | theta), theta as the decoder gives it."""
    return bernoulli_nll(theta, x)

# %% [markdown] tags=["given"] item="a6"
# ## 2.2 Train with it
#
# Train `likelihood_model` with your `nll`, with the decoder giving $\theta$; keep the mean `nll_losses` of the epochs.
#
# **Figures:** the loss per epoch; test images and what the model makes of them.

# %% [markdown] tags=["explain"] item="a6"
# The same network without the sigmoid: its decoder gives logits. It is trained by the same loop with the new loss.

# %% tags=["task"] item="a6" values=["likelihood_model", "nll_losses"]
#: likelihood_model: the network whose decoder gives theta, trained with nll
#: nll_losses: list of EPOCHS numbers: the mean negative log-likelihood of each epoch
from reference.plain_autoencoders import LogitAutoencoder

likelihood_model = LogitAutoencoder()
nll_losses = train_autoencoder(likelihood_model, nll, train_images, EPOCHS, BATCH_SIZE, rng)
for epoch, loss in enumerate(nll_losses, start=1):
    print(f"epoch {epoch}: negative log-likelihood {loss:.2f} nats per image")

# %% [markdown] tags=["explain"] item="a6"
# The loss per epoch, with the least value that it could have for the grey pixels of the training set (their entropy),
# and the means of $p(x \mid z)$ for eight test images.

# %% tags=["task"] item="a6"
#: Figures: the loss per epoch; test images and what the model makes of them.
from reference.likelihoods import bernoulli_floor

means = torch.sigmoid(decode_all(likelihood_model, encode_all(likelihood_model, test_images[:8])))
fig, (left, right) = plt.subplots(1, 2, figsize=(12, 3.2), gridspec_kw={"width_ratios": [1, 2]})
left.plot(range(1, EPOCHS + 1), nll_losses, marker="o")
left.axhline(float(bernoulli_floor(train_images)), linestyle="--", color="gray")
left.set(title="Negative log-likelihood", xlabel="epoch", ylabel="nats per image")
right.imshow(image_grid(torch.cat([test_images[:8].flatten(1), means]), 2, 8).numpy(), cmap="gray")
right.set_title("Test images (top) and the means of p(x | z) (bottom)")
right.axis("off")
plt.show()

# %% [markdown] tags=["given"] item="a6"
# **Question (2.2).** Compare with Part 1, and report problems and points where you felt stuck.

# %% [markdown] tags=["answer"] item="a6"
# The reconstructions look like those of Part 1, with somewhat sharper edges: the cross-entropy punishes confident errors
# more than the squared error does. The numbers cannot be compared, since one is in nats and the other in squared grey
# values. At first I kept the sigmoid in the decoder and used logits in the loss: two sigmoids, grey images, and a loss
# that stopped falling early. For grey pixels the loss cannot reach 0 but only their entropy.
