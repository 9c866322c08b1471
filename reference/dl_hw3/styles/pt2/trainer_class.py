# %% [markdown]
# # HW3 part 2
# Names: Kathleen Booth, 797979797 and Jean Bartik, 808080808

# %%
import numpy as np
import torch
from matplotlib import pyplot as plt
from torch import nn, optim
from torchvision.datasets import MNIST
from torchvision.utils import make_grid

# %% tags=["parameters"]
n_epochs = 50
n_data = 10000

# %% [markdown]
# ## Loading MNIST

# %%
raw = MNIST("mnist", train=True, download=True)
data = torch.as_tensor(np.array(raw.data[:n_data]), dtype=torch.float32).reshape(-1, 784).div(255)
targets = raw.targets[:n_data]

# %% [markdown]
# ## Encoder and decoder
# One network gives 2 x 4 numbers, which are split into mean and log variance.

# %%
latent_dim = 4
encoder = nn.Sequential(nn.Linear(784, 128), nn.ELU(), nn.Linear(128, 2 * latent_dim))
decoder = nn.Sequential(nn.Linear(latent_dim, 128), nn.ELU(), nn.Linear(128, 784), nn.Sigmoid())

# %% [markdown]
# ## The autoencoder
# Encoding splits the output; the noise is drawn where it is decoded.

# %%
class MyVAE(nn.Module):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def encode(self, images):
        return self.encoder(images.flatten(1)).chunk(2, dim=-1)

    def forward(self, images):
        self.mean, self.log_var = self.encode(images)
        noise = torch.randn(self.mean.shape)
        return self.decoder(self.mean + noise * torch.sqrt(torch.exp(self.log_var)))


my_vae = MyVAE(encoder, decoder)
print(my_vae)
n_weights = 0
for weights in my_vae.parameters():
    n_weights += weights.numel()
print("Trainable parameters:", n_weights)

# %% [markdown]
# ## Trainer
# The loss is written out in the loop: cross-entropy plus KL, both divided by the size of the batch. It also keeps
# track of the digits 8 and 6: one random code near the mean of each class.

# %%
class Trainer:
    def __init__(self, vae, lr=1e-3):
        self.vae, self.opt, self.losses = vae, optim.RMSprop(vae.parameters(), lr=lr), []

    def generate(self, digit, epoch):
        with torch.no_grad():
            mean, _ = self.vae.encode(data[targets == digit])
            z = mean.mean(0) + 0.1 * torch.randn(latent_dim)
            picture = self.vae.decoder(z[None]).numpy().reshape(28, 28)
        plt.figure(figsize=(2, 2))
        plt.imshow(picture, cmap="viridis")
        plt.title(f"digit {digit}, epoch {epoch}")
        plt.show()

    def fit(self, epochs, batch=50):
        for epoch in range(epochs):
            perm = np.random.permutation(len(data))
            for start in range(0, len(perm), batch):
                x = data[perm[start : start + batch]]
                p = self.vae(x)
                bce = -torch.sum(x * torch.log(p + 1e-8) + (1 - x) * torch.log(1 - p + 1e-8)) / len(x)
                mean, log_var = self.vae.mean, self.vae.log_var
                kl = torch.sum(torch.exp(log_var) + mean * mean - 1.0 - log_var) / 2 / len(x)
                self.opt.zero_grad()
                (bce + kl).backward()
                self.opt.step()
            self.losses.append(float(bce + kl))
            if epoch % 10 == 9:
                self.generate(8, epoch + 1)
                self.generate(6, epoch + 1)


trainer = Trainer(my_vae)
trainer.fit(n_epochs)
plt.plot(trainer.losses)
plt.show()

# %% [markdown]
# ## Latent space
# Two of the four dimensions vary, the others are 0. First from -1 to 1, then from -3 to 3.

# %%
def latent_map(limit, side=12):
    z = torch.zeros(side * side, latent_dim)
    values = torch.linspace(-limit, limit, side)
    z[:, :2] = torch.cartesian_prod(values, values)
    with torch.no_grad():
        grid = make_grid(decoder(z).view(-1, 1, 28, 28), nrow=side, padding=2)
    plt.figure(figsize=(6, 6))
    plt.imshow(grid.permute(1, 2, 0))
    plt.axis("off")
    plt.title(f"from {-limit} to {limit}")
    plt.show()


for limit in (1, 3):
    latent_map(limit)

# %% [markdown]
# ## Linear interpolation
# Between random images of two random digits.

# %%
a, b = np.random.choice(10, 2, replace=False)
with torch.no_grad():
    z_a, z_b = (my_vae.encode(data[targets == int(d)][:1])[0] for d in (a, b))
    line = torch.cat([torch.lerp(z_a, z_b, t) for t in np.linspace(0, 1, 6)])
    steps = decoder(line)
plt.figure(figsize=(9, 2))
for k in range(6):
    plt.subplot(1, 6, k + 1)
    plt.imshow(steps[k].reshape(28, 28), cmap="gray")
    plt.axis("off")
plt.suptitle(f"{a} to {b}")
plt.show()
