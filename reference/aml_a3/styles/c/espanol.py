# style: Spanish Markdown and names, packed 3-D projection tensors per block, attention through scaled_dot_product_attention with an explicit mask, pandas history
# %% [markdown]
# # Tarea 3, Parte C: un Transformer pequeño
# Bibliotecas y semilla.

# %%
import math
from pathlib import Path
from urllib.request import urlretrieve

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
import torch.nn.functional as F

semilla = 1234
np.random.seed(semilla)
torch.manual_seed(semilla)

# %% [markdown]
# Parámetros del enunciado.

# %% tags=["parameters"]
epocas = 3
caracteres = 1115394
tam_lote = 64
contexto = 128
dim = 192
cabezas = 3
bloques = 2

# %% [markdown]
# ## Datos
# Descarga, vocabulario (con el salto de línea) y particiones contiguas.

# %%
archivo = Path("input.txt")
if not archivo.is_file():
    urlretrieve("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt", archivo)
texto = archivo.read_text(encoding="utf-8")[:caracteres]
vocabulario = sorted(set(texto))
indice = {c: i for i, c in enumerate(vocabulario)}
codificado = torch.tensor([indice[c] for c in texto])
corte1, corte2 = int(len(texto) * 0.9), int(len(texto) * 0.95)
entrenamiento, validacion, prueba = codificado[:corte1], codificado[corte1:corte2], codificado[corte2:]
print("vocabulario:", len(vocabulario))


def ventanas(serie):
    trozos = serie.unfold(0, contexto + 1, contexto)  # (n, contexto + 1)
    return trozos[:, :-1], trozos[:, 1:]

# %% [markdown]
# ## Modelo
# Un solo tensor de forma (3, cabezas, dim, dim / cabezas) guarda las proyecciones de consulta, clave y valor.

# %%
class Atencion(nn.Module):
    def __init__(self):
        super().__init__()
        self.proyecciones = nn.Parameter(torch.empty(3, cabezas, dim, dim // cabezas))
        # Xavier para matrices de 192 x 192
        limite = math.sqrt(6 / (dim + dim))
        nn.init.uniform_(self.proyecciones, -limite, limite)
        self.salida = nn.Linear(dim, dim)

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = torch.einsum("ntc,khcd->knhtd", x, self.proyecciones)
        permitido = torch.ones(t, t, dtype=torch.bool).tril()
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=permitido)
        return self.salida(y.transpose(1, 2).reshape(n, t, dim))


class Bloque(nn.Module):
    def __init__(self):
        super().__init__()
        self.norma1, self.norma2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.atencion = Atencion()
        self.expandir, self.contraer = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        x = x + self.atencion(self.norma1(x))
        return x + self.contraer(F.gelu(self.expandir(self.norma2(x))))


class ModeloDeLenguaje(nn.Module):
    def __init__(self, n_simbolos):
        super().__init__()
        self.incrustacion = nn.Embedding(n_simbolos, dim)
        posicion = torch.arange(contexto, dtype=torch.float32).view(-1, 1)
        divisor = torch.pow(10000.0, torch.arange(0, dim, 2) / dim)
        tabla = torch.empty(contexto, dim)
        tabla[:, ::2] = torch.sin(posicion / divisor)
        tabla[:, 1::2] = torch.cos(posicion / divisor)
        self.register_buffer("posiciones", tabla)
        self.cuerpo = nn.Sequential(*(Bloque() for _ in range(bloques)), nn.LayerNorm(dim))
        self.cabeza = nn.Linear(dim, n_simbolos)
        for capa in self.modules():
            if isinstance(capa, nn.Linear):
                nn.init.xavier_uniform_(capa.weight)
                nn.init.zeros_(capa.bias)

    def forward(self, simbolos):
        x = self.incrustacion(simbolos) + self.posiciones[: simbolos.shape[1]]
        return self.cabeza(self.cuerpo(x))


modelo = ModeloDeLenguaje(len(vocabulario))
optimizador = torch.optim.AdamW(modelo.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.01)

# %% [markdown]
# ## Entrenamiento
# Una función para un paso y otra para la pérdida de una partición.

# %%
def paso(entradas, objetivos):
    optimizador.zero_grad()
    prediccion = modelo(entradas)
    perdida = F.cross_entropy(prediccion.permute(0, 2, 1), objetivos)
    perdida.backward()
    nn.utils.clip_grad_norm_(modelo.parameters(), 1.0)
    optimizador.step()
    return perdida.item()


@torch.no_grad()
def perdida_media(serie):
    modelo.eval()
    entradas, objetivos = ventanas(serie)
    suma = 0.0
    for e, o in zip(entradas.split(tam_lote), objetivos.split(tam_lote)):
        suma += F.cross_entropy(modelo(e).permute(0, 2, 1), o, reduction="sum").item()
    modelo.train()
    return suma / objetivos.numel()


entradas, objetivos = ventanas(entrenamiento)
historia = pd.DataFrame(columns=["entrenamiento", "validación", "perplejidad"], dtype=float)
for epoca in range(1, epocas + 1):
    mezcla = torch.randperm(len(entradas))
    perdidas = [paso(entradas[i], objetivos[i]) for i in mezcla.split(tam_lote)]
    v = perdida_media(validacion)
    historia.loc[epoca] = [np.mean(perdidas), v, math.exp(v)]
    print(f"época {epoca}: entrenamiento {np.mean(perdidas):.4f}, validación {v:.4f}, PPL {math.exp(v):.3f}")
historia[["entrenamiento", "validación"]].plot(marker="o", xlabel="época", ylabel="pérdida")
plt.show()

# %% [markdown]
# ## Perplejidad
# La exponencial de la pérdida media por carácter; como referencia, bigramas.

# %%
print(historia["perplejidad"].to_string())
print("perplejidad final:", round(math.exp(perdida_media(validacion)), 3))
conteo = np.ones((len(vocabulario), len(vocabulario)))
np.add.at(conteo, (entrenamiento[:-1].numpy(), entrenamiento[1:].numpy()), 1)
condicional = conteo / conteo.sum(axis=1, keepdims=True)
print("bigramas:", np.exp(-np.mean(np.log(condicional[validacion[:-1].numpy(), validacion[1:].numpy()]))))
historia["perplejidad"].plot(marker="o", title="perplejidad de validación")
plt.show()

# %% [markdown]
# ## Decodificación
# Voraz, top-k y núcleo desde los primeros 64 caracteres de validación.

# %%
@torch.no_grad()
def generar(inicio, n, metodo, temperatura=1.0, k=20, p=0.9):
    modelo.eval()
    serie = inicio.tolist()
    for _ in range(n):
        logits = modelo(torch.tensor([serie[-contexto:]]))[0, -1] / temperatura
        if metodo == "voraz":
            serie.append(int(logits.argmax()))
            continue
        prob, orden = torch.softmax(logits, dim=0).sort(descending=True)
        if metodo == "top-k":
            prob[k:] = 0
        elif metodo == "núcleo":
            acumulada = prob.cumsum(0)
            prob[1:][acumulada[:-1] >= p] = 0
        serie.append(int(orden[torch.multinomial(prob, 1)]))
    return "".join(vocabulario[i] for i in serie)


for metodo in ("voraz", "top-k", "núcleo"):
    print("-----", metodo)
    print(generar(validacion[:64], 200, metodo))

# %% [markdown]
# El método voraz repite siempre las mismas palabras; top-k es el más variado y el que más errores tiene; el núcleo queda en medio.
