"""Transforms of columns of numbers, so that heavy tails do not decide what a model learns; each has an inverse.

The measure that decides is kurtosis: the mean fourth power of the standardised values, 1.8 of a uniform, 3 of a normal
and 6 of a Laplace distribution. Up to `HEAVY` a column stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.conditions import moments
from latente.errors import SpecError, unknown

Floats = NDArray[np.float64]

TRANSFORMS = ("identity", "log", "power", "quantile")
HEAVY = 6.0
"""A column of higher kurtosis has heavy tails."""
LEVELS = 200
"""How many quantiles the quantile transform keeps, and at how many a transform is chosen."""
MASS = 0.01
"""From this share of the rows on, a value counts as one that repeats."""


@dataclass(frozen=True)
class Transform:
    """A strictly increasing function of numbers.

    - "identity": (x − center) / scale;
    - "log": ln x from ``parameter`` > 0 on, and below it the tangent there, so that every number has a value;
    - "power": the transform of Yeo and Johnson (2000), Biometrika 87, of (x − center) / scale with λ = ``parameter``;
    - "quantile": normal scores: linear between pairs of a value and its score, and beyond them as between the last two
      (or so that a score is the typical spread, half of what lies between scores −1 and 1, if that is more). A value
      that repeats stands for a whole interval of scores; it becomes the middle, and all of it becomes the value.

    Attributes:
        kind: one of `TRANSFORMS`.
        center, scale, parameter: as above.
        values: those whose scores are kept, increasing.
        lower, upper: the scores that each of them stands for.
    """

    kind: str = "identity"
    center: float = 0.0
    scale: float = 1.0
    parameter: float = 1.0
    values: tuple[float, ...] = ()
    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in TRANSFORMS:
            raise SpecError(unknown("transform", self.kind, TRANSFORMS))

    def forward(self, x: Floats) -> Floats:
        """The transformed numbers, of the shape of ``x``; NaN stays."""
        if self.kind == "identity":
            return (x - self.center) / self.scale
        if self.kind == "log":
            least = self.parameter
            below = np.log(least) + (x - least) / least
            return np.asarray(np.where(x >= least, np.log(np.maximum(x, least)), below))
        if self.kind == "power":
            return _yeo_johnson((x - self.center) / self.scale, self.parameter)
        return self._scores(x)

    def backward(self, z: Floats) -> Floats:
        """The numbers with these transformed values; for "power" and "log", those that `forward` gives only."""
        if self.kind == "identity":
            return z * self.scale + self.center
        if self.kind == "log":
            start = np.log(self.parameter)
            return np.asarray(np.where(z >= start, np.exp(np.maximum(z, start)), self.parameter * (1 + z - start)))
        if self.kind == "power":
            return _inverse_yeo_johnson(z, self.parameter) * self.scale + self.center
        scores = np.stack([self.lower, self.upper], axis=1).reshape(-1)
        values = np.repeat(self.values, 2)
        found = np.interp(z, scores, values)
        slopes = self._slopes()
        found = np.where(z < scores[0], values[0] + (z - scores[0]) * slopes[0], found)
        return np.asarray(np.where(z > scores[-1], values[-1] + (z - scores[-1]) * slopes[1], found))

    def _slopes(self) -> tuple[float, float]:
        """The value that one more score stands for below the first and above the last."""
        v, low, high = self.values, self.lower, self.upper
        scores = np.stack([low, high], axis=1).reshape(-1)
        # Near a hard edge neighbours are so close that the next value outside would be beyond all measure.
        typical = float(np.subtract(*np.interp([1, -1], scores, np.repeat(v, 2)))) / 2
        first, last = (v[1] - v[0]) / (low[1] - high[0]), (v[-1] - v[-2]) / (low[-1] - high[-2])
        return max(first, typical), max(last, typical)

    def _scores(self, x: Floats) -> Floats:
        values, lower, upper = (np.asarray(a) for a in (self.values, self.lower, self.upper))
        place = np.clip(np.searchsorted(values, x, side="right") - 1, 0, len(values) - 2)
        share = (x - values[place]) / (values[place + 1] - values[place])
        found = upper[place] + share * (lower[place + 1] - upper[place])
        slopes = self._slopes()
        found = np.where(x < values[0], lower[0] + (x - values[0]) / slopes[0], found)
        found = np.where(x > values[-1], upper[-1] + (x - values[-1]) / slopes[1], found)
        exact = np.minimum(np.searchsorted(values, x), len(values) - 1)
        return np.asarray(np.where(x == values[exact], (lower[exact] + upper[exact]) / 2, found))


def kurtosis(values: Floats) -> float:
    """The mean fourth power of the standardised values (n,), 3 of a normal distribution; 0 if they do not vary."""
    mean, sd = moments(values)
    return float(np.mean(((values - mean) / sd) ** 4))


def choose_transform(values: Floats) -> Transform:
    """The transform for a column.

    "identity" if its kurtosis is at most `HEAVY`. Otherwise the first of "log" (if all are above 0) and "power" after
    which its quantiles lie close to a line against normal ones (a squared correlation of at least 0.95, as of Shapiro
    and Francia 1972, JASA 67) and no value repeats in more than `MASS` of the rows; else "quantile".

    Args:
        values: those observed, finite, shape (n,), of at least two different ones.
    """
    if kurtosis(values) <= HEAVY:
        return Transform()
    different, counts = np.unique(values, return_counts=True)
    if counts.max() <= max(1, MASS * len(values)):
        if different[0] > 0:
            log = Transform("log", parameter=float(different[0]))
            if _straight(log.forward(values)):
                return log
        power = fit_transform("power", values)
        if _straight(power.forward(values)):
            return power
    return fit_transform("quantile", values)


def fit_transform(kind: str, values: Floats) -> Transform:
    """The transform of that kind for observed values (n,) of at least two different ones.

    Raises:
        SpecError: an unknown kind, or "log" of values that are not all above 0.
    """
    if kind == "identity":
        return Transform()
    if kind == "log":
        if values.min() <= 0:
            raise SpecError(f'transform "log": got {values.min():g}; allowed: numbers above 0')
        return Transform("log", parameter=float(values.min()))
    if kind == "power":
        from scipy.stats import yeojohnson_normmax

        center, spread = float(np.median(values)), float(np.subtract(*np.percentile(values, [75, 25])))
        spread = spread if spread > 0 else moments(values)[1]
        sample = _levels((values - center) / spread)
        found = float(yeojohnson_normmax(sample))
        return Transform("power", center, spread, found if np.isfinite(found) else 1.0)
    if kind != "quantile":
        raise SpecError(unknown("transform", kind, TRANSFORMS))
    from scipy.special import ndtri

    different, counts = np.unique(values, return_counts=True)
    n, ends = len(values), np.cumsum(counts)
    kept = counts >= max(2.0, MASS * n)
    # The values at evenly spaced ranks, and both ends.
    at = np.searchsorted(ends, np.linspace(0, n, LEVELS + 2)[1:-1], side="left")
    kept[np.minimum(at, len(different) - 1)] = True
    kept[[0, -1]] = True
    repeats = kept & (counts >= max(2.0, MASS * n))
    middle = ends - counts / 2
    first, last = np.where(repeats, ends - counts, middle), np.where(repeats, ends, middle)
    first, last = (np.clip(ranks, 0.5, n - 0.5) for ranks in (first, last))
    # Intervals of neighbours do not touch, so that what lies between has a score of its own.
    gap = 0.25
    lower = ndtri((first + np.where(repeats & (first > 0.5), gap, 0)) / n)
    upper = ndtri((last - np.where(repeats & (last < n - 0.5), gap, 0)) / n)
    columns: list[Any] = [different[kept], lower[kept], upper[kept]]
    v, low, high = (tuple(float(x) for x in column) for column in columns)
    return Transform("quantile", values=v, lower=low, upper=high)


def _straight(transformed: Floats) -> bool:
    from scipy.special import ndtri

    sample = _levels(transformed)
    if not np.isfinite(sample).all() or sample[0] == sample[-1]:
        return False
    normal = ndtri((np.arange(len(sample)) + 0.5) / len(sample))
    return bool(np.corrcoef(sample, normal)[0, 1] ** 2 >= 0.95)


def _levels(values: Floats) -> Floats:
    """At most `LEVELS` × 5 evenly spaced quantiles, in order."""
    count = min(len(values), 5 * LEVELS)
    return np.asarray(np.quantile(values, (np.arange(count) + 0.5) / count), np.float64)


def _yeo_johnson(x: Floats, power: float) -> Floats:
    above, below = np.maximum(x, 0), np.maximum(-x, 0)
    up = np.log1p(above) if abs(power) < 1e-12 else np.expm1(power * np.log1p(above)) / power
    other = 2 - power
    down = np.log1p(below) if abs(other) < 1e-12 else np.expm1(other * np.log1p(below)) / other
    return np.where(np.isnan(x), np.nan, np.where(x >= 0, up, -down))


def _inverse_yeo_johnson(z: Floats, power: float) -> Floats:
    above, below = np.maximum(z, 0), np.maximum(-z, 0)
    other = 2 - power
    with np.errstate(invalid="ignore", divide="ignore"):
        up = np.expm1(above if abs(power) < 1e-12 else np.log1p(power * above) / power)
        down = np.expm1(below if abs(other) < 1e-12 else np.log1p(other * below) / other)
    return np.where(np.isnan(z), np.nan, np.where(z >= 0, up, -down))
