# Source of the solution, the student template and the mutants of part 2 (format: autograder/template.py).
# The set-up imports what students need.
# ruff: noqa: F401, I001
# mypy: disable-error-code="import-untyped"
# mypy: untyped-calls-exclude="torch"
# %% [markdown] tags=["given"]
# # Deep Learning, HW3: Text Generation & Latent Space Visualization
# # Part 2: Latent space visualization (50 points)
#
# You train a variational autoencoder on MNIST and look at what it makes of its latent space.
#
# **What to do**
#
# 1. Work from top to bottom. Replace every `...` and every `your code here` with your code. You may add cells,
#    functions, classes and imports wherever you like, and choose the layers and the size of the latent space yourself
#    (two dimensions are the easiest to draw).
# 2. Introduce each section: replace the prompts *Describe in a sentence or two ...* with your own words.
# 3. Write the names of all members of your group into the next cell.
# 4. Only PyTorch is allowed for models: no Keras and no TensorFlow.
# 5. Take the numbers of epochs and images from the cell *Budget*. The sheet's number of epochs is 50.
# 6. Before you hand in: *Restart kernel and run all cells*, look at every result, and save the notebook as
#    `HW3_PT2_ID1_ID2.ipynb`.
#
# **How it is marked**
#
# - Your notebook is run from top to bottom in a fresh kernel without a network, often with fewer epochs and images.
#   MNIST is there. A cell that fails does not end the run: the rest is still marked.
# - Your classes and functions are also called with other inputs, so use their parameters, not global variables.
# - Any layers are right that do what the section says; no loss has to reach a given value.
# - Keep the names below where you can. If you rename, nothing breaks, but what you made must be searched for.
# - The sheet gives no points. Each part counts 50.
#
# | section | what is looked for | names | points |
# | --- | --- | --- | --- |
# | V1 | the encoder gives mean and log variance | `Encoder` | 6 |
# | V2 | the decoder gives images | `Decoder` | 6 |
# | V3 | the VAE with its draw of the code; printed with its parameters | `VAE`, `reparameterise` | 10 |
# | V4 | the loss, from scratch | `vae_loss` | 7 |
# | V5 | a generated digit, drawn | `generate_digit` | 4 |
# | V6 | training; an 8 and a 6 every ten epochs | `model` | 7 |
# | V7 | the latent space at two scales | `plot_latent_space` | 5 |
# | V8 | from one digit to another, in a straight line | `interpolate` | 5 |

# %% [markdown] tags=["explain"]
# **Names:** Grace Hopper (ID 111111118), Alan Turing (ID 222222226)
#
# We train a VAE with a latent space of two dimensions, which can be drawn as it is.

# %% [markdown] tags=["given"]
# ## Set-up
#
# Imports and seeds.

# %% tags=["given"]
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from torch import Tensor, nn
from torchvision import datasets

np.random.seed(1234)  # noqa: NPY002
torch.manual_seed(1234)

# %% [markdown] tags=["given"]
# **Budget.** How long the VAE is trained, and on how many images. Smaller numbers give a trial run. On a laptop, 10,000
# images are a matter of minutes; all 60,000 give sharper pictures.

# %% tags=["given", "parameters"]
EPOCHS = 50
N_IMAGES = 10_000

# %% [markdown] tags=["given"]
# MNIST as flat images with pixels in [0, 1].

# %% tags=["given"]
mnist_train = datasets.MNIST("data", train=True, download=True)
mnist_test = datasets.MNIST("data", train=False, download=True)
images = mnist_train.data[:N_IMAGES].float().flatten(1) / 255  # (n, 784)
labels = mnist_train.targets[:N_IMAGES]
test_images = mnist_test.data.float().flatten(1) / 255
test_labels = mnist_test.targets
print(f"{len(images)} images for training, {len(test_images)} for tests")

# %% [markdown] tags=["given"] item="v1"
# ## V1 Encoder (6 points)
#
# A network that gives two vectors for each image: the mean $\mu$ and the logarithm of the variance, $\log \sigma^2$,
# of its code.

# %% [markdown] tags=["explain"] item="v1"
# One hidden layer with ReLU, and two linear heads: both vectors may be negative, so nothing follows them.

# %% tags=["task"] item="v1" functions=["Encoder", "Encoder.forward"]
from reference.latent_spaces import Encoder

# %% [markdown] tags=["given"] item="v2"
# ## V2 Decoder (6 points)
#
# A network that gives an image of 784 pixels in [0, 1] for each code.

# %% [markdown] tags=["explain"] item="v2"
# The mirror image of the encoder; the sigmoid at the end gives the probability of a white pixel.

# %% tags=["task"] item="v2" functions=["Decoder", "Decoder.forward"]
from reference.latent_spaces import Decoder

# %% [markdown] tags=["given"] item="v3"
# ## V3 Variational autoencoder (10 points)
#
# Encoder, a draw of the code $z = \mu + \sigma \odot \epsilon$ with $\epsilon \sim \mathcal{N}(0, I)$, and decoder. It
# returns the reconstruction, $\mu$ and $\log \sigma^2$. Make `model`, and print it with its layers and the number of its
# parameters.

# %% [markdown] tags=["explain"] item="v3"
# The draw is written as $\mu + \sigma \odot \epsilon$, so that gradients reach both heads of the encoder.

