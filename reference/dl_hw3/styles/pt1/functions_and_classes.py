# %% [markdown]
# # HW3_PT1
# By: Emmy Noether - 555555551, Felix Hausdorff - 666666662

# %%
# Imports
import textwrap
from collections import Counter

import matplotlib.pyplot as plt
import pandas as pd
import torch
from torch import nn, optim

# %% [markdown]
# ## The data set
# A class that answers all questions about the table.

# %%
class SongData:
    """Wraps the table of songs."""

    def __init__(self, path):
        self.frame = pd.read_csv(path)

    def show(self, n=2):
        for _, song in self.frame.head(n).iterrows():
            print("artist:", song["artist"], "| song:", song["song"], "| lyrics:", song["lyrics"][:40].replace("\n", " / "))

    def artists(self):
        return self.frame["artist"].value_counts().to_dict()

    def words(self, keep_stop=True):
        stop = set() if keep_stop else set("the of to my your i you we is and a in it for me that on".split())
        for text in self.frame["lyrics"]:
            for word in text.split():
                word = word.strip(".,!?-").lower()
                if word and word not in stop:
                    yield word


data = SongData("lyrics.csv")

# %% [markdown]
# ### Showcase
# Two songs, shortened.

# %%
data.show()

# %% [markdown]
# ### All artists
# Sorted by name.

# %%
print("{:<20} {}".format("Artist", "Songs"))
for name, n in sorted(data.artists().items()):
    print("{:<20} {}".format(name, n))

# %% [markdown]
# ### How many songs
# Cells of the table, and songs.

# %%
print("size:", data.frame.size)
print("songs:", data.frame["lyrics"].count())

# %% [markdown]
# ### Average number of characters and words
# With the functions of pandas.

# %%
averages = {"characters": data.frame["lyrics"].map(len).mean(), "words": sum(1 for _ in data.words()) / len(data.frame)}
for what, value in averages.items():
    print(f"On average a song has {value:.0f} {what}.")

# %% [markdown]
# ### Word cloud
# Positions on a spiral.

# %%
common = Counter(data.words(keep_stop=False)).most_common(25)
figure = plt.figure(figsize=(7, 7))
axes = figure.add_axes([0, 0, 1, 1])
for i, (word, count) in enumerate(common):
    angle = torch.tensor(i * 2.4)
    axes.annotate(word, (0.5 + 0.018 * i * float(angle.cos()), 0.5 + 0.018 * i * float(angle.sin())), fontsize=count**0.5, ha="center")
axes.axis("off")
plt.show()

# %% [markdown]
# ### The 3 most common words
# Without a handful of stop words.

# %%
top3 = [word for word, _ in common[:3]]
print("The top 3 words are", top3)

# %% [markdown]
# ## The model that generates lyrics
# An LSTM cell by cell.

# %%
class Writer(nn.Module):
    """Embedding, LSTM cell, output layer."""

    def __init__(self, size, width=64):
        super().__init__()
        self.width = width
        self.embed = nn.Embedding(size, width)
        self.cell = nn.LSTMCell(width, width)
        self.head = nn.Linear(width, size)

    def forward(self, tokens):
        h = c = torch.zeros(tokens.shape[0], self.width)
        logits = []
        for t in range(tokens.shape[1]):
            h, c = self.cell(self.embed(tokens[:, t]), (h, c))
            logits.append(self.head(h))
        return torch.stack(logits, dim=1)


def count_parameters(m):
    return sum(p.numel() for p in m.parameters())


lyrics = "\n".join(data.frame["lyrics"])
alphabet = {c: i for i, c in enumerate(sorted(set(lyrics)))}
stream = torch.tensor([alphabet[c] for c in lyrics])
writer = Writer(len(alphabet))
print(writer)
print(f"The model has {count_parameters(writer):,} parameters.")

# %% [markdown]
# ### Training
# Few steps are enough to see words.

# %% tags=["parameters"]
STEPS = 150

# %%
optimizer = optim.RMSprop(writer.parameters(), lr=2e-3)
for step in range(STEPS):
    start = torch.randint(len(stream) - 31, (16,))
    chunk = torch.stack([stream[s : s + 31] for s in start])
    logits = writer(chunk[:, :-1])
    loss = nn.functional.cross_entropy(logits.transpose(1, 2), chunk[:, 1:])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% [markdown]
# ### A new text
# Drawn with temperature 0.8.

# %%
signs = list(alphabet)
made = stream[:10].tolist()
with torch.no_grad():
    for _ in range(160):
        logits = writer(torch.tensor([made[-30:]]))[0, -1] / 0.8
        made.append(int(torch.multinomial(logits.softmax(-1), 1)))
print("\n".join(textwrap.wrap("".join(signs[i] for i in made), 60)))
