"""Typical mistakes in the cVAE assignment: each mutant is the solution with one mistake in one item.

What the sheet leaves open is no mistake and has no mutant: layers, size of the code, form of the class, optimizer, squared
error in place of cross-entropy, sharpness of the digits.
"""

from __future__ import annotations

import re
from functools import partial

from reference.aml_a3.mutants import Mutant, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}

mutant = partial(register, registry=MUTANTS)

ENCODED = "hidden = self.hidden(torch.cat([x.flatten(1), condition], dim=1))"
DECODED = "pixels: Tensor = self.layers(torch.cat([z, condition], dim=1))"
DRAWN = "return mu + torch.exp(0.5 * log_var) * epsilon"
KL = "kl = -0.5 * torch.sum(1 + log_var - mu**2 - torch.exp(log_var)) / n"
GRID = "ax.imshow(image_grid(generated, N_CLASSES, 8).numpy()"

# ------------------------------------------------------------------ k1: data


@mutant("k1", "trains on the test set", revealed_by="training")
def test_set_trained(source: str) -> str:
    source = swap(source, "images = mnist_train.data[:N_IMAGES]", "images = mnist_test.data[:N_IMAGES]")
    return swap(source, "labels = mnist_train.targets[:N_IMAGES]", "labels = mnist_test.targets[:N_IMAGES]")


@mutant("k1", "scales pixels to [0, 0.25]", revealed_by="training")
def scaled_too_much(source: str) -> str:
    source = swap(
        source,
        "mnist_train.data[:N_IMAGES].float().flatten(1) / 255",
        "mnist_train.data[:N_IMAGES].float().flatten(1) / 1020",
    )
    return swap(
        source, "mnist_test.data.float().flatten(1) / 255", "mnist_test.data.float().flatten(1) / 1020"
    )


# ------------------------------------------------------------------ k2: encoder


@mutant("k2", "does not tell the encoder the class", revealed_by="structure")
def encoder_not_told(source: str) -> str:
    return swap(source, ENCODED, ENCODED.replace("condition]", "0 * condition]"))


@mutant("k2", "rectifies mean and log variance", revealed_by="structure")
def codes_rectified(source: str) -> str:
    return swap(
        source,
        "return self.mu_head(hidden), self.log_var_head(hidden)",
        "return self.mu_head(hidden).relu(), self.log_var_head(hidden).relu()",
    )


@mutant("k2", "takes one head for mean and log variance", revealed_by="structure")
def one_head_for_both(source: str) -> str:
    return swap(
        source,
        "return self.mu_head(hidden), self.log_var_head(hidden)",
        "return self.mu_head(hidden), self.mu_head(hidden)",
    )


# ------------------------------------------------------------------ k3: decoder and model


@mutant("k3", "does not tell the decoder the class", revealed_by="structure")
def decoder_not_told(source: str) -> str:
    return swap(source, DECODED, DECODED.replace("condition]", "0 * condition]"))


@mutant("k3", "decodes the mean and draws nothing", revealed_by="loss")
def noise_missing(source: str) -> str:
    return swap(source, DRAWN, "return mu")


@mutant("k3", "takes the variance for the deviation", revealed_by="loss")
def variance_as_deviation(source: str) -> str:
    return swap(source, DRAWN, DRAWN.replace("0.5 * log_var", "log_var"))


@mutant("k3", "draws uniform noise", revealed_by="loss")
def uniform_noise(source: str) -> str:
    return swap(source, "epsilon = torch.randn(mu.shape,", "epsilon = torch.rand(mu.shape,")


@mutant("k3", "cuts the code off from the encoder", revealed_by="structure")
def code_detached(source: str) -> str:
    return swap(source, DRAWN, "return (mu + torch.exp(0.5 * log_var) * epsilon).detach()")


# ------------------------------------------------------------------ k4: loss


@mutant("k4", "adds the KL term with the wrong sign", revealed_by="loss")
def wrong_sign(source: str) -> str:
    return swap(source, KL, KL.replace("-0.5", "0.5"))


@mutant("k4", "leaves out the one half", revealed_by="loss")
def half_missing(source: str) -> str:
    return swap(source, KL, KL.replace("-0.5 * torch", "-torch"))


@mutant("k4", "leaves out the KL term", revealed_by="loss")
def kl_missing(source: str) -> str:
    return swap(source, "return Elbo(bce + kl, bce, kl)", "return Elbo(bce, bce, kl)")


@mutant("k4", "averages the cross-entropy over pixels, and not the KL term", revealed_by="loss")
def bce_of_pixels(source: str) -> str:
    return swap(
        source,
        'bce = F.binary_cross_entropy(reconstruction, x, reduction="sum") / n',
        "bce = F.binary_cross_entropy(reconstruction, x)",
    )


