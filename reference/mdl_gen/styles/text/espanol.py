# style: Spanish names, a Dataset with a DataLoader, a class of tokenizer, hand-made attention with several heads, text in and text out
# %% [markdown]
# # Laboratorio 5: modelos de lenguaje de caracteres

# %%
import math
import os
import random
import urllib.request

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(7)
dispositivo = "cuda" if torch.cuda.is_available() else "cpu"

# %% tags=["parameters"]
pasos = 500
caracteres = 1115394
lote = 32
contexto = 64

# %%
if not os.path.exists("input.txt"):
    urllib.request.urlretrieve("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt", "input.txt")
with open("input.txt", encoding="utf-8") as f:
    texto = f.read()[:caracteres]
corte1, corte2 = int(0.9 * len(texto)), int(0.95 * len(texto))

# %% [markdown]
# ## 1. Caracteres

# %%
class Tokenizador:
    def __init__(self, texto):
        self.simbolos = sorted(set(texto))
        self.a_numero = {c: i for i, c in enumerate(self.simbolos)}

    def __len__(self):
        return len(self.simbolos)

    def codificar(self, texto):
        numeros = []
        for c in texto:
            if c not in self.a_numero:
                raise ValueError(f"carácter desconocido: {c!r}")
            numeros.append(self.a_numero[c])
        return np.array(numeros)

    def decodificar(self, numeros):
        return "".join(self.simbolos[int(i)] for i in numeros)


tok = Tokenizador(texto)
entrenamiento = tok.codificar(texto[:corte1])
validacion = tok.codificar(texto[corte1:corte2])
print(len(tok), tok.decodificar(tok.codificar("To be, or not to be")))

# %% [markdown]
# Con caracteres el vocabulario es pequeño y no hay palabras desconocidas, pero las secuencias son largas. Con palabras ocurre al revés.

# %% [markdown]
# ## 2. Ventanas

# %%
class Ventanas(Dataset):
    def __init__(self, datos, largo):
        self.datos = torch.as_tensor(datos, dtype=torch.long)
        self.largo = largo

    def __len__(self):
        return len(self.datos) - self.largo

    def __getitem__(self, i):
        trozo = self.datos[i : i + self.largo + 1]
        return trozo[:-1], trozo[1:]


# %% [markdown]
# ## 3. LSTM

# %%
class RedLSTM(nn.Module):
    def __init__(self, n_simbolos, oculto=100):
        super().__init__()
        self.emb = nn.Embedding(n_simbolos, 40)
        self.rec = nn.LSTM(40, oculto, batch_first=True)
        self.salida = nn.Linear(oculto, n_simbolos)

    def forward(self, x):
        h, _ = self.rec(self.emb(x))
        return self.salida(h)


# %% [markdown]
# ## 4. Transformer

