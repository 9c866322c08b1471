# style: en español, una clase con pérdida propia como método, historial en un diccionario, tres dimensiones latentes
# %% [markdown]
# # 5.2 Autocodificador variacional

# %%
import torch
import torch.nn as nn
import torch.nn.functional as F
import matplotlib.pyplot as plt
from torchvision import datasets

torch.manual_seed(3)

# %% tags=["parameters"]
EPOCAS = 15
N_ENTRENAMIENTO = 60000
N_PRUEBA = 10000

# %%
entrenamiento = datasets.MNIST("datos", train=True, download=True)
prueba = datasets.MNIST("datos", train=False, download=True)
imagenes = entrenamiento.data[:N_ENTRENAMIENTO].float().view(-1, 784) / 255
imagenes_prueba = prueba.data[:N_PRUEBA].float().view(-1, 784) / 255
cifras = prueba.targets[:N_PRUEBA]

# %% [markdown]
# ## Codificador y decodificador

# %%
class Autocodificador(nn.Module):
    def __init__(self, dim_latente=3):
        super().__init__()
        self.oculta = nn.Linear(784, 256)
        self.media = nn.Linear(256, dim_latente)
        self.log_varianza = nn.Linear(256, dim_latente)
        self.decodificador = nn.Sequential(nn.Linear(dim_latente, 256), nn.ReLU(), nn.Linear(256, 784), nn.Sigmoid())

    def codificar(self, x):
        h = F.relu(self.oculta(x))
        return self.media(h), self.log_varianza(h)

    def reparametrizar(self, media, log_varianza):
        ruido = torch.randn_like(media)
        return media + torch.exp(log_varianza / 2) * ruido

    def forward(self, x):
        media, log_varianza = self.codificar(x)
        return self.decodificador(self.reparametrizar(media, log_varianza)), media, log_varianza


# %% [markdown]
# ## Pérdida

# %%
def perdida(salida, x, media, log_varianza):
    reconstruccion = F.binary_cross_entropy(salida, x, reduction="sum") / x.shape[0]
    kl = -0.5 * (1 + log_varianza - media**2 - log_varianza.exp()).sum(1).mean()
    return {"total": reconstruccion + kl, "reconstruccion": reconstruccion, "kl": kl}


# %% [markdown]
# ## Entrenamiento

# %%
modelo = Autocodificador()
optimizador = torch.optim.Adam(modelo.parameters(), lr=1e-3)
registro = {"total": [], "reconstruccion": [], "kl": []}
for epoca in range(EPOCAS):
    sumas = dict.fromkeys(registro, 0.0)
    lotes = imagenes[torch.randperm(len(imagenes))].split(128)
    for lote in lotes:
        optimizador.zero_grad()
        salida, media, log_varianza = modelo(lote)
        valores = perdida(salida, lote, media, log_varianza)
        valores["total"].backward()
        optimizador.step()
        for nombre, valor in valores.items():
            sumas[nombre] += valor.item() / len(lotes)
    for nombre, valor in sumas.items():
        registro[nombre].append(valor)
    print(f"época {epoca + 1}: pérdida {registro['total'][-1]:.3f}")
history = registro
for nombre, curva in registro.items():
    plt.plot(curva, label=nombre)
plt.legend()
plt.show()

# %% [markdown]
# ## Espacio latente

# %%
with torch.no_grad():
    medias, _ = modelo.codificar(imagenes_prueba)
figura, eje = plt.subplots()
for cifra in range(10):
    eje.scatter(*medias[cifras == cifra][:, :2].T, s=3, label=str(cifra))
eje.legend()
plt.show()

# %% [markdown]
# ## Muestras

# %%
with torch.no_grad():
    muestras = modelo.decodificador(torch.randn(10, 3))
figura, ejes = plt.subplots(2, 5, figsize=(7, 3))
for imagen, eje in zip(muestras, ejes.flat):
    eje.imshow(imagen.view(28, 28), cmap="gray")
    eje.axis("off")
plt.show()

# %% [markdown]
# ## Reflexión
# La divergencia: $\log q - \log p$ bajo $q$, con $E z^2 = \mu^2 + \sigma^2$, da $-\frac12 (1 + \log \sigma^2 - \mu^2 - \sigma^2)$ y se
# suma sobre las dimensiones.
#
# Sin reparametrización el gradiente no llega al codificador, porque una muestra no es diferenciable.
#
# En el espacio latente el 0 y el 1 están separados, el 4 y el 9 se mezclan, y las muestras salen borrosas.
