"""Typical mistakes with the VAE: tasks 1 and 2 of part b."""

from __future__ import annotations

from functools import partial

from reference.aml_a3.mutants import Mutant, drop_cell, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}

mutant = partial(register, registry=MUTANTS)

# ------------------------------------------------------------------ b1: VAE, structure


@mutant("b1", "has a latent space of 20 dimensions", revealed_by="structure")
def latent_size_wrong(source: str) -> str:
    return swap(source, "(512, 256), n_latent: int = 16", "(512, 256), n_latent: int = 20")


@mutant("b1", "has hidden layers of 400 and 200 units", revealed_by="structure")
def vae_hidden_sizes_wrong(source: str) -> str:
    return swap(source, "= (512, 256), n_latent", "= (400, 200), n_latent")


@mutant("b1", "leaves out the second ReLU of the encoder", revealed_by="structure")
def encoder_relu_missing(source: str) -> str:
    return swap(
        source,
        "nn.Linear(wide, narrow), nn.ReLU(),\n        )  # fmt: skip\n        self.mu_head",
        "nn.Linear(wide, narrow),\n        )  # fmt: skip\n        self.mu_head",
    )


@mutant("b1", "leaves out the first ReLU of the decoder", revealed_by="structure")
def decoder_relu_missing(source: str) -> str:
    return swap(source, "nn.Linear(n_latent, narrow), nn.ReLU(),", "nn.Linear(n_latent, narrow),")


@mutant("b1", "uses LeakyReLU in the encoder", revealed_by="structure")
def encoder_leaky(source: str) -> str:
    return swap(
        source,
        "nn.Linear(n_pixels, wide), nn.ReLU(),",
        "nn.Linear(n_pixels, wide), nn.LeakyReLU(0.2),",
    )


@mutant("b1", "puts a ReLU on the log variance", revealed_by="structure")
def log_var_rectified(source: str) -> str:
    return swap(
        source,
        "self.mu_head(hidden), self.log_var_head(hidden)",
        "self.mu_head(hidden), F.relu(self.log_var_head(hidden))",
    )


@mutant("b1", "uses one head for mean and log variance", revealed_by="structure")
def one_head_for_both(source: str) -> str:
    return swap(
        source,
        "self.mu_head(hidden), self.log_var_head(hidden)",
        "self.mu_head(hidden), self.mu_head(hidden)",
    )


@mutant("b1", "leaves the Sigmoid out of the decoder and puts it into the loss", revealed_by="structure")
def sigmoid_missing(source: str) -> str:
    source = swap(source, "nn.Linear(wide, n_pixels), nn.Sigmoid(),", "nn.Linear(wide, n_pixels),")
    return swap(
        source,
        "F.binary_cross_entropy(reconstruction",
        "F.binary_cross_entropy_with_logits(reconstruction",
    )


@mutant("b1", "puts a BatchNorm after the Sigmoid's linear layer", revealed_by="structure")
def batch_norm_added(source: str) -> str:
    return swap(
        source,
        "nn.Linear(wide, n_pixels), nn.Sigmoid(),",
        "nn.Linear(wide, n_pixels), nn.BatchNorm1d(n_pixels), nn.Sigmoid(),",
    )


@mutant("b1", "decodes the mean, without any noise", revealed_by="structure")
def noise_missing(source: str) -> str:
    return swap(source, "return mu + torch.exp(0.5 * log_var) * epsilon", "return mu")


@mutant("b1", "takes the variance for the standard deviation", revealed_by="structure")
def variance_as_deviation(source: str) -> str:
    return swap(source, "mu + torch.exp(0.5 * log_var) * epsilon", "mu + torch.exp(log_var) * epsilon")


@mutant("b1", "applies exp(0.5 * ...) to a standard deviation", revealed_by="structure")
def deviation_exponentiated(source: str) -> str:
    return swap(
        source,
        "return mu + torch.exp(0.5 * log_var) * epsilon",
        "std = torch.exp(0.5 * log_var)\n    return mu + torch.exp(0.5 * std) * epsilon",
    )


@mutant("b1", "adds the noise without scaling it", revealed_by="structure")
def noise_not_scaled(source: str) -> str:
    return swap(source, "return mu + torch.exp(0.5 * log_var) * epsilon", "return mu + epsilon")


@mutant("b1", "draws uniform noise", revealed_by="structure")
def noise_uniform(source: str) -> str:
    return swap(source, "epsilon = torch.randn(mu.shape,", "epsilon = torch.rand(mu.shape,")


