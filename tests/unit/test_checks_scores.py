"""Inception Score, Frechet distance and perplexity of notebooks: styles that are right, mistakes with their sentences."""

# ruff: noqa: E501  # students' code in lines as they write it

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from neural_specs import finding, role, spec

from autograder.records import Status
from autograder.stats.scores import (
    frechet,
    frechet_of_features,
    inception_scores,
    perplexities,
    trace_of_root,
)

IS_ROLES = {
    "probs": role("array", "probs preds p_yx py x p", "prob pred"),
    "n_splits": role("number", "splits n_splits num_splits", "split"),
}
FID_ROLES = {
    "features_a": role("array", "real features_a real_features feats1 a x", "real"),
    "features_b": role("array", "fake features_b fake_features gen feats2 b y", "fake gen"),
    "mean_a": role("array", "mu1 mu_r m1"),
    "cov_a": role("array", "sigma1 cov1 sigma_r s1"),
    "mean_b": role("array", "mu2 mu_g m2"),
    "cov_b": role("array", "sigma2 cov2 sigma_g s2"),
}
PPL_ROLES = {
    "loss": role("number", "loss avg_loss mean_loss ce nll"),
    "nlls": role("array", "losses nlls token_losses"),
    "total_nll": role("number", "total_nll total total_loss"),
    "n_tokens": role("number", "n_tokens count n"),
}
IS = spec("call", "class_probabilities", "inception_score", IS_ROLES, n_cases=2)
FID = spec("call", "feature_sets", "fid frechet_distance", FID_ROLES, n_cases=2)
PPL = spec("call", "token_nlls", "perplexity", PPL_ROLES, n_cases=2)

SCORE = """
def inception_score(probs, splits=10):
    scores = []
    for part in np.array_split(probs, splits):
        py = part.mean(axis=0, keepdims=True)
        scores.append(np.exp((part * (np.log(part + 1e-16) - np.log(py + 1e-16))).sum(axis=1).mean()))
    return np.mean(scores), np.std(scores)
"""
RIGHT_SCORES = {
    "numpy": SCORE,
    "torch": "def inception_score(preds, n_splits):\n    out = []\n    for part in preds.chunk(n_splits):\n        marginal = part.mean(0)\n        out.append(torch.exp((part * (part.log() - marginal.log())).sum(1).mean()))\n    out = torch.stack(out)\n    return {'mean': out.mean().item(), 'std': out.std().item()}",
    "scipy": "from scipy.stats import entropy\ndef inception_score(p_yx, num_splits=10):\n    n = len(p_yx) // num_splits\n    parts = [p_yx[i * n:(i + 1) * n] for i in range(num_splits)]\n    s = [np.exp(np.mean([entropy(row, part.mean(0)) for row in part])) for part in parts]\n    return float(np.mean(s)), float(np.std(s, ddof=1))",
    "entropies": "def inception_score(p, splits):\n    h = lambda q: -(q * np.log(q)).sum(-1)\n    s = np.array([np.exp(h(a.mean(0)) - h(a).mean()) for a in np.split(p, splits)])\n    return s.mean(), s.std(), s",
}
SCORE_MISTAKES = {
    "no exp": (SCORE.replace("np.exp((", "np.abs(("), "the exponential is missing"),
    "base 2": (SCORE.replace("np.exp((", "np.exp2(("), "2 is raised"),
    "bits": (SCORE.replace("np.log(", "np.log2("), "in bits"),
    "marginal of all": (SCORE.replace("py = part.mean", "py = probs.mean"), "not over those of the split"),
    "no splits": (SCORE.replace("np.array_split(probs, splits)", "[probs]"), "without splits"),
    "uniform": (SCORE.replace("part.mean(axis=0, keepdims=True)", "np.full((1, probs.shape[1]), 1 / probs.shape[1])"), "as uniform"),
    "reversed": (SCORE.replace("part * (np.log(part + 1e-16) - np.log(py + 1e-16))", "py * (np.log(py) - np.log(part))"), "the other way round"),
    "exp of the mean": (SCORE.replace("np.exp((", "np.abs((").replace("return np.mean(scores)", "return np.exp(np.mean(scores))"), "not in each of them"),
    "mean over classes": (SCORE.replace(".sum(axis=1).mean()", ".mean(axis=1).mean()"), "averaged over classes"),
    "unknown": (SCORE.replace("np.exp((", "np.cosh(("), "does not give the Inception Score of given probabilities."),
}  # fmt: skip

