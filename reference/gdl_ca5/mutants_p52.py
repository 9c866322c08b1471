"""Typical mistakes in notebook 5.2: each mutant is the solution with one mistake in one item.

What the sheet leaves open is no mistake and has no mutant: sizes, data, squared error or cross-entropy, sums or means,
logits or probabilities, the optimizer. The answers of v5 are read by a person.
"""

from __future__ import annotations

import functools

from reference.aml_a3 import mutants_b_vae as shared
from reference.aml_a3.mutants import Evidence, Mutant, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}
mutant = functools.partial(register, registry=MUTANTS)


def _same_as(name: str, item: str, evidence: Evidence) -> None:
    """Register a mistake that VAEs of every assignment share: the source of the network and of the loss is the same."""
    known = shared.MUTANTS[name]
    MUTANTS[name] = Mutant(name, item, known.title, known.apply, None, evidence)


# ------------------------------------------------------------------ v1: network and draw

for _name in (
    "one_head_for_both",
    "noise_missing",
    "variance_as_deviation",
    "deviation_exponentiated",
    "noise_not_scaled",
    "sample_detached",
):
    _same_as(_name, "v1", "structure")


@mutant("v1", "applies the sigmoid twice, in the decoder and in the loss", revealed_by="structure")
def sigmoid_twice(source: str) -> str:
    return shared.sigmoid_twice(source)


@mutant("v1", "draws one noise for the whole batch", revealed_by="structure")
def noise_shared(source: str) -> str:
    return swap(source, "torch.randn(mu.shape, generator", "torch.randn(mu.shape[1:], generator")


@mutant("v1", "exchanges mean and log variance where z is drawn", revealed_by="structure")
def heads_exchanged(source: str) -> str:
    return swap(
        source,
        "return mu + torch.exp(0.5 * log_var) * epsilon",
        "return log_var + torch.exp(0.5 * mu) * epsilon",
    )


# ------------------------------------------------------------------ v2: loss

for _name in (
    "kl_sign_wrong",
    "kl_subtracted",
    "kl_without_half",
    "kl_mean_over_latent",
    "kl_weighted",
    "kl_not_in_total",
    "kl_with_deviation",
    "kl_mean_not_squared",
    "bce_mean_over_pixels",
):
    _same_as(_name, "v2", "loss")


@mutant("v2", "averages the KL divergence over the batch twice", revealed_by="loss")
def kl_mean_twice(source: str) -> str:
    return swap(source, "- log_var.exp()) / n\n", "- log_var.exp()) / n / n\n")


@mutant("v2", "uses the absolute error", revealed_by="loss")
def absolute_error(source: str) -> str:
    return swap(source, "F.binary_cross_entropy(reconstruction", "F.l1_loss(reconstruction")


# ------------------------------------------------------------------ v3: training


@mutant("v3", "never clears the gradients", revealed_by="training")
def gradients_not_cleared(source: str) -> str:
    return shared.vae_gradients_not_cleared(source)


@mutant("v3", "optimises the decoder only", revealed_by="training")
def optimizer_without_encoder(source: str) -> str:
    return swap(source, "optimizer = vae_optimizer(vae)", "optimizer = vae_optimizer(vae.decoder)")


@mutant("v3", "computes the loss and never takes a step", revealed_by="training")
def never_trained(source: str) -> str:
    return swap(source, "    loss.total.backward()\n    optimizer.step()\n", "    loss.total.backward()\n")


@mutant("v3", "trains with learning rate 0", revealed_by="training")
def learning_rate_zero(source: str) -> str:
    return swap(source, "model.parameters(), lr=1e-3, betas", "model.parameters(), lr=0.0, betas")


@mutant("v3", "draws no loss", revealed_by="training")
def loss_not_drawn(source: str) -> str:
    source = swap(
        source, 'left.plot(epochs, reconstruction_losses, marker="o", label="reconstruction")\n', ""
    )
    source = swap(source, 'left.plot(epochs, total_losses, marker="o", label="total")\n', "")
    source = swap(source, "left.legend()\n", "")
    source = swap(source, 'right.plot(epochs, kl_losses, marker="o", color="tab:green", label="KL")\n', "")
    return swap(source, "right.legend()\n", "")


@mutant("v3", "types in the losses of another run", revealed_by="training")
def losses_typed(source: str) -> str:
    return swap(
        source,
        "epochs = np.arange(1, EPOCHS + 1)\n",
        "total_losses = [190.3, 168.2, 163.1, 160.4, 158.6, 157.2, 156.1, 155.3, 154.5, 153.9][:EPOCHS]\n"
        "epochs = np.arange(1, EPOCHS + 1)\n",
    )


# ------------------------------------------------------------------ v4: latent space and generation


@mutant("v4", "scatters random numbers in place of codes", revealed_by="training")
def scatter_of_noise(source: str) -> str:
    return swap(
        source,
        "    codes, _ = vae.encode(shown_images)\n",
        "    codes = torch.randn(len(shown_images), 2)\n",
    )


@mutant("v4", "draws all codes in one colour", revealed_by="training")
def codes_in_one_colour(source: str) -> str:
    source = swap(source, 'c=shown_labels, cmap="tab10", s=6', "s=6")
    return swap(source, 'fig.colorbar(points, ax=ax, label="digit")\n', "")


@mutant("v4", "draws no latent space", revealed_by="training")
def latent_space_missing(source: str) -> str:
    source = swap(
        source, 'points = ax.scatter(codes[:, 0], codes[:, 1], c=shown_labels, cmap="tab10", s=6)\n', ""
    )
    return swap(source, 'fig.colorbar(points, ax=ax, label="digit")\n', "")


SAMPLES = "samples = generate(vae, torch.randn(25, vae.n_latent, generator=rng))"


@mutant("v4", "draws the codes of the samples uniformly from [0, 1]", revealed_by="training")
def samples_uniform(source: str) -> str:
    return swap(source, SAMPLES, "samples = generate(vae, torch.rand(25, vae.n_latent, generator=rng))")


@mutant("v4", "decodes the origin again and again", revealed_by="training")
def samples_alike(source: str) -> str:
    return swap(source, SAMPLES, "samples = generate(vae, torch.zeros(25, vae.n_latent))")


@mutant("v4", "shows images of MNIST as samples", revealed_by="training")
def real_images_as_samples(source: str) -> str:
    return swap(source, SAMPLES, "samples = shown_images[:25].flatten(1)")


@mutant("v4", "shows no sample", revealed_by="training")
def samples_not_shown(source: str) -> str:
    return swap(source, 'ax.imshow(image_grid(samples, 5, 5).numpy(), cmap="gray")\n', "")
