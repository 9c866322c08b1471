# style: everything in few long cells, globals reused (model, opt, loss), step functions called from loops, numpy histories in one dict of arrays, one layer for both heads
# %% [markdown]
# # Part B
# All imports and seeds.

# %%
import numpy as np, torch, matplotlib.pyplot as plt
from torch import nn
from torch.nn import functional as F
from torchvision import datasets, utils
np.random.seed(1234); torch.manual_seed(1234)

# %% [markdown]
# Constants.

# %% tags=["parameters"]
EPOCHS = 10
EPOCHS_CNN = 5
N_TRAIN = 50000
N_VAL = 10000
BS = 128

# %% [markdown]
# Data and small helpers.

# %%
mnist, mnist_t = datasets.MNIST('./data', True, download=True), datasets.MNIST('./data', False, download=True)
X, y = mnist.data.view(-1, 784) / 255., mnist.targets
Xt = mnist_t.data.view(-1, 784) / 255.
idx = torch.randperm(len(X), generator=torch.Generator().manual_seed(1234))
Xtr, Xva = X[idx[:N_TRAIN]], X[idx[-N_VAL:]]
batches = lambda n: torch.randperm(n).split(BS)

def to_grid(v, nrow):
    return utils.make_grid(v.detach().view(-1, 1, 28, 28), nrow=nrow, padding=1)

def imshow(v, nrow, title=''):
    plt.figure(); plt.imshow(to_grid(v, nrow).permute(1, 2, 0).numpy()); plt.axis('off'); plt.title(title); plt.show()

# %% [markdown]
# ## 1 + 2 VAE: model, training, curves, reconstructions and samples

# %%
class VAE(nn.Module):
    def __init__(self, sizes=(784, 512, 256), nz=16):
        super().__init__()
        layers = []
        for i, o in zip(sizes, sizes[1:]):
            layers += [nn.Linear(i, o), nn.ReLU()]
        self.enc = nn.Sequential(*layers, nn.Linear(sizes[-1], 2 * nz))  # both heads in one layer
        layers = [nn.Linear(nz, sizes[-1])]
        for i, o in zip(sizes[:0:-1], sizes[-2::-1]):
            layers += [nn.ReLU(), nn.Linear(i, o)]
        self.dec = nn.Sequential(*layers, nn.Sigmoid())
    def encode(self, x): return self.enc(x).chunk(2, dim=1)
    def decode(self, z): return self.dec(z)
    def forward(self, x):
        mu, lv = self.encode(x)
        q = torch.distributions.Normal(mu, torch.exp(lv / 2))
        return self.decode(q.rsample()), mu, lv

def vae_loss(x, out, mu, lv):
    rec = F.binary_cross_entropy(out, x, reduction='mean') * 784
    kl = 0.5 * (mu.pow(2) + lv.exp() - 1 - lv).sum(-1).mean()
    return rec + kl, rec, kl

model = VAE()
opt = torch.optim.Adam(model.parameters(), 1e-3, (0.9, 0.999))
z0 = torch.randn(100, 16)
log = {'rec': np.zeros(EPOCHS), 'kl': np.zeros(EPOCHS), 'elbo': np.zeros(EPOCHS)}
for ep in range(EPOCHS):
    for b in batches(len(Xtr)):
        x = Xtr[b]
        loss, rec, kl = vae_loss(x, *model(x))
        opt.zero_grad(set_to_none=False); loss.backward(); opt.step()
        for k, v in zip(log, (rec, kl, loss)): log[k][ep] += v.item() * len(x) / len(Xtr)
    utils.save_image(to_grid(model.decode(z0), 10), f'vae_{ep + 1}.png')
    print(ep + 1, *(f'{k} {v[ep]:.2f}' for k, v in log.items()))
for k, v in log.items(): plt.plot(range(1, EPOCHS + 1), v, label=k)
plt.legend(); plt.xlabel('epoch'); plt.show()
with torch.no_grad():
    rec5 = model(Xva[:5])[0]
    imshow(torch.stack([Xva[:5], rec5], 1).flatten(0, 1), 2, 'original | reconstruction')
    imshow(model.decode(torch.randn(10, 16)), 5, 'VAE samples')
vae = model

# %% [markdown]
# Sharpness: low, edges are soft. Diversity: high, nearly all digits can be seen in a handful of samples.

# %% [markdown]
# ## 3 + 4 GAN: networks, training, curves, grids