DISTANCE = """
from scipy import linalg
def fid(real, fake):
    m1, m2 = real.mean(0), fake.mean(0)
    s1, s2 = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    root = linalg.sqrtm(s1 @ s2)
    root = np.real(root)
    return float(np.sum((m1 - m2) ** 2) + np.trace(s1 + s2 - 2 * root))
"""
RIGHT_DISTANCES = {
    "scipy": DISTANCE,
    "torch, ddof 0": "def fid(feats1, feats2):\n    def stats(f):\n        f = torch.as_tensor(f)\n        m = f.mean(0)\n        return m, (f - m).T @ (f - m) / len(f)\n    (a, s), (b, t) = stats(feats1), stats(feats2)\n    e, v = torch.linalg.eigh(s)\n    h = v @ torch.diag(e.clamp(min=0).sqrt()) @ v.T\n    root = torch.linalg.eigvalsh(h @ t @ h).clamp(min=0).sqrt().sum()\n    return ((a - b) ** 2).sum() + s.trace() + t.trace() - 2 * root",
    "moments": "from scipy.linalg import sqrtm\ndef frechet_distance(mu1, sigma1, mu2, sigma2):\n    d = mu1 - mu2\n    return d @ d + np.trace(sigma1) + np.trace(sigma2) - 2 * np.trace(sqrtm(sigma1 @ sigma2).real)",
    "eigenvalues": "def fid(a, b):\n    s, t = np.cov(a.T), np.cov(b.T)\n    ev = np.linalg.eigvals(s @ t)\n    return {'fid': np.linalg.norm(a.mean(0) - b.mean(0)) ** 2 + np.trace(s) + np.trace(t) - 2 * np.sqrt(np.maximum(ev.real, 0)).sum()}",
}
DISTANCE_MISTAKES = {
    "root of it": (DISTANCE.replace("return float(", "return np.sqrt("), "the square root of the distance"),
    "factor": (DISTANCE.replace("- 2 * root", "- root"), "the factor 2"),
    "no root": (DISTANCE.replace("linalg.sqrtm(s1 @ s2)", "s1 @ s2"), "the root of Σ₁Σ₂ is missing"),
    "elementwise": (DISTANCE.replace("linalg.sqrtm(s1 @ s2)", "np.sqrt(np.diag(np.diag(s1)) * np.diag(np.diag(s2)))"), "only the variances count"),
    "no cross term": (DISTANCE.replace(" - 2 * root", ""), "is missing"),
    "plus": (DISTANCE.replace("- 2 * root", "+ 2 * root"), "has to be subtracted"),
    "not squared": (DISTANCE.replace("np.sum((m1 - m2) ** 2)", "np.linalg.norm(m1 - m2)"), "is not squared"),
    "means alone": (DISTANCE.replace(" + np.trace(s1 + s2 - 2 * root)", ""), "the means alone"),
    "no means": (DISTANCE.replace("np.sum((m1 - m2) ** 2) + ", ""), "distance of the means is missing"),
    "diagonal": (DISTANCE.replace("np.trace(s1 + s2 - 2 * root)", "np.sum((real.std(0, ddof=1) - fake.std(0, ddof=1)) ** 2)"), "only the variances"),
    "averaged": (DISTANCE.replace("np.sum((m1", "np.mean((m1"), "averaged over features"),
    "unknown": (DISTANCE.replace("- 2 * root", "- 1.7 * root"), "does not give the Fréchet distance of given features."),
}  # fmt: skip

