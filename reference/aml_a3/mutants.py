"""Typical mistakes in part a: each mutant is the solution with one mistake in one item.

A mutant is a function from the rendered solution (percent format) to the wrong notebook. The cells without an
item (set-up and constants) belong to item a1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Edit = Callable[[str], str]
Evidence = Literal["structure", "loss", "step", "decoder", "training", "form"]
"""What can reveal a mistake: the network itself, a loss or score on given numbers, a training step, a decoder on a
known law, what the run recorded and left behind (data, optimizers, curves, texts, figures), or the file."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One typical mistake."""

    id: str
    item: str
    title: str
    """What the student did, in words that complete "the student ..."."""
    apply: Edit
    unrevealable: str | None = None
    """Why no automatic check can see it, or None."""
    revealed_by: Evidence | None = None
    """The evidence that is expected to reveal it, where an author has said so."""


MUTANTS: dict[str, Mutant] = {}


def mutant(
    item: str,
    title: str,
    unrevealable: str | None = None,
    *,
    revealed_by: Evidence | None = None,
    registry: dict[str, Mutant] = MUTANTS,
) -> Callable[[Edit], Edit]:
    """Register the decorated edit under its own name, among the mutants of part a unless told otherwise."""

    def register(edit: Edit) -> Edit:
        name = edit.__name__
        if name in registry:
            raise ValueError(f"two mutants are called {name}")
        registry[name] = Mutant(name, item, title, edit, unrevealable, revealed_by)
        return edit

    return register


def swap(source: str, old: str, new: str) -> str:
    """Return the source with `old` replaced by `new`; ValueError unless `old` occurs exactly once."""
    n_found = source.count(old)
    if n_found != 1:
        raise ValueError(f"expected the text once, found it {n_found} times: {old!r}")
    return source.replace(old, new)


def drop_cell(source: str, text: str) -> str:
    """Return the source without the one cell that contains `text`; ValueError unless there is exactly one."""
    cells = re.split(r"^(?=# %%)", source, flags=re.MULTILINE)
    kept = [cell for cell in cells if text not in cell]
    if len(cells) - len(kept) != 1:
        raise ValueError(f"expected one cell with the text, found {len(cells) - len(kept)}: {text!r}")
    return "".join(kept)


# ------------------------------------------------------------------ a1: target


@mutant("a1", "exchanges the weights of the second and the third component")
def weights_swapped(source: str) -> str:
    return swap(source, "np.array([0.4, 0.35, 0.25]", "np.array([0.4, 0.25, 0.35]")


@mutant("a1", "places the third mean at (-3, -3)")
def mean_wrong(source: str) -> str:
    return swap(source, "[3.0, 3.0], [-3.0, 3.0]]", "[3.0, 3.0], [-3.0, -3.0]]")


@mutant("a1", "loses the sign of the off-diagonal entries of the third covariance")
def covariance_sign_lost(source: str) -> str:
    return swap(source, "[[1.2, -0.6], [-0.6, 1.2]]", "[[1.2, 0.6], [0.6, 1.2]]")


@mutant("a1", "leaves out the factor 1 / (2 pi)")
def two_pi_missing(source: str) -> str:
    return swap(source, "0.5 * (log_dets + means.shape[-1] * np.log(2.0 * np.pi))", "0.5 * log_dets")


@mutant("a1", "leaves the determinant out of the normalisation")
def determinant_missing(source: str) -> str:
    return swap(source, "0.5 * (log_dets + means.shape", "0.5 * (means.shape")


@mutant("a1", "divides by the determinant in place of its square root")
def determinant_without_root(source: str) -> str:
    return swap(source, "0.5 * (log_dets + means.shape", "0.5 * (2.0 * log_dets + means.shape")


@mutant("a1", "uses the covariance in the quadratic form where its inverse belongs")
def covariance_not_inverted(source: str) -> str:
    return swap(
        source,
        "means, np.linalg.inv(cholesky))",
        "means, np.linalg.inv(np.linalg.cholesky(np.linalg.inv(covariances))))",
    )


@mutant("a1", "takes the covariance entries for standard deviations")
def covariance_squared(source: str) -> str:
    return swap(source, "np.linalg.cholesky(covariances)", "np.linalg.cholesky(covariances @ covariances)")


