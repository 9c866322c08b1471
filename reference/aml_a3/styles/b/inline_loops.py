# style: no functions, everything inline in the training loops, numpy arrays for histories, scaled by hand, separate backward passes for real and fake, fid with a loop over eigenvalues
# %% [markdown]
# # HW3 part B
# imports and seeds

# %%
%matplotlib inline
import numpy as np, torch, torch.nn as nn, torch.optim as optim
import matplotlib.pyplot as plt
from torchvision import datasets
np.random.seed(1234)
torch.manual_seed(1234)

# %% [markdown]
# settings

# %% tags=["parameters"]
E = 10
E_c = 5
N = 50000
M = 10000
B = 128

# %% [markdown]
# mnist as arrays, first N for training, last M for validation

# %%
d = datasets.MNIST('data', download=True)
dt = datasets.MNIST('data', train=False, download=True)
A = d.data.numpy().astype('float32')/255
lab = d.targets.numpy()
At = dt.data.numpy().astype('float32')/255
ix = np.random.permutation(len(A))
tr, va = A[ix[:N]], A[ix[-M:]]
print(tr.shape, va.shape, At.shape)

# %% [markdown]
# ## VAE
# one class, the loss is written inside the loop

# %%
class Net(nn.Module):
    def __init__(s):
        super().__init__()
        s.a = nn.Linear(784, 512); s.b = nn.Linear(512, 256)
        s.m = nn.Linear(256, 16); s.v = nn.Linear(256, 16)
        s.c = nn.Linear(16, 256); s.d = nn.Linear(256, 512); s.e = nn.Linear(512, 784)
    def up(s, x):
        h = s.b(s.a(x).relu()).relu()
        return s.m(h), s.v(h)
    def down(s, z):
        return s.e(s.d(s.c(z).relu()).relu()).sigmoid()
    def forward(s, x):
        m, v = s.up(x)
        z = m + v.exp().sqrt()*torch.randn(m.shape)
        return s.down(z), m, v

net = Net()
op = optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.999))
z100 = torch.randn(100, 16)
h = np.zeros((E, 3))
for e in range(E):
    p = np.random.permutation(len(tr))
    for i in range(0, len(tr), B):
        x = torch.from_numpy(tr[p[i:i+B]].reshape(-1, 784))
        y, m, v = net(x)
        y = y.clamp(1e-7, 1 - 1e-7)
        rec = -(x*y.log() + (1 - x)*(1 - y).log()).sum()/len(x)
        kl = 0.5*(m**2 + v.exp() - v - 1).sum()/len(x)
        loss = rec + kl
        op.zero_grad(); loss.backward(); op.step()
        h[e] += np.array([rec.item(), kl.item(), loss.item()])*len(x)/len(tr)
    with torch.no_grad():
        s = net.down(z100).numpy().reshape(10, 10, 28, 28)
    plt.imsave('vae%02d.png' % e, np.concatenate(np.concatenate(s, 1), 1), cmap='gray')
    print(e + 1, h[e])

# %% [markdown]
# curves

# %%
plt.plot(np.arange(1, E + 1), h)
plt.legend(['reconstruction', 'KL', 'total'])
plt.xlabel('epoch')
plt.title('VAE')
plt.show()

# %% [markdown]
# ## reconstructions and samples

# %%
with torch.no_grad():
    x = torch.from_numpy(va[:5].reshape(5, 784))
    y = net(x)[0]
    s = net.down(torch.randn(10, 16))
plt.figure(figsize=(8, 4))
for i in range(5):
    plt.subplot(2, 5, i + 1); plt.imshow(va[i], cmap='gray'); plt.axis('off')
    plt.subplot(2, 5, i + 6); plt.imshow(y[i].numpy().reshape(28, 28), cmap='gray'); plt.axis('off')
plt.suptitle('validation images, reconstructions')
plt.figure(figsize=(8, 4))
for i in range(10):
    plt.subplot(2, 5, i + 1); plt.imshow(s[i].numpy().reshape(28, 28), cmap='gray'); plt.axis('off')
plt.suptitle('samples')
plt.show()

# %% [markdown]
# The samples are blurry compared with the data, but all kinds of digits are there, so the diversity is good.

# %% [markdown]
# ## GAN
# G gives images in [-1, 1], D a logit

