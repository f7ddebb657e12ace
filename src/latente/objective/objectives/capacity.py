"""A VAE whose KL is held at a target capacity, which may grow during training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.model.options import number
from latente.objective.objectives.base import Objective, Opponent, needs_density, objectives
from latente.objective.objectives.codes import coded
from latente.objective.schedules import Schedule, schedule
from latente.objective.terms import Batch, Terms


@objectives.register("capacity", source="Burgess et al. 2018, arXiv:1804.03599, eq. 8")
class Capacity(Objective):
    """−log p(x | z) + γ |KL − C(t)|, with the capacity C in nats per example.

    KL is the mean over the minibatch, so that examples may differ and an estimated KL works as well as a closed one.
    ``capacity`` is a number, or a schedule such as {name = "linear", steps = 5000, end = 25} (see
    `latente.objective.schedules`), as Burgess et al. raise it from zero. The loss is no bound on log p(x).
    """

    gamma: float = eqx.field(static=True, default=1000.0)
    capacity: float | Mapping[str, Any] = eqx.field(static=True, default=25.0)
    _capacity: Schedule = eqx.field(static=True, init=False)

    def __post_init__(self) -> None:
        number('objective "capacity"', "gamma", self.gamma, low=0, above=True)
        object.__setattr__(self, "_capacity", schedule(self.capacity, 'capacity of objective "capacity"'))

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Sample one code per example."""
        found = coded(model, model.prior.given(model), batch)
        mean = jnp.sum(found.kl * batch.weight) / batch.count()
        excess = jnp.broadcast_to(jnp.abs(mean - self._capacity.at(batch.step)), found.kl.shape)
        loss = found.reconstruction + self.gamma * excess
        return Terms(loss, found.reconstruction, found.kl, {"capacity": excess})

    def weights(self) -> dict[str, float]:
        """Reconstruction, and γ times the distance of the KL from C."""
        return {"reconstruction": 1.0, "capacity": float(self.gamma)}

    def check(self, model: Autoencoder) -> None:
        """Needs a posterior with a density and a prior."""
        needs_density(self, model)

    def settled(self, step: Array) -> Array:
        """Once C has reached its final value."""
        return self._capacity.settled(step)

    def length(self) -> int:
        """The length of C's schedule."""
        return self._capacity.length()
