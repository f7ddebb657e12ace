"""Measures on images, codes and loss curves that conclusions rest on, with their 95% intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, stdtrit

from latente.evaluation.metrics.influence import Floats, Stat, ratio, root
from latente.evaluation.metrics.intervals import LEVEL, Z
from latente.evaluation.metrics.neighbours import COPY, nearest
from latente.memory import arrays_at_once

NEIGHBOURS = 10

AGREE = 0.7
"""An example is ambiguous where fewer than this share of its nearest training examples are of one class."""


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


def difference_bits(x: Floats) -> float:
    """Bits that an image takes where each value is coded by its difference from its left neighbour's.

    It is the empirical entropy of these differences, of values 0..1 in 256 levels over all images, times the values of
    an image: what the simplest lossless coder reaches, and a measure of how complex images are (as the size of a PNG
    is in Serrà et al. 2020, arXiv:1909.11480).
    """
    level = np.rint(255 * np.clip(np.asarray(x, np.float32), 0, 1)).astype(np.int16)
    count = np.bincount((np.diff(level, axis=2, prepend=np.int16(0)) + 255).ravel(), minlength=511)
    share = count / count.sum()
    return float(entr(share).sum() / math.log(2) * math.prod(x.shape[1:]))


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
    return np.sqrt(np.maximum(square, 0))


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


def energy(sample: Floats, real: Floats, within: float) -> Stat:
    """The energy distance 2 E|A − Y| − E|A − A′| − E|Y − Y′| of samples A from real examples Y, unbiased, with the
    influence of each A and of each Y; the examples' own mean distance, E|Y − Y′|, is ``within``.

    It is zero only where both have one distribution (Székely & Rizzo 2013): blur and lack of variety both count.
    """
    across, own = distances(sample, real), pair_means(sample)
    value = 2 * float(across.mean(dtype=np.float64)) - float(own.mean()) - within
    by_sample, by_real = across.mean(axis=1, dtype=np.float64), across.mean(axis=0, dtype=np.float64)
    return Stat(value, (2 * by_sample - 2 * own, 2 * by_real))


def energy_difference(first: Stat, second: Stat) -> Stat:
    """second − first against the same real examples; below zero where the second is nearer to them."""
    (a, of_a), (b, of_b) = first.influence, second.influence
    return Stat(second.value - first.value, (a, b, of_b - of_a))


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
        return np.asarray(self.label == labels, np.float64)

    @property
    def copied(self) -> NDArray[np.bool_]:
        """Where an example is a copy of one training example."""
        return self.nearest < COPY * self.second


def neighbours(
    x: Floats, train: Floats, labels: NDArray[np.int64] | None, classes: int, k: int = NEIGHBOURS
) -> Neighbours:
    """The k nearest training examples of each x, by Euclidean distance; ties go to the lower class."""
    near = nearest(x, train, min(k, len(train)))
    label = agreement = None
    if labels is not None:
        votes = (labels[near.index][:, :, None] == np.arange(classes)).sum(axis=1)
        label, agreement = votes.argmax(axis=1), votes.max(axis=1) / near.index.shape[1]
    return Neighbours(label, agreement, near.distance[:, 0], near.distance[:, :2][:, -1])


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
    """The epoch, interpolated, by which this share of a loss curve's whole decrease is done.

    The decrease is from the first epoch's mean to the last's; not a number without one, or below three epochs.
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
    """How a loss curve continues after its lowest point, with the noise between epochs.

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

    The noise of an epoch is taken from second differences in the later half, to which a smooth curve adds hardly any.

    Args:
        loss: one an epoch.
        kept: whether the weights of the lowest epoch were restored, so that nothing rose.
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
    tail = (1 - LEVEL) / 2
    plain, chosen = (float(stdtrit(len(second) / 2, 1 - tail / k)) / Z for k in (1, len(smooth)))
    quarter = max(0, len(smooth) - 1 - max(n // 4, window))
    return Course(
        best=best + (window + 1) / 2,
        lowest=float(smooth[best]),
        rise=Stat(0.0 if kept else float(smooth[-1] - smooth[best]), (), (chosen * error) ** 2),
        fall=Stat(float(smooth[quarter] - smooth[-1]), (), (plain * error) ** 2),
        window=window,
    )
