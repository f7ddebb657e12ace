"""KL(q ‖ p) for pairs of posterior and prior, in closed form; one example at a time, in nats."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.model.posteriors import DiagonalGaussian, Posterior
from latente.model.priors import Prior, StandardNormal


def _gaussian_standard_normal(posterior: DiagonalGaussian, outputs: Array) -> Array:
    """½ Σ (μ² + σ² − 1 − log σ²) (Kingma & Welling 2014, appendix B)."""
    mean, log_var = posterior.moments(outputs)
    return 0.5 * jnp.sum(mean**2 + jnp.exp(log_var) - 1 - log_var)


_CLOSED: dict[tuple[type[Posterior], type[Prior]], Callable[..., Array]] = {
    (DiagonalGaussian, StandardNormal): _gaussian_standard_normal,
}


def kl(posterior: Posterior, prior: Prior, outputs: Array) -> Array:
    """KL(q(z | x) ‖ p(z)) of one example from the encoder's ``outputs``; a scalar of at least zero.

    Raises:
        SpecError: no closed form is known for the pair.
    """
    pair = (type(posterior), type(prior))
    if pair not in _CLOSED:
        raise SpecError(f"no KL is known between posterior {pair[0].__name__} and prior {pair[1].__name__}")
    return _CLOSED[pair](posterior, outputs)
