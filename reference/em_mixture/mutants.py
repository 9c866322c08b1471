"""Typical mistakes in the lab: each mutant is the solution with one of them."""

from __future__ import annotations

from reference.aml_a3.mutants import Mutant, swap

MUTANTS: dict[str, Mutant] = {}

SHARES = "joint / joint.sum(axis=1, keepdims=True)"
MEANS = "(r * x[:, None]).sum(axis=0) / n_k"
VARIANCES = "(r * (x[:, None] - new_means) ** 2).sum(axis=0) / n_k"
RETURNED = "return n_k / len(x), new_means, np.sqrt(variances)"
SUMMED = "np.log(joint.sum(axis=1)).sum()"
LOOP = "for _ in range(N_ITERATIONS):"
STEP = "    weights, means, sds = em_step(x, weights, means, sds)\n"
KEPT = "    log_likelihoods.append(log_likelihood(x, weights, means, sds))"
START = "weights, means, sds = START_WEIGHTS, START_MEANS, START_SDS"


def _add(item: str, name: str, title: str, old: str, new: str, unrevealable: str | None = None) -> None:
    """Register the solution with one text replaced."""
    MUTANTS[name] = Mutant(name, item, title, lambda source: swap(source, old, new), unrevealable)


_add("e1", "not_normalised", "does not divide by the sum over components", SHARES, "joint")
_add("e1", "normalised_over_x", "divides by the sum over observations", SHARES, "joint / joint.sum(axis=0)")
_add(
    "e1",
    "weights_forgotten",
    "forgets the weights of the components in the E-step",
    SHARES,
    "(joint / weights) / (joint / weights).sum(axis=1, keepdims=True)",
)
_add(
    "e1",
    "hard_assignments",
    "gives each observation to one component",
    SHARES,
    "(joint == joint.max(axis=1, keepdims=True)).astype(float)",
)
_add("e1", "variances", "gives back variances", RETURNED, "return n_k / len(x), new_means, variances")
_add(
    "e1",
    "divides_by_n",
    "divides the sums by the number of observations",
    MEANS,
    MEANS.replace("n_k", "len(x)"),
)
_add(
    "e1",
    "old_means",
    "takes variances around the old means",
    VARIANCES,
    VARIANCES.replace("new_means", "means"),
)
_add(
    "e1",
    "global_mean",
    "takes variances around the mean of all observations",
    VARIANCES,
    VARIANCES.replace("new_means", "x.mean()"),
)
_add(
    "e1", "sums_for_weights", "gives back sums for weights", RETURNED, RETURNED.replace("n_k / len(x)", "n_k")
)
_add("e1", "same_weights", "keeps the weights", RETURNED, RETURNED.replace("n_k / len(x)", "weights"))

_add("e2", "mean_over_x", "takes the mean over observations", SUMMED, "np.log(joint.sum(axis=1)).mean()")
_add("e2", "sum_of_logs", "adds logarithms of components", SUMMED, "np.log(joint).sum()")
_add("e2", "negative", "gives back the negative log-likelihood", SUMMED, f"-{SUMMED}")
_add("e2", "log_missing", "forgets the logarithm", SUMMED, "joint.sum(axis=1).sum()")
_add(
    "e2",
    "unweighted",
    "forgets the weights in the likelihood",
    SUMMED,
    "np.log((joint / weights).sum(axis=1)).sum()",
)

_add("e3", "one_step", "takes one step only", LOOP, "for _ in range(1):")
_add("e3", "last_only", "keeps the last log-likelihood only", KEPT, KEPT.strip())
_add(
    "e3",
    "of_the_start",
    "keeps the log-likelihood of the start",
    KEPT,
    KEPT.replace("weights, means, sds", "START_WEIGHTS, START_MEANS, START_SDS"),
)
_add("e3", "not_drawn", "draws nothing", "ax.plot(range(1, N_ITERATIONS + 1), log_likelihoods)\n", "")
_add("e3", "five_steps", "stops after five steps", STEP, f"    if len(log_likelihoods) < 5:\n    {STEP}")
_add(
    "e3",
    "other_start",
    "starts from other means",
    START,
    START.replace("START_MEANS", "START_MEANS + 0.3"),
    unrevealable="EM ends in the same place from there",
)
