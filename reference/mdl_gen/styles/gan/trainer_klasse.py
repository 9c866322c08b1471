# style: German, a trainer class with methods, losses written out with softplus, exchanged signs in the WGAN
# %% [markdown]
# # Übung 3: GAN und WGAN

# %%
import torch
import numpy as np
import matplotlib.pyplot as plt
from torch import nn
import torch.nn.functional as F

torch.manual_seed(5)

# %% tags=["parameters"]
SCHRITTE_GAN = 4000
SCHRITTE_WGAN = 2000
SCHRITTE_ANDERS = 2000

# %%
winkel = torch.arange(8) * (2 * torch.pi / 8)
zentren = 2 * torch.stack((torch.cos(winkel), torch.sin(winkel)), 1)
daten = zentren[torch.randint(8, (10000,))] + 0.1 * torch.randn(10000, 2)

# %% [markdown]
# ## G1 Netze
# Ein allgemeines Netz für alle drei.

# %%
class Netz(nn.Module):
    def __init__(self, ein, aus, breite=64):
        super().__init__()
        self.schichten = nn.ModuleList([nn.Linear(ein, breite), nn.Linear(breite, breite), nn.Linear(breite, aus)])

    def forward(self, x):
        for schicht in self.schichten[:-1]:
            x = F.leaky_relu(schicht(x), 0.2)
        return self.schichten[-1](x)


class Erzeuger(Netz):
    def __init__(self):
        super().__init__(8, 2)


class Diskriminator(Netz):
    def __init__(self):
        super().__init__(2, 1)


class Kritiker(Netz):
    def __init__(self):
        super().__init__(2, 1)

# %% [markdown]
# ## G2 Ein Schritt
# Die Kreuzentropie als softplus.

# %%
class GanTrainer:
    def __init__(self, lr_g=1e-3, lr_d=1e-3, beta=0.5):
        self.generator, self.discriminator = Erzeuger(), Diskriminator()
        self.opt_g = torch.optim.Adam(self.generator.parameters(), lr=lr_g, betas=(beta, 0.999))
        self.opt_d = torch.optim.Adam(self.discriminator.parameters(), lr=lr_d, betas=(beta, 0.999))
        self.verlauf = {"d": [], "g": [], "moden": []}

    def schritt_d(self, real):
        fake = self.generator(torch.randn(len(real), 8)).detach()
        verlust = F.softplus(-self.discriminator(real)).mean() + F.softplus(self.discriminator(fake)).mean()
        self.opt_d.zero_grad()
        verlust.backward()
        self.opt_d.step()
        return verlust.item()

    def schritt_g(self, n):
        verlust = F.softplus(-self.discriminator(self.generator(torch.randn(n, 8)))).mean()
        self.opt_g.zero_grad()
        verlust.backward()
        self.opt_g.step()
        return verlust.item()

    def lerne(self, schritte):
        for i in range(1, schritte + 1):
            real = daten[torch.randint(len(daten), (128,))]
            self.verlauf["d"].append(self.schritt_d(real))
            self.verlauf["g"].append(self.schritt_g(128))
            if i % 100 == 0:
                self.verlauf["moden"].append(zaehle_moden(self.ziehe(2000)))

    @torch.no_grad()
    def ziehe(self, n):
        return self.generator(torch.randn(n, 8))

# %% [markdown]
# ## G3 Moden zählen

# %%
def zaehle_moden(proben):
    abstand = (proben[:, None] - zentren).pow(2).sum(-1).sqrt()
    anteil = (abstand <= 0.3).float().mean(0)
    return sum(1 for a in anteil if a >= 0.02)

# %% [markdown]
# ## G4 Training

# %%
gan = GanTrainer()
gan.lerne(SCHRITTE_GAN)
proben = gan.ziehe(2000)
n_abgedeckt = zaehle_moden(proben)
print(n_abgedeckt, "Moden abgedeckt")
fig, ax = plt.subplots(1, 2, figsize=(10, 4))
ax[0].plot(gan.verlauf["d"], lw=0.5, label="D")
ax[0].plot(gan.verlauf["g"], lw=0.5, label="G")
ax[0].legend()
ax[1].scatter(daten[:500, 0], daten[:500, 1], s=2)
ax[1].scatter(proben[:, 0], proben[:, 1], s=2)
plt.show()
plt.plot(gan.verlauf["moden"], "o-")
plt.title("Abgedeckte Moden")
plt.show()

# %% [markdown]
# ## G5 WGAN
# Der Kritiker bewertet hier falsche Punkte hoch, und der Erzeuger senkt die Bewertung.

# %%
class WganTrainer:
    def __init__(self):
        self.generator, self.critic = Erzeuger(), Kritiker()
        self.opt_g = torch.optim.RMSprop(self.generator.parameters(), lr=1e-3)
        self.opt_c = torch.optim.RMSprop(self.critic.parameters(), lr=1e-3)

    def critic_step(self, real):
        fake = self.generator(torch.randn(len(real), 8)).detach()
        verlust = self.critic(real).mean() - self.critic(fake).mean()
        self.opt_c.zero_grad()
        verlust.backward()
        self.opt_c.step()
        with torch.no_grad():
            for gewicht in self.critic.parameters():
                gewicht.copy_(gewicht.clamp(-0.1, 0.1))

    def wgan_generator_step(self, n):
        verlust = self.critic(self.generator(torch.randn(n, 8))).mean()
        self.opt_g.zero_grad()
        verlust.backward()
        self.opt_g.step()

    def lerne(self, schritte):
        for i in range(schritte):
            for _ in range(5):
                self.critic_step(daten[torch.randint(len(daten), (128,))])
            self.wgan_generator_step(128)


wgan = WganTrainer()
wgan.lerne(SCHRITTE_WGAN)
with torch.no_grad():
    proben_wgan = wgan.generator(torch.randn(2000, 8))
plt.scatter(proben_wgan[:, 0], proben_wgan[:, 1], s=2)
plt.show()

# %% [markdown]
# ## G6 Ein Training, das schiefgeht
# Große Lernraten und Momentum.

# %%
schlecht = GanTrainer(lr_g=5e-3, lr_d=5e-3, beta=0.9)
schlecht.lerne(SCHRITTE_ANDERS)
moden_andere = schlecht.verlauf["moden"]
plt.plot(moden_andere)
plt.title("Abgedeckte Moden, großes Momentum")
plt.show()

# %% [markdown]
# Der Generator springt von Mode zu Mode (Kollaps). Kleinere Lernraten helfen. GANs sind scharf, aber instabil; ein VAE ist stabil.
