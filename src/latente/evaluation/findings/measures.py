"""Measures on arrays of examples, and their 95% intervals over examples and seeds.

A measure of one run is a `Stat`: its value and its influence function (what each example adds to it), so that
differences of two measures on the same examples are paired, and ratios get their delta-method error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from latente.training.memory import arrays_at_once

Floats = NDArray[np.floating]

LEVEL = 0.95
NEIGHBOURS = 10
AGREE = 0.7
"""An example is ambiguous where fewer than this share of its nearest training examples are of one class."""
COPY = 1 / 3
"""A copy is this much nearer to one training example than to the next (Yoon et al. 2023, memorisation ratio)."""


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
    usual, wide = (float(_quantile(estimate.degrees, 0.5 - (1 - LEVEL) / 2 / n)) for n in (1, times))
    low, high = (estimate.value + (end - estimate.value) * wide / usual for end in (estimate.low, estimate.high))
    return Estimate(estimate.value, low, high, estimate.degrees)


def _quantile(degrees: float | None, above_half: float) -> float:
    return float(ndtri(0.5 + above_half) if degrees is None else stdtrit(degrees, 0.5 + above_half))


def _fewest(*estimates: Estimate) -> float | None:
    return min((e.degrees for e in estimates if e.degrees is not None), default=None)


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
    turned = least([minus_of(e) for e in estimates])
    return minus_of(turned)


def minus_of(estimate: Estimate) -> Estimate:
    """The same number with the other sign."""
    return Estimate(-estimate.value, -estimate.high, -estimate.low, estimate.degrees)


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
    square = float(ndtri(0.5 + level / 2)) ** 2 * variance
    if len(values) > 1:
        square += float(stdtrit(len(values) - 1, 0.5 + level / 2)) ** 2 * float(values.var(ddof=1)) / len(values)
    mean, half = float(values.mean()), math.sqrt(square)
    degrees = len(values) - 1 if len(values) > 1 else None
    return Estimate(mean, mean - half, mean + half, degrees) if math.isfinite(half) else None


def over_seeds(values: Sequence[float]) -> Estimate | None:
    """The seeds' mean of a number that has no interval of its own; None with one seed, or where it is not defined."""
    return combine([Stat(v) for v in values]) if len(values) > 1 else None


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
    z = float(ndtri(0.5 + level / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Estimate(share, min(max(0.0, centre - half), share), max(min(1.0, centre + half), share))


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
    half = float(ndtri(0.5 + LEVEL / 2)) * math.sqrt((ours + theirs - middle**2) / (n + 2))
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
    half = float(stdtrit(n - 1, 0.5 + LEVEL / 2)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    down, up = math.hypot(v - over_examples.low, half), math.hypot(over_examples.high - v, half)
    return Estimate(v, max(low, v - down), min(high, v + up), n - 1)


def bonferroni(number: int, *, level: float = LEVEL) -> float:
    """The level of each of so many intervals that shall hold together at a level (Bonferroni)."""
    return 1 - (1 - level) / max(number, 1)


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


def ratio_of_sets(above: NDArray[np.generic], below: NDArray[np.generic]) -> Stat:
    """mean(above) / mean(below) of two independent sets."""
    return quotient_of_sets(mean(above), mean(below))


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


def blocks(x: Floats, side: int) -> Floats:
    """Images (n, height, width, ...) averaged over side×side blocks; what does not fill a block is cut off."""
    n, h, w = x.shape[0], x.shape[1] // side, x.shape[2] // side
    cut = x[:, : h * side, : w * side].reshape(n, h, side, w, side, *x.shape[3:])
    averaged: Floats = cut.mean(axis=(2, 4))
    return averaged


def gradient_energy(x: Floats) -> Floats:
    """Sum of squared differences between neighbouring pixels of images (n, height, width, ...); shape (n,)."""
    total = np.zeros(len(x))
    size = arrays_at_once(math.prod(x.shape[1:]), len(x), memory=2**26)
    for at in range(0, len(x), size):
        part = np.asarray(x[at : at + size], np.float64)
        for axis in (1, 2):
            total[at : at + size] += (np.diff(part, axis=axis) ** 2).reshape(len(part), -1).sum(axis=1)
    return total


def sharpness(x: Floats, reference: Floats) -> Stat:
    """Edge strength of images, example by example with the reference's: √(Σ gradient energy / Σ of reference)."""
    return root(ratio(gradient_energy(x), gradient_energy(reference)))


def explained_variance(x: Floats, of: Floats) -> Stat:
    """1 − Σ‖of − x‖² / Σ‖of − mean of‖², example by example; 1 is perfect, 0 is no better than the mean."""
    error = ((of - x) ** 2).reshape(len(of), -1).sum(axis=1)
    lost = ratio(error, spread(of))
    return Stat(1 - lost.value, tuple(-i for i in lost.influence))


def spread(x: Floats) -> Floats:
    """‖x − mean x‖² of each example; their mean is the total variance."""
    flat = np.asarray(x, np.float64).reshape(len(x), -1)
    squared: Floats = ((flat - flat.mean(axis=0)) ** 2).sum(axis=1)
    return squared


def distances(a: Floats, b: Floats) -> Floats:
    """Euclidean distances, shape (len(a), len(b)), of flattened examples."""
    # Single precision halves the time of the large products; the neighbours stay the same but for ties.
    kind = np.float32 if a.size + b.size > 500_000 else np.float64
    p: NDArray[Any] = np.asarray(a, kind).reshape(len(a), -1)
    q: NDArray[Any] = np.asarray(b, kind).reshape(len(b), -1)
    square: Floats = (p**2).sum(axis=1)[:, None] + (q**2).sum(axis=1) - 2 * (p @ q.T)
    apart: Floats = np.sqrt(np.maximum(square, 0))
    return apart


def pair_means(x: Floats) -> Floats:
    """Mean distance of each example to all others, shape (n,)."""
    apart = distances(x, x)
    np.fill_diagonal(apart, 0)  # rounding leaves it a little above
    means: Floats = apart.sum(axis=1, dtype=np.float64) / max(len(x) - 1, 1)
    return means


def mean_pair_distance(x: Floats) -> Stat:
    """The mean distance between two examples: a U-statistic, whose influence is twice the example's mean."""
    means = pair_means(x)
    return Stat(float(means.mean()), (2 * means,))


@dataclass(frozen=True)
class Energy:
    """Parts of the energy distance 2 E|A − Y| − E|A − A′| − E|Y − Y′| between samples A and real examples Y.

    It is zero only where both have one distribution (Székely & Rizzo 2013), so that blur and lack of variety
    both count. ``value`` is its unbiased estimate; ``sample`` and ``real`` are the influences.
    """

    value: float
    sample: Floats
    real: Floats


def energy(sample: Floats, real: Floats, within: float) -> Energy:
    """The energy distance of a sample from real examples, whose own mean distance is ``within``."""
    across, own = distances(sample, real), pair_means(sample)
    value = 2 * float(across.mean(dtype=np.float64)) - float(own.mean()) - within
    by_sample, by_real = across.mean(axis=1, dtype=np.float64), across.mean(axis=0, dtype=np.float64)
    return Energy(value, 2 * by_sample - 2 * own, 2 * by_real)


def energy_difference(first: Energy, second: Energy) -> Stat:
    """second − first against the same real examples; below zero where the second is nearer to them."""
    return Stat(second.value - first.value, (first.sample, second.sample, second.real - first.real))


@dataclass(frozen=True)
class Neighbours:
    """What the nearest training examples say about each of n examples.

    Attributes:
        label: the class most of them have, shape (n,); None without labels.
        agreement: the share that has it, shape (n,); None without labels.
        nearest, second: distance to the nearest and the second nearest, shape (n,).
    """

    label: NDArray[np.int64] | None
    agreement: Floats | None
    nearest: Floats
    second: Floats

    @property
    def ambiguous(self) -> Floats:
        """One where too few neighbours agree, else zero."""
        assert self.agreement is not None
        # The shares are quotients in floating point: the margin keeps an exact 0.7 on its side.
        return (self.agreement < AGREE - 1e-9).astype(np.float64)

    def right(self, labels: NDArray[np.int64]) -> Floats:
        """One where the neighbours' class is the example's own, else zero."""
        assert self.label is not None
        right: Floats = np.asarray(self.label == labels, np.float64)
        return right

    @property
    def copied(self) -> NDArray[np.bool_]:
        """Where an example is a copy of one training example."""
        copies: NDArray[np.bool_] = self.nearest < COPY * self.second
        return copies


def neighbours(
    x: Floats, train: Floats, labels: NDArray[np.int64] | None, classes: int, k: int = NEIGHBOURS
) -> Neighbours:
    """The k nearest training examples of each x, by Euclidean distance; ties go to the lower class."""
    k = min(k, len(train))
    labelled, shares, first, second = [], [], [], []
    for at in range(0, len(x), 500):
        d = distances(x[at : at + 500], train)
        index = np.argpartition(d, k - 1, axis=1)[:, :k]
        near = np.sort(np.take_along_axis(d, index, axis=1), axis=1)
        first.append(near[:, 0])
        second.append(near[:, min(1, k - 1)])
        if labels is not None:
            votes = (labels[index][:, :, None] == np.arange(classes)).sum(axis=1)
            labelled.append(votes.argmax(axis=1))
            shares.append(votes.max(axis=1) / k)
    known = labels is not None
    return Neighbours(
        np.concatenate(labelled) if known else None,
        np.concatenate(shares) if known else None,
        np.concatenate(first).astype(np.float64),
        np.concatenate(second).astype(np.float64),
    )


def effective_classes(labels: NDArray[np.int64], classes: int) -> Stat:
    """exp(entropy) of the classes' shares: how many equally frequent classes are as diverse (Hill 1973)."""
    share = np.bincount(labels, minlength=classes) / len(labels)
    surprise = -np.log(np.where(share > 0, share, 1))
    number = float(np.exp((share * surprise).sum()))
    return Stat(number, (number * surprise[labels],))


def epochs_below(loss: Floats, target: float) -> float:
    """The epoch, interpolated, at which a loss curve first passes below a target; not a number where it does not."""
    curve = np.asarray(loss, np.float64)
    if not (curve <= target).any():
        return math.nan
    after = int(np.argmax(curve <= target))
    return float(after + (curve[after - 1] - target) / (curve[after - 1] - curve[after])) if after else 1.0


def epochs_to(loss: Floats, share: float = 0.9) -> float:
    """The epoch, interpolated, at which so large a share of the whole decrease of a loss curve is done.

    The decrease is from the first epoch's mean to the last's; not a number below three epochs or without one.
    """
    curve = np.asarray(loss, np.float64)
    if len(curve) < 3 or not curve[0] > curve[-1]:
        return math.nan
    return epochs_below(curve, float(curve[0] - share * (curve[0] - curve[-1])))


def rises(loss: Floats) -> float:
    """All upward moves of a loss curve together, in percent of its whole decrease."""
    curve = np.asarray(loss, np.float64)
    if len(curve) < 3 or not curve[0] > curve[-1]:
        return math.nan
    return float(100 * np.maximum(np.diff(curve), 0).sum() / (curve[0] - curve[-1]))


WINDOW, EPOCHS = 5, 8
"""Losses are averaged over so many epochs (a quarter of a short training) before they are held against each other;
below so many epochs their noise is not known."""


@dataclass(frozen=True)
class Course:
    """How a loss curve goes on after its lowest point, with the noise between epochs.

    Attributes:
        best: the epoch around which it is lowest.
        lowest: its mean there.
        rise: how far the last epochs' mean is above the lowest; its interval allows for the lowest being chosen.
        fall: how far it fell over the last quarter of the epochs.
        window: over how many epochs means are taken.
    """

    best: float
    lowest: float
    rise: Stat
    fall: Stat
    window: int


def course(loss: Floats, *, kept: bool = False) -> Course | None:
    """The course of a loss curve; None below `EPOCHS` epochs.

    The noise of an epoch is that of second differences in the later half, which a smooth course has next to none of.

    Args:
        loss: one an epoch.
        kept: whether the lowest epoch's weights were put back, so that nothing rose.
    """
    curve = np.asarray(loss, np.float64)
    n = len(curve)
    if n < EPOCHS or not np.isfinite(curve).all():
        return None
    window = min(WINDOW, n // 4)
    smooth = np.convolve(curve, np.ones(window) / window, mode="valid")
    second = np.diff(curve[n // 2 - 1 :], 2)
    error = math.sqrt(float(np.mean(second**2)) / 6 * 2 / window)
    best = int(smooth.argmin())
    # Neighbouring second differences share epochs, so that they tell of the noise as half as many by themselves would.
    z, level = float(ndtri(0.5 + LEVEL / 2)), (1 - LEVEL) / 2
    plain, chosen = (float(stdtrit(len(second) / 2, 1 - level / k)) / z for k in (1, len(smooth)))
    quarter = max(0, len(smooth) - 1 - max(n // 4, window))
    return Course(
        best=best + (window + 1) / 2,
        lowest=float(smooth[best]),
        rise=Stat(0.0 if kept else float(smooth[-1] - smooth[best]), (), (chosen * error) ** 2),
        fall=Stat(float(smooth[quarter] - smooth[-1]), (), (plain * error) ** 2),
        window=window,
    )
