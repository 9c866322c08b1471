# Source of the solution, the student template and the mutants of the cVAE assignment (format: autograder/template.py).
# The set-up imports what students need.
# ruff: noqa: F401, I001
# mypy: disable-error-code="import-untyped"
# mypy: untyped-calls-exclude="torch"
# %% [markdown] tags=["given"]
# # Generative Models, assignment: a conditional variational autoencoder (40 points)
#
# You train a conditional variational autoencoder (cVAE) and let it draw the digit that it is asked for.
#
# **What to do**
#
# 1. Work from top to bottom. Replace every `...` and every `your code here` with your code. You may add cells,
#    functions, classes and imports wherever you like.
# 2. The networks are yours: linear or convolutional layers, any size of the code; the class as one-hot numbers or as an
#    embedding, joined, added, or as another channel.
# 3. Introduce each section: replace the prompts *Describe in a sentence or two ...* with your own words.
# 4. Take the numbers of epochs and images from the cell *Budget*.
# 5. Before you hand in: *Restart kernel and run all cells*, look at every result, and save the notebook with its outputs.
#
# **How it is marked**
#
# - Your notebook is run from top to bottom in a fresh kernel without a network, often on fewer images. MNIST is there. A
#   cell that fails does not end the run: the rest is still marked.
# - Your trained networks are called with other images, codes and classes: both the encoder and the decoder have to be told
#   the class. No loss has to reach a given value.
# - Keep the names below where you can. If you rename, nothing breaks, but what you made must be searched for.
# - Another data set than MNIST is allowed. It has to be in the notebook's folder, and a person marks it.
#
# | criterion | section | what is looked for | names | points |
# | --- | --- | --- | --- | --- |
# | completeness | K1 | images of the training set, scaled | `images`, `labels` | 3 |
# | | K2 | the encoder gives mean and log variance; it is told the class | `Encoder` | 4 |
# | | K3 | the draw of the code; the decoder is told the class | `Decoder`, `CVAE`, `reparameterise` | 5 |
# | | K4 | the negative ELBO | `cvae_loss` | 4 |
# | | K5 | training | `model`, `losses` | 2 |
# | performance | K6 | the loss falls, to a plausible level | | 3 |
# | | K7 | reconstructions of test images | | 3 |
# | | K8 | digits are generated as asked for | `generate` | 6 |
# | clarity | all | explanations, a run from top to bottom, order | | 4 |
# | explanations | K9 | figures of the loss and of generated digits; your observations | | 6 |

# %% [markdown] tags=["explain"]
# **Name:** Grace Hopper
#
# A cVAE with two small networks and a code of eight dimensions, trained on handwritten digits.

# %% [markdown] tags=["given"]
# ## Set-up
#
# Imports and seeds.

# %% tags=["given"]
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import datasets

np.random.seed(1234)  # noqa: NPY002
torch.manual_seed(1234)

# %% [markdown] tags=["given"]
# **Budget.** How long the cVAE is trained, and on how many images. Smaller numbers give a trial run; 20,000 images take a
# minute on a laptop, all 60,000 give sharper digits.

# %% tags=["given", "parameters"]
EPOCHS = 20
N_IMAGES = 20_000

# %% [markdown] tags=["given"] item="k1"
# ## K1 Data (3 points)
#
# Load MNIST and prepare it: pixels as numbers in [0, 1], and the class of every image. Train on the first `N_IMAGES` images
# of the training set; keep the test set for K7.

# %% [markdown] tags=["explain"] item="k1"
# Pixels are divided by 255, so that they are in [0, 1] and can be read as probabilities of a white pixel. Images are flat.

# %% tags=["task"] item="k1" values=["images", "labels", "test_images", "test_labels"]
#: images, labels: what is trained on
#: test_images, test_labels: what is not
mnist_train = datasets.MNIST("data", train=True, download=True)
mnist_test = datasets.MNIST("data", train=False, download=True)
images = mnist_train.data[:N_IMAGES].float().flatten(1) / 255  # (n, 784)
labels = mnist_train.targets[:N_IMAGES]  # (n,)
test_images = mnist_test.data.float().flatten(1) / 255
test_labels = mnist_test.targets
print(f"{len(images)} images for training, {len(test_images)} for tests, pixels in [0, {float(images.max()):g}]")

# %% [markdown] tags=["given"] item="k2"
# ## K2 Encoder (4 points)
#
# A network that gives two vectors for an image **and its class**: the mean $\mu$ and the logarithm of the variance,
# $\log \sigma^2$, of its code, $q(z \mid x, y)$.

# %% [markdown] tags=["explain"] item="k2"
# The class stands beside the pixels as ten numbers, one of which is 1. One hidden layer with ReLU, and two linear heads.

# %% tags=["task"] item="k2" functions=["Encoder", "Encoder.forward"]
N_CLASSES = 10

from reference.conditional_autoencoders import Encoder

# %% [markdown] tags=["given"] item="k3"
# ## K3 Decoder and model (5 points)
#
# A network that gives an image for a code **and a class**, $p(x \mid z, y)$. The model: encoder, a draw of the code
# $z = \mu + \sigma \odot \epsilon$ with $\epsilon \sim \mathcal{N}(0, I)$, and decoder; it returns the reconstruction, $\mu$
# and $\log \sigma^2$.

# %% [markdown] tags=["explain"] item="k3"
# The decoder is the mirror image of the encoder; the sigmoid gives probabilities. The draw is $\mu + \sigma \odot \epsilon$,
# so that gradients reach both heads of the encoder.

