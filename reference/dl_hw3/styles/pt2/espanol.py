# %% [markdown]
# # Tarea 3, parte 2: el espacio latente
# Grupo: Emmy Murphy (ID 575757575), Sofía Kovalévskaya (ID 686868686)

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.distributions import Normal
from torchvision import datasets, transforms

torch.manual_seed(11)

# %% tags=["parameters"]
EPOCAS = 50
N_IMAGENES = 10000

# %% [markdown]
# ## Datos
# Los dígitos de MNIST como vectores.

# %%
conjunto = datasets.MNIST("datos", train=True, download=True, transform=transforms.ToTensor())
imagenes = torch.stack([conjunto[i][0].flatten() for i in range(min(N_IMAGENES, len(conjunto)))])
clases = conjunto.targets[: len(imagenes)]

# %% [markdown]
# ## Codificador (encoder)
# Da la media y el logaritmo de la varianza.

# %%
class Codificador(nn.Module):
    def __init__(self, d_z=2):
        super().__init__()
        self.capa = nn.Linear(784, 300)
        self.media = nn.Linear(300, d_z)
        self.log_varianza = nn.Linear(300, d_z)

    def forward(self, x):
        oculta = torch.tanh(self.capa(x.flatten(1)))
        return self.media(oculta), self.log_varianza(oculta)

# %% [markdown]
# ## Decodificador (decoder)
# De dos números a 784 píxeles.

# %%
class Decodificador(nn.Module):
    def __init__(self, d_z=2):
        super().__init__()
        self.capa1 = nn.Linear(d_z, 300)
        self.capa2 = nn.Linear(300, 784)

    def forward(self, z):
        return torch.sigmoid(self.capa2(torch.tanh(self.capa1(z))))

# %% [markdown]
# ## VAE: autocodificador variacional
# El código se muestrea con rsample.

# %%
class AutocodificadorVariacional(nn.Module):
    def __init__(self):
        super().__init__()
        self.codificador = Codificador()
        self.decodificador = Decodificador()

    def forward(self, x):
        media, log_varianza = self.codificador(x)
        z = Normal(media, (0.5 * log_varianza).exp()).rsample()
        return {"x": self.decodificador(z), "media": media, "log_varianza": log_varianza}


modelo = AutocodificadorVariacional()
print(modelo)
print("Número de parámetros:", sum(p.numel() for p in modelo.parameters()))

# %% [markdown]
# ## Pérdida
# Entropía cruzada binaria y divergencia KL, escritas a mano; media por imagen.

# %%
def perdida(salida, x):
    r = salida["x"].clamp(1e-6, 1 - 1e-6)
    bce = -(x * r.log() + (1 - x) * (1 - r).log()).sum(1)
    m, lv = salida["media"], salida["log_varianza"]
    kl = -0.5 * (1 + lv - m.square() - lv.exp()).sum(1)
    return (bce + kl).mean()

# %% [markdown]
# ## Generar un dígito
# Se decodifica un punto.

# %%
def generar_digito(z, titulo):
    with torch.no_grad():
        imagen = modelo.decodificador(z.view(1, -1)).view(28, 28)
    plt.figure(figsize=(1.5, 1.5))
    plt.imshow(imagen, cmap="bone")
    plt.title(titulo)
    plt.axis("off")
    plt.show()

# %% [markdown]
# ## Entrenamiento
# Cada diez épocas se generan un 8 y un 6 a partir del código medio de la clase.

# %%
optimizador = torch.optim.Adam(modelo.parameters(), 2e-3)
historia = []
for epoca in range(1, EPOCAS + 1):
    suma = 0
    orden = torch.randperm(len(imagenes))
    for k in range(0, len(orden), 64):
        x = imagenes[orden[k : k + 64]]
        modelo.zero_grad()
        valor = perdida(modelo(x), x)
        valor.backward()
        optimizador.step()
        suma += valor.item() * len(x)
    historia.append(suma / len(imagenes))
    if epoca % 10 == 0:
        print(epoca, round(historia[-1], 1))
        for d in (8, 6):
            with torch.no_grad():
                centro = modelo.codificador(imagenes[clases == d])[0].mean(0)
            generar_digito(centro, f"{d}, época {epoca}")

# %% [markdown]
# ## Espacio latente a dos escalas
# Una figura con 8 por 8 imágenes para cada escala.

# %%
def dibujar_espacio_latente(escala, n=8):
    fig, ejes = plt.subplots(n, n, figsize=(6, 6))
    puntos = torch.linspace(escala, -escala, n)
    for i in range(n):
        for j in range(n):
            z = torch.stack([-puntos[j], puntos[i]]).view(1, 2)
            ejes[i, j].imshow(modelo.decodificador(z).detach().view(28, 28), cmap="bone")
            ejes[i, j].axis("off")
    fig.suptitle(f"escala {escala}")
    plt.show()


dibujar_espacio_latente(1.5)
dibujar_espacio_latente(4)

# %% [markdown]
# ## Interpolación lineal
# Entre dos dígitos al azar.

# %%
def interpolar(a, b, n=9):
    with torch.no_grad():
        za, zb = modelo.codificador(a)[0], modelo.codificador(b)[0]
        pasos = [modelo.decodificador(za + k / (n - 1) * (zb - za)).view(28, 28) for k in range(n)]
    plt.figure(figsize=(n, 1.3))
    plt.imshow(torch.cat(pasos, dim=1), cmap="bone")
    plt.axis("off")
    plt.show()


uno, otro = torch.randint(len(imagenes), (2,)).tolist()
interpolar(imagenes[uno : uno + 1], imagenes[otro : otro + 1])
