"""Claims about loss functions that were called on fixed tensors, and about sampled latent variables."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Literal

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
from autograder.checks.trees import items, numbers, text, tree_of, vector
from autograder.probes.evidence import Called, Evidence
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey
from autograder.stats.latents import LatentFit, explain_latent, explain_model
from autograder.stats.losses import RIGHT_KL, Explained, explain, factor_name, kl_sums, reconstruction_sums

Way = tuple[str, str, str]
"""Function, where each role went, form of the spread."""

RECONSTRUCTION_MISTAKES = {
    "bce": "it is the binary cross-entropy of probabilities",
    "bce_with_logits": "it is the binary cross-entropy with logits: the sigmoid is applied here, to what it is given",
    "mse": "it is the squared error",
    "l1": "it is the absolute error",
    "bce_half": "it is only x·log r; the term (1 − x)·log(1 − r) is missing",
    "bce_exchanged": "it is the cross-entropy with image and reconstruction exchanged",
}
KL_MISTAKES = {
    "log_var_as_sigma": "takes the log variance for a standard deviation",
    "half_exponent": "has exp(½·log σ²), the deviation, in the place of σ² = exp(log σ²)",
    "squared_exponent": "has exp(2·log σ²) in the place of σ² = exp(log σ²): a log variance taken for log σ",
    "mu_not_squared": "has μ in the place of μ²",
    "no_mu": "lacks the term μ²",
    "mu_sign": "has the wrong sign at μ²",
    "no_log": "lacks the term log σ²",
    "log_sign": "has the wrong sign at log σ²",
    "no_one": "lacks the −1, so that it is not 0 where q is N(0, I)",
    "no_sigma": "lacks the term σ²",
}
REDUCTIONS = {
    "batch_mean": "summed over pixels and averaged over the batch",
    "sum": "summed over the whole batch, without a division by its size",
    "element_mean": "averaged over all pixels of all images",
    "pixel_mean": "divided by the number of pixels, and summed over the batch",
}
BECAUSE = {
    "sum": "it and its gradient are as many times larger as the batch has images, and change with its size",
    "element_mean": "it is not in nats per image",
    "pixel_mean": "it is not in nats per image",
}


ReconstructionTerm = Literal["bce", "bce_with_logits", "mse"]


class LossIs(CheckParams):
    """The student's loss on fixed tensors."""

    challenge: ChallengeKey
    quantity: Literal["vae", "reconstruction", "kl"] = "vae"
    reconstruction: ReconstructionTerm = "bce"
    reductions: dict[str, float] = Field(default={"batch_mean": 1.0})
    """Accepted reductions (`batch_mean`, `sum`, `element_mean`, `pixel_mean`), each with its share of the points."""
    kl_weights: list[float] = Field(default=[1.0])
    """Accepted weights of the KL term, relative to the reconstruction's."""
    also: list[ReconstructionTerm] | dict[ReconstructionTerm, list[float]] = Field(default_factory=list)
    """Other reconstruction terms that are accepted, each with its own weights of the KL term where it has some; whether
    they fit what the decoder gives is another check's."""
    in_loop: Literal["twin", "person"] = "twin"
    """Who judges a loss that is written out in a training loop, where it cannot be called: the check's twin, or a person
    where no twin sees the loss."""

    def accepted_weights(self, reconstruction: str | None) -> list[float]:
        """Return the accepted weights of the KL term beside a reconstruction term."""
        own = (
            {str(term): list(weights) for term, weights in self.also.items()}
            if isinstance(self.also, dict)
            else {}
        )
        return own.get(reconstruction or "", self.kl_weights)


@CHECKS.register(LossIs)
def loss_is(evidence: Evidence, params: LossIs, context: Context) -> Finding:
    """Called on fixed tensors, the loss is the closed form; the reduction or the mistake that was found is named."""
    called = evidence.called[params.challenge]
    found: list[tuple[float, int, Finding]] = []
    for rank, (way, values) in enumerate(_values_by_way(called).items()):
        finding = _judge_way(called, way, values, params)
        found.append((finding.fraction, -_vagueness(finding) * 1000 - rank, finding))
    if found:
        return max(found, key=lambda one: one[:2])[2]
    finding = unanswered(called, "the loss")
    is_trained = any(one.kind == "step" for one in evidence.observations.training)
    if finding.untried and is_trained and params.in_loop == "person":
        return for_person(
            f"{finding.message} Something is trained, so the loss stands in the loop: a person looks at it."
        )
    return finding


