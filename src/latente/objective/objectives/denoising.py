"""The denoising autoencoder, which encodes corrupted examples and is scored on the clean ones."""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.options import choice, number
from latente.objective.objectives.base import Opponent, PointObjective, objectives, refuse
from latente.objective.terms import Batch, Terms

NOISES = ("gaussian", "masking", "salt-and-pepper")


@objectives.register("denoising", source="Vincent et al. 2008, ICML; Vincent et al. 2010, JMLR 11")
class Denoising(PointObjective):
    """−log p(x | z) of the clean example, with the code of a corrupted copy.

    ``noise`` is "masking" (a share ``level`` of the values is set to 0, or to missing if the model takes missing
    values), "salt-and-pepper" (a share ``level`` is set to ``low`` or ``high``, with equal chance), or "gaussian"
    (normal noise with standard deviation ``level``, in model values). The copy is corrupted anew at each use, and
    missing values stay missing. Validation and evaluation use the noise too; codes and reconstructions of a trained
    model are those of the uncorrupted examples.
    """

    noise: str = eqx.field(static=True, default="masking")
    level: float = eqx.field(static=True, default=0.25)
    low: float = eqx.field(static=True, default=0.0)
    high: float = eqx.field(static=True, default=1.0)

    def __check_init__(self) -> None:
        part = 'objective "denoising"'
        choice(part, "noise", self.noise, NOISES)
        share = self.noise != "gaussian"
        number(part, "level", self.level, low=0, above=True, high=1 if share else math.inf, below=share)
        number(part, "low", self.low)
        number(part, "high", self.high)
        if self.low >= self.high:
            raise SpecError(f"{part}: got low = {self.low:g} and high = {self.high:g}; allowed: low below high")

    def corrupted(self, x: Array, *, missing: bool = False, key: Array) -> Array:
        """A corrupted copy of one example; ``missing`` says whether masked values become NaN."""
        chosen, value = jr.split(key)
        if self.noise == "gaussian":
            return x + self.level * jr.normal(value, x.shape)
        hit = jr.bernoulli(chosen, self.level, x.shape)
        if self.noise == "masking":
            new = jnp.full_like(x, jnp.nan if missing else 0)
        else:
            new = jnp.where(jr.bernoulli(value, 0.5, x.shape), self.high, self.low).astype(x.dtype)
        return jnp.where(hit & ~jnp.isnan(x), new, x)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Decode the code of each example's corrupted copy."""

        def one(x: Array, context: Array | None, key: Array) -> Array:
            noisy = self.corrupted(x, missing=model.missing, key=key)
            return -model.log_prob(model.code(noisy, context), x, context)

        reconstruction = jax.vmap(one)(batch.x, batch.context, batch.keys)
        return Terms(reconstruction, reconstruction, jnp.zeros_like(reconstruction))

    def weights(self) -> dict[str, float]:
        """Reconstruction alone, from a corrupted copy."""
        return {"reconstruction": 1.0}

    def check(self, model: Autoencoder) -> None:
        """Needs a point posterior, no prior, and values to which this noise applies."""
        super().check(model)
        likelihood = model.likelihood
        if self.noise == "masking" and model.missing:
            return
        if likelihood.features_shape(model.shape) != model.shape:
            raise refuse(
                self,
                likelihood,
                f'noise = "{self.noise}" does not apply to values that the encoder sees in another form; '
                'take noise = "masking" and missing = true',
            )
        if not likelihood.same_support:
            raise refuse(
                self,
                likelihood,
                f'noise = "{self.noise}" is one for all columns, and they differ in kind and unit; '
                'take noise = "masking" and missing = true',
            )
        if self.noise == "gaussian" and likelihood.whole:
            raise refuse(
                self, likelihood, 'noise = "gaussian" makes no whole numbers; take "masking" or "salt-and-pepper"'
            )
        lowest, highest = likelihood.support
        if self.noise == "salt-and-pepper" and (self.low < lowest or self.high > highest):
            raise refuse(
                self, likelihood, f"low = {self.low:g} and high = {self.high:g} leave its {lowest:g} to {highest:g}"
            )
