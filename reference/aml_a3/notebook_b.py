# Source of the solution, the student template and the mutants of part b (format: autograder/template.py).
# The set-up imports what students need; the sheet asks for NumPy's global seed; tables and formulas are long.
# ruff: noqa: F401, I001, NPY002
# mypy: disable-error-code="import-untyped"
# %% [markdown] tags=["given"]
# # Advanced Machine Learning (CS60073), Assignment 3
# # Part B: VAE & GAN (60 marks)
#
# You train a variational autoencoder and a generative adversarial network on MNIST and compare their images.
#
# **What to do**
#
# 1. Work from top to bottom. Replace every `...` and every `your code here` with your code. You may add cells,
#    functions, classes and imports wherever you like.
# 2. The sheet asks for a brief Markdown explanation before every code cell: replace the prompts
#    *Describe in a sentence or two ...* with your own words. Cells that you add need an explanation too.
# 3. Write the two comments (B2, B4) after **YOUR ANSWER:**.
# 4. Use the CPU only, and the seed 1234; the set-up cell does both.
# 5. Take the numbers of epochs and images from the cell *Budget*. While you are writing, smaller numbers there give
#    a trial run of a minute. Put the numbers of the sheet back before you hand in.
# 6. Before you hand in: *Restart kernel and run all cells*, then look at every result and figure.
#
# **How it is marked**
#
# - Your notebook is run from top to bottom in a fresh kernel without a network, with a smaller budget than the
#   sheet's. MNIST is there. A cell that fails does not end the run: the rest is still marked.
# - Values are read by their names, right after the cell that makes them. Your networks and functions are also
#   called with other inputs: use the parameters, not the global variables.
# - Your random numbers need not equal ours, and no loss has to reach a given value.
# - A mistake costs marks once: where a later item needs an earlier one, ours takes its place.
# - Keep the names below. If you rename, nothing breaks, but your values must be searched for, and
#   what cannot be told apart waits until a person has looked at it.
# - The two comments are read by a person.
#
# | item | classes and functions | values | figures |
# | --- | --- | --- | --- |
# | B1 | `VAE`, `vae_loss` | `vae`, `vae_reconstruction`, `vae_kl`, `vae_elbo` | three curves |
# | B2 | | `reconstructions`, `vae_samples` | 5 pairs, 2 × 5 grid |
# | B3 | `Generator`, `Discriminator`, `gan_step` | `G`, `D`, `opt_G`, `opt_D`, `losses_D`, `losses_G` | two curves |
# | B4 | | `fixed_noise`, `gan_grids` | 8 × 8 grids of epochs 1, 5, 10 |
# | B5 | `Classifier`, `inception_score`, `fid` | `classifier`, `vae_generated`, `gan_generated`, `scores` | table |

# %% [markdown] tags=["given"]
# ## Set-up
#
# Imports, the seed for NumPy and PyTorch, the generator that batches and noise can be drawn from, and a folder for
# pictures.

# %% tags=["given"]
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision import datasets

from reference.aml_a3.settings import SEED
from reference.image_scores import Array

np.random.seed(SEED)
torch.manual_seed(SEED)
rng = torch.Generator().manual_seed(SEED)
Path("grids").mkdir(exist_ok=True)  # for pictures

# %% [markdown] tags=["given"]
# **Budget.** How long the notebook trains, and on how much. These are the numbers of the sheet.

# %% tags=["given", "parameters"]
EPOCHS = 10  # of the VAE and of the GAN
CLASSIFIER_EPOCHS = 5
N_TRAIN = 50_000  # images
N_VALIDATION = 10_000  # images
N_CLASSIFIER = 60_000  # images that the classifier of B5 is trained on
BATCH_SIZE = 128

# %% [markdown] tags=["given"]
# MNIST with pixels in [0, 1]. The 60,000 training images are split at random into 50,000 and 10,000; the 10,000 test
# images are kept for B5.

# %% tags=["given"]
mnist_train = datasets.MNIST("data", train=True, download=True)
mnist_test = datasets.MNIST("data", train=False, download=True)

