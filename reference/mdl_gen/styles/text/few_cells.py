# style: four cells, Karpathy's lambdas, loops in place of functions for training, NumPy, a hand-made LSTM, models that end in log-softmax with NLLLoss
# %% [markdown]
# # Lab 5

# %% tags=["parameters"]
import numpy as np, torch, math, os, random, urllib.request
from torch import nn
import matplotlib.pyplot as plt
STEPS = 500
CHARS = 1115394
B = 32
T = 64

# %%
torch.manual_seed(1); np.random.seed(1); random.seed(1)
if not os.path.exists('input.txt'):
    urllib.request.urlretrieve('https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt', 'input.txt')
text = open('input.txt').read()[:CHARS]
chars = sorted(list(set(text)))
stoi = {ch: i for i, ch in enumerate(chars)}
itos = {i: ch for i, ch in enumerate(chars)}
vocab_size = len(chars)
def encode(s):
    for ch in s:
        assert ch in stoi, f'unknown character {ch}'
    return [stoi[ch] for ch in s]
decode = lambda l: ''.join([itos[i] for i in l])
data = np.array(encode(text))
train_data, val_data = data[:int(.9*len(data))], data[int(.9*len(data)):int(.95*len(data))]
def get_batch(d):
    s = np.random.randint(0, len(d) - T, B)
    w = np.stack([d[i:i+T+1] for i in s])
    return torch.from_numpy(w[:, :-1]).long(), torch.from_numpy(w[:, 1:]).long()

# %% [markdown]
# characters: small vocabulary, long sequences; words: the other way round

# %%
class LSTM(nn.Module):
    def __init__(self, V, E=32, H=96):
        super().__init__()
        self.H = H
        self.e = nn.Embedding(V, E)
        self.w = nn.Linear(E + H, 4*H)
        self.o = nn.Linear(H, V)
    def forward(self, x):
        h = torch.zeros(len(x), self.H); c = torch.zeros(len(x), self.H)
        ys = []
        for t in range(x.shape[1]):
            i, f, g, o = self.w(torch.cat([self.e(x[:, t]), h], 1)).chunk(4, 1)
            c = torch.sigmoid(f)*c + torch.sigmoid(i)*torch.tanh(g)
            h = torch.sigmoid(o)*torch.tanh(c)
            ys.append(self.o(h))
        return torch.stack(ys, 1).log_softmax(-1)

class Transformer(nn.Module):
    def __init__(self, V, d=64):
        super().__init__()
        self.e = nn.Embedding(V, d)
        self.p = nn.Parameter(torch.randn(T, d)*.02)
        self.l = nn.ModuleList([nn.TransformerEncoderLayer(d, 4, 2*d, 0.0, batch_first=True, norm_first=True) for _ in range(2)])
        self.o = nn.Linear(d, V)
    def forward(self, x):
        h = self.e(x) + self.p[:x.shape[1]]
        m = torch.full((x.shape[1], x.shape[1]), float('-inf')).triu(1)
        for l in self.l:
            h = l(h, m)
        return self.o(h).log_softmax(-1)

models = {'lstm': LSTM(vocab_size), 'transformer': Transformer(vocab_size)}
nll = nn.NLLLoss()
losses, ppls = {}, {}
for name, m in models.items():
    opt = torch.optim.Adam(m.parameters(), lr=0.004)
    losses[name] = []
    for step in range(STEPS):
        x, y = get_batch(train_data)
        loss = nll(m(x).reshape(-1, vocab_size), y.reshape(-1))
        opt.zero_grad(); loss.backward(); opt.step()
        losses[name].append(loss.item())
    m.eval()
    with torch.no_grad():
        s, n = 0., 0
        for i in range(0, len(val_data) - 1, T):
            w = torch.from_numpy(val_data[i:i+T+1]).long()
            lp = m(w[None, :-1])[0]
            s -= lp[range(len(w) - 1), w[1:]].sum().item(); n += len(w) - 1
    ppls[name] = math.exp(s/n)
    print(name, 'validation perplexity', ppls[name])
    plt.plot(losses[name], label=name)
plt.legend(); plt.show()

# %% [markdown]
# decoding: the same function for all, then the texts

# %%
@torch.no_grad()
def generate(model, prompt, n, mode='greedy', T_=1.0, k=0, width=4):
    seqs = [(0., encode(prompt))]
    for _ in range(n):
        if mode == 'beam':
            new = []
            for s, seq in seqs:
                lp = model(torch.tensor([seq[-T:]]))[0, -1]
                for j in lp.argsort(descending=True)[:width].tolist():
                    new.append((s + lp[j].item(), seq + [j]))
            seqs = sorted(new, reverse=True)[:width]
        else:
            s, seq = seqs[0]
            lp = model(torch.tensor([seq[-T:]]))[0, -1]
            if mode == 'greedy':
                j = lp.argmax().item()
            else:
                p = (lp/T_).softmax(-1).double().numpy()
                if k:
                    p[np.argsort(p)[:-k]] = 0
                j = int(np.random.choice(len(p), p=p/p.sum()))
            seqs = [(s, seq + [j])]
    return decode(seqs[0][1])

for name, m in models.items():
    for mode in ('greedy', 'beam', 'random'):
        print(name, mode, ':', generate(m, 'ROMEO: ' if 'O' in stoi and ':' in stoi and 'M' in stoi else text[:5], 100, mode, 0.8, 10))

# %% [markdown]
# greedy and beam: loops; random: more different words. a low temperature is nearly greedy
