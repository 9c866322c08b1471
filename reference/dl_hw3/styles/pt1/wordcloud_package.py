# %% [markdown]
# # HW3 - Part 1
# Group members: Rosalind Franklin (ID 313131313), Francis Crick (ID 424242424)

# %%
!pip install wordcloud
import string
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from wordcloud import STOPWORDS, WordCloud

EPOCHS = 5
BATCHES = 150

# %% [markdown]
# ## Importing the data
# The csv file from the website.

# %%
data = pd.read_csv("songdata.csv")
data.head(10)

# %% [markdown]
# ## Artists and their songs
# Grouped by artist.

# %%
for i, (artist, group) in enumerate(data.groupby("artist")):
    print(i + 1, artist, "-", len(group))

# %% [markdown]
# ## The size of the dataset
# Rows and columns.

# %%
rows, columns = data.shape
print("Rows:", rows, "Columns:", columns)

# %% [markdown]
# ## Average number of characters and words
# Line breaks are no characters of a song.

# %%
clean = data["lyrics"].str.replace("\n", "")
avg_chars = clean.apply(len).mean()
avg_words = data["lyrics"].apply(lambda t: len(t.translate(str.maketrans("", "", string.punctuation)).split())).mean()
print(f"Average characters: {avg_chars:.1f}\nAverage words: {avg_words:.1f}")

# %% [markdown]
# ## Word cloud
# With the package.

# %%
everything = " ".join(data["lyrics"])
cloud = WordCloud(width=800, height=400, background_color="white", stopwords=STOPWORDS).generate(everything)
plt.figure(figsize=(12, 6))
plt.imshow(cloud, interpolation="bilinear")
plt.axis("off")
plt.show()

# %% [markdown]
# ## Top 3 words
# Without stop words and without short ones.

# %%
words = [w.strip(string.punctuation) for w in everything.lower().split()]
words = [w for w in words if w not in STOPWORDS and len(w) > 3]
for word, number in Counter(words).most_common(3):
    print(f"The word '{word}' appears {number} times")

# %% [markdown]
# ## Text generation model
# A GRU with two layers reads characters.

# %%
letters = sorted(set(everything))
lookup = {c: i for i, c in enumerate(letters)}
encoded = np.array([lookup[c] for c in everything])


class GRUModel(nn.Module):
    def __init__(self, n, hidden=64):
        super().__init__()
        self.embedding = nn.Embedding(n, hidden)
        self.gru = nn.GRU(hidden, hidden, num_layers=2, dropout=0.1, batch_first=True)
        self.fc = nn.Linear(hidden, n)

    def forward(self, x, h=None):
        out, h = self.gru(self.embedding(x), h)
        return self.fc(out), h


model = GRUModel(len(letters))
print(model)
total = 0
for name, parameter in model.named_parameters():
    total += parameter.numel()
print("Total number of parameters:", total)

# %%
# Train on random chunks.
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
history = []
for epoch in range(EPOCHS):
    model.train()
    for batch in range(BATCHES):
        starts = np.random.randint(0, len(encoded) - 41, 16)
        chunk = torch.tensor(np.stack([encoded[s : s + 41] for s in starts]))
        output, _ = model(chunk[:, :-1])
        loss = criterion(output.reshape(-1, len(letters)), chunk[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimizer.step()
    history.append(loss.item())
    print(f"Epoch {epoch + 1}/{EPOCHS}, Loss: {history[-1]:.4f}")

# %%
# Generate a song.
model.eval()
with torch.no_grad():
    seed = "You "
    x = torch.tensor([[lookup[c] for c in seed]])
    h, result = None, seed
    for _ in range(250):
        out, h = model(x, h)
        p = torch.softmax(out[0, -1], dim=0).numpy().astype(float)
        x = torch.tensor([[np.random.choice(len(letters), p=p / p.sum())]])
        result += letters[x.item()]
print("Generated lyrics:")
print(result)
