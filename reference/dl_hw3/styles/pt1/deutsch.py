# %% [markdown]
# # Hausaufgabe 3, Teil 1: Liedtexte
# Gruppe: Emmy Noether (ID 717171718), Felix Klein (ID 828282829)
#
# Ohne pandas, nur mit der Standardbibliothek, NumPy und PyTorch.

# %%
import csv
import re
from collections import defaultdict
from statistics import fmean

import matplotlib.pyplot as plt
import numpy as np
import torch

EPOCHEN = 5
SCHRITTE = 150
zufall = np.random.default_rng(3)
torch.manual_seed(3)

# %% [markdown]
# ## 1. Daten laden und ein paar Zeilen zeigen
# Jede Zeile der Tabelle ist ein Lied.

# %%
with open("lyrics.csv", newline="", encoding="utf-8") as datei:
    lieder = list(csv.DictReader(datei))

# die ersten vier Zeilen, der Text gekürzt
for lied in lieder[:4]:
    print(lied["artist"], "|", lied["song"], "|", lied["lyrics"][:50].replace("\n", " / "))

# %% [markdown]
# ## 2. Alle Künstler und wie viele Lieder sie haben
# Ein Wörterbuch zählt.

# %%
anzahl = defaultdict(int)
for lied in lieder:
    anzahl[lied["artist"]] += 1
for kuenstler in sorted(anzahl, key=anzahl.get):
    print(f"{anzahl[kuenstler]:>4}  {kuenstler}")

# %% [markdown]
# ## 3. Größe des Datensatzes
# Zeilen und Spalten, und die Zahl der Lieder.

# %%
print("Größe (size):", (len(lieder), len(lieder[0])))
print("Anzahl Lieder (songs):", len(lieder))

# %% [markdown]
# ## 4. Mittlere Länge (average length)
# Zeichen ohne Leerzeichen und Zeilenumbrüche; Wörter sind Folgen von Buchstaben und Ziffern.

# %%
zeichen = [len("".join(lied["lyrics"].split())) for lied in lieder]
woerter = [len(re.findall(r"\w+", lied["lyrics"])) for lied in lieder]
print(f"Zeichen im Mittel (characters): {fmean(zeichen):.3f}")
print(f"Wörter im Mittel (words):       {fmean(woerter):.3f}")

# %% [markdown]
# ## 5. Wortwolke (word cloud)
# Häufige Wörter ab fünf Buchstaben, groß nach ihrer Häufigkeit.

# %%
haeufig = defaultdict(int)
for lied in lieder:
    for wort in re.findall(r"\w+", lied["lyrics"].lower()):
        haeufig[wort] += 1
rang = sorted(haeufig.items(), key=lambda paar: paar[1], reverse=True)
lang = [paar for paar in rang if len(paar[0]) >= 5][:30]
fig, ax = plt.subplots(figsize=(9, 6))
for platz, (wort, n) in enumerate(lang):
    ax.annotate(
        wort, (zufall.uniform(0.1, 0.9), platz / len(lang)), fontsize=8 + 24 * n / lang[0][1], ha="center"
    )
ax.axis("off")
plt.show()

# %% [markdown]
# ## 6. Die drei häufigsten Wörter (top 3)
# Alle Wörter zählen mit.

# %%
print("Die drei häufigsten Wörter sind:", ", ".join(wort for wort, _ in rang[:3]))

# %% [markdown]
# ## 7. Texte erzeugen (generation)
# Ein Netz mit einer Schicht sagt aus den letzten fünf Zeichen das nächste voraus.

# %%
alles = "\n\n".join(lied["lyrics"] for lied in lieder)
alphabet = sorted(set(alles))
nummer = {zeichen: i for i, zeichen in enumerate(alphabet)}
folge = torch.tensor([nummer[zeichen] for zeichen in alles])
FENSTER = 5

netz = torch.nn.Sequential(
    torch.nn.Embedding(len(alphabet), 16),
    torch.nn.Flatten(),
    torch.nn.Linear(16 * FENSTER, 128),
    torch.nn.Tanh(),
    torch.nn.Linear(128, len(alphabet)),
)
print(netz)
parameter = 0
for p in netz.parameters():
    parameter += p.numel()
print(f"Zahl der Parameter: {parameter}")

# %% [markdown]
# ### Training
# SGD mit Momentum.

# %%
optimierer = torch.optim.SGD(netz.parameters(), lr=0.1, momentum=0.9)
verlauf = []
for epoche in range(EPOCHEN):
    for schritt in range(SCHRITTE):
        orte = torch.randint(len(folge) - FENSTER, (64,))
        x = torch.stack([folge[o : o + FENSTER] for o in orte])
        y = folge[orte + FENSTER]
        fehler = torch.nn.functional.cross_entropy(netz(x), y)
        optimierer.zero_grad()
        fehler.backward()
        optimierer.step()
    verlauf.append(fehler.item())
    print("Epoche", epoche + 1, "Fehler", round(verlauf[-1], 3))

# %% [markdown]
# ### Ein Lied der Maschine
# Aus dem Anfang der Texte wird Zeichen für Zeichen weitergeschrieben.

# %%
geschrieben = alles[:FENSTER]
with torch.inference_mode():
    for _ in range(240):
        x = torch.tensor([[nummer[zeichen] for zeichen in geschrieben[-FENSTER:]]])
        p = netz(x)[0].softmax(0).numpy().astype(float)
        geschrieben += alphabet[zufall.choice(len(alphabet), p=p / p.sum())]
print(geschrieben)
