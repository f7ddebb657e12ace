"""MIG: is each factor held by one latent only?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latente.evaluation.metrics.disentanglement.codes import BINS, Score, checked, entropy, mutual_information


def mig(codes: NDArray[np.floating], factors: NDArray[np.integer], *, bins: int = BINS) -> Score:
    """Mutual information gap (Chen, Li, Grosse, Duvenaud 2018), in 0..1; higher is better.

    For each factor, the gap between the two latents that tell most of it, as a share of the factor's entropy; the mean
    over factors. Information is that of codes in bins of equal width (Locatello et al. 2019); Chen et al. sampled from
    the posterior instead. A factor of more values than ``bins`` cannot reach 1.

    Args:
        codes: shape (n, latents).
        factors: whole numbers, shape (n, factors).
        bins: a latent's.

    Returns:
        The score; each: the gap of every factor.

    Raises:
        DataError: as `latente.evaluation.metrics.disentanglement.codes.checked`.
    """
    z, f = checked(codes, factors)
    ranked = np.sort(mutual_information(z, f, bins=bins), axis=0)
    gaps = (ranked[-1] - ranked[-2]) / [entropy(np.bincount(column)) for column in f.T]
    return Score(float(gaps.mean()), gaps)
