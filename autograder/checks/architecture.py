"""Claims about a network: its layers and sizes, and what it computes under canonical weights."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from pydantic import Field, field_validator

from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    failed,
    for_person,
    join,
    judged,
    untried,
)
from autograder.checks.networks import judge_modules, shown_shapes
from autograder.probes.evidence import Evidence
from autograder.probes.modules import Array, ModuleSeen, RunSeen
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey
from autograder.stats.autoencoders import LatentTrial, autoencoder_reading
from autograder.stats.language_models import Choices, Sizes, n_parameters
from autograder.stats.layers import ACTIVATIONS, Layer, LayerTrial, layers_reading, parse_layer
from autograder.stats.readings import Reading, Trial, language_reading, words_of

CANONICAL = ("canonical_0", "canonical_1")
BY_HAND = ("where", "maximum", "max", "clamp", "prelu", "hardtanh", "elu", "selu")
"""Functions by which an activation may be written by hand."""
UNKNOWN = "It fits neither the formula, in any of its accepted readings, nor a mistake that is known here."


def _layer_lines(lines: list[str]) -> list[str]:
    for line in lines:
        parse_layer(line)
    return lines


class OfLayers(CheckParams):
    """A network of layers in a row, as the sheet lists them: `linear 784 512`, `leaky_relu 0.2`, `dropout 0.3`, ..."""

    challenge: ChallengeKey
    layers: list[str] = Field(min_length=1)
    variants: list[list[str]] = Field(default_factory=list)
    """Other lists that are accepted too; the one that was recognised is named."""

    @field_validator("layers")
    @classmethod
    def _known(cls, lines: list[str]) -> list[str]:
        return _layer_lines(lines)

    @field_validator("variants")
    @classmethod
    def _all_known(cls, variants: list[list[str]]) -> list[list[str]]:
        return [_layer_lines(lines) for lines in variants]

    def parsed(self) -> list[list[Layer]]:
        """Return the sheet's list and the variants."""
        return [[parse_layer(line) for line in lines] for lines in (self.layers, *self.variants)]


# -------------------------------------------------------------------- layers


class LayersAre(OfLayers):
    """Layers in the order in which they run, whatever class or function they are written with."""


@CHECKS.register(LayersAre)
def layers_are(evidence: Evidence, params: LayersAre, context: Context) -> Finding:
    """The layers that run, in their order, have the sheet's sizes and activations (dropout has its own check)."""

    def judge(module: ModuleSeen) -> Finding:
        run = module.run("own") or next((r for r in module.record.runs if r.trace), None)
        if run is None or not run.trace:
            return untried(f"`{module.name}` could not be run on inputs of the expected shape.")
        seen = layers_seen(run)
        accepted = [_compared(layers) for layers in params.parsed()]
        shown, expected = ", ".join(map(str, seen)), ", ".join(map(str, accepted[0]))
        about: dict[str, Any] = {"observed": shown, "expected": expected, "found": _found(module)}
        if seen in accepted:
            at = accepted.index(seen)
            notes = (f"Accepted variant: {shown}.",) if at else ()
            return judged(1.0, message=f"`{module.name}` has the layers of the sheet.", notes=notes, **about)
        by_hand = [step["op"] for step in run.trace if step.get("op") in BY_HAND]
        if by_hand and _without(seen, ACTIVATIONS) in [_without(layers, ACTIVATIONS) for layers in accepted]:
            return for_person(
                f"`{module.name}` has the right layers; an activation is written by hand ({join(sorted(set(by_hand)))}).",
                **about,
            )
        return failed(f"`{module.name}`: {_first_difference(seen, accepted[0])}", **about)

    return judge_modules(evidence, params.challenge, "the network", judge)


def layers_seen(run: RunSeen) -> list[Layer]:
    """Return the layers of a trace that the sheet would list, without flattening and dropout."""
    return _compared([layer for step in run.trace for layer in _layers_of(step)])


