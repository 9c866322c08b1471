# style: en español, cuentos de `datasets`, nn.RNN y nn.TransformerEncoder, ventanas en un DataLoader, pérdidas en un diccionario
# %% [markdown]
# # 5.1 Modelos de lenguaje

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import sentencepiece as spm
import torch
from datasets import load_dataset
from torch import nn
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

torch.manual_seed(11)

# %% tags=["parameters"]
n_letras = 200000
pasos = 420
longitud = 40
lote = 32
n_piezas = 800

# %% [markdown]
# ## Datos

# %%
cuentos = load_dataset("roneneldan/TinyStories", split="train[:2000]")
texto = "\n".join(cuento["text"] for cuento in cuentos)[:n_letras]
letras = sorted(set(texto))
indice = {letra: i for i, letra in enumerate(letras)}
datos = torch.tensor([indice[letra] for letra in texto])
print(len(texto), "letras,", len(letras), "distintas")
print(texto[:200])


class Ventanas(Dataset):
    def __init__(self, fichas):
        self.fichas = fichas

    def __len__(self):
        return (len(self.fichas) - 1) // longitud

    def __getitem__(self, i):
        trozo = self.fichas[i * longitud : (i + 1) * longitud + 1]
        return trozo[:-1], trozo[1:]


def entrenar(modelo, fichas, velocidad=2e-3):
    optimizador = torch.optim.Adam(modelo.parameters(), lr=velocidad)
    criterio = nn.CrossEntropyLoss()
    historia = []
    barra = tqdm(total=pasos)
    while len(historia) < pasos:
        for x, y in DataLoader(Ventanas(fichas), batch_size=lote, shuffle=True, drop_last=True):
            optimizador.zero_grad()
            perdida = criterio(modelo(x).transpose(1, 2), y)
            perdida.backward()
            nn.utils.clip_grad_norm_(modelo.parameters(), 1.0)
            optimizador.step()
            historia.append(perdida.item())
            barra.update()
            if len(historia) == pasos:
                break
    return historia


@torch.no_grad()
def generar(modelo, inicio, n_fichas, temperatura=1.0):
    modelo.eval()
    fichas = inicio
    for _ in range(n_fichas):
        probabilidades = torch.softmax(modelo(fichas[:, -longitud:])[:, -1] / temperatura, dim=-1)
        fichas = torch.cat([fichas, torch.multinomial(probabilidades, 1)], dim=1)
    return fichas


perdidas = {}

# %% [markdown]
# ## Red recurrente (RNN)

# %%
class RedRecurrente(nn.Module):
    def __init__(self, n_vocabulario, n_capas=1):
        super().__init__()
        self.incrustar = nn.Embedding(n_vocabulario, 32)
        self.recurrente = nn.RNN(32, 64, num_layers=n_capas, batch_first=True)
        self.salida = nn.Linear(64, n_vocabulario)

    def forward(self, x):
        estados, _ = self.recurrente(self.incrustar(x))
        return self.salida(estados)


red = RedRecurrente(len(letras))
perdidas["rnn"] = entrenar(red, datos)
plt.plot(perdidas["rnn"])
plt.title("Pérdida de la RNN")
plt.show()
inicio = torch.tensor([[indice[letra] for letra in "One day"]])
print("".join(letras[i] for i in generar(red, inicio, 150, 0.8)[0].tolist()))

# %% [markdown]
# ## Preguntas sobre la RNN
#
# 1. $2DH+2H^2$ operaciones
# 2. $2TDH+2TH^2$
# 3. $\mathcal{O}(T)$, porque cada estado necesita el anterior
# 4. $T \cdot H \cdot L$
#
# El gradiente es un producto de jacobianos, uno por paso: se desvanece o explota. Se recorta la norma, o se usan puertas (LSTM).

# %% [markdown]
# ## Varias capas (extra)

