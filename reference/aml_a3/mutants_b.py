"""Typical mistakes in part b: each mutant is the solution with one mistake in one item.

The cells without an item (set-up, budget and data) may be changed by mutants of any item. What the sheet leaves open
is no mistake and has no mutant: covariances with ddof 0 or 1, features before or after their ReLU, reconstructions
from the mean or from a draw, the discriminator's loss halved.
"""

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


# ------------------------------------------------------------------ b3: GAN, structure


@mutant("b3", "leaves out the Tanh", revealed_by="structure")
def tanh_missing(source: str) -> str:
    return swap(source, "nn.Linear(wide, n_pixels), nn.Tanh(),", "nn.Linear(wide, n_pixels),")


@mutant("b3", "ends the generator in a Sigmoid", revealed_by="structure")
def sigmoid_for_tanh(source: str) -> str:
    return swap(source, "nn.Tanh(),", "nn.Sigmoid(),")


@mutant("b3", "uses LeakyReLU with torch's slope of 0.01 in the generator", revealed_by="structure")
def generator_slope_wrong(source: str) -> str:
    source = swap(
        source, "nn.Linear(n_noise, narrow), nn.LeakyReLU(0.2)", "nn.Linear(n_noise, narrow), nn.LeakyReLU()"
    )
    return swap(
        source,
        "nn.Linear(narrow, wide), nn.LeakyReLU(0.2)",
        "nn.Linear(narrow, wide), nn.LeakyReLU()",
    )


@mutant("b3", "uses ReLU in the generator", revealed_by="structure")
def generator_relu(source: str) -> str:
    source = swap(
        source, "nn.Linear(n_noise, narrow), nn.LeakyReLU(0.2)", "nn.Linear(n_noise, narrow), nn.ReLU()"
    )
    return swap(source, "nn.Linear(narrow, wide), nn.LeakyReLU(0.2)", "nn.Linear(narrow, wide), nn.ReLU()")


@mutant("b3", "draws noise of 100 dimensions", revealed_by="structure")
def noise_size_wrong(source: str) -> str:
    return swap(source, "n_noise: int = 64", "n_noise: int = 100")


@mutant("b3", "leaves out the dropout", revealed_by="structure")
def dropout_missing(source: str) -> str:
    return swap(
        source,
        "n_hidden: tuple[int, int] = (512, 256), dropout: float = 0.3",
        "n_hidden: tuple[int, int] = (512, 256), dropout: float = 0.0",
    )


@mutant("b3", "drops half of the discriminator's units", revealed_by="structure")
def dropout_half(source: str) -> str:
    return swap(source, "dropout: float = 0.3", "dropout: float = 0.5")


@mutant("b3", "puts dropout after the first hidden layer only", revealed_by="structure")
def dropout_once(source: str) -> str:
    return swap(
        source,
        "nn.Linear(wide, narrow), nn.LeakyReLU(0.2), nn.Dropout(dropout),",
        "nn.Linear(wide, narrow), nn.LeakyReLU(0.2),",
    )


@mutant("b3", "uses LeakyReLU with torch's slope of 0.01 in the discriminator", revealed_by="structure")
def discriminator_slope_wrong(source: str) -> str:
    source = swap(
        source, "nn.Linear(n_pixels, wide), nn.LeakyReLU(0.2)", "nn.Linear(n_pixels, wide), nn.LeakyReLU()"
    )
    return swap(
        source,
        "nn.Linear(wide, narrow), nn.LeakyReLU(0.2)",
        "nn.Linear(wide, narrow), nn.LeakyReLU()",
    )


@mutant("b3", "ends the discriminator in a Sigmoid and applies the loss for logits", revealed_by="structure")
def discriminator_sigmoid(source: str) -> str:
    return swap(
        source, "            nn.Linear(narrow, 1),\n", "            nn.Linear(narrow, 1), nn.Sigmoid(),\n"
    )


@mutant("b3", "has hidden layers of 256 and 128 units in the discriminator", revealed_by="structure")
def discriminator_hidden_sizes_wrong(source: str) -> str:
    return swap(source, "= (512, 256), dropout", "= (256, 128), dropout")


# ------------------------------------------------------------------ b3: GAN, step


@mutant("b3", "does not smooth the labels", revealed_by="step")
def smoothing_missing(source: str) -> str:
    return swap(source, "REAL_TARGET = 0.9", "REAL_TARGET = 1.0")