# %%
def mlp(sizes, p=0.0):
    out = []
    for i, o in zip(sizes[:-1], sizes[1:-1]):
        out += [nn.Linear(i, o), nn.LeakyReLU(0.2)] + ([nn.Dropout(p)] if p else [])
    return out + [nn.Linear(sizes[-2], sizes[-1])]

G = nn.Sequential(*mlp([64, 256, 512, 784]), nn.Tanh())
D = nn.Sequential(*mlp([784, 512, 256, 1], p=0.3))
oG, oD = (torch.optim.Adam(m.parameters(), lr=2e-4, betas=(0.5, 0.999)) for m in (G, D))
bce = F.binary_cross_entropy_with_logits

def d_step(real):
    with torch.no_grad(): fake = G(torch.randn(len(real), 64))
    lr_, lf_ = D(real), D(fake)
    loss = bce(lr_, torch.empty_like(lr_).fill_(0.9)) + bce(lf_, torch.zeros_like(lf_))
    oD.zero_grad(); loss.backward(); oD.step()
    return loss.item()

def g_step(n):
    out = D(G(torch.randn(n, 64)))
    loss = bce(out, torch.ones_like(out))
    oG.zero_grad(); loss.backward(); oG.step()
    return loss.item()

fixed, fixed100 = torch.randn(64, 64), torch.randn(100, 64)
L = np.zeros((2, EPOCHS)); grids = {}
for ep in range(1, EPOCHS + 1):
    ls = np.array([(d_step(Xtr[b] * 2 - 1), g_step(len(b))) for b in batches(len(Xtr))])
    L[:, ep - 1] = ls.mean(0)
    utils.save_image(to_grid(G(fixed100) * 0.5 + 0.5, 10), f'gan_{ep}.png')
    if ep in (1, 5, 10): grids[ep] = (G(fixed) * 0.5 + 0.5).detach()
    print(ep, 'L_D %.3f' % L[0, ep - 1], 'L_G %.3f' % L[1, ep - 1])
plt.plot(L[0], label='L_D'); plt.plot(L[1], label='L_G'); plt.legend(); plt.xlabel('epoch'); plt.show()
for ep, g in grids.items(): imshow(g, 8, f'GAN epoch {ep}')

# %% [markdown]
# Progress is clear from epoch 1 to 5, smaller from 5 to 10. The digits repeat a little (1, 9), I would not call it mode collapse.

# %% [markdown]
# ## 5 Classifier, IS, FID, table

# %%
class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 32, 3, padding='same'), nn.Conv2d(32, 64, 3, padding='same')
        self.f1, self.f2 = nn.Linear(7 * 7 * 64, 128), nn.Linear(128, 10)
    def forward(self, x, return_features=False):
        x = F.max_pool2d(self.c1(x.view(-1, 1, 28, 28)).relu(), 2)
        x = F.max_pool2d(self.c2(x).relu(), 2)
        h = self.f1(x.flatten(1)).relu()
        return h if return_features else self.f2(h)

model = CNN()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for ep in range(EPOCHS_CNN):
    for b in batches(len(X)):
        loss = F.cross_entropy(model(X[b]), y[b])
        opt.zero_grad(); loss.backward(); opt.step()
    print('cnn', ep + 1, loss.item())
model.eval().requires_grad_(False)

def IS(p, n=10):
    s = [np.exp(np.mean([np.sum(r * np.log(r / q.mean(0))) for r in q])) for q in np.split(np.clip(p, 1e-12, 1), n)]
    return np.mean(s), np.std(s)

def FID(a, b):
    from scipy.linalg import sqrtm
    (m1, s1), (m2, s2) = ((t.mean(0), np.cov(t, rowvar=False)) for t in (a, b))
    off = 1e-6 * np.eye(len(s1))
    return ((m1 - m2) ** 2).sum() + np.trace(s1 + s2 - 2 * np.real(sqrtm((s1 + off) @ (s2 + off))))

fake = {'VAE': vae.decode(torch.randn(100, 16)).detach(), 'GAN': (G(torch.randn(100, 64)) / 2 + .5).detach()}
ref = model(Xt[:1000], return_features=True).double().numpy()
print(f'{"":5}{"IS":>16}{"FID":>10}')
for k, v in fake.items():
    m, s = IS(model(v).softmax(1).double().numpy())
    print(f'{k:5}{m:9.3f} ± {s:.3f}{FID(ref, model(v, return_features=True).double().numpy()):10.2f}')
