# %% [markdown]
# Submitted by: Blaise Pascal 777777773, Pierre de Fermat 888888884
# # Lyrics

# %%
import os
import random
import re

import matplotlib.pyplot as plt
import pandas as pd
import torch
import torch.nn.functional as F

# %% [markdown]
# ### Import the dataset
# The file was downloaded from the course's page; rows that are the same are dropped.

# %%
lyrics_df = pd.read_csv("lyrics.csv").dropna().drop_duplicates()
print(lyrics_df.iloc[0])
print(lyrics_df.iloc[1])

# %% [markdown]
# ### Number of songs per artist
# A table of counts.

# %%
counts = pd.pivot_table(lyrics_df, index="artist", values="song", aggfunc="count")
print(counts.to_markdown() if False else counts.to_string())

# %% [markdown]
# ### Dataset size
# In rows and in bytes.

# %%
print(f"{len(lyrics_df)} songs, {os.path.getsize('lyrics.csv') / 1024:.1f} KB on the disk")

# %% [markdown]
# ### Average song length
# Only letters count as characters.

# %%
letters, tokens_per_song = [], []
for song in lyrics_df["lyrics"]:
    letters.append(sum(c.isalpha() for c in song))
    tokens_per_song.append(len(re.findall(r"\b\w+\b", song)))
print(f"Avg. characters: {sum(letters) / len(letters):.2f}")
print(f"Avg. words: {sum(tokens_per_song) / len(tokens_per_song):.2f}")

# %% [markdown]
# ### Word cloud
# A picture that I paint myself: every word is drawn into an image by its count.

# %%
from PIL import Image, ImageDraw, ImageFont

every = re.findall(r"\b\w+\b", " ".join(lyrics_df["lyrics"]).lower())
series = pd.Series(every).value_counts()
canvas = Image.new("RGB", (600, 400), "white")
pen = ImageDraw.Draw(canvas)
random.seed(3)
for word, n in series.head(25).items():
    font = ImageFont.load_default(size=10 + 40 * (n / series.iloc[0]) ** 0.5)
    pen.text((random.randint(0, 450), random.randint(0, 350)), word, fill=(random.randint(0, 200), 0, 120), font=font)
plt.imshow(canvas)
plt.axis("off")
plt.show()

# %% [markdown]
# ### Most frequent words
# The first, second and third place.

# %%
places = series.index[:3].tolist()
print("1st place:", places[0])
print("2nd place:", places[1])
print("3rd place:", places[2])

# %% [markdown]
# ### Text generation with a network
# A bigram model: one matrix, trained by gradient descent.

# %% tags=["parameters"]
ITERATIONS = 150

# %%
bigram = torch.nn.Sequential(torch.nn.Embedding(128, 32), torch.nn.Linear(32, 128))
print("Model:", bigram)
print("Parameters in total:", sum(p.numel() for p in bigram.parameters()))
codes = torch.tensor([min(ord(c), 127) for c in " ".join(lyrics_df["lyrics"])])
optimiser = torch.optim.SGD(bigram.parameters(), lr=2.0)
for _ in range(ITERATIONS):
    at = torch.randint(len(codes) - 1, (512,))
    loss = F.cross_entropy(bigram(codes[at]), codes[at + 1])
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

# %% [markdown]
# ### A text of the model
# Started with a capital I.

# %%
letter, song = ord("I"), "I"
for _ in range(200):
    letter = int(torch.multinomial(bigram(torch.tensor([letter]))[0].softmax(-1), 1))
    song += chr(letter)
print(song)
