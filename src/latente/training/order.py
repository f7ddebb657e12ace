"""A fast random permutation, for the order of an epoch."""

from __future__ import annotations

import jax.numpy as jnp
import jax.random as jr
from jax import Array

WORD = 32


def random_order(key: Array, n: int) -> Array:
    """Whole numbers below n in random order, shape (n,).

    They are sorted by random keys of at least 32 bits, as in `jax.random.permutation`, but one part of the key at a
    time, the lowest first (a radix sort): each part shares a word with the number itself, because on a CPU XLA sorts
    single words ten times faster than pairs.
    """
    low = max(n - 1, 1).bit_length()
    order = jnp.arange(n)
    for part in jr.split(key, -(-WORD // (WORD - low))):
        words = (jr.bits(part, (n,)) >> low << low) | jnp.arange(n, dtype=jnp.uint32)
        order = order[jnp.sort(words) & ((1 << low) - 1)]
    return order