# %%
class Atencion(nn.Module):
    def __init__(self, d, cabezas):
        super().__init__()
        self.cabezas = cabezas
        self.q, self.k, self.v, self.o = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (f(x).view(B, T, self.cabezas, C // self.cabezas).transpose(1, 2) for f in (self.q, self.k, self.v))
        notas = q @ k.transpose(-2, -1) / math.sqrt(C // self.cabezas)
        notas = notas.masked_fill(torch.triu(torch.ones(T, T), 1).bool(), float("-inf"))
        return self.o((notas.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))


class RedTransformer(nn.Module):
    def __init__(self, n_simbolos, d=72, cabezas=4, capas=2):
        super().__init__()
        self.emb = nn.Embedding(n_simbolos, d)
        t = torch.arange(contexto).float()[:, None]
        w = torch.exp(-math.log(10000) * torch.arange(0, d, 2) / d)
        self.register_buffer("pos", torch.cat([torch.sin(t * w), torch.cos(t * w)], dim=1))
        self.atenciones = nn.ModuleList([Atencion(d, cabezas) for _ in range(capas)])
        self.densas = nn.ModuleList([nn.Sequential(nn.Linear(d, 3 * d), nn.ReLU(), nn.Linear(3 * d, d)) for _ in range(capas)])
        self.normas = nn.ModuleList([nn.LayerNorm(d) for _ in range(2 * capas)])
        self.salida = nn.Linear(d, n_simbolos)

    def forward(self, x):
        h = self.emb(x) + self.pos[: x.shape[1]]
        for i, (a, f) in enumerate(zip(self.atenciones, self.densas)):
            h = self.normas[2 * i](h + a(h))
            h = self.normas[2 * i + 1](h + f(h))
        return self.salida(h)


# %% [markdown]
# ## 5. Entrenamiento

# %%
perdida = nn.CrossEntropyLoss()


def entrenar(red, tasa):
    optimizador = torch.optim.Adam(red.parameters(), lr=tasa)
    cargador = DataLoader(Ventanas(entrenamiento, contexto), batch_size=lote, shuffle=True)
    historia = []
    red.train()
    for paso, (x, y) in enumerate(cargador):
        if paso == pasos:
            break
        optimizador.zero_grad()
        l = perdida(red(x).flatten(0, 1), y.flatten())
        l.backward()
        optimizador.step()
        historia.append(l.item())
    return historia


def perplejidad(red, datos):
    red.eval()
    suma, n = 0.0, 0
    with torch.no_grad():
        for i in range(0, len(datos) - 1, contexto):
            trozo = torch.as_tensor(datos[i : i + contexto + 1]).long()
            if len(trozo) < 2:
                continue
            suma += perdida(red(trozo[None, :-1])[0], trozo[1:]).item() * (len(trozo) - 1)
            n += len(trozo) - 1
    return math.exp(suma / n)


modelo_lstm = RedLSTM(len(tok))
modelo_transformer = RedTransformer(len(tok))
perdidas_lstm = entrenar(modelo_lstm, 0.005)
perdidas_transformer = entrenar(modelo_transformer, 0.002)
perplejidad_lstm = perplejidad(modelo_lstm, validacion)
perplejidad_transformer = perplejidad(modelo_transformer, validacion)
print(f"Perplejidad LSTM: {perplejidad_lstm:.3f}")
print(f"Perplejidad Transformer: {perplejidad_transformer:.3f}")
fig, eje = plt.subplots(1, 2, figsize=(10, 3))
eje[0].plot(perdidas_lstm)
eje[0].set_title("LSTM")
eje[1].plot(perdidas_transformer)
eje[1].set_title("Transformer")
plt.show()

# %% [markdown]
# ## 6. Generación de texto

# %%
def siguiente(modelo, numeros):
    modelo.eval()
    with torch.no_grad():
        return modelo(torch.tensor([numeros[-contexto:]]))[0, -1]


def voraz(modelo, inicio, longitud):
    numeros = list(tok.codificar(inicio))
    for _ in range(longitud):
        numeros.append(int(siguiente(modelo, numeros).argmax()))
    return tok.decodificar(numeros)


def busqueda_en_haz(modelo, inicio, longitud, ancho=4):
    haz = [(list(tok.codificar(inicio)), 0.0)]
    for _ in range(longitud):
        nuevos = []
        for numeros, nota in haz:
            logp = torch.log_softmax(siguiente(modelo, numeros), dim=0)
            for j in range(len(logp)):
                nuevos.append((numeros + [j], nota + float(logp[j])))
        nuevos.sort(key=lambda par: par[1], reverse=True)
        haz = nuevos[:ancho]
    return [(tok.decodificar(numeros), nota) for numeros, nota in haz]


def muestrear(modelo, inicio, longitud, temperatura=1.0, mejores=None):
    numeros = list(tok.codificar(inicio))
    for _ in range(longitud):
        p = torch.softmax(siguiente(modelo, numeros) / temperatura, dim=0)
        if mejores is not None:
            orden = p.argsort(descending=True)
            p[orden[mejores:]] = 0.0
        numeros.append(random.choices(range(len(p)), weights=p.tolist())[0])
    return tok.decodificar(numeros)


inicio = texto[corte1 : corte1 + 32]
for nombre, modelo in (("LSTM", modelo_lstm), ("Transformer", modelo_transformer)):
    print("=== voraz", nombre)
    print(voraz(modelo, inicio, 150))
    print("=== haz", nombre)
    print(busqueda_en_haz(modelo, inicio, 60)[0][0])
    print("=== muestreo", nombre)
    print(muestrear(modelo, inicio, 150, 0.8, 12))

# %% [markdown]
# La búsqueda voraz y el haz se repiten; el muestreo es más variado. La temperatura baja hace el texto más seguro.
