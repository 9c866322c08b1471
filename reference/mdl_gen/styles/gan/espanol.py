# style: Spanish, names of its own, probabilities with BCELoss, NumPy for the modes
# %% [markdown]
# # Práctica 3: GAN y WGAN
# Emmy Noether

# %%
import numpy as np
import matplotlib.pyplot as plt
import torch
import torch.nn as nn
from torch.optim import Adam, RMSprop

torch.manual_seed(99)

# %% tags=["parameters"]
PASOS_GAN = 4000
PASOS_WGAN = 2000
PASOS_OTRO = 2000

# %% [markdown]
# ## Datos
# Ocho gaussianas sobre un anillo.

# %%
angulos = 2 * np.pi * np.arange(8) / 8
centros = 2.0 * np.column_stack([np.cos(angulos), np.sin(angulos)])
azar = np.random.default_rng(0)
datos = torch.tensor(centros[azar.integers(8, size=10000)] + 0.1 * azar.normal(size=(10000, 2)), dtype=torch.float32)

# %% [markdown]
# ## Generador y discriminador
# El discriminador da probabilidades.

# %%
def crear_generador(dim_ruido=16):
    return nn.Sequential(nn.Linear(dim_ruido, 80), nn.Tanh(), nn.Linear(80, 80), nn.Tanh(), nn.Linear(80, 2))


def crear_discriminador():
    return nn.Sequential(
        nn.Linear(2, 80), nn.LeakyReLU(0.1), nn.Linear(80, 80), nn.LeakyReLU(0.1), nn.Linear(80, 1), nn.Sigmoid()
    )


generador, discriminador = crear_generador(), crear_discriminador()

# %% [markdown]
# ## Un paso de cada red
# Entropía cruzada binaria.

# %%
criterio = nn.BCELoss()


def paso_discriminador(generador, discriminador, opt_d, reales):
    opt_d.zero_grad()
    with torch.no_grad():
        falsos = generador(torch.randn(len(reales), 16))
    p_reales, p_falsos = discriminador(reales), discriminador(falsos)
    perdida = (criterio(p_reales, torch.ones_like(p_reales)) + criterio(p_falsos, torch.zeros_like(p_falsos))) / 2
    perdida.backward()
    opt_d.step()
    return perdida.item()


def paso_generador(generador, discriminador, opt_g, n_lote):
    opt_g.zero_grad()
    p_falsos = discriminador(generador(torch.randn(n_lote, 16)))
    perdida = criterio(p_falsos, torch.ones_like(p_falsos))
    perdida.backward()
    opt_g.step()
    return perdida.item()

# %% [markdown]
# ## Contar los modos
# Con NumPy.

# %%
def modos_cubiertos(muestras):
    muestras = np.asarray(muestras)
    distancias = np.sqrt(((muestras[:, None, :] - centros[None]) ** 2).sum(axis=2))
    return int(((distancias <= 0.3).mean(axis=0) >= 0.02).sum())

# %% [markdown]
# ## Entrenamiento
# Un paso de cada red por lote.

# %%
opt_g, opt_d = Adam(generador.parameters(), lr=1e-3, betas=(0.5, 0.99)), Adam(discriminador.parameters(), lr=1e-3, betas=(0.5, 0.99))
perdidas_d, perdidas_g, modos = [], [], []
for paso in range(PASOS_GAN):
    lote = datos[torch.randint(0, len(datos), (100,))]
    perdidas_d.append(paso_discriminador(generador, discriminador, opt_d, lote))
    perdidas_g.append(paso_generador(generador, discriminador, opt_g, 100))
    if (paso + 1) % 100 == 0:
        modos.append(modos_cubiertos(generador(torch.randn(1000, 16)).detach()))
muestras = generador(torch.randn(3000, 16)).detach().numpy()
n_cubiertos = modos_cubiertos(muestras)
print(f"La GAN cubre {n_cubiertos} modos de 8")

# %% [markdown]
# Las figuras.

# %%
fig, ejes = plt.subplots(1, 3, figsize=(15, 4))
ejes[0].plot(perdidas_d, label="discriminador")
ejes[0].plot(perdidas_g, label="generador")
ejes[0].legend()
ejes[1].plot(datos[:500, 0].numpy(), datos[:500, 1].numpy(), "k.", label="datos")
ejes[1].plot(muestras[:, 0], muestras[:, 1], "r.", label="muestras")
ejes[1].legend()
ejes[2].step(range(len(modos)), modos)
ejes[2].set_title("modos cubiertos")
plt.show()

# %% [markdown]
# ## WGAN
# El crítico no tiene sigmoide.

# %%
critico = nn.Sequential(nn.Linear(2, 80), nn.LeakyReLU(0.1), nn.Linear(80, 80), nn.LeakyReLU(0.1), nn.Linear(80, 1))
generador_w = crear_generador()
opt_critico, opt_gw = RMSprop(critico.parameters(), lr=1e-3), RMSprop(generador_w.parameters(), lr=1e-3)
limite = 0.1


def paso_critico(generador, critico, opt_c, reales):
    opt_c.zero_grad()
    falsos = generador(torch.randn(len(reales), 16)).detach()
    perdida = torch.mean(critico(falsos)) - torch.mean(critico(reales))
    perdida.backward()
    opt_c.step()
    for parametro in critico.parameters():
        parametro.data = torch.clamp(parametro.data, -limite, limite)
    return perdida.item()


def paso_generador_wgan(generador, critico, opt_g, n_lote):
    opt_g.zero_grad()
    perdida = -torch.mean(critico(generador(torch.randn(n_lote, 16))))
    perdida.backward()
    opt_g.step()
    return perdida.item()


for paso in range(PASOS_WGAN):
    for _ in range(5):
        paso_critico(generador_w, critico, opt_critico, datos[torch.randint(0, len(datos), (100,))])
    paso_generador_wgan(generador_w, critico, opt_gw, 100)
muestras_wgan = generador_w(torch.randn(3000, 16)).detach().numpy()
plt.scatter(muestras_wgan[:, 0], muestras_wgan[:, 1], s=2)
plt.title("Muestras de la WGAN")
plt.show()

# %% [markdown]
# ## Colapso: un entrenamiento inestable
# Con la pérdida que satura.

# %%
def paso_generador_saturante(generador, discriminador, opt_g, n_lote):
    opt_g.zero_grad()
    p_falsos = discriminador(generador(torch.randn(n_lote, 16)))
    perdida = -criterio(p_falsos, torch.zeros_like(p_falsos))
    perdida.backward()
    opt_g.step()
    return perdida.item()


generador_2, discriminador_2 = crear_generador(), crear_discriminador()
opt_g2, opt_d2 = Adam(generador_2.parameters(), lr=1e-3), Adam(discriminador_2.parameters(), lr=4e-3)
modos_otro = []
for paso in range(PASOS_OTRO):
    paso_discriminador(generador_2, discriminador_2, opt_d2, datos[torch.randint(0, len(datos), (100,))])
    paso_generador_saturante(generador_2, discriminador_2, opt_g2, 100)
    if (paso + 1) % 100 == 0:
        modos_otro.append(modos_cubiertos(generador_2(torch.randn(1000, 16)).detach()))
plt.plot(modos_otro)
plt.title("modos cubiertos, pérdida saturante")
plt.show()

# %% [markdown]
# El colapso de modos se ve en la curva. Ventaja de las GAN: muestras nítidas; desventaja frente a un VAE: inestables.
