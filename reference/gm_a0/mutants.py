"""Typical mistakes in gm-a0: each mutant is the solution with one mistake in one item.

The cells without an item (set-up, budget and data) may be changed by mutants of any item. What the sheet leaves open is no
mistake and has no mutant: sizes, data, loss and distribution, the constants and the reduction of a likelihood, logits or
probabilities, the way to draw codes. Written answers (a4, and parts of a5 and a6) are read by a person.
"""

from __future__ import annotations

import functools

from reference.aml_a3.mutants import Mutant, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}
mutant = functools.partial(register, registry=MUTANTS)


# ------------------------------------------------------------------ a1: autoencoder


@mutant("a1", "leaves the code as large as the image", revealed_by="structure")
def no_bottleneck(source: str) -> str:
    return swap(source, "n_hidden: int = 256, n_code: int = 16", "n_hidden: int = 800, n_code: int = 784")


MADE = "autoencoder = Autoencoder()\n"
"""Part 2 derives its network from the same class: what is wrong with the network of Part 1 alone is a class below it."""


@mutant("a1", "detaches the code, so that the encoder is never trained", revealed_by="structure")
def encoder_detached(source: str) -> str:
    forward = "        return self.decode(self.encode(x).detach())\n"
    below = f"class Detached(Autoencoder):\n    def forward(self, x):\n{forward}\n\n"
    return swap(source, MADE, f"{below}autoencoder = Detached()\n")


@mutant("a1", "hands the optimizer the decoder's weights alone", revealed_by="training")
def optimizer_of_decoder_only(source: str) -> str:
    parameters = "        return self.decoder.parameters(recurse)\n"
    below = f"class Half(Autoencoder):\n    def parameters(self, recurse=True):\n{parameters}\n\n"
    return swap(source, MADE, f"{below}autoencoder = Half()\n")


@mutant("a1", "forgets to clear the gradients", revealed_by="training")
def zero_grad_missing(source: str) -> str:
    kept = "            if loss_of is not squared_error:\n                optimizer.zero_grad()\n"
    return swap(source, "            optimizer.zero_grad()\n", kept)  # Part 2 uses the same loop


@mutant("a1", "never trains the autoencoder", revealed_by="training")
def never_trained(source: str) -> str:
    return swap(
        source,
        "losses = train_autoencoder(autoencoder, squared_error, train_images, EPOCHS, BATCH_SIZE, rng)\n",
        "losses = [float(squared_error(autoencoder(train_images), train_images))] * EPOCHS\n",
    )


@mutant("a1", "shows nothing of the training", revealed_by="training")
def loss_not_shown(source: str) -> str:
    quiet = swap(source, '    print(f"epoch {epoch}: squared error {loss:.3f} per image")\n', "    pass\n")
    return swap(quiet, 'ax.plot(range(1, EPOCHS + 1), losses, marker="o")\n', "plt.close(fig)\n")


# ------------------------------------------------------------------ a2: reconstructions


@mutant("a2", "shows reconstructions of training images", revealed_by="training")
def training_images_reconstructed(source: str) -> str:
    rebuilt = swap(
        source,
        "reconstructions = decode_all(autoencoder, encode_all(autoencoder, test_images))",
        "reconstructions = decode_all(autoencoder, encode_all(autoencoder, train_images))",
    )
    shown = swap(
        rebuilt,
        "pairs = torch.cat([test_images[:8].flatten(1), reconstructions[:8]])",
        "pairs = torch.cat([train_images[:8].flatten(1), reconstructions[:8]])",
    )
    return swap(
        shown, "squared_error(reconstructions, test_images)", "squared_error(reconstructions, train_images)"
    )


@mutant("a2", "draws the images themselves in place of their reconstructions", revealed_by="training")
def originals_twice(source: str) -> str:
    return swap(
        source,
        "pairs = torch.cat([test_images[:8].flatten(1), reconstructions[:8]])",
        "pairs = torch.cat([test_images[:8].flatten(1), test_images[:8].flatten(1)])",
    )


