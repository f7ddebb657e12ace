"""Numbers that single precision, in which models compute, cannot tell apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LOST = 2.0**-13
"""Rounding is of account from this share of what lies between the lowest and the highest value."""
WHOLE = 2.0**24
"""Up to here single precision has every whole number."""


def rounded(x: NDArray[Any]) -> NDArray[np.bool_]:
    """Which columns of a table, shape (columns,), or whether any values of images, shape (), lose in single precision.

    Those whose rounding is large beside their spread, as seconds since 1970, and whole numbers that are changed.
    """
    axis = 0 if x.ndim == 2 else None
    # Not nanmin and nanmax, which warn of a column of nothing else.
    low, high = (np.asarray(end.reduce(x, axis=axis)) for end in (np.fmin, np.fmax))
    largest, spread = np.maximum(np.abs(low), np.abs(high)), high - low
    # What cannot be is most of what there is: looked at closely is only what may.
    near = (spread > 0) & ((largest / WHOLE > LOST * spread) | (largest > WHOLE))
    if not near.any():
        return np.asarray(near)
    found = np.zeros(near.shape, bool)
    for i in np.flatnonzero(near) if axis == 0 else [...]:
        values, width = (x[:, i], spread[i]) if axis == 0 else (x, spread)
        known = values[~np.isnan(values)]
        error = np.abs(known - known.astype(np.float32)).max()
        found[i] = error > LOST * width or (error > 0 and bool((known == np.round(known)).all()))
    return found


def left(x: NDArray[Any]) -> tuple[int, int]:
    """How many different values there are, and how many are left in single precision."""
    known: NDArray[Any] = x[~np.isnan(x)]
    return len(np.unique(known)), len(np.unique(known.astype(np.float32)))