@mutant("a1", "forgets the factor 1/2 in the exponent")
def exponent_without_half(source: str) -> str:
    return swap(source, "mixture.log_scales - 0.5 * np.add", "mixture.log_scales - np.add")


@mutant("a1", "forgets the third component")
def component_forgotten(source: str) -> str:
    return swap(
        source,
        "gaussian_mixture(WEIGHTS, MEANS, COVARIANCES)",
        "gaussian_mixture(WEIGHTS[:2], MEANS[:2], COVARIANCES[:2])",
    )


@mutant("a1", "adds the components without their weights")
def weights_ignored(source: str) -> str:
    return swap(source, "log_scales = np.log(weights) - 0.5", "log_scales = -0.5")


@mutant("a1", "adds the weights to the log components without taking their logarithm")
def weights_not_logged(source: str) -> str:
    return swap(source, "log_scales = np.log(weights) - 0.5", "log_scales = weights - 0.5")


@mutant("a1", "takes the largest component in place of the sum")
def largest_component_only(source: str) -> str:
    return swap(source, "np.logaddexp.reduce(log_components", "np.max(log_components")


@mutant("a1", "returns single precision")
def single_precision(source: str) -> str:
    return swap(
        source,
        "return gaussian_mixture_log_density(x, TARGET)",
        "return gaussian_mixture_log_density(x, TARGET).astype(np.float32)",
    )


@mutant("a1", "uses a mesh of 100 x 100")
def mesh_coarse(source: str) -> str:
    return swap(source, "np.linspace(-6, 6, 200)", "np.linspace(-6, 6, 100)")


@mutant("a1", "uses a mesh over [-5, 5]")
def mesh_narrow(source: str) -> str:
    return swap(source, "np.linspace(-6, 6, 200)", "np.linspace(-5, 5, 200)")


@mutant("a1", "evaluates the density with x and y exchanged")
def mesh_coordinates_exchanged(source: str) -> str:
    return swap(source, "np.stack([grid_x, grid_y], axis=-1)", "np.stack([grid_y, grid_x], axis=-1)")


@mutant("a1", "draws no contour")
def contour_missing(source: str) -> str:
    source = swap(source, 'lines = ax.contour(grid_x, grid_y, grid_density, levels=20, cmap="viridis")\n', "")
    return swap(source, 'fig.colorbar(lines, ax=ax, label="density")\n', "")


@mutant("a1", "seeds with 42 in place of 1234")
def seed_wrong(source: str) -> str:
    return swap(source, "SEED = 1234", "SEED = 42")


@mutant("a1", "does not seed PyTorch")
def torch_seed_missing(source: str) -> str:
    return swap(source, "torch.manual_seed(SEED)\n", "")


@mutant("a1", "writes no explanation before two code cells")
def explanations_missing(source: str) -> str:
    source = drop_cell(source, "# The density on the mesh of the sheet.")
    return drop_cell(source, "# The contour of the true density: a correlated")


# ------------------------------------------------------------------ a2: rejection sampling


@mutant("a2", "accepts with probability p / q, without the envelope constant")
def envelope_ignored(source: str) -> str:
    return swap(source, "density(proposals) / (c * q)", "density(proposals) / q")


@mutant("a2", "accepts with probability p, without dividing by the envelope")
def ratio_without_proposal(source: str) -> str:
    return swap(source, "density(proposals) / (c * q)", "density(proposals)")


@mutant("a2", "leaves the normalising constant out of the proposal density")
def proposal_not_normalised(source: str) -> str:
    return swap(
        source,
        "q = np.exp(proposal_log_density(proposals, sigma))",
        "q = np.exp(-0.5 * np.sum(proposals**2, axis=1) / sigma**2)",
    )


@mutant("a2", "uses c = 10 in place of 12")
def envelope_wrong(source: str) -> str:
    return swap(source, "10_000, C, SIGMA, rng)", "10_000, 10.0, SIGMA, rng)")


@mutant("a2", "takes 2.5 for the variance of the proposal")
def rejection_sigma_as_variance(source: str) -> str:
    source = swap(source, "proposals = sigma * rng", "proposals = np.sqrt(sigma) * rng")
    return swap(
        source, "proposal_log_density(proposals, sigma)", "proposal_log_density(proposals, np.sqrt(sigma))"
    )


