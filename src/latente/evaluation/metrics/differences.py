"""Paired differences with intervals, and their correction for how many there are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit
from scipy.stats import t

from latente.errors import DataError
from latente.evaluation.metrics.checks import array, vector
from latente.evaluation.metrics.intervals import LEVEL, Estimate, bonferroni, check_level

K = TypeVar("K")

LEAST = 1e-150
"""No tail is called smaller."""


@dataclass(frozen=True)
class Difference:
    """How much a second measure is above a first.

    Attributes:
        estimate: second − first, with its interval.
        p_value: two-sided, of no difference; of several comparisons, Bonferroni's: at most 1 − level where the interval
            leaves out zero.
        comparisons: how many the interval and the p value allow for.
    """

    estimate: Estimate
    p_value: float
    comparisons: int = 1

    @property
    def shown(self) -> bool:
        """Whether there is one, at the level of the interval: zero is not in it."""
        return self.estimate.low > 0 or self.estimate.high < 0


def mean_difference(differences: ArrayLike, *, level: float = LEVEL) -> Difference:
    """The mean of differences with interval and p value (of a mean of zero).

    Args:
        differences: shape (n,): one an example, for which it is the paired t test. Or (seeds, n): a row for each pair
            of trained models; then the half-widths of Student's intervals over seeds and over examples are added in
            quadrature, which holds the truth at least as often as the level says, whatever the two variances are
            (Banerjee 1960). It is at most too wide (both hold the interaction). Welch and Satterthwaite's degrees of
            freedom would miss with two seeds up to ten times as often as they say. With a single row, the interval is
            that of these two trained models and says nothing of other seeds.
        level: of the interval.

    Raises:
        DataError: fewer than two examples, more than two axes, or values that are not finite.
        SpecError: a level out of range.
    """
    check_level(level)
    given = array("differences", differences)
    if given.ndim > 2:
        raise DataError(f"differences: got shape {list(given.shape)}; allowed: [n] or [seeds, n]")
    d = np.atleast_2d(np.asarray(given, np.float64))
    if d.shape[1] < 2:
        raise DataError(f"differences: got {d.shape[1]} example; allowed: at least 2")
    return from_parts(float(d.mean()), parts_of(d), level=level)


def mean_interval(differences: NDArray[np.float64], *, level: float = LEVEL) -> Estimate:
    """As `mean_difference`, of shape (seeds, n) or of one number a seed, (seeds, 1): the interval alone, unchecked."""
    return _interval(float(differences.mean()), parts_of(differences), level)


def parts_of(d: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Of differences of shape (seeds, n), what `from_parts` takes: over the examples and over the seeds, if many."""
    return [part_of(m) for m in (d.mean(axis=0), d.mean(axis=1)) if len(m) > 1]


def part_of(values: NDArray[np.float64]) -> tuple[float, float]:
    """The variance of the mean of independent values, shape (n,) of two or more, and its degrees of freedom."""
    return float(values.var(ddof=1)) / len(values), len(values) - 1


def from_parts(mean: float, parts: Sequence[tuple[float, float]], *, level: float = LEVEL) -> Difference:
    """A mean with interval and p value from the variances of its independent parts, each with degrees of freedom.

    The half-widths of the parts' intervals are added in quadrature, see `mean_difference`.
    """
    return Difference(_interval(mean, parts, level), _p_value(abs(mean), parts))


def _interval(mean: float, parts: Sequence[tuple[float, float]], level: float) -> Estimate:
    half = _half(parts, (1 - level) / 2)
    return Estimate(mean, mean - half, mean + half)


def _half(parts: Sequence[tuple[float, float]], tail: float) -> float:
    return math.sqrt(sum(v * float(stdtrit(f, tail)) ** 2 for v, f in parts if v > 0))


def _p_value(distance: float, parts: Sequence[tuple[float, float]]) -> float:
    """The level at which the interval's half-width is the distance from zero."""
    spread = [(v, f) for v, f in parts if v > 0]
    if not spread:
        return float(distance == 0)
    if len(spread) == 1:
        variance, freedom = spread[0]
        return 2 * float(t.sf(distance / math.sqrt(variance), freedom))
    if _half(spread, LEAST) <= distance:
        return 2 * LEAST
    # Halves of tails by their logarithm, for they reach from a half to 1e-150.
    low, high = math.log(LEAST), math.log(0.5)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _half(spread, math.exp(middle)) > distance else (low, middle)
    return min(1.0, 2 * math.exp(high))


def together(found: Mapping[K, Callable[..., Difference]], *, level: float = LEVEL) -> dict[K, Difference]:
    """Several differences, corrected for their number m.

    The intervals hold all their truths together at the level (Dunn 1961, after Bonferroni: each is at
    1 − (1 − level)/m), and the p values are m times those of single comparisons, at most 1. Both are one procedure: a
    difference is shown where its interval leaves out zero, and there p ≤ 1 − level. Holm's steps would show more, by
    p values that such intervals contradict, and the intervals that belong to them say nothing of how large a
    difference is (Strassburger & Bretz 2008).

    Args:
        found: each gives its difference when called with ``level=…``.
        level: of all intervals together.

    Raises:
        SpecError: a level out of range.
    """
    check_level(level)
    m = max(len(found), 1)
    single = {k: difference(level=bonferroni(m, level=level)) for k, difference in found.items()}
    return {k: Difference(d.estimate, min(1.0, m * d.p_value), m) for k, d in single.items()}


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """p values corrected for their number (Holm 1979): reject those at most α, and errors of any are below α.

    Raises:
        DataError: none, or values outside 0..1.
    """
    p = vector("p values", p_values)
    if p.min() < 0 or p.max() > 1:
        raise DataError(f"p values: got {p.min():g} to {p.max():g}; allowed: 0 to 1")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1)
    return corrected
