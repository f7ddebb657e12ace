"""How many seeds it would take to show a difference of models, where it is shown of their trained weights only."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit
from scipy.stats import chi2

from latente.evaluation.metrics.intervals import LEVEL

POWER = 0.8
"""The chance with which the seeds should find a difference as large as the one seen."""

MOST = 1000
"""More seeds than this are not counted."""

TYPICAL = 0.25
"""Standard deviation over seeds of a difference of two means, in standard deviations over examples of that difference.

A typical one, for where a study has one seed: as it was among five seeds of nine models of the zoo (see
docs/comparing.md). It has no units, and no constant moves it.
"""

POINTS = 64


def seeds_needed(
    difference: float, spread: float, error: float = 0.0, *, level: float = LEVEL, power: float = POWER
) -> int | None:
    """The fewest seeds of each model with which a difference would be shown of the models, at a level, with a power.

    It is shown where it exceeds √(t²s²/n + z²·error²), as `latente.compare` has it: t over n seeds, whose standard
    deviation s is estimated from them, and z over the examples, which stay the same ones.

    Args:
        difference: the true one, in any units.
        spread: standard deviation over seeds of the difference of one pair, in the same units.
        error: standard error over the examples.
        level: at which it is to be shown, two-sided; of several comparisons 1 − (1 − level) / how many.
        power: the chance of showing it.

    Returns:
        2 or more; None where `MOST` are too few, or where it would not be clear of the examples' own error.
    """
    gap, tail = abs(difference), (1 - level) / 2

    def enough(n: int) -> bool:
        t, variances = _over_seeds(n, tail)
        half = np.sqrt((t * spread) ** 2 * variances / n + (float(ndtri(tail)) * error) ** 2)
        if spread == 0:
            return bool(gap > half[0])
        return float(np.mean(ndtr((gap - half) / (spread / math.sqrt(n))))) >= power

    if not (math.isfinite(gap + spread + error) and enough(MOST)):
        return None
    low, high = 1, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


@cache
def _over_seeds(n: int, tail: float) -> tuple[float, NDArray[np.float64]]:
    """Student's quantile with n − 1 degrees of freedom, and quantiles of an estimated variance over the true one."""
    at = (np.arange(POINTS) + 0.5) / POINTS
    return float(stdtrit(n - 1, tail)), np.asarray(chi2.ppf(at, n - 1) / (n - 1))