@mutant("a2", "draws the proposals from N(0, I) and evaluates the density of N(0, 2.5^2 I)")
def proposals_from_another_law(source: str) -> str:
    return swap(source, "proposals = sigma * rng", "proposals = rng")


@mutant("a2", "draws the proposals uniformly from the plotting square")
def proposals_uniform(source: str) -> str:
    return swap(
        source,
        "proposals = sigma * rng.standard_normal((n, 2))",
        "proposals = rng.uniform(-6, 6, size=(n, 2))",
    )


@mutant("a2", "makes 10,000 proposals in place of 10,000 accepted draws")
def counts_proposals(source: str) -> str:
    source = swap(source, "while n_accepted < n_accept:", "while n_proposals < n_accept:")
    return swap(
        source,
        "n_proposals += n_batch if n_accepted < n_accept else int(accepted[-1]) + 1",
        "n_proposals += n_batch",
    )


@mutant("a2", "stops at 1,000 accepted draws")
def too_few_accepted(source: str) -> str:
    return swap(source, "(mixture_density, 10_000, C", "(mixture_density, 1_000, C")


@mutant("a2", "reports 1 / c in place of the observed rate")
def rate_in_theory(source: str) -> str:
    return swap(source, "acceptance_rate = len(accepted_samples) / n_proposals", "acceptance_rate = 1 / C")


@mutant("a2", "reports proposals per accepted draw")
def rate_inverted(source: str) -> str:
    return swap(source, "= len(accepted_samples) / n_proposals", "= n_proposals / len(accepted_samples)")


@mutant("a2", "counts the proposals of the last batch only")
def rate_of_last_batch(source: str) -> str:
    return swap(source, "n_proposals += n_batch if n_accepted", "n_proposals = n_batch if n_accepted")


@mutant("a2", "compares a whole batch with one uniform number")
def one_uniform_per_batch(source: str) -> str:
    return swap(source, "is_accepted = rng.random(n) <", "is_accepted = rng.random() <")


@mutant("a2", "compares with normal in place of uniform random numbers")
def normal_for_uniform(source: str) -> str:
    return swap(source, "is_accepted = rng.random(n) <", "is_accepted = rng.standard_normal(n) <")


@mutant("a2", "keeps the rejected draws")
def keeps_rejected(source: str) -> str:
    return swap(source, "is_accepted = rng.random(n) <", "is_accepted = rng.random(n) >")


@mutant("a2", "draws no scatter of the accepted samples")
def rejection_scatter_missing(source: str) -> str:
    label = 'label="accepted samples")\n'
    source = swap(
        source, f"ax.scatter(accepted_samples[:, 0], accepted_samples[:, 1], s=3, alpha=0.3, {label}", ""
    )
    return swap(source, 'ax.legend(loc="lower right")\n', "")


# ------------------------------------------------------------------ a3: importance sampling


@mutant("a3", "inverts the weights: q / p")
def importance_weights_inverted(source: str) -> str:
    return swap(
        source,
        "log_weights = log_density(draws) - proposal_log_density(draws, sigma)",
        "log_weights = proposal_log_density(draws, sigma) - log_density(draws)",
    )


@mutant("a3", "weights by p alone, without dividing by q")
def weights_without_proposal(source: str) -> str:
    return swap(source, "log_density(draws) - proposal_log_density(draws, sigma)", "log_density(draws)")


@mutant("a3", "keeps the logarithms of the weights as weights")
def weights_left_in_logs(source: str) -> str:
    return swap(source, "is_weights = np.exp(is_log_weights)", "is_weights = is_log_weights")


@mutant("a3", "draws from N(0, I) and weights by N(0, 2.5^2 I)")
def draws_from_another_law(source: str) -> str:
    return swap(source, "draws = sigma * rng.standard_normal", "draws = rng.standard_normal")


@mutant("a3", "takes 2.5 for the variance of the proposal")
def importance_sigma_as_variance(source: str) -> str:
    source = swap(
        source, "draws = sigma * rng.standard_normal", "draws = np.sqrt(sigma) * rng.standard_normal"
    )
    return swap(source, "proposal_log_density(draws, sigma)", "proposal_log_density(draws, np.sqrt(sigma))")


