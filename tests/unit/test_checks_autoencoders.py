"""Autoencoders of any make are found and tried on the notebook's own images; nothing of their sizes is prescribed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernel_asker import ask, evidence_of, part_of
from neural_specs import HEAD, spec

from autograder.checks.autoencoders import AutoencoderSeen, models_in
from autograder.checks.findings import Context, Finding
from autograder.golden import Golden
from autograder.kernel_side.layer_calls import batch_digest
from autograder.probes.bindings import Bound, Tier
from autograder.probes.evidence import Evidence
from autograder.probes.layer_calls import LayerSeen
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import Leaf, Observations
from autograder.probes.paths import Path as Where
from autograder.probes.training import TrainingSeen
from autograder.records import Found, Status
from autograder.registry import CHECKS
from autograder.shortened import INJECTED

ROLES = {
    "held_out": {"kind": "tensor", "names": ["test_images", "x_test"], "contains": ["test"]},
    "training": {"kind": "tensor", "names": ["train_images"], "contains": ["train"]},
}
AUTOENCODER = spec("autoencoder", "uniform_numbers", "autoencoder", ROLES)
DATA = (
    HEAD
    + """
torch.manual_seed(0)
basis = torch.rand(3, 64)
train_images = (torch.rand(120, 3) @ basis / 3).view(120, 1, 8, 8)
test_images = (torch.rand(40, 3) @ basis / 3).view(40, 1, 8, 8)
"""
)
MAKES = {
    "one_sequential": "net = nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.ReLU(), nn.Linear(9, 5), nn.Linear(5, 64))",
    "methods": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(64, 5), nn.Linear(5, 64)
    def encode(self, x):
        return self.a(x.flatten(1))
    def decode(self, z):
        return self.b(z).view(-1, 1, 8, 8)
    def forward(self, x):
        z = self.encode(x)
        return self.decode(z), z
net = Net()
""",
    "two_modules": "enc = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))\ndec = nn.Linear(5, 64)",
    "in_a_dictionary": "nets = {'encoder': nn.Sequential(nn.Flatten(), nn.Linear(64, 5)), 'decoder': nn.Linear(5, 64)}",
    "object_that_is_no_module": """
class Model:
    def __init__(self):
        self.encoder, self.decoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 5)), nn.Linear(5, 64)
model = Model()
""",
    "convolutions": """
enc = nn.Sequential(nn.Conv2d(1, 4, 4, 4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 5))
dec = nn.Sequential(nn.Linear(5, 16), nn.Unflatten(1, (4, 2, 2)), nn.ConvTranspose2d(4, 1, 4, 4))
""",
}
"""Correct ones with a code of five numbers, each in its own way."""


def seen(folder: Path, source: str, *more: str) -> Evidence:
    return ask(folder, (DATA + source, *more), {"c": AUTOENCODER})


def judge(check: str, evidence: Evidence, **params: Any) -> Finding:
    entry = CHECKS[check]
    given = {"challenge": "c", "items": ["a"]} | params
    found: Finding = entry.function(
        evidence, entry.params.model_validate(given), Context("a", 1e-3, Golden())
    )
    return found


def only(evidence: Evidence) -> AutoencoderSeen:
    (model,) = models_in(evidence, "c")
    return model


@pytest.mark.parametrize("make", MAKES)
def test_an_autoencoder_of_any_make_is_found_once(make: str, tmp_path: Path) -> None:
    evidence = seen(tmp_path, MAKES[make])
    model = only(evidence)
    assert (model.n_code, model.kind, model.path) == (5, "held_out", "test_images")
    assert model.x.shape == model.y.shape
    assert model.x.shape[1] == 64
    assert model.codes is not None
    assert model.codes.shape[1] == 5
    assert model.drawn is not None
    assert judge("code_is_smaller", evidence).fraction == 1.0
    assert judge("decodes_like_data", evidence).fraction == 1.0
    assert judge("reconstructs_held_out", evidence).fraction == 0.0


def test_a_network_without_a_bottleneck_has_no_code(tmp_path: Path) -> None:
    evidence = seen(tmp_path, "net = nn.Sequential(nn.Flatten(), nn.Linear(64, 80), nn.Linear(80, 64))")
    finding = judge("code_is_smaller", evidence)
    assert (finding.status, finding.observed) == (Status.FAILED, "64 of 64 numbers")


def test_a_classifier_is_no_autoencoder(tmp_path: Path) -> None:
    evidence = seen(tmp_path, "net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))")
    assert models_in(evidence, "c") == []
    assert judge("code_is_smaller", evidence).untried


