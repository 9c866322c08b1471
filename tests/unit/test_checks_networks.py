"""Live torch modules: correct styles are recognised, faulty ones are named, nothing of the student's is changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from autograder.kernel_side.fillings import Filling, hashed
from autograder.probes.modules import read_module
from autograder.records import Status
from tests.corpus import neural_heldout
from tests.corpus import neural_layers as layers
from tests.corpus.neural_styles import CONVENTIONS, FAULTY, MODEL, PLAIN, PREAMBLE, STYLES, swap
from tests.unit.module_probing import (
    LANGUAGE_MODEL,
    answers_of,
    found,
    images,
    namespace_of,
    probed,
    transformer_evidence,
)

torch.set_num_threads(1)

GENERATOR = images("G", "Generator", shapes=[[8]], is_normal=True)
DISCRIMINATOR = images("D", "Discriminator", shapes=[[36]], low=-1.0)
CLASSIFIER = images("Classifier", "clf", shapes=[[1, 8, 8]])


# ---------------------------------------------------------------- Transformers


@pytest.mark.parametrize("style", STYLES)
def test_correct_transformer_is_accepted(style: str) -> None:
    evidence = transformer_evidence(STYLES[style])
    finding = found(evidence, "matches_transformer", n_layer=2)
    assert finding.status is Status.PASSED, finding.message
    assert CONVENTIONS.get(style, "") in " ".join(finding.notes)
    assert bool(finding.notes) == (style in CONVENTIONS)
    assert found(evidence, "parameter_count_is", n_layer=2).status is Status.PASSED
    for check in (
        "is_causal",
        "is_batch_independent",
        "uses_positions",
        "is_deterministic",
        "gradients_reach",
    ):
        assert found(evidence, check).status is not Status.FAILED, check


@pytest.mark.parametrize("mistake", FAULTY)
def test_faulty_transformer_is_named(mistake: str) -> None:
    source, words = FAULTY[mistake]
    finding = found(transformer_evidence(source), "matches_transformer", n_layer=2)
    assert finding.status is Status.FAILED
    assert words in finding.message


@pytest.mark.parametrize("style", neural_heldout.CORRECT)
def test_later_style_is_accepted(style: str) -> None:
    evidence = transformer_evidence(neural_heldout.CORRECT[style])
    for check, params in (("matches_transformer", {"n_layer": 2}), ("parameter_count_is", {"n_layer": 2})):
        finding = found(evidence, check, **params)
        assert finding.status is Status.PASSED, finding.message


@pytest.mark.parametrize("mistake", neural_heldout.FAULTY)
def test_later_mistake_is_caught(mistake: str) -> None:
    """By the formula, by behaviour or by the number of parameters; what is not known goes to a person."""
    evidence = transformer_evidence(neural_heldout.FAULTY[mistake])
    findings = [found(evidence, check, n_layer=2) for check in ("matches_transformer", "parameter_count_is")]
    findings += [found(evidence, check) for check in ("is_causal", "is_batch_independent", "gradients_reach")]
    assert any(finding.status in (Status.FAILED, Status.REVIEW) for finding in findings)


@pytest.mark.parametrize(
    ("mistake", "check"),
    [
        ("no mask", "is_causal"),
        ("mask shows the next token", "is_causal"),
        ("mask after the softmax", "is_causal"),
        ("inverted mask", "is_causal"),
        ("no positions", "uses_positions"),
        ("attention along the batch", "is_batch_independent"),
        ("a block less", "gradients_reach"),
        ("no output projection", "gradients_reach"),
        ("blocks in a plain list", "gradients_reach"),
    ],
)
def test_behaviour_reveals_it_too(mistake: str, check: str) -> None:
    assert found(transformer_evidence(FAULTY[mistake][0]), check).status is Status.FAILED


def test_counts_of_parameters_find_what_is_missing() -> None:
    for mistake in ("learned positions", "blocks in a plain list"):
        finding = found(transformer_evidence(FAULTY[mistake][0]), "parameter_count_is", n_layer=2)
        assert finding.status is Status.FAILED


def test_key_that_shares_the_query_has_no_gradient() -> None:
    source = swap(PLAIN, ("k = self.k(x)", "k = self.q(x)"))
    evidence = transformer_evidence(source)
    assert found(evidence, "matches_transformer", n_layer=2).status is Status.PASSED  # equal weights hide it
    assert "attn.k" in found(evidence, "gradients_reach").message


def test_shape_without_canonical_weights_is_no_failure() -> None:
    source = swap(
        PLAIN,
        (
            "self.norm = nn.LayerNorm(C)",
            "self.norm = nn.LayerNorm(C); self.extra = nn.Parameter(torch.ones(2, 5, 7))",
        ),
    )
    evidence = transformer_evidence(source)
    finding = found(evidence, "matches_transformer", n_layer=2)
    assert (finding.status, finding.untried) == (Status.BLOCKED, True)
    assert "(2, 5, 7)" in finding.message
    assert found(evidence, "is_causal").status is Status.PASSED


def test_unknown_mathematics_is_left_to_a_person() -> None:
    source = swap(PLAIN, ("x = x + self.ff(self.ln2(x))", "x = x + 0.5 * self.ff(self.ln2(x))"))
    finding = found(transformer_evidence(source), "matches_transformer", n_layer=2)
    assert finding.status is Status.REVIEW


def test_dropout_that_stays_on_is_found() -> None:
    source = swap(
        PLAIN, ("weights = F.softmax(scores, dim=-1)", "weights = F.dropout(F.softmax(scores, dim=-1), 0.1)")
    )
    finding = found(transformer_evidence(source), "is_deterministic")
    assert finding.status is Status.FAILED
    assert "evaluation" in finding.message


# ------------------------------------------------------------ layers in a row


@pytest.mark.parametrize("style", layers.VAES)
def test_correct_autoencoder_is_accepted(style: str) -> None:
    evidence = probed(layers.VAE_CHALLENGE, layers.VAES[style])
    finding = found(evidence, "matches_autoencoder", **layers.AUTOENCODER)
    assert finding.status is Status.PASSED, finding.message
    for check in ("is_batch_independent", "is_deterministic", "gradients_reach"):
        assert found(evidence, check).status is Status.PASSED, check
    assert found(evidence, "gradients_reach", from_size=36).status is Status.PASSED


@pytest.mark.parametrize("mistake", layers.FAULTY_VAES)
def test_faulty_autoencoder_is_named(mistake: str) -> None:
    source, words = layers.FAULTY_VAES[mistake]
    finding = found(probed(layers.VAE_CHALLENGE, source), "matches_autoencoder", **layers.AUTOENCODER)
    assert finding.status is Status.FAILED
    assert words in finding.message


def test_head_behind_a_cut_gets_no_gradient_from_the_reconstruction() -> None:
    source = swap(layers.VAE, ("return mu + eps * std", "return mu + (eps * std).detach()"))
    finding = found(probed(layers.VAE_CHALLENGE, source), "gradients_reach", from_size=36)
    assert finding.status is Status.FAILED
    assert "logvar.weight" in finding.message


def test_network_without_weights_is_said_to_have_none() -> None:
    source = "class VAE(nn.Module):\n    def forward(self, x):\n        return None\nvae = VAE()"
    evidence = probed(layers.VAE_CHALLENGE, f"import torch.nn as nn\n{source}")
    finding = found(evidence, "parameter_count_is", layers=layers.GENERATOR)
    assert finding.status is Status.FAILED
    assert "has no parameters" in finding.message


OF_LAYERS: list[tuple[dict[str, Any], dict[str, str], list[str], list[list[str]]]] = [
    (GENERATOR, layers.GENERATORS, layers.GENERATOR, []),
    (DISCRIMINATOR, layers.DISCRIMINATORS, layers.DISCRIMINATOR, []),
    (CLASSIFIER, layers.CLASSIFIERS, layers.CLASSIFIER, [layers.CLASSIFIER[:-1]]),
]


@pytest.mark.parametrize(
    ("spec", "source", "lines", "variants"),
    [
        (spec, source, lines, variants)
        for spec, styles, lines, variants in OF_LAYERS
        for source in styles.values()
    ],
)
def test_correct_layers_are_accepted(
    spec: dict[str, Any], source: str, lines: list[str], variants: list[list[str]]
) -> None:
    evidence = probed(spec, source)
    for check in ("matches_layers", "layers_are"):
        finding = found(evidence, check, layers=lines, variants=variants)
        assert finding.status is Status.PASSED, finding.message
    assert found(evidence, "parameter_count_is", layers=lines).status is Status.PASSED
    assert found(evidence, "gradients_reach").status is Status.PASSED


@pytest.mark.parametrize(
    ("spec", "source", "words", "lines"),
    [
        (spec, source, words, lines)
        for spec, styles, lines in (
            (GENERATOR, layers.FAULTY_GENERATORS, layers.GENERATOR),
            (DISCRIMINATOR, layers.FAULTY_DISCRIMINATORS, layers.DISCRIMINATOR),
            (CLASSIFIER, layers.FAULTY_CLASSIFIERS, layers.CLASSIFIER[:-1]),
        )
        for source, words in styles.values()
    ],
)
def test_faulty_layers_are_named(spec: dict[str, Any], source: str, words: str, lines: list[str]) -> None:
    evidence = probed(spec, source)
    finding = found(evidence, "matches_layers", layers=lines)
    assert finding.status is Status.FAILED
    assert words in finding.message
    assert found(evidence, "layers_are", layers=lines).status is Status.FAILED


@pytest.mark.parametrize(
    ("pair", "status", "words"),
    [
        (("nn.Dropout(0.3)", "nn.Dropout(0.3)"), Status.PASSED, "0.3 and 0.3"),
        (("nn.Dropout(0.3)", "nn.Dropout(0.5)"), Status.FAILED, "0.5 and 0.5"),
        (("nn.Dropout(0.3)", "nn.Dropout(0.7)"), Status.FAILED, "not the one that is kept"),
        (("nn.Dropout(0.3)", "nn.Identity()"), Status.FAILED, "no dropout"),
    ],
)
def test_dropout_of_a_discriminator(pair: tuple[str, str], status: Status, words: str) -> None:
    finding = found(probed(DISCRIMINATOR, swap(layers.D, pair)), "dropout_is", p=[0.3, 0.3])
    assert finding.status is status
    assert words in finding.message


def test_ranges_of_outputs() -> None:
    generator, sigmoid = (
        probed(GENERATOR, layers.G),
        probed(GENERATOR, layers.FAULTY_GENERATORS["sigmoid"][0]),
    )
    assert found(generator, "output_range_is", low=-1.0, high=1.0).status is Status.PASSED
    assert found(sigmoid, "output_range_is", low=-1.0, high=1.0).status is Status.FAILED
    logits, squashed = (
        probed(DISCRIMINATOR, layers.D),
        probed(DISCRIMINATOR, layers.FAULTY_DISCRIMINATORS["sigmoid"][0]),
    )
    assert found(logits, "output_range_is", is_unbounded=True).status is Status.PASSED
    assert found(squashed, "output_range_is", is_unbounded=True).status is Status.FAILED


# ------------------------------------------------------------ finding modules


def test_nothing_of_the_students_is_changed() -> None:
    namespace = namespace_of(PREAMBLE, PLAIN + MODEL)
    model = namespace.now["model"]
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    names = set(namespace.now)
    answers_of(LANGUAGE_MODEL, namespace)
    assert set(namespace.now) == names
    assert namespace.now["model"] is model
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_name_that_another_part_took_over_still_means_its_module() -> None:
    evidence = probed(
        LANGUAGE_MODEL,
        swap(PLAIN, ("class TransformerLM", "class Net")) + "model = Net(V)",
        "model = nn.Linear(3, 2)",
    )
    finding = found(evidence, "matches_transformer", n_layer=2)
    assert finding.status is Status.PASSED, finding.message


def test_global_that_changed_later_is_read_as_it_was() -> None:
    evidence = probed(LANGUAGE_MODEL, PLAIN, "C, H, T_MAX = 5, 1, 2")
    assert found(evidence, "matches_transformer", n_layer=2).status is Status.PASSED


def test_notebook_without_the_module_gives_nothing_to_try() -> None:
    for source in ("x = 1", "import torch\nnet = torch.nn.Linear(2, 2)"):
        finding = found(probed(LANGUAGE_MODEL, source), "matches_transformer", n_layer=2)
        assert (finding.status, finding.untried) == (Status.BLOCKED, True)


def test_class_that_cannot_be_made_is_told() -> None:
    source = PREAMBLE + "class TransformerLM(nn.Module):\n    def __init__(self, secret): super().__init__()"
    (answer,) = answers_of(LANGUAGE_MODEL, namespace_of(source))
    assert answer.status == "not_callable"
    assert "secret" in answer.error


def test_module_that_fails_is_told_with_its_error() -> None:
    evidence = transformer_evidence(
        swap(PLAIN, ("x = self.embedding(idx)", "raise RuntimeError('oh'); x = self.embedding(idx)"))
    )
    finding = found(evidence, "matches_transformer", n_layer=2)
    assert finding.status is Status.REVIEW  # the call may be ours to blame
    assert "oh" in finding.message


def test_model_that_needs_more_than_tokens_is_left_to_other_evidence() -> None:
    source = swap(PLAIN, ("def forward(self, idx):", "def forward(self, idx, mask):"))
    finding = found(transformer_evidence(source), "matches_transformer", n_layer=2)
    assert (finding.status, finding.untried) == (Status.BLOCKED, True)
    assert "mask" in finding.message


REFERENCE = """
from reference.transformer import TransformerConfig, TransformerLM
from reference.autoencoders import VAE
from reference.adversarial import Discriminator, Generator
model = TransformerLM(TransformerConfig(31, 16, 2, 3, 24, 96))
vae = VAE(36, (20, 12), 4)
G, D = Generator(8, (12, 20), 36), Discriminator(36, (20, 12))
"""


def test_reference_is_accepted() -> None:
    """The answers and the formulas were written apart from each other."""
    for spec, check, params in (
        (LANGUAGE_MODEL, "matches_transformer", {"n_layer": 2}),
        (layers.VAE_CHALLENGE, "matches_autoencoder", layers.AUTOENCODER),
        (GENERATOR, "matches_layers", {"layers": layers.GENERATOR}),
        (DISCRIMINATOR, "matches_layers", {"layers": layers.DISCRIMINATOR}),
    ):
        finding = found(probed(spec, REFERENCE), check, **params)
        assert finding.status is Status.PASSED, finding.message
        assert finding.notes == ()


def test_record_that_makes_no_sense_is_not_read() -> None:
    (answer,) = answers_of(LANGUAGE_MODEL, namespace_of(PLAIN))
    assert read_module(answer, {}) is not None
    answer.record["runs"] = "none"
    assert read_module(answer, {}) is None


# ------------------------------------------------------------------- fillings


def test_equal_shapes_hold_equal_values_and_transposes_transposes() -> None:
    for filling in (Filling(3, 0.5), Filling(3, 0.5, d_model=24, n_head=3)):
        for shape in [(24, 24), (96, 24), (31, 24), (8, 24), (36, 20)]:
            values, turned = filling.tensor(shape), filling.tensor(shape[::-1])
            assert values is not None
            assert turned is not None
            np.testing.assert_array_equal(values, turned.T)


def test_arrangements_of_projections_hold_the_same_map() -> None:
    filling = Filling(3, 0.5, d_model=24, n_head=3)
    one = filling.tensor((24, 24))
    assert one is not None
    for shape, part in [
        ((72, 24), lambda t: t[24:48]),
        ((24, 72), lambda t: t[:, :24]),
        ((24, 24, 1), lambda t: t[:, :, 0]),
        ((3, 24, 24), lambda t: t[1]),
        ((3, 24, 8), lambda t: np.concatenate(list(t), axis=1)),
        ((24, 3, 8), lambda t: t.reshape(24, 24)),
        ((3, 3, 24, 8), lambda t: np.concatenate(list(t[2]), axis=1)),
    ]:
        values = filling.tensor(shape)
        assert values is not None
        np.testing.assert_array_equal(part(values), one)
    assert filling.tensor((2, 5, 7)) is None


def test_hash_is_fixed_and_uniform() -> None:
    values = hashed([100_000], 5)
    assert abs(values.mean()) < 0.02
    assert abs(values.std() - 1) < 0.01
    np.testing.assert_array_equal(hashed([3], 1), hashed([3], 1))
    assert not np.array_equal(hashed([3], 1), hashed([3], 2))


# ------------------------------------------------------------------ networks under names that nobody expected

UNNAMED = """
import torch
from torch import nn