@mutant("b3", "smooths the labels of the fakes instead", revealed_by="step")
def smoothing_on_fakes(source: str) -> str:
    source = swap(source, "REAL_TARGET = 0.9", "REAL_TARGET = 1.0")
    return swap(source, "FAKE_TARGET = 0.0", "FAKE_TARGET = 0.1")


@mutant("b3", "smooths the labels of real images and of fakes", revealed_by="step")
def smoothing_on_both(source: str) -> str:
    return swap(source, "FAKE_TARGET = 0.0", "FAKE_TARGET = 0.1")


@mutant("b3", "exchanges the labels of real images and fakes", revealed_by="step")
def labels_exchanged(source: str) -> str:
    return swap(
        source,
        "binary_loss(real_logits, REAL_TARGET) + binary_loss(fake_logits, FAKE_TARGET)",
        "binary_loss(real_logits, FAKE_TARGET) + binary_loss(fake_logits, REAL_TARGET)",
    )


@mutant("b3", "minimises log(1 - D(G(z))), the saturating loss", revealed_by="step")
def minimax_loss(source: str) -> str:
    return swap(source, "return binary_loss(fake_logits, 1.0)", "return -binary_loss(fake_logits, 0.0)")


@mutant("b3", "trains the generator towards the label of fakes", revealed_by="step")
def generator_target_zero(source: str) -> str:
    return swap(source, "return binary_loss(fake_logits, 1.0)", "return binary_loss(fake_logits, 0.0)")


@mutant("b3", "uses the squared error in place of the cross-entropy", revealed_by="step")
def gan_mse(source: str) -> str:
    return swap(
        source,
        "return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))",
        "return F.mse_loss(logits, torch.full_like(logits, target))",
    )


@mutant("b3", "shows the discriminator no fakes", revealed_by="step")
def discriminator_without_fakes(source: str) -> str:
    return swap(
        source,
        "return binary_loss(real_logits, REAL_TARGET) + binary_loss(fake_logits, FAKE_TARGET)",
        "return binary_loss(real_logits, REAL_TARGET)",
    )


@mutant("b3", "does not detach the fakes, so that the generator steps along both losses", revealed_by="step")
def fakes_not_detached(source: str) -> str:
    source = swap(
        source,
        "    opt_D.zero_grad()\n    loss_d = discriminator_loss(D(real), D(fake.detach()))",
        "    opt_G.zero_grad()\n    opt_D.zero_grad()\n    loss_d = discriminator_loss(D(real), D(fake))",
    )
    source = swap(source, "    loss_d.backward()\n", "    loss_d.backward(retain_graph=True)\n")
    return swap(source, "    opt_G.zero_grad()\n    with frozen(D):", "    with frozen(D):")


@mutant("b3", "lets the generator's loss add to the discriminator's gradients", revealed_by="step")
def discriminator_gradients_kept(source: str) -> str:
    source = swap(source, "    opt_D.zero_grad()\n    loss_d", "    loss_d")
    source = swap(source, "    with frozen(D):  # this loss is no concern of D's parameters\n", "")
    source = swap(source, "        loss_g = generator_loss", "    loss_g = generator_loss")
    return swap(source, "        loss_g.backward()\n", "    loss_g.backward()\n")


@mutant("b3", "never clears the generator's gradients", revealed_by="step")
def generator_gradients_kept(source: str) -> str:
    return swap(source, "    opt_G.zero_grad()\n    with frozen(D):", "    with frozen(D):")


@mutant("b3", "never steps the generator", revealed_by="step")
def generator_step_missing(source: str) -> str:
    return swap(source, "    opt_G.step()\n", "")


@mutant("b3", "updates the discriminator twice per batch", revealed_by="step")
def discriminator_twice(source: str) -> str:
    return swap(source, "    opt_D.step()\n", "    opt_D.step()\n    opt_D.step()\n")


@mutant("b3", "trains with the discriminator in evaluation mode", revealed_by="step")
def discriminator_in_eval(source: str) -> str:
    return swap(source, "    D.train()\n    noise", "    D.eval()\n    noise")


@mutant("b3", "draws uniform noise", revealed_by="step")
def gan_noise_uniform(source: str) -> str:
    return swap(source, "noise = torch.randn(len(real)", "noise = torch.rand(len(real)")


# ------------------------------------------------------------------ b3: GAN, training and form


@mutant("b3", "gives the generator's optimizer the discriminator's parameters", revealed_by="training")
def generator_optimizer_over_discriminator(source: str) -> str:
    return swap(
        source,
        "torch.optim.Adam(generator.parameters(), lr=2e-4",
        "torch.optim.Adam(discriminator.parameters(), lr=2e-4",
    )