def test_the_notebook_is_as_it_was(tmp_path: Path) -> None:
    """Weights, mode and gradients of the notebook's own network are none of the probe's business."""
    source = (
        "net = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Dropout(0.5), nn.Linear(5, 64))\nnet.train()"
    )
    evidence = seen(tmp_path, source)
    assert only(evidence).idle == ()
    again = only(seen(tmp_path, source))
    assert (again.x == only(evidence).x).all()


def test_a_detached_code_leaves_the_encoder_without_gradients(tmp_path: Path) -> None:
    source = MAKES["methods"].replace("z = self.encode(x)", "z = self.encode(x).detach()")
    finding = judge("every_weight_is_trained", seen(tmp_path, source))
    assert finding.status is Status.FAILED
    assert "`a.weight` and `a.bias`" in finding.message


@pytest.mark.parametrize(
    ("held", "fraction"), [([64 * 5 + 5 + 5 * 64 + 64], 1.0), ([325, 384], 1.0), ([384], 0.0), ([], 1.0)]
)
def test_optimizers_hold_the_weights_together_or_apart(
    held: list[int], fraction: float, tmp_path: Path
) -> None:
    evidence = seen(tmp_path, MAKES["methods"])
    made = tuple(TrainingSeen(0, "optimizer", "Adam", 1, {"parameters": n, "number": 0}) for n in held)
    evidence = replace(evidence, observations=replace(evidence.observations, training=made))
    assert judge("every_weight_is_trained", evidence).fraction == fraction


def test_a_trained_network_reconstructs_also_where_it_gives_logits(tmp_path: Path) -> None:
    fit = """
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Linear(5, 64))
opt = torch.optim.Adam(net.parameters(), 0.01)
for _ in range(400):
    loss = nn.functional.LOSS(net(train_images), train_images.flatten(1))
    opt.zero_grad(); loss.backward(); opt.step()
"""
    for name in ("mse_loss", "binary_cross_entropy_with_logits"):
        evidence = seen(tmp_path, fit.replace("LOSS", name))
        assert only(evidence).unexplained < 0.3, name
        assert judge("reconstructs_held_out", evidence).fraction == 1.0
        assert judge("decodes_like_data", evidence).fraction == 1.0


def test_a_decoder_that_ignores_its_code_is_told(tmp_path: Path) -> None:
    source = MAKES["methods"].replace("self.b(z)", "self.b(0 * z)")
    finding = judge("decodes_like_data", seen(tmp_path, source))
    assert finding.message == "What the decoder makes of other codes is the same whatever the code."


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("made = torch.rand(9, 1, 8, 8)", "`made` has the data's shape and range."),
        ("made = 90 * torch.randn(9, 64)", "are those parameters, not images?"),
        ("made = torch.rand(9, 63)", "`made` is not of the data's shape."),
    ],
)
def test_generated_data_that_are_kept_are_looked_at(made: str, message: str, tmp_path: Path) -> None:
    evidence = seen(tmp_path, MAKES["methods"], made)
    assert judge("decodes_like_data", evidence, generated=["made"]).message.endswith(message)


def test_data_sets_and_loaders_are_images_too(tmp_path: Path) -> None:
    source = f"""
data = torch.utils.data
{MAKES["one_sequential"]}
test_loader = data.DataLoader(data.TensorDataset(test_images, torch.zeros(40)), batch_size=7)
del test_images
"""
    model = only(seen(tmp_path, source))
    assert (model.path, model.kind) == ("test_loader", "held_out")


def test_part_two_has_a_network_of_its_own(tmp_path: Path) -> None:
    evidence = seen(tmp_path, "net = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Linear(5, 64))",
                    "net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.Linear(3, 64))")  # fmt: skip
    assert {(model.cell, model.n_code) for model in models_in(evidence, "c")} == {(0, 5), (1, 3)}


# ------------------------------------------------------------------ training


def steps(*courses: tuple[list[float], list[float]]) -> Evidence:
    training = tuple(
        TrainingSeen(
            at, "step", "Adam", 100, {"number": 0, "first": first, "last": last, "largest_norm": 1.0}
        )
        for at, (first, last) in enumerate(courses)
    )
    return evidence_of(part_of({}), Observations(training=training), {})


def falls(evidence: Evidence) -> Finding:
    entry = CHECKS["training_falls"]
    context = Context("a", 1e-3, Golden())
    found: Finding = entry.function(evidence, entry.params.model_validate({"items": ["a"]}), context)
    return found


def noisy(level: float, seed: int = 0, n: int = 16) -> list[float]:
    """Losses of batches that differ by a twentieth."""
    return (level * (1 + 0.05 * np.random.default_rng(seed).standard_normal(n))).tolist()


