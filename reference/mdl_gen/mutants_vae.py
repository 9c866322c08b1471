"""Typical mistakes in lab 1: each mutant is the solution with one mistake in one item.

What the lab leaves open is no mistake and has no mutant: layers, optimizer, batches, the arrangement of figures.
"""

from __future__ import annotations

from functools import partial

from reference.aml_a3.mutants import Mutant, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}

mutant = partial(register, registry=MUTANTS)

HEADS = "self.mu_head(hidden), self.log_var_head(hidden)"
Z = "return mu + torch.exp(0.5 * log_var) * epsilon"
KL = "-0.5 * torch.sum(1 + log_var - mu**2 - torch.exp(log_var)) / len(mu)"
BCE = "return -torch.sum(white * torch.log(p) + (1 - white) * torch.log(1 - p)) / len(x)"
SUM = "return VaeLoss(nll + kl, nll, kl)"

# ------------------------------------------------------------------ v1: encoder


@mutant("v1", "rectifies the log variance", revealed_by="structure")
def log_var_rectified(source: str) -> str:
    return swap(source, HEADS, "self.mu_head(hidden), self.log_var_head(hidden).relu()")


@mutant("v1", "takes one head for mean and log variance", revealed_by="structure")
def one_head_for_both(source: str) -> str:
    return swap(source, HEADS, "self.mu_head(hidden), self.mu_head(hidden)")


@mutant("v1", "gives the mean alone twice, from a copy without gradients", revealed_by="structure")
def log_var_detached(source: str) -> str:
    return swap(source, HEADS, "self.mu_head(hidden), self.log_var_head(hidden).detach()")


# ------------------------------------------------------------------ v2: reparameterisation


@mutant("v2", "decodes the mean and draws nothing", revealed_by="loss")
def noise_missing(source: str) -> str:
    return swap(source, Z, "return mu")


@mutant("v2", "takes the variance for the deviation", revealed_by="loss")
def variance_as_deviation(source: str) -> str:
    return swap(source, Z, "return mu + torch.exp(log_var) * epsilon")


@mutant("v2", "takes the log variance for the deviation", revealed_by="loss")
def log_var_as_deviation(source: str) -> str:
    return swap(source, Z, "return mu + log_var * epsilon")


@mutant("v2", "draws uniform noise", revealed_by="loss")
def uniform_noise(source: str) -> str:
    return swap(source, "epsilon = torch.randn(mu.shape,", "epsilon = torch.rand(mu.shape,")


@mutant("v2", "forgets the mean", revealed_by="loss")
def mean_missing(source: str) -> str:
    return swap(source, Z, "return torch.exp(0.5 * log_var) * epsilon")


@mutant("v2", "cuts the code off from the encoder", revealed_by="structure")
def code_detached(source: str) -> str:
    return swap(source, Z, "return (mu + torch.exp(0.5 * log_var) * epsilon).detach()")


# ------------------------------------------------------------------ v3: decoder


@mutant("v3", "ends the decoder without a sigmoid", revealed_by="structure")
def sigmoid_missing(source: str) -> str:
    return swap(source, "nn.Linear(n_hidden, n_pixels), nn.Sigmoid()", "nn.Linear(n_hidden, n_pixels)")


@mutant("v3", "ends the decoder in a tanh", revealed_by="structure")
def tanh_at_the_end(source: str) -> str:
    return swap(
        source, "nn.Linear(n_hidden, n_pixels), nn.Sigmoid()", "nn.Linear(n_hidden, n_pixels), nn.Tanh()"
    )


# ------------------------------------------------------------------ v4: loss


@mutant("v4", "has the wrong sign of the KL divergence", revealed_by="loss")
def kl_sign(source: str) -> str:
    return swap(source, KL, KL.replace("-0.5", "0.5", 1))


@mutant("v4", "leaves out the one half", revealed_by="loss")
def half_missing(source: str) -> str:
    return swap(source, KL, KL.replace("-0.5 * ", "-", 1))


@mutant("v4", "takes the log variance for a deviation in the KL divergence", revealed_by="loss")
def log_var_squared(source: str) -> str:
    return swap(source, KL, KL.replace("torch.exp(log_var)", "log_var**2"))


@mutant("v4", "forgets to square the mean", revealed_by="loss")
def mean_not_squared(source: str) -> str:
    return swap(source, KL, KL.replace("mu**2", "mu"))


@mutant("v4", "averages the KL divergence over latent dimensions", revealed_by="loss")
def kl_of_dimensions(source: str) -> str:
    return swap(source, KL, KL.replace("torch.sum(", "torch.mean(").removesuffix(" / len(mu)"))