@mutant(
    "b1", "detaches the draw, so that no gradient reaches the encoder through it", revealed_by="structure"
)
def sample_detached(source: str) -> str:
    return swap(
        source,
        "return mu + torch.exp(0.5 * log_var) * epsilon",
        "return (mu + torch.exp(0.5 * log_var) * epsilon).detach()",
    )


# ------------------------------------------------------------------ b1: VAE, loss


@mutant("b1", "has the wrong sign before the KL divergence", revealed_by="loss")
def kl_sign_wrong(source: str) -> str:
    return swap(source, "kl = -0.5 * torch.sum(1.0", "kl = 0.5 * torch.sum(1.0")


@mutant("b1", "subtracts the KL divergence", revealed_by="loss")
def kl_subtracted(source: str) -> str:
    return swap(source, "VaeLoss(reconstruction_nll + kl,", "VaeLoss(reconstruction_nll - kl,")


@mutant("b1", "forgets the factor 1/2 of the KL divergence", revealed_by="loss")
def kl_without_half(source: str) -> str:
    return swap(source, "kl = -0.5 * torch.sum(1.0", "kl = -1.0 * torch.sum(1.0")


@mutant("b1", "averages the KL divergence over the latent dimensions too", revealed_by="loss")
def kl_mean_over_latent(source: str) -> str:
    return swap(source, "- log_var.exp()) / n\n", "- log_var.exp()) / mu.numel()\n")


@mutant("b1", "weighs the KL divergence by 0.01", revealed_by="loss")
def kl_weighted(source: str) -> str:
    return swap(source, "VaeLoss(reconstruction_nll + kl,", "VaeLoss(reconstruction_nll + 0.01 * kl,")


@mutant("b1", "leaves the KL divergence out of the total", revealed_by="loss")
def kl_not_in_total(source: str) -> str:
    return swap(source, "VaeLoss(reconstruction_nll + kl,", "VaeLoss(reconstruction_nll,")


@mutant(
    "b1", "has the standard deviation in the KL divergence where the variance belongs", revealed_by="loss"
)
def kl_with_deviation(source: str) -> str:
    return swap(source, "mu.square() - log_var.exp())", "mu.square() - (0.5 * log_var).exp())")


@mutant("b1", "forgets the square of the mean in the KL divergence", revealed_by="loss")
def kl_mean_not_squared(source: str) -> str:
    return swap(source, "log_var - mu.square() - log_var", "log_var - mu - log_var")


@mutant("b1", "uses the squared error in place of the cross-entropy", revealed_by="loss")
def mse_for_bce(source: str) -> str:
    return swap(source, "F.binary_cross_entropy(reconstruction", "F.mse_loss(reconstruction")


@mutant("b1", "averages the cross-entropy over pixels", revealed_by="loss")
def bce_mean_over_pixels(source: str) -> str:
    return swap(source, 'x.flatten(1), reduction="sum") / n', "x.flatten(1))")


@mutant("b1", "sums both terms over the batch", revealed_by="loss")
def loss_summed_over_batch(source: str) -> str:
    return swap(source, "    n = len(x)\n    reconstruction_nll", "    n = 1\n    reconstruction_nll")


@mutant("b1", "applies a second Sigmoid in the loss", revealed_by="loss")
def sigmoid_twice(source: str) -> str:
    return swap(
        source,
        "F.binary_cross_entropy(reconstruction",
        "F.binary_cross_entropy_with_logits(reconstruction",
    )


# ------------------------------------------------------------------ b1: VAE, training and form


@mutant("b1", "trains with learning rate 1e-2", revealed_by="training")
def vae_learning_rate_wrong(source: str) -> str:
    return swap(source, "model.parameters(), lr=1e-3, betas", "model.parameters(), lr=1e-2, betas")


@mutant("b1", "uses the GAN's betas for the VAE", revealed_by="training")
def vae_betas_wrong(source: str) -> str:
    return swap(source, "lr=1e-3, betas=(0.9, 0.999), weight", "lr=1e-3, betas=(0.5, 0.999), weight")


@mutant("b1", "adds weight decay", revealed_by="training")
def vae_weight_decay(source: str) -> str:
    return swap(source, "betas=(0.9, 0.999), weight_decay=0.0", "betas=(0.9, 0.999), weight_decay=1e-4")


@mutant("b1", "optimises the decoder only", revealed_by="training")
def optimizer_without_encoder(source: str) -> str:
    return swap(source, "vae, vae_optimizer(vae), train", "vae, vae_optimizer(vae.decoder), train")


