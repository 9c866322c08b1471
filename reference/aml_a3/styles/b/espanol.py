# style: Spanish Markdown, names and prints, model with forward that returns a dict, classes that hold their optimizer, results in a pandas table
# %% [markdown]
# # Tarea 3, Parte B: VAE y GAN
# Todo en CPU.

# %% [markdown]
# ## Preparación
# Bibliotecas y semilla 1234.

# %%
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
import torch.nn.functional as F
import matplotlib.pyplot as plt
from torch.utils.data import DataLoader, TensorDataset
from torchvision.datasets import MNIST

semilla = 1234
np.random.seed(semilla)
torch.manual_seed(semilla)

# %% [markdown]
# Hiperparámetros: épocas y tamaños.

# %% tags=["parameters"]
epocas = 10
epocas_clasificador = 5
n_entrenamiento = 50000
n_validacion = 10000
lote = 128

# %% [markdown]
# ## Datos
# Imágenes en [0, 1] y separación en entrenamiento y validación.

# %%
base = MNIST("datos", train=True, download=True)
prueba = MNIST("datos", train=False, download=True)
imagenes = base.data.unsqueeze(1).float().div(255.0)
etiquetas = base.targets
imagenes_prueba = prueba.data.unsqueeze(1).float().div(255.0)
orden = torch.randperm(len(imagenes))
entrenamiento = imagenes[orden[:n_entrenamiento]]
validacion = imagenes[orden[-n_validacion:]]
cargador = DataLoader(TensorDataset(entrenamiento), batch_size=lote, shuffle=True)


def mosaico(x, filas, columnas):
    x = x.detach().reshape(filas, columnas, 28, 28)
    return torch.cat(list(torch.cat(list(x.transpose(0, 1)), dim=2)), dim=0).numpy()


def ver(x, filas, columnas, titulo):
    plt.figure(figsize=(columnas * 0.8, filas * 0.8))
    plt.imshow(mosaico(x, filas, columnas), cmap="gray")
    plt.title(titulo)
    plt.axis("off")
    plt.show()

# %% [markdown]
# ## B1. Autocodificador variacional
# El codificador da la media y el logaritmo de la varianza.

# %%
class Autocodificador(nn.Module):
    def __init__(self, dim_latente=16):
        super().__init__()
        self.dim_latente = dim_latente
        self.codificador = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU())
        self.media = nn.Linear(256, dim_latente)
        self.log_varianza = nn.Linear(256, dim_latente)
        self.decodificador = nn.Sequential(
            nn.Linear(dim_latente, 256), nn.ReLU(),
            nn.Linear(256, 512), nn.ReLU(),
            nn.Linear(512, 784), nn.Sigmoid(),
        )

    def codificar(self, x):
        oculto = self.codificador(x.flatten(start_dim=1))
        return self.media(oculto), self.log_varianza(oculto)

    def decodificar(self, z):
        return self.decodificador(z)

    def forward(self, x):
        media, log_varianza = self.codificar(x)
        ruido = torch.randn_like(media)
        z = media + torch.exp(0.5 * log_varianza) * ruido
        return {"reconstruccion": self.decodificar(z), "media": media, "log_varianza": log_varianza}


def perdida_vae(x, salida):
    n = x.shape[0]
    error = F.binary_cross_entropy(salida["reconstruccion"], x.flatten(start_dim=1), reduction="sum") / n
    m, lv = salida["media"], salida["log_varianza"]
    divergencia = -0.5 * torch.sum(1 + lv - m**2 - torch.exp(lv)) / n
    return error + divergencia, error, divergencia


vae = Autocodificador()
optimizador = torch.optim.Adam(vae.parameters(), lr=1e-3, betas=(0.9, 0.999), weight_decay=0)
z_fijo = torch.randn(100, 16)

# %% [markdown]
# Entrenamiento del VAE.

