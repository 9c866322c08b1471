# style: everything in four cells, inline loops for training and for each way of decoding, one class that does all, hand-made LayerNorm and GELU, numpy for sampling
# %% [markdown]
# # Part C
# imports, data

# %% tags=["parameters"]
import numpy as np, torch, math, os, urllib.request
from torch import nn
import matplotlib.pyplot as plt
np.random.seed(1234)
torch.manual_seed(1234)
EPOCHS = 3
N_CHARS = 1115394
BATCH = 64
CTX = 128

# %% [markdown]
# the text

# %%
if not os.path.exists('input.txt'):
    urllib.request.urlretrieve('https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt', 'input.txt')
s = open('input.txt').read()[:N_CHARS]
abc = sorted(set(s)); c2i = {c: i for i, c in enumerate(abc)}
x = np.array([c2i[c] for c in s])
xtr, xva, xte = x[:int(.9*len(x))], x[int(.9*len(x)):int(.95*len(x))], x[int(.95*len(x)):]

# %% [markdown]
# the model and its training

# %%
class Norm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.g, self.b = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d))
    def forward(self, x):
        m, v = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
        return self.g*(x - m)/torch.sqrt(v + 1e-5) + self.b

class Model(nn.Module):
    def __init__(self, V, d=192, h=3, n=2):
        super().__init__()
        self.h = h
        self.E = nn.Embedding(V, d)
        self.layers = nn.ModuleList()
        for _ in range(n):
            self.layers.append(nn.ModuleDict({
                'n1': Norm(d), 'qkv': nn.Linear(d, 3*d), 'o': nn.Linear(d, d),
                'n2': Norm(d), 'u': nn.Linear(d, 4*d), 'w': nn.Linear(4*d, d)}))
        self.nf = Norm(d)
        self.out = nn.Linear(d, V)
        for k, p in self.named_parameters():
            if p.ndim == 2 and not k.startswith('E'):
                for part in p.chunk(3) if 'qkv' in k else [p]:
                    nn.init.xavier_uniform_(part)
        f = 1/10000**(torch.arange(0, d, 2)/d)
        a = torch.arange(CTX)[:, None]*f[None]
        self.register_buffer('pe', torch.stack([a.sin(), a.cos()], 2).reshape(CTX, d))
    def forward(self, i):
        B, T = i.shape
        x = self.E(i) + self.pe[:T]
        mask = torch.tril(torch.ones(T, T)) == 0
        for l in self.layers:
            q, k, v = [t.reshape(B, T, self.h, -1).transpose(1, 2) for t in l['qkv'](l['n1'](x)).split(x.shape[-1], 2)]
            a = (q @ k.transpose(2, 3)/math.sqrt(q.shape[-1])).masked_fill(mask, -1e9).softmax(-1)
            x = x + l['o']((a @ v).transpose(1, 2).flatten(2))
            u = l['u'](l['n2'](x))
            x = x + l['w'](0.5*u*(1 + torch.erf(u/math.sqrt(2))))
        return self.out(self.nf(x))

m = Model(len(abc))
opt = torch.optim.AdamW(m.parameters(), lr=3e-4, weight_decay=0.01, betas=(0.9, 0.95))
CE = nn.CrossEntropyLoss()
nw = (len(xtr) - 1)//CTX
tr_loss, va_loss = np.zeros(EPOCHS), np.zeros(EPOCHS)
for ep in range(EPOCHS):
    m.train()
    starts = np.random.permutation(nw)*CTX
    for b in range(0, nw, BATCH):
        w = np.stack([xtr[j:j + CTX + 1] for j in starts[b:b + BATCH]])
        w = torch.from_numpy(w)
        loss = CE(m(w[:, :-1]).flatten(0, 1), w[:, 1:].flatten())
        opt.zero_grad(); loss.backward()
        nn.utils.clip_grad_norm_(m.parameters(), 1.)
        opt.step()
        tr_loss[ep] += loss.item()*len(w)/nw
    m.eval()
    with torch.no_grad():
        nv = (len(xva) - 1)//CTX
        for b in range(0, nv, BATCH):
            w = torch.from_numpy(np.stack([xva[j*CTX:j*CTX + CTX + 1] for j in range(b, min(nv, b + BATCH))]))
            va_loss[ep] += CE(m(w[:, :-1]).flatten(0, 1), w[:, 1:].flatten()).item()*len(w)/nv
    print('epoch', ep + 1, 'train', tr_loss[ep], 'val', va_loss[ep], 'perplexity', np.exp(va_loss[ep]))
ppl = np.exp(va_loss)
print('final validation perplexity', ppl[-1])
cnt = np.bincount(xtr, minlength=len(abc)) + 1
print('unigram perplexity', np.exp(-np.log(cnt/cnt.sum())[xva].mean()))
fig, ax = plt.subplots(1, 2, figsize=(10, 3))
ax[0].plot(tr_loss, label='train'); ax[0].plot(va_loss, label='val'); ax[0].legend(); ax[0].set_title('loss')
ax[1].plot(ppl); ax[1].set_title('validation perplexity')
plt.show()

# %% [markdown]
# greedy, top-k and nucleus, each in its own loop

# %%
rng = np.random.default_rng(1234)
def probs(seq):
    with torch.no_grad():
        p = m(torch.tensor([seq[-CTX:]]))[0, -1].double().softmax(0).numpy()
    return p
start = list(map(int, xva[:64]))

g = list(start)
for _ in range(200):
    g.append(int(probs(g).argmax()))
print('GREEDY\n', ''.join(abc[i] for i in g))

t = list(start)
for _ in range(200):
    p = probs(t)
    p[np.argsort(p)[:-20]] = 0
    t.append(int(rng.choice(len(p), p=p/p.sum())))
print('\nTOP-K\n', ''.join(abc[i] for i in t))

u = list(start)
for _ in range(200):
    p = probs(u)
    o = np.argsort(p)[::-1]
    keep = o[:np.searchsorted(np.cumsum(p[o]), 0.9) + 1]
    u.append(int(rng.choice(keep, p=p[keep]/p[keep].sum())))
print('\nNUCLEUS\n', ''.join(abc[i] for i in u))

# %% [markdown]
# greedy = fluent but it repeats itself, top-k = most diverse but with errors, nucleus = the best mix of both