@mutant("b1", "never clears the gradients", revealed_by="training")
def vae_gradients_not_cleared(source: str) -> str:
    return swap(source, "    optimizer.zero_grad()\n    loss = vae_loss(", "    loss = vae_loss(")


@mutant("b1", "uses batches of 64", revealed_by="training")
def vae_batch_size_wrong(source: str) -> str:
    return swap(source, "fixed_z, EPOCHS, BATCH_SIZE, rng", "fixed_z, EPOCHS, 64, rng")


@mutant("b1", "trains on the validation images as well", revealed_by="training")
def vae_trained_on_validation(source: str) -> str:
    return swap(
        source,
        "vae_optimizer(vae), train_images, validation_images",
        "vae_optimizer(vae), torch.cat([train_images, validation_images]), validation_images",
    )


@mutant("b1", "trains on the test images", revealed_by="training")
def vae_trained_on_test(source: str) -> str:
    return swap(source, "vae_optimizer(vae), train_images,", "vae_optimizer(vae), test_images,")


@mutant("b1", "never shuffles the batches", "the sheet asks for shuffled batches in Part C only")
def vae_batches_in_order(source: str) -> str:
    return swap(
        source,
        "for batch in shuffled_batches(len(train), batch_size, generator):",
        "for batch in torch.arange(len(train)).split(batch_size):",
    )


@mutant("b1", "feeds the VAE images in [-1, 1]", revealed_by="training")
def vae_images_signed(source: str) -> str:
    return swap(
        source,
        "vae_optimizer(vae), train_images, validation_images,",
        "vae_optimizer(vae), 2 * train_images - 1, validation_images,",
    )


@mutant("b1", "standardises the images with MNIST's mean and deviation", revealed_by="training")
def vae_images_standardised(source: str) -> str:
    return swap(
        source,
        "vae_optimizer(vae), train_images, validation_images,",
        "vae_optimizer(vae), (train_images - 0.1307) / 0.3081, validation_images,",
    )


@mutant("b1", "types in the losses of another run", revealed_by="training")
def vae_losses_typed(source: str) -> str:
    source = swap(
        source,
        "vae_reconstruction = [float(epoch.train.reconstruction_nll) for epoch in vae_history]",
        "vae_reconstruction = [155.2, 109.8, 99.1, 94.6, 91.9, 90.2, 88.9, 87.9, 87.2, 86.6][:EPOCHS]",
    )
    source = swap(
        source,
        "vae_kl = [float(epoch.train.kl) for epoch in vae_history]",
        "vae_kl = [11.7, 18.3, 20.2, 21.0, 21.5, 21.8, 22.0, 22.2, 22.3, 22.4][:EPOCHS]",
    )
    return swap(
        source,
        "vae_elbo = [float(epoch.train.total) for epoch in vae_history]",
        "vae_elbo = [a + b for a, b in zip(vae_reconstruction, vae_kl, strict=True)]",
    )


@mutant("b1", "reports the loss of the last epoch only", revealed_by="training")
def vae_last_epoch_only(source: str) -> str:
    source = swap(source, "in vae_history]\nvae_kl", "in vae_history[-1:]]\nvae_kl")
    source = swap(source, "vae_kl[i - 1]:.2f}", "vae_kl[-1]:.2f}")
    source = swap(source, "vae_reconstruction[i - 1]:.2f}", "vae_reconstruction[-1]:.2f}")
    return swap(source, "left.plot(epochs, vae_reconstruction,", "left.plot(epochs[-1:], vae_reconstruction,")


@mutant("b1", "loads weights from a file that was not handed in", revealed_by="training")
def vae_checkpoint_loaded(source: str) -> str:
    return swap(source, "vae = VAE()\n", 'vae = VAE()\nvae.load_state_dict(torch.load("vae_best.pt"))\n')


@mutant("b1", "moves the model to the GPU unconditionally", revealed_by="training")
def vae_on_cuda(source: str) -> str:
    return swap(source, "vae = VAE()\n", "vae = VAE().cuda()\n")


@mutant("b1", "saves no sample grids", revealed_by="form")
def vae_grids_not_saved(source: str) -> str:
    return swap(
        source,
        '    plt.imsave(f"grids/vae_epoch_{i:02d}.png", image_grid(epoch.samples, 10, 10).numpy(), cmap="gray")\n',
        "",
    )