images = mnist_train.data.float().unsqueeze(1) / 255  # (60000, 1, 28, 28)
labels = mnist_train.targets  # (60000,)
test_images = mnist_test.data.float().unsqueeze(1) / 255  # (10000, 1, 28, 28)
test_labels = mnist_test.targets  # (10000,)

order = torch.randperm(len(images), generator=rng)
train_images, validation_images = images[order[:N_TRAIN]], images[order[-N_VALIDATION:]]
print(f"{len(train_images)} images for training, {len(validation_images)} for validation")

# %% [markdown] tags=["given"]
# The results of the losses, with a name for each of their terms; and images side by side as one picture.

# %% tags=["given"]
from reference.adversarial import GanLoss
from reference.autoencoders import VaeLoss
from reference.image_grids import image_grid

# %% [markdown] tags=["given"] item="b1"
# ## B1 Variational autoencoder (10 marks)
#
# - Encoder: Linear(784→512), ReLU, Linear(512→256), ReLU, then two heads Linear(256→16) for $\mu$ and $\log \sigma^2$.
# - Latent variable: $z = \mu + \sigma \odot \epsilon$ with $\epsilon \sim \mathcal{N}(0, I_{16})$.
# - Decoder: Linear(16→256), ReLU, Linear(256→512), ReLU, Linear(512→784), Sigmoid.
# - Loss: binary cross-entropy, summed over pixels and averaged over the batch, plus the KL divergence to
#   $\mathcal{N}(0, I)$.
# - Training: Adam(lr=1e-3, betas=(0.9, 0.999)), weight decay 0, batches of 128, `EPOCHS` epochs.
#
# Write the class `VAE` with `encode`, `decode` and `forward`, and `vae_loss`. Train `vae`, keep the mean training loss
# of each epoch, and save a 10 × 10 grid of samples from the same latent variables after each epoch.
#
# **Figure:** reconstruction loss, KL and their sum (the negative ELBO) per epoch.

# %% [markdown] tags=["explain"] item="b1"
# Batches in a random order, and the mean of the losses of batches that may differ in size: both are used by all
# three trainings of this notebook.

# %% tags=["task"] item="b1"
#: Helpers, if you want any.
from reference.batches import mean_over_examples, shuffled_batches

# %% [markdown] tags=["explain"] item="b1"
# The autoencoder. The encoder gives mean and log variance of $q(z \mid x)$; the draw of $z$ is written as
# $\mu + \sigma \odot \epsilon$, so that gradients reach both heads; the decoder gives the pixel means.

# %% tags=["task"] item="b1" functions=["VAE", "VAE.encode", "VAE.decode", "VAE.forward"]
from reference.autoencoders import VAE, reparameterise

# %% [markdown] tags=["explain"] item="b1"
# The negative ELBO of a batch: cross-entropy of the pixels plus the closed form of the KL divergence between two
# Gaussians, both in nats per image.

# %% tags=["task"] item="b1" functions=["vae_loss"]
from reference.autoencoders import vae_loss

# %% [markdown] tags=["explain"] item="b1"
# One step of the optimizer, the loss on the validation images, and the loop over epochs, which also decodes the same
# latent variables after each epoch.

# %% tags=["task"] item="b1"
#: The training loop.
from reference.autoencoders import (
    VaeEpoch,
    _reconstruct_with,
    evaluate_vae,
    generate,
    train_vae,
    vae_optimizer,
    vae_step,
)

# %% [markdown] tags=["explain"] item="b1"
# Training with the settings of the sheet. The 100 fixed latent variables are decoded after each epoch and saved as a
# 10 × 10 grid.

