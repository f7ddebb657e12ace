"""Coder: what a prior may use of the model that it is part of, without importing how models are built."""

from __future__ import annotations

from typing import Protocol

from jax import Array

from latente.model.likelihoods import Likelihood
from latente.model.networks.base import Net
from latente.model.posteriors import Posterior


class Coder(Protocol):
    """A map from examples to codes: an encoder and what its outputs mean. `Autoencoder` is one.

    Attributes:
        shape: of an example.
        latent_dim: the number of latents.
        missing: whether values may be NaN, so that the encoder gets a mask too.
    """

    @property
    def encoder(self) -> Net: ...  # noqa: D102
    @property
    def posterior(self) -> Posterior: ...  # noqa: D102
    @property
    def likelihood(self) -> Likelihood: ...  # noqa: D102
    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def latent_dim(self) -> int: ...  # noqa: D102
    @property
    def missing(self) -> bool: ...  # noqa: D102

    def features(self, x: Array) -> Array:
        """What the encoder sees of one example."""
        ...
