# style: a cell a model, loops without functions, one name for every model and for every list of losses, one-hot inputs
# %% [markdown]
# # CA5, notebook 5.1

# %% tags=["parameters"]
import matplotlib.pyplot as plt
import sentencepiece as spm
import torch, io, urllib.request
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
steps = 420
T, B, H = 32, 32, 100

# %%
url = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
try:
    text = urllib.request.urlopen(url, timeout=20).read().decode()[:120000]
except Exception:  # no network: a text of numbers in words
    words = "zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty".split()
    text = "\n".join(" ".join(words[(i * k + k) % len(words)] for k in range(1, 9)) for i in range(2500))
vocab = sorted(set(text))
V = len(vocab)
c2i = {c: i for i, c in enumerate(vocab)}
ids = torch.tensor([c2i[c] for c in text])

# %% [markdown]
# ## RNN

# %%
class Net(nn.Module):
    def __init__(self, n_vocab):
        super().__init__()
        self.n_vocab = n_vocab
        self.Wx = nn.Linear(n_vocab, H, bias=False)
        self.Wh = nn.Linear(H, H)
        self.Wy = nn.Linear(H, n_vocab)

    def forward(self, idx):
        x = F.one_hot(idx, self.n_vocab).float()
        h = torch.zeros(idx.shape[0], H)
        out = []
        for t in range(idx.shape[1]):
            h = torch.tanh(self.Wx(x[:, t]) + self.Wh(h))
            out.append(self.Wy(h))
        return torch.stack(out, 1)

model = Net(V)
opt = torch.optim.RMSprop(model.parameters(), lr=2e-3)
losses = []
for step in range(steps):
    i = torch.randint(0, len(ids) - T - 1, (B, 1)) + torch.arange(T + 1)
    batch = ids[i]
    loss = F.cross_entropy(model(batch[:, :-1]).reshape(-1, V), batch[:, 1:].reshape(-1))
    opt.zero_grad(); loss.backward(); opt.step()
    losses.append(loss.item())
    if step % 20 == 0: print(step, loss.item())
plt.plot(losses); plt.title("RNN"); plt.show()
out = ids[:10].tolist()
for _ in range(200):
    p = F.softmax(model(torch.tensor([out[-T:]]))[0, -1], dim=0)
    out.append(torch.multinomial(p, 1).item())
print("".join(vocab[i] for i in out))

# %% [markdown]
# ## Two layers

# %%
class Deep(nn.Module):
    def __init__(self, n_vocab):
        super().__init__()
        self.n_vocab = n_vocab
        self.A, self.B, self.C, self.D = nn.Linear(n_vocab, H), nn.Linear(H, H, bias=False), nn.Linear(H, H), nn.Linear(H, H, bias=False)
        self.Wy = nn.Linear(H, n_vocab)

    def forward(self, idx):
        h1 = h2 = torch.zeros(idx.shape[0], H)
        out = []
        for t in range(idx.shape[1]):
            h1 = torch.tanh(self.A(F.one_hot(idx[:, t], self.n_vocab).float()) + self.B(h1))
            h2 = torch.tanh(self.C(h1) + self.D(h2))
            out.append(self.Wy(h2))
        return torch.stack(out, 1)

model = Deep(V)
opt = torch.optim.RMSprop(model.parameters(), lr=2e-3)
losses = []
for step in range(steps):
    i = torch.randint(0, len(ids) - T - 1, (B, 1)) + torch.arange(T + 1)
    batch = ids[i]
    loss = F.cross_entropy(model(batch[:, :-1]).reshape(-1, V), batch[:, 1:].reshape(-1))
    opt.zero_grad(); loss.backward(); opt.step()
    losses.append(loss.item())
plt.plot(losses); plt.title("two layers"); plt.show()

# %% [markdown]
# ## Questions on the RNN
#
# 1) 2*H*(D+H)
# 2) 2*T*H*(D+H)
# 3) O(T)
# 4) T*L*H
#
# BPTT multiplies Jacobians. Vanishing or exploding gradients. Clip them.

# %% [markdown]
# ## Transformer