def _layers_of(step: dict[str, Any]) -> Iterator[Layer]:
    kind, weight, right = step.get("op"), step.get("weight"), step.get("right")
    if kind in ("linear", "conv1d") and isinstance(weight, list) and len(weight) >= 2:
        yield Layer("linear", (float(weight[1]), float(weight[0])))
    elif kind == "matmul" and isinstance(right, list) and len(right) == 2:
        yield Layer("linear", (float(right[0]), float(right[1])))
    elif kind == "conv2d" and isinstance(weight, list) and len(weight) == 4:
        padding = step.get("padding")
        padding = padding[0] if isinstance(padding, list) and padding else padding
        side = weight[2] // 2 if padding == "same" else padding if isinstance(padding, int) else 0
        yield Layer("conv", (float(weight[1]), float(weight[0]), float(weight[2]), float(side)))
    elif kind == "max_pool2d":
        kernel = step.get("kernel")
        kernel = kernel[0] if isinstance(kernel, list) and kernel else kernel
        yield Layer("max_pool", (float(kernel) if isinstance(kernel, int | float) else 0.0,))
    elif kind == "leaky_relu":
        slope = step.get("slope")
        yield Layer("leaky_relu", (float(slope) if isinstance(slope, int | float) else 0.0,))
    elif kind in ("softmax", "log_softmax"):
        yield Layer("softmax")
    elif kind in ACTIVATIONS:
        yield Layer(str(kind))


def _compared(layers: Sequence[Layer]) -> list[Layer]:
    """Return layers in the form in which lists are compared: ReLU and max pooling commute."""
    kept = [layer for layer in layers if layer.kind not in ("flatten", "dropout")]
    for at in range(len(kept) - 1):
        if kept[at].kind == "max_pool" and kept[at + 1].kind in ("relu", "leaky_relu"):
            kept[at], kept[at + 1] = kept[at + 1], kept[at]
    return kept


def _without(layers: Sequence[Layer], kinds: Sequence[str]) -> list[Layer]:
    return [layer for layer in layers if layer.kind not in kinds]


def _first_difference(seen: Sequence[Layer], expected: Sequence[Layer]) -> str:
    for at, (is_there, wanted) in enumerate(itertools.zip_longest(seen, expected)):
        if is_there != wanted:
            before = f" after {expected[at - 1]}" if at else " at the beginning"
            if is_there is None:
                return f"{wanted} is missing at the end."
            if wanted is None:
                return f"{is_there} at the end is not in the sheet."
            return f"expected {wanted}{before}, found {is_there}."
    return "the layers differ."


class ParameterCountIs(CheckParams):
    """The number of trainable parameters: of layers in a row, or of a language model."""

    challenge: ChallengeKey
    layers: list[str] = Field(default_factory=list)
    n_layer: int = 0
    """Blocks of a language model; its other sizes are those of the challenge, its vocabulary the model's own."""

    @field_validator("layers")
    @classmethod
    def _known(cls, lines: list[str]) -> list[str]:
        return _layer_lines(lines)


@CHECKS.register(ParameterCountIs)
def parameter_count_is(evidence: Evidence, params: ParameterCountIs, context: Context) -> Finding:
    """The number of trainable parameters is that of the sheet, in one of the accepted conventions of biases and tying."""

    def judge(module: ModuleSeen) -> Finding:
        accepted = dict(
            _layer_counts(params.layers) if params.layers else _language_counts(module, params.n_layer)
        )
        count = module.n_parameters
        about: dict[str, Any] = {
            "observed": f"{count:,}",
            "expected": f"{next(iter(accepted), 0):,}",
            "found": _found(module),
        }
        if count in accepted:
            words = accepted[count]
            notes = (f"Accepted convention: {words}.",) if words else ()
            return judged(1.0, message=f"`{module.name}` has {count:,} parameters.", notes=notes, **about)
        if module.structure.unregistered:
            held = join([f"`{name}`" for name in module.structure.unregistered[:3]])
            return failed(
                f"`{module.name}` has {count:,} parameters. Layers in {held} stand in a plain list or dict, "
                "so no optimizer trains them; use nn.ModuleList.",
                **about,
            )
        if count == 0:
            return failed(f"`{module.name}` has no parameters: there is nothing to train.", **about)
        return failed(
            f"`{module.name}` has {count:,} parameters; its tensors are {shown_shapes(module)}.", **about
        )

    return judge_modules(evidence, params.challenge, "the network", judge)


