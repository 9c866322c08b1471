# style: no functions at all, network as a class with short names, loss written inside the loop, histories in one array, 20 epochs
# %% [markdown]
# # CA5, VAE

# %%
import numpy as np, torch, torch.nn as nn
import matplotlib.pyplot as plt
from torchvision import datasets

# %% tags=["parameters"]
E = 20
N = 60000
B = 128

# %%
tr = datasets.MNIST('data', download=True)
te = datasets.MNIST('data', train=False, download=True)
A = tr.data[:N].float().view(-1, 784)/255

# %% [markdown]
# ## network

# %%
class Net(nn.Module):
    def __init__(s):
        super().__init__()
        s.a = nn.Linear(784, 300)
        s.m = nn.Linear(300, 2); s.v = nn.Linear(300, 2)
        s.c = nn.Linear(2, 300); s.e = nn.Linear(300, 784)
    def up(s, x):
        h = s.a(x).relu()
        return s.m(h), s.v(h)
    def down(s, z):
        return s.e(s.c(z).relu()).sigmoid()
    def forward(s, x):
        m, v = s.up(x)
        return s.down(m + v.exp().sqrt()*torch.randn(m.shape)), m, v

# %% [markdown]
# ## training

# %%
net = Net()
op = torch.optim.Adam(net.parameters(), lr=1e-3)
h = np.zeros((E, 3))
for e in range(E):
    p = torch.randperm(len(A))
    for i in range(0, len(A), B):
        x = A[p[i:i+B]]
        y, m, v = net(x)
        y = y.clamp(1e-7, 1 - 1e-7)
        rec = -(x*y.log() + (1 - x)*(1 - y).log()).sum()/len(x)
        kl = 0.5*(m**2 + v.exp() - v - 1).sum()/len(x)
        loss = rec + kl
        op.zero_grad(); loss.backward(); op.step()
        h[e] += np.array([rec.item(), kl.item(), loss.item()])*len(x)/len(A)
    print(e + 1, h[e])
losses = h[:, 2]
plt.plot(h)
plt.legend(['rec', 'kl', 'total'])
plt.show()

# %% [markdown]
# ## latent space and new digits

# %%
with torch.no_grad():
    m, _ = net.up(te.data[:2000].float().view(-1, 784)/255)
    g = net.down(torch.randn(64, 2)).view(8, 8, 28, 28)
plt.figure()
plt.scatter(m[:, 0], m[:, 1], c=te.targets[:2000], cmap='jet', s=2)
plt.colorbar()
plt.figure()
plt.imshow(np.concatenate(np.concatenate(g.numpy(), 1), 1), cmap='gray')
plt.show()

# %% [markdown]
# ## answers
# The KL of two Gaussians has the closed form 1/2 (mu^2 + sigma^2 - 1 - log sigma^2): log q - log p under q, with E z^2 = mu^2 +
# sigma^2, summed over dimensions.
#
# Gradients cannot pass a random draw, so eps is drawn and z is made of it (reparameterisation).
#
# Clusters of 0 and 1 are separate, the others overlap in the latent space; samples are blurry there.
