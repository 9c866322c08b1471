# %% [markdown]
# # HW3 part 1
# Students: Ada Lovelace 123456782, Charles Babbage 987654321

# %%
import csv
import string
from collections import Counter

import matplotlib.pyplot as plt
import torch
from torch import nn

EPOCHS = 5
BATCHES = 150

# %% [markdown]
# ## 1. Loading the data and showing rows
# The csv module gives a dictionary for each row.

# %%
with open("lyrics.csv", encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
for row in rows[:3]:
    print(row)

# %% [markdown]
# ## 2. Artists
# A dictionary counts the songs of every artist.

# %%
songs_of = {}
for row in rows:
    songs_of[row["artist"]] = songs_of.get(row["artist"], 0) + 1
print(songs_of)

# %% [markdown]
# ## 3. Size of the data set
# Rows and columns.

# %%
print("Shape:", (len(rows), len(rows[0])))
print("Number of songs:", len(rows))

# %% [markdown]
# ## 4. Average length
# Words are pieces between white space.

# %%
total_chars = 0
total_words = 0
for row in rows:
    total_chars += len(row["lyrics"])
    total_words += len(row["lyrics"].split())
print("Average number of characters per song:", round(total_chars / len(rows), 1))
print("Average number of words per song:", round(total_words / len(rows), 1))

# %% [markdown]
# ## 5. Word cloud
# I place the words on a grid myself, larger where they are used more. Words with fewer than five letters say little.

# %%
table = str.maketrans("", "", string.punctuation)
counter = Counter()
for row in rows:
    counter.update(row["lyrics"].lower().translate(table).split())
long_words = [(w, n) for w, n in counter.most_common() if len(w) > 4][:24]
plt.figure(figsize=(9, 6))
for i, (w, n) in enumerate(long_words):
    plt.text((i % 4) / 4, 1 - (i // 4) / 6, w, fontsize=6 + 24 * n / long_words[0][1])
plt.axis("off")
plt.show()

# %% [markdown]
# ## 6. Top 3 words
# Most common words after punctuation was removed.

# %%
print("Top 3 words:", counter.most_common(3))

# %% [markdown]
# ## 7. Generating lyrics
# A recurrent network on words: it reads a word and predicts the next one.

# %%
words = " ".join(row["lyrics"] for row in rows).split()[:4000]
vocabulary = sorted(set(words))
index = {w: i for i, w in enumerate(vocabulary)}
data = torch.tensor([index[w] for w in words])


class WordRNN(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.emb = nn.Embedding(n, 24)
        self.rnn = nn.GRU(24, 48, batch_first=True)
        self.out = nn.Linear(48, n)

    def forward(self, x):
        h, _ = self.rnn(self.emb(x))
        return self.out(h)


net = WordRNN(len(vocabulary))
print(net)
print("Total parameters:", sum(p.numel() for p in net.parameters()))

opt = torch.optim.Adam(net.parameters(), lr=0.01)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(EPOCHS):
    for _ in range(BATCHES):
        at = int(torch.randint(len(data) - 21, (1,)))
        x, y = data[at : at + 20][None], data[at + 1 : at + 21]
        opt.zero_grad()
        loss = loss_fn(net(x)[0], y)
        loss.backward()
        opt.step()
    print("epoch", epoch + 1, "loss", loss.item())

# %%
# Start from the first word and draw the next one again and again.
line = [int(data[0])]
with torch.no_grad():
    for _ in range(40):
        logits = net(torch.tensor([line]))[0, -1]
        line.append(int(torch.multinomial(logits.softmax(0), 1)))
print(" ".join(vocabulary[i] for i in line))