# %%
netG = nn.Sequential(nn.Linear(64, 256), nn.LeakyReLU(0.2, inplace=True), nn.Linear(256, 512), nn.LeakyReLU(0.2, inplace=True), nn.Linear(512, 784), nn.Tanh())
netD = nn.Sequential(nn.Linear(784, 512), nn.LeakyReLU(0.2, inplace=True), nn.Dropout(0.3), nn.Linear(512, 256), nn.LeakyReLU(0.2, inplace=True), nn.Dropout(0.3), nn.Linear(256, 1))
og = optim.Adam(netG.parameters(), lr=2e-4, betas=(0.5, 0.999))
od = optim.Adam(netD.parameters(), lr=2e-4, betas=(0.5, 0.999))
crit = nn.BCEWithLogitsLoss()
n64 = torch.randn(64, 64)
n100 = torch.randn(100, 64)
g = np.zeros((E, 2))
pics = {}
for e in range(E):
    p = np.random.permutation(len(tr))
    nb = 0
    for i in range(0, len(tr), B):
        x = torch.from_numpy(tr[p[i:i+B]].reshape(-1, 784))*2 - 1
        # D on real, then D on fake
        netD.zero_grad()
        lr_ = crit(netD(x).view(-1), torch.full((len(x),), 0.9))
        lr_.backward()
        f = netG(torch.randn(len(x), 64))
        lf_ = crit(netD(f.detach()).view(-1), torch.full((len(x),), 0.0))
        lf_.backward()
        od.step()
        # G
        netG.zero_grad()
        lg = crit(netD(f).view(-1), torch.full((len(x),), 1.0))
        lg.backward()
        og.step()
        g[e] += [lr_.item() + lf_.item(), lg.item()]
        nb += 1
    g[e] /= nb
    with torch.no_grad():
        s = (netG(n100).numpy().reshape(10, 10, 28, 28) + 1)/2
        if e + 1 in (1, 5, 10):
            pics[e + 1] = (netG(n64).numpy().reshape(8, 8, 28, 28) + 1)/2
    plt.imsave('gan%02d.png' % e, np.concatenate(np.concatenate(s, 1), 1), cmap='gray')
    print(e + 1, 'D', g[e, 0], 'G', g[e, 1])
plt.plot(np.arange(1, E + 1), g)
plt.legend(['L_D', 'L_G'])
plt.xlabel('epoch')
plt.show()

# %% [markdown]
# ## grids at epochs 1, 5, 10

# %%
for e in pics:
    plt.figure(figsize=(5, 5))
    plt.imshow(np.concatenate(np.concatenate(pics[e], 1), 1), cmap='gray')
    plt.title('epoch %d' % e)
plt.show()

# %% [markdown]
# First only noise with a bright centre, in the end digits. No real mode collapse, but few 2s and 5s among the 64.

# %% [markdown]
# ## classifier

# %%
class C(nn.Module):
    def __init__(s):
        super().__init__()
        s.f = nn.Sequential(nn.Conv2d(1, 32, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(7*7*64, 128))
        s.g = nn.Linear(128, 10)
    def forward(s, x):
        q = torch.relu(s.f(x))
        return s.g(q), q

c = C()
oc = optim.Adam(c.parameters(), lr=1e-3)
for e in range(E_c):
    p = np.random.permutation(len(A))
    t = 0
    for i in range(0, len(A), B):
        x = torch.from_numpy(A[p[i:i+B]][:, None])
        loss = nn.functional.cross_entropy(c(x)[0], torch.from_numpy(lab[p[i:i+B]]))
        oc.zero_grad(); loss.backward(); oc.step()
        t += loss.item()
    print('classifier', e + 1, t/(len(A)/B))
c.eval()

# %% [markdown]
# ## IS and FID

# %%
with torch.no_grad():
    R = c(torch.from_numpy(At[:1000][:, None]))[1].numpy().astype(float)
    fv = net.down(torch.randn(100, 16)).view(-1, 1, 28, 28)
    fg = (netG(torch.randn(100, 64)).view(-1, 1, 28, 28) + 1)/2
for nm, im in [('VAE', fv), ('GAN', fg)]:
    with torch.no_grad():
        o, q = c(im)
    pr = torch.softmax(o, 1).numpy().astype(float)
    q = q.numpy().astype(float)
    sc = []
    for k in range(10):
        w = pr[10*k:10*k+10]
        sc.append(np.exp(np.mean(np.sum(w*(np.log(w + 1e-10) - np.log(w.mean(0) + 1e-10)), 1))))
    S1, S2 = np.cov(R, rowvar=False, ddof=0), np.cov(q, rowvar=False, ddof=0)
    ev = np.linalg.eigvals(S1 @ S2)
    root = 0
    for l in ev:
        root += np.sqrt(max(l.real, 0))
    print(nm, 'IS', np.mean(sc), '+-', np.std(sc), ' FID', np.sum((R.mean(0) - q.mean(0))**2) + np.trace(S1) + np.trace(S2) - 2*root)
