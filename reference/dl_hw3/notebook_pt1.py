# Source of the solution, the student template and the mutants of part 1 (format: autograder/template.py).
# The set-up imports what students need; each item stands for itself.
# ruff: noqa: F401
# mypy: disable-error-code="import-untyped"
# %% [markdown] tags=["given"]
# # Deep Learning, HW3: Text Generation & Latent Space Visualization
# # Part 1: Song lyrics (50 points)
#
# You study a table of song lyrics, and train a small model that writes more of them.
#
# **What to do**
#
# 1. Work from top to bottom. Replace every `...` and every `your code here` with your code. You may add cells,
#    functions, classes and imports wherever you like.
# 2. Introduce each section: replace the prompts *Describe in a sentence or two ...* with your own words.
# 3. Write the names of all members of your group into the next cell.
# 4. Download the table from the course's website and put it beside this notebook as `lyrics.csv`. Its columns are
#    the artist, the song's name, and the lyrics.
# 5. Only PyTorch is allowed for models: no Keras and no TensorFlow. pandas, matplotlib and packages for word clouds
#    are fine.
# 6. Before you hand in: *Restart kernel and run all cells*, look at every result, and save the notebook as
#    `HW3_PT1_ID1_ID2.ipynb`.
#
# **How it is marked**
#
# - Your notebook is run from top to bottom in a fresh kernel without a network. The table is there; it may be another
#   one than yours, so compute everything from it.
# - What counts is what your cells print and draw. A cell that fails does not end the run: the rest is still marked.
# - A word is what you say it is: with or without capitals, punctuation or stop words. Say it in a sentence.
# - The sheet gives no points. Each part counts 50.
#
# | section | what is looked for | points |
# | --- | --- | --- |
# | L1 | a couple of rows | 4 |
# | L2 | every artist with the number of songs | 8 |
# | L3 | the size of the table, and how many songs there are | 6 |
# | L4 | average number of characters and of words of a song | 10 |
# | L5 | a word cloud | 6 |
# | L6 | the three most used words | 8 |
# | L7 | text generation: a model in PyTorch, printed, trained, and a text of its own | 8 |

# %% [markdown] tags=["explain"]
# **Names:** Grace Hopper (ID 111111118), Alan Turing (ID 222222226)
#
# We study the table of songs with pandas, and let a small LSTM write a new one.

# %% [markdown] tags=["given"]
# ## Set-up
#
# Imports, seeds, and a generator for everything that is drawn at random.

# %% tags=["given"]
import re
from collections import Counter
from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from torch import Tensor, nn

np.random.seed(1234)  # noqa: NPY002
torch.manual_seed(1234)
rng = np.random.default_rng(1234)
generator = torch.Generator().manual_seed(1234)

# %% [markdown] tags=["given"]
# **Budget.** How long the model of L7 trains. Smaller numbers give a trial run.

# %% tags=["given", "parameters"]
EPOCHS = 5
BATCHES = 150  # an epoch

# %% [markdown] tags=["given"] item="l1"
# ## L1 Rows of the table (4 points)
#
# Import the file `lyrics.csv` and show a couple of rows.

# %% [markdown] tags=["explain"] item="l1"
# The table has one row for each song. The first five show what is in its three columns.

# %% tags=["task"] item="l1" values=["songs"]
#: songs: the table, as a pandas data frame
#: Show a couple of rows.
songs = pd.read_csv("lyrics.csv")
first_rows = songs[["artist", "song", "lyrics"]].head(5).to_string(index=False, max_colwidth=60)
print(first_rows)

# %% [markdown] tags=["given"] item="l2"
# ## L2 Artists (8 points)
#
# Print all of the artists' names, and how many songs are associated with each.

# %% [markdown] tags=["explain"] item="l2"
# Counting the rows of each artist gives the number of songs, from the most to the fewest.

# %% tags=["task"] item="l2" values=["songs_per_artist"]
#: songs_per_artist: how many songs each artist has
#: Print every artist with this number.
songs_per_artist = songs["artist"].value_counts()
for artist, n_of_artist in songs_per_artist.items():
    print(f"{artist}: {n_of_artist} songs")

# %% [markdown] tags=["given"] item="l3"
# ## L3 Size (6 points)
#
# Print the size of the data set, and how many songs there are.

# %% [markdown] tags=["explain"] item="l3"
# The size is the number of rows and columns; each row is a song.

# %% tags=["task"] item="l3" values=["n_songs"]
#: n_songs: how many songs there are
#: Print the size of the table and the number of songs.
n_songs = len(songs)
print(f"The data set has {songs.shape[0]} rows and {songs.shape[1]} columns.")
print(f"There are {n_songs} songs.")