# %%
registro = pd.DataFrame(index=range(1, epocas + 1), columns=["reconstruccion", "KL", "ELBO negativo"], dtype=float)
for epoca in registro.index:
    vae.train()
    suma = torch.zeros(3, dtype=torch.float64)
    for (x,) in cargador:
        total, error, divergencia = perdida_vae(x, vae(x))
        optimizador.zero_grad()
        total.backward()
        optimizador.step()
        suma += len(x) * torch.stack([error, divergencia, total]).detach().double()
    registro.loc[epoca] = (suma / len(entrenamiento)).numpy()
    vae.eval()
    plt.imsave(f"vae_epoca_{epoca}.png", mosaico(vae.decodificar(z_fijo), 10, 10), cmap="gray")
    print(f"época {epoca}:", registro.loc[epoca].round(2).to_dict())

# %% [markdown]
# Curvas por época.

# %%
registro.plot(subplots=True, layout=(1, 3), figsize=(12, 3), xlabel="época", title="VAE")
plt.show()

# %% [markdown]
# ## B2. Reconstrucción y generación
# Cinco imágenes de validación con su reconstrucción y diez muestras.

# %%
cinco = validacion[:5]
with torch.no_grad():
    reconstruidas = vae.decodificar(vae.codificar(cinco)[0])
    muestras = vae.decodificar(torch.randn(10, 16))
ver(torch.cat([cinco.flatten(1), reconstruidas]), 2, 5, "originales y reconstrucciones")
ver(muestras, 2, 5, "muestras del VAE")

# %% [markdown]
# Las muestras son variadas pero borrosas; las reconstrucciones conservan la forma del dígito y pierden los detalles finos.

# %% [markdown]
# ## B3. GAN
# Cada jugador guarda su propio optimizador.

