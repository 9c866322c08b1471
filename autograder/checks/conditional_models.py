"""Claims about networks that are told a class, as they were trained: what is encoded, decoded and generated with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.calls import successes, unanswered
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    failed,
    for_person,
    judged,
    number,
    untried,
)
from autograder.checks.image_training import SLACK, range_shown, trained_on
from autograder.checks.trees import Tree, branch, items, text, tree_of, vector
from autograder.kernel_side.tiles import DEVIATION, MEAN
from autograder.probes.evidence import Evidence
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey
from autograder.stats.arrays import FloatArray
from autograder.stats.digits import N_CLASSES, N_POOLED, recognised

N_PIXELS = 784
RANGES = ((0.0, 1.0), (-1.0, 1.0), (-MEAN / DEVIATION, (1 - MEAN) / DEVIATION))
"""In which images are shown to networks here."""
MOVED = 1e-4
"""In units of the spread: what rounding may move."""
RECTIFIED_SHARE = 0.2
ENOUGH, TOO_FEW = 8, 4
"""Classes that are told: so many or more pass, so few or fewer fail, and a person looks at what lies between. A decoder
that ignores the class gives 1 exactly; one that gives any class at random more than 4 in one case of 600."""
DEVIATIONS = 5.0


class OfConditional(CheckParams):
    """Networks of the notebook that take a class."""

    challenge: ChallengeKey


def weights_of(context: Context, golden: str) -> FloatArray:
    """Return the discriminant of the images that notebooks were shown."""
    numbers = context.golden.value(f"{golden}.discriminant").numbers or ()
    return np.array(numbers, dtype=np.float64).reshape(N_CLASSES, N_POOLED + 1)


def _calls(evidence: Evidence, key: str) -> list[Tree]:
    """Return what every way to call gave; those through whole models alone, where there are any."""
    found = [
        call for answer, _ in successes(evidence.called[key]) for call in items(tree_of(answer), "calls")
    ]
    return [call for call in found if text(call, "how") == "whole"] or found


def _not_told(evidence: Evidence, key: str) -> str:
    """Return the name of an autoencoder that takes an image alone; nothing where one is told a class, or there is none."""
    return next((text(one, "name") for one in _calls(evidence, key) if one.get("is_not_told") is True), "")


def uses_other_data(evidence: Evidence) -> bool:
    """Return whether something is trained on data that are not MNIST's."""
    trains = any(one.kind == "step" for one in evidence.observations.training)
    used = any(one.name == "MNIST" or "MNIST/" in one.file for one in evidence.observations.datasets)
    return trains and not used


def _nothing(
    evidence: Evidence, key: str, what: str, expected: str, *, asks_for_class: bool = False
) -> Finding:
    if uses_other_data(evidence):
        return for_person("The data set is another one than MNIST: a person looks.", expected=expected)
    called = evidence.called[key]
    if asks_for_class and (name := _not_told(evidence, key)):
        return failed(f"`{name}` takes an image alone: it is not told the class.", expected=expected)
    if any(one.kind == "step" for one in evidence.observations.training):
        return for_person(
            f"Something is trained, and no network was found that takes a class beside {what}: a person looks"
            f"{called.reason}.",
            expected=expected,
        )
    if successes(called) or not called.can_be_called:
        return untried(f"No network was found that takes a class beside {what}{called.reason}.")
    return unanswered(called, f"a class and {what}")


def about_call(call: Tree, expected: str) -> dict[str, Any]:
    """What findings on a call have in common."""
    return {"expected": expected, "found": (Found(how="call", path=text(call, "name")),)}


# ---------------------------------------------------------------------- encoder


def _codes(call: Tree) -> list[FloatArray]:
    """Return the codes (n, d) of a call; of a single one, its halves."""
    value = call.get("codes")
    inner = (
        list(value)
        if isinstance(value, np.ndarray) and value.ndim == 3
        else list(branch(call, "codes").values())
    )
    found = [
        np.asarray(one, dtype=np.float64) for one in inner if isinstance(one, np.ndarray) and one.ndim == 2
    ]
    if len(found) == 1 and found[0].shape[1] % 2 == 0:
        return list(np.split(found[0], 2, axis=1))
    return found


class EncoderGivesCodes(OfConditional):
    """Mean and log variance of a code."""


