"""All scores of one set of codes."""

from __future__ import annotations

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
    votes. For modularity and IRS resampling is not valid, and for DCI it would take too long.

    Args:
        codes: mean codes, shape (n, latents).
        factors: whole numbers, shape (n, factors).
        seed: of every draw.
        categorical: whether the factors are names without an order: one for all, or one each.
        draws: resamplings for a standard error; 0 for none.
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
    resampled: dict[str, _Scorer] = {"mig": mig}
    if not np.any(categorical):
        resampled["sap"] = partial(sap, seed=seed)
    for name, score in resampled.items() if draws > 1 else ():
        error = standard_error(score, codes, factors, draws=draws, seed=seed)
        found[name] = replace(found[name], standard_error=error)
    return found
