"""The interface of objectives: a `Batch` in, `Terms` out. All randomness comes from the batch's keys."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods import Likelihood, likelihoods
from latente.model.posteriors import Posterior, posteriors
from latente.model.priors import priors
from latente.objective.terms import Batch, Terms
from latente.registry import Registry

objectives: Registry[Objective] = Registry("objective")


class Objective(eqx.Module):
    """What training minimises: the mean of ``Terms.loss``.

    Attributes:
        classifies: whether it needs a model with a classifier, and labels.
        hides: whether it hides values, and so needs a model that takes missing ones.
        bound: whether its loss is an upper bound on −log p(x) with its default options, so that it may be compared in
            nats.
        least: the smallest batch: two examples if it compares them.
    """

    classifies: ClassVar[bool] = False
    hides: ClassVar[bool] = False
    bound: ClassVar[bool] = False
    least: ClassVar[int] = 1

    @abstractmethod
    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Terms of a batch, each of shape (n,)."""

    @abstractmethod
    def check(self, model: Autoencoder) -> None:
        """Refuse a model that does not go with this objective.

        Raises:
            SpecError: naming both sides and the reason.
        """

    def opponent(self, model: Autoencoder, *, key: Array) -> Opponent | None:
        """A network to train against the model, such as a discriminator, or None."""
        return None

    def after(self, model: Autoencoder, batch: Batch) -> Autoencoder:
        """The model after a step, with the updates that need no gradient (running averages, revived codes)."""
        return model

    def settled(self, step: Array) -> Array:
        """Whether the weights in the loss have reached their final values: before that, no epoch can be the best."""
        return jnp.asarray(True)

    def codes(self) -> int:
        """The number of codes of each example that a training step decodes."""
        return 1

    def length(self) -> int:
        """The number of steps of its schedule; 0 without one."""
        return 0

    def weights(self) -> dict[str, float] | None:
        """The final weight of each of its `Terms` in the loss, by name; a term that is absent has weight zero.

        None if the loss is no weighted sum, such as an importance-weighted bound. This alone decides how a loss is
        described, and with which others it is compared.
        """
        return None

    def is_bound(self) -> bool:
        """Whether its loss is an upper bound on −log p(x) with its own options."""
        return self.bound and (self.weights() or {}).get("kl", 1.0) == 1.0

    def by_example(self) -> bool:
        """Whether an example's loss depends on no other example and no opponent, so that losses may be paired."""
        return self.bound


class Opponent(eqx.Module):
    """A network trained against the model, such as a discriminator, with its own loss and Adam."""

    learning_rate: float = eqx.field(static=True, kw_only=True, default=1e-4)
    beta1: float = eqx.field(static=True, kw_only=True, default=0.5)
    beta2: float = eqx.field(static=True, kw_only=True, default=0.9)

    @abstractmethod
    def loss(self, model: Autoencoder, batch: Batch) -> Array:
        """The loss that it minimises; a scalar. The model is held fixed."""


def refuse(objective: Objective, part: object, reason: str) -> SpecError:
    """The error for parts that do not go together; ``part`` is the model's posterior, prior or likelihood."""
    family: Registry[Any] = priors
    if isinstance(part, Posterior | Likelihood):
        family = posteriors if isinstance(part, Posterior) else likelihoods
    return SpecError(f"{objectives.name_of(objective)} does not go with {family.name_of(part)}: {reason}")


def no_opponent(objective: Objective) -> SpecError:
    """The error for an objective that is called without its opponent."""
    name = objectives.name_of(objective)
    return SpecError(f"{name} needs its opponent: make one with objective.opponent(model, key=…)")


def needs_density(objective: Objective, model: Autoencoder) -> None:
    """Refuse a model without a posterior density or without a prior, which has no KL.

    Raises:
        SpecError: naming both sides.
    """
    if model.posterior.kind == "point":
        raise refuse(
            objective,
            model.posterior,
            'a point has no density, so its KL is infinite; take posterior "gaussian", or objective "reconstruction"',
        )
    if model.posterior.kind == "quantised":
        raise refuse(objective, model.posterior, 'its codes come from a codebook; take objective "vq"')
    if model.prior.space == "any":
        raise refuse(objective, model.prior, 'the KL needs a prior; take "standard-normal"')


class PointObjective(Objective):
    """An objective of deterministic autoencoders: each code is a point, and nothing matches the codes to a prior."""

    def by_example(self) -> bool:
        """Yes: no term depends on other examples."""
        return True

    def check(self, model: Autoencoder) -> None:
        """Needs a point posterior and no prior."""
        if model.posterior.kind != "point":
            raise refuse(
                self,
                model.posterior,
                'nothing would keep its variance from collapsing; take posterior "dirac", or objective "elbo"',
            )
        if model.prior.space != "any":
            raise refuse(self, model.prior, 'nothing would match the codes to it; take "none"')
