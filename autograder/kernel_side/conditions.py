"""Classes and images in the forms in which networks take them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .tiles import DEVIATION, MEAN

N_CLASSES = 10


class Condition(NamedTuple):
    """Classes in one form."""

    form: str
    value: Any
    labels: Any

    def turned(self) -> Condition:
        """The same number of classes, each another one."""
        others = (np.asarray(self.labels) + 3) % N_CLASSES
        return next(one for one in conditions(others) if one.form == self.form)


def conditions(labels: Any) -> Iterator[Condition]:
    """Classes (n,) as rows of 0 and 1, as whole numbers, as rows of whole numbers, as a column; likelier ones first."""
    torch: Any = sys.modules["torch"]
    whole = torch.from_numpy(np.asarray(labels, dtype=np.int64))
    rows = torch.nn.functional.one_hot(whole, N_CLASSES)
    yield Condition("one-hot", rows.to(torch.get_default_dtype()), labels)
    yield Condition("whole numbers", whole, labels)
    yield Condition("one-hot whole numbers", rows, labels)
    yield Condition("column", whole[:, None].to(torch.get_default_dtype()), labels)


def images_as(images: Any, scale: str, shape: tuple[int, ...]) -> Any:
    """Images (n, 784) of levels 0 to 255 in [0, 1] (`unit`), in [-1, 1] (`signed`) or standardised, as a tensor."""
    torch: Any = sys.modules["torch"]
    unit = torch.from_numpy(np.asarray(images, dtype=np.float32) / 255.0).reshape(len(images), *shape)
    return {"unit": unit, "signed": 2 * unit - 1, "standard": (unit - MEAN) / DEVIATION}[scale]


def joined_sizes(torch: Any, module: Any) -> tuple[int, int] | None:
    """What the first linear layer of a network takes and the last one gives; None where there are no two."""
    layers = [part for part in module.modules() if isinstance(part, torch.nn.Linear)]
    return (int(layers[0].in_features), int(layers[-1].out_features)) if len(layers) > 1 else None
