"""The FactorVAE score: does the latent that varies least say which factor was held fixed?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from latente.errors import DataError
from latente.evaluation.metrics.disentanglement.codes import Floats, Integers, Score, checked

BATCH = 64
VOTES = 10_000
HELD = 5_000
_CHUNK = 500


def factor_vae(
    codes: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    seed: int,
    batch: int = BATCH,
    votes: int = VOTES,
    held: int = HELD,
    least: float = 0.05,
) -> Score:
    """The FactorVAE score (Kim & Mnih 2018), from chance, some 1 / factors, to 1; higher is better.

    A vote: a factor is chosen, and a value of it, that of a random example; ``batch`` examples of that value are
    drawn, with replacement, and of their codes, each latent divided by its standard deviation over all examples, the
    latent of the lowest variance is noted. Each latent then stands for the factor it was noted for most often in
    ``votes`` votes, and the score is the share of ``held`` further votes in which that is right. Sizes are those of
    Locatello et al. (2019). Values must have enough examples in which all else varies: with few, or with factors that
    go together, several latents hardly vary, and the score says little.

    Args:
        codes: shape (n, latents).
        factors: whole numbers, shape (n, factors).
        seed: of all draws.
        batch: examples a vote, at least 2.
        votes, held: how many votes to learn from, and to score.
        least: latents of a standard deviation below this are left out as collapsed; of use where codes are on the
            scale of a standard normal prior, else say 0.

    Returns:
        The score, 0 where every latent is collapsed; each: that of every factor; and its standard error over votes,
        not over examples (`latente.evaluation.metrics.disentanglement.scores.scores` has both).

    Raises:
        DataError: as `latente.evaluation.metrics.disentanglement.codes.checked`, or a size out of its range.
    """
    z, f = checked(codes, factors)
    if min(batch - 1, votes, held) < 1 or not least >= 0:
        raise DataError(
            f"got batch = {batch}, votes = {votes}, held = {held}, least = {least}; allowed: at least 2, 1, 1, 0"
        )
    spread = z.std(axis=0, ddof=1)
    # A latent that does not vary at all would always win.
    active = (spread >= least) & (spread > 0)
    if not active.any():
        return Score(0.0, np.zeros(f.shape[1]), 0.0)
    z = z[:, active] / spread[active]
    rng = np.random.default_rng(seed)
    stands_for = _table(z, f, votes, batch, rng).argmax(axis=0)
    table = _table(z, f, held, batch, rng)
    right = np.where(stands_for[None, :] == np.arange(f.shape[1])[:, None], table, 0).sum(axis=1)
    value = float(right.sum() / held)
    each = right / np.maximum(table.sum(axis=1), 1)
    return Score(value, each, math.sqrt(value * (1 - value) / held))


def _table(z: Floats, factors: Integers, votes: int, batch: int, rng: np.random.Generator) -> Integers:
    """How often each latent varied least while each factor was fixed, shape (factors, latents)."""
    orders = np.argsort(factors, axis=0, kind="stable")
    counts = [np.bincount(column) for column in factors.T]
    starts = [np.cumsum(c) - c for c in counts]
    table = np.zeros((factors.shape[1], z.shape[1]), np.int64)
    for j, of in enumerate(np.bincount(rng.integers(factors.shape[1], size=votes), minlength=factors.shape[1])):
        values = factors[rng.integers(len(z), size=of), j]
        for at in range(0, of, _CHUNK):
            value = values[at : at + _CHUNK]
            within = (rng.random((len(value), batch)) * counts[j][value][:, None]).astype(np.int64)
            group = z[orders[starts[j][value][:, None] + within, j]]
            table[j] += np.bincount(group.var(axis=1).argmin(axis=1), minlength=z.shape[1])
    return table
