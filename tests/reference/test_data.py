"""Loading of the data sets: files written by hand, damage of every kind, and the real files where they are."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

import autograder.registered  # noqa: F401  # fills the registries
from autograder.registry import find_assignment
from autograder.rubric.loader import load_rubric
from reference import data, stand_ins
from reference.aml_a3 import settings
from reference.aml_a3 import stand_ins as stand_ins_a3
from reference.batches import mean_over_examples, shuffled_batches
from reference.data import DataError, LabelledImages
from reference.image_grids import image_grid

IMAGES = "train-images-idx3-ubyte"
LABELS = "train-labels-idx1-ubyte"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve stand-in digits for training, four for test, in the layout of the data sets."""
    stand_ins.write_stand_ins(tmp_path, n_train=12, n_test=4, n_characters=500, seed=1)
    return tmp_path


def raw(folder: Path, name: str) -> Path:
    return folder / "MNIST" / "raw" / name


# ------------------------------------------------------------------ files


def test_idx_file_written_by_hand_is_read(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(struct.pack(">IIII", 2051, 2, 1, 3) + bytes([1, 2, 3, 4, 5, 255]))
    (tmp_path / "labels").write_bytes(struct.pack(">II", 2049, 2) + bytes([7, 9]))
    np.testing.assert_array_equal(data.read_idx(tmp_path / "images", 2051), [[[1, 2, 3]], [[4, 5, 255]]])
    np.testing.assert_array_equal(data.read_idx(tmp_path / "labels", 2049), [7, 9])


def test_idx_file_survives_a_round_trip(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, size=(3, 4, 5), dtype=np.uint8)
    data.write_idx(tmp_path / "x", array)
    np.testing.assert_array_equal(data.read_idx(tmp_path / "x", 2051), array)


def test_packed_files_are_read_where_no_plain_ones_are(folder: Path) -> None:
    plain = data.load_mnist(folder, "train")
    for name in (IMAGES, LABELS):
        path = raw(folder, name)
        raw(folder, f"{name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    packed = data.load_mnist(folder, "train")
    assert torch.equal(packed.pixels, plain.pixels)
    assert torch.equal(packed.labels, plain.labels)


def test_images_come_in_the_unit_interval_with_a_channel(folder: Path) -> None:
    for subset, n in (("train", 12), ("test", 4)):
        images = data.load_mnist(folder, subset)  # type: ignore[arg-type]
        assert images.pixels.shape == (n, 1, 28, 28)
        assert images.pixels.dtype == torch.float32
        assert images.labels.dtype == torch.int64
        assert float(images.pixels.min()) == 0.0
        assert float(images.pixels.max()) == 1.0


def test_missing_files_are_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte: found neither .* nor .*\.gz; fetch it"):
        data.load_mnist(tmp_path, "train")
    with pytest.raises(DataError, match=r"input\.txt: no such file; fetch it"):
        data.load_text(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (IMAGES, b"\x00\x00", "truncated, 2 bytes hold no header"),
        (IMAGES, struct.pack(">IIII", 2049, 12, 28, 28), "expected the magic number 2051, got 2049"),
        (IMAGES, struct.pack(">IIII", 2051, 12, 28, 28) + b"\x00" * 9407, "expected 9424 bytes .* got 9423"),
        (IMAGES, struct.pack(">IIII", 2051, 12, 28, 28) + b"\x00" * 9409, "expected 9424 bytes .* got 9425"),
        (IMAGES, struct.pack(">IIII", 2051, 1, 2, 2) + b"\x00" * 4, r"expected images of \(28, 28\)"),
        (LABELS, struct.pack(">II", 2049, 3) + b"\x00" * 3, "expected 12 labels of 0 to 9, got 3"),
        (LABELS, struct.pack(">II", 2049, 12) + b"\x0b" * 12, "expected 12 labels of 0 to 9"),
    ],
)
def test_damaged_idx_files_are_refused(folder: Path, name: str, content: bytes, message: str) -> None:
    raw(folder, name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        data.load_mnist(folder, "train")


def test_truncated_and_foreign_packed_files_are_refused(folder: Path) -> None:
    path = raw(folder, IMAGES)
    packed = gzip.compress(path.read_bytes())
    path.unlink()
    for content in (packed[: len(packed) // 2], b"no gzip at all", packed[:12] + b"\xff" * 40):
        raw(folder, f"{IMAGES}.gz").write_bytes(content)
        with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: damaged"):
            data.load_mnist(folder, "train")


@pytest.mark.parametrize(("content", "message"), [(b"", "empty"), (b"\xff\xfe\x00", "expected UTF-8 text")])
def test_damaged_text_is_refused(folder: Path, content: bytes, message: str) -> None:
    (folder / "tinyshakespeare" / "input.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        data.load_text(folder)


def test_data_folder_is_the_one_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AUTOGRADER_DATA", raising=False)
    with pytest.raises(DataError, match="AUTOGRADER_DATA is not set"):
        data.data_folder()
    monkeypatch.setenv("AUTOGRADER_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="nowhere is no folder"):
        data.data_folder()
    monkeypatch.setenv("AUTOGRADER_DATA", str(tmp_path))
    assert data.data_folder() == tmp_path


# ------------------------------------------------------------------ splits


def test_image_split_is_a_partition_that_the_seed_fixes() -> None:
    pixels = torch.arange(100.0).view(100, 1, 1, 1)
    images = LabelledImages(pixels, torch.arange(100))
    train, validation = data.split_images(images, 20, seed=5)
    assert len(train.labels) == 80
    assert len(validation.labels) == 20
    both = torch.cat([train.labels, validation.labels])
    assert both.sort().values.tolist() == list(range(100))
    assert torch.equal(train.pixels.flatten(), train.labels.float())
    assert torch.equal(data.split_images(images, 20, seed=5)[1].labels, validation.labels)
    assert not torch.equal(data.split_images(images, 20, seed=6)[1].labels, validation.labels)
    for n_validation in (0, 100, -1):
        with pytest.raises(ValueError, match="expected 0 < n_validation < 100"):
            data.split_images(images, n_validation, seed=5)


@pytest.mark.parametrize("n", [0, 1, 19, 20, 101, 1000])
def test_text_split_is_contiguous_and_loses_nothing(n: int) -> None:
    text = "".join(chr(48 + i % 70) for i in range(n))
    train, validation, test = data.split_text(text)
    assert train + validation + test == text
    assert len(train) == int(0.9 * n)
    assert len(test) in (n * 5 // 100, n * 5 // 100 + 1)


# ------------------------------------------------------------------ stand-ins


def test_stand_ins_look_like_what_they_replace() -> None:
    digits = stand_ins.stroke_digits(200, np.random.default_rng(0))
    assert digits.pixels.shape == (200, 1, 28, 28)
    assert digits.pixels.dtype == torch.float32
    assert 0.0 <= float(digits.pixels.min()) < float(digits.pixels.max()) <= 1.0
    assert set(digits.labels.tolist()) == set(range(10))
    assert 0.05 < float(digits.pixels.mean()) < 0.3
    border = torch.cat([digits.pixels[..., 0, :], digits.pixels[..., -1, :]])
    assert float(border.mean()) < 0.01  # nothing is cut off
    text = stand_ins.grammar_text(1_000, np.random.default_rng(0))
    assert len(text) == 1_000
    assert "\n" in text
    assert stand_ins.grammar_text(1_000, np.random.default_rng(0)) == text
    assert stand_ins.grammar_text(0, np.random.default_rng(0)) == ""


def test_stand_in_classes_can_be_told_apart() -> None:
    """The nearest class mean, of other draws, names most digits."""
    train, test = (stand_ins.stroke_digits(300, np.random.default_rng(seed)) for seed in (1, 2))
    means = torch.stack([train.pixels[train.labels == k].mean(dim=0).flatten() for k in range(10)])
    nearest = torch.cdist(test.pixels.flatten(1), means).argmin(dim=1)
    assert float((nearest == test.labels).float().mean()) > 0.6


def test_stand_ins_say_what_they_are(folder: Path) -> None:
    assert "not the data sets" in (folder / "stand-ins.json").read_text(encoding="utf-8")
    assert len(data.load_text(folder)) == 500


# ------------------------------------------------------------------ batches and grids


def test_batches_hold_every_example_once_in_an_order_that_changes() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (list(shuffled_batches(10, 4, generator)) for _ in range(2))
    assert [len(batch) for batch in first] == [4, 4, 2]
    assert torch.cat(first).sort().values.tolist() == list(range(10))
    assert not torch.equal(torch.cat(first), torch.cat(second))
    for n, batch_size in ((0, 4), (4, 0)):
        with pytest.raises(ValueError, match="expected n >= 1 and batch_size >= 1"):
            list(shuffled_batches(n, batch_size, generator))


def test_mean_over_examples_weighs_a_smaller_batch_less() -> None:
    losses = [torch.tensor([1.0, 10.0]), torch.tensor([4.0, 40.0])]
    torch.testing.assert_close(mean_over_examples(losses, [2, 1]), torch.tensor([2.0, 20.0]).double())


def test_image_grid_fills_row_by_row() -> None:
    images = torch.arange(6.0)[:, None].expand(6, 4)
    expected = torch.tensor(
        [[0.0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2], [3, 3, 4, 4, 5, 5], [3, 3, 4, 4, 5, 5]]
    )
    assert torch.equal(image_grid(images, 2, 3, size=2), expected)
    assert torch.equal(image_grid(images.view(6, 1, 2, 2), 2, 3, size=2), expected)
    with pytest.raises(ValueError, match="expected 9 images for the grid, got 6"):
        image_grid(images, 3, 3, size=2)


# ------------------------------------------------------------------ the real files


def test_mnist_is_what_was_published(data_sets: Path) -> None:
    images = data.load_mnist(data_sets, "train")
    assert images.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert images.labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert float(images.pixels.mean()) == pytest.approx(0.13066, abs=1e-5)
    assert float(images.pixels.std()) == pytest.approx(0.30811, abs=1e-5)
    train, validation = data.split_images(images, settings.N_VALIDATION, settings.SEED)
    assert (len(train.labels), len(validation.labels)) == (settings.N_TRAIN, settings.N_VALIDATION)
    test = data.load_mnist(data_sets, "test")
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert len(test.labels) == settings.N_TEST


def test_tiny_shakespeare_is_what_was_published(data_sets: Path) -> None:
    text = data.load_text(data_sets)
    assert (len(text), len(set(text))) == (1_115_394, 65)
    assert [len(part) for part in data.split_text(text)] == [1_003_854, 55_770, 55_770]


def test_stand_ins_hold_as_many_images_as_a_short_run_takes() -> None:
    """With fewer, a correct notebook makes fewer updates than the sheet asks for, and validates on training images."""
    rubric = load_rubric(find_assignment("aml-a3"))
    short = next(part.values_of("short") for part in rubric.parts if part.part == "b")
    assert max(short.values()) <= stand_ins_a3.N_TRAIN
    assert stand_ins_a3.N_TEST >= settings.N_REAL
