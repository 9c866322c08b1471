"""Typical mistakes in the DDPM lab: each mutant is the solution with one of them."""

from __future__ import annotations

from reference.aml_a3.mutants import Evidence, Mutant, swap

MUTANTS: dict[str, Mutant] = {}

BETAS = "betas = torch.linspace(beta_start, beta_end, n_steps)"
BARS = "torch.cumprod(alphas, dim=0)"
NOISED = "return alpha_bar.sqrt() * x0 + (1.0 - alpha_bar).sqrt() * noise"
JOINED = "torch.cat([x, self.time(t)], dim=1)"
TIMES = "t = torch.randint(0, len(alpha_bars), (len(x0),))"
ASKED = "predicted = model(add_noise(x0, t, noise, alpha_bars), t)"
LOSS = "return F.mse_loss(predicted, noise)"
MEAN = "mean = (x - betas[t] / (1.0 - alpha_bars[t]).sqrt() * predicted) / (1.0 - betas[t]).sqrt()"
LAST = "    if t == 0:\n        return mean\n"
DRAWN = "return mean + betas[t].sqrt() * torch.randn_like(x)"
START = "x = torch.randn(n, 2)"
BACKWARDS = "for t in reversed(range(len(betas))):"
STEPPED = "x = reverse_step(model, x, t, betas, alpha_bars)"


def _add(
    item: str,
    name: str,
    title: str,
    old: str,
    new: str,
    unrevealable: str | None = None,
    revealed_by: Evidence | None = "training",
) -> None:
    """Register the solution with one text replaced."""
    MUTANTS[name] = Mutant(
        name, item, title, lambda source: swap(source, old, new), unrevealable, revealed_by
    )


_add("d1", "betas_fall", "lets the variances fall", BETAS, f"{BETAS}.flip(0)")
_add(
    "d1",
    "betas_constant",
    "gives every step the same variance",
    BETAS,
    "betas = torch.full((n_steps,), beta_end)",
)
_add(
    "d1",
    "paper_betas",
    "takes the paper's variances with a tenth of its steps",
    BETAS,
    BETAS.replace("(beta_start, beta_end", "(1e-4, 0.02"),
)
_add("d1", "product_of_betas", "takes the product of β", BARS, "torch.cumprod(betas, dim=0)")
_add("d1", "no_product", "takes 1 − β for the product", BARS, "alphas.clone()")
_add(
    "d1",
    "summed",
    "subtracts the sum of β from 1",
    BARS,
    "(1.0 - torch.cumsum(betas, dim=0)).clamp(min=1e-4)",
)

_add("d2", "roots_missing", "forgets both roots", NOISED, "return alpha_bar * x0 + (1.0 - alpha_bar) * noise")
_add(
    "d2",
    "noise_root_missing",
    "forgets the root before the noise",
    NOISED,
    "return alpha_bar.sqrt() * x0 + (1.0 - alpha_bar) * noise",
)
_add(
    "d2",
    "factors_exchanged",
    "exchanges the factors of data and noise",
    NOISED,
    "return (1.0 - alpha_bar).sqrt() * x0 + alpha_bar.sqrt() * noise",
)
_add(
    "d2", "data_unscaled", "leaves the data as it is", NOISED, "return x0 + (1.0 - alpha_bar).sqrt() * noise"
)
_add(
    "d2",
    "uniform_noise",
    "noises with uniform numbers",
    NOISED,
    NOISED.replace("* noise", "* torch.rand_like(noise)"),
)
_add("d3", "predicts_data", "trains towards the clean points", LOSS, "return F.mse_loss(predicted, x0)")
_add(
    "d3",
    "predicts_noised",
    "trains towards the noised points",
    LOSS,
    "return F.mse_loss(predicted, add_noise(x0, t, noise, alpha_bars))",
)
_add(
    "d3",
    "new_noise",
    "compares with newly drawn noise",
    LOSS,
    "return F.mse_loss(predicted, torch.randn_like(x0))",
)
_add("d3", "climbs", "lets the loss rise", LOSS, "return -F.mse_loss(predicted, noise)")
_add(
    "d3",
    "time_unused",
    "takes the time and does not use it",
    JOINED,
    "torch.cat([x, 0.0 * self.time(t)], dim=1)",
)
_add(
    "d3",
    "early_times",
    "draws times from the first half only",
    TIMES,
    TIMES.replace("len(alpha_bars),", "len(alpha_bars) // 2,"),
)
_add(
    "d3",
    "other_time",
    "tells the network another time than that of its points",
    ASKED,
    "predicted = model(add_noise(x0, t, noise, alpha_bars), t[torch.randperm(len(t))])",
)