@mutant("b3", "gives the discriminator's optimizer the parameters of both networks", revealed_by="training")
def optimizer_over_both(source: str) -> str:
    return swap(
        source,
        "torch.optim.Adam(discriminator.parameters(), lr=2e-4",
        "torch.optim.Adam([*generator.parameters(), *discriminator.parameters()], lr=2e-4",
    )


@mutant("b3", "trains the generator with learning rate 1e-3", revealed_by="training")
def gan_learning_rate_wrong(source: str) -> str:
    return swap(
        source,
        "torch.optim.Adam(generator.parameters(), lr=2e-4",
        "torch.optim.Adam(generator.parameters(), lr=1e-3",
    )


@mutant("b3", "leaves Adam's betas at their defaults", revealed_by="training")
def gan_betas_default(source: str) -> str:
    source = swap(
        source,
        "Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999), weight_decay=0.0)",
        "Adam(generator.parameters(), lr=2e-4)",
    )
    return swap(
        source,
        "Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999), weight_decay=0.0)",
        "Adam(discriminator.parameters(), lr=2e-4)",
    )


@mutant("b3", "feeds the discriminator images in [0, 1]", revealed_by="training")
def gan_images_unsigned(source: str) -> str:
    return swap(source, "opt_D, to_signed(train_images), all_noise", "opt_D, train_images, all_noise")


@mutant("b3", "uses batches of 256", revealed_by="training")
def gan_batch_size_wrong(source: str) -> str:
    return swap(source, "all_noise, EPOCHS, BATCH_SIZE, rng", "all_noise, EPOCHS, 256, rng")


@mutant("b3", "types in the losses of another run", revealed_by="training")
def gan_losses_typed(source: str) -> str:
    return swap(
        source,
        "losses_D = [float(epoch.losses.discriminator) for epoch in gan_history]",
        "losses_D = [0.872, 0.934, 0.951, 0.998, 1.034, 1.071, 1.098, 1.117, 1.131, 1.142][:EPOCHS]",
    )


@mutant("b3", "exchanges the two loss curves", revealed_by="training")
def gan_losses_exchanged(source: str) -> str:
    source = swap(
        source,
        "losses_D = [float(epoch.losses.discriminator)",
        "losses_D = [float(epoch.losses.generator)",
    )
    return swap(
        source,
        "losses_G = [float(epoch.losses.generator)",
        "losses_G = [float(epoch.losses.discriminator)",
    )


@mutant("b3", "plots the loss of the discriminator only", revealed_by="form")
def gan_curve_missing(source: str) -> str:
    return swap(source, 'ax.plot(np.arange(1, EPOCHS + 1), losses_G, marker="o", label="$L_G$")\n', "")


# ------------------------------------------------------------------ b4: GAN, generation


@mutant("b4", "draws new noise for every grid, after the training", revealed_by="training")
def noise_not_fixed(source: str) -> str:
    return swap(
        source,
        "epoch: to_unit(gan_history[epoch - 1].samples[:64])",
        "epoch: to_unit(generate_images(G, torch.randn(64, G.n_noise, generator=rng)))",
    )


@mutant("b4", "shows the last epoch for all three", revealed_by="training")
def last_grid_three_times(source: str) -> str:
    return swap(
        source, "to_unit(gan_history[epoch - 1].samples[:64])", "to_unit(gan_history[-1].samples[:64])"
    )


@mutant("b4", "shows the epochs 1, 2 and 3", revealed_by="training")
def grid_epochs_wrong(source: str) -> str:
    return swap(source, "for epoch in (1, 5, 10) if epoch", "for epoch in (1, 2, 3) if epoch")


@mutant("b4", "shows real images in place of generated ones", revealed_by="training")
def real_images_shown(source: str) -> str:
    return swap(source, "to_unit(gan_history[epoch - 1].samples[:64])", "train_images[:64].flatten(1)")


@mutant("b4", "shows 25 images", revealed_by="training")
def grid_too_small(source: str) -> str:
    source = swap(source, "gan_history[epoch - 1].samples[:64])", "gan_history[epoch - 1].samples[:25])")
    source = swap(source, "ax.imshow(image_grid(pictures, 8, 8)", "ax.imshow(image_grid(pictures, 5, 5)")
    return swap(source, ':02d}.png", image_grid(pictures, 8, 8)', ':02d}.png", image_grid(pictures, 5, 5)')


