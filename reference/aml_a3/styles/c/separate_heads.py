# style: one module per head with its own key, query, value without biases, Karpathy's naming, model returns (logits, loss), generation as a method with top_k and top_p arguments
# %% [markdown]
# ## A3 part C
# I follow the naming of the well-known GPT lecture.

# %%
import torch, math
import torch.nn as nn
from torch.nn import functional as F
import numpy as np
import matplotlib.pyplot as plt
from urllib.request import urlopen

torch.manual_seed(1234)
np.random.seed(1234)

# %% [markdown]
# hyperparameters

# %% tags=["parameters"]
batch_size = 64
block_size = 128
max_epochs = 3
max_chars = 1115394
learning_rate = 3e-4
n_embd = 192
n_head = 3
n_layer = 2

# %% [markdown]
# data

# %%
text = urlopen('https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt').read().decode('utf-8')[:max_chars]
chars = sorted(list(set(text)))
vocab_size = len(chars)
stoi = { ch:i for i,ch in enumerate(chars) }
itos = { i:ch for i,ch in enumerate(chars) }
encode = lambda s: [stoi[c] for c in s]
decode = lambda l: ''.join([itos[i] for i in l])
data = torch.tensor(encode(text), dtype=torch.long)
n1, n2 = int(0.9*len(data)), int(0.95*len(data))
train_data, val_data = data[:n1], data[n1:n2]

def get_batches(d, shuffle):
    starts = torch.arange(0, len(d) - block_size, block_size)
    if shuffle:
        starts = starts[torch.randperm(len(starts))]
    for ix in starts.split(batch_size):
        x = torch.stack([d[i:i+block_size] for i in ix])
        y = torch.stack([d[i+1:i+block_size+1] for i in ix])
        yield x, y

# %% [markdown]
# model: the heads are separate modules and are concatenated

# %%
class Head(nn.Module):
    """ one head of self-attention """
    def __init__(self, head_size):
        super().__init__()
        self.key = nn.Linear(n_embd, head_size, bias=False)
        self.query = nn.Linear(n_embd, head_size, bias=False)
        self.value = nn.Linear(n_embd, head_size, bias=False)
        self.register_buffer('tril', torch.tril(torch.ones(block_size, block_size)))

    def forward(self, x):
        B,T,C = x.shape
        k = self.key(x)
        q = self.query(x)
        wei = q @ k.transpose(-2,-1) * k.shape[-1]**-0.5
        wei = wei.masked_fill(self.tril[:T, :T] == 0, float('-inf'))
        wei = F.softmax(wei, dim=-1)
        return wei @ self.value(x)

class MultiHeadAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList([Head(n_embd // n_head) for _ in range(n_head)])
        self.proj = nn.Linear(n_embd, n_embd)

    def forward(self, x):
        return self.proj(torch.cat([h(x) for h in self.heads], dim=-1))

class FeedFoward(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_embd, 4 * n_embd), nn.GELU(), nn.Linear(4 * n_embd, n_embd))

    def forward(self, x):
        return self.net(x)

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.sa = MultiHeadAttention()
        self.ffwd = FeedFoward()
        self.ln1 = nn.LayerNorm(n_embd)
        self.ln2 = nn.LayerNorm(n_embd)

    def forward(self, x):
        x = x + self.sa(self.ln1(x))
        x = x + self.ffwd(self.ln2(x))
        return x

def sinusoids(T, C):
    pe = torch.zeros(T, C)
    for pos in range(T):
        for i in range(0, C, 2):
            pe[pos, i] = math.sin(pos / 10000 ** (i / C))
            pe[pos, i + 1] = math.cos(pos / 10000 ** (i / C))
    return pe

class GPTLanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.token_embedding_table = nn.Embedding(vocab_size, n_embd)
        self.register_buffer('pe', sinusoids(block_size, n_embd))
        self.blocks = nn.Sequential(*[Block() for _ in range(n_layer)])
        self.ln_f = nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size)
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            torch.nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)

    def forward(self, idx, targets=None):
        B, T = idx.shape
        x = self.token_embedding_table(idx) + self.pe[:T]
        logits = self.lm_head(self.ln_f(self.blocks(x)))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(B*T, -1), targets.view(B*T))

    @torch.no_grad()
    def generate(self, idx, max_new_tokens, temperature=1.0, top_k=None, top_p=None, greedy=False):
        for _ in range(max_new_tokens):
            logits, _ = self(idx[:, -block_size:])
            logits = logits[:, -1, :] / temperature
            if greedy:
                idx_next = torch.argmax(logits, dim=-1, keepdim=True)
            else:
                if top_k is not None:
                    v, _ = torch.topk(logits, min(top_k, logits.size(-1)))
                    logits = logits.masked_fill(logits < v[:, -1:], float('-inf'))
                probs = F.softmax(logits, dim=-1)
                if top_p is not None:
                    sp, si = torch.sort(probs, dim=-1, descending=True)
                    drop = sp.cumsum(-1) - sp > top_p
                    sp = sp.masked_fill(drop, 0.0)
                    probs = torch.zeros_like(probs).scatter(-1, si, sp)
                    probs = probs / probs.sum(-1, keepdim=True)
                idx_next = torch.multinomial(probs, num_samples=1)
            idx = torch.cat((idx, idx_next), dim=1)
        return idx

model = GPTLanguageModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, betas=(0.9, 0.95), weight_decay=0.01)
print(sum(p.numel() for p in model.parameters())/1e6, 'M parameters')

# %% [markdown]
# training loop

# %%
@torch.no_grad()
def estimate_loss(d):
    model.eval()
    tot, cnt = 0.0, 0
    for x, y in get_batches(d, False):
        _, loss = model(x, y)
        tot += loss.item() * len(x)
        cnt += len(x)
    model.train()
    return tot / cnt

def train_step(xb, yb):
    logits, loss = model(xb, yb)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()

history = {'train': [], 'val': [], 'ppl': []}
for epoch in range(max_epochs):
    lossi = [train_step(xb, yb) for xb, yb in get_batches(train_data, True)]
    history['train'].append(sum(lossi) / len(lossi))
    history['val'].append(estimate_loss(val_data))
    history['ppl'].append(math.exp(history['val'][-1]))
    print(f"epoch {epoch+1}: train loss {history['train'][-1]:.4f}, val loss {history['val'][-1]:.4f}, val ppl {history['ppl'][-1]:.4f}")

plt.plot(history['train'], label='train')
plt.plot(history['val'], label='val')
plt.legend(); plt.xlabel('epoch'); plt.show()

# %% [markdown]
# perplexity

# %%
print('perplexities', history['ppl'])
print('final val perplexity', math.exp(estimate_loss(val_data)))
plt.plot(history['ppl']); plt.title('val perplexity'); plt.show()

# bigram baseline
N = torch.ones(vocab_size, vocab_size)
for a, b in zip(train_data[:-1].tolist(), train_data[1:].tolist()):
    N[a, b] += 1
P = N / N.sum(1, keepdim=True)
print('bigram perplexity', torch.exp(-torch.log(P[val_data[:-1], val_data[1:]]).mean()).item())

# %% [markdown]
# decoding from the first 64 characters of the validation data

# %%
model.eval()
context = val_data[:64].view(1, -1)
greedy_text = decode(model.generate(context, 200, greedy=True)[0].tolist())
topk_text = decode(model.generate(context, 200, top_k=20)[0].tolist())
nucleus_text = decode(model.generate(context, 200, top_p=0.9)[0].tolist())
print('GREEDY:\n' + greedy_text)
print('\nTOP-K:\n' + topk_text)
print('\nNUCLEUS:\n' + nucleus_text)

# %% [markdown]
# Greedy is stuck in a loop of frequent words, so no diversity. Top-k has the most diversity but also nonsense words; nucleus is a good compromise.