# %% tags=["task"] item="b1" values=["vae", "vae_reconstruction", "vae_kl", "vae_elbo"]
#: vae: the trained VAE
#: vae_reconstruction: list of EPOCHS numbers: the mean binary cross-entropy of each epoch, in nats per image
#: vae_kl: list of EPOCHS numbers: the mean KL divergence of each epoch
#: vae_elbo: list of EPOCHS numbers: their sum, the negative ELBO
#: Save a 10 x 10 grid of samples after each epoch.
vae = VAE()
fixed_z = torch.randn(100, vae.n_latent, generator=rng)
vae_history = train_vae(
    vae, vae_optimizer(vae), train_images, validation_images, fixed_z, EPOCHS, BATCH_SIZE, rng
)
vae_reconstruction = [float(epoch.train.reconstruction_nll) for epoch in vae_history]
vae_kl = [float(epoch.train.kl) for epoch in vae_history]
vae_elbo = [float(epoch.train.total) for epoch in vae_history]
for i, epoch in enumerate(vae_history, start=1):
    plt.imsave(f"grids/vae_epoch_{i:02d}.png", image_grid(epoch.samples, 10, 10).numpy(), cmap="gray")
    print(
        f"epoch {i}: reconstruction {vae_reconstruction[i - 1]:.2f}, KL {vae_kl[i - 1]:.2f}, "
        f"negative ELBO {vae_elbo[i - 1]:.2f}; on validation {float(epoch.validation.total):.2f}"
    )

# %% [markdown] tags=["explain"] item="b1"
# The three curves, and the grid of samples after the last epoch.

# %% tags=["task"] item="b1"
#: Figure: reconstruction loss, KL and negative ELBO per epoch.
epochs = np.arange(1, EPOCHS + 1)
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
left.plot(epochs, vae_reconstruction, marker="o", label="reconstruction")
left.plot(epochs, vae_elbo, marker="o", label="negative ELBO")
left.set(title="VAE: loss of training", xlabel="epoch", ylabel="nats per image")
left.legend()
middle.plot(epochs, vae_kl, marker="o", color="tab:green", label="KL")
middle.set(title="VAE: KL to N(0, I)", xlabel="epoch", ylabel="nats per image")
middle.legend()
right.imshow(image_grid(vae_history[-1].samples, 10, 10).numpy(), cmap="gray")
right.set_title(f"Fixed samples after epoch {EPOCHS}")
right.axis("off")
plt.show()

# %% [markdown] tags=["given"] item="b2"
# ## B2 Reconstruction and generation (10 marks)
#
# - `reconstructions`: the reconstructions of the first 5 validation images. **Figure:** each beside its original.
# - `vae_samples`: 10 images decoded from $z \sim \mathcal{N}(0, I_{16})$. **Figure:** a 2 × 5 grid.
# - **Comment** on sharpness and diversity.

# %% [markdown] tags=["explain"] item="b2"
# Five validation images and what the decoder makes of the mean of $q(z \mid x)$, without noise.

# %% tags=["task"] item="b2" values=["reconstructions"]
#: reconstructions: (5, 784) in [0, 1]: of the first 5 validation images
#: Figure: each of the 5 images beside its reconstruction.
from reference.autoencoders import reconstruct

reconstructions = reconstruct(vae, validation_images[:5])
pairs = torch.stack([validation_images[:5].flatten(1), reconstructions]).flatten(0, 1)  # originals first
fig, ax = plt.subplots(figsize=(8, 3.6))
ax.imshow(image_grid(pairs, 2, 5).numpy(), cmap="gray")
ax.set_title("Validation images (top) and their reconstructions (bottom)")
ax.axis("off")
plt.show()

# %% [markdown] tags=["explain"] item="b2"
# Ten new images: the latent variable is drawn from the prior and decoded.

# %% tags=["task"] item="b2" values=["vae_samples"]
#: vae_samples: (10, 784) in [0, 1]: decoded from the prior
#: Figure: vae_samples as a 2 x 5 grid.
vae_samples = generate(vae, torch.randn(10, vae.n_latent, generator=rng))
fig, ax = plt.subplots(figsize=(8, 3.6))
ax.imshow(image_grid(vae_samples, 2, 5).numpy(), cmap="gray")
ax.set_title("Samples of the VAE")
ax.axis("off")
plt.show()

# %% [markdown] tags=["given"] item="b2"
# **Question (B2).** How sharp and how diverse are the reconstructions and the samples? Comment briefly.

