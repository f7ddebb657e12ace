"""KL(q ‖ p) for pairs of posterior and prior, in nats: in closed form, or estimated from one drawn code."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from latente.errors import SpecError
from latente.model.posteriors import Posterior
from latente.model.posteriors.full_gaussian import FullGaussian
from latente.model.posteriors.gaussian import DiagonalGaussian
from latente.model.posteriors.gumbel import GumbelSoftmax
from latente.model.posteriors.vmf import VonMisesFisher
from latente.model.priors import Prior
from latente.model.priors.normal import StandardNormal
from latente.model.priors.sphere import UniformSphere
from latente.model.priors.uniform_categorical import UniformCategorical

_CLOSED: dict[tuple[type[Posterior], type[Prior]], Callable[..., Array]] = {}


def closed_form(posterior: type[Posterior], prior: type[Prior]) -> Callable[[Any], Any]:
    """Decorator: register the function (posterior, prior, outputs) → vector of KLs as the KL of that pair.

    The vector has one entry per latent if the KL is a sum over latents, else a single one.
    """

    def add(function: Callable[..., Array]) -> Callable[..., Array]:
        _CLOSED[posterior, prior] = function
        return function

    return add


@closed_form(DiagonalGaussian, StandardNormal)
def _gaussian_standard_normal(posterior: DiagonalGaussian, prior: StandardNormal, outputs: Array) -> Array:
    """See `gaussian_kl`."""
    found: Array = gaussian_kl(*posterior.moments(outputs))
    return found


def gaussian_kl(mean: Any, log_var: Any) -> Any:
    """KL(N(μ, σ²) ‖ N(0, 1)) = ½ (μ² + σ² − 1 − log σ²) of each latent, in JAX or in NumPy (Kingma & Welling 2014,
    appendix B)."""
    exp = jnp.exp if isinstance(log_var, Array) else np.exp
    return 0.5 * (mean**2 + exp(log_var) - 1 - log_var)


def is_closed(posterior: Posterior, prior: Prior) -> bool:
    """Whether the pair's KL is known in closed form."""
    return (type(posterior), type(prior)) in _CLOSED


def kl(posterior: Posterior, prior: Prior, outputs: Array) -> Array:
    """KL(q(z | x) ‖ p(z)) of one example from the encoder's ``outputs``, in closed form; a scalar of at least zero.

    Raises:
        SpecError: no closed form is known for the pair.
    """
    return jnp.sum(kl_by_latent(posterior, prior, outputs))


def kl_by_latent(posterior: Posterior, prior: Prior, outputs: Array) -> Array:
    """`kl` for each latent, shape (latent_dim,), or (1,) if it is no sum over latents.

    Raises:
        SpecError: no closed form is known for the pair.
    """
    if not is_closed(posterior, prior):
        raise SpecError(
            f"no closed KL is known between {type(posterior).__name__} and {type(prior).__name__}; "
            "it is estimated from draws (rate)"
        )
    return _CLOSED[type(posterior), type(prior)](posterior, prior, outputs)


def rate(posterior: Posterior, prior: Prior, outputs: Array, z: Array, log_q: Array) -> Array:
    """KL(q(z | x) ‖ p(z)) of one example; a scalar.

    It is in closed form if there is one; else the unbiased estimate from one draw, log q(z | x) − log p(z), which may
    be negative.
    """
    if is_closed(posterior, prior):
        return kl(posterior, prior, outputs)
    return log_q - prior.log_prob(z)


@closed_form(FullGaussian, StandardNormal)
def _full_gaussian_standard_normal(posterior: FullGaussian, prior: StandardNormal, outputs: Array) -> Array:
    """½ (E z_i² − 1 − log L_ii²): by the chain rule, E KL(q(z_i | z_<i, x) ‖ N(0, 1)), so that no entry is negative."""
    second_moment, log_var = posterior.conditional(outputs)
    return 0.5 * (second_moment - 1 - log_var)


@closed_form(VonMisesFisher, UniformSphere)
def _von_mises_fisher_uniform(posterior: VonMisesFisher, prior: UniformSphere, outputs: Array) -> Array:
    """κ E[cos t] + log C(κ) + log area (Davidson et al. 2018, arXiv:1804.00891); shape (1,)."""
    return posterior.kl(outputs)[None]


@closed_form(GumbelSoftmax, UniformCategorical)
def _categorical_uniform(posterior: GumbelSoftmax, prior: UniformCategorical, outputs: Array) -> Array:
    """log K − H(π) for each latent: the KL of the categorical distributions, also for relaxed codes (Jang et al. 2017).

    Raises:
        SpecError: their numbers of classes differ.
    """
    if posterior.classes != prior.classes:
        raise SpecError(
            f'prior "uniform-categorical" has classes = {prior.classes}, and posterior "gumbel-softmax" '
            f"{posterior.classes}; give both the same"
        )
    log_pi = posterior.log_probabilities(outputs)
    return jnp.sum(jnp.exp(log_pi) * (log_pi + math.log(posterior.classes)), axis=-1)