@mutant("b4", "saves the grids and shows none", "the sheet asks to save the grids")
def gan_grids_not_shown(source: str) -> str:
    source = swap(
        source,
        "fig, axes = plt.subplots(1, len(gan_grids), figsize=(5 * len(gan_grids), 5), squeeze=False)\n"
        "for ax, (n_epochs, pictures) in zip(axes[0], gan_grids.items(), strict=True):\n",
        "for n_epochs, pictures in gan_grids.items():\n",
    )
    source = swap(source, '    ax.imshow(image_grid(pictures, 8, 8).numpy(), cmap="gray")\n', "")
    source = swap(source, '    ax.set_title(f"GAN after epoch {n_epochs}")\n    ax.axis("off")\n', "")
    return swap(
        source,
        'image_grid(pictures, 8, 8).numpy(), cmap="gray")\nplt.show()\n',
        'image_grid(pictures, 8, 8).numpy(), cmap="gray")\n',
    )


@mutant("b4", "writes no comment", "the comment is marked by a person, who is told that none was found")
def gan_comment_missing(source: str) -> str:
    return drop_cell(source, "# After one epoch there are blobs in the middle")


@mutant("b4", "claims that the images get worse", "the comment is marked by a person")
def gan_comment_wrong(source: str) -> str:
    return swap(source, "after ten they are sharper still,", "after ten they are worse again,")


# ------------------------------------------------------------------ b5: classifier


@mutant(
    "b5",
    "ends the classifier in a softmax and trains it with the cross-entropy of logits",
    revealed_by="structure",
)
def softmax_twice(source: str) -> str:
    return swap(
        source,
        "logits: Tensor = self.head(self.features(x))",
        "logits: Tensor = torch.softmax(self.head(self.features(x)), dim=1)",
    )


@mutant("b5", "leaves out the ReLU of the second convolution", revealed_by="structure")
def convolution_relu_missing(source: str) -> str:
    return swap(
        source,
        "nn.Conv2d(32, 64, kernel_size=3, stride=1, padding=1), nn.ReLU(),",
        "nn.Conv2d(32, 64, kernel_size=3, stride=1, padding=1),",
    )


@mutant("b5", "uses kernels of 5 x 5", revealed_by="structure")
def kernel_size_wrong(source: str) -> str:
    return swap(
        source,
        "nn.Conv2d(1, 32, kernel_size=3, stride=1, padding=1)",
        "nn.Conv2d(1, 32, kernel_size=5, stride=1, padding=2)",
    )


@mutant("b5", "has 16 and 32 channels", revealed_by="structure")
def channels_halved(source: str) -> str:
    source = swap(source, "nn.Conv2d(1, 32, kernel", "nn.Conv2d(1, 16, kernel")
    source = swap(source, "nn.Conv2d(32, 64, kernel", "nn.Conv2d(16, 32, kernel")
    return swap(source, "nn.Linear(7 * 7 * 64, n_features)", "nn.Linear(7 * 7 * 32, n_features)")


@mutant("b5", "pools by the average", revealed_by="structure")
def average_pooling(source: str) -> str:
    return swap(
        source,
        "nn.Conv2d(1, 32, kernel_size=3, stride=1, padding=1), nn.ReLU(), nn.MaxPool2d(2),",
        "nn.Conv2d(1, 32, kernel_size=3, stride=1, padding=1), nn.ReLU(), nn.AvgPool2d(2),",
    )


@mutant("b5", "has 64 features", revealed_by="structure")
def feature_size_wrong(source: str) -> str:
    return swap(source, "n_features: int = 128", "n_features: int = 64")


@mutant("b5", "takes the ten logits for features", revealed_by="structure")
def logits_as_features(source: str) -> str:
    return swap(source, "torch.cat([model.features(batch) for", "torch.cat([model(batch) for")


@mutant("b5", "trains the classifier with learning rate 0.1", revealed_by="training")
def classifier_learning_rate_wrong(source: str) -> str:
    return swap(
        source,
        "optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)",
        "optimizer = torch.optim.Adam(model.parameters(), lr=1e-1)",
    )


@mutant("b5", "trains the classifier by SGD", revealed_by="training")
def classifier_sgd(source: str) -> str:
    return swap(
        source,
        "optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)",
        "optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)",
    )


@mutant("b5", "trains the classifier on the test images", revealed_by="training")
def classifier_trained_on_test(source: str) -> str:
    return swap(
        source,
        "classifier, images[:N_CLASSIFIER], labels[:N_CLASSIFIER], CLASSIFIER",
        "classifier, test_images, test_labels, CLASSIFIER",
    )


