# %% [markdown]
# # HW3, part 1: lyrics
# **Chien-Shiung Wu (ID 515151516), Lise Meitner (ID 626262627)**
#
# We look at the data with pandas only and then train a small Transformer on characters.

# %%
# all libraries in one place
import math

import matplotlib.pyplot as plt
import pandas as pd
import torch
from torch import nn
from wordcloud import WordCloud

pd.set_option("display.max_rows", None)
torch.manual_seed(7)

# %% tags=["parameters"]
N_EPOCHS = 5
N_BATCHES = 150

# %% [markdown]
# ## Loading the csv and a first look
# Three random songs.

# %%
df = pd.read_csv("./Songs.csv", encoding="utf-8")
df.columns = [c.lower() for c in df.columns]
display(df.sample(3, random_state=1))

# %% [markdown]
# ## All artists with their number of songs
# A frame with one row an artist, sorted by name.

# %%
per_artist = df.groupby("artist")["song"].count().reset_index(name="number of songs")
display(per_artist)

# %% [markdown]
# ## How large is the dataset?
# `info` shows it, and the number of songs is the number of rows.

# %%
df.info()
print(f"So there are {df['song'].size:,} songs by {df.artist.nunique()} artists.")

# %% [markdown]
# ## Average length of a song
# The frame gets two new columns, one with the number of characters and one with the number of words (split at spaces
# and line breaks); `describe` gives the mean.

# %%
df["n_chars"] = [len(text) for text in df["lyrics"]]
df["n_words"] = df["lyrics"].str.split().str.len()
display(df[["n_chars", "n_words"]].describe().round(2))
print("On average a song has", round(df["n_chars"].mean()), "characters and", round(df["n_words"].mean()), "words")

# %% [markdown]
# ## Word cloud
# Made of frequencies, with the picture of the package.

# %%
frequencies = df["lyrics"].str.lower().str.findall(r"[a-z']{4,}").explode().value_counts()
picture = WordCloud(width=600, height=300, max_words=80).generate_from_frequencies(frequencies.to_dict()).to_image()
plt.figure(figsize=(9, 5))
plt.imshow(picture)
plt.axis("off")
plt.title("What the songs are about")
plt.show()

# %% [markdown]
# ## Top 3 most used words
# Everything in lower case, split at white space, and counted by pandas.

# %%
words = df["lyrics"].str.lower().str.split().explode()
words.value_counts().head(3)

# %% [markdown]
# ## Generating lyrics: the model
# A decoder-only Transformer with two blocks over characters.

# %%
corpus = "\n".join(df["lyrics"])
chars = sorted(set(corpus))
to_id = {c: i for i, c in enumerate(chars)}
data = torch.tensor([to_id[c] for c in corpus])
LENGTH = 48


class TinyFormer(nn.Module):
    """Embeddings, two encoder layers with a causal mask, a linear head."""

    def __init__(self, n_chars, width=64):
        super().__init__()
        self.tok = nn.Embedding(n_chars, width)
        self.pos = nn.Embedding(LENGTH, width)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.1, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, n_chars)

    def forward(self, x):
        t = x.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(t)
        h = self.tok(x) + self.pos(torch.arange(t))
        return self.head(self.blocks(h, mask=mask, is_causal=True))


net = TinyFormer(len(chars))
print(net)
print("Total number of parameters:", sum(p.numel() for p in net.parameters()))

# %% [markdown]
# ## Training
# AdamW, cross-entropy of the next character.

# %%
opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
loss_of = nn.CrossEntropyLoss()
for e in range(N_EPOCHS):
    net.train()
    running = 0
    for b in range(N_BATCHES):
        at = torch.randint(0, len(data) - LENGTH - 1, (16,))
        seq = torch.stack([data[i : i + LENGTH + 1] for i in at])
        out = net(seq[:, :-1])
        loss = loss_of(out.reshape(-1, len(chars)), seq[:, 1:].reshape(-1))
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item()
    print(f"[{e + 1}/{N_EPOCHS}] loss={running / N_BATCHES:.3f} ppl={math.exp(running / N_BATCHES):.1f}")

# %% [markdown]
# ## A new song
# We sample 200 characters with temperature 0.8.

# %%
net.eval()
song = torch.tensor([[to_id["T"]]])
with torch.no_grad():
    for _ in range(200):
        p = torch.softmax(net(song[:, -LENGTH:])[0, -1] / 0.8, -1)
        song = torch.cat([song, torch.multinomial(p, 1)[None]], 1)
print("".join(chars[i] for i in song[0].tolist()))