# %% tags=["task"] item="v3" functions=["reparameterise", "VAE", "VAE.forward"]
from reference.autoencoders import reparameterise
from reference.latent_spaces import VAE

# %% [markdown] tags=["explain"] item="v3"
# The model with a code of two dimensions.

# %% tags=["task"] item="v3" values=["model"]
#: model: your VAE
#: Print it with its layers and the number of its parameters.
model = VAE(Encoder(n_latent=2), Decoder(n_latent=2))
print(model)
print(f"number of parameters: {sum(p.numel() for p in model.parameters()):,}")

# %% [markdown] tags=["given"] item="v4"
# ## V4 Loss (7 points)
#
# The negative ELBO from scratch: binary cross-entropy plus the KL divergence of the code to $\mathcal{N}(0, I)$,
#
# $$L = \mathrm{BCE}(\hat x, x) - \tfrac12 \sum (1 + \log \sigma^2 - \mu^2 - \exp(\log \sigma^2)).$$
#
# The sheet prints a plus in the place of the minus; with it, the loss falls without end and nothing is learnt. Sum both
# terms over the batch, or divide both by its size.

# %% [markdown] tags=["explain"] item="v4"
# Both terms are sums over pixels and over dimensions of the code, divided by the number of images. Probabilities are
# kept away from 0 and 1, where the logarithm is not finite.

# %% tags=["task"] item="v4" functions=["vae_loss"]
from reference.latent_spaces import vae_loss

# %% [markdown] tags=["given"] item="v5"
# ## V5 Generating a digit (4 points)
#
# A function that decodes a code and plots the image.

# %% [markdown] tags=["explain"] item="v5"
# A code is decoded and drawn. The code of a digit is the mean of the codes of its images; before the training, the image
# is noise.

# %% tags=["task"] item="v5" functions=["generate_digit"]
#: Plot one image with it.
from reference.latent_spaces import class_code, generate_digit

untrained = generate_digit(model.decoder, torch.zeros(1, 2), "before the training")

# %% [markdown] tags=["given"] item="v6"
# ## V6 Training, with an 8 and a 6 every ten epochs (7 points)
#
# Train for `EPOCHS` epochs. Every 10 epochs, generate an image of the digit 8 and one of the digit 6, so that one sees
# how the model learns.

# %% [markdown] tags=["explain"] item="v6"
# Adam, batches of 100 images in a random order. After every tenth epoch the mean codes of the eights and of the sixes are
# decoded.

# %% tags=["task"] item="v6" values=["losses"]
#: losses: the mean loss of each epoch
#: Generate an 8 and a 6 every 10 epochs.
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
losses = []
for epoch in range(1, EPOCHS + 1):
    total = 0.0
    for batch in torch.randperm(len(images)).split(100):
        optimizer.zero_grad()
        reconstruction, mu, log_var = model(images[batch])
        loss = vae_loss(reconstruction, images[batch], mu, log_var)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    losses.append(total / len(images))
    if epoch % 10 == 0:
        print(f"epoch {epoch}: loss {losses[-1]:.2f}")
        for digit in (8, 6):
            code = class_code(model.encoder, images[labels == digit])
            generate_digit(model.decoder, code, f"{digit} after epoch {epoch}")

# %% [markdown] tags=["given"] item="v7"
# ## V7 The latent space at two scales (5 points)
#
# A function that plots the latent space, called with two scales. It should be visible where each digit lies.

# %% [markdown] tags=["explain"] item="v7"
# Codes over a square grid are decoded and put side by side. Near the origin there are mixtures of digits; far from it
# the decoder was never asked, and repeats the nearest digit.

# %% tags=["task"] item="v7" functions=["plot_latent_space"]
#: Figures: the latent space at two scales.
from reference.image_grids import image_grid
from reference.latent_spaces import plot_latent_space

plot_latent_space(model.decoder, scale=1.0)
plot_latent_space(model.decoder, scale=5.0)

# %% [markdown] tags=["explain"] item="v7"
# The codes of test images, coloured by their class, show where each digit is clustered.

# %% tags=["task"] item="v7"
#: Figure, if you like: the codes of test images.
from reference.latent_spaces import draw_codes

with torch.no_grad():
    codes = model.encoder(test_images[:1000])[0]
fig, ax = plt.subplots(figsize=(7, 6))
draw_codes(ax, codes, test_labels[:1000])
plt.show()

# %% [markdown] tags=["given"] item="v8"
# ## V8 From one digit to another (5 points)
#
# A function that interpolates linearly between the codes of two digits chosen at random, and decodes what lies between
# them. Plot at least five images.

# %% [markdown] tags=["explain"] item="v8"
# Two test images of different classes are drawn at random. Ten codes on the line between theirs are decoded.

# %% tags=["task"] item="v8" functions=["interpolate"]
#: Figure: the images from one digit to the other.
from reference.latent_spaces import interpolate

first = int(torch.randint(len(test_images), (1,)))
others = torch.nonzero(test_labels != test_labels[first]).flatten()
second = int(others[torch.randint(len(others), (1,))])
path = interpolate(
    model.encoder, model.decoder, test_images[first : first + 1], test_images[second : second + 1], 10
)
fig, ax = plt.subplots(figsize=(10, 1.6))
ax.imshow(image_grid(path, 1, 10).numpy(), cmap="gray")
ax.set_title(f"From a {int(test_labels[first])} to a {int(test_labels[second])}")
ax.axis("off")
plt.show()