@mutant("b5", "makes the test set without train=False", revealed_by="training")
def test_set_is_training_set(source: str) -> str:
    return swap(source, 'MNIST("data", train=False, download=True)', 'MNIST("data", download=True)')


@mutant("b5", "does not train the classifier", revealed_by="training")
def classifier_untrained(source: str) -> str:
    return swap(source, "labels[:N_CLASSIFIER], CLASSIFIER_EPOCHS, BATCH", "labels[:N_CLASSIFIER], 0, BATCH")


@mutant(
    "b5",
    "does not freeze the classifier",
    "a classifier that is not trained again is as good as frozen",
)
def classifier_not_frozen(source: str) -> str:
    return swap(
        source, "    model.requires_grad_(False)\n    model.eval()\n    return history", "    return history"
    )


# ------------------------------------------------------------------ b5: scores


@mutant("b5", "forgets the exponential of the Inception Score", revealed_by="loss")
def is_without_exp(source: str) -> str:
    return swap(source, "[np.exp(mutual_information(split)) for", "[mutual_information(split) for")


@mutant("b5", "reverses the KL divergence of the Inception Score", revealed_by="loss")
def is_kl_reversed(source: str) -> str:
    return swap(source, "np.sum(p * (np.log(p) - np.log(q)))", "np.sum(q * (np.log(q) - np.log(p)))")


@mutant("b5", "sums the KL divergence in place of averaging it", revealed_by="loss")
def is_kl_summed(source: str) -> str:
    return swap(source, "np.log(q))) / len(probs))", "np.log(q))))")


@mutant("b5", "averages the KL divergence over the classes too", revealed_by="loss")
def is_kl_mean_over_classes(source: str) -> str:
    return swap(source, "np.log(q))) / len(probs))", "np.log(q))) / probs.size)")


@mutant("b5", "takes p(y) to be uniform", revealed_by="loss")
def is_marginal_uniform(source: str) -> str:
    return swap(
        source,
        "np.broadcast_to(probs.mean(axis=0), probs.shape)",
        "np.full(probs.shape, 1.0 / probs.shape[1])",
    )


@mutant("b5", "averages p(y | x) over the wrong axis", revealed_by="loss")
def is_marginal_over_classes(source: str) -> str:
    return swap(
        source, "np.broadcast_to(probs.mean(axis=0), ", "np.broadcast_to(probs.mean(axis=1, keepdims=True), "
    )


@mutant("b5", "takes p(y) over all images in place of the split", revealed_by="loss")
def is_marginal_over_all(source: str) -> str:
    source = swap(
        source,
        "def mutual_information(probs: Array) -> float:",
        "def mutual_information(probs: Array, everything: Array) -> float:",
    )
    source = swap(source, "np.broadcast_to(probs.mean(axis=0), ", "np.broadcast_to(everything.mean(axis=0), ")
    return swap(source, "mutual_information(split)) for", "mutual_information(split, probs)) for")


@mutant("b5", "computes the Inception Score of one split", revealed_by="training")
def is_one_split(source: str) -> str:
    return swap(
        source,
        "class_probabilities(classifier, generated), 10)",
        "class_probabilities(classifier, generated), 1)",
    )


@mutant("b5", "reports the variance over the splits", revealed_by="loss")
def is_variance(source: str) -> str:
    return swap(
        source,
        "float(np.mean(scores)), float(np.std(scores))",
        "float(np.mean(scores)), float(np.var(scores))",
    )


@mutant("b5", "computes the Inception Score from logits", revealed_by="training")
def is_of_logits(source: str) -> str:
    source = swap(
        source,
        "probabilities: Array = torch.softmax(logits.double(), dim=-1).numpy()",
        "probabilities: Array = logits.double().numpy()",
    )
    source = swap(
        source,
        "if probs.ndim != 2 or np.any(probs < 0.0) or not np.allclose(probs.sum(axis=1), 1.0, atol=1e-4):",
        "if probs.ndim != 2:",
    )
    return swap(
        source, "scores = [np.exp(mutual", "probs = np.clip(probs, 1e-8, None)\n    scores = [np.exp(mutual"
    )


@mutant("b5", "leaves the square root out of the Fréchet distance", revealed_by="loss")
def fid_without_root(source: str) -> str:
    return swap(
        source,
        "trace_of_root = np.sum(np.linalg.svd(product, compute_uv=False))",
        "trace_of_root = np.trace(cov_a @ cov_b)",
    )