def _layer_counts(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    weights = biases = 0
    for layer in map(parse_layer, lines):
        if layer.kind == "linear":
            weights, biases = (
                weights + int(layer.numbers[0] * layer.numbers[1]),
                biases + int(layer.numbers[1]),
            )
        elif layer.kind == "conv":
            n_in, n_out, side, _ = layer.numbers
            weights, biases = weights + int(n_in * n_out * side * side), biases + int(n_out)
    yield weights + biases, ""


def _language_counts(module: ModuleSeen, n_layer: int) -> Iterator[tuple[int, str]]:
    """Yield the counts of the accepted conventions, the usual one first; words only where one alone has the count."""
    values = module.values
    d_model, d_ff = int(values["d_model"]), int(values.get("d_ff") or 4 * values["d_model"])
    sizes = replace(
        language_sizes(module, n_layer), d_model=d_model, d_ff=d_ff
    )  # the sheet's, whatever is there
    flags = (
        "has_norm_bias",
        "has_head_bias",
        "has_ff_bias",
        "has_output_bias",
        "has_qkv_bias",
        "has_final_norm",
    )
    found: dict[int, list[str]] = {}
    for held in itertools.product((True, False), repeat=len(flags)):
        choices = Choices(**dict(zip(flags, held, strict=True)))  # type: ignore[arg-type]
        for is_tied in (False, True):
            words = [*words_of(choices), *(["a head tied to the embedding"] if is_tied else [])]
            found.setdefault(n_parameters(sizes, choices, is_tied), []).append(", ".join(words))
    for count, conventions in found.items():
        yield count, conventions[0] if len(conventions) == 1 else ""


# ----------------------------------------------------------- canonical output


class MatchesTransformer(CheckParams):
    """A causal pre-norm Transformer with sinusoidal positions; its sizes are those of the challenge."""

    challenge: ChallengeKey
    n_layer: int = Field(ge=1)


@CHECKS.register(MatchesTransformer)
def matches_transformer(evidence: Evidence, params: MatchesTransformer, context: Context) -> Finding:
    """The language model computes the sheet's Transformer: its output under canonical weights equals the formula's."""

    def judge(module: ModuleSeen) -> Finding:
        def read(runs: list[tuple[Array, list[Array], int]]) -> Reading:
            sizes = language_sizes(module, params.n_layer)
            trials = [
                Trial(tokens, _scores_among(outputs, sizes), module.fill(filling))
                for tokens, outputs, filling in runs
            ]
            return language_reading(trials, sizes, [tensor.shape for tensor in module.structure.tensors])

        return by_formula(module, read, "the Transformer of the sheet")

    return judge_modules(evidence, params.challenge, "the language model", judge)


def _scores_among(outputs: Sequence[Array], sizes: Sizes) -> Array:
    """Return the output over the vocabulary, else the first."""
    return next((output for output in outputs if output.shape[-1:] == (sizes.vocab_size,)), outputs[0])


def language_sizes(module: ModuleSeen, n_layer: int) -> Sizes:
    """Return the sizes of a language model: the challenge's, with the vocabulary and widths that it really has."""
    values = module.values
    d = module.record.d_model or int(values["d_model"])
    matrices = [
        sorted(size for size in tensor.shape if size != 1)
        for tensor in module.structure.tensors
        if sum(size != 1 for size in tensor.shape) == 2
    ]
    run = next((r for r in module.record.runs if r.outputs), None)
    last = [array.shape[-1] for _, array in module.outputs(run)] if run is not None else []
    embeddings = [leaf for leaf in module.structure.leaves if leaf.kind == "Embedding"]
    known = [n for leaf in embeddings[:1] if isinstance(n := leaf.settings.get("num_embeddings"), int)]
    vocab = next((n for n in [*known, *last] if sorted((n, d)) in matrices), int(values["vocab_size"]))
    d_ff = int(values.get("d_ff") or 4 * d)
    if sorted((d_ff, d)) not in matrices:
        context = int(values["context_length"])
        others = [
            a if b == d else b for a, b in matrices if d in (a, b) and {a, b} - {d, vocab, 3 * d, context}
        ]
        d_ff = max(others, default=d_ff)
    return Sizes(vocab, d, int(values["n_head"]), d_ff, n_layer, int(values["context_length"]))


class MatchesLayers(OfLayers):
    """A network of layers in a row, compared by its output."""


@CHECKS.register(MatchesLayers)
def matches_layers(evidence: Evidence, params: MatchesLayers, context: Context) -> Finding:
    """The network computes the sheet's layers: its output under canonical weights equals the formula's."""
    layers, *variants = params.parsed()

    def judge(module: ModuleSeen) -> Finding:
        def read(runs: list[tuple[Array, list[Array], int]]) -> Reading:
            trials = [
                LayerTrial(_shaped(x, layers), output, module.fill(filling))
                for x, outputs, filling in runs
                for output in outputs[:1]
            ]
            return layers_reading(trials, layers, variants)

        return by_formula(module, read, "the layers of the sheet")

    return judge_modules(evidence, params.challenge, "the network", judge)


def _shaped(x: Array, layers: Sequence[Layer]) -> Array:
    """Return inputs as images where the first layer is a convolution."""
    if layers[0].kind != "conv":
        return x.reshape(len(x), -1)
    channels = int(layers[0].numbers[0])
    side = round((x.size / len(x) / channels) ** 0.5)
    return x.reshape(len(x), channels, side, side)


class MatchesAutoencoder(CheckParams):
    """A variational autoencoder: layers of the encoder, of a head (mean and log variance alike), of the decoder."""

    challenge: ChallengeKey
    encoder: list[str] = Field(min_length=1)
    head: str
    decoder: list[str] = Field(min_length=1)

    @field_validator("encoder", "decoder")
    @classmethod
    def _known(cls, lines: list[str]) -> list[str]:
        return _layer_lines(lines)


@CHECKS.register(MatchesAutoencoder)
def matches_autoencoder(evidence: Evidence, params: MatchesAutoencoder, context: Context) -> Finding:
    """The autoencoder computes z = μ + σ ε and the sheet's layers: its output equals the formula's for known noise."""
    encoder, decoder = ([parse_layer(line) for line in lines] for lines in (params.encoder, params.decoder))
    head = parse_layer(params.head)

    def judge(module: ModuleSeen) -> Finding:
        def read(runs: list[tuple[Array, list[Array], int]]) -> Reading:
            trials = [
                _latent_trial(module, name, x, outputs, filling, head)
                for name, (x, outputs, filling) in zip(_canonical_names(module), runs, strict=True)
            ]
            return autoencoder_reading(trials, encoder, head, decoder)

        return by_formula(module, read, "the autoencoder of the sheet", with_training=True)

    return judge_modules(evidence, params.challenge, "the autoencoder", judge)


def _latent_trial(
    module: ModuleSeen, name: str, x: Array, outputs: list[Array], filling: int, head: Layer
) -> LatentTrial:
    n_latent = int(head.numbers[1])
    noise = module.noise([len(x), n_latent])
    return LatentTrial(x.reshape(len(x), -1), tuple(outputs), module.fill(filling), noise, name == "training")


def _canonical_names(module: ModuleSeen) -> list[str]:
    return [name for name in (*CANONICAL, "training") if module.run(name) is not None]


def by_formula(
    module: ModuleSeen,
    read: Callable[[list[tuple[Array, list[Array], int]]], Reading],
    what: str,
    with_training: bool = False,
) -> Finding:
    """Return what a reading of the canonical runs says of a module."""
    about: dict[str, Any] = {"expected": what, "found": _found(module)}
    if module.record.unsupported:
        shapes = join([str(tuple(shape)) for shape in module.record.unsupported[:4]])
        return untried(f"`{module.name}` has tensors of shapes without canonical weights: {shapes}.")
    names = [*CANONICAL, *(["training"] if with_training else [])]
    runs = []
    for name in names:
        run = module.run(name)
        asked = next(wanted for wanted in module.values["runs"] if wanted["name"] == name)
        outputs = [array for _, array in module.outputs(run)] if run is not None else []
        if outputs:
            runs.append((module.input(asked["input"]), outputs, int(asked["filling"])))
    if not runs:
        return _not_run(module, about)
    try:
        reading = read(runs)
    except (ValueError, MemoryError):  # sizes that no formula has
        reading = Reading()
    if reading.is_right:
        words = join(reading.conventions)
        notes = (f"Accepted convention: {words}.",) if words else ()
        return judged(
            1.0, observed=words or what, message=f"`{module.name}` computes {what}.", notes=notes, **about
        )
    if reading.is_known:
        return failed(
            f"`{module.name}` does not compute {what}. {reading.fault}", observed=reading.fault, **about
        )
    if module.structure.unregistered:
        held = join([f"`{name}`" for name in module.structure.unregistered[:3]])
        fault = (
            f"Layers in {held} stand in a plain list or dict, so no optimizer trains them; use nn.ModuleList."
        )
        return failed(f"`{module.name}` does not compute {what}. {fault}", observed=fault, **about)
    return for_person(
        f"`{module.name}` gives another output than {what}. {UNKNOWN}", observed="another output", **about
    )


def _not_run(module: ModuleSeen, about: dict[str, Any]) -> Finding:
    error = next((run.error for run in module.record.runs if run.error), None)
    if error is None:
        return untried(f"`{module.name}` returned no tensor.")
    if error.get("name") == "NotImplementedError" and "forward" in error.get("message", ""):
        return untried(f"`{module.name}` holds layers and computes nothing by itself.")
    stopped = f"`{module.name}` stopped with {error.get('name', '')}: {error.get('message', '')}"
    return for_person(stopped[:300], observed="an error", **about)


def _found(module: ModuleSeen) -> tuple[Found, ...]:
    return (Found(how="call", path=module.name),)
