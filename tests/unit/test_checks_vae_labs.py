"""What the labs on autoencoders need of checks: a weight that is handed over, kinds of layers, numbers by setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from module_probing import found, images, probed
from neural_specs import HEAD, LOSS, LOSS_ROLES, SAMPLE, finding, spec

from autograder.checks.findings import Context, Finding
from autograder.checks.image_noise import noise_is_normal
from autograder.golden import Golden
from autograder.probes.evidence import Evidence, gather
from autograder.probes.layer_calls import LayerSeen
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import FigureSeen, Leaf, Observations
from autograder.probes.paths import parse_path
from autograder.records import ExecutionRecord, Status
from autograder.registry import CHECKS
from autograder.rubric.model import PartSpec

BETA = spec("loss", "vae_loss_inputs", "beta_loss", LOSS_ROLES, n_cases=4, params={"beta": 3.5})
TERMS = """
def beta_loss(recon, x, mu, logvar, beta=1.0):
    r = F.binary_cross_entropy(recon, x, reduction="sum") / len(x)
    k = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum() / len(x)
    return {}, r, k
"""


@pytest.mark.parametrize(
    ("total", "said"),
    [
        ("r + beta * k", ""),
        ("beta * r + k", "weighs the reconstruction term, and not the KL term"),
        ("beta * (r + k)", "changes nothing, or both terms alike"),
        ("r + k", "changes nothing, or both terms alike"),
        ("r + k / beta", "weighs the reconstruction term, and not"),
        ("r + beta**2 * k", "multiplied twice"),
        ("r - beta * k", "wrong sign"),
        ("r + 2 * beta * k", "the ½ is missing"),
    ],
)
def test_a_weight_that_is_handed_over_weighs_the_kl_term_alone(total: str, said: str, tmp_path: Path) -> None:
    one = finding(tmp_path, "loss_is", BETA, TERMS.format(total), kl_weight_from="beta")
    assert one.fraction == (0.0 if said else 1.0), one.message
    assert said in one.message


def test_a_loss_that_takes_no_weight_leaves_it_to_the_twin(tmp_path: Path) -> None:
    source = TERMS.format("r + 4 * k").replace(", beta=1.0", "")
    assert finding(tmp_path, "loss_is", BETA, source, kl_weight_from="beta").untried


def test_half_of_the_logarithm_is_named(tmp_path: Path) -> None:
    source = (
        "def vae_loss(recon, x, mu, sigma):\n    r = F.binary_cross_entropy(recon, x, reduction='sum')\n"
        "    return (r + 0.5 * (mu**2 + sigma**2 - 1 - torch.log(sigma)).sum()) / len(x)"
    )
    assert "log σ, half of what it should be" in finding(tmp_path, "loss_is", LOSS, source).message


def test_a_floor_under_the_deviation_of_a_model_is_accepted(tmp_path: Path) -> None:
    source = """
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.m, self.s, self.dec = nn.Linear(784, 64), nn.Linear(64, 4), nn.Linear(64, 4), nn.Linear(4, 784)
    def forward(self, x):
        h = F.relu(self.enc(x.view(-1, 784)))
        mu, sigma = self.m(h), F.softplus(self.s(h)) + 1e-4
        return self.dec(torch.distributions.Normal(mu, sigma).rsample()), mu, sigma
"""
    assert finding(tmp_path, "sample_is_reparameterised", SAMPLE, source).fraction == 1.0


# ------------------------------------------------------------------ kinds of layers


DECODER = """
class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(4, 8 * 49)
        self.a, self.b = {}
    def forward(self, z):
        return self.b(F.relu(self.a(self.l(z).view(-1, 8, 7, 7))))
