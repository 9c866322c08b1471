"""Challenges for neural notebooks with the words by which their arguments are known, and how a check is run on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kernel_asker import ask

import autograder.registered  # noqa: F401  # fills the registries
from autograder.checks.findings import Context, Finding
from autograder.golden import Golden
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeSpec

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\nimport numpy as np\n"
RATE = 1e-4


def role(kind: str, names: str, contains: str = "", globals: str = "") -> dict[str, Any]:
    """A role from words in one string each."""
    return {"kind": kind, "names": names.split(), "contains": contains.split(), "globals": globals.split()}


LATENT = {
    "mu": role("tensor", "mu mean z_mean m", "mu mean"),
    "log_var": role("tensor", "logvar log_var lv sigma std", "var sigma std"),
}
LOSS_ROLES = {
    "reconstruction": role(
        "tensor", "recon recon_x x_hat x_recon y_hat output logits pred decoded", "recon hat"
    ),
    "target": role("tensor", "x target input images y real original labels", "target orig"),
    **LATENT,
    "beta": role("number", "beta kl_weight"),
    "model": role("module", "model vae net"),
    "outputs": role("tensor", "outputs out_tuple vae_output"),
}
GAN_ROLES = {
    "generator": role("module", "G gen generator netG", "generator", "G generator gen netG"),
    "discriminator": role(
        "module", "D disc discriminator netD", "discriminator", "D discriminator disc netD"
    ),
    "generator_optimizer": role(
        "optimizer", "opt_G g_optimizer optG optimizer_G", "opt_g", "opt_G g_optimizer optG optimizer_G"
    ),
    "discriminator_optimizer": role(
        "optimizer", "opt_D d_optimizer optD optimizer_D", "opt_d", "opt_D d_optimizer optD optimizer_D"
    ),
    "real": role("tensor", "real real_images images x batch imgs", "real image"),
    "noise_size": role("number", "z_dim latent_dim nz"),
}
LANGUAGE_ROLES = {
    "model": role("module", "model net lm", "", "model"),
    "optimizer": role("optimizer", "optimizer opt optim", "opt", "optimizer opt"),
    "batch": role("tokens", "batch"),
    "inputs": role("tokens", "x xb inputs idx", "input"),
    "targets": role("tokens", "y yb targets labels", "target"),
}
DECODER_ROLES = {
    "model": role("module", "model lm net", "", "model lm transformer net"),
    "prompt": role("tokens", "prompt idx context tokens start start_text x ids text", "prompt context"),
    "n": role("number", "n_tokens max_new_tokens n length steps num_tokens n_new", "new_tokens"),
    "temperature": role("number", "temperature temp T"),
    "k": role("number", "k top_k topk"),
    "p": role("number", "p top_p topp"),
    "logits": role("tensor", "logits probs log_probs"),
}


def spec(mode: str, draw: str, names: str, roles: dict[str, Any], **more: Any) -> ChallengeSpec:
    """A challenge."""
    about = {"mode": mode, "draw": draw, "names": names.split(), "roles": roles, **more}
    return ChallengeSpec.model_validate(about)


LOSS = spec(
    "loss",
    "vae_loss_inputs",
    "vae_loss loss_function elbo compute_loss VAELoss criterion",
    LOSS_ROLES,
    n_cases=4,
)
SAMPLE = spec("noise", "sampled_latent", "reparameterize reparameterise sample_z VAE", LATENT)
GAN = spec("step", "gan_step_inputs", "gan_step train_step train_d train_g", GAN_ROLES)
LANGUAGE = spec("step", "language_step_inputs", "train_step step", LANGUAGE_ROLES)


def finding(
    folder: Path, check: str, challenge: ChallengeSpec, source: str, rate: float = RATE, **params: Any
) -> Finding:
    """What a check says of a notebook of one cell."""
    seen = ask(folder, (HEAD + source,), {"c": challenge})
    assert seen.observations.problems == ()
    entry = CHECKS[check]
    found = entry.function(
        seen, entry.params.model_validate({"challenge": "c"} | params), Context("x", rate, Golden())
    )
    assert isinstance(found, Finding)
    return found