class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.rest = nn.Sequential(nn.Linear(64, 256), nn.LeakyReLU(0.2), nn.Linear(256, 784), nn.Tanh())

    def forward(self, z):
        return self.rest(z)
"""
GENERATOR_LAYERS = ["linear 64 256", "leaky_relu 0.2", "linear 256 784", "tanh"]
PLACES = {
    "a name": "erste = Encoder().rest",
    "a class": "erste = Encoder()",
    "a dictionary": "alle = {'erste': Encoder(), 'andere': nn.Linear(3, 4)}",
    "a list": "alle = [nn.Linear(3, 4), Encoder().rest]",
    "an object": "class Lauf:\n    pass\n\nlauf = Lauf()\nlauf.erste = Encoder()",
    "a module of modules": "alle = nn.ModuleDict({'erste': Encoder(), 'andere': nn.Linear(3, 4)})",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_network_is_found_by_its_ends_wherever_it_is_kept(place: str) -> None:
    spec = images("G", shapes=[[64], [100]], is_normal=True, gives=[784])
    evidence = probed(spec, UNNAMED, place)
    assert found(evidence, "layers_are", layers=GENERATOR_LAYERS).fraction == 1.0
    other = [GENERATOR_LAYERS[0], "leaky_relu 0.1", *GENERATOR_LAYERS[2:]]
    assert found(evidence, "layers_are", layers=other).fraction == 0.0


def test_network_with_other_ends_is_not_meant_and_neither_is_a_container() -> None:
    spec = images("G", shapes=[[16]], is_normal=True, gives=[784])
    assert found(probed(spec, UNNAMED, "net = Encoder()"), "layers_are", layers=GENERATOR_LAYERS).untried
    spec = images("G", shapes=[[64]], is_normal=True, gives=[784])
    held = "net = nn.ModuleList([nn.Linear(64, 256), nn.Linear(256, 784)])"
    assert found(probed(spec, UNNAMED, held), "layers_are", layers=GENERATOR_LAYERS).untried


@pytest.mark.parametrize("wrong", [False, True])
def test_function_of_a_container_and_tokens_is_a_language_model(wrong: bool) -> None:
    source = PLAIN.replace("TransformerLM", "Kiste")
    if wrong:
        source = swap(source, ("/ math.sqrt(C // H)", "/ math.sqrt(C)"))
    cells = (
        source,
        "params = nn.ModuleDict({'alles': Kiste(31)})",
        "def lauf(params, x):\n    return params['alles'](x)",
    )
    evidence = probed(LANGUAGE_MODEL, *cells)
    finding = found(evidence, "matches_transformer", n_layer=2)
    assert (finding.status is Status.PASSED) is not wrong, finding.message
    assert "`lauf`" in finding.message
