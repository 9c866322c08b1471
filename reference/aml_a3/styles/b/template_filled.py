# style: the student template filled in: its cells, tags and names kept, bodies by someone else; mu in evaluation mode, logits (n,) of the discriminator
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
# Imports, the seed for NumPy and PyTorch, and the generator that batches and noise can be drawn from.

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

SEED = 1234  # NumPy and PyTorch

Array = NDArray[np.float64]

np.random.seed(SEED)
torch.manual_seed(SEED)
rng = torch.Generator().manual_seed(SEED)

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
class GanLoss(NamedTuple):
    """Both losses, scalars in nats."""

    discriminator: Tensor
    generator: Tensor


class VaeLoss(NamedTuple):
    """The negative ELBO and its two terms, each a scalar in nats per example (lower is better)."""

    total: Tensor
    reconstruction_nll: Tensor
    kl: Tensor


def image_grid(images: Tensor, n_rows: int, n_columns: int, size: int = 28) -> Tensor:
    """Return the first n_rows * n_columns images as one picture, filled row by row.

    Parameters
    ----------
    images
        Any shape that holds n >= n_rows * n_columns square images: (n, 784), (n, 28, 28) or (n, 1, 28, 28).
    size
        Pixels a side of one image.

    Returns
    -------
    Tensor
        Shape (n_rows * size, n_columns * size).
    """
    if len(images) < n_rows * n_columns:
        raise ValueError(f"expected {n_rows * n_columns} images for the grid, got {len(images)}")
    cells = images[: n_rows * n_columns].reshape(n_rows, n_columns, size, size)
    return cells.permute(0, 2, 1, 3).reshape(n_rows * size, n_columns * size)

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
# A helper: splits the indices of n images into random batches.

# %% tags=["task"] item="b1"
def random_batches(n, size):
    return torch.split(torch.randperm(n, generator=rng), size)

# %% [markdown] tags=["explain"] item="b1"
# The VAE, with one attribute for each layer.

# %% tags=["task"] item="b1" functions=["VAE", "VAE.encode", "VAE.decode", "VAE.forward"]
class VAE(nn.Module):
    """My VAE: 784-512-256-16 and back."""

    def __init__(self):
        super().__init__()
        self.e1 = nn.Linear(784, 512)
        self.e2 = nn.Linear(512, 256)
        self.mean = nn.Linear(256, 16)
        self.logvar = nn.Linear(256, 16)
        self.d1 = nn.Linear(16, 256)
        self.d2 = nn.Linear(256, 512)
        self.d3 = nn.Linear(512, 784)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = F.relu(self.e2(F.relu(self.e1(x.reshape(len(x), -1)))))
        return self.mean(h), self.logvar(h)

    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.d3(F.relu(self.d2(F.relu(self.d1(z))))))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, log_var = self.encode(x)
        if self.training:
            z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        else:
            z = mu
        return self.decode(z), mu, log_var

# %% [markdown] tags=["explain"] item="b1"
# The loss: BCE of the pixels and the KL divergence, per image.

# %% tags=["task"] item="b1" functions=["vae_loss"]
def vae_loss(reconstruction: Tensor, x: Tensor, mu: Tensor, log_var: Tensor) -> VaeLoss:
    """Return total, reconstruction and KL."""
    x = x.reshape(len(x), -1)
    recon = nn.BCELoss(reduction="sum")(reconstruction, x) / x.shape[0]
    kl = 0.5 * torch.mean(torch.sum(mu**2 + torch.exp(log_var) - 1 - log_var, dim=1))
    return VaeLoss(recon + kl, recon, kl)

# %% [markdown] tags=["explain"] item="b1"
# My training loop.

