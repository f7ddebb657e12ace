"""The evidence lower bound (ELBO) with one code per example, and its β."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.objective.objectives.base import Objective, Opponent, needs_density, objectives
from latente.objective.objectives.codes import coded
from latente.objective.schedules import Schedule, schedule
from latente.objective.terms import LAST_STEP, Batch, Terms


@objectives.register("elbo", source="Kingma & Welling 2014, arXiv:1312.6114, eq. 10; Higgins et al. 2017, eq. 4 (β)")
class ELBO(Objective):
    """Negative evidence lower bound with one code per example: −log p(x | z) + β KL.

    A ``beta`` other than 1 is that of Higgins et al. 2017; the loss is then no bound on log p(x). It may be a schedule:
    {name = "linear", steps = 5000} rises to ``end`` (see `latente.objective.schedules`).
    """

    beta: float | Mapping[str, Any] = eqx.field(static=True, default=1.0)
    _beta: Schedule = eqx.field(static=True, init=False)

    bound: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "_beta", schedule(self.beta, 'beta of objective "elbo"'))

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Sample one code per example."""
        found = coded(model, model.prior.given(model), batch)
        return Terms(found.reconstruction + self._beta.at(batch.step) * found.kl, found.reconstruction, found.kl)

    def weights(self) -> dict[str, float]:
        """Reconstruction, and the KL with its final β."""
        return {"reconstruction": 1.0, "kl": float(self._beta.at(jnp.int32(LAST_STEP)))}

    def check(self, model: Autoencoder) -> None:
        """Needs a posterior with a density and a prior."""
        needs_density(self, model)

    def settled(self, step: Array) -> Array:
        """Once β has reached its final value."""
        return self._beta.settled(step)

    def length(self) -> int:
        """The length of β's schedule."""
        return self._beta.length()
