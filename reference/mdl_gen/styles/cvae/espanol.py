# %% [markdown]
# # Práctica: autoencoder variacional condicional
# María Wonenburger

# %%
import numpy as np
import torch
from matplotlib import pyplot as plt
from torch import nn
from torchvision.datasets import MNIST

torch.manual_seed(7)

# %% tags=["parameters"]
N_EPOCAS = 20
N_IMAGENES = 20000

# %% [markdown]
# ## 1. Datos
# Las imágenes se normalizan a [-1, 1]; las etiquetas son enteros.

# %%
bruto = MNIST("datos", train=True, download=True)
imagenes = bruto.data[:N_IMAGENES].float().reshape(-1, 784) / 127.5 - 1
etiquetas = bruto.targets[:N_IMAGENES]

# %% [markdown]
# ## 2. Modelo
# La etiqueta entra como un vector aprendido (embedding), que se suma a la capa oculta de las dos redes.

# %%
class RedCondicional(nn.Module):
    def __init__(self, dim_z=6, oculta=300):
        super().__init__()
        self.dim_z = dim_z
        self.clase_cod = nn.Embedding(10, oculta)
        self.clase_dec = nn.Embedding(10, oculta)
        self.entrada = nn.Linear(784, oculta)
        self.parametros = nn.Linear(oculta, 2 * dim_z)
        self.desde_z = nn.Linear(dim_z, oculta)
        self.media = nn.Sequential(nn.LeakyReLU(0.1), nn.Linear(oculta, oculta), nn.LeakyReLU(0.1))
        self.salida = nn.Sequential(nn.Linear(oculta, 784), nn.Tanh())

    def codificar(self, imagen, etiqueta):
        h = torch.relu(self.entrada(imagen) + self.clase_cod(etiqueta))
        m, s = self.parametros(h).chunk(2, dim=1)
        return m, s

    def muestrear(self, m, s):
        return m + torch.exp(s / 2) * torch.randn_like(m)

    def decodificar(self, z, etiqueta):
        return self.salida(self.media(self.desde_z(z) + self.clase_dec(etiqueta)))

    def forward(self, imagen, etiqueta):
        m, s = self.codificar(imagen, etiqueta)
        return {"salida": self.decodificar(self.muestrear(m, s), etiqueta), "media": m, "logvar": s}


red = RedCondicional()

# %% [markdown]
# ## 3. Función de pérdida
# Error cuadrático (verosimilitud gaussiana) más la divergencia KL.

# %%
def perdida(salida, imagen, media, logvar):
    error = ((salida - imagen) ** 2).sum(dim=1)
    kl = 0.5 * (logvar.exp() + media**2 - 1 - logvar).sum(dim=1)
    return (error + kl).mean()

# %% [markdown]
# ## 4. Entrenamiento
# RMSprop, lotes de 80.

# %%
optimizador = torch.optim.RMSprop(red.parameters(), lr=1e-3)
historia = []
for epoca in range(N_EPOCAS):
    orden = np.random.permutation(len(imagenes))
    parciales = []
    for i in range(0, len(orden), 80):
        lote = orden[i : i + 80]
        r = red(imagenes[lote], etiquetas[lote])
        coste = perdida(r["salida"], imagenes[lote], r["media"], r["logvar"])
        red.zero_grad()
        coste.backward()
        optimizador.step()
        parciales.append(coste.item())
    historia.append(np.mean(parciales))
print("pérdida:", historia[0], "->", historia[-1])

# %% [markdown]
# La curva de la pérdida.

# %%
plt.plot(historia, "o-")
plt.title("pérdida por época")
plt.show()

# %% [markdown]
# ## 5. Generación
# Una fila por dígito.

# %%
red.eval()
fig, ejes = plt.subplots(10, 6, figsize=(5, 8))
for d in range(10):
    z = torch.randn(6, red.dim_z)
    with torch.no_grad():
        dibujos = red.decodificar(z, torch.full((6,), d))
    for eje, dibujo in zip(ejes[d], dibujos):
        eje.imshow(dibujo.reshape(28, 28), cmap="gray")
        eje.axis("off")
plt.show()

# %% [markdown]
# ## 6. Resultados y conclusiones
# Cada clase se reconoce. El código z guarda el estilo, porque la etiqueta ya dice qué dígito es. Los dibujos son borrosos.
