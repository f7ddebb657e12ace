"""Class balance: do samples fall into the classes as often as real examples do?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from latente.evaluation.findings.measures import LEVEL, Estimate
from latente.evaluation.metrics.checks import array, labels, whole
from latente.evaluation.metrics.resample import (
    bounded,
    check_level,
    jackknife_error,
    normal_interval,
    wilson,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Balance:
    """The classes of samples beside those of real examples.

    Attributes:
        shares: of each class among the samples, with its interval.
        reference: of each class among the real examples, shape (classes,).
        divergence: Jensen and Shannon's, in nats, 0 to ln 2, less its bias.
        p_value: of equal shares (G test); 1 where there is one class only.
    """

    shares: tuple[Estimate, ...]
    reference: Floats
    divergence: Estimate
    p_value: float


def class_balance(real: ArrayLike, samples: ArrayLike, classes: int, *, level: float = LEVEL) -> Balance:
    """Compare the classes of samples with those of real examples, both told by one classifier.

    Args:
        real, samples: labels, shapes (n,) and (m,), in 0..classes − 1.
        classes: how many there are.
        level: of the intervals; the divergence's is the jackknife's over both sets.

    Raises:
        DataError: none, or labels out of range.
        SpecError: a level or a number of classes out of range.
    """
    check_level(level)
    whole("classes", classes, 1)
    sets = [labels(name, y, classes=classes) for name, y in (("real", real), ("samples", samples))]
    for name, y in zip(("real", "samples"), sets, strict=True):
        array(name, y, least=2)
    counts = np.stack([np.bincount(y, minlength=classes) for y in sets]).astype(np.float64)
    value, bias, square = _divergence(counts), 0.0, 0.0
    for side in (0, 1):
        # Leaving out any one example of a class gives the same value.
        present = np.flatnonzero(counts[side])
        left = np.array([_divergence(_less_one(counts, side, c)) for c in present.tolist()])
        n = counts[side].sum()
        bias += (n - 1) * (float((left * counts[side, present]).sum() / n) - value)
        square += jackknife_error(left, counts[side, present]) ** 2
    found = normal_interval(min(max(0.0, value - bias), math.log(2)), math.sqrt(square), level=level)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return Balance(
        tuple(wilson(float(p), len(sets[1]), level=level) for p in shares[1]),
        shares[0],
        bounded(found, 0, math.log(2)),
        _g_test(counts),
    )


def _less_one(counts: Floats, side: int, label: int) -> Floats:
    left = counts.copy()
    left[side, label] -= 1
    return left


def _divergence(counts: Floats) -> float:
    p, q = counts / counts.sum(axis=1, keepdims=True)
    return float(np.mean([_relative(p, (p + q) / 2), _relative(q, (p + q) / 2)]))


def _relative(p: Floats, q: Floats) -> float:
    there = p > 0
    return float((p[there] * np.log(p[there] / q[there])).sum())


def _g_test(counts: Floats) -> float:
    present = counts[:, counts.sum(axis=0) > 0]
    if present.shape[1] < 2:
        return 1.0
    expected = np.outer(present.sum(axis=1), present.sum(axis=0)) / present.sum()
    there = present > 0
    statistic = 2 * float((present[there] * np.log(present[there] / expected[there])).sum())
    return float(chi2.sf(statistic, present.shape[1] - 1))
