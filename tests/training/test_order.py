"""Random orders: every one as likely as any other, and sorted by the keys that were drawn."""

import itertools

import jax
import jax.random as jr
import numpy as np
import pytest
from scipy.stats import chisquare

from latente.training.order import random_order


def test_every_order_is_as_likely():
    drawn = np.asarray(jax.jit(jax.vmap(lambda k: random_order(k, 4)))(jr.split(jr.key(0), 24_000)))
    orders = {order: i for i, order in enumerate(itertools.permutations(range(4)))}
    counts = np.bincount([orders[tuple(o)] for o in drawn.tolist()], minlength=24)
    assert chisquare(counts).pvalue > 0.01


@pytest.mark.parametrize("n", [1, 2, 3, 1000, 65_536, 65_537])
def test_it_is_a_sort_by_random_keys(n):
    low = max(n - 1, 1).bit_length()
    parts = jr.split(jr.key(n), 2 if low <= 16 else 3)
    keys = [np.asarray(jr.bits(part, (n,))) >> low for part in parts]
    # Each part belongs to a place of the order before it, not to a number.
    expected = np.arange(n)
    for part in keys:
        expected = expected[np.argsort(part, kind="stable")]
    assert np.array_equal(random_order(jr.key(n), n), expected)
    assert np.array_equal(np.sort(expected), np.arange(n))


def test_neighbours_are_as_far_apart_as_in_a_random_order():
    n = 50_000
    order = np.asarray(random_order(jr.key(3), n)).astype(float)
    # Mean of |a − b| is (n + 1) / 3; its standard error over n neighbours is some 0.24 n / √n.
    assert abs(np.abs(np.diff(order)).mean() - (n + 1) / 3) < 4 * 0.24 * np.sqrt(n)
    assert abs(np.corrcoef(order, np.arange(n))[0, 1]) < 4 / np.sqrt(n)
