"""IRS: does a latent keep still when everything but its own factor changes?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latente.errors import DataError
from latente.evaluation.metrics.disentanglement.codes import Score, checked


def irs(codes: NDArray[np.floating], factors: NDArray[np.integer], *, quantile: float = 0.99) -> Score:
    """Interventional robustness score (Suter, Miladinović, Schölkopf, Bauer 2019), in 0..1; higher is better.

    For each latent and factor, the largest distance of codes from the mean of those with the same value of the factor,
    averaged over its values, over the largest distance from the mean of all codes; one less that. The best factor
    counts for each latent, and latents by their largest distance, so that their scales matter. "Largest" among codes of
    the same value is the given quantile, against outliers, as in Locatello et al. (2019); 1 is the paper's. Factors are
    taken to vary independently. Noise does not get 0 where its largest code is far beyond that quantile: normal noise
    gets some 0.3 to 0.4.

    Args:
        codes: shape (n, latents).
        factors: whole numbers, shape (n, factors).
        quantile: in (0, 1].

    Returns:
        The score; each: that of every latent, NaN for one that is constant, which does not count.

    Raises:
        DataError: as `latente.evaluation.metrics.disentanglement.codes.checked`, or a quantile out of range.
    """
    if not 0 < quantile <= 1:
        raise DataError(f"quantile: got {quantile}; allowed: above 0 and at most 1")
    z, f = checked(codes, factors)
    reach = np.abs(z - z.mean(axis=0)).max(axis=0)
    active = z.min(axis=0) < z.max(axis=0)
    each = np.full(z.shape[1], np.nan)
    if not active.any():
        return Score(0.0, each)
    z, reach = z[:, active], reach[active]
    moved = np.zeros((z.shape[1], f.shape[1]))
    for j, factor in enumerate(f.T):
        groups = [z[factor == value] for value in range(factor.max() + 1)]
        moved[:, j] = np.mean([np.quantile(np.abs(g - g.mean(axis=0)), quantile, axis=0) for g in groups], axis=0)
    each[active] = (1 - moved / reach[:, None]).max(axis=1)
    return Score(float(np.average(each[active], weights=reach)), each)
