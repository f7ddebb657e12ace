"""Checks of options and of data that several likelihoods share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.errors import DataError, SpecError
from latente.model.likelihoods.base import Likelihood, likelihoods


def check_count(likelihood: Likelihood, option: str, value: Any, low: int, high: int) -> None:
    """Refuse an option that is not a whole number from ``low`` to ``high``.

    Raises:
        SpecError: naming the likelihood, what was given, and what is allowed.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        name = likelihoods.name_of(likelihood)
        raise SpecError(f"{name}: got {option} = {value!r}; allowed: a whole number of {low} to {high}")


def check_positive(likelihood: Likelihood, option: str, value: Any, *words: str) -> None:
    """Refuse an option that is neither a number above zero nor one of ``words``.

    Raises:
        SpecError: naming the likelihood, what was given, and what is allowed.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
    if not number and value not in words:
        allowed = " or ".join(f'"{word}"' for word in words)
        raise SpecError(
            f"{likelihoods.name_of(likelihood)}: got {option} = {value!r}; allowed: a number above 0, {allowed}"
        )


def check_levels(likelihood: Likelihood, values: NDArray[np.floating], levels: int, advice: str) -> None:
    """Refuse data that is not at the levels 0, 1/(levels − 1), …, 1; NaN is ignored.

    Raises:
        DataError: naming the likelihood, what was found, and what is allowed.
    """
    observed = np.asarray(values, np.float64)[~np.isnan(values)]
    odd = observed[~_at_levels(observed, levels)]
    if not len(odd):
        return
    gaps = np.diff(np.unique(observed))
    fewer = round(1 / gaps.min()) + 1 if len(gaps) and gaps.min() > 1 / levels else 0
    if fewer and _at_levels(observed, fewer).all():
        advice = f"it looks like data of {fewer} levels: say so"
    raise DataError(
        f"{likelihoods.name_of(likelihood)} takes the {levels} levels 0, {1 / (levels - 1):.3g}, …, 1, and the "
        f"data has {odd[0]:g}; {advice}"
    )


def _at_levels(values: NDArray[np.float64], levels: int) -> NDArray[np.bool_]:
    scaled = values * (levels - 1)
    # With 65,536 levels, float32 values may be some hundredths of a level off.
    near = np.abs(scaled - np.round(scaled)) <= 0.02
    return np.asarray(near & (scaled > -0.5) & (scaled < levels - 0.5))
