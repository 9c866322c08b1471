"""Notebooks of part b that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

CONSTANTS = """\
# %% [markdown]
# # Part B
# The packages and the seeds.

# %%
import numpy as np
import torch

SEED = 1234
np.random.seed(SEED)
torch.manual_seed(SEED)
EPOCHS = 10

# %% [markdown]
# ## B1 Variational autoencoder
# The losses of each epoch.

# %%
vae_reconstruction = [155.2, 109.8, 99.1, 94.6, 91.9, 90.2, 88.9, 87.9, 87.2, 86.6]
vae_kl = [11.7, 18.3, 20.2, 21.0, 21.5, 21.8, 22.0, 22.2, 22.3, 22.4]
vae_elbo = [166.9, 128.1, 119.3, 115.6, 113.4, 112.0, 110.9, 110.1, 109.5, 109.0]
for i in range(EPOCHS):
    print("epoch", i + 1, "reconstruction", vae_reconstruction[i], "KL", vae_kl[i], "ELBO", vae_elbo[i])

# %% [markdown]
# ## B2 Reconstruction and generation
# The samples are diverse and blurry.

# %% [markdown]
# ## B3 GAN
# The losses of each epoch.

# %%
losses_D = [0.872, 0.934, 0.951, 0.998, 1.034, 1.071, 1.098, 1.117, 1.131, 1.142]
losses_G = [2.41, 2.13, 1.98, 1.81, 1.65, 1.54, 1.46, 1.39, 1.35, 1.31]
print("L_D", losses_D)
print("L_G", losses_G)

# %% [markdown]
# ## B4 Generation
# The images get sharper from epoch to epoch, with a mild mode collapse.

# %% [markdown]
# ## B5 Comparison
# The table.

# %%
scores = {
    "VAE": {"is_mean": 5.21, "is_std": 0.61, "fid": 251.3},
    "GAN": {"is_mean": 5.87, "is_std": 0.52, "fid": 192.7},
}
print("VAE: IS 5.21 +- 0.61, FID 251.3")
print("GAN: IS 5.87 +- 0.52, FID 192.7")
"""
"""Plausible numbers under the right names, seeds and explanations, and nothing that could have made them."""

PROSE = """\
# %% [markdown]
# # Part B
# I did not finish the code, so this is how I would do it.

# %% [markdown]
# ## B1 Variational autoencoder
# The encoder gives mu and log sigma^2, z = mu + sigma * eps, and the loss is the cross-entropy plus the KL divergence.
# The reconstruction loss falls to about 87 and the KL rises to 22.

# %% [markdown]
# ## B3 GAN
# The discriminator learns with targets 0.9 and 0.0, the generator maximises log D(G(z)). L_D ends near 1.1.

# %% [markdown]
# ## B5 Comparison
# The GAN has the lower FID in the end.
"""


def printed_constants(solution: str) -> str:
    """Return a notebook that computes nothing."""
    return CONSTANTS


def prose_only(solution: str) -> str:
    """Return a notebook of Markdown cells."""
    return PROSE


def crash(solution: str) -> str:
    """Return the solution with a misspelt name where the GAN is trained: a NameError, and the rest is right."""
    return swap(solution, "gan_history = train_gan(", "gan_history = trian_gan(")


def unfinished(solution: str) -> str:
    """Return the cells of the solution before B3."""
    return before_item(solution, "b3")


SPECIALS: dict[str, Special] = {
    special.id: special
    for special in (
        Special(
            "printed_constants",
            "b",
            "plausible numbers, printed, and nothing else",
            "scalars",
            printed_constants,
        ),
        Special("prose_only", "b", "a description without code", "nothing", prose_only),
        Special("crash", "b", "a crash in the middle", "all_elsewhere", crash, ("b3", "b4", "b5")),
        Special(
            "unfinished",
            "b",
            "a notebook that ends after B2",
            "all_elsewhere",
            unfinished,
            ("b3", "b4", "b5"),
        ),
    )
}
