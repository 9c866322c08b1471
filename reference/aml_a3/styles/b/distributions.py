# style: torch.distributions for encoder, prior and likelihood, data as plain tensors without loaders, lists of tuples, noise by in-place normal_, one GAN class with the step as a method
# %% [markdown]
# # Part B with torch.distributions
# I use `torch.distributions` for everything that is a distribution.

# %%
import numpy as np
import torch
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torchvision.datasets import MNIST
import matplotlib.pyplot as plt

torch.manual_seed(1234)
np.random.seed(1234)

# %% [markdown]
# Sizes and epochs.

# %% tags=["parameters"]
epochs = 10
classifier_epochs = 5
training_images = 50000
validation_images = 10000

# %% [markdown]
# The data as tensors; a permutation splits them.

# %%
raw = MNIST("mnist", train=True, download=True)
raw_test = MNIST("mnist", train=False, download=True)
X = (raw.data / 255.0).reshape(-1, 784)
Y = raw.targets
X_test = (raw_test.data / 255.0).reshape(-1, 784)
shuffled = torch.randperm(len(X))
X_train, X_val = X[shuffled[:training_images]], X[shuffled[-validation_images:]]


def minibatches(*tensors, size=128):
    order = torch.randperm(len(tensors[0]))
    for start in range(0, len(order), size):
        pick = order[start:start + size]
        yield [t[pick] for t in tensors]

# %% [markdown]
# ## 1. VAE
# `posterior` gives $q(z|x)$, `likelihood` gives $p(x|z)$. The cross-entropy is the negative log likelihood of a Bernoulli
# with grey pixels as values, so its argument check is switched off.

# %%
class DistVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU())
        self.loc = nn.Linear(256, 16)
        self.log_var = nn.Linear(256, 16)
        self.generator = nn.Sequential(
            nn.Linear(16, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784), nn.Sigmoid()
        )

    def posterior(self, x):
        h = self.trunk(x)
        return Independent(Normal(self.loc(h), self.log_var(h).mul(0.5).exp()), 1)

    def likelihood(self, z):
        return Independent(Bernoulli(self.generator(z), validate_args=False), 1, validate_args=False)

    def forward(self, x):
        q = self.posterior(x)
        z = q.rsample()
        return self.likelihood(z), q


def negative_elbo(vae, x):
    p, q = vae(x)
    prior = Independent(Normal(torch.zeros(len(x), 16), torch.ones(len(x), 16)), 1)
    recon = -p.log_prob(x).mean()
    kl = kl_divergence(q, prior).mean()
    return recon + kl, recon, kl


vae = DistVAE()
vae_opt = torch.optim.Adam(vae.parameters(), lr=0.001)
fixed_codes = torch.randn(100, 16)


def save_grid(images, rows, name):
    picture = images.detach().reshape(rows, -1, 28, 28).transpose(1, 2).reshape(rows * 28, -1)
    plt.imsave(name, picture.numpy(), cmap="gray")
    return picture.numpy()

# %% [markdown]
# Training: one tuple (total, reconstruction, KL) per epoch.

# %%
curve = []
for epoch in range(epochs):
    tuples = []
    for (x,) in minibatches(X_train):
        loss, recon, kl = negative_elbo(vae, x)
        vae_opt.zero_grad()
        loss.backward()
        vae_opt.step()
        tuples.append((loss.item(), recon.item(), kl.item()))
    curve.append(tuple(np.mean(tuples, axis=0)))
    save_grid(vae.likelihood(fixed_codes).mean, 10, f"vae_samples_{epoch + 1}.png")
    print("epoch %d: total %.2f, reconstruction %.2f, KL %.2f" % (epoch + 1, *curve[-1]))

# %% [markdown]
# The curves.

# %%
totals, recons, kls = zip(*curve)
plt.figure(figsize=(7, 4))
plt.plot(totals, label="-ELBO")
plt.plot(recons, label="reconstruction")
plt.plot(kls, label="KL")
plt.legend()
plt.xlabel("epoch")
plt.show()

# %% [markdown]
# ## 2. Reconstruction and samples
# Left the image, right its reconstruction (the mean of the likelihood at the mean of the posterior).

# %%
with torch.no_grad():
    five = X_val[:5]
    again = vae.likelihood(vae.posterior(five).mean).mean
    ten = vae.likelihood(torch.empty(10, 16).normal_()).mean
fig, axs = plt.subplots(5, 2, figsize=(3, 7))
for row, (a, b) in enumerate(zip(five, again)):
    axs[row][0].imshow(a.reshape(28, 28).numpy(), cmap="gray")
    axs[row][1].imshow(b.reshape(28, 28).numpy(), cmap="gray")
plt.show()
plt.imshow(save_grid(ten, 2, "vae_ten.png"), cmap="gray")
plt.show()

# %% [markdown]
# Diverse but blurred. The blur comes from the factorised Bernoulli: all uncertainty of a pixel is turned into grey.

# %% [markdown]
# ## 3. GAN
# One object holds both networks and both optimizers.