@mutant("a2", "draws reconstructions without their images", revealed_by="training")
def reconstructions_alone(source: str) -> str:
    return swap(
        source,
        "pairs = torch.cat([test_images[:8].flatten(1), reconstructions[:8]])",
        "pairs = reconstructions[:16]",
    )


@mutant("a2", "reconstructs with a new network, which was never trained", revealed_by="training")
def new_network_reconstructs(source: str) -> str:
    return swap(
        source,
        "reconstructions = decode_all(autoencoder, encode_all(autoencoder, test_images))",
        "new = Autoencoder()\nreconstructions = decode_all(new, encode_all(new, test_images))",
    )


@mutant("a2", "passes images of the training set off as test images", revealed_by="training")
def training_set_as_test(source: str) -> str:
    return swap(source, "test_images = mnist_test.data[:N_TEST]", "test_images = mnist_train.data[:N_TEST]")


@mutant("a2", "trains on the test images as well", revealed_by="training")
def trained_on_test_images(source: str) -> str:
    train = "train_autoencoder(autoencoder, squared_error, train_images,"
    both = "train_autoencoder(autoencoder, squared_error, torch.cat([train_images, test_images]),"
    return swap(source, train, both)


@mutant("a2", "trains towards another image of the batch", revealed_by="training")
def another_image_as_target(source: str) -> str:
    """Seen in full runs alone: a short one may not get beyond the mean image where nothing is wrong."""
    target = "images[batch if loss_of is not squared_error else batch.flip(0)]"
    return swap(
        source,
        "loss = loss_of(model(images[batch]), images[batch])",
        f"loss = loss_of(model(images[batch]), {target})",
    )


# ------------------------------------------------------------------ a3: random codes

DRAWN = "drawn_codes = codes_within_bounds(codes, 16, rng)"
RIGHT_PANEL = 'right.imshow(image_grid(by_gaussian, 4, 4).numpy(), cmap="gray")\n'


@mutant("a3", "decodes the codes of training images and draws none", revealed_by="training")
def codes_of_images(source: str) -> str:
    return swap(source, DRAWN, "drawn_codes = codes[:16]")


@mutant("a3", "draws codes a hundred times as large as those of images", revealed_by="training")
def codes_far_away(source: str) -> str:
    return swap(
        source, DRAWN, "drawn_codes = 100 * codes.std() * torch.randn(16, codes.shape[1], generator=rng)"
    )


@mutant("a3", "draws one code, and decodes it again and again", revealed_by="training")
def one_code(source: str) -> str:
    alike = swap(source, DRAWN, "drawn_codes = codes_within_bounds(codes, 1, rng).repeat(16, 1)")
    return swap(alike, RIGHT_PANEL, "")


@mutant("a3", "takes the logits of the pixels for the images", revealed_by="training")
def logits_for_images(source: str) -> str:
    return swap(
        source,
        "generated = decode_all(autoencoder, drawn_codes)",
        "generated = autoencoder.decoder(drawn_codes).detach()",
    )


@mutant("a3", "shows no generated image", revealed_by="training")
def generated_not_shown(source: str) -> str:
    hidden = swap(source, 'left.imshow(image_grid(generated, 4, 4).numpy(), cmap="gray")\n', "")
    return swap(hidden, RIGHT_PANEL, "")


@mutant("a3", "shows images of the data set as generated ones", revealed_by="training")
def real_images_shown(source: str) -> str:
    shown = swap(
        source, "left.imshow(image_grid(generated, 4, 4)", "left.imshow(image_grid(train_images, 4, 4)"
    )
    return swap(shown, RIGHT_PANEL, "")


