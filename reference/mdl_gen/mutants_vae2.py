"""Typical mistakes in lab 2: each mutant is the solution with one mistake in one item.

What the lab leaves open is no mistake and has no mutant: channels, kernels, optimizers, how a class is given, the
arrangement of figures.
"""

from __future__ import annotations

from functools import partial

from reference.aml_a3.mutants import Mutant, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}

mutant = partial(register, registry=MUTANTS)

CONV = "return (size + 2 * padding - kernel) // stride + 1"
TRANSPOSED = "return (size - 1) * stride - 2 * padding + kernel"
CONVOLUTIONS = """\
            nn.Conv2d(1, 16, kernel_size=4, stride=2, padding=1), nn.ReLU(),  # (n, 16, 14, 14)
            nn.Conv2d(16, 32, kernel_size=4, stride=2, padding=1), nn.ReLU(),  # (n, 32, 7, 7)
            nn.Flatten(),
"""
ENLARGED = """\
            nn.Linear(n_latent, 32 * 7 * 7), nn.ReLU(), nn.Unflatten(1, (32, 7, 7)),
            nn.ConvTranspose2d(32, 16, kernel_size=4, stride=2, padding=1), nn.ReLU(),  # (n, 16, 14, 14)
            nn.ConvTranspose2d(16, 1, kernel_size=4, stride=2, padding=1), nn.Sigmoid(),  # (n, 1, 28, 28)
"""
DRAW = "return mu + torch.exp(0.5 * log_var) * epsilon"
LOSS = "return VaeLoss(nll + beta * kl, nll, kl)"
KL = "-0.5 * torch.sum(1 + log_var - mu**2 - torch.exp(log_var)) / len(mu)"

# ------------------------------------------------------------------ w1: sizes


@mutant("w1", "forgets the one", revealed_by="loss")
def one_missing(source: str) -> str:
    return swap(source, CONV, "return (size + 2 * padding - kernel) // stride")


@mutant("w1", "pads on one side only", revealed_by="loss")
def padding_once(source: str) -> str:
    return swap(source, CONV, "return (size + padding - kernel) // stride + 1")


@mutant("w1", "does not round down", revealed_by="loss")
def not_rounded(source: str) -> str:
    return swap(source, CONV, "return (size + 2 * padding - kernel) / stride + 1")


@mutant("w1", "multiplies the whole side by the stride", revealed_by="loss")
def whole_side(source: str) -> str:
    return swap(source, TRANSPOSED, "return size * stride - 2 * padding + kernel")


@mutant("w1", "adds the padding of a transposed convolution", revealed_by="loss")
def padding_added(source: str) -> str:
    return swap(source, TRANSPOSED, "return (size - 1) * stride + 2 * padding + kernel")


# ------------------------------------------------------------------ w2: encoder


@mutant("w2", "encodes with linear layers", revealed_by="structure")
def linear_encoder(source: str) -> str:
    return swap(source, CONVOLUTIONS, "            nn.Flatten(), nn.Linear(784, 32 * 7 * 7), nn.ReLU(),\n")


@mutant("w2", "rectifies mean and log variance", revealed_by="structure")
def heads_rectified(source: str) -> str:
    return swap(
        source,
        "        hidden = self.convolutions(x)\n        return self.mu_head(hidden), self.log_var_head(hidden)",
        "        hidden = self.convolutions(x)\n"
        "        return self.mu_head(hidden).relu(), self.log_var_head(hidden).relu()",
    )


@mutant("w2", "takes one head for mean and log variance", revealed_by="structure")
def one_head(source: str) -> str:
    return swap(
        source,
        "        hidden = self.convolutions(x)\n        return self.mu_head(hidden), self.log_var_head(hidden)",
        "        hidden = self.convolutions(x)\n        return self.mu_head(hidden), self.mu_head(hidden)",
    )


# ------------------------------------------------------------------ w3: decoder and VAE


@mutant("w3", "decodes with linear layers", revealed_by="structure")
def linear_decoder(source: str) -> str:
    return swap(
        source,
        ENLARGED,
        "            nn.Linear(n_latent, 256), nn.ReLU(), nn.Linear(256, 784), nn.Sigmoid(), "
        "nn.Unflatten(1, (1, 28, 28)),\n",
    )


@mutant("w3", "ends the decoder in a tanh", revealed_by="structure")
def tanh_at_the_end(source: str) -> str:
    return swap(source, "stride=2, padding=1), nn.Sigmoid(),", "stride=2, padding=1), nn.Tanh(),")


@mutant("w3", "takes the variance for the deviation", revealed_by="loss")
def variance_as_deviation(source: str) -> str:
    return swap(source, DRAW, "return mu + torch.exp(log_var) * epsilon")


@mutant("w3", "decodes the mean and draws nothing", revealed_by="loss")
def noise_missing(source: str) -> str:
    return swap(source, DRAW, "return mu")


# ------------------------------------------------------------------ w4: loss


@mutant("w4", "weighs the reconstruction term", revealed_by="loss")
def beta_on_reconstruction(source: str) -> str:
    return swap(source, LOSS, "return VaeLoss(beta * nll + kl, nll, kl)")


