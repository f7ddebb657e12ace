"""Where every metric's interval comes from: bootstrap, jackknife, proportions, means."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t

from latente.errors import DataError
from latente.evaluation.findings.measures import LEVEL, Estimate
from latente.evaluation.findings.measures import wilson as wilson
from latente.evaluation.metrics.checks import vector, whole
from latente.spec import got

DRAWS = 1000
GROUPS = 20
Index = NDArray[np.int64]


def bootstrap(
    statistic: Callable[..., float], sizes: Sequence[int], *, draws: int = DRAWS, seed: int = 0, level: float = LEVEL
) -> Estimate:
    """A statistic's value and its percentile bootstrap interval (Efron 1979).

    Not for statistics of nearest neighbours or of pairs, for which an example drawn twice is its own neighbour: they
    take `group_jackknife`.

    Args:
        statistic: given one array of indices for each independent set, it returns a number.
        sizes: how many examples each set has; sets are drawn independently, paired measures are one set.
        draws: how often to draw.
        seed: equal seeds give equal intervals.
        level: in (0, 1), the share of intervals that hold the truth.

    Raises:
        SpecError: a level or a number of draws out of range.
        DataError: an empty set.
    """
    check_level(level)
    whole("draws", draws, 2)
    _check_sizes(sizes, 1)
    rng = np.random.default_rng(seed)
    value = float(statistic(*(np.arange(n) for n in sizes)))
    found = np.array([statistic(*(rng.integers(n, size=n) for n in sizes)) for _ in range(draws)], np.float64)
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high))


def group_labels(n: int, groups: int, rng: np.random.Generator) -> Index:
    """Each of n examples in one of ``groups`` groups at random, of sizes that differ by one at most."""
    return rng.permutation(n) % groups


def group_jackknife(
    statistic: Callable[..., float], sizes: Sequence[int], *, groups: int = GROUPS, seed: int = 0, level: float = LEVEL
) -> Estimate:
    """A statistic's value and its interval from leaving out one random group of every set at a time.

    The arguments are those of `bootstrap`; ``statistic`` is given the indices that are kept. Sets of one call lose
    their groups together: as groups are random, their variances add up. See `from_groups`.
    """
    check_level(level)
    groups = group_count(sizes, groups)
    rng = np.random.default_rng(seed)
    labels = [group_labels(n, groups, rng) for n in sizes]
    found = [float(statistic(*(np.flatnonzero(g != left) for g in labels))) for left in range(groups)]
    return from_groups(float(statistic(*(np.arange(n) for n in sizes))), found, level=level)


def group_count(sizes: Sequence[int], groups: int = GROUPS) -> int:
    """How many groups sets of these sizes can be cut into, at most ``groups``.

    Raises:
        SpecError: fewer than two groups are asked for.
        DataError: a set of fewer than two examples.
    """
    _check_sizes(sizes, 2)
    return min(whole("groups", groups, 2), *sizes)


def from_groups(value: float, left_out: Sequence[float], *, level: float = LEVEL) -> Estimate:
    """The interval of a value from its values with each of G groups left out: the delete-a-group jackknife.

    Variance (G − 1)/G · Σ(θ₋g − mean)², and Student's t with G − 1 degrees of freedom (Shao & Tu 1995, ch. 2.3).
    """
    left = np.asarray(left_out, np.float64)
    g = len(left)
    error = math.sqrt((g - 1) / g * float(((left - left.mean()) ** 2).sum()))
    half = float(t.ppf(0.5 + level / 2, g - 1)) * error
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
    half = float(norm.ppf(0.5 + level / 2)) * error
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
    half = float(t.ppf(0.5 + level / 2, len(v) - 1)) * float(v.std(ddof=1)) / math.sqrt(len(v))
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


def _check_sizes(sizes: Sequence[int], least: int) -> None:
    if not sizes or min(sizes) < least:
        raise DataError(f"resampling: got sets of {list(sizes)} examples; allowed: at least {least} in each")