def shortened(evidence: Evidence) -> Evidence:
    cell = NotebookCell(0, "code", f"EPOCHS = 10\n{INJECTED}\nEPOCHS = 5", "", 0, "a", None)
    return replace(evidence, cells=(cell,))


def test_a_loss_that_falls_is_seen_over_the_cells_that_train() -> None:
    assert falls(steps((noisy(9.0), noisy(7.5)))).fraction == 1.0
    assert falls(steps((noisy(9.0), noisy(8.9)), (noisy(8.9), noisy(2.0)))).fraction == 1.0
    assert falls(steps(([-5.0], [-80.0]))).fraction == 1.0  # of a density above 1
    assert falls(steps(([9.0] * 16, [8.9] * 16))).fraction == 1.0  # all data at once: no noise


@pytest.mark.parametrize("seed", range(20))
def test_a_loss_that_differs_by_the_noise_of_its_batches_does_not_fall(seed: int) -> None:
    """Of 20 such trainings 12 seem to fall, and 7 by more than a hundredth."""
    still = steps((noisy(9.0, seed), noisy(9.0, 100 + seed)))
    found = falls(still)
    assert (found.status, found.fraction) == (Status.FAILED, 0.0)
    assert "no more than its batches differ" in found.message
    assert falls(shortened(still)).status is Status.REVIEW


def test_a_loss_that_rises_is_told_however_short_the_training() -> None:
    for rising in (steps((noisy(9.0), noisy(90.0))), steps(([9.0], [1e30]))):
        for evidence in (rising, shortened(rising)):
            assert falls(evidence).message.startswith("The loss rises")
    nothing = falls(steps())
    assert nothing.missing
    assert nothing.status is Status.FAILED


def test_an_optimizer_of_another_network_moves_nothing() -> None:
    evidence = steps((noisy(9.0), noisy(7.5)))
    (seen_there,) = evidence.observations.training
    idle = replace(seen_there, settings={"number": 0, "first": noisy(9.0), "last": noisy(7.5)})
    found = falls(shortened(replace(evidence, observations=Observations(training=(idle,)))))
    assert (found.status, found.observed) == (Status.FAILED, "no gradients")


def test_too_few_updates_are_for_a_person() -> None:
    assert falls(steps(([9.0, 8.0], [8.4, 8.3]))).status is Status.REVIEW
    assert falls(steps(([9.0, 8.0], [9.6, 8.4]))).status is Status.FAILED


def test_losses_that_nobody_saw_leave_it_to_the_twin() -> None:
    assert falls(steps(([], []))).untried


def in_sections(evidence: Evidence, *items: str | None) -> Evidence:
    cells = tuple(NotebookCell(at, "code", "", "", 0, item, None) for at, item in enumerate(items))
    return replace(evidence, cells=cells)


def test_what_another_part_trained_is_not_counted_again() -> None:
    """A notebook of Part 1 alone has no training of Part 2, though it has one."""
    trained = steps(([9.0], [2.0]))
    assert falls(in_sections(trained, "b")).missing
    assert falls(in_sections(trained, "a")).fraction == 1.0
    assert falls(in_sections(trained, None)).fraction == 1.0  # under no heading that was recognised


def test_networks_of_another_part_are_not_counted_again(tmp_path: Path) -> None:
    evidence = seen(tmp_path, MAKES["one_sequential"])
    assert models_in(in_sections(evidence, "b"), "c", ["a"]) == []
    assert len(models_in(in_sections(evidence, "b", "a"), "c", ["a"])) == 1  # trained further there
    assert len(models_in(in_sections(evidence, None, "b"), "c", ["a"])) == 1


# ------------------------------------------------------------------ codes


def kept(evidence: Evidence, **arrays: np.ndarray) -> Evidence:
    """Evidence with codes under accepted names: `drawn` and `encoded`."""
    leaves = {name: Leaf(Where(name), 0, value, "tensor", "float32") for name, value in arrays.items()}
    found = {
        name: Bound(leaf=leaf, found=Found(how="name", path=name, cell=0), tier=Tier.NAME)
        for name, leaf in leaves.items()
    }
    return replace(evidence, bound=found)


CODES = np.random.default_rng(0).normal(2.0, 3.0, size=(60, 5))