def _vagueness(finding: Finding) -> int:
    """0 when a finding says what was computed, 1 when it can only say that it was something else."""
    return int(finding.observed == "another value")


def _values_by_way(called: Called) -> dict[Way, dict[tuple[Any, ...], dict[str, float]]]:
    """Return numbers by way to call, by place in the result, by case."""
    ways: dict[Way, dict[tuple[Any, ...], dict[str, float]]] = {}
    for answer, _ in successes(called):
        for call in items(tree_of(answer), "calls"):
            way = (answer.function, text(call, "bound"), text(call, "form"))
            places = ways.setdefault(way, defaultdict(dict))
            for place, value in numbers(call.get("value")):
                places[place][answer.case] = value
    return ways


def reconstruction_terms(evidence: Evidence, key: str) -> set[str]:
    """Return which reconstruction terms a loss was recognised to have: `bce`, `mse`, ...; none where none was called."""
    called = evidence.called[key]
    params = LossIs(challenge=key)
    seen = [
        one for places in _values_by_way(called).values() for one in _explained_in(called, places, params)
    ]
    return {one.reconstruction for one in seen if one.reconstruction}


Places = Mapping[tuple[Any, ...], Mapping[str, float]]


def _explained_in(called: Called, places: Places, params: LossIs) -> list[Explained]:
    """Return what the numbers are that one way to call gave, as far as it is known."""
    cases = list(called.cases)
    sums = [reconstruction_sums(c["reconstruction"], c["target"]) for c in called.cases.values()]
    names = sorted(
        set.intersection(*(set(one) for one in sums)), key=lambda name: name != params.reconstruction
    )
    reconstructions = {name: [one[name] for one in sums] for name in names}
    kls: dict[str, list[float]] = {}
    if params.quantity != "reconstruction":
        each = [kl_sums(c["mu"], c["log_var"]) for c in called.cases.values()]
        kls = {name: [one[name] for one in each] for name in each[0]}
    if params.quantity == "kl":
        reconstructions = {}
    return [
        explained
        for place in places.values()
        if all(case in place for case in cases)
        and (explained := explain([place[case] for case in cases], reconstructions, kls))
    ]


def _judge_way(called: Called, way: Way, places: Places, params: LossIs) -> Finding:
    seen = _explained_in(called, places, params)
    about: dict[str, Any] = {
        "expected": _expected(params),
        "found": (Found(how="call", path=way[0]),),
    }
    whole = _whole(seen, params.quantity)
    if whole is None:
        return _unexplained(seen, way, params, about)
    return _judge_explained(whole, way, called, params, about)


def _expected(params: LossIs) -> str:
    terms = {"vae": "reconstruction term + KL(q(z|x) ‖ N(0, I))", "reconstruction": "the reconstruction term"}
    return f"{terms.get(params.quantity, 'KL(q(z|x) ‖ N(0, I))')}, {REDUCTIONS.get(next(iter(params.reductions)), '')}"


def _whole(seen: list[Explained], quantity: str) -> Explained | None:
    """Return the total among what was returned, or the sum of its two terms."""
    both = [one for one in seen if one.reconstruction and one.kl]
    parts = {
        True: [one for one in seen if not one.kl],
        False: [one for one in seen if not one.reconstruction],
    }
    if quantity != "vae":
        return next(iter(parts[quantity == "reconstruction"]), None)
    if both:
        return both[0]
    if parts[True] and parts[False]:
        first, second = parts[True][0], parts[False][0]
        if any(_is_twice(part) for part in parts.values()):
            return None  # a total beside its terms, which is one of them
        return Explained(first.reconstruction, second.kl, first.a, second.b)
    return None


def _is_twice(parts: list[Explained]) -> bool:
    """Whether one of two terms is there twice: as itself and as what is called the total."""
    return len(parts) == 2 and bool(np.allclose([parts[0].a, parts[0].b], [parts[1].a, parts[1].b]))


def _unexplained(seen: list[Explained], way: Way, params: LossIs, about: dict[str, Any]) -> Finding:
    name = f"`{way[0]}`"
    if params.quantity == "vae" and seen:
        n_kl = sum(not one.reconstruction for one in seen)
        lacks = "the KL term" if 2 * n_kl < len(seen) else "the reconstruction term"
        return failed(f"{name} lacks {lacks}.", observed=f"{lacks} is missing", **about)
    return failed(
        f"{name}, called on other tensors, gives neither the closed form nor what a mistake we know would give.",
        observed="another value",
        **about,
    )