@CHECKS.register(EncoderGivesCodes)
def encoder_gives_codes(evidence: Evidence, params: EncoderGivesCodes, context: Context) -> Finding:
    """From an image and its class come two vectors of one size, which differ and can be negative or of any size."""
    expected = "two vectors of one size, mean and log variance"
    pairs = [(call, codes) for call in _calls(evidence, params.challenge) if len(codes := _codes(call)) >= 2]
    if not pairs:
        return _nothing(evidence, params.challenge, "an image and gives two vectors of one size", expected)
    call, (mean, spread, *_) = pairs[0]
    about, name = about_call(call, expected), text(call, "name")
    if mean.shape != spread.shape:
        return failed(f"`{name}` gives vectors of different sizes.", **about)
    about["observed"] = f"two vectors of {mean.shape[1]}"
    if np.array_equal(mean, spread):
        return failed(f"`{name}` gives the same numbers as mean and as log variance.", **about)
    if any(np.mean(one == 0.0) > RECTIFIED_SHARE for one in (mean, spread)):
        return failed(
            f"`{name}` cuts its codes off at 0: a mean and a log variance can be negative.", **about
        )
    return judged(1.0, message=f"`{name}` gives two vectors of {mean.shape[1]}.", **about)


class EncoderSeesClass(OfConditional):
    """The codes of one image under two classes."""


@CHECKS.register(EncoderSeesClass)
def encoder_sees_class(evidence: Evidence, params: EncoderSeesClass, context: Context) -> Finding:
    """The code of an image changes when only its class does."""
    expected = "codes that change with the class"
    calls = [
        call
        for call in _calls(evidence, params.challenge)
        if _codes(call) and call.get("is_not_told") is not True
    ]
    if not calls:
        return _nothing(
            evidence, params.challenge, "an image and gives its code", expected, asks_for_class=True
        )
    if not any(np.all(np.isfinite(code)) for call in calls for code in _codes(call)):
        return for_person(
            "The codes are no finite numbers, so that nothing can be seen in them.", expected=expected
        )
    moves = [max((abs(v) for v in _numbers(call.get("codes_move"))), default=0.0) for call in calls]
    best = int(np.argmax(moves))
    about, name = about_call(calls[best], expected), text(calls[best], "name")
    if moves[best] > MOVED:
        return judged(
            1.0,
            observed="they change",
            message=f"What `{name}` encodes depends on the class, too.",
            notes=(f"The class is given as {text(calls[best], 'form')}.",),
            **about,
        )
    message = f"`{name}` gives the same code whatever the class: the encoder is not told it."
    return failed(message, observed="they stay as they are", **about)


def _numbers(value: Any) -> list[float]:
    if isinstance(value, np.ndarray):
        return [float(v) for v in value.reshape(-1) if np.isfinite(v)]
    inner = value.values() if isinstance(value, dict) else []
    return [float(v) for v in inner if isinstance(v, int | float)]


# ---------------------------------------------------------------------- decoder


def _generated(evidence: Evidence, key: str) -> Iterator[tuple[Tree, FloatArray]]:
    """Yield calls with what they gave: images (classes, codes, 784), as they are and through a sigmoid."""
    for call in _calls(evidence, key):
        images = vector(call, "images")
        if images is not None and images.size and images.size % (N_CLASSES * N_PIXELS) == 0:
            yield call, images.reshape(N_CLASSES, -1, N_PIXELS)


class DecoderSeesClass(OfConditional):
    """The same codes decoded as every class."""


@CHECKS.register(DecoderSeesClass)
def decoder_sees_class(evidence: Evidence, params: DecoderSeesClass, context: Context) -> Finding:
    """What is decoded from one code changes when only the class does."""
    expected = "images that change with the class"
    found = list(_generated(evidence, params.challenge))
    if not found:
        return _nothing(
            evidence, params.challenge, "a code and gives an image", expected, asks_for_class=True
        )
    moves = [
        float(np.abs(images - images[:1]).max()) / max(float(images.std()), 1e-12) for _, images in found
    ]
    best = int(np.argmax(moves))
    call = found[best][0]
    about, name = about_call(call, expected), text(call, "name")
    if moves[best] > MOVED:
        return judged(
            1.0, observed="they change", message=f"What `{name}` decodes depends on the class.", **about
        )
    return failed(
        f"`{name}` decodes a code to the same image whatever the class: the decoder is not told it.",
        observed="they stay as they are",
        **about,
    )


class OfGenerated(OfConditional):
    """Images of every class from the same codes, and how classes are told."""

    golden: str
    """Golden prefix of the classes of images."""


def _told(evidence: Evidence, params: OfGenerated, context: Context) -> list[tuple[Tree, Any]]:
    """Return calls with the classes (classes, codes) that their images are taken for."""
    weights = weights_of(context, params.golden)
    found = []
    for call, images in _generated(evidence, params.challenge):
        offered = [images] if images.min() >= -1e-6 else [images, 1 / (1 + np.exp(-np.clip(images, -50, 50)))]
        for pixels in offered:
            told = recognised(pixels.reshape(-1, N_PIXELS), weights).reshape(N_CLASSES, -1)
            found.append((call, told))
    return found


class ClassesAreRecognised(OfGenerated):
    """Whether generated images look like their class."""