@mutant("b1", "plots no KL curve", revealed_by="form")
def kl_curve_missing(source: str) -> str:
    source = swap(source, 'middle.plot(epochs, vae_kl, marker="o", color="tab:green", label="KL")\n', "")
    return swap(source, "middle.legend()\n", "")


@mutant("b1", "seeds with 42 in place of 1234", revealed_by="form")
def seed_wrong(source: str) -> str:
    return swap(source, "SEED = 1234", "SEED = 42")


@mutant("b1", "seeds neither NumPy nor PyTorch", revealed_by="form")
def seeds_missing(source: str) -> str:
    return swap(source, "np.random.seed(SEED)\ntorch.manual_seed(SEED)\n", "")


@mutant("b1", "writes no explanation before two code cells", revealed_by="form")
def explanations_missing(source: str) -> str:
    source = drop_cell(source, "# The negative ELBO of a batch: cross-entropy of the pixels")
    return drop_cell(source, "# The three curves, and the grid of samples")


# ------------------------------------------------------------------ b2: reconstruction and generation


@mutant("b2", "reconstructs training images", revealed_by="training")
def training_images_reconstructed(source: str) -> str:
    source = swap(
        source,
        "reconstructions = reconstruct(vae, validation_images[:5])",
        "reconstructions = reconstruct(vae, train_images[:5])",
    )
    return swap(source, "torch.stack([validation_images[:5]", "torch.stack([train_images[:5]")


@mutant("b2", "shows the images themselves as their reconstructions", revealed_by="training")
def images_as_reconstructions(source: str) -> str:
    return swap(
        source,
        "reconstructions = reconstruct(vae, validation_images[:5])",
        "reconstructions = validation_images[:5].flatten(1)",
    )


@mutant("b2", "reconstructs through an untrained VAE", revealed_by="training")
def untrained_reconstruction(source: str) -> str:
    return swap(
        source, "reconstruct(vae, validation_images[:5])", "reconstruct(VAE(), validation_images[:5])"
    )


@mutant("b2", "shows three images in place of five", revealed_by="training")
def three_reconstructions(source: str) -> str:
    source = swap(
        source,
        "reconstructions = reconstruct(vae, validation_images[:5])",
        "reconstructions = reconstruct(vae, validation_images[:3])",
    )
    source = swap(source, "torch.stack([validation_images[:5]", "torch.stack([validation_images[:3]")
    return swap(source, "image_grid(pairs, 2, 5)", "image_grid(pairs, 2, 3)")


@mutant("b2", "shows reconstructions as samples", revealed_by="training")
def reconstructions_as_samples(source: str) -> str:
    return swap(
        source,
        "vae_samples = generate(vae, torch.randn(10, vae.n_latent, generator=rng))",
        "vae_samples = reconstruct(vae, validation_images[:10])",
    )


@mutant("b2", "decodes the origin ten times", revealed_by="training")
def samples_all_alike(source: str) -> str:
    return swap(
        source,
        "generate(vae, torch.randn(10, vae.n_latent, generator=rng))",
        "generate(vae, torch.zeros(10, vae.n_latent))",
    )


@mutant("b2", "draws the latent variables uniformly from [0, 1]", revealed_by="training")
def latent_uniform(source: str) -> str:
    return swap(
        source,
        "generate(vae, torch.randn(10, vae.n_latent, generator=rng))",
        "generate(vae, torch.rand(10, vae.n_latent, generator=rng))",
    )


@mutant("b2", "draws four samples", revealed_by="training")
def four_samples(source: str) -> str:
    source = swap(source, "torch.randn(10, vae.n_latent", "torch.randn(4, vae.n_latent")
    return swap(source, "image_grid(vae_samples, 2, 5)", "image_grid(vae_samples, 2, 2)")


@mutant("b2", "shows no samples", revealed_by="form")
def samples_not_shown(source: str) -> str:
    source = swap(source, 'ax.imshow(image_grid(vae_samples, 2, 5).numpy(), cmap="gray")\n', "")
    source = swap(source, 'ax.set_title("Samples of the VAE")\nax.axis("off")\nplt.show()\n', "")
    return swap(
        source,
        "n_latent, generator=rng))\nfig, ax = plt.subplots(figsize=(8, 3.6))\n",
        "n_latent, generator=rng))\n",
    )


@mutant("b2", "writes no comment", "the comment is marked by a person, who is told that none was found")
def vae_comment_missing(source: str) -> str:
    return drop_cell(source, "# The reconstructions keep the digit and its slant")
