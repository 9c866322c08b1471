# style: np.random.randn and np.random.rand, functions without an rng that use the globals p, c, sigma; thinning first, burn-in afterwards
# %% [markdown]
# # Part A

# %% [markdown]
# Imports, seed.

# %%
%matplotlib inline
import numpy as np
import matplotlib.pyplot as plt
import torch

np.random.seed(1234)
torch.manual_seed(1234);

# %% [markdown]
# ## A1
# Mixture of three Gaussians. `gauss` is the usual formula, written out for 2 x 2 matrices so that it works for scalars and for arrays.

# %%
pi_k = [0.4, 0.35, 0.25]
mu_k = [(0., 0.), (3., 3.), (-3., 3.)]
Sigma_k = [np.array([[1.0, 0.8], [0.8, 1.5]]),
           np.array([[0.6, 0.0], [0.0, 0.6]]),
           np.array([[1.2, -0.6], [-0.6, 1.2]])]

def gauss(x, y, mu, S):
    det = S[0, 0]*S[1, 1] - S[0, 1]*S[1, 0]
    dx = x - mu[0]
    dy = y - mu[1]
    Q = (S[1, 1]*dx**2 - 2*S[0, 1]*dx*dy + S[0, 0]*dy**2) / det
    return np.exp(-Q/2) / (2*np.pi*np.sqrt(det))

def p(x, y):
    return sum(pi_k[k]*gauss(x, y, mu_k[k], Sigma_k[k]) for k in range(3))

t = np.linspace(-6, 6, 200)
X, Y = np.meshgrid(t, t)
P = p(X, Y)
plt.contour(X, Y, P, 20)
plt.xlabel('x'); plt.ylabel('y'); plt.title('p(x)')
plt.show()

# %% [markdown]
# ## A2
# Rejection sampling with q = N(0, sigma^2 I) and c = 12.

# %%
sigma = 2.5
c = 12
N = 10000

def q(x, y):
    return np.exp(-(x**2 + y**2)/(2*sigma**2)) / (2*np.pi*sigma**2)

def rejection_sampling():
    acc = []
    n = 0
    while len(acc) < N:
        x, y = sigma*np.random.randn(2)
        n += 1
        if np.random.rand()*c*q(x, y) < p(x, y):
            acc.append([x, y])
    return np.array(acc), n

samples, n_prop = rejection_sampling()
acc_rate = N/n_prop
print('acceptance rate =', acc_rate)

plt.contour(X, Y, P, 20)
plt.plot(samples[:, 0], samples[:, 1], '.', ms=1)
plt.xlabel('x'); plt.ylabel('y'); plt.title('rejection sampling')
plt.show()

# %% [markdown]
# ## A3
# Importance sampling, N = 50000.

# %%
N = 50000
xq = sigma*np.random.randn(N, 2)
w = p(xq[:, 0], xq[:, 1]) / q(xq[:, 0], xq[:, 1])
f = xq[:, 0]**2 + np.sin(xq[:, 1])
Ef = np.sum(w*f)/np.sum(w)
Vf = np.sum(w*f**2)/np.sum(w) - Ef**2
ESS = np.sum(w)**2/np.sum(w**2)
print('E[f] =', Ef)
print('Var[f] =', Vf)
print('ESS =', ESS)

# %% [markdown]
# ## A4
# Random walk Metropolis-Hastings. Thinning keeps every 5th state, then the first 1000 kept states (= 5000 iterations) are thrown away.

# %%
def MH(s):
    x, y = 0.0, 0.0
    px = p(x, y)
    chain = np.zeros((N, 2))
    acc = 0
    for i in range(N):
        xn = x + s*np.random.randn()
        yn = y + s*np.random.randn()
        pn = p(xn, yn)
        if np.random.rand() < pn/px:
            x, y, px = xn, yn, pn
            acc += 1
        chain[i] = x, y
    return chain, acc/N

chain_01, rate_01 = MH(0.1)
chain_05, rate_05 = MH(0.5)
chain_15, rate_15 = MH(1.5)
thin_01 = chain_01[::5][1000:]
thin_05 = chain_05[::5][1000:]
thin_15 = chain_15[::5][1000:]
print('acceptance s=0.1:', rate_01)
print('acceptance s=0.5:', rate_05)
print('acceptance s=1.5:', rate_15)

# %% [markdown]
# Trace plot and ACF of the whole s = 0.5 chain.

# %%
def ACF(x, L=50):
    x = x - np.mean(x)
    r = [np.sum(x*x)]
    for k in range(1, L + 1):
        r.append(np.sum(x[:-k]*x[k:]))
    return np.array(r)/r[0]

acf_05 = ACF(chain_05[:, 0])
plt.plot(chain_05[:, 0], lw=.3)
plt.xlabel('iteration'); plt.ylabel('x1'); plt.title('trace, s = 0.5')
plt.show()
plt.bar(range(51), acf_05)
plt.xlabel('lag'); plt.ylabel('ACF'); plt.title('ACF, s = 0.5')
plt.show()

# %% [markdown]
# Comment: acceptance goes down when s goes up. s=0.1: ~94% accepted but very small moves, very slow mixing. s=0.5: ~74%, still slow because
# the modes are far apart. s=1.5: ~41%, best mixing of the three.

# %% [markdown]
# ## A5
# Gibbs, conditionals N(0.9 * other, 0.19).

# %%
def gibbs():
    x1 = x2 = 0.0
    out = np.zeros((N, 2))
    for i in range(N):
        x1 = 0.9*x2 + np.sqrt(1 - 0.9**2)*np.random.randn()
        x2 = 0.9*x1 + np.sqrt(1 - 0.9**2)*np.random.randn()
        out[i] = [x1, x2]
    return out

chain = gibbs()
thin = chain[::5][1000:]
acf_g = ACF(chain[:, 0])
print('acf(1), acf(5), acf(10) =', acf_g[1], acf_g[5], acf_g[10])
print('corr =', np.corrcoef(thin[:, 0], thin[:, 1])[0, 1])
plt.bar(range(51), acf_g)
plt.xlabel('lag'); plt.ylabel('ACF'); plt.title('Gibbs ACF')
plt.show()
plt.plot(thin[:, 0], thin[:, 1], '.', ms=2)
plt.xlabel('x1'); plt.ylabel('x2'); plt.title('Gibbs samples')
plt.show()

# %% [markdown]
# Comment: ACF decays fast (0.81^k), almost 0 at lag 20. Good mixing, only slowed down by the 0.9 correlation.