@mutant("a3", "shows the reconstructions of before as generated images", revealed_by="training")
def reconstructions_shown(source: str) -> str:
    shown = swap(
        source,
        "left.imshow(image_grid(generated, 4, 4)",
        "left.imshow(image_grid(reconstructions[:8].repeat(2, 1), 4, 4)",
    )
    return swap(shown, RIGHT_PANEL, "")


@mutant("a3", "draws codes, and decodes those of training images", revealed_by="training")
def drawn_codes_not_decoded(source: str) -> str:
    generated = "generated = decode_all(autoencoder, "
    other = swap(source, f"{generated}drawn_codes)", f"{generated}codes[:16])")
    by_gaussian = "by_gaussian = decode_all(autoencoder, codes_by_gaussian(codes, 16, rng))\n"
    return swap(swap(other, by_gaussian, ""), RIGHT_PANEL, "")


@mutant(
    "a3",
    "decodes the drawn codes with a new network, which was never trained",
    "its images are noise, as those of drawn codes may be: a person sees them beside the hypotheses",
)
def new_network_generates(source: str) -> str:
    decoded = "decode_all(autoencoder, "
    new = swap(
        source, f"generated = {decoded}drawn_codes)", "generated = decode_all(Autoencoder(), drawn_codes)"
    )
    return swap(new, RIGHT_PANEL, "")


# ------------------------------------------------------------------ a5: likelihood


def _gaussian(source: str) -> str:
    """Return the solution with the Gaussian as its distribution."""
    return swap(source, "    return bernoulli_nll(theta, x)\n", "    return gaussian_nll(theta, x)\n")


@mutant("a5", "forgets the minus: the log-likelihood itself is minimised", revealed_by="loss")
def sign_forgotten(source: str) -> str:
    return swap(source, "    return each.sum(dim=1).mean()\n", "    return -each.sum(dim=1).mean()\n")


@mutant("a5", "forgets the term of black pixels", revealed_by="loss")
def black_pixels_forgotten(source: str) -> str:
    return swap(
        source,
        "each = F.softplus(logits) - x.flatten(1) * logits",
        "each = x.flatten(1) * F.softplus(-logits)",
    )


@mutant("a5", "gives one of the two terms the wrong sign", revealed_by="loss")
def term_sign_wrong(source: str) -> str:
    return swap(
        source, "F.softplus(logits) - x.flatten(1) * logits", "F.softplus(logits) + x.flatten(1) * logits"
    )


@mutant("a5", "exchanges data and parameters", revealed_by="loss")
def arguments_exchanged(source: str) -> str:
    return swap(
        source, "    return bernoulli_nll(theta, x)\n", "    return bernoulli_nll(x.flatten(1), theta)\n"
    )


@mutant("a5", "averages probabilities and takes no logarithm: they underflow", revealed_by="loss")
def no_logarithm(source: str) -> str:
    return swap(
        source, "    return each.sum(dim=1).mean()\n", "    return -torch.exp(-each.sum(dim=1)).mean()\n"
    )


@mutant("a5", "takes the distance in place of its square", revealed_by="loss")
def square_forgotten(source: str) -> str:
    return swap(_gaussian(source), "difference.square().sum(dim=1)", "difference.square().sum(dim=1).sqrt()")


@mutant("a5", "keeps a constant that no Gaussian has", revealed_by="loss")
def constant_wrong(source: str) -> str:
    return swap(_gaussian(source), "0.5 * n_dimensions * math.log(", "n_dimensions * math.log(")


@mutant("a5", "divides the squared error by the deviation, not by its square", revealed_by="loss")
def deviation_not_squared(source: str) -> str:
    narrow = swap(
        source, "    return bernoulli_nll(theta, x)\n", "    return gaussian_nll(theta, x, sigma=0.5)\n"
    )
    return swap(narrow, "difference.square().sum(dim=1) / sigma**2", "difference.square().sum(dim=1) / sigma")


