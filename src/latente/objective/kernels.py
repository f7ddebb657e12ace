"""Kernels on codes, and the squared maximum mean discrepancy of two weighted samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.model.options import choice

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""The kernels' bandwidths, as multiples of the typical squared distance (Tolstikhin et al. 2018)."""

KERNELS: dict[str, Callable[[Array, float], Array]] = {
    "imq": lambda squared, bandwidth: bandwidth / (bandwidth + squared),
    "rbf": lambda squared, bandwidth: jnp.exp(-squared / bandwidth),
}
"""Functions of a squared distance r² and a bandwidth h, by name: the inverse multiquadric h / (h + r²) and the Gaussian
exp(−r² / h)."""


@dataclass(frozen=True)
class Kernel:
    """A sum of one kernel over several bandwidths: k(a, b) = Σ_s k_h(‖a − b‖²) with h = s · ``typical``.

    Attributes:
        name: "imq" or "rbf" (see `KERNELS`).
        typical: the squared distance of which the scales are multiples.
        scales: the multiples s; with several, both near and distant codes matter.
    """

    name: str
    typical: float
    scales: tuple[float, ...] = SCALES

    def of_squared(self, squared: Array) -> Array:
        """The kernel at squared distances of any shape."""
        form = KERNELS[self.name]
        total = form(squared, self.scales[0] * self.typical)
        for scale in self.scales[1:]:
            total = total + form(squared, scale * self.typical)
        return total

    def between(self, a: Array, b: Array) -> Array:
        """k of every pair, shape (n, m), for codes of shape (n, d) and (m, d).

        It is computed from differences rather than inner products, so that close codes lose no precision.
        """
        return self.of_squared(jnp.sum((a[:, None] - b[None]) ** 2, axis=-1))


def check_kernel(part: str, name: Any, scales: Any) -> None:
    """Refuse an unknown kernel, or scales that are not numbers above zero.

    Raises:
        SpecError: naming the ``part``, what was given and what is allowed.
    """
    choice(part, "kernel", name, [*KERNELS])
    fine = isinstance(scales, tuple) and len(scales) > 0
    if not fine or any(isinstance(s, bool) or not isinstance(s, int | float) or not 0 < s < math.inf for s in scales):
        raise SpecError(f"{part}: got scales = {scales!r}; allowed: a list of at least one number above 0")


def squared_mmd(kernel: Kernel, a: Array, b: Array, weight_a: Array, weight_b: Array) -> Array:
    """MMD² of two samples: the U-statistic of Gretton et al. 2012 (JMLR 13), which is unbiased and so may be negative;
    a scalar.

    It is E k(a, a′) + E k(b, b′) − 2 E k(a, b), without pairs of an element with itself.

    Args:
        kernel: k.
        a, b: the samples, shape (n, d) and (m, d).
        weight_a, weight_b: of their elements, shape (n,) and (m,); elements of weight zero are ignored. A sample with
            a single element of positive weight has no U-statistic: the result is then zero.
    """
    inner_a, pairs_a = _within(kernel, a, weight_a)
    inner_b, pairs_b = _within(kernel, b, weight_b)
    across = weight_a @ kernel.between(a, b) @ weight_b
    both = jnp.sum(weight_a) * jnp.sum(weight_b)
    enough = (pairs_a > 0) & (pairs_b > 0)
    found = inner_a / _safe(pairs_a) + inner_b / _safe(pairs_b) - 2 * across / _safe(both)
    return jnp.where(enough, found, 0.0)


def _within(kernel: Kernel, a: Array, weight: Array) -> tuple[Array, Array]:
    """The weighted sum of k over pairs of different elements, and the sum of their weights."""
    pairs = weight[:, None] * weight[None] * (1 - jnp.eye(len(a)))
    return jnp.sum(pairs * kernel.between(a, a)), jnp.sum(pairs)


def _safe(value: Array) -> Array:
    return jnp.where(value > 0, value, 1.0)
