"""Networks of images as they are observed: layers, known images, pictures; and what the checks make of them."""

# Some methods of torch carry no types, backward and split among them.
# mypy: untyped-calls-exclude="torch"

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from autograder.checks.findings import Context, Finding
from autograder.golden import Golden
from autograder.kernel_side.containers import write_container
from autograder.kernel_side.figures import finish_figures
from autograder.kernel_side.known_images import TEST, UNKNOWN, KnownImages
from autograder.kernel_side.layer_calls import LayerRecorder
from autograder.kernel_side.recorders import TrainingRecorder
from autograder.kernel_side.saved_pictures import PictureRecorder
from autograder.kernel_side.seeds import SeedRecorder
from autograder.kernel_side.tiles import as_picture, as_pixels, layout, tiles_of
from autograder.kernel_side.values import Encoder
from autograder.probes.evidence import Evidence
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import Observations, read_observations
from autograder.records import ExecutionRecord, Status
from autograder.registry import CHECKS
from autograder.rubric.model import PartSpec
from autograder.stats.scores import frechet_of_features, inception_scores

torch.set_num_threads(1)
RNG = np.random.default_rng(0)
TRAIN = torch.from_numpy(RNG.integers(0, 256, size=(300, 28, 28), dtype=np.uint8))
TRAIN[:, 0, 0], TRAIN[:, 0, 1] = 0, 255  # black and white occur in every image, as in MNIST
HELD_OUT = torch.from_numpy(RNG.integers(0, 256, size=(60, 28, 28), dtype=np.uint8))
HELD_OUT[:, 0, 0], HELD_OUT[:, 0, 1] = 0, 255
UNIT = TRAIN.float() / 255


class Watch:
    """Recorders around code that runs here, and the evidence that a notebook of one cell would give."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = KnownImages()
        self.images.learn(SimpleNamespace(train=True, data=TRAIN))
        self.images.learn(SimpleNamespace(train=False, data=HELD_OUT))
        self.training = TrainingRecorder()
        self.layers = LayerRecorder(self.images, self.training)
        self.layers.know(torch)
        self.handles = [
            nn.modules.module.register_module_forward_hook(self.layers._hook),
            sys.modules[torch.optim.Optimizer.__module__].register_optimizer_step_post_hook(
                self.training._stepped
            ),
        ]
        self.backward: Any = torch.Tensor.backward
        torch.Tensor.backward = self.training._noting(  # type: ignore[method-assign]
            self.backward, self.training._differentiated, self.training._accumulated
        )
        self.pictures = PictureRecorder()
        self.figures: list[dict[str, Any]] = []

    def draw(self, *pictures: Any, title: str = "") -> None:
        axes = [
            {
                "title": title,
                "scatters": [],
                "contours": [],
                "lines": [],
                "images": [{"picture": as_pixels(one)}],
            }
            for one in pictures
        ]
        self.figures.append({"suptitle": "", "axes": axes})

    def evidence(self) -> Evidence:
        encoder = Encoder(10**8)
        document: dict[str, Any] = {"cell": 0, "training": self.training.take()}
        document["figures"] = finish_figures(self.figures, encoder, self.images)
        document["pictures"] = self.pictures.take(encoder, self.images)
        document["layers"] = self.layers.take(encoder)
        write_container(str(self.folder / "cell-0000.safetensors"), document, encoder.arrays)
        part = PartSpec(part="x", title="x", points=0, false_fail_rate=0.01, filenames=["*"], items=[])
        cells = (NotebookCell(0, "code", "train()", "VAE 5.2 0.3\nGAN 6.1 0.4", 0, "x", None),)
        seen = read_observations(self.folder)
        assert seen.problems == ()
        return Evidence(part, cells, seen, ExecutionRecord(state="complete"), {}, {})

    def says(self, check: str, **params: Any) -> Finding:
        entry = CHECKS[check]
        found = entry.function(
            self.evidence(), entry.params.model_validate(params), Context("x", 1e-4, Golden())
        )
        assert isinstance(found, Finding)
        return found


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    made = Watch(tmp_path)
    yield made
    for handle in made.handles:
        handle.remove()
    torch.Tensor.backward = made.backward  # type: ignore[method-assign]


def grid(images: Any, n_rows: int, padding: int = 0) -> np.ndarray:
    """Small images as one picture, with black lines between them as torchvision draws them."""
    tiles = np.asarray(images).reshape(n_rows, -1, 28, 28)
    step = 28 + padding
    picture = np.zeros((n_rows * step + padding, tiles.shape[1] * step + padding), dtype=tiles.dtype)
    for r in range(n_rows):
        for c in range(tiles.shape[1]):
            y, x = padding + r * step, padding + c * step
            picture[y : y + 28, x : x + 28] = tiles[r, c]
    return picture


def new_images(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(n, 28, 28)).astype(np.float32)


def train(images: torch.Tensor, n_epochs: int = 1, clears: bool = True, evaluates: bool = True) -> nn.Module:
    """Train an autoencoder, with an evaluation on held-out images that wants gradients as careless ones do."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 784), nn.Sigmoid())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(n_epochs):
        for batch in images.split(64):
            if clears:
                optimizer.zero_grad()
            nn.functional.mse_loss(model(batch), batch.flatten(1)).backward()
            optimizer.step()
        if evaluates:
            model(HELD_OUT.float() / 255)
    return model


