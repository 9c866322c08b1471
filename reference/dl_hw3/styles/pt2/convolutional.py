# %% [markdown]
# # Homework 3, second notebook
# By Sophie Wilson (ID 353535353) and Lynn Conway (ID 464646464)

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import datasets

torch.manual_seed(0)

# %% tags=["parameters"]
EPOCHS = 50
N_IMAGES = 10_000

# %% [markdown]
# ## Images
# Kept as 1 x 28 x 28.

# %%
mnist = datasets.MNIST(".", train=True, download=True)
X = (mnist.data[:N_IMAGES].float() / 255).unsqueeze(1)
y = mnist.targets[:N_IMAGES]

# %% [markdown]
# ## Encoder
# Two convolutions with stride 2; the code has 8 dimensions.

# %%
Z = 8


class ConvEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU()
        )
        self.mu = nn.Linear(16 * 7 * 7, Z)
        self.logvar = nn.Linear(16 * 7 * 7, Z)

    def forward(self, x):
        h = self.conv(x).flatten(1)
        return self.mu(h), self.logvar(h)

# %% [markdown]
# ## Decoder
# Transposed convolutions, and logits at the end because the loss takes logits.

# %%
class ConvDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(Z, 16 * 7 * 7)
        self.deconv = nn.Sequential(
            nn.ReLU(),
            nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1),
        )

    def forward(self, z):
        return self.deconv(self.fc(z).view(-1, 16, 7, 7))

# %% [markdown]
# ## Variational autoencoder
# Both together.

# %%
class ConvVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.dec = ConvEncoder(), ConvDecoder()

    def sample(self, mu, logvar):
        return mu + torch.randn_like(mu) * (logvar / 2).exp()

    def forward(self, x):
        mu, logvar = self.enc(x)
        return self.dec(self.sample(mu, logvar)), mu, logvar


net = ConvVAE()
print(net, "\n")
for name, p in net.named_parameters():
    print(f"{name:<22} {p.numel():>7}")
print("total parameters", sum(p.numel() for p in net.parameters()))

# %% [markdown]
# ## Loss
# Cross-entropy of logits per image, plus KL.

# %%
def elbo_loss(logits, x, mu, logvar):
    rec = F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)
    return (rec + kl).mean()

# %% [markdown]
# ## Generate and plot a digit
# Several may be drawn side by side.

# %%
@torch.no_grad()
def show_digits(zs, names):
    pictures = torch.sigmoid(net.dec(zs))
    fig, axes = plt.subplots(1, len(zs), figsize=(2 * len(zs), 2.2), squeeze=False)
    for ax, picture, name in zip(axes[0], pictures, names):
        ax.imshow(picture[0], cmap="gray_r")
        ax.set_title(name)
        ax.axis("off")
    plt.show()


show_digits(torch.randn(1, Z), ["noise"])

# %% [markdown]
# ## Training
# Every ten epochs one image of an 8 and one of a 6 are encoded and decoded.

# %%
eight, six = X[y == 8][:1], X[y == 6][:1]
opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
for epoch in range(EPOCHS):
    if epoch % 10 == 0:
        with torch.no_grad():
            show_digits(net.enc(torch.cat([eight, six]))[0], ["8", "6"])
    running = 0.0
    for idx in torch.randperm(len(X)).split(128):
        loss = elbo_loss(*(lambda out: (out[0], X[idx], out[1], out[2]))(net(X[idx])))
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item() * len(idx)
    print(f"{epoch}: {running / len(X):.1f}")

# %% [markdown]
# ## Latent space at two scales
# The first two dimensions of the codes of images, all of them and the middle.

# %%
def plot_codes(scale):
    with torch.no_grad():
        codes = net.enc(X[:1000])[0]
    fig, ax = plt.subplots(figsize=(5, 5))
    for digit in range(10):
        chosen = codes[y[:1000] == digit]
        ax.scatter(chosen[:, 0], chosen[:, 1], s=5, label=str(digit))
    ax.set_xlim(-scale, scale)
    ax.set_ylim(-scale, scale)
    ax.legend()
    plt.show()


plot_codes(4)
plot_codes(1)

# %% [markdown]
# ## Interpolation
# Linear, between two random images.

# %%
def lerp(a, b, steps=7):
    w = torch.linspace(0, 1, steps).view(-1, 1)
    return a + w * (b - a)


i, j = torch.randperm(len(X))[:2].tolist()
with torch.no_grad():
    ends = net.enc(X[[i, j]])[0]
show_digits(lerp(ends[:1], ends[1:]), [f"{k}/6" for k in range(7)])
