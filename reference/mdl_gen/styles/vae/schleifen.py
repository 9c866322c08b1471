# %% [markdown]
# # Übung 1: VAE ohne Funktionen
# Alles in wenigen Zellen, die Verlustfunktion steht in der Schleife.

# %% tags=["parameters"]
EPOCHEN = 15
ANZAHL = 20000
GEZEIGT = 2000

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn
from torchvision.datasets import MNIST

torch.manual_seed(3)
train = MNIST(".", train=True, download=True)
test = MNIST(".", train=False, download=True)
bilder = train.data[:ANZAHL].reshape(-1, 784) / 255
pruefung, ziffern = test.data[:GEZEIGT].reshape(-1, 784) / 255, test.targets[:GEZEIGT]

# %% [markdown]
# ## Netze

# %%
rumpf = nn.Sequential(nn.Linear(784, 200), nn.ReLU())
kopf_mu = nn.Linear(200, 2)
kopf_logvar = nn.Linear(200, 2)
dekoder = nn.Sequential(nn.Linear(2, 200), nn.ReLU(), nn.Linear(200, 784), nn.Sigmoid())
alle = nn.ModuleList([rumpf, kopf_mu, kopf_logvar, dekoder])

# %% [markdown]
# ## Training

# %%
opt = torch.optim.Adam(alle.parameters(), lr=1e-3)
verlaeufe = {"gesamt": [], "rekonstruktion": [], "kl": []}
for epoche in range(EPOCHEN):
    g = r = k = 0
    for ids in torch.randperm(len(bilder)).split(100):
        x = bilder[ids]
        h = rumpf(x)
        mu, logvar = kopf_mu(h), kopf_logvar(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        p = dekoder(z)
        rek = nn.functional.binary_cross_entropy(p, x, reduction="sum") / len(x)
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum() / len(x)
        verlust = rek + kl
        opt.zero_grad()
        verlust.backward()
        opt.step()
        g += verlust.item() * len(x) / len(bilder)
        r += rek.item() * len(x) / len(bilder)
        k += kl.item() * len(x) / len(bilder)
    verlaeufe["gesamt"].append(g)
    verlaeufe["rekonstruktion"].append(r)
    verlaeufe["kl"].append(k)
    print(f"Epoche {epoche + 1}: {g:.1f} = {r:.1f} + {k:.2f}")

for name, werte in verlaeufe.items():
    plt.plot(range(1, EPOCHEN + 1), werte, label=name)
plt.legend()
plt.xlabel("Epoche")
plt.show()

# %% [markdown]
# ## Neue Ziffern

# %%
with torch.no_grad():
    neu = dekoder(torch.randn(25, 2)).reshape(25, 28, 28)
for i in range(25):
    plt.subplot(5, 5, i + 1)
    plt.imshow(neu[i], cmap="gray")
    plt.axis("off")
plt.show()

# %% [markdown]
# ## Latenter Raum

# %%
with torch.no_grad():
    codes = kopf_mu(rumpf(pruefung))
for d in range(10):
    plt.plot(codes[ziffern == d, 0], codes[ziffern == d, 1], ".", markersize=3, label=d)
plt.legend()
plt.show()

# %% [markdown]
# 4 und 9 überlappen. Der KL-Term zieht die Codes zur Normalverteilung; ohne ihn gäbe es Löcher im latenten Raum.
