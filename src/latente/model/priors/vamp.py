"""The VampPrior: a mixture of the model's own posteriors at learnt pseudo-inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.coder import Coder
from latente.model.likelihoods import Likelihood
from latente.model.options import choice, whole
from latente.model.posteriors import Posterior
from latente.model.priors.base import Prior, priors
from latente.registry import learnt

STARTS = ("data", "random")
EDGE = 0.01
"""Examples are clipped to 0.01 … 0.99 before their logit is taken, so that gradients still move it."""
REPEATED = 0.1
"""Standard deviation of the noise on an example that starts several pseudo-inputs, which would otherwise stay equal."""


class PosteriorMixture(Prior):
    """The mean of a posterior's densities at given encoder outputs, shape (n, size): Σ_k q(z | u_k) / n."""

    posterior: Posterior
    outputs: Array

    def log_prob(self, z: Array) -> Array:
        """log Σ_k q(z | u_k) − log n."""
        log_q = jax.vmap(lambda outputs: self.posterior.log_prob(outputs, z))(self.outputs)
        return jax.nn.logsumexp(log_q) - math.log(len(self.outputs))

    def sample(self, code_size: int, *, key: Array) -> Array:
        """A draw from the posterior at one of the inputs, all equally likely."""
        chosen, noise = jr.split(key)
        k = jr.randint(chosen, (), 0, len(self.outputs))
        return self.posterior.sample(self.outputs[k], key=noise)


@priors.register("vamp", source="Tomczak & Welling 2018, arXiv:1705.07120")
class Vamp(Prior):
    """(1 / K) Σ_k q(z | u_k): the posterior at K learnt ``pseudo_inputs`` u, averaged.

    ``start_from`` "data": they start as training examples (repeated, with a little noise, if there are fewer than K);
    "random": as standard normal draws. They lie in the space of the encoder's inputs (`Likelihood.features`), through a
    sigmoid if those are values in [0, 1]; with missing values, the mask of each stays as it started (with "random",
    nothing is missing).

    The density needs the encoder: `given` evaluates it once for a batch.
    """

    pseudo_inputs: int = eqx.field(static=True, default=500)
    start_from: str = eqx.field(static=True, default="data")
    inputs: Array | None = learnt()  # (pseudo_inputs, *features), before the sigmoid

    conditional: ClassVar[bool] = False

    def __check_init__(self) -> None:
        whole('prior "vamp"', "pseudo_inputs", self.pseudo_inputs)
        choice('prior "vamp"', "start_from", self.start_from, STARTS)

    def init(self, code_size: int, features: tuple[int, ...], *, key: Array) -> Self:
        """Standard normal pseudo-inputs."""
        return replace(self, inputs=jr.normal(key, (self.pseudo_inputs, *features)))

    def unsupported(self, posterior: Posterior) -> str | None:
        """The posterior's density must be known at codes that it did not draw."""
        if posterior.evaluates:
            return None
        return (
            'it needs q(z | u) at any code, and this posterior knows no density there; take posterior "gaussian", or '
            'prior "standard-normal"'
        )

    def start(self, model: Coder, examples: Callable[[], Array], *, key: Array) -> Self:
        """With training examples as pseudo-inputs, if it starts from data."""
        assert self.inputs is not None  # filled in by init
        if self.start_from == "random":
            complete = self.inputs if not model.missing else self.inputs.at[:, -_values(model) :].set(1.0)
            return replace(self, inputs=complete)
        order, noise = jr.split(key)
        sample = examples()
        index = jnp.arange(self.pseudo_inputs)
        chosen = jr.permutation(order, len(sample))[index % len(sample)]
        features = jax.vmap(model.features)(sample[chosen])
        content, mask = _parts(model, features)
        if _squashed(model.likelihood):
            inside = jnp.clip(content, EDGE, 1 - EDGE)
            content = jnp.log(inside / (1 - inside))
        repeated = (index >= len(sample)).astype(content.dtype).reshape(-1, *(1,) * (content.ndim - 1))
        content = content + repeated * REPEATED * jr.normal(noise, content.shape)
        return replace(self, inputs=_joined(content, mask))

    def given(self, model: Coder) -> PosteriorMixture:
        """The mixture of the model's posteriors at the pseudo-inputs; gradients reach both them and the encoder."""
        return PosteriorMixture(model.posterior, jax.vmap(model.encoder)(self.encoder_inputs(model)))

    def encoder_inputs(self, model: Coder) -> Array:
        """The pseudo-inputs as the encoder sees them, shape (pseudo_inputs, *features)."""
        assert self.inputs is not None
        content, mask = _parts(model, self.inputs)
        content = jax.nn.sigmoid(content) if _squashed(model.likelihood) else content
        return _joined(content, None if mask is None else jax.lax.stop_gradient(mask))

    def log_prob(self, z: Array) -> Array:
        """Not available without the encoder."""
        raise SpecError('prior "vamp" has a density only beside its encoder; take prior.given(model).log_prob')

    def sample(self, code_size: int, *, key: Array) -> Array:
        """Not available without the encoder."""
        raise SpecError('prior "vamp" gives codes only beside its encoder; take prior.given(model).sample')


def _squashed(likelihood: Likelihood) -> bool:
    """Whether the encoder sees the example itself, and its values lie in [0, 1]."""
    return likelihood.support == (0.0, 1.0) and type(likelihood).features is Likelihood.features


def _values(model: Coder) -> int:
    return math.prod(model.shape)


def _parts(model: Coder, features: Array) -> tuple[Array, Array | None]:
    """The features of the examples, and the mask of observed values, or None if nothing may be missing."""
    if not model.missing:
        return features, None
    return features[:, : -_values(model)], features[:, -_values(model) :]


def _joined(content: Array, mask: Array | None) -> Array:
    return content if mask is None else jnp.concatenate([content, mask], axis=1)
