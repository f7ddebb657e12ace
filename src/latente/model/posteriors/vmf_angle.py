"""The angle between a von Mises–Fisher code and its mean direction: normaliser, moments and draws, stable in float32.

In R^d, d ≥ 2, with concentration κ > 0, the angle t in [0, π] has a density proportional to e^(κ cos t) sin^(d−2) t.
Its integrals are Gauss–Legendre sums over the window where that density is not negligible. No integrand changes sign,
so nothing cancels as differences of Bessel functions would, and the sums' derivatives are as accurate as the sums.
"""

from __future__ import annotations

import math
from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(64)
POINTS, WEIGHTS = ((1 + _POINTS) / 2).astype(np.float32), (_WEIGHTS / 2).astype(np.float32)
"""Nodes on [0, 1]."""

REACH = 12.0
"""Half the window, in standard deviations of the normal with the density's curvature at its mode."""

TRIES = 100
"""The most proposals before the last is taken as it is. About two in three are accepted, so this is never reached."""


def log_area(dim: int) -> float:
    """The log of the area of the unit sphere in R^dim, 2 π^(d/2) / Γ(d/2)."""
    return math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)


def log_moment(kappa: Array, dim: int) -> Array:
    """log E[e^(κ cos t)] − κ with t the angle of a uniform direction; accurate to about 1e-6 for κ in 1e-2 … 1e4.

    In terms of Bessel functions: log Γ(d/2) + (1 − d/2) log(κ/2) + log I_(d/2−1)(κ) − κ.
    """
    half_beta = 0.5 * math.log(math.pi) + math.lgamma((dim - 1) / 2) - math.lgamma(dim / 2)
    return jax.nn.logsumexp(_measure(kappa, dim)[1]) - half_beta


def log_density(kappa: Array, versine: Array, dim: int) -> Array:
    """Log-density, on the sphere, of a direction with 1 − cos t = ``versine``; nats."""
    return -log_area(dim) - log_moment(kappa, dim) - kappa * versine


def resultant(kappa: Array, dim: int) -> Array:
    """E[cos t] = I_(d/2)(κ) / I_(d/2−1)(κ) = κ E[sin² t] / (d − 1), by parts: relatively exact also for small κ."""
    t, log_weights = _measure(kappa, dim)
    return kappa / (dim - 1) * jnp.sum(jax.nn.softmax(log_weights) * jnp.sin(t) ** 2)


def shortfall(kappa: Array, dim: int) -> Array:
    """1 − E[cos t] = E[2 sin²(t/2)]: relatively exact also for large κ."""
    t, log_weights = _measure(kappa, dim)
    return jnp.sum(jax.nn.softmax(log_weights) * _versine(t))


def kl_to_uniform(kappa: Array, dim: int) -> Array:
    """KL(vMF(μ, κ) ‖ uniform) = κ E[cos t] − log E_uniform[e^(κ cos t)], nats (Davidson et al. 2018)."""
    large = -kappa * shortfall(kappa, dim) - log_moment(kappa, dim)
    # Below √d both terms are small, and the moment is a short series of positive terms, (κ²/4)^k / (k! (d/2)_k).
    small = jnp.minimum(kappa, math.sqrt(dim))
    term, excess = jnp.ones_like(small), jnp.zeros_like(small)
    for k in range(1, 10):
        term = term * small**2 / (4 * k * (dim / 2 + k - 1))
        excess = excess + term
    return jnp.where(kappa < math.sqrt(dim), small * resultant(small, dim) - jnp.log1p(excess), large)


