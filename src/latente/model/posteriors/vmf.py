"""The von Mises–Fisher posterior: codes on the unit sphere."""

from __future__ import annotations

import math
from typing import ClassVar, Self

import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.nets import bounded
from latente.model.posteriors.base import Posterior, posteriors
from latente.model.posteriors.vmf_angle import draw_angle, kl_to_uniform, log_density

KAPPA_AT_ZERO = 10.0
LOG_KAPPA_BOUND = math.log(1e3)
"""A scaled tanh keeps log κ within ±log 1000 of log 10, so κ in (0.01, 10,000); an output of zero means κ = 10."""


@posteriors.register("von-mises-fisher", source="Davidson et al. 2018, arXiv:1804.00891; Wood 1994 (draws)")
class VonMisesFisher(Posterior):
    """The normal distribution of the unit sphere: the outputs are a direction, of any length, then log κ, bounded.

    For the last output r, κ = 10 · exp(b · tanh(r / b)) with b = log 1000; the outputs before it are divided by their
    length (below a length of 10⁻⁶ the first axis is used instead).

    Codes are unit vectors of R^latent_dim, latent_dim ≥ 2; densities are in nats with respect to the sphere's area.
    Draws have gradients of both parameters that are right in expectation: the angle to the mean by implicit
    reparametrisation (see `draw_angle`), the direction by the smallest rotation.
    """

    kind: ClassVar[str] = "density"
    space: ClassVar[str] = "sphere"
    evaluates: ClassVar[bool] = True

    def init(self, latent_dim: int, *, key: Array) -> Self:
        """The posterior itself, which learns nothing.

        Raises:
            SpecError: only one latent.
        """
        if latent_dim < 2:
            raise SpecError(
                f'posterior "von-mises-fisher": got latent_dim = {latent_dim}; allowed: at least 2, for its codes are '
                "unit vectors, and on a line there are only two of them"
            )
        return self

    def size(self, latent_dim: int) -> int:
        """One output for each coordinate of the direction, and one for κ."""
        return latent_dim + 1

    def parameters(self, outputs: Array) -> tuple[Array, Array]:
        """Mean direction, a unit vector of shape (latent_dim,), and concentration κ, a scalar."""
        raw = outputs[:-1]
        square = jnp.sum(raw**2)
        fine = square > 1e-12
        # A direction of length zero (for an example of zeros in a new network) becomes the first axis, gradient zero.
        first = jnp.zeros_like(raw).at[0].set(1.0)
        direction = jnp.where(fine, raw / jnp.sqrt(jnp.where(fine, square, 1.0)), first)
        return direction, KAPPA_AT_ZERO * jnp.exp(bounded(outputs[-1], LOG_KAPPA_BOUND))

    def mean(self, outputs: Array) -> Array:
        """The mean direction, also the mode; the mean itself lies inside the sphere and is no code."""
        return self.parameters(outputs)[0]

    def draw(self, outputs: Array, *, key: Array) -> tuple[Array, Array]:
        """cos t μ + sin t v with t the angle and v uniform among the unit vectors orthogonal to μ."""
        mean, kappa = self.parameters(outputs)
        for_angle, for_tangent = jr.split(key)
        angle = draw_angle(kappa, len(mean), key=for_angle)
        tangent = _orthogonal(jr.normal(for_tangent, mean.shape), jax.lax.stop_gradient(mean))
        return _at(mean, angle, tangent), log_density(kappa, 2 * jnp.sin(angle / 2) ** 2, len(mean))

    def log_prob(self, outputs: Array, z: Array) -> Array:
        """log C(κ) + κ μ·z at a unit vector z."""
        mean, kappa = self.parameters(outputs)
        # For unit vectors 1 − μ·z = ‖μ − z‖² / 2, which keeps its precision for large κ.
        return log_density(kappa, 0.5 * jnp.sum((mean - z) ** 2), len(mean))

    def kl(self, outputs: Array) -> Array:
        """KL to the uniform distribution on the sphere, nats; a scalar."""
        mean, kappa = self.parameters(outputs)
        return kl_to_uniform(kappa, len(mean))


@jax.custom_jvp
def _at(mean: Array, angle: Array, tangent: Array) -> Array:
    """The unit vector at an angle from the mean, towards the unit ``tangent`` orthogonal to it.

    When the mean moves, the vector turns by the rotation that takes the old mean to the new one and leaves everything
    orthogonal to both in place. A rotated draw is a draw from the rotated distribution, so the gradient of an
    expectation is right; and unlike a frame built at the mean (Davidson et al.'s reflection), it has no direction in
    which the gradient blows up.
    """
    return jnp.cos(angle) * mean + jnp.sin(angle) * tangent


@_at.defjvp
def _turned(values: tuple[Array, Array, Array], moves: tuple[Array, Array, Array]) -> tuple[Array, Array]:
    (mean, angle, tangent), (of_mean, of_angle, _) = values, moves
    z = _at(mean, angle, tangent)
    rotated = of_mean * jnp.cos(angle) - mean * jnp.dot(of_mean, z)
    return z, rotated + of_angle * (jnp.cos(angle) * tangent - jnp.sin(angle) * mean)


def _orthogonal(noise: Array, mean: Array) -> Array:
    """The noise made orthogonal to the mean and of unit length; done twice to remove rounding errors of the first."""
    for _ in range(2):
        noise = noise - jnp.dot(noise, mean) * mean
        noise = noise / jnp.sqrt(jnp.sum(noise**2))
    return noise
