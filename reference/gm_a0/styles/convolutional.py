# style: convolutions with DataLoaders and ToTensor, cross-entropy by nn.BCELoss in Part 1, the likelihood as a loss module of torch.distributions on binarised data
# %% [markdown]
# # Assignment 0 - group 12
# Members: A. Noether, S. Kowalewskaja

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.distributions import Bernoulli, Independent
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms
from torchvision.utils import make_grid

torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

# %% tags=["parameters"]
num_epochs = 10
n_images = 60000
n_test = 10000

# %%
transform = transforms.ToTensor()
train_set = Subset(datasets.MNIST("./data", train=True, transform=transform, download=True), range(n_images))
test_set = datasets.MNIST("./data", train=False, transform=transform, download=True)
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
test_loader = DataLoader(test_set, batch_size=64)

# %% [markdown]
# ## Part 1: autoencoder
# Two strided convolutions, then a code of 24 numbers, and transposed convolutions back.

# %%
class ConvAE(nn.Module):
    def __init__(self, latent_dim=24, last=nn.Sigmoid()):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * 7 * 7, latent_dim),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 32 * 7 * 7), nn.ReLU(), nn.Unflatten(1, (32, 7, 7)),
            nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1), nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1), last,
        )

    def forward(self, x):
        z = self.encoder(x)
        return self.decoder(z), z


# %%
model = ConvAE().to(device)
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
model.train()
for epoch in range(num_epochs):
    running = 0.0
    for images, _ in train_loader:
        images = images.to(device)
        optimizer.zero_grad()
        out, _ = model(images)
        loss = criterion(out, images)
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(f"Epoch [{epoch + 1}/{num_epochs}], loss: {running / len(train_loader):.4f}")

# %% [markdown]
# ### Reconstructions of the test set

# %%
model.eval()
images, _ = next(iter(test_loader))
with torch.no_grad():
    rec, _ = model(images.to(device))
both = make_grid(torch.cat([images[:8], rec[:8].cpu()]), nrow=8)
plt.figure(figsize=(10, 3))
plt.imshow(both.permute(1, 2, 0))
plt.title("original / reconstruction")
plt.axis("off")
plt.show()

# %% [markdown]
# ### Generate new images
# Uniform codes between the smallest and the largest value.

# %%
with torch.no_grad():
    Z = torch.cat([model.encoder(x.to(device)) for x, _ in train_loader])
    lo, hi = Z.min(0).values, Z.max(0).values
    z = lo + (hi - lo) * torch.rand(32, Z.shape[1])
    new = model.decoder(z).cpu()
plt.figure(figsize=(8, 4))
plt.imshow(make_grid(new, nrow=8).permute(1, 2, 0))
plt.axis("off")
plt.show()

# %% [markdown]
# ### Discussion
# We are not happy: the images look like several digits at once. Hypotheses: (1) the encoder is free to put codes anywhere, so
# the box of possible codes is almost empty; (2) the code numbers depend on each other. Sampling near real codes, or a VAE,
# should help.

# %% [markdown]
# ## Part 2: likelihood
# Each pixel is a Bernoulli variable given the code, independent of the others. On grey pixels that is not a distribution,
# so we binarise the images at random, as often done. A Gaussian would give probability to pixels below 0.
#
# $$-\log p(x|\theta) = -\sum_i x_i \log \sigma(\theta_i) + (1 - x_i) \log(1 - \sigma(\theta_i))$$
# The log makes a sum of the product of the pixels' probabilities and does not move the maximum because it is monotonic.

# %%
class BernoulliNLL(nn.Module):
    def forward(self, logits, x):
        dist = Independent(Bernoulli(logits=logits), logits.dim() - 1)
        return -dist.log_prob(x).mean()


# %% [markdown]
# ### Training with the NLL

# %%
net = ConvAE(last=nn.Identity()).to(device)
nll_criterion = BernoulliNLL()
opt2 = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(num_epochs):
    running = 0.0
    for images, _ in train_loader:
        x = torch.bernoulli(images).to(device)
        logits, _ = net(x)
        loss = nll_criterion(logits, x)
        opt2.zero_grad()
        loss.backward()
        opt2.step()
        running += loss.item()
    print(f"Epoch [{epoch + 1}/{num_epochs}], NLL: {running / len(train_loader):.2f}")

# %% [markdown]
# Problems: with `Bernoulli(logits=...)` and grey images the library complained about the support, which is how we found out
# that grey pixels have no likelihood. Compared with part 1 the values are much larger, because they are summed over pixels.
