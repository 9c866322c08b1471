"""Typical mistakes in the lab of lecture 3: each mutant is the solution with one mistake in one item.

What is left open is no mistake and has no mutant: layers, optimizers, how many modes are covered, what goes wrong in G6.
"""

from __future__ import annotations

import textwrap

from reference.aml_a3.mutants import Evidence, Mutant, swap

MUTANTS: dict[str, Mutant] = {}

G_LAYERS = "nn.Linear(n_noise, n_hidden), nn.ReLU(),"
D_HEAD = (
    "            nn.Linear(n_hidden, 1),\n        )  # fmt: skip\n\n"
    '    def forward(self, x: Tensor) -> Tensor:\n        """Return logits'
)
D_FORWARD = '    def forward(self, x: Tensor) -> Tensor:\n        """Return logits'
C_HEAD = D_HEAD.replace("Return logits", "Return scores")
D_FAKE = (
    'and return that loss in nats."""\n'
    "    fake = G(torch.randn(len(real), n_noise)).detach()  # no gradient of this loss reaches G"
)
ON_FAKE = "torch.zeros_like(on_fake)"
G_FAKE = "on_fake = D(G(torch.randn(n, n_noise)))"
G_LOSS = "loss = F.binary_cross_entropy_with_logits(on_fake, torch.ones_like(on_fake))"
G_UPDATE = "    opt_G.zero_grad()\n    loss.backward()\n    opt_G.step()\n    return loss.item()"
C_LOSS = "loss = C(fake).mean() - C(real).mean()"
C_CLIP = "    with torch.no_grad():\n        for weights in C.parameters():\n            weights.clamp_(-clip, clip)\n"
NEAR = "near = torch.cdist(samples, ring_centres().to(samples)) <= WITHIN"
COVERED = "int((shares >= LEAST_SHARE).sum())"
STEPS = (
    "    losses_d.append(discriminator_step(G, D, opt_D, real))\n"
    "    losses_g.append(generator_step(G, D, opt_G, BATCH_SIZE))\n"
)
SCATTER = 'middle.scatter(*samples_gan.T, s=4, label="samples of the GAN")'


def _add(
    item: str,
    name: str,
    title: str,
    *edits: tuple[str, str],
    by: Evidence = "step",
    unrevealable: str | None = None,
) -> None:
    """Register the solution with some texts replaced."""

    def apply(source: str) -> str:
        for old, new in edits:
            source = swap(source, old, new)
        return source

    MUTANTS[name] = Mutant(name, item, title, apply, unrevealable, by)


# ------------------------------------------------------------------ g1: networks

_add(
    "g1",
    "sigmoid_before_logits_loss",
    "ends the discriminator in a sigmoid, and the loss applies another",
    (D_HEAD, D_HEAD.replace("nn.Linear(n_hidden, 1),", "nn.Linear(n_hidden, 1), nn.Sigmoid(),")),
    by="structure",
)
_add(
    "g1",
    "two_classes",
    "gives the discriminator two numbers for each point",
    (D_HEAD, D_HEAD.replace("nn.Linear(n_hidden, 1),", "nn.Linear(n_hidden, 2),")),
    by="structure",
)
_add(
    "g1",
    "layer_without_use",
    "makes a layer of the generator that is never used",
    (
        "    def forward(self, z: Tensor) -> Tensor:",
        "        self.more = nn.Linear(n_hidden, n_hidden)\n\n    def forward(self, z: Tensor) -> Tensor:",
    ),
    by="structure",
)
_add(
    "g1",
    "layer_in_a_list",
    "keeps a layer of the discriminator in a list, where no optimizer finds it",
    (D_FORWARD, f"        self.more = [nn.Linear(n_hidden, n_hidden)]\n\n{D_FORWARD}"),
    (
        "logits: Tensor = self.layers(x)",
        "logits: Tensor = self.layers[2:](self.more[0](self.layers[:2](x)))",
    ),
    by="structure",
)
_add(
    "g1",
    "tanh_at_the_end",
    "ends the generator in a tanh, as for images",
    ("nn.Linear(n_hidden, 2),", "nn.Linear(n_hidden, 2), nn.Tanh(),"),
    by="structure",
)

# ------------------------------------------------------------------ g2: steps