@mutant("v4", "averages the cross-entropy over pixels and sums the KL divergence", revealed_by="loss")
def bce_of_pixels(source: str) -> str:
    return swap(source, BCE, "return -torch.mean(white * torch.log(p) + (1 - white) * torch.log(1 - p))")


@mutant("v4", "forgets the black pixels", revealed_by="loss")
def half_of_bce(source: str) -> str:
    return swap(source, BCE, "return -torch.sum(white * torch.log(p)) / len(x)")


@mutant("v4", "takes the absolute error for the reconstruction term", revealed_by="loss")
def absolute_error(source: str) -> str:
    return swap(source, BCE, "return torch.sum(torch.abs(white - p)) / len(x)")


@mutant("v4", "leaves the KL divergence out of the sum", revealed_by="loss")
def kl_left_out(source: str) -> str:
    return swap(source, SUM, "return VaeLoss(nll, nll, kl)")


@mutant("v4", "subtracts the KL divergence", revealed_by="loss")
def kl_subtracted(source: str) -> str:
    return swap(source, SUM, "return VaeLoss(nll - kl, nll, kl)")


# ------------------------------------------------------------------ v5: training


@mutant("v5", "never clears the gradients", revealed_by="training")
def gradients_kept(source: str) -> str:
    return swap(source, "        optimizer.zero_grad()\n", "")


@mutant("v5", "never updates the VAE", revealed_by="training")
def never_updated(source: str) -> str:
    return swap(source, "        optimizer.step()\n", "")


@mutant("v5", "minimises the reconstruction loss alone", revealed_by="training")
def kl_not_minimised(source: str) -> str:
    return swap(source, "losses.total.backward()", "losses.reconstruction_nll.backward()")


@mutant("v5", "hands the decoder alone to the optimizer", revealed_by="training")
def decoder_alone(source: str) -> str:
    return swap(
        source,
        "torch.optim.Adam(vae.parameters(), lr=1e-3)",
        "torch.optim.Adam(vae.decoder.parameters(), lr=1e-3)",
    )


@mutant("v5", "keeps the reconstruction loss as the total", revealed_by="training")
def total_without_kl(source: str) -> str:
    return swap(source, "total_losses.append(total)", "total_losses.append(nll)")


@mutant("v5", "draws the loss without its terms", revealed_by="form")
def terms_not_drawn(source: str) -> str:
    source = swap(
        source, 'left.plot(epochs, reconstruction_losses, marker="o", label="reconstruction")\n', ""
    )
    return swap(source, 'right.plot(epochs, kl_losses, marker="o", color="tab:green", label="KL")\n', "")


# ------------------------------------------------------------------ v6: new digits


@mutant("v6", "shows images of the data set", revealed_by="form")
def real_images(source: str) -> str:
    return swap(source, "samples = vae.decoder(torch.randn(25, N_LATENT))", "samples = shown_images[:25]")


@mutant("v6", "decodes uniform codes", revealed_by="form")
def uniform_codes(source: str) -> str:
    return swap(source, "torch.randn(25, N_LATENT)", "torch.rand(25, N_LATENT)")


@mutant("v6", "decodes one code 25 times", revealed_by="form")
def one_code(source: str) -> str:
    return swap(source, "torch.randn(25, N_LATENT)", "torch.randn(1, N_LATENT).repeat(25, 1)")


@mutant("v6", "draws nothing", revealed_by="form")
def samples_not_drawn(source: str) -> str:
    return swap(source, 'ax.imshow(image_grid(samples, 5, 5).numpy(), cmap="gray")\n', "")


# ------------------------------------------------------------------ v7: latent space


@mutant("v7", "draws no latent space", revealed_by="form")
def codes_not_drawn(source: str) -> str:
    source = swap(
        source, 'points = ax.scatter(codes[:, 0], codes[:, 1], c=shown_labels, cmap="tab10", s=6)\n', ""
    )
    return swap(source, 'fig.colorbar(points, ax=ax, label="digit")\n', "")


@mutant("v7", "draws all codes in one colour", revealed_by="form")
def one_colour(source: str) -> str:
    return swap(
        swap(source, 'c=shown_labels, cmap="tab10", ', ""), 'fig.colorbar(points, ax=ax, label="digit")\n', ""
    )


@mutant("v7", "draws random points in place of the codes", revealed_by="form")
def points_of_noise(source: str) -> str:
    return swap(
        source, "codes, _ = vae.encoder(shown_images)", "codes = torch.randn(len(shown_images), N_LATENT)"
    )