def _judge_explained(
    whole: Explained, way: Way, called: Called, params: LossIs, about: dict[str, Any]
) -> Finding:
    name = f"`{way[0]}`"
    if whole.reconstruction and whole.reconstruction not in (params.reconstruction, *params.also):
        what = RECONSTRUCTION_MISTAKES[whole.reconstruction]
        return failed(f"The reconstruction term of {name} is another one: {what}.", observed=what, **about)
    if whole.kl and whole.kl != RIGHT_KL:
        what = KL_MISTAKES[whole.kl]
        return failed(f"The KL term of {name} {what}.", observed=f"a KL term that {what}", **about)
    case = next(iter(called.cases.values()))
    n, n_pixels = np.shape(case["reconstruction"])
    n_latent = np.shape(case["mu"])[1]
    if whole.kl:
        weight = whole.b / whole.a if whole.reconstruction else whole.b * n
        accepted = params.accepted_weights(whole.reconstruction)
        if params.quantity == "vae" and not any(abs(weight - one) <= 2e-3 * abs(one) for one in accepted):
            return _wrong_weight(name, weight, (n, n_pixels, n_latent), about)
        if params.quantity == "kl" and (mistake := _kl_factor(whole.b, (n, n_pixels, n_latent))):
            return failed(f"The KL term of {name} {mistake}.", observed=f"a KL term that {mistake}", **about)
    # A term with a constant of its own (½ of a squared error) tells less of the reduction than the KL term does.
    by_kl = not whole.reconstruction or (whole.kl and whole.reconstruction in params.also)
    scale = whole.b if by_kl else whole.a
    return _judge_reduction(name, factor_name(scale, n, n_pixels, n_latent), scale, way, params, about)


def _kl_factor(b: float, sizes: tuple[int, int, int]) -> str:
    """Return what is wrong with a KL term that is off by a factor, or nothing."""
    if b < 0:
        return "has the wrong sign: it is negative"
    if factor_name(b / 2, *sizes) and not factor_name(b, *sizes):
        return "is twice what it should be: the ½ is missing"
    if factor_name(b, *sizes).startswith("latent"):
        return "is averaged over the latent dimensions, where it has to be summed"
    return ""


def _wrong_weight(name: str, weight: float, sizes: tuple[int, int, int], about: dict[str, Any]) -> Finding:
    """Return which mistake gives the KL term a weight."""
    n, n_pixels, n_latent = sizes
    known = {
        -1.0: "has the wrong sign: the loss rewards distance from the prior",
        -2.0: "has the wrong sign, and the ½ is missing",
        2.0: "is counted twice: the ½ is missing",
        0.5: "is halved once too often",
        float(n): "is summed over the batch, while the reconstruction term is averaged over it",
        1 / n: "is averaged over the batch, while the reconstruction term is summed over it",
        1
        / n_latent: "is averaged over the latent dimensions, while the reconstruction term is summed over pixels",
        1
        / n_pixels: f"is divided by {n_pixels} as well, while the reconstruction term is summed over pixels",
        1
        / (
            n * n_pixels
        ): f"is divided by {n_pixels} and by the batch, while the reconstruction term is summed",
        1 / (n * n_latent): "is averaged over everything, while the reconstruction term is summed",
        n_pixels / n_latent: (
            f"weighs {number(n_pixels / n_latent)} times too much: both terms are means over all elements, "
            "which divides one by the pixels and the other by the latent size"
        ),
        float(n_pixels): (
            f"weighs {n_pixels} times too much: the reconstruction term is a mean over pixels, the KL term a sum"
        ),
        float(n * n_pixels): (
            f"weighs {n_pixels} times the batch size too much: the reconstruction term is a mean over all pixels, "
            "the KL term a sum over the batch"
        ),
    }
    for value, sentence in known.items():
        # A small term is lost in the rounding of the large one: its weight is known less exactly.
        if abs(weight - value) <= (2e-3 if abs(value) > 0.05 else 2e-2) * abs(value):
            return failed(
                f"The KL term of {name} {sentence}.", observed=f"a KL term that {sentence}", **about
            )
    what = f"has the weight {number(weight)} relative to the reconstruction term"
    return failed(f"The KL term of {name} {what}.", observed=f"a KL term that {what}", **about)