RIGHT_PERPLEXITIES = {
    "math": "import math\ndef perplexity(loss):\n    return math.exp(loss)",
    "tensor": "def perplexity(losses):\n    return torch.exp(torch.mean(losses))",
    "totals": "def perplexity(total_nll, n_tokens):\n    return np.exp(total_nll / n_tokens)",
    "bits": "def perplexity(nlls):\n    return 2 ** (np.mean(nlls) / np.log(2))",
}
PERPLEXITY_MISTAKES = {
    "no exp": ("def perplexity(losses):\n    return np.mean(losses)", "the exponential is missing"),
    "base 2": ("def perplexity(loss):\n    return 2 ** loss", "2 is raised"),
    "sign": ("def perplexity(loss):\n    return np.exp(-loss)", "the inverse"),
    "mean of exp": ("def perplexity(losses):\n    return np.exp(losses).mean()", "before averaging"),
    "sum": ("def perplexity(losses):\n    return np.exp(losses.sum())", "the sum over tokens"),
}
WHAT = {"inception_score_is": IS, "frechet_distance_is": FID, "perplexity_is": PPL}
RIGHT = [
    *(("inception_score_is", source) for source in RIGHT_SCORES.values()),
    *(("frechet_distance_is", source) for source in RIGHT_DISTANCES.values()),
    *(("perplexity_is", source) for source in RIGHT_PERPLEXITIES.values()),
]
WRONG = [
    *(("inception_score_is", *pair) for pair in SCORE_MISTAKES.values()),
    *(("frechet_distance_is", *pair) for pair in DISTANCE_MISTAKES.values()),
    *(("perplexity_is", *pair) for pair in PERPLEXITY_MISTAKES.values()),
]


@pytest.mark.parametrize(("check", "source"), RIGHT)
def test_right_scores_pass(check: str, source: str, tmp_path: Path) -> None:
    found = finding(tmp_path, check, WHAT[check], source)
    assert found.fraction == 1.0, f"{found.message} {found.observed} {found.expected}"


@pytest.mark.parametrize(("check", "source", "said"), WRONG)
def test_mistakes_in_scores_are_named(check: str, source: str, said: str, tmp_path: Path) -> None:
    found = finding(tmp_path, check, WHAT[check], source)
    assert found.status is Status.FAILED
    assert said in found.message


def test_conventions_are_noted(tmp_path: Path) -> None:
    found = finding(tmp_path, "inception_score_is", IS, RIGHT_SCORES["scipy"])
    assert "ddof = 1" in found.notes[0]
    found = finding(tmp_path, "frechet_distance_is", FID, RIGHT_DISTANCES["torch, ddof 0"])
    assert "ddof = 0" in found.notes[0]
    without = SCORE.replace(", np.std(scores)", "")
    assert finding(tmp_path, "inception_score_is", IS, without).fraction == 0.5
    assert finding(tmp_path, "inception_score_is", IS, without, needs_sd=False).fraction == 1.0


def test_splits_that_the_function_fixes_are_the_sheets(tmp_path: Path) -> None:
    fixed = SCORE.replace(
        "def inception_score(probs, splits=10):", "def inception_score(probs):\n    splits = 10"
    )
    assert finding(tmp_path, "inception_score_is", IS, fixed, n_splits=10).fraction == 1.0


@pytest.mark.parametrize(("law", "value"), [("identical", 1.0), ("one_hot", 10.0)])
def test_scores_at_the_ends(law: str, value: float, tmp_path: Path) -> None:
    ends = spec(
        "call",
        "class_probabilities",
        "inception_score",
        IS_ROLES,
        params={"law": law, "n": 60, "n_splits": 3},
    )
    found = finding(tmp_path, "inception_score_is", ends, SCORE)
    assert found.fraction == 1.0
    assert f"{value:g} ±" in found.expected


@pytest.mark.parametrize("params", [{"law": "identical"}, {"n_b": 5, "n_features": 8}])
def test_distances_of_equal_sets_and_of_singular_covariances(
    params: dict[str, object], tmp_path: Path
) -> None:
    special = spec("call", "feature_sets", "fid", FID_ROLES, params=params)
    found = finding(tmp_path, "frechet_distance_is", special, RIGHT_DISTANCES["eigenvalues"])
    assert found.fraction == 1.0, f"{found.observed} {found.expected}"


