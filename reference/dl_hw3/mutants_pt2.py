"""Typical mistakes in part 2: each mutant is the solution with one mistake in one item.

What the sheet leaves open is no mistake and has no mutant: layers, size of the latent space, optimizer, which scales,
how an 8 is made, what digits look like after a short training.
"""

from __future__ import annotations

from functools import partial

from reference.aml_a3.mutants import Mutant, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}

mutant = partial(register, registry=MUTANTS)

# ------------------------------------------------------------------ v1: encoder


@mutant("v1", "rectifies the log variance", revealed_by="structure")
def log_var_rectified(source: str) -> str:
    return swap(
        source,
        "self.mu_head(hidden), self.log_var_head(hidden)",
        "self.mu_head(hidden), self.log_var_head(hidden).relu()",
    )


@mutant("v1", "takes one head for mean and log variance", revealed_by="structure")
def one_head_for_both(source: str) -> str:
    return swap(
        source,
        "self.mu_head(hidden), self.log_var_head(hidden)",
        "self.mu_head(hidden), self.mu_head(hidden)",
    )


# ------------------------------------------------------------------ v2: decoder


@mutant("v2", "ends the decoder without a sigmoid", revealed_by="structure")
def sigmoid_missing(source: str) -> str:
    return swap(source, "nn.Linear(n_hidden, n_pixels), nn.Sigmoid()", "nn.Linear(n_hidden, n_pixels)")


@mutant("v2", "ends the decoder in a tanh", revealed_by="structure")
def tanh_at_the_end(source: str) -> str:
    return swap(
        source, "nn.Linear(n_hidden, n_pixels), nn.Sigmoid()", "nn.Linear(n_hidden, n_pixels), nn.Tanh()"
    )


# ------------------------------------------------------------------ v3: autoencoder


@mutant("v3", "decodes the mean and draws nothing", revealed_by="loss")
def noise_missing(source: str) -> str:
    return swap(source, "return mu + torch.exp(0.5 * log_var) * epsilon", "return mu")


@mutant("v3", "takes the variance for the deviation", revealed_by="loss")
def variance_as_deviation(source: str) -> str:
    return swap(source, "torch.exp(0.5 * log_var) * epsilon", "torch.exp(log_var) * epsilon")


@mutant("v3", "draws uniform noise", revealed_by="loss")
def uniform_noise(source: str) -> str:
    return swap(source, "epsilon = torch.randn(mu.shape,", "epsilon = torch.rand(mu.shape,")


@mutant("v3", "cuts the code off from the encoder", revealed_by="structure")
def code_detached(source: str) -> str:
    return swap(
        source,
        "return mu + torch.exp(0.5 * log_var) * epsilon",
        "return (mu + torch.exp(0.5 * log_var) * epsilon).detach()",
    )


@mutant("v3", "prints the model without the number of its parameters", revealed_by="form")
def parameters_not_printed(source: str) -> str:
    return swap(
        source, 'print(f"number of parameters: {sum(p.numel() for p in model.parameters()):,}")\n', ""
    )


# ------------------------------------------------------------------ v4: loss


@mutant("v4", "uses the sign that the sheet prints", revealed_by="loss")
def printed_sign(source: str) -> str:
    return swap(source, "kl = -0.5 * torch.sum(", "kl = 0.5 * torch.sum(")


@mutant("v4", "leaves out the one half", revealed_by="loss")
def half_missing(source: str) -> str:
    return swap(source, "kl = -0.5 * torch.sum(", "kl = -torch.sum(")


@mutant("v4", "leaves out the KL term", revealed_by="loss")
def kl_missing(source: str) -> str:
    return swap(source, "return (bce + kl) / len(x)", "return bce / len(x)")


@mutant("v4", "averages the cross-entropy over pixels and sums the KL term", revealed_by="loss")
def bce_of_pixels(source: str) -> str:
    return swap(source, "return (bce + kl) / len(x)", "return bce / x.numel() + kl / len(x)")


