# %% [markdown]
# # Práctica 1: autocodificador variacional

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn
from torchvision import datasets, transforms

# %% tags=["parameters"]
epocas = 15
n_imagenes = 20000
n_mostradas = 2000

# %% [markdown]
# ## Datos

# %%
conjunto = datasets.MNIST("datos", train=True, download=True, transform=transforms.ToTensor())
conjunto = torch.utils.data.Subset(conjunto, range(min(n_imagenes, len(conjunto))))
cargador = torch.utils.data.DataLoader(conjunto, batch_size=128, shuffle=True)
prueba = datasets.MNIST("datos", train=False, download=True)
x_prueba = prueba.data[:n_mostradas].float().view(-1, 784) / 255
y_prueba = prueba.targets[:n_mostradas]

# %% [markdown]
# ## Codificador

# %%
class Codificador(nn.Module):
    def __init__(self, dim_latente=2):
        super().__init__()
        self.capas = nn.Sequential(nn.Linear(784, 400), nn.Tanh())
        self.media = nn.Linear(400, dim_latente)
        self.log_varianza = nn.Linear(400, dim_latente)

    def forward(self, x):
        h = self.capas(x)
        return self.media(h), self.log_varianza(h)

# %% [markdown]
# ## Muestreo del código

# %%
def muestrear(media, log_varianza):
    desviacion = torch.exp(log_varianza * 0.5)
    ruido = torch.normal(torch.zeros_like(media), torch.ones_like(media))
    return media + desviacion * ruido

# %% [markdown]
# ## Decodificador y modelo completo

# %%
class Decodificador(nn.Sequential):
    def __init__(self, dim_latente=2):
        super().__init__(nn.Linear(dim_latente, 400), nn.Tanh(), nn.Linear(400, 784), nn.Sigmoid())


class AutocodificadorVariacional(nn.Module):
    def __init__(self):
        super().__init__()
        self.codificador = Codificador()
        self.decodificador = Decodificador()

    def forward(self, x):
        media, log_varianza = self.codificador(x)
        return self.decodificador(muestrear(media, log_varianza)), media, log_varianza


modelo = AutocodificadorVariacional()

# %% [markdown]
# ## Función de pérdida

# %%
def divergencia_kl(media, log_varianza):
    return -0.5 * torch.mean(torch.sum(1 + log_varianza - media**2 - log_varianza.exp(), dim=1))


entropia = nn.BCELoss(reduction="sum")


def perdida_reconstruccion(salida, original):
    return entropia(salida, original) / original.shape[0]


def perdida(salida, original, media, log_varianza):
    return perdida_reconstruccion(salida, original) + divergencia_kl(media, log_varianza)

# %% [markdown]
# ## Entrenamiento

# %%
optimizador = torch.optim.Adam(modelo.parameters(), lr=2e-3)
registro = {"total": [], "reconstruccion": [], "KL": []}
for epoca in range(epocas):
    suma = {clave: 0.0 for clave in registro}
    for x, _ in cargador:
        x = x.view(-1, 784)
        salida, media, log_varianza = modelo(x)
        total = perdida(salida, x, media, log_varianza)
        optimizador.zero_grad()
        total.backward()
        optimizador.step()
        suma["total"] += total.item() * len(x)
        suma["reconstruccion"] += perdida_reconstruccion(salida, x).item() * len(x)
        suma["KL"] += divergencia_kl(media, log_varianza).item() * len(x)
    for clave in registro:
        registro[clave].append(suma[clave] / len(conjunto))
    print(f"Época {epoca + 1}: {registro['total'][-1]:.2f}")

figura, ejes = plt.subplots(1, 3, figsize=(12, 3))
for eje, (clave, valores) in zip(ejes, registro.items()):
    eje.plot(valores)
    eje.set_title(clave)
plt.show()

# %% [markdown]
# ## Generar dígitos nuevos

# %%
modelo.eval()
with torch.no_grad():
    nuevos = modelo.decodificador(torch.randn(25, 2)).view(5, 5, 28, 28)
plt.imshow(nuevos.permute(0, 2, 1, 3).reshape(140, 140), cmap="gray_r")
plt.title("Dígitos nuevos")
plt.show()

# %% [markdown]
# ## Espacio latente

# %%
with torch.no_grad():
    puntos, _ = modelo.codificador(x_prueba)
plt.scatter(puntos[:, 0], puntos[:, 1], c=y_prueba, cmap="tab10", s=4)
plt.colorbar()
plt.show()

# %% [markdown]
# El 4 y el 9 se solapan. El término KL acerca los códigos a la normal estándar; sin él habría huecos en el espacio
# latente y las muestras de la normal no serían dígitos.
