"""The notebooks that all contenders are given, and how they are written down for each of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from autograder.kernel_side.torchvision_shim import SCHEMAS

TRIVIAL = tuple(f"x{index} = {index}" for index in range(10))
MEMORY = (
    "import numpy, scipy.stats, pandas, torch, torchvision\nimport matplotlib.pyplot as plt",
    "product = torch.randn(512, 512) @ torch.randn(512, 512)\n_ = plt.plot(product[0])\nplt.show()",
)
"""What kernels do before their memory is read."""

MODEL = """
class VAE(nn.Module):
    def __init__(self, n_features, n_hidden, n_latent):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_features, n_hidden), nn.ReLU(), nn.Linear(n_hidden, 2 * n_latent))
        self.decoder = nn.Sequential(nn.Linear(n_latent, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_features))

    def forward(self, x):
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        kl = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(dim=1)
        return self.decoder(z), kl


def train(model, data, n_steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for step in range(n_steps):
        batch = data[(step * 64) % len(data) :][:64]
        x_hat, kl = model(batch)
        loss = (((x_hat - batch) ** 2).sum(dim=1) + kl).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
"""

LONG = """
import time

torch.manual_seed(0)
long_data = torch.randn(4096, 256)
long_model = VAE(256, 512, 16)
began, cpu = time.perf_counter(), time.process_time()
epoch = 0
while time.perf_counter() - began < {seconds}:
    long_losses = train(long_model, long_data, {n_steps})
    epoch += 1
    print(f"epoch {{epoch}}: {{long_losses[-1]:.3f}}")
print(f"trained for {{time.perf_counter() - began:.4f}} s, {{time.process_time() - cpu:.4f}} s of CPU")
"""
STEPS_PER_EPOCH = 500
"""Of `LONG`: a second or two on one core of an ordinary server."""


@cache
def must_declare() -> bool:
    """Whether torchvision can be imported only after its operators were declared; see torchvision_shim."""
    code = "from autograder.kernel_side.torchvision_shim import declare_operators as d; print(d())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.strip() == "True"


def imports() -> str:
    """The first cell. Where stock kernels cannot import torchvision, it does what torchvision needs."""
    lines = ["import matplotlib.pyplot as plt", "import numpy as np", "import pandas as pd"]
    lines += ["import scipy.stats", "import torch", "from torch import nn"]
    if must_declare():
        lines.append('if not torch._C._jit_get_schemas_for_operator("torchvision::nms"):')
        lines.append('    operators = torch.library.Library("torchvision", "DEF")')
        lines += [f"    operators.define({schema!r})" for schema in SCHEMAS.values()]
    return "\n".join([*lines, "import torchvision"])


def vae_cells(seed: int, n_steps: int = 20) -> list[str]:
    """The cells of one short notebook; all that is random comes from `seed`."""
    return [
        imports(),
        f"torch.manual_seed({seed})\nrng = np.random.default_rng({seed})\n"
        "data = torch.from_numpy(rng.normal(size=(512, 64)).astype('float32'))",
        MODEL.strip(),
        f"model = VAE(64, 128, 8)\nlosses = train(model, data, {n_steps})",
        "_ = plt.plot(losses)\nplt.xlabel('step')\nplt.ylabel('loss')\nplt.show()",
        "table = pd.DataFrame({'step': range(len(losses)), 'loss': losses})\n"
        "slope = scipy.stats.linregress(table['step'], table['loss']).slope\ntable.describe()",
        "pixels = torchvision.utils.make_grid(data[:16].reshape(16, 1, 8, 8))\n"
        "print('final loss', repr(losses[-1]))",
        "assert losses[-1] > 0 and slope < 0",
    ]


def long_cells(minutes: float) -> list[str]:
    """Cells that train for `minutes`, and to the end of an epoch."""
    return [imports(), MODEL.strip(), LONG.format(n_steps=STEPS_PER_EPOCH, seconds=60 * minutes).strip()]


def write(path: Path, cells: Iterable[str]) -> Path:
    """Writes a notebook; its last cell is marked as a test in the way of nbgrader, which nobody else minds."""
    made = [new_code_cell(cell, id=f"cell-{index}") for index, cell in enumerate(cells)]
    made[-1].metadata["nbgrader"] = {
        "grade": True,
        "grade_id": "test",
        "locked": True,
        "points": 1,
        "schema_version": 3,
        "solution": False,
        "task": False,
        "cell_type": "code",
    }
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=made, metadata={"kernelspec": spec}), path)
    return path


def write_batch(folder: Path, n_notebooks: int) -> list[Path]:
    """The batch: the same short notebook with another seed each."""
    return [write(folder / f"student{seed:02d}.ipynb", vae_cells(seed)) for seed in range(n_notebooks)]


def printed(notebook: Path) -> str:
    """All that an executed notebook printed."""
    document: dict[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
    outputs = (output for cell in document["cells"] for output in cell.get("outputs", ()))
    return "".join("".join(output.get("text", ())) for output in outputs)


def final_loss(notebook: Path) -> str:
    """The last loss of an executed notebook, with all its digits; "" when it was not printed."""
    found = re.search(r"final loss (\S+)", printed(notebook))
    return found[1] if found else ""