# ------------------------------------------------------------------ tiles and codes


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_grid_is_cut_into_its_images(padding: int) -> None:
    tiles, n_rows, n_columns = tiles_of(grid(TRAIN[:10], 2, padding))
    assert (n_rows, n_columns) == (2, 5)
    assert np.array_equal(tiles, TRAIN[:10].numpy())


def test_other_pictures_are_no_grids() -> None:
    assert layout(480, 641) is None
    assert len(tiles_of(np.zeros((30, 57), np.uint8))[0]) == 0


def test_images_are_known_in_every_usual_range() -> None:
    known = KnownImages()
    known.learn(SimpleNamespace(train=True, data=TRAIN))
    known.learn(SimpleNamespace(train=False, data=HELD_OUT))
    for rows in (TRAIN[:4], UNIT[:4], 2 * UNIT[:4] - 1, (UNIT[:4] - 0.1307) / 0.3081):
        assert known.codes(rows.numpy()).tolist() == [0, 1, 2, 3]
    assert known.codes(HELD_OUT[3:4].numpy()).tolist() == [TEST + 3]
    assert known.codes(new_images(2)).tolist() == [UNKNOWN, UNKNOWN]


# ------------------------------------------------------------------ training


def test_training_on_images_of_the_sheet_is_accepted(watch: Watch) -> None:
    train(UNIT, n_epochs=2)
    assert watch.says("trains_on_images", low=0.0, high=1.0).fraction == 1
    assert watch.says("trains_in_training_mode").fraction == 0  # nothing is left: a cell is read once


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (2 * UNIT - 1, "[-1, 1]"),
        ((UNIT - 0.1307) / 0.3081, "[-0.424, 2.82]"),
        (HELD_OUT.float() / 255, "test set"),
    ],
)
def test_training_on_other_images_is_told(watch: Watch, images: torch.Tensor, words: str) -> None:
    train(images, evaluates=False)
    finding = watch.says("trains_on_images", low=0.0, high=1.0)
    assert finding.fraction < 1
    assert words in finding.message


def test_updates_are_counted_with_and_without_the_last_batch(watch: Watch) -> None:
    train(UNIT, n_epochs=3)  # 300 images in batches of 64: five a time
    about: dict[str, Any] = {"n_epochs": 3, "batch_size": 64}
    evidence = watch.evidence()
    for n_examples, is_right in (
        ([300], True),
        ([320], True),
        ([383], True),
        ([200], False),
        ([200, 300], True),
    ):
        params = CHECKS["trains_for"].params.model_validate(about | {"n_examples": n_examples})
        found = CHECKS["trains_for"].function(evidence, params, Context("x", 1e-4, Golden()))
        assert (found.fraction == 1) is is_right, n_examples