def _judge_reduction(
    name: str, reduction: str, scale: float, way: Way, params: LossIs, about: dict[str, Any]
) -> Finding:
    if scale < 0:
        return failed(
            f"{name} is the negative of the loss: minimising it makes it worse.",
            observed="the negative",
            **about,
        )
    if reduction.startswith("latent"):
        reduction = {"latent_mean": "pixel_mean", "latent_element_mean": "element_mean"}[reduction]
    notes = _form_notes(way)
    said = REDUCTIONS.get(reduction, "")
    if reduction.startswith("divided_by_"):
        said = f"summed and divided by the fixed number {reduction.removeprefix('divided_by_')}"
        if "batch_mean" in params.reductions:
            note = f"{name} divides by a fixed batch size: the last, smaller batch of an epoch counts less."
            return judged(
                params.reductions["batch_mean"],
                observed=said,
                message=f"{name} is right on other tensors: {said}.",
                notes=(*notes, note),
                **about,
            )
    if not said:
        said = f"{number(scale)} times the sum"
    fraction = params.reductions.get(reduction, 0.0)
    if fraction >= 1.0:
        return judged(
            1.0,
            observed=said,
            message=f"{name} is right on other tensors: {said}.",
            notes=(*notes, *([f"{name} is {said}; that is accepted."] if reduction != "batch_mean" else [])),
            **about,
        )
    because = f": {BECAUSE[reduction]}" if reduction in BECAUSE else ""
    message = f"The terms of {name} are right, their reduction is another: {said}{because}."
    return judged(fraction, observed=said, message=message, notes=notes, **about)


def _form_notes(way: Way) -> tuple[str, ...]:
    """Return what was found about the parameter that takes the spread."""
    name = next((one.partition("=")[2] for one in way[1].split(", ") if one.startswith("log_var=")), "")
    if way[2] in ("sigma", "variance"):
        what = "a standard deviation" if way[2] == "sigma" else "a variance"
        return (f"`{way[0]}` takes {what} as `{name}`, not its logarithm.",)
    if name and "log" not in name.casefold():
        return (f"`{way[0]}` takes a log variance under the name `{name}`.",)
    return ()


# ---------------------------------------------------------------------- reparameterisation


class SampleIsReparameterised(CheckParams):
    """The sampled latent variable under known noise."""

    challenge: ChallengeKey
    by_name: bool = False
    """Whether a parameter that is called a variance is one, even if the model as a whole could mean a deviation."""


@CHECKS.register(SampleIsReparameterised)
def sample_is_reparameterised(
    evidence: Evidence, params: SampleIsReparameterised, context: Context
) -> Finding:
    """Under noise that is known, z is μ + σ·ε, and the gradient reaches μ and σ."""
    called = evidence.called[params.challenge]
    findings: list[Finding] = []
    decided: list[Finding] = []
    direct: list[tuple[Finding, bool]] = []
    for answer, values in successes(called):
        tree = tree_of(answer)
        about: dict[str, Any] = {
            "expected": "z = μ + σ·ε",
            "found": (Found(how="call", path=answer.function),),
        }
        if "calls" in tree:
            for call in items(tree, "calls"):
                finding = _judge_latent(call, values, answer.function, about)
                direct.append((finding, _is_certain(finding, text(call, "bound"))))
                if finding.observed in OTHER_SPREADS and _is_called_variance(call):
                    decided.append(finding)
        elif isinstance(tree, dict):
            shown, given = (_matrices(tree.get(key)) for key in ("shown", "given"))
            fit = explain_model(shown, given, values["noise"], bool(text(tree, "asked")))
            if fit is not None:
                findings.append(_latent_finding(fit, f"`{answer.function}`", (), about))
    findings = [*(finding for finding, _ in direct), *findings]
    if not findings and successes(called):
        return untried("Where the model samples its latent variable could not be seen from its layers.")
    if not findings:
        return unanswered(called, "sampling the latent variable")
    if params.by_name and decided:
        return decided[0]
    if direct:
        best, is_certain = max(direct, key=lambda one: (one[0].fraction, one[1]))
        if is_certain:  # a whole model tells neither mean from spread nor that the draw is cut off
            return best
    return max(findings, key=lambda one: (one.fraction, one.observed != "another value"))