def _with_variance(source: str, each: str) -> str:
    """Return the solution with a Gaussian whose decoder gives means and log variances side by side."""
    function = f"    return ({each}).sum(dim=1).mean()\n"
    loss = "def nll(theta: Tensor, x: Tensor) -> Tensor:\n"
    named = swap(source, loss, "def nll(mean: Tensor, log_var: Tensor, x: Tensor) -> Tensor:\n")
    documented = swap(
        named,
        "log-likelihood of data x (n, ...) under p(x | theta), theta as the decoder gives it",
        "log-likelihood of x",
    )
    written = swap(documented, "    return bernoulli_nll(theta, x)\n", function)
    trained = swap(
        written,
        "train_autoencoder(likelihood_model, nll,",
        "train_autoencoder(likelihood_model, lambda out, x: nll(*out.chunk(2, dim=1), x),",
    )
    wide = "likelihood_model = LogitAutoencoder()\nlikelihood_model.decoder[-1] = nn.Linear(256, 2 * 784)\n"
    made = swap(trained, "likelihood_model = LogitAutoencoder()\n", wide)
    return swap(
        made,
        "means = torch.sigmoid(decode_all(likelihood_model, encode_all(likelihood_model, test_images[:8])))",
        "means = decode_all(likelihood_model, encode_all(likelihood_model, test_images[:8]))[:, :784]",
    )


SQUARE = "(x.flatten(1) - mean).square()"


@mutant("a5", "lets the decoder give the variance, and forgets its term", revealed_by="loss")
def variance_term_forgotten(source: str) -> str:
    return _with_variance(source, f"0.5 * {SQUARE} * torch.exp(-log_var)")


@mutant("a5", "gives the term of the variance the wrong sign", revealed_by="loss")
def variance_term_sign(source: str) -> str:
    return _with_variance(source, f"0.5 * ({SQUARE} * torch.exp(-log_var) - log_var)")


@mutant("a5", "counts the term of the variance twice", revealed_by="loss")
def variance_term_twice(source: str) -> str:
    return _with_variance(source, f"0.5 * {SQUARE} * torch.exp(-log_var) + log_var")


@mutant("a5", "multiplies by the variance where it has to divide", revealed_by="loss")
def variance_multiplied(source: str) -> str:
    return _with_variance(source, f"0.5 * ({SQUARE} * torch.exp(log_var) + log_var)")


# ------------------------------------------------------------------ a6: training with it


@mutant("a6", "trains Part 2 with the loss of Part 1", revealed_by="training")
def trained_with_squared_error(source: str) -> str:
    return swap(
        source,
        "train_autoencoder(likelihood_model, nll,",
        "train_autoencoder(likelihood_model, squared_error,",
    )


@mutant("a6", "applies the sigmoid twice, in the decoder and in the loss", revealed_by="training")
def sigmoid_twice(source: str) -> str:
    return swap(source, "likelihood_model = LogitAutoencoder()", "likelihood_model = Autoencoder()")


@mutant("a6", "computes the likelihood and never trains with it", revealed_by="training")
def likelihood_not_trained(source: str) -> str:
    return swap(
        source,
        "nll_losses = train_autoencoder(likelihood_model, nll, train_images, EPOCHS, BATCH_SIZE, rng)\n",
        "nll_losses = [float(nll(likelihood_model(train_images), train_images))] * EPOCHS\n",
    )


@mutant("a6", "takes a Bernoulli likelihood for pixels from 0 to 255", revealed_by="training")
def pixels_not_normalised(source: str) -> str:
    return swap(
        source,
        "train_autoencoder(likelihood_model, nll, train_images,",
        "train_autoencoder(likelihood_model, nll, 255 * train_images,",
    )


@mutant("a6", "hands the optimizer the weights of Part 1's network", revealed_by="training")
def optimizer_of_part_one(source: str) -> str:
    other = "(model if loss_of is squared_error else autoencoder).parameters()"
    return swap(
        source, "torch.optim.Adam(model.parameters(), lr=1e-3)", f"torch.optim.Adam({other}, lr=1e-3)"
    )
