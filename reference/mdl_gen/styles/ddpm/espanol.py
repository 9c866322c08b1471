# style: in Spanish, T + 1 values counted from 1, the time scaled to [0, 1] in a third column, functions with globals
# %% [markdown]
# # Modelo de difusión en el plano
# ## Preparación
# Paquetes, semilla y parámetros.

# %% tags=["parameters"]
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

torch.manual_seed(1234)
ACTUALIZACIONES = 4000
T = 100

# %% [markdown]
# Los datos: dos lunas.

# %%
gen = np.random.default_rng(6)
ang = gen.uniform(0, np.pi, 1000)
arriba = np.stack([np.cos(ang), np.sin(ang)], axis=1)
abajo = np.stack([1 - np.cos(ang), 0.5 - np.sin(ang)], axis=1)
lunas = np.concatenate([arriba, abajo]) + gen.normal(0, 0.08, (2000, 2))
datos = torch.tensor((lunas - lunas.mean(0)) / lunas.std(0), dtype=torch.float32)

# %% [markdown]
# ## D1 Plan de ruido
# Los pasos se cuentan de 1 a T; el lugar 0 es el dato sin ruido.

# %%
varianzas = torch.cat([torch.zeros(1), torch.linspace(1e-3, 0.2, T)])
factores = 1 - varianzas
producto = torch.cumprod(factores, 0)

# %% [markdown]
# ## D2 Añadir ruido en un paso
# Fórmula cerrada.


# %%
def anadir_ruido(x, pasos, ruido=None):
    if ruido is None:
        ruido = torch.randn(x.shape)
    p = producto[pasos].reshape(-1, 1)
    return p**0.5 * x + (1 - p) ** 0.5 * ruido


for paso in (1, 40, 100):
    con_ruido = anadir_ruido(datos, torch.full((len(datos),), paso))
    plt.plot(con_ruido[:, 0], con_ruido[:, 1], ".", markersize=1)
    plt.title(f"paso {paso}")
    plt.show()

# %% [markdown]
# ## D3 Red que predice el ruido
# Una red con tres entradas: el punto y el tiempo.

# %%
red = nn.Sequential(nn.Linear(3, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 2))


def predecir(x, pasos):
    return red(torch.cat([x, pasos.reshape(-1, 1) / T], dim=1))


# %% [markdown]
# El objetivo: error cuadrático entre el ruido y la predicción.


# %%
def perdida(lote):
    pasos = torch.randint(1, T + 1, (len(lote),))
    ruido = torch.randn(lote.shape)
    return ((predecir(anadir_ruido(lote, pasos, ruido), pasos) - ruido) ** 2).mean()


# %% [markdown]
# ## D4 Entrenamiento
# Adam con lotes de 500 puntos.

# %%
optimizador = torch.optim.Adam(red.parameters(), lr=3e-3)
perdidas = []
for k in range(ACTUALIZACIONES):
    valor = perdida(datos[torch.randperm(len(datos))[:500]])
    optimizador.zero_grad()
    valor.backward()
    optimizador.step()
    perdidas.append(valor.item())
plt.plot(perdidas)
plt.show()

# %% [markdown]
# ## D5 Un paso atrás
# La media y el ruido de varianza beta; en el paso 1, la media sola.


# %%
def paso_atras(x, t):
    with torch.no_grad():
        eps = predecir(x, torch.full((len(x),), t))
    media = (x - varianzas[t] / (1 - producto[t]) ** 0.5 * eps) / factores[t] ** 0.5
    return media if t == 1 else media + varianzas[t] ** 0.5 * torch.randn(x.shape)


# %% [markdown]
# ## D6 Muestreo
# De ruido puro a los datos.

# %%
x = torch.randn(2000, 2)
for t in range(T, 0, -1):
    x = paso_atras(x, t)
muestras = x.numpy()
plt.scatter(muestras[:, 0], muestras[:, 1], s=2)
plt.show()

# %% [markdown]
# ## D7 Preguntas
# El ruido tiene siempre el mismo tamaño. Los pasos pequeños son gaussianos. Stable Diffusion añade ruido a códigos latentes y el
# texto guía la red por atención.