# %% tags=["task"] item="b1"
def train_vae_one_epoch(vae, optimizer):
    vae.train()
    sums = np.zeros(3)
    for batch in random_batches(len(train_images), BATCH_SIZE):
        x = train_images[batch]
        reconstruction, mu, log_var = vae(x)
        loss = vae_loss(reconstruction, x, mu, log_var)
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
        sums += len(x) * np.array([float(loss.reconstruction_nll.detach()), float(loss.kl.detach()), float(loss.total.detach())])
    return sums / len(train_images)

# %% [markdown] tags=["explain"] item="b1"
# I train the VAE and save the grids.

# %% tags=["task"] item="b1" values=["vae", "vae_reconstruction", "vae_kl", "vae_elbo"]
vae = VAE()
vae_opt = torch.optim.Adam(vae.parameters(), lr=1e-3, betas=(0.9, 0.999), weight_decay=0)
z_grid = torch.randn(100, 16)
vae_reconstruction, vae_kl, vae_elbo = [], [], []
for epoch in range(EPOCHS):
    recon, kl, total = train_vae_one_epoch(vae, vae_opt)
    vae_reconstruction.append(recon)
    vae_kl.append(kl)
    vae_elbo.append(total)
    vae.eval()
    with torch.no_grad():
        plt.imsave(f"vae_{epoch + 1}.png", image_grid(vae.decode(z_grid), 10, 10).numpy(), cmap="gray")
    print(f"{epoch + 1}: {recon:.2f} + {kl:.2f} = {total:.2f}")

# %% [markdown] tags=["explain"] item="b1"
# The three curves in one figure.

# %% tags=["task"] item="b1"
for values, name in [(vae_reconstruction, "reconstruction"), (vae_kl, "KL"), (vae_elbo, "-ELBO")]:
    plt.plot(range(1, EPOCHS + 1), values, label=name)
plt.legend()
plt.xlabel("epoch")
plt.show()

# %% [markdown] tags=["given"] item="b2"
# ## B2 Reconstruction and generation (10 marks)
#
# - `reconstructions`: the reconstructions of the first 5 validation images. **Figure:** each beside its original.
# - `vae_samples`: 10 images decoded from $z \sim \mathcal{N}(0, I_{16})$. **Figure:** a 2 × 5 grid.
# - **Comment** on sharpness and diversity.

# %% [markdown] tags=["explain"] item="b2"
# Five validation images and their reconstructions.

# %% tags=["task"] item="b2" values=["reconstructions"]
vae.eval()
with torch.no_grad():
    reconstructions = vae(validation_images[:5])[0]
fig, axes = plt.subplots(5, 2, figsize=(3, 8))
for i in range(5):
    axes[i, 0].imshow(validation_images[i, 0].numpy(), cmap="gray")
    axes[i, 1].imshow(reconstructions[i].reshape(28, 28).numpy(), cmap="gray")
plt.show()

# %% [markdown] tags=["explain"] item="b2"
# Ten samples from the prior.

# %% tags=["task"] item="b2" values=["vae_samples"]
with torch.no_grad():
    vae_samples = vae.decode(torch.randn(10, 16))
plt.imshow(image_grid(vae_samples, 2, 5).numpy(), cmap="gray")
plt.axis("off")
plt.show()

# %% [markdown] tags=["given"] item="b2"
# **Question (B2).** How sharp and how diverse are the reconstructions and the samples? Comment briefly.

# %% [markdown] tags=["answer"] item="b2"
# **YOUR ANSWER:**
#
# The reconstructions look like the originals but are smoother. The samples show many different digits, some of them are not real digits.

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
# Generator and discriminator.