# %%
class Gan:
    def __init__(self):
        act = lambda: nn.LeakyReLU(negative_slope=0.2)
        self.gen = nn.Sequential(nn.Linear(64, 256), act(), nn.Linear(256, 512), act(), nn.Linear(512, 784), nn.Tanh())
        self.disc = nn.Sequential(
            nn.Linear(784, 512), act(), nn.Dropout(p=0.3), nn.Linear(512, 256), act(), nn.Dropout(p=0.3), nn.Linear(256, 1)
        )
        self.gen_opt = torch.optim.Adam(self.gen.parameters(), lr=0.0002, betas=(0.5, 0.999))
        self.disc_opt = torch.optim.Adam(self.disc.parameters(), lr=0.0002, betas=(0.5, 0.999))

    def noise(self, n):
        return torch.empty(n, 64).normal_()

    def step(self, real):
        bce = nn.functional.binary_cross_entropy_with_logits
        fake = self.gen(self.noise(len(real)))
        logits = self.disc(torch.cat([real, fake.detach()]))
        targets = torch.cat([0.9 * torch.ones(len(real), 1), torch.zeros(len(real), 1)])
        d_loss = 2 * bce(logits, targets)  # the mean over both halves, twice: the sum of the two means
        self.disc_opt.zero_grad()
        d_loss.backward()
        self.disc_opt.step()
        g_loss = nn.functional.softplus(-self.disc(fake)).mean()  # -log sigmoid(D(G(z)))
        self.gen_opt.zero_grad()
        g_loss.backward()
        self.gen_opt.step()
        return d_loss.item(), g_loss.item()

    @torch.no_grad()
    def images(self, noise):
        return 0.5 * self.gen(noise) + 0.5


gan = Gan()
z64 = gan.noise(64)
z100 = gan.noise(100)

# %% [markdown]
# Training on images in [-1, 1].

# %%
gan_curve, frames = [], {}
for epoch in range(1, epochs + 1):
    steps = [gan.step(2 * x - 1) for (x,) in minibatches(X_train)]
    gan_curve.append(np.mean(steps, axis=0))
    save_grid(gan.images(z100), 10, f"gan_samples_{epoch}.png")
    if epoch in {1, 5, 10}:
        frames[epoch] = gan.images(z64)
    print("epoch", epoch, "L_D", round(float(gan_curve[-1][0]), 3), "L_G", round(float(gan_curve[-1][1]), 3))
gan_curve = np.array(gan_curve)
plt.plot(gan_curve[:, 0], label="$L_D$")
plt.plot(gan_curve[:, 1], label="$L_G$")
plt.legend()
plt.show()

# %% [markdown]
# ## 4. Progress
# 8 x 8 grids of the fixed noise.

# %%
for epoch in frames:
    plt.figure(figsize=(4, 4))
    plt.imshow(save_grid(frames[epoch], 8, f"gan_grid_{epoch}.png"), cmap="gray")
    plt.title(f"epoch {epoch}")
    plt.show()

# %% [markdown]
# At epoch 1 the images look like noise around one shape, later like digits. Not all digits are equally frequent, so there is
# a bit of mode collapse.

# %% [markdown]
# ## 5. Scores
# The classifier, trained on all training images.

# %%
conv = lambda i, o: [nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
features = nn.Sequential(nn.Unflatten(1, (1, 28, 28)), *conv(1, 32), *conv(32, 64), nn.Flatten(), nn.Linear(3136, 128), nn.ReLU())
last = nn.Linear(128, 10)
both = [*features.parameters(), *last.parameters()]
opt = torch.optim.Adam(both, lr=0.001)
for epoch in range(classifier_epochs):
    for x, y in minibatches(X, Y):
        log_p = torch.log_softmax(last(features(x)), 1)
        loss = nn.functional.nll_loss(log_p, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print("classifier epoch", epoch + 1, "last loss", loss.item())
for w in both:
    w.requires_grad_(False)

# %% [markdown]
# IS and FID, and the table.

# %%
def score_is(p, k):
    values = [torch.exp((q * (q.log() - q.mean(0).log())).sum(1).mean()) for q in p.chunk(k)]
    values = torch.stack(values)
    return values.mean().item(), values.std(unbiased=False).item()


def score_fid(a, b):
    a, b = a.double(), b.double()
    sa, sb = torch.cov(a.T), torch.cov(b.T)
    lam, vec = torch.linalg.eigh(sa)
    half = vec @ torch.diag(lam.clamp(min=0).sqrt()) @ vec.T
    cross = torch.linalg.eigvalsh(half @ sb @ half).clamp(min=0).sqrt().sum()
    return (((a.mean(0) - b.mean(0)) ** 2).sum() + sa.trace() + sb.trace() - 2 * cross).item()


with torch.no_grad():
    generated = {"VAE": vae.likelihood(torch.randn(100, 16)).mean, "GAN": gan.images(gan.noise(100))}
    print("| model | IS | FID |\n| --- | --- | --- |")
    for name, x in generated.items():
        mean, std = score_is(torch.softmax(last(features(x)), 1).double(), 10)
        print(f"| {name} | {mean:.3f} ± {std:.3f} | {score_fid(features(X_test[:1000]), features(x)):.2f} |")