_add("d4", "gradients_kept", "never clears the gradients", "    optimizer.zero_grad()\n", "")
_add(
    "d4",
    "not_drawn",
    "draws no losses",
    "ax.plot(100 * np.arange(1, len(losses) + 1), losses)\n",
    "",
    revealed_by="form",
)
_add(
    "d4",
    "last_loss",
    "keeps the last loss only",
    "        losses.append(running / 100)",
    "        losses = [running / 100]",
)
_add("d4", "no_step", "never makes a step", "    optimizer.step()\n", "")

_add("d5", "noise_added", "adds the predicted noise", MEAN, MEAN.replace("x - betas", "x + betas"))
_add("d5", "unscaled_mean", "forgets to divide by √α", MEAN, MEAN.replace(" / (1.0 - betas[t]).sqrt()", ""))
_add(
    "d5",
    "bar_root_missing",
    "divides the predicted noise by 1 − ᾱ",
    MEAN,
    MEAN.replace("(1.0 - alpha_bars[t]).sqrt()", "(1.0 - alpha_bars[t])"),
)
_add("d5", "variance_for_deviation", "multiplies the noise by β", DRAWN, DRAWN.replace(".sqrt()", ""))
_add("d5", "deterministic", "adds no noise", DRAWN, "return mean")
_add("d5", "noise_at_last", "adds noise at the last step, too", LAST, "")
_add(
    "d5",
    "full_noise",
    "adds noise of variance 1 − ᾱ",
    DRAWN,
    DRAWN.replace("betas[t].sqrt()", "(1.0 - alpha_bars[t]).sqrt()"),
)

_add("d6", "forwards", "goes from the first step to the last", BACKWARDS, "for t in range(len(betas)):")
_add(
    "d6", "half_the_steps", "takes half of the steps", BACKWARDS, "for t in reversed(range(len(betas) // 2)):"
)
_add("d6", "uniform_start", "starts from uniform noise", START, "x = torch.rand(n, 2)")
_add("d6", "starts_from_data", "starts from the data", START, "x = data[:n].clone()")
_add(
    "d6",
    "one_step",
    "predicts the data from noise in one step",
    "    for t in reversed(range(len(betas))):\n        " + STEPPED,
    "    t = len(betas) - 1\n    " + STEPPED,
)
_add(
    "d6",
    "not_shown",
    "draws the data only",
    'zip(axes, (data, samples), ("data", "samples"), strict=True)',
    'zip(axes, (data, data), ("data", "samples"), strict=True)',
    revealed_by="form",
)

_add(
    "d2",
    "noised_not_shown",
    "draws no noised points",
    "    ax.scatter(noised[:, 0], noised[:, 1], s=2)\n",
    "",
    revealed_by="form",
)
_add(
    "d4",
    "losses_reversed",
    "keeps the newest loss first",
    "losses.append(running / 100)",
    "losses.insert(0, running / 100)",
)
_add(
    "d6",
    "untrained_samples",
    "samples with a network that was never trained",
    "samples = sample(model,",
    "samples = sample(NoisePredictor(N_STEPS),",
)