@mutant("v4", "forgets the black pixels", revealed_by="loss")
def half_of_bce(source: str) -> str:
    return swap(source, "x * torch.log(p) + (1 - x) * torch.log(1 - p)", "x * torch.log(p)")


@mutant("v4", "takes the log variance for a deviation", revealed_by="loss")
def log_var_squared(source: str) -> str:
    return swap(source, "1 + log_var - mu**2 - torch.exp(log_var)", "1 + log_var - mu**2 - log_var**2")


# ------------------------------------------------------------------ v5: generated digit


@mutant("v5", "plots an image of the data set", revealed_by="form")
def real_image_plotted(source: str) -> str:
    return swap(source, "ax.imshow(digit.numpy(), cmap", "ax.imshow(test_images[0].reshape(28, 28), cmap")


@mutant("v5", "returns the image and plots nothing", revealed_by="form")
def digit_not_plotted(source: str) -> str:
    source = swap(
        source,
        '    _, ax = plt.subplots(figsize=(2, 2))\n    ax.imshow(digit.numpy(), cmap="gray", vmin=0, vmax=1)\n',
        "",
    )
    return swap(
        source,
        '    ax.set_title(title)\n    ax.axis("off")\n    plt.show()\n    return digit\n',
        "    return digit\n",
    )


# ------------------------------------------------------------------ v6: training


@mutant("v6", "generates digits after the training alone", revealed_by="training")
def digits_at_the_end(source: str) -> str:
    return swap(source, "    if epoch % 10 == 0:\n", "    if epoch == EPOCHS:\n")


@mutant("v6", "generates one digit in place of two", revealed_by="training")
def one_digit_only(source: str) -> str:
    return swap(source, "        for digit in (8, 6):\n", "        for digit in (8,):\n")


@mutant("v6", "never clears the gradients", revealed_by="training")
def gradients_kept(source: str) -> str:
    return swap(source, "        optimizer.zero_grad()\n", "")


@mutant("v6", "never updates the model", revealed_by="training")
def never_updated(source: str) -> str:
    return swap(source, "        optimizer.step()\n", "")


# ------------------------------------------------------------------ v7: latent space


@mutant("v7", "plots the latent space at one scale", revealed_by="form")
def one_scale(source: str) -> str:
    return swap(source, "plot_latent_space(model.decoder, scale=5.0)\n", "")


@mutant("v7", "ignores the scale", revealed_by="form")
def scale_ignored(source: str) -> str:
    return swap(source, "ticks = torch.linspace(-scale, scale, n)", "ticks = torch.linspace(-1, 1, n)")


@mutant("v7", "shows images of the data set", revealed_by="form")
def real_images_in_map(source: str) -> str:
    return swap(
        source,
        "ax.imshow(image_grid(images, n, n).numpy()",
        "ax.imshow(image_grid(test_images, 8, 8).numpy()",
    )


# ------------------------------------------------------------------ v8: interpolation


@mutant("v8", "mixes pixels in place of codes", revealed_by="form")
def pixels_mixed(source: str) -> str:
    source = swap(
        source,
        "start, end = encoder(first)[0], encoder(second)[0]",
        "start, end = decoder(encoder(first)[0]), decoder(encoder(second)[0])",
    )
    return swap(
        source, "decoder((1 - weights) * start + weights * end)", "(1 - weights) * start + weights * end"
    )


@mutant("v8", "decodes random codes", revealed_by="form")
def random_codes(source: str) -> str:
    return swap(
        source,
        "decoder((1 - weights) * start + weights * end)",
        "decoder(3 * torch.randn(n, start.shape[1]))",
    )


@mutant("v8", "shows the two ends alone", revealed_by="form")
def ends_alone(source: str) -> str:
    source = swap(source, "test_images[second : second + 1], 10", "test_images[second : second + 1], 2")
    return swap(source, "image_grid(path, 1, 10)", "image_grid(path, 1, 2)")