_add(
    "g2",
    "labels_exchanged",
    "teaches the discriminator that fakes are real",
    (
        "loss = F.binary_cross_entropy_with_logits(on_real, torch.ones_like(on_real))",
        "loss = F.binary_cross_entropy_with_logits(on_real, torch.zeros_like(on_real))",
    ),
    (ON_FAKE, "torch.ones_like(on_fake)"),
)
_add(
    "g2",
    "only_real",
    "shows the discriminator real points alone",
    (f"    loss = loss + F.binary_cross_entropy_with_logits(on_fake, {ON_FAKE})\n", ""),
)
_add(
    "g2",
    "only_fakes",
    "shows the discriminator fakes alone",
    (f"loss = loss + F.binary_cross_entropy_with_logits(on_fake, {ON_FAKE})",
     f"loss = F.binary_cross_entropy_with_logits(on_fake, {ON_FAKE})"),
)  # fmt: skip
_add(
    "g2",
    "fakes_weigh_ten_times",
    "weighs fakes ten times as much as real points",
    ("loss = loss + F.binary", "loss = loss + 10 * F.binary"),
)
_add(
    "g2",
    "saturating",
    "trains the generator by the saturating loss",
    (f"    {G_LOSS}\n    opt_G", "    loss = -F.softplus(on_fake).mean()\n    opt_G"),
)
_add(
    "g2",
    "generator_wants_to_be_found",
    "gives the generator's loss the target of fakes",
    (f"    {G_LOSS}\n    opt_G", f"    {G_LOSS.replace('ones', 'zeros')}\n    opt_G"),
)
_add(
    "g2",
    "generator_detached",
    "detaches the fakes in the generator's step",
    (G_FAKE, f"{G_FAKE[:-1]}.detach())"),
)
_add(
    "g2",
    "not_detached_not_cleared",
    "lets the discriminator's loss reach the generator and never clears its gradients",
    (D_FAKE, D_FAKE.replace(".detach()  # no gradient of this loss reaches G", "")),
    (G_UPDATE, G_UPDATE.replace("    opt_G.zero_grad()\n", "")),
)
_add(
    "g2",
    "not_detached_cleared_late",
    "lets the discriminator's loss reach the generator, which clears its gradients after its own step",
    (D_FAKE, D_FAKE.replace(".detach()  # no gradient of this loss reaches G", "")),
    (G_UPDATE, "    loss.backward()\n    opt_G.step()\n    opt_G.zero_grad()\n    return loss.item()"),
)
_add(
    "g2",
    "generator_not_cleared",
    "never clears the generator's gradients",
    (G_UPDATE, G_UPDATE.replace("    opt_G.zero_grad()\n", "")),
)
_add(
    "g2",
    "discriminator_not_cleared",
    "never clears the discriminator's gradients",
    ("    opt_D.zero_grad()\n", ""),
)
_add(
    "g2",
    "generator_step_moves_both",
    "moves the discriminator by the generator's loss, too",
    (G_UPDATE, G_UPDATE.replace("    opt_G.step()\n", "    opt_G.step()\n    opt_D.step()\n")),
)
_add(
    "g2",
    "discriminator_step_moves_both",
    "moves the generator by the discriminator's loss, too",
    (D_FAKE, D_FAKE.replace(".detach()  # no gradient of this loss reaches G", "")),
    ("    opt_D.step()\n    return", "    opt_D.step()\n    opt_G.step()\n    return"),
)
_add(
    "g2",
    "wasserstein_without_clipping",
    "takes the means of the discriminator for its loss",
    (
        "    loss = F.binary_cross_entropy_with_logits(on_real, torch.ones_like(on_real))\n"
        f"    loss = loss + F.binary_cross_entropy_with_logits(on_fake, {ON_FAKE})\n",
        "    loss = on_fake.mean() - on_real.mean()\n",
    ),
)

# ------------------------------------------------------------------ g3: counting

_add("g3", "any_sample_covers", "counts a mode with a single sample", (COVERED, "int((shares > 0).sum())"))
_add(
    "g3",
    "radius_squared",
    "compares squared distances",
    (NEAR, NEAR.replace(") <= WITHIN", ") ** 2 <= WITHIN")),
)
_add("g3", "counts_samples", "counts samples in place of modes", (COVERED, "int(near.any(dim=1).sum())"))
_add(
    "g3",
    "nearest_centre",
    "gives every sample to its nearest mode, however far it is",
    (
        f"{NEAR}  # (n, N_MODES)",
        "near = F.one_hot(torch.cdist(samples, ring_centres().to(samples)).argmin(dim=1), N_MODES)",
    ),
)
_add("g3", "modes_lost", "counts the modes that are lost", (COVERED, "int((shares < LEAST_SHARE).sum())"))

