"""Batches filled up at their end, keys that belong to a place, and choices that a seed fixes."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente.errors import SpecError
from latente.evaluation.batching import MEMORY, batches, enough, filled, joined, subsample, widest
from latente.training.examples import Examples


def test_the_last_batch_is_filled_with_the_first_example():
    assert [(at, index.tolist()) for at, index in filled(5, 2)] == [(0, [0, 1]), (2, [2, 3]), (4, [4, 0])]


def test_an_examples_key_is_its_places_whatever_the_batch():
    examples = Examples(jnp.arange(5.0)[:, None])
    keys = {}
    for size in (2, 5):
        parts = [(batch.x, jr.key_data(key)) for _, batch, key in batches(examples, size, 3)]
        x, keys[size] = joined(parts, 5)
        assert x.ravel().tolist() == [0, 1, 2, 3, 4]
    assert np.array_equal(keys[2], keys[5]) and len(np.unique(keys[5], axis=0)) == 5
    others = next(key for _, _, key in batches(examples, 5, 4))
    assert not np.array_equal(jr.key_data(others), keys[5])


def test_what_a_batch_has_not_nothing_has():
    assert joined([(jnp.ones(2), None), (jnp.zeros(2), jnp.ones(2))], 3)[1] is None


def test_a_choice_is_in_order_and_its_seeds():
    assert subsample(4, 4, 0).tolist() == [0, 1, 2, 3]
    for permuted in (False, True):
        chosen = subsample(100, 10, 1, permuted=permuted)
        assert len(set(chosen)) == 10 and (np.diff(chosen) > 0).all() and chosen.max() < 100
        assert np.array_equal(chosen, subsample(100, 10, 1, permuted=permuted))
        assert not np.array_equal(chosen, subsample(100, 10, 2, permuted=permuted))


def test_the_widest_array_is_what_a_function_makes_and_no_weight():
    weights = jax.ShapeDtypeStruct((3, 50), jnp.float32)
    x = jax.ShapeDtypeStruct((3,), jnp.float32)
    assert widest(lambda w, x: (w.T @ x).sum(), (weights,), x) == 4 * 50


def test_memory_is_raised_to_one_code_only_where_nobody_gave_it():
    assert enough(MEMORY, 2 * MEMORY) == 2 * MEMORY and enough(MEMORY, 1) == MEMORY and enough(100, 50) == 100
    for wrong in (10, True, "all", float("nan")):
        with pytest.raises(SpecError, match="allowed: bytes, at least 50 for one code"):
            enough(wrong, 50)