@mutant("a3", "draws 5,000 in place of 50,000")
def too_few_importance_draws(source: str) -> str:
    return swap(source, "(mixture_log_density, 50_000, SIGMA", "(mixture_log_density, 5_000, SIGMA")


@mutant("a3", "divides the weighted sum by N in place of the sum of the weights")
def mean_not_self_normalised(source: str) -> str:
    return swap(
        source, "np.sum(is_weights * f_values) / np.sum(is_weights)", "np.mean(is_weights * f_values)"
    )


@mutant("a3", "averages f without the weights")
def mean_unweighted(source: str) -> str:
    return swap(source, "np.sum(is_weights * f_values) / np.sum(is_weights)", "np.mean(f_values)")


@mutant("a3", "computes x1 + sin(x2)")
def f_without_square(source: str) -> str:
    return swap(source, "f_values = is_draws[:, 0] ** 2 +", "f_values = is_draws[:, 0] +")


@mutant("a3", "computes sin(x1) + x2^2")
def f_coordinates_exchanged(source: str) -> str:
    return swap(
        source, "is_draws[:, 0] ** 2 + np.sin(is_draws[:, 1])", "is_draws[:, 1] ** 2 + np.sin(is_draws[:, 0])"
    )


@mutant("a3", "reports the variance of f without the weights")
def variance_unweighted(source: str) -> str:
    return swap(
        source,
        "is_variance = float(np.sum(is_weights * (f_values - is_mean) ** 2) / np.sum(is_weights))",
        "is_variance = float(np.var(f_values))",
    )


@mutant("a3", "reports the weighted variance of x1 in place of f")
def variance_of_coordinate(source: str) -> str:
    return swap(
        source,
        "is_weights * (f_values - is_mean) ** 2)",
        "is_weights * (is_draws[:, 0] - np.average(is_draws[:, 0], weights=is_weights)) ** 2)",
    )


@mutant("a3", "forgets the square in the variance")
def variance_without_square(source: str) -> str:
    return swap(source, "(f_values - is_mean) ** 2)", "(f_values - is_mean))")


@mutant("a3", "reports the second moment as the variance")
def variance_not_centred(source: str) -> str:
    return swap(source, "(f_values - is_mean) ** 2)", "f_values**2)")


@mutant("a3", "reports the standard deviation as the variance")
def deviation_for_variance(source: str) -> str:
    return swap(
        source,
        "is_variance = float(np.sum(is_weights * (f_values - is_mean) ** 2) / np.sum(is_weights))",
        "is_variance = float(np.sqrt(np.sum(is_weights * (f_values - is_mean) ** 2) / np.sum(is_weights)))",
    )


@mutant("a3", "computes the ESS as 1 / sum w^2 of weights that do not sum to 1")
def ess_weights_not_normalised(source: str) -> str:
    return swap(
        source,
        "float(np.sum(scaled) ** 2 / np.sum(scaled**2))",
        "float(1.0 / np.sum(np.asarray(weights) ** 2))",
    )


@mutant("a3", "computes the ESS as the sum over the largest weight")
def ess_by_largest_weight(source: str) -> str:
    return swap(source, "float(np.sum(scaled) ** 2 / np.sum(scaled**2))", "float(np.sum(scaled))")


@mutant("a3", "reports the ESS as a fraction of N")
def ess_as_fraction(source: str) -> str:
    return swap(
        source,
        "float(np.sum(scaled) ** 2 / np.sum(scaled**2))",
        "float(np.mean(scaled) ** 2 / np.mean(scaled**2))",
    )


# ------------------------------------------------------------------ a4: Metropolis-Hastings


@mutant("a4", "inverts the acceptance ratio")
def ratio_inverted(source: str) -> str:
    return swap(source, "log_ratio = log_p - state.log_density", "log_ratio = state.log_density - log_p")


@mutant("a4", "compares the log ratio with a uniform number that is not logged")
def log_ratio_against_uniform(source: str) -> str:
    return swap(source, "rng.random() < acceptance_probability", "rng.random() < log_ratio")


