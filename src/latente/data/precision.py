"""Which numbers lose too much in single precision, in which models compute."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LOST = 2.0**-13
"""Rounding matters from this share of the range between the lowest and the highest value."""
WHOLE = 2.0**24
"""Single precision represents every whole number up to this one."""


def loses_precision(x: NDArray[Any]) -> NDArray[np.bool_]:
    """Which columns of a table, shape (columns,), or whether images, shape (), lose too much in single precision.

    That is where rounding is large compared with the range, as for seconds since 1970, or changes whole numbers.
    """
    axis = 0 if x.ndim == 2 else None
    # Not nanmin and nanmax, which warn about a column of NaN alone.
    low, high = (np.asarray(end.reduce(x, axis=axis)) for end in (np.fmin, np.fmax))
    largest, spread = np.maximum(np.abs(low), np.abs(high)), high - low
    # A cheap bound first, since it rules out nearly everything.
    possible = (spread > 0) & ((largest / WHOLE > LOST * spread) | (largest > WHOLE))
    if not possible.any():
        return np.asarray(possible)
    found = np.zeros(possible.shape, bool)
    for i in np.flatnonzero(possible) if axis == 0 else [...]:
        values, width = (x[:, i], spread[i]) if axis == 0 else (x, spread)
        observed = values[~np.isnan(values)]
        error = np.abs(observed - observed.astype(np.float32)).max()
        found[i] = error > LOST * width or (error > 0 and bool((observed == np.round(observed)).all()))
    return found


def distinct_counts(x: NDArray[Any]) -> tuple[int, int]:
    """How many different values there are, and how many remain different in single precision."""
    observed: NDArray[Any] = x[~np.isnan(x)]
    return len(np.unique(observed)), len(np.unique(observed.astype(np.float32)))