# %%
red_profunda = RedRecurrente(len(letras), n_capas=2)
perdidas["dos_capas"] = entrenar(red_profunda, datos)
plt.plot(perdidas["rnn"], label="una capa")
plt.plot(perdidas["dos_capas"], label="dos capas")
plt.legend()
plt.show()

# %% [markdown]
# ## Transformer

# %%
class Transformador(nn.Module):
    def __init__(self, n_vocabulario, d=48):
        super().__init__()
        self.incrustar = nn.Embedding(n_vocabulario, d)
        angulos = torch.arange(longitud)[:, None] / 10000 ** (torch.arange(0, d, 2) / d)
        self.register_buffer("posiciones", torch.stack([angulos.sin(), angulos.cos()], dim=-1).reshape(longitud, d))
        capa = nn.TransformerEncoderLayer(d, 4, 4 * d, dropout=0.0, batch_first=True)
        self.capas = nn.TransformerEncoder(capa, 2)
        self.salida = nn.Linear(d, n_vocabulario)
        self.d = d

    def forward(self, x):
        n = x.shape[1]
        h = self.incrustar(x) * math.sqrt(self.d) + self.posiciones[:n]
        mascara = torch.triu(torch.full((n, n), float("-inf")), diagonal=1)
        return self.salida(self.capas(h, mask=mascara))


transformador = Transformador(len(letras))
perdidas["transformer"] = entrenar(transformador, datos)
plt.plot(perdidas["transformer"])
plt.title("Pérdida del Transformer")
plt.show()
print("".join(letras[i] for i in generar(transformador, inicio, 150, 0.8)[0].tolist()))

# %% [markdown]
# ## Preguntas sobre el Transformer
#
# 1. $4 \cdot 2 T D^2 = 8TD^2$
# 2. $2 T^2 D + 2 T^2 D = 4 T^2 D$
# 3. $2 \cdot 2 \cdot T \cdot D \cdot 4D = 16 T D^2$
# 4. $L(8TD^2 + 4T^2D + 16TD^2)$
# 5. $O(L)$
# 6. $O(T^2)$
#
# Entrenar es más rápido con el Transformer, que trata todas las posiciones a la vez. Al generar, un paso de la RNN cuesta siempre lo
# mismo. La atención domina cuando $T > 6D$.

# %% [markdown]
# ## Subpalabras (SentencePiece, BPE)

# %%
with open("texto.txt", "w", encoding="utf-8") as archivo:
    archivo.write(texto)
spm.SentencePieceTrainer.train(input="texto.txt", model_prefix="piezas", vocab_size=n_piezas, model_type="bpe", minloglevel=2)
procesador = spm.SentencePieceProcessor(model_file="piezas.model")
frase = "One day the little dog was happy."
print(procesador.encode_as_pieces(frase), "->", procesador.decode(procesador.encode(frase)))
datos_piezas = torch.tensor(procesador.encode(texto))

red_piezas = RedRecurrente(procesador.get_piece_size())
perdidas["piezas"] = entrenar(red_piezas, datos_piezas)
plt.plot(perdidas["piezas"])
plt.show()
inicio_piezas = torch.tensor([procesador.encode("One day")])
print(procesador.decode(generar(red_piezas, inicio_piezas, 40, 0.8)[0].tolist()))

# %% [markdown]
# ## Preguntas sobre subpalabras
#
# 1. $1/c$
# 2. $1/c^2$
#
# Una ficha es más o menos texto según el modelo, y el número de clases es otro. Por letra sí se comparan. Un vocabulario mayor acorta las
# secuencias y agranda las matrices; las piezas raras se aprenden mal.

# %% [markdown]
# ## Transformer con subpalabras (extra)

# %%
transformador_piezas = Transformador(procesador.get_piece_size())
perdidas["transformer_piezas"] = entrenar(transformador_piezas, datos_piezas)
letras_por_pieza = len(texto) / len(datos_piezas)
for nombre in ("piezas", "transformer_piezas"):
    print(nombre, np.mean(perdidas[nombre][-20:]) / letras_por_pieza, "nats por letra")
