# %% [markdown]
# # Bedingter Variations-Autoencoder mit Faltungen
# Emmy Noether

# %%
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision
import matplotlib.pyplot as plt

# %% tags=["parameters"]
EPOCHEN = 20
ANZAHL = 20000

# %% [markdown]
# ## Daten laden
# Bilder als (1, 28, 28) in [0, 1], Klassen als ganze Zahlen.

# %%
roh = torchvision.datasets.MNIST("daten", train=True, download=True)
bilder = roh.data[:ANZAHL].unsqueeze(1).float().div(255)
klassen = roh.targets[:ANZAHL]

# %% [markdown]
# ## Das Netz
# Die Klasse kommt beim Kodieren als zehn weitere Kanäle hinzu, beim Dekodieren neben den Code.

# %%
class BedingterVAE(nn.Module):
    def __init__(self, tiefe=10):
        super().__init__()
        self.tiefe = tiefe
        self.kodierer = nn.Sequential(
            nn.Conv2d(11, 8, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(8, 16, 4, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(16 * 7 * 7, 128), nn.ReLU(),
        )
        self.mittel = nn.Linear(128, tiefe)
        self.streuung = nn.Linear(128, tiefe)
        self.dekodierer = nn.Sequential(
            nn.Linear(tiefe + 10, 16 * 7 * 7), nn.ReLU(), nn.Unflatten(1, (16, 7, 7)),
            nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1),
        )

    def zeichne(self, code, klasse):
        return self.dekodierer(torch.cat([code, F.one_hot(klasse, 10).float()], 1))

    def forward(self, bild, klasse):
        karte = F.one_hot(klasse, 10).float()[:, :, None, None].expand(-1, -1, 28, 28)
        h = self.kodierer(torch.cat([bild, karte], 1))
        mittel, lv = self.mittel(h), self.streuung(h)
        code = mittel + torch.randn_like(mittel) * (0.5 * lv).exp()
        return self.zeichne(code, klasse), mittel, lv, code


netz = BedingterVAE()

# %% [markdown]
# ## Verlust und Training
# Kreuzentropie der Logits und KL-Divergenz, je Bild.

# %%
def verlust(logits, bild, mittel, lv):
    rekonstruktion = F.binary_cross_entropy_with_logits(logits, bild, reduction="sum")
    kl = -0.5 * (1 + lv - mittel**2 - lv.exp()).sum()
    return (rekonstruktion + kl) / bild.shape[0], rekonstruktion / bild.shape[0], kl / bild.shape[0]


opt = torch.optim.Adam(netz.parameters(), lr=2e-3)
verlauf = {"verlust": [], "kl": []}
for epoche in range(EPOCHEN):
    netz.train()
    summe, summe_kl, anzahl = 0.0, 0.0, 0
    for i in torch.randperm(len(bilder)).split(100):
        opt.zero_grad()
        logits, mittel, lv, _ = netz(bilder[i], klassen[i])
        gesamt, _, kl = verlust(logits, bilder[i], mittel, lv)
        gesamt.backward()
        opt.step()
        summe += gesamt.item() * len(i)
        summe_kl += kl.item() * len(i)
        anzahl += len(i)
    verlauf["verlust"].append(summe / anzahl)
    verlauf["kl"].append(summe_kl / anzahl)
    print(epoche + 1, verlauf["verlust"][-1])

# %% [markdown]
# ## Ergebnisse
# Der Verlauf, dann zehn Ziffern je Klasse.

# %%
plt.plot(verlauf["verlust"], label="Verlust")
plt.plot(verlauf["kl"], label="KL")
plt.legend()
plt.show()
netz.eval()
plt.figure(figsize=(8, 8))
for ziffer in range(10):
    with torch.no_grad():
        gemalt = torch.sigmoid(netz.zeichne(torch.randn(10, netz.tiefe), torch.tensor([ziffer] * 10)))
    for spalte in range(10):
        plt.subplot(10, 10, 10 * ziffer + spalte + 1)
        plt.imshow(gemalt[spalte, 0], cmap="gray")
        plt.axis("off")
plt.show()

# %% [markdown]
# ## Schluss
# Die Ziffern gehören zur verlangten Klasse (label). Der latente Code bestimmt nur den Stil.