@CHECKS.register(ClassesAreRecognised)
def classes_are_recognised(evidence: Evidence, params: ClassesAreRecognised, context: Context) -> Finding:
    """Images of a class, from codes that are drawn, are taken for that class more often than for any other."""
    expected = f"{ENOUGH} of {N_CLASSES} classes or more are recognised"
    told = _told(evidence, params, context)
    if not told:
        return _nothing(evidence, params.challenge, "a code and gives an image", expected)
    counts = [[np.bincount(row, minlength=N_CLASSES) for row in classes] for _, classes in told]
    right = [sum(int(row.argmax()) == c for c, row in enumerate(rows)) for rows in counts]
    best = int(np.argmax(right))
    share = float(np.mean(told[best][1] == np.arange(N_CLASSES)[:, None]))
    about = about_call(told[best][0], expected)
    about["observed"] = f"{right[best]} of {N_CLASSES} classes; {share:.0%} of the images"
    if right[best] >= ENOUGH:
        return judged(1.0, message=f"Of {N_CLASSES} classes, {right[best]} are recognised.", **about)
    message = f"Of {N_CLASSES} classes, {right[best]} are recognised in the images that are generated of them"
    if right[best] <= TOO_FEW:
        return failed(f"{message}.", **about)
    return for_person(f"{message}; a person looks.", **about)


class ClassDecides(OfGenerated):
    """Whether the class or the code decides what is shown."""


@CHECKS.register(ClassDecides)
def class_decides(evidence: Evidence, params: ClassDecides, context: Context) -> Finding:
    """The same codes show other digits when the class is another: more images are as told than where it is ignored."""
    told = _told(evidence, params, context)
    chance = 1 / N_CLASSES
    n = max((classes.size for _, classes in told), default=1)
    limit = chance + DEVIATIONS * (chance * (1 - chance) / n) ** 0.5
    expected = f"more than {limit:.0%} of the images are of the class that was asked for"
    if not told:
        return _nothing(evidence, params.challenge, "a code and gives an image", expected)
    shares = [float(np.mean(classes == np.arange(N_CLASSES)[:, None])) for _, classes in told]
    best = int(np.argmax(shares))
    about = about_call(told[best][0], expected)
    about["observed"] = f"{shares[best]:.0%}"
    if shares[best] > limit:
        return judged(1.0, message="The class decides what is generated from a code.", **about)
    return failed(
        f"The class does not decide what is generated: {shares[best]:.0%} of the images are of the class that was asked "
        f"for, and {chance:.0%} are where the class is ignored.",
        **about,
    )


# ---------------------------------------------------------------------- reconstruction


class ReconstructionsBeatMeans(OfConditional):
    """Reconstructions of test images, whose class the network is told."""

    golden: str
    """Golden prefix of the classes of images."""
    n: int = Field(default=100, ge=1)


@CHECKS.register(ReconstructionsBeatMeans)
def reconstructions_beat_means(
    evidence: Evidence, params: ReconstructionsBeatMeans, context: Context
) -> Finding:
    """Test images are reconstructed better than by the mean image of their class, which needs no code."""
    limit = float(context.golden.value(f"{params.golden}.test_squared_error").truth or 0.0)
    energy = float(context.golden.value(f"{params.golden}.test_square").truth or 0.0)
    expected = f"a squared error below {number(limit)}, that of the mean images of the classes"
    errors: list[tuple[float, Tree]] = []
    for call in _calls(evidence, params.challenge):
        images = vector(call, "images")
        if images is None or images.shape != (params.n, N_PIXELS):
            continue
        unit = images / 255.0
        if abs(np.square(unit).sum(axis=1).mean() - energy) > 0.01 * energy:
            continue
        for given in branch(call, "reconstructions").values():
            if isinstance(given, np.ndarray) and given.shape == unit.shape:
                errors += [(float(np.square(one - unit).sum(axis=1).mean()), call) for one in _as_unit(given)]
    errors = [one for one in errors if np.isfinite(one[0])]
    if not errors:
        return _nothing(evidence, params.challenge, "an image and gives an image", expected)
    error, call = min(errors, key=lambda one: one[0])
    about = about_call(call, expected)
    about["observed"] = number(error)
    shown = range_shown(
        evidence, [one for n in (N_PIXELS, 1) for one in trained_on(evidence, context.item, n)]
    )
    if error >= limit and shown and not any(np.allclose(shown, one, atol=SLACK) for one in RANGES):
        return untried(
            "The network was trained on images in another range than those that it was shown here."
        )
    if error < limit:
        return judged(
            1.0, message="Test images are reconstructed better than by the mean of their class.", **about
        )
    return failed("Test images are reconstructed no better than by the mean image of their class.", **about)


def _as_unit(given: Any) -> Iterator[FloatArray]:
    """Yield pixels as numbers in [0, 1], for every scale that they may be in."""
    pixels = np.asarray(given, dtype=np.float64)
    yield pixels
    if pixels.min() < 0.0:
        yield (pixels + 1) / 2
        yield pixels * DEVIATION + MEAN
        yield 1 / (1 + np.exp(-np.clip(pixels, -50, 50)))
