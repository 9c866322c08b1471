# style: a class that is no module holds encoder and decoder and trains itself, convolutional codes without a linear layer, losses by string, few cells
# %% [markdown]
# # A0

# %%
import torch, torch.nn as nn, torch.nn.functional as F
import matplotlib.pyplot as plt
import torchvision
torch.manual_seed(11)

# %% tags=["parameters"]
E = 10
N = 60000

# %%
tr = torchvision.datasets.MNIST("data", train=True, download=True)
te = torchvision.datasets.MNIST("data", train=False, download=True)
data = {"train": tr.data[:N][:, None].float() / 255, "test": te.data[:1000][:, None].float() / 255}

class AE:
    def __init__(self, loss):
        self.encoder = nn.Sequential(nn.Conv2d(1, 12, 4, 2, 1), nn.LeakyReLU(), nn.Conv2d(12, 24, 4, 2, 1), nn.LeakyReLU(), nn.Conv2d(24, 4, 3, 2, 1))
        self.decoder = nn.Sequential(nn.ConvTranspose2d(4, 24, 3, 2, 1), nn.LeakyReLU(), nn.ConvTranspose2d(24, 12, 4, 2, 1), nn.LeakyReLU(), nn.ConvTranspose2d(12, 1, 4, 2, 1))
        self.loss = loss
        self.opt = torch.optim.Adam([*self.encoder.parameters(), *self.decoder.parameters()], 2e-3)
        self.hist = []

    def __call__(self, x):
        return self.decoder(self.encoder(x))

    def fit(self, x, epochs):
        for e in range(epochs):
            for i in torch.randperm(len(x)).split(64):
                l = self.loss(self(x[i]), x[i])
                self.opt.zero_grad(); l.backward(); self.opt.step()
                self.hist.append(l.item())
        return self

# %% [markdown]
# ## Part 1
# squared error; the code is a small picture of 4 x 4 x 4.

# %%
ae = AE(F.mse_loss).fit(data["train"], E)
plt.plot(ae.hist); plt.title("training loss"); plt.show()
x = data["test"][:8]
with torch.no_grad():
    y = ae(x)
plt.figure(figsize=(8, 2)); plt.imshow(torch.cat([x, y]).view(2, 8, 28, 28).permute(0, 2, 1, 3).reshape(56, 224), cmap="gray"); plt.title("test images, reconstructions"); plt.show()
with torch.no_grad():
    c = ae.encoder(data["train"])
    z = c.mean(0) + c.std(0) * torch.randn(16, *c.shape[1:])
    g = ae.decoder(z)
plt.figure(figsize=(6, 6)); plt.imshow(g.view(4, 4, 28, 28).permute(0, 2, 1, 3).reshape(112, 112), cmap="gray"); plt.title("random codes"); plt.show()

# %% [markdown]
# **Answer.** Not happy, the generated images are clouds of strokes: the codes are drawn independently at each place, but the places
# of a real code depend on each other, because a stroke passes through several. Draw them from a model that knows this.

# %% [markdown]
# ## Part 2
# **Answer.** Gaussian with sigma = 1 for each pixel, independent, so the density is a product, and
# $-\log p(x|z) = \frac{1}{2}\|x-\mu\|^2 + const$. Gaussian is not good for pixels in [0, 1], Bernoulli is for two colours only. The
# log is monotonic and keeps numbers in range.

# %%
def nll(mu, x):
    return 0.5 * (x - mu).pow(2).sum() / len(x)

m = AE(nll).fit(data["train"], E)
plt.plot(m.hist); plt.title("negative log-likelihood"); plt.show()
with torch.no_grad():
    print("test nll", nll(m(data["test"]), data["test"]).item())

# %% [markdown]
# **Answer.** Same as part 1 up to the factor 392, so I had to compare learning rates: Adam does not care about the scale. No
# other problems.
