# %% [markdown]
# # Übung 2: alles in wenigen Zellen

# %% tags=["parameters"]
EPOCHEN = 4
EPOCHEN_BEDINGT = 10
ANZAHL = 10000

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, one_hot
from torchvision.datasets import MNIST

daten = MNIST(".", train=True, download=True)
x_alle, y_alle = daten.data[:ANZAHL, None] / 255, daten.targets[:ANZAHL]

# %% [markdown]
# ## Größen

# %%
groesse = lambda n, kern, schritt, rand: (n + 2 * rand - kern) // schritt + 1
groesse_transp = lambda n, kern, schritt, rand: (n - 1) * schritt - 2 * rand + kern
print(groesse(28, 4, 2, 1), groesse_transp(14, 4, 2, 1))

# %% [markdown]
# ## Der Verlust

# %%
def verlust(ausgabe, bild, mu, logvar, beta):
    rek = binary_cross_entropy(ausgabe, bild, reduction="sum") / len(bild)
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum() / len(bild)
    return rek + beta * kl, rek, kl

# %% [markdown]
# ## Effekt von beta
# Für jedes beta ein neues Netz.

# %%
class Netz(nn.Module):
    def __init__(self, klassen=0):
        super().__init__()
        self.k = klassen
        self.c1 = nn.Conv2d(1, 16, 5, stride=2, padding=2)
        self.c2 = nn.Conv2d(16, 32, 5, stride=2, padding=2)
        self.mu, self.lv = nn.Linear(1568 + klassen, 8), nn.Linear(1568 + klassen, 8)
        self.f = nn.Linear(8 + klassen, 1568)
        self.t1 = nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1)
        self.t2 = nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1)

    def forward(self, bild, klasse=None):
        h = self.c2(self.c1(bild).relu()).relu().flatten(1)
        if self.k:
            h = torch.cat([h, klasse], 1)
        mu, lv = self.mu(h), self.lv(h)
        z = mu + (lv / 2).exp() * torch.randn(mu.shape)
        return self.dekodieren(z, klasse), mu, lv

    def dekodieren(self, z, klasse=None):
        if self.k:
            z = torch.cat([z, klasse], 1)
        return self.t2(self.t1(self.f(z).relu().view(-1, 32, 7, 7)).relu()).sigmoid()


kl_liste, rek_liste = [], []
for beta in (1.0, 4.0, 16.0):
    netz = Netz()
    opt = torch.optim.Adam(netz.parameters())
    for epoche in range(EPOCHEN):
        r = k = 0
        for i in torch.randperm(len(x_alle)).split(100):
            ausgabe, mu, logvar = netz(x_alle[i])
            gesamt, rek, kl = verlust(ausgabe, x_alle[i], mu, logvar, beta)
            opt.zero_grad()
            gesamt.backward()
            opt.step()
            r += rek.item() * len(i) / len(x_alle)
            k += kl.item() * len(i) / len(x_alle)
    print(f"beta {beta}: Rekonstruktion {r:.1f}, KL {k:.2f}")
    kl_liste.append(k)
    rek_liste.append(r)
plt.subplot(121)
plt.plot([1, 4, 16], kl_liste, "o")
plt.subplot(122)
plt.plot([1, 4, 16], rek_liste, "o")
plt.show()

# %% [markdown]
# Bei großem beta sind die Codes nahe an der Normalverteilung, der KL-Term sinkt und die Bilder werden unscharf, weil
# der Code weniger Information enthält.

# %% [markdown]
# ## Bedingter VAE

# %%
bedingt = Netz(10)
opt = torch.optim.Adam(bedingt.parameters())
for epoche in range(EPOCHEN_BEDINGT):
    for i in torch.randperm(len(x_alle)).split(100):
        klasse = one_hot(y_alle[i], 10).float()
        ausgabe, mu, logvar = bedingt(x_alle[i], klasse)
        opt.zero_grad()
        verlust(ausgabe, x_alle[i], mu, logvar, 1.0)[0].backward()
        opt.step()
for ziffer in range(10):
    with torch.no_grad():
        bilder = bedingt.dekodieren(torch.randn(5, 8), one_hot(torch.tensor([ziffer] * 5), 10).float())
    for j in range(5):
        plt.subplot(10, 5, 5 * ziffer + j + 1)
        plt.imshow(bilder[j, 0], cmap="gray")
        plt.axis("off")
plt.show()
