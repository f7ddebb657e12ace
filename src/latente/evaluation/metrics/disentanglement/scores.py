"""All scores of one set of codes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from latente.evaluation.metrics.disentanglement.codes import Score, standard_error
from latente.evaluation.metrics.disentanglement.dci import dci
from latente.evaluation.metrics.disentanglement.factorvae import factor_vae
from latente.evaluation.metrics.disentanglement.irs import irs
from latente.evaluation.metrics.disentanglement.mig import mig
from latente.evaluation.metrics.disentanglement.modularity import modularity
from latente.evaluation.metrics.disentanglement.sap import sap

NAMES = (
    *("mig", "dci_disentanglement", "dci_completeness", "dci_informativeness"),
    *("sap", "factor_vae", "modularity", "irs"),
)

VOTED = 20
"""Resamplings at most for the FactorVAE score's error: each takes as long as the score."""


class _Scorer(Protocol):
    def __call__(self, codes: NDArray[np.floating], factors: NDArray[np.integer], /) -> Score: ...


def scores(
    codes: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    seed: int,
    categorical: bool | Sequence[bool] = False,
    draws: int = 50,
    least: float = 0.05,
) -> dict[str, Score]:
    """Every score of `NAMES`, all in 0..1 and higher for better; see each one's own function for what it means.

    MIG has a standard error over resampled examples, and so has SAP where no factor is categorical; FactorVAE's is over
    resampled examples with votes of their own (of `VOTED` resamplings at most), and never below that over votes alone.
    For modularity and IRS resampling is not valid, and for DCI it would take too long.

    Args:
        codes: mean codes, shape (n, latents).
        factors: whole numbers, shape (n, factors).
        seed: of every draw.
        categorical: whether the factors are names without an order: one for all, or one each.
        draws: resamplings for a standard error; 0 for none, and the FactorVAE score's over votes alone.
        least: see `latente.evaluation.metrics.disentanglement.factorvae.factor_vae`.

    Raises:
        DataError: codes or factors that no score takes.
    """
    forest = dci(codes, factors, seed=seed)
    found = {
        "mig": mig(codes, factors),
        "dci_disentanglement": Score(forest.disentanglement, forest.of_latents),
        "dci_completeness": Score(forest.completeness, forest.of_factors),
        "dci_informativeness": Score(forest.informativeness, forest.right),
        "sap": sap(codes, factors, seed=seed, categorical=categorical),
        "factor_vae": factor_vae(codes, factors, seed=seed, least=least),
        "modularity": modularity(codes, factors),
        "irs": irs(codes, factors),
    }
    seeds = itertools.count(seed + 1)
    resampled: dict[str, _Scorer] = {
        "mig": mig,
        # A new seed each time: both kinds of votes, those learnt from and those scored, are drawn anew.
        "factor_vae": lambda z, f: factor_vae(z, f, seed=next(seeds), least=least),
    }
    if not np.any(categorical):
        resampled["sap"] = partial(sap, seed=seed)
    for name, score in resampled.items() if draws > 1 else ():
        times = min(draws, VOTED) if name == "factor_vae" else draws
        error, each = standard_error(score, codes, factors, draws=times, seed=seed)
        found[name] = replace(
            found[name], standard_error=max(error, found[name].standard_error or 0.0), each_error=each
        )
    return found