@mutant("b5", "takes the root of the covariances entry by entry", revealed_by="loss")
def fid_root_by_entry(source: str) -> str:
    return swap(
        source,
        "trace_of_root = np.sum(np.linalg.svd(product, compute_uv=False))",
        "trace_of_root = np.trace(np.sqrt(np.abs(cov_a * cov_b)))",
    )


@mutant("b5", "forgets the factor 2 of the Fréchet distance", revealed_by="loss")
def fid_without_two(source: str) -> str:
    return swap(source, "- 2.0 * trace_of_root", "- trace_of_root")


@mutant("b5", "leaves the covariances out of the Fréchet distance", revealed_by="loss")
def fid_means_only(source: str) -> str:
    return swap(source, " + np.trace(cov_a) + np.trace(cov_b) - 2.0 * trace_of_root", "")


@mutant("b5", "takes absolute differences of the means in place of squares", revealed_by="loss")
def fid_absolute_means(source: str) -> str:
    return swap(
        source, "distance = np.sum((mean_a - mean_b) ** 2)", "distance = np.sum(np.abs(mean_a - mean_b))"
    )


@mutant("b5", "does not square the distance of the means", revealed_by="loss")
def fid_means_not_squared(source: str) -> str:
    return swap(
        source,
        "distance = np.sum((mean_a - mean_b) ** 2)",
        "distance = np.sqrt(np.sum((mean_a - mean_b) ** 2))",
    )


@mutant("b5", "reports the root of the Fréchet distance", revealed_by="loss")
def fid_rooted(source: str) -> str:
    return swap(
        source,
        "return frechet_distance(features_a, features_b)",
        "return float(np.sqrt(frechet_distance(features_a, features_b)))",
    )


@mutant("b5", "takes training images for real ones", revealed_by="training")
def fid_against_training(source: str) -> str:
    return swap(
        source,
        "image_features(classifier, test_images[:1_000])",
        "image_features(classifier, images[:1_000])",
    )


@mutant("b5", "compares with 100 real images", revealed_by="training")
def fid_real_too_few(source: str) -> str:
    return swap(source, "test_images[:1_000])", "test_images[:100])")


@mutant("b5", "scores GAN images in [-1, 1]", revealed_by="training")
def gan_images_not_rescaled(source: str) -> str:
    return swap(source, "gan_generated = to_unit(generate_images(G, ", "gan_generated = (generate_images(G, ")


@mutant("b5", "scores 50 images of each model", revealed_by="training")
def too_few_generated(source: str) -> str:
    source = swap(
        source,
        "vae_generated = generate(vae, torch.randn(100,",
        "vae_generated = generate(vae, torch.randn(50,",
    )
    return swap(source, "generate_images(G, torch.randn(100,", "generate_images(G, torch.randn(50,")


@mutant("b5", "scores reconstructions in place of samples of the VAE", revealed_by="training")
def reconstructions_scored(source: str) -> str:
    return swap(
        source,
        "vae_generated = generate(vae, torch.randn(100, vae.n_latent, generator=rng))",
        "vae_generated = reconstruct(vae, validation_images[:100])",
    )


@mutant("b5", "exchanges the rows of the table", revealed_by="training")
def scores_exchanged(source: str) -> str:
    return swap(
        source,
        '(("VAE", vae_generated), ("GAN", gan_generated))',
        '(("GAN", vae_generated), ("VAE", gan_generated))',
    )


@mutant("b5", "types in scores", revealed_by="training")
def scores_typed(source: str) -> str:
    return swap(
        source,
        'scores[name] = {"is_mean": is_mean, "is_std": is_std, "fid": distance}\n',
        'scores[name] = {"is_mean": is_mean, "is_std": is_std, "fid": distance}\n'
        'scores = {\n    "VAE": {"is_mean": 5.21, "is_std": 0.61, "fid": 251.3},\n'
        '    "GAN": {"is_mean": 5.87, "is_std": 0.52, "fid": 192.7},\n}\n',
    )


@mutant("b5", "shows no table", revealed_by="form")
def table_missing(source: str) -> str:
    source = swap(source, "table = pd.DataFrame(scores).T\n", "")
    source = swap(
        source,
        'table.columns = pd.Index(["IS, mean (higher is better)", "IS, std", "FID (lower is better)"])\n',
        "",
    )
    return swap(source, "print(table.round(3).to_string())\ntable\n", "")