@mutant("a4", "hands the density where the log density is expected")
def density_without_log(source: str) -> str:
    return swap(
        source,
        "metropolis_hastings(mixture_log_density, 50_000",
        "metropolis_hastings(mixture_density, 50_000",
    )


@mutant("a4", "samples one Gaussian in place of the mixture")
def chain_target_wrong(source: str) -> str:
    return swap(
        source,
        "metropolis_hastings(mixture_log_density, 50_000",
        "metropolis_hastings(lambda x: -0.5 * np.sum(x**2), 50_000",
    )


@mutant("a4", "keeps accepted states only")
def keeps_accepted_only(source: str) -> str:
    source = swap(source, "chain[t] = state.position", "chain[n_accepted] = state.position")
    return swap(source, "return chain, n_accepted / n_iter", "return chain[:n_accepted], n_accepted / n_iter")


@mutant("a4", "records the proposal although it was rejected")
def records_proposals(source: str) -> str:
    return swap(source, "chain[t] = state.position", "chain[t] = info.proposal")


@mutant("a4", "takes the step size for the variance of the proposal")
def step_as_variance(source: str) -> str:
    return swap(source, "state.position + step * rng", "state.position + math.sqrt(step) * rng")


@mutant("a4", "draws the step uniformly in place of normally")
def step_uniform(source: str) -> str:
    return swap(
        source,
        "step * rng.standard_normal(state.position.shape)",
        "step * rng.uniform(-1, 1, state.position.shape)",
    )


@mutant("a4", "moves both coordinates by the same random number")
def one_noise_for_both(source: str) -> str:
    return swap(source, "rng.standard_normal(state.position.shape)", "rng.standard_normal()")


@mutant("a4", "proposes around the origin in place of the present state")
def proposals_independent(source: str) -> str:
    return swap(source, "proposal = state.position + step", "proposal = step")


@mutant("a4", "uses the step sizes 0.1, 0.5, 1.0")
def step_sizes_wrong(source: str) -> str:
    return swap(source, "for step in (0.1, 0.5, 1.5):", "for step in (0.1, 0.5, 1.0):")


@mutant("a4", "starts at (3, 3)")
def start_wrong(source: str) -> str:
    return swap(source, "50_000, step, np.zeros(2), rng)", "50_000, step, np.array([3.0, 3.0]), rng)")


@mutant("a4", "runs 10,000 iterations")
def chain_too_short(source: str) -> str:
    return swap(source, "50_000, step, np.zeros(2), rng)", "10_000, step, np.zeros(2), rng)")


@mutant("a4", "drops no burn-in")
def burn_in_missing(source: str) -> str:
    return swap(source, '"draws": chain[5_000::5]', '"draws": chain[::5]')


@mutant("a4", "does not thin")
def thinning_missing(source: str) -> str:
    return swap(source, '"draws": chain[5_000::5]', '"draws": chain[5_000:]')


@mutant("a4", "divides all acceptances by the iterations after burn-in")
def rate_over_kept(source: str) -> str:
    return swap(source, '"acceptance_rate": rate}', '"acceptance_rate": rate * 50_000 / 45_000}')


@mutant("a4", "reports the rejection rate")
def rate_of_rejections(source: str) -> str:
    return swap(source, "return chain, n_accepted / n_iter", "return chain, 1 - n_accepted / n_iter")


@mutant("a4", "computes the autocorrelation up to lag 20")
def acf_too_short(source: str) -> str:
    source = swap(source, "mh_acf = autocorrelation(trace, 50)", "mh_acf = autocorrelation(trace, 20)")
    return swap(source, "bottom.bar(np.arange(51), mh_acf", "bottom.bar(np.arange(21), mh_acf")


@mutant("a4", "shows trace and autocorrelation of s = 1.5")
def acf_of_another_step(source: str) -> str:
    return swap(source, 'trace = mh_results[0.5]["draws"]', 'trace = mh_results[1.5]["draws"]')


@mutant("a4", "reports autocovariances, not divided by the variance")
def acf_not_normalised(source: str) -> str:
    return swap(source, "np.array(covariances) / covariances[0]", "np.array(covariances) / len(x)")


@mutant("a4", "does not subtract the mean before the autocorrelation")
def acf_not_centred(source: str) -> str:
    return swap(source, "centred = x - np.mean(x)", "centred = x")


