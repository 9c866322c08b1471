# style: in Spanish, names of its own, log-sum-exp, results in a dictionary
# %% [markdown]
# # Mezcla de dos gaussianas
# ## Preparación
# Paquetes y datos.

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm

datos = np.concatenate([-2 + 0.8 * norm.ppf((np.arange(140) + 0.5) / 140), 1.5 + 1.1 * norm.ppf((np.arange(260) + 0.5) / 260)])

# %% [markdown]
# ## E1 Un paso
# Responsabilidades en logaritmos y los parámetros nuevos.


# %%
def conjunta(datos, pesos, medias, desvios):
    return np.log(pesos)[None, :] + norm.logpdf(datos[:, None], medias, desvios)


def responsabilidades(datos, pesos, medias, desvios):
    logs = conjunta(datos, pesos, medias, desvios)
    return np.exp(logs - logsumexp(logs, axis=1, keepdims=True))


def paso_em(datos, pesos, medias, desvios):
    r = responsabilidades(datos, pesos, medias, desvios)
    n = r.sum(0)
    m = r.T @ datos / n
    s = np.sqrt(r.T @ datos**2 / n - m**2)
    return n / n.sum(), m, s


# %% [markdown]
# ## E2 Log-verosimilitud
# Suma de los logaritmos de la mezcla.


# %%
def log_verosimilitud(datos, pesos, medias, desvios):
    return logsumexp(conjunta(datos, pesos, medias, desvios), axis=1).sum()


# %% [markdown]
# ## E3 El ajuste
# Cien pasos desde el comienzo dado.

# %%
pesos, medias, desvios = np.array([0.5, 0.5]), np.array([-1.0, 1.0]), np.array([1.0, 1.0])
historia = [log_verosimilitud(datos, pesos, medias, desvios)]
for _ in range(100):
    pesos, medias, desvios = paso_em(datos, pesos, medias, desvios)
    historia.append(log_verosimilitud(datos, pesos, medias, desvios))
print("pesos (weights):", pesos)
print("medias (means):", medias)
print("desvíos (sd):", desvios)
plt.figure()
plt.plot(historia, label="log-verosimilitud")
plt.legend()
plt.show()

# %% [markdown]
# ## E4 Comentario
# El paso M maximiza una cota inferior. Con un componente en un punto la verosimilitud no tiene máximo.
