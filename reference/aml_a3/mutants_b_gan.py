"""Typical mistakes with the GAN: tasks 3 and 4 of part b."""

from __future__ import annotations

from functools import partial

from reference.aml_a3.mutants import Mutant, drop_cell, swap
from reference.aml_a3.mutants import mutant as register

MUTANTS: dict[str, Mutant] = {}

mutant = partial(register, registry=MUTANTS)

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