# %% tags=["task"] item="b3" functions=["Generator", "Generator.forward", "Discriminator", "Discriminator.forward"]
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, 256), nn.LeakyReLU(0.2), nn.Linear(256, 512), nn.LeakyReLU(0.2), nn.Linear(512, 784)
        )

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(self.net(z))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 512)
        self.fc2 = nn.Linear(512, 256)
        self.fc3 = nn.Linear(256, 1)
        self.drop = nn.Dropout(0.3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.reshape(len(x), -1)
        x = self.drop(F.leaky_relu(self.fc1(x), 0.2))
        x = self.drop(F.leaky_relu(self.fc2(x), 0.2))
        return self.fc3(x).squeeze(1)

# %% [markdown] tags=["explain"] item="b3"
# One step of the discriminator, one of the generator.

# %% tags=["task"] item="b3" functions=["gan_step"]
loss_function = nn.BCEWithLogitsLoss()


def gan_step(G, D, opt_G, opt_D, real: Tensor) -> GanLoss:
    n = real.shape[0]
    fake = G(torch.randn(n, 64))
    real_out, fake_out = D(real), D(fake.detach())
    loss_D = loss_function(real_out, torch.full_like(real_out, 0.9))
    loss_D = loss_D + loss_function(fake_out, torch.zeros_like(fake_out))
    opt_D.zero_grad()
    loss_D.backward()
    opt_D.step()

    fake_out = D(fake)
    loss_G = loss_function(fake_out, torch.ones_like(fake_out))
    opt_G.zero_grad()
    loss_G.backward()
    opt_G.step()
    return GanLoss(loss_D.detach(), loss_G.detach())

# %% [markdown] tags=["explain"] item="b3"
# My training loop of the GAN.

# %% tags=["task"] item="b3"
def train_gan_one_epoch(G, D, opt_G, opt_D):
    G.train()
    D.train()
    total = torch.zeros(2)
    batches = random_batches(len(train_images), BATCH_SIZE)
    for batch in batches:
        total += torch.tensor(gan_step(G, D, opt_G, opt_D, 2 * train_images[batch].flatten(1) - 1))
    return (total / len(batches)).tolist()

# %% [markdown] tags=["explain"] item="b3"
# I train the GAN with the Adam settings of the sheet.

# %% tags=["task"] item="b3" values=["G", "D", "opt_G", "opt_D", "fixed_noise", "losses_D", "losses_G"]
G = Generator()
D = Discriminator()
opt_G = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
opt_D = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
fixed_noise = torch.randn(64, 64)
more_noise = torch.randn(100, 64)
losses_D, losses_G, kept = [], [], {}
for epoch in range(1, EPOCHS + 1):
    loss_D, loss_G = train_gan_one_epoch(G, D, opt_G, opt_D)
    losses_D.append(loss_D)
    losses_G.append(loss_G)
    G.eval()
    with torch.no_grad():
        plt.imsave(f"gan_{epoch}.png", image_grid((G(more_noise) + 1) / 2, 10, 10).numpy(), cmap="gray")
        if epoch in (1, 5, 10):
            kept[epoch] = (G(fixed_noise) + 1) / 2
    print(f"{epoch}: L_D {loss_D:.3f}, L_G {loss_G:.3f}")

# %% [markdown] tags=["explain"] item="b3"
# Both curves.

# %% tags=["task"] item="b3"
plt.plot(range(1, EPOCHS + 1), losses_D, label="L_D")
plt.plot(range(1, EPOCHS + 1), losses_G, label="L_G")
plt.legend()
plt.xlabel("epoch")
plt.show()

# %% [markdown] tags=["given"] item="b4"
# ## B4 GAN: generation (10 marks)
#
# - `gan_grids`: a dictionary from the epochs 1, 5 and 10 to the images of `fixed_noise` after that epoch.
# - **Figures:** the three of them as 8 × 8 grids.
# - **Comment** on progression or mode collapse.

# %% [markdown] tags=["explain"] item="b4"
# The grids of the three epochs (those that exist).

# %% tags=["task"] item="b4" values=["gan_grids"]
gan_grids = kept
for epoch in gan_grids:
    plt.figure(figsize=(5, 5))
    plt.imshow(image_grid(gan_grids[epoch], 8, 8).numpy(), cmap="gray")
    plt.title(f"epoch {epoch}")
    plt.axis("off")
plt.show()

# %% [markdown] tags=["given"] item="b4"
# **Question (B4).** How do the images progress? Is there any mode collapse? Comment briefly.

# %% [markdown] tags=["answer"] item="b4"
# **YOUR ANSWER:**
#
# Epoch 1 gives spots, epoch 5 digits with noise, epoch 10 clearer digits. I see some repetition but no collapse to one digit.

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
# The classifier; it returns logits.

# %% tags=["task"] item="b5" functions=["Classifier", "Classifier.features", "Classifier.forward"]
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 32, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.fc = nn.Linear(7 * 7 * 64, 128)
        self.out = nn.Linear(128, 10)

    def features(self, x: Tensor) -> Tensor:
        return F.relu(self.fc(self.conv(x.reshape(-1, 1, 28, 28)).flatten(1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.features(x))

# %% [markdown] tags=["explain"] item="b5"
# Its training loop, and probabilities and features of many images.

# %% tags=["task"] item="b5"
def probabilities_and_features(x):
    with torch.no_grad():
        h = classifier.features(x)
        return F.softmax(classifier.out(h), dim=1).double().numpy(), h.double().numpy()

# %% [markdown] tags=["explain"] item="b5"
# I train it on the training images and freeze it.

# %% tags=["task"] item="b5" values=["classifier"]
classifier = Classifier()
opt = torch.optim.Adam(classifier.parameters(), lr=1e-3)
for epoch in range(CLASSIFIER_EPOCHS):
    n_right = 0
    for batch in random_batches(min(N_CLASSIFIER, len(images)), BATCH_SIZE):
        out = classifier(images[batch])
        loss = nn.CrossEntropyLoss()(out, labels[batch])
        opt.zero_grad()
        loss.backward()
        opt.step()
        n_right += int((out.argmax(1) == labels[batch]).sum())
    print(epoch + 1, "right:", n_right)
classifier.eval()
for parameter in classifier.parameters():
    parameter.requires_grad = False

# %% [markdown] tags=["explain"] item="b5"
# The Inception Score.

# %% tags=["task"] item="b5" functions=["inception_score"]
def inception_score(probs: Array, n_splits: int) -> tuple[float, float]:
    values = []
    for part in np.array_split(np.asarray(probs), n_splits):
        p_y = part.mean(axis=0, keepdims=True)
        kl = np.where(part > 0, part * (np.log(part + 1e-300) - np.log(p_y + 1e-300)), 0.0).sum(axis=1)
        values.append(np.exp(kl.mean()))
    return float(np.mean(values)), float(np.std(values))

# %% [markdown] tags=["explain"] item="b5"
# The Fréchet distance, with the eigenvalues of the product of the covariances.

# %% tags=["task"] item="b5" functions=["fid"]
def fid(features_a: Array, features_b: Array) -> float:
    a, b = np.asarray(features_a, dtype=float), np.asarray(features_b, dtype=float)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    eigenvalues = np.linalg.eigvals(cov_a @ cov_b)
    trace_root = np.sqrt(np.maximum(eigenvalues.real, 0)).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * trace_root)

# %% [markdown] tags=["explain"] item="b5"
# 100 images of each model, the scores and the table.

# %% tags=["task"] item="b5" values=["vae_generated", "gan_generated", "scores"]
with torch.no_grad():
    vae_generated = vae.decode(torch.randn(100, 16))
    gan_generated = (G(torch.randn(100, 64)) + 1) / 2
_, real_features = probabilities_and_features(test_images[:1000])
scores = {}
for name, generated in [("VAE", vae_generated), ("GAN", gan_generated)]:
    probs, features = probabilities_and_features(generated)
    mean, std = inception_score(probs, 10)
    scores[name] = {"is_mean": mean, "is_std": std, "fid": fid(real_features, features)}
print(pd.DataFrame(scores).T.rename(columns={"is_mean": "IS", "is_std": "IS std", "fid": "FID"}))