def test_updates_of_another_network_than_the_one_that_is_trained_are_none(watch: Watch) -> None:
    old, network = nn.Linear(784, 2), nn.Linear(784, 2)
    optimizer = torch.optim.SGD(old.parameters(), lr=0.1)
    for _ in range(20):
        optimizer.zero_grad()
        network(UNIT[:8].flatten(1)).sum().backward()
        optimizer.step()
    finding = watch.says("model_is_trained")
    assert finding.status is Status.FAILED
    assert "had no gradient" in finding.message
    train(UNIT, n_epochs=2)
    assert watch.says("model_is_trained").status is Status.PASSED


@pytest.mark.parametrize("clears", [True, False])
def test_gradients_that_add_up_are_seen(watch: Watch, clears: bool) -> None:
    train(UNIT, clears=clears)
    assert (watch.says("clears_gradients").status is Status.PASSED) is clears


@pytest.mark.parametrize("clips", [True, False])
@pytest.mark.parametrize("clears", [True, False])
def test_zeroed_gradients_count_as_cleared_and_clipped_ones_do_not(
    watch: Watch, clears: bool, clips: bool
) -> None:
    layer = nn.Linear(784, 2)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(4):
        if clears:
            optimizer.zero_grad(set_to_none=False)
        layer(UNIT[:8].flatten(1)).sum().backward()
        if clips:
            nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        optimizer.step()
    assert watch.says("clears_gradients").fraction == clears


def test_evaluation_mode_while_training_is_told(watch: Watch) -> None:
    layer = nn.Linear(784, 2).eval()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(UNIT[:8].flatten(1)).sum().backward()
    optimizer.step()
    assert "evaluation mode" in watch.says("trains_in_training_mode").message


# ------------------------------------------------------------------ noise


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (torch.randn, ""),
        (torch.rand, "none of it is negative"),
        (torch.zeros, "the same vector"),
        (lambda *shape: 0.3 * torch.randn(*shape), "not standard normal"),
    ],
)
def test_noise_is_told_from_other_laws(watch: Watch, draw: Any, words: str) -> None:
    torch.manual_seed(0)
    nn.Linear(16, 784)(draw(10, 16))
    finding = watch.says("noise_is_normal", rows=[10])
    assert (finding.fraction == 1) is not bool(words)
    assert words in finding.message


@pytest.mark.parametrize("is_fixed", [True, False])
def test_fixed_noise_comes_back_after_training(watch: Watch, is_fixed: bool) -> None:
    decoder = nn.Linear(64, 784)
    optimizer = torch.optim.SGD(decoder.parameters(), lr=0.1)
    nn.Linear(16, 784)(torch.randn(64, 16))  # codes of another network, in batches of as many
    fixed = torch.randn(64, 64)
    for _ in range(3):
        decoder(torch.randn(128, 64)).sum().backward()
        optimizer.step()
        decoder(fixed if is_fixed else torch.randn(64, 64))
    assert (watch.says("noise_is_fixed", rows=64, n_in=64).fraction == 1) is is_fixed


def test_one_grid_does_not_tell_whether_its_noise_is_fixed(watch: Watch) -> None:
    decoder = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 784))
    decoder(torch.randn(64, 64))
    assert watch.says("noise_is_fixed", rows=64, n_in=64).untried
    decoder(torch.randn(64, 64))
    assert watch.says("noise_is_fixed", rows=64, n_in=64).fraction == 0


# ------------------------------------------------------------------ pictures


def test_pairs_of_held_out_images_are_found_in_one_picture_and_in_many(watch: Watch) -> None:
    pairs = np.concatenate([UNIT[:5].numpy(), new_images(5)])
    watch.draw(grid(pairs, 2, padding=2))
    assert watch.says("pairs_are_shown", n=5).fraction == 1
    watch.figures = []
    watch.draw(*pairs)
    assert watch.says("pairs_are_shown", n=5).fraction == 1


def test_pairs_of_other_images_are_told(watch: Watch) -> None:
    train(UNIT)
    watch.draw(grid(np.concatenate([UNIT[:5].numpy(), new_images(5)]), 2))
    assert "trained on" in watch.says("pairs_are_shown", n=5).message