def _is_called_variance(call: Mapping[Any, Any]) -> bool:
    """Whether the function's own name for what it was given says that it is a variance or its logarithm."""
    names = dict(one.split("=", 1) for one in text(call, "bound").split(", ") if "=" in one)
    name = names.get("log_var", "").casefold()
    return "var" in name or name == "lv"


def _matrices(value: Any) -> list[np.ndarray]:
    """Return the matrices of a recorded list, which is one array where they are of one shape."""
    if isinstance(value, np.ndarray):
        return [np.asarray(one, dtype=float) for one in value] if value.ndim == 3 else []
    inner = value.values() if isinstance(value, dict) else []
    return [np.asarray(one, dtype=float) for one in inner if isinstance(one, np.ndarray) and one.ndim == 2]


def _judge_latent(
    call: Mapping[Any, Any], values: Mapping[str, Any], function: str, about: dict[str, Any]
) -> Finding:
    z = vector(call, "z")
    name, form = f"`{function}`", text(call, "form")
    if z is None or z.shape != np.shape(values["mu"]) or form not in FORMS:
        return failed(f"{name} does not return a finite z of the shape of μ.", observed="no z", **about)
    fit = explain_latent(z, values["mu"], values["log_var"], values["noise"], form)
    notes = _form_notes((function, text(call, "bound"), form))
    finding = _latent_finding(fit, name, notes, about)
    if finding.fraction < 1.0:
        return finding
    gradients = call.get("gradients")
    flows = (
        isinstance(gradients, dict) and gradients.get("flows") is True and {"mu", "log_var"} <= set(gradients)
    )
    zero = isinstance(gradients, dict) and any(
        isinstance(gradients.get(key), np.ndarray) and not np.any(gradients[key]) for key in ("mu", "log_var")
    )
    if flows and not zero:
        return finding
    said = "no gradient reaches μ and σ: the draw is cut off (`sample` in place of `rsample`, `detach` or `no_grad`)"
    return failed(f"{name} draws z with the right values, but {said}.", observed=CUT_OFF, **about)


FORMS = ("log_var", "sigma", "variance")
LATENT_MISTAKES = {
    "log_var_as_sigma": "the log variance itself is used as σ; σ = exp(½·log σ²)",
    "variance_as_sigma": "exp(log σ²) is used as σ: that is the variance; σ = exp(½·log σ²)",
    "no_noise": "there is no noise: z is μ",
    "unscaled": "the noise is not scaled: z is μ + ε",
    "exp_half_sigma": "exp(½·…) is applied to what is a standard deviation already",
    "exp_sigma": "exp is applied to what is a standard deviation already",
    "sigma_squared": "the variance is used as σ",
    "exchanged": "μ and log σ² are exchanged",
    "shared_noise": "one draw of the noise is shared by the whole batch",
    "no_mu": "μ is not added: z is σ·ε",
}
OTHER_SPREADS = (LATENT_MISTAKES["log_var_as_sigma"], LATENT_MISTAKES["variance_as_sigma"])

CUT_OFF = "a draw without gradient"
_VARIANCE = re.compile(r"log_var=\w*(var|lv)\w*", re.IGNORECASE)


def _is_certain(finding: Finding, bound: str) -> bool:
    """Whether what a sampler was seen to do needs no look at the whole model.

    exp(s) is wrong where s is a log variance, and right where it is log σ: only its name tells which.
    """
    if finding.observed == LATENT_MISTAKES["variance_as_sigma"]:
        return bool(_VARIANCE.search(bound))
    return finding.fraction == 1.0 or finding.observed in (*LATENT_MISTAKES.values(), CUT_OFF)


def _latent_finding(
    fit: LatentFit | None, name: str, notes: tuple[str, ...], about: dict[str, Any]
) -> Finding:
    if fit is None:
        return failed(
            f"z of {name} is not μ + σ·ε under noise that is known.", observed="another value", **about
        )
    if fit.mistake:
        what = LATENT_MISTAKES[fit.mistake]
        return failed(f"In {name}, {what}.", observed=what, **about)
    return judged(
        1.0,
        observed="μ + σ·ε",
        message=f"{name} gives z = μ + σ·ε exactly, with known noise.",
        notes=(*notes, *fit.notes),
        **about,
    )
