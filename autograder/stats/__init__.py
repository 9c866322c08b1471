"""Statistics of the grader: numbers in, numbers out; numpy and scipy only. Table of contents.

arrays        finite, points, rows, series, positive: validated float64 input; `Density`, `FloatArray`
autoencoders  autoencoder_reading(trials, encoder, heads, decoder) -> Reading; LatentTrial, DRAWS
bands         Band(low, high, method, n, false_fail_rate, min_discrepancy, truth, note).contains(x)
              BAND_METHODS[name], with names and arguments
              exact(truth, atol, rtol), normal(truth, sd, n, rate) - sd of the *statistic*,
              proportion(truth, n, rate), negative_binomial(p, n_successes, rate),
              replicates(mean, sd, n_replicates, rate, confidence=0.95), replicates_envelope(low, high, n)
chains        autocovariance(x, max_lag, unbiased), acf(x, max_lag, unbiased), acf_pearson(x, max_lag)
              tau_int(x), ess_mcmc(x), mcse_mean(x), move_rate(chain),
              acf_bartlett_sd(acf_true, n, max_lag)
draws         ks_projections(draws, law, directions) -> KsResult,
              cells_test(draws, law, n_cells) -> CellsResult
              gaussian_draws_test(draws, sd) -> KsResult, mean_z(draws, truth_mean, truth_var, ess) -> (d,)
importance    self_normalised_estimate(log_weights, f),
              weighted_variances(log_weights, f) -> {CONVENTIONS: value}
              ess_weights(weights), ess_log_weights(log_weights)
              truths(target, sigma, f, n) -> {"mean" | "ess" | CONVENTIONS: Truth(value, sd)}
language_models  next_token_scores(tokens, sizes, choices, fill), n_parameters(sizes, choices, is_tied)
              Sizes, Choices, Fill; positions_of, layer_norm, activated, softmax
layers        layers_reading(trials, layers, variants) -> Reading; parse_layer(text), through(x, layers, fill)
mixtures      GaussianMixture(weights, means, covariances): log_density(x), density(x),
              mean, covariance, sample(rng, n)
              GaussianMixture.from_mapping({"weights", "means", "covariances"}); log_sum_exp(values, axis)
planes        Plane.from_density(density, low, high, step): mass, mass_error, expectation(f), variance(f),
              mean(), covariance(), marginal_cdf(direction), cell_probabilities(edges_x, edges_y),
              equal_cells(n_side), sample(rng, n); bounding_box(density, half_width) -> (low, high)
proportions   upper_bound(k, n, confidence=0.95) Clopper-Pearson
readings      language_reading(trials, sizes, shapes) -> Reading(conventions, fault, is_known); FAULTS
rejection     accepted_law(target, c, sigma) -> Plane (`mass` is Z), acceptance_rate(target, c, sigma)
              envelope_supremum(target, sigma) -> Supremum(value, point), proposal_density(x, sigma)
scans         gibbs_z(chain, mean, covariance) -> {name in CONVENTIONS: GibbsFit}
transitions   one_step_acceptance(log_density, states, step, n_nodes) -> (n,),
              metropolis_z(log_density, chain, step) -> MetropolisZ
"""
