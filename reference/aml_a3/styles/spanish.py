# style: Spanish Markdown and names, one block of 200,000 proposals of which the first 10,000 accepted are kept, chains as one array per coordinate, log weights only
# %% [markdown]
# # Tarea 3, Parte A: métodos de muestreo
# Todo en CPU y en doble precisión.

# %% [markdown]
# ## Preparación
# Importamos las bibliotecas y fijamos la semilla 1234.

# %%
import numpy as np
import torch
import matplotlib.pyplot as plt

semilla = 1234
np.random.seed(semilla)
torch.manual_seed(semilla)

# %% [markdown]
# ## A1. Distribución objetivo
# Logaritmo de la densidad de la mezcla, a partir de las dos coordenadas.

# %%
pesos = np.array([0.4, 0.35, 0.25])
medias = np.array([[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]])
covarianzas = np.array([[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]])
det = np.linalg.det(covarianzas)
A11, A12, A22 = covarianzas[:, 1, 1] / det, -covarianzas[:, 0, 1] / det, covarianzas[:, 0, 0] / det
log_const = np.log(pesos) - np.log(2 * np.pi) - 0.5 * np.log(det)


def log_densidad(x1, x2):
    d1 = np.subtract.outer(x1, medias[:, 0])
    d2 = np.subtract.outer(x2, medias[:, 1])
    return np.logaddexp.reduce(log_const - 0.5 * (A11 * d1**2 + 2 * A12 * d1 * d2 + A22 * d2**2), axis=-1)


eje = np.linspace(-6, 6, 200)
malla1, malla2 = np.meshgrid(eje, eje)
densidad = np.exp(log_densidad(malla1, malla2))

plt.figure(figsize=(6, 5))
plt.contourf(eje, eje, densidad, levels=20)
plt.colorbar()
plt.title("Densidad verdadera")
plt.xlabel("x1")
plt.ylabel("x2")
plt.show()

# %% [markdown]
# ## A2. Muestreo por rechazo
# Generamos de una vez 200 000 propuestas, más que suficientes. La tasa de aceptación se calcula con todas ellas, y nos quedamos con
# las primeras 10 000 aceptadas.

# %%
sigma, c = 2.5, 12


def log_propuesta(x1, x2):
    return -(x1**2 + x2**2) / (2 * sigma**2) - np.log(2 * np.pi * sigma**2)


propuestas = sigma * np.random.randn(200_000, 2)
u = np.random.rand(200_000)
aceptada = u < np.exp(log_densidad(*propuestas.T) - log_propuesta(*propuestas.T)) / c
tasa_rechazo = aceptada.mean()
muestras_rechazo = propuestas[aceptada][:10_000]
print("aceptadas:", aceptada.sum(), "de", len(propuestas))
print("tasa de aceptación:", tasa_rechazo)
print("muestras guardadas:", len(muestras_rechazo))

plt.figure(figsize=(6, 5))
plt.contour(eje, eje, densidad, levels=12, colors="k", linewidths=0.6)
plt.scatter(muestras_rechazo[:, 0], muestras_rechazo[:, 1], s=1, c="tab:orange")
plt.title("Muestras aceptadas")
plt.xlabel("x1")
plt.ylabel("x2")
plt.show()

# %% [markdown]
# ## A3. Muestreo por importancia
# Solo guardamos los logaritmos de los pesos; se exponencian dentro de cada suma, tras restar el máximo.

# %%
z = sigma * np.random.randn(50_000, 2)
log_w = log_densidad(z[:, 0], z[:, 1]) - log_propuesta(z[:, 0], z[:, 1])
f = z[:, 0] ** 2 + np.sin(z[:, 1])
m = log_w.max()
media_f = np.sum(np.exp(log_w - m) * f) / np.sum(np.exp(log_w - m))
varianza_f = np.sum(np.exp(log_w - m) * (f - media_f) ** 2) / np.sum(np.exp(log_w - m))
ess = np.sum(np.exp(log_w - m)) ** 2 / np.sum(np.exp(2 * (log_w - m)))
print(f"media = {media_f:.4f}, varianza ponderada = {varianza_f:.4f}, ESS = {ess:.1f}")