def draw_angle(kappa: Array, dim: int, *, key: Array) -> Array:
    """One angle, differentiable in κ: Ulrich's rejection sampler as corrected by Wood 1994.

    The proposal is the angle φ of a uniform direction after tan(t/2) = √b tan(φ/2). A draw t moves with κ so that its
    quantile stays the same (implicit reparametrisation, Figurnov et al. 2018, arXiv:1805.08498); rejection then needs
    no correction term.
    """
    kappa = jnp.asarray(kappa)
    fixed = jax.lax.stop_gradient(kappa)
    b = (dim - 1) / (2 * fixed + jnp.sqrt(4 * fixed**2 + (dim - 1) ** 2))
    x0 = (1 - b) / (1 + b)

    def propose(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        tries = state[0]
        direction, chance = jr.split(jr.fold_in(key, tries))
        noise = jr.normal(direction, (dim,))
        # (1 − cos φ) and (1 + cos φ), up to a factor, the smaller without cancellation.
        rest = jnp.sum(noise[1:] ** 2)
        large = jnp.sqrt(rest + noise[0] ** 2) + jnp.abs(noise[0])
        less, more = jnp.where(noise[0] > 0, jnp.stack([rest / large, large]), jnp.stack([large, rest / large]))
        rho = less / more
        # With y = 1 − cos t and y₀ = 1 − x₀: y = 2bρ / (1 + bρ), and y / y₀ as below.
        y0, relative = 2 * b / (1 + b), rho * (1 + b) / (1 + b * rho)
        log_accept = fixed * y0 * (1 - relative) + (dim - 1) * jnp.log((1 + x0 * relative) / (1 + x0))
        accepted = jnp.log(jr.uniform(chance, minval=1e-30)) <= log_accept
        return tries + 1, accepted, 2 * jnp.arctan2(jnp.sqrt(b * less), jnp.sqrt(more))

    def go_on(state: tuple[Array, Array, Array]) -> Array:
        return ~state[1] & (state[0] < TRIES)

    angle = jax.lax.while_loop(go_on, propose, (jnp.int32(0), jnp.asarray(False), jnp.zeros_like(fixed)))[2]
    return _at_its_quantile(angle, kappa, dim)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _at_its_quantile(angle: Array, kappa: Array, dim: int) -> Array:
    return angle


@_at_its_quantile.defjvp
def _moved(dim: int, values: tuple[Array, Array], moves: tuple[Array, Array]) -> tuple[Array, Array]:
    return values[0], moves[0] + angle_slope(*values, dim) * moves[1]


def angle_slope(angle: Array, kappa: Array, dim: int) -> Array:
    """∂t/∂κ at a fixed quantile, −(∂F/∂κ) / f = −∫₀ᵗ (cos s − E cos) f(s) ds / f(t); always below zero.

    The integral can be taken from 0 to t or from t to π; here it is the one whose integrand does not change sign.
    """
    short = shortfall(kappa, dim)
    left = _versine(angle) < short
    reach = REACH * _mode(kappa, dim)[1]
    end = jnp.where(left, jnp.maximum(angle - reach, 0), jnp.minimum(angle + reach, math.pi))
    s = angle + (end - angle) * POINTS
    log_ratio = kappa * 2 * jnp.sin((s + angle) / 2) * jnp.sin((angle - s) / 2)
    log_ratio = log_ratio + _log_sines(s, dim) - _log_sines(angle, dim)
    above = jnp.where(left, 1, -1) * (short - _versine(s))
    return -jnp.abs(end - angle) * jnp.sum(WEIGHTS * above * jnp.exp(log_ratio))


def _measure(kappa: Array, dim: int) -> tuple[Array, Array]:
    """Angles in the window, and the log of weight times e^(κ (cos t − 1)) sin^(d−2) t at each."""
    mode, width = _mode(jax.lax.stop_gradient(kappa), dim)
    low, high = jnp.maximum(mode - REACH * width, 0), jnp.minimum(mode + REACH * width, math.pi)
    t = low + (high - low) * POINTS
    return t, jnp.log(WEIGHTS * (high - low)) - kappa * _versine(t) + _log_sines(t, dim)


def _mode(kappa: Array, dim: int) -> tuple[Array, Array]:
    """The maximum of κ cos t + (d − 2) log sin t, and (−its second derivative there)^−½ (for d = 2 times √½)."""
    cosine = 2 * kappa / (dim - 2 + jnp.sqrt((dim - 2) ** 2 + 4 * kappa**2))
    return jnp.arctan2(jnp.sqrt((dim - 2) * cosine / kappa), cosine), 1 / jnp.sqrt(kappa * cosine + kappa / cosine)


def _versine(t: Array) -> Array:
    """1 − cos t."""
    return 2 * jnp.sin(t / 2) ** 2


def _log_sines(t: Array, dim: int) -> Array:
    # float32's π is a little above π.
    return (dim - 2) * jnp.log(jnp.maximum(jnp.sin(t), 1e-30)) if dim > 2 else jnp.zeros_like(t)
