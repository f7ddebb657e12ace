"""A measure with the influence each example has on it, so that its interval follows; ratios and differences of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latente.evaluation.metrics.intervals import LEVEL, Estimate, minus, quantile, wilson

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Stat:
    """A measure of one trained model.

    Attributes:
        value: the measure.
        influence: for each independent set of examples, what each adds to the value, shape (n,), up to a constant.
        variance: sampling variance that is known as a number.
    """

    value: float
    influence: tuple[Floats, ...] = ()
    variance: float = 0.0


def combine(stats: Sequence[Stat], *, level: float = LEVEL) -> Estimate | None:
    """The seeds' mean with its interval at a level; None where a value is not a number.

    With one seed the interval is normal, over examples. With several, the t interval of the seeds' values is
    added to it in quadrature, for all seeds share the same examples.
    """
    values = np.array([s.value for s in stats])
    if len(values) == 0 or not np.isfinite(values).all():
        return None
    variance = float(np.mean([s.variance for s in stats]))
    for sets in zip(*(s.influence for s in stats), strict=True):
        shared = np.mean(np.stack(sets), axis=0)
        variance += float(shared.var(ddof=1)) / len(shared) if len(shared) > 1 else 0.0
    square = quantile(level=level) ** 2 * variance
    if len(values) > 1:
        square += quantile(len(values) - 1, level) ** 2 * float(values.var(ddof=1)) / len(values)
    mean, half = float(values.mean()), math.sqrt(square)
    degrees = len(values) - 1 if len(values) > 1 else None
    return Estimate(mean, mean - half, mean + half, degrees) if math.isfinite(half) else None


def over_seeds(values: Sequence[float]) -> Estimate | None:
    """The seeds' mean of a number that has no interval of its own; None with one seed, or where it is not defined."""
    return combine([Stat(v) for v in values]) if len(values) > 1 else None


def share(seeds: Sequence[Floats]) -> Estimate:
    """How large a share of the examples has something, from zeros and ones, an array of the same examples a seed.

    Wilson's interval over examples (that of the seeds' mean is no wider), to which Student's over the seeds is added.
    """
    values = [float(s.mean()) for s in seeds]
    return _over_seeds(wilson(float(np.mean(values)), len(seeds[0])), values, 0.0)


def shares_apart(pairs: Sequence[tuple[Floats, Floats]]) -> Estimate:
    """second − first of the shares in independent sets, a pair of arrays of zeros and ones a seed."""
    first, second = (wilson(float(np.mean([p[i].mean() for p in pairs])), len(pairs[0][i])) for i in (0, 1))
    return _over_seeds(minus(second, first), [float(b.mean() - a.mean()) for a, b in pairs], -1.0)


def shares_paired(pairs: Sequence[tuple[Floats, Floats]]) -> Estimate:
    """second − first of the shares among the same examples, by Bonett and Price's interval (2012), which has a width
    also where both have the same examples."""
    n = len(pairs[0][0])
    only = [[float((x > y).sum()) for x, y in ((b, a), (a, b))] for a, b in pairs]
    ours, theirs = ((float(np.mean(counts)) + 1) / (n + 2) for counts in zip(*only, strict=True))
    middle = ours - theirs
    half = quantile() * math.sqrt((ours + theirs - middle**2) / (n + 2))
    values = [(a - b) / n for a, b in only]
    value = float(np.mean(values))
    ends = max(-1.0, min(value, middle - half)), min(1.0, max(value, middle + half))
    return _over_seeds(Estimate(value, *ends), values, -1.0)


def shares_ratio(above: Sequence[Floats], below: Floats) -> Estimate | None:
    """A share relative to that of another set, from Wilson's intervals of both (Donner & Zou 2012); None where the
    second may be zero."""
    values = [float(s.mean()) for s in above]
    a, b = wilson(float(np.mean(values)), len(above[0])), wilson(float(below.mean()), len(below))
    if not (b.low > 0 and 2 * b.value > b.high):
        return None

    def end(own: float, other: float, sign: int) -> float:
        inside = (a.value * b.value) ** 2 - own * other * (2 * a.value - own) * (2 * b.value - other)
        return (a.value * b.value + sign * math.sqrt(max(inside, 0.0))) / (other * (2 * b.value - other))

    found = Estimate(a.value / b.value, max(0.0, end(a.low, b.high, -1)), end(a.high, b.low, 1))
    return _over_seeds(found, [v / b.value for v in values], 0.0, math.inf)


def _over_seeds(over_examples: Estimate, values: Sequence[float], low: float, high: float = 1.0) -> Estimate:
    """An interval over examples with that over several seeds added as squares, within the measure's range."""
    if len(values) < 2:
        return over_examples
    v, n = over_examples.value, len(values)
    half = quantile(n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    down, up = math.hypot(v - over_examples.low, half), math.hypot(over_examples.high - v, half)
    return Estimate(v, max(low, v - down), min(high, v + up), n - 1)


def mean(values: NDArray[np.generic]) -> Stat:
    """The mean of one value an example."""
    v = np.asarray(values, np.float64)
    return Stat(float(v.mean()), (v,))


def ratio(above: Floats, below: Floats) -> Stat:
    """Σ above / Σ below over the same examples; not a number where Σ below is zero."""
    a, b = np.asarray(above, np.float64), np.asarray(below, np.float64)
    if not b.mean() > 0:
        return Stat(math.nan, (a,))
    r = float(a.mean() / b.mean())
    return Stat(r, ((a - r * b) / b.mean(),))


def quotient_of_sets(above: Stat, below: Stat) -> Stat:
    """above / below of measures on independent sets; not a number where below is not above zero."""
    if not below.value > 0:
        return Stat(math.nan, above.influence + below.influence)
    own = tuple(i / below.value for i in above.influence)
    return Stat(above.value / below.value, own + tuple(-i * above.value / below.value**2 for i in below.influence))


def difference_of_sets(first: Stat, second: Stat) -> Stat:
    """second − first of measures on independent sets."""
    return Stat(second.value - first.value, first.influence + second.influence, first.variance + second.variance)


def difference(first: Stat, second: Stat) -> Stat:
    """second − first of measures on the same sets of examples: paired."""
    pairs = zip(first.influence, second.influence, strict=True)
    return Stat(second.value - first.value, tuple(b - a for a, b in pairs), first.variance + second.variance)


def root(stat: Stat) -> Stat:
    """The square root of a measure."""
    if not stat.value > 0:
        return Stat(math.nan, stat.influence)
    r = math.sqrt(stat.value)
    return Stat(r, tuple(i / (2 * r) for i in stat.influence), stat.variance / (4 * stat.value))


def times(stat: Stat, factor: float) -> Stat:
    """A measure in other units, for instance percent."""
    return Stat(stat.value * factor, tuple(i * factor for i in stat.influence), stat.variance * factor**2)