def test_copies_and_too_few_pairs_are_told(watch: Watch) -> None:
    watch.draw(grid(np.concatenate([UNIT[:5].numpy(), UNIT[:5].numpy()]), 2))
    assert "themselves" in watch.says("pairs_are_shown", n=5).message
    watch.figures = []
    watch.draw(grid(np.concatenate([UNIT[:3].numpy(), new_images(3)]), 2))
    assert watch.says("pairs_are_shown", n=5).fraction == pytest.approx(0.6)


def test_grey_reconstructions_are_those_of_an_untrained_network(watch: Watch) -> None:
    grey = np.full((5, 28, 28), 0.5, np.float32) + np.linspace(0, 0.02, 5, dtype=np.float32)[:, None, None]
    watch.draw(grid(np.concatenate([UNIT[:5].numpy(), grey]), 2))
    assert watch.says("reconstructions_resemble", n=5).fraction == 0
    watch.figures = []
    watch.draw(grid(np.concatenate([UNIT[:5].numpy(), 0.9 * UNIT[:5].numpy()]), 2))
    assert watch.says("reconstructions_resemble", n=5).fraction == 1


@pytest.mark.parametrize(
    ("samples", "fraction"),
    [
        (new_images(10, 2), 1.0),
        (new_images(4, 2), 0.4),
        (np.repeat(new_images(1, 2), 10, axis=0), 0.0),
        (np.concatenate([new_images(5), new_images(5, 2)]), 0.5),  # half of them are the reconstructions
        (UNIT[20:30].numpy(), 0.0),
    ],
)
def test_samples_are_new_and_different(watch: Watch, samples: np.ndarray, fraction: float) -> None:
    watch.draw(grid(np.concatenate([UNIT[:5].numpy(), new_images(5)]), 2))
    watch.draw(grid(samples, 2 if len(samples) % 2 == 0 else 1))
    assert watch.says("samples_are_shown", n=10).fraction == pytest.approx(fraction)


@pytest.mark.parametrize(
    ("sets", "titles", "fraction"),
    [
        ([1, 2, 3], ["epoch 1", "epoch 5", "epoch 10"], 1.0),
        ([1, 2, 3], ["", "", ""], 1.0),
        ([1, 2, 3], ["epoch 1", "epoch 2", "epoch 3"], 1 / 3),
        ([1, 1, 1], ["epoch 1", "epoch 5", "epoch 10"], 1 / 3),
    ],
)
def test_grids_of_chosen_epochs(watch: Watch, sets: list[int], titles: list[str], fraction: float) -> None:
    for seed, title in zip(sets, titles, strict=True):
        watch.draw(grid(new_images(64, seed), 8), title=title)
    assert watch.says("grids_are_shown").fraction == pytest.approx(fraction)


def test_grids_of_real_images_and_small_ones_are_told(watch: Watch) -> None:
    for first in (0, 64, 128):
        watch.draw(grid(UNIT[first : first + 64].numpy(), 8))
    assert "MNIST" in watch.says("grids_are_shown").message
    watch.figures = []
    for seed in (1, 2, 3):
        watch.draw(grid(new_images(25, seed), 5))
    assert watch.says("grids_are_shown").fraction == pytest.approx(25 / 64)


def test_saved_grids_are_counted(watch: Watch, tmp_path: Path) -> None:
    fake = SimpleNamespace(Image=type("Image", (), {"save": lambda self, fp: None}))
    watch.pictures.patch(fake)
    for epoch in range(3):
        picture = Image.fromarray(as_pixels(grid(new_images(100, epoch), 10, padding=2)))
        watch.pictures._note(picture, str(tmp_path / f"vae_{epoch}.png"))
    assert watch.says("grids_each_epoch", n=100, n_epochs=4).fraction == pytest.approx(0.75)


@pytest.mark.parametrize("size", [64, 32])
def test_batches_are_counted_by_their_real_images(watch: Watch, size: int) -> None:
    layer = nn.Linear(784, 2)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for batch in UNIT[:256].split(size):
        layer(torch.cat([batch.flatten(1), torch.rand(size, 784)])).sum().backward()  # fakes in the same call
        optimizer.step()
    assert (watch.says("image_batches_hold", size=64).fraction == 1) is (size == 64)


# ------------------------------------------------------------------ scores