# %% tags=["task"] item="k3" functions=["Decoder", "Decoder.forward", "reparameterise", "CVAE", "CVAE.forward"]
from reference.autoencoders import reparameterise
from reference.conditional_autoencoders import CVAE, Decoder

# %% [markdown] tags=["given"] item="k4"
# ## K4 Loss (4 points)
#
# The negative ELBO: a reconstruction term, and the KL divergence of the code to $\mathcal{N}(0, I)$ in closed form,
#
# $$\mathrm{KL} = -\tfrac12 \sum (1 + \log \sigma^2 - \mu^2 - \sigma^2).$$
#
# Binary cross-entropy or squared error; sum both terms over the batch, or divide both by the same number.

# %% [markdown] tags=["explain"] item="k4"
# The cross-entropy is summed over pixels, the KL divergence over dimensions of the code; both are averaged over the batch.

# %% tags=["task"] item="k4" functions=["cvae_loss"]
from reference.conditional_autoencoders import Elbo, cvae_loss

# %% [markdown] tags=["given"] item="k5"
# ## K5 Training (2 points)
#
# Train for `EPOCHS` epochs, and keep the mean loss of each.

# %% [markdown] tags=["explain"] item="k5"
# Adam, batches of 100 images with their classes in a random order.

# %% tags=["task"] item="k5" values=["model", "losses"]
#: model: your trained cVAE
#: losses: the mean loss of each epoch
model = CVAE(n_latent=8)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
losses = []
for _ in range(EPOCHS):
    total = 0.0
    for batch in torch.randperm(len(images)).split(100):
        optimizer.zero_grad()
        reconstruction, mu, log_var = model(images[batch], labels[batch])
        loss = cvae_loss(reconstruction, images[batch], mu, log_var)
        loss.total.backward()
        optimizer.step()
        total += loss.total.item() * len(batch)
    losses.append(total / len(images))

# %% [markdown] tags=["given"] item="k6"
# ## K6 The loss over the epochs (3 points)
#
# Show that the training worked: print the loss, or its terms, in the beginning and in the end.

# %% [markdown] tags=["explain"] item="k6"
# The loss falls fast at first and then slowly. It stays far above 0, since the cross-entropy of grey pixels cannot be 0.

# %% tags=["task"] item="k6"
for epoch, value in enumerate(losses, 1):
    print(f"epoch {epoch}: {value:.1f} nats an image")

# %% [markdown] tags=["given"] item="k7"
# ## K7 Reconstruction (3 points)
#
# How well are test images reconstructed? Compare them with something simple, such as the mean image of their class, and
# draw some beside their reconstructions.

# %% [markdown] tags=["explain"] item="k7"
# The squared error of reconstructions of test images, and that of the mean images of their classes.

# %% tags=["task"] item="k7"
model.eval()
with torch.no_grad():
    rebuilt = model(test_images, test_labels)[0]
means = torch.stack([images[labels == digit].mean(dim=0) for digit in range(N_CLASSES)])  # (10, 784)
error = (rebuilt - test_images).square().sum(dim=1).mean()
baseline = (means[test_labels] - test_images).square().sum(dim=1).mean()
print(f"squared error an image: {error:.1f}; of the mean image of the class: {baseline:.1f}")

from reference.image_grids import image_grid

fig, ax = plt.subplots(figsize=(10, 2.2))
ax.imshow(image_grid(torch.cat([test_images[:10], rebuilt[:10]]), 2, 10).numpy(), cmap="gray")
ax.set_title("Test images (above) and their reconstructions")
ax.axis("off")
plt.show()

# %% [markdown] tags=["given"] item="k8"
# ## K8 Generation (6 points)
#
# A function that generates images of given classes from codes that are drawn from $\mathcal{N}(0, I)$. See what happens
# when the code stays and the class changes.

# %% [markdown] tags=["explain"] item="k8"
# Codes are drawn from the prior, and decoded with the class that is asked for.

# %% tags=["task"] item="k8" functions=["generate"]
from reference.conditional_autoencoders import generate

asked = torch.arange(N_CLASSES).repeat_interleave(8)  # eight of each digit
generated = generate(model, asked)
one_code = generate(model, torch.arange(N_CLASSES), torch.randn(1, model.n_latent).expand(N_CLASSES, -1))

# %% [markdown] tags=["given"] item="k9"
# ## K9 Explanations and visualisations (6 points)
#
# **Figures:** the loss over the epochs; generated images of every class.

# %% [markdown] tags=["explain"] item="k9"
# The loss, and a grid with one row for each digit.

# %% tags=["task"] item="k9"
#: Figure: the loss over the epochs.
#: Figure: generated images of every class.
fig, ax = plt.subplots()
ax.plot(range(1, len(losses) + 1), losses)
ax.set(title="Training", xlabel="epoch", ylabel="negative ELBO (nats an image)")
plt.show()

fig, ax = plt.subplots(figsize=(5, 6))
ax.imshow(image_grid(generated, N_CLASSES, 8).numpy(), cmap="gray")
ax.set_title("Generated digits, one row for each class")
ax.axis("off")
plt.show()

# %% [markdown] tags=["given"] item="k9"
# **Results and observations.** In a few sentences: what works and what does not, how the class changes what is encoded
# and generated, and what you would try next.

# %% [markdown] tags=["answer"] item="k9"
# The loss falls from about 200 to 107 nats an image, and test images are reconstructed with less than half of the error of
# the mean image of their class. Most generated digits are recognised, some are blurred or between two digits: the prior
# holds codes that no image has. The class is given, so the code need not say which digit it is and holds the
# style (slant, thickness); from one code every row shows the same style. A larger code, convolutions or a warm-up of the KL
# term come next.
