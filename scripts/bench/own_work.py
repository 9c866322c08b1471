"""CPU seconds of notebooks' own cells: each is run by a fork of this program, whose imports are done.

python -m scripts.bench.own_work < NOTEBOOKS (JSON: a list of lists of cells); prints a JSON list of seconds.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import sys
from typing import Any

from autograder.execute.fence.nursery import import_all
from autograder.execute.slots import SHIM, WARM_IMPORTS


def main(notebooks: list[list[str]]) -> list[float]:
    """CPU seconds of each notebook in a process of its own, its figures drawn as every notebook draws them."""
    import_all(list(WARM_IMPORTS), str(SHIM))
    gc.collect()
    gc.freeze()  # as a nursery does: else collections in the forks go through all that was imported
    return [_in_a_fork(cells) for cells in notebooks]


def _in_a_fork(cells: list[str]) -> float:
    child = os.fork()
    if child == 0:
        with contextlib.redirect_stdout(io.StringIO()):
            _run(cells)
        os._exit(0)
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit("a cell of the notebook failed")
    return used.ru_utime + used.ru_stime


def _run(cells: list[str]) -> None:
    import matplotlib.pyplot as plt

    plt.show = lambda *_args, **_about: None
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        for cell in cells:
            exec(compile(cell, "<cell>", "exec"), names)
            _draw_figures(plt)
    except BaseException:
        os._exit(1)


def _draw_figures(plt: Any) -> None:
    from IPython.core.pylabtools import print_figure

    for number in plt.get_fignums():
        print_figure(plt.figure(number), fmt="png")
    plt.close("all")


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
