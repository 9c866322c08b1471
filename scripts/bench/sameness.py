"""Table 6: what is recorded of a notebook does not depend on how, or after how many others, its kernel started."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Case, Challenge, Job, Plan, Role
from autograder.probes.container import Container, read_container
from scripts.bench import notebooks, tables

CELLS = (
    f"{notebooks.imports()}\ntorch.manual_seed(5)",  # without a seed, two cold kernels differ
    *notebooks.vae_cells(7)[1:],
    """
rng = np.random.default_rng(0)
legacy = np.random.RandomState(1).normal(size=50)
matrix = rng.normal(size=(60, 60))
eigenvalues = np.linalg.eigvalsh(matrix + matrix.T)
root = scipy.linalg.sqrtm(matrix @ matrix.T).real
density = scipy.stats.multivariate_normal(np.zeros(2), np.eye(2)).pdf(rng.normal(size=(9, 2)))
order = list({"alpha", "beta", "gamma", "delta"})
""".strip(),
    """
torch.manual_seed(3)
images = torch.randn(32, 1, 12, 12)
net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(800, 4), nn.Dropout(0.2))
optimizer = torch.optim.AdamW(net.parameters())
for _ in range(6):
    loss = nn.functional.cross_entropy(net(images), torch.arange(32) % 4)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
weights = [p.detach().numpy().copy() for p in net.parameters()]
attention = nn.functional.scaled_dot_product_attention(images[0], images[1], images[2])
hidden = nn.GRU(12, 5)(images[:, 0])[0].detach()
loader = torch.utils.data.DataLoader(torch.arange(20.0), batch_size=4, shuffle=True)
shuffled = torch.cat(list(loader))
""".strip(),
    "def sampler(n, rng):\n    return rng.normal(size=n).cumsum()",
    "_ = plt.hist(legacy, bins=12)\nplt.title('legacy')\nplt.show()",
)
ROLES = {"n": Role(kind="number", names=("n",)), "rng": Role(kind="rng", names=("rng",))}
CASES = tuple(Case(key=str(seed), seed=seed, values={"n": 40}) for seed in range(2))
PLAN = Plan(challenges=(Challenge(id="same.sampler", names=("sampler",), roles=ROLES, cases=CASES),))

Evidence = dict[str, Container]


def evidence(executor: LocalExecutor, notebook: Path, out: Path) -> Evidence:
    """All that is recorded of running the notebook once: container name to its content."""
    record = executor.execute(Job(notebook=notebook, out=out, plan=PLAN))
    if record.state != "complete" or any(cell.status != "ok" for cell in record.cells):
        raise RuntimeError(f"the notebook failed: {record}")
    return {path.name: read_container(path) for path in sorted((out / "arrays").iterdir())}


def differences(one: Evidence, other: Evidence) -> Iterator[str]:
    """Names of what is not the same to the last bit in two executions; nothing is left out."""
    for name in sorted(one.keys() ^ other.keys()):
        yield f"{name} is in one alone"
    for name in sorted(one.keys() & other.keys()):
        yield from (f"{name}: {where}" for where in _in_document(one[name].document, other[name].document))
        left, right = one[name].arrays, other[name].arrays
        yield from (f"{name}: array {key} is in one alone" for key in sorted(left.keys() ^ right.keys()))
        for key in sorted(left.keys() & right.keys()):
            facts = [(array.dtype, array.shape, array.tobytes()) for array in (left[key], right[key])]
            if facts[0] != facts[1]:
                yield f"{name}: array {key}"


def _in_document(one: Any, other: Any, where: str = "document") -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from _in_document(one[key], other[key], f"{where}.{key}")
    elif json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True):
        yield f"{where}: {str(one)[:80]} and {str(other)[:80]}"


def show(warm: LocalExecutor, cold: LocalExecutor, folder: Path, n_jobs: int) -> None:
    """The table: cold against cold again, and against the first and the last of many jobs of one warm worker."""
    notebook = notebooks.write(folder / "same.ipynb", CELLS)
    tables.say(f"the same notebook cold, and {n_jobs} times warm")
    base = evidence(cold, notebook, folder / "cold")
    others = {"cold, a second time": evidence(cold, notebook, folder / "again")}
    for number in range(1, n_jobs + 1):
        found = evidence(warm, notebook, folder / "warm")
        if number in (1, n_jobs):
            others[f"warm, job {number} of a worker"] = found
    rows = []
    for name, found in others.items():
        differing = list(differences(base, found))
        rows.append([name, "; ".join(differing[:3]) or "equal", str(len(differing))])
    n_arrays = sum(len(container.arrays) for container in base.values())
    if not base or not n_arrays:
        raise RuntimeError("nothing was recorded of the notebook: there is nothing to compare")
    title = f"6. Evidence of one notebook against a cold kernel's: {len(base)} documents, {n_arrays} arrays"
    tables.show(title, ["kernel", "documents and arrays", "differences"], rows)
