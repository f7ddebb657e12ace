"""Modularity: does each latent tell of one factor only?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latente.evaluation.metrics.disentanglement.codes import BINS, Score, checked, mutual_information


def modularity(codes: NDArray[np.floating], factors: NDArray[np.integer], *, bins: int = BINS) -> Score:
    """Modularity (Ridgeway & Mozer 2018), in 0..1; higher is better.

    For each latent, one less the squared information on all factors but its best, over what it would be if all told
    as much as the best; the mean over latents. A latent that tells nothing at all counts 0. One that holds only noise
    gets whatever the estimates' bias gives it (some 0.7 where one factor has many more values than the others): look
    at ``each`` beside the active units.

    Args:
        codes: shape (n, latents).
        factors: whole numbers, shape (n, factors).
        bins: a latent's.

    Returns:
        The score; each: that of every latent.

    Raises:
        DataError: as `latente.evaluation.metrics.disentanglement.codes.checked`.
    """
    z, f = checked(codes, factors)
    squares = mutual_information(z, f, bins=bins) ** 2
    best = squares.max(axis=1)
    told = best > 0
    rest = (squares.sum(axis=1) - best) / (np.where(told, best, 1) * (f.shape[1] - 1))
    each = np.where(told, 1 - rest, 0.0)
    return Score(float(each.mean()), each)