@mutant("w4", "weighs both terms", revealed_by="loss")
def beta_on_both(source: str) -> str:
    return swap(source, LOSS, "return VaeLoss(beta * (nll + kl), nll, kl)")


@mutant("w4", "ignores beta", revealed_by="loss")
def beta_ignored(source: str) -> str:
    return swap(source, LOSS, "return VaeLoss(nll + kl, nll, kl)")


@mutant("w4", "divides by beta", revealed_by="loss")
def divided_by_beta(source: str) -> str:
    return swap(source, LOSS, "return VaeLoss(nll + kl / beta, nll, kl)")


@mutant("w4", "subtracts the KL divergence", revealed_by="loss")
def kl_subtracted(source: str) -> str:
    return swap(source, LOSS, "return VaeLoss(nll - beta * kl, nll, kl)")


@mutant("w4", "leaves out the one half", revealed_by="loss")
def half_missing(source: str) -> str:
    return swap(source, KL, KL.replace("-0.5 * ", "-", 1))


@mutant("w4", "averages the cross-entropy over pixels", revealed_by="loss")
def bce_of_pixels(source: str) -> str:
    return swap(
        source,
        "return -torch.sum(white * torch.log(p) + (1 - white) * torch.log(1 - p)) / len(x)",
        "return -torch.mean(white * torch.log(p) + (1 - white) * torch.log(1 - p))",
    )


# ------------------------------------------------------------------ w5: what beta does


@mutant("w5", "trains with the same weight each time", revealed_by="training")
def same_beta(source: str) -> str:
    return swap(
        source,
        "train_beta_vae(ConvVAE(N_LATENT), images, beta, EPOCHS)",
        "train_beta_vae(ConvVAE(N_LATENT), images, 1.0, EPOCHS)",
    )


@mutant("w5", "keeps the KL divergence with its weight", revealed_by="training")
def weighted_kl(source: str) -> str:
    return swap(source, "    kls.append(kl)\n", "    kls.append(beta**2 * kl)\n")


@mutant("w5", "keeps the same reconstruction loss for each", revealed_by="training")
def first_reconstruction(source: str) -> str:
    return swap(
        source,
        "    reconstructions.append(nll)\n",
        "    reconstructions.append(nll if not reconstructions else reconstructions[0])\n",
    )


@mutant("w5", "keeps the numbers from the largest to the smallest weight", revealed_by="training")
def other_order(source: str) -> str:
    return swap(source, "for beta in BETAS:\n", "for beta in BETAS[::-1]:\n")


@mutant("w5", "stops after the first weight", revealed_by="training")
def one_beta(source: str) -> str:
    source = swap(source, "for beta in BETAS:\n", "for beta in BETAS[:1]:\n")
    source = swap(source, "left.plot(BETAS, kls", "left.plot(BETAS[:1], kls")
    return swap(source, "right.plot(BETAS, reconstructions", "right.plot(BETAS[:1], reconstructions")


@mutant("w5", "draws nothing", revealed_by="form")
def not_drawn(source: str) -> str:
    source = swap(source, 'left.plot(BETAS, kls, marker="o")\n', "")
    return swap(source, 'right.plot(BETAS, reconstructions, marker="o", color="tab:orange")\n', "")


@mutant("w5", "never clears the gradients", revealed_by="training")
def gradients_kept(source: str) -> str:
    return swap(
        source,
        "            optimizer.zero_grad()\n            reconstruction, mu, log_var = vae(x)",
        "            reconstruction, mu, log_var = vae(x)",
    )


# ------------------------------------------------------------------ w6: conditional VAE


@mutant("w6", "does not tell the encoder the class", revealed_by="structure")
def encoder_not_told(source: str) -> str:
    return swap(
        source,
        "torch.cat([self.convolutions(x), F.one_hot(y, N_CLASSES).float()], dim=1)",
        "torch.cat([self.convolutions(x), torch.zeros(len(x), N_CLASSES)], dim=1)",
    )


@mutant("w6", "does not tell the decoder the class", revealed_by="structure")
def decoder_not_told(source: str) -> str:
    return swap(
        source,
        "self.decoder(torch.cat([z, F.one_hot(y, N_CLASSES).float()], dim=1))",
        "self.decoder(torch.cat([z, torch.zeros(len(z), N_CLASSES)], dim=1))",
    )


@mutant("w6", "shows images with the classes of others", revealed_by="training")
def classes_shuffled(source: str) -> str:
    return swap(source, "x, y = images[batch], labels[batch]", "x, y = images[batch], labels[batch.flip(0)]")


@mutant("w6", "draws images of the data set", revealed_by="form")
def real_images(source: str) -> str:
    return swap(source, "image_grid(digits, N_CLASSES, 10)", "image_grid(images[:100], N_CLASSES, 10)")


@mutant("w6", "draws one class only", revealed_by="form")
def one_class(source: str) -> str:
    return swap(
        source,
        "codes.repeat(N_CLASSES, 1), torch.arange(N_CLASSES).repeat_interleave(10)",
        "torch.randn(100, N_LATENT), torch.full((100,), 3)",
    )
