"""Training steps of notebooks on small networks of ours: styles that are right, and mistakes with their sentences."""

# ruff: noqa: E501  # students' code in lines as they write it

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from neural_specs import GAN, LANGUAGE, finding

from autograder.records import Status
from autograder.stats.updates import combination, language_gradients, wave

STEP = """
def gan_step(G, D, opt_G, opt_D, real):
    n = real.size(0)
    z = torch.randn(n, 64)
    fake = G(z)
    opt_D.zero_grad()
    loss_d = F.binary_cross_entropy_with_logits(D(real), torch.full((n, 1), 0.9)) + F.binary_cross_entropy_with_logits(D(fake.detach()), torch.zeros(n, 1))
    loss_d.backward()
    opt_D.step()
    opt_G.zero_grad()
    loss_g = F.binary_cross_entropy_with_logits(D(fake), torch.ones(n, 1))
    loss_g.backward()
    opt_G.step()
    return loss_d.item(), loss_g.item()
"""
RIGHT_STEPS = {
    "one function": STEP,
    "globals, a criterion and new noise": """
z_dim = 64
G, D = nn.Linear(64, 784), nn.Linear(784, 1)
g_optimizer, d_optimizer = torch.optim.Adam(G.parameters()), torch.optim.Adam(D.parameters())
criterion = nn.BCEWithLogitsLoss()
def train_step(images):
    images = images.view(-1, 784)
    real_labels, fake_labels = torch.full((images.size(0), 1), 0.9), torch.zeros(images.size(0), 1)
    D.train(); G.train()
    d_loss = criterion(D(images), real_labels) + criterion(D(G(torch.randn(images.size(0), z_dim)).detach()), fake_labels)
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    g_loss = criterion(D(G(torch.randn(images.size(0), z_dim))), torch.ones_like(fake_labels))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return {"d": d_loss.item(), "g": g_loss.item()}
""",
    "two functions": """
def train_d(D, G, opt_D, real, latent_dim):
    D.zero_grad()
    with torch.no_grad():
        fake = G(torch.randn(len(real), latent_dim))
    out = torch.cat([D(real), D(fake)])
    labels = torch.cat([torch.full((len(real), 1), 0.9), torch.zeros(len(real), 1)])
    loss = F.binary_cross_entropy_with_logits(out, labels)
    loss.backward(); opt_D.step()
    return loss
def train_g(G, D, opt_G, real, latent_dim):
    G.zero_grad(); D.zero_grad()
    loss = F.softplus(-D(G(torch.randn(len(real), latent_dim)))).mean()
    loss.backward(); opt_G.step()
    return loss
""",
    "one optimizer, whose name says not which": """
def train_d(G, D, optimizer, real):
    fake = G(torch.randn(len(real), 64))
    loss = F.softplus(-D(real)).mean() * 0.9 + F.softplus(D(real)).mean() * 0.1 + F.softplus(D(fake)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
def train_g(G, D, optimizer, real):
    loss = F.softplus(-D(G(torch.randn(len(real), 64)))).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
    "a trainer": """
class Trainer:
    def __init__(self, G, D):
        self.G, self.D, self.device = G, D, "cpu"
        self.opt_G, self.opt_D = torch.optim.Adam(G.parameters()), torch.optim.Adam(D.parameters())
        self.loss = nn.BCEWithLogitsLoss()
    def train_step(self, batch):
        x, _ = batch
        x = x.view(x.size(0), -1).to(self.device)
        fake = self.G(torch.randn(x.size(0), 64))
        self.opt_D.zero_grad()
        real_loss = self.loss(self.D(x), 0.9 * torch.ones(x.size(0), 1))
        fake_loss = self.loss(self.D(fake.detach()), torch.zeros(x.size(0), 1))
        real_loss.backward(); fake_loss.backward()
        self.opt_D.step()
        self.opt_G.zero_grad()
        self.loss(self.D(fake), torch.ones(x.size(0), 1)).backward()
        self.opt_G.step()
trainer = Trainer(nn.Linear(64, 784), nn.Linear(784, 1))
""",
    "probabilities": STEP.replace("binary_cross_entropy_with_logits", "binary_cross_entropy"),
    "its own stream of noise": STEP.replace(
        "def gan_step", "rng = torch.Generator().manual_seed(1)\ndef gan_step"
    ).replace("torch.randn(n, 64)", "torch.randn(n, 64, generator=rng)"),
    "the generator first": """
def gan_step(G, D, opt_G, opt_D, real):
    n = len(real)
    bce = nn.BCEWithLogitsLoss()
    fake = G(torch.randn(n, 64))
    opt_G.zero_grad(); bce(D(fake), torch.ones(n, 1)).backward(); opt_G.step()
    opt_D.zero_grad()
    (bce(D(real), torch.full((n, 1), 0.9)) + bce(D(fake.detach()), torch.zeros(n, 1))).backward()
    opt_D.step()
""",
    "optimizers under names of their own": STEP.replace(
        "def gan_step(G, D, opt_G, opt_D, real):",
        "G, D = nn.Linear(64, 784), nn.Linear(784, 1)\nschritt_g, schritt_d = torch.optim.Adam(G.parameters()), torch.optim.Adam(D.parameters())\ndef gan_step(real):",
    )
    .replace("opt_D", "schritt_d")
    .replace("opt_G", "schritt_g"),
    "mean of the halves": STEP.replace(
        "    loss_d.backward()", "    loss_d = loss_d / 2\n    loss_d.backward()"
    ),
}
CHECKS: dict[str, dict[str, Any]] = {
    "generator_step_leaves_discriminator": {},
    "discriminator_step_reaches_only_discriminator": {},
    "targets_are": {"real": 0.9, "fake": 0.0},
    "gradients_are_cleared": {},
}


@pytest.mark.parametrize("source", RIGHT_STEPS.values(), ids=RIGHT_STEPS)
def test_right_steps_pass_every_check(source: str, tmp_path: Path) -> None:
    for check, params in CHECKS.items():
        found = finding(tmp_path, check, GAN, source, **params)
        assert found.fraction == 1.0, f"{check}: {found.message}"
    for of in ("discriminator", "generator"):
        found = finding(tmp_path, "update_follows", GAN, source, of=of)
        assert found.fraction == 1.0, f"update_follows {of}: {found.message}"


def changed(old: str, new: str, *more: tuple[str, str]) -> str:
    source = STEP
    for before, after in ((old, new), *more):
        assert before in source
        source = source.replace(before, after)
    return source


D_LINE = next(line for line in STEP.splitlines() if "loss_d = " in line)
G_LINE = next(line for line in STEP.splitlines() if "loss_g = " in line)
MISTAKES = {
    "no smoothing": ("targets_are", changed("0.9", "1.0"), "no label smoothing"),
    "both sides": (
        "targets_are",
        changed("torch.zeros(n, 1)", "torch.full((n, 1), 0.1)"),
        "smooths both sides",
    ),
    "exchanged labels": (
        "targets_are",
        changed(
            "torch.full((n, 1), 0.9)",
            "torch.zeros(n, 1)",
            ("D(fake.detach()), torch.zeros(n, 1)", "D(fake.detach()), torch.ones(n, 1)"),
        ),
        "labels are exchanged",
    ),
    "only real images": ("targets_are", changed(D_LINE, D_LINE.partition(" + ")[0]), "sees no fakes"),
    "random targets": (
        "targets_are",
        changed("torch.full((n, 1), 0.9)", "0.7 + 0.5 * torch.rand(n, 1)"),
        "targets that vary",
    ),
    "squared error": (
        "targets_are",
        STEP.replace("binary_cross_entropy_with_logits", "mse_loss"),
        "a squared error",
    ),
    "a critic": (
        "targets_are",
        changed(D_LINE, "    loss_d = D(fake.detach()).mean() - D(real).mean()"),
        "a Wasserstein loss",
    ),
    "exchanged in the update": (
        "update_follows discriminator",
        changed(
            "torch.full((n, 1), 0.9)",
            "torch.zeros(n, 1)",
            ("D(fake.detach()), torch.zeros(n, 1)", "D(fake.detach()), torch.ones(n, 1)"),
        ),
        "learns to call fakes real",
    ),
    "minimax": (
        "update_follows generator",
        changed(G_LINE, "    loss_g = -F.binary_cross_entropy_with_logits(D(fake), torch.zeros(n, 1))"),
        "minimax",
    ),
    "flipped": (
        "update_follows generator",
        changed(G_LINE, G_LINE.replace("ones", "zeros")),
        "learns to be recognised",
    ),
    "smoothed generator": (
        "update_follows generator",
        changed(G_LINE, G_LINE.replace("torch.ones(n, 1)", "torch.full((n, 1), 0.8)")),
        "the target 0.8",
    ),
    "detached": (
        "update_follows generator",
        changed(G_LINE, G_LINE.replace("D(fake)", "D(fake.detach())")),
        "No gradient reaches the generator",
    ),
    "not detached": (
        "discriminator_step_reaches_only_discriminator",
        changed(
            "fake.detach()",
            "fake",
            ("loss_d.backward()", "loss_d.backward(retain_graph=True)"),
            ("    opt_G.zero_grad()\n", ""),
            ("D(fake), torch.ones", "D(G(z)), torch.ones"),
        ),
        "the fakes are not detached",
    ),
    "wrong optimizer": (
        "generator_step_leaves_discriminator",
        changed("opt_G.step()", "opt_D.step()"),
        "moves the discriminator",
    ),
    "both steps": (
        "generator_step_leaves_discriminator",
        changed(
            "opt_G.step()",
            "opt_D.zero_grad(); loss_g = F.binary_cross_entropy_with_logits(D(G(z)), torch.ones(n, 1)); loss_g.backward(); opt_G.step(); opt_D.step()",
        ),
        "learns to call fakes real",
    ),
    "never cleared": (
        "gradients_are_cleared",
        changed("    opt_D.zero_grad()\n", "", ("    opt_G.zero_grad()\n", "")),
        "gradients of the discriminator and the generator",
    ),
    "G not cleared": (
        "gradients_are_cleared",
        changed("    opt_G.zero_grad()\n", ""),
        "gradients of the generator",
    ),
}


@pytest.mark.parametrize(("check", "source", "said"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_in_steps_are_named(check: str, source: str, said: str, tmp_path: Path) -> None:
    name, _, of = check.partition(" ")
    found = finding(tmp_path, name, GAN, source, **(CHECKS.get(name, {}) | ({"of": of} if of else {})))
    assert found.status is Status.FAILED
    assert said in found.message


def test_fakes_that_are_not_detached_but_cleared_are_noted(tmp_path: Path) -> None:
    source = changed(
        "fake.detach()",
        "fake",
        ("loss_d.backward()", "loss_d.backward(retain_graph=True)"),
        ("D(fake), torch.ones", "D(G(z)), torch.ones"),
    )
    found = finding(tmp_path, "discriminator_step_reaches_only_discriminator", GAN, source)
    assert found.fraction == 1.0
    assert "costs only time" in found.notes[-1]


def test_no_step_function_leaves_the_points_to_the_twin(tmp_path: Path) -> None:
    assert finding(tmp_path, "targets_are", GAN, "x = 1", real=0.9).untried


TRAIN = """
def train_step(model, batch, optimizer):
    x, y = batch
    model.train()
    optimizer.zero_grad()
    logits = model(x)
    loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()
"""
RIGHT_TRAININGS = {
    "a batch": TRAIN,
    "a pair with the loss": "def train_step(model, xb, yb, opt):\n    logits, loss = model(xb, yb)\n    opt.zero_grad(set_to_none=True)\n    loss.backward()\n    nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)\n    opt.step()\n    return loss",
    "globals": "stoi = {c: i for i, c in enumerate('abcdefghijklmnop')}\nvocab_size = len(stoi)\nmodel = nn.Embedding(4, 4)\noptimizer = torch.optim.AdamW(model.parameters())\ncriterion = nn.CrossEntropyLoss()\ndef step(inputs, targets):\n    optimizer.zero_grad()\n    loss = criterion(model(inputs).reshape(-1, vocab_size), targets.reshape(-1))\n    loss.backward()\n    torch.nn.utils.clip_grad_norm_(model.parameters(), 1)\n    optimizer.step()",
    "by class": "def train_step(model, optimizer, x, y):\n    for p in model.parameters():\n        p.grad = None\n    loss = F.cross_entropy(model(x).transpose(1, 2), y)\n    loss.backward()\n    nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n    optimizer.step()",
}
TRAINING_MISTAKES = {
    "copies": (TRAIN.replace("y.view(-1)", "x.view(-1)"), "learns to copy"),
    "shifted again": (
        TRAIN.replace(
            "logits.view(-1, logits.size(-1)), y.view(-1)", "logits[:, :-1].flatten(0, 1), y[:, 1:].flatten()"
        ),
        "shifted once more",
    ),
    "double softmax": (
        TRAIN.replace("logits = model(x)", "logits = model(x).softmax(-1)"),
        "a softmax comes before",
    ),
    "last position": (
        TRAIN.replace("logits.view(-1, logits.size(-1)), y.view(-1)", "logits[:, -1], y[:, -1]"),
        "only the last position",
    ),
    "no clipping": (
        TRAIN.replace("    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n", ""),
        "does not clip",
    ),
    "another norm": (TRAIN.replace("1.0)", "0.5)"), "clips to the norm 0.5"),
    "by value": (
        TRAIN.replace(
            "clip_grad_norm_(model.parameters(), 1.0)", "clip_grad_value_(model.parameters(), 0.2)"
        ),
        "clips each element",
    ),
    "too late": (
        TRAIN.replace("    optimizer.step()\n", "").replace(
            "    torch.nn.utils", "    optimizer.step()\n    torch.nn.utils"
        ),
        "after the update",
    ),
    "unknown": (
        TRAIN.replace("loss.backward()", "(loss ** 2 + model(x).square().mean()).backward()"),
        "not the gradient of the cross-entropy",
    ),
}


@pytest.mark.parametrize("source", RIGHT_TRAININGS.values(), ids=RIGHT_TRAININGS)
def test_right_trainings_pass(source: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "update_follows", LANGUAGE, source, of="language_model", max_norm=1.0)
    assert found.fraction == 1.0, found.message
    assert finding(tmp_path, "gradients_are_cleared", LANGUAGE, source).fraction == 1.0


@pytest.mark.parametrize(("source", "said"), TRAINING_MISTAKES.values(), ids=TRAINING_MISTAKES)
def test_mistakes_in_trainings_are_named(source: str, said: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "update_follows", LANGUAGE, source, of="language_model", max_norm=1.0)
    assert found.status is Status.FAILED
    assert said in found.message


@pytest.mark.parametrize("clips", [True, False])
def test_training_that_never_clears_is_named(clips: bool, tmp_path: Path) -> None:
    """Clipped, a sum of two equal gradients looks like one of them."""
    source = TRAIN.replace("    optimizer.zero_grad()\n", "")
    if not clips:
        source = source.replace("    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n", "")
    found = finding(tmp_path, "gradients_are_cleared", LANGUAGE, source)
    assert "does not clear the gradients of the model" in found.message


# ------------------------------------------------------------------ the numbers


def test_weights_are_the_same_on_both_sides() -> None:
    from autograder.kernel_side import stand_ins

    np.testing.assert_allclose(stand_ins.wave(50, 1.3, 0.2), wave(50, 1.3, 0.2), rtol=1e-12)


def test_language_gradient_agrees_with_torch() -> None:
    import torch
    import torch.nn.functional as F

    x, y = [[1, 2, 3], [0, 4, 4]], [[2, 3, 0], [4, 4, 1]]
    table = torch.tensor(wave(25, 0.7, 0.05).reshape(5, 5), requires_grad=True)
    loss = F.cross_entropy((30.0 * table[torch.tensor(x)]).flatten(0, 1), torch.tensor(y).flatten())
    (slope,) = torch.autograd.grad(loss, table)
    truth = language_gradients(x, y, 0.7, 30.0, 5)["cross_entropy"]
    np.testing.assert_allclose(slope.numpy().reshape(-1), truth, atol=1e-12)


def test_combinations_of_nothing_are_none() -> None:
    assert combination(np.zeros(3), [np.ones(3)]) is None
    assert combination(np.ones(3), [np.zeros(3)]) is None
    assert combination(np.array([1.0, 0.0, 0.0]), [np.ones(3)]) is None