# ------------------------------------------------------------------ g4: training

_add(
    "g4",
    "losses_not_drawn",
    "draws no losses",
    ('left.plot(losses_d, label="discriminator")\nleft.plot(losses_g, label="generator")\n', ""),
    by="form",
)
_add("g4", "one_loss_drawn", "draws one loss", ('left.plot(losses_g, label="generator")\n', ""), by="form")
_add("g4", "samples_not_drawn", "draws the data alone", (f"{SCATTER}\n", ""), by="form")
_add(
    "g4",
    "modes_not_followed",
    "draws no number of modes over the training",
    ('right.plot(range(EVERY, GAN_STEPS + 1, EVERY), modes_gan, marker=".")\n', ""),
    by="form",
)
_add(
    "g4",
    "worst_count_reported",
    "reports the lowest count of the training",
    ("n_covered = modes_covered(samples_gan)", "n_covered = min(modes_gan)"),
    by="training",
)
_add(
    "g4",
    "optimizer_of_both",
    "gives the generator's optimizer the weights of both networks",
    (
        "opt_G = torch.optim.Adam(G.parameters(),",
        "opt_G = torch.optim.Adam([*G.parameters(), *D.parameters()],",
    ),
    by="training",
)
_add(
    "g4",
    "hardly_trained",
    "trains for a few steps",
    (STEPS, f"    if step <= 20:\n{textwrap.indent(STEPS, '    ')}"),
    by="training",
)

# ------------------------------------------------------------------ g5: WGAN

_add(
    "g5",
    "critic_with_sigmoid",
    "ends the critic in a sigmoid",
    (C_HEAD, C_HEAD.replace("nn.Linear(n_hidden, 1),", "nn.Linear(n_hidden, 1), nn.Sigmoid(),")),
    by="structure",
)
_add(
    "g5", "critic_sign", "moves the critic the wrong way", (C_LOSS, "loss = C(real).mean() - C(fake).mean()")
)
_add("g5", "generator_sign", "moves the generator the wrong way", ("loss = -C(G(", "loss = C(G("))
_add("g5", "critic_sum", "adds the means of the critic", (C_LOSS, "loss = C(fake).mean() + C(real).mean()"))
_add(
    "g5",
    "critic_cross_entropy",
    "trains the critic by the cross-entropy",
    (
        C_LOSS,
        "loss = F.softplus(-C(real)).mean() + F.softplus(C(fake)).mean()",
    ),
)
_add("g5", "not_clipped", "does not clip the critic", (C_CLIP, ""), by="training")
_add(
    "g5",
    "gradients_clipped",
    "clips the gradients in place of the weights",
    (C_CLIP, ""),
    ("    opt_C.step()\n", "    torch.nn.utils.clip_grad_value_(C.parameters(), clip)\n    opt_C.step()\n"),
    by="training",
)
_add(
    "g5",
    "clipped_before_step",
    "clips the weights before the update in place of after it",
    (C_CLIP, ""),
    ("    opt_C.step()\n", f"{C_CLIP}    opt_C.step()\n"),
    by="training",
    unrevealable="the weights leave the limits by one update, and are back before the next",
)
_add("g5", "one_critic_step", "makes one step of the critic", ("range(N_CRITIC)", "range(1)"), by="training")
_add(
    "g5",
    "generator_more_often",
    "makes five steps of the generator for one of the critic",
    ("range(N_CRITIC)", "range(1)"),
    ("    critic_generator_step(G_w, C, opt_G_w, BATCH_SIZE)\n",
     "    for _ in range(N_CRITIC):\n        critic_generator_step(G_w, C, opt_G_w, BATCH_SIZE)\n"),
    by="training",
)  # fmt: skip

# ------------------------------------------------------------------ g6: a training that goes wrong

_add(
    "g6",
    "other_run_not_made",
    "draws invented numbers in place of another training",
    (
        "    discriminator_step(G_2, D_2, opt_D_2, real)\n    generator_step(G_2, D_2, opt_G_2, BATCH_SIZE)\n",
        "",
    ),
    by="training",
)
_add(
    "g6",
    "other_not_drawn",
    "draws nothing of the other training",
    (
        'ax.plot(range(EVERY, OTHER_STEPS + 1, EVERY), modes_other, marker=".")\n',
        "",
    ),
    by="form",
)
