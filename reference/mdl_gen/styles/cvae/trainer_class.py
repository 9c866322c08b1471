# %% [markdown]
# # A conditional VAE
# Annie Easley

# %% [markdown]
# Everything that is needed.

# %%
from dataclasses import dataclass, field

import torch
from matplotlib import pyplot as plt
from torch import nn, optim
from torch.distributions import Normal, kl_divergence
from torch.utils.data import DataLoader, TensorDataset
from torchvision import datasets

# %% tags=["parameters"]
n_epochs = 20
n_data = 20000

# %% [markdown]
# ## Preprocessing
# Flat images in [0, 1] with their labels; labels as one-hot rows.

# %%
mnist = datasets.MNIST("mnist", train=True, download=True)
X = (mnist.data[:n_data] / 255.0).flatten(start_dim=1)
Y = nn.functional.one_hot(mnist.targets[:n_data], 10).float()
loader = DataLoader(TensorDataset(X, Y), batch_size=128, shuffle=True)

# %% [markdown]
# ## Encoder and decoder
# The encoder gives a distribution; the decoder gives logits.

# %%
class Recognition(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(794, 400), nn.GELU(), nn.Linear(400, 200), nn.GELU())
        self.loc, self.log_scale = nn.Linear(200, d), nn.Linear(200, d)

    def forward(self, x, onehot):
        h = self.trunk(torch.cat((x, onehot), dim=-1))
        return Normal(self.loc(h), self.log_scale(h).exp())


class Generator(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(d + 10, 200), nn.GELU(), nn.Linear(200, 400), nn.GELU(), nn.Linear(400, 784)
        )

    def forward(self, z, onehot):
        return self.net(torch.cat((z, onehot), dim=-1))

# %% [markdown]
# ## Training
# An object holds both networks and trains them on the negative ELBO; the KL divergence is that of torch's distributions.

# %%
@dataclass
class Experiment:
    d: int = 10
    curve: list = field(default_factory=list)

    def __post_init__(self):
        self.q, self.p = Recognition(self.d), Generator(self.d)
        self.opt = optim.AdamW([*self.q.parameters(), *self.p.parameters()], lr=1e-3)

    def neg_elbo(self, x, onehot):
        q = self.q(x, onehot)
        logits = self.p(q.rsample(), onehot)
        nll = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)
        return (nll + kl_divergence(q, Normal(0.0, 1.0)).sum(-1)).mean()

    def fit(self, epochs):
        for _ in range(epochs):
            total = 0.0
            for x, onehot in loader:
                loss = self.neg_elbo(x, onehot)
                self.opt.zero_grad(set_to_none=True)
                loss.backward()
                self.opt.step()
                total += float(loss) * len(x)
            self.curve.append(total / len(X))
            print(f"{self.curve[-1]:.2f}", end=" ")

    @torch.no_grad()
    def draw(self, digit, n=8):
        onehot = torch.zeros(n, 10)
        onehot[:, digit] = 1
        return torch.sigmoid(self.p(torch.randn(n, self.d), onehot))


run = Experiment()
run.fit(n_epochs)

# %% [markdown]
# ## Results
# The curve on the left, ten classes on the right.

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
left.plot(run.curve)
rows = [torch.cat(list(run.draw(digit).reshape(-1, 28, 28)), dim=1) for digit in range(10)]
right.imshow(torch.cat(rows, dim=0), cmap="gray_r")
right.axis("off")
plt.show()

# %% [markdown]
# ## Observations
# Generated digits follow the label. The code only holds the style. More epochs would give sharper results.