@mutant("a4", "plots the trace of x2")
def trace_of_second_coordinate(source: str) -> str:
    return swap(
        source, "top.plot(trace, linewidth=0.5)", 'top.plot(mh_results[0.5]["draws"][:, 1], linewidth=0.5)'
    )


@mutant("a4", "plots no autocorrelation")
def acf_figure_missing(source: str) -> str:
    return swap(source, "bottom.bar(np.arange(51), mh_acf, width=0.6)\n", "")


@mutant("a4", "claims that the smallest step mixes best", unrevealable="the comment is marked by a person")
def comment_wrong(source: str) -> str:
    return swap(
        source,
        "but a high acceptance rate is not good mixing.",
        "and a high acceptance rate means good mixing.",
    )


# ------------------------------------------------------------------ a5: Gibbs sampling


@mutant("a5", "takes the conditional variance for the standard deviation")
def variance_for_deviation(source: str) -> str:
    return swap(source, "sd = math.sqrt(1.0 - rho**2)", "sd = 1.0 - rho**2")


@mutant("a5", "draws the conditionals with variance 1")
def conditional_variance_one(source: str) -> str:
    return swap(source, "sd = math.sqrt(1.0 - rho**2)", "sd = 1.0")


@mutant("a5", "updates both coordinates from the old values")
def simultaneous_update(source: str) -> str:
    return swap(source, "x2 = rho * x1 + sd", "x2 = rho * state.x1 + sd")


@mutant("a5", "updates x1 only")
def one_coordinate_updated(source: str) -> str:
    return swap(source, "x2 = rho * x1 + sd * rng.standard_normal()", "x2 = state.x2")


@mutant("a5", "has the wrong sign in one conditional mean")
def conditional_sign_wrong(source: str) -> str:
    return swap(source, "x1 = rho * state.x2 + sd", "x1 = -rho * state.x2 + sd")


@mutant("a5", "adds the correlation in place of multiplying by it")
def correlation_added(source: str) -> str:
    return swap(source, "x1 = rho * state.x2 + sd", "x1 = rho + state.x2 + sd")


@mutant("a5", "uses a correlation of 0.8")
def correlation_wrong(source: str) -> str:
    return swap(source, "gibbs_sample(50_000, 0.9,", "gibbs_sample(50_000, 0.8,")


@mutant("a5", "runs 10,000 iterations")
def gibbs_too_short(source: str) -> str:
    return swap(source, "gibbs_sample(50_000, 0.9,", "gibbs_sample(10_000, 0.9,")


@mutant("a5", "drops no burn-in")
def gibbs_burn_in_missing(source: str) -> str:
    return swap(source, "gibbs_draws = gibbs_chain[5_000::5]", "gibbs_draws = gibbs_chain[::5]")


@mutant("a5", "does not thin")
def gibbs_thinning_missing(source: str) -> str:
    return swap(source, "gibbs_draws = gibbs_chain[5_000::5]", "gibbs_draws = gibbs_chain[5_000:]")


@mutant("a5", "computes the autocorrelation of x2")
def gibbs_acf_of_second_coordinate(source: str) -> str:
    return swap(source, "autocorrelation(gibbs_draws[:, 0], 50)", "autocorrelation(gibbs_draws[:, 1], 50)")


@mutant("a5", "computes the autocorrelation of x1 squared")
def gibbs_acf_of_squares(source: str) -> str:
    return swap(
        source, "autocorrelation(gibbs_draws[:, 0], 50)", "autocorrelation(gibbs_draws[:, 0] ** 2, 50)"
    )


@mutant("a5", "computes the autocorrelation up to lag 20")
def gibbs_acf_too_short(source: str) -> str:
    source = swap(source, "autocorrelation(gibbs_draws[:, 0], 50)", "autocorrelation(gibbs_draws[:, 0], 20)")
    return swap(source, "left.bar(np.arange(51), gibbs_acf", "left.bar(np.arange(21), gibbs_acf")


@mutant("a5", "draws no scatter")
def gibbs_scatter_missing(source: str) -> str:
    return swap(source, "right.scatter(gibbs_draws[:, 0], gibbs_draws[:, 1], s=3, alpha=0.3)\n", "")