LIKELIHOOD_ROLES = {
    "model": role("module", "model net lm", "", "model net"),
    "tokens": role("tokens", "tokens ids data val_data text"),
    "batches": role("tokens", "loader val_loader dataloader", "loader"),
}
LIKELIHOOD = spec("likelihood", "likelihood_inputs", "perplexity evaluate_ppl", LIKELIHOOD_ROLES)
BY_LOADER = """
import math
def perplexity(model, loader):
    model.eval()
    total, n = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            total += F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1), reduction="sum").item()
            n += y.numel()
    return math.exp(total / n)
"""
RIGHT_LIKELIHOODS = {
    "loader": BY_LOADER,
    "chunks": "@torch.no_grad()\ndef perplexity(model, tokens, context=128):\n    n = (len(tokens) - 1) // context\n    x, y = tokens[:n * context].view(n, context), tokens[1:n * context + 1].view(n, context)\n    return torch.exp(F.cross_entropy(model(x).flatten(0, 1), y.flatten())).item()",
    "overlapping": "def perplexity(model, data, T=128, step=32):\n    losses = []\n    for i in range(0, len(data) - T - 1, step):\n        logits, loss = model(data[None, i:i + T], data[None, i + 1:i + T + 1])\n        losses.append(loss.item())\n    return float(np.exp(np.mean(losses)))",
    "a global model": "net = nn.Embedding(3, 3)\ndef evaluate_ppl(val_loader):\n    nll = [F.cross_entropy(net(x).transpose(1, 2), y, reduction='none').flatten() for x, y in val_loader]\n    return {'ppl': torch.cat(nll).mean().exp().item(), 'loss': torch.cat(nll).mean().item()}",
}


@pytest.mark.parametrize("source", RIGHT_LIKELIHOODS.values(), ids=RIGHT_LIKELIHOODS)
def test_right_perplexities_of_a_model_pass(source: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "perplexity_is", LIKELIHOOD, source)
    assert found.fraction == 1.0, found.message
    assert found.notes == ()


def test_perplexity_by_batches_is_noted(tmp_path: Path) -> None:
    source = "def perplexity(model, loader):\n    l = [F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item() for x, y in loader]\n    return np.exp(sum(l) / len(loader))"
    found = finding(tmp_path, "perplexity_is", LIKELIHOOD, source)
    assert found.fraction == 1.0
    assert "averages over batches" in found.notes[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("math.exp(total / n)", "total / n", "the exponential is missing"),
        ("math.exp(total / n)", "2 ** (total / n)", "2 is raised"),
        ("y.view(-1), reduction", "x.view(-1), reduction", "does not give the perplexity of given losses."),
    ],
)
def test_mistakes_in_perplexities_of_a_model_are_named(old: str, new: str, said: str, tmp_path: Path) -> None:
    found = finding(tmp_path, "perplexity_is", LIKELIHOOD, BY_LOADER.replace(old, new))
    assert found.status is Status.FAILED
    assert said in found.message


# ------------------------------------------------------------------ the numbers


def test_closed_forms() -> None:
    identical, one_hot = np.full((20, 4), 0.25), np.eye(4)[np.arange(20) % 4]
    assert inception_scores(identical, 2)["right"].mean == pytest.approx(1.0)
    assert inception_scores(one_hot, 5)["right"] == pytest.approx((4.0, 0.0, 0.0))
    eye = np.eye(3)
    assert frechet(np.zeros(3), eye, np.ones(3), 4 * eye)["right"] == pytest.approx(3 + 3)
    assert trace_of_root(np.diag([1.0, 0.0]), np.diag([4.0, 9.0])) == pytest.approx(2.0)
    assert perplexities(np.log([2.0, 8.0]))["right"] == pytest.approx(4.0)


def test_the_reference_agrees() -> None:
    from reference.image_scores import frechet_distance, inception_score

    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(10), size=57)
    right = inception_scores(probs, 6)["right"]
    assert (right.mean, right.sd0) == pytest.approx(inception_score(probs, 6))
    a, b = rng.normal(size=(30, 8)), rng.normal(size=(5, 8)) + 1
    for ddof in (0, 1):
        assert frechet_of_features(a, b, ddof)["right"] == pytest.approx(frechet_distance(a, b, ddof))
