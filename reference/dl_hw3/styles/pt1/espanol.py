# %% [markdown]
# # Tarea 3, parte 1
# **Nombres:** Sor Juana Inés (ID 101010101), Santiago Ramón (ID 202020202)

# %%
import matplotlib.pyplot as plt
import pandas as pd
import torch
from torch import nn

EPOCAS = 5
LOTES = 150

# %% [markdown]
# ## L1 Las filas
# Leemos la tabla y mostramos algunas filas.

# %%
canciones = pd.read_csv("canciones.csv")
canciones.head(3)

# %% [markdown]
# ## L2 Artistas
# Cuántas canciones tiene cada artista.

# %%
por_artista = canciones.groupby("artist")["song"].count()
print(por_artista)

# %% [markdown]
# ## L3 Tamaño
# El tamaño de la tabla y el número de canciones.

# %%
canciones.info()
print("Número de canciones:", len(canciones))

# %% [markdown]
# ## L4 Longitud promedio
# Sin contar los espacios; una palabra es lo que queda entre espacios.

# %%
media_caracteres = canciones["lyrics"].str.replace(r"\s", "", regex=True).str.len().mean()
media_palabras = canciones["lyrics"].str.split().str.len().mean()
print("Promedio de caracteres:", media_caracteres)
print("Promedio de palabras:", media_palabras)

# %% [markdown]
# ## L5 Nube de palabras
# Las palabras más frecuentes, sin las que no dicen nada.

# %%
vacias = {"the", "of", "to", "my", "your", "i", "you", "we", "is", "and", "in", "for", "was", "me", "with", "a", "oh",
          "this", "t", "can", "don", "will", "i'm", "never", "from"}
palabras = canciones["lyrics"].str.lower().str.findall(r"[a-z']+").explode()
cuenta = palabras[~palabras.isin(vacias)].value_counts()
plt.figure(figsize=(8, 8))
for lugar, (palabra, n) in enumerate(cuenta.head(20).items()):
    plt.text((lugar * 7 % 10) / 10, lugar / 20, palabra, size=8 + 25 * n / cuenta.iloc[0])
plt.axis("off")
plt.show()

# %% [markdown]
# ## L6 Las tres palabras más usadas
# Sin las palabras vacías.

# %%
print(cuenta.head(3))

# %% [markdown]
# ## L7 Generación de texto
# Una red recurrente sobre caracteres.

# %%
texto = " ".join(canciones["lyrics"])[:30000]
signos = sorted(set(texto))
numeros = torch.tensor([signos.index(s) for s in texto])


class Red(nn.Module):
    """Una capa recurrente y una lineal."""

    def __init__(self):
        super().__init__()
        self.entrada = nn.Embedding(len(signos), 20)
        self.recurrente = nn.RNN(20, 64, num_layers=2, batch_first=True)
        self.salida = nn.Linear(64, len(signos))

    def forward(self, x, estado=None):
        h, estado = self.recurrente(self.entrada(x), estado)
        return self.salida(h), estado


red = Red()
print(red)
print("Número de parámetros:", sum(p.numel() for p in red.parameters()))

# %%
# El entrenamiento: cada lote son 16 trozos de 50 signos.
optimizador = torch.optim.Adam(red.parameters(), lr=0.005)
for epoca in range(EPOCAS):
    for _ in range(LOTES):
        i = torch.randint(0, len(numeros) - 51, (16,))
        trozos = torch.stack([numeros[j : j + 51] for j in i])
        salida, _ = red(trozos[:, :-1])
        perdida = nn.functional.cross_entropy(salida.reshape(-1, len(signos)), trozos[:, 1:].reshape(-1))
        optimizador.zero_grad()
        perdida.backward()
        optimizador.step()
    print(f"época {epoca + 1}: pérdida {perdida.item():.3f}")

# %%
# Un texto nuevo.
x, estado, nuevo = numeros[:1][None], None, ""
with torch.no_grad():
    for _ in range(250):
        salida, estado = red(x, estado)
        x = torch.multinomial(salida[0, -1].softmax(0), 1)[None]
        nuevo += signos[x.item()]
print(nuevo)