@mutant("k4", "averages a squared error over pixels, and sums the KL term", revealed_by="loss")
def mse_of_pixels(source: str) -> str:
    return swap(
        source,
        'bce = F.binary_cross_entropy(reconstruction, x, reduction="sum") / n',
        "bce = F.mse_loss(reconstruction, x)",
    )


@mutant("k4", "takes the log variance for a deviation", revealed_by="loss")
def log_var_squared(source: str) -> str:
    return swap(source, KL, KL.replace("torch.exp(log_var)", "log_var**2"))


@mutant("k4", "forgets the mean in the KL term", revealed_by="loss")
def mean_forgotten(source: str) -> str:
    return swap(source, KL, KL.replace(" - mu**2", ""))


# ------------------------------------------------------------------ k5: training


@mutant("k5", "never updates the model", revealed_by="training")
def never_updated(source: str) -> str:
    return swap(source, "        optimizer.step()\n", "")


@mutant("k5", "never clears the gradients", revealed_by="training")
def gradients_kept(source: str) -> str:
    return swap(source, "        optimizer.zero_grad()\n", "")


# ------------------------------------------------------------------ k6: loss over the epochs


@mutant("k6", "keeps the last loss for every epoch", revealed_by="training")
def one_loss_for_all(source: str) -> str:
    return swap(
        source,
        'for epoch, value in enumerate(losses, 1):\n    print(f"epoch {epoch}: {value:.1f} nats an image")',
        'losses = [losses[-1]] * EPOCHS\nprint("the loss in the end:", losses[-1])',
    )


@mutant("k6", "divides the loss by images and batches again", revealed_by="training")
def loss_of_no_unit(source: str) -> str:
    return swap(
        source,
        "for epoch, value in enumerate(losses, 1):\n",
        "losses = [value / len(images) / 100 for value in losses]\nfor epoch, value in enumerate(losses, 1):\n",
    )


# ------------------------------------------------------------------ k7: reconstruction


@mutant("k7", "loses a layer of the encoder before the evaluation", revealed_by="training")
def head_reset(source: str) -> str:
    return swap(
        source,
        "\nmodel.eval()\nwith torch.no_grad():\n    rebuilt",
        "\nmodel.encoder.mu_head.reset_parameters()\nmodel.eval()\nwith torch.no_grad():\n    rebuilt",
    )


# ------------------------------------------------------------------ k8: generation


@mutant("k8", "shuffles images and not their classes", revealed_by="training")
def classes_shuffled(source: str) -> str:
    """The mistake stands in K5; what is lost by it is what K8 looks for."""
    return swap(
        source,
        "model(images[batch], labels[batch])",
        "model(images[batch], labels[torch.randperm(len(labels))[: len(batch)]])",
    )


@mutant("k8", "draws codes from a uniform law", revealed_by="decoder")
def codes_uniform(source: str) -> str:
    return swap(source, "z = torch.randn(len(y), model.n_latent)", "z = torch.rand(len(y), model.n_latent)")


@mutant("k8", "rolls the classes before it generates", revealed_by="training")
def classes_rolled(source: str) -> str:
    return swap(
        source,
        "asked = torch.arange",
        "weight = model.decoder.layers[0].weight.data\n"
        "weight[:, -N_CLASSES:] = weight[:, -N_CLASSES:].roll(1, dims=1)\n"
        "asked = torch.arange",
    )


# ------------------------------------------------------------------ clarity


@mutant("clarity", "writes no text but a title and the observations", revealed_by="form")
def nothing_said(source: str) -> str:
    cells = re.split(r"^(?=# %%)", source, flags=re.MULTILINE)
    texts = [cell for cell in cells if cell.startswith("# %% [markdown]")]
    return "".join(cell for cell in cells if cell not in texts[1:-1])


@mutant("clarity", "leaves a cell that fails", revealed_by="form")
def cell_fails(source: str) -> str:
    return source + "\n# %% [markdown]\n# The last loss.\n\n# %%\nprint(lossses[-1])\n"


# ------------------------------------------------------------------ k9: explanations and visualisations


@mutant("k9", "draws images of the data set", revealed_by="form")
def real_images_drawn(source: str) -> str:
    return swap(source, GRID, GRID.replace("generated", "images"))


@mutant("k9", "draws one class", revealed_by="form")
def one_class_drawn(source: str) -> str:
    return swap(
        source,
        GRID,
        "ax.imshow(image_grid(generate(model, torch.full((80,), 3)), N_CLASSES, 8).numpy()",
    )


@mutant("k9", "draws one image", revealed_by="form")
def one_image_drawn(source: str) -> str:
    return swap(source, GRID, "ax.imshow(generated[0].reshape(28, 28).numpy()")


@mutant("k9", "does not draw the loss", revealed_by="form")
def loss_not_drawn(source: str) -> str:
    return swap(source, "ax.plot(range(1, len(losses) + 1), losses)\n", "")
