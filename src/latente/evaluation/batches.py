"""Examples batch by batch, each with keys of its own: what is drawn for an example depends on its place alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.spec import check_seed
from latente.training.examples import Examples

JUDGED = 0x6E6C6C
"""Folded into a seed. The same for every evaluator, so that examples are binarised alike and numbers compare."""


def batches(examples: Examples, size: int, seed: int) -> Iterator[tuple[int, Examples, Array]]:
    """Where a batch begins, the batch, and a key for each of it; the last is filled up with the first example, so that
    one program serves all."""
    key = jr.fold_in(jr.key(check_seed(seed)), JUDGED)
    count = len(examples)
    for at in range(0, count, size):
        index = np.arange(at, at + size)
        keys = jax.vmap(lambda i: jr.fold_in(key, i))(jnp.asarray(index))
        yield at, examples.take(jnp.asarray(np.where(index < count, index, 0))), keys


def joined(parts: Sequence[Sequence[Array | None]], count: int) -> list[NDArray[Any] | None]:
    """What batches gave, one after the other and without the filling; None where a batch gave none."""
    columns = zip(*parts, strict=True)
    return [None if any(p is None for p in c) else np.concatenate([np.asarray(p) for p in c])[:count] for c in columns]
