# style: in German, a cosine schedule in a dictionary, one time for each batch, Huber's loss, predictions by keyword
# %% [markdown]
# # Diffusion in der Ebene
# Pakete, Startwert, Zahl der Schritte des Trainings.

# %% tags=["parameters"]
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(1234)
SCHRITTE_TRAINING = 4000
SCHRITTE = 100

# %% [markdown]
# Die Daten: zwei Monde, in beiden Koordinaten normiert.

# %%
zufall = np.random.default_rng(6)
w = zufall.uniform(0, np.pi, 1000)
oben = np.stack([np.cos(w), np.sin(w)], axis=1)
unten = np.stack([1 - np.cos(w), 0.5 - np.sin(w)], axis=1)
monde = np.concatenate([oben, unten]) + zufall.normal(0, 0.08, (2000, 2))
punkte = torch.tensor((monde - monde.mean(0)) / monde.std(0)).float()

# %% [markdown]
# ## D1 Rauschplan
# Kosinus nach Nichol und Dhariwal.

# %%
s = 0.008
u = torch.arange(SCHRITTE + 1, dtype=torch.float64) / SCHRITTE
f = torch.cos((u + s) / (1 + s) * torch.pi / 2) ** 2
beta = (1 - f[1:] / f[:-1]).clamp(max=0.999)
plan = {"beta": beta.float(), "alpha": (1 - beta).float(), "alpha_quer": torch.cumprod(1 - beta, 0).float()}

# %% [markdown]
# ## D2 Verrauschen in einem Schritt
# Das Rauschen wird übergeben.


# %%
def verrauschen(x, zeit, rauschen):
    a = plan["alpha_quer"][zeit].view(-1, 1)
    return a.sqrt() * x + (1 - a).sqrt() * rauschen


bild, felder = plt.subplots(1, 3)
for feld, k in zip(felder, (5, 50, 95)):
    wolke = verrauschen(punkte, torch.tensor([k] * len(punkte)), torch.randn_like(punkte))
    feld.scatter(wolke[:, 0], wolke[:, 1], s=1)
plt.show()

# %% [markdown]
# ## D3 Netz und Ziel
# Die Zeit wird eingebettet und zur verborgenen Schicht addiert.


# %%
class Netz(nn.Module):
    def __init__(self, breite=128):
        super().__init__()
        self.zeit = nn.Embedding(SCHRITTE, breite)
        self.ein = nn.Linear(2, breite)
        self.mitte = nn.Sequential(nn.SiLU(), nn.Linear(breite, breite), nn.SiLU(), nn.Linear(breite, breite), nn.SiLU())
        self.aus = nn.Linear(breite, 2)

    def forward(self, *, zeit, punkte):
        return self.aus(self.mitte(self.ein(punkte) + self.zeit(zeit)))


# %% [markdown]
# ## D4 Training
# Jeder Stapel hat zufällige Zeiten; Huber-Verlust.

# %%
netz = Netz()
opt = torch.optim.Adam(netz.parameters(), lr=2e-3)
verluste = []
for lauf in range(SCHRITTE_TRAINING):
    stapel = punkte[torch.randint(len(punkte), (300,))]
    zeit = torch.randint(SCHRITTE, (300,))
    rauschen = torch.randn_like(stapel)
    verlust = F.smooth_l1_loss(netz(zeit=zeit, punkte=verrauschen(stapel, zeit, rauschen)), rauschen)
    opt.zero_grad()
    verlust.backward()
    opt.step()
    verluste.append(verlust.item())
plt.plot(verluste)
plt.show()

# %% [markdown]
# ## D5, D6 Schritt zurück und Ziehen
# Mittelwert und Rauschen in einer Schleife; im letzten Schritt kein Rauschen.

# %%
netz.eval()
x = torch.randn(2000, 2)
for k in reversed(range(SCHRITTE)):
    b, a, q = plan["beta"][k], plan["alpha"][k], plan["alpha_quer"][k]
    e = netz(zeit=torch.tensor([k] * 2000), punkte=x).detach()
    x = (x - b / (1 - q).sqrt() * e) / a.sqrt()
    if k > 0:
        x += b.sqrt() * torch.randn(2000, 2)
neue_punkte = x
plt.scatter(neue_punkte[:, 0], neue_punkte[:, 1], s=1)
plt.show()

# %% [markdown]
# ## D7 Fragen
# Rauschen hat immer dieselbe Größe. Kleine Schritte sind fast normalverteilt. Stable Diffusion verrauscht latente Codes; der Text
# lenkt das Netz über Aufmerksamkeit.