# %% [markdown] tags=["given"] item="l4"
# ## L4 Average length (10 points)
#
# Print the average number of characters and the average number of words of a song. Say what you count as a word.

# %% [markdown] tags=["explain"] item="l4"
# Characters are all signs of the lyrics, blanks and line breaks too. A word is a run of letters with the apostrophes
# inside it, so that "don't" is one word. Both lengths are computed for every song, and their means over all songs.

# %% tags=["task"] item="l4" functions=["words_of"] values=["mean_characters", "mean_words"]
#: mean_characters: the average number of characters of a song
#: mean_words: the average number of words of a song
#: Print both.
from reference.lyrics import words_of

mean_characters = songs["lyrics"].str.len().mean()
mean_words = songs["lyrics"].apply(lambda text: len(words_of(text))).mean()
print(f"average number of characters of a song: {mean_characters:.2f}")
print(f"average number of words of a song: {mean_words:.2f}")

# %% [markdown] tags=["given"] item="l5"
# ## L5 Word cloud (6 points)
#
# Draw a word cloud of all lyrics: words in sizes that follow how often they are used. A package may help, or draw the
# words with matplotlib.

# %% [markdown] tags=["explain"] item="l5"
# All words of all songs are counted. For the cloud the words that say nothing about a song (the, and, you, ...) are
# left out; the size of the others grows with the root of their count.

# %% tags=["task"] item="l5" values=["word_counts"]
#: word_counts: how often each word is used in all lyrics
#: Figure: a word cloud.
from reference.lyrics import STOP_WORDS, count_words, draw_word_cloud

word_counts = count_words(songs["lyrics"])
telling = Counter({word: n for word, n in word_counts.items() if word not in STOP_WORDS})
fig, ax = plt.subplots(figsize=(10, 6))
draw_word_cloud(ax, telling, 40, rng)
ax.set_title("Words of the lyrics")
plt.show()

# %% [markdown] tags=["given"] item="l6"
# ## L6 Most used words (8 points)
#
# Go over all lyrics and print the three most used words.

# %% [markdown] tags=["explain"] item="l6"
# The three words with the largest counts, by the same rule; here nothing is left out.

# %% tags=["task"] item="l6" values=["top_words"]
#: top_words: the three most used words
#: Print them.
top_words = word_counts.most_common(3)
for word, count in top_words:
    print(f"{word}: {count} times")

# %% [markdown] tags=["given"] item="l7"
# ## L7 Text generation (8 points)
#
# The title of the part asks for the generation of lyrics and the sheet for no more than that: any model in PyTorch
# that learns from the lyrics and then writes some text. Print the model with its layers and the number of its
# parameters, train it, and print a text that it wrote.

# %% [markdown] tags=["explain"] item="l7"
# A character is a token. An LSTM reads characters and gives the probabilities of the next one.

# %% tags=["task"] item="l7"
#: The model, one step of its training, and how it writes.
from reference.lyric_models import LyricsModel, State, lyrics_step, write_lyrics

# %% [markdown] tags=["explain"] item="l7"
# The lyrics become one long sequence of tokens, and the model is made and printed.

# %% tags=["task"] item="l7" values=["model"]
#: model: your model
#: Print it with its layers and the number of its parameters.
text = "\n\n".join(songs["lyrics"])
alphabet = sorted(set(text))
place_of = {sign: place for place, sign in enumerate(alphabet)}
tokens = torch.tensor([place_of[sign] for sign in text])
model = LyricsModel(len(alphabet))
print(model)
print(f"number of parameters: {sum(p.numel() for p in model.parameters()):,}")

# %% [markdown] tags=["explain"] item="l7"
# Batches of 32 sequences of 64 characters from random places, with Adam. The loss is the mean cross-entropy of the
# next character.

# %% tags=["task"] item="l7" values=["losses"]
#: losses: the mean loss of each epoch
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
losses = []
for epoch in range(1, EPOCHS + 1):
    total = 0.0
    for _ in range(BATCHES):
        starts = torch.randint(len(tokens) - 65, (32,), generator=generator)
        total += lyrics_step(model, optimizer, torch.stack([tokens[start : start + 65] for start in starts]))
    losses.append(total / BATCHES)
    print(f"epoch {epoch}: loss {losses[-1]:.3f}")

# %% [markdown] tags=["explain"] item="l7"
# A new song: the model goes on from "I will" and draws one character after the other.

# %% tags=["task"] item="l7" values=["generated"]
#: generated: a text that your model wrote
#: Print it.
prompt = torch.tensor([place_of[sign] for sign in "I will"])
generated = "".join(alphabet[token] for token in write_lyrics(model, prompt, 300, generator))
print(generated)
