# %% [markdown]
# # Deep Learning - HW3 - Part 1 (Song Lyrics Generation)
# Names: Hedy Lamarr 919191910, Radia Perlman 101010109

# %%
from itertools import chain

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

try:  # our laptop has nltk, Colab does not always
    from nltk.corpus import stopwords

    STOP = set(stopwords.words("english"))
except Exception:
    STOP = set(
        """i me my we our you your he him his she her it its they them their what which who this that these those am
        is are was were be been being have has had do does did a an the and but if or because as until while of at by
        for with about into through before after above below to from up down in out on off over under again then once
        here there when where why how all any both each few more most other some such no nor not only own same so
        than too very can will just don't should now never""".split()
    )

# %% tags=["parameters"]
EPOCHS = 5
STEPS_PER_EPOCH = 150

# %% [markdown]
# ## 1. Study the data
# ### 1.1 Import the file and showcase rows
# We drop rows without lyrics and rows that are there twice.

# %%
songs_df = pd.read_csv("lyrics.csv").dropna().drop_duplicates()
print(songs_df.head())
print(songs_df.tail(2))

# %% [markdown]
# ### 1.2 Names of the artists and number of songs
# `value_counts` as a dictionary.

# %%
d = songs_df["artist"].value_counts().to_dict()
print(d)
plt.figure(figsize=(8, 3))
plt.bar(list(d), list(d.values()))
plt.xticks(rotation=45, ha="right")
plt.ylabel("songs")
plt.tight_layout()
plt.show()

# %% [markdown]
# ### 1.3 Size of the dataset
# The shape tells both.

# %%
print("Size of the dataset:", songs_df.shape, "-> number of songs =", songs_df.shape[0])

# %% [markdown]
# ### 1.4 Average number of characters and words
# A table with NumPy means.

# %%
lengths = {
    "characters": np.mean([len(t) for t in songs_df.lyrics]),
    "words": np.mean([len(t.split()) for t in songs_df.lyrics]),
}
print("Average length of a song:")
for unit, value in lengths.items():
    print(f"   {unit:<12} {value:8.2f}")

# %% [markdown]
# ### 1.5 Word cloud
# Drawn by hand with matplotlib because the package could not be installed. Stop words are left out.

# %%
tokens = [w.strip(".,!?-\"()").lower() for w in chain.from_iterable(t.split() for t in songs_df.lyrics)]
tokens = [w for w in tokens if w]
meaningful = pd.Series([w for w in tokens if w not in STOP]).value_counts()
rng = np.random.default_rng(0)
fig = plt.figure(figsize=(10, 5))
for k, (w, n) in enumerate(meaningful.head(35).items()):
    plt.text(
        rng.random(), rng.random(), w, size=6 + 34 * np.sqrt(n / meaningful.iloc[0]), color=plt.cm.viridis(k / 35)
    )
plt.axis("off")
plt.show()

# %% [markdown]
# ### 1.6 The top 3 words
# Without stop words, since "the" says nothing.

# %%
for place, (w, n) in enumerate(meaningful.head(3).items(), start=1):
    print(f"{place}. {w} ({n})")

# %% [markdown]
# ## 2. Generate lyrics
# ### 2.1 Model
# Words are the tokens. A GRU predicts the next of the 500 most used words.

# %%
vocabulary = ["<unk>", *pd.Series(tokens).value_counts().index[:499]]
index = {w: i for i, w in enumerate(vocabulary)}
ids = torch.tensor([index.get(w, 0) for w in tokens])
T = 12
dataset = TensorDataset(ids[: len(ids) // T * T].view(-1, T)[:-1])
loader = DataLoader(dataset, batch_size=32, shuffle=True)


class WordGRU(nn.Module):
    def __init__(self, v, e=48, h=96):
        super().__init__()
        self.emb = nn.Embedding(v, e)
        self.gru = nn.GRU(e, h, num_layers=2, dropout=0.1, batch_first=True)
        self.out = nn.Sequential(nn.Dropout(0.1), nn.Linear(h, v))

    def forward(self, x, h=None):
        y, h = self.gru(self.emb(x), h)
        return self.out(y), h


model = WordGRU(len(vocabulary))
print(model)
total = sum(p.numel() for p in model.parameters() if p.requires_grad)
print(f"Total trainable params: {total:,}")

# %% [markdown]
# ### 2.2 Training
# We stop an epoch after so many batches.

# %%
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
history = []
for epoch in range(EPOCHS):
    for i, (batch,) in enumerate(loader):
        if i == STEPS_PER_EPOCH:
            break
        optimizer.zero_grad()
        y, _ = model(batch[:, :-1])
        loss = criterion(y.transpose(1, 2), batch[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        history.append(loss.item())
    print("Epoch", epoch + 1, "- loss", np.mean(history[-20:]).round(3))

# %% [markdown]
# ### 2.3 Our song
# Four lines of eight words each.

# %%
model.eval()
word, state, lines = torch.tensor([[index["the"]]]), None, []
with torch.no_grad():
    for _ in range(4):
        line = []
        for _ in range(8):
            logits, state = model(word, state)
            p = logits[0, -1].softmax(-1)
            p[0] = 0  # never the unknown word
            word = torch.multinomial(p, 1)[None]
            line.append(vocabulary[word.item()])
        lines.append(" ".join(line))
print("\n".join(lines))