class Classifier(nn.Module):
    """Features before their activation from the first linear layer, logits from the second."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.features = nn.Linear(2 * 28 * 28, 20)
        self.head = nn.Linear(20, 10)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = torch.relu(self.features(self.conv(x).relu().flatten(1)))
        logits: torch.Tensor = self.head(features)
        return logits, features


def score(watch: Watch, n: int = 50, real: torch.Tensor = HELD_OUT, scale: float = 1.0) -> Evidence:
    """Score two sets of images as a notebook would, in one cell."""
    torch.manual_seed(0)
    model = Classifier()
    with torch.no_grad():
        model(real.float().unsqueeze(1) / 255)
        for seed in (1, 2):
            model(torch.from_numpy(scale * new_images(n, seed)).unsqueeze(1))
    return watch.evidence()


def judge(evidence: Evidence, check: str, **params: Any) -> Finding:
    found = CHECKS[check].function(
        evidence, CHECKS[check].params.model_validate(params), Context("x", 1e-4, Golden())
    )
    assert isinstance(found, Finding)
    return found


def printed(evidence: Evidence, text: str) -> Evidence:
    cell = NotebookCell(0, "code", "", text, 0, "x", None)
    return Evidence(evidence.part, (cell,), evidence.observations, evidence.execution, {}, {})


def truth(n: int = 50) -> list[str]:
    """What a correct notebook prints for both sets."""
    torch.manual_seed(0)
    model = Classifier()
    with torch.no_grad():
        _, real = model(HELD_OUT.float().unsqueeze(1) / 255)
        lines = []
        for seed in (1, 2):
            logits, features = model(torch.from_numpy(new_images(n, seed)).unsqueeze(1))
            score = inception_scores(logits.softmax(1).numpy(), 10)["right"]
            distance = frechet_of_features(real.numpy(), features.numpy(), 1)["right"]
            lines.append(f"IS {score.mean:.5f} +- {score.sd0:.5f} FID {distance:.5f}")
    return lines


def test_images_that_are_scored_are_seen(watch: Watch) -> None:
    evidence = score(watch)
    assert judge(evidence, "scored_images_are", n_generated=50, n_real=60).fraction == 1
    assert judge(evidence, "scored_images_are", n_generated=100, n_real=60).fraction < 1
    assert judge(evidence, "scored_images_are", n_generated=50, n_real=1000).fraction < 1


@pytest.mark.parametrize(
    ("real", "scale", "words"), [(TRAIN[:60], 1.0, "training images"), (HELD_OUT, -1.0, "[-1")]
)
def test_other_images_that_are_scored_are_told(
    watch: Watch, real: torch.Tensor, scale: float, words: str
) -> None:
    finding = judge(score(watch, real=real, scale=scale), "scored_images_are", n_generated=50, n_real=60)
    assert finding.fraction == 0.5
    assert words in finding.message


@pytest.mark.parametrize(
    ("change", "is_right"),
    [
        (lambda vae, gan: f"VAE {vae}\nGAN {gan}", True),
        (lambda vae, gan: f"VAE {vae.upper().replace('+-', '±')}\n| GAN | {gan} |", True),
        (lambda vae, gan: f"VAE {vae}", False),
        (lambda vae, gan: "VAE IS 5.21 +- 0.61 FID 251.3\nGAN IS 5.87 +- 0.52 FID 192.7", False),
    ],
)
def test_reported_scores_are_those_of_the_images(watch: Watch, change: Any, is_right: bool) -> None:
    evidence = printed(score(watch), change(*truth()))
    assert (judge(evidence, "scores_match_images").fraction == 1) is is_right


def test_each_score_is_judged_by_itself(watch: Watch) -> None:
    lines = [re.sub(r"FID \S+", "FID 251.3", line) for line in truth()]
    evidence = printed(score(watch), f"VAE {lines[0]}\nGAN {lines[1]}")
    assert judge(evidence, "scores_match_images", scores=["IS"]).fraction == 1
    assert judge(evidence, "scores_match_images", scores=["FID"]).fraction == 0


def test_table_is_seen_by_its_rows() -> None:
    part = PartSpec(part="x", title="x", points=0, false_fail_rate=0.01, filenames=["*"], items=[])
    bare = Evidence(part, (), Observations(), ExecutionRecord(state="complete"), {}, {})
    for text, fraction in (("VAE 5.2 251.3\nGAN 5.8 192.7", 1.0), ("VAE 5.2 251.3", 0.5), ("done", 0.0)):
        assert judge(printed(bare, text), "table_is_shown").fraction == fraction
    assert (
        judge(printed(bare, "     VAE   GAN\nIS   5.2   5.8\nFID  251   192"), "table_is_shown").fraction == 1
    )


def test_network_that_never_moved_costs_no_grids(watch: Watch, tmp_path: Path) -> None:
    def shown() -> float:
        for epoch in (1, 5, 10):
            watch.draw(grid(new_images(64), 8), title=f"epoch {epoch}")
        return watch.says("grids_are_shown", trained_in="x").fraction

    assert shown() == pytest.approx(1 / 3)
    watch.figures = []
    for epoch in range(3):
        watch.pictures._note(Image.fromarray(as_pixels(grid(new_images(100), 10))), f"gan_{epoch}.png")
    assert shown() == 1


def test_real_images_are_known_in_files_too(watch: Watch) -> None:
    for first in (0, 64, 128):
        watch.pictures._note(Image.fromarray(grid(TRAIN[first : first + 64].numpy(), 8)), f"gan_{first}.png")
    assert "MNIST" in watch.says("grids_are_shown").message


# ------------------------------------------------------------------ seeds


@pytest.mark.parametrize("shift", [0, 7])
def test_generators_of_torch_are_shifted_like_every_other_seed(
    shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = torch.Generator
    monkeypatch.setattr(torch, "Generator", real)  # put back in the end
    recorder = SeedRecorder(shift)
    recorder.torch_seed = torch.manual_seed
    recorder.torch_generators(torch)
    made = torch.Generator()
    assert made.manual_seed(1234) is made
    assert torch.equal(
        torch.rand(3, generator=made), torch.rand(3, generator=real().manual_seed(1234 + shift))
    )
    assert isinstance(torch.default_generator, torch.Generator)
    ours = recorder.stream("torch", 5)
    assert torch.equal(torch.rand(3, generator=ours), torch.rand(3, generator=real().manual_seed(5)))


def test_pairs_do_not_depend_on_how_good_the_reconstructions_are(watch: Watch) -> None:
    alike = np.repeat(new_images(1), 5, axis=0)
    watch.draw(grid(np.concatenate([UNIT[:5].numpy(), alike]), 2))
    assert watch.says("pairs_are_shown", n=5).fraction == 1


def test_training_on_too_many_images_is_not_marked_again(watch: Watch) -> None:
    train(UNIT)
    watch.draw(grid(np.concatenate([UNIT[:5].numpy(), new_images(5)]), 2))
    evidence = watch.evidence()
    assert judge(evidence, "pairs_are_shown", n=5, n_train=300).fraction == 0.5
    assert judge(evidence, "pairs_are_shown", n=5, n_train=240).fraction == 1


def test_data_beside_what_a_linear_decoder_makes_of_them_keep_their_grey_levels() -> None:
    images = UNIT[:4].numpy()
    linear = 1.4 * images - 0.3
    picture = as_picture(np.concatenate([np.hstack(list(images)), np.hstack(list(linear))]))
    assert picture is not None
    tiles, n_rows, n_columns = tiles_of(picture)
    assert (n_rows, n_columns) == (2, 4)
    assert np.array_equal(tiles[:4], TRAIN[:4].numpy())
    assert not np.array_equal(tiles[4:], TRAIN[:4].numpy())


def test_a_picture_in_one_of_the_usual_ranges_is_converted_as_a_whole() -> None:
    signed = np.hstack([2 * UNIT[0].numpy() - 1, np.abs(UNIT[1].numpy())])
    picture = as_picture(np.hstack(list(2 * UNIT[:3].numpy() - 1)))
    assert np.array_equal(np.asarray(picture), np.hstack(list(TRAIN[:3].numpy())))
    mixed = np.asarray(as_picture(signed))
    assert np.array_equal(mixed[:, :28], TRAIN[0].numpy())
    assert np.array_equal(mixed[:, 28:], TRAIN[1].numpy())
