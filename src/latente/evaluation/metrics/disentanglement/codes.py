"""What every score starts from: checked codes and factors, their mutual information, and a standard error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latente.errors import DataError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
BINS = 20
"""Of equal width between a latent's lowest and highest code, as in Locatello et al. (2019)."""


@dataclass(frozen=True)
class Score:
    """A score, its parts, and its standard error where one was estimated.

    Attributes:
        value: the score.
        each: what it is made of, one for each factor or for each latent; see the score's own words.
        standard_error: over draws of the examples or of the votes; None where it was not estimated.
        each_error: the same of each part.
    """

    value: float
    each: Floats
    standard_error: float | None = None
    each_error: Floats | None = None


def checked(codes: NDArray[np.floating], factors: NDArray[np.integer]) -> tuple[Floats, Integers]:
    """Codes (n, d) in double precision, and factors (n, f) with every column counted 0, 1, ... in order of its values.

    Raises:
        DataError: other shapes or types, codes that are not finite, fewer than two latents or factors (no score says
            anything of one), or a factor of a single value.
    """
    z, factors = np.asarray(codes), np.asarray(factors)
    if z.ndim != 2 or z.shape[1] < 2 or z.dtype.kind not in "buif":
        raise DataError(f"codes: got shape {z.shape} and type {z.dtype}; allowed: (n, latents), two or more latents")
    if factors.ndim != 2 or factors.shape[1] < 2 or factors.dtype.kind not in "bui":
        raise DataError(
            f"factors: got shape {factors.shape} and type {factors.dtype}; allowed: (n, factors) whole numbers, two or "
            f"more factors"
        )
    if len(z) != len(factors):
        raise DataError(f"got {len(z)} codes and {len(factors)} rows of factors; they must agree")
    z = z.astype(np.float64)
    if not np.isfinite(z).all():
        raise DataError(f"codes: {(~np.isfinite(z)).sum()} are NaN or infinite; allowed: finite numbers")
    counted = np.empty(factors.shape, np.int64)
    for j, column in enumerate(factors.T):
        values, counted[:, j] = np.unique(column, return_inverse=True)
        if len(values) < 2:
            raise DataError(f"factors: column {j} has a single value; leave out what does not vary")
    return z, counted


def binned(z: Floats, bins: int = BINS) -> Integers:
    """Codes (n, d) as the numbers of bins of equal width over each latent's range; a constant latent fills one bin.

    Raises:
        DataError: fewer than two bins.
    """
    if bins < 2:
        raise DataError(f"bins: got {bins}; allowed: at least 2")
    found = np.empty(z.shape, np.int64)
    for i, column in enumerate(z.T):
        edges = np.histogram_bin_edges(column, bins)
        # The highest code belongs to the last bin.
        found[:, i] = np.searchsorted(edges[:-1], column, side="right") - 1
    return found


def mutual_information(z: Floats, factors: Integers, *, bins: int = BINS) -> Floats:
    """Mutual information of each binned latent and each factor in nats, shape (d, f).

    The plug-in estimate over the examples given. It is biased upward by some (filled bins − 1)(values − 1) / 2n, so
    that a latent of noise does not get quite zero.
    """
    numbers = binned(z, bins)
    values = factors.max(axis=0) + 1
    found = np.empty((z.shape[1], factors.shape[1]))
    for i, number in enumerate(numbers.T):
        for j, factor in enumerate(factors.T):
            joint = np.bincount(number * values[j] + factor, minlength=bins * values[j]).reshape(bins, values[j])
            found[i, j] = entropy(joint.sum(1)) + entropy(joint.sum(0)) - entropy(joint.ravel())
    return np.maximum(found, 0.0)


def entropy(weights: NDArray[np.number]) -> float:
    """Entropy in nats of weights of any sum, shape (k,)."""
    p = weights[weights > 0] / weights.sum()
    return float(-(p * np.log(p)).sum())


def standard_error(
    score: Callable[[NDArray[np.floating], NDArray[np.integer]], Score],
    codes: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    draws: int = 50,
    seed: int = 0,
) -> tuple[float, Floats]:
    """Standard deviation of a score, and of each of its parts, over resampled examples (Efron 1979), as many as there
    are, with replacement.

    In simulations it was 0.7 to 1.3 times the true one for MIG and for SAP's R², and up to 2.4 times where these are
    next to 0. It is not valid for IRS (0.6 to 0.75 times: a largest value is in it) nor for modularity (up to 3.5 times
    near 1, from the bias of the information).
    """
    rng = np.random.default_rng(seed)
    n = len(codes)
    found = [score(codes[rows], factors[rows]) for rows in (rng.integers(n, size=n) for _ in range(draws))]
    each: Floats = np.std([s.each for s in found], axis=0, ddof=1)
    return float(np.std([s.value for s in found], ddof=1)), each