# %% [markdown] tags=["answer"] item="b2"
# The reconstructions keep the digit and its slant but are softer than the originals: the decoder gives the mean of
# every pixel, and where several strokes are possible it gives their average. The samples are diverse: all styles and
# most digits occur, because the KL term keeps the codes of all images close to the prior that we draw from. But they
# are blurry, and some lie between two digits, where the prior has mass and no training image has its code.

# %% [markdown] tags=["given"] item="b3"
# ## B3 GAN: training (10 marks)
#
# - Images in $[-1, 1]$. Noise of 64 dimensions, $\mathcal{N}(0, I)$.
# - Generator: Linear(64→256), LeakyReLU(0.2), Linear(256→512), LeakyReLU(0.2), Linear(512→784), Tanh.
# - Discriminator: Linear(784→512), LeakyReLU(0.2), Dropout(0.3), Linear(512→256), LeakyReLU(0.2), Dropout(0.3),
#   Linear(256→1); it gives a logit.
# - Loss: binary cross-entropy with logits, non-saturating; in the discriminator's loss the target of real images is
#   0.9 and the target of fakes 0.0.
# - Training: Adam(lr=2e-4, betas=(0.5, 0.999)) for each, batches of 128, `EPOCHS` epochs; one step of $D$ and one of
#   $G$ per batch.
#
# Write `Generator`, `Discriminator` and `gan_step`. Train `G` and `D`, and keep the mean losses of each epoch.
#
# **Figure:** $L_D$ and $L_G$ per epoch.

# %% [markdown] tags=["explain"] item="b3"
# The two networks, and the way from pixels in [0, 1] to the range of Tanh and back.

# %% tags=["task"] item="b3" functions=["Generator", "Generator.forward", "Discriminator", "Discriminator.forward"]
from reference.adversarial import Discriminator, Generator, to_signed, to_unit

# %% [markdown] tags=["explain"] item="b3"
# The losses, and one step of each network. The discriminator sees the fakes detached, so that its step gives the
# generator no gradients; the generator's step then maximises $\log D(G(z))$.

# %% tags=["task"] item="b3" functions=["gan_step"]
from reference.adversarial import (
    FAKE_TARGET,
    REAL_TARGET,
    binary_loss,
    discriminator_loss,
    frozen,
    gan_step,
    generator_loss,
)

# %% [markdown] tags=["explain"] item="b3"
# The optimizers and the loop over epochs, which keeps the images of fixed noise.

# %% tags=["task"] item="b3"
#: The training loop. B4 needs images of the same 64 noise vectors after epochs 1, 5 and 10.
from reference.adversarial import GanEpoch, gan_optimizers, generate_images, train_gan

# %% [markdown] tags=["explain"] item="b3"
# Training with the settings of the sheet. Of the fixed noise, 64 vectors are for B4 and 100 for the 10 × 10 grids that
# are saved after each epoch.

# %% tags=["task"] item="b3" values=["G", "D", "opt_G", "opt_D", "fixed_noise", "losses_D", "losses_G"]
#: G: the trained Generator
#: D: the trained Discriminator
#: opt_G: the optimizer of G
#: opt_D: the optimizer of D
#: fixed_noise: (64, 64): noise vectors that stay the same through the training
#: losses_D: list of EPOCHS numbers: the mean loss of D in each epoch
#: losses_G: list of EPOCHS numbers: the mean loss of G in each epoch
#: Save a 10 x 10 grid of samples after each epoch.
G, D = Generator(), Discriminator()
opt_G, opt_D = gan_optimizers(G, D)
fixed_noise = torch.randn(64, G.n_noise, generator=rng)
all_noise = torch.cat([fixed_noise, torch.randn(100, G.n_noise, generator=rng)])
gan_history = train_gan(G, D, opt_G, opt_D, to_signed(train_images), all_noise, EPOCHS, BATCH_SIZE, rng)
losses_D = [float(epoch.losses.discriminator) for epoch in gan_history]
losses_G = [float(epoch.losses.generator) for epoch in gan_history]
for i, gan_epoch in enumerate(gan_history, start=1):
    grid = image_grid(to_unit(gan_epoch.samples[64:]), 10, 10).numpy()
    plt.imsave(f"grids/gan_epoch_{i:02d}.png", grid, cmap="gray")
    print(f"epoch {i}: L_D {losses_D[i - 1]:.3f}, L_G {losses_G[i - 1]:.3f}")