@pytest.mark.parametrize(
    ("drawn", "fraction"),
    [
        (np.random.default_rng(1).normal(2.0, 3.0, size=(9, 5)), 1.0),
        (np.random.default_rng(1).uniform(CODES.min(), CODES.max(), size=(9, 5)), 1.0),
        (CODES[:9], 0.0),
        (100 * np.random.default_rng(1).normal(size=(9, 5)), 0.5),
        (np.full((9, 5), 2.0), 0.0),
    ],
)
def test_codes_are_new_and_on_the_scale_of_the_encodings(
    drawn: np.ndarray, fraction: float, tmp_path: Path
) -> None:
    evidence = kept(seen(tmp_path, MAKES["methods"]), drawn=drawn, encoded=CODES)
    assert judge("codes_are_drawn", evidence, drawn="drawn", encoded="encoded").fraction == fraction


def decoded(cell: int, *batches: np.ndarray, is_image: bool = False) -> LayerSeen:
    """The calls of a decoder's first layer, or of an encoder's, as recorded."""
    noise = np.array([[batch_digest(one.astype(np.float32)), 0, 1, 0.5] for one in batches])
    return LayerSeen(
        cell=cell,
        role="image" if is_image else "latent",
        layer=0,
        n_in=5,
        n_out=8,
        is_training=False,
        wants_gradients=False,
        n=len(batches),
        rows=np.array([len(one) for one in batches]),
        steps=np.zeros(len(batches) + 1),
        codes=np.zeros(0),
        noise=noise,
        means=np.zeros(len(batches)),
        known=None,
        new=None,
        outputs=(),
        is_trainable=True,
    )


@pytest.mark.parametrize(
    ("layers", "fraction"),
    [
        ([decoded(0, CODES[:9])], 0.0),
        ([decoded(0, CODES[:9]), decoded(0, CODES[:1], is_image=True)], 0.0),  # encoded in the same cell
        ([decoded(0, CODES[:9], CODES[:9] + 1.0), decoded(0, CODES[:1], is_image=True)], 1.0),
        ([decoded(0, CODES[:9]), decoded(1, CODES[:9] + 1.0)], 1.0),  # decoded under another heading
        (
            [decoded(1, CODES[:9]), decoded(1, CODES[:1], is_image=True)],
            1.0,
        ),  # reconstructions of another task
    ],
)
def test_codes_that_are_drawn_have_to_be_decoded(
    layers: list[LayerSeen], fraction: float, tmp_path: Path
) -> None:
    drawn = np.random.default_rng(1).normal(2.0, 3.0, size=(9, 5))
    evidence = in_sections(kept(seen(tmp_path, MAKES["methods"]), drawn=drawn, encoded=CODES), "a", "other")
    observations = replace(evidence.observations, layers=tuple(layers))
    evidence = replace(evidence, observations=observations)
    assert judge("codes_are_drawn", evidence, drawn="drawn", encoded="encoded").fraction == fraction


def test_codes_that_are_not_kept_leave_it_to_the_twin(tmp_path: Path) -> None:
    evidence = seen(tmp_path, MAKES["methods"])
    assert judge("codes_are_drawn", evidence, drawn="drawn", encoded="encoded").untried


MEAN_ALONE = """
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Linear(5, 64))
with torch.no_grad():
    net[2].weight.zero_()
    net[2].bias.copy_(test_images.mean(0).flatten())
"""
"""Weights 0 and the mean of the very images as bias: the best that can be given without looking at an image."""


def test_the_mean_of_the_images_is_the_bound(tmp_path: Path) -> None:
    evidence = seen(tmp_path, MEAN_ALONE)
    assert only(evidence).unexplained >= 1.0
    assert judge("reconstructs_held_out", evidence).status is Status.FAILED
    assert judge("reconstructs_held_out", shortened(evidence), items=["a"]).status is Status.REVIEW
    step = "net[1].weight.copy_(test_images.flatten(1)[:5]); net[2].weight.copy_(0.02 * net[1].weight.T)"
    learnt = seen(
        tmp_path, f"{MEAN_ALONE}    test_images -= test_images.mean(0)\n    net[2].bias.zero_()\n    {step}\n"
    )
    assert 0.5 < only(learnt).unexplained < 1.0
    assert judge("reconstructs_held_out", learnt).fraction == 1.0


def test_what_follows_its_images_but_is_far_from_them_is_for_a_person(tmp_path: Path) -> None:
    source = """
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 60), nn.Linear(60, 64))
with torch.no_grad():
    net[1].weight.copy_(torch.eye(64)[:60]); net[2].weight.copy_(torch.eye(64)[:, :60]); net[2].bias.fill_(3.0)
"""
    found = judge("reconstructs_held_out", seen(tmp_path, source))
    assert found.status is Status.REVIEW
    assert "do follow their images" in found.message
