# style: en español, clases propias con codificar y decodificar, entropía cruzada de torch como verosimilitud, épocas impresas
# %% [markdown]
# # Modelos generativos, tarea 0

# %%
import torch
import torch.nn as nn
import torch.nn.functional as F
import matplotlib.pyplot as plt
from torchvision import datasets

torch.manual_seed(42)

# %% tags=["parameters"]
EPOCAS = 10
N_ENTRENAMIENTO = 60000
N_PRUEBA = 10000

# %%
entrenamiento = datasets.MNIST("datos", train=True, download=True)
prueba = datasets.MNIST("datos", train=False, download=True)
imagenes = entrenamiento.data[:N_ENTRENAMIENTO].float().view(-1, 784) / 255
imagenes_prueba = prueba.data[:N_PRUEBA].float().view(-1, 784) / 255

# %% [markdown]
# # Parte 1: autocodificador

# %%
class Autocodificador(nn.Module):
    def __init__(self, dim=10):
        super().__init__()
        self.c1, self.c2 = nn.Linear(784, 400), nn.Linear(400, dim)
        self.d1, self.d2 = nn.Linear(dim, 400), nn.Linear(400, 784)

    def codificar(self, x):
        return self.c2(F.relu(self.c1(x)))

    def decodificar(self, z):
        return self.d2(F.relu(self.d1(z)))

    def forward(self, x):
        return torch.sigmoid(self.decodificar(self.codificar(x)))


def entrenar(red, perdida):
    optimizador = torch.optim.Adam(red.parameters(), lr=1e-3)
    valores = []
    for epoca in range(EPOCAS):
        suma = 0.0
        for lote in imagenes[torch.randperm(len(imagenes))].split(128):
            optimizador.zero_grad()
            valor = perdida(red, lote)
            valor.backward()
            optimizador.step()
            suma += valor.item() * len(lote)
        valores.append(suma / len(imagenes))
        print(f"época {epoca + 1}: pérdida {valores[-1]:.4f}")
    return valores


red = Autocodificador()
perdidas = entrenar(red, lambda red, x: F.mse_loss(red(x), x))

# %% [markdown]
# ## Reconstrucciones

# %%
def dibujar(*filas):
    fig, ejes = plt.subplots(len(filas), len(filas[0]), figsize=(9, 2 * len(filas)), squeeze=False)
    for fila, eje_fila in zip(filas, ejes):
        for imagen, eje in zip(fila, eje_fila):
            eje.imshow(imagen.detach().view(28, 28), cmap="gray")
            eje.axis("off")
    plt.show()


dibujar(imagenes_prueba[:5], red(imagenes_prueba[:5]))

# %% [markdown]
# ## Generar con códigos al azar

# %%
with torch.no_grad():
    codigos = red.codificar(imagenes)
    nuevos_codigos = codigos.mean(0) + 1.5 * codigos.std(0) * torch.randn(16, 10)
    generadas = torch.sigmoid(red.decodificar(nuevos_codigos))
dibujar(generadas[:8], generadas[8:])

# %% [markdown]
# ## Hipótesis
# No estoy contento: muchas imágenes no son cifras, porque el espacio de códigos tiene huecos y nada en la pérdida le da forma.
# Con un VAE o una mezcla de gaussianas sobre los códigos saldrían mejores.

# %% [markdown]
# # Parte 2: verosimilitud
# Bernoulli, con píxeles independientes dado el código: $-\log p = -\sum_i x_i \log p_i + (1 - x_i) \log (1 - p_i)$, la entropía
# cruzada binaria. Es mejor que una gaussiana, porque los píxeles son casi blancos o negros. El logaritmo es monótono y hace
# del producto una suma (log, deriv).

# %%
def verosimilitud_negativa(parametros, x):
    return F.binary_cross_entropy_with_logits(parametros, x, reduction="sum") / x.shape[0]


# %% [markdown]
# ## Entrenar con ella

# %%
red2 = Autocodificador()
perdidas_nll = entrenar(red2, lambda red, x: verosimilitud_negativa(red.decodificar(red.codificar(x)), x))
dibujar(imagenes_prueba[:5], red2(imagenes_prueba[:5]))

# %% [markdown]
# El problema fue la sigmoide, que primero apliqué dos veces. Las imágenes se parecen a las de la parte 1.
