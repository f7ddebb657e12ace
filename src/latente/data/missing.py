"""Missing values: where they are, how many there are, and which are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.source import REMEDY, DataColumn, Source
from latente.errors import DataError


def has_missing(x: NDArray[np.generic]) -> bool:
    """Whether any value is NaN."""
    return x.dtype != np.uint8 and bool(np.isnan(x).any())


def ends(x: NDArray[Any], axis: int | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Lowest and highest value along an axis, or of all; NaN only where every value is."""
    if x.dtype == np.uint8:
        return x.min(axis=axis), x.max(axis=axis)
    # nanmin and nanmax would warn about a column without values.
    return np.fmin.reduce(x, axis=axis), np.fmax.reduce(x, axis=axis)


def shares(x: NDArray[Any], features: Sequence[DataColumn]) -> dict[str, Any]:
    """The share of missing values, and that of each column of a table that misses any, by name."""
    absent = np.isnan(x)
    found: dict[str, Any] = {"share": float(absent.mean())}
    if absent.ndim == 2:
        names = [c.name for c in features] or [str(i) for i in range(absent.shape[1])]
        each = zip(names, absent.mean(axis=0), strict=True)
        found["columns"] = {name: float(share) for name, share in each if share > 0}
    return found


def check_missing(source: Source, train: NDArray[np.generic], missing: str) -> None:
    """Refuse missing values that are not kept, and examples or columns in which every value is missing.

    Args:
        source: all examples.
        train: the x of its training part.
        missing: "refuse" or "keep".

    Raises:
        DataError: naming how many, and the first.
    """
    for what, x in (("x", source.x), ("x_test", source.x_test)):
        if x is None or not has_missing(x):
            continue
        absent = np.isnan(x).reshape(len(x), -1)
        if missing == "refuse":
            raise DataError(f"{source.name}: {what} has {int(absent.sum())} missing values (NaN); {REMEDY}")
        empty = absent.all(axis=1)
        if empty.any():
            raise DataError(
                f"{source.name}: {what} has {int(empty.sum())} examples of which every value is missing, the first in "
                f"row {int(empty.argmax()) + 1}; remove them"
            )
    if not has_missing(train):
        return
    never = np.isnan(train).all(axis=0)
    if never.any():
        where = tuple(int(i) for i in np.argwhere(never)[0])
        name = f'column "{source.features[where[0]].name}"' if source.features else f"the value at {where}"
        raise DataError(
            f"{source.name}: {name} is missing in every training example ({int(never.sum())} of {never.size} values "
            "are); remove it, since nothing can be learnt from it"
        )