# %%
D = 48
class Net2(nn.Module):
    def __init__(self, n_vocab):
        super().__init__()
        self.emb, self.pos = nn.Embedding(n_vocab, D), nn.Embedding(T, D)
        self.attn = nn.ModuleList([nn.MultiheadAttention(D, 4, batch_first=True) for _ in range(2)])
        self.n1 = nn.ModuleList([nn.LayerNorm(D) for _ in range(2)])
        self.n2 = nn.ModuleList([nn.LayerNorm(D) for _ in range(2)])
        self.ff = nn.ModuleList([nn.Sequential(nn.Linear(D, 4 * D), nn.ReLU(), nn.Linear(4 * D, D)) for _ in range(2)])
        self.out = nn.Linear(D, n_vocab)

    def forward(self, idx):
        n = idx.shape[1]
        mask = torch.ones(n, n, dtype=torch.bool).triu(1)
        x = self.emb(idx) + self.pos.weight[:n]
        for a, n1, n2, f in zip(self.attn, self.n1, self.n2, self.ff):
            y = n1(x)
            x = x + a(y, y, y, attn_mask=mask, need_weights=False)[0]
            x = x + f(n2(x))
        return self.out(x)

model = Net2(V)
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
losses = []
for step in range(steps):
    i = torch.randint(0, len(ids) - T - 1, (B, 1)) + torch.arange(T + 1)
    batch = ids[i]
    loss = F.cross_entropy(model(batch[:, :-1]).reshape(-1, V), batch[:, 1:].reshape(-1))
    opt.zero_grad(); loss.backward(); opt.step()
    losses.append(loss.item())
    if step % 20 == 0: print(step, loss.item())
plt.plot(losses); plt.title("Transformer"); plt.show()
out = ids[:10].tolist()
for _ in range(200):
    p = F.softmax(model(torch.tensor([out[-T:]]))[0, -1], dim=0)
    out.append(torch.multinomial(p, 1).item())
print("".join(vocab[i] for i in out))

# %% [markdown]
# ## Questions on the Transformer
#
# 1) 8*T*D**2
# 2) 4*T**2*D
# 3) 16*T*D**2
# 4) 24*L*T*D**2 + 4*L*T**2*D
# 5) O(L)
# 6) O(T*T)
#
# The Transformer trains in parallel. The RNN generates with the same work a token. Attention dominates for T > 6D.

# %% [markdown]
# ## Subwords with SentencePiece

# %%
f = io.BytesIO()
spm.SentencePieceTrainer.train(sentence_iterator=iter(text.split("\n")), model_writer=f, vocab_size=300, model_type="bpe",
                               hard_vocab_limit=False, minloglevel=2)
sp = spm.SentencePieceProcessor(model_proto=f.getvalue())
print(sp.encode(text[:60], out_type=str))
print(sp.decode(sp.encode(text[:60])))
ids = torch.tensor(sp.encode(text))
V = sp.vocab_size()
model = Net(V)
opt = torch.optim.RMSprop(model.parameters(), lr=2e-3)
losses = []
for step in range(steps):
    i = torch.randint(0, len(ids) - T - 1, (B, 1)) + torch.arange(T + 1)
    batch = ids[i]
    loss = F.cross_entropy(model(batch[:, :-1]).reshape(-1, V), batch[:, 1:].reshape(-1))
    opt.zero_grad(); loss.backward(); opt.step()
    losses.append(loss.item())
plt.plot(losses); plt.title("RNN on subwords"); plt.show()
out = sp.encode("Once upon")
for _ in range(50):
    p = F.softmax(model(torch.tensor([out[-T:]]))[0, -1], dim=0)
    out.append(torch.multinomial(p, 1).item())
print(sp.decode(out))

# %% [markdown]
# ## Questions on subwords
#
# 1) 1/c
# 2) (1/c)^2
#
# Other classes, other amounts of text, so compare bits per character. A larger vocabulary: shorter sequences, larger head, rare pieces.

# %% [markdown]
# ## Transformer on subwords

# %%
model = Net2(V)
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
losses = []
for step in range(steps):
    i = torch.randint(0, len(ids) - T - 1, (B, 1)) + torch.arange(T + 1)
    batch = ids[i]
    loss = F.cross_entropy(model(batch[:, :-1]).reshape(-1, V), batch[:, 1:].reshape(-1))
    opt.zero_grad(); loss.backward(); opt.step()
    losses.append(loss.item())
plt.plot(losses); plt.title("Transformer on subwords"); plt.show()
