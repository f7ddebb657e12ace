"""Estimates with 95% intervals: of means, proportions and differences, by the jackknife, and of several together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from latente.errors import DataError
from latente.evaluation.metrics.checks import vector, whole
from latente.spec import got

LEVEL = 0.95


def quantile(degrees: float | None = None, level: float = LEVEL) -> float:
    """Standard errors on each side of a value in its interval: the normal one, or Student's of so many degrees of
    freedom."""
    return float(ndtri(0.5 + level / 2) if degrees is None else stdtrit(degrees, 0.5 + level / 2))


Z = quantile()


@dataclass(frozen=True)
class Estimate:
    """A value and its 95% interval.

    Attributes:
        value, low, high: the value and the interval's ends.
        degrees: of freedom of Student's t that the interval was taken from; None for the normal.
    """

    value: float
    low: float
    high: float
    degrees: float | None = field(default=None, compare=False, repr=False)


def corrected(estimate: Estimate, times: int) -> Estimate:
    """The interval of one of several that are to hold together (Bonferroni): that of level 1 − 5% / ``times``."""
    if times <= 1:
        return estimate
    usual, wide = (quantile(estimate.degrees, bonferroni(n)) for n in (1, times))
    low, high = (estimate.value + (end - estimate.value) * wide / usual for end in (estimate.low, estimate.high))
    return Estimate(estimate.value, low, high, estimate.degrees)


def least(estimates: Sequence[Estimate]) -> Estimate:
    """The smallest of several numbers, with an interval for the smallest of the true ones.

    It is above what every interval is above, and below what one is below that holds together with the others.
    """
    together = [corrected(e, len(estimates)) for e in estimates]
    return Estimate(
        min(e.value for e in estimates), min(e.low for e in estimates), min(e.high for e in together),
        _fewest(*estimates),
    )  # fmt: skip


def greatest(estimates: Sequence[Estimate]) -> Estimate:
    """As `least`, of the greatest."""
    return minus_of(least([minus_of(e) for e in estimates]))


def minus_of(estimate: Estimate) -> Estimate:
    """The same number with the other sign."""
    return Estimate(-estimate.value, -estimate.high, -estimate.low, estimate.degrees)


def minus(first: Estimate, second: Estimate) -> Estimate:
    """first − second of independent estimates: the halves of their intervals add as squares.

    Of two of Wilson's intervals it is Newcombe's of the difference (1998, method 10).
    """
    low = math.hypot(first.value - first.low, second.high - second.value)
    high = math.hypot(first.high - first.value, second.value - second.low)
    value = first.value - second.value
    return Estimate(value, value - low, value + high, _fewest(first, second))


def wilson(share: float, n: int, *, level: float = LEVEL) -> Estimate:
    """A share of n independent examples and its score interval (Wilson 1927), which has a width at 0 and 1 too."""
    z = quantile(level=level)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Estimate(share, min(max(0.0, centre - half), share), max(min(1.0, centre + half), share))


def bonferroni(number: int, *, level: float = LEVEL) -> float:
    """The level of each of so many intervals that shall hold together at a level (Bonferroni)."""
    return 1 - (1 - level) / max(number, 1)


GROUPS = 20
"""Of the jackknife."""


def group_labels(n: int, groups: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Each of n examples in one of ``groups`` groups at random, of sizes that differ by one at most."""
    return rng.permutation(n) % groups


def group_count(sizes: Sequence[int], groups: int = GROUPS) -> int:
    """How many groups sets of these sizes can be cut into, at most ``groups``.

    Raises:
        SpecError: fewer than two groups are asked for.
        DataError: a set of fewer than two examples.
    """
    if min(sizes) < 2:
        raise DataError(f"resampling: got sets of {list(sizes)} examples; allowed: at least 2 in each")
    return min(whole("groups", groups, 2), *sizes)


def from_groups(value: float, left_out: Sequence[float], *, level: float = LEVEL) -> Estimate:
    """The interval of a value from its values with each of G groups left out: the delete-a-group jackknife.

    Variance (G − 1)/G · Σ(θ₋g − mean)², and Student's t with G − 1 degrees of freedom (Shao & Tu 1995, ch. 2.3).
    """
    left = np.asarray(left_out, np.float64)
    g = len(left)
    error = math.sqrt((g - 1) / g * float(((left - left.mean()) ** 2).sum()))
    half = quantile(g - 1, level) * error
    return Estimate(value, value - half, value + half)


def jackknife_error(left_out: ArrayLike, counts: ArrayLike | None = None) -> float:
    """Standard error of a statistic from its values with each one of n examples left out (Tukey 1958).

    Args:
        left_out: shape (m,); examples that are alike may share one value.
        counts: how many examples share each value, shape (m,); None: one each.
    """
    left = np.asarray(left_out, np.float64)
    weight = np.ones(len(left)) if counts is None else np.asarray(counts, np.float64)
    n = float(weight.sum())
    mean = float((weight * left).sum()) / n
    return math.sqrt((n - 1) / n * float((weight * (left - mean) ** 2).sum()))


def normal_interval(value: float, error: float, *, level: float = LEVEL) -> Estimate:
    """The value ± the normal quantile times its standard error."""
    half = quantile(level=level) * error
    return Estimate(value, value - half, value + half)


def mean_interval(values: ArrayLike, *, level: float = LEVEL) -> Estimate:
    """The mean of independent values, shape (n,), with Student's t interval; infinitely wide for a single one.

    Raises:
        DataError: no values, or some that are not finite.
    """
    v = vector("values", values)
    mean = float(v.mean())
    if len(v) == 1:
        return Estimate(mean, -math.inf, math.inf)
    half = quantile(len(v) - 1, level) * float(v.std(ddof=1)) / math.sqrt(len(v))
    return Estimate(mean, mean - half, mean + half)


def bounded(estimate: Estimate, low: float = -math.inf, high: float = math.inf) -> Estimate:
    """The estimate with its interval cut to the range that the measure can have."""
    return replace(estimate, low=max(low, estimate.low), high=min(high, estimate.high))


def widest(first: Estimate, second: Estimate) -> Estimate:
    """The first's value with an interval that holds both of theirs."""
    return Estimate(first.value, min(first.low, second.low), max(first.high, second.high))


def with_both(first: Estimate, second: Estimate) -> Estimate:
    """The first's value with an interval that holds both their sources of error: halves are added in quadrature."""
    low = math.hypot(first.value - first.low, second.value - second.low)
    high = math.hypot(first.high - first.value, second.high - second.value)
    return Estimate(first.value, first.value - low, first.value + high)


def check_level(level: float) -> None:
    """Refuse a level that no interval can have.

    Raises:
        SpecError: not in (0, 1).
    """
    if not 0 < level < 1:
        raise got("level", level, "a number above 0 and below 1, for instance 0.95")


def _fewest(*estimates: Estimate) -> float | None:
    return min((e.degrees for e in estimates if e.degrees is not None), default=None)