decoder = Decoder()
"""


@pytest.mark.parametrize(
    ("layers", "kinds", "fraction"),
    [
        ("nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.ConvTranspose2d(4, 1, 4, 2, 1)", ["conv_transpose2d"], 1.0),
        (
            "nn.Sequential(nn.Upsample(scale_factor=4), nn.Conv2d(8, 4, 3, 1, 1)), nn.Conv2d(4, 1, 1)",
            ["conv_transpose2d", "interpolate"],
            1.0,
        ),
        (
            "nn.Sequential(nn.Conv2d(8, 16, 3, 1, 1), nn.PixelShuffle(4)), nn.Identity()",
            ["pixel_shuffle"],
            1.0,
        ),
        ("nn.Flatten(), nn.Linear(392, 784)", ["conv_transpose2d", "interpolate", "pixel_shuffle"], 0.0),
    ],
)
def test_kinds_of_layers_are_counted_however_they_are_made(
    layers: str, kinds: list[str], fraction: float
) -> None:
    decoder = images("decoder", shapes=[[4]], is_normal=True)
    evidence = probed(decoder, HEAD + DECODER.format(layers))
    assert found(evidence, "layers_include", any_of=kinds).fraction == fraction


def test_a_network_that_ends_in_a_transposed_convolution_is_known_by_its_ends() -> None:
    source = HEAD + DECODER.format("nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.ConvTranspose2d(4, 1, 4, 2, 1)")
    decoder = images("x", shapes=[[4]], is_normal=True, gives=[784, 1])
    evidence = probed(
        decoder,
        source.replace("decoder = ", "irgendwas = ")
        .replace("class Decoder", "class Netz")
        .replace("Decoder()", "Netz()"),
    )
    assert found(evidence, "gives_images").fraction == 1.0


def test_a_kind_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="no kind of layer is called 'conv3d'"):
        CHECKS["layers_include"].params.model_validate({"challenge": "net", "any_of": ["conv3d"]})


# ------------------------------------------------------------------ numbers by setting


def numbers(values: Any, source: str = "work()", **evidence: Any) -> Evidence:
    specs = {
        "w.list": {"kind": "array", "about": "it", "names": ["kls"], "shape": ["n"], "suggest": False},
        "w.table": {
            "kind": "table",
            "about": "it",
            "names": ["res[{key}].kl"],
            "keys": [1, 4, 16],
            "suggest": False,
        },
    }
    part = PartSpec.model_validate(
        {
            "part": "x",
            "title": "X",
            "points": 0,
            "false_fail_rate": 1e-3,
            "filenames": [],
            "items": [],
            "evidence": specs,
        }
    )
    leaves = (
        [Leaf(parse_path(f"res[{key}].kl"), 0, float(v), "scalar", "float") for key, v in values.items()]
        if isinstance(values, dict)
        else [Leaf(parse_path("kls"), 0, np.array(values), "list", "float64")]
    )
    cells = [NotebookCell(0, "code", source, "", 0, None, None)]
    record = ExecutionRecord(state="complete")
    return gather(part, cells, Observations(tuple(leaves)), record, {}, {}, lambda evidence, key: 0.0)


def judged(evidence: Evidence, direction: str = "falls") -> Finding:
    params: dict[str, Any] = {"evidence": ["w.list", "w.table"], "n": 3, "label": "KL", "setting": "β"}
    params |= {"direction": direction, "by": 0.5, "slack": 0.1}
    entry = CHECKS["changes_with_setting"]
    one = entry.function(
        evidence, entry.params.model_validate(params), Context("w", 1e-3, Golden(assignment="x", part="x"))
    )
    assert isinstance(one, Finding)
    return one


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([18.0, 8.0, 2.0], ""),
        ({1: 18.0, 4: 8.0, 16: 2.0}, ""),
        ([2.0, 8.0, 18.0], "rises with β, and should fall"),
        ([18.0, 18.5, 2.0], ""),
        ([18.0, 22.0, 2.0], "does not fall with β"),
        ([18.0, 17.5, 16.0], "does not fall with β"),
        ([18.0, 2.0], "There are 2 numbers"),
        ([18.0, float("nan"), 2.0], "There are 3 numbers"),
    ],
)
def test_numbers_move_from_each_setting_to_the_next(values: Any, said: str) -> None:
    one = judged(numbers(values))
    assert one.fraction == (0.0 if said else 1.0)
    assert said in one.message


def test_numbers_that_were_typed_in_move_nowhere() -> None:
    assert "written out" in judged(numbers([18.0, 8.0, 2.0], "kls = [18.0, 8.0, 2.0]")).message


# ------------------------------------------------------------------ noise, and lines with labels


def layer(number: int, n_in: int, n_out: int, normal: bool) -> LayerSeen:
    law = (1.0, 0.0, 1.0, 0.5) if normal else (2.0, 0.4, 0.6, 0.0)
    none = np.zeros(0)
    return LayerSeen(
        0, "latent", number, n_in, n_out, False, False, 1, np.array([64]), np.array([5, 5]), none,
        np.array([law]), none, None, None, (), True,
    )  # fmt: skip


def test_a_narrow_layer_inside_a_decoder_is_not_taken_for_its_noise() -> None:
    part = PartSpec.model_validate(
        {"part": "x", "title": "X", "points": 0, "false_fail_rate": 1e-3, "filenames": [], "items": []}
    )

    def says(*layers: LayerSeen) -> Status:
        observations = Observations((), layers=layers)
        evidence = Evidence(part, (), observations, ExecutionRecord(state="complete"), {}, {})
        params = CHECKS["noise_is_normal"].params.model_validate({"rows": [64]})
        return noise_is_normal(evidence, params, Context("x", 1e-3, Golden(assignment="x", part="x"))).status  # type: ignore[arg-type]

    assert says(layer(0, 2, 40, True), layer(1, 40, 100, False)) is Status.PASSED
    assert says(layer(0, 2, 40, False), layer(1, 40, 100, False)) is Status.FAILED
    assert says(layer(0, 2, 40, True), layer(1, 8, 100, False)) is Status.FAILED, "another network"


def test_of_several_lines_the_one_whose_label_names_the_evidence_is_meant() -> None:
    spec = {
        "kind": "array",
        "about": "it",
        "names": ["recs"],
        "shape": ["n"],
        "hints": ["rec", "line"],
        "drawn": True,
    }
    part = PartSpec.model_validate(
        {
            "part": "x",
            "title": "X",
            "points": 0,
            "false_fail_rate": 1e-3,
            "filenames": [],
            "items": [],
            "evidence": {"w.it": spec},
        }
    )
    lines = [
        {"n": 3, "x": [0, 1, 2], "y": [start, start - 1.0, start - 2.0], "label": label}
        for label, start in (("perte", 9.0), ("reconstruction", 7.0), ("KL", 5.0))
    ]
    figure = FigureSeen(0, {"n": 1, "axes": [{"lines": lines}]}, {})
    observations = Observations((), (), (figure,))
    cells = [NotebookCell(0, "code", "work()", "", 0, None, None)]
    evidence = gather(
        part, cells, observations, ExecutionRecord(state="complete"), {}, {}, lambda evidence, key: 0.0
    )
    assert evidence.array("w.it").tolist() == [7.0, 6.0, 5.0]