# %% [markdown] tags=["explain"] item="b3"
# Both losses per epoch. Where $D$ could not tell real from fake, $L_D$ would be 1.376 and $L_G$ 0.799.

# %% tags=["task"] item="b3"
#: Figure: L_D and L_G per epoch.
fig, ax = plt.subplots(figsize=(7, 4))
ax.plot(np.arange(1, EPOCHS + 1), losses_D, marker="o", label="$L_D$")
ax.plot(np.arange(1, EPOCHS + 1), losses_G, marker="o", label="$L_G$")
ax.set(title="GAN: losses of training", xlabel="epoch", ylabel="nats")
ax.legend()
plt.show()

# %% [markdown] tags=["given"] item="b4"
# ## B4 GAN: generation (10 marks)
#
# - `gan_grids`: a dictionary from the epochs 1, 5 and 10 to the images of `fixed_noise` after that epoch.
# - **Figures:** the three of them as 8 × 8 grids.
# - **Comment** on progression or mode collapse.

# %% [markdown] tags=["explain"] item="b4"
# The images of the same 64 noise vectors after epochs 1, 5 and 10 (a shorter run has fewer), back in [0, 1].

# %% tags=["task"] item="b4" values=["gan_grids"]
#: gan_grids: {1: (64, 784) in [0, 1], 5: ..., 10: ...}: images of fixed_noise
#: Figures: 8 x 8 grids at epochs 1, 5 and 10.
gan_grids = {
    epoch: to_unit(gan_history[epoch - 1].samples[:64]) for epoch in (1, 5, 10) if epoch <= EPOCHS
}
fig, axes = plt.subplots(1, len(gan_grids), figsize=(5 * len(gan_grids), 5), squeeze=False)
for ax, (n_epochs, pictures) in zip(axes[0], gan_grids.items(), strict=True):
    ax.imshow(image_grid(pictures, 8, 8).numpy(), cmap="gray")
    ax.set_title(f"GAN after epoch {n_epochs}")
    ax.axis("off")
    plt.imsave(f"grids/gan_fixed_{n_epochs:02d}.png", image_grid(pictures, 8, 8).numpy(), cmap="gray")
plt.show()

# %% [markdown] tags=["given"] item="b4"
# **Question (B4).** How do the images progress? Is there any mode collapse? Comment briefly.

# %% [markdown] tags=["answer"] item="b4"
# After one epoch there are blobs in the middle of a noisy background, many of them alike. After five the strokes are
# connected and most images can be read as a digit; after ten they are sharper still, with some speckles left. The same
# noise vector keeps its rough shape from epoch 5 on. There is no full collapse, since different noise gives different
# digits, but simple shapes (1, 7, 9) occur more often than 2 or 5, a sign of a mild one.

# %% [markdown] tags=["given"] item="b5"
# ## B5 Quantitative comparison (20 marks)
#
# - Classifier: Conv2d(1→32, 3, padding 1), ReLU, MaxPool(2), Conv2d(32→64, 3, padding 1), ReLU, MaxPool(2), Flatten,
#   Linear(7·7·64→128), ReLU, Linear(128→10); the softmax of the sheet gives the probabilities. Train it
#   `CLASSIFIER_EPOCHS` epochs on the first `N_CLASSIFIER` training images, with Adam(lr=1e-3) and batches of 128, and
#   freeze it.
# - Inception Score: $\exp(\mathbb{E}_x \text{KL}(p(y \mid x) \,\|\, p(y)))$ of 100 images in 10 splits; mean and standard
#   deviation over the splits.
# - FID: $\|\mu_r - \mu_g\|^2 + \text{Tr}(\Sigma_r + \Sigma_g - 2 (\Sigma_r \Sigma_g)^{1/2})$ of the 128 penultimate
#   activations of the first 1,000 test images and of the 100 generated ones.
#
# Write `Classifier` with `features` and `forward`, `inception_score` and `fid`, and fill `scores`.
#
# **Table:** IS (higher is better) and FID (lower is better) for VAE and GAN.

