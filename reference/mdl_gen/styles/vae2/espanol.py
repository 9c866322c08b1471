# %% [markdown]
# # Práctica 2: VAE convolucional, beta-VAE y VAE condicional

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

# %% tags=["parameters"]
epocas = 4
epocas_condicional = 10
n_imagenes = 10000

# %%
betas = [1.0, 4.0, 16.0]
dim = 8
datos = MNIST("datos", train=True, download=True, transform=ToTensor())
datos = torch.utils.data.Subset(datos, range(min(n_imagenes, len(datos))))
cargador = torch.utils.data.DataLoader(datos, batch_size=100, shuffle=True)

# %% [markdown]
# ## Tamaños

# %%
def tam_conv(entrada, nucleo, paso, relleno):
    return 1 + (entrada + 2 * relleno - nucleo) // paso


def tam_conv_transpuesta(entrada, nucleo, paso, relleno):
    return nucleo - 2 * relleno + paso * (entrada - 1)

# %% [markdown]
# ## Codificador convolucional

# %%
class Codificador(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 49, 100),
            nn.ReLU(),
        )
        self.media = nn.Linear(100, dim)
        self.log_varianza = nn.Linear(100, dim)

    def forward(self, imagen):
        h = self.conv(imagen)
        return self.media(h), self.log_varianza(h)

# %% [markdown]
# ## Decodificador y modelo

# %%
class Decodificador(nn.Module):
    def __init__(self, entradas=dim):
        super().__init__()
        self.lineal = nn.Sequential(nn.Linear(entradas, 100), nn.ReLU(), nn.Linear(100, 32 * 49), nn.ReLU())
        self.conv = nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.Conv2d(32, 16, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(16, 1, 3, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, codigo):
        return self.conv(self.lineal(codigo).view(-1, 32, 7, 7))


def muestrear(media, log_varianza):
    return media + torch.exp(0.5 * log_varianza) * torch.randn_like(media)


class AutocodificadorConvolucional(nn.Module):
    def __init__(self):
        super().__init__()
        self.codificador = Codificador()
        self.decodificador = Decodificador()

    def forward(self, imagen):
        media, log_varianza = self.codificador(imagen)
        return self.decodificador(muestrear(media, log_varianza)), media, log_varianza

# %% [markdown]
# ## Función de pérdida

# %%
def perdida(salida, original, media, log_varianza, beta):
    rec = F.binary_cross_entropy(salida.flatten(1), original.flatten(1), reduction="none").sum(1).mean()
    kl = -0.5 * (1 + log_varianza - media**2 - log_varianza.exp()).sum(1).mean()
    return {"total": rec + beta * kl, "rec": rec, "kl": kl}

# %% [markdown]
# ## Efecto de beta

# %%
resultados = {}
modelos = {}
for beta in betas:
    modelo = AutocodificadorConvolucional()
    optimizador = torch.optim.Adam(modelo.parameters(), lr=1e-3)
    for epoca in range(epocas):
        suma = {"rec": 0.0, "kl": 0.0}
        for imagen, _ in cargador:
            salida, media, log_varianza = modelo(imagen)
            terminos = perdida(salida, imagen, media, log_varianza, beta)
            optimizador.zero_grad()
            terminos["total"].backward()
            optimizador.step()
            for clave in suma:
                suma[clave] += terminos[clave].item() * len(imagen) / len(datos)
    resultados[beta] = suma
    modelos[beta] = modelo
    print(f"beta={beta}: {suma}")

for clave in ("rec", "kl"):
    plt.figure()
    plt.plot(betas, [resultados[beta][clave] for beta in betas], "o-")
    plt.xlabel("beta")
    plt.title(clave)
    plt.show()

# %% [markdown]
# Con una beta mayor los códigos se acercan a la normal y las reconstrucciones son más borrosas, porque el código guarda
# menos información. Sirve para separar los factores.

# %% [markdown]
# ## VAE condicional

# %%
class Condicional(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = Codificador().conv
        self.media = nn.Linear(110, dim)
        self.log_varianza = nn.Linear(110, dim)
        self.decodificador = Decodificador(dim + 10)

    def forward(self, imagen, clase):
        h = torch.cat([self.conv(imagen), clase], dim=1)
        media, log_varianza = self.media(h), self.log_varianza(h)
        codigo = muestrear(media, log_varianza)
        return self.decodificador(torch.cat([codigo, clase], dim=1)), media, log_varianza


red = Condicional()
optimizador = torch.optim.Adam(red.parameters(), lr=1e-3)
for epoca in range(epocas_condicional):
    for imagen, etiqueta in cargador:
        clase = F.one_hot(etiqueta, 10).float()
        total = perdida(*(lambda s: (s[0], imagen, s[1], s[2]))(red(imagen, clase)), beta=1.0)["total"]
        optimizador.zero_grad()
        total.backward()
        optimizador.step()
    print(epoca, total.item())

# %% [markdown]
# ### Dígitos de cada clase

# %%
def generar(digito, cantidad=8):
    clase = F.one_hot(torch.full((cantidad,), digito), 10).float()
    with torch.no_grad():
        return red.decodificador(torch.cat([torch.randn(cantidad, dim), clase], dim=1))


filas = [torch.cat(list(generar(d)[:, 0]), dim=1) for d in range(10)]
plt.imshow(torch.cat(filas, dim=0), cmap="gray")
plt.axis("off")
plt.show()