# %%
class Jugador(nn.Module):
    def __init__(self, *capas):
        super().__init__()
        self.capas = nn.ModuleList(capas)
        self.optimizador = torch.optim.Adam(self.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def forward(self, x):
        for capa in self.capas:
            x = capa(x)
        return x


generador = Jugador(
    nn.Linear(64, 256), nn.LeakyReLU(0.2), nn.Linear(256, 512), nn.LeakyReLU(0.2), nn.Linear(512, 784), nn.Tanh()
)
discriminador = Jugador(
    nn.Flatten(), nn.Linear(784, 512), nn.LeakyReLU(0.2), nn.Dropout(0.3),
    nn.Linear(512, 256), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(256, 1),
)
entropia = nn.BCEWithLogitsLoss()


def paso_discriminador(reales, falsas):
    en_reales, en_falsas = discriminador(reales), discriminador(falsas.detach())
    perdida = entropia(en_reales, 0.9 * torch.ones_like(en_reales)) + entropia(en_falsas, torch.zeros_like(en_falsas))
    discriminador.optimizador.zero_grad()
    perdida.backward()
    discriminador.optimizador.step()
    return perdida.item()


def paso_generador(falsas):
    en_falsas = discriminador(falsas)
    perdida = entropia(en_falsas, torch.ones_like(en_falsas))
    generador.optimizador.zero_grad()
    perdida.backward()
    generador.optimizador.step()
    return perdida.item()

# %% [markdown]
# Entrenamiento: un paso de cada uno por lote, con imágenes en [-1, 1].

# %%
ruido_fijo = torch.randn(64, 64)
ruido_cien = torch.randn(100, 64)
perdidas = {"D": [], "G": []}
cuadriculas = {}
for epoca in range(1, epocas + 1):
    generador.train()
    discriminador.train()
    de_la_epoca = []
    for (x,) in cargador:
        falsas = generador(torch.randn(len(x), 64))
        d = paso_discriminador(2 * x - 1, falsas)
        g = paso_generador(falsas)
        de_la_epoca.append((d, g))
    d, g = np.mean(de_la_epoca, axis=0)
    perdidas["D"].append(d)
    perdidas["G"].append(g)
    generador.eval()
    plt.imsave(f"gan_epoca_{epoca}.png", mosaico((generador(ruido_cien) + 1) / 2, 10, 10), cmap="gray")
    if epoca in (1, 5, 10):
        cuadriculas[epoca] = ((generador(ruido_fijo) + 1) / 2).detach()
    print(f"época {epoca}: L_D = {d:.3f}, L_G = {g:.3f}")
pd.DataFrame(perdidas, index=range(1, epocas + 1)).plot(xlabel="época", ylabel="pérdida", title="GAN")
plt.show()

# %% [markdown]
# ## B4. Imágenes de la GAN
# El mismo ruido en las épocas 1, 5 y 10.

# %%
for epoca, cuadricula in cuadriculas.items():
    ver(cuadricula, 8, 8, f"GAN, época {epoca}")

# %% [markdown]
# Al principio solo hay manchas; al final se leen casi todos los dígitos. No hay un colapso completo, pero algunos dígitos se repiten.

# %% [markdown]
# ## B5. Comparación cuantitativa
# Clasificador convolucional; la softmax se aplica fuera de la red.

# %%
class Clasificador(nn.Module):
    def __init__(self):
        super().__init__()
        self.bloque1 = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.bloque2 = nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.densa = nn.Linear(64 * 7 * 7, 128)
        self.salida = nn.Linear(128, 10)

    def caracteristicas(self, x):
        return F.relu(self.densa(self.bloque2(self.bloque1(x)).flatten(1)))

    def forward(self, x):
        return self.salida(self.caracteristicas(x))


clasificador = Clasificador()
opt = torch.optim.Adam(clasificador.parameters(), lr=1e-3)
todo = DataLoader(TensorDataset(imagenes, etiquetas), batch_size=lote, shuffle=True)
for epoca in range(1, epocas_clasificador + 1):
    aciertos = 0
    for x, y in todo:
        logits = clasificador(x)
        perdida = F.cross_entropy(logits, y)
        opt.zero_grad()
        perdida.backward()
        opt.step()
        aciertos += (logits.argmax(1) == y).sum().item()
    print(f"clasificador, época {epoca}: exactitud {aciertos / len(imagenes):.4f}")
clasificador.eval()
for parametro in clasificador.parameters():
    parametro.requires_grad_(False)

# %% [markdown]
# Inception Score y distancia de Fréchet.

# %%
def puntuacion_inception(p, divisiones=10):
    valores = []
    for parte in np.split(p, divisiones):
        marginal = parte.mean(axis=0)
        kl = (parte * (np.log(parte + 1e-12) - np.log(marginal + 1e-12))).sum(axis=1)
        valores.append(np.exp(kl.mean()))
    return np.mean(valores), np.std(valores, ddof=1)


def raiz(matriz):
    valores, vectores = np.linalg.eigh(matriz)
    return vectores * np.sqrt(np.maximum(valores, 0)) @ vectores.T


def distancia_frechet(a, b):
    s = raiz(np.cov(a, rowvar=False))
    traza = np.trace(raiz(s @ np.cov(b, rowvar=False) @ s))
    return np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(s @ s) + np.trace(np.cov(b, rowvar=False)) - 2 * traza


with torch.no_grad():
    reales = clasificador.caracteristicas(imagenes_prueba[:1000]).numpy().astype(float)
    generadas = {
        "VAE": vae.decodificar(torch.randn(100, 16)).reshape(-1, 1, 28, 28),
        "GAN": ((generador(torch.randn(100, 64)) + 1) / 2).reshape(-1, 1, 28, 28),
    }
    filas = {}
    for nombre, x in generadas.items():
        media, desviacion = puntuacion_inception(clasificador(x).softmax(1).numpy().astype(float))
        filas[nombre] = {
            "IS (más alto es mejor)": f"{media:.3f} ± {desviacion:.3f}",
            "FID (más bajo es mejor)": distancia_frechet(reales, clasificador.caracteristicas(x).numpy().astype(float)),
        }
tabla = pd.DataFrame(filas).T
print(tabla)
tabla
