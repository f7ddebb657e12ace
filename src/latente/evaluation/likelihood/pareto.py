"""How heavy the tail of importance weights is: whether the mean of draws can be trusted at all.

A bound from few effective draws looks tight where the draws that would matter are hardly ever made: of a posterior
ten times too narrow the last doubling of the draws brings next to nothing, while the bound is nats away. The tail index
k of the weights tells: moments of order 1/k and above are infinite, so that above ½ there is no variance, and above
some 0.7 no number of draws that one would make is enough (Vehtari et al. 2024, Pareto smoothed importance sampling).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

MOST = 200
"""At most so many of the greatest weights are looked at."""

FEWEST = 5
"""No tail is fitted to fewer."""

SETTLED = 0.7

ALIKE = 1e-3
"""Weights of a tail that differ by a smaller share are alike but for rounding in single precision: no tail."""

BLOCK = 500

PRIOR_WEIGHT, PRIOR_INDEX = 10, 0.5
"""The estimate is drawn to ½ as if so many more weights said so, which steadies it where there are few."""

Floats = NDArray[np.float64]


def tail_size(samples: int) -> int:
    """How many of the greatest of so many weights are the tail: a fifth, or 3 √K of many, and no more than `MOST`."""
    return min(samples // 5, math.ceil(3 * math.sqrt(samples)), MOST)


def limit(samples: int) -> float:
    """The tail index above which a mean of so many weights is not to be trusted (Vehtari et al. 2024, eq. 13)."""
    return min(1 - 1 / math.log10(samples), SETTLED) if samples > 10 else 0.0


def tail_index(greatest: NDArray[np.floating], samples: int) -> Floats:
    """The tail index k of each example's importance weights, shape (n,); not a number where the tail is too small.

    Args:
        greatest: logs of the greatest weights, largest first, shape (n, m) with m above `tail_size`.
        samples: how many weights there were.
    """
    size = tail_size(samples)
    if size < FEWEST:
        return np.full(len(greatest), np.nan)
    logs = np.asarray(greatest, np.float64)[:, : size + 1]
    w = np.exp(logs - logs[:, :1])
    # What the greatest weights are above the next one, smallest first.
    above = np.maximum(w[:, :size] - w[:, size:], 0)[:, ::-1]
    return fit_pareto(np.where(above[:, -1:] > ALIKE, above, 0))[0]


def fit_pareto(above: Floats) -> tuple[Floats, Floats]:
    """Index k and scale σ of the generalised Pareto distribution of each row of exceedances, smallest first; (n,) each.

    The estimate of Zhang and Stephens (2009, Technometrics 51), a mean over a grid of θ = −k/σ weighed by their
    likelihoods; k is drawn a little to ½. Rows that are zero throughout have no tail: both are 0.
    """
    found = [_fit(above[at : at + BLOCK]) for at in range(0, len(above), BLOCK)]
    index, scale = (np.concatenate(parts) for parts in zip(*found, strict=True)) if found else (np.zeros(0),) * 2
    return index, scale


def _fit(above: Floats) -> tuple[Floats, Floats]:
    size, top = above.shape[1], above[:, -1]
    x = above / np.where(top > 0, top, 1)[:, None]
    quarter = np.maximum(x[:, int(size / 4 + 0.5) - 1], 1e-12)
    grid = 30 + int(math.sqrt(size))
    theta = 1 + (1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3 * quarter[:, None])
    # θ just below 1, the end of the support, would make the largest exceedance impossible.
    theta = np.minimum(theta, 1 - 1e-12)
    k = np.log1p(-theta[:, :, None] * x[:, None, :]).mean(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihood = size * (np.log(-theta / k) - k - 1)
    likelihood = np.where(np.isfinite(likelihood), likelihood, -1e300)
    weight = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    mean = (weight * theta).sum(axis=1) / weight.sum(axis=1)
    index = np.log1p(-mean[:, None] * x).mean(axis=1)
    scale = -index / mean * top
    index = (size * index + PRIOR_WEIGHT * PRIOR_INDEX) / (size + PRIOR_WEIGHT)
    return np.where(top > 0, index, 0.0), np.where(top > 0, scale, 0.0)