# %% [markdown] tags=["explain"] item="b5"
# The classifier. It gives logits, because the cross-entropy of PyTorch takes logits: with the softmax of the sheet
# inside the network it would be applied twice. The probabilities are computed where they are needed.

# %% tags=["task"] item="b5" functions=["Classifier", "Classifier.features", "Classifier.forward"]
from reference.image_scores import Classifier

# %% [markdown] tags=["explain"] item="b5"
# The training of the classifier, which ends with frozen weights, and what is read off it: probabilities, features and
# the share of right answers.

# %% tags=["task"] item="b5"
#: The training loop, probabilities and features.
from reference.image_scores import (
    accuracy,
    class_probabilities,
    classifier_step,
    image_features,
    train_classifier,
)

# %% [markdown] tags=["explain"] item="b5"
# Training on all 60,000 images. The test images say how far the classifier can be trusted.

# %% tags=["task"] item="b5" values=["classifier"]
#: classifier: the trained and frozen Classifier
classifier = Classifier()
classifier_losses = train_classifier(
    classifier, images[:N_CLASSIFIER], labels[:N_CLASSIFIER], CLASSIFIER_EPOCHS, BATCH_SIZE, rng
)
for i, cross_entropy in enumerate(classifier_losses, start=1):
    print(f"epoch {i}: cross-entropy {cross_entropy:.4f}")
print(f"accuracy on the test images: {accuracy(classifier, test_images, test_labels):.4f}")

# %% [markdown] tags=["explain"] item="b5"
# The Inception Score: in each split the mean divergence of $p(y \mid x)$ from its mean $p(y)$, exponentiated.

# %% tags=["task"] item="b5" functions=["inception_score"]
from reference.image_scores import inception_score, mutual_information

# %% [markdown] tags=["explain"] item="b5"
# The Fréchet distance. 100 images in 128 dimensions give a singular covariance, so the trace of the root is computed
# from the symmetric roots of both covariances, which exist for any rank.

# %% tags=["task"] item="b5" functions=["fid"]
from reference.image_scores import frechet_distance, gaussian_frechet_distance, symmetric_square_root


def fid(features_a: Array, features_b: Array) -> float:
    """Return the Fréchet distance of two sets of features, 0 or more (lower is better).

    Parameters
    ----------
    features_a, features_b
        Shapes (n_a, d) and (n_b, d); n may be smaller than d.
    """
    return frechet_distance(features_a, features_b)

# %% [markdown] tags=["explain"] item="b5"
# 100 images of each model, all in [0, 1] as the classifier has learnt them, scored against 1,000 test images.

# %% tags=["task"] item="b5" values=["vae_generated", "gan_generated", "scores"]
#: vae_generated: (100, 784) in [0, 1]: images of the VAE
#: gan_generated: (100, 784) in [0, 1]: images of the GAN
#: scores: {"VAE": {"is_mean": float, "is_std": float, "fid": float}, "GAN": ...}
#: Table: IS and FID for VAE and GAN.
vae_generated = generate(vae, torch.randn(100, vae.n_latent, generator=rng))
gan_generated = to_unit(generate_images(G, torch.randn(100, G.n_noise, generator=rng)))
real_features = image_features(classifier, test_images[:1_000])
scores = {}
for name, generated in (("VAE", vae_generated), ("GAN", gan_generated)):
    is_mean, is_std = inception_score(class_probabilities(classifier, generated), 10)
    distance = fid(real_features, image_features(classifier, generated))
    scores[name] = {"is_mean": is_mean, "is_std": is_std, "fid": distance}
table = pd.DataFrame(scores).T
table.columns = pd.Index(["IS, mean (higher is better)", "IS, std", "FID (lower is better)"])
print(table.round(3).to_string())
table