# %% [markdown]
# ## A4. Metropolis-Hastings
# Guardamos cada coordenada en su propio vector, uno por cada tamaño de paso.


# %%
def metropolis_hastings(s, n=50_000):
    x1, x2 = np.zeros(n), np.zeros(n)
    a, b, lp = 0.0, 0.0, log_densidad(0.0, 0.0)
    aceptadas = 0
    for i in range(n):
        a_n, b_n = a + s * np.random.randn(), b + s * np.random.randn()
        lp_n = log_densidad(a_n, b_n)
        if np.log(1.0 - np.random.rand()) < lp_n - lp:
            a, b, lp = a_n, b_n, lp_n
            aceptadas += 1
        x1[i], x2[i] = a, b
    return x1, x2, aceptadas / n


x1_01, x2_01, tasa_01 = metropolis_hastings(0.1)
x1_05, x2_05, tasa_05 = metropolis_hastings(0.5)
x1_15, x2_15, tasa_15 = metropolis_hastings(1.5)
quema, salto = 5000, 5
m1_01, m2_01 = x1_01[quema::salto], x2_01[quema::salto]
m1_05, m2_05 = x1_05[quema::salto], x2_05[quema::salto]
m1_15, m2_15 = x1_15[quema::salto], x2_15[quema::salto]
print(f"tasas de aceptación: {tasa_01:.4f} (s=0.1), {tasa_05:.4f} (s=0.5), {tasa_15:.4f} (s=1.5)")


def autocorrelacion(x, kmax=50):
    y = x - x.mean()
    r = np.correlate(y, y, mode="full")[len(y) - 1 : len(y) + kmax]
    return r / r[0]


acf_mh = autocorrelacion(m1_05)
plt.figure(figsize=(10, 3))
plt.plot(x1_05, lw=0.4)
plt.title("Traza de x1, s = 0.5")
plt.xlabel("iteración")
plt.show()
plt.figure(figsize=(8, 3))
plt.vlines(range(51), 0, acf_mh)
plt.title("ACF de x1 (cadena adelgazada), s = 0.5")
plt.xlabel("retardo")
plt.show()

# %% [markdown]
# **Comentario.** Cuanto mayor es el paso, menor es la tasa de aceptación (0,94; 0,74; 0,41). Con s = 0.1 casi todo se acepta, pero la cadena
# apenas se mueve; con s = 0.5 tarda mucho en cambiar de moda; con s = 1.5 salta entre las modas y es la que mejor mezcla.

# %% [markdown]
# ## A5. Muestreo de Gibbs
# Alternamos las dos condicionales, de media 0.9 por la otra coordenada y varianza 0.19.

# %%
g1, g2 = np.zeros(50_000), np.zeros(50_000)
a = b = 0.0
for i in range(50_000):
    a = 0.9 * b + np.sqrt(0.19) * np.random.randn()
    b = 0.9 * a + np.sqrt(0.19) * np.random.randn()
    g1[i], g2[i] = a, b
h1, h2 = g1[quema::salto], g2[quema::salto]
acf_gibbs = autocorrelacion(h1)
print("correlación:", np.corrcoef(h1, h2)[0, 1])
print("ACF de la cadena adelgazada, retardos 0 a 4:", acf_gibbs[:5].round(3))

plt.figure(figsize=(8, 3))
plt.vlines(range(51), 0, acf_gibbs)
plt.title("ACF de x1, Gibbs (cadena adelgazada)")
plt.xlabel("retardo")
plt.show()
plt.figure(figsize=(5, 5))
plt.scatter(h1, h2, s=1)
plt.title("Muestras de Gibbs")
plt.xlabel("x1")
plt.ylabel("x2")
plt.show()

# %% [markdown]
# **Comentario.** Sin adelgazar, la ACF es 0,81^k; tras guardar una de cada cinco es 0,35^k, y desde el retardo 4 o 5 es casi cero. La mezcla es buena.
